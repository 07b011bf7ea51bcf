#ifndef WIRE_HTTP_CONNECTION_H
#define WIRE_HTTP_CONNECTION_H

#include "../base/must.h"
#include "http_linger.h"
#include "http_stream.h"

/*
 * A server and its connections from inside: what http_server.c, which has the library, and
 * http_connection.c, which knows none, share with http_server_stream.c. Nobody else includes this.
 */

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;

struct http_server {
    struct loop *loop;
    struct http_server_options options;
    struct http_intake_limits limits;
    struct http_server_user user;
    struct MHD_Daemon *daemon;
    struct http_guards guards;
    struct http_lingers lingers;
    struct watch watch; /* the daemon's epoll descriptor */
    struct turn_hook hook;
    bool must_run;
    unsigned spins; /* zero timeouts in a row */
    struct connection *connections;
    unsigned connections_count;
    bool is_draining;
    void (*drained)(void *context);
    struct soon drained_soon;
};

enum exchange_state { NONE, ARRIVED, OPEN, REPLIED, OVER, ABORTED };

struct http_exchange {
    enum exchange_state state;
    void *owner;
    struct MHD_Response *response;
    unsigned status;
    uint64_t body_bytes;  /* that go on the wire */
    bool is_refusal_told; /* of a streamed request */
    bool is_sent;
};

struct connection {
    struct http_server *server;
    struct connection *next, *before;
    struct MHD_Connection *mhd;
    struct http_guard guard;
    struct http_exchange exchange;
    struct http_stream *stream; /* NULL: the exchange is not streamed, or there is none */
    struct watch watch;         /* sees the client leave */
    struct deadline deadline;
    struct soon soon;
    bool has_asked;    /* a request was whole on this connection */
    bool has_left;     /* the client */
    bool is_read_shut; /* by us */
    bool is_closed;    /* by the library; stays only until `done` has run */
    struct sockaddr_storage peer;
};

static inline struct connection *connection_of(struct http_exchange *exchange)
{
    return container_of(exchange, struct connection, exchange);
}

/* ---- http_connection.c ---- */

/* One more in the server's list; `session` is its TLS session, NULL: plain. */
struct connection *http_connection_new(
    struct http_server *server, struct MHD_Connection *mhd, int fd, void *session);

/* The library closes it. It goes once its exchange is over. */
void http_connection_closed(struct connection *connection);

/*
 * A request is here: the guard has told the library of it, which waits until it is resumed, or it
 * is streamed, and the library is about to be left out.
 */
void http_connection_asked(struct connection *connection);

/* The library is through with the request: its answer is written, or nobody takes it. */
void http_connection_answered(struct connection *connection, bool is_sent);

/* It is shut down when what it does now takes longer. */
void http_connection_limit(struct connection *connection, unsigned ms);

/* The server drains from now on: one that asks nothing is let go. */
void http_connection_drain(struct connection *connection);

/* ---- http_server_stream.c: streamed exchanges ---- */

/* Puts the connection aside. The exchange has ARRIVED, and is about to be OPEN. */
void http_server_stream_open(struct connection *connection);

/* The connection's turn in the soon queue while it has a stream. */
void http_server_stream_turn(struct connection *connection);

/* http_reply, for a stream. */
void http_server_stream_reply(struct connection *connection, unsigned status,
    const struct http_field *fields, size_t fields_count, struct buf *body, enum http_after after);

/* ---- http_server.c ---- */

/* The library takes a suspended connection up again, in its next run. */
void http_connection_resume(struct connection *connection);

/* One connection less: it may have been the last that a drain waited for. */
void http_server_look_if_drained(struct http_server *server);

#endif
