/*
 * scan_value: single values that a scan has noted.
 *
 * Reads values that scan() has proved well-formed, and leans on that: no escape is checked again.
 * Promises that a position inside a string never falls into a character, an escape or a surrogate
 * pair. It does not know where a value came from.
 */
#include "scan.h"

#include "../base/must.h"

#include <endian.h>

const unsigned char scan_kinds[256] = {
    ['n'] = SCAN_NULL,
    ['t'] = SCAN_TRUE,
    ['f'] = SCAN_FALSE,
    ['-'] = SCAN_NUMBER,
    ['0' ... '9'] = SCAN_NUMBER,
    ['"'] = SCAN_STRING,
    ['{'] = SCAN_OBJECT,
    ['['] = SCAN_LIST,
};

/* ---- characters of a string ---- */

/* How many bytes of a string's text one code point takes. */
static inline size_t point_len(const char *p)
{
    unsigned char c = (unsigned char)*p;
    if (c == '\\') {
        /* A proven \uD8.. to \uDF.. is the first half of a pair. */
        bool is_pair = p[1] == 'u' && (p[2] | 0x20) == 'd' && p[3] >= '8';
        return p[1] != 'u' ? 2 : is_pair ? 12 : 6;
    }
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* How many characters begin in eight bytes; those of the form 10xxxxxx begin none. 0: an escape. */
static inline size_t beginnings(const char *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t bytes;
    memcpy(&bytes, at, 8);
    uint64_t backslash = bytes ^ ones * '\\';
    if ((backslash - ones) & ~backslash & ones << 7) {
        return 0;
    }
    uint64_t inner = bytes >> 7 & ~(bytes >> 6) & ones;
    return 8 - (inner * ones >> 56);
}

static inline bool is_inner(char c)
{
    return (c & 0xc0) == 0x80;
}

size_t scan_points_end(struct scan_value string, size_t at, size_t *points)
{
    const char *text = string.text.at;
    size_t end = string.text.len - 1, left = *points, count;
    must(string.kind == SCAN_STRING);
    while (left > 0 && at < end) {
        while (left >= 8 && at + 8 <= end && (count = beginnings(text + at)) > 0) {
            left -= count;
            at += 8;
        }
        while (is_inner(text[at])) { /* the eight bytes ended inside a character */
            at++;
        }
        for (size_t stop = at + 8; left > 0 && at < end && at < stop; left--) {
            at += point_len(text + at);
        }
    }
    *points -= left;
    return at;
}

size_t scan_points(struct scan_value string)
{
    size_t points = SIZE_MAX;
    scan_points_end(string, 1, &points);
    return points;
}

/* The UTF-8 of a code point (RFC 3629 section 3), to `to`. */
static char *utf8_put(char *to, unsigned point)
{
    if (point < 0x80) {
        *to++ = (char)point;
        return to;
    }
    unsigned shift = point < 0x800 ? 6 : point < 0x10000 ? 12 : 18;
    *to++ = (char)((shift == 6 ? 0xc0 : shift == 12 ? 0xe0 : 0xf0) | point >> shift);
    while (shift > 0) {
        shift -= 6;
        *to++ = (char)(0x80 | (point >> shift & 0x3f));
    }
    return to;
}

/* Four hexadecimal digits at once; the letters' low half is 1 to 6, and bit 6 tells them. */
static unsigned hex4(const char *p)
{
    uint32_t digits;
    memcpy(&digits, p, 4);
    digits = be32toh(digits);
    uint32_t values = (digits & 0x0f0f0f0f) + (digits >> 6 & 0x01010101) * 9;
    values = (values | values >> 4) & 0x00ff00ff;
    return (values | values >> 8) & 0xffff;
}

/* The character that an escape of `len` bytes means, to `to`. */
static char *escape_put(char *to, const char *p, size_t len)
{
    static const char means[256] = {
        ['b'] = '\b',
        ['f'] = '\f',
        ['n'] = '\n',
        ['r'] = '\r',
        ['t'] = '\t',
        ['"'] = '"',
        ['\\'] = '\\',
        ['/'] = '/',
    };
    if (len == 2) {
        *to++ = means[(unsigned char)p[1]];
        return to;
    }
    unsigned point = hex4(p + 2);
    if (len == 12) {
        point = 0x10000 + ((point & 0x3ff) << 10 | (hex4(p + 8) & 0x3ff));
    }
    return utf8_put(to, point);
}

/* What an escape means cannot stand in a JSON string as it is (RFC 8259 section 7). */
static bool is_needed(const char *means, size_t len)
{
    return len == 1 && (*means == '"' || *means == '\\' || (unsigned char)*means < 0x20);
}

/* The escape at `p`, or what it means where that may stand as it is. */
static char *escape_shorten(char *to, const char *p, size_t len)
{
    char *end = escape_put(to, p, len);
    if (!is_needed(to, (size_t)(end - to))) {
        return end;
    }
    memcpy(to, p, len);
    return to + len;
}

size_t scan_shorten(char *to, struct str part)
{
    char *const first = to;
    const char *p = part.at, *const end = part.at + part.len;
    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((escape ? escape : end) - p);
        memcpy(to, p, plain);
        to += plain;
        p += plain;
        for (size_t len; p < end && *p == '\\'; p += len) {
            len = point_len(p);
            to = escape_shorten(to, p, len);
        }
    }
    return (size_t)(to - first);
}

struct str scan_plain(struct scan_value value, struct arena *arena)
{
    if (value.kind == SCAN_NUMBER || value.kind == SCAN_TRUE || value.kind == SCAN_FALSE) {
        return value.text;
    }
    if (value.kind != SCAN_STRING) {
        return (struct str){ NULL, 0 };
    }
    struct str inner = { value.text.at + 1, value.text.len - 2 };
    const char *escape = memchr(inner.at, '\\', inner.len);
    if (!escape) {
        return inner;
    }
    char *plain = arena_alloc(arena, inner.len); /* no escape is shorter than what it means */
    char *to = plain;
    for (size_t at = 0, len; at < inner.len; at += len) {
        len = point_len(inner.at + at);
        if (inner.at[at] == '\\') {
            to = escape_put(to, inner.at + at, len);
        } else {
            memcpy(to, inner.at + at, len);
            to += len;
        }
    }
    return (struct str){ plain, (size_t)(to - plain) };
}
