/*
 * shed: who is let in when there is more to do than can be done in time.
 *
 * The signal is the delay of the worker's own loop: how long an event that was ready had to wait
 * for its turn. It is near zero however busy the services are, and grows without end once requests
 * come faster than this thread can serve them; a request waits for some five turns in all. When
 * the delay has been above its target for a whole interval, no burst explains it any more (as in
 * CoDel, RFC 8289), and from then on requests in flight are limited. The delay is in proportion to
 * the requests in flight, so the limit moves by the ratio of target and delay, and stays where the
 * worker is never idle and never late. It is gone when nobody was refused for ten intervals.
 *
 * Each priority may fill a share of the limit together with those above it: the low ones are
 * refused while the high ones still find room, and never stand in their way. Invariants: (1) while
 * nothing is shed, nobody is refused here; (2) shed_enter and shed_leave come in pairs, so
 * in_flight counts exactly those let in; (3) the limit never falls
 * below LIMIT_MIN, nor rises above what limits.in_flight leaves this worker. Does not know what a
 * request costs, nor why the loop is slow: a machine that is taken away by others looks the same.
 */
#include "shed.h"

#include "../base/hash.h"
#include "../base/must.h"

#include <stdlib.h>

enum {
    LIMIT_MIN = 8,
    PERIOD_US = 10 * 1000, /* between two moves of the limit, at least */
    PERIOD_TURNS = 2,      /* and for it to be felt */
    CALM_INTERVALS = 10,
    WINDOW_US = 1000 * 1000, /* over which "most" is judged */
};

/* How far the limit moves at once. */
static const double steepest_fall = 0.9, steepest_rise = 1.1;

enum { RANKS = 3 };

/* The first is refused last. */
static const struct {
    unsigned rank;
    double share;
} ranks[] = {
    [BFF_PRIORITY_HIGH] = { 0, 1 },
    [BFF_PRIORITY_NORMAL] = { 1, 0.75 },
    [BFF_PRIORITY_LOW] = { 2, 0.5 },
};

struct shed {
    struct loop *loop;
    const struct settings *settings;
    struct pressure *pressure;
    struct turn_hook hook;
    unsigned in_flight[RANKS];
    unsigned knocked[RANKS]; /* since this turn began, and not entered yet */

    uint64_t late_since_us; /* the delay has been above its target since; 0: it is not */
    bool is_shedding;
    double limit; /* while shedding */
    uint64_t refused_us;

    /* Since the limit last moved. */
    struct {
        uint64_t began_us, delays_us;
        unsigned turns, refused;
    } period;

    /* Of those that are not of low priority, since the window began. */
    struct {
        uint64_t began_us;
        unsigned asked, refused;
    } window;

    uint64_t dice;
};

/* ---- the limit ---- */

/* Of this rank and those above it. */
static unsigned count(const unsigned *counts, unsigned rank)
{
    unsigned sum = 0;
    for (unsigned i = 0; i <= rank; i++) {
        sum += counts[i];
    }
    return sum;
}

static unsigned all_in_flight(const struct shed *shed)
{
    return count(shed->in_flight, RANKS - 1);
}

static double limit_within(const struct shed *shed, double limit)
{
    const struct settings *settings = shed->settings;
    double most = (double)settings->limits.in_flight / settings->listen.workers;
    limit = limit < most ? limit : most;
    return limit > LIMIT_MIN ? limit : LIMIT_MIN;
}

static void begin_period(struct shed *shed, uint64_t now_us)
{
    shed->period.began_us = now_us;
    shed->period.delays_us = 0;
    shed->period.turns = shed->period.refused = 0;
}

static void begin_shedding(struct shed *shed, uint64_t now_us, uint64_t delay_us)
{
    double target_us = shed->settings->shed.target_ms * 1000.0;
    shed->is_shedding = true;
    shed->limit = limit_within(shed, all_in_flight(shed) * target_us / (double)delay_us);
    shed->refused_us = now_us;
    begin_period(shed, now_us);
}

