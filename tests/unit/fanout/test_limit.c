/*
 * limit: a simulated service, whose capacity the limit must find. The service does so many calls at
 * once, each takes a random time, and the rest waits in its queue; calls come at random times, as
 * many as the test says, whatever became of those before. All from one seed: every run is the same.
 */
#include "fanout/limit.h"

#include "base/must.h"

#include <criterion/criterion.h>
#include <math.h>

enum { FLIGHTS_MAX = 2000, SERVERS_MAX = 200 };

struct flight {
    uint64_t began_us, ends_us;
};

/* What the test turns. */
struct weather {
    unsigned capacity;    /* calls at once */
    double took_us;       /* by one of them, on average */
    double spread;        /* of that time: the sigma of a log-normal distribution */
    double load;          /* calls that come, in parts of what the service can do */
    double failing;       /* of all calls, this part fails */
    uint64_t patience_us; /* of the callers; 0: endless */
    uint64_t turn_us;     /* how often the caller looks for answers; 0: it sees them at once */
};

static struct {
    struct limit limit;
    uint64_t now_us, next_us;
    uint64_t random;
    uint64_t free_us[SERVERS_MAX]; /* when each server has done all it was given */
    struct flight flights[FLIGHTS_MAX];
    unsigned flights_count;
} world;

/* What was seen while time went on. */
struct seen {
    double good, failed, refused; /* calls */
    double took_us;               /* by the good ones, on average */
    double limit;                 /* on average, as seen by the calls that came */
    double lowest, highest;
    double share; /* of what the service could do, that it did */
};

/* ---- chance ---- */

static double chance(void)
{
    world.random ^= world.random << 13;
    world.random ^= world.random >> 7;
    world.random ^= world.random << 17;
    return ((double)(world.random >> 11) + 0.5) / (double)(1ull << 53);
}

static double log_normal(double mean, double sigma)
{
    double normal = sqrt(-2 * log(chance())) * cos(2 * M_PI * chance());
    return mean * exp(sigma * normal - sigma * sigma / 2);
}

/* ---- the world ---- */

static void begin_world(unsigned min, unsigned max, unsigned start)
{
    memset(&world, 0, sizeof(world));
    world.random = 88172645463325252ull;
    world.now_us = world.next_us = 1000000;
    limit_init(&world.limit, min, max, start);
}

/* Who is free first takes the call when it is; the queue is in the times. */
static void begin_call(const struct weather *weather)
{
    unsigned first = 0;
    for (unsigned i = 1; i < weather->capacity; i++) {
        first = world.free_us[i] < world.free_us[first] ? i : first;
    }
    uint64_t starts_us = world.free_us[first] > world.now_us ? world.free_us[first] : world.now_us;
    uint64_t ends_us = starts_us + (uint64_t)log_normal(weather->took_us, weather->spread);
    world.free_us[first] = ends_us;
    if (weather->turn_us) {
        ends_us += weather->turn_us - ends_us % weather->turn_us;
    }
    if (weather->patience_us && ends_us - world.now_us > weather->patience_us) {
        ends_us = world.now_us + weather->patience_us;
    }
    must(world.flights_count < FLIGHTS_MAX);
    world.flights[world.flights_count++] = (struct flight){ world.now_us, ends_us };
    limit_began(&world.limit, world.flights_count, world.now_us);
}

static void end_call(const struct weather *weather, unsigned at, struct seen *seen)
{
    uint64_t took_us = world.now_us - world.flights[at].began_us;
    bool is_late = weather->patience_us && took_us >= weather->patience_us;
    bool is_good = !is_late && chance() >= weather->failing;
    seen->good += is_good;
    seen->failed += !is_good;
    seen->took_us += is_good ? (double)took_us : 0;
    world.flights[at] = world.flights[--world.flights_count];
    limit_ended(&world.limit, is_good,
        &(struct limit_time){ took_us, weather->turn_us, world.now_us, false });
}

static void arrive(const struct weather *weather, struct seen *seen)
{
    double gap_us = weather->took_us / weather->capacity / weather->load;
    world.next_us += (uint64_t)(-gap_us * log(chance())) + 1;
    if (world.flights_count < limit_calls(&world.limit)) {
        begin_call(weather);
    } else {
        seen->refused++;
    }
    seen->limit += limit_calls(&world.limit);
    seen->lowest = fmin(seen->lowest, limit_calls(&world.limit));
    seen->highest = fmax(seen->highest, limit_calls(&world.limit));
}

