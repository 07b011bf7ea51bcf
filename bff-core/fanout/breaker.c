/*
 * breaker: who is ejected, for how long, and how it comes back.
 *
 * Owns the rolling window (slots that are reused as time goes on) and the three states. Promises:
 * (1) only breaker_open() ejects, and only breakers_judge() and a failed try call it; (2) at most
 * one call tries a half-open host; (3) a call counts for the time in which it began: one that was
 * under way when its host was ejected neither closes nor reopens anything.
 */
#include "breaker.h"

#include "../base/must.h"

#include <string.h>

void breaker_init(struct breaker *breaker, const struct breaker_limits *limits)
{
    must(limits->window_us >= BREAKER_SLOTS && limits->open_us <= limits->open_max_us);
    *breaker = (struct breaker){ .limits = limits, .is_closed = true };
}

enum breaker_state breaker_state(const struct breaker *breaker, uint64_t now_us)
{
    if (breaker->is_down) {
        return BREAKER_OPEN;
    }
    if (breaker->is_closed) {
        return BREAKER_CLOSED;
    }
    return now_us < breaker->until_us ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}

bool breaker_lets(const struct breaker *breaker, uint64_t now_us)
{
    enum breaker_state state = breaker_state(breaker, now_us);
    return state == BREAKER_CLOSED || (state == BREAKER_HALF_OPEN && !breaker->is_tried);
}

/* ---- the window ---- */

static void forget_calls(struct breaker *breaker)
{
    memset(breaker->slots, 0, sizeof(breaker->slots));
    breaker->row = 0;
}

/* Empties the slots whose time is over. */
static void turn(struct breaker *breaker, uint64_t now_us)
{
    uint64_t slot = now_us / (breaker->limits->window_us / BREAKER_SLOTS);
    if (slot >= breaker->slot + BREAKER_SLOTS) {
        memset(breaker->slots, 0, sizeof(breaker->slots));
        breaker->slot = slot;
    }
    while (breaker->slot < slot) {
        breaker->slot++;
        memset(&breaker->slots[breaker->slot % BREAKER_SLOTS], 0, sizeof(breaker->slots[0]));
    }
}

static bool is_ill(const struct breaker *breaker)
{
    const struct breaker_limits *limits = breaker->limits;
    if (limits->failures && breaker->row >= limits->failures) {
        return true;
    }
    uint64_t calls = 0, failed = 0;
    for (size_t i = 0; i < BREAKER_SLOTS; i++) {
        calls += breaker->slots[i].calls;
        failed += breaker->slots[i].failed;
    }
    return limits->ratio_percent && calls >= limits->calls_min &&
           failed * 100 >= calls * limits->ratio_percent && failed;
}

/* ---- in and out ---- */

static void breaker_open(struct breaker *breaker, uint64_t now_us)
{
    const struct breaker_limits *limits = breaker->limits;
    uint64_t good_us =
        breaker->is_closed && now_us > breaker->since_us ? now_us - breaker->since_us : 0;
    uint64_t forgiven = good_us / limits->window_us;
    breaker->ejections -= forgiven < breaker->ejections ? (unsigned)forgiven : breaker->ejections;
    uint64_t longest = limits->open_max_us / limits->open_us;
    breaker->ejections += breaker->ejections <= longest; /* beyond, more of them change nothing */
    uint64_t open_us = limits->open_us * breaker->ejections;
    breaker->until_us = now_us + (open_us < limits->open_max_us ? open_us : limits->open_max_us);
    breaker->since_us = now_us;
    breaker->opened++;
    breaker->is_closed = false;
    breaker->is_tried = false;
}

static void close_again(struct breaker *breaker, uint64_t now_us)
{
    forget_calls(breaker);
    breaker->is_closed = true;
    breaker->is_tried = false;
    breaker->since_us = now_us;
}

/*
 * Whether a call of a breaker that is not closed is the one that tries. It began after the
 * ejection; others before it, that is at least an ejection earlier: halfway between is far from
 * both.
 */
static bool has_tried(const struct breaker *breaker, uint64_t began_us)
{
    uint64_t halfway_us = breaker->since_us + (breaker->until_us - breaker->since_us) / 2;
    return breaker->is_tried && began_us > halfway_us;
}

void breaker_began(struct breaker *breaker, uint64_t now_us)
{
    breaker->is_tried |= breaker_state(breaker, now_us) == BREAKER_HALF_OPEN;
}

/*
 * Calls that were under way together fail together, when this machine or the network stood still
 * for a moment: that is one failure, not many in a row.
 */
static void count_row(struct breaker *breaker, bool is_good, uint64_t began_us, uint64_t now_us)
{
    enum { MOMENT_US = 100 * 1000 };
    if (is_good) {
        breaker->row = 0;
    } else if (!breaker->row || began_us >= breaker->row_us ||
               now_us - breaker->row_us >= MOMENT_US) {
        breaker->row++;
        breaker->row_us = now_us;
    }
}

bool breaker_ended(struct breaker *breaker, bool is_good, uint64_t began_us, uint64_t now_us)
{
    if (!breaker->is_closed) {
        if (has_tried(breaker, began_us) && is_good) {
            close_again(breaker, now_us);
        } else if (has_tried(breaker, began_us)) {
            breaker_open(breaker, now_us);
        }
        return false;
    }
    if (breaker->ejections && began_us < breaker->since_us) {
        return false;
    }
    turn(breaker, now_us);
    breaker->slots[breaker->slot % BREAKER_SLOTS].calls++;
    breaker->slots[breaker->slot % BREAKER_SLOTS].failed += !is_good;
    count_row(breaker, is_good, began_us, now_us);
    return !is_good && !breaker->is_down && is_ill(breaker);
}

void breaker_cancelled(struct breaker *breaker, uint64_t began_us)
{
    if (!breaker->is_closed && has_tried(breaker, began_us)) {
        breaker->is_tried = false;
    }
}

void breaker_set_down(struct breaker *breaker, bool is_down)
{
    if (breaker->is_down && !is_down) {
        forget_calls(breaker);
    }
    breaker->is_down = is_down;
}

/* ---- all of a service's ---- */

static bool is_in(const struct breaker *breaker)
{
    return breaker->is_closed && !breaker->is_down;
}

size_t breakers_judge(struct breaker *breakers, size_t count, uint64_t now_us)
{
    size_t out = 0, well = 0, opened = 0;
    for (size_t i = 0; i < count; i++) {
        turn(&breakers[i], now_us);
        out += !is_in(&breakers[i]);
        well += is_in(&breakers[i]) && !is_ill(&breakers[i]);
    }
    for (size_t i = 0; i < count; i++) {
        bool may_go = well == 0 || (out + 1) * 2 <= count;
        if (is_in(&breakers[i]) && is_ill(&breakers[i]) && may_go) {
            breaker_open(&breakers[i], now_us);
            out++;
            opened++;
        }
    }
    return opened;
}
