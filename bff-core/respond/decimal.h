#ifndef RESPOND_DECIMAL_H
#define RESPOND_DECIMAL_H

#include "../base/str.h"

/*
 * JSON numbers compared as they are written, without a double in between: 64-bit ids, 1e400 and
 * 0.10 keep their value. The text must be a well-formed JSON number (RFC 8259 section 6).
 */

/* Below, at or above zero, as a is less than, equal to or greater than b. */
int decimal_compare(struct str a, struct str b);

/* A whole number in the sense of JSON Schema: 7, 7.0 and 70e-1 are, 7.5 is not. */
bool decimal_is_integer(struct str number);

#endif
