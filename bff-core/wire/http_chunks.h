#ifndef WIRE_HTTP_CHUNKS_H
#define WIRE_HTTP_CHUNKS_H

#include "../base/buf.h"
#include "http_head.h"

enum http_chunks_stage {
    HTTP_CHUNK_LINE, /* size and extensions */
    HTTP_CHUNK_DATA,
    HTTP_CHUNK_DATA_END, /* the CRLF behind the data */
    HTTP_CHUNK_TRAILERS,
    HTTP_CHUNKS_END,
};

/* A chunked body on its way in (RFC 9112 section 7.1), byte by byte where need be. */
struct http_chunks {
    enum http_chunks_stage stage;
    uint64_t left;           /* of this chunk's data */
    uint64_t room;           /* for the data of chunks to come: the body's limit */
    struct buf line;         /* the line, or the trailers, as far as they have come */
    struct http_lines lines; /* the scan of `line` */
    size_t extensions_bytes; /* in all chunks */
};

/* Allocates nothing yet. The body may have `room` bytes. */
void http_chunks_init(struct http_chunks *chunks, uint64_t room);
void http_chunks_release(struct http_chunks *chunks);

/*
 * Takes what belongs to the body from the front of `bytes`, appends the chunks' data to `body` and
 * says in *used how much that was; less than all only when the body ends (stage HTTP_CHUNKS_END) or
 * is refused. Extensions and trailers are checked and dropped. Refuses what is not well-formed, and
 * a body beyond its limit as soon as a chunk announces it. `body` must have room for `bytes`.
 */
enum http_refusal http_chunks_take(
    struct http_chunks *chunks, struct str bytes, struct buf *body, size_t *used);

#endif
