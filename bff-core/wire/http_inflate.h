#ifndef WIRE_HTTP_INFLATE_H
#define WIRE_HTTP_INFLATE_H

#include "../base/buf.h"

/* Undoes gzip (RFC 1952) piece by piece, under the cap of the buf that takes the result. */
struct http_inflate;

enum http_inflate_result {
    HTTP_INFLATE_OK,
    HTTP_INFLATE_OVERFULL, /* the content passed the cap of `out` */
    HTTP_INFLATE_BROKEN    /* not gzip, damaged, or with something behind its end */
};

/*
 * Contexts kept for reuse, since one costs half a millisecond to make. Zeroed is empty. One thread
 * only.
 */
struct http_inflate_pool {
    struct http_inflate *spare;
    unsigned count;
};

enum { HTTP_INFLATE_SPARE_MAX = 64 }; /* about 40 KB each */

void http_inflate_pool_fini(struct http_inflate_pool *pool);

/* Never NULL. */
struct http_inflate *http_inflate_new(struct http_inflate_pool *pool);
/* Back to the pool. */
void http_inflate_free(struct http_inflate_pool *pool, struct http_inflate *inflate);

enum http_inflate_result http_inflate_step(
    struct http_inflate *inflate, struct str in, struct buf *out);

/* The stream has come to its end, and its checksum was right. */
bool http_inflate_is_whole(const struct http_inflate *inflate);

#endif
