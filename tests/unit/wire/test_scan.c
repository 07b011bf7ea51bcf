/* The scanner: what is JSON, what is not, and where the wanted values stand. */
#include "wire/scan.h"
#include "base/buf.h"
#include "base/must.h"
#include "json_corpus.h"
#include "../../oracle/grammar.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* test_scan_portable.c includes this file to run all of it over the loops without SSE2. */
#ifndef SUITE
#define SUITE scan
#endif

static struct arena arena;
static struct buf body; /* for the zero bytes behind it */
static struct want *want;
static struct scanned scanned;

static void open_page(void)
{
    arena_init(&arena, NULL);
    buf_init(&body, 16 * 1024 * 1024);
    want = want_new(&arena);
}

static void close_page(void)
{
    buf_release(&body);
    arena_release(&arena);
}

TestSuite(SUITE, .init = open_page, .fini = close_page, .timeout = 60);

/* What comes back was found by a scan that knows the body already; and as one that does not. */
static const char *scan_bytes(const void *bytes, size_t len)
{
    buf_clear(&body);
    cr_assert(buf_append(&body, "", 0) && buf_reserve(&body, len + 1));
    memcpy(body.data, bytes, len);
    buf_grew(&body, len);
    struct scan_memory *memory = scan_memory_new(want);
    const char *first = scan_again(memory, buf_str(&body), &arena, &scanned);
    const char *again = scan_again(memory, buf_str(&body), &arena, &scanned);
    scan_memory_free(memory);
    cr_assert_eq(first, again);
    return again;
}

static const char *scan_text(const char *text)
{
    return scan_bytes(text, strlen(text));
}

static size_t wants(const char *path)
{
    size_t number = want_path(want, str_of(path));
    cr_assert_neq(number, SIZE_MAX, "%s", path);
    return number;
}

#define EXPECT_TEXT(value, expected)                                                               \
    do {                                                                                           \
        struct scan_value got_ = (value);                                                          \
        cr_expect(str_eq(got_.text, str_of(expected)), "\"%.*s\" is not %s", STR_FMT(got_.text),   \
            expected);                                                                             \
    } while (0)

/* ---- what is JSON ---- */

Test(SUITE, all_that_is_json_is_accepted)
{
    for (size_t i = 0; i < countof(json_good); i++) {
        const char *why = scan_bytes(json_good[i].text, json_good[i].len);
        cr_expect_null(why, "%s: %s", json_good[i].text, why);
    }
}

Test(SUITE, all_that_is_not_json_is_refused_and_said)
{
    for (size_t i = 0; i < countof(json_bad); i++) {
        const char *why = scan_bytes(json_bad[i].text, json_bad[i].len);
        cr_expect_not_null(why, "%s", json_bad[i].text);
        cr_expect_null(scanned.notes, "%s", json_bad[i].text);
        cr_expect_null(scanned.want, "%s", json_bad[i].text);
    }
}

/* A document as the value of a member, with something behind it. */
static const char *scan_inside(const struct json_case *document)
{
    char text[600];
    size_t len = (size_t)snprintf(text, sizeof(text), "{\"w\":");
    memcpy(text + len, document->text, document->len);
    len += document->len;
    len += (size_t)snprintf(text + len, sizeof(text) - len, ",\"x\":1}");
    return scan_bytes(text, len);
}

/* A wanted path must not change what is JSON: each document again, where it is wanted in depth. */
Test(SUITE, what_is_wanted_does_not_change_what_is_json)
{
    wants("w.a.b");
    wants("w[*].a");
    wants("w[*][*].x");
    wants("w.x[*].id");
    for (size_t i = 0; i < countof(json_good); i++) {
        bool is_twice = strncmp(json_good[i].text, "{\"a\":\"b\",\"a\"", 12) == 0;
        cr_expect_eq(scan_inside(&json_good[i]) != NULL, is_twice, "%s", json_good[i].text);
    }
    for (size_t i = 0; i < countof(json_bad); i++) {
        cr_expect_not_null(scan_inside(&json_bad[i]), "%s", json_bad[i].text);
    }
}

