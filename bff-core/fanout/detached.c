/*
 * detached: a bounded queue of calls that nobody waits for.
 *
 * Owns the calls with copies of all that they carry. Promises: (1) each is sent at most once; (2)
 * none outlives its deadline, in the queue or under way, so a drain ends; (3) they give way: a
 * service that is full or open does not get them later, they are dropped. Their turn comes in the
 * order in which they came, and only then is a host picked.
 */
#include "detached.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/must.h"
#include "../wire/http_ring.h"

#include <stdlib.h>

struct detached {
    struct http_client *client;
    struct upstream *shown;
    unsigned in_flight_max;
    unsigned queue_max;
    struct http_link queue;
    struct http_link under_way;
    unsigned queued;
    unsigned in_flight;
};

struct detached_call {
    struct detached *owner;
    struct http_link link; /* in the queue, or under way */
    struct service *service;
    struct host *host;
    struct http_call *http;
    uint64_t began_us;
    struct http_call_options options; /* its slices point into `arena` */
    struct arena arena;
};

/* ---- one call ---- */

static struct detached_call *copy_call(
    struct detached *detached, struct service *service, const struct http_call_options *options)
{
    struct detached_call *call = malloc(sizeof(*call));
    must(call != NULL);
    *call = (struct detached_call){ .owner = detached, .service = service, .options = *options };
    arena_init(&call->arena, NULL);
    struct http_call_field *fields =
        arena_zalloc(&call->arena, options->fields_count + 1, sizeof(*fields));
    for (size_t i = 0; i < options->fields_count; i++) {
        fields[i].name = arena_str(&call->arena, options->fields[i].name);
        fields[i].value = arena_str(&call->arena, options->fields[i].value);
    }
    call->options.fields = fields;
    call->options.target = arena_str(&call->arena, options->target);
    call->options.body = arena_str(&call->arena, options->body);
    return call;
}

static void show(const struct detached *detached)
{
    counter_set(&detached->shown->detached, detached->in_flight);
    counter_set(&detached->shown->detached_queued, detached->queued);
}

static void free_call(struct detached_call *call)
{
    http_ring_remove(&call->link);
    arena_release(&call->arena);
    free(call);
}

static void start_next(struct detached *detached);

static enum service_verdict verdict_of(const struct http_answer *answer)
{
    if (answer->outcome == HTTP_TIMED_OUT) {
        return SERVICE_LATE;
    }
    bool is_well =
        answer->outcome == HTTP_ANSWERED && answer->status < 500 && answer->status != 429;
    return is_well ? SERVICE_GOOD : SERVICE_BAD;
}

static void ended(void *context, struct http_answer *answer)
{
    struct detached_call *call = context;
    struct detached *detached = call->owner;
    uint64_t now_us = clock_now_us();
    if (answer->outcome != HTTP_ANSWERED || answer->status >= 300) {
        log_debug("a detached call ended as %s with status %u", http_outcome_name(answer->outcome),
            answer->status);
    }
    service_ended(call->service, call->host, verdict_of(answer), now_us - call->began_us, now_us);
    free_call(call);
    detached->in_flight--;
    start_next(detached);
}

/* False when it cannot be made: its time is over, or there is no host to ask. */
static bool start(struct detached_call *call)
{
    enum service_refusal why;
    call->began_us = clock_now_us();
    call->host = call->options.deadline_us > call->began_us
                     ? service_pick(call->service, 0, call->began_us, &why)
                     : NULL;
    if (!call->host) {
        return false;
    }
    service_began(call->service, call->host, call->began_us);
    call->options.origin = host_origin(call->host);
    call->http = http_call_start(call->owner->client, &call->options, ended, call);
    return true;
}

/* ---- the queue ---- */

static void start_next(struct detached *detached)
{
    while (detached->in_flight < detached->in_flight_max && detached->queued) {
        struct detached_call *call = container_of(detached->queue.next, struct detached_call, link);
        http_ring_remove(&call->link);
        detached->queued--;
        if (start(call)) {
            http_ring_append(&detached->under_way, &call->link);
            detached->in_flight++;
        } else {
            counter_add(&detached->shown->detached_dropped, 1);
            free_call(call);
        }
    }
    show(detached);
}

bool detached_add(
    struct detached *detached, struct service *service, const struct http_call_options *options)
{
    bool is_free = detached->in_flight < detached->in_flight_max;
    if (!is_free && detached->queued >= detached->queue_max) {
        counter_add(&detached->shown->detached_dropped, 1);
        return false;
    }
    uint64_t dropped = detached_dropped(detached);
    struct detached_call *call = copy_call(detached, service, options);
    http_ring_append(&detached->queue, &call->link);
    detached->queued++;
    start_next(detached);
    return detached_dropped(detached) == dropped;
}

size_t detached_count(const struct detached *detached)
{
    return detached->in_flight + detached->queued;
}

uint64_t detached_dropped(const struct detached *detached)
{
    return counter_read(&detached->shown->detached_dropped);
}

/* ---- the beginning and the end ---- */

struct detached *detached_new(
    struct http_client *client, const struct settings *settings, struct upstream *shown)
{
    struct detached *detached = calloc(1, sizeof(*detached));
    must(detached != NULL);
    detached->client = client;
    detached->shown = shown;
    detached->in_flight_max = settings->detached.in_flight;
    detached->queue_max = settings->detached.queue_max;
    http_ring_init(&detached->queue);
    http_ring_init(&detached->under_way);
    return detached;
}

void detached_free(struct detached *detached)
{
    uint64_t now_us = clock_now_us();
    while (!http_ring_is_empty(&detached->under_way)) {
        struct detached_call *call =
            container_of(detached->under_way.next, struct detached_call, link);
        http_call_cancel(call->http);
        service_ended(
            call->service, call->host, SERVICE_CANCELLED, now_us - call->began_us, now_us);
        free_call(call);
    }
    while (!http_ring_is_empty(&detached->queue)) {
        free_call(container_of(detached->queue.next, struct detached_call, link));
    }
    free(detached);
}
