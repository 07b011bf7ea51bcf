#ifndef WIRE_HTTP_INTAKE_H
#define WIRE_HTTP_INTAKE_H

#include "http_chunks.h"

enum http_intake_phase {
    HTTP_INTAKE_IDLE, /* no byte of a request is here */
    HTTP_INTAKE_HEAD,
    HTTP_INTAKE_BODY,
    HTTP_INTAKE_WHOLE,
    HTTP_INTAKE_REFUSED, /* for good: what follows on this connection cannot be believed */
};

/* Of a head at first. */
enum { HTTP_INTAKE_ROOM_BYTES = 4096 };

struct http_intake_limits {
    size_t head_max_bytes;
    size_t target_max_bytes; /* as sent */
    size_t body_max_bytes;   /* decoded */
    /* As in http_server.h; NULL: no request is streamed. */
    bool (*streams)(void *context, struct str method, struct str target, uint64_t *body_max_bytes);
    void *context;
};

/* Of a streamed body, fed at once: more is never kept. */
enum { HTTP_INTAKE_PIECE_BYTES = 16384 };

/* One connection's requests on their way in: bytes become one whole request after the other. */
struct http_intake {
    const struct http_intake_limits *limits;
    enum http_intake_phase phase;
    enum http_refusal refusal;
    struct buf bytes;    /* of the head */
    struct buf body;     /* of a streamed request the last pieces, for whoever empties it */
    uint64_t body_bytes; /* that have come, decoded */
    struct buf ahead;    /* what came behind the request */
    struct http_lines lines;
    struct http_head head;         /* from BODY on; in REFUSED as far as it could be read */
    struct http_field *own_fields; /* NULL: they stand in the head's room, behind it */
    struct http_chunks chunks;
    bool is_streamed;      /* from BODY on */
    bool has_skipped_line; /* the one empty line that may stand before a request */
    uint64_t first_byte_us;
};

/* Allocates nothing yet. `limits` is borrowed. */
void http_intake_init(struct http_intake *intake, const struct http_intake_limits *limits);
/* Frees all; the intake is as after init. */
void http_intake_release(struct http_intake *intake);

/* True while more bytes are wanted. */
bool http_intake_wants(const struct http_intake *intake);

/*
 * Takes all `bytes`: only while it wants some, and of a streamed body only while its last pieces
 * are taken out, HTTP_INTAKE_PIECE_BYTES at a time. What comes behind the end of the request is
 * kept for http_intake_next; what comes behind a refusal is dropped.
 */
void http_intake_feed(struct http_intake *intake, struct str bytes, uint64_t now_us);

/* The request in hand will never be whole. */
void http_intake_refuse(struct http_intake *intake, enum http_refusal refusal);

/* The request in hand, or its refusal, as the server's user is told of it: slices into the intake.
 */
struct http_arrived http_intake_arrived(
    const struct http_intake *intake, bool is_tls, const struct sockaddr_storage *peer);

/*
 * Forgets the whole request in hand, with all slices into it, and goes on with what came behind it.
 */
void http_intake_next(struct http_intake *intake, uint64_t now_us);

#endif
