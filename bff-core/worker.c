/*
 * worker: one thread, one loop, and everything that one request needs.
 *
 * Owns what struct worker names. Made by the main thread, so that what cannot be made is said
 * before the server serves; from worker_start on touched by its own thread alone. Drain: the
 * listener closes, requests in flight are answered, detached calls are waited for; whoever is left
 * when the drain's time ends gets 503, and whoever is left after that is cut off.
 */
#include "worker.h"

#include "admit/jwks.h"
#include "admit/route.h"
#include "admit/shed.h"
#include "admit/tokens.h"
#include "base/log.h"
#include "base/must.h"
#include "fanout/detached.h"
#include "fanout/flight.h"
#include "fanout/memories.h"
#include "fanout/service.h"
#include "observe/access.h"
#include "observe/metrics.h"
#include "request.h"
#include "wire/compress.h"
#include "wire/http_client.h"
#include "wire/http_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* For the last answers to be written once the drain's time has ended. */
enum { LAST_CALL_US = 1000 * 1000 };

/* ---- from the connection to the request ---- */

static void exchange_begins(
    void *context, struct http_exchange *exchange, const struct http_arrived *arrived)
{
    request_begin(context, exchange, arrived);
}

static bool turns_away(void *context, const struct http_arrived *arrived, struct buf *answer)
{
    return request_turns_away(context, arrived, answer);
}

static bool exchange_streams(
    void *context, struct str method, struct str target, uint64_t *body_max_bytes)
{
    const struct worker *worker = context;
    return route_streams(worker->core, method, target, body_max_bytes);
}

static void exchange_refused(void *owner, enum http_refusal why)
{
    request_refused(owner, why);
}

static void exchange_gone(void *owner)
{
    request_gone(owner);
}

static void exchange_done(void *owner, bool is_sent, uint64_t sent_bytes)
{
    request_sent(owner, is_sent, sent_bytes);
}

/* ---- the end ---- */

static uint64_t before_wait(struct turn_hook *hook)
{
    struct worker *worker = container_of(hook, struct worker, turn);
    bool is_empty = worker->requests_count == 0 && http_server_connections(worker->server) == 0 &&
                    detached_count(worker->detached) == 0;
    if (worker->is_draining && is_empty) {
        loop_stop(worker->loop);
    }
    return LOOP_NO_LIMIT;
}

static void drain_ended(struct deadline *deadline)
{
    struct worker *worker = container_of(deadline, struct worker, drain_ends);
    if (worker->is_cut) {
        log_warn("worker %u: %u connections are cut off at the end of the drain", worker->index,
            http_server_connections(worker->server));
        loop_stop(worker->loop);
        return;
    }
    worker->is_cut = true;
    for (struct request *request = worker->requests; request; request = request->next) {
        request_fail(request, PROBLEM_STOPPING);
    }
    loop_deadline(worker->loop, &worker->drain_ends, loop_now_us(worker->loop) + LAST_CALL_US);
}

static void listener_drained(void *context)
{
    (void)context; /* before_wait looks at each turn, and this was one */
}

static void begin_drain(struct soon *soon)
{
    struct worker *worker = container_of(soon, struct worker, drain);
    uint64_t drain_us = worker->core->settings->limits.drain_ms * 1000ull;
    worker->is_draining = true;
    http_server_drain(worker->server, listener_drained);
    loop_deadline(worker->loop, &worker->drain_ends, loop_now_us(worker->loop) + drain_us);
}

void worker_drain(struct worker *worker)
{
    loop_post(worker->loop, &worker->drain);
}

/* ---- the beginning ---- */

static bool make_server(
    struct worker *worker, int listen_fd, const struct http_tls *tls, struct err *err)
{
    const struct settings *settings = worker->core->settings;
    unsigned share = settings->listen.connections_max / worker->core->workers_count;
    struct http_server_options options = {
        .listen_fd = listen_fd,
        .tls = tls,
        .connections_max = share ? share : 1,
        .idle_timeout_ms = settings->limits.idle_ms,
        .head_timeout_ms = settings->limits.head_ms,
        .body_timeout_ms = settings->limits.body_ms,
        .reply_timeout_ms = settings->limits.idle_ms,
        .stream_idle_timeout_ms = settings->limits.stream_idle_ms,
        .head_max_bytes = settings->limits.head_bytes,
        .target_max_bytes = settings->limits.target_bytes,
        .body_max_bytes = settings->limits.body_bytes,
    };
    struct http_server_user user = {
        .context = worker,
        .turns_away = turns_away,
        .begin = exchange_begins,
        .gone = exchange_gone,
        .done = exchange_done,
        .streams = exchange_streams,
        .refused = exchange_refused,
    };
    char why[256];
    worker->server = http_server_new(worker->loop, &options, &user, why);
    return worker->server || err_set(err, "worker %u cannot serve: %s", worker->index, why);
}

