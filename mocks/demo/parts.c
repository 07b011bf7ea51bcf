/*
 * parts: the header fields in which an answer tells what each service had to do with it.
 *
 * Owns nothing: slices point into the field. Reads generously, because it only shows; that the
 * fields are well-formed is proven by tests, not here.
 */
#include "parts.h"

#include <stdlib.h>

/* Where the next `by` outside quotes is, or the end. */
static const char *next_mark(const char *at, const char *by)
{
    bool is_quoted = false;
    for (; *at && (is_quoted || !strchr(by, *at)); at++) {
        is_quoted ^= *at == '"';
    }
    return at;
}

static struct str unquoted(struct str value)
{
    bool is_quoted = value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"';
    return is_quoted ? (struct str){ value.at + 1, value.len - 2 } : value;
}

static void take_parameter(struct part *part, struct str parameter)
{
    struct str key, value = { "", 0 };
    str_cut(parameter, '=', &key, &value);
    key = str_trim(key);
    value = unquoted(str_trim(value));
    if (str_eq(key, STR("s")) || str_eq(key, STR("desc"))) {
        part->state = value;
    } else if (str_eq(key, STR("d")) || str_eq(key, STR("dur"))) {
        part->took_ms = strtod(value.at, NULL);
    } else if (str_eq(key, STR("start"))) {
        part->start_ms = strtod(value.at, NULL);
    }
}

size_t parts_read(const char *list, struct part parts[PARTS_MAX])
{
    size_t count = 0;
    for (const char *at = list; *at && count < PARTS_MAX; at += *at == ',') {
        const char *end = next_mark(at, ",;");
        struct part part = { .name = str_trim((struct str){ at, (size_t)(end - at) }) };
        for (at = end; *at == ';'; at = end) {
            end = next_mark(at + 1, ",;");
            take_parameter(&part, (struct str){ at + 1, (size_t)(end - at - 1) });
        }
        if (part.name.len > 0) {
            parts[count++] = part;
        }
    }
    return count;
}

const struct part *parts_find(const struct part *parts, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(parts[i].name, name)) {
            return &parts[i];
        }
    }
    return NULL;
}
