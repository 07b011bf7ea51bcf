/* The intake: what is a request, and where it ends, however it is cut. */
#include "base/must.h"
#include "http_corpus.h"
#include "wire/http_intake.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct http_intake_limits limits = {
    .head_max_bytes = 4096,
    .target_max_bytes = 1024,
    .body_max_bytes = 65536,
};

static const char *const refusal_names[] = {
    [HTTP_REFUSED_MALFORMED] = "malformed",
    [HTTP_REFUSED_TARGET_TOO_LONG] = "target too long",
    [HTTP_REFUSED_HEAD_TOO_LARGE] = "head too large",
    [HTTP_REFUSED_BODY_TOO_LARGE] = "body too large",
    [HTTP_REFUSED_SLOW] = "slow",
};

/* ---- what an intake understands, in the corpus's words ---- */

static void note_request(struct buf *seen, const struct http_intake *intake)
{
    const struct http_head *head = &intake->head;
    buf_printf(
        seen, "%s%.*s %.*s", seen->len ? " > " : "", STR_FMT(head->method), STR_FMT(head->target));
    if (intake->body.len) {
        buf_printf(seen, "[%.*s]", STR_FMT(buf_str(&intake->body)));
    }
}

/* Feeds `bytes` in pieces, as long as anything is wanted. */
static void understand(struct buf *seen, struct str bytes, size_t piece)
{
    struct http_intake intake;
    http_intake_init(&intake, &limits);
    bool is_last = false;
    while (!is_last && (bytes.len || !http_intake_wants(&intake))) {
        if (intake.phase == HTTP_INTAKE_WHOLE) {
            note_request(seen, &intake);
            is_last = intake.head.is_last;
            http_intake_next(&intake, 0);
        } else if (intake.phase == HTTP_INTAKE_REFUSED) {
            buf_printf(seen, "%s%s", seen->len ? " > " : "", refusal_names[intake.refusal]);
            break;
        } else {
            size_t len = bytes.len < piece ? bytes.len : piece;
            http_intake_feed(&intake, (struct str){ bytes.at, len }, 1);
            bytes = str_from(bytes, len);
        }
    }
    http_intake_release(&intake);
}

static void check(const struct corpus_case *row, size_t piece)
{
    struct buf sent, seen, expected;
    buf_init(&sent, SIZE_MAX / 2);
    buf_init(&seen, SIZE_MAX / 2);
    buf_init(&expected, SIZE_MAX / 2);
    buf_append_str(&sent, row->bytes);
    if (corpus_is_whole(row)) {
        buf_append_str(&sent, STR(CORPUS_NEXT));
        buf_append_str(&expected, str_of(row->means));
        if (!corpus_is_last(row)) {
            buf_append_str(&expected, STR(" > GET /next"));
        } else if (expected.data[expected.len - 1] == '!') {
            expected.len--;
        }
    }
    understand(&seen, buf_str(&sent), piece);
    cr_expect(str_eq(buf_str(&seen), buf_str(&expected)),
        "%s, in pieces of %zu: \"%.*s\", not \"%.*s\"", row->name, piece, STR_FMT(buf_str(&seen)),
        STR_FMT(buf_str(&expected)));
    buf_release(&sent);
    buf_release(&seen);
    buf_release(&expected);
}

Test(http_intake, understands_the_corpus_however_it_is_cut)
{
    static const size_t pieces[] = { SIZE_MAX, 1, 2, 3, 7 };
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        for (size_t j = 0; j < countof(pieces); j++) {
            check(&corpus[i], pieces[j]);
        }
    }
}

/* ---- limits ---- */

