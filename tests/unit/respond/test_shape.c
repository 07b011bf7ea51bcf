/* Compiling shapes: every mistake is found, with its line, and nothing that is not enforced passes.
 */
#include "shape_desk.h"

TestSuite(shape, .init = desk_open, .fini = desk_close, .timeout = 20);

static const char service[] =
    "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"age\":{\"type\":["
    "\"integer\",\"null\"]},"
    "\"list\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
    "\"id\":{\"type\":\"integer\"},\"label\":{\"type\":\"string\"}}}}}}";

/* Compiles a root with one property "v". */
static void compile_property(const char *schema)
{
    desk_write("service", service);
    desk_compile(arena_printf(&desk.arena,
        "{\"type\":\"object\",\"x-calls\":{\"a\":\"service.json\",\"b\":\"service.json\"},"
        "\n\"properties\":{\n\"v\":%s}}",
        schema));
}

static void expect_fault(const char *schema, const char *words)
{
    size_t before = desk.faults.count;
    compile_property(schema);
    cr_expect_gt(desk.faults.count, before, "%s has no fault", schema);
    bool is_said = false;
    for (size_t i = before; i < desk.faults.count; i++) {
        is_said |= strstr(desk.faults.list[i].text, words) != NULL;
        cr_expect_geq(desk.faults.list[i].line, 1, "%s", desk.faults.list[i].text);
    }
    cr_expect(
        is_said, "%s: %s", schema, desk.faults.count > before ? desk.faults.list[before].text : "");
}

Test(shape, a_shape_without_mistakes_has_no_faults)
{
    compile_property("{\"type\":\"string\",\"x-from\":\"a.name\",\"title\":\"t\",\"description\":"
                     "\"d\",\"examples\":[1]}");
    cr_expect_eq(desk.faults.count, 0, "%s", desk.faults.count ? desk.faults.list[0].text : "");
    cr_expect(shape_uses(desk.shape, 0));
    cr_expect_not(shape_uses(desk.shape, 1));
    cr_expect_not(shape_requires(desk.shape, 0));
}

Test(shape, words_that_nobody_keeps_are_refused)
{
    expect_fault("{\"type\":\"string\",\"x-from\":\"a.name\",\"pattern\":\"a\"}", "pattern");
    expect_fault("{\"type\":\"string\",\"x-from\":\"a.name\",\"format\":\"uri\"}", "format");
    expect_fault("{\"type\":\"string\",\"x-form\":\"a.name\"}", "did you mean \"x-from\"");
    expect_fault("{\"type\":\"integer\",\"x-from\":\"a.age\",\"multipleOf\":2}", "multipleOf");
    expect_fault("{\"type\":\"array\",\"x-from\":\"a.list\",\"uniqueItems\":true,\"items\":{"
                 "\"type\":\"object\","
                 "\"properties\":{\"id\":{\"type\":\"integer\",\"x-from\":\"id\"}}}}",
        "uniqueItems");
    expect_fault("{\"anyOf\":[{\"type\":\"string\"}]}", "type");
}

Test(shape, words_where_they_mean_nothing_are_refused)
{
    expect_fault("{\"type\":\"string\",\"x-from\":\"a.name\",\"maxItems\":2}", "maxItems");
    expect_fault("{\"type\":\"string\",\"x-from\":\"a.name\",\"x-calls\":{}}", "x-calls");
    expect_fault("{\"type\":\"object\",\"maxLength\":2,\"properties\":{\"n\":{\"type\":\"string\","
                 "\"x-from\":\"a.name\"}}}",
        "maxLength");
}

#define V      "#/properties/v"
#define TEXT   "{\"type\":\"string\",\"x-from\":\"a.name\""
#define NUMBER "{\"type\":[\"integer\",\"null\"],\"x-from\":\"a.age\""
#define LIST                                                                                       \
    "{\"type\":\"array\",\"x-from\":\"a.list\",\"items\":{\"type\":\"object\",\"properties\":{"    \
    "\"id\":{\"type\":\"integer\",\"x-from\":\"id\"}}}"

