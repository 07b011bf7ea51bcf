/* The projector: what is written, what is left out, what is dropped, and what is never changed. */
#include "shape_desk.h"

TestSuite(project, .init = desk_open, .fini = desk_close, .timeout = 20);

/* ---- values are not altered ---- */

Test(project, numbers_and_texts_are_copied_as_they_stand)
{
    static const char *const values[] = { "0", "-0", "1.50", "1e400", "-1E-7", "9007199254740993",
        "123456789012345678901234567890.10", "\"\"", "\"a\\u0041\\n\\/\\ud83d\\ude00\"",
        "\"\xc3\xa9\xf0\x9f\x98\x80\"", "true", "false" };
    desk_shape("\"v\":{\"type\":[\"number\",\"string\",\"boolean\"],\"x-from\":\"a.v\"}", "");
    for (size_t i = 0; i < countof(values); i++) {
        const char *body = arena_printf(&desk.arena, "{ \"v\" : %s }", values[i]);
        EXPECT_ANSWER(body, NULL, arena_printf(&desk.arena, "{\"v\":%s}", values[i]));
    }
}

Test(project, objects_nest_and_flatten_and_are_renamed)
{
    desk_shape("\"deep\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\",\"x-"
               "from\":\"a.x\"}}},"
               "\"flat\":{\"type\":\"integer\",\"x-from\":\"a.o.p.q\"},"
               "\"o\":{\"type\":\"object\",\"x-from\":\"a.o\",\"properties\":{"
               "\"r\":{\"type\":\"integer\",\"x-from\":\"p.q\"}}},"
               "\"fixed\":{\"type\":\"string\",\"const\":\"c\"}",
        "");
    EXPECT_ANSWER("{\"x\":1,\"o\":{\"p\":{\"q\":2}}}", NULL,
        "{\"deep\":{\"x\":1},\"flat\":2,\"o\":{\"r\":2},\"fixed\":\"c\"}");
    EXPECT_ANSWER("{}", NULL, "{\"fixed\":\"c\"}");
    EXPECT_ANSWER("{\"o\":[]}", NULL, "{\"fixed\":\"c\"}");
}

/* ---- what does not fit is missing ---- */

Test(project, a_value_of_another_type_or_out_of_bounds_is_missing)
{
    static const struct {
        const char *schema, *fits, *misfits[8];
    } rows[] = {
        { "\"type\":\"string\"", "\"x\"", { "1", "true", "[]", "{}" } },
        { "\"type\":\"integer\"", "12345678901234567890", { "1.5", "\"1\"", "1e-1", "[1]" } },
        { "\"type\":\"number\"", "1.5", { "\"1.5\"", "false", "{}" } },
        { "\"type\":[\"integer\",\"number\"]", "1.5", { "\"1.5\"" } },
        { "\"type\":[\"integer\",\"boolean\"]", "1.0", { "1.5", "\"1\"", "1e400" } },
        { "\"type\":\"boolean\"", "false", { "0", "\"false\"", "[]" } },
        { "\"type\":\"integer\",\"minimum\":-5,\"maximum\":10", "10",
            { "11", "-6", "100000000000000000000000", "-1e3" } },
        { "\"type\":\"number\",\"minimum\":0.1", "0.10",
            { "0.09", "0.0999999999999999999999999", "-1", "0" } },
        { "\"type\":\"number\",\"maximum\":1e3", "1000.000",
            { "1000.0000000000000000001", "1.1e3", "1e999999999999999999999" } },
        { "\"type\":\"integer\",\"maximum\":9223372036854775807", "9223372036854775807",
            { "9223372036854775808", "9223372036854775807.0", "9.223372036854775807e18" } },
        { "\"type\":\"integer\",\"maximum\":9223372036854775807", "9.223372036854774e18",
            { "9223372036854775.8075e3" } },
        { "\"type\":\"number\",\"minimum\":-9007199254740993", "-9007199254740992.0",
            { "-9007199254740993.9", "-90071992547409935e-1" } },
        { "\"type\":\"integer\",\"enum\":[9007199254740993,7]", "9007199254740993",
            { "9007199254740993.0" } },
        { "\"type\":\"string\",\"minLength\":2,\"maxLength\":3",
            "\"\\ud83d\\ude00\xf0\x9f\x98\x80\xc3\xa9\"",
            { "\"\"", "\"a\"", "\"\\ud83d\\ude00\"", "\"abcd\"", "\"\\n\\n\\n\\n\"" } },
        { "\"type\":\"string\",\"enum\":[\"a\",\"\xc3\xa9\"]", "\"\\u00e9\"",
            { "\"b\"", "\"\"", "\"A\"" } },
        { "\"type\":\"number\",\"enum\":[1,20]", "2.0e1", { "2", "1.0001" } },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        desk_shape(arena_printf(&desk.arena, "\"v\":{%s,\"x-from\":\"a.v\"}", rows[i].schema), "");
        const char *body = arena_printf(&desk.arena, "{\"v\":%s}", rows[i].fits);
        EXPECT_ANSWER(body, NULL, body);
        cr_expect_eq(desk_repairs(), 0);
        for (size_t j = 0; j < countof(rows[i].misfits) && rows[i].misfits[j]; j++) {
            EXPECT_ANSWER(arena_printf(&desk.arena, "{\"v\":%s}", rows[i].misfits[j]), NULL, "{}");
            cr_expect_eq(desk_repairs(), 1, "%s as %s", rows[i].misfits[j], rows[i].schema);
        }
    }
}

