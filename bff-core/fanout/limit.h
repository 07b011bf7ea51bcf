#ifndef FANOUT_LIMIT_H
#define FANOUT_LIMIT_H

#include "../base/loop.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * How many calls a service bears at once, found by watching what they take. A service that has more
 * to do than it can do at once answers later, not more: then fewer are let through, so that those
 * that are keep their time.
 *
 * Looked at in windows, as the gradient limits of Netflix's concurrency-limits do. Each judges the
 * calls that began since the limit changed last, so a change is seen at work before the next:
 *
 *     more than a fifth failed or were late       the limit falls by a fifth
 *     fewer than half of the limit were in use    it stays, and the base is what calls take
 *     calls take half as long again as the base   it falls in proportion, by half at most
 *     else                                        it rises by its square root
 *
 * A caller with more to do than it can do at once sees an answer some time after it came, and that
 * looks like a crowded service. So each call has two times, with and without what may be the
 * caller's own lag: the service is slow when the shorter ones are, and a fall has helped when the
 * longer ones are short. Nothing is learned of the base while the two are far apart.
 *
 * Slow is not crowded: a fall to half that made the calls no faster is taken back, and what they
 * take is the new base. A base that was not learned in peace for a minute, of a service in full
 * use, is measured by such a fall: while half as many calls take clearly less time, the limit is
 * halved again, and that search ends where it no longer helps.
 *
 * Pure: no clock. One thread. Times are microseconds of one clock.
 */
struct limit {
    unsigned min, max;
    double limit;
    double base_us; /* of a call, while the service is not crowded; 0: not known yet */
    uint64_t base_at_us;

    /* The window. */
    uint64_t since_us;
    unsigned peak; /* calls in flight at once */
    unsigned count, failed;
    uint64_t sum_us, lags_us; /* of those that did not fail */
    bool was_calm;            /* the window before was one of peace */
    bool was_bound;           /* the limit was reached in the window before */
    bool is_steady;           /* and in this one: as many were in flight all the time */

    /* A fall under way. */
    double fell_from; /* 0: none */
    double fell_us;   /* what calls took there, at least */
    double fell_top;  /* the limit before the first of the falls that have not helped yet */
    bool is_search;   /* it goes on while it helps */
};

/* Starts at `start`, never leaves min to max. */
void limit_init(struct limit *limit, unsigned min, unsigned max, unsigned start);

/* So many calls may be in flight. */
unsigned limit_calls(const struct limit *limit);

/* A call starts, as one of `in_flight`. */
void limit_began(struct limit *limit, unsigned in_flight, uint64_t now_us);

/* How long a call took, as far as the caller knows. */
struct limit_time {
    uint64_t took_us; /* from its beginning to its end, which is now_us */
    uint64_t lag_us;  /* of that, at most, the caller was late */
    uint64_t now_us;
    bool is_callers; /* it was the caller's own doing: nothing about the service follows from it */
};

/* Of a call that has ended in this turn of the loop. */
struct limit_time limit_time_of(uint64_t began_us, uint64_t ended_us, const struct loop *loop);

/* Of one that ends at this moment. */
struct limit_time limit_time_since(uint64_t began_us, const struct loop *loop);

/*
 * A call has ended, with an answer or without one in time or at all: what failed says nothing about
 * the time that calls take.
 */
void limit_ended(struct limit *limit, bool is_answer, const struct limit_time *time);

#endif
