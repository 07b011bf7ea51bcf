#ifndef WIRE_TEXT_HASH_H
#define WIRE_TEXT_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Short texts as keys of small tables, not for those that a stranger could fill: see base/hash.h.
 */

/*
 * A text as one number: what of it fits into eight bytes, which is all of it for most names; longer
 * ones add their last eight bytes. Reads eight bytes from `at` on, whatever `len` is.
 */
static inline uint64_t text_word(const char *at, size_t len)
{
    uint64_t first, last;
    memcpy(&first, at, 8);
    if (len < 8) {
        return first & ((UINT64_C(1) << (8 * len)) - 1);
    }
    memcpy(&last, at + len - 8, 8);
    return len == 8 ? first : first ^ (last << 7 | last >> 57) ^ len;
}

/* The place of a word in a table of 2^(64 - shift) places: Fibonacci hashing. */
static inline size_t text_hash(uint64_t word, unsigned shift)
{
    return (word * UINT64_C(0x9e3779b97f4a7c15)) >> shift;
}

#endif
