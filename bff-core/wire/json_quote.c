/*
 * json_quote: any bytes as a JSON string.
 *
 * Owns nothing; its functions are declared in json.h. Nearly all that is quoted is ASCII without
 * quotes and backslashes, so a text is copied in one go, looked at while it is copied, and only
 * where something else was seen is it written again, byte by byte. Reads and writes nothing beyond
 * the text and its copy: short texts are copied from both ends, and the middle twice.
 */
#include "json.h"

#include "utf8.h"

#if defined(__SSE2__) && !defined(JSON_PORTABLE)
#include <emmintrin.h>
#define JSON_SSE2 1
#endif

/* What stands in a string for a byte below 0x20, for a quote and for a backslash. */
static char *put_escaped(char *to, unsigned char c)
{
    static const char shorts[] = "\b\f\n\r\t\"\\";
    static const char letters[] = "bfnrt\"\\";
    static const char hex[] = "0123456789abcdef";
    const char *found = c ? strchr(shorts, c) : NULL;
    *to++ = '\\';
    if (found) {
        *to++ = letters[found - shorts];
        return to;
    }
    to = str_put(to, STR("u00"));
    *to++ = hex[c >> 4];
    *to++ = hex[c & 15];
    return to;
}

/* Nothing where eight bytes are ASCII that stands for itself. May be something where they are. */
static uint64_t odd_bytes(uint64_t bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = bytes ^ ones * '"', backslash = bytes ^ ones * '\\';
    uint64_t odd = (bytes - ones * ' ') | (quote - ones) | (backslash - ones) | bytes;
    return odd & ones << 7;
}

static uint64_t copy_word(char *to, const char *from)
{
    uint64_t bytes;
    memcpy(&bytes, from, sizeof(bytes));
    memcpy(to, &bytes, sizeof(bytes));
    return bytes;
}

/* Fewer than eight bytes; some of them are copied twice. */
static bool copy_few(char *to, struct str text)
{
    uint32_t first = 0x61616161, last = first; /* letters, where there is nothing */
    if (text.len >= sizeof(first)) {
        memcpy(&first, text.at, sizeof(first));
        memcpy(&last, text.at + text.len - sizeof(last), sizeof(last));
        memcpy(to, &first, sizeof(first));
        memcpy(to + text.len - sizeof(last), &last, sizeof(last));
    } else {
        for (size_t i = 0; i < text.len; i++) {
            to[i] = text.at[i];
            first = first << 8 | (unsigned char)text.at[i];
        }
    }
    return !odd_bytes(first | (uint64_t)last << 32);
}

#ifdef JSON_SSE2

static __m128i copy_block(char *to, const char *from)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);
    _mm_storeu_si128((__m128i *)(void *)to, bytes);
    /* As in scan_block.h: the high bit of each byte that does not stand for itself. */
    __m128i low = _mm_adds_epi8(_mm_xor_si128(bytes, _mm_set1_epi8(2)), _mm_set1_epi8(-0x21));
    return _mm_or_si128(low, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
}

/* Sixteen bytes or more. */
static bool copy_many(char *to, struct str text)
{
    size_t last = text.len - 16;
    __m128i odd = copy_block(to + last, text.at + last);
    for (size_t at = 0; at < last; at += 16) {
        odd = _mm_or_si128(odd, copy_block(to + at, text.at + at));
    }
    return !_mm_movemask_epi8(odd);
}

#else

static bool copy_many(char *to, struct str text)
{
    size_t last = text.len - sizeof(uint64_t);
    uint64_t odd = odd_bytes(copy_word(to + last, text.at + last));
    for (size_t at = 0; at < last; at += sizeof(uint64_t)) {
        odd |= odd_bytes(copy_word(to + at, text.at + at));
    }
    return !odd;
}

#endif

/* True when the text is ASCII that stands for itself. */
static bool copy(char *to, struct str text)
{
    if (text.len < sizeof(uint64_t)) {
        return copy_few(to, text);
    }
    if (text.len < 2 * sizeof(uint64_t)) {
        size_t last = text.len - sizeof(uint64_t);
        return !odd_bytes(copy_word(to, text.at)) &&
               !odd_bytes(copy_word(to + last, text.at + last));
    }
    return copy_many(to, text);
}

/* False: not all of it stands for itself, and what is at `to` then is nothing. */
static bool put_plain(char *to, struct str text)
{
    to[0] = to[text.len + 1] = '"';
    return copy(to + 1, text);
}

/* How many bytes of the text need no change. */
static size_t plain_len(struct str text)
{
    size_t at = 0;
    while (at < text.len) {
        unsigned char c = (unsigned char)text.at[at];
        size_t len = c < 0x80 ? 1 : utf8_len(text.at + at, text.len - at);
        if (len == 0 || c < 0x20 || c == '"' || c == '\\') {
            break;
        }
        at += len;
    }
    return at;
}

char *json_put(char *to, struct str text)
{
    if (put_plain(to, text)) {
        return to + text.len + 2;
    }
    *to++ = '"';
    for (;;) {
        size_t len = plain_len(text);
        to = str_put(to, (struct str){ text.at, len });
        if (len == text.len) {
            *to++ = '"';
            return to;
        }
        unsigned char c = (unsigned char)text.at[len];
        to = c < 0x80 ? put_escaped(to, c) : str_put(to, STR("\xef\xbf\xbd"));
        text = str_from(text, len + 1);
    }
}

/* How many json_put writes. */
static size_t quoted_bytes(struct str text)
{
    size_t bytes = 2;
    for (;;) {
        size_t len = plain_len(text);
        bytes += len;
        if (len == text.len) {
            return bytes;
        }
        char escaped[JSON_QUOTED_BYTES(1)];
        unsigned char c = (unsigned char)text.at[len];
        bytes += c < 0x80 ? (size_t)(put_escaped(escaped, c) - escaped) : 3;
        text = str_from(text, len + 1);
    }
}

bool json_quote(struct buf *buf, struct str text)
{
    char *to = buf_reserve(buf, text.len + 2);
    if (!to) {
        return false;
    }
    if (put_plain(to, text)) {
        buf_grew(buf, text.len + 2);
        return true;
    }
    buf_grew(buf, 0); /* what was copied is no content: zeros again */
    to = buf_reserve(buf, quoted_bytes(text));
    if (to) {
        buf_grew(buf, (size_t)(json_put(to, text) - to));
    }
    return to != NULL;
}
