/*
 * mutation: JSON that is still JSON, mostly.
 *
 * Owns nothing between two calls. A text is cut into values with no more understanding than where a
 * string ends and which brackets belong together; what the change makes of it need not be
 * well-formed, since the fuzzer tries both.
 */
#include "mutation.h"

#include "base/must.h"

#include <stdbool.h>
#include <string.h>

enum { VALUES_MAX = 1024 };

/* From the first byte to behind the last. */
struct value {
    size_t at, end;
    size_t whole_at; /* with the member's name before it; else as `at` */
};

struct values {
    struct value all[VALUES_MAX];
    size_t count;
};

static const char *const delicate[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1",
    "7",
    "1.5",
    "-1.5",
    "1e2",
    "1E400",
    "1e-400",
    "12345678",
    "123456789",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "99999999999999999999",
    "0.10",
    "1.0",
    "70e-1",
    "\"\"",
    "\"x\"",
    "\"1\"",
    "\"\\u0041\\ud83d\\ude00\"",
    "\"\\n\\\"\\\\\\/\"",
    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
    "\"\\u0000\"",
    "\"0123456789abcdef\"",
    "\"a text that is longer than any of the bounds of a small shape could possibly allow for it\"",
    "[]",
    "{}",
    "[{}]",
    "[[]]",
    "[1,2,3,4,5,6,7,8,9]",
    "[null,\"x\",{\"id\":1}]",
    "{\"id\":1}",
};

static size_t string_end(const uint8_t *data, size_t size, size_t at)
{
    for (at++; at < size && data[at] != '"'; at++) {
        at += data[at] == '\\';
    }
    return at < size ? at + 1 : size;
}

static size_t value_end(const uint8_t *data, size_t size, size_t at)
{
    if (data[at] == '"') {
        return string_end(data, size, at);
    }
    size_t depth = 0;
    for (; at < size; at++) {
        if (data[at] == '"') {
            at = string_end(data, size, at) - 1;
        } else if (data[at] == '[' || data[at] == '{') {
            depth++;
        } else if (data[at] == ']' || data[at] == '}') {
            if (depth <= 1) {
                return at + depth; /* its own bracket, or that of what it stands in */
            }
            depth--;
        } else if (depth == 0 && (data[at] == ',' || data[at] == '\0')) {
            break;
        }
    }
    return at;
}

/* Every value of the text; a name is what stands before a colon. */
static void values_find(struct values *values, const uint8_t *data, size_t size)
{
    size_t name_at = SIZE_MAX;
    values->count = 0;
    for (size_t at = 0; at < size && values->count < VALUES_MAX;) {
        if (data[at] <= ' ' || strchr(",:]}", data[at])) {
            at++;
            continue;
        }
        size_t end = value_end(data, size, at);
        if (data[at] == '"' && end < size && data[end] == ':') {
            name_at = at;
            at = end + 1;
            continue;
        }
        struct value value = { at, end, name_at != SIZE_MAX ? name_at : at };
        values->all[values->count++] = value;
        name_at = SIZE_MAX;
        at = data[at] == '[' || data[at] == '{' ? at + 1 : end > at ? end : at + 1;
    }
}

/* Puts `len` bytes in the place of those from `at` to `end`. */
static size_t splice(
    uint8_t *data, size_t size, size_t max, size_t at, size_t end, const void *bytes, size_t len)
{
    if (size - (end - at) + len > max) {
        return size;
    }
    memmove(data + at + len, data + end, size - end);
    memcpy(data + at, bytes, len);
    return size - (end - at) + len;
}

size_t mutation_json(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static struct values values;
    static uint8_t copy[4096];
    values_find(&values, data, size);
    if (values.count == 0) {
        return size;
    }
    const struct value *value = &values.all[seed / 8 % values.count];
    const struct value *other = &values.all[seed / 8 / values.count % values.count];
    size_t len = other->end - other->at;
    switch (seed % 8) {
    case 0: /* leaves it out, with its name and the comma behind it */
        return splice(data, size, max, value->whole_at,
            value->end + (value->end < size && data[value->end] == ','), "", 0);
    case 1: /* doubles it, with its name or without */
        len = value->end - value->whole_at;
        if (len + 1 > sizeof(copy)) {
            return size;
        }
        memcpy(copy, data + value->whole_at, len);
        copy[len] = ',';
        return splice(data, size, max, value->whole_at, value->whole_at, copy, len + 1);
    case 2:
    case 3: /* puts another value of the text there */
        if (len > sizeof(copy)) {
            return size;
        }
        memcpy(copy, data + other->at, len);
        return splice(data, size, max, value->at, value->end, copy, len);
    default: {
        const char *text = delicate[seed / 8 / values.count % countof(delicate)];
        return splice(data, size, max, value->at, value->end, text, strlen(text));
    }
    }
}
