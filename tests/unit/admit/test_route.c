/* Which plan a request gets, with which values, and which requests get none. */
#include "../page.h"

#include "admit/route.h"

static const struct bff_plan plans[] = {
    { .name = "feed", .route = "GET /v1/feed", .budget_ms = 300,
        .query = {
            { .name = "limit", .type = BFF_INTEGER, .min = 1, .max = 50, .otherwise = "20" },
            { .name = "cursor", .type = BFF_WORD, .max = 8 },
            { .name = "q", .type = BFF_TEXT, .max = 12 },
        } },
    { .name = "post", .route = "GET /v1/posts/{id}" },
    { .name = "like", .route = "POST /v1/posts/{id}" },
    { .name = "search", .route = "GET /v1/search",
        .query = { { .name = "for", .is_required = 1 } } },
    { .name = "up", .route = "POST /v1/files", .calls = { { .pass = "/f", .body_max_bytes = 9 } } },
    { .name = "file", .route = "* /v1/files/{id}", .calls = { { .pass = "/f" } } },
};

static struct page page;

static void open_page(void)
{
    page_open(&page, plans, countof(plans));
    page.core.routes = routes_compile(&page.client, &page.core.arena, &page.faults);
    cr_assert_eq(page.faults.count, 0);
}

static void close_page(void)
{
    page_close(&page);
}

TestSuite(route, .init = open_page, .fini = close_page);

static enum problem ask(const char *method, const char *target)
{
    struct request *request = page_turn(&page);
    request->received.method = str_of(method);
    request->received.target = str_of(target);
    str_cut(request->received.target, '?', &request->received.path, &request->received.query);
    enum step_verdict verdict = route_run(request);
    cr_assert_eq(verdict == STEP_FAIL, request->problem != PROBLEM_NONE);
    return request->problem;
}

static const char *plan_name(void)
{
    return page.request.routed.plan ? page.request.routed.plan->name : "none";
}

static bool value_is(size_t index, const char *text)
{
    return str_eq(page.request.routed.query_values[index], str_of(text));
}

Test(route, finds_the_plan_and_the_parts_of_the_path)
{
    cr_assert_eq(ask("GET", "/v1/feed"), PROBLEM_NONE);
    cr_assert_str_eq(plan_name(), "feed");
    cr_assert_eq(ask("GET", "/v1/posts/a%20b"), PROBLEM_NONE);
    cr_assert_str_eq(plan_name(), "post");
    cr_assert(str_eq(page.request.routed.path_values[0].name, STR("id")));
    cr_assert(str_eq(page.request.routed.path_values[0].value, STR("a b")));
    cr_assert_eq(ask("POST", "/v1/posts/7"), PROBLEM_NONE);
    cr_assert_str_eq(plan_name(), "like");
    cr_assert_eq(ask("GET", "/v1/%66eed"), PROBLEM_NONE);
}

Test(route, head_goes_where_get_goes)
{
    cr_assert_eq(ask("HEAD", "/v1/feed"), PROBLEM_NONE);
    cr_assert_str_eq(plan_name(), "feed");
}

Test(route, other_paths_are_not_found)
{
    const char *const others[] = { "/", "", "*", "/v1", "/v1/", "/v1/feed/", "//v1/feed",
        "/v1//feed", "/v1/./feed", "/V1/feed", "/v1/feeds", "/v1/posts/", "/v1/posts",
        "/v1/posts/..", "/v1/posts/%2e%2E", "/v1/posts/.", "/v1/posts/1/2", "/v1/feed%2f",
        "/v1%2ffeed", "/v1/%zz", "/v1/feed%00", "v1/feed", "http://host/v1/feed",
        "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r" };
    for (size_t i = 0; i < countof(others); i++) {
        cr_assert_eq(ask("GET", others[i]), PROBLEM_NOT_FOUND, "%s was found", others[i]);
        cr_assert_null(page.request.routed.plan);
    }
}

Test(route, the_wrong_method_is_told_the_right_ones)
{
    cr_assert_eq(ask("DELETE", "/v1/feed"), PROBLEM_METHOD_NOT_ALLOWED);
    cr_assert(str_eq(page.request.routed.allow, STR("GET, HEAD")));
    cr_assert_eq(ask("PUT", "/v1/posts/1"), PROBLEM_METHOD_NOT_ALLOWED);
    cr_assert(str_eq(page.request.routed.allow, STR("GET, HEAD, POST")));
    cr_assert_eq(ask("get", "/v1/feed"), PROBLEM_METHOD_NOT_ALLOWED);
}

