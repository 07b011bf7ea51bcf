/* Quoting: each byte at each place, beside a loop that takes one after the other. */
#include "base/must.h"
#include "wire/json.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* test_json_quote_portable.c includes this file to run all of it without SSE2. */
#ifndef SUITE
#define SUITE json_quote
#endif

enum { LEN_MAX = 52 };

/* What stands for `c`, which is ASCII. */
static void append_quoted(struct buf *out, unsigned char c)
{
    static const char *const escapes[] = { ['\b'] = "\\b",
        ['\t'] = "\\t",
        ['\n'] = "\\n",
        ['\f'] = "\\f",
        ['\r'] = "\\r",
        ['"'] = "\\\"",
        ['\\'] = "\\\\" };
    if (c < countof(escapes) && escapes[c]) {
        buf_append_str(out, str_of(escapes[c]));
    } else if (c < 0x20) {
        buf_printf(out, "\\u%04x", c);
    } else if (c >= 0x80) { /* alone, and so no UTF-8 */
        buf_append_str(out, STR("\xef\xbf\xbd"));
    } else {
        buf_append_char(out, (char)c);
    }
}

/* The text in memory of its own size, so that a sanitizer sees who reads beyond it. */
static void expect_quoted(struct buf *out, struct buf *wanted, struct str text)
{
    char *exact = malloc(text.len + (text.len == 0)), *room = malloc(JSON_QUOTED_BYTES(text.len));
    memcpy(exact, text.at, text.len);
    text.at = exact;
    buf_clear(out);
    buf_clear(wanted);
    buf_append_char(wanted, '"');
    for (size_t i = 0; i < text.len; i++) {
        append_quoted(wanted, (unsigned char)text.at[i]);
    }
    buf_append_char(wanted, '"');
    cr_assert(json_quote(out, text));
    cr_assert(str_eq(buf_str(out), buf_str(wanted)), "%.*s", STR_FMT(buf_str(wanted)));
    char *end = json_put(room, text);
    cr_assert(str_eq((struct str){ room, (size_t)(end - room) }, buf_str(wanted)));
    free(exact);
    free(room);
}

Test(SUITE, sees_every_byte_wherever_it_stands)
{
    struct buf out, wanted;
    char text[LEN_MAX];
    buf_init(&out, 1024);
    buf_init(&wanted, 1024);
    for (size_t len = 0; len <= LEN_MAX; len++) {
        memset(text, 'a', sizeof(text));
        expect_quoted(&out, &wanted, (struct str){ text, len });
        for (size_t at = 0; at < len; at++) {
            for (unsigned c = 0; c < 256; c += c >= 0x22 && c < 0x5b ? 3 : 1) {
                text[at] = (char)c;
                expect_quoted(&out, &wanted, (struct str){ text, len });
            }
            text[at] = 'a';
        }
    }
    buf_release(&out);
    buf_release(&wanted);
}

Test(SUITE, fills_a_buf_to_its_end_or_not_at_all)
{
    struct str content = STR("x\"a line\\n of bytes \\u0001 \\\\ it\"");
    for (size_t cap = 1; cap < content.len + 3; cap++) {
        struct buf out;
        buf_init(&out, cap);
        buf_append_char(&out, 'x');
        bool fits = json_quote(&out, STR("a line\n of bytes \x01 \\ it"));
        cr_assert_eq(fits, cap >= content.len);
        cr_assert_eq(out.is_overfull, !fits);
        cr_assert(str_eq(buf_str(&out), fits ? content : STR("x")));
        for (size_t i = 0; i < BUF_PADDING; i++) {
            cr_assert_eq(out.data[out.len + i], '\0');
        }
        buf_release(&out);
    }
}
