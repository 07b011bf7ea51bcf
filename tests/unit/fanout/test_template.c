/* From a request's values to the question that a service is asked. */
#include "../page.h"

#include "fanout/plan.h"

static const struct bff_plan plans[] = { {
    .name = "feed",
    .route = "GET /v1/posts/{id}",
    .query = { { .name = "limit" }, { .name = "cursor" } },
    .calls = {
        { .as = "profile", .from = "profiles", .get = "/v1/users/{claims.sub}" },
        { .as = "posts", .from = "profiles",
            .get = "/t?limit={query.limit}&x=1&cursor={query.cursor}" },
        { .as = "ads", .from = "profiles",
            .get = "/slots?segment={profile.segment|all}&lang={claims.locale|en}" },
        { .as = "stats", .from = "profiles", .get = "/stats?ids={posts.items[*].id}" },
        { .as = "viewed", .from = "profiles", .post = "/e/{path.id}", .is_detached = 1,
            .body = "{\"u\": {claims.sub}, \"ids\":{posts.items[*].id},\"n\":{profile.n}}" },
        { .as = "team", .from = "profiles", .get = "/teams/{profile.team|none}/x" },
        { .as = "file", .from = "profiles", .get = "/files/{profile.name}{profile.end}/x?d=/../" },
    },
} };

static struct settings_service services[] = { { .name = "profiles" } };
static struct page page;
static struct named claims[] = { { STR("sub"), STR("u/1?") } };
static struct named path[] = { { STR("id"), STR("7") } };

static void open_page(void)
{
    page_open(&page, plans, 1);
    page.settings.services = services;
    page.settings.services_count = 1;
    page.core.plans = plans_compile(&page.client, &page.settings, &page.core.arena, &page.faults);
    cr_assert_eq(page.faults.count, 0, "%s", page.faults.count ? page.faults.list[0].text : "");
    struct request *request = &page.request;
    request->identity = (struct identity){ .claims = claims, .claims_count = 1 };
    request->routed = (struct routed){ .path_values = path, .path_values_count = 1 };
    request->fanned.calls = arena_zalloc(&request->arena, 7, sizeof(struct call));
    request->fanned.calls_count = 7;
}

static void close_page(void)
{
    page_close(&page);
}

TestSuite(template, .init = open_page, .fini = close_page);

static void answer(size_t index, const char *body)
{
    struct call *call = &page.request.fanned.calls[index];
    struct buf *text = arena_zalloc(&page.request.arena, 1, sizeof(*text));
    buf_init(text, 10000);
    buf_append_str(text, str_of(body));
    const char *why = scan(
        page.core.plans[0].calls[index].want, buf_str(text), &page.request.arena, &call->values);
    cr_assert_null(why, "%s", why);
    call->state = CALL_LIVE;
    arena_defer(&page.request.arena, (void (*)(void *))buf_release, text);
}

/* The text, or "MISSING". */
static const char *render(const struct template *template)
{
    struct buf out;
    buf_init(&out, 4096);
    const char *why = template_render(template, &page.request, &out);
    char *text = arena_cstr(&page.request.arena, buf_str(&out));
    buf_release(&out);
    return why ? "MISSING" : text;
}

static const char *target(size_t index)
{
    return render(&page.core.plans[0].calls[index].target);
}

Test(template, values_are_encoded_so_that_they_stay_in_their_place)
{
    cr_assert_str_eq(target(0), "/v1/users/u%2F1%3F");
}

Test(template, a_path_never_climbs)
{
    const char *const climbing[] = { ".", "..", "" };
    for (size_t i = 0; i < countof(climbing); i++) {
        struct named sub = { STR("sub"), str_of(climbing[i]) };
        page.request.identity.claims = &sub;
        cr_assert_str_eq(target(0), "MISSING");
    }
    struct named sub = { STR("sub"), STR("../admin") };
    page.request.identity.claims = &sub;
    cr_assert_str_eq(target(0), "/v1/users/..%2Fadmin");
}

