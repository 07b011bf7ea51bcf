/* Histograms: where a value belongs, what the totals promise, and how good a quantile is. */
#include "base/histogram.h"
#include "base/must.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

TestSuite(histogram, .timeout = 60);

static const struct histogram_scale tens = { .count = 3, .bounds = { 10, 20, 30 } };

static struct histogram_view view_of(const struct histogram *histogram)
{
    struct histogram_view view = { 0 };
    histogram_view_add(&view, histogram);
    return view;
}

Test(histogram, a_value_belongs_to_the_first_bound_that_is_not_below_it)
{
    struct histogram histogram;
    histogram_init(&histogram, &tens);
    const uint64_t values[] = { 0, 10, 11, 20, 21, 30, 31, 1000 };
    for (size_t i = 0; i < countof(values); i++) {
        histogram_observe(&histogram, values[i]);
    }
    struct histogram_view view = view_of(&histogram);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(view.counts[i], 2, "bucket %zu has %lu", i, (unsigned long)view.counts[i]);
    }
    cr_assert_eq(view.count, 8);
    cr_assert_eq(view.sum, 0 + 10 + 11 + 20 + 21 + 30 + 31 + 1000);
}

Test(histogram, every_scale_rises_and_fits)
{
    const struct histogram_scale *const scales[] = { &histogram_durations, &histogram_overheads,
        &histogram_sizes };
    for (size_t i = 0; i < countof(scales); i++) {
        cr_assert(scales[i]->count > 0 && scales[i]->count <= HISTOGRAM_BOUNDS_MAX);
        for (size_t bound = 1; bound < scales[i]->count; bound++) {
            cr_assert_lt(scales[i]->bounds[bound - 1], scales[i]->bounds[bound]);
        }
    }
}

Test(histogram, durations_have_the_bounds_of_opentelemetry)
{
    const uint64_t wanted_ms[] = { 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500,
        10000 };
    for (size_t i = 0; i < countof(wanted_ms); i++) {
        bool is_there = false;
        for (size_t at = 0; at < histogram_durations.count; at++) {
            is_there |= histogram_durations.bounds[at] == wanted_ms[i] * 1000;
        }
        cr_assert(is_there, "%lu ms is no bound", (unsigned long)wanted_ms[i]);
    }
}

Test(histogram, views_of_several_histograms_add_up)
{
    struct histogram first, second;
    histogram_init(&first, &tens);
    histogram_init(&second, &tens);
    histogram_observe(&first, 5);
    histogram_observe(&second, 5);
    histogram_observe(&second, 25);
    struct histogram_view view = view_of(&first);
    histogram_view_add(&view, &second);
    cr_assert_eq(view.count, 3);
    cr_assert_eq(view.counts[0], 2);
    cr_assert_eq(view.counts[2], 1);
    cr_assert_eq(view.sum, 35);
}

Test(histogram, quantiles_are_linear_inside_a_bucket)
{
    struct histogram histogram;
    histogram_init(&histogram, &tens);
    for (int i = 0; i < 4; i++) {
        histogram_observe(&histogram, 15); /* ten to twenty */
    }
    struct histogram_view view = view_of(&histogram);
    cr_assert_float_eq(histogram_view_quantile(&view, 0.25), 12.5, 1e-9);
    cr_assert_float_eq(histogram_view_quantile(&view, 0.5), 15, 1e-9);
    cr_assert_float_eq(histogram_view_quantile(&view, 1), 20, 1e-9);
    histogram_observe(&histogram, 5); /* one of five now lies in the first bucket */
    view = view_of(&histogram);
    cr_assert_float_eq(histogram_view_quantile(&view, 0.1), 5, 1e-9);
    cr_assert_float_eq(histogram_view_quantile(&view, 0.6), 15, 1e-9);
}

Test(histogram, quantiles_of_nothing_and_beyond_all_bounds)
{
    struct histogram histogram;
    histogram_init(&histogram, &tens);
    struct histogram_view view = { 0 };
    cr_assert_eq(histogram_view_quantile(&view, 0.99), 0);
    histogram_observe(&histogram, 1000000);
    view = view_of(&histogram);
    cr_assert_eq(histogram_view_quantile(&view, 0.5), 30);
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* The estimate is never further from the truth than the bucket in which the truth lies. */
Test(histogram, quantiles_lie_in_the_right_bucket)
{
    enum { VALUES = 2000 };
    static uint64_t values[VALUES];
    unsigned seed = 7;
    struct histogram histogram;
    histogram_init(&histogram, &histogram_durations);
    for (size_t i = 0; i < VALUES; i++) {
        values[i] = (uint64_t)rand_r(&seed) % (1u << (5 + i % 19));
        histogram_observe(&histogram, values[i]);
    }
    qsort(values, VALUES, sizeof(values[0]), by_value);
    struct histogram_view view = view_of(&histogram);
    double before = 0;
    for (int percent = 1; percent <= 100; percent++) {
        double estimate = histogram_view_quantile(&view, percent / 100.0);
        uint64_t truth = values[VALUES * percent / 100 - 1], lower = 0;
        size_t at = 0;
        while (histogram_durations.bounds[at] < truth) {
            lower = histogram_durations.bounds[at++];
        }
        cr_assert(estimate >= (double)lower && estimate <= (double)histogram_durations.bounds[at],
            "p%d: %f for %lu", percent, estimate, (unsigned long)truth);
        cr_assert_geq(estimate, before);
        before = estimate;
    }
}

enum { OBSERVED = 200000 };

static void *observe_many(void *histogram)
{
    for (uint64_t i = 0; i < OBSERVED; i++) {
        histogram_observe(histogram, i % 40);
    }
    return NULL;
}

/* One thread writes, this one reads: totals never fall, and end exact. */
Test(histogram, may_be_read_while_it_counts)
{
    struct histogram histogram;
    pthread_t writer;
    uint64_t before = 0;
    histogram_init(&histogram, &tens);
    cr_assert_eq(pthread_create(&writer, NULL, observe_many, &histogram), 0);
    while (before < OBSERVED) {
        struct histogram_view view = view_of(&histogram);
        cr_assert_geq(view.count, before);
        before = view.count;
    }
    pthread_join(writer, NULL);
    cr_assert_eq(view_of(&histogram).sum, OBSERVED / 40 * (39 * 40 / 2));
}