Test(project, null_is_missing_unless_it_is_promised)
{
    desk_shape("\"v\":{\"type\":\"string\",\"x-from\":\"a.v\"},\"n\":{\"type\":[\"string\","
               "\"null\"],\"x-from\":\"a.v\"}",
        "");
    EXPECT_ANSWER("{\"v\":null}", NULL, "{\"n\":null}");
    cr_expect_eq(desk_repairs(), 0);
    EXPECT_ANSWER("{\"v\":\"x\"}", NULL, "{\"v\":\"x\",\"n\":\"x\"}");
}

Test(project, a_default_stands_in_for_what_is_missing)
{
    desk_shape("\"v\":{\"type\":\"integer\",\"x-from\":\"a.v\",\"default\":7},"
               "\"l\":{\"type\":\"array\",\"x-from\":\"b.l\",\"items\":{\"type\":\"integer\"},"
               "\"default\":[]}",
        "\"v\",\"l\"");
    EXPECT_ANSWER("{\"v\":1}", "{\"l\":[2]}", "{\"v\":1,\"l\":[2]}");
    EXPECT_ANSWER("{\"v\":\"1\"}", "{\"l\":{}}", "{\"v\":7,\"l\":[]}");
    EXPECT_ANSWER(NULL, NULL, "{\"v\":7,\"l\":[]}");
    cr_expect_not(shape_requires(desk.shape, 0));
    cr_expect_not(shape_requires(desk.shape, 1));
}

Test(project, what_is_required_takes_its_element_its_object_or_the_answer)
{
    desk_shape("\"l\":{\"type\":\"array\",\"x-from\":\"a.l\",\"items\":{\"type\":\"object\","
               "\"required\":[\"id\"],"
               "\"properties\":{\"id\":{\"type\":\"integer\",\"x-from\":\"id\"},\"t\":{\"type\":"
               "\"string\",\"x-from\":\"t\"}}}},"
               "\"o\":{\"type\":\"object\",\"required\":[\"v\"],\"properties\":{"
               "\"w\":{\"type\":\"integer\",\"x-from\":\"a.w\"},\"v\":{\"type\":\"integer\",\"x-"
               "from\":\"a.v\"}}}",
        "\"l\"");
    EXPECT_ANSWER("{\"l\":[{\"id\":1,\"t\":\"x\"},{\"t\":\"y\"},{\"id\":\"2\"},3,{\"id\":4}],\"w\":"
                  "1,\"v\":2}",
        NULL, "{\"l\":[{\"id\":1,\"t\":\"x\"},{\"id\":4}],\"o\":{\"w\":1,\"v\":2}}");
    cr_expect_geq(desk_repairs(), 2);
    EXPECT_ANSWER("{\"l\":[],\"w\":1}", NULL, "{\"l\":[]}");
    EXPECT_ANSWER("{\"l\":{}}", NULL, "");
    cr_expect_eq(desk.projection.missing, 0);
    EXPECT_ANSWER(NULL, "{}", "");
    cr_expect_eq(desk.projection.missing, 0);
    cr_expect(shape_requires(desk.shape, 0));
}

