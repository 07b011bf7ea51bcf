/*
 * flight: one question under way, and everybody who waits for its answer.
 *
 * Owns flights, and when they put their question. A flight is in one of three moments: an attempt
 * or two under way, a pause before the next one, or landing, after which it is gone. Promises:
 *
 * (1) Only a GET is put twice, or a question of which no byte was sent: after a failure to connect,
 *     a close before the first byte, 502, 503 or 504, and within the service's retry budget. Beside
 *     it, at once: where a kept connection was closed in that very moment, for the first time, and
 *     to a host that was not asked yet where one is out of reach.
 * (2) A second attempt beside the first (a hedge) goes to another host, after the service's
 *     observed 95th percentile and within the hedge budget; whichever answers first is the answer.
 * (3) Nobody waits longer than its own time, whoever else is aboard, and no attempt is given more
 *     than what the first passenger has left.
 * (4) Equal callers share an answer, others never do: the caller is part of the key, and so is how
 *     long the plan lets an answer be used.
 * (5) An answer is kept only when the first passenger could use it; a failure makes everyone look
 *     for an old copy.
 *
 * The question's text is the first passenger's: it is aboard as long as anybody needs it, and when
 * it leaves, the next one's text is the same. Knows no plan, no shape, and nothing of how hosts are
 * chosen or how often one may try.
 */
#include "flight.h"

#include "../base/clock.h"
#include "../base/hash.h"
#include "../base/must.h"
#include "../upstream.h"
#include "attempt.h"
#include "entity_tag.h"
#include "landing.h"
#include "retry.h"

#include <stdlib.h>

enum {
    ATTEMPTS_MAX = 2, /* at once: the first and its hedge */
    BUCKETS = 1024,
    WORTHWHILE_US = 2000, /* with less time left nothing is asked again */
};

struct flights {
    struct worker *worker;
    struct cache *cache;
    struct flight *spare;
    struct flight *buckets[BUCKETS];
    struct hash_key hash_key;
    struct upstream *shown;
};

struct flight {
    struct flights *flights;
    struct service *service;
    struct flight *next; /* in its bucket, or among the spare ones */
    bool is_listed;
    bool is_landing;
    bool has_raced;
    unsigned tries;              /* attempts so far */
    unsigned retries;            /* those of them that took the place of a failed one */
    struct ring_link passengers; /* first come first */
    struct attempt attempts[ATTEMPTS_MAX];
    uint32_t asked;       /* the hosts of all attempts so far */
    uint32_t failed_host; /* of the last attempt; 0: it was not the host that failed */
    struct failure failure;
    struct deadline timer; /* a pause ends, or a hedge is due */
};

static void attempt_done(void *context, struct http_answer *answer);

/* ---- who is aboard ---- */

static struct passenger *first_passenger(const struct flight *flight)
{
    return container_of(flight->passengers.next, struct passenger, link);
}

static struct loop *loop_of(const struct flight *flight)
{
    return flight->flights->worker->loop;
}

static void step_off(struct passenger *passenger)
{
    ring_remove(&passenger->link);
    loop_deadline_clear(passenger->flights->worker->loop, &passenger->ends);
    passenger->flight = NULL;
}

/* ---- flights by their key ---- */

static struct flight **bucket_of(struct flights *flights, uint64_t hash)
{
    return &flights->buckets[hash % BUCKETS];
}

static struct flight *find_flight(struct flights *flights, const struct passenger *passenger)
{
    for (struct flight *at = *bucket_of(flights, passenger->hash); at; at = at->next) {
        const struct passenger *first = first_passenger(at);
        if (first->hash == passenger->hash && str_eq(first->key, passenger->key)) {
            return at;
        }
    }
    return NULL;
}

static void list(struct flight *flight, uint64_t hash)
{
    struct flight **bucket = bucket_of(flight->flights, hash);
    flight->next = *bucket;
    *bucket = flight;
    flight->is_listed = true;
}

