/*
 * http_inflate: gzip content of an answer, undone with a ceiling.
 *
 * Owns zlib contexts, which pass through a short list of spare ones per client. Promises: (1)
 * memory grows with what came out, never with what a stranger announces; (2) a stream that is
 * damaged, is followed by anything, or passes the cap is never taken for a whole one. Knows no
 * HTTP.
 */
#include "http_inflate.h"

#include "../base/must.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    GZIP_ONLY = 16 + MAX_WBITS, /* in zlib's terms */
    STEP_BYTES = 16 * 1024,
};

struct http_inflate {
    z_stream stream;
    bool is_whole;
    struct http_inflate *next;
};

struct http_inflate *http_inflate_new(struct http_inflate_pool *pool)
{
    struct http_inflate *inflate = pool->spare;
    if (inflate) {
        pool->spare = inflate->next;
        pool->count--;
        inflate->is_whole = false;
        must(inflateReset(&inflate->stream) == Z_OK);
        return inflate;
    }
    inflate = calloc(1, sizeof(*inflate));
    must(inflate != NULL && inflateInit2(&inflate->stream, GZIP_ONLY) == Z_OK);
    return inflate;
}

static void destroy(struct http_inflate *inflate)
{
    inflateEnd(&inflate->stream);
    free(inflate);
}

void http_inflate_free(struct http_inflate_pool *pool, struct http_inflate *inflate)
{
    if (pool->count == HTTP_INFLATE_SPARE_MAX) {
        destroy(inflate);
        return;
    }
    inflate->next = pool->spare;
    pool->spare = inflate;
    pool->count++;
}

void http_inflate_pool_fini(struct http_inflate_pool *pool)
{
    while (pool->spare) {
        struct http_inflate *next = pool->spare->next;
        destroy(pool->spare);
        pool->spare = next;
    }
    pool->count = 0;
}

/*
 * Inflates into the room under the cap. With none left there may still be the checksum to read, so
 * one byte is offered beyond it: a stream that takes it is too large.
 */
static int inflate_some(z_stream *stream, struct buf *out)
{
    size_t left = out->cap - out->len;
    size_t room = left < STEP_BYTES ? left : STEP_BYTES;
    unsigned char beyond;
    char *to = room ? buf_reserve(out, room) : NULL;
    stream->next_out = to ? (unsigned char *)to : &beyond;
    stream->avail_out = to ? (unsigned)room : 1;
    int status = inflate(stream, Z_NO_FLUSH);
    if (to) {
        buf_grew(out, room - stream->avail_out);
    } else if (stream->avail_out == 0) {
        out->is_overfull = true;
    }
    return status;
}

enum http_inflate_result http_inflate_step(
    struct http_inflate *inflate, struct str in, struct buf *out)
{
    z_stream *stream = &inflate->stream;
    stream->next_in = (unsigned char *)(uintptr_t)in.at; /* zlib only reads it */
    stream->avail_in = (unsigned)in.len;
    must(in.len <= UINT_MAX);
    int status = Z_OK;
    while (status == Z_OK && !inflate->is_whole) {
        status = inflate_some(stream, out);
        inflate->is_whole = status == Z_STREAM_END;
        if (out->is_overfull) {
            return HTTP_INFLATE_OVERFULL;
        }
    }
    /* Z_BUF_ERROR: no more input, and nothing left to put out. */
    bool is_sound = status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR;
    return is_sound && !(inflate->is_whole && stream->avail_in) ? HTTP_INFLATE_OK
                                                                : HTTP_INFLATE_BROKEN;
}

bool http_inflate_is_whole(const struct http_inflate *inflate)
{
    return inflate->is_whole;
}
