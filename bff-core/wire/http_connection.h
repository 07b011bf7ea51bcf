#ifndef WIRE_HTTP_CONNECTION_H
#define WIRE_HTTP_CONNECTION_H

#include "../base/must.h"
#include "http_guard.h"
#include "http_intake.h"
#include "http_linger.h"
#include "http_server_head.h"
#include "http_stream.h"

/*
 * A server and its connections from inside: what http_server.c, which has the library, shares with
 * http_connection.c (what a connection is at), http_server_read.c, http_server_write.c and
 * http_server_stream.c, which know none. Nobody else includes this.
 */

struct MHD_Connection;
struct MHD_Daemon;

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
    unsigned opened_count; /* ever */
    bool is_draining;
    void (*drained)(void *context);
    struct soon drained_soon;
    char scratch[HTTP_INTAKE_PIECE_BYTES]; /* of reads that are not put off; a TLS record */
};

enum exchange_state { NONE, TURNED_AWAY, OPEN, REPLIED };

struct http_exchange {
    enum exchange_state state;
    void *owner;
    uint64_t body_bytes;  /* that go on the wire */
    bool is_refusal_told; /* of a streamed request */
};

/* One that is not streamed, on its way out: the body stands behind the head, or is apart. */
struct http_answer_out {
    struct buf head, body;
    size_t sent;
    bool is_last;    /* the connection ends with it */
    bool is_blocked; /* the client has yet to take some */
    bool has_limit;  /* the connection's deadline is for that */
};

struct connection {
    struct http_server *server;
    struct connection *next, *before;
    struct MHD_Connection *mhd;
    struct http_guard guard;
    struct http_intake intake;
    struct http_exchange exchange;
    struct http_answer_out answer;
    struct http_stream *stream; /* NULL: the exchange is not streamed, or there is none */
    struct watch watch;
    struct batch_io reading, writing; /* plain: put off; else both are done at once */
    struct deadline deadline;         /* of what it does now */
    struct soon soon;
    bool has_bytes;   /* the client has sent more than was read, as far as we know */
    bool has_asked;   /* a request was whole on this connection */
    bool has_invited; /* 100 Continue was sent for the request in hand */
    bool has_left;    /* the client */
    bool is_let_go;   /* closed once it is seen that nothing more was asked */
    struct sockaddr_storage peer;
};

static inline struct connection *connection_of(struct http_exchange *exchange)
{
    return container_of(exchange, struct connection, exchange);
}

/* ---- http_connection.c ---- */

/* One more in the server's list, which the library has; `session` is its TLS session, NULL: plain.
 */
struct connection *http_connection_new(
    struct http_server *server, struct MHD_Connection *mhd, int fd, void *session);

/* The library has closed it. */
void http_connection_closed(struct connection *connection);

/* Gives it back to the library, which closes it. Nothing happens on it any more. */
void http_connection_close(struct connection *connection);

/* Another deadline counts: the intake's phase has changed, or begun again. */
void http_connection_moved(struct connection *connection);

/* It is closed, or its request refused, when what it does now takes longer. */
void http_connection_limit(struct connection *connection, unsigned ms);

/* The request in hand, whole, refused, or with its head whole and streamed, as the user is told. */
struct http_arrived http_connection_arrived(const struct connection *connection);

/* A request is in hand, and is served. */
void http_connection_begin(struct connection *connection);

/* The request in hand is over, and its memory given back; some of the next may be here already. */
void http_connection_forget_request(struct connection *connection);

/* On to the next request: nothing of the one before is left. */
void http_connection_go_on(struct connection *connection);

/* The server drains from now on: one that asks nothing is let go. */
void http_connection_drain(struct connection *connection);

/* ---- http_server_read.c: requests ---- */

/* Reads what the client has sent, if it is time for it. */
void http_connection_read(struct connection *connection);

/*
 * Looks at what was read: a request in hand begins, or is turned away; without one, more is read.
 */
void http_connection_look(struct connection *connection);

void http_connection_has_read(struct batch_io *reading, ssize_t result);

/* ---- http_server_write.c: answers that are not streamed ---- */

/* Writes, now or in a moment, what connection->answer holds. */
void http_connection_write(struct connection *connection);

/* At once: its turn in the soon queue. */
void http_connection_write_now(struct connection *connection);

void http_connection_has_written(struct batch_io *writing, ssize_t result);

/* All is written, or nobody takes it: the exchange is over, if there was one. */
void http_connection_answered(struct connection *connection, bool is_sent);

/* ---- http_server_stream.c: streamed exchanges ---- */

/* The exchange is about to be OPEN. */
void http_server_stream_open(struct connection *connection);

/* The connection's turn in the soon queue while it has a stream. */
void http_server_stream_turn(struct connection *connection);

/* http_reply, for a stream. */
void http_server_stream_reply(struct connection *connection, unsigned status,
    const struct http_field *fields, size_t fields_count, struct buf *body, enum http_after after);

/* ---- http_server.c ---- */

/* The library leaves the connection to us. */
void http_server_take(struct connection *connection);

/* The library takes it up again in its next run, and hears from the guard that it is over. */
void http_server_give_back(struct connection *connection);

/* One connection less: it may have been the last that a drain waited for. */
void http_server_look_if_drained(struct http_server *server);

#endif
