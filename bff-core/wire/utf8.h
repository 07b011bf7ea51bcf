#ifndef WIRE_UTF8_H
#define WIRE_UTF8_H

#include <stddef.h>

/*
 * How many bytes the character at `at` has (RFC 3629 section 4: no overlong forms, no surrogates,
 * nothing beyond U+10FFFF), or 0 when none of the `room` bytes' beginnings is one. Reads at most
 * `room` bytes.
 */
static inline size_t utf8_len(const char *at, size_t room)
{
    const unsigned char *s = (const unsigned char *)at;
    unsigned char lead = room ? s[0] : 0xff;
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xc2 || lead > 0xf4 || room < 2) {
        return 0;
    }
    /* The second byte alone tells an overlong form, a surrogate and a number that is too large. */
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high) {
        return 0;
    }
    size_t len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (room < len || (len > 2 && (s[2] & 0xc0) != 0x80) || (len > 3 && (s[3] & 0xc0) != 0x80)) {
        return 0;
    }
    return len;
}

#endif
