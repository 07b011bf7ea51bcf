/*
 * service: the services of one worker, their hosts, and what may be asked of them.
 *
 * Owns the hosts and what is known of them: calls in flight, a breaker each, health checks, the
 * service's adaptive limit, its observed times and its two budgets. The policies are modules of
 * their own, which know neither clocks nor calls; here they meet the calls. Promises: (1) who is
 * picked is closed, or the one call that tries a host whose ejection is over; (2) beside the limit,
 * nothing here keeps a call waiting or starts one: that is the caller's; (3) a call that was given
 * less time than the service usually takes is no fault of its host: a caller in a hurry cannot talk
 * a host down, and neither can one that takes its time. Knows nothing of requests.
 */
#include "service.h"

#include "../base/hash.h"
#include "../base/log.h"
#include "../base/must.h"
#include "breaker.h"
#include "health.h"
#include "latency.h"
#include "retry.h"

#include <stdlib.h>

/* A call that is given up earlier says nothing, as long as nothing is known of the service. */
enum { FAIR_US = 100 * 1000 };

_Static_assert(SETTINGS_HOSTS_MAX <= 32, "a set of hosts has a bit for each");

struct host {
    struct service *service;
    struct http_origin *origin;
    struct breaker *breaker;
    struct health *health; /* NULL: it is not checked */
    struct upstream_host *shown;
    unsigned weight;
    unsigned in_flight;
};

struct service {
    const struct settings_service *settings;
    struct host *hosts;
    struct breaker *breakers; /* of the hosts, in their order */
    size_t count;
    struct breaker_limits breaker_limits;
    struct limit limit;
    struct latency latency;
    struct retry_budget retries;
    struct retry_budget hedges;
    struct upstream_service *shown;
    unsigned in_flight;
    uint64_t random;
};

struct services {
    struct service *list;
    size_t count;
    struct upstream shown;
};

/* ---- what is shown ---- */

static void show_state(struct host *host, uint64_t now_us)
{
    static const enum upstream_state states[] = {
        [BREAKER_CLOSED] = UPSTREAM_CLOSED,
        [BREAKER_OPEN] = UPSTREAM_OPEN,
        [BREAKER_HALF_OPEN] = UPSTREAM_HALF_OPEN,
    };
    counter_set(&host->shown->state,
        host->breaker->is_down ? UPSTREAM_DOWN : states[breaker_state(host->breaker, now_us)]);
}

static unsigned queued(const struct service *service)
{
    unsigned sum = 0;
    for (size_t i = 0; i < service->count; i++) {
        sum += http_origin_counters(service->hosts[i].origin)->queued;
    }
    return sum;
}

static void show_calls(const struct service *service, const struct host *host)
{
    counter_set(&host->shown->in_flight, host->in_flight);
    counter_set(&service->shown->in_flight, service->in_flight);
    counter_set(&service->shown->limit, limit_calls(&service->limit));
    counter_set(&service->shown->queued, queued(service));
}

/* ---- picking ---- */

/* xorshift64*: which host is asked is no secret. */
static uint64_t next_random(struct service *service)
{
    service->random ^= service->random >> 12;
    service->random ^= service->random << 25;
    service->random ^= service->random >> 27;
    return service->random * 0x2545f4914f6cdd1dull;
}

uint32_t host_bit(const struct host *host)
{
    return (uint32_t)1 << (host - host->service->hosts);
}

/* Those who may be drawn: closed, and none of `but`. */
static bool is_candidate(const struct host *host, uint32_t but)
{
    return host->breaker->is_closed && !host->breaker->is_down && !(but & host_bit(host));
}

/* By weight; NULL: there is none. */
static struct host *draw(struct service *service, uint32_t but)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < service->count; i++) {
        const struct host *host = &service->hosts[i];
        sum += is_candidate(host, but) ? host->weight : 0;
    }
    uint64_t at = sum ? next_random(service) % sum : 0;
    for (size_t i = 0; i < service->count && sum; i++) {
        struct host *host = &service->hosts[i];
        if (!is_candidate(host, but)) {
            continue;
        }
        if (at < host->weight) {
            return host;
        }
        at -= host->weight;
    }
    return NULL;
}

