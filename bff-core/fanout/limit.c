/*
 * limit: adaptive concurrency.
 *
 * Owns the estimate, the base, and one window of samples. Promises: (1) the limit stays within its
 * bounds; (2) it rises only while it is in use; (3) a window holds only calls that began in it, so
 * that it lasts as long as a call takes and no two changes answer to the same trouble. The limit is
 * moved by set_limit() alone, which begins a new window. The header says why.
 */
#include "limit.h"

#include "../base/clock.h"
#include "../base/must.h"

#include <math.h>

enum {
    WINDOW_MIN_US = 100 * 1000,
    WINDOW_TIMES = 3,                 /* at least, of the time that calls take */
    WINDOW_LONG_US = 2 * 1000 * 1000, /* after which a few samples have to do */
    SAMPLES_MIN = 100, /* the mean of so many, however wild, is within a tenth of the truth */
    SAMPLES_FEW = 8,
    BASE_AGE_US = 60 * 1000 * 1000,
    BASE_AGE_TIMES = 400,
    FAILED_PERCENT = 20,
};

static const double tolerance = 1.5; /* times the base that calls may take */
static const double helped = 0.75;   /* of the time before: a fall to half did not help above it */
static const double pulled_back = 0.8; /* of the limit that is left when calls fail */
static const double smoothing = 0.2;   /* of a new window's time in the base */

void limit_init(struct limit *limit, unsigned min, unsigned max, unsigned start)
{
    must(min >= 1 && min <= max);
    *limit = (struct limit){ .min = min, .max = max, .limit = start };
    limit->limit = fmin(fmax(limit->limit, min), max);
}

unsigned limit_calls(const struct limit *limit)
{
    return (unsigned)limit->limit;
}

/* ---- the window ---- */

static void begin_window(struct limit *limit, uint64_t now_us)
{
    limit->since_us = now_us;
    limit->peak = 0;
    limit->count = 0;
    limit->failed = 0;
    limit->sum_us = 0;
    limit->lags_us = 0;
}

/* What the window's calls took: as they ended for the caller, and without the caller's own lag. */
struct took {
    double most_us, least_us;
};

static struct took mean_took(const struct limit *limit)
{
    unsigned timed = limit->count - limit->failed;
    double most_us = timed ? (double)limit->sum_us / timed : 0;
    double lag_us = timed ? (double)limit->lags_us / timed : 0;
    return (struct took){ most_us, most_us - lag_us };
}

/* Slow calls end last: a window as short as a call would see the fast ones only. */
static bool is_window_full(const struct limit *limit, uint64_t now_us)
{
    uint64_t age_us = now_us - limit->since_us;
    bool has_enough = limit->count >= SAMPLES_MIN && age_us >= WINDOW_MIN_US;
    bool has_waited = limit->count >= SAMPLES_FEW && age_us >= WINDOW_LONG_US;
    return (has_enough || has_waited) && (double)age_us >= mean_took(limit).most_us * WINDOW_TIMES;
}

/* ---- what follows from it ---- */

static void set_limit(struct limit *limit, double wanted, uint64_t now_us)
{
    limit->limit = fmin(fmax(wanted, limit->min), limit->max);
    begin_window(limit, now_us);
}

static void end_fall(struct limit *limit)
{
    limit->fell_from = 0;
    limit->fell_top = 0;
    limit->is_search = false;
}

static void fall(struct limit *limit, double share, struct took took, uint64_t now_us)
{
    bool is_new = limit->fell_from == 0 || limit->limit > limit->fell_from ||
                  took.least_us * helped > limit->fell_us; /* it got worse meanwhile */
    if (is_new && limit->is_steady) {
        limit->fell_from = limit->limit;
        limit->fell_us = took.least_us;
    }
    limit->fell_top = fmax(limit->fell_top, limit->limit);
    set_limit(limit, limit->limit * fmax(share, 0.5), now_us);
}

/* The caller's lag does not matter. */
static bool is_clear(struct took took)
{
    return took.most_us <= took.least_us * tolerance;
}

/* Of a window in peace. Only the second in a row can be believed: the first may be how a crowd
 * begins. */
static void learn_base(struct limit *limit, double took_us, uint64_t now_us)
{
    limit->base_us += (took_us - limit->base_us) * (limit->base_us > 0 ? smoothing : 1);
    limit->base_at_us = limit->was_calm ? now_us : limit->base_at_us;
    limit->was_calm = true;
    limit->was_bound = false;
}

