/*
 * scan_utf8: is it UTF-8 (RFC 3629), 32 bytes at a time.
 *
 * After Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte": the halves of
 * two neighbouring bytes each tell what the two could be wrong in; what all of them say is wrong.
 * Promises that it says yes only where utf8_len() would for each character. Which way the program
 * takes is chosen once, by the processor that it runs on; all others are left to scan_token.c. It
 * does not know where a fault is.
 */
#include "scan_utf8.h"

#include <stddef.h>

#if defined(__x86_64__) && !defined(SCAN_PORTABLE)
#include <immintrin.h>
#include <stdint.h>

#define ON_AVX2 __attribute__((target("avx2,bmi")))

/* What two neighbours may be wrong in. */
enum {
    TOO_SHORT = 1 << 0,      /* a lead, and no inner byte behind it */
    TOO_LONG = 1 << 1,       /* ASCII, and an inner byte behind it */
    OVERLONG_3 = 1 << 2,     /* e0 80 to e0 9f */
    TOO_LARGE = 1 << 3,      /* f4 90 to f4 bf, and f5 and more with 90 to bf */
    SURROGATE = 1 << 4,      /* ed a0 to ed bf */
    OVERLONG_2 = 1 << 5,     /* c0 and c1 */
    TOO_LARGE_1000 = 1 << 6, /* f5 and more, with 80 to 8f; */
    OVERLONG_4 = 1 << 6,     /* and f0 80 to f0 8f: the high half of f tells both */
    TWO_INNER = 1 << 7,      /* which is right behind the lead of three or four bytes */
    ANY_LOW =
        TOO_SHORT | TOO_LONG | TWO_INNER,      /* of which the first byte's low half says nothing */
    INNER = TOO_LONG | OVERLONG_2 | TWO_INNER, /* with any inner byte as the second */
};

typedef unsigned char half_table[16];

static const half_table by_first_high = {
    [0x0 ... 0x7] = TOO_LONG,
    [0x8 ... 0xb] = TWO_INNER,
    [0xc] = TOO_SHORT | OVERLONG_2,
    [0xd] = TOO_SHORT,
    [0xe] = TOO_SHORT | OVERLONG_3 | SURROGATE,
    [0xf] = TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4,
};

static const half_table by_first_low = {
    [0x0] = ANY_LOW | OVERLONG_2 | OVERLONG_3 | OVERLONG_4,
    [0x1] = ANY_LOW | OVERLONG_2,
    [0x2 ... 0x3] = ANY_LOW,
    [0x4] = ANY_LOW | TOO_LARGE,
    [0x5 ... 0xc] = ANY_LOW | TOO_LARGE | TOO_LARGE_1000,
    [0xd] = ANY_LOW | TOO_LARGE | TOO_LARGE_1000 | SURROGATE,
    [0xe ... 0xf] = ANY_LOW | TOO_LARGE | TOO_LARGE_1000,
};

static const half_table by_second_high = {
    [0x0 ... 0x7] = TOO_SHORT,
    [0x8] = INNER | OVERLONG_3 | OVERLONG_4 | TOO_LARGE_1000,
    [0x9] = INNER | OVERLONG_3 | TOO_LARGE,
    [0xa ... 0xb] = INNER | SURROGATE | TOO_LARGE,
    [0xc ... 0xf] = TOO_SHORT,
};

ON_AVX2 static inline __m256i bytes_at(const char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

ON_AVX2 static inline __m256i all(unsigned char byte)
{
    return _mm256_set1_epi8((char)byte);
}

/* What the table says of the low half of each byte. */
ON_AVX2 static inline __m256i look_up(const half_table table, __m256i bytes)
{
    __m128i half = _mm_loadu_si128((const __m128i *)(const void *)table);
    return _mm256_shuffle_epi8(
        _mm256_broadcastsi128_si256(half), _mm256_and_si256(bytes, all(0x0f)));
}

/*
 * A bit for each byte with which something ends that is not UTF-8, given the 32 bytes before. Where
 * a character is cut by the end, that is for the next 32 bytes to say.
 */
ON_AVX2 static inline uint32_t faults_in(__m256i before, __m256i bytes)
{
    __m256i across = _mm256_permute2x128_si256(before, bytes, 0x21);
    __m256i one_back = _mm256_alignr_epi8(bytes, across, 15);
    __m256i two_back = _mm256_alignr_epi8(bytes, across, 14);
    __m256i three_back = _mm256_alignr_epi8(bytes, across, 13);
    __m256i pairs =
        _mm256_and_si256(_mm256_and_si256(look_up(by_first_high, _mm256_srli_epi16(one_back, 4)),
                             look_up(by_first_low, one_back)),
            look_up(by_second_high, _mm256_srli_epi16(bytes, 4)));
    /* Two inner bytes are right exactly as the third byte of a character, or the fourth. */
    __m256i is_far = _mm256_or_si256(_mm256_subs_epu8(two_back, all(0xe0 - TWO_INNER)),
        _mm256_subs_epu8(three_back, all(0xf0 - TWO_INNER)));
    __m256i faults = _mm256_xor_si256(_mm256_and_si256(is_far, all(TWO_INNER)), pairs);
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(faults, _mm256_setzero_si256()));
}

/* A bit for each quote, backslash and control. */
ON_AVX2 static inline uint32_t ends_in(__m256i bytes)
{
    /* As in block_plain_end(), flipping 0x02 puts the quote next to the controls. */
    __m256i flipped = _mm256_xor_si256(bytes, all(0x02));
    __m256i is_low = _mm256_cmpeq_epi8(_mm256_min_epu8(flipped, all(0x20)), flipped);
    return (uint32_t)_mm256_movemask_epi8(
        _mm256_or_si256(is_low, _mm256_cmpeq_epi8(bytes, all('\\'))));
}

ON_AVX2 static const char *end_on_avx2(const char *p)
{
    __m256i before = _mm256_setzero_si256();
    for (;; p += 32) {
        __m256i bytes = bytes_at(p);
        uint32_t ends = ends_in(bytes);
        uint32_t upto = ends ^ (ends - 1); /* the first of them; all bits where there is none */
        if (faults_in(before, bytes) & upto) {
            return NULL;
        }
        if (ends) {
            return p + (unsigned)__builtin_ctz(ends);
        }
        before = bytes;
    }
}

scan_utf8_end *scan_utf8_best(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") ? end_on_avx2 : NULL;
}

#else

scan_utf8_end *scan_utf8_best(void)
{
    return NULL;
}

#endif

scan_utf8_end *scan_utf8;

__attribute__((constructor)) static void choose(void)
{
    scan_utf8 = scan_utf8_best();
}
