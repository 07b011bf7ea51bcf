/*
 * members: JSON objects of known shape, for the access log and the operators' pages.
 *
 * Owns the commas. Promises well-formed JSON as long as the caller balances its braces: texts go
 * through json_quote, numbers are whole or have three decimals. Knows no field.
 */
#include "members.h"

#include "../wire/json.h"

static bool needs_comma(const struct buf *out)
{
    char last = out->len > 0 ? out->data[out->len - 1] : '{';
    return last != '{' && last != '[';
}

void members_name(struct buf *out, const char *name)
{
    bool has_comma = needs_comma(out);
    size_t len = strlen(name);
    char *to = buf_reserve(out, len + 4);
    if (!to) {
        return;
    }
    to[0] = ',';
    to += has_comma;
    *to++ = '"';
    memcpy(to, name, len);
    memcpy(to + len, "\":", 2);
    buf_grew(out, len + 3 + has_comma);
}

void members_word(struct buf *out, const char *name, const char *text)
{
    if (text) {
        members_name(out, name);
        json_quote(out, str_of(text));
    }
}

void members_number(struct buf *out, const char *name, uint64_t number)
{
    members_name(out, name);
    buf_append_u64(out, number);
}

void members_bool(struct buf *out, const char *name, bool is_true)
{
    members_name(out, name);
    buf_append_str(out, is_true ? STR("true") : STR("false"));
}

void members_object(struct buf *out)
{
    buf_append_str(out, needs_comma(out) ? STR(",{") : STR("{"));
}