/* A host whose ejection is over, and that nobody tries yet. */
static struct host *untried(struct service *service, uint32_t but, uint64_t now_us)
{
    for (size_t i = 0; i < service->count; i++) {
        struct host *host = &service->hosts[i];
        bool may_try = !host->breaker->is_closed && breaker_lets(host->breaker, now_us);
        if (may_try && !(but & host_bit(host))) {
            return host;
        }
    }
    return NULL;
}

/*
 * Whoever asks for more than the first time wants an answer: it tries a host that may be ill only
 * when there is no other.
 */
static struct host *choose(struct service *service, uint32_t but, uint64_t now_us)
{
    struct host *only = service->hosts;
    if (service->count == 1) {
        return !but && breaker_lets(only->breaker, now_us) ? only : NULL;
    }
    struct host *tried = untried(service, but, now_us);
    struct host *first = tried && !but ? tried : draw(service, but);
    if (!first || first == tried) {
        return first ? first : tried;
    }
    struct host *second = draw(service, but | host_bit(first));
    bool is_second_freer = second && (uint64_t)second->in_flight * first->weight <
                                         (uint64_t)first->in_flight * second->weight;
    return is_second_freer ? second : first;
}

/* Whether a call to this host would be one too many in the queue for connections. */
static bool has_full_queue(const struct service *service, const struct host *host)
{
    const struct http_origin_counters *counters = http_origin_counters(host->origin);
    unsigned connections_max = service->settings->connections_max;
    bool waits = counters->queued || (connections_max && counters->in_use >= connections_max);
    return waits && queued(service) >= service->settings->queue_max;
}

struct host *service_pick(
    struct service *service, uint32_t but, uint64_t now_us, enum service_refusal *why)
{
    struct host *host = choose(service, but, now_us);
    bool is_full = service->in_flight >= limit_calls(&service->limit);
    if (host && (is_full || has_full_queue(service, host))) {
        *why = SERVICE_FULL;
        counter_add(&service->shown->refused_full, !but);
        return NULL;
    }
    *why = host ? SERVICE_READY : SERVICE_OPEN;
    counter_add(&service->shown->refused_open, !host && !but);
    return host;
}

struct http_origin *host_origin(const struct host *host)
{
    return host->origin;
}

/* ---- one call ---- */

void service_began(struct service *service, struct host *host, uint64_t now_us)
{
    host->in_flight++;
    service->in_flight++;
    limit_began(&service->limit, service->in_flight, now_us);
    retry_budget_called(&service->retries, now_us);
    retry_budget_called(&service->hedges, now_us);
    if (!host->breaker->is_closed) {
        breaker_began(host->breaker, now_us);
        show_state(host, now_us);
    }
    show_calls(service, host);
}

/* Whether a late call was given the time that the service usually takes. */
static bool was_given_time(const struct service *service, const struct limit_time *time)
{
    uint64_t usual_us = latency_p95_us(&service->latency);
    uint64_t own_us = service->settings->timeout_ms * 1000ull;
    uint64_t given_us = time->took_us > time->lag_us ? time->took_us - time->lag_us : 0;
    return given_us >= (usual_us == UINT64_MAX ? FAIR_US : usual_us) ||
           (own_us && given_us >= own_us);
}

/* Tells of those who were ejected since it was told last. */
static void tell_ejections(struct service *service, uint64_t now_us)
{
    for (size_t i = 0; i < service->count; i++) {
        struct host *host = &service->hosts[i];
        if (host->breaker->opened > counter_read(&host->shown->ejections)) {
            counter_set(&host->shown->ejections, host->breaker->opened);
            show_state(host, now_us);
            log_warn("service %s: %s is not asked for %llu ms, because its calls kept failing",
                service->settings->name, host->shown->url,
                (unsigned long long)(host->breaker->until_us - now_us) / 1000);
        }
    }
}

