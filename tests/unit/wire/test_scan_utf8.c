/* The quick way over text that is not ASCII says what the slow one says, at each place of a block.
 */
#include "wire/scan_utf8.h"
#include "base/buf.h"
#include "base/must.h"
#include "wire/scan.h"
#include "wire/utf8.h"

#include <criterion/criterion.h>

enum { TEXT = 100 };

static struct arena_pool pool;
static struct arena arena;
static char body[TEXT + BUF_PADDING];

static void open_page(void)
{
    arena_init(&arena, &pool);
}

static void close_page(void)
{
    scan_utf8 = scan_utf8_best();
    arena_release(&arena);
    arena_pool_fini(&pool);
}

TestSuite(scan_utf8, .init = open_page, .fini = close_page, .timeout = 120);

/* What is said of `len` bytes of the body, on both ways, and where. */
static const char *check(size_t len)
{
    const char *whys[2];
    size_t places[2];
    for (size_t i = 0; i < 2; i++) {
        scan_utf8 = i ? scan_utf8_best() : NULL;
        whys[i] = scan_check((struct str){ body, len }, &arena, &places[i]);
    }
    arena_release(&arena);
    arena_init(&arena, &pool);
    cr_assert_eq(whys[0], whys[1], "%s, or %s", whys[0], whys[1]);
    cr_assert_eq(places[0], places[1]);
    return whys[0];
}

static bool is_utf8(const char *at, size_t len)
{
    for (size_t got; len > 0; at += got, len -= got) {
        got = utf8_len(at, len);
        if (got == 0) {
            return false;
        }
    }
    return true;
}

/* Up to four bytes from all leads and from each border of what may stand behind them. */
Test(scan_utf8, what_is_utf8_does_not_depend_on_the_way)
{
    static const unsigned char borders[] = { 0x20, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
        0xe1, 0xf1, 0xff };
    static const size_t places[] = { 0, 29, 30, 31, 32, 62 };
    enum { BORDERS = sizeof(borders), ALL = BORDERS * BORDERS * BORDERS };
    size_t good = 0;
    for (unsigned lead = 0x7f; lead < 0x100; lead++) {
        for (size_t n = 0; n < ALL; n++) {
            const char bytes[] = { (char)lead, (char)borders[n % BORDERS],
                (char)borders[n / BORDERS % BORDERS], (char)borders[n / BORDERS / BORDERS] };
            size_t at = places[n % countof(places)];
            memset(body, 'x', TEXT);
            body[0] = body[TEXT - 1] = '"';
            memcpy(body + 1, "\xc3\xa9", 2);
            memcpy(body + 3 + at, bytes, 4);
            bool is_good = is_utf8(bytes, 4);
            cr_assert_eq(check(TEXT) == NULL, is_good, "%02x and %zu", lead, n);
            good += is_good;
        }
    }
    cr_expect_gt(good, 1000);
}

/* Each byte at each place of two blocks, behind characters of each length. */
Test(scan_utf8, text_ends_where_it_ends)
{
    static const char *const points[] = { "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
    for (size_t i = 0; i < countof(points); i++) {
        size_t len = strlen(points[i]);
        for (size_t before = 0; before < 70; before++) {
            for (int c = 0; c < 256; c++) {
                memset(body, 'y', TEXT);
                body[0] = body[TEXT - 1] = '"';
                for (size_t at = 1; at + len <= before + 1; at += len) {
                    memcpy(body + at, points[i], len);
                }
                memcpy(body + 1, points[i], len);
                body[len + 1 + before] = (char)c;
                check(TEXT);
            }
        }
    }
}

/* A character that is cut short by the body's end, by a quote, or by an escape. */
Test(scan_utf8, a_character_that_is_cut_is_no_character)
{
    static const char *const points[] = { "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
    for (size_t i = 0; i < countof(points); i++) {
        for (size_t cut = 1; cut < strlen(points[i]); cut++) {
            for (size_t before = 0; before < 70; before++) {
                memset(body, 0, sizeof(body));
                memcpy(body, "\"\xc3\xa9", 3);
                memset(body + 3, 'z', before);
                memcpy(body + 3 + before, points[i], cut);
                size_t len = 3 + before + cut;
                cr_assert_not_null(check(len));
                body[len] = '"';
                cr_assert_str_eq(check(len + 1), "bytes that are not UTF-8");
                memcpy(body + len, "\\n\"", 3);
                cr_assert_str_eq(check(len + 3), "bytes that are not UTF-8");
            }
        }
    }
}
