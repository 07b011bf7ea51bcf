/* The ground floor: slices, buffers, arenas, percent-encoding, hashing and faults. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/must.h"
#include "base/percent.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>

static bool is(struct str s, const char *text)
{
    return str_eq(s, str_of(text));
}

/* ---- str ---- */

Test(str, cut_splits_at_the_first_mark_and_takes_all_without_one)
{
    struct str head, tail;
    cr_assert(str_cut(STR("a=b=c"), '=', &head, &tail));
    cr_assert(is(head, "a") && is(tail, "b=c"));
    cr_assert(str_cut(STR("a="), '=', &head, &tail));
    cr_assert(is(head, "a") && is(tail, ""));
    cr_assert_not(str_cut(STR("abc"), '=', &head, &tail));
    cr_assert(is(head, "abc") && is(tail, ""));
    cr_assert_not(str_cut((struct str){ NULL, 0 }, '=', &head, &tail));
    cr_assert_eq(head.len + tail.len, 0);
}

Test(str, u64_takes_whole_decimal_numbers_that_fit_and_nothing_else)
{
    uint64_t n;
    cr_assert(str_u64(STR("0"), &n) && n == 0);
    cr_assert(str_u64(STR("18446744073709551615"), &n) && n == UINT64_MAX);
    const char *const wrong[] = { "", "18446744073709551616", "99999999999999999999999", "-1", "+1",
        " 1", "1 ", "0x1", "1.0", "1e3" };
    for (size_t i = 0; i < countof(wrong); i++) {
        cr_assert_not(str_u64(str_of(wrong[i]), &n), "%s was taken", wrong[i]);
    }
}

Test(str, nearest_finds_a_slip_and_keeps_silent_about_another_word)
{
    const char *const names[] = { "profiles", "posts", "ads", "recommendations" };
    cr_assert_str_eq(str_nearest(STR("adz"), names, countof(names)), "ads");
    cr_assert_str_eq(str_nearest(STR("recomendations"), names, countof(names)), "recommendations");
    cr_assert_str_eq(str_nearest(STR("psots"), names, countof(names)), "posts");
    cr_assert_null(str_nearest(STR("billing"), names, countof(names)));
    cr_assert_null(str_nearest(STR("x"), names, 0));
}

Test(str, names_compare_without_case_and_trim_takes_tabs_too)
{
    cr_assert(str_eq_nocase(STR("X-Request-ID"), STR("x-request-id")));
    cr_assert_not(
        str_eq_nocase(STR("a["), STR("a{"))); /* differ in the bit that makes letters small */
    cr_assert(is(str_trim(STR(" \t a b \t")), "a b"));
    cr_assert(is(str_trim(STR(" \t ")), ""));
}

Test(str, put_writes_numbers_as_they_are_read)
{
    static const uint64_t numbers[] = { 0, 9, 10, 1234567890, UINT64_MAX };
    for (size_t i = 0; i < countof(numbers); i++) {
        char text[STR_U64_BYTES];
        uint64_t read;
        struct str s = { text, (size_t)(str_put_u64(text, numbers[i]) - text) };
        cr_assert(str_u64(s, &read) && read == numbers[i]);
        cr_assert(s.len == 1 || text[0] != '0');
    }
    uint64_t power = 1;
    for (size_t digits = 1; digits <= STR_U64_BYTES; digits++, power *= 10) {
        char text[STR_U64_BYTES];
        cr_assert_eq((size_t)(str_put_u64(text, power) - text), digits);
        cr_assert_eq((size_t)(str_put_u64(text, power - 1) - text), digits - (digits > 1));
    }
    char text[4] = "abc";
    cr_assert_eq(str_put(text, (struct str){ NULL, 0 }), text);
    cr_assert_eq(str_put(text, STR("xy")), text + 2);
    cr_assert(is(str_of(text), "xyc"));
}

/* ---- buf ---- */

Test(buf, an_append_beyond_the_cap_changes_nothing_and_is_remembered)
{
    struct buf buf;
    buf_init(&buf, 5);
    cr_assert(buf_append_str(&buf, STR("abc")));
    cr_assert_not(buf_append_str(&buf, STR("def")));
    cr_assert(is(buf_str(&buf), "abc") && buf.is_overfull);
    cr_assert(buf_append_str(&buf, STR("de")));
    cr_assert(is(buf_str(&buf), "abcde") && buf.is_overfull);
    cr_assert_not(buf_append_char(&buf, 'f'));
    buf_release(&buf);
}

