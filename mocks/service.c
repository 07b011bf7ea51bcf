/*
 * A port that answers.
 *
 * Owns all that touches libmicrohttpd but the waiting (delay.c): the listener, the daemon with its
 * one thread, the body of a request and the bytes of an answer. Invariants:
 *  1. A request is counted, and its behaviour chosen, when it has been read; a change of behaviour
 *     during its delay no longer concerns it.
 *  2. Requests to /_mock are neither counted, nor delayed, nor spoilt.
 *
 * It does not know what the routes answer.
 */
#include "service.h"

#include "media.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/crypto.h>
#include <microhttpd.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY_MAX_BYTES = 65536, SHA256_BYTES = 32, BACKLOG = 1024, CONNECTIONS_MAX = 8192 };

/* One request from its first line to its answer; libmicrohttpd keeps the pointer for us. */
struct exchange {
    struct doc body;
    bool is_too_large;
    bool takes_all; /* then nothing is kept but these two */
    size_t taken;
    gnutls_hash_hd_t digest;
    char sha256[2 * SHA256_BYTES + 1];
    bool is_read;
    bool has_waited;
    uint64_t arrived_ns;
    struct behaviour behaviour;
};

static const char *query_argument(void *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static struct exchange *exchange_new(bool takes_all)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        return NULL;
    exchange->arrived_ns = delay_now_ns();
    exchange->takes_all = takes_all && gnutls_hash_init(&exchange->digest, GNUTLS_DIG_SHA256) == 0;
    return exchange;
}

static void exchange_take(struct exchange *exchange, const char *bytes, size_t len)
{
    exchange->taken += len;
    if (exchange->takes_all)
        gnutls_hash(exchange->digest, bytes, len);
    else if (exchange->body.len + len > BODY_MAX_BYTES)
        exchange->is_too_large = true;
    else
        doc_append(&exchange->body, bytes, len);
}

