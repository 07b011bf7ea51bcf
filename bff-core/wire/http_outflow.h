#ifndef WIRE_HTTP_OUTFLOW_H
#define WIRE_HTTP_OUTFLOW_H

#include "../base/buf.h"
#include "../base/pipe.h"

/* How the end of content is told on the wire (RFC 9112 section 6). */
enum http_outflow_framing {
    HTTP_OUT_NOTHING, /* there is none */
    HTTP_OUT_LENGTH,
    HTTP_OUT_CHUNKED,
    HTTP_OUT_UNTIL_CLOSE,
};

/*
 * A message on its way out, a question or an answer: what is written already (`out`: the head, and
 * whatever is not in the pipe), then the content of a pipe in its framing. Whoever has the socket
 * asks what is next, and says how much of it was written.
 */
struct http_outflow {
    struct buf out;
    size_t out_at;
    enum http_outflow_framing framing;
    struct pipe *content; /* NULL: there is none */
    uint64_t left;        /* of HTTP_OUT_LENGTH */
    uint64_t sent_bytes;  /* of content, without its framing */
    bool has_last_chunk;
};

/* Allocates nothing yet: append to `out`, then set framing, content and left. */
void http_outflow_init(struct http_outflow *flow);
void http_outflow_fini(struct http_outflow *flow);

/*
 * What is to be written next; empty: nothing now. The same bytes come again until they are said to
 * be written.
 */
struct str http_outflow_next(struct http_outflow *flow);
void http_outflow_wrote(struct http_outflow *flow, size_t len);

/* Everything is written, framing included. After http_outflow_next() was empty. */
bool http_outflow_is_sent(const struct http_outflow *flow);

/* The pipe does not hold what the length announced: no end is better than a wrong one. */
bool http_outflow_is_wrong(const struct http_outflow *flow);

#endif