static void unlist(struct flight *flight, uint64_t hash)
{
    struct flight **link = bucket_of(flight->flights, hash);
    if (!flight->is_listed) {
        return;
    }
    while (*link != flight) {
        link = &(*link)->next;
    }
    *link = flight->next;
    flight->is_listed = false;
}

/* ---- the end of an attempt, and of a flight ---- */

static void cancel_attempts(struct flight *flight)
{
    for (size_t i = 0; i < ATTEMPTS_MAX; i++) {
        attempt_cancel(&flight->attempts[i]);
    }
}

static bool is_under_way(const struct flight *flight)
{
    return flight->attempts[0].http || flight->attempts[1].http;
}

static void flight_free(struct flight *flight)
{
    must(!flight->is_listed && !is_under_way(flight));
    loop_deadline_clear(loop_of(flight), &flight->timer);
    flight->next = flight->flights->spare;
    flight->flights->spare = flight;
}

/* ---- putting the question ---- */

/* An old copy with a tag: the service need not send again what has not changed. */
static struct copy *known_copy(const struct flight *flight)
{
    const struct passenger *first = first_passenger(flight);
    struct copy *copy =
        first->key.at ? cache_find(flight->flights->cache, first->key, first->hash) : NULL;
    return copy && copy->etag.len ? cache_copy_hold(copy) : NULL;
}

static void depart_to(struct flight *flight, struct host *host, bool is_hedge, uint64_t now_us)
{
    struct attempt *attempt = &flight->attempts[flight->attempts[0].http != NULL];
    must(attempt->http == NULL);
    *attempt = (struct attempt){ .flight = flight,
        .host = host,
        .service = flight->service,
        .known = known_copy(flight),
        .is_hedge = is_hedge,
        .began_us = now_us };
    flight->tries++;
    flight->asked |= host_bit(host);
    attempt_start(attempt, flight->flights->worker, first_passenger(flight), attempt_done);
}

/* To any host, but rather not to one that failed. False: there is none; flight->failure says why.
 */
static bool departs(struct flight *flight, uint64_t now_us)
{
    static const char *const refusals[] = {
        [SERVICE_OPEN] = "its hosts are not asked for a while, because they kept failing",
        [SERVICE_FULL] = "it has as many calls as it can take",
    };
    const uint32_t buts[] = { flight->asked, flight->failed_host, 0 };
    enum service_refusal refusal = SERVICE_READY;
    struct host *host = NULL;
    for (size_t i = 0; i < countof(buts) && !host; i++) {
        if (i == 0 || buts[i] != buts[i - 1]) {
            host = service_pick(flight->service, buts[i], now_us, &refusal);
        }
    }
    if (!host) {
        flight->failure = (struct failure){
            .state = CALL_FAILED, .why = refusals[refusal], .is_full = refusal == SERVICE_FULL
        };
        return false;
    }
    depart_to(flight, host, false, now_us);
    return true;
}

/* To a host that was not asked yet, at once; false: there is none. */
static bool departs_elsewhere(struct flight *flight, bool is_hedge)
{
    enum service_refusal refusal;
    uint64_t now_us = clock_now_us();
    struct host *host = service_pick(flight->service, flight->asked, now_us, &refusal);
    if (host) {
        depart_to(flight, host, is_hedge, now_us);
    }
    return host != NULL;
}

/* The timer serves for the hedge until the flight pauses. */
static void plan_hedge(struct flight *flight)
{
    const struct passenger *first = first_passenger(flight);
    uint64_t after_us = service_hedge_after_us(flight->service);
    uint64_t left_us = first->ends_us - flight->attempts[0].began_us;
    if (first->method == HTTP_GET && after_us < left_us && left_us - after_us > WORTHWHILE_US) {
        loop_deadline(loop_of(flight), &flight->timer, flight->attempts[0].began_us + after_us);
    }
}

/* ---- its passengers land ---- */

/* Whoever is told may board the next flight with the same question, or make others leave. */
static void let_off(struct passenger *passenger)
{
    passenger->landing.tries = passenger->flight->tries;
    step_off(passenger);
    passenger->landed(passenger);
}