static void write_digest(struct exchange *exchange)
{
    unsigned char bytes[SHA256_BYTES];
    gnutls_hash_output(exchange->digest, bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(exchange->sha256 + 2 * i, 3, "%02x", bytes[i]);
}

static void exchange_free(
    void *cls, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode how)
{
    struct exchange *exchange = *slot;
    (void)cls, (void)connection, (void)how;
    if (exchange)
        doc_fini(&exchange->body);
    if (exchange && exchange->takes_all)
        gnutls_hash_deinit(exchange->digest, NULL);
    free(exchange);
    *slot = NULL;
}

/* Serves the first half of a body and then breaks off; see half_response(). */
static ssize_t half_read(void *cls, uint64_t at, char *out, size_t most)
{
    const struct doc *doc = cls;
    const size_t half = doc->len / 2;
    if (at >= half)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    const size_t left = half - (size_t)at;
    const size_t len = left < most ? left : most;
    memcpy(out, doc->bytes + at, len);
    return (ssize_t)len;
}

static void half_free(void *cls)
{
    doc_fini(cls);
    free(cls);
}

static struct MHD_Response *half_response(const struct doc *doc)
{
    struct doc *copy = calloc(1, sizeof *copy);
    if (!copy)
        return NULL;
    doc_append(copy, doc->bytes, doc->len);
    return MHD_create_response_from_callback(copy->len, 4096, half_read, copy, half_free);
}

/* A page outlives every answer and is sent as it lies there; other documents are copied. */
static struct MHD_Response *whole_response(const struct answer *answer)
{
    const struct doc *doc = route_document(answer);
    return MHD_create_response_from_buffer(
        doc->len, doc->bytes, answer->page ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY);
}

static struct MHD_Response *spoilt_response(
    const struct service *service, enum behaviour_body body, const struct answer *answer)
{
    struct doc spoilt;
    behaviour_spoil(body, route_document(answer), service->name, &spoilt);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(spoilt.len, spoilt.bytes, MHD_RESPMEM_MUST_COPY);
    doc_fini(&spoilt);
    return response;
}

static enum MHD_Result send_answer(const struct service *service, struct MHD_Connection *connection,
    const struct answer *answer, enum behaviour_body body)
{
    struct MHD_Response *response = body == BODY_OK     ? whole_response(answer)
                                    : body == BODY_HALF ? half_response(route_document(answer))
                                                        : spoilt_response(service, body, answer);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
        body == BODY_HTML ? "text/html"
        : answer->type    ? answer->type
                          : "application/json");
    if (answer->allow)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
    if (answer->must_not_keep)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    const enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static void find_answer(struct service *service, const struct route *routes,
    struct MHD_Connection *connection, const char *method, const char *path,
    const struct exchange *exchange, struct answer *answer)
{
    struct question question = {
        .people = service->people,
        .pages = &service->pages,
        .events = &service->events,
        .owner = routes == service->control ? service : service->owner,
        .body = exchange->body.bytes,
        .body_len = exchange->taken,
        .sha256 = exchange->sha256,
        .argument = query_argument,
        .source = connection,
    };
    *answer = (struct answer){ .status = 200 };
    if (exchange->is_too_large) {
        route_refuse(answer, 413, "too_large", "A body may hold 64 KB.");
    } else if (exchange->behaviour.status != 200) {
        answer->status = exchange->behaviour.status;
        behaviour_write_error(&exchange->behaviour, &answer->doc, service->name);
    } else {
        route_answer(routes, method, path, &question, answer);
    }
}

static bool is_control(const char *path)
{
    static const char root[] = "/_mock";
    const size_t len = sizeof root - 1;
    return strncmp(path, root, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* Called when the request has been read, and once more when it has waited. True when it waits. */
static bool must_wait(
    struct service *service, struct exchange *exchange, struct MHD_Connection *connection)
{
    if (!exchange->is_read) {
        exchange->is_read = true;
        if (exchange->takes_all)
            write_digest(exchange);
        exchange->behaviour = service_behaviour(service);
        atomic_fetch_add(&service->requests, 1);
    }
    if (exchange->has_waited || exchange->behaviour.delay_ms == 0)
        return false;
    exchange->has_waited = true;
    return delay_suspend(service->delay, connection,
        exchange->arrived_ns + exchange->behaviour.delay_ms * UINT64_C(1000000));
}

/* libmicrohttpd calls this with the head, with each piece of the body, and with the end. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *bytes, size_t *len, void **slot)
{
    struct service *service = cls;
    struct exchange *exchange = *slot;
    struct answer answer;
    const struct route *routes = service->routes;
    (void)version;

    if (!exchange) {
        *slot = exchange_new(route_leads_to(service->routes, method, path, media_upload));
        return *slot ? MHD_YES : MHD_NO;
    }
    if (*len > 0) {
        exchange_take(exchange, bytes, *len);
        *len = 0;
        return MHD_YES;
    }
    if (is_control(path)) {
        routes = service->control;
        exchange->behaviour = behaviour_good;
    } else if (must_wait(service, exchange, connection)) {
        return MHD_YES;
    }
    find_answer(service, routes, connection, method, path, exchange, &answer);
    const enum MHD_Result result =
        send_answer(service, connection, &answer, exchange->behaviour.body);
    route_release(&answer);
    return result;
}

void service_init(struct service *service)
{
    service->listener = -1;
    service->now = service->at_start;
    pthread_mutex_init(&service->lock, NULL);
    pages_init(&service->pages, service->people->count);
}

void service_fini(struct service *service)
{
    if (service->listener >= 0)
        close(service->listener);
    pages_fini(&service->pages);
    pthread_mutex_destroy(&service->lock);
}

bool service_listen(struct service *service, unsigned port)
{
    const int on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t len = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    service->listener = listener;
    service->port = port;
    if (listener < 0)
        return false;
    /* A restart may take the port from connections that linger, never from who listens. */
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, BACKLOG) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        return false;
    service->port = ntohs(address.sin_port);
    return true;
}

bool service_start(struct service *service)
{
    /* Not its epoll: that waits once more, for ever, when exactly 128 connections are ready. */
    service->daemon = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0,
        NULL, NULL, on_request, service, MHD_OPTION_LISTEN_SOCKET, service->listener,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_NOTIFY_COMPLETED,
        exchange_free, NULL, MHD_OPTION_END);
    if (service->daemon)
        service->listener = -1; /* the daemon closes it now */
    return service->daemon;
}

void service_stop(struct service *service)
{
    if (service->daemon)
        MHD_stop_daemon(service->daemon);
    service->daemon = NULL;
}

struct behaviour service_behaviour(struct service *service)
{
    pthread_mutex_lock(&service->lock);
    const struct behaviour now = service->now;
    pthread_mutex_unlock(&service->lock);
    return now;
}

void service_behave(struct service *service, struct behaviour behaviour)
{
    pthread_mutex_lock(&service->lock);
    service->now = behaviour;
    pthread_mutex_unlock(&service->lock);
}

void service_reset(struct service *service)
{
    service_behave(service, service->at_start);
    atomic_store(&service->requests, 0);
    atomic_store(&service->events, 0);
}