Test(shape, words_for_another_type_are_refused_where_they_stand)
{
    static const struct {
        const char *schema, *words;
    } rows[] = {
        { NUMBER ",\"maxLength\":3}", V "/maxLength: The word \"maxLength\" means nothing where "
                                        "\"type\" is [\"integer\",\"null\"]; did you mean "
                                        "\"maximum\"?" },
        { NUMBER ",\"minLength\":3}", V "/minLength: " },
        { NUMBER ",\"x-truncate\":3}", V "/x-truncate: " },
        { TEXT ",\"minimum\":3}", "did you mean \"minLength\"?" },
        { TEXT ",\"maximum\":3}", V "/maximum: " },
        { TEXT ",\"items\":{}}", V "/items: " },
        { TEXT ",\"properties\":{}}", V "/properties: " },
        { TEXT ",\"required\":[]}", V "/required: " },
        { TEXT ",\"x-trim\":true}", V "/x-trim: " },
        { LIST ",\"maxLength\":3}", "did you mean \"maxItems\"?" },
        { LIST ",\"minimum\":3}", V "/minimum: " },
        { LIST ",\"enum\":[1]}", V "/enum: " },
        { "{\"type\":\"boolean\",\"const\":true,\"maximum\":1}", V "/maximum: " },
        { "{\"type\":\"string\",\"x-count\":\"a.list\"}", V "/x-count: " },
        { TEXT ",\"exclusiveMinimum\":3}", V "/exclusiveMinimum: " },
        { NUMBER ",\"exclusiveMinimum\":3}", "did you mean \"minimum\"?" },
        { TEXT ",\"$defs\":{}}", V "/$defs: " },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        expect_fault(rows[i].schema, rows[i].words);
    }
    /* Where one of several types has a use for it, it stays. */
    size_t before = desk.faults.count;
    compile_property("{\"type\":[\"string\",\"integer\"],\"x-first-of\":[\"a.name\",\"a.age\"],"
                     "\"maxLength\":3,\"minimum\":2}");
    cr_expect_eq(desk.faults.count, before);
}

Test(shape, words_that_would_do_nothing_are_refused)
{
    expect_fault("{\"type\":\"string\",\"const\":\"b\",\"x-map\":{\"a\":\"b\"}}", V "/x-map: ");
    expect_fault("{\"type\":\"string\",\"const\":\"b\",\"x-truncate\":4}", V "/x-truncate: ");
    expect_fault("{\"type\":\"string\",\"const\":\"b\",\"default\":\"c\"}", V "/default: ");
    expect_fault(TEXT ",\"x-map\":{\"a\":\"b\"},\"x-truncate\":4}", V "/x-truncate: ");
    expect_fault("{\"type\":\"integer\",\"x-count\":\"a.list\",\"x-map\":{\"1\":2}}", V "/x-map: ");
    expect_fault(TEXT ",\"x-truncate\":0}", V "/x-truncate: ");
    expect_fault(LIST ",\"x-take\":0}", V "/x-take: ");
    expect_fault(LIST ",\"x-trim\":true}", V "/x-trim: ");
    expect_fault(
        "{\"type\":\"object\",\"x-from\":\"a\",\"x-first\":\"a.list\",\"properties\":{\"i\":{"
        "\"type\":\"integer\",\"x-from\":\"id\"}}}",
        V "/x-from: ");
    expect_fault(
        "{\"type\":\"integer\",\"x-lookup\":{\"in\":\"a.list\",\"where\":\"id\",\"equals\":"
        "\"b.age\",\"take\":\"id\",\"tke\":1}}",
        V "/x-lookup/tke: \"x-lookup\" has no \"tke\"; did you mean \"take\"?");
    expect_fault("{\"type\":\"integer\",\"x-nearest\":\"a.list\"}", V "/x-nearest: ");
}

