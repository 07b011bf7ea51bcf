/* breaker: when a host is ejected, how it comes back, and that enough of them stay. */
#include "fanout/breaker.h"

#include "base/must.h"

#include <criterion/criterion.h>

enum { S = 1000 * 1000, MS = 1000 };

static const struct breaker_limits limits = { .failures = 5,
    .ratio_percent = 50,
    .calls_min = 20,
    .window_us = 10 * S,
    .open_us = 5 * S,
    .open_max_us = 30 * S };

static struct breaker hosts[4];
static uint64_t now_us;

static void open_hosts(void)
{
    now_us = 1000ull * S;
    for (size_t i = 0; i < countof(hosts); i++) {
        breaker_init(&hosts[i], &limits);
    }
}

TestSuite(breaker, .init = open_hosts);

/* A call of a millisecond; true when the breaker is ill by it. */
static bool call(struct breaker *host, bool is_good)
{
    cr_assert(breaker_lets(host, now_us));
    breaker_began(host, now_us);
    now_us += MS;
    return breaker_ended(host, is_good, now_us - MS, now_us);
}

/* So many failures that host `i` of `count` is ill; how many were ejected for it. */
static size_t fail(size_t i, size_t count)
{
    size_t ejected = 0;
    for (unsigned times = 0; times < limits.failures; times++) {
        if (call(&hosts[i], false)) {
            ejected += breakers_judge(hosts, count, now_us);
        }
    }
    return ejected;
}

static enum breaker_state state(size_t i)
{
    return breaker_state(&hosts[i], now_us);
}

/* For how long the host is ejected from now on, to the millisecond. */
static uint64_t ejected_ms(const struct breaker *host)
{
    uint64_t until_us = now_us;
    while (breaker_state(host, until_us) == BREAKER_OPEN) {
        until_us += MS;
    }
    return (until_us - now_us) / MS;
}

/* This machine stood still: all that were under way are late in one moment. */
Test(breaker, many_that_fail_together_are_no_row)
{
    cr_assert_not(call(&hosts[0], true));
    for (unsigned i = 0; i < 100; i++) {
        breaker_began(&hosts[0], now_us + i);
    }
    for (unsigned i = 0; i < 15; i++) {
        cr_assert_not(breaker_ended(&hosts[0], false, now_us + i, now_us + 800 * MS + i));
    }
    now_us += 900 * MS;
    cr_assert_eq(state(0), BREAKER_CLOSED);
    for (unsigned i = 2; i < limits.failures; i++) {
        cr_assert_not(call(&hosts[0], false)); /* one after the other, behind that moment */
    }
    cr_assert(call(&hosts[0], false));
}

/* A black hole: they are late one after the other, and no good one comes between them. */
Test(breaker, those_that_keep_failing_are)
{
    bool is_ill = false;
    for (unsigned i = 0; i < 100; i++) { /* so that their share of all calls says nothing yet */
        cr_assert_not(call(&hosts[0], true));
    }
    uint64_t began_us = now_us;
    while (!is_ill) {
        now_us += 10 * MS;
        is_ill = breaker_ended(&hosts[0], false, now_us - 800 * MS, now_us);
        cr_assert_leq(now_us - began_us, 500 * MS);
    }
    cr_assert_geq(now_us - began_us, 400 * MS);
}

Test(breaker, is_ill_after_so_many_failures_in_a_row)
{
    for (unsigned i = 1; i < limits.failures; i++) {
        cr_assert_not(call(&hosts[0], false));
    }
    cr_assert_not(call(&hosts[0], true), "a success breaks the row");
    for (unsigned i = 1; i < limits.failures; i++) {
        cr_assert_not(call(&hosts[0], false));
    }
    cr_assert(call(&hosts[0], false));
    cr_assert_eq(state(0), BREAKER_CLOSED, "being ill is a wish");
    cr_assert(call(&hosts[0], false), "and it lasts");
}

Test(breaker, is_ill_when_too_many_of_enough_calls_fail)
{
    for (unsigned i = 0; i < 9; i++) {
        cr_assert_not(call(&hosts[0], true));
        cr_assert_not(call(&hosts[0], false), "half failed, but of %u calls only", 2 * i + 2);
    }
    call(&hosts[0], true);
    cr_assert(call(&hosts[0], false), "10 of 20");
}

Test(breaker, forgets_what_is_older_than_its_window)
{
    for (unsigned i = 0; i < 9; i++) {
        call(&hosts[0], true);
        call(&hosts[0], false);
    }
    now_us += limits.window_us;
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_not(call(&hosts[0], false));
        cr_assert_not(call(&hosts[0], true));
    }
    /* The window slides: what is half as old counts still. */
    now_us += limits.window_us / 2;
    for (unsigned i = 0; i < 5; i++) {
        cr_assert_not(call(&hosts[0], true));
        cr_assert_not(call(&hosts[0], false));
    }
    call(&hosts[0], true);
    cr_assert(call(&hosts[0], false));
}

Test(breaker, may_look_at_one_of_the_two_only)
{
    const struct breaker_limits none = { .window_us = S, .open_us = S, .open_max_us = S };
    breaker_init(&hosts[0], &none);
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_not(call(&hosts[0], false));
    }
}

