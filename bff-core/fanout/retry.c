/*
 * retry: budgets for asking again, and how long to wait before it.
 *
 * Owns ten slots of a second each. What was taken does not count as a call: a budget that lived on
 * its own retries would grow with them.
 */
#include "retry.h"

#include <string.h>

enum { BACKOFF_US = 10 * 1000, BACKOFF_MAX_US = 250 * 1000 };

void retry_budget_init(struct retry_budget *budget, unsigned percent, unsigned per_s)
{
    *budget = (struct retry_budget){ .percent = percent, .per_s = per_s };
}

/* Empties the slots whose time is over. */
static void turn(struct retry_budget *budget, uint64_t now_us)
{
    uint64_t slot = now_us / RETRY_SLOT_US;
    if (slot >= budget->slot + RETRY_SLOTS) {
        memset(budget->slots, 0, sizeof(budget->slots));
        budget->slot = slot;
    }
    while (budget->slot < slot) {
        budget->slot++;
        memset(&budget->slots[budget->slot % RETRY_SLOTS], 0, sizeof(budget->slots[0]));
    }
}

void retry_budget_called(struct retry_budget *budget, uint64_t now_us)
{
    turn(budget, now_us);
    budget->slots[budget->slot % RETRY_SLOTS].calls++;
}

bool retry_budget_take(struct retry_budget *budget, uint64_t now_us)
{
    uint64_t calls = 0, taken = 0;
    turn(budget, now_us);
    for (unsigned i = 0; i < RETRY_SLOTS; i++) {
        calls += budget->slots[i].calls;
        taken += budget->slots[i].taken;
    }
    uint64_t first = calls > taken ? calls - taken : 0;
    uint32_t *now = &budget->slots[budget->slot % RETRY_SLOTS].taken;
    if (*now >= budget->per_s && (taken + 1) * 100 > first * budget->percent) {
        return false;
    }
    ++*now;
    return true;
}

uint64_t retry_backoff_us(unsigned tries, uint64_t random)
{
    unsigned doublings = tries > 1 ? tries - 1 : 0;
    uint64_t most = doublings < 8 ? (uint64_t)BACKOFF_US << doublings : BACKOFF_MAX_US;
    most = most < BACKOFF_MAX_US ? most : BACKOFF_MAX_US;
    return random % (most + 1);
}
