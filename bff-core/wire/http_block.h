#ifndef WIRE_HTTP_BLOCK_H
#define WIRE_HTTP_BLOCK_H

#include <stdbool.h>
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

static inline __m128i block_at(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static inline __m128i block_dels(__m128i bytes)
{
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
}

/* 0xff for each of 16 bytes that is a control byte. */
static inline __m128i block_controls(__m128i bytes)
{
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    return _mm_or_si128(low, block_dels(bytes));
}

/* Whether one of 64 bytes is a control byte: where the least of four is none, none of them is low.
 */
static inline bool block_has_control(const char *at)
{
    __m128i a = block_at(at), b = block_at(at + 16), c = block_at(at + 32), d = block_at(at + 48);
    __m128i least = _mm_min_epu8(_mm_min_epu8(a, b), _mm_min_epu8(c, d));
    __m128i dels = _mm_or_si128(
        _mm_or_si128(block_dels(a), block_dels(b)), _mm_or_si128(block_dels(c), block_dels(d)));
    return _mm_movemask_epi8(_mm_or_si128(block_controls(least), dels));
}

/* Many of the bytes from `at` on that are no control bytes: all there are, or 15 fewer at most. */
static inline size_t block_printable_len(const char *at, size_t len)
{
    size_t done = 0;
    for (; done + 64 <= len; done += 64) { /* tokens and cookies are long */
        if (block_has_control(at + done)) {
            break;
        }
    }
    for (; done + 16 <= len; done += 16) {
        int controls = _mm_movemask_epi8(block_controls(block_at(at + done)));
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
