#ifndef FANOUT_LATENCY_H
#define FANOUT_LATENCY_H

#include <stdint.h>

/*
 * How long a service takes for 95 of 100 answers, over the last half to whole minute. A sample
 * costs a few instructions; the percentile is looked up again now and then and is at most an eighth
 * too high. Zeroed is "nothing observed". Pure: no clock. One thread.
 */
enum {
    LATENCY_PER_OCTAVE = 8,
    LATENCY_BUCKETS = 28 * LATENCY_PER_OCTAVE, /* to 134 s */
    LATENCY_SAMPLES_MIN = 20,                  /* fewer say nothing about the 95th of a hundred */
    LATENCY_SPAN_US = 30 * 1000 * 1000,
};

struct latency {
    struct latency_span {
        uint32_t counts[LATENCY_BUCKETS];
        uint32_t count;
    } spans[2]; /* the present one and the one before, in turns */
    unsigned present;
    unsigned unseen; /* samples since the percentile was looked up */
    uint64_t began_us;
    uint64_t p95_us;
};

void latency_add(struct latency *latency, uint64_t took_us, uint64_t now_us);

/* As of the last samples; UINT64_MAX: too few. */
uint64_t latency_p95_us(const struct latency *latency);

#endif
