#ifndef RESPOND_DECIMAL_H
#define RESPOND_DECIMAL_H

#include "../base/str.h"

/*
 * JSON numbers compared as they are written, without a double in between: 64-bit ids, 1e400 and
 * 0.10 keep their value.
 */

/* The longest whole numbers that a reader with doubles does not take for infinity. */
enum { DECIMAL_INTEGER_DIGITS_MAX = 308 };

/* Every whole number with so many digits is a double. */
enum { DECIMAL_DOUBLE_DIGITS = 15 };

/* A number taken apart; its digits stay where they are. */
struct decimal {
    int sign;          /* -1, 0 or 1 */
    bool is_integer;   /* in the sense of JSON Schema, see decimal_read() */
    bool is_plain;     /* digits and nothing else */
    int64_t power;     /* of ten, of the first digit */
    struct str digits; /* from the first that is not zero on; may hold the point; empty: 0 */
};

/*
 * The text must be a well-formed JSON number (RFC 8259 section 6). 7, 7.0 and 70e-1 are integers,
 * 7.5 is not; and 1e308 is none, since readers that turn numbers into doubles see infinity from
 * about there on.
 */
struct decimal decimal_read(struct str number);

static inline bool decimal_is_plain_8(const char *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t bytes;
    memcpy(&bytes, at, 8);
    /* The high half of a byte is 3, and stays so when 6 is added. */
    uint64_t high = ones * 0xf0;
    return ((bytes & high) | (((bytes + ones * 6) & high) >> 4)) == ones * 0x33;
}

/* All bytes are digits, as in nearly all numbers; `len` may be 0. */
static inline bool decimal_is_plain(const char *at, size_t len)
{
    for (; len >= 8; at += 8, len -= 8) {
        if (!decimal_is_plain_8(at)) {
            return false;
        }
    }
    for (; len > 0; at++, len--) {
        if ((unsigned char)(*at - '0') > 9) {
            return false;
        }
    }
    return true;
}

/* A reader with doubles may see another whole number than the one that is written. */
static inline bool decimal_is_rounded(const struct decimal *number)
{
    return !number->is_plain && number->sign && number->power >= DECIMAL_DOUBLE_DIGITS &&
           number->power < DECIMAL_INTEGER_DIGITS_MAX;
}

/* The order of two numbers of the same sign and power by their digits. */
int decimal_compare_digits(const struct decimal *a, const struct decimal *b);

/* Below, at or above zero, as a is less than, equal to or greater than b. */
static inline int decimal_compare(const struct decimal *a, const struct decimal *b)
{
    if (a->sign != b->sign) {
        return a->sign - b->sign;
    }
    if (a->power != b->power) {
        return a->power < b->power ? -a->sign : a->sign;
    }
    return decimal_compare_digits(a, b);
}

#endif
