/*
 * latency: an observed percentile.
 *
 * Owns two histograms with eight buckets to the octave: the present span fills one while the one
 * before is still counted, so that the window slides in steps of half its length and nothing is
 * sorted. A silence of a whole window forgets everything: what was true then need not be now.
 */
#include "latency.h"

#include <string.h>

enum { LOOK_EVERY = 16, LOOK_PART = 32 };

/* The values up to 8 have a bucket each; from there on eight share an octave. */
static unsigned bucket_of(uint64_t us)
{
    if (us < LATENCY_PER_OCTAVE) {
        return (unsigned)us;
    }
    unsigned octave = 63 - (unsigned)__builtin_clzll(us); /* at least 3 */
    unsigned eighth = (unsigned)(us >> (octave - 3)) & (LATENCY_PER_OCTAVE - 1);
    unsigned bucket = (octave - 2) * LATENCY_PER_OCTAVE + eighth;
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

/* The largest value that belongs to the bucket. */
static uint64_t top_of(unsigned bucket)
{
    if (bucket < LATENCY_PER_OCTAVE) {
        return bucket;
    }
    unsigned shift = bucket / LATENCY_PER_OCTAVE - 1;
    return ((uint64_t)(LATENCY_PER_OCTAVE + bucket % LATENCY_PER_OCTAVE + 1) << shift) - 1;
}

static void look_up(struct latency *latency)
{
    const struct latency_span *a = &latency->spans[0], *b = &latency->spans[1];
    uint64_t count = (uint64_t)a->count + b->count;
    latency->unseen = 0;
    latency->p95_us = 0;
    if (count < LATENCY_SAMPLES_MIN) {
        return;
    }
    uint64_t above = 0;
    unsigned bucket = LATENCY_BUCKETS;
    while (bucket > 0 && above * 100 <= count * 5) {
        bucket--;
        above += a->counts[bucket] + b->counts[bucket];
    }
    latency->p95_us = top_of(bucket);
}

static void turn(struct latency *latency, uint64_t now_us)
{
    uint64_t age_us = now_us > latency->began_us ? now_us - latency->began_us : 0;
    if (age_us < LATENCY_SPAN_US) {
        return;
    }
    if (age_us >= 2 * (uint64_t)LATENCY_SPAN_US) {
        memset(&latency->spans[latency->present], 0, sizeof(latency->spans[0]));
    }
    latency->present ^= 1;
    memset(&latency->spans[latency->present], 0, sizeof(latency->spans[0]));
    latency->began_us = now_us;
    look_up(latency);
}

void latency_add(struct latency *latency, uint64_t took_us, uint64_t now_us)
{
    turn(latency, now_us);
    struct latency_span *span = &latency->spans[latency->present];
    span->counts[bucket_of(took_us ? took_us : 1)]++; /* 0 stands for "too few" */
    span->count++;
    /* A few more among many change nothing. */
    if (++latency->unseen >= LOOK_EVERY && latency->unseen >= span->count / LOOK_PART) {
        look_up(latency);
    }
}

uint64_t latency_p95_us(const struct latency *latency)
{
    return latency->p95_us ? latency->p95_us : UINT64_MAX;
}
