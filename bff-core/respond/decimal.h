#ifndef RESPOND_DECIMAL_H
#define RESPOND_DECIMAL_H

#include "../base/str.h"

/*
 * JSON numbers compared as they are written, without a double in between: 64-bit ids, 1e400 and
 * 0.10 keep their value.
 */

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
