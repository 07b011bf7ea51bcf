/* Quotas: exact counts on a clock that the test moves, and what one request costs whom. */
#include "admit/quota.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

static struct quota *quota;
static uint64_t now_us;

/* The steps' clock stands still. */
uint64_t clock_now_us(void)
{
    return now_us;
}

static void open_table(void)
{
    now_us = 1000000;
    quota = quota_new(1000);
}

static void close_table(void)
{
    quota_free(quota);
}

TestSuite(quota, .init = open_table, .fini = close_table, .timeout = 20);

/* The spine's part, as far as a step needs it. */
enum step_verdict request_refuse(
    struct request *request, enum problem problem, const char *detail, ...)
{
    char text[200];
    va_list args;
    va_start(args, detail);
    int len = vsnprintf(text, sizeof(text), detail, args);
    va_end(args);
    cr_assert(len > 0 && text[len - 1] == '.');
    request->problem = problem;
    return STEP_FAIL;
}

static const struct quota_rule slow = { "user", 5, 20 };

enum { SECOND = 1000000 };

static struct quota_caller user(const char *subject)
{
    return quota_caller_user(quota, QUOTA_SHARED, STR("https://issuer.test"), str_of(subject));
}

static struct quota_caller address(const char *text)
{
    return quota_caller_address(quota, QUOTA_SHARED, str_of(text));
}

/* How many of `tries` are let through at one moment. */
static unsigned taken(
    const struct quota_rule *rule, struct quota_caller who, uint64_t at_us, int tries)
{
    unsigned count = 0;
    struct limited limited;
    for (int i = 0; i < tries; i++) {
        count += quota_take(quota, rule, who, at_us, &limited);
    }
    return count;
}

Test(quota, a_burst_is_exact)
{
    cr_assert_eq(taken(&slow, user("ann"), 5 * SECOND, 100), 20);
    cr_assert_eq(taken(&slow, user("bob"), 5 * SECOND, 100), 20);
    cr_assert_eq(taken(&slow, user("ann"), 5 * SECOND, 100), 0);
}

Test(quota, tokens_come_back_at_the_rate_and_never_beyond_the_burst)
{
    now_us = 3600ull * SECOND;
    cr_assert_eq(taken(&slow, user("ann"), now_us, 100), 20);
    cr_assert_eq(taken(&slow, user("ann"), now_us + 199999, 10), 0);
    cr_assert_eq(taken(&slow, user("ann"), now_us + 200000, 10), 1);
    cr_assert_eq(taken(&slow, user("ann"), now_us + 2 * SECOND, 100), 9);
    cr_assert_eq(taken(&slow, user("ann"), now_us + 3600ull * SECOND, 100), 20);
}

Test(quota, ten_days_at_the_rate_do_not_drift)
{
    const struct quota_rule thirds = { "user", 3, 1 };
    now_us = 1;
    for (int i = 0; i < 100000; i++) { /* a third of a second is 333334 us at least */
        cr_assert_eq(taken(&thirds, user("ann"), now_us, 2), 1, "at %d", i);
        now_us += 333334;
    }
    cr_assert_eq(taken(&thirds, user("ann"), now_us - 333334 + 333332, 1), 0);
}

Test(quota, a_clock_that_stands_or_steps_back_gives_nothing)
{
    cr_assert_eq(taken(&slow, user("ann"), 100 * SECOND, 100), 20);
    cr_assert_eq(taken(&slow, user("ann"), 99 * SECOND, 100), 0);
}

Test(quota, no_rate_is_no_limit_and_no_burst_is_the_rate)
{
    const struct quota_rule none = { "address", 0, 7 }, rate = { "address", 7, 0 };
    struct limited limited = { .policy = "x" };
    cr_assert(quota_take(quota, &none, address("192.0.2.1"), 1, &limited));
    cr_assert_null(limited.policy);
    cr_assert_eq(taken(&none, address("192.0.2.1"), 1, 1000), 1000);
    cr_assert_eq(taken(&rate, address("192.0.2.1"), 1, 1000), 7);
}

