#ifndef WIRE_SCAN_TOKEN_H
#define WIRE_SCAN_TOKEN_H

#include "scan_block.h"

#include <stdbool.h>

/*
 * The tokens of a body. Only for scan.c and scan_gap.c. Each function takes the place of a first
 * byte and returns the place behind the token; or NULL, and the fault says what is wrong. What most
 * tokens are is inlined, the rest is in scan_token.c.
 */

struct scan_fault {
    const char *end;   /* of the body */
    const char *why;   /* what is wrong with the body; NULL: nothing yet */
    const char *where; /* and from which byte on */
};

/* Always NULL, so that a function can end with it. */
const char *scan_refuse(struct scan_fault *fault, const char *at, const char *why);

/* The rest of a string, from its first byte that is not plain. */
const char *scan_string_rest(struct scan_fault *fault, const char *p);

/* A fraction or an exponent, from the byte behind the whole part. */
const char *scan_number_rest(struct scan_fault *fault, const char *p);

/* No value begins here: NULL. */
const char *scan_no_word(struct scan_fault *fault, const char *p);

static inline const char *scan_space_end(const char *p)
{
    while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t') {
        p++;
    }
    return p;
}

/* The same where mostly there is no space: no token begins with a byte as low as that. */
static inline const char *scan_token_at(const char *p)
{
    return (unsigned char)*p <= ' ' ? scan_space_end(p) : p;
}

static inline const char *scan_string_end(struct scan_fault *fault, const char *p)
{
    p = block_plain_end(p + 1);
    return *p == '"' ? p + 1 : scan_string_rest(fault, p);
}

static inline const char *scan_number_end(struct scan_fault *fault, const char *p)
{
    const char *first = p + (*p == '-');
    const char *end = block_digits_end(first);
    if (end == first || (*first == '0' && end != first + 1)) {
        return scan_refuse(fault, first, "a number that is not well-formed");
    }
    return *end == '.' || (*end | 0x20) == 'e' ? scan_number_rest(fault, end) : end;
}

/* A value that is no string, no number and no list or object: true, false or null. */
static inline const char *scan_word_end(struct scan_fault *fault, const char *p)
{
    return memcmp(p, "null", 4) == 0 || memcmp(p, "true", 4) == 0 ? p + 4
           : memcmp(p, "false", 5) == 0                           ? p + 5
                                                                  : scan_no_word(fault, p);
}

/* A minus or a digit, or one of two bytes that scan_number_end() refuses. */
static inline bool scan_is_number(char first)
{
    return (unsigned char)(first - '-') <= '9' - '-';
}

static inline bool scan_is_nested(char first)
{
    return (first | 0x20) == '{'; /* or '[', in ASCII */
}

/* What is neither a list nor an object. */
__attribute__((always_inline)) static inline const char *scan_scalar_end(
    struct scan_fault *fault, const char *p)
{
    return *p == '"'            ? scan_string_end(fault, p)
           : scan_is_number(*p) ? scan_number_end(fault, p)
                                : scan_word_end(fault, p);
}

/* From behind a member's name to behind its colon. */
static inline const char *scan_colon_end(struct scan_fault *fault, const char *p)
{
    if (*p != ':') {
        p = scan_space_end(p);
    }
    return *p == ':' ? p + 1 : scan_refuse(fault, p, "a member without a colon");
}

#endif