Test(breaker, lets_one_call_at_a_time_try)
{
    cr_assert_eq(fail(0, 1), 1);
    cr_assert_eq(state(0), BREAKER_OPEN);
    cr_assert_not(breaker_lets(&hosts[0], now_us));
    now_us += 5 * S;
    cr_assert_eq(state(0), BREAKER_HALF_OPEN);
    cr_assert(breaker_lets(&hosts[0], now_us));
    breaker_began(&hosts[0], now_us);
    cr_assert_not(breaker_lets(&hosts[0], now_us), "while one tries, nobody else does");
    breaker_cancelled(&hosts[0], now_us);
    cr_assert(breaker_lets(&hosts[0], now_us), "one that was cancelled told nothing");
    call(&hosts[0], true);
    cr_assert_eq(state(0), BREAKER_CLOSED);
    for (unsigned i = 1; i < limits.failures; i++) {
        cr_assert_not(call(&hosts[0], false), "it starts afresh");
    }
}

Test(breaker, does_not_listen_to_calls_from_before)
{
    uint64_t early_us = now_us;
    fail(0, 1);
    now_us += 5 * S;
    breaker_ended(&hosts[0], true, early_us, now_us);
    cr_assert_eq(state(0), BREAKER_HALF_OPEN, "nobody has tried");
    breaker_began(&hosts[0], now_us);
    uint64_t began_us = now_us;
    now_us += MS;
    breaker_ended(&hosts[0], true, early_us, now_us);
    breaker_ended(&hosts[0], false, early_us, now_us);
    breaker_cancelled(&hosts[0], early_us);
    cr_assert_eq(state(0), BREAKER_HALF_OPEN);
    cr_assert_not(breaker_lets(&hosts[0], now_us));
    breaker_ended(&hosts[0], true, began_us, now_us);
    cr_assert_eq(state(0), BREAKER_CLOSED);
    for (unsigned i = 0; i < 2 * limits.failures; i++) {
        cr_assert_not(breaker_ended(&hosts[0], false, early_us, now_us));
    }
}

Test(breaker, ejects_for_longer_each_time_up_to_a_limit)
{
    static const unsigned expected_s[] = { 5, 10, 15, 20, 25, 30, 30, 30 };
    fail(0, 1);
    for (size_t i = 0; i < countof(expected_s); i++) {
        cr_assert_eq(ejected_ms(&hosts[0]), expected_s[i] * 1000, "ejection %zu", i + 1);
        now_us += expected_s[i] * (uint64_t)S;
        call(&hosts[0], false); /* it tries, in vain */
    }
}

Test(breaker, forgives_an_ejection_for_each_window_without_trouble)
{
    fail(0, 1);
    for (unsigned i = 0; i < 3; i++) { /* a fourth in a row would take 20 s */
        now_us += 30ull * S;
        call(&hosts[0], i == 2);
    }
    cr_assert_eq(state(0), BREAKER_CLOSED);
    now_us += 2 * limits.window_us;
    fail(0, 1);
    cr_assert_eq(ejected_ms(&hosts[0]), 10000, "3 - 2 + 1 times 5 s");
    now_us += 30ull * S;
    call(&hosts[0], true);
    now_us += 100 * limits.window_us;
    fail(0, 1);
    cr_assert_eq(ejected_ms(&hosts[0]), 5000);
}

Test(breaker, ejects_a_lone_host_that_is_ill)
{
    cr_assert_eq(fail(0, 1), 1);
    cr_assert_eq(state(0), BREAKER_OPEN);
}

Test(breaker, ejects_one_of_two_and_both_only_when_both_are_ill)
{
    cr_assert_eq(fail(0, 2), 1);
    cr_assert_eq(state(0), BREAKER_OPEN);
    for (unsigned i = 0; i < 15; i++) {
        call(&hosts[1], true);
    }
    cr_assert_eq(state(1), BREAKER_CLOSED);
    cr_assert_eq(fail(1, 2), 1);
    cr_assert_eq(state(1), BREAKER_OPEN);
}

Test(breaker, keeps_a_second_ill_one_of_three_while_the_third_is_well)
{
    cr_assert_eq(fail(0, 3), 1);
    cr_assert_eq(fail(1, 3), 0);
    cr_assert_eq(state(1), BREAKER_CLOSED);
    call(&hosts[1], false);
    cr_assert_eq(breakers_judge(hosts, 3, now_us), 0);
    cr_assert_eq(fail(2, 3), 2, "nobody is well: all are opened");
    cr_assert_eq(state(1), BREAKER_OPEN);
    cr_assert_eq(state(2), BREAKER_OPEN);
}

Test(breaker, ejects_half_of_four_in_the_order_of_their_illness)
{
    cr_assert_eq(fail(3, 4), 1);
    cr_assert_eq(fail(1, 4), 1);
    cr_assert_eq(fail(0, 4), 0);
    /* When one comes back well, the one that is ill takes its place. */
    now_us += 5 * S;
    call(&hosts[3], true);
    cr_assert_eq(state(3), BREAKER_CLOSED);
    cr_assert(call(&hosts[0], false));
    cr_assert_eq(breakers_judge(hosts, 4, now_us), 1);
    cr_assert_eq(state(0), BREAKER_OPEN);
}

Test(breaker, counts_a_host_that_is_down_among_those_that_are_out)
{
    breaker_set_down(&hosts[0], true);
    cr_assert_eq(state(0), BREAKER_OPEN);
    cr_assert_not(breaker_lets(&hosts[0], now_us));
    cr_assert_eq(fail(1, 3), 0, "one of three is out already");
    breaker_set_down(&hosts[0], false);
    cr_assert_eq(state(0), BREAKER_CLOSED);
    cr_assert(call(&hosts[1], false));
    cr_assert_eq(breakers_judge(hosts, 3, now_us), 1);
}

Test(breaker, up_again_starts_afresh)
{
    for (unsigned i = 1; i < limits.failures; i++) {
        call(&hosts[0], false);
    }
    breaker_set_down(&hosts[0], true);
    breaker_set_down(&hosts[0], false);
    cr_assert_not(call(&hosts[0], false));
}
