/*
 * detached: a bounded queue of calls that nobody waits for.
 *
 * Owns the calls with copies of all that they carry. Promises: (1) each is sent at most once,
 * though several hosts may be tried for a connection; (2) none outlives its deadline, in the queue
 * or under way, so a drain ends; (3) they give way: a service that is full or open does not get
 * them later, they are dropped, and each drop is counted with its reason. Their turn comes in the
 * order in which they came, and only then is a host picked.
 */
#include "detached.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/must.h"
#include "../base/ring.h"
#include "failure.h"
#include "service.h"

#include <stdlib.h>

struct detached {
    struct worker *worker;
    struct upstream *shown;
    struct ring_link queue;
    struct ring_link under_way;
    unsigned queued;
    unsigned in_flight;
};

struct detached_call {
    struct detached *owner;
    struct ring_link link; /* in the queue, or under way */
    struct service *service;
    struct host *host;
    uint32_t asked; /* the hosts so far */
    struct http_call *http;
    uint64_t began_us;
    struct http_call_options options; /* its slices point into `arena` */
    struct arena arena;               /* of all of it, itself included */
};

/* ---- one call ---- */

static struct detached_call *copy_call(
    struct detached *detached, size_t service, const struct http_call_options *options)
{
    struct worker *worker = detached->worker;
    struct arena arena;
    arena_init(&arena, &worker->arenas);
    struct detached_call *call = arena_alloc(&arena, sizeof(*call));
    *call = (struct detached_call){
        .owner = detached,
        .service = services_get(worker->services, service),
        .options = *options,
        .arena = arena,
    };
    call->options.answer_max_bytes = worker->core->settings->services[service].answer_max_bytes;
    struct http_call_lines *lines =
        arena_zalloc(&call->arena, options->lines_count + 1, sizeof(*lines));
    for (size_t i = 0; i < options->lines_count; i++) {
        lines[i].text = arena_str(&call->arena, options->lines[i].text);
    }
    struct http_call_field *fields =
        arena_zalloc(&call->arena, options->fields_count + 1, sizeof(*fields));
    for (size_t i = 0; i < options->fields_count; i++) {
        fields[i].name = arena_str(&call->arena, options->fields[i].name);
        fields[i].value = arena_str(&call->arena, options->fields[i].value);
    }
    call->options.lines = lines;
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
    ring_remove(&call->link);
    struct arena arena = call->arena; /* the call is in it, too */
    arena_release(&arena);
}

/* ---- to a host, or dropped ---- */

static const char *const whys[UPSTREAM_DROPS] = {
    [UPSTREAM_DROP_QUEUE] = "too many detached calls are waiting",
    [UPSTREAM_DROP_LATE] = "its time ended before its turn",
    [UPSTREAM_DROP_OPEN] = "its hosts are not asked for a while, because they kept failing",
    [UPSTREAM_DROP_FULL] = "it has as many calls as it can take",
};

static const char *drop(struct service *service, enum upstream_drop why)
{
    service_dropped(service, why);
    return whys[why];
}

static void ended(void *context, struct http_answer *answer);

/* To a host that it has not been tried at; NULL, or why it cannot be. */
static const char *start(struct detached_call *call)
{
    enum service_refusal why;
    call->began_us = clock_now_us();
    if (call->options.deadline_us <= call->began_us) {
        return drop(call->service, UPSTREAM_DROP_LATE);
    }
    call->host = service_pick(call->service, call->asked, call->began_us, &why);
    if (!call->host) {
        return drop(call->service, why == SERVICE_FULL ? UPSTREAM_DROP_FULL : UPSTREAM_DROP_OPEN);
    }
    call->asked |= host_bit(call->host);
    service_began(call->service, call->host, call->began_us);
    call->options.origin = host_origin(call->host);
    call->options.started_us = call->began_us;
    call->http = http_call_start(call->owner->worker->client, &call->options, ended, call);
    return NULL;
}

/* ---- the queue ---- */

static bool has_room(const struct detached *detached)
{
    return detached->in_flight < detached->worker->core->settings->detached.in_flight;
}

/* Why the last of them was dropped; NULL: it was not. */
static const char *start_next(struct detached *detached)
{
    const char *why = NULL;
    while (has_room(detached) && detached->queued) {
        struct detached_call *call = container_of(detached->queue.next, struct detached_call, link);
        ring_remove(&call->link);
        detached->queued--;
        why = start(call);
        if (why) {
            free_call(call);
        } else {
            ring_append(&detached->under_way, &call->link);
            detached->in_flight++;
        }
    }
    show(detached);
    return why;
}

static void tell_service(
    const struct detached_call *call, enum service_verdict verdict, uint64_t ended_us)
{
    const struct limit_time time =
        limit_time_of(call->began_us, ended_us, call->owner->worker->loop);
    service_ended(call->service, call->host, verdict, &time);
}

/* A host out of reach has got nothing: another may be asked. */
static void ended(void *context, struct http_answer *answer)
{
    struct detached_call *call = context;
    struct detached *detached = call->owner;
    if (answer->outcome != HTTP_ANSWERED || answer->status >= 300) {
        log_debug("a detached call ended as %s with status %u", http_outcome_name(answer->outcome),
            answer->status);
    }
    tell_service(call, failure_verdict(answer), call->began_us + answer->total_us);
    if (failure_is_out_of_reach(answer) && !start(call)) {
        service_moved(call->service);
        return;
    }
    free_call(call);
    detached->in_flight--;
    start_next(detached);
}

/* When there is room it is the only one in the queue, and its turn is now. */
const char *detached_add(
    struct detached *detached, size_t service, const struct http_call_options *options)
{
    struct worker *worker = detached->worker;
    if (!has_room(detached) && detached->queued >= worker->core->settings->detached.queue_max) {
        return drop(services_get(worker->services, service), UPSTREAM_DROP_QUEUE);
    }
    struct detached_call *call = copy_call(detached, service, options);
    ring_append(&detached->queue, &call->link);
    detached->queued++;
    return start_next(detached);
}

size_t detached_count(const struct detached *detached)
{
    return detached->in_flight + detached->queued;
}

/* ---- the beginning and the end ---- */

struct detached *detached_new(struct worker *worker)
{
    struct detached *detached = calloc(1, sizeof(*detached));
    must(detached != NULL);
    detached->worker = worker;
    detached->shown = services_shown(worker->services);
    ring_init(&detached->queue);
    ring_init(&detached->under_way);
    return detached;
}

void detached_free(struct detached *detached)
{
    if (!detached) {
        return;
    }
    while (!ring_is_empty(&detached->under_way)) {
        struct detached_call *call =
            container_of(detached->under_way.next, struct detached_call, link);
        http_call_cancel(call->http);
        tell_service(call, SERVICE_CANCELLED, clock_now_us());
        free_call(call);
    }
    while (!ring_is_empty(&detached->queue)) {
        free_call(container_of(detached->queue.next, struct detached_call, link));
    }
    free(detached);
}