/* ---- lists ---- */

Test(project, lists_of_all_kinds_are_bounded)
{
    desk_shape("\"l\":{\"type\":\"array\",\"x-from\":\"a.l\",\"maxItems\":3,\"items\":{\"type\":"
               "\"integer\"}},"
               "\"two\":{\"type\":\"array\",\"x-from\":\"a.l\",\"x-take\":2,\"items\":{\"type\":["
               "\"integer\",\"string\"]}},"
               "\"some\":{\"type\":\"array\",\"x-from\":\"a.l\",\"minItems\":2,\"items\":{\"type\":"
               "\"string\"}},"
               "\"n\":{\"type\":\"integer\",\"x-count\":\"a.l\"}",
        "");
    EXPECT_ANSWER("{\"l\":[1,\"x\",2,null,3,\"y\",4]}", NULL,
        "{\"l\":[1,2,3],\"two\":[1,\"x\"],\"some\":[\"x\",\"y\"],\"n\":7}");
    EXPECT_ANSWER("{\"l\":[\"x\"]}", NULL, "{\"l\":[],\"two\":[\"x\"],\"n\":1}");
    EXPECT_ANSWER("{\"l\":7}", NULL, "{}");
}

Test(project, a_list_longer_than_promised_is_a_repair_and_what_is_asked_for_is_none)
{
    desk_shape(
        "\"l\":{\"type\":\"array\",\"x-from\":\"a.l\",\"maxItems\":2,\"items\":{\"type\":"
        "\"integer\"}},"
        "\"two\":{\"type\":\"array\",\"x-from\":\"a.two\",\"x-take\":2,\"maxItems\":2,\"items\":{"
        "\"type\":\"integer\"}},"
        "\"t\":{\"type\":\"string\",\"x-from\":\"a.t\",\"x-truncate\":2},"
        "\"m\":{\"type\":\"string\",\"x-from\":\"a.m\",\"x-map\":{\"x\":\"y\"}}",
        "");
    EXPECT_ANSWER("{\"l\":[1,2],\"two\":[1,2,3],\"t\":\"abc\",\"m\":\"x\"}", NULL,
        "{\"l\":[1,2],\"two\":[1,2],\"t\":\"a\xe2\x80\xa6\",\"m\":\"y\"}");
    cr_expect_eq(desk_repairs(), 0);
    EXPECT_ANSWER("{\"l\":[1,2,3,4]}", NULL, "{\"l\":[1,2]}");
    cr_expect_eq(desk_repairs(), 1);
    cr_expect_str_eq(desk.projection.repairs[0].path, "a.l");
}

Test(project, lists_stand_in_lists)
{
    desk_shape(
        "\"l\":{\"type\":\"array\",\"x-from\":\"a.l\",\"items\":{\"type\":\"object\","
        "\"properties\":{"
        "\"m\":{\"type\":\"array\",\"x-from\":\"m\",\"items\":{\"type\":\"object\",\"properties\":{"
        "\"v\":{\"type\":\"integer\",\"x-from\":\"v\"}}}}}}}",
        "");
    EXPECT_ANSWER("{\"l\":[{\"m\":[{\"v\":1},{\"v\":2}]},{\"m\":[]},{\"m\":[{\"v\":3}]}]}", NULL,
        "{\"l\":[{\"m\":[{\"v\":1},{\"v\":2}]},{\"m\":[]},{\"m\":[{\"v\":3}]}]}");
}

/* ---- words ---- */

Test(project, the_first_source_that_fits_is_taken)
{
    desk_shape(
        "\"v\":{\"type\":\"string\",\"minLength\":1,\"x-first-of\":[\"a.x\",\"a.y\",\"b.z\"]}",
        "\"v\"");
    EXPECT_ANSWER("{\"x\":\"1\",\"y\":\"2\"}", NULL, "{\"v\":\"1\"}");
    EXPECT_ANSWER("{\"x\":\"\",\"y\":\"2\"}", NULL, "{\"v\":\"2\"}");
    EXPECT_ANSWER("{\"x\":1,\"y\":null}", "{\"z\":\"3\"}", "{\"v\":\"3\"}");
    EXPECT_ANSWER("{}", NULL, "");
    cr_expect_not(shape_requires(desk.shape, 0));
}

