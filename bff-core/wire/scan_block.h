#ifndef WIRE_SCAN_BLOCK_H
#define WIRE_SCAN_BLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__) && !defined(SCAN_PORTABLE)
#include <emmintrin.h>
#define SCAN_SSE2 1
#endif

/*
 * The innermost loops of a scan: runs of bytes that need no second look. Only for scan.c, which
 * inlines them. All of them lean on the zero bytes behind a body: a NUL ends every run.
 */

#ifdef SCAN_SSE2

static inline __m128i block_at(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/*
 * Where the first byte at or behind `p` stands that is a quote, a backslash, a control or not
 * ASCII: a bit for each of 16 bytes, from the high bit of a byte.
 */
static inline const char *block_plain_end(const char *p)
{
    for (;; p += 16) {
        __m128i bytes = block_at(p);
        /*
         * Flipping 0x02 makes the quote (0x22) the first byte above the controls and moves no other
         * byte over that border; what is at or below it becomes negative. Bytes beyond ASCII are,
         * and saturation keeps them so.
         */
        __m128i low = _mm_adds_epi8(_mm_xor_si128(bytes, _mm_set1_epi8(2)), _mm_set1_epi8(-0x21));
        __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
        int special = _mm_movemask_epi8(_mm_or_si128(low, backslash));
        if (special) {
            return p + (unsigned)__builtin_ctz((unsigned)special);
        }
    }
}

/* Where the first byte at or behind `p` stands that is no digit. */
static inline const char *block_digits_end(const char *p)
{
    for (;; p += 16) {
        /* A digit becomes 0 to 9, all else more; and more than 9 passes 0x7f. */
        __m128i values = _mm_xor_si128(block_at(p), _mm_set1_epi8('0'));
        int others = _mm_movemask_epi8(_mm_adds_epu8(values, _mm_set1_epi8(0x7f - 9)));
        if (others) {
            return p + (unsigned)__builtin_ctz((unsigned)others);
        }
    }
}

/* What may stand at some place: 16 bytes, of which the last may be unused. */
struct block_text {
    char bytes[16];
    unsigned unused; /* a bit for each */
};

static inline struct block_text block_text(const char *at, size_t len)
{
    struct block_text text = { .unused = len < 16 ? 0xffffu << len & 0xffffu : 0 };
    memcpy(text.bytes, at, sizeof(text.bytes));
    return text;
}

/* The text stands at `p`; `ignored` has a bit for each byte that may differ. */
static inline bool block_is(const char *p, const struct block_text *text, unsigned ignored)
{
    __m128i is_same = _mm_cmpeq_epi8(block_at(p), block_at(text->bytes));
    return ((unsigned)_mm_movemask_epi8(is_same) | text->unused | ignored) == 0xffff;
}

static inline bool block_same(const char *a, const char *b)
{
    return _mm_movemask_epi8(_mm_cmpeq_epi8(block_at(a), block_at(b))) == 0xffff;
}

#else

/*
 * The same, eight bytes at a time: a byte's high bit says that it is special (Bit Twiddling Hacks,
 * "haszero").
 */
static inline const char *block_plain_end(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = ones << 7;
    for (;; p += 8) {
        uint64_t bytes;
        memcpy(&bytes, p, 8);
        uint64_t quote = bytes ^ (ones * '"');
        uint64_t backslash = bytes ^ (ones * '\\');
        uint64_t special =
            ((bytes - ones * 0x20) | (quote - ones) | (backslash - ones) | bytes) & highs;
        if (special) {
            break;
        }
    }
    /* Borrows may have marked a byte too many in these eight: look at each. */
    while ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\') {
        p++;
    }
    return p;
}

static inline const char *block_digits_end(const char *p)
{
    while ((unsigned char)(*p - '0') < 10) {
        p++;
    }
    return p;
}

struct block_text {
    char bytes[16];
    unsigned unused;
};

static inline struct block_text block_text(const char *at, size_t len)
{
    struct block_text text = { .unused = len < 16 ? 0xffffu << len & 0xffffu : 0 };
    memcpy(text.bytes, at, sizeof(text.bytes));
    return text;
}

static inline bool block_is(const char *p, const struct block_text *text, unsigned ignored)
{
    ignored |= text->unused;
    size_t first = ignored & 1, used = (size_t)__builtin_ctz(ignored >> 1 << 1 | 0x10000);
    return memcmp(p + first, text->bytes + first, used - first) == 0;
}

static inline bool block_same(const char *a, const char *b)
{
    return memcmp(a, b, 16) == 0;
}

#endif

/* ---- what has stood in the body ---- */

/* Bytes that may stand there again; the first of them are here. */
struct seen {
    struct block_text begin;
    const char *at;
    size_t len;
};

/* Reads 16 bytes even where `len` is less. */
static inline struct seen seen_make(const char *at, size_t len)
{
    return (struct seen){ block_text(at, len), at, len };
}

/* What stands nowhere in a body that is well-formed. */
static inline struct seen seen_nowhere(void)
{
    static const char bytes[16] = "\1\0\1\0\1\0\1";
    return (struct seen){ block_text(bytes, sizeof(bytes)), bytes, 0 };
}

/*
 * All of it stands at `p`, but for the bytes among the first 16 that may differ. Reads up to 16
 * bytes behind those that are the same.
 */
static inline bool seen_again(const struct seen *seen, const char *p, unsigned ignored)
{
    if (!block_is(p, &seen->begin, ignored)) {
        return false;
    }
    if (seen->len > 16) {
        for (size_t at = 16; at < seen->len; at += 16) {
            size_t from = at + 16 < seen->len ? at : seen->len - 16;
            if (!block_same(p + from, seen->at + from)) {
                return false;
            }
        }
    }
    return true;
}

#endif
