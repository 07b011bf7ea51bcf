#ifndef WIRE_HTTP_SERVER_PARTS_H
#define WIRE_HTTP_SERVER_PARTS_H

#include "../base/must.h"
#include "../base/ring.h"
#include "http_daemon.h"
#include "http_guard.h"
#include "http_intake.h"
#include "http_linger.h"
#include "http_receiver.h"
#include "http_sender.h"
#include "http_server.h"
#include "http_stream.h"

/*
 * A server and its connections from inside. Only for http_server.c, http_connection.c,
 * http_server_stream.c and http_server_reply.c.
 */

struct http_server {
    struct loop *loop;
    struct http_server_options options;
    struct http_intake_limits limits;
    struct http_server_user user;
    struct http_daemon daemon;
    struct http_lingers lingers;
    struct ring_link connections;
    unsigned connections_count;
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
    struct http_daemon_handle handle;
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

#endif
