#ifndef BASE_PERCENT_H
#define BASE_PERCENT_H

#include "arena.h"
#include "buf.h"

/* Percent-encoding (RFC 3986 section 2.1). */

enum percent_plus { PERCENT_PLUS_IS_PLUS, PERCENT_PLUS_IS_SPACE };

/*
 * The decoded bytes: `s` itself where nothing was encoded, else a copy in the arena. False when a
 * '%' is not followed by two hexadecimal digits, or stands for NUL.
 */
bool percent_decode(struct arena *arena, struct str s, enum percent_plus plus, struct str *out);

/* Appends `s`, everything but unreserved characters (RFC 3986 section 2.3) encoded. */
bool percent_encode(struct buf *buf, struct str s);

#endif