static struct seen live(const struct weather *weather, double seconds)
{
    struct seen seen = { .lowest = INFINITY };
    uint64_t until_us = world.now_us + (uint64_t)(seconds * 1e6);
    double arrivals = 0;
    while (world.now_us < until_us) {
        unsigned first = 0;
        for (unsigned i = 1; i < world.flights_count; i++) {
            first = world.flights[i].ends_us < world.flights[first].ends_us ? i : first;
        }
        if (world.flights_count && world.flights[first].ends_us <= world.next_us) {
            world.now_us = world.flights[first].ends_us;
            end_call(weather, first, &seen);
        } else {
            world.now_us = world.next_us;
            arrivals++;
            arrive(weather, &seen);
        }
    }
    seen.took_us /= fmax(seen.good, 1);
    seen.limit /= fmax(arrivals, 1);
    seen.share = seen.good / (weather->capacity / weather->took_us * 1e6 * seconds);
    return seen;
}

#define expect_between(value, low, high)                                                           \
    cr_expect((value) >= (low) && (value) <= (high), #value " is %g, not from %g to %g",           \
        (double)(value), (double)(low), (double)(high))

static const struct weather crowded = {
    .capacity = 50, .took_us = 20000, .spread = 0.3, .load = 3
};

/*
 * Half as long again as an uncrowded call: the limit aims at 1.5 times the capacity. It gives away
 * next to nothing of what the service can do.
 */
static void expect_found(const struct weather *weather, const struct seen *seen)
{
    expect_between(seen->limit / weather->capacity, 1.2, 1.7);
    expect_between(seen->took_us / weather->took_us, 1.1, 1.7);
    cr_expect_geq(seen->share, 0.97);
}

Test(limit, finds_the_capacity_from_below_and_from_above)
{
    static const unsigned starts[] = { 10, 1000 };
    double found[2];
    for (size_t i = 0; i < countof(starts); i++) {
        begin_world(8, 1000, starts[i]);
        live(&crowded, 5);
        struct seen seen = live(&crowded, 20);
        expect_found(&crowded, &seen);
        found[i] = seen.limit;
    }
    expect_between(found[1] / found[0], 0.85, 1.15);
}

Test(limit, keeps_it_for_minutes_although_the_base_is_measured_again)
{
    begin_world(8, 1000, 1000);
    live(&crowded, 5);
    struct seen seen = live(&crowded, 130);
    expect_found(&crowded, &seen);
    cr_expect_lt(seen.lowest, crowded.capacity / 2.0, "the search was never seen");
}

Test(limit, finds_it_although_times_are_wild)
{
    struct weather wild = crowded;
    wild.spread = 1; /* the 95th of a hundred takes three times the mean */
    begin_world(8, 1000, 1000);
    live(&wild, 5);
    struct seen seen = live(&wild, 60);
    expect_found(&wild, &seen);
}

Test(limit, finds_it_for_services_a_hundred_times_faster_and_slower)
{
    struct weather fast = crowded, slow = crowded;
    fast.took_us = 1000;
    slow.took_us = 500000;
    begin_world(8, 1000, 1000);
    live(&fast, 2);
    struct seen seen = live(&fast, 3);
    expect_found(&fast, &seen);
    begin_world(8, 1000, 1000);
    live(&slow, 120);
    seen = live(&slow, 60);
    expect_found(&slow, &seen);
}

Test(limit, follows_a_capacity_that_falls_and_rises)
{
    struct weather weather = crowded;
    begin_world(8, 1000, 200);
    live(&weather, 20);
    weather.capacity = 20;
    live(&weather, 5);
    struct seen seen = live(&weather, 20);
    expect_found(&weather, &seen);
    weather.capacity = 100;
    live(&weather, 5);
    seen = live(&weather, 20);
    expect_found(&weather, &seen);
}

Test(limit, lets_a_service_in_peace_alone)
{
    struct weather calm = crowded;
    calm.load = 0.5;
    calm.spread = 1;
    begin_world(8, 1000, 200);
    struct seen seen = live(&calm, 120);
    cr_expect_eq(seen.refused, 0);
    cr_expect_eq(seen.lowest, 200);
    cr_expect_eq(seen.highest, 200, "a limit that is not in use does not rise");
}

/* Four times as slow from one moment to the next, and as many calls come as before: more are in
 * flight, and none of them waits for another. */
Test(limit, does_not_strangle_what_is_merely_slow)
{
    struct weather weather = { .capacity = 190, .took_us = 20000, .spread = 0.3, .load = 0.2 };
    begin_world(8, 200, 200);
    struct seen seen = live(&weather, 30);
    cr_expect_eq(seen.refused, 0);
    weather.took_us = 80000;
    weather.load = 0.8;
    seen = live(&weather, 2);
    expect_between(seen.refused / (seen.good + seen.refused), 0, 0.4);
    seen = live(&weather, 120);
    expect_between(seen.refused / (seen.good + seen.refused), 0, 0.01);
}

Test(limit, shrinks_in_a_storm_of_failures_and_recovers)
{
    struct weather weather = crowded;
    weather.load = 0.8;
    begin_world(8, 1000, 200);
    live(&weather, 10);
    weather.failing = 0.5;
    live(&weather, 5);
    cr_expect_eq(limit_calls(&world.limit), 8);
    weather.failing = 0;
    live(&weather, 5);
    struct seen seen = live(&weather, 20);
    expect_between(seen.refused / (seen.good + seen.refused), 0, 0.01);
}

