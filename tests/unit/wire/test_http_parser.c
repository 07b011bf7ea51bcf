/* The parser of answers: what is whole, what is broken, and that pieces make no difference. */
#include "wire/http_answer_parser.h"

#include "base/must.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

struct reading {
    struct http_answer_parser parser;
    enum http_answer_event last;
    size_t heads;
    struct buf body;
    size_t unread;
};

static void open_reading(struct reading *reading, bool is_to_head)
{
    *reading = (struct reading){ .last = HTTP_ANSWER_MORE };
    http_answer_parser_init(&reading->parser);
    http_answer_parser_start(&reading->parser, is_to_head);
    buf_init(&reading->body, 1 << 20);
}

static void close_reading(struct reading *reading)
{
    http_answer_parser_fini(&reading->parser);
    buf_release(&reading->body);
}

static bool is_final(enum http_answer_event event)
{
    return event == HTTP_ANSWER_END || event == HTTP_ANSWER_BROKEN || event == HTTP_ANSWER_OVERLONG;
}

static void read_piece(struct reading *reading, struct str in)
{
    struct str body;
    do {
        reading->last = http_answer_parser_step(&reading->parser, &in, &body);
        reading->heads += reading->last == HTTP_ANSWER_HEAD;
        if (reading->last == HTTP_ANSWER_BODY) {
            cr_assert(buf_append_str(&reading->body, body));
        }
    } while (!is_final(reading->last) && reading->last != HTTP_ANSWER_MORE);
    reading->unread = in.len;
}

/* Each piece is a block of its own, so that a sanitizer sees a byte read beyond it. */
static void read_pieces(struct reading *reading, struct str whole, size_t piece)
{
    for (size_t at = 0; at < whole.len && !is_final(reading->last); at += piece) {
        size_t len = whole.len - at < piece ? whole.len - at : piece;
        char *copy = malloc(len);
        memcpy(copy, whole.at + at, len);
        read_piece(reading, (struct str){ copy, len });
        free(copy);
    }
}

/* ---- tables of answers ---- */

#define OK "HTTP/1.1 200 OK\r\n"

struct whole {
    const char *title;
    const char *bytes;
    const char *body;
    unsigned status;
    bool is_persistent;
    bool is_to_head;
    bool ends_by_close;
};

static const struct whole wholes[] = {
    { "a length", OK "Content-Length: 5\r\n\r\nhello", "hello", .status = 200,
        .is_persistent = true },
    { "a length of nothing", OK "Content-Length: 0\r\n\r\n", "", .status = 200,
        .is_persistent = true },
    { "chunks", OK "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello",
        .status = 200, .is_persistent = true },
    { "a chunk of hexadecimal size",
        OK "Transfer-Encoding: Chunked\r\n\r\n00A\r\n0123456789\r\n0\r\n\r\n", "0123456789",
        .status = 200, .is_persistent = true },
    { "chunks with extensions",
        OK "Transfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0 ;x\r\n\r\n", "hello",
        .status = 200, .is_persistent = true },
    { "trailers", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n",
        "hello", .status = 200, .is_persistent = true },
    { "until the close", OK "\r\nhello", "hello", .status = 200, .ends_by_close = true },
    { "nothing until the close", OK "\r\n", "", .status = 200, .ends_by_close = true },
    { "no reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "", .status = 200,
        .is_persistent = true },
    { "no space after the status", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "", .status = 200,
        .is_persistent = true },
    { "bytes above 127 in a value", OK "X: \xe4\xc3\xa4\r\nContent-Length: 1\r\n\r\nx", "x",
        .status = 200, .is_persistent = true },
    { "a value that is empty", OK "X:\r\nContent-Length: 1\r\n\r\nx", "x", .status = 200,
        .is_persistent = true },
    { "204", "HTTP/1.1 204 No Content\r\n\r\n", "", .status = 204, .is_persistent = true },
    { "204 with a length of nothing", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "",
        .status = 204, .is_persistent = true },
    { "204 that announces content", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "",
        .status = 204 },
    { "304 with the length of what it stands for",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", "", .status = 304,
        .is_persistent = true },
    { "HEAD", OK "Content-Length: 500\r\n\r\n", "", .status = 200, .is_persistent = true,
        .is_to_head = true },
    { "HEAD of chunks", OK "Transfer-Encoding: chunked\r\n\r\n", "", .status = 200,
        .is_persistent = true, .is_to_head = true },
    { "100 and 103 first",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\nConnection: close\r\n"
        "\r\n" OK "Content-Length: 1\r\n\r\nx",
        "x", .status = 200, .is_persistent = true },
    { "Connection: close", OK "Connection: close\r\nContent-Length: 1\r\n\r\nx", "x",
        .status = 200 },
    { "close among other options", OK "Connection: foo ,\tCLOSE\r\nContent-Length: 1\r\n\r\nx", "x",
        .status = 200 },
    { "HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", .status = 200 },
    { "HTTP/1.0 that stays",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", "x",
        .status = 200, .is_persistent = true },
    { "an error's status", "HTTP/1.1 503 Unavailable\r\nContent-Length: 1\r\n\r\nx", "x",
        .status = 503, .is_persistent = true },
};

