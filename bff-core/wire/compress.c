/*
 * compress: zlib, with its state kept.
 *
 * Owns one deflate context for each compressor. A context costs 256 KB to make and is only reset
 * between two answers (making one for each answer was measured to cost 548 us). Knows nothing of
 * who accepts what.
 */
#include "compress.h"

#include "../base/must.h"

#include <stdlib.h>
#include <zlib.h>

enum { GZIP_WINDOW_BITS = 15 + 16, MEMORY_LEVEL = 8 };

struct compressor {
    z_stream gzip;
    bool has_gzip;
};

struct compressor *compressor_new(unsigned gzip_level)
{
    struct compressor *compressor = calloc(1, sizeof(*compressor));
    must(compressor != NULL && gzip_level <= 9);
    if (gzip_level > 0) {
        int made = deflateInit2(&compressor->gzip, (int)gzip_level, Z_DEFLATED, GZIP_WINDOW_BITS,
            MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
        must(made == Z_OK);
        compressor->has_gzip = true;
    }
    return compressor;
}

void compressor_free(struct compressor *compressor)
{
    if (compressor->has_gzip) {
        deflateEnd(&compressor->gzip);
    }
    free(compressor);
}

bool compress_gzip(struct compressor *compressor, struct str plain, struct buf *out)
{
    z_stream *gzip = &compressor->gzip;
    if (!compressor->has_gzip || plain.len > UINT32_MAX / 2 || deflateReset(gzip) != Z_OK) {
        return false;
    }
    size_t bound = deflateBound(gzip, plain.len);
    char *to = buf_reserve(out, bound);
    if (!to) {
        return false;
    }
    gzip->next_in = (Bytef *)plain.at;
    gzip->avail_in = (uInt)plain.len;
    gzip->next_out = (Bytef *)to;
    gzip->avail_out = (uInt)bound;
    must(deflate(gzip, Z_FINISH) == Z_STREAM_END); /* the bound is a promise of zlib's */
    buf_grew(out, bound - gzip->avail_out);
    return true;
}