/*
 * Down only when the limit is already felt: what was in flight before it is still being worked off.
 * Up only when somebody was refused: else it is not the limit that keeps the delay low.
 */
static void move_limit(struct shed *shed)
{
    double mean_us = (double)shed->period.delays_us / shed->period.turns;
    double target_us = shed->settings->shed.target_ms * 1000.0;
    bool is_felt = all_in_flight(shed) <= shed->limit;
    double factor = mean_us > 0 ? target_us / mean_us : steepest_rise;
    if (factor < 1 && is_felt) {
        shed->limit *= factor > steepest_fall ? factor : steepest_fall;
    } else if (factor > 1 && shed->period.refused) {
        shed->limit *= factor < steepest_rise ? factor : steepest_rise;
    }
    shed->limit = limit_within(shed, shed->limit);
}

/* ---- each turn ---- */

/* Most are refused: begins at a half, and ends when it was less than a quarter. */
static void judge_window(struct shed *shed, uint64_t now_us)
{
    unsigned asked = shed->window.asked, refused = shed->window.refused;
    bool was_hard = shed->pressure->is_hard;
    shed->pressure->is_hard = refused > 0 && refused * (was_hard ? 4 : 2) >= asked;
    shed->window.began_us = now_us;
    shed->window.asked = shed->window.refused = 0;
}

static void watch_delay(struct shed *shed, uint64_t now_us, uint64_t delay_us)
{
    const struct settings *settings = shed->settings;
    uint64_t interval_us = settings->shed.interval_ms * 1000ull;
    bool is_late = settings->shed.target_ms && delay_us > settings->shed.target_ms * 1000ull;
    if (!is_late) {
        shed->late_since_us = 0;
    } else if (!shed->late_since_us) {
        shed->late_since_us = now_us;
    }
    if (!shed->is_shedding && is_late && now_us - shed->late_since_us >= interval_us) {
        begin_shedding(shed, now_us, delay_us);
    }
    if (shed->is_shedding && now_us - shed->refused_us >= CALM_INTERVALS * interval_us) {
        shed->is_shedding = false;
    }
}

void shed_turn(struct shed *shed, uint64_t now_us, uint64_t delay_us)
{
    if (shed->is_shedding) {
        shed->period.delays_us += delay_us;
        shed->period.turns++;
        if (now_us - shed->period.began_us >= PERIOD_US && shed->period.turns >= PERIOD_TURNS) {
            move_limit(shed);
            begin_period(shed, now_us);
        }
    }
    watch_delay(shed, now_us, delay_us);
    if (now_us - shed->window.began_us >= WINDOW_US) {
        judge_window(shed, now_us);
    }
    memset(shed->knocked, 0, sizeof(shed->knocked)); /* who has not entered by now has left */
    shed->pressure->delay_us = delay_us;
    shed->pressure->limit = shed->is_shedding ? (unsigned)shed->limit : 0;
}

static uint64_t before_wait(struct turn_hook *hook)
{
    struct shed *shed = container_of(hook, struct shed, hook);
    shed_turn(shed, loop_now_us(shed->loop), loop_delay_us(shed->loop));
    bool is_looking = shed->is_shedding || shed->window.asked;
    return is_looking ? WINDOW_US : LOOP_NO_LIMIT; /* to see that it is over */
}

struct shed *shed_new(struct loop *loop, const struct settings *settings, struct pressure *pressure)
{
    struct shed *shed = calloc(1, sizeof(*shed));
    must(shed != NULL);
    shed->loop = loop;
    shed->settings = settings;
    shed->pressure = pressure;
    shed->hook.before_wait = before_wait;
    hash_random(&shed->dice, sizeof(shed->dice));
    loop_hook(loop, &shed->hook);
    return shed;
}

void shed_free(struct shed *shed)
{
    if (shed) {
        loop_unhook(shed->loop, &shed->hook);
        free(shed);
    }
}