Test(shape, bounds_that_nothing_keeps_are_refused)
{
    expect_fault(NUMBER ",\"minimum\":2e1,\"maximum\":19.9}", V "/maximum: ");
    expect_fault(NUMBER ",\"maximum\":9007199254740993.0}", V "/maximum: Readers may round");
    expect_fault(TEXT ",\"minLength\":3,\"maxLength\":2}", V "/maxLength: ");
    expect_fault(LIST ",\"minItems\":3,\"maxItems\":2}", V "/maxItems: ");
    expect_fault(LIST ",\"minItems\":3,\"x-take\":2}", V "/x-take: ");
    expect_fault(TEXT ",\"enum\":[\"a\",null]}", V "/enum/1: \"enum\" has null");
    expect_fault(TEXT ",\"enum\":[\"a\",\"abc\"],\"maxLength\":2}", V "/enum/1: ");
}

Test(shape, what_a_validator_would_not_take_is_refused)
{
    expect_fault(TEXT ",\"title\":3}", V "/title: ");
    expect_fault(TEXT ",\"examples\":\"x\"}", V "/examples: ");
    expect_fault(TEXT ",\"deprecated\":\"x\"}", V "/deprecated: ");
    expect_fault("{\"type\":[\"string\",\"string\"],\"x-from\":\"a.name\"}", V "/type/1: ");
    expect_fault("{\"type\":\"object\",\"required\":[\"n\",\"n\"],\"properties\":{\"n\":" TEXT
                 "}}}",
        V "/required/1: ");
    desk_compile("{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\","
                 "\"properties\":{\"c\":{\"type\":\"string\",\"const\":\"\"}}}");
    cr_expect(strstr(desk.faults.list[desk.faults.count - 1].text, "#/$schema: "));
}

/* "v" leads to #/$defs/d. */
static void expect_reference_fault(const char *own, const char *definitions, const char *words)
{
    size_t before = desk.faults.count;
    desk_compile(arena_printf(&desk.arena,
        "{\"type\":\"object\",\"$defs\":{%s},\"properties\":{\"v\":{\"$ref\":\"#/$defs/d\"%s}}}",
        definitions, own));
    bool is_said = false;
    for (size_t i = before; i < desk.faults.count; i++) {
        is_said |= strstr(desk.faults.list[i].text, words) != NULL;
    }
    cr_expect(is_said, "%s: %s", definitions,
        desk.faults.count > before ? desk.faults.list[before].text : "no fault");
}

#define OBJECT "{\"type\":\"object\",\"properties\":{"

Test(shape, references_say_what_validators_understand_and_come_to_an_end)
{
    expect_reference_fault("", "\"dd\":{}", V "/$ref: \"$ref\" leads nowhere");
    expect_reference_fault("", "\"d\":" OBJECT "\"n\":" TEXT "}}},\"e\":" TEXT "}",
        "#/$defs/e: No \"$ref\" leads here");
    expect_reference_fault(",\"additionalProperties\":false", "\"d\":" OBJECT "\"n\":" TEXT "}}}",
        V "/additionalProperties: ");
    /* Twice in itself at each level: without an end it would be 2^32 schemas. */
    expect_reference_fault("",
        "\"d\":" OBJECT "\"a\":{\"$ref\":\"#/$defs/d\"},\"b\":{\"$ref\":\"#/$defs/d\"}}}",
        "#/$defs/d/properties/b/$ref: \"$ref\" leads into itself");
}

Test(shape, definitions_that_double_are_not_followed_for_ever)
{
    enum { LEVELS = 30 };
    struct buf text;
    buf_init(&text, 64 * 1024);
    for (unsigned i = 0; i < LEVELS; i++) {
        buf_printf(&text,
            "\"d%u\":{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/$defs/d%u\"},\"b\":{"
            "\"$ref\":\"#/$defs/d%u\"}}},",
            i, i + 1, i + 1);
    }
    buf_printf(&text, "\"d%u\":{\"type\":\"string\",\"const\":\"\"}", LEVELS);
    expect_reference_fault("", text.data, "leads nowhere");
    desk_compile(arena_printf(&desk.arena,
        "{\"type\":\"object\",\"$defs\":{%s},\"properties\":{\"v\":{\"$ref\":\"#/$defs/d0\"}}}",
        text.data));
    bool is_said = false;
    for (size_t i = 0; i < desk.faults.count; i++) {
        is_said |= strstr(desk.faults.list[i].text, "has more than 2048 values") != NULL;
    }
    cr_expect(is_said);
    buf_release(&text);
}

