/*
 * histogram: values in buckets.
 *
 * Owns the three scales. Promises that a view's count is the sum of its buckets, whatever the
 * writer does meanwhile, so that no reader sees a bucket larger than the total. Knows nothing of
 * how a histogram is named or printed.
 */
#include "histogram.h"

#include "must.h"

const struct histogram_scale histogram_durations = {
    .count = 24,
    .bounds = { 100, 250, 500, 1000, 1500, 2500, 5000, 7500, 10000, 15000, 25000, 50000, 75000,
        100000, 150000, 250000, 500000, 750000, 1000000, 2500000, 5000000, 7500000, 10000000,
        30000000 },
};

const struct histogram_scale histogram_overheads = {
    .count = 20,
    .bounds = { 50, 75, 100, 150, 200, 250, 350, 500, 750, 1000, 1500, 2500, 5000, 10000, 25000,
        50000, 100000, 250000, 500000, 1000000 },
};

const struct histogram_scale histogram_sizes = {
    .count = 16,
    .bounds = { 256, 512, 1024, 2048, 3072, 4096, 6144, 8192, 16384, 32768, 65536, 131072, 262144,
        524288, 1048576, 4194304 },
};

void histogram_init(struct histogram *histogram, const struct histogram_scale *scale)
{
    *histogram = (struct histogram){ .scale = scale };
}

void histogram_observe(struct histogram *histogram, uint64_t value)
{
    const struct histogram_scale *scale = histogram->scale;
    size_t low = 0, high = scale->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (value <= scale->bounds[middle]) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    counter_add(&histogram->counts[low], 1);
    counter_add(&histogram->sum, value);
}

void histogram_view_add(struct histogram_view *view, const struct histogram *histogram)
{
    must(view->scale == NULL || view->scale == histogram->scale);
    view->scale = histogram->scale;
    for (size_t i = 0; i <= histogram->scale->count; i++) {
        uint64_t count = counter_read(&histogram->counts[i]);
        view->counts[i] += count;
        view->count += count;
    }
    view->sum += counter_read(&histogram->sum);
}

double histogram_view_quantile(const struct histogram_view *view, double quantile)
{
    must(quantile >= 0 && quantile <= 1);
    if (view->count == 0) {
        return 0;
    }
    double rank = quantile * (double)view->count;
    double below = 0, lower = 0;
    for (size_t i = 0; i < view->scale->count; i++) {
        double inside = (double)view->counts[i];
        double upper = (double)view->scale->bounds[i];
        if (inside > 0 && below + inside >= rank) {
            return lower + (upper - lower) * (rank - below) / inside;
        }
        below += inside;
        lower = upper;
    }
    return lower;
}