Test(template, a_path_does_not_climb_by_what_a_service_says_either)
{
    enum { PROFILE = 0, TEAM = 5, FILE_ = 6 };
    answer(PROFILE, "{\"team\":\"..\",\"name\":\".\",\"end\":\".\"}");
    cr_assert_str_eq(target(TEAM), "/teams/none/x");
    cr_assert_str_eq(target(FILE_), "MISSING");
    answer(PROFILE, "{\"team\":\"\",\"name\":\".\",\"end\":\"txt\"}");
    cr_assert_str_eq(target(TEAM), "/teams/none/x");
    cr_assert_str_eq(target(FILE_), "MISSING");
    answer(PROFILE, "{\"team\":\"..a\",\"name\":\"x.\",\"end\":\"txt\"}");
    cr_assert_str_eq(target(TEAM), "/teams/..a/x");
    cr_assert_str_eq(target(FILE_), "/files/x.txt/x?d=/../");
}

Test(template, a_query_pair_without_its_value_is_left_out)
{
    struct str *values = page.request.routed.query_values;
    cr_assert_str_eq(target(1), "/t?x=1");
    values[0] = STR("20");
    cr_assert_str_eq(target(1), "/t?limit=20&x=1");
    values[1] = STR("a&b");
    cr_assert_str_eq(target(1), "/t?limit=20&x=1&cursor=a%26b");
}

Test(template, what_stands_behind_the_bar_is_used_when_the_value_is_missing)
{
    cr_assert_str_eq(target(2), "/slots?segment=all&lang=en");
    answer(0, "{\"segment\":\"a\\u00e9\\n\"}");
    cr_assert_str_eq(target(2), "/slots?segment=a%C3%A9%0A&lang=en");
    answer(0, "{\"segment\":null}");
    cr_assert_str_eq(target(2), "/slots?segment=all&lang=en");
}

Test(template, a_list_becomes_its_distinct_values)
{
    cr_assert_str_eq(target(3), "MISSING");
    answer(1, "{\"items\":[{\"id\":9223372036854775807},{\"id\":2},{},{\"id\":null},{\"id\":2},{"
              "\"id\":\"x,y\"}]}");
    cr_assert_str_eq(target(3), "/stats?ids=9223372036854775807,2,x%2Cy");
    answer(1, "{\"items\":[]}");
    cr_assert_str_eq(target(3), "MISSING");
}

Test(template, a_list_is_capped)
{
    struct buf body;
    buf_init(&body, 100000);
    buf_append_str(&body, STR("{\"items\":["));
    for (int i = 0; i < 1000; i++) {
        buf_printf(&body, "%s{\"id\":%d}", i ? "," : "", i);
    }
    buf_append_str(&body, STR("]}"));
    struct call *call = &page.request.fanned.calls[1];
    cr_assert_null(
        scan(page.core.plans[0].calls[1].want, buf_str(&body), &page.request.arena, &call->values));
    call->state = CALL_LIVE;
    const char *text = target(3);
    int commas = 0;
    for (const char *at = text; *at; at++) {
        commas += *at == ',';
    }
    cr_assert_eq(commas, TEMPLATE_LIST_MAX - 1);
    buf_release(&body);
}

Test(template, a_body_takes_whole_json_values)
{
    answer(0, "{\"n\":1.50}");
    answer(1, "{\"items\":[{\"id\":1},{\"id\":\"a\\\"b\"}]}");
    cr_assert_str_eq(target(4), "/e/7");
    cr_assert_str_eq(render(&page.core.plans[0].calls[4].body),
        "{\"u\": \"u/1?\", \"ids\":[1,\"a\\\"b\"],\"n\":1.50}");
}

