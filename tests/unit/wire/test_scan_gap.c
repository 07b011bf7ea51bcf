/*
 * Lists and objects that nobody wants, of which some have been seen before: what is guessed must be
 * what the grammar says, whatever changes from one to the next.
 */
#include "base/buf.h"
#include "base/must.h"
#include "wire/scan.h"
#include "../../oracle/grammar.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* test_scan_gap_portable.c includes this file. */
#ifndef SUITE
#define SUITE scan_gap
#endif

static struct arena_pool pool;
static struct arena arena;
static struct buf text;
static uint64_t dice;
static size_t accepted, refused;

static void open_page(void)
{
    arena_init(&arena, &pool);
    buf_init(&text, 4 * 1024 * 1024);
    dice = 1;
    accepted = refused = 0;
}

static void close_page(void)
{
    buf_release(&text);
    arena_release(&arena);
    arena_pool_fini(&pool);
}

TestSuite(SUITE, .init = open_page, .fini = close_page, .timeout = 120);

/* The same sequence in every run (Marsaglia's xorshift). */
static unsigned rolled(unsigned sides)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (unsigned)(dice % sides);
}

/* The scan and the grammar say the same of `body`, which ends where its memory does. */
static void expect_agreement(struct str body)
{
    char *exact = calloc(1, body.len + BUF_PADDING);
    memcpy(exact, body.at, body.len);
    size_t at;
    bool is_accepted = scan_check((struct str){ exact, body.len }, &arena, &at) == NULL;
    free(exact);
    arena_release(&arena);
    arena_init(&arena, &pool);
    bool is_json = grammar_check(body, SCAN_DEPTH_MAX) != GRAMMAR_REFUSED;
    cr_assert_eq(is_accepted, is_json, "%.*s", STR_FMT(body));
    cr_assert_leq(at, body.len);
    is_accepted ? accepted++ : refused++;
}

static const char *const elements[] = {
    "{\"a\":1,\"b\":[2,{\"c\":\"x\"}],\"d\":{},\"e\":[],\"f\":null}",
    "{ \"a\" : 1 ,\n    \"b\" : [ 2, { \"c\" : true } ], \"a_name_beyond_sixteen\" : \"y\" }",
    "[[1,2],[[3]],{\"a\":[{\"b\":[-0.5e1]}]}]",
    "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{\"i\":{\"j\":1}}}}}}}}},\"k\":2}",
    "[{},[],{\"a\":[]},{\"a\":{}},[[]]]",
};

static const char changes[] = "\"\\{}[],:0123456789.eE+-tfnu x\n\x01\x80\xc3\xff";

/* Three alike, the last of them with one byte changed, put in or left out, at each place. */
Test(SUITE, a_byte_that_differs_from_what_was_seen_is_seen)
{
    for (size_t i = 0; i < countof(elements); i++) {
        struct str element = str_of(elements[i]);
        for (size_t at = 0; at < element.len; at++) {
            for (size_t k = 0; k < 3 * (sizeof(changes) - 1); k++) {
                size_t taken = k % 3 != 1, put = k % 3 != 2;
                buf_clear(&text);
                buf_printf(&text, "[%s,%s,%.*s", elements[i], elements[i], (int)at, elements[i]);
                buf_append(&text, &changes[k / 3], put);
                buf_append_str(&text, str_from(element, at + taken));
                buf_append_char(&text, ']');
                expect_agreement(buf_str(&text));
            }
        }
    }
    cr_expect_gt(accepted, 5000);
    cr_expect_gt(refused, 10000);
}

Test(SUITE, every_prefix_of_what_was_seen_is_refused)
{
    for (size_t i = 0; i < countof(elements); i++) {
        buf_clear(&text);
        buf_printf(&text, "[%s,%s,%s]", elements[i], elements[i], elements[i]);
        for (size_t len = 0; len < text.len; len++) {
            expect_agreement((struct str){ text.data, len });
        }
    }
    cr_expect_eq(accepted, 0);
}