/* The block loops read 16 or 8 bytes at once: each position of a special byte within a block is
 * tried. */
Test(SUITE, special_bytes_are_seen_at_each_place_of_a_block)
{
    char text[64];
    for (size_t before = 0; before < 40; before++) {
        for (int c = 1; c < 256; c++) {
            memset(text, 'x', sizeof(text));
            text[0] = '"';
            text[1 + before] = (char)c;
            text[50] = '"';
            bool is_plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
            cr_assert_eq(scan_bytes(text, 51) == NULL, is_plain, "%d behind %zu", c, before);
        }
        text[1 + before] = '\0';
        cr_assert_not_null(scan_bytes(text, 51), "NUL behind %zu", before);
    }
}

Test(SUITE, every_prefix_of_a_document_is_refused)
{
    static const char text[] =
        "{\"a\":[1.5e+3,{\"b\\n\\ud83d\\ude00\":\"x\xc3\xa9\xf0\x9f\x98\x80\"},true,null,\"\"],"
        "\"a_rather_long_name_that_nobody_wants\":\"a text of more than sixteen bytes\","
        "\"c\":{},\"d\":[{\"id\":1,\"t\":\"x\"},{\"id\":1234567890123456789,\"t\":\"y\"}]}";
    size_t len = sizeof(text) - 1;
    for (int is_wanted = 0; is_wanted < 2; is_wanted++) {
        for (size_t i = 0; i < len; i++) {
            cr_expect_not_null(scan_bytes(text, i), "%zu bytes", i);
        }
        cr_expect_null(scan_bytes(text, len));
        wants("a[*].b");
        wants("d[*].id");
        wants("d[*].t");
    }
}

Test(SUITE, a_body_that_ends_early_is_called_so)
{
    cr_expect_str_eq(scan_text("{\"a\":[1"), "the body ends too early");
    cr_expect_str_eq(scan_text("[\"a"), "the body ends too early");
    cr_expect_str_eq(scan_text("[1,2"), "the body ends too early");
    cr_expect_str_eq(scan_text("\xef\xbb\xbf{}"), "the body begins with a byte order mark");
    cr_expect_str_eq(scan_text("{} x"), "something stands behind the value");
    cr_expect_not_null(scan_bytes("[1]\0", 4));
    cr_expect_not_null(scan_bytes("[1,\0 2]", 7));
    cr_expect_not_null(scan_bytes("\"a\0b\"", 5));
    cr_expect_not_null(scan_bytes("\0", 1));
}

/* `depth` times `open`, then 1, then as often `close`. */
static const char *scan_nested(size_t depth, const char *open, const char *close)
{
    struct buf text;
    buf_init(&text, 8 * 1024 * 1024);
    for (size_t i = 0; i < depth; i++) {
        buf_append_str(&text, str_of(open));
    }
    buf_append_char(&text, '1');
    for (size_t i = 0; i < depth; i++) {
        buf_append_str(&text, str_of(close));
    }
    const char *why = scan_bytes(text.data, text.len);
    buf_release(&text);
    return why;
}

Test(SUITE, depth_is_bounded)
{
    cr_expect_null(scan_nested(SCAN_DEPTH_MAX, "[", "]"));
    cr_expect_null(scan_nested(SCAN_DEPTH_MAX, "{\"a\":", "}"));
    cr_expect_str_eq(
        scan_nested(SCAN_DEPTH_MAX + 1, "[", "]"), "lists and objects are nested too deep");
    cr_expect_not_null(scan_nested(100000, "[", "]"));
    cr_expect_not_null(scan_nested(100000, "{\"a\":", "}"));
    cr_expect_not_null(scan_nested(100000, "[{\"\":", "}]"));
    cr_expect_not_null(scan_nested(100000, "[", ""));
}