Test(template, names_order_the_calls)
{
    const struct plan_call *calls = page.core.plans[0].calls;
    cr_assert_eq(calls[0].waits_for, 0);
    cr_assert_eq(calls[2].waits_for, 1);
    cr_assert_eq(calls[3].waits_for, 2);
    cr_assert_eq(calls[4].waits_for, 3);
}

Test(template, what_cannot_work_is_found_at_boot_with_a_suggestion)
{
    static const struct bff_plan wrong[] = {
        { .name = "a",
            .route = "GET /a",
            .calls = { { .as = "x", .from = "profilez", .get = "/" } } },
        { .name = "b",
            .route = "GET /b",
            .calls = { { .as = "x", .from = "profiles", .get = "/{posst.id}" },
                { .as = "posts", .from = "profiles", .get = "/" } } },
        { .name = "c",
            .route = "GET /c",
            .calls = { { .as = "x", .from = "profiles", .get = "/{y.id}" },
                { .as = "y", .from = "profiles", .get = "/{x.id}" } } },
        { .name = "d",
            .route = "GET /d",
            .calls = { { .as = "x", .from = "profiles", .get = "/{query.limit}" } } },
        { .name = "e",
            .route = "GET /e",
            .calls = { { .as = "x", .from = "profiles", .get = "/{path.id}" } } },
        { .name = "f",
            .route = "GET /f",
            .calls = { { .as = "x", .from = "profiles", .get = "x" } } },
        { .name = "g", .route = "GET /g", .calls = { { .as = "x", .from = "profiles" } } },
        { .name = "h",
            .route = "GET /h",
            .calls = { { .as = "x", .from = "profiles", .get = "/", .post = "/" } } },
        { .name = "i",
            .route = "GET /i",
            .calls = { { .as = "x", .from = "profiles", .get = "/{claims.sub" } } },
        { .name = "j",
            .route = "GET /j",
            .budget_ms = 100,
            .calls = { { .as = "x", .from = "profiles", .get = "/", .timeout_ms = 200 } } },
        { .name = "k", .route = "GET /k" },
        { .name = "l",
            .route = "GET /l",
            .calls = { { .as = "x", .from = "profiles", .get = "/a b" } } },
        { .name = "m",
            .route = "GET /m",
            .calls = { { .as = "x", .from = "profiles", .get = "/" },
                { .as = "x", .from = "profiles", .get = "/" } } },
        { .name = "n",
            .route = "GET /n",
            .calls = { { .as = "claims", .from = "profiles", .get = "/" } } },
    };
    struct bff_client client = { .name = "test", .plans = wrong, .plans_count = countof(wrong) };
    plans_compile(&client, &page.settings, &page.core.arena, &page.faults);
    for (size_t i = 0; i < countof(wrong); i++) {
        char *words = arena_printf(&page.core.arena, "plan %s:", wrong[i].name);
        cr_assert(page_has_fault(&page, words), "nothing was said of plan %s", wrong[i].name);
    }
    cr_assert(page_has_fault(&page, "did you mean \"profiles\"?"));
    cr_assert(page_has_fault(&page, "did you mean 'posts'?"));
}

Test(template, an_effect_is_not_kept_nor_shared)
{
    static const struct bff_plan wrong[] = {
        { .name = "o",
            .route = "GET /o",
            .calls = { { .as = "x", .from = "profiles", .post = "/", .cache_s = 5 } } },
        { .name = "p",
            .route = "GET /p",
            .calls = { { .as = "x",
                .from = "profiles",
                .get = "/",
                .is_detached = 1,
                .is_shared = 1 } } },
    };
    struct bff_client client = { .name = "test", .plans = wrong, .plans_count = countof(wrong) };
    plans_compile(&client, &page.settings, &page.core.arena, &page.faults);
    cr_assert_eq(page.faults.count, 2);
    cr_assert(page_has_fault(&page, "plan o: call 'x' is a POST;"));
    cr_assert(page_has_fault(&page, "plan p: call 'x' is detached;"));
}
