/*
 * json_quote: any bytes as a JSON string.
 *
 * Owns nothing; its functions are declared in json.h. Nearly all that is quoted is ASCII without
 * quotes and backslashes, and such a text is copied as it is.
 */
#include "json.h"

#include "../base/block.h"
#include "utf8.h"

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

/* What does not stand for itself, and what is not ASCII. */
static inline struct block needs_care(struct block b)
{
    return (
        struct block){ (b.bytes < ' ') | (b.bytes >= 0x80) | (b.bytes == '"') | (b.bytes == '\\') };
}

/* How many bytes of the text need no change. */
static size_t plain_len(struct str text)
{
    size_t at = block_find(text, needs_care) ? 0 : text.len;
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
    char *to = buf_reserve(buf, quoted_bytes(text));
    if (to) {
        buf_grew(buf, (size_t)(json_put(to, text) - to));
    }
    return to != NULL;
}
