#ifndef FANOUT_RETRY_H
#define FANOUT_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How much may be asked more than once. A budget is a share of the calls of the last ten seconds,
 * and at least so many in each second: when a service falls ill, asking again helps the few and
 * would drown it with the many. Pure: no clock. One thread.
 */
enum { RETRY_SLOTS = 10, RETRY_SLOT_US = 1000 * 1000 };

/* Retries: of 100 calls, and in a second whatever the calls. Hedges: of 100 calls. */
enum { RETRY_PERCENT = 20, RETRY_PER_S = 3, HEDGE_PERCENT = 3, HEDGE_PER_S = 0 };

struct retry_budget {
    unsigned percent; /* of the calls that were asked for the first time */
    unsigned per_s;
    struct {
        uint32_t calls, taken;
    } slots[RETRY_SLOTS];
    uint64_t slot; /* the youngest, counted since the clock's beginning */
};

void retry_budget_init(struct retry_budget *budget, unsigned percent, unsigned per_s);

/* A call starts: a first one, or one that was taken from the budget. */
void retry_budget_called(struct retry_budget *budget, uint64_t now_us);

/* True takes one. */
bool retry_budget_take(struct retry_budget *budget, uint64_t now_us);

/*
 * How long to wait before asking again after `tries` (from 1) tries: anything from nothing to a
 * limit that doubles with each, up to a quarter of a second ("full jitter": those that failed
 * together do not come back together). `random` is any 64 random bits.
 */
uint64_t retry_backoff_us(unsigned tries, uint64_t random);

#endif