/* ---- each request ---- */

/* Not all at once, and later when most are refused (RFC 9110 section 10.2.3: whole seconds). */
static unsigned retry_after_s(struct shed *shed)
{
    enum { SOON_S = 3, LATER_S = 10 };
    shed->dice = shed->dice * 6364136223846793005u + 1442695040888963407u;
    return 1 + (unsigned)(shed->dice >> 33) % (shed->pressure->is_hard ? LATER_S : SOON_S);
}

static bool has_room(const struct shed *shed, enum bff_priority priority)
{
    unsigned rank = ranks[priority].rank;
    unsigned inside = count(shed->in_flight, rank) + count(shed->knocked, rank);
    return !shed->is_shedding || inside < shed->limit * ranks[priority].share;
}

/* Returns when the next try is worth its while. */
static unsigned count_refusal(struct shed *shed, enum bff_priority priority)
{
    shed->window.asked += priority != BFF_PRIORITY_LOW;
    shed->window.refused += priority != BFF_PRIORITY_LOW;
    shed->period.refused++;
    shed->refused_us = loop_now_us(shed->loop);
    return retry_after_s(shed);
}

bool shed_enter(struct shed *shed, enum bff_priority priority, unsigned *retry_after)
{
    unsigned rank = ranks[priority].rank;
    shed->knocked[rank] -= shed->knocked[rank] > 0;
    bool is_in = has_room(shed, priority);
    *retry_after = is_in ? 0 : count_refusal(shed, priority);
    shed->window.asked += is_in && priority != BFF_PRIORITY_LOW;
    shed->in_flight[rank] += is_in;
    return is_in;
}

bool shed_knock(struct shed *shed, enum bff_priority priority, unsigned *retry_after)
{
    bool may_enter = has_room(shed, priority);
    *retry_after = may_enter ? 0 : count_refusal(shed, priority);
    shed->knocked[ranks[priority].rank] += may_enter;
    return may_enter;
}

void shed_leave(struct shed *shed, enum bff_priority priority)
{
    must(shed->in_flight[ranks[priority].rank] > 0);
    shed->in_flight[ranks[priority].rank]--;
}

/* ---- the step ---- */

/* Without printf, for there may be many of them. */
static enum step_verdict refuse(struct request *request)
{
    struct str before = STR("There is more to do than can be done in time; ask again in ");
    char *text = arena_alloc(&request->arena, before.len + STR_U64_BYTES + sizeof(" s."));
    char *to = str_put_u64(str_put(text, before), request->pressed.retry_after_s);
    to = str_put(to, STR(" s."));
    request->problem = PROBLEM_OVERLOADED;
    request->detail = (struct str){ text, (size_t)(to - text) };
    return STEP_FAIL;
}

void shed_forget(struct request *request)
{
    if (request->pressed.is_counted) {
        request->pressed.is_counted = false;
        shed_leave(request->worker->shed, request->routed.plan->priority);
    }
}

/*
 * What is passed through lives as long as two strangers like and costs turns only when bytes move:
 * it needs room to enter, as everybody does, but then takes none of it.
 */
enum step_verdict shed_run(struct request *request)
{
    struct pressed *pressed = &request->pressed;
    const struct bff_plan *plan = request->routed.plan;
    bool is_in = shed_enter(request->worker->shed, plan->priority, &pressed->retry_after_s);
    pressed->is_counted = is_in;
    if (is_in && plan_passes(plan)) {
        shed_forget(request);
    }
    return is_in ? STEP_NEXT : refuse(request);
}

bool shed_is_on(const struct shed *shed)
{
    return shed->is_shedding;
}

bool shed_turns_away(struct request *request)
{
    const struct bff_plan *plan = request->routed.plan;
    enum bff_priority priority = plan ? plan->priority : BFF_PRIORITY_LOW;
    if (shed_knock(request->worker->shed, priority, &request->pressed.retry_after_s)) {
        return false;
    }
    refuse(request);
    return true;
}