Test(SUITE, depth_counts_what_is_wanted_too)
{
    wants("a.a.a[*][*].a");
    cr_expect_null(scan_nested(SCAN_DEPTH_MAX, "{\"a\":", "}"));
    cr_expect_not_null(scan_nested(SCAN_DEPTH_MAX + 1, "{\"a\":", "}"));
    cr_expect_null(scan_text("{\"a\":{\"a\":{\"a\":[[{\"a\":[{}]}]]}}}"));
}

Test(SUITE, long_numbers_and_names_are_walked_over)
{
    enum { LONG = 100000 };
    static char text[LONG + 4];
    memset(text, '7', LONG);
    cr_expect_null(scan_bytes(text, LONG));
    text[1000] = '.';
    cr_expect_null(scan_bytes(text, LONG));
    text[2000] = 'e';
    cr_expect_null(scan_bytes(text, LONG));
    text[3000] = '.';
    cr_expect_not_null(scan_bytes(text, LONG));
    memset(text, 'k', sizeof(text));
    text[0] = '{';
    text[1] = '"';
    memcpy(text + LONG, "\":1}", 4);
    wants("kkkkkkkkkkkk");
    cr_expect_null(scan_bytes(text, LONG + 4));
    text[LONG / 2] = '\\';
    text[LONG / 2 + 1] = 'n';
    cr_expect_null(scan_bytes(text, LONG + 4));
    text[LONG / 2 + 1] = 'k';
    cr_expect_not_null(scan_bytes(text, LONG + 4));
}

/* ---- where things stand ---- */

Test(SUITE, values_are_noted_as_they_stand)
{
    size_t whole = wants(""), segment = wants("segment"), small = wants("avatar.small"),
           avatar = wants("avatar"), none = wants("avatar.huge"), flag = wants("flag");
    const char *text =
        " { \"id\":7, \"avatar\" : {\"small\":\"\\u00e9\" , \"x\":[1]} ,\"segment\":-1.50e+3,"
        "\"flag\":false}\n";
    cr_assert_null(scan_text(text));
    cr_expect_eq(scanned_value(&scanned, whole).kind, SCAN_OBJECT);
    cr_expect_eq(scanned_value(&scanned, whole).text.len, strlen(text) - 2);
    EXPECT_TEXT(scanned_value(&scanned, segment), "-1.50e+3");
    EXPECT_TEXT(scanned_value(&scanned, small), "\"\\u00e9\"");
    EXPECT_TEXT(scanned_value(&scanned, avatar), "{\"small\":\"\\u00e9\" , \"x\":[1]}");
    cr_expect_eq(scanned_value(&scanned, flag).kind, SCAN_FALSE);
    cr_expect_eq(scanned_value(&scanned, none).kind, SCAN_MISSING);
    cr_expect_null(scanned_value(&scanned, none).text.at);
}

Test(SUITE, a_path_that_leads_elsewhere_is_a_missing_value)
{
    size_t inside = wants("a.b"), element = wants("a[*].b");
    const char *texts[] = { "{}", "{\"a\":1}", "{\"a\":null}", "[]", "\"a\"",
        "{\"a\":[{\"c\":1},2,[]]}", "{\"b\":{\"a\":1}}" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        cr_assert_null(scan_text(texts[i]));
        cr_expect_eq(scanned_value(&scanned, inside).kind, SCAN_MISSING, "%s", texts[i]);
        scanned_each(&scanned, element, NULL, NULL);
    }
    scanned = (struct scanned){ .notes = NULL };
    cr_expect_eq(scanned_value(&scanned, inside).kind, SCAN_MISSING);
    scanned_each(&scanned, element, NULL, NULL);
}

static char seen[400];

static bool see(void *context, struct scan_value value)
{
    size_t len = strlen(seen);
    snprintf(seen + len, sizeof(seen) - len, "%.*s ", STR_FMT(value.text));
    int *left = context;
    return !left || --*left > 0;
}