Test(route, query_values_are_decoded_and_defaults_filled_in)
{
    cr_assert_eq(ask("GET", "/v1/feed"), PROBLEM_NONE);
    cr_assert(value_is(0, "20") && !page.request.routed.query_values[1].at);
    cr_assert_eq(ask("GET", "/v1/feed?limit=50&cursor=a-b&q=caf%C3%A9+x&utm=1"), PROBLEM_NONE);
    cr_assert(value_is(0, "50") && value_is(1, "a-b") && value_is(2, "caf\xc3\xa9 x"));
    cr_assert_eq(ask("GET", "/v1/feed?&&limit=1&"), PROBLEM_NONE);
    cr_assert(value_is(0, "1"));
}

Test(route, a_broken_query_value_is_refused_before_anything_is_asked)
{
    const char *const broken[] = { "limit=0", "limit=51", "limit=-1", "limit=1.5",
        "limit=", "limit", "limit=abc", "limit=1&limit=2", "limit=%31%", "cursor=a/b",
        "cursor=123456789", "cursor=a%00b", "q=%0d%0a", "q=0123456789abc",
        "limit=99999999999999999999", "q=%ff" };
    for (size_t i = 0; i < countof(broken); i++) {
        char *target = arena_printf(&page.core.arena, "/v1/feed?%s", broken[i]);
        cr_assert_eq(ask("GET", target), PROBLEM_BAD_QUERY, "%s was taken", broken[i]);
        cr_assert(page.request.detail.len > 0);
    }
    cr_assert_eq(ask("GET", "/v1/search"), PROBLEM_BAD_QUERY);
    cr_assert_eq(ask("GET", "/v1/search?for=x"), PROBLEM_NONE);
}

Test(route, the_plans_budget_counts_from_the_start)
{
    cr_assert_eq(ask("GET", "/v1/feed"), PROBLEM_NONE);
    cr_assert_eq(page.request.budget_ends_us, 300000);
}

static enum problem ask_within(const char *budget)
{
    struct request *request = page_turn(&page);
    request->received.method = STR("GET");
    request->received.path = STR("/v1/feed");
    request->received.budget = str_of(budget);
    return route_run(request) == STEP_FAIL ? request->problem : PROBLEM_NONE;
}

Test(route, a_client_may_have_less_time)
{
    cr_assert_eq(ask_within("120"), PROBLEM_NONE);
    cr_assert_eq(page.request.budget_ends_us, 120000);
}

Test(route, but_not_more)
{
    cr_assert_eq(ask_within("5000"), PROBLEM_NONE);
    cr_assert_eq(page.request.budget_ends_us, 300000);
    cr_assert_eq(ask_within("18446744073709551615"), PROBLEM_NONE);
    cr_assert_eq(page.request.budget_ends_us, 300000);
}

Test(route, a_budget_is_a_whole_number)
{
    static const char *const wrong[] = { "", "0", "-1", "1.5", "300ms", " 300", "1e3",
        "18446744073709551616" };
    for (size_t i = 0; i < countof(wrong); i++) {
        cr_assert_eq(ask_within(wrong[i]), PROBLEM_BAD_REQUEST, "\"%s\" was taken", wrong[i]);
    }
}

Test(route, what_cannot_work_is_found_at_boot)
{
    static const struct bff_plan wrong[] = {
        { .name = "a", .route = "FETCH /v1" },
        { .name = "b", .route = "GET v1" },
        { .name = "c", .route = NULL },
        { .name = "d", .route = "GET /v1/{Id}" },
        { .name = "e", .route = "GET /v1/x" },
        { .name = "f", .route = "GET /v1/{any}" },
        { .name = "g",
            .route = "GET /g",
            .query = { { .name = "n", .type = BFF_INTEGER, .min = 5, .max = 1 } } },
        { .name = "h",
            .route = "GET /h",
            .query = { { .name = "n",
                .type = BFF_INTEGER,
                .min = 1,
                .max = 5,
                .otherwise = "9" } } },
        { .name = "i", .route = "GET /i", .query = { { .name = "n" }, { .name = "n" } } },
        { .name = "j", .route = "GET /j", .query = { { .name = "N n" } } },
        { .name = "k", .route = "GET /k", .query = { { .about = "No name." }, { .name = "n" } } },
    };
    struct bff_client client = { .name = "test", .plans = wrong, .plans_count = countof(wrong) };
    routes_compile(&client, &page.core.arena, &page.faults);
    for (const char *name = "abcdfghijk"; *name; name++) {
        char *words = arena_printf(&page.core.arena, "plan %c:", *name);
        cr_assert(page_has_fault(&page, words), "nothing was said of plan %c", *name);
    }
    cr_assert_not(page_has_fault(&page, "plan e:"));
}

