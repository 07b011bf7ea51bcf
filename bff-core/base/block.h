#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

#include "str.h"

/*
 * Texts looked at sixteen bytes at a time: is there a byte such that ...? A test compares a whole
 * block, `block.bytes < ' '`, and the compiler knows what its machine has for that.
 */
struct block {
    uint8_t bytes __attribute__((vector_size(16)));
};

/* True in bytes (0xff) for those that are looked for, else 0. */
typedef struct block block_test(struct block block);

static inline bool block_has_any(struct block block)
{
    uint64_t halves[2];
    memcpy(halves, &block, sizeof(block));
    return (halves[0] | halves[1]) != 0;
}

static inline struct block block_of(uint64_t low, uint64_t high)
{
    uint64_t halves __attribute__((vector_size(16))) = { low, high };
    struct block block;
    memcpy(&block, &halves, sizeof(block));
    return block;
}

/* All bytes of a text of 1 to 15, some of them more than once. */
static inline struct block block_of_short(struct str s)
{
    if (s.len >= 8) {
        uint64_t first, last;
        memcpy(&first, s.at, 8);
        memcpy(&last, s.at + s.len - 8, 8);
        return block_of(first, last);
    }
    if (s.len >= 4) {
        uint32_t first, last;
        memcpy(&first, s.at, 4);
        memcpy(&last, s.at + s.len - 4, 4);
        uint64_t both = (uint64_t)last << 32 | first;
        return block_of(both, both);
    }
    const unsigned char *at = (const unsigned char *)s.at;
    const uint64_t ones = 0x01010101;
    uint64_t first = at[0], middle = at[s.len / 2], last = at[s.len - 1];
    return block_of(first * ones | middle * ones << 32, last * (ones | ones << 32));
}

static inline struct block block_at(const char *at)
{
    struct block block;
    memcpy(&block, at, sizeof(block));
    return block;
}

/* How many bytes are in the whole blocks before the first that has one which is looked for; `test`
 * becomes part of the loop. */
__attribute__((always_inline)) static inline size_t block_clear_len(struct str s, block_test *test)
{
    size_t at = 0;
    while (at + sizeof(struct block) <= s.len && !block_has_any(test(block_at(s.at + at)))) {
        at += sizeof(struct block);
    }
    return at;
}

/* Whether a byte of the text is one that is looked for. */
__attribute__((always_inline)) static inline bool block_find(struct str s, block_test *test)
{
    if (s.len < sizeof(struct block)) {
        return s.len && block_has_any(test(block_of_short(s)));
    }
    const char *last = s.at + s.len - sizeof(struct block); /* seen before, in part */
    return block_clear_len(s, test) + sizeof(struct block) <= s.len ||
           block_has_any(test(block_at(last)));
}

#endif