Test(project, elements_are_joined_by_the_text_of_their_keys)
{
    desk_shape("\"l\":{\"type\":\"array\",\"x-from\":\"a.l\",\"items\":{\"type\":\"object\","
               "\"properties\":{"
               "\"n\":{\"type\":\"integer\",\"x-lookup\":{\"in\":\"b.s\",\"where\":\"key\","
               "\"equals\":\"id\",\"take\":\"n\"}}},"
               "\"required\":[\"n\"]}}",
        "");
    EXPECT_ANSWER("{\"l\":[{\"id\":9007199254740993},{\"id\":\"\\u0061\"},{\"id\":9007199254740992}"
                  ",{\"id\":null},{}]}",
        "{\"s\":[{\"key\":\"a\",\"n\":2},{\"key\":9007199254740993,\"n\":1},{\"key\":\"a\",\"n\":9}"
        ",{\"key\":null,\"n\":4}]}",
        "{\"l\":[{\"n\":1},{\"n\":2}]}");
    EXPECT_ANSWER("{\"l\":[{\"id\":1}]}", NULL, "{\"l\":[]}");
    EXPECT_ANSWER("{\"l\":[{\"id\":1}]}", "{\"s\":[]}", "{\"l\":[]}");
}

Test(project, several_values_come_from_the_element_that_is_joined)
{
#define TAKE(name)                                                                                 \
    "\"" name "\":{\"type\":\"integer\",\"x-lookup\":{\"in\":\"b.s\",\"where\":\"key\","           \
    "\"equals\":\"id\",\"take\":\"" name "\"}}"
    desk_shape("\"l\":{\"type\":\"array\",\"x-from\":\"a.l\",\"items\":{\"type\":\"object\","
               "\"properties\":{" TAKE("n") "," TAKE("m") "}}}",
        "");
    /* In the order of the question, out of it, twice, and not at all. */
    EXPECT_ANSWER(
        "{\"l\":[{\"id\":1},{\"id\":2},{\"id\":4},{\"id\":3},{\"id\":1},{\"id\":9},{\"id\":2}]}",
        "{\"s\":[{\"key\":1,\"n\":1,\"m\":10},{\"key\":2,\"m\":20},{\"key\":3,\"n\":3},"
        "{\"key\":4,\"n\":4,\"m\":40}]}",
        "{\"l\":[{\"n\":1,\"m\":10},{\"m\":20},{\"n\":4,\"m\":40},{\"n\":3},{\"n\":1,\"m\":10},"
        "{\"m\":20}]}");
    /* Of elements with the same key the first counts, wherever they stand. */
    EXPECT_ANSWER("{\"l\":[{\"id\":1},{\"id\":2},{\"id\":1},{\"id\":2}]}",
        "{\"s\":[{\"key\":1,\"n\":1},{\"key\":2,\"n\":2},{\"key\":1,\"n\":8},{\"key\":\"2\",\"n\":"
        "9}]}",
        "{\"l\":[{\"n\":1},{\"n\":2},{\"n\":1},{\"n\":2}]}");
    /* No key is not the same as an empty one. */
    EXPECT_ANSWER("{\"l\":[{\"id\":\"\"},{\"id\":\"\"},{}]}",
        "{\"s\":[{\"n\":1},{\"key\":null,\"n\":2},{\"key\":\"\",\"n\":3},{\"n\":4}]}",
        "{\"l\":[{\"n\":3},{\"n\":3}]}");
    EXPECT_ANSWER("{\"l\":[{\"id\":\"\"}]}", "{\"s\":[{\"n\":1}]}", "{\"l\":[]}");
#undef TAKE
}

Test(project, texts_are_cut_between_characters)
{
    desk_shape(
        "\"v\":{\"type\":\"string\",\"x-from\":\"a.v\",\"x-truncate\":4,\"maxLength\":4}", "");
    EXPECT_ANSWER("{\"v\":\"abcd\"}", NULL, "{\"v\":\"abcd\"}");
    EXPECT_ANSWER("{\"v\":\"a\\u0062\\u0063d\"}", NULL, "{\"v\":\"a\\u0062\\u0063d\"}");
    EXPECT_ANSWER("{\"v\":\"abcde\"}", NULL, "{\"v\":\"abc\xe2\x80\xa6\"}");
    EXPECT_ANSWER(
        "{\"v\":\"a\\\"\\ud83d\\ude00de\"}", NULL, "{\"v\":\"a\\\"\xf0\x9f\x98\x80\xe2\x80\xa6\"}");
    EXPECT_ANSWER("{\"v\":\"\\u0000\\u0001\\u0002\\u0003\\u0004\"}", NULL,
        "{\"v\":\"\\u0000\\u0001\\u0002\xe2\x80\xa6\"}");
}