static uint64_t began_us(const struct limit_time *time)
{
    return time->now_us > time->took_us ? time->now_us - time->took_us : 0;
}

/* A call that says something about its host. */
static void note(
    struct service *service, struct host *host, bool is_good, const struct limit_time *time)
{
    bool was_closed = host->breaker->is_closed;
    if (!time->is_callers) {
        limit_ended(&service->limit, is_good, time);
    }
    if (breaker_ended(host->breaker, is_good, began_us(time), time->now_us)) {
        breakers_judge(service->breakers, service->count, time->now_us);
    }
    if (!is_good) {
        tell_ejections(service, time->now_us);
    } else if (!was_closed && host->breaker->is_closed) {
        show_state(host, time->now_us);
        log_info("service %s: %s is asked again", service->settings->name, host->shown->url);
    }
}

void service_ended(struct service *service, struct host *host, enum service_verdict verdict,
    const struct limit_time *time)
{
    must(host->in_flight > 0 && service->in_flight > 0);
    host->in_flight--;
    service->in_flight--;
    bool says_nothing =
        verdict == SERVICE_CANCELLED || (verdict == SERVICE_LATE && !was_given_time(service, time));
    /* One that was cancelled after it had become late (another was faster) took at least so long:
     * without it, the rest would look faster than the service is. */
    bool was_slow =
        verdict == SERVICE_CANCELLED && time->took_us >= latency_p95_us(&service->latency);
    if ((verdict == SERVICE_GOOD || was_slow) && !time->is_callers) {
        latency_add(&service->latency, time->took_us, time->now_us);
    }
    if (says_nothing) {
        breaker_cancelled(host->breaker, began_us(time));
    } else {
        note(service, host, verdict == SERVICE_GOOD, time);
    }
    show_calls(service, host);
}

/* ---- more than one call for one question ---- */

bool service_may_retry(struct service *service, uint64_t now_us)
{
    bool may = service->settings->retries && retry_budget_take(&service->retries, now_us);
    counter_add(&service->shown->retries, may);
    return may;
}

bool service_may_hedge(struct service *service, uint64_t now_us)
{
    bool may = service->count > 1 && service->settings->hedge &&
               retry_budget_take(&service->hedges, now_us);
    counter_add(&service->shown->hedges, may);
    return may;
}

void service_hedge_won(struct service *service)
{
    counter_add(&service->shown->hedges_won, 1);
}

void service_moved(struct service *service)
{
    counter_add(&service->shown->moves, 1);
}

uint64_t service_hedge_after_us(const struct service *service)
{
    bool may = service->count > 1 && service->settings->hedge;
    return may ? latency_p95_us(&service->latency) : UINT64_MAX;
}

void service_dropped(struct service *service, enum upstream_drop why)
{
    counter_add(&service->shown->dropped[why], 1);
}

/* ---- the beginning and the end ---- */

static void health_turned(void *context, bool is_down, const char *why)
{
    struct host *host = context;
    breaker_set_down(host->breaker, is_down);
    counter_set(&host->shown->state, is_down                    ? UPSTREAM_DOWN
                                     : host->breaker->is_closed ? UPSTREAM_CLOSED
                                                                : UPSTREAM_OPEN);
    if (is_down) {
        log_warn("service %s: %s is down: its health check ended with %s",
            host->service->settings->name, host->shown->url, why);
    } else {
        log_info("service %s: %s is up again", host->service->settings->name, host->shown->url);
    }
}

