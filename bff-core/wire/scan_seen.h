#ifndef WIRE_SCAN_SEEN_H
#define WIRE_SCAN_SEEN_H

#include "scan_block.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes that have stood in a body and may stand there again, or in the next one like it. Only for
 * scan_guess.h and scan_gap.c, which lean on the zero bytes behind the body: 16 bytes are read at a
 * time.
 */

enum { SEEN_BLOCK = 16, SEEN_MAX_BYTES = 96 };

struct seen {
    unsigned unused; /* a bit for each byte of the first block that is behind the end */
    unsigned len;
    char text[SEEN_MAX_BYTES];
};

/* SEEN_MAX_BYTES at most. */
static inline void seen_set(struct seen *seen, const char *at, size_t len)
{
    const unsigned all = (1u << SEEN_BLOCK) - 1;
    seen->unused = len < SEEN_BLOCK ? all << len & all : 0;
    seen->len = (unsigned)len;
    memcpy(seen->text, at, len < SEEN_BLOCK ? SEEN_BLOCK : len);
}

/* What stands nowhere: it has a bit that no comparison gives. */
static inline void seen_set_nowhere(struct seen *seen)
{
    *seen = (struct seen){ .unused = 1u << SEEN_BLOCK };
}

/*
 * All of it stands at `p`; `ignored` has a bit for each of the first bytes that may differ. Reads
 * up to 16 bytes behind those that are the same.
 */
static inline bool seen_again(const struct seen *seen, const char *p, unsigned ignored)
{
    const unsigned all = (1u << SEEN_BLOCK) - 1;
    if ((block_same(p, seen->text) | seen->unused | ignored) != all) {
        return false;
    }
    if (seen->len > SEEN_BLOCK) {
        for (size_t at = SEEN_BLOCK; at < seen->len; at += SEEN_BLOCK) {
            size_t from = at + SEEN_BLOCK < seen->len ? at : seen->len - SEEN_BLOCK;
            if (block_same(p + from, seen->text + from) != all) {
                return false;
            }
        }
    }
    return true;
}

#endif
