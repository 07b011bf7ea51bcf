/* The tree: what is refused, what is kept, and what is written again. */
#include "wire/json.h"

#include <criterion/criterion.h>

static struct arena arena;
static struct buf out;
static struct err err;

static void open_page(void)
{
    arena_init(&arena, NULL);
    buf_init(&out, 1000);
    err = (struct err){ "" };
}

static void close_page(void)
{
    buf_release(&out);
    arena_release(&arena);
}

TestSuite(json, .init = open_page, .fini = close_page, .timeout = 20);

static const struct json *parse(const char *text)
{
    return json_parse(&arena, str_of(text), &err);
}

Test(json, members_are_in_the_order_of_the_text_and_know_their_lines)
{
    const struct json *tree = parse("{\n \"b\": [1,\n 2],\n\n \"a\": \"x\\n\"\n}");
    cr_assert(tree, "%s", err.text);
    cr_expect_eq(tree->line, 1);
    cr_expect_eq(tree->count, 2);
    cr_expect(str_eq(json_at(tree, 0)->name, STR("b")));
    cr_expect_eq(json_get(tree, "b")->line, 2);
    cr_expect_eq(json_at(json_get(tree, "b"), 1)->line, 3);
    cr_expect_eq(json_get(tree, "a")->line, 5);
    cr_expect(str_eq(json_str(json_get(tree, "a")), STR("x\n")));
    cr_expect_null(json_at(tree, 2));
    cr_expect_null(json_get(tree, "c"));
}

Test(json, names_with_structure_in_them_do_not_shift_the_lines)
{
    const struct json *tree = parse("{\"a\\\"{[:,\" :\n [ \"b]:\\\\\" , \n{\"c\": {}} ] }");
    cr_assert(tree, "%s", err.text);
    const struct json *list = json_at(tree, 0);
    cr_expect_eq(list->line, 2);
    cr_expect(str_eq(json_str(json_at(list, 0)), STR("b]:\\")));
    cr_expect_eq(json_get(json_at(list, 1), "c")->line, 3);
}

Test(json, a_pointer_says_where_a_value_stands)
{
    const struct json *tree = parse("{\"a\":{\"~b/c\":[1,{\"\":2}]},\"d\":[1]}");
    const struct json *list = json_get(json_get(tree, "a"), "~b/c");
    struct {
        const struct json *json;
        const char *pointer;
    } rows[] = {
        { tree, "" },
        { json_get(tree, "a"), "/a" },
        { list, "/a/~0b~1c" },
        { json_get(json_at(list, 1), ""), "/a/~0b~1c/1/" },
        { json_at(json_get(tree, "d"), 0), "/d/0" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        buf_clear(&out);
        cr_expect(json_pointer(&out, tree, rows[i].json));
        cr_expect(str_eq(buf_str(&out), str_of(rows[i].pointer)), "%s", rows[i].pointer);
    }
    cr_expect_not(json_pointer(&out, list, tree));
    cr_expect_not(json_pointer(&out, NULL, tree));
    cr_expect(str_eq(buf_str(&out), STR("/d/0")));
}

Test(json, numbers_keep_their_text)
{
    const struct json *tree =
        parse("[9223372036854775807, 123456789012345678901234, -0, 1.50, 1e400, 0]");
    cr_assert(tree, "%s", err.text);
    const char *texts[] = { "9223372036854775807", "123456789012345678901234", "-0", "1.50",
        "1e400", "0" };
    for (size_t i = 0; i < 6; i++) {
        cr_expect(str_eq(json_at(tree, i)->text, str_of(texts[i])), "%s", texts[i]);
    }
    int64_t number;
    cr_expect(json_i64(json_at(tree, 0), &number) && number == INT64_MAX);
    cr_expect_not(json_i64(json_at(tree, 1), &number));
    cr_expect(json_i64(json_at(tree, 2), &number) && number == 0);
    cr_expect_not(json_i64(json_at(tree, 3), &number));
    cr_expect_not(json_i64(json_at(tree, 9), &number));
}

Test(json, the_smallest_integer_is_read)
{
    int64_t number;
    cr_expect(json_i64(parse("-9223372036854775808"), &number) && number == INT64_MIN);
    cr_expect_not(json_i64(parse("-9223372036854775809"), &number));
    cr_expect_not(json_i64(parse("9223372036854775808"), &number));
}

Test(json, what_is_not_json_is_refused_with_its_line)
{
    const char *broken[] = { "", " ", "{", "[1,]", "{\"a\":1,}", "[1 2]", "{\"a\" 1}", "nul",
        "[NaN]", "[1.]", "[-.1]", "[01]", "[\"a\nb\"]", "'a'", "[1] x", "[\"\\x\"]", "[\"\xff\"]",
        "[\"\xc0\x80\"]", "[/**/]", "{\"a\":1,\"a\":2}", "[{\"a\":{\"b\":1,\"b\":[1]}}]",
        "{\"a\\u0000b\":1}", "[Infinity]", "[tRuE]", "[\"\\ud800\"]", "[+1]", "\xef\xbb\xbf[]" };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        err.text[0] = '\0';
        cr_expect_null(parse(broken[i]), "%s", broken[i]);
        cr_expect_neq(err.text[0], '\0', "%s", broken[i]);
    }
    parse("{\n\n\"a\": }");
    cr_expect(strncmp(err.text, "line 3:", 7) == 0, "%s", err.text);
    cr_expect_null(json_parse(&arena, (struct str){ "[]\0", 3 }, &err));
}