Test(project, the_nearest_variant_is_picked)
{
    desk_shape("\"v\":{\"type\":\"string\",\"x-nearest\":{\"in\":\"a.l\",\"by\":\"w\",\"to\":300,"
               "\"take\":\"u\"}}",
        "");
    EXPECT_ANSWER(
        "{\"l\":[{\"w\":100,\"u\":\"s\"},{\"w\":320,\"u\":\"m\"},{\"w\":900,\"u\":\"l\"}]}", NULL,
        "{\"v\":\"m\"}");
    EXPECT_ANSWER("{\"l\":[{\"w\":\"300\"},{\"w\":-1,\"u\":\"x\"},{\"w\":900,\"u\":\"l\"}]}", NULL,
        "{\"v\":\"l\"}");
    EXPECT_ANSWER("{\"l\":[]}", NULL, "{}");
}

Test(project, words_are_mapped_and_unknown_ones_are_missing)
{
    desk_shape("\"v\":{\"type\":\"string\",\"x-from\":\"a.v\",\"x-map\":{\"photo\":\"image\","
               "\"\xc3\xa9\":\"e\"}}",
        "");
    EXPECT_ANSWER("{\"v\":\"photo\"}", NULL, "{\"v\":\"image\"}");
    EXPECT_ANSWER("{\"v\":\"\\u00e9\"}", NULL, "{\"v\":\"e\"}");
    EXPECT_ANSWER("{\"v\":\"gif\"}", NULL, "{}");
    cr_expect_eq(desk_repairs(), 1);
}

Test(project, the_first_element_that_makes_an_object_is_taken)
{
    desk_shape(
        "\"o\":{\"type\":\"object\",\"x-first\":\"a.l\",\"required\":[\"u\"],\"properties\":{"
        "\"u\":{\"type\":\"string\",\"x-from\":\"u\"}}}",
        "");
    EXPECT_ANSWER(
        "{\"l\":[1,{\"u\":2},{\"u\":\"x\"},{\"u\":\"y\"}]}", NULL, "{\"o\":{\"u\":\"x\"}}");
    EXPECT_ANSWER("{\"l\":[]}", NULL, "{}");
}

/* ---- budgets ---- */

Test(project, trimmable_lists_shrink_until_the_answer_fits)
{
    desk_compile("{\"type\":\"object\",\"x-max-bytes\":40,\"properties\":{"
                 "\"l\":{\"type\":\"array\",\"x-from\":\"a.l\",\"x-trim\":true,\"items\":{\"type\":"
                 "\"string\"}},"
                 "\"k\":{\"type\":\"string\",\"x-from\":\"a.k\"}}}");
    cr_assert_eq(desk.faults.count, 0);
    EXPECT_ANSWER("{\"l\":[\"1234567\",\"2234567\",\"3234567\",\"4234567\"],\"k\":\"x\"}", NULL,
        "{\"l\":[\"1234567\",\"2234567\"],\"k\":\"x\"}");
    EXPECT_ANSWER("{\"l\":[\"1234567\"],\"k\":\"x\"}", NULL, "{\"l\":[\"1234567\"],\"k\":\"x\"}");
    EXPECT_ANSWER("{\"l\":[\"1\"],\"k\":\"1234567890123456789012345678901234567890\"}", NULL,
        "{\"l\":[],\"k\":\"1234567890123456789012345678901234567890\"}");
}

