/*
 * scan_token: what JSON is made of (RFC 8259), byte by byte.
 *
 * Owns nothing. Promises that the place it returns is behind a well-formed token, that it reads at
 * most a block beyond the NUL behind a body, and that values which nobody wants are walked over
 * without recursion: one byte for each open list or object says how it must end. It does not know
 * what is wanted.
 */
#include "scan_token.h"

#include "../base/must.h"
#include "scan.h"
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

static const char *escape_end(struct scan_fault *fault, const char *p)
{
    if (class_of(p[1]) & ESCAPES) {
        return p + 2;
    }
    if (!is_unit(p)) {
        return scan_refuse(fault, p + 1, "an unknown escape");
    }
    if (half_of(p) == 0) {
        return p + 6;
    }
    /* RFC 8259 section 8.2 leaves half pairs undefined; as UTF-8 they cannot be sent on. */
    bool is_pair = half_of(p) == HIGH_HALF && is_unit(p + 6) && half_of(p + 6) == LOW_HALF;
    return is_pair ? p + 12 : scan_refuse(fault, p, "half a surrogate pair");
}

static inline bool is_inner(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Characters that are not ASCII; those of two and three bytes are known here. */
static inline const char *beyond_ascii_end(struct scan_fault *fault, const char *p)
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

const char *scan_string_rest(struct scan_fault *fault, const char *p)
{
    while (*p != '"') {
        if (*p & 0x80) {
            p = beyond_ascii_end(fault, p);
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

const char *scan_word_end(struct scan_fault *fault, const char *p)
{
    static const struct str words[] = { { "null", 4 }, { "true", 4 }, { "false", 5 } };
    for (size_t i = 0; i < countof(words); i++) {
        if (*p == *words[i].at) {
            return memcmp(p, words[i].at, words[i].len) == 0
                       ? p + words[i].len
                       : scan_refuse(fault, p, "a word that is not JSON");
        }
    }
    return scan_refuse(fault, p, "a value is missing");
}

/* ---- lists and objects ---- */

/* A member's name and its colon. */
static inline const char *name_end(struct scan_fault *fault, const char *p)
{
    if (*p != '"') {
        p = scan_space_end(p);
    }
    if (*p != '"') {
        return scan_refuse(fault, p, "a member without a name");
    }
    p = scan_string_end(fault, p);
    return p ? scan_colon_end(fault, p) : NULL;
}

/*
 * Behind a value: closes what ends there, and returns the place behind the comma, or behind all of
 * it when `bottom` is reached.
 */
static inline const char *next_end(
    struct scan_fault *fault, const char *p, char **top, const char *bottom)
{
    for (;;) {
        if (*p == **top) {
            p++;
            if (--*top == bottom) {
                return p;
            }
        } else if (*p == ',') {
            return p + 1;
        } else {
            const char *next = scan_space_end(p);
            if (next == p) {
                return scan_refuse(fault, p, "a comma or a closing bracket is missing");
            }
            p = next;
        }
    }
}

/*
 * One turn of the loop is one value: it opens a list or an object, or it is walked over and so are
 * all brackets that close behind it. `top` says how the innermost open one must end. Spaces are
 * looked for only where nothing else stands.
 */
const char *scan_nested_end(struct scan_fault *fault, const char *p, unsigned depth)
{
    char closing[SCAN_DEPTH_MAX + 1], *top = closing;
    const char *const full = closing + (SCAN_DEPTH_MAX - depth);
    for (;;) {
        bool has_opened = false;
        if (*p == '"') {
            p = scan_string_end(fault, p);
        } else if (scan_is_number(*p)) {
            p = scan_number_end(fault, p);
        } else if (scan_is_nested(*p)) {
            if (top == full) {
                return scan_refuse(fault, p, "lists and objects are nested too deep");
            }
            *++top = (char)(*p + 2); /* in ASCII, '}' and ']' stand two behind '{' and '[' */
            p = scan_token_at(p + 1);
            has_opened = *p != *top;
        } else if (scan_space_end(p) != p) {
            p = scan_space_end(p);
            continue;
        } else {
            p = scan_word_end(fault, p);
        }
        if (p && !has_opened) {
            p = next_end(fault, p, &top, closing);
            if (top == closing) {
                return p;
            }
        }
        if (p && *top == '}') {
            p = name_end(fault, p);
        }
        if (!p) {
            return NULL;
        }
    }
}
