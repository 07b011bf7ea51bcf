#ifndef WIRE_SCAN_BLOCK_H
#define WIRE_SCAN_BLOCK_H

#include <endian.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__) && !defined(SCAN_PORTABLE)
#include <emmintrin.h>
#define SCAN_SSE2 1
#endif

/*
 * The innermost loops of a scan: runs of bytes that need no second look. Only for the scan's own
 * files, which inline them. All of them lean on the zero bytes behind a body: a NUL ends every run.
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

/* A bit for each of 16 bytes that is the same at both places. */
static inline unsigned block_same(const char *a, const char *b)
{
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block_at(a), block_at(b)));
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

/* A bit for each of eight bytes, from the lowest on, that is zero. */
static inline unsigned block_zeros(uint64_t bytes)
{
    const uint64_t highs = UINT64_C(0x8080808080808080);
    uint64_t zeros = ~(((bytes & ~highs) + ~highs) | bytes) & highs;
    return (unsigned)((zeros >> 7) * UINT64_C(0x0102040810204080) >> 56);
}

static inline unsigned block_same(const char *a, const char *b)
{
    uint64_t x[2], y[2];
    memcpy(x, a, sizeof(x));
    memcpy(y, b, sizeof(y));
    return block_zeros(le64toh(x[0] ^ y[0])) | block_zeros(le64toh(x[1] ^ y[1])) << 8;
}

#endif

#endif