/* Tells everybody. */
static void disembark(struct flight *flight)
{
    loop_deadline_clear(loop_of(flight), &flight->timer);
    unlist(flight, first_passenger(flight)->hash);
    cancel_attempts(flight);
    flight->is_landing = true;
    while (!ring_is_empty(&flight->passengers)) {
        let_off(first_passenger(flight));
    }
    flight_free(flight);
}

static void crash(struct flight *flight)
{
    struct ring_link *at = flight->passengers.next;
    for (; at != &flight->passengers; at = at->next) {
        landing_without(
            container_of(at, struct passenger, link), flight->flights->cache, &flight->failure);
    }
    disembark(flight);
}

/* ---- what came back ---- */

static struct freshness freshness(const struct flight *flight, const struct http_answer *answer)
{
    return freshness_of(
        &first_passenger(flight)->rules, answer->cache_control, answer->age, answer->vary);
}

static void show_copies(struct flights *flights)
{
    struct cache_counters counters = cache_counters(flights->cache);
    counter_set(&flights->shown->copies, counters.copies);
    counter_set(&flights->shown->copies_bytes, counters.bytes);
    counter_set(&flights->shown->copies_evicted, counters.evicted);
}

/* The service's answer. The first passenger's judgement decides whether it is kept. */
static void arrive(struct attempt *attempt, struct http_answer *answer)
{
    struct flight *flight = attempt->flight;
    struct passenger *first = first_passenger(flight);
    struct copy *copy = cache_copy_new(flight->flights->cache, &answer->body);
    uint64_t ended_us = attempt_ended_us(attempt, answer);
    landing_live(first, flight->flights->cache, copy);
    bool is_good = first->landing.copy == copy;
    if (attempt->is_hedge && is_good) {
        service_hedge_won(flight->service);
    }
    attempt_end(attempt, is_good ? SERVICE_GOOD : SERVICE_BAD, ended_us);
    if (first->key.at && is_good) {
        struct freshness dates = freshness(flight, answer);
        cache_keep(
            flight->flights->cache, copy, first->key, first->hash, &dates, answer->etag, ended_us);
        show_copies(flight->flights);
    }
    struct ring_link *at = first->link.next;
    for (; at != &flight->passengers; at = at->next) {
        landing_live(container_of(at, struct passenger, link), flight->flights->cache, copy);
    }
    cache_copy_drop(copy);
    disembark(flight);
}

/* 304: what we have still holds (RFC 9110 section 15.4.5). */
static void confirm(struct attempt *attempt, struct http_answer *answer)
{
    struct flight *flight = attempt->flight;
    struct copy *copy = cache_copy_hold(attempt->known);
    struct freshness dates = answer->cache_control.at
                                 ? freshness(flight, answer)
                                 : freshness_again(&copy->said, answer->age, answer->vary);
    uint64_t ended_us = attempt_ended_us(attempt, answer);
    cache_renew(copy, &dates, ended_us);
    show_copies(flight->flights);
    attempt_end(attempt, SERVICE_GOOD, ended_us);
    struct ring_link *at = flight->passengers.next;
    for (; at != &flight->passengers; at = at->next) {
        landing_live(container_of(at, struct passenger, link), flight->flights->cache, copy);
    }
    cache_copy_drop(copy);
    disembark(flight);
}

/* ---- asking again ---- */

static bool is_first_race(const struct flight *flight, const struct http_answer *answer)
{
    return failure_is_race(answer) && !flight->has_raced;
}

/* Takes one from what the call and the service may be asked again. */
static bool takes_retry(struct flight *flight)
{
    const struct settings *settings = flight->flights->worker->core->settings;
    if (flight->retries >= settings->services[first_passenger(flight)->service].retries ||
        !service_may_retry(flight->service, clock_now_us())) {
        return false;
    }
    flight->retries++;
    return true;
}