Test(SUITE, each_element_is_visited_in_order)
{
    size_t ids = wants("items[*].id"), tags = wants("items[*].tags[*]"),
           deep = wants("items[*].media[*].variants[*].w");
    cr_assert_null(scan_text("{\"items\":[{\"id\":1,\"tags\":[\"a\",\"b\"],\"media\":[{"
                             "\"variants\":[{\"w\":1},{}]},{}]},"
                             "{},{\"tags\":[],\"id\":2},3,{\"media\":[{\"variants\":[{\"w\":2},{"
                             "\"w\":3}]}],\"tags\":[\"c\"],"
                             "\"id\":[4]}]}"));
    seen[0] = '\0';
    scanned_each(&scanned, ids, see, NULL);
    cr_expect_str_eq(seen, "1 2 [4] ");
    seen[0] = '\0';
    scanned_each(&scanned, tags, see, NULL);
    cr_expect_str_eq(seen, "\"a\" \"b\" \"c\" ");
    seen[0] = '\0';
    scanned_each(&scanned, deep, see, NULL);
    cr_expect_str_eq(seen, "1 2 3 ");
    seen[0] = '\0';
    int left = 2;
    scanned_each(&scanned, ids, see, &left);
    cr_expect_str_eq(seen, "1 2 ");
}

Test(SUITE, rows_of_a_list_are_next_to_each_other)
{
    size_t id = wants("items[*].id"), inner = wants("items[*].in[*]");
    struct want_place id_at = want_place(want, id), inner_at = want_place(want, inner);
    unsigned items_rows = want_rows(want, wants("items"));
    unsigned inner_rows = want_rows(want, wants("items[*].in"));
    cr_assert_null(scan_text(
        "{\"items\":[{\"in\":[1,2],\"id\":10},{\"id\":11,\"in\":[]},{\"id\":12,\"in\":[3]},{}]}"));
    struct scan_rows items = scanned_rows(&scanned, scanned.row, items_rows, id_at.list);
    cr_assert_eq(items.count, 4);
    size_t counts[] = { 2, 0, 1, 0 };
    const char *texts[] = { "10", "11", "12", "" };
    for (size_t i = 0; i < 4; i++) {
        const struct scan_span *row = items.first + i * items.stride;
        struct scan_rows in = scanned_rows(&scanned, row, inner_rows, inner_at.list);
        cr_expect_eq(in.count, counts[i]);
        EXPECT_TEXT(scanned_span(&scanned, row[id_at.slot]), texts[i]);
        cr_expect_eq(scanned_span(&scanned, row[0]).kind, SCAN_OBJECT);
        if (in.count) {
            EXPECT_TEXT(scanned_span(&scanned, in.first[inner_at.slot]), i ? "3" : "1");
        }
    }
}

Test(SUITE, many_elements_move_their_rows)
{
    size_t id = wants("[*].id");
    struct buf text;
    buf_init(&text, 1024 * 1024);
    for (unsigned i = 0; i < 1000; i++) {
        buf_printf(&text, "%c{\"id\":%u}", i ? ',' : '[', i);
    }
    buf_append_char(&text, ']');
    cr_assert_null(scan_bytes(text.data, text.len));
    struct scan_rows rows =
        scanned_rows(&scanned, scanned.row, want_rows(want, wants("")), want_place(want, id).list);
    cr_assert_eq(rows.count, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        struct scan_span span = rows.first[i * rows.stride + want_place(want, id).slot];
        uint64_t number;
        cr_assert(str_u64(scanned_span(&scanned, span).text, &number) && number == i);
    }
    buf_release(&text);
}

