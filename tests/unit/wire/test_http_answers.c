/*
 * What counts as an answer, on both lanes: the same bytes of a service end a call in the same way,
 * or the exchange lane is the stricter.
 */
#include "http_page.h"

#include <zlib.h>

TestSuite(http_answers, .timeout = 60);

#define TEXT_100                                                                                   \
    "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901" \
    "23"                                                                                           \
    "456789"
#define TEXT_1000                                                                                  \
    TEXT_100 TEXT_100 TEXT_100 TEXT_100 TEXT_100 TEXT_100 TEXT_100 TEXT_100 TEXT_100 TEXT_100

struct answer_case {
    const char *title;
    struct turn turn;
    enum http_outcome outcome;
    unsigned status; /* 0: 200 when answered */
    const char *body;
    bool is_lenient; /* the transfer lane ends otherwise: `lenient` */
    enum http_outcome lenient;
};

static const struct answer_case answer_cases[] = {
    { "a length", { .say = HELLO }, .outcome = HTTP_ANSWERED, .body = "hello" },
    { "chunks", { .say = CHUNKED "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n" }, .outcome = HTTP_ANSWERED,
        .body = "hello" },
    { "trailers", { .say = CHUNKED "5\r\nhello\r\n0\r\nA: b\r\n\r\n" }, .outcome = HTTP_ANSWERED,
        .body = "hello" },
    { "until the close", { .say = OK "\r\nhello", .then = CLOSE }, .outcome = HTTP_ANSWERED,
        .body = "hello" },
    { "the largest body", { .say = OK "Content-Length: 1000\r\n\r\n" TEXT_1000 },
        .outcome = HTTP_ANSWERED, .body = TEXT_1000 },
    { "204", { .say = "HTTP/1.1 204 No Content\r\n\r\n" }, .outcome = HTTP_ANSWERED, .status = 204,
        .body = "" },
    { "304", { .say = "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n" },
        .outcome = HTTP_ANSWERED, .status = 304, .body = "" },
    { "301, which is not followed",
        { .say = "HTTP/1.1 301 Moved\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n" },
        .outcome = HTTP_ANSWERED, .status = 301, .body = "" },
    { "401", { .say = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n" },
        .outcome = HTTP_ANSWERED, .status = 401, .body = "" },
    { "500", { .say = "HTTP/1.1 500 Oh\r\nContent-Length: 5\r\n\r\nsorry" },
        .outcome = HTTP_ANSWERED, .status = 500, .body = "sorry" },
    { "103 first", { .say = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" HELLO },
        .outcome = HTTP_ANSWERED, .body = "hello" },
    { "dripping", { .say = HELLO, .drip_ms = 1 }, .outcome = HTTP_ANSWERED, .body = "hello" },

    { "nothing, then a close", { .say = "", .then = CLOSE }, .outcome = HTTP_RESET },
    { "nothing, then a reset", { .say = "", .then = RESET }, .outcome = HTTP_RESET },
    { "a close in the first line", { .say = "HTT", .then = CLOSE }, .outcome = HTTP_BROKEN,
        .is_lenient = true, .lenient = HTTP_RESET },
    { "a close in the head", { .say = OK "Content-Length: 5\r\n", .then = CLOSE },
        .outcome = HTTP_BROKEN },
    { "a reset in the head", { .say = OK "Content-Length: 5\r\n", .then = RESET },
        .outcome = HTTP_BROKEN },
    { "a close in the body", { .say = OK "Content-Length: 5\r\n\r\nhell", .then = CLOSE },
        .outcome = HTTP_BROKEN },
    { "a reset in the body", { .say = OK "Content-Length: 5\r\n\r\nhell", .then = RESET },
        .outcome = HTTP_BROKEN },
    { "a reset in a body until the close", { .say = OK "\r\nhell", .then = RESET },
        .outcome = HTTP_BROKEN },
    { "a close in a chunk", { .say = CHUNKED "5\r\nhell", .then = CLOSE }, .outcome = HTTP_BROKEN },
    { "a close between chunks", { .say = CHUNKED "5\r\nhello\r\n", .then = CLOSE },
        .outcome = HTTP_BROKEN },
    { "a close in the trailers", { .say = CHUNKED "5\r\nhello\r\n0\r\n", .then = CLOSE },
        .outcome = HTTP_BROKEN },
    { "two lengths", { .say = OK "Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello" },
        .outcome = HTTP_BROKEN },
    { "length and chunks",
        { .say = OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
        .outcome = HTTP_BROKEN },
    { "a bad chunk", { .say = CHUNKED "five\r\nhello\r\n0\r\n\r\n" }, .outcome = HTTP_BROKEN,
        .is_lenient = true, .lenient = HTTP_TIMED_OUT },
    { "a bare LF", { .say = "HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello" },
        .outcome = HTTP_BROKEN },
    { "a bare LF after a chunk's size", { .say = CHUNKED "5\nhello\r\n0\r\n\r\n" },
        .outcome = HTTP_BROKEN, .is_lenient = true, .lenient = HTTP_ANSWERED },
    { "a folded line", { .say = OK "X: a\r\n b\r\nContent-Length: 5\r\n\r\nhello" },
        .outcome = HTTP_BROKEN },
    { "another protocol", { .say = "SSH-2.0-OpenSSH_9.2\r\n", .then = CLOSE },
        .outcome = HTTP_BROKEN },
    { "an upgrade", { .say = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" },
        .outcome = HTTP_BROKEN },
    { "a coding that was not asked for",
        { .say = OK "Content-Encoding: br\r\nContent-Length: 5\r\n\r\nhello" },
        .outcome = HTTP_BROKEN },

    { "a body announced too large", { .say = OK "Content-Length: 1001\r\n\r\n" TEXT_1000 "x" },
        .outcome = HTTP_TOO_LARGE },
    { "chunks too large", { .say = CHUNKED "3e9\r\n" TEXT_1000 "x\r\n0\r\n\r\n" },
        .outcome = HTTP_TOO_LARGE },
    { "endless chunks", { .say = CHUNKED, .again = "1\r\nx\r\n" }, .outcome = HTTP_TOO_LARGE },
    { "an endless body", { .say = OK "\r\n", .again = TEXT_1000 }, .outcome = HTTP_TOO_LARGE },
    { "endless fields", { .say = OK, .again = "X: " TEXT_100 "\r\n" }, .outcome = HTTP_TOO_LARGE },
    { "an endless field", { .say = OK "X: ", .again = TEXT_1000 }, .outcome = HTTP_TOO_LARGE },
    { "endless interim answers", { .say = "", .again = "HTTP/1.1 100 Continue\r\n\r\n" },
        .outcome = HTTP_TOO_LARGE },
    { "endless trailers", { .say = CHUNKED "0\r\n", .again = "X: " TEXT_100 "\r\n" },
        .outcome = HTTP_TOO_LARGE },

    { "silence", { .say = "", .then = HANG }, .outcome = HTTP_TIMED_OUT },
    { "silence in the head", { .say = OK, .then = HANG }, .outcome = HTTP_TIMED_OUT },
    { "silence in the body", { .say = OK "Content-Length: 5\r\n\r\nhell", .then = HANG },
        .outcome = HTTP_TIMED_OUT },
    { "a drip without end",
        { .say = OK "Content-Length: 1000\r\n\r\n", .again = "x", .drip_ms = 5 },
        .outcome = HTTP_TIMED_OUT },
};

static void check_answer(const struct answer_case *expected, size_t lane)
{
    enum { SHORT_US = 300000, LONG_US = 5000000 };
    bool is_lenient = lanes[lane] == HTTP_LANE_TRANSFER && expected->is_lenient;
    enum http_outcome outcome = is_lenient ? expected->lenient : expected->outcome;
    struct page page;
    struct result result;
    open_page(&page, lane, &expected->turn, 1);
    uint64_t limit_us = outcome == HTTP_TIMED_OUT ? SHORT_US : LONG_US;
    ask_within(&page, &result, limit_us, (struct http_call_options){ .deadline_us = limit_us });
    const char *title = expected->title;
    cr_assert_eq(result.answer.outcome, outcome, "%s on the %s lane: %s", title, lane_names[lane],
        http_outcome_name(result.answer.outcome));
    cr_assert(result.answer.was_sent, "%s", title);
    if (expected->outcome == HTTP_ANSWERED) {
        cr_assert_eq(result.answer.status, expected->status ? expected->status : 200, "%s", title);
        cr_assert(str_eq(buf_str(&result.body), str_of(expected->body)), "%s: %.*s", title,
            STR_FMT(buf_str(&result.body)));
    } else if (outcome != HTTP_ANSWERED) {
        cr_assert_eq(result.body.len, 0, "%s", title);
        cr_assert_eq(result.answer.status, 0, "%s", title);
    }
    forget(&result);
    close_page(&page);
}

Test(http_answers, tells_answers_from_what_is_none)
{
    WITH_LANES(lane)
    {
        for (size_t i = 0; i < countof(answer_cases); i++) {
            check_answer(&answer_cases[i], lane);
        }
    }
}

/* The table's own promise: nothing that the exchange lane takes is refused by the other. */
Test(http_answers, the_exchange_lane_is_the_stricter)
{
    for (size_t i = 0; i < countof(answer_cases); i++) {
        const struct answer_case *row = &answer_cases[i];
        cr_assert(!row->is_lenient || row->outcome != HTTP_ANSWERED, "%s", row->title);
    }
}

Test(http_answers, keeps_the_fields_and_pads_the_body)
{
    static const struct turn script[] = {
        { .say = OK "Content-Type: a/b\r\nRetry-After: 3\r\nContent-Length: 5\r\n\r\nhello" }
    };
    static const char zeros[BUF_PADDING];
    WITH_LANES(lane)
    {
        struct page page;
        struct result result;
        open_page(&page, lane, script, 1);
        ask(&page, &result, (struct http_call_options){ 0 });
        cr_assert_str_eq(result.content_type, "a/b");
        cr_assert_eq(result.answer.retry_after.len, 1);
        cr_assert_eq(memcmp(result.body.data + result.body.len, zeros, BUF_PADDING), 0);
        forget(&result);
        close_page(&page);
    }
}

/* ---- gzip ---- */

/* `len` times the same byte, as gzip; the caller frees it. */
static char *gzip_of(char byte, size_t len, size_t *out_len)
{
    enum { GZIP = 16 + MAX_WBITS };
    char *plain = malloc(len);
    memset(plain, byte, len);
    z_stream stream = { .next_in = (unsigned char *)plain, .avail_in = (unsigned)len };
    cr_assert_eq(deflateInit2(&stream, 9, Z_DEFLATED, GZIP, 9, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&stream, len);
    unsigned char *out = malloc(room);
    stream.next_out = out;
    stream.avail_out = (unsigned)room;
    cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *out_len = stream.total_out;
    deflateEnd(&stream);
    free(plain);
    return (char *)out;
}

struct gzip_case {
    const char *title;
    size_t content_len;
    int longer;      /* bytes more, or less, than the stream has */
    bool is_damaged; /* a bit of its checksum */
    bool is_unasked;
    enum http_outcome outcome;
};

static const struct gzip_case gzip_cases[] = {
    { "small", 10, 0, false, false, HTTP_ANSWERED },
    { "as large as may be", BODY_MAX, 0, false, false, HTTP_ANSWERED },
    { "one byte too large", BODY_MAX + 1, 0, false, false, HTTP_TOO_LARGE },
    { "a bomb", 50 << 20, 0, false, false, HTTP_TOO_LARGE },
    { "cut short", 100, -1, false, false, HTTP_BROKEN },
    { "followed by something", 100, 1, false, false, HTTP_BROKEN },
    { "damaged", 100, 0, true, false, HTTP_BROKEN },
    /* RFC 9110 section 12.5.3: who does not say what it takes may be given any coding. */
    { "not asked for", 100, 0, false, true, HTTP_ANSWERED },
    { "a bomb that was not asked for", 50 << 20, 0, false, true, HTTP_TOO_LARGE },
};

/* It says that it fails, and nobody reads how: whatever that is coded in, it is an answer. */
Test(http_answers, a_failure_is_one_in_any_coding)
{
    static const char *const codings[] = { "gzip", "br", "gzip, br", "unheard-of" };
    WITH_LANES(lane)
    {
        for (size_t i = 0; i < countof(codings); i++) {
            char say[200];
            snprintf(say, sizeof(say),
                "HTTP/1.1 503 Busy\r\nContent-Encoding: %s\r\nContent-Length: 5\r\n\r\nhello",
                codings[i]);
            const struct turn turn = { .say = say };
            struct page page;
            struct result result;
            open_page(&page, lane, &turn, 1);
            ask(&page, &result, (struct http_call_options){ 0 });
            cr_assert_eq(result.answer.outcome, HTTP_ANSWERED, "%s", codings[i]);
            cr_assert_eq(result.answer.status, 503);
            forget(&result);
            close_page(&page);
        }
    }
}

static void check_gzip(const struct gzip_case *row, size_t lane, unsigned drip_ms)
{
    size_t gzip_len;
    char *gzip = gzip_of('x', row->content_len, &gzip_len);
    gzip[gzip_len - 8] ^= row->is_damaged;
    size_t sent_len = gzip_len + (size_t)row->longer;
    struct buf say;
    buf_init(&say, 1 << 20);
    buf_printf(&say, OK "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", sent_len);
    buf_append(&say, gzip, sent_len < gzip_len ? sent_len : gzip_len);
    buf_append(&say, "garbage", sent_len > gzip_len ? sent_len - gzip_len : 0);
    struct turn turn = { .say = say.data, .say_len = say.len, .drip_ms = drip_ms };

    struct page page;
    struct result result;
    open_page(&page, lane, &turn, 1);
    struct http_origin_options options = { .lane = lanes[lane], .asks_gzip = !row->is_unasked };
    page.origin = origin_at(&page, page.server->port, options);
    ask(&page, &result, (struct http_call_options){ 0 });
    cr_assert_eq(result.answer.outcome, row->outcome, "%s on the %s lane: %s", row->title,
        lane_names[lane], http_outcome_name(result.answer.outcome));
    bool asks = strstr(page.server->heard, "\r\nAccept-Encoding: gzip\r\n") != NULL;
    cr_assert_eq(asks, !row->is_unasked);
    if (row->outcome == HTTP_ANSWERED) {
        cr_assert_eq(result.body.len, row->content_len);
        cr_assert_eq(strspn(result.body.data, "x"), row->content_len);
    }
    forget(&result);
    close_page(&page);
    buf_release(&say);
    free(gzip);
}

Test(http_answers, gzip_is_inflated_under_the_cap)
{
    WITH_LANES(lane)
    {
        for (size_t i = 0; i < countof(gzip_cases); i++) {
            check_gzip(&gzip_cases[i], lane, 0);
        }
        check_gzip(&gzip_cases[0], lane, 1);
    }
}
