#include "fanout/freshness.h"

#include <criterion/criterion.h>

/* Cache-Control, Age and Vary of an answer, in seconds what comes of them; -1: it is not kept. */
static struct {
    struct freshness_rules rules;
    const char *cache_control, *age, *vary;
    long fresh_s, stale_s;
} const rows[] = {
    /* the plan alone */
    { { 0 }, NULL, NULL, NULL, -1, 0 },
    { { .cache_s = 60 }, NULL, NULL, NULL, 60, 0 },
    { { .stale_s = 600 }, NULL, NULL, NULL, 0, 600 },
    { { .cache_s = 60, .stale_s = 600 }, "", NULL, NULL, 60, 600 },
    /* the service alone */
    { { 0 }, "max-age=30", NULL, NULL, 30, 0 },
    { { 0 }, "Max-Age = \"30\" , Stale-If-Error=90", NULL, NULL, 30, 90 },
    { { 0 }, "max-age=30", "10", NULL, 20, 0 },
    { { 0 }, "max-age=30, stale-if-error=9", "40", NULL, 0, 9 },
    { { 0 }, "public", NULL, NULL, -1, 0 },
    { { 0 }, "private, max-age=30", NULL, NULL, 30, 0 },
    { { 0 }, "no-cache", NULL, NULL, 0, 0 },
    /* both: the shorter time */
    { { .cache_s = 60 }, "max-age=30", NULL, NULL, 30, 0 },
    { { .cache_s = 60 }, "max-age=90", NULL, NULL, 60, 0 },
    { { .cache_s = 60, .stale_s = 9 }, "stale-if-error=5", NULL, NULL, 60, 5 },
    { { .cache_s = 60, .stale_s = 9 }, "must-revalidate", NULL, NULL, 60, 0 },
    { { .cache_s = 60, .stale_s = 9 }, "no-cache", NULL, NULL, 0, 0 },
    /* a word that forbids outweighs all */
    { { .cache_s = 60, .stale_s = 600 }, "max-age=60, no-store", NULL, NULL, -1, 0 },
    { { .cache_s = 60 }, "NO-STORE", NULL, NULL, -1, 0 },
    { { .cache_s = 60 }, "ext=\"a, no-store\", max-age=9", NULL, NULL, 9, 0 },
    /* shared by all users */
    { { .is_shared = true }, "max-age=30, s-maxage=10", NULL, NULL, 10, 0 },
    { { .is_shared = false }, "max-age=30, s-maxage=10", NULL, NULL, 30, 0 },
    { { .cache_s = 60, .is_shared = true }, "private", NULL, NULL, -1, 0 },
    /* numbers that are none, and numbers twice */
    { { 0 }, "max-age=soon, stale-if-error=5", NULL, NULL, 0, 5 },
    { { 0 }, "max-age=-1, stale-if-error=5", NULL, NULL, 0, 5 },
    { { 0 }, "max-age, stale-if-error=5", NULL, NULL, 0, 5 },
    { { 0 }, "max-age=50, max-age=20", NULL, NULL, 20, 0 },
    { { 0 }, "max-age=99999999999999999999999", NULL, NULL, 2147483648, 0 },
    { { .cache_s = 60 }, NULL, "soon", NULL, 60, 0 },
    { { .cache_s = 60 }, NULL, "50, 0", NULL, 10, 0 },
    /* what varies from call to call */
    { { .cache_s = 60 }, NULL, NULL, "Accept-Encoding, Accept", 60, 0 },
    { { .cache_s = 60 }, NULL, NULL, "*", -1, 0 },
    { { .cache_s = 60 }, NULL, NULL, "Accept, X-REQUEST-ID", -1, 0 },
};

Test(freshness, of_every_row)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct freshness got = freshness_of(&rows[i].rules, str_of(rows[i].cache_control),
            str_of(rows[i].age), str_of(rows[i].vary));
        cr_expect_eq(got.is_kept, rows[i].fresh_s >= 0, "row %zu: kept", i);
        if (rows[i].fresh_s >= 0) {
            cr_expect_eq(got.fresh_us, (uint64_t)rows[i].fresh_s * 1000000, "row %zu: fresh", i);
            cr_expect_eq(got.stale_us, (uint64_t)rows[i].stale_s * 1000000, "row %zu: stale", i);
        }
    }
}

Test(freshness, the_age_is_told)
{
    struct freshness_rules rules = { .cache_s = 60 };
    struct str none = { NULL, 0 };
    cr_assert_eq(freshness_of(&rules, none, STR("7"), none).age_us, 7000000);
}

/* A 304 that says nothing of its own. */
Test(freshness, what_was_said_holds_again)
{
    struct freshness_rules rules = { .cache_s = 60, .stale_s = 9 };
    struct str none = { NULL, 0 };
    struct freshness said = freshness_of(&rules, STR("max-age=30"), STR("25"), none);
    cr_assert_eq(said.fresh_us, 5000000);
    struct freshness again = freshness_again(&said, none, STR("Accept-Encoding"));
    cr_assert(again.is_kept);
    cr_assert_eq(again.fresh_us, 30000000);
    cr_assert_eq(again.stale_us, 9000000);
    again = freshness_again(&again, STR("40"), none);
    cr_assert(again.is_kept);
    cr_assert_eq(again.age_us, 40000000);
    cr_assert_eq(again.fresh_us, 0);
    cr_assert_not(freshness_again(&again, none, STR("*")).is_kept);
}
