/*
 * http_intake: from bytes to whole requests.
 *
 * Owns the bytes of one connection: the head, the body and what was read ahead. Promises: (1)
 * memory is bounded by the limits given at birth and by the longest feed, and an idle connection
 * holds none; of a streamed body only the last pieces are here, and somebody else takes them out;
 * (2) a request is WHOLE only when its last byte is here, and no byte behind it is looked at before
 * http_intake_next; (3) REFUSED is final; (4) a head is refused at its first impossible byte, not
 * at its end. Pure: no socket, no clock, no library, so the same bytes give the same requests
 * however they are cut into feeds.
 */
#include "http_intake.h"

#include "../base/must.h"

#include <stdalign.h>
#include <stdlib.h>

/* ---- the whole ---- */

void http_intake_init(struct http_intake *intake, const struct http_intake_limits *limits)
{
    *intake = (struct http_intake){ .limits = limits };
    buf_init(&intake->bytes, limits->head_max_bytes);
    buf_init(&intake->body, limits->body_max_bytes);
    buf_init(&intake->ahead, SIZE_MAX / 2);
    http_chunks_init(&intake->chunks, limits->body_max_bytes);
}

void http_intake_release(struct http_intake *intake)
{
    if (intake->bytes.data) {
        buf_release(&intake->bytes);
        free(intake->own_fields);
    }
    if (intake->head.framing != HTTP_NO_BODY) {
        buf_release(&intake->body);
        http_chunks_release(&intake->chunks);
    }
    buf_release(&intake->ahead);
    http_intake_init(intake, intake->limits);
}

/* What nearly every head and its fields fit in. */
static void take_room(struct http_intake *intake)
{
    size_t cap = intake->bytes.cap;
    buf_reserve(&intake->bytes, cap < HTTP_INTAKE_ROOM_BYTES ? cap : HTTP_INTAKE_ROOM_BYTES);
}

bool http_intake_wants(const struct http_intake *intake)
{
    return intake->phase < HTTP_INTAKE_WHOLE;
}

void http_intake_refuse(struct http_intake *intake, enum http_refusal refusal)
{
    intake->phase = HTTP_INTAKE_REFUSED;
    intake->refusal = refusal;
    buf_release(&intake->ahead);
}

/* ---- the head ---- */

/* The first line alone may be too long: then it is the target that is. */
static bool is_target_too_long(const struct http_intake *intake)
{
    size_t line_max =
        intake->limits->target_max_bytes + HTTP_METHOD_MAX_BYTES + sizeof(" HTTP/1.1\r\n");
    struct str scanned = { intake->bytes.data, intake->lines.at };
    const char *end = intake->lines.count ? memchr(scanned.at, '\n', scanned.len) : NULL;
    return (end ? (size_t)(end - scanned.at) : scanned.len) > line_max;
}

/* For `count` of them: behind the head, which is whole, where its room is large enough. */
static struct http_field *fields_room(struct http_intake *intake, size_t count)
{
    const size_t align = alignof(struct http_field);
    size_t at = (intake->bytes.len + BUF_PADDING + align - 1) / align * align;
    size_t bytes = count * sizeof(struct http_field);
    if (at + bytes <= intake->bytes.room + BUF_PADDING) {
        return (struct http_field *)(void *)(intake->bytes.data + at);
    }
    intake->own_fields = malloc(bytes);
    must(intake->own_fields != NULL); /* 3 KB at most */
    return intake->own_fields;
}

static void end_head(struct http_intake *intake)
{
    struct http_head *head = &intake->head;
    size_t room = intake->lines.count < HTTP_FIELDS_MAX ? intake->lines.count : HTTP_FIELDS_MAX;
    struct http_field *fields = fields_room(intake, room);
    enum http_refusal refusal =
        http_head_parse(head, intake->bytes.data, intake->bytes.len, fields, room);
    if (refusal == HTTP_REFUSED_NOT && head->target.len > intake->limits->target_max_bytes) {
        refusal = HTTP_REFUSED_TARGET_TOO_LONG;
    }
    uint64_t body_max_bytes = intake->limits->body_max_bytes;
    bool is_streamed = refusal == HTTP_REFUSED_NOT && intake->limits->streams &&
                       intake->limits->streams(
                           intake->limits->context, head->method, head->target, &body_max_bytes);
    if (refusal == HTTP_REFUSED_NOT && head->length > body_max_bytes) {
        refusal = HTTP_REFUSED_BODY_TOO_LARGE;
    }
    if (refusal != HTTP_REFUSED_NOT) {
        http_intake_refuse(intake, refusal);
        return;
    }
    if (is_streamed) {
        intake->is_streamed = true;
        intake->body.cap = HTTP_INTAKE_PIECE_BYTES;
        intake->chunks.room = body_max_bytes;
    }
    bool has_body = head->framing != HTTP_NO_BODY;
    intake->phase = has_body ? HTTP_INTAKE_BODY : HTTP_INTAKE_WHOLE;
}