/* `before`, then `count` times `again`, then `after`. */
static void expect_of_repeated(
    const char *before, const char *again, size_t count, const char *after, const char *means)
{
    struct buf bytes, seen;
    buf_init(&bytes, SIZE_MAX / 2);
    buf_init(&seen, SIZE_MAX / 2);
    buf_append_str(&bytes, str_of(before));
    for (size_t i = 0; i < count; i++) {
        buf_append_str(&bytes, str_of(again));
    }
    buf_append_str(&bytes, str_of(after));
    static const size_t pieces[] = { SIZE_MAX, 1, 1000 };
    for (size_t i = 0; i < countof(pieces); i++) {
        buf_clear(&seen);
        understand(&seen, buf_str(&bytes), pieces[i]);
        size_t len = strlen(means) < seen.len ? strlen(means) : seen.len;
        cr_expect(len == strlen(means) && memcmp(seen.data, means, len) == 0,
            "%zu times \"%s\": \"%.60s\", not \"%s\"", count, again, seen.data, means);
    }
    buf_release(&bytes);
    buf_release(&seen);
}

Test(http_intake, bounds_the_target)
{
    expect_of_repeated("GET /", "a", 1023, " HTTP/1.1\r\nHost: a\r\n\r\n", "GET /aaa");
    expect_of_repeated("GET /", "a", 1024, " HTTP/1.1\r\nHost: a\r\n\r\n", "target too long");
    expect_of_repeated("GET /", "a", 100000, "", "target too long");
    expect_of_repeated("GET /a?", "b=c&", 5000, " HTTP/1.1\r\nHost: a\r\n\r\n", "target too long");
}

Test(http_intake, bounds_the_head)
{
    expect_of_repeated(
        GET("") "GET / HTTP/1.1\r\nHost: a\r\n", "A: b\r\n", 99, "\r\n", "GET / > GET /");
    expect_of_repeated("GET / HTTP/1.1\r\nHost: a\r\n", "A: b\r\n", 100, "\r\n", "head too large");
    expect_of_repeated("GET / HTTP/1.1\r\nHost: a\r\nA: ", "b", 4000, "\r\n\r\n", "GET /");
    expect_of_repeated("GET / HTTP/1.1\r\nHost: a\r\nA: ", "b", 4096, "\r\n\r\n", "head too large");
    expect_of_repeated("GET / HTTP/1.1\r\nHost: a\r\n", "A: b\r\n", 100000, "", "head too large");
}

Test(http_intake, bounds_the_body)
{
    expect_of_repeated(POST("Content-Length: 65536\r\n", ""), "a", 65536, "", "POST /[aaa");
    expect_of_repeated(CHUNKS(""), "8\r\nabcdefgh\r\n", 8192, "0\r\n\r\n", "POST /[abc");
    expect_of_repeated(CHUNKS(""), "8\r\nabcdefgh\r\n", 8193, "0\r\n\r\n", "body too large");
}

Test(http_intake, bounds_what_carries_no_data)
{
    expect_of_repeated(CHUNKS("1;"), "a", 200, "\r\nx\r\n0\r\n\r\n", "POST /[x]");
    expect_of_repeated(CHUNKS("1;"), "a", 300, "\r\nx\r\n0\r\n\r\n", "malformed");
    expect_of_repeated(CHUNKS(""), "1;abcdefghijklmno\r\nx\r\n", 300, "0\r\n\r\n", "malformed");
    expect_of_repeated(CHUNKS(""), "0", 300, "\r\n\r\n", "malformed");
    expect_of_repeated(CHUNKS("0\r\n"), "A: b\r\n", 100, "\r\n", "POST /");
    expect_of_repeated(CHUNKS("0\r\n"), "A: b\r\n", 101, "\r\n", "malformed");
    expect_of_repeated(CHUNKS("0\r\nA: "), "b", 5000, "\r\n\r\n", "malformed");
}

Test(http_intake, holds_no_memory_between_requests)
{
    struct http_intake intake;
    http_intake_init(&intake, &limits);
    struct str bytes = STR(POST("Content-Length: 3\r\n", "abc"));
    http_intake_feed(&intake, bytes, 7);
    cr_assert_eq(intake.phase, HTTP_INTAKE_WHOLE);
    cr_assert_eq(intake.first_byte_us, 7);
    http_intake_next(&intake, 8);
    cr_assert_eq(intake.phase, HTTP_INTAKE_IDLE);
    cr_assert_null(intake.bytes.data);
    cr_assert_null(intake.body.data);
    cr_assert_null(intake.ahead.data);
    cr_assert_null(intake.own_fields);
    http_intake_release(&intake);
}