Test(quota, the_standing_tells_how_to_go_on)
{
    const struct quota_rule rule = { "user", 2, 100 };
    struct limited limited;
    cr_assert(quota_take(quota, &rule, user("ann"), SECOND, &limited));
    cr_assert_str_eq(limited.policy, "user");
    cr_assert_eq(limited.quota, 100);
    cr_assert_eq(limited.window_s, 50);
    cr_assert_eq(limited.remaining, 99);
    cr_assert_eq(limited.reset_s, 1);
    cr_assert_eq(limited.retry_after_s, 0);
    taken(&rule, user("ann"), SECOND, 99);
    cr_assert_not(quota_take(quota, &rule, user("ann"), SECOND, &limited));
    cr_assert_eq(limited.remaining, 0);
    cr_assert_eq(limited.reset_s, 50);
    cr_assert_eq(limited.retry_after_s, 1);
    uint64_t later_us = SECOND + limited.retry_after_s * SECOND;
    cr_assert(quota_take(quota, &rule, user("ann"), later_us, &limited), "the promise is kept");
}

Test(quota, what_is_given_back_can_be_taken_again)
{
    cr_assert_eq(taken(&slow, user("ann"), SECOND, 20), 20);
    quota_give_back(quota, &slow, user("ann"));
    quota_give_back(quota, &slow, user("nobody"));
    cr_assert_eq(taken(&slow, user("ann"), SECOND, 20), 1);
}

Test(quota, an_address_is_one_ipv4_or_one_ipv6_network)
{
    static const char *const same[][2] = {
        { "192.0.2.1", "::ffff:192.0.2.1" },
        { "2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff" },
        { "2001:0db8:0001:0002::", "2001:db8:1:2::" },
        { "fe80::1%eth0", "fe80::2%eth1" },
    };
    static const char *const other[][2] = {
        { "192.0.2.1", "192.0.2.2" },
        { "2001:db8:1:2::1", "2001:db8:1:3::1" },
        { "192.0.2.1", "c000:201::" },
        { "unix:1", "unix:2" },
        { "", "0.0.0.0" },
    };
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(address(same[i][0]).key, address(same[i][1]).key, "%s", same[i][0]);
    }
    for (size_t i = 0; i < 5; i++) {
        cr_assert_neq(address(other[i][0]).key, address(other[i][1]).key, "%s", other[i][0]);
    }
}

Test(quota, plans_issuers_and_subjects_are_kept_apart)
{
    uint64_t ann = user("ann").key;
    struct str issuer = STR("https://issuer.test");
    cr_assert_neq(ann, quota_caller_user(quota, 0, issuer, STR("ann")).key);
    cr_assert_neq(
        ann, quota_caller_user(quota, QUOTA_SHARED, STR("https://other"), STR("ann")).key);
    cr_assert_neq(quota_caller_user(quota, 0, STR("ab"), STR("c")).key,
        quota_caller_user(quota, 0, STR("a"), STR("bc")).key);
}

Test(quota, a_flood_of_callers_forgets_the_nearest_to_whole_first)
{
    struct quota *small = quota_new(7); /* one set */
    const struct quota_rule rule = { "user", 1, 10 };
    struct limited limited;
    struct quota_caller greedy = user("greedy");
    for (int i = 0; i < 10; i++) {
        cr_assert(quota_take(small, &rule, greedy, SECOND, &limited));
    }
    cr_assert_eq(quota_evictions(small), 0);
    for (uint64_t i = 1; i <= 1000; i++) {
        cr_assert(quota_take(small, &rule, (struct quota_caller){ i }, SECOND, &limited));
    }
    cr_assert_eq(quota_evictions(small), 1000 - 6);
    cr_assert_not(quota_take(small, &rule, greedy, SECOND, &limited), "still remembered");
    cr_assert(quota_take(small, &rule, (struct quota_caller){ 5000 }, 60 * SECOND, &limited));
    cr_assert_eq(quota_evictions(small), 1000 - 6, "whole buckets make room for nothing");
    quota_free(small);
}

/* ---- the steps ---- */

struct page {
    struct settings settings;
    struct core core;
    struct worker worker;
    struct bff_plan plan;
    struct request request;
};

/* Defaults: 3 at once for a user, 5 for an address. */
static void page_open(struct page *page)
{
    *page = (struct page){ 0 };
    page->settings.quota.user = (struct settings_quota){ 1, 3 };
    page->settings.quota.address = (struct settings_quota){ 1, 5 };
    page->core = (struct core){ .settings = &page->settings, .quota = quota };
    page->worker.core = &page->core;
}

