#ifndef RESPOND_TRIM_H
#define RESPOND_TRIM_H

#include "../wire/compress.h"
#include "project.h"

/* An answer that may have to be made anew, smaller. */
struct trim {
    const struct shape *shape;
    const struct scanned *const *answers;
    struct arena *arena;
    struct buf *plain;             /* as project() has written it */
    struct projection *projection; /* and what it said */
    bool is_trimmed;               /* out: lists lost elements so that the compressed form fits */
    bool is_oversize;              /* out: it does not fit all the same */
};

/*
 * Compresses the answer into `gzip`, which is empty. When that is larger than the shape allows, the
 * answer is projected within less room and compressed again, a few times at most. False when there
 * is no gzip (switched off, no memory).
 */
bool trim_gzip(struct trim *trim, struct compressor *compressor, struct buf *gzip);

/* The same for request->projected, which it keeps up to date. */
bool trim_projected(struct request *request, struct buf *gzip);

#endif