static const struct {
    const char *title;
    const char *bytes;
} brokens[] = {
    { "no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n" },
    { "an empty first line", "\r\n" OK "Content-Length: 0\r\n\r\n" },
    { "HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n" },
    { "HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n" },
    { "a short status", "HTTP/1.1 20 OK\r\n\r\n" },
    { "a long status", "HTTP/1.1 2000 OK\r\n\r\n" },
    { "status 099", "HTTP/1.1 099 Odd\r\n\r\n" },
    { "status 600", "HTTP/1.1 600 Odd\r\n\r\n" },
    { "101, which nobody asked for", "HTTP/1.1 101 Switching Protocols\r\n\r\n" },
    { "a control byte in the reason", "HTTP/1.1 200 O\x01K\r\n\r\n" },
    { "a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n" },
    { "a bare LF after a field", OK "Content-Length: 0\n\r\n" },
    { "a bare LF as the empty line", OK "Content-Length: 0\r\n\n" },
    { "a bare CR", OK "X: a\rb\r\n\r\n" },
    { "a CR twice", OK "X: a\r\r\n\r\n" },
    { "a folded line", OK "X: a\r\n b\r\n\r\n" },
    { "a space before the colon", OK "Content-Length : 0\r\n\r\n" },
    { "no colon", OK "Content-Length\r\n\r\n" },
    { "no name", OK ": x\r\n\r\n" },
    { "a name that is no token", OK "Content Length: 0\r\n\r\n" },
    { "a control byte in a value", OK "X: a\x07\r\n\r\n" },
    { "two lengths", OK "Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello" },
    { "the same length twice", OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" },
    { "a list of lengths", OK "Content-Length: 5, 5\r\n\r\nhello" },
    { "a length with a sign", OK "Content-Length: +5\r\n\r\nhello" },
    { "a negative length", OK "Content-Length: -1\r\n\r\n" },
    { "a hexadecimal length", OK "Content-Length: 0x5\r\n\r\nhello" },
    { "no length", OK "Content-Length: \r\n\r\n" },
    { "a length beyond 64 bits", OK "Content-Length: 18446744073709551616\r\n\r\n" },
    { "length and chunks", OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
    { "chunks and length", OK "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" },
    { "another coding", OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" },
    { "chunked twice", OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" },
    { "chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
    { "a chunk without size", OK "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n" },
    { "a chunk's size in words",
        OK "Transfer-Encoding: chunked\r\n\r\nfive\r\nhello\r\n0\r\n\r\n" },
    { "a chunk's size with 0x", OK "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n" },
    { "a negative chunk", OK "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n" },
    { "a chunk beyond 60 bits",
        OK "Transfer-Encoding: chunked\r\n\r\n1000000000000005\r\nhello\r\n0\r\n\r\n" },
    { "a chunk longer than it said",
        OK "Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n" },
    { "a bare LF after a chunk's size",
        OK "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n" },
    { "a bare LF after a chunk", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n" },
    { "a bare LF in an extension", OK "Transfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n" },
    { "a trailer that is no field", OK "Transfer-Encoding: chunked\r\n\r\n0\r\nno field\r\n\r\n" },
};

/* Read whole, byte by byte, and in pieces in between, the answer is the same. */
static const size_t piece_sizes[] = { 1, 2, 3, 7, 16, 4096 };

Test(http_parser, whole_answers_are_whole_in_any_pieces)
{
    for (size_t i = 0; i < countof(wholes); i++) {
        const struct whole *whole = &wholes[i];
        for (size_t j = 0; j < countof(piece_sizes); j++) {
            struct reading reading;
            open_reading(&reading, whole->is_to_head);
            read_pieces(&reading, str_of(whole->bytes), piece_sizes[j]);
            if (whole->ends_by_close) {
                cr_assert_eq(reading.last, HTTP_ANSWER_MORE, "%s", whole->title);
                reading.last = http_answer_parser_close(&reading.parser);
            }
            cr_assert_eq(
                reading.last, HTTP_ANSWER_END, "%s in pieces of %zu", whole->title, piece_sizes[j]);
            cr_assert_eq(reading.heads, 1, "%s", whole->title);
            cr_assert_eq(reading.parser.status, whole->status, "%s", whole->title);
            cr_assert_eq(reading.parser.is_persistent, whole->is_persistent, "%s", whole->title);
            cr_assert(str_eq(buf_str(&reading.body), str_of(whole->body)), "%s", whole->title);
            close_reading(&reading);
        }
    }
}

/* A whole answer that ends at any byte before its end is broken, unless the close may end it. */
Test(http_parser, a_close_before_the_end_is_broken)
{
    for (size_t i = 0; i < countof(wholes); i++) {
        const struct whole *whole = &wholes[i];
        size_t len = strlen(whole->bytes);
        for (size_t cut = 0; cut < len && !whole->ends_by_close; cut++) {
            struct reading reading;
            open_reading(&reading, whole->is_to_head);
            read_pieces(&reading, (struct str){ whole->bytes, cut }, 4096);
            cr_assert_neq(reading.last, HTTP_ANSWER_END, "%s cut at %zu", whole->title, cut);
            cr_assert_eq(http_answer_parser_close(&reading.parser), HTTP_ANSWER_BROKEN);
            close_reading(&reading);
        }
    }
}

Test(http_parser, broken_answers_are_broken_in_any_pieces)
{
    for (size_t i = 0; i < countof(brokens); i++) {
        for (size_t j = 0; j < countof(piece_sizes); j++) {
            struct reading reading;
            open_reading(&reading, false);
            read_pieces(&reading, str_of(brokens[i].bytes), piece_sizes[j]);
            cr_assert_eq(reading.last, HTTP_ANSWER_BROKEN, "%s in pieces of %zu gives %d",
                brokens[i].title, piece_sizes[j], reading.last);
            read_piece(&reading, STR(OK "Content-Length: 0\r\n\r\n"));
            cr_assert_eq(reading.last, HTTP_ANSWER_BROKEN, "%s: for ever", brokens[i].title);
            close_reading(&reading);
        }
    }
}

Test(http_parser, a_nul_is_broken_wherever_it_stands)
{
    struct str whole = STR(OK "Content-Type: a/b\r\nContent-Length: 0\r\n\r\n");
    for (size_t at = 0; at < whole.len; at++) {
        char bytes[128];
        memcpy(bytes, whole.at, whole.len);
        bytes[at] = '\0';
        struct reading reading;
        open_reading(&reading, false);
        read_piece(&reading, (struct str){ bytes, whole.len });
        http_answer_parser_close(&reading.parser);
        read_piece(&reading, STR(""));
        cr_assert_eq(reading.last, HTTP_ANSWER_BROKEN, "at %zu", at);
        close_reading(&reading);
    }
}

/* ---- limits ---- */

static enum http_answer_event read_endlessly(struct str first, struct str again, size_t bytes)
{
    struct reading reading;
    open_reading(&reading, false);
    read_piece(&reading, first);
    for (size_t sent = 0; sent < bytes && !is_final(reading.last); sent += again.len) {
        read_piece(&reading, again);
    }
    enum http_answer_event last = reading.last;
    cr_assert_leq(reading.parser.head.len, HTTP_HEAD_MAX_BYTES);
    close_reading(&reading);
    return last;
}

Test(http_parser, a_head_without_end_is_overlong)
{
    size_t beyond = HTTP_HEAD_MAX_BYTES + 1;
    cr_assert_eq(read_endlessly(STR(""), STR("x"), beyond), HTTP_ANSWER_OVERLONG);
    cr_assert_eq(
        read_endlessly(STR(OK), STR("X-Pad: 0123456789\r\n"), beyond), HTTP_ANSWER_OVERLONG);
    cr_assert_eq(
        read_endlessly(STR(OK), STR("Cache-Control: no-store\r\n"), beyond), HTTP_ANSWER_OVERLONG);
    cr_assert_eq(read_endlessly(STR(OK "X: "), STR("0123456789"), beyond), HTTP_ANSWER_OVERLONG);
    cr_assert_eq(read_endlessly(STR(""), STR("HTTP/1.1 100 Continue\r\n\r\n"), beyond),
        HTTP_ANSWER_OVERLONG);
    cr_assert_eq(read_endlessly(STR(OK "Transfer-Encoding: chunked\r\n\r\n0\r\n"),
                     STR("X-Pad: 0123456789\r\n"), beyond),
        HTTP_ANSWER_OVERLONG);
}

Test(http_parser, a_chunk_line_without_end_is_broken)
{
    struct str head = STR(OK "Transfer-Encoding: chunked\r\n\r\n");
    cr_assert_eq(read_endlessly(head, STR("0"), 1000), HTTP_ANSWER_BROKEN);
    struct str extended = STR(OK "Transfer-Encoding: chunked\r\n\r\n5;");
    cr_assert_eq(read_endlessly(extended, STR("x"), 1000), HTTP_ANSWER_BROKEN);
}

Test(http_parser, a_long_head_within_the_limit_is_read)
{
    struct reading reading;
    open_reading(&reading, false);
    read_piece(&reading, STR(OK "Content-Length: 0\r\nX: "));
    size_t len = HTTP_HEAD_MAX_BYTES - reading.parser.head.len - 4;
    char *value = malloc(len);
    memset(value, 'x', len);
    read_piece(&reading, (struct str){ value, len });
    read_piece(&reading, STR("\r\n\r\n"));
    cr_assert_eq(reading.last, HTTP_ANSWER_END);
    free(value);
    close_reading(&reading);
}

/* ---- what is kept ---- */

Test(http_parser, fields_are_kept_without_their_spaces_and_joined)
{
    struct reading reading;
    open_reading(&reading, false);
    read_pieces(&reading,
        STR("HTTP/1.1 103 Early Hints\r\nETag: \"early\"\r\n\r\n" OK
            "content-TYPE: \t application/json \t\r\nCache-Control: max-age=5\r\n"
            "Retry-After:7\r\nCACHE-CONTROL: no-store\r\nContent-Length: 0\r\n"
            "cache-control: private\r\n\r\n"),
        1);
    cr_assert_eq(reading.last, HTTP_ANSWER_END);
    static const struct str expected[HTTP_ANSWER_FIELDS] = {
        [HTTP_CONTENT_TYPE] = { "application/json", 16 },
        [HTTP_CACHE_CONTROL] = { "max-age=5, no-store, private", 28 },
        [HTTP_RETRY_AFTER] = { "7", 1 },
    };
    for (int field = 0; field < HTTP_ANSWER_FIELDS; field++) {
        struct str value = http_answer_parser_field(&reading.parser, field);
        cr_assert(str_eq(value, expected[field]), "field %d: \"%.*s\"", field, STR_FMT(value));
    }
    close_reading(&reading);
}

Test(http_parser, what_follows_the_answer_is_left)
{
    struct reading reading;
    open_reading(&reading, false);
    read_piece(&reading, STR(OK "Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n"));
    cr_assert_eq(reading.last, HTTP_ANSWER_END);
    cr_assert_eq(reading.unread, strlen(OK));
    close_reading(&reading);
}

Test(http_parser, content_may_be_read_past_the_parser)
{
    struct reading reading;
    open_reading(&reading, false);
    read_piece(&reading, STR(OK "Content-Length: 10\r\n\r\nabc"));
    cr_assert_eq(reading.parser.left, 7);
    http_answer_parser_skip(&reading.parser, 6);
    read_piece(&reading, STR("j"));
    cr_assert_eq(reading.last, HTTP_ANSWER_END);
    close_reading(&reading);
}

Test(http_parser, a_parser_serves_one_answer_after_the_other)
{
    struct reading reading;
    open_reading(&reading, false);
    read_piece(&reading, STR(OK "ETag: \"a\"\r\nContent-Length: 0\r\n\r\n"));
    cr_assert(http_answer_parser_has_begun(&reading.parser));
    http_answer_parser_start(&reading.parser, false);
    cr_assert_not(http_answer_parser_has_begun(&reading.parser));
    read_piece(
        &reading, STR("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
    cr_assert_eq(reading.last, HTTP_ANSWER_END);
    cr_assert_eq(reading.parser.status, 404);
    cr_assert_null(http_answer_parser_field(&reading.parser, HTTP_ETAG).at);
    close_reading(&reading);
}