/* The host is out of reach: nothing was sent, so another one may be asked whatever the question. */
static bool moves(struct flight *flight, const struct http_answer *answer)
{
    if (!failure_is_out_of_reach(answer) || !departs_elsewhere(flight, false)) {
        return false;
    }
    service_moved(flight->service);
    plan_hedge(flight);
    return true;
}

/* When the last of them has to land. */
static uint64_t latest_end_us(const struct flight *flight)
{
    uint64_t latest_us = 0;
    for (struct ring_link *at = flight->passengers.next; at != &flight->passengers; at = at->next) {
        uint64_t ends_us = container_of(at, struct passenger, link)->ends_us;
        latest_us = ends_us > latest_us ? ends_us : latest_us;
    }
    return latest_us;
}

/* Those who have no time left then land. False: nobody else is aboard, and the flight is gone. */
static bool land_late(struct flight *flight, uint64_t then_us)
{
    unlist(flight, first_passenger(flight)->hash);
    flight->is_landing = true;
    struct ring_link *at = flight->passengers.next;
    while (at != &flight->passengers) {
        struct passenger *passenger = container_of(at, struct passenger, link);
        at = at->next;
        if (passenger->ends_us <= then_us + WORTHWHILE_US) {
            landing_without(passenger, flight->flights->cache, &flight->failure);
            let_off(passenger);
            at = flight->passengers.next; /* others may have left */
        }
    }
    flight->is_landing = false;
    if (ring_is_empty(&flight->passengers)) {
        flight_free(flight);
        return false;
    }
    if (first_passenger(flight)->key.at) {
        list(flight, first_passenger(flight)->hash);
    }
    return true;
}

/* True when the flight goes on: after a pause, or at once. */
static bool goes_on(struct flight *flight, const struct http_answer *answer)
{
    if (moves(flight, answer)) {
        return true;
    }
    if (!failure_may_pass(answer, first_passenger(flight)->method)) {
        return false;
    }
    if (is_first_race(flight, answer)) {
        flight->has_raced = true;
        flight->asked &= ~flight->failed_host;
        flight->failed_host = 0;
        return departs(flight, clock_now_us());
    }
    uint64_t random;
    hash_random(&random, sizeof(random));
    uint64_t pause_us = retry_backoff_us(flight->retries + 1, random);
    uint64_t asked_us = failure_pause_us(answer);
    uint64_t resumes_us = clock_now_us() + (asked_us > pause_us ? asked_us : pause_us);
    if (resumes_us + WORTHWHILE_US >= latest_end_us(flight) || !takes_retry(flight)) {
        return false;
    }
    if (land_late(flight, resumes_us)) {
        loop_deadline(loop_of(flight), &flight->timer, resumes_us);
    }
    return true;
}

/*
 * The first passenger's time is over. For those who came aboard later and have more of it the
 * question is put anew, beside all budgets: alone, each of them would have asked once, too.
 */
static bool goes_on_late(struct flight *flight)
{
    uint64_t now_us = clock_now_us();
    if (first_passenger(flight)->method != HTTP_GET ||
        latest_end_us(flight) <= now_us + WORTHWHILE_US) {
        return false;
    }
    return !land_late(flight, now_us) || departs(flight, clock_now_us());
}

static void attempt_done(void *context, struct http_answer *answer)
{
    struct attempt *attempt = context;
    struct flight *flight = attempt->flight;
    struct worker *worker = flight->flights->worker;
    if (attempt_follows(attempt, worker, first_passenger(flight), answer, attempt_done)) {
        return;
    }
    if (answer->outcome == HTTP_ANSWERED && answer->status == 200) {
        arrive(attempt, answer);
        return;
    }
    if (answer->outcome == HTTP_ANSWERED && answer->status == 304 && attempt->known) {
        if (!entity_tag_is_other(attempt->known->etag, answer->etag)) {
            confirm(attempt, answer);
            return;
        }
        cache_untag(attempt->known); /* else it would be said again */
    }
    flight->failure = failure_of(answer);
    flight->failed_host = host_bit(attempt->host);
    attempt_end(attempt,
        is_first_race(flight, answer) ? SERVICE_CANCELLED : failure_verdict(answer),
        attempt_ended_us(attempt, answer));
    if (is_under_way(flight)) {
        return; /* the other attempt may still succeed */
    }
    loop_deadline_clear(loop_of(flight), &flight->timer);
    bool is_late = answer->outcome == HTTP_TIMED_OUT;
    if (!(is_late ? goes_on_late(flight) : goes_on(flight, answer))) {
        crash(flight);
    }
}

