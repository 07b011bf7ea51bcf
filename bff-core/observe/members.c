/*
 * members: JSON objects of known shape, for the access log and the operators' pages.
 *
 * Owns the commas. Promises well-formed JSON as long as the caller balances its braces: texts go
 * through json_quote, numbers are whole or have three decimals. Knows no field.
 */
#include "members.h"

#include "../wire/json.h"

#include <inttypes.h>

static void write_comma(struct buf *out)
{
    char last = out->len > 0 ? out->data[out->len - 1] : '{';
    if (last != '{' && last != '[') {
        buf_append_char(out, ',');
    }
}

void members_name(struct buf *out, const char *name)
{
    write_comma(out);
    buf_append_char(out, '"');
    buf_append_str(out, str_of(name));
    buf_append_str(out, STR("\":"));
}

void members_text(struct buf *out, const char *name, struct str text, size_t max)
{
    if (!text.at) {
        return;
    }
    size_t len = text.len < max ? text.len : max;
    while (len > 0 && len < text.len && (text.at[len] & 0xc0) == 0x80) {
        len--; /* a cut does not fall inside a UTF-8 character */
    }
    members_name(out, name);
    json_quote(out, (struct str){ text.at, len });
}

void members_word(struct buf *out, const char *name, const char *text)
{
    members_text(out, name, str_of(text), SIZE_MAX);
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

void members_ms(struct buf *out, const char *name, uint64_t us)
{
    members_name(out, name);
    buf_printf(out, "%" PRIu64 ".%03u", us / 1000, (unsigned)(us % 1000));
}

void members_object(struct buf *out)
{
    write_comma(out);
    buf_append_char(out, '{');
}
