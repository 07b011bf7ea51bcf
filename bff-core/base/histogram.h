#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include "counter.h"

#include <stddef.h>

/*
 * How often a value fell between which bounds. One thread observes, any thread reads: a histogram
 * is a row of counters. Values are whole numbers in the scale's unit (microseconds, bytes).
 */

enum { HISTOGRAM_BOUNDS_MAX = 24 };

/*
 * The upper bounds of the buckets, rising; a value belongs to the first bound that is not below it.
 */
struct histogram_scale {
    size_t count;
    uint64_t bounds[HISTOGRAM_BOUNDS_MAX];
};

/*
 * Microseconds from 100 us to 30 s: the bounds of OpenTelemetry's HTTP conventions and finer ones.
 */
extern const struct histogram_scale histogram_durations;
/* Microseconds from 50 us to 1 s: for what the server itself takes. */
extern const struct histogram_scale histogram_overheads;
/* Bytes from 256 to 4 MiB. */
extern const struct histogram_scale histogram_sizes;

struct histogram {
    const struct histogram_scale *scale;
    struct counter counts[HISTOGRAM_BOUNDS_MAX + 1]; /* the last one: beyond all bounds */
    struct counter sum;
};

/* The scale is borrowed. Nothing was observed yet. */
void histogram_init(struct histogram *histogram, const struct histogram_scale *scale);

/* The writing thread only. */
void histogram_observe(struct histogram *histogram, uint64_t value);

/* What histograms of one scale hold together, at one moment. Zeroed is "nothing observed". */
struct histogram_view {
    const struct histogram_scale *scale;
    uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1];
    uint64_t count; /* of all values; always the sum of `counts` */
    uint64_t sum;
};

/* Adds a histogram to the view. All that are added to one view must be of one scale. Any thread. */
void histogram_view_add(struct histogram_view *view, const struct histogram *histogram);

/*
 * The value below which the share `quantile` (0 to 1) of all values lies, estimated: values are
 * taken to be spread evenly between the bounds of their bucket. Beyond the last bound: the last
 * bound. Nothing observed: 0.
 */
double histogram_view_quantile(const struct histogram_view *view, double quantile);

#endif
