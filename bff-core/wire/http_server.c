/*
 * http_server: a listener and its connections.
 *
 * Owns the server and the list of its connections, from the first that the library lets in to the
 * last that a drain waits for. Division of labour: http_daemon lets clients in and closes behind
 * them, http_connection has them in between. Promises that `drained` is told once, when neither a
 * connection nor one that lingers is left.
 */
#include "http_server.h"

#include "../base/must.h"
#include "http_connection.h"

#include <stdio.h>
#include <stdlib.h>

void http_exchange_set_owner(struct http_exchange *exchange, void *owner)
{
    exchange->owner = owner;
}

/* ---- the server's own life ---- */

static void tell_drained(struct soon *soon)
{
    struct http_server *server = container_of(soon, struct http_server, drained_soon);
    server->drained(server->user.context);
}

static void look_if_drained(struct http_server *server)
{
    if (server->is_draining && server->connections_count == 0 &&
        ring_is_empty(&server->lingers.list)) {
        loop_soon(server->loop, &server->drained_soon);
    }
}

static void linger_emptied(struct http_lingers *lingers)
{
    look_if_drained(container_of(lingers, struct http_server, lingers));
}

static struct http_daemon_handle *opened(void *context, const struct http_daemon_guest *guest)
{
    return &http_connection_new(context, guest)->handle;
}

static void closed(void *context, struct http_daemon_handle *handle)
{
    http_connection_closed(container_of(handle, struct connection, handle));
    look_if_drained(context);
}

struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
    const struct http_server_user *user, char *why)
{
    enum { WHY_BYTES = 256 };
    const struct http_tls *tls = options->tls;
    struct http_server *server = calloc(1, sizeof(*server));
    must(server != NULL);
    server->loop = loop;
    server->options = *options;
    server->limits = (struct http_intake_limits){ .head_max_bytes = options->head_max_bytes,
        .target_max_bytes = options->target_max_bytes,
        .body_max_bytes = options->body_max_bytes,
        .streams = user->streams,
        .context = user->context };
    server->user = *user;
    ring_init(&server->connections);
    http_lingers_init(&server->lingers, loop, linger_emptied);
    server->drained_soon.run = tell_drained;
    struct http_daemon_options daemon_options = {
        .listen_fd = options->listen_fd,
        .connections_max = options->connections_max,
        .certificate_pem = tls ? tls->certificate_pem : NULL,
        .key_pem = tls ? tls->key_pem : NULL,
    };
    struct http_daemon_user daemon_user = { opened, closed, server };
    if (!http_daemon_start(&server->daemon, loop, &daemon_options, &daemon_user)) {
        snprintf(why, WHY_BYTES, "The HTTP library does not start%s.",
            tls ? "; the certificate or its key may be broken" : "");
        free(server);
        return NULL;
    }
    return server;
}

void http_server_drain(struct http_server *server, void (*drained)(void *context))
{
    must(!server->is_draining);
    http_daemon_quiesce(&server->daemon);
    server->is_draining = true;
    server->drained = drained;
    for (struct ring_link *at = server->connections.next; at != &server->connections;
         at = at->next) {
        http_connection_drain(container_of(at, struct connection, link));
    }
    look_if_drained(server);
}

unsigned http_server_connections(const struct http_server *server)
{
    return server->connections_count;
}

void http_server_free(struct http_server *server)
{
    server->is_draining = false; /* nobody is to be told */
    for (struct ring_link *at = server->connections.next; at != &server->connections;
         at = at->next) {
        /* The library stops only when it has all of them. */
        http_connection_shut(container_of(at, struct connection, link));
    }
    http_daemon_stop(&server->daemon);
    http_lingers_fini(&server->lingers);
    loop_soon_forget(server->loop, &server->drained_soon);
    free(server);
}
