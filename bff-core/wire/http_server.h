#ifndef WIRE_HTTP_SERVER_H
#define WIRE_HTTP_SERVER_H

#include "../base/buf.h"
#include "../base/loop.h"

#include <netinet/in.h>

/*
 * HTTP/1.1 for our clients: one listener of one worker on its loop. The library behind it never calls our code:
 * every callback below is made from the loop's soon queue, with nothing else on the stack.
 */
struct http_server;

/* One request and its answer. Owned by the server; the user's handle from `begin` until `done` returns. */
struct http_exchange;

/* Certificates for TLS, as PEM texts; borrowed, must outlive the server. */
struct http_tls {
    const char *certificate_pem; /* the leaf first, then its chain */
    const char *key_pem;
};

struct http_server_options {
    int listen_fd;              /* listening, non-blocking; taken */
    const struct http_tls *tls; /* NULL: plain HTTP */
    unsigned connections_max;
    unsigned idle_timeout_ms; /* of a kept-alive connection between two requests */
    unsigned head_timeout_ms; /* from the first byte (or accept) to the end of the header block */
    unsigned body_timeout_ms; /* from the end of the header block to the end of the body */
    size_t head_max_bytes;
    size_t target_max_bytes;
    size_t body_max_bytes;
};

/* Why a request was refused before its head could be believed. */
enum http_refusal {
    HTTP_REFUSED_NOT,
    HTTP_REFUSED_MALFORMED,
    HTTP_REFUSED_TARGET_TOO_LONG,
    HTTP_REFUSED_HEAD_TOO_LARGE,
    HTTP_REFUSED_BODY_TOO_LARGE,
    HTTP_REFUSED_SLOW, /* the head or the body did not arrive in its time */
};

struct http_field {
    struct str name;
    struct str value;
};

/* What arrived. All slices live until `done` returns. */
struct http_arrived {
    enum http_refusal refused; /* when set, method and target may be empty and the rest is not to be believed */
    struct str method;
    struct str target; /* as sent: path and query, percent-encoded */
    struct str body;
    const struct http_field *fields;
    size_t fields_count;
    uint64_t first_byte_us; /* monotonic, of the head */
    bool is_tls;
    struct sockaddr_storage peer;
};

struct http_server_user {
    void *context;
    /* A whole request is here, or a refused one. Answer with http_reply, now or later. */
    void (*begin)(void *context, struct http_exchange *exchange, const struct http_arrived *arrived);
    /* The client left before http_reply. `done` follows at once: stop working for it. */
    void (*gone)(void *owner);
    /* The answer was written out (`sent_bytes` of body), or could not be. The exchange ends when this returns. */
    void (*done)(void *owner, bool is_sent, uint64_t sent_bytes);
};

/* NULL with `why` (a buffer of 256 bytes) set. The user's callbacks are copied. */
struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
    const struct http_server_user *user, char *why);

/* The user's own object for an exchange: what `gone` and `done` are called with. Set it in `begin`. */
void http_exchange_set_owner(struct http_exchange *exchange, void *owner);

/* The first field of that name, without case; { NULL, 0 } when there is none. */
struct str http_arrived_field(const struct http_arrived *arrived, struct str name);

/* True when a field of that name comes twice or more. */
bool http_arrived_repeats(const struct http_arrived *arrived, struct str name);

enum http_after { HTTP_KEEP, HTTP_CLOSE };

/*
 * The answer, once per exchange. Fields are copied; `body` is moved out and left empty. Content-Length, Date and
 * Connection are added here. HTTP_CLOSE ends the connection after the answer.
 */
void http_reply(struct http_exchange *exchange, unsigned status, const struct http_field *fields, size_t fields_count,
    struct buf *body, enum http_after after);

/*
 * Drain: stops listening, closes idle connections, answers from now on with Connection: close. `drained` is called
 * from the soon queue when no connection is left.
 */
void http_server_drain(struct http_server *server, void (*drained)(void *context));

/* Connections that are open now. */
unsigned http_server_connections(const struct http_server *server);

/* After the drain, or at any time when no exchange is open. */
void http_server_free(struct http_server *server);

#endif