Test(SUITE, notes_are_bounded)
{
    wants("[*].a");
    enum { MANY = 2000000 };
    char *text = malloc(2 * MANY + 1);
    for (size_t i = 0; i < MANY; i++) {
        text[2 * i] = i ? ',' : '[';
        text[2 * i + 1] = '1';
    }
    text[2 * MANY] = ']';
    cr_expect_str_eq(scan_bytes(text, 2 * MANY + 1), "too many list elements");
    free(text);
}

/* ---- names ---- */

Test(SUITE, names_with_escapes_are_found_by_what_they_mean)
{
    size_t plain = wants("id"), accent = wants("\xc3\xa9"), face = wants("\xf0\x9f\x98\x80"),
           slash = wants("a/b");
    cr_assert_null(scan_text("{\"\\u0069d\":1,\"\\u00E9\":2,\"\\ud83d\\ude00\":3,\"a\\/"
                             "b\":4,\"i\\nd\":5,\"\\u0000\":6}"));
    EXPECT_TEXT(scanned_value(&scanned, plain), "1");
    EXPECT_TEXT(scanned_value(&scanned, accent), "2");
    EXPECT_TEXT(scanned_value(&scanned, face), "3");
    EXPECT_TEXT(scanned_value(&scanned, slash), "4");
    cr_assert_null(scan_text("{\"\xc3\xa9\":7}"));
    EXPECT_TEXT(scanned_value(&scanned, accent), "7");
}

Test(SUITE, a_wanted_member_that_stands_twice_is_refused)
{
    wants("a.b");
    wants("l[*].x");
    cr_expect_str_eq(scan_text("{\"a\":1,\"a\":2}"), "a wanted member stands twice in its object");
    cr_expect_not_null(scan_text("{\"a\":{\"b\":null,\"b\":null}}"));
    cr_expect_not_null(scan_text("{\"a\":1,\"\\u0061\":1}"));
    cr_expect_not_null(scan_text("{\"l\":[{\"x\":1,\"y\":1,\"x\":1}]}"));
    cr_expect_null(scan_text("{\"l\":[{\"x\":1},{\"x\":1}],\"c\":1,\"c\":1}"));
}

Test(SUITE, names_are_told_apart_whatever_their_length)
{
    const char *names[] = { "a", "b", "ab", "abcdefg", "abcdefgh", "abcdefghi", "abcdefgX",
        "abcdefghXabcdefgh", "abcdefghYabcdefgh", "abcdefghabcdefgh", "created_at", "created_by",
        "avatar", "z", "a_name_that_goes_on_and_on_for_more_than_sixteen_bytes" };
    enum { NAMES = sizeof(names) / sizeof(names[0]) };
    size_t numbers[NAMES];
    struct buf text;
    buf_init(&text, 4096);
    for (size_t i = 0; i < NAMES; i++) {
        numbers[i] = wants(names[i]);
        buf_printf(&text, "%c\"%s\":%zu,\"%s-\":0,\"%s \":0", i ? ',' : '{', names[i], i, names[i],
            names[i]);
    }
    buf_append_char(&text, '}');
    cr_assert_null(scan_bytes(text.data, text.len));
    for (size_t i = 0; i < NAMES; i++) {
        uint64_t number;
        cr_expect(str_u64(scanned_value(&scanned, numbers[i]).text, &number) && number == i, "%s",
            names[i]);
        cr_expect_eq(wants(names[i]), numbers[i]);
    }
    buf_release(&text);
}

Test(SUITE, paths_that_are_not_well_formed_are_refused)
{
    const char *paths[] = { ".", "a.", ".a", "a..b", "a[", "a[]", "a[0]", "a[*", "a[*]b", "a.[*]",
        "a]", "[*].", "[*]a", "a[*]..b", "a\"b", "a\\b", "a\nb" };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        cr_expect_eq(want_path(want, str_of(paths[i])), SIZE_MAX, "%s", paths[i]);
    }
    char name[300];
    memset(name, 'n', sizeof(name));
    cr_expect_eq(want_path(want, (struct str){ name, 256 }), SIZE_MAX);
    cr_expect_neq(want_path(want, (struct str){ name, 255 }), SIZE_MAX);
    cr_expect_neq(want_path(want, STR("[*][*].a[*]")), SIZE_MAX);
    char path[20];
    for (size_t i = 0; i < WANT_PATHS_MAX; i++) {
        snprintf(path, sizeof(path), "p%zu", i);
        want_path(want, str_of(path));
    }
    cr_expect_eq(want_path(want, STR("one.more")), SIZE_MAX);
}