static bool open_host(
    struct host *host, struct worker *worker, const struct settings_host *settings, struct err *err)
{
    const struct settings_service *service = host->service->settings;
    struct http_origin_options options = {
        .url = settings->url,
        .ca_file = service->ca_file,
        .cert_file = service->cert_file,
        .key_file = service->key_file,
        .proxy = service->proxy,
        .connections_max = service->connections_max,
        .http2 = service->http2,
        .asks_gzip = service->gzip,
    };
    host->shown->url = settings->url;
    host->weight = settings->weight;
    host->origin = http_origin_new(worker->client, &options, err);
    if (host->origin && service->health) {
        host->health = health_start(worker, service, settings->url, health_turned, host, err);
    }
    return host->origin && (host->health || !service->health);
}

static void *zalloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    must(memory != NULL);
    return memory;
}

/* All but the hosts' origins. */
static void make_service(struct service *service, const struct settings_service *settings,
    struct upstream_service *shown)
{
    *service = (struct service){ .settings = settings, .shown = shown };
    service->count = settings->hosts.count;
    service->hosts = zalloc(service->count, sizeof(*service->hosts));
    service->breakers = zalloc(service->count, sizeof(*service->breakers));
    service->breaker_limits = (struct breaker_limits){
        .failures = settings->breaker.failures,
        .ratio_percent = settings->breaker.ratio_percent,
        .calls_min = settings->breaker.calls_min,
        .window_us = settings->breaker.window_ms * 1000ull,
        .open_us = settings->breaker.open_ms * 1000ull,
        .open_max_us = settings->breaker.open_max_ms * 1000ull,
    };
    shown->hosts_count = service->count;
    shown->hosts = zalloc(service->count, sizeof(*shown->hosts));
    for (size_t i = 0; i < service->count; i++) {
        breaker_init(&service->breakers[i], &service->breaker_limits);
        service->hosts[i] = (struct host){
            .service = service, .breaker = &service->breakers[i], .shown = &shown->hosts[i]
        };
    }
    limit_init(
        &service->limit, settings->in_flight_min, settings->in_flight_max, settings->in_flight_max);
    counter_set(&shown->limit, settings->in_flight_max);
    retry_budget_init(&service->retries, RETRY_PERCENT, RETRY_PER_S);
    retry_budget_init(&service->hedges, HEDGE_PERCENT, HEDGE_PER_S);
    hash_random(&service->random, sizeof(service->random));
    service->random |= 1; /* zero would stay zero */
}

static bool open_service(struct service *service, struct worker *worker, struct err *err)
{
    for (size_t i = 0; i < service->count; i++) {
        if (!open_host(&service->hosts[i], worker, &service->settings->hosts.list[i], err)) {
            return false;
        }
    }
    return true;
}

struct services *services_new(struct worker *worker, struct err *err)
{
    const struct settings *settings = worker->core->settings;
    struct services *services = zalloc(1, sizeof(*services));
    services->count = settings->services_count;
    services->list = zalloc(services->count + 1, sizeof(*services->list));
    services->shown.services_count = services->count;
    services->shown.services = zalloc(services->count + 1, sizeof(struct upstream_service));
    for (size_t i = 0; i < services->count; i++) {
        make_service(&services->list[i], &settings->services[i], &services->shown.services[i]);
    }
    for (size_t i = 0; i < services->count; i++) {
        if (!open_service(&services->list[i], worker, err)) {
            services_free(services);
            return NULL;
        }
    }
    return services;
}

void services_free(struct services *services)
{
    if (!services) {
        return;
    }
    for (size_t i = 0; i < services->count; i++) {
        struct service *service = &services->list[i];
        for (size_t at = 0; at < service->count; at++) {
            health_stop(service->hosts[at].health);
        }
        free(service->hosts);
        free(service->breakers);
        free(service->shown->hosts);
    }
    free(services->shown.services);
    free(services->list);
    free(services);
}

struct service *services_get(struct services *services, size_t index)
{
    must(index < services->count);
    return &services->list[index];
}

struct upstream *services_shown(struct services *services)
{
    return &services->shown;
}