Test(json, nesting_has_an_end)
{
    char deep[2 * JSON_DEPTH_MAX + 3] = "";
    for (int i = 0; i <= JSON_DEPTH_MAX; i++) {
        deep[i] = '[';
        deep[2 * JSON_DEPTH_MAX + 1 - i] = ']';
    }
    cr_expect_null(parse(deep));
    deep[2 * JSON_DEPTH_MAX + 1] = '\0';
    cr_expect_null(parse(deep));
    deep[2 * JSON_DEPTH_MAX] = '\0';
    cr_expect_not_null(
        json_parse(&arena, (struct str){ deep + 2, 2 * JSON_DEPTH_MAX - 2 }, &err), "%s", err.text);
}

Test(json, what_is_missing_can_be_asked_too)
{
    cr_expect_eq(json_kind(NULL), JSON_MISSING);
    cr_expect_null(json_get(NULL, "a"));
    cr_expect_null(json_at(NULL, 0));
    cr_expect_null(json_str(NULL).at);
    cr_expect_null(json_cstr(parse("\"a\\u0000b\"")));
    cr_expect_str_eq(json_cstr(parse("\"ab\"")), "ab");
    cr_expect_null(json_get(parse("[1]"), "a"));
    cr_expect_eq(json_kind(parse("null")), JSON_NULL);
    cr_expect_eq(json_kind(parse("true")), JSON_TRUE);
    cr_expect_eq(json_kind(parse("false")), JSON_FALSE);
}

Test(json, a_tree_is_written_as_it_was_read)
{
    const char *text =
        "{\"a\":[1.50,-0,null,true,false,{}],\"b\\\"\":\"\\u0001\\n\xc3\xa9\\\\\",\"c\":[]}";
    const struct json *tree = parse(text);
    cr_assert(tree, "%s", err.text);
    cr_expect(json_write(&out, tree));
    cr_expect(str_eq(buf_str(&out), str_of(text)), "%.*s", STR_FMT(buf_str(&out)));
}

Test(json, quoting_makes_any_bytes_a_string)
{
    cr_expect(json_quote(&out, (struct str){ "a\"\\\b\f\n\r\t\x1f\0z\x7f", 12 }));
    cr_expect(str_eq(buf_str(&out), STR("\"a\\\"\\\\\\b\\f\\n\\r\\t\\u001f\\u0000z\x7f\"")), "%.*s",
        STR_FMT(buf_str(&out)));
    buf_clear(&out);
    cr_expect(
        json_quote(&out, STR("\xe2\x82\xac \xff \xc0\x80 \xed\xa0\x80 \xf0\x9f\x98\x80 \xe2\x82")));
    cr_expect(str_eq(buf_str(&out), STR("\"\xe2\x82\xac \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd "
                                        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xf0\x9f\x98\x80 "
                                        "\xef\xbf\xbd\xef\xbf\xbd\"")),
        "%.*s", STR_FMT(buf_str(&out)));
}

Test(json, a_full_buf_is_left_as_it_was)
{
    buf_release(&out);
    buf_init(&out, 6);
    buf_append_str(&out, STR("ab"));
    cr_expect_not(json_quote(&out, STR("cde")));
    cr_expect(str_eq(buf_str(&out), STR("ab")));
    cr_expect(out.is_overfull);
    cr_expect_eq(out.data[2], '\0');
    out.is_overfull = false;
    cr_expect_not(json_write(&out, parse("[1,2,3]")));
    cr_expect(str_eq(buf_str(&out), STR("ab")));
    out.is_overfull = false;
    cr_expect(json_quote(&out, STR("cd")));
    cr_expect(str_eq(buf_str(&out), STR("ab\"cd\"")));
}