/* ---- time passes ---- */

static void timer_expired(struct deadline *deadline)
{
    struct flight *flight = container_of(deadline, struct flight, timer);
    if (!is_under_way(flight)) {
        if (!departs(flight, clock_now_us())) {
            crash(flight);
        }
        return;
    }
    if (service_may_hedge(flight->service, clock_now_us())) {
        departs_elsewhere(flight, true);
    }
}

/* ---- boarding ---- */

/* The time of one who came aboard later is over. */
static void passenger_late(struct deadline *deadline)
{
    struct passenger *passenger = container_of(deadline, struct passenger, ends);
    unsigned tries = passenger->flight->tries;
    flight_leave(passenger);
    landing_without(passenger, passenger->flights->cache, &failure_late);
    passenger->landing.tries = tries;
    passenger->landed(passenger);
}

static void board(struct passenger *passenger, struct flight *flight)
{
    passenger->flight = flight;
    ring_append(&flight->passengers, &passenger->link);
}

static struct flight *flight_new(struct flights *flights, struct passenger *first)
{
    struct flight *flight = flights->spare;
    if (flight) {
        flights->spare = flight->next;
    } else {
        flight = malloc(sizeof(*flight));
        must(flight != NULL);
    }
    *flight = (struct flight){ .flights = flights, .timer.expired = timer_expired };
    flight->service = services_get(flights->worker->services, first->service);
    ring_init(&flight->passengers);
    board(first, flight);
    if (first->key.at) {
        list(flight, first->hash);
    }
    return flight;
}

bool flight_board(
    struct flights *flights, struct passenger *passenger, struct arena *arena, uint64_t now_us)
{
    passenger->flights = flights;
    passenger->flight = NULL;
    passenger->landing = (struct landing){ 0 };
    passenger->ends = (struct deadline){ .expired = passenger_late };
    if (passenger->method == HTTP_GET) {
        passenger_make_key(passenger, &flights->hash_key, arena);
        if (landing_fresh(passenger, flights->cache)) {
            return true;
        }
        struct flight *under_way = find_flight(flights, passenger);
        if (under_way) {
            counter_add(&flights->shown->shared, 1);
            board(passenger, under_way);
            loop_deadline(flights->worker->loop, &passenger->ends, passenger->ends_us);
            return false;
        }
    }
    struct flight *flight = flight_new(flights, passenger);
    if (departs(flight, now_us)) {
        plan_hedge(flight);
        return false;
    }
    landing_without(passenger, flight->flights->cache, &flight->failure);
    step_off(passenger);
    unlist(flight, passenger->hash);
    flight_free(flight);
    return true;
}

void flight_leave(struct passenger *passenger)
{
    struct flight *flight = passenger->flight;
    if (!flight) {
        return;
    }
    step_off(passenger);
    if (ring_is_empty(&flight->passengers) && !flight->is_landing) {
        unlist(flight, passenger->hash);
        cancel_attempts(flight);
        flight_free(flight);
    }
}

/* ---- the whole ---- */

struct flights *flights_new(struct worker *worker)
{
    struct flights *flights = calloc(1, sizeof(*flights));
    must(flights != NULL);
    flights->worker = worker;
    flights->cache = cache_new(worker->core->settings->cache.bytes);
    flights->shown = services_shown(worker->services);
    hash_key_init(&flights->hash_key);
    return flights;
}

void flights_free(struct flights *flights)
{
    if (!flights) {
        return;
    }
    while (flights->spare) {
        struct flight *flight = flights->spare;
        flights->spare = flight->next;
        free(flight);
    }
    cache_free(flights->cache);
    free(flights);
}