/* Pieces of what was seen, put together at random: mostly no JSON, but each piece is known. */
Test(SUITE, known_pieces_in_any_order_are_held_to_the_grammar)
{
    static const char *const pieces[] = { "{\"a\":", "{\"b\":[", ",\"b\":", ",", "[", "]", "}", "1",
        "\"x\"", "]}", "}}", "},{\"a\":", "],[", "{}", "[]", ":", " ", "null", "\"a\":" };
    for (size_t i = 0; i < 60000; i++) {
        buf_clear(&text);
        buf_append_str(&text, STR("[{\"a\":1,\"b\":[1,{\"a\":\"x\",\"b\":[[1],[1]]},{\"a\":1}]},"));
        for (size_t count = 1 + rolled(7); count > 0; count--) {
            buf_append_str(&text, str_of(pieces[rolled(countof(pieces))]));
        }
        buf_append_char(&text, ']');
        expect_agreement(buf_str(&text));
    }
    cr_expect_gt(accepted, 1000);
    cr_expect_gt(refused, 10000);
}

/* What was seen at the top is nested deeper and deeper, up to the limit and beyond. */
Test(SUITE, depth_is_counted_in_what_is_known)
{
    for (size_t i = 0; i < countof(elements); i++) {
        for (size_t depth = SCAN_DEPTH_MAX - 14; depth < SCAN_DEPTH_MAX + 2; depth++) {
            buf_clear(&text);
            for (size_t k = 0; k < depth; k++) {
                buf_printf(&text, k % 2 ? "{\"a\":%s,\"b\":" : "[%s,", elements[i]);
            }
            buf_append_char(&text, '1');
            for (size_t k = depth; k > 0; k--) {
                buf_append_char(&text, k % 2 ? ']' : '}');
            }
            expect_agreement(buf_str(&text));
        }
    }
    cr_expect_gt(accepted, 10);
    cr_expect_gt(refused, 10);
}

/* More names than are remembered, and each time in another order. */
Test(SUITE, what_is_forgotten_is_only_slower)
{
    for (size_t round = 0; round < 40; round++) {
        buf_clear(&text);
        buf_append_str(&text, STR("[{\"n\":0"));
        for (size_t i = 0; i < 2000; i++) {
            unsigned n = rolled(400);
            buf_printf(&text, n % 3 ? ",\"n%u\":%u" : ",\"n%u\":[%u,{\"a\":2}]", n, n);
            if (n == 0) {
                buf_append_str(&text, STR("},{\"n\":0"));
            }
        }
        buf_append_str(&text, STR("}]"));
        expect_agreement(buf_str(&text));
        text.data[rolled((unsigned)text.len)] = changes[rolled(sizeof(changes) - 1)];
        expect_agreement(buf_str(&text));
    }
    cr_expect_geq(accepted, 40);
}

/* A wanted member after what nobody wants is where it is, and so is a fault. */
Test(SUITE, what_follows_is_found_and_faults_are_where_they_are)
{
    struct want *want = want_new(&arena);
    size_t id = want_path(want, STR("[*].id"));
    struct scanned scanned;
    for (size_t i = 0; i < 50; i++) {
        buf_printf(&text, "%c{\"u\":%s,\"v\":{\"%s\":[%zu]},\"id\":%zu}", i ? ',' : '[',
            elements[i % countof(elements)], i % 7 ? "k" : "another", i, i);
    }
    buf_append_char(&text, ']');
    cr_assert_null(scan(want, buf_str(&text), &arena, &scanned));
    struct want_place place = want_place(want, id);
    struct scan_rows rows =
        scanned_rows(&scanned, scanned.row, want_rows(want, want_path(want, STR(""))), place.list);
    cr_assert_eq(rows.count, 50);
    for (size_t i = 0; i < rows.count; i++) {
        uint64_t number;
        struct scan_span span = rows.first[i * rows.stride + place.slot];
        cr_expect(str_u64(scanned_span(&scanned, span).text, &number) && number == i);
    }
    size_t fault = 2 + (size_t)(strstr(text.data + text.len / 2, ",\"v\"") - text.data), at;
    text.data[fault] = '\n';
    cr_expect_str_eq(scan_check(buf_str(&text), &arena, &at), "a control character in a string");
    cr_expect_eq(at, fault);
}