Test(shape, what_stands_behind_a_reference_is_held_to_the_same)
{
    static const char form[] = "{\"type\":\"object\",\"$defs\":{\"d\":{%s}},\"properties\":{\"v\":{"
                               "\"$ref\":\"#/$defs/%s\","
                               "\"x-from\":\"a.name\",\"maxLength\":5}}}";
    static const struct {
        const char *definition, *name;
        size_t faults;
    } rows[] = {
        { "\"type\":\"string\"", "d", 0 },
        { "\"type\":\"string\",\"pattern\":\"x\"", "d", 1 },
        { "\"type\":\"string\",\"maxLength\":2", "d", 1 },
        { "\"type\":\"string\"", "none", 2 },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        size_t before = desk.faults.count;
        desk_compile(arena_printf(&desk.arena, form, rows[i].definition, rows[i].name));
        bool is_as_expected =
            rows[i].faults ? desk.faults.count > before : desk.faults.count == before;
        cr_expect(is_as_expected, "%s", rows[i].definition);
    }
}

Test(shape, paths_are_held_against_what_the_service_promises)
{
    expect_fault("{\"type\":\"string\",\"x-from\":\"aa.name\"}", "no call");
    expect_fault("{\"type\":\"string\",\"x-from\":\"a.nam\"}", "did you mean \"name\"");
    expect_fault("{\"type\":\"integer\",\"x-from\":\"a.name\"}", "another type");
    expect_fault("{\"type\":[\"string\",\"null\"],\"x-from\":\"a.age\"}", "another type");
    expect_fault(
        "{\"type\":\"array\",\"x-from\":\"a.list\",\"items\":{\"type\":\"object\",\"properties\":{"
        "\"l\":{\"type\":\"string\",\"x-from\":\"lable\"}}}}",
        "did you mean \"label\"");
    expect_fault("{\"type\":\"string\",\"x-from\":\"a..name\"}", "path");
    expect_fault("{\"type\":\"string\",\"x-from\":\"a.name.first\"}", "knows no \"first\"");
    expect_fault("{\"type\":\"string\",\"x-from\":\"a.list[*].label\"}", "names elements");
    expect_fault("{\"type\":\"string\",\"x-from\":\"a.list[0]\"}", "names elements");
    expect_fault("{\"type\":\"integer\",\"x-lookup\":{\"in\":\"a.list\",\"where\":\"id\","
                 "\"equals\":\"b.list\",\"take\":\"id\"}}",
        V "/x-lookup/equals: The service of call \"b\" promises another type");
    expect_fault("{\"type\":\"integer\",\"x-lookup\":{\"in\":\"a.list\",\"where\":\"idd\","
                 "\"equals\":\"b.age\",\"take\":\"id\"}}",
        "did you mean \"id\"");
}

