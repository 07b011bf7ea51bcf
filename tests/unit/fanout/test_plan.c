/* What a declaration becomes, and what is said of one that cannot work. */
#include "../page.h"

#include "fanout/plan.h"

#include <stdio.h>
#include <stdlib.h>

static struct settings_service services[] = { { .name = "users" }, { .name = "posts" },
    { .name = "ads" } };

static struct page page;

static void open_page(void)
{
    page_open(&page, NULL, 0);
    page.settings.services = services;
    page.settings.services_count = countof(services);
    page.settings.file = "bff.conf";
}

static void close_page(void)
{
    page_close(&page);
}

TestSuite(plan, .init = open_page, .fini = close_page);

static struct plan *compile(const struct bff_plan *plans, size_t count)
{
    page.client.plans = plans;
    page.client.plans_count = count;
    return plans_compile(&page.client, &page.settings, &page.core.arena, &page.faults);
}

/* The one fault there is. */
static void says(const char *file, int line, const char *words)
{
    cr_assert_eq(
        page.faults.count, 1, "%zu faults, not one that says: %s", page.faults.count, words);
    const struct fault *fault = &page.faults.list[0];
    cr_assert(strstr(fault->text, words) != NULL, "%s", fault->text);
    cr_assert_str_eq(fault->file, file);
    cr_assert_eq(fault->line, line);
}

/* ---- what is understood ---- */

static const struct bff_plan feed = {
    .file = "plans.c",
    .line = 10,
    .name = "feed",
    .route = "GET /v1/feed",
    .scope = "feed:read",
    .shape = "mobile/feed.v1",
    .calls = {
        { .as = "ads", .from = "ads", .get = "/slots?segment={profile.segment}",
            .timeout_ms = 120, .otherwise = "{\"slots\":[]}" },
        { .as = "profile", .from = "users", .get = "/users/{claims.sub}" },
        { .as = "seen", .from = "posts", .post = "/seen", .is_detached = 1,
            .body = "{\"ids\":{list.items[*].id},\"segment\":{profile.segment}}" },
        { .as = "list", .from = "posts", .get = "/list" },
        { .as = "touch", .from = "posts", .post = "/touch/{claims.sub}" },
    },
};

Test(plan, each_call_knows_its_service_its_verb_and_whom_it_waits_for)
{
    struct plan *plan = compile(&feed, 1);
    enum { ADS, PROFILE, SEEN, LIST, TOUCH, CALLS };
    static const size_t service[CALLS] = {
        [ADS] = 2, [PROFILE] = 0, [SEEN] = 1, [LIST] = 1, [TOUCH] = 1
    };
    static const unsigned waits_for[CALLS] = {
        [ADS] = 1 << PROFILE, [SEEN] = 1 << LIST | 1 << PROFILE
    };
    cr_assert_eq(page.faults.count, 0);
    cr_assert_eq(plan->calls_count, CALLS);
    for (size_t i = 0; i < CALLS; i++) {
        bool is_post = i == SEEN || i == TOUCH;
        cr_assert_eq(plan->calls[i].asks, &feed.calls[i]);
        cr_assert_eq(plan->calls[i].service, service[i], "call %zu", i);
        cr_assert_eq(plan->calls[i].waits_for, waits_for[i], "call %zu", i);
        cr_assert_eq(plan->calls[i].method, is_post ? HTTP_POST : HTTP_GET, "call %zu", i);
        cr_assert_eq(plan->calls[i].has_body, i == SEEN, "call %zu", i);
        cr_assert_not(plan->calls[i].is_required || plan->calls[i].has_otherwise);
    }
}

Test(plan, as_many_calls_as_there_is_room_for)
{
    static const char *const names[BFF_CALLS_MAX] = { "a", "b", "c", "d", "e", "f", "g", "h", "i",
        "j", "k", "l" };
    struct bff_plan full = { .name = "full", .route = "GET /full" };
    for (size_t i = 0; i < BFF_CALLS_MAX; i++) {
        const char *get = i ? arena_printf(&page.core.arena, "/{%s.x}", names[i - 1]) : "/";
        full.calls[i] = (struct bff_call){ .as = names[i], .from = "users", .get = get };
    }
    struct plan *plan = compile(&full, 1);
    cr_assert_eq(page.faults.count, 0);
    cr_assert_eq(plan->calls_count, BFF_CALLS_MAX);
    cr_assert_eq(plan->calls[BFF_CALLS_MAX - 1].waits_for, 1u << (BFF_CALLS_MAX - 2));
}

Test(plan, what_stands_in_is_read_once_the_wants_are_known)
{
    struct plan *plan = compile(&feed, 1);
    size_t path = want_path(plan->calls[0].want, STR("slots"));
    plan_finish(plan, &page.core.arena, &page.faults);
    cr_assert_eq(page.faults.count, 0);
    cr_assert(plan->calls[0].has_otherwise && !plan->calls[1].has_otherwise);
    struct scan_value slots = scanned_value(&plan->calls[0].otherwise, path);
    cr_assert(slots.kind == SCAN_LIST && str_eq(slots.text, STR("[]")));
}

Test(plan, what_stands_in_must_be_json)
{
    static const struct bff_plan plans[] = { {
        .file = "plans.c",
        .line = 10,
        .name = "a",
        .route = "GET /a",
        .calls = { { .file = "plans.c",
            .line = 12,
            .as = "x",
            .from = "users",
            .get = "/",
            .otherwise = "{'slots':[]}" } },
    } };
    struct plan *plan = compile(plans, 1);
    plan_finish(plan, &page.core.arena, &page.faults);
    says("plans.c", 12, "call 'x' has an .otherwise that is not JSON");
    cr_assert_not(plan->calls[0].has_otherwise);
}

