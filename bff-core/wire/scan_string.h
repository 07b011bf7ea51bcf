#ifndef WIRE_SCAN_STRING_H
#define WIRE_SCAN_STRING_H

#include "utf8.h"

#include <stdint.h>
#include <string.h>
#if defined(__SSE2__) && !defined(SCAN_PORTABLE)
#include <emmintrin.h>
#define SCAN_SSE2 1
#endif

/*
 * The innermost loop of a scan: the bytes of a string, most of which nobody wants. Only for scan.c,
 * which inlines it. All of it leans on the zero bytes behind a body: a NUL stops every loop.
 */

#ifdef SCAN_SSE2
/*
 * Where the first byte at or behind `p` stands that is a quote, a backslash, a control or not
 * ASCII.
 */
static inline const char *string_plain_end(const char *p)
{
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20);
    for (;; p += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* As signed numbers, bytes beyond ASCII are below the space too. */
        __m128i special = _mm_or_si128(_mm_cmplt_epi8(bytes, space),
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
        int mask = _mm_movemask_epi8(special);
        if (mask) {
            return p + __builtin_ctz((unsigned)mask);
        }
    }
}
#else
/*
 * The same, eight bytes at a time: a byte's high bit says that it is special (Bit Twiddling Hacks,
 * "haszero").
 */
static inline const char *string_plain_end(const char *p)
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
#endif

#endif