/* Callers give up after 100 ms: a queue of five times the capacity answers nobody in time. */
Test(limit, lets_calls_be_in_time_again)
{
    struct weather weather = crowded;
    weather.patience_us = 100000;
    begin_world(8, 1000, 1000);
    live(&weather, 10);
    struct seen seen = live(&weather, 30);
    expect_between(seen.failed / (seen.good + seen.failed), 0, 0.02);
    cr_expect_geq(seen.share, 0.95);
}

Test(limit, does_not_mind_a_few_failures)
{
    struct weather weather = crowded;
    weather.failing = 0.1;
    begin_world(8, 1000, 100);
    live(&weather, 10);
    struct seen seen = live(&weather, 30);
    expect_between(seen.limit / weather.capacity, 1.2, 1.7);
}

Test(limit, never_leaves_its_bounds)
{
    begin_world(30, 60, 1000);
    cr_expect_eq(limit_calls(&world.limit), 60);
    struct weather weather = crowded;
    struct seen seen = live(&weather, 10);
    weather.failing = 1;
    struct seen failing = live(&weather, 10);
    weather = (struct weather){ .capacity = 100, .took_us = 10000, .load = 3 };
    struct seen free = live(&weather, 10);
    expect_between(fmin(seen.lowest, fmin(failing.lowest, free.lowest)), 30, 60);
    expect_between(fmax(seen.highest, fmax(failing.highest, free.highest)), 30, 60);
    cr_expect_eq(failing.lowest, 30);
    cr_expect_eq(free.highest, 60);
    begin_world(1, 1, 1);
    seen = live(&crowded, 10);
    cr_expect_eq(seen.lowest, 1);
    cr_expect_eq(seen.highest, 1);
}

/* ---- a caller that is late itself ---- */

Test(limit, finds_the_capacity_although_the_caller_is_a_little_late)
{
    struct weather weather = crowded;
    weather.turn_us = 3000;
    begin_world(8, 1000, 1000);
    live(&weather, 5);
    struct seen seen = live(&weather, 130);
    expect_between(seen.limit / weather.capacity, 1.2, 2);
    cr_expect_geq(seen.share, 0.97);
}

/*
 * A closed loop of callers on one thread, each of whose questions and answers costs it time, and a
 * service that bears any number of calls: the thread is the limit, and sees an answer long after it
 * came. Returns the lowest limit.
 */
static double live_saturated(
    unsigned callers, uint64_t service_us, uint64_t cost_us, double seconds)
{
    static uint64_t began_us[FLIGHTS_MAX]; /* 0: not under way */
    uint64_t now_us = 1000000, until_us = now_us + (uint64_t)(seconds * 1e6), before_us = now_us;
    double lowest = INFINITY;
    unsigned in_flight = 0;
    memset(began_us, 0, sizeof(began_us));
    while (now_us < until_us) {
        uint64_t turn_us = now_us;
        now_us += cost_us; /* of the turn itself */
        for (unsigned i = 0; i < callers; i++) {
            if (began_us[i] && began_us[i] + service_us <= turn_us) {
                now_us += cost_us;
                in_flight--;
                limit_ended(&world.limit, true,
                    &(struct limit_time){
                        now_us - began_us[i], now_us - before_us, now_us, false });
                began_us[i] = 0;
            }
            if (!began_us[i] && in_flight < limit_calls(&world.limit)) {
                now_us += cost_us;
                limit_began(&world.limit, ++in_flight, now_us);
                began_us[i] = now_us;
            }
        }
        lowest = fmin(lowest, limit_calls(&world.limit));
        before_us = turn_us;
    }
    return lowest;
}

Test(limit, does_not_take_the_callers_lag_for_a_crowd)
{
    limit_init(&world.limit, 16, 512, 512);
    cr_expect_geq(live_saturated(384, 300, 10, 200), 384);
    limit_init(&world.limit, 16, 512, 512);
    cr_expect_geq(live_saturated(500, 5000, 20, 200), 384);
    limit_init(&world.limit, 16, 512, 64);
    live_saturated(384, 300, 10, 20);
    cr_expect_geq(live_saturated(384, 300, 10, 20), 384, "it rises to what is needed");
}

/* The loop's clock and the exact one may differ: neither order of them does harm. */
Test(limit, bears_times_that_run_backwards)
{
    struct limit limit;
    limit_init(&limit, 8, 100, 50);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t now_us = 1000000 + i * 1000;
        limit_began(&limit, 40, now_us);
        limit_ended(&limit, true, &(struct limit_time){ now_us + 5, 0, now_us, false });
        limit_ended(&limit, true, &(struct limit_time){ 10, now_us, now_us - 5000, false });
    }
    expect_between(limit_calls(&limit), 8, 100);
}