Test(plan, is_printed_as_it_was_understood)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct plan *plan = compile(&feed, 1);
    plan->calls[1].is_required = true;
    plan_finish(plan, &page.core.arena, &page.faults);
    plan_print(plan, &page.settings, out);
    fclose(out);
    const char *const words[] = { "plan feed: GET /v1/feed within 1000 ms",
        "shape mobile/feed.v1, for tokens with scope feed:read\n",
        "  profile    required GET /users/{claims.sub} from users\n",
        "  ads        optional GET /slots?segment={profile.segment} from ads\n",
        "at most 120 ms; waits for profile; otherwise what the plan says\n",
        "  seen       detached POST /seen from posts\n",
        "at most 2000 ms; waits for profile, list; dropped and counted while" };
    for (size_t i = 0; i < countof(words); i++) {
        cr_assert(strstr(text, words[i]) != NULL, "no \"%s\" in:\n%s", words[i], text);
    }
    free(text);
}

/* ---- what cannot work ---- */

#define AT .file = "plans.c", .line = 12

/* Each in a plan of its own, behind a call "d" with which nothing is wrong. */
static const struct {
    struct bff_call call;
    const char *words;
} mistaken[] = {
    { { AT, .as = "x", .from = "user", .get = "/" },
        "which no service in bff.conf is named; did you mean \"users\"?" },
    { { AT, .as = "x", .get = "/" }, "call 'x' is from \"\"" },
    { { AT, .as = "x", .from = "unheard of", .get = "/" }, "in bff.conf is named." },
    { { AT, .as = "x", .from = "users" }, "needs exactly one of .get, .post and .pass" },
    { { AT, .as = "x", .from = "users", .get = "/", .post = "/" },
        "needs exactly one of .get, .post and .pass" },
    { { AT, .as = "x", .from = "users", .get = "/", .body = "{}" },
        "has a .body, but a GET has none" },
    { { AT, .as = "X", .from = "users", .get = "/" }, "a call cannot be named 'X'" },
    { { AT, .as = "1x", .from = "users", .get = "/" }, "a call cannot be named '1x'" },
    { { AT, .as = "_x", .from = "users", .get = "/" }, "a call cannot be named '_x'" },
    { { AT, .as = "", .from = "users", .get = "/" }, "a call cannot be named ''" },
    { { AT, .from = "users", .get = "/" }, "a call has no .as" },
    { { AT, .as = "query", .from = "users", .get = "/" }, "a call cannot be named 'query'" },
    { { AT, .as = "x", .from = "users", .get = "/{x.id}" }, "asks 'x', which is no other call" },
    { { AT, .as = "x", .from = "users", .get = "/{d.id}" },
        "call 'x' waits for 'd', which is detached and has no answer" },
    { { AT, .as = "d", .from = "users", .get = "/" }, "two calls are named 'd'" },
};

Test(plan, each_mistake_is_said_with_its_place)
{
    for (size_t i = 0; i < countof(mistaken); i++) {
        struct bff_plan plan = {
            .name = "a",
            .route = "GET /a",
            .calls = { { .as = "d", .from = "users", .post = "/", .is_detached = true } },
        };
        plan.calls[1] = mistaken[i].call;
        compile(&plan, 1);
        says("plans.c", 12, mistaken[i].words);
        faults_fini(&page.faults);
        faults_init(&page.faults);
    }
}

Test(plan, a_call_that_does_not_say_where_it_stands_is_where_its_plan_is)
{
    static const struct bff_plan plan = { .file = "plans.c",
        .line = 10,
        .name = "a",
        .route = "GET /a",
        .calls = { { .as = "x", .from = "users", .get = "/", .body = "{}" } } };
    compile(&plan, 1);
    says("plans.c", 10, "has a .body");
}

Test(plan, a_plan_has_a_call)
{
    static const struct bff_plan plan = {
        .file = "plans.c", .line = 10, .name = "a", .route = "GET /a"
    };
    compile(&plan, 1);
    says("plans.c", 10, "plan a: there is no call");
}

Test(plan, a_circle_is_told_at_each_of_its_calls_and_at_no_other)
{
    static const struct bff_plan round = {
        .name = "round",
        .route = "GET /round",
        .calls = {
            { .as = "first", .from = "users", .get = "/" },
            { .as = "a", .from = "users", .get = "/{c.x}" },
            { .as = "b", .from = "users", .get = "/{a.x}/{first.x}" },
            { .as = "c", .from = "users", .get = "/{b.x}" },
        },
    };
    compile(&round, 1);
    cr_assert_eq(page.faults.count, 3);
    const char *const in_it[] = { "call 'a' waits for itself", "call 'b' waits for itself",
        "call 'c' waits for itself" };
    for (size_t i = 0; i < countof(in_it); i++) {
        cr_assert(page_has_fault(&page, in_it[i]), "nobody says: %s", in_it[i]);
    }
}

Test(plan, has_a_name_and_no_other_has_it)
{
    static const struct bff_plan plans[] = {
        { .name = "a", .route = "GET /a", .calls = { { .as = "x", .from = "ads", .get = "/" } } },
        { .file = "plans.c",
            .line = 20,
            .name = "a",
            .route = "GET /b",
            .calls = { { .as = "x", .from = "ads", .get = "/" } } },
        { .file = "plans.c", .line = 30, .route = "GET /c" },
    };
    compile(plans, 2);
    says("plans.c", 20, "two plans are named a");
    faults_fini(&page.faults);
    faults_init(&page.faults);
    compile(&plans[2], 1);
    says("plans.c", 30, "a plan has no .name");
}
