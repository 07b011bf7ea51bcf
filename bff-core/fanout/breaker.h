#ifndef FANOUT_BREAKER_H
#define FANOUT_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether one host may be asked, learned from how its calls end. CLOSED: it may. OPEN: it is
 * ejected for a while. HALF_OPEN: that while is over, and one call at a time may try; the first
 * that ends well closes the breaker, one that does not ejects the host again.
 *
 * A closed breaker is ill after so many failures in a row, or when the calls of a rolling window
 * were enough to judge and too many of them failed. Being ill is a wish: breakers_judge() decides
 * who is ejected. The nth ejection takes n times as long as the first, up to a limit; each window
 * without trouble takes one off n again.
 *
 * Pure: no clock, no loop. One thread. Times are microseconds of one clock.
 */
struct breaker_limits {
    unsigned failures;      /* in a row that make it ill; 0: none do */
    unsigned ratio_percent; /* of the window's calls that make it ill; 0: none do */
    unsigned calls_min;     /* the window holds at least so many before the ratio counts */
    uint64_t window_us;
    uint64_t open_us; /* the first ejection */
    uint64_t open_max_us;
};

enum { BREAKER_SLOTS = 10 };

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker {
    const struct breaker_limits *limits;
    bool is_closed;
    bool is_down;    /* from outside: a health check failed */
    bool is_tried;   /* half open, and the call that tries is under way */
    unsigned row;    /* failures since the last success, those of one moment taken for one */
    uint64_t row_us; /* when the last of them was */
    struct {
        uint32_t calls, failed;
    } slots[BREAKER_SLOTS];
    uint64_t slot;      /* the youngest, counted since the clock's beginning */
    unsigned ejections; /* n, as of since_us */
    uint64_t opened;    /* ejections in all */
    uint64_t since_us;  /* when it was closed or opened last */
    uint64_t until_us;  /* end of the ejection */
};

/* Closed. `limits` is borrowed. */
void breaker_init(struct breaker *breaker, const struct breaker_limits *limits);

enum breaker_state breaker_state(const struct breaker *breaker, uint64_t now_us);

/* Whether a call may start: closed, or half open without one that tries already. */
bool breaker_lets(const struct breaker *breaker, uint64_t now_us);

/* A call starts: half open, it is the one that tries. */
void breaker_began(struct breaker *breaker, uint64_t now_us);

/*
 * A call that began at `began_us` has ended. What began before an ejection says nothing about the
 * time after it. True when the breaker is closed and ill: time for breakers_judge().
 */
bool breaker_ended(struct breaker *breaker, bool is_good, uint64_t began_us, uint64_t now_us);

/* The same for a call that nobody waited for any more: another may try. */
void breaker_cancelled(struct breaker *breaker, uint64_t began_us);

/* Down, it is OPEN whatever its calls say; up again, a closed one starts afresh. */
void breaker_set_down(struct breaker *breaker, bool is_down);

/*
 * The breakers of all hosts of a service: ejects the ill among them, those first in the list first,
 * and returns how many. Never more than half of the hosts are out while one of the rest is well,
 * rounded down: the others would break under the load, and a failure that most hosts share is not
 * the hosts'. When every host that is left is ill, all are opened: the service is down, and calls
 * fail at once instead of slowly until one that tries gets through. So:
 *
 *     1 host    half is none: it is opened when it is ill, since nobody of the rest is well.
 *     2 hosts   one may be ejected; when the other is ill too, both are open.
 *     3 hosts   one may be ejected, a second ill one stays as long as the third is well; when the
 *               third is ill too, all are open.
 *
 * A service that was wholly open comes back host by host.
 */
size_t breakers_judge(struct breaker *breakers, size_t count, uint64_t now_us);

#endif