static bool make_client(struct worker *worker, struct err *err)
{
    const struct settings *settings = worker->core->settings;
    struct http_client_options options = {
        .connections_max = settings->upstream.connections_max,
        .connect_timeout_ms = settings->upstream.connect_timeout_ms,
        .idle_timeout_ms = settings->upstream.idle_ms,
        .age_max_ms = settings->upstream.age_ms,
        .dns_ms = settings->upstream.dns_ms,
    };
    worker->client = http_client_new(worker->loop, &options);
    worker->services = services_new(worker, err);
    if (!worker->services) {
        return false;
    }
    worker->upstream = services_shown(worker->services);
    worker->detached = detached_new(worker);
    worker->flights = flights_new(worker);
    worker->memories = memories_new(worker->core);
    return true;
}

/* On the main thread. */
static void note_end(struct soon *soon)
{
    struct worker *worker = container_of(soon, struct worker, ended);
    const struct core *core = worker->core;
    bool have_all = true;
    worker->has_ended = true;
    for (unsigned i = 0; i < core->workers_count; i++) {
        have_all = have_all && core->workers[i].has_ended;
    }
    if (have_all) {
        loop_stop(worker->home);
    }
}

static void *live(void *context)
{
    struct worker *worker = context;
    metrics_shard_start(worker->metrics, worker);
    loop_run(worker->loop);
    metrics_shard_stop(worker->metrics);
    if (worker->index == 0) {
        keys_stop(worker->core->keys); /* it fetched them, see bff.c */
    }
    buf_free_spare();
    loop_post(worker->home, &worker->ended);
    return NULL;
}

bool worker_make(struct worker *worker, struct core *core, unsigned index, int listen_fd,
    const struct http_tls *tls, struct err *err)
{
    const struct settings *settings = core->settings;
    *worker = (struct worker){
        .core = core,
        .index = index,
        .loop = loop_new(),
        .drain.run = begin_drain,
        .drain_ends.expired = drain_ended,
        .turn.before_wait = before_wait,
        .ended.run = note_end,
    };
    if (!worker->loop) {
        return err_set(err, "worker %u gets no descriptor for its loop", index);
    }
    if (settings->listen.io_uring && !loop_use_ring(worker->loop) && index == 0) {
        log_info(
            "no io_uring here (%s): each read and each write is a system call", strerror(errno));
    }
    worker->keys_view = keys_view_new(core->keys, worker->loop);
    worker->tokens = tokens_new(settings->token.cache_entries);
    worker->compressor = compressor_new(settings->compress.gzip_level);
    worker->metrics = metrics_shard(core->metrics, index);
    worker->access = access_writer_new(core->access, worker->loop);
    loop_hook(worker->loop, &worker->turn);
    if (!make_client(worker, err) || !make_server(worker, listen_fd, tls, err)) {
        return false;
    }
    worker->shed = shed_new(worker->loop, settings, &worker->pressure);
    return true;
}

bool worker_start(struct worker *worker, struct loop *home, struct err *err)
{
    worker->home = home;
    int refused = pthread_create(&worker->thread, NULL, live, worker);
    return !refused || err_set(err, "worker %u gets no thread", worker->index);
}

void worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    if (worker->is_cut && worker->requests_count) {
        return; /* cut off: its memory goes with the process */
    }
    shed_free(worker->shed);
    http_server_free(worker->server);
    flights_free(worker->flights);
    memories_free(worker->memories);
    detached_free(worker->detached);
    services_free(worker->services);
    http_client_free(worker->client);
    access_writer_free(worker->access);
    tokens_free(worker->tokens);
    keys_view_free(worker->keys_view);
    compressor_free(worker->compressor);
    while (worker->requests_spare) {
        struct request *spare = worker->requests_spare;
        worker->requests_spare = spare->next;
        free(spare);
    }
    arena_pool_fini(&worker->arenas);
    loop_free(worker->loop);
}