Test(buf, zeros_follow_the_content_however_it_grew_or_shrank)
{
    struct buf buf;
    buf_init(&buf, 100000);
    for (int round = 0; round < 2000; round++) {
        cr_assert(buf_append(&buf, "0123456789", (size_t)(round % 10) + 1));
        if (round % 7 == 0) {
            buf_cut(&buf, buf.len / 2);
        }
        for (int i = 0; i < BUF_PADDING; i++) {
            cr_assert_eq(buf.data[buf.len + (size_t)i], 0);
        }
    }
    buf_release(&buf);
}

#ifndef __SANITIZE_ADDRESS__ /* there each buf has memory of its own, as long as its room */
/* A body of no bytes is scanned like any other. */
Test(buf, zeros_follow_where_there_is_nothing)
{
    static const char zeros[BUF_PADDING];
    struct buf buf;
    buf_init(&buf, 100);
    cr_assert_eq(buf_str(&buf).len, 0);
    cr_assert_arr_eq(buf_str(&buf).at, zeros, BUF_PADDING);
}

Test(buf, memory_that_comes_back_is_the_next_buf_of_that_size)
{
    static const size_t sizes[] = { 1, 512, 513, 1024, 6000, 64 * 1024 };
    for (size_t i = 0; i < countof(sizes); i++) {
        struct buf first, second;
        buf_init(&first, 1 << 20);
        cr_assert_not_null(buf_reserve(&first, sizes[i]));
        const char *data = first.data;
        size_t room = first.room;
        buf_release(&first);
        buf_init(&second, sizes[i]); /* less than the memory has */
        cr_assert_not_null(buf_reserve(&second, sizes[i]));
        cr_assert_eq(second.data, data);
        cr_assert(second.room <= sizes[i] && second.room <= room);
        cr_assert_null(buf_reserve(&second, sizes[i] + 1));
        buf_free_data(second.data); /* as of one that was moved */
        buf_init(&first, 1 << 20);
        cr_assert_eq(buf_reserve(&first, sizes[i]), data);
        buf_release(&first);
    }
    buf_free_data(NULL);
    buf_free_spare();
}
#endif

Test(buf, what_stands_in_it_moves_along_when_it_grows)
{
    struct buf buf;
    buf_init(&buf, 1 << 20);
    for (size_t i = 0; i < 200 * 1000; i++) { /* beyond the sizes that are kept */
        cr_assert(buf_append_char(&buf, (char)('a' + i % 26)));
    }
    for (size_t i = 0; i < buf.len; i++) {
        cr_assert_eq(buf.data[i], 'a' + (char)(i % 26));
    }
    buf_release(&buf);
    buf_free_spare();
}

Test(buf, numbers_and_formats)
{
    struct buf buf;
    buf_init(&buf, 100);
    buf_append_u64(&buf, 0);
    buf_append_u64(&buf, UINT64_MAX);
    buf_printf(&buf, "-%s-%d", "x", 7);
    cr_assert(is(buf_str(&buf), "018446744073709551615-x-7"));
    buf_release(&buf);
}

/* ---- block ---- */

/* Each byte at each place of texts of all lengths up to three blocks; beside the text stands what
 * must not be seen. */
Test(block, a_control_byte_is_found_wherever_it_stands)
{
    static const char filler[] = { 'a', ' ', '\t', '~', (char)0x80, (char)0xff };
    char text[64];
    memset(text, '\n', sizeof(text));
    for (size_t len = 0; len <= 48; len++) {
        struct str s = { text + 4, len };
        for (size_t at = 0; at < len; at++) {
            memset(text + 4, filler[(len + at) % sizeof(filler)], len);
            cr_assert_not(str_has_control(s));
            for (int c = 0; c < 256; c++) {
                bool is_control = (c < ' ' && c != '\t') || c == 0x7f;
                text[4 + at] = (char)c;
                cr_assert_eq(str_has_control(s), is_control, "%d at %zu of %zu", c, at, len);
            }
        }
    }
    cr_assert_not(str_has_control((struct str){ NULL, 0 }));
}

/* ---- arena ---- */

static int cleanups[3], cleanups_count;

static void note_cleanup(void *object)
{
    cleanups[cleanups_count++] = *(int *)object;
}

