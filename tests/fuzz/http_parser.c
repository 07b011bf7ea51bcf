/*
 * The parser of answers under hostile bytes. The first byte says into which pieces the rest is cut,
 * and whether the question was HEAD. Besides what the sanitizers see: whole and in pieces the bytes
 * give the same events and content, the head stays under its limit, and a final event is final.
 */
#include "wire/http_answer_parser.h"

#include "base/must.h"

#include <stdlib.h>

struct reading {
    enum http_answer_event last;
    unsigned status;
    bool is_persistent;
    size_t unread;
    struct buf body;
};

static bool is_final(enum http_answer_event event)
{
    return event == HTTP_ANSWER_END || event == HTTP_ANSWER_BROKEN || event == HTTP_ANSWER_OVERLONG;
}

static size_t read_piece(struct http_answer_parser *parser, struct reading *reading, struct str in)
{
    struct str body;
    do {
        reading->last = http_answer_parser_step(parser, &in, &body);
        if (reading->last == HTTP_ANSWER_BODY) {
            must(buf_append_str(&reading->body, body));
        }
    } while (reading->last == HTTP_ANSWER_HEAD || reading->last == HTTP_ANSWER_BODY);
    must(reading->last != HTTP_ANSWER_MORE || in.len == 0);
    must(parser->head.len <= HTTP_HEAD_MAX_BYTES);
    return in.len;
}

static void read_all(struct reading *reading, struct str bytes, size_t piece, bool is_to_head)
{
    struct http_answer_parser parser;
    http_answer_parser_init(&parser);
    http_answer_parser_start(&parser, is_to_head);
    *reading = (struct reading){ .last = HTTP_ANSWER_MORE };
    buf_init(&reading->body, bytes.len + 1);
    size_t at = 0;
    while (at < bytes.len && !is_final(reading->last)) {
        size_t len = bytes.len - at < piece ? bytes.len - at : piece;
        char *copy = malloc(len); /* a block of its own: nothing beyond it may be read */
        memcpy(copy, bytes.at + at, len);
        at += len - read_piece(&parser, reading, (struct str){ copy, len });
        free(copy);
    }
    reading->unread = bytes.len - at;
    enum http_answer_event closed = http_answer_parser_close(&parser);
    must(is_final(closed) && (!is_final(reading->last) || closed == reading->last));
    reading->last = closed;
    if (closed == HTTP_ANSWER_END) {
        must(parser.status >= 200 && parser.status <= 599);
        reading->status = parser.status;
        reading->is_persistent = parser.is_persistent;
    }
    for (int field = 0; field < HTTP_ANSWER_FIELDS; field++) {
        must(closed != HTTP_ANSWER_END || http_is_value(http_answer_parser_field(&parser, field)));
    }
    http_answer_parser_fini(&parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    bool is_to_head = data[0] & 0x80;
    size_t piece = (data[0] & 0x7f) + 1u;
    struct str bytes = { (const char *)data + 1, size - 1 };
    struct reading whole, pieces;
    read_all(&whole, bytes, SIZE_MAX, is_to_head);
    read_all(&pieces, bytes, piece, is_to_head);
    must(whole.last == pieces.last && whole.status == pieces.status);
    must(whole.is_persistent == pieces.is_persistent);
    if (whole.last == HTTP_ANSWER_END) {
        must(whole.unread == pieces.unread);
        must(str_eq(buf_str(&whole.body), buf_str(&pieces.body)));
    }
    buf_release(&whole.body);
    buf_release(&pieces.body);
    return 0;
}