static struct request *ask(struct page *page, const char *subject, const char *from)
{
    page->request = (struct request){
        .worker = &page->worker,
        .routed = { .plan = &page->plan, .plan_index = 4 },
        .received = { .address = str_of(from) },
    };
    if (subject) {
        page->request.received.authorization = STR("Bearer x");
        page->request.identity.issuer = STR("https://issuer.test");
        page->request.identity.subject = str_of(subject);
    }
    return &page->request;
}

/* How many of `tries` pass both steps, as the table has them. */
static unsigned passed(struct page *page, const char *subject, const char *from, int tries)
{
    unsigned count = 0;
    for (int i = 0; i < tries; i++) {
        struct request *request = ask(page, subject, from);
        count += quota_address_run(request) == STEP_NEXT && quota_run(request) == STEP_NEXT;
    }
    return count;
}

Test(quota, a_request_must_meet_both_quotas)
{
    struct page page;
    page_open(&page);
    cr_assert_eq(passed(&page, "ann", "192.0.2.1", 10), 3);
    cr_assert_eq(page.request.problem, PROBLEM_QUOTA_EXCEEDED);
    cr_assert_str_eq(page.request.limited.policy, "user");
    cr_assert_geq(page.request.limited.retry_after_s, 1);
    cr_assert_eq(passed(&page, "bob", "192.0.2.1", 10), 2, "7 of ann's cost the address nothing");
    cr_assert_str_eq(page.request.limited.policy, "address");
    cr_assert_eq(passed(&page, "bob", "192.0.2.2", 10), 1, "8 of bob's cost bob nothing");
    now_us += page.request.limited.retry_after_s * SECOND;
    cr_assert_eq(passed(&page, "bob", "192.0.2.2", 10), 1);
}

Test(quota, the_second_step_alone_asks_for_both)
{
    struct page page;
    page_open(&page);
    unsigned count = 0;
    for (int i = 0; i < 10; i++) {
        count += quota_run(ask(&page, NULL, "192.0.2.1")) == STEP_NEXT;
    }
    cr_assert_eq(count, 5);
    cr_assert_str_eq(page.request.limited.policy, "address");
}

Test(quota, the_tightest_policy_is_told)
{
    struct page page;
    page_open(&page);
    cr_assert_eq(passed(&page, "ann", "192.0.2.1", 1), 1);
    cr_assert_str_eq(page.request.limited.policy, "user");
    cr_assert_eq(page.request.limited.remaining, 2);
    cr_assert_eq(passed(&page, NULL, "192.0.2.1", 3), 3);
    cr_assert_eq(passed(&page, "bob", "192.0.2.1", 1), 1);
    cr_assert_str_eq(page.request.limited.policy, "address");
    cr_assert_eq(page.request.limited.remaining, 0);
}

Test(quota, a_plan_may_have_a_quota_of_its_own)
{
    struct page page;
    page_open(&page);
    page.settings.quota.address = (struct settings_quota){ 0, 0 };
    page.plan.quota = (struct bff_quota){ BFF_PER_USER, 1, 2 };
    cr_assert_eq(passed(&page, "ann", "192.0.2.1", 10), 2);
    cr_assert_eq(page.request.limited.quota, 2);
    page.plan.quota = (struct bff_quota){ 0 };
    cr_assert_eq(passed(&page, "ann", "192.0.2.1", 10), 3, "the shared bucket is another");
    page.plan.quota = (struct bff_quota){ BFF_PER_DEFAULT, 1, 4 };
    cr_assert_eq(passed(&page, NULL, "192.0.2.1", 10), 4, "the address, where there is no token");
    cr_assert_eq(passed(&page, "bob", "192.0.2.1", 10), 4, "the user, where there is one");
    page.plan.quota = (struct bff_quota){ BFF_PER_ADDRESS, 1, 1 };
    cr_assert_eq(passed(&page, "eve", "192.0.2.9", 10), 1);
    cr_assert_str_eq(page.request.limited.policy, "address");
}

Test(quota, nothing_limited_is_nothing_told)
{
    struct page page;
    page_open(&page);
    page.settings.quota.user = page.settings.quota.address = (struct settings_quota){ 0, 0 };
    cr_assert_eq(passed(&page, "ann", "192.0.2.1", 1000), 1000);
    cr_assert_null(page.request.limited.policy);
}