Test(shape, values_that_do_not_fit_their_own_schema_are_refused)
{
    expect_fault("{\"type\":\"string\",\"x-from\":\"a.name\",\"default\":1}", "default");
    expect_fault("{\"type\":\"string\",\"x-from\":\"a.name\",\"maxLength\":2,\"default\":\"abc\"}",
        "default");
    expect_fault("{\"type\":\"integer\",\"const\":\"x\"}", "const");
    expect_fault(
        "{\"type\":\"string\",\"enum\":[\"a\"],\"x-from\":\"a.name\",\"x-map\":{\"x\":\"b\"}}",
        "x-map");
    expect_fault("{\"type\":\"string\",\"x-from\":\"a.name\",\"x-truncate\":9,\"maxLength\":5}",
        "x-truncate");
    expect_fault("{\"type\":\"integer\",\"x-from\":\"a.age\",\"x-truncate\":3}", "x-truncate");
    expect_fault("{\"type\":\"string\",\"x-first-of\":\"a.name\"}", "x-first-of");
    expect_fault("{\"type\":\"string\",\"x-first-of\":[]}", "x-first-of");
    expect_fault("{\"type\":\"string\",\"x-from\":[\"a.name\"]}", "path");
    expect_fault("{\"type\":\"string\"}", "nowhere");
    expect_fault(
        "{\"type\":\"string\",\"x-from\":\"a.name\",\"x-first-of\":[\"a.name\"]}", "one place");
    expect_fault("{\"type\":\"array\",\"x-from\":\"a.list\",\"minItems\":1,\"x-trim\":true,"
                 "\"items\":{\"type\":\"object\","
                 "\"properties\":{\"id\":{\"type\":\"integer\",\"x-from\":\"id\"}}}}",
        "x-trim");
}

Test(shape, objects_and_lists_say_what_is_in_them)
{
    expect_fault("{\"type\":\"object\"}", "properties");
    expect_fault("{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"string\",\"x-from\":\"a."
                 "name\"}},\"required\":[\"m\"]}",
        "required");
    expect_fault("{\"type\":\"object\",\"additionalProperties\":true,\"properties\":{\"n\":{"
                 "\"type\":\"string\",\"x-from\":\"a.name\"}}}",
        "additionalProperties");
    expect_fault("{\"type\":\"array\",\"x-from\":\"a.list\"}", "items");
    expect_fault("{\"type\":\"strin\",\"x-from\":\"a.name\"}", "type");
    expect_fault("7", "schema");
}

Test(shape, all_mistakes_are_told_at_once_with_their_lines)
{
    desk_compile("{\"type\":\"object\",\n\"properties\":{\n\"a\":{\"type\":\"string\","
                 "\n\"pattern\":\"x\",\"x-from\":\"a.x\"},\n"
                 "\"b\":{\"type\":\"string\",\n\"x-from\":\"c.x\"}}}");
    cr_assert_eq(desk.faults.count, 2);
    cr_expect_eq(desk.faults.list[0].line, 4);
    cr_expect_eq(desk.faults.list[1].line, 6);
}

Test(shape, a_file_that_is_no_json_is_a_fault)
{
    desk_compile("{\"type\":");
    cr_expect_eq(desk.faults.count, 1);
    cr_expect_null(desk.shape);
    desk_compile("[]");
    cr_expect_gt(desk.faults.count, 1);
}

Test(shape, a_call_is_required_when_the_root_cannot_do_without_it)
{
    desk_shape(
        "\"x\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"string\",\"x-from\":\"a.n\"},"
        "\"m\":{\"type\":\"string\",\"x-from\":\"b.m\"}},\"required\":[\"n\"]}",
        "\"x\"");
    cr_expect(shape_requires(desk.shape, 0));
    cr_expect_not(shape_requires(desk.shape, 1));
}

Test(shape, a_call_whose_answer_has_no_schema_is_a_fault)
{
    static const char form[] =
        "{\"type\":\"object\",\n%s\"properties\":{\"v\":{\"type\":\"string\",\"x-from\":\"a.n\"}}}";
    static const struct {
        const char *calls;
        size_t faults;
        int line;
    } rows[] = {
        { "\"x-calls\":{\"a\":\"service.json\"},", 0, 0 },
        { "\"x-calls\":{\"b\":\"service.json\"},", 1, 2 },
        { "\"title\":\"without x-calls\",", 1, 1 },
    };
    desk_write("service", "{}");
    for (size_t i = 0; i < countof(rows); i++) {
        size_t before = desk.faults.count;
        desk_compile(arena_printf(&desk.arena, form, rows[i].calls));
        cr_assert_eq(desk.faults.count, before + rows[i].faults, "%s", rows[i].calls);
        if (rows[i].faults) {
            const struct fault *fault = &desk.faults.list[before];
            cr_expect_eq(fault->line, rows[i].line, "%s", rows[i].calls);
            cr_expect(strstr(fault->text, "answer of call \"a\""), "%s", fault->text);
        }
    }
}

