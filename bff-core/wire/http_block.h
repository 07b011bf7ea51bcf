#ifndef WIRE_HTTP_BLOCK_H
#define WIRE_HTTP_BLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__) && !defined(HTTP_PORTABLE)
#include <emmintrin.h>
#define HTTP_SSE2 1
#endif

/*
 * The innermost loop of the scan of a head, which is little else than bytes that need no second
 * look. Only for http_head.c, which inlines it. Nothing is read beyond `len`.
 */

#ifdef HTTP_SSE2

/* Many of the bytes from `at` on that are no control bytes; how many there are, or fewer. */
static inline size_t block_printable_len(const char *at, size_t len)
{
    size_t done = 0;
    for (; done + 16 <= len; done += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(at + done));
        __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
        int controls = _mm_movemask_epi8(_mm_or_si128(low, del));
        if (controls) {
            return done + (unsigned)__builtin_ctz((unsigned)controls);
        }
    }
    return done;
}

#else

/* The same, eight bytes at a time (Bit Twiddling Hacks, "haszero"). */
static inline size_t block_printable_len(const char *at, size_t len)
{
    const uint64_t ones = UINT64_MAX / 255, tops = ones * 128;
    size_t done = 0;
    for (uint64_t word; done + sizeof(word) <= len; done += sizeof(word)) {
        memcpy(&word, at + done, sizeof(word));
        uint64_t del = word ^ ones * 0x7f;
        if ((((word - ones * ' ') & ~word) | ((del - ones) & ~del)) & tops) {
            break;
        }
    }
    return done;
}

#endif

#endif
