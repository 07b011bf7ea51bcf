/* Members that come in another order than before, are left out, are new, or only look alike. */
#include "base/buf.h"
#include "base/must.h"
#include "wire/scan.h"

#include <criterion/criterion.h>

/* Up to and beyond what a guess can hold; every second one is wanted. */
static const char *const names[] = { "a", "b", "id", "idx", "created_at", "created_by",
    "thirteen_byte", "thirteen_bytf", "fourteen_bytes", "fourteen_bytet", "", "\\u0061b",
    "\xc3\xa9", "a name with spaces", "sixteen_bytes_xx", "sixteen_bytes_xy" };
enum { NAMES = sizeof(names) / sizeof(names[0]), ELEMENTS = 400 };

static struct arena arena;
static struct buf body;
static struct want *want;
static uint64_t dice;

static void open_page(void)
{
    arena_init(&arena, NULL);
    buf_init(&body, 4 * 1024 * 1024);
    want = want_new(&arena);
    dice = 1;
}

static void close_page(void)
{
    buf_release(&body);
    arena_release(&arena);
}

TestSuite(scan_guess, .init = open_page, .fini = close_page, .timeout = 60);

/* The same sequence in every run (Marsaglia's xorshift). */
static unsigned rolled(unsigned sides)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (unsigned)(dice % sides);
}