Test(arena, everything_stays_apart_and_aligned_until_release)
{
    struct arena_pool pool = { 0 };
    struct arena arena;
    unsigned char *blocks[500];
    for (int round = 0; round < 3; round++) {
        arena_init(&arena, &pool);
        for (size_t i = 0; i < countof(blocks); i++) {
            size_t size = i % 50 == 49 ? 40000 : i; /* some larger than a chunk */
            blocks[i] = arena_alloc(&arena, size);
            cr_assert_eq((uintptr_t)blocks[i] % 16, 0);
            memset(blocks[i], (int)(i % 251), size);
        }
        for (size_t i = 0; i < countof(blocks); i++) {
            size_t size = i % 50 == 49 ? 40000 : i;
            for (size_t j = 0; j < size; j++) {
                cr_assert_eq(blocks[i][j], i % 251);
            }
        }
        arena_release(&arena);
    }
    arena_pool_fini(&pool);
}

Test(arena, what_is_joined_stands_behind_each_other)
{
    struct arena arena;
    const struct str parts[] = { STR("for="), { NULL, 0 }, STR(""), STR("::1"), STR(";") };
    arena_init(&arena, NULL);
    cr_assert(is(arena_join(&arena, parts, countof(parts)), "for=::1;"));
    cr_assert(is(arena_join(&arena, parts, 0), ""));
    arena_release(&arena);
}

Test(arena, cleanups_run_last_first_and_once)
{
    struct arena arena;
    int numbers[] = { 1, 2, 3 };
    arena_init(&arena, NULL);
    for (size_t i = 0; i < countof(numbers); i++) {
        arena_defer(&arena, note_cleanup, &numbers[i]);
    }
    arena_release(&arena);
    arena_release(&arena);
    cr_assert_eq(cleanups_count, 3);
    cr_assert(cleanups[0] == 3 && cleanups[1] == 2 && cleanups[2] == 1);
}

/* ---- percent ---- */

Test(percent, decodes_strictly)
{
    struct arena arena;
    struct str out;
    arena_init(&arena, NULL);
    cr_assert(percent_decode(&arena, STR("a%20b%C3%A9+"), PERCENT_PLUS_IS_PLUS, &out) &&
              is(out, "a b\xc3\xa9+"));
    cr_assert(percent_decode(&arena, STR("a+b"), PERCENT_PLUS_IS_SPACE, &out) && is(out, "a b"));
    cr_assert(percent_decode(&arena, STR("%2F%2e"), PERCENT_PLUS_IS_PLUS, &out) && is(out, "/."));
    const char *const wrong[] = { "%", "%2", "%zz", "a%2", "%-1", "%00", "% 1", "%%41" };
    for (size_t i = 0; i < countof(wrong); i++) {
        cr_assert_not(percent_decode(&arena, str_of(wrong[i]), PERCENT_PLUS_IS_PLUS, &out),
            "%s was taken", wrong[i]);
    }
    arena_release(&arena);
}

Test(percent, what_is_encoded_decodes_to_itself_and_never_ends_its_place)
{
    struct arena arena;
    struct buf encoded;
    struct str out;
    char all[255];
    for (int i = 0; i < 255; i++) {
        all[i] = (char)(i + 1);
    }
    arena_init(&arena, NULL);
    buf_init(&encoded, 1000);
    cr_assert(percent_encode(&encoded, (struct str){ all, sizeof(all) }));
    for (size_t i = 0; i < encoded.len; i++) {
        cr_assert_null(strchr("/?#&=+;, \"<>", encoded.data[i]));
    }
    cr_assert(percent_decode(&arena, buf_str(&encoded), PERCENT_PLUS_IS_SPACE, &out));
    cr_assert(str_eq(out, (struct str){ all, sizeof(all) }));
    buf_release(&encoded);
    arena_release(&arena);
}

Test(percent, only_what_is_unreserved_stays_as_it_is)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t len = 1; len <= 40; len++) {
        for (int c = 0; c < 256; c++) {
            char text[40];
            struct buf encoded;
            bool stays = c != 0 && strchr(unreserved, c);
            memset(text, 'x', sizeof(text));
            text[len * 7 % 11 % len] = (char)c;
            buf_init(&encoded, 3 * sizeof(text));
            cr_assert(percent_encode(&encoded, (struct str){ text, len }));
            cr_assert_eq(encoded.len, len + (stays ? 0 : 2), "byte %d of %zu", c, len);
            buf_release(&encoded);
        }
    }
}

/* ---- hash ---- */

