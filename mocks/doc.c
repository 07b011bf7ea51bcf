/*
 * The JSON writer of the mocks.
 *
 * Owns commas, quotation marks and escapes, so that no renderer ever prints JSON by hand. It
 * promises well-formed text as long as what is opened is closed. Numbers are written as asked, with
 * their trailing zeros, because a test that sends 0.0310 wants to see 0.0310 come out at the other
 * end.
 *
 * It does not check its caller's grammar: a key in an array is a bug that the contract test finds.
 */
#include "doc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FIRST_CAPACITY = 1024 };

static char *doc_room(struct doc *doc, size_t bytes)
{
    if (doc->capacity - doc->len < bytes) {
        size_t capacity = doc->capacity ? doc->capacity : FIRST_CAPACITY;
        while (capacity - doc->len < bytes)
            capacity *= 2;
        doc->bytes = realloc(doc->bytes, capacity);
        if (!doc->bytes) {
            fputs("bff-mocks: out of memory\n", stderr);
            abort();
        }
        doc->capacity = capacity;
    }
    return doc->bytes + doc->len;
}

void doc_append(struct doc *doc, const char *bytes, size_t len)
{
    if (len == 0)
        return;
    memcpy(doc_room(doc, len), bytes, len);
    doc->len += len;
}

static void doc_put_char(struct doc *doc, char c)
{
    doc_append(doc, &c, 1);
}

static void doc_put_text(struct doc *doc, const char *text)
{
    doc_append(doc, text, strlen(text));
}

static void doc_key(struct doc *doc, const char *key)
{
    if (doc->needs_comma)
        doc_put_char(doc, ',');
    doc->needs_comma = true;
    if (!key)
        return;
    doc_put_char(doc, '"');
    doc_put_text(doc, key);
    doc_append(doc, "\":", 2);
}

static void doc_put_u16(struct doc *doc, unsigned unit)
{
    static const char digits[] = "0123456789abcdef";
    const char escape[] = { '\\', 'u', digits[unit >> 12 & 15], digits[unit >> 8 & 15],
        digits[unit >> 4 & 15], digits[unit & 15] };
    doc_append(doc, escape, sizeof escape);
}

/* Reads one character of valid UTF-8 that is not ASCII and moves past it. */
static unsigned next_code_point(const char **text)
{
    const unsigned char *c = (const unsigned char *)*text;
    const unsigned tail = *c >= 0xf0 ? 3 : *c >= 0xe0 ? 2 : 1;
    unsigned code = *c & (0x3fu >> tail);
    for (unsigned i = 1; i <= tail; i++)
        code = code << 6 | (c[i] & 0x3fu);
    *text += tail + 1;
    return code;
}

static void doc_put_code_point(struct doc *doc, unsigned code)
{
    if (code < 0x10000) {
        doc_put_u16(doc, code);
        return;
    }
    doc_put_u16(doc, 0xd800 + ((code - 0x10000) >> 10));
    doc_put_u16(doc, 0xdc00 + ((code - 0x10000) & 0x3ff));
}

static void doc_put_escape(struct doc *doc, char c)
{
    if (c == '\n')
        doc_append(doc, "\\n", 2);
    else if ((unsigned char)c < 0x20)
        doc_put_u16(doc, (unsigned char)c);
    else
        doc_append(doc, (const char[]){ '\\', c }, 2);
}

static bool is_plain(const struct doc *doc, unsigned char c)
{
    if (c < 0x20 || c == '"' || c == '\\')
        return false;
    return !doc->is_ascii || (c < 0x80 && c != '/');
}

void doc_init(struct doc *doc)
{
    *doc = (struct doc){ 0 };
}

void doc_fini(struct doc *doc)
{
    free(doc->bytes);
    doc_init(doc);
}

void doc_clear(struct doc *doc)
{
    doc->len = 0;
    doc->needs_comma = false;
}

void doc_object(struct doc *doc, const char *key)
{
    doc_key(doc, key);
    doc_put_char(doc, '{');
    doc->needs_comma = false;
}

void doc_object_end(struct doc *doc)
{
    doc_put_char(doc, '}');
    doc->needs_comma = true;
}

void doc_array(struct doc *doc, const char *key)
{
    doc_key(doc, key);
    doc_put_char(doc, '[');
    doc->needs_comma = false;
}

void doc_array_end(struct doc *doc)
{
    doc_put_char(doc, ']');
    doc->needs_comma = true;
}

void doc_text_begin(struct doc *doc, const char *key)
{
    doc_key(doc, key);
    doc_put_char(doc, '"');
}

void doc_add(struct doc *doc, const char *text)
{
    while (*text) {
        size_t run = 0;
        while (text[run] && is_plain(doc, (unsigned char)text[run]))
            run++;
        doc_append(doc, text, run);
        text += run;
        if ((unsigned char)*text >= 0x80)
            doc_put_code_point(doc, next_code_point(&text));
        else if (*text)
            doc_put_escape(doc, *text++);
    }
}

void doc_add_u64(struct doc *doc, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    doc_append(doc, digits + at, sizeof digits - at);
}

void doc_add_hex(struct doc *doc, uint64_t number)
{
    char digits[16];
    for (size_t i = 0; i < sizeof digits; i++)
        digits[i] = "0123456789abcdef"[number >> (60 - 4 * i) & 15];
    doc_append(doc, digits, sizeof digits);
}

void doc_text_end(struct doc *doc)
{
    doc_put_char(doc, '"');
}

void doc_text(struct doc *doc, const char *key, const char *text)
{
    if (!text) {
        doc_null(doc, key);
        return;
    }
    doc_text_begin(doc, key);
    doc_add(doc, text);
    doc_text_end(doc);
}

void doc_u64(struct doc *doc, const char *key, uint64_t number)
{
    doc_key(doc, key);
    doc_add_u64(doc, number);
}

void doc_bool(struct doc *doc, const char *key, bool is_true)
{
    doc_raw(doc, key, is_true ? "true" : "false");
}

void doc_null(struct doc *doc, const char *key)
{
    doc_raw(doc, key, "null");
}

void doc_decimal(struct doc *doc, const char *key, int64_t units, unsigned decimals)
{
    uint64_t scale = 1;
    doc_key(doc, key);
    if (units < 0) {
        doc_put_char(doc, '-');
        units = -units;
    }
    for (unsigned i = 0; i < decimals; i++)
        scale *= 10;
    doc_add_u64(doc, (uint64_t)units / scale);
    doc_put_char(doc, '.');
    for (uint64_t rest = (uint64_t)units % scale; scale > 1; rest %= scale) {
        scale /= 10;
        doc_put_char(doc, (char)('0' + rest / scale));
    }
}

void doc_raw(struct doc *doc, const char *key, const char *json)
{
    doc_key(doc, key);
    doc_put_text(doc, json);
}

void doc_time(struct doc *doc, const char *key, int64_t unix_s)
{
    const time_t when = (time_t)unix_s;
    struct tm utc;
    char text[32];
    gmtime_r(&when, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    doc_text(doc, key, text);
}
