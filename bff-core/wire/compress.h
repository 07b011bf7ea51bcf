#ifndef WIRE_COMPRESS_H
#define WIRE_COMPRESS_H

#include "../base/buf.h"

/* Content codings for answers. One compressor for each worker: its contexts are made once and used
 * again. */
struct compressor;

/* `gzip_level` 1 to 9; 0: compress_gzip always refuses. */
struct compressor *compressor_new(unsigned gzip_level);
void compressor_free(struct compressor *compressor);

/* Appends `plain` as one gzip member (RFC 1952). False: switched off, or no memory; `out` is then
 * as it was. */
bool compress_gzip(struct compressor *compressor, struct str plain, struct buf *out);

#endif