/* As OpenSSL has it: key 00..0f, message 00..n-1. */
Test(hash, is_siphash_1_3)
{
    struct hash_key key = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };
    char message[64];
    for (int i = 0; i < 64; i++) {
        message[i] = (char)i;
    }
    cr_assert_eq(hash_str(&key, (struct str){ message, 0 }), 0xabac0158050fc4dcu);
    cr_assert_eq(hash_str(&key, (struct str){ message, 8 }), 0x369095118d299a8eu);
    cr_assert_eq(hash_str(&key, (struct str){ message, 15 }), 0xd320d86d2a519956u);
    cr_assert_eq(hash_str(&key, (struct str){ message, 63 }), 0x9d199062b7bbb3a8u);
}

Test(hash, the_secret_is_one_and_random_bytes_never_come_twice)
{
    struct hash_key one, two;
    hash_key_init(&one);
    hash_key_init(&two);
    cr_assert_eq(memcmp(&one, &two, sizeof(one)), 0);
    cr_assert(one.k0 | one.k1);
    uint64_t seen[1000];
    for (size_t i = 0; i < 1000; i++) {
        hash_random(&seen[i], 8);
        for (size_t j = 0; j < i; j++) {
            cr_assert_neq(seen[i], seen[j]);
        }
    }
    /* More than the stock: no byte stays as it was. */
    unsigned char many[1000] = { 0 };
    size_t zeros = 0;
    hash_random(many, sizeof(many));
    for (size_t i = 0; i < sizeof(many); i++) {
        zeros += many[i] == 0;
    }
    cr_assert_lt(zeros, 30);
}

/* ---- err ---- */

Test(err, what_is_said_twice_of_a_place_is_printed_and_counted_once)
{
    static const struct {
        const char *file;
        int line;
        const char *text;
    } rows[] = { { "a", 1, "x." }, { "a", 1, "y." }, { "a", 1, "x." }, { "a", 2, "x." },
        { "b", 1, "x." }, { NULL, 0, "x." }, { NULL, 0, "x." } };
    struct faults faults;
    faults_init(&faults);
    for (size_t i = 0; i < countof(rows); i++) {
        faults_add(&faults, rows[i].file, rows[i].line, "%s", rows[i].text);
    }
    faults_print(&faults);
    cr_assert_eq(faults.count, 5);
    cr_expect_null(faults.list[0].file);
    cr_expect_str_eq(faults.list[1].text, "x.");
    cr_expect_str_eq(faults.list[2].text, "y.");
    cr_expect_eq(faults.list[3].line, 2);
    cr_expect_str_eq(faults.list[4].file, "b");
    faults_fini(&faults);
}

Test(err, a_sentence_ends_with_what_was_meant)
{
    cr_expect_str_eq(err_meant("posts").text, "; did you mean \"posts\"?");
    cr_expect_str_eq(err_meant(NULL).text, ".");
}

Test(err, faults_keep_every_sentence_and_sort_by_place)
{
    struct faults faults;
    faults_init(&faults);
    for (int line = 100; line > 0; line--) {
        faults_add(&faults, line % 2 ? "b.conf" : "a.conf", line, "sentence %d.", line);
    }
    cr_assert_eq(faults.count, 100);
    faults_print(&faults);
    cr_assert_str_eq(faults.list[0].file, "a.conf");
    cr_assert_eq(faults.list[0].line, 2);
    cr_assert_str_eq(faults.list[99].text, "sentence 99.");
    faults_fini(&faults);
    struct err err;
    cr_assert_not(err_set(&err, "%s", "no."));
    cr_assert_str_eq(err.text, "no.");
}

/* ---- clock ---- */

Test(clock, writes_dates_as_rfc_3339_has_them)
{
    char text[CLOCK_TEXT_BYTES];
    cr_assert_str_eq(clock_text(0, text), "1970-01-01T00:00:00.000000Z");
    cr_assert_str_eq(clock_text(1709210096000007u, text), "2024-02-29T12:34:56.000007Z");
    cr_assert_str_eq(clock_text(1709210096999999u, text), "2024-02-29T12:34:56.999999Z");
    cr_assert_str_eq(clock_text(1709210097000000u, text), "2024-02-29T12:34:57.000000Z");
    cr_assert_str_eq(clock_text(1709210096000000u, text), "2024-02-29T12:34:56.000000Z");
    cr_assert_eq(strlen(text), CLOCK_TEXT_BYTES - 1);
}
