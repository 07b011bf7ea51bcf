/*
 * http_call_lines: the fields of a question, proved and written.
 *
 * Owns the rules of what a caller may say in a field. Promises that no byte of what it lets through
 * ends a line, and that where a question ends is not told in it. Knows no call and no lane.
 */
#include "http_call_lines.h"

#include "../base/must.h"
#include "http_answer_parser.h"

/* Names that decide how the question is read, and so belong to whoever writes it. Of a streamed
 * answer the coding is its reader's. */
static bool is_ours(struct str name, bool is_streamed)
{
    static const struct str ours[] = { { "host", 4 }, { "connection", 10 },
        { "content-length", 14 }, { "transfer-encoding", 17 } };
    for (size_t i = 0; i < countof(ours); i++) {
        if (str_eq_nocase(name, ours[i])) {
            return true;
        }
    }
    return !is_streamed && str_eq_nocase(name, STR("accept-encoding"));
}

void http_call_field_check(const struct http_call_field *field, bool is_streamed)
{
    must(http_is_token(field->name) && http_is_value(field->value));
    must(!is_ours(field->name, is_streamed));
}

char *http_call_field_put(char *to, const struct http_call_field *field)
{
    to = str_put(to, field->name);
    to = str_put(to, STR(": "));
    to = str_put(to, field->value);
    return str_put(to, STR("\r\n"));
}

struct http_call_lines http_call_lines(
    struct arena *arena, const struct http_call_field *fields, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        http_call_field_check(&fields[i], false);
        len += http_call_field_len(&fields[i]);
    }
    char *text = arena_alloc(arena, len), *to = text;
    for (size_t i = 0; i < count; i++) {
        to = http_call_field_put(to, &fields[i]);
    }
    return (struct http_call_lines){ { text, len } };
}