static bool skip_empty_line(struct http_intake *intake)
{
    if (intake->has_skipped_line) {
        return false;
    }
    intake->has_skipped_line = true;
    intake->lines = (struct http_lines){ 0 };
    buf_clear(&intake->bytes);
    return true;
}

/* Returns how many of the bytes were taken. */
static size_t take_head(struct http_intake *intake, struct str bytes)
{
    struct buf *head = &intake->bytes;
    size_t before = head->len;
    size_t room = head->cap - before;
    bool has_room = room && buf_append(head, bytes.at, bytes.len < room ? bytes.len : room);
    enum http_scan scan = http_lines_scan(&intake->lines, buf_str(head));
    if (is_target_too_long(intake)) {
        http_intake_refuse(intake, HTTP_REFUSED_TARGET_TOO_LONG);
    } else if (!has_room) {
        http_intake_refuse(intake, HTTP_REFUSED_HEAD_TOO_LARGE);
    } else if (scan == HTTP_SCAN_BAD) {
        http_intake_refuse(intake, HTTP_REFUSED_MALFORMED);
    }
    if (scan != HTTP_SCAN_END || !http_intake_wants(intake)) {
        return head->len - before;
    }
    size_t used = intake->lines.at - before;
    head->len = intake->lines.at;
    if (intake->lines.count > 1) {
        end_head(intake);
    } else if (!skip_empty_line(intake)) {
        http_intake_refuse(intake, HTTP_REFUSED_MALFORMED);
    }
    return used;
}

/* ---- the body ---- */

static size_t take_length(struct http_intake *intake, struct str bytes)
{
    uint64_t left = intake->head.length - intake->body_bytes;
    size_t len = bytes.len < left ? bytes.len : (size_t)left;
    intake->body_bytes += len;
    if (!buf_append(&intake->body, bytes.at, len)) {
        http_intake_refuse(intake, HTTP_REFUSED_BODY_TOO_LARGE);
    } else if (intake->body_bytes == intake->head.length) {
        intake->phase = HTTP_INTAKE_WHOLE;
    }
    return len;
}

static size_t take_chunks(struct http_intake *intake, struct str bytes)
{
    size_t used, before = intake->body.len;
    enum http_refusal refusal = http_chunks_take(&intake->chunks, bytes, &intake->body, &used);
    intake->body_bytes += intake->body.len - before;
    if (refusal != HTTP_REFUSED_NOT) {
        http_intake_refuse(intake, refusal);
    } else if (intake->chunks.stage == HTTP_CHUNKS_END) {
        intake->phase = HTTP_INTAKE_WHOLE;
    }
    return used;
}

/* ---- the door ---- */

void http_intake_feed(struct http_intake *intake, struct str bytes, uint64_t now_us)
{
    must(http_intake_wants(intake));
    while (bytes.len && http_intake_wants(intake)) {
        size_t used;
        if (intake->phase == HTTP_INTAKE_IDLE) {
            intake->phase = HTTP_INTAKE_HEAD;
            intake->first_byte_us = now_us;
            take_room(intake);
        }
        if (intake->phase == HTTP_INTAKE_HEAD) {
            used = take_head(intake, bytes);
        } else if (intake->head.framing == HTTP_LENGTH) {
            used = take_length(intake, bytes);
        } else {
            used = take_chunks(intake, bytes);
        }
        bytes = str_from(bytes, used);
    }
    bool is_ahead = bytes.len && intake->phase == HTTP_INTAKE_WHOLE;
    if (is_ahead && !buf_append_str(&intake->ahead, bytes)) {
        intake->head.is_last = true; /* without memory the connection ends with this request */
    }
}

void http_intake_next(struct http_intake *intake, uint64_t now_us)
{
    must(intake->phase == HTTP_INTAKE_WHOLE);
    struct buf ahead = intake->ahead;
    buf_init(&intake->ahead, ahead.cap);
    http_intake_release(intake);
    if (ahead.len) {
        http_intake_feed(intake, buf_str(&ahead), now_us);
        buf_release(&ahead);
    }
}

struct http_arrived http_intake_arrived(
    const struct http_intake *intake, bool is_tls, const struct sockaddr_storage *peer)
{
    bool is_chunked = intake->head.framing == HTTP_CHUNKED;
    bool is_streamed = intake->is_streamed && intake->refusal == HTTP_REFUSED_NOT;
    return (struct http_arrived){
        .refused = intake->refusal,
        .method = intake->head.method,
        .target = intake->head.target,
        .body = is_streamed ? STR("") : buf_str(&intake->body),
        .is_streamed = is_streamed,
        .length = is_chunked ? PIPE_LENGTH_UNKNOWN : intake->head.length,
        .fields = intake->head.fields,
        .fields_count = intake->head.fields_count,
        .first_byte_us = intake->first_byte_us,
        .is_tls = is_tls,
        .peer = *peer,
    };
}