/* ---- single values ---- */

static struct scan_value value_of(const char *text)
{
    return (struct scan_value){ scan_kind_of(text[0]), str_of(text) };
}

Test(SUITE, a_plain_text_has_no_quotes_and_no_escapes)
{
    const struct {
        const char *text, *plain;
    } rows[] = {
        { "\"abc\"", "abc" },
        { "\"\"", "" },
        { "\"a\\\"\\\\\\/\\b\\f\\n\\r\\tb\"", "a\"\\/\b\f\n\r\tb" },
        { "\"\\u00e9\\u20AC\\uD83d\\ude00\xc3\xa9\"",
            "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9" },
        { "\"\\udbff\\udfff\\u07ff\\u0800\\uffff\"",
            "\xf4\x8f\xbf\xbf\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf" },
        { "-1.50", "-1.50" },
        { "true", "true" },
        { "false", "false" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct str plain = scan_plain(value_of(rows[i].text), &arena);
        cr_expect(str_eq(plain, str_of(rows[i].plain)), "%s: %.*s", rows[i].text, STR_FMT(plain));
    }
    const char *none[] = { "null", "{\"a\":1}", "[1]" };
    for (size_t i = 0; i < 3; i++) {
        cr_expect_null(scan_plain(value_of(none[i]), &arena).at);
    }
    cr_expect_null(scan_plain((struct scan_value){ SCAN_MISSING, { NULL, 0 } }, &arena).at);
}

Test(SUITE, code_points_are_counted_and_never_cut_through)
{
    struct scan_value text =
        value_of("\"a\\n\\u00e9\\ud83d\\ude00\xf0\x9f\x98\x80\xc3\xa9\xe2\x82\xacz\"");
    cr_expect_eq(scan_points(text), 8);
    size_t ends[] = { 1, 2, 4, 10, 22, 26, 28, 31, 32, 32, 32 };
    for (size_t i = 0; i < countof(ends); i++) {
        size_t points = i;
        cr_expect_eq(scan_points_end(text, 1, &points), ends[i], "%zu points", i);
        cr_expect_eq(points, i < 8 ? i : 8);
    }
    size_t points = 5;
    cr_expect_eq(scan_points(value_of("\"\"")), 0);
    cr_expect_eq(scan_points_end(value_of("\"\""), 1, &points), 1);
    cr_expect_eq(points, 0);
}

Test(SUITE, only_the_escapes_that_json_needs_are_kept)
{
    const char *text =
        "\"a\\u0041\\/\\ud83d\\ude00\\u00e9\xc3\xa9 \\\" \\\\ \\n \\u001f \\u0022 \\u005C\\u007f";
    char shorter[100];
    size_t len = scan_shorten(shorter, str_of(text));
    struct str expected =
        STR("\"aA/\xf0\x9f\x98\x80\xc3\xa9\xc3\xa9 \\\" \\\\ \\n \\u001f \\u0022 \\u005C\x7f");
    cr_expect(str_eq((struct str){ shorter, len }, expected), "%.*s", (int)len, shorter);
}

/* Eight bytes are counted at once: each kind of character at each place of them. */
Test(SUITE, code_points_are_counted_alike_in_any_block)
{
    static const char *const points[] = { "x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "\\n", "\\u00e9", "\\ud83d\\ude00", "\\\\" };
    for (size_t i = 0; i < countof(points) * 40; i++) {
        char text[1000] = "\"";
        size_t ends[41] = { 1 }, count = 0;
        for (size_t len = 1; count < 40; ends[++count] = len) {
            const char *point = points[count == i % 40 ? i / 40 : (count * 7 + i) % 11 / 10];
            memcpy(text + len, point, strlen(point) + 1);
            len += strlen(point);
        }
        text[ends[40]] = '"';
        struct scan_value value = { SCAN_STRING, { text, ends[40] + 1 } };
        cr_assert_eq(scan_points(value), 40, "%s", text);
        for (size_t from = 0; from <= 40; from++) {
            size_t left = 40 - from, some = left / 2;
            cr_assert_eq(scan_points_end(value, ends[from], &some), ends[from + left / 2]);
            cr_assert_eq(scan_points_end(value, ends[from], &left), ends[40]);
        }
    }
}

/* ---- beside a grammar from a table ---- */

static bool is_json(const void *bytes, size_t len)
{
    struct str text = { bytes, len };
    return grammar_check(text, SCAN_DEPTH_MAX) != GRAMMAR_REFUSED;
}

Test(SUITE, the_grammar_agrees_on_every_document)
{
    for (size_t i = 0; i < countof(json_good); i++) {
        cr_expect(is_json(json_good[i].text, json_good[i].len), "%s", json_good[i].text);
    }
    for (size_t i = 0; i < countof(json_bad); i++) {
        cr_expect_not(is_json(json_bad[i].text, json_bad[i].len), "%s", json_bad[i].text);
    }
}

static const char changes[] = "\"\\{}[],:0123456789.eE+-tfnu x\n\x01\x80\xc3\xff";

/* The same document with one byte changed, left out or put in, at each place. */
Test(SUITE, whatever_byte_is_changed_the_grammar_agrees)
{
    const char *text = "{\"a\": [1.5e+3, -0.1, 20, {\"b\\n\\ud83d\\ude00\": "
                       "\"x\xc3\xa9\xe0\xa4\xb9\xf0\x9f\x98\x80\"}, true, null, \"\"]}";
    size_t len = strlen(text), accepted = 0, refused = 0;
    char changed[200];
    wants("a[*].b");
    for (size_t at = 0; at < len; at++) {
        for (size_t i = 0; i < 3 * (sizeof(changes) - 1); i++) {
            size_t taken = i % 3 != 1, put = i % 3 != 2; /* changed, put in, left out */
            memcpy(changed, text, at);
            changed[at] = changes[i / 3];
            memcpy(changed + at + put, text + at + taken, len - at - taken);
            size_t changed_len = len - taken + put;
            bool is_accepted = scan_bytes(changed, changed_len) == NULL;
            cr_expect_eq(
                is_accepted, is_json(changed, changed_len), "%.*s", (int)changed_len, changed);
            is_accepted ? accepted++ : refused++;
        }
    }
    cr_expect_gt(accepted, 1000);
    cr_expect_gt(refused, 3000);
}

/* Every string of up to four bytes from an alphabet that holds each kind of token. */
Test(SUITE, every_short_document_is_judged_as_the_grammar_does)
{
    static const char alphabet[] = "[]{},:\"\\01-.eE+ \tu\xc2\x80";
    enum { LETTERS = sizeof(alphabet) - 1, LONGEST = 4 };
    size_t accepted = 0;
    for (size_t len = 0, count = 1; len <= LONGEST; len++, count *= LETTERS) {
        for (size_t n = 0; n < count; n++) {
            char text[LONGEST];
            for (size_t i = 0, rest = n; i < len; i++, rest /= LETTERS) {
                text[i] = alphabet[rest % LETTERS];
            }
            bool is_accepted = scan_bytes(text, len) == NULL;
            cr_assert_eq(is_accepted, is_json(text, len), "%.*s", (int)len, text);
            accepted += is_accepted;
        }
    }
    cr_expect_gt(accepted, 500);
}
