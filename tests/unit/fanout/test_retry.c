/* retry: budgets hold over any stretch of time, and waiting is random within its limits. */
#include "fanout/retry.h"

#include <criterion/criterion.h>

enum { S = 1000 * 1000 };

static struct retry_budget budget;

static void open_budget(void)
{
    retry_budget_init(&budget, RETRY_PERCENT, RETRY_PER_S);
}

TestSuite(retry, .init = open_budget);

/* How many can be taken at once. Each is asked then, and is a call too, but earns nothing. */
static unsigned take_all(uint64_t now_us)
{
    unsigned taken = 0;
    while (retry_budget_take(&budget, now_us)) {
        retry_budget_called(&budget, now_us);
        taken++;
    }
    return taken;
}

static void call(unsigned times, uint64_t now_us)
{
    for (unsigned i = 0; i < times; i++) {
        retry_budget_called(&budget, now_us);
    }
}

Test(retry, three_a_second_are_there_without_any_calls)
{
    for (uint64_t s = 100; s < 120; s++) {
        cr_assert_eq(take_all(s * S), 3);
        cr_assert_eq(take_all(s * S + S - 1), 0);
    }
}

Test(retry, a_fifth_of_the_calls_of_the_last_ten_seconds)
{
    call(500, 100ull * S);
    call(500, 105ull * S);
    cr_assert_eq(take_all(109ull * S), 200);
    cr_assert_eq(take_all(110ull * S), 3, "the first 500 are ten seconds old");
    call(1000, 125ull * S);
    cr_assert_eq(take_all(125ull * S), 200, "everything before is forgotten");
}

/* Every call fails and each wants to be asked again: a storm, for a minute. */
Test(retry, a_storm_of_failures_is_a_fifth_more_and_not_twice_as_much)
{
    unsigned calls = 0, retries = 0;
    for (uint64_t now_us = 100ull * S; now_us < 160ull * S; now_us += 1000) {
        call(1, now_us);
        calls++;
        if (retry_budget_take(&budget, now_us)) {
            call(1, now_us);
            retries++;
        }
    }
    cr_assert_leq(retries, calls / 5 + 3);
    cr_assert_geq(retries, calls / 5 * 98 / 100);
}

Test(retry, hedges_are_three_of_a_hundred_and_none_without_calls)
{
    retry_budget_init(&budget, HEDGE_PERCENT, HEDGE_PER_S);
    cr_assert_eq(take_all(100ull * S), 0);
    call(33, 100ull * S);
    cr_assert_eq(take_all(100ull * S), 0);
    call(167, 100ull * S);
    cr_assert_eq(take_all(100ull * S), 6);
}

Test(retry, a_clock_that_steps_back_a_moment_does_no_harm)
{
    call(100, 100ull * S);
    call(100, 100ull * S - 1);
    cr_assert_eq(take_all(100ull * S - 1), 40);
}

Test(retry, waits_within_a_limit_that_doubles_up_to_a_quarter_of_a_second)
{
    static const uint64_t most_ms[] = { 10, 10, 20, 40, 80, 160, 250, 250, 250 };
    for (unsigned tries = 0; tries < 9; tries++) {
        uint64_t most_us = most_ms[tries] * 1000;
        cr_assert_eq(retry_backoff_us(tries, 0), 0);
        cr_assert_eq(retry_backoff_us(tries, most_us), most_us);
        cr_assert_eq(retry_backoff_us(tries, most_us + 1), 0);
        cr_assert_leq(retry_backoff_us(tries, UINT64_MAX - tries), most_us);
    }
    cr_assert_leq(retry_backoff_us(1000000, UINT64_MAX), 250000);
}