/*
 * At half of where a fall began. True when the fall is over: it did not help, or there is nowhere
 * left to fall to.
 */
static bool settle(struct limit *limit, struct took took, uint64_t now_us)
{
    bool has_helped = took.most_us <= limit->fell_us * helped;
    if (has_helped && limit->limit > limit->min) {
        limit->fell_top = limit->limit;
        limit->fell_from = limit->limit;
        limit->fell_us = took.least_us;
        return false;
    }
    limit->base_us = took.most_us;
    limit->base_at_us = now_us;
    double back = limit->is_search ? limit->fell_from : limit->fell_top;
    end_fall(limit);
    set_limit(limit, has_helped ? limit->limit : back, now_us);
    return true;
}

/* A search costs about twelve times what a call takes: of a slow service it is rarer. */
static bool is_base_old(const struct limit *limit, uint64_t now_us)
{
    double age_us = fmax(BASE_AGE_US, BASE_AGE_TIMES * limit->base_us);
    return limit->base_at_us == 0 || (double)(now_us - limit->base_at_us) > age_us;
}

/* In full use, up to the next change. */
static void note_use(struct limit *limit)
{
    bool is_bound = limit->peak >= (unsigned)(limit->limit * 0.9);
    limit->is_steady = is_bound && limit->was_bound;
    limit->was_bound = is_bound;
    limit->was_calm = false;
}

static void follow(struct limit *limit, struct took took, uint64_t now_us)
{
    double most_us = limit->base_us * tolerance;
    limit->is_search |= limit->is_steady && is_clear(took) && is_base_old(limit, now_us);
    if (limit->is_search) {
        fall(limit, 0.5, took, now_us);
    } else if (took.least_us > most_us) {
        fall(limit, most_us / took.least_us, took, now_us);
    } else {
        if (took.most_us < limit->base_us) {
            limit->base_us += (took.most_us - limit->base_us) * smoothing;
        }
        set_limit(limit, limit->limit + sqrt(limit->limit), now_us);
    }
}

/* Of a service in use whose calls do not fail. */
static void judge(struct limit *limit, struct took took, uint64_t now_us)
{
    note_use(limit);
    bool is_halved = limit->limit * 2 <= limit->fell_from || limit->limit <= limit->min;
    if (limit->fell_from > 0 && is_halved && settle(limit, took, now_us)) {
        return;
    }
    if (limit->base_us == 0) {
        limit->base_us = took.most_us; /* for want of a better one: it stays old */
    }
    follow(limit, took, now_us);
}

static void end_window(struct limit *limit, uint64_t now_us)
{
    struct took took = mean_took(limit);
    if (limit->failed * 100 > limit->count * FAILED_PERCENT) {
        end_fall(limit);
        set_limit(limit, limit->limit * pulled_back, now_us);
    } else if (limit->peak * 2 < limit->limit) {
        if (is_clear(took)) {
            learn_base(limit, took.most_us, now_us);
        }
        set_limit(limit, limit->is_search ? limit->fell_from : limit->limit, now_us);
        end_fall(limit);
    } else {
        judge(limit, took, now_us);
    }
}

/* ---- the doors ---- */

void limit_began(struct limit *limit, unsigned in_flight, uint64_t now_us)
{
    if (limit->since_us == 0) {
        begin_window(limit, now_us);
    }
    limit->peak = in_flight > limit->peak ? in_flight : limit->peak;
}

struct limit_time limit_time_of(uint64_t began_us, uint64_t ended_us, const struct loop *loop)
{
    return (struct limit_time){
        .took_us = ended_us - began_us, .lag_us = loop_lag_us(loop, ended_us), .now_us = ended_us
    };
}

struct limit_time limit_time_since(uint64_t began_us, const struct loop *loop)
{
    return limit_time_of(began_us, clock_now_us(), loop);
}

void limit_ended(struct limit *limit, bool is_answer, const struct limit_time *time)
{
    uint64_t took_us = time->took_us, now_us = time->now_us;
    if (took_us > now_us || now_us - took_us < limit->since_us) {
        return;
    }
    limit->count++;
    limit->failed += !is_answer;
    if (is_answer) {
        limit->sum_us += took_us;
        limit->lags_us += time->lag_us < took_us ? time->lag_us : took_us;
    }
    if (is_window_full(limit, now_us)) {
        end_window(limit, now_us);
    }
}