Test(route, a_scope_that_no_token_can_have_is_found_at_boot)
{
    static const char *const wrong[] = { "", "feed read", "feed\"", "feed\\read", "f\tr",
        "f\xc3\xa9\x65\x64", "feed\x7f" };
    static const char *const right[] = { "feed:read", "!", "#[]~",
        "https://api.example/feed.read" };
    struct bff_plan plan = { .name = "p", .route = "GET /v1" };
    struct bff_client client = { .name = "test", .plans = &plan, .plans_count = 1 };
    for (size_t i = 0; i < countof(wrong); i++) {
        size_t before = page.faults.count;
        plan.scope = wrong[i];
        routes_compile(&client, &page.core.arena, &page.faults);
        cr_expect_eq(page.faults.count, before + 1, "\"%s\" passes", wrong[i]);
        cr_expect(page_has_fault(&page, "plan p: .scope"));
    }
    for (size_t i = 0; i < countof(right); i++) {
        size_t before = page.faults.count;
        plan.scope = right[i];
        routes_compile(&client, &page.core.arena, &page.faults);
        cr_expect_eq(page.faults.count, before, "\"%s\" does not pass", right[i]);
    }
}

/* What quota.c does with them: BFF_PER_DEFAULT limits by address whoever has no token. */
Test(route, a_quota_for_users_needs_users)
{
    struct bff_plan plan = { .name = "p", .route = "GET /v1", .allow = BFF_ALLOW_ANYONE };
    struct bff_client client = { .name = "test", .plans = &plan, .plans_count = 1 };
    static const enum bff_per good[] = { BFF_PER_DEFAULT, BFF_PER_ADDRESS };
    for (size_t i = 0; i < countof(good); i++) {
        plan.quota = (struct bff_quota){ .per = good[i], .rate = 5 };
        routes_compile(&client, &page.core.arena, &page.faults);
        cr_expect_eq(page.faults.count, 0);
    }
    plan.quota.per = BFF_PER_USER;
    routes_compile(&client, &page.core.arena, &page.faults);
    cr_expect(page_has_fault(&page, "plan p: .quota is BFF_PER_USER"));
    plan.allow = BFF_ALLOW_TOKEN;
    size_t before = page.faults.count;
    routes_compile(&client, &page.core.arena, &page.faults);
    cr_expect_eq(page.faults.count, before);
}

static bool streams(const char *method, const char *target, uint64_t max_bytes)
{
    uint64_t got = 0;
    page.settings.limits.body_bytes = 5;
    bool is_streamed = route_streams(&page.core, str_of(method), str_of(target), &got);
    cr_assert_eq(got, is_streamed ? max_bytes : 0);
    return is_streamed;
}

Test(route, streams_what_is_passed_through_and_nothing_else)
{
    cr_assert(streams("POST", "/v1/files?x=y", 9));
    cr_assert(streams("PUT", "/v1/files/%41", 5));
    cr_assert(streams("HEAD", "/v1/files/a", 5));
    cr_assert_not(streams("GET", "/v1/files", 0));
    cr_assert_not(streams("OPTIONS", "/v1/files/a", 0));
    cr_assert_not(streams("GET", "/v1/files/%zz", 0));
    cr_assert_not(streams("GET", "/v1/feed", 0));
    cr_assert_not(streams("GET", "*", 0));
}

Test(route, a_star_takes_every_verb_that_can_be_passed_on)
{
    static const char *const verbs[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" };
    for (size_t i = 0; i < countof(verbs); i++) {
        cr_assert_eq(ask(verbs[i], "/v1/files/7"), PROBLEM_NONE, "%s", verbs[i]);
        cr_assert_str_eq(plan_name(), "file");
    }
    cr_assert_eq(ask("TRACE", "/v1/files/7"), PROBLEM_METHOD_NOT_ALLOWED);
    cr_assert(str_eq(page.request.routed.allow, STR("GET, HEAD, POST, PUT, PATCH, DELETE")));
}

Test(route, a_star_overlaps_with_any_other_verb)
{
    static const struct bff_plan both[] = {
        { .name = "a", .route = "* /v1/{x}", .calls = { { .pass = "/f" } } },
        { .name = "b", .route = "GET /v1/y" },
    };
    struct page other;
    page_open(&other, both, countof(both));
    routes_compile(&other.client, &other.core.arena, &other.faults);
    cr_assert(page_has_fault(&other, "takes paths that plan a takes already"));
    page_close(&other);
}
