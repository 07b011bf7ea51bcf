#ifndef WIRE_HTTP_STREAM_H
#define WIRE_HTTP_STREAM_H

#include "http_guard.h"
#include "http_intake.h"
#include "http_server_head.h"

/*
 * A streamed request on its connection: the body comes in through the guard and goes into one pipe,
 * the answer comes out of another and goes out, both at once if need be. Parts are read by
 * http_server; only http_stream.c changes them.
 */
struct http_stream {
    struct loop *loop;
    struct http_guard *guard;
    struct http_intake *intake;
    char *scratch;
    unsigned idle_timeout_ms;
    /* One of is_lost, is_answered and the intake's refusal is new. Whoever is told takes a note. */
    void (*changed)(struct http_stream *stream);

    struct pipe *body; /* NULL: it is not read, or there is no more of it */
    struct soon body_drained;
    bool awaits_bytes; /* from the client */

    struct http_outflow answer;
    struct soon content_filled;
    bool has_begun;     /* the answer */
    bool awaits_taking; /* by the client */

    struct deadline idle;
    bool is_last;     /* the connection ends with the answer */
    bool is_answered; /* its last byte is out */
    bool is_lost;     /* the client has left, or was cut off */
};

/*
 * The intake has a streamed request; `scratch` has HTTP_INTAKE_PIECE_BYTES and is anybody's between
 * two calls. The descriptor's events come in through http_stream_ready.
 */
void http_stream_init(struct http_stream *stream, struct loop *loop, struct http_guard *guard,
    struct http_intake *intake, char *scratch, unsigned idle_timeout_ms);
/* Lets go of both pipes. */
void http_stream_fini(struct http_stream *stream);

void http_stream_ready(struct http_stream *stream, uint32_t events);

/* See http_exchange_read. */
void http_stream_read(struct http_stream *stream, struct pipe *into);

/*
 * Begins the answer: `content` comes out of a pipe (NULL: none), `body` (NULL: none) is here
 * already and taken.
 */
void http_stream_reply(struct http_stream *stream, struct http_server_head *head,
    struct pipe *content, struct buf *body);

/* The connection is reset; is_lost from now on. */
void http_stream_cut(struct http_stream *stream);

#endif
