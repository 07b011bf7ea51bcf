/* Writing JSON for people: commas, levels and quotes are right whatever is written. */
#include "wire/json_writer.h"
#include "base/must.h"

#include <criterion/criterion.h>
#include <signal.h>

static struct arena arena;
static struct buf out;
static struct json_writer writer;

static void open_writer(void)
{
    arena_init(&arena, NULL);
    buf_init(&out, 64 * 1024);
    json_writer_init(&writer, &out);
}

static void close_writer(void)
{
    buf_release(&out);
    arena_release(&arena);
}

TestSuite(json_writer, .init = open_writer, .fini = close_writer, .timeout = 20);

static const char *text(void)
{
    return arena_cstr(&arena, buf_str(&out));
}

Test(json_writer, what_fits_on_a_line_stands_on_one)
{
    json_writer_object(&writer, NULL);
    json_writer_text(&writer, "say \"hi\"", STR("a\n\x01  b"));
    json_writer_list(&writer, "list");
    json_writer_number(&writer, NULL, -7);
    json_writer_bool(&writer, NULL, true);
    json_writer_object(&writer, NULL);
    json_writer_end(&writer);
    json_writer_end(&writer);
    json_writer_list(&writer, "none");
    json_writer_end(&writer);
    json_writer_bool(&writer, "no", false);
    json_writer_end(&writer);
    cr_assert_str_eq(text(), "{ \"say \\\"hi\\\"\": \"a\\n\\u0001  b\", \"list\": [-7, true, {}], "
                             "\"none\": [], \"no\": false }\n");
}

Test(json_writer, what_does_not_has_a_line_for_each_value)
{
    static const char word[] = "forty characters, which is not too many.";
    json_writer_object(&writer, NULL);
    json_writer_list(&writer, "texts");
    for (int i = 0; i < 3; i++) {
        json_writer_text(&writer, NULL, STR(word));
    }
    json_writer_end(&writer);
    json_writer_object(&writer, "o");
    json_writer_number(&writer, "n", 1);
    json_writer_end(&writer);
    json_writer_end(&writer);
    cr_assert_str_eq(text(), "{\n"
                             "  \"texts\": [\n"
                             "    \"forty characters, which is not too many.\",\n"
                             "    \"forty characters, which is not too many.\",\n"
                             "    \"forty characters, which is not too many.\"\n"
                             "  ],\n"
                             "  \"o\": { \"n\": 1 }\n"
                             "}\n");
}

/* A level flows to the next line exactly when it and its comma pass the 100th column. */
Test(json_writer, lines_end_at_a_hundred_columns)
{
    char word[101] = "";
    for (size_t len = 80; len < sizeof(word); len++) {
        memset(word, 'x', len);
        buf_clear(&out);
        json_writer_init(&writer, &out);
        json_writer_list(&writer, NULL);
        json_writer_text(&writer, NULL, (struct str){ word, len });
        json_writer_end(&writer);
        const char *written = text();
        bool is_flat = strchr(written, '\n') == written + strlen(written) - 1;
        cr_expect_eq(is_flat, len + strlen("[\"\"],") <= 100, "%zu", len);
    }
}

/* Numbers as they were written, and as deep as the reader reads. */
Test(json_writer, what_was_parsed_is_written_as_it_was)
{
    struct err err;
    static const char source[] =
        "{\"n\":[1.50,-0,1e400,9223372036854775808],\"t\":\"\\u00e9\",\"o\":{\"x\":null}}";
    const struct json *json = json_parse(&arena, STR(source), &err);
    cr_assert_not_null(json, "%s", err.text);
    json_writer_value(&writer, NULL, json);
    static const char *const words[] = { "1.50,", "-0,", "1e400,", "9223372036854775808]",
        "\"\xc3\xa9\"", "{ \"x\": null }" };
    for (size_t i = 0; i < countof(words); i++) {
        cr_expect(strstr(text(), words[i]), "%s is in %s", words[i], text());
    }
    struct buf flat;
    buf_init(&flat, 4096);
    const struct json *again = json_parse(&arena, buf_str(&out), &err);
    cr_assert(again && json_write(&flat, again), "%s", err.text);
    struct buf before;
    buf_init(&before, 4096);
    json_write(&before, json);
    cr_assert(str_eq(buf_str(&flat), buf_str(&before)));
    buf_release(&flat);
    buf_release(&before);
}

Test(json_writer, a_document_that_does_not_fit_says_so)
{
    struct buf small;
    buf_init(&small, 10);
    json_writer_init(&writer, &small);
    json_writer_object(&writer, NULL);
    json_writer_text(&writer, "name", STR("feed"));
    json_writer_end(&writer);
    cr_assert(small.is_overfull);
    buf_release(&small);
}

Test(json_writer, a_member_without_a_name_is_a_bug, .signal = SIGABRT)
{
    json_writer_object(&writer, NULL);
    json_writer_number(&writer, NULL, 1);
}

Test(json_writer, an_end_too_many_is_a_bug, .signal = SIGABRT)
{
    json_writer_object(&writer, NULL);
    json_writer_end(&writer);
    json_writer_end(&writer);
}
