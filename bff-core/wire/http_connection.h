#ifndef WIRE_HTTP_CONNECTION_H
#define WIRE_HTTP_CONNECTION_H

#include "../base/must.h"
#include "../base/ring.h"
#include "http_guard.h"
#include "http_intake.h"
#include "http_linger.h"
#include "http_receiver.h"
#include "http_sender.h"
#include "http_server_head.h"
#include "http_stream.h"

/*
 * A server and its connections from inside: what http_server.c, which has the library, shares with
 * http_connection.c, http_server_reply.c and http_server_stream.c, which know none. Nobody else
 * includes this.
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
    struct ring_link connections;
    unsigned connections_count;
    unsigned opened_count;         /* ever */
    struct connection *given_back; /* the library does not know yet */
    struct deadline tell_library;
    bool is_draining;
    void (*drained)(void *context);
    struct soon drained_soon;
    char scratch[HTTP_RECEIVER_BYTES]; /* of reads that are not put off */
};

enum exchange_state { NONE, TURNED_AWAY, OPEN, REPLIED };

struct http_exchange {
    enum exchange_state state;
    void *owner;
    uint64_t body_bytes;  /* that go on the wire */
    bool is_last;         /* the connection ends with it; streamed: see http_stream */
    bool is_refusal_told; /* of a streamed request */
};

struct connection {
    struct http_server *server;
    struct ring_link link; /* in server->connections */
    struct connection *next_given_back;
    struct MHD_Connection *mhd;
    struct http_guard guard;
    struct http_receiver receiver;
    struct http_intake intake;
    struct http_exchange exchange;
    struct http_sender sender;
    struct http_stream *stream; /* NULL: the exchange is not streamed, or there is none */
    struct watch watch;
    struct deadline deadline; /* of what it does now */
    struct soon soon;
    bool has_asked;   /* a request was whole on this connection */
    bool has_invited; /* 100 Continue was sent for the request in hand */
    bool has_left;    /* the client */
    bool has_limit;   /* the deadline is for a client that has yet to take its answer */
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
struct connection *http_connection_new(struct http_server *server, struct MHD_Connection *mhd,
    int fd, void *session, const struct sockaddr *peer);

/* The library has closed it. */
void http_connection_closed(struct connection *connection);

/*
 * The client hears of its end, and the library gets it back, to close it. Nothing happens on it any
 * more. Without an exchange only.
 */
void http_connection_close(struct connection *connection);

/* The same at the server's end: who is being turned away gets no answer any more. */
void http_connection_shut(struct connection *connection);

/* What the question and the connection decide about the head of an answer. */
void http_connection_form(const struct connection *connection, struct http_server_head *head);

/* The request in hand is over, and its memory given back; some of the next may be here already. */
void http_connection_forget_request(struct connection *connection);

/* On to the next request: nothing of the one before is left. */
void http_connection_go_on(struct connection *connection);

/* The server drains from now on: one that asks nothing is let go. */
void http_connection_drain(struct connection *connection);

/* ---- http_server_stream.c: streamed exchanges ---- */

/* The exchange is about to be OPEN. */
void http_server_stream_open(struct connection *connection);

/* The connection's turn in the soon queue while it has a stream. */
void http_server_stream_turn(struct connection *connection);

/* http_reply, for a stream: of the head, what does not follow from the question is there. */
void http_server_stream_reply(
    struct connection *connection, struct http_server_head *head, struct buf *body);

/* ---- http_server.c ---- */

/* The library leaves the connection to us. */
void http_server_take(struct connection *connection);

/* The library takes it up again soon, and hears from the guard that it is over. */
void http_server_give_back(struct connection *connection);

/* One connection less: it may have been the last that a drain waited for. */
void http_server_look_if_drained(struct http_server *server);

#endif