/* ---- rooms ---- */

enum { LENDERS = 3 };
static struct http_intake_limits lending;
static struct http_intake lenders[LENDERS];

static void open_rooms(void)
{
    lending = limits;
    lending.head_max_bytes = 16384;
    for (int i = 0; i < LENDERS; i++) {
        http_intake_init(&lenders[i], &lending);
    }
}

static void close_rooms(void)
{
    for (int i = 0; i < LENDERS; i++) {
        http_intake_release(&lenders[i]);
    }
}

TestSuite(http_intake_rooms, .init = open_rooms, .fini = close_rooms);

/* A whole request with `count` fields more than it needs. */
static void ask_with(struct http_intake *intake, size_t count)
{
    struct buf bytes;
    buf_init(&bytes, 1 << 16);
    buf_append_str(&bytes, STR("GET /path HTTP/1.1\r\nHost: a\r\n"));
    for (size_t i = 0; i < count; i++) {
        buf_append_str(&bytes, STR("X-Name: a value that is longer than its name\r\n"));
    }
    buf_append_str(&bytes, STR("\r\n"));
    http_intake_feed(intake, buf_str(&bytes), 1);
    buf_release(&bytes);
    cr_assert_eq(intake->phase, HTTP_INTAKE_WHOLE);
    cr_assert(str_eq(intake->head.target, STR("/path")));
    cr_assert_eq(intake->head.fields_count, count + 1);
    for (size_t i = 0; i < count; i++) {
        cr_assert(str_eq(intake->head.fields[i + 1].name, STR("X-Name")));
    }
}

Test(http_intake_rooms, go_from_request_to_request)
{
    ask_with(&lenders[0], 5);
    ask_with(&lenders[1], 5);
    const char *first = lenders[0].bytes.data;
    cr_assert_neq(first, lenders[1].bytes.data);
    cr_assert_null(lenders[0].own_fields);
    http_intake_next(&lenders[1], 1);
    http_intake_next(&lenders[0], 1);
    cr_assert_null(lenders[0].bytes.data);
#ifndef __SANITIZE_ADDRESS__
    ask_with(&lenders[2], 5);
    cr_assert_eq(lenders[2].bytes.data, first, "the last that came back");
#endif
}

Test(http_intake_rooms, are_left_by_whoever_needs_more)
{
    for (size_t count = 0; count < HTTP_FIELDS_MAX; count++) {
        ask_with(&lenders[0], count);
        bool is_lent = lenders[0].bytes.room == HTTP_INTAKE_ROOM_BYTES;
        cr_assert_eq(is_lent, lenders[0].bytes.len <= HTTP_INTAKE_ROOM_BYTES);
        http_intake_next(&lenders[0], 1);
    }
}

/* ---- streamed requests ---- */

static bool stream_uploads(
    void *context, struct str method, struct str target, uint64_t *body_max_bytes)
{
    cr_assert_eq(context, &lending);
    *body_max_bytes = 1 << 20;
    return str_eq(method, STR("PUT")) && str_eq(target, STR("/up"));
}

Test(http_intake, leaves_a_streamed_body_to_others)
{
    struct http_intake_limits streaming = limits;
    struct http_intake intake;
    streaming.streams = stream_uploads;
    streaming.context = &lending;
    http_intake_init(&intake, &streaming);
    http_intake_feed(
        &intake, STR("PUT /up HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\nab"), 1);
    cr_assert(intake.is_streamed);
    cr_assert(str_eq(buf_str(&intake.body), STR("ab")));
    buf_clear(&intake.body);
    http_intake_feed(&intake, STR("cd"), 1);
    cr_assert(str_eq(buf_str(&intake.body), STR("cd")), "no more than was fed is kept");
    cr_assert_eq(intake.body_bytes, 4);
    http_intake_release(&intake);
}
