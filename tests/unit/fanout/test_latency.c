/* latency: the observed percentile against one that is counted out. */
#include "fanout/latency.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { S = 1000 * 1000 };

static struct latency latency;

static void forget(void)
{
    latency = (struct latency){ 0 };
}

TestSuite(latency, .init = forget);

/* At most an eighth above the truth, never below. */
static void expect_near(uint64_t found, uint64_t truth)
{
    cr_assert(found >= truth && found <= truth + truth / 8 + 1, "%llu instead of %llu",
        (unsigned long long)found, (unsigned long long)truth);
}

Test(latency, too_few_answers_say_nothing)
{
    cr_assert_eq(latency_p95_us(&latency), UINT64_MAX);
    for (unsigned i = 0; i < LATENCY_SAMPLES_MIN - 1; i++) {
        latency_add(&latency, 1000, 100ull * S);
    }
    cr_assert_eq(latency_p95_us(&latency), UINT64_MAX);
    for (unsigned i = 0; i < 16; i++) { /* it is not looked up at each */
        latency_add(&latency, 1000, 100ull * S);
    }
    expect_near(latency_p95_us(&latency), 1000);
}

Test(latency, finds_a_single_time_of_any_size)
{
    for (uint64_t us = 1; us < 100ull * S; us += us / 7 + 1) {
        forget();
        for (unsigned i = 0; i < 64; i++) {
            latency_add(&latency, us, 100ull * S);
        }
        expect_near(latency_p95_us(&latency), us);
    }
    forget();
    for (unsigned i = 0; i < 64; i++) {
        latency_add(&latency, i % 2 ? UINT64_MAX : 0, 100ull * S);
    }
    cr_assert_gt(latency_p95_us(&latency), 100ull * S, "what is beyond all buckets is in the last");
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

Test(latency, agrees_with_sorting)
{
    static uint64_t times[3200];
    uint64_t random = 1;
    for (unsigned i = 0; i < 3200; i++) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        times[i] = 1000 + (random >> 50) * (random >> 50) / 4096; /* a long tail to 65 ms */
        latency_add(&latency, times[i], 100ull * S + i * 1000);
    }
    qsort(times, 3200, sizeof(times[0]), compare);
    expect_near(latency_p95_us(&latency), times[3200 * 95 / 100]);
}

Test(latency, one_late_answer_of_thirty_is_not_the_rule)
{
    for (unsigned i = 0; i < 3200; i++) {
        latency_add(&latency, i % 30 ? 5000 : 900000, 100ull * S);
    }
    expect_near(latency_p95_us(&latency), 5000);
    for (unsigned i = 0; i < 320; i++) {
        latency_add(&latency, i % 10 ? 5000 : 900000, 161ull * S);
    }
    expect_near(latency_p95_us(&latency), 900000);
}

Test(latency, follows_within_a_minute_and_remembers_for_half)
{
    for (unsigned i = 0; i < 640; i++) {
        latency_add(&latency, 50000, 100ull * S);
    }
    for (unsigned i = 0; i < 64; i++) {
        latency_add(&latency, 1000, 131ull * S);
    }
    expect_near(latency_p95_us(&latency), 50000);
    for (unsigned i = 0; i < 64; i++) {
        latency_add(&latency, 1000, 161ull * S);
    }
    expect_near(latency_p95_us(&latency), 1000);
}

Test(latency, a_long_silence_forgets_all)
{
    for (unsigned i = 0; i < 640; i++) {
        latency_add(&latency, 50000, 100ull * S);
    }
    latency_add(&latency, 50000, 160ull * S);
    cr_assert_eq(latency_p95_us(&latency), UINT64_MAX);
}
