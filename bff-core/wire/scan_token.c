/*
 * scan_token: what JSON is made of (RFC 8259), byte by byte.
 *
 * Owns nothing. Promises that the place it returns is behind a well-formed token, and that it reads
 * at most a block beyond the NUL behind a body. Text that is not ASCII goes by scan_utf8.c first;
 * if that has doubts, each byte is looked at here. It does not know what is wanted.
 */
#include "scan_token.h"

#include "../base/must.h"
#include "scan.h"
#include "scan_utf8.h"
#include "utf8.h"

const char *scan_refuse(struct scan_fault *fault, const char *at, const char *why)
{
    fault->why = at >= fault->end ? "the body ends too early" : why;
    fault->where = at;
    return NULL;
}

/* ---- strings ---- */

enum { HEX = 1, HIGH_HALF = 2, LOW_HALF = 4, ESCAPES = 8 };

/*
 * HEX: a hexadecimal digit. HIGH_HALF, LOW_HALF: \uD and this digit begin half a surrogate pair.
 * ESCAPES: may stand behind a backslash.
 */
static const unsigned char classes[256] = {
    ['0' ... '7'] = HEX,
    ['8' ... '9'] = HEX | HIGH_HALF,
    ['A' ... 'B'] = HEX | HIGH_HALF,
    ['C' ... 'F'] = HEX | LOW_HALF,
    ['a'] = HEX | HIGH_HALF,
    ['b'] = HEX | HIGH_HALF | ESCAPES,
    ['c' ... 'e'] = HEX | LOW_HALF,
    ['f'] = HEX | LOW_HALF | ESCAPES,
    ['n'] = ESCAPES,
    ['r'] = ESCAPES,
    ['t'] = ESCAPES,
    ['"'] = ESCAPES,
    ['\\'] = ESCAPES,
    ['/'] = ESCAPES,
};

static inline unsigned class_of(char c)
{
    return classes[(unsigned char)c];
}

/* \u and four hexadecimal digits. */
static inline bool is_unit(const char *p)
{
    return p[0] == '\\' && p[1] == 'u' &&
           (class_of(p[2]) & class_of(p[3]) & class_of(p[4]) & class_of(p[5]) & HEX);
}

/* The halves of a surrogate pair that a unit is: HIGH_HALF, LOW_HALF or none. */
static inline unsigned half_of(const char *unit)
{
    return (unit[2] | 0x20) == 'd' ? class_of(unit[3]) & (HIGH_HALF | LOW_HALF) : 0;
}

/*
 * An escape, or a pair of them; or all \u that follow each other and are no halves: a text in
 * another script is often nothing else.
 */
static const char *escape_end(struct scan_fault *fault, const char *p)
{
    if (class_of(p[1]) & ESCAPES) {
        return p + 2;
    }
    const char *first = p;
    while (is_unit(p) && half_of(p) == 0) {
        p += 6;
    }
    if (p != first) {
        return p;
    }
    if (!is_unit(p)) {
        return scan_refuse(fault, p + 1, "an unknown escape");
    }
    /* RFC 8259 section 8.2 leaves half pairs undefined; as UTF-8 they cannot be sent on. */
    bool is_pair = half_of(p) == HIGH_HALF && is_unit(p + 6) && half_of(p + 6) == LOW_HALF;
    return is_pair ? p + 12 : scan_refuse(fault, p, "half a surrogate pair");
}

static inline bool is_inner(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Characters that are not ASCII, one by one; those of two and three bytes are known here. */
static const char *beyond_ascii_end(struct scan_fault *fault, const char *p)
{
    do {
        unsigned char lead = (unsigned char)*p, second = (unsigned char)p[1];
        if (lead >= 0xc2 && lead <= 0xdf && is_inner(p[1])) {
            p += 2;
        } else if ((lead & 0xf0) == 0xe0 && is_inner(p[1]) && is_inner(p[2]) &&
                   (lead != 0xe0 || second >= 0xa0) && (lead != 0xed || second <= 0x9f)) {
            p += 3;
        } else {
            size_t len = utf8_len(p, 4);
            if (len == 0) {
                return scan_refuse(fault, p, "bytes that are not UTF-8");
            }
            p += len;
        }
    } while (*p & 0x80);
    return p;
}

/* Text that begins with what is not ASCII; more of it than that where it can be told quickly. */
static inline const char *text_end(struct scan_fault *fault, const char *p)
{
    const char *end = scan_utf8 ? scan_utf8(p) : NULL;
    return end ? end : beyond_ascii_end(fault, p);
}

const char *scan_string_rest(struct scan_fault *fault, const char *p)
{
    while (*p != '"') {
        if (*p & 0x80) {
            p = text_end(fault, p);
        } else if (*p == '\\') {
            p = escape_end(fault, p);
        } else {
            p = scan_refuse(fault, p, "a control character in a string");
        }
        if (!p) {
            return NULL;
        }
        p = block_plain_end(p);
    }
    return p + 1;
}

/* ---- numbers and words ---- */

/* One digit or more. */
static const char *digits_end(struct scan_fault *fault, const char *p)
{
    const char *end = block_digits_end(p);
    return end != p ? end : scan_refuse(fault, p, "a number that is not well-formed");
}

const char *scan_number_rest(struct scan_fault *fault, const char *p)
{
    if (*p == '.') {
        p = digits_end(fault, p + 1);
    }
    if (p && (*p | 0x20) == 'e') {
        p++;
        p = digits_end(fault, p + (*p == '+' || *p == '-'));
    }
    return p;
}

const char *scan_no_word(struct scan_fault *fault, const char *p)
{
    bool is_word = *p == 'n' || *p == 't' || *p == 'f';
    return scan_refuse(fault, p, is_word ? "a word that is not JSON" : "a value is missing");
}