Test(project, a_list_in_each_element_shrinks_wherever_it_is_longest)
{
    desk_compile("{\"type\":\"object\",\"x-max-bytes\":60,\"properties\":{"
                 "\"l\":{\"type\":\"array\",\"x-from\":\"a.l\",\"items\":{\"type\":\"object\","
                 "\"properties\":{\"m\":{\"type\":\"array\",\"x-from\":\"m\",\"x-trim\":true,"
                 "\"items\":{\"type\":\"string\"}}}}}}}");
    cr_assert_eq(desk.faults.count, 0, "%s", desk.faults.list[0].text);
    /* The last of them, and none at all, say nothing of how long the others are. */
    static const char *const lasts[] = { "{\"m\":[\"a\"]}", "{\"m\":[]}", "{}", "7" };
    for (size_t i = 0; i < countof(lasts); i++) {
        desk_project(arena_printf(&desk.arena,
                         "{\"l\":[{\"m\":[\"1234567\",\"2234567\",\"3234567\",\"4234567\","
                         "\"5234567\"]},%s]}",
                         lasts[i]),
            NULL);
        cr_expect_leq(desk.out.len, 60, "%s", desk.out.data);
        cr_expect_geq(desk.out.len, 45, "%s: too much is gone", desk.out.data);
        cr_expect(desk.projection.is_trimmed && !desk.projection.is_oversize);
    }
    /* In the second round fewer of them are there than in the first. */
    desk_compile("{\"type\":\"object\",\"x-max-bytes\":20,\"properties\":{"
                 "\"l\":{\"type\":\"array\",\"x-from\":\"a.l\",\"x-trim\":true,\"items\":{\"type\":"
                 "\"array\",\"x-trim\":true,\"items\":{\"type\":\"integer\"}}}}}");
    cr_assert_eq(desk.faults.count, 0, "%s", desk.faults.list[0].text);
    EXPECT_ANSWER("{\"l\":[[1],[1],[1,2,3,4,5,6,7,8,9],[1]]}", NULL, "{\"l\":[[1],[1]]}");
}

Test(project, a_list_loses_no_more_than_it_must)
{
    enum { TEXTS = 60, MAX_BYTES = 500 };
    desk_compile("{\"type\":\"object\",\"x-max-bytes\":500,\"properties\":{"
                 "\"l\":{\"type\":\"array\",\"x-from\":\"a.l\",\"x-trim\":true,\"items\":{\"type\":"
                 "\"string\"}}}}");
    cr_assert_eq(desk.faults.count, 0);
    for (unsigned shrinks = 0; shrinks < 2; shrinks++) {
        struct buf text;
        buf_init(&text, 64 * 1024);
        for (unsigned i = 0; i < TEXTS; i++) {
            unsigned len = shrinks ? TEXTS - i : i;
            buf_printf(&text, "%s\"%0*d\"", i ? "," : "{\"l\":[", (int)len + 1, 0);
        }
        buf_append_str(&text, STR("]}"));
        struct str answer = str_of(desk_project(text.data, NULL));
        size_t next = answer.len - 2, end = next + 1; /* of the element behind the last */
        while (text.data[end] != ',') {
            end++;
        }
        cr_expect_leq(answer.len, MAX_BYTES);
        cr_expect_gt(answer.len + (end - next), MAX_BYTES, "%s", answer.at);
        cr_expect(memcmp(answer.at, text.data, next) == 0, "%s", answer.at);
        buf_release(&text);
    }
}

Test(project, joins_of_many_are_not_the_square_of_it)
{
    enum { MANY = 20000 };
    struct buf a, b;
    desk_shape(
        "\"l\":{\"type\":\"array\",\"x-from\":\"a.l\",\"items\":{\"type\":\"integer\",\"x-lookup\":"
        "{\"in\":\"b.s\",\"where\":\"k\",\"equals\":\"id\",\"take\":\"n\"}}}",
        "");
    buf_init(&a, 4 * 1024 * 1024);
    buf_init(&b, 4 * 1024 * 1024);
    for (unsigned i = 0; i < MANY; i++) {
        buf_printf(&a, "%s{\"id\":%u}", i ? "," : "{\"l\":[", i);
        buf_printf(&b, "%s{\"k\":%u,\"n\":%u}", i ? "," : "{\"s\":[", MANY - 1 - i, i);
    }
    buf_append_str(&a, STR("]}"));
    buf_append_str(&b, STR("]}"));
    desk.bodies[0].cap = desk.bodies[1].cap = 4 * 1024 * 1024;
    const char *answer = desk_project(a.data, b.data);
    cr_expect(strncmp(answer, "{\"l\":[19999,19998,", 18) == 0);
    cr_expect_not_null(strstr(answer, ",2,1,0]}"));
    buf_release(&a);
    buf_release(&b);
}