Test(shape, only_the_items_themselves_stand_for_the_element)
{
    compile_property("{\"type\":\"array\",\"x-from\":\"a.list\",\"items\":{\"type\":\"object\","
                     "\"properties\":{\"id\":{\"type\":\"integer\",\"x-from\":\"id\"}}}}");
    cr_assert_eq(desk.faults.count, 0);
    expect_fault("{\"type\":\"array\",\"x-from\":\"a.list\",\"items\":{\"type\":\"object\","
                 "\"properties\":{\"id\":{\"type\":\"integer\"}}}}",
        "\"id\" comes from nowhere");
}

Test(shape, one_wrong_path_is_one_fault_whatever_is_below_it)
{
    compile_property(
        "{\"type\":\"array\",\"x-from\":\"friends.list\",\"items\":{\"type\":\"object\","
        "\"properties\":{\"id\":{\"type\":\"integer\",\"x-from\":\"id\"},"
        "\"o\":{\"type\":\"object\",\"x-first\":\"l\",\"properties\":{\"t\":{\"type\":"
        "\"string\",\"x-from\":\"t\"}}}}}}");
    cr_assert_eq(desk.faults.count, 1);
    cr_expect(
        strstr(desk.faults.list[0].text, "(its calls are a, b)"), "%s", desk.faults.list[0].text);
}

/* One property, which is required, needs these calls: "a", "b", "ab" or "". */
static void expect_needs(const char *schema, const char *calls)
{
    desk_shape(arena_printf(&desk.arena, "\"x\":{%s}", schema), "\"x\"");
    cr_expect_eq(shape_requires(desk.shape, 0), strchr(calls, 'a') != NULL, "%s", schema);
    cr_expect_eq(shape_requires(desk.shape, 1), strchr(calls, 'b') != NULL, "%s", schema);
}

#define LOOKUP                                                                                     \
    "{\"type\":\"integer\",\"x-lookup\":{\"in\":\"b.s\",\"where\":\"k\",\"equals\":\"id\","        \
    "\"take\":\"n\"}}"

Test(shape, what_is_required_inside_of_what_is_required_counts)
{
    expect_needs("\"type\":\"string\",\"x-first-of\":[\"a.n\",\"b.n\"]", "");
    expect_needs("\"type\":\"string\",\"x-first-of\":[\"a.n\",\"a.m\"]", "a");
    expect_needs("\"type\":\"string\",\"x-from\":\"a.n\",\"default\":\"\"", "");
    expect_needs("\"type\":\"string\",\"const\":\"x\"", "");
    expect_needs("\"type\":\"integer\",\"x-count\":\"b.l\"", "b");
    /* A list may be empty, unless it must not. */
    const char *list = "\"type\":\"array\",\"x-from\":\"a.l\",\"minItems\":%d,\"items\":{\"type\":"
                       "\"object\",\"required\":[\"n\"],\"properties\":{\"n\":" LOOKUP "}}";
    expect_needs(arena_printf(&desk.arena, list, 0), "a");
    expect_needs(arena_printf(&desk.arena, list, 1), "ab");
    const char *first = "\"type\":\"object\",\"x-first\":\"a.l\",\"properties\":{\"n\":" LOOKUP
                        "},\"required\":[%s]";
    expect_needs(arena_printf(&desk.arena, first, ""), "a");
    expect_needs(arena_printf(&desk.arena, first, "\"n\""), "ab");
    /* And so it is: without the call there is no answer. */
    cr_expect_str_eq(desk_project("{\"l\":[{\"id\":1}]}", NULL), "");
    cr_expect_str_eq(
        desk_project("{\"l\":[{\"id\":1}]}", "{\"s\":[{\"k\":1,\"n\":2}]}"), "{\"x\":{\"n\":2}}");
}