static void append_element(size_t number, bool is_ordered, unsigned left_out)
{
    size_t order[NAMES], count = 0;
    for (size_t i = 0; i < NAMES; i++) {
        order[i] = i;
    }
    for (size_t i = NAMES - 1; i > 0 && !is_ordered; i--) {
        size_t j = rolled((unsigned)i + 1), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    buf_append_str(&body, number ? STR(",{") : STR("[{"));
    for (size_t i = 0; i < NAMES; i++) {
        if (left_out && rolled(left_out) == 0) {
            continue;
        }
        const char *space = rolled(20) == 0 ? " " : "";
        buf_printf(&body, "%s%s\"%s\"%s:%s%zu", count++ ? "," : "", space, names[order[i]], space,
            space, number * 100 + order[i]);
    }
    buf_append_char(&body, '}');
}

/* Every value that is noted is that of its element and name; says how many there are. */
static size_t check_rows(const struct scanned *scanned, const size_t *paths)
{
    size_t found = 0;
    struct scan_rows rows = scanned_rows(scanned, scanned->row,
        want_rows(want, want_path(want, STR(""))), want_place(want, paths[0]).list);
    cr_assert_eq(rows.count, ELEMENTS);
    for (size_t i = 0; i < ELEMENTS; i++) {
        for (size_t k = 0; k < NAMES; k += 2) {
            struct scan_span span = rows.first[i * rows.stride + want_place(want, paths[k]).slot];
            struct scan_value value = scanned_span(scanned, span);
            uint64_t number = i * 100 + k;
            cr_assert(value.kind == SCAN_MISSING || str_u64(value.text, &number));
            cr_assert_eq(number, i * 100 + k, "%s of element %zu", names[k], i);
            found += value.kind != SCAN_MISSING;
        }
    }
    return found;
}

static size_t scan_and_check(void)
{
    size_t paths[NAMES];
    struct scanned scanned;
    for (size_t k = 0; k < NAMES; k += 2) {
        paths[k] = want_path(want, str_of(arena_printf(&arena, "[*].%s", names[k])));
        if (names[k][0] == '\0') { /* no path names it */
            paths[k] = want_path(want, STR("[*].none"));
        }
        cr_assert_neq(paths[k], SIZE_MAX);
    }
    buf_append_char(&body, ']');
    cr_assert_null(scan(want, buf_str(&body), &arena, &scanned));
    return check_rows(&scanned, paths);
}

Test(scan_guess, members_in_the_same_order_are_found)
{
    for (size_t i = 0; i < ELEMENTS; i++) {
        append_element(i, true, 0);
    }
    cr_expect_eq(scan_and_check(), ELEMENTS * (NAMES / 2 - 1));
}

Test(scan_guess, members_that_are_left_out_are_missing_and_no_others)
{
    for (size_t i = 0; i < ELEMENTS; i++) {
        append_element(i, true, 1 + i % 5);
    }
    cr_expect_gt(scan_and_check(), ELEMENTS);
}

Test(scan_guess, members_in_any_order_are_found)
{
    for (size_t i = 0; i < ELEMENTS; i++) {
        append_element(i, false, i % 3 ? 0 : 4);
    }
    cr_expect_gt(scan_and_check(), ELEMENTS * (NAMES / 2 - 1) * 3 / 4);
}

/* A guess must not hide that a wanted member is there twice, or that a name is cut short. */
Test(scan_guess, what_is_guessed_is_held_to_the_same_rules)
{
    static const char *const bad[] = { "[{\"a\":1,\"b\":2},{\"a\":1,\"a\":1}]",
        "[{\"a\":1,\"b\":2},{\"a\":1,\"b\":1,\"a\":1}]", "[{\"a\":1},{\"a\":1},{\"a\"",
        "[{\"a\":1},{\"a", "[{\"a\":1},{\"a\":", "[{\"a\":1},{\"a\":}]", "[{\"a\":1},{\"a\" 1}]",
        "[{\"a\":1},{\"a\":1,}]", "[{\"a\":1},{,\"a\":1}]" };
    struct scanned scanned;
    want_path(want, STR("[*].a"));
    for (size_t i = 0; i < countof(bad); i++) {
        buf_clear(&body);
        buf_append_str(&body, str_of(bad[i]));
        cr_expect_not_null(scan(want, buf_str(&body), &arena, &scanned), "%s", bad[i]);
    }
}

/* ---- from one body to the next ---- */

static const char *scan_next(struct scan_memory *memory, const char *text, struct scanned *scanned)
{
    buf_clear(&body);
    buf_append_str(&body, str_of(text));
    return scan_again(memory, buf_str(&body), &arena, scanned);
}

/* The bytes that are known stand somewhere else now, or are not the whole. */
Test(scan_guess, a_memory_takes_nothing_for_granted)
{
    static const char *const bad[] = { "[{\"a\":1,\"b\":{\"c\":[1,{\"d\":2}]}}",
        "[{\"a\":1,\"b\":{\"c\":[1,{\"d\":2}]}]", "[{\"a\":1,\"b\":{\"c\":[1,{\"d\":2}}]}]",
        "[{\"a\":1,\"b\":[\"c\":[1,{\"d\":2}]]}]", "{\"a\":1,\"b\":{\"c\":[1,{\"d\":2}]}}]",
        "[{\"a\":1,\"b\":{\"c\":[1,{\"d\":", "[{\"a\":1,\"b\":{\"c\":[1,{\"d\":2}]}}]]",
        "[{\"a\":1,\"a\":{\"c\":[1,{\"d\":2}]}}]" };
    struct scanned scanned;
    size_t path = want_path(want, STR("[*].a"));
    struct scan_memory *memory = scan_memory_new(want);
    for (size_t i = 0; i < countof(bad); i++) {
        const char *good = "[{\"a\":1,\"b\":{\"c\":[1,{\"d\":2}]}}]";
        cr_expect_null(scan_next(memory, good, &scanned));
        cr_expect_eq(scanned_rows(&scanned, scanned.row, want_rows(want, want_path(want, STR(""))),
                         want_place(want, path).list)
                         .count,
            1);
        cr_expect_not_null(scan_next(memory, bad[i], &scanned), "%s", bad[i]);
    }
    scan_memory_free(memory);
}

/* More names than it holds, and more brackets, again and again. */
Test(scan_guess, a_memory_that_is_full_changes_nothing)
{
    struct scanned scanned;
    size_t path = want_path(want, STR("[*].id"));
    struct scan_memory *memory = scan_memory_new(want);
    for (unsigned round = 0; round < 20; round++) {
        buf_clear(&body);
        for (unsigned i = 0; i < 200; i++) {
            buf_printf(&body, "%s{\"n%u\":[%.*s1%.*s],\"id\":%u}", i ? "," : "[",
                i * 7 + round * 13, (int)(i % 6), "[[[[[[", (int)(i % 6), "]]]]]]", i);
        }
        buf_append_char(&body, ']');
        cr_assert_null(scan_again(memory, buf_str(&body), &arena, &scanned));
        struct scan_rows rows = scanned_rows(&scanned, scanned.row,
            want_rows(want, want_path(want, STR(""))), want_place(want, path).list);
        cr_assert_eq(rows.count, 200);
        for (uint64_t i = 0, id; i < 200; i++) {
            struct scan_span span = rows.first[i * rows.stride + want_place(want, path).slot];
            cr_assert(str_u64(scanned_span(&scanned, span).text, &id) && id == i);
        }
    }
    scan_memory_free(memory);
}
