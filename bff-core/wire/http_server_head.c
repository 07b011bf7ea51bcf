/*
 * http_server_head: the head of an answer, where the library does not write it.
 *
 * Owns the rules of RFC 9110 section 6.4 and RFC 9112 section 6 for our own answers: which of them
 * have content, how its end is told, and what is said of it. Promises that no byte of a field can
 * end its line or the head: where one would, a bare 500 is sent. The library's only part is the
 * table of reasons.
 */
#include "http_server_head.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/must.h"

#include <microhttpd.h>
#include <time.h>

/* No byte of theirs could end a line, and they fit HTTP_REPLY_FIELDS_MAX_BYTES. */
static bool can_write(const struct http_field *fields, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        struct str name = fields[i].name, value = fields[i].value;
        total += name.len + sizeof(": \r\n") - 1 + value.len;
        if (name.len == 0 || memchr(name.at, '\0', name.len) || str_has_control(value) ||
            total > HTTP_REPLY_FIELDS_MAX_BYTES) {
            return false;
        }
    }
    return true;
}

/* The mistake is ours: the client gets an answer that is whole all the same. */
static void make_bare(struct http_server_head *head)
{
    log_error("The fields of an answer cannot be written; the client gets a bare 500.");
    head->status = 500;
    head->fields_count = 0;
    head->length = 0;
}

static enum http_outflow_framing framing_of(const struct http_server_head *head)
{
    if (head->is_to_head || head->status == 204 || head->status == 304) {
        return HTTP_OUT_NOTHING;
    }
    if (head->length != PIPE_LENGTH_UNKNOWN) {
        return HTTP_OUT_LENGTH;
    }
    return head->is_to_http_1_0 ? HTTP_OUT_UNTIL_CLOSE : HTTP_OUT_CHUNKED;
}

/* "Tue, 24 Nov 2026 07:12:16 GMT" (RFC 9110 section 5.6.7); the locale is C's. */
static struct str date_of(time_t now)
{
    static _Thread_local char text[64];
    static _Thread_local size_t len;
    static _Thread_local time_t written;
    if (now != written || len == 0) {
        struct tm parts;
        gmtime_r(&now, &parts);
        len = strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts);
        written = now;
    }
    return (struct str){ text, len };
}

static void append_start(struct buf *out, unsigned status)
{
    const char *reason = MHD_get_reason_phrase_for(status);
    buf_append_str(out, STR("HTTP/1.1 "));
    buf_append_u64(out, status);
    buf_append_str(out, STR(" "));
    buf_append_str(out, str_of(reason ? reason : ""));
    buf_append_str(out, STR("\r\nDate: "));
    buf_append_str(out, date_of((time_t)(clock_wall_us() / 1000000)));
    buf_append_str(out, STR("\r\n"));
}

static void append_framing(
    struct buf *out, const struct http_server_head *head, enum http_outflow_framing framing)
{
    /* A 204 has no length at all (RFC 9110 section 8.6). */
    if (head->length != PIPE_LENGTH_UNKNOWN && head->status != 204) {
        buf_append_str(out, STR("Content-Length: "));
        buf_append_u64(out, head->length);
        buf_append_str(out, STR("\r\n"));
    } else if (framing == HTTP_OUT_CHUNKED) {
        buf_append_str(out, STR("Transfer-Encoding: chunked\r\n"));
    }
    if (head->is_last) {
        buf_append_str(out, STR("Connection: close\r\n"));
    } else if (head->is_to_http_1_0) {
        buf_append_str(out, STR("Connection: keep-alive\r\n"));
    }
}

enum http_outflow_framing http_server_head_append(struct buf *out, struct http_server_head *head)
{
    must(head->status >= 200 && head->status <= 599);
    bool is_bare = !can_write(head->fields, head->fields_count);
    if (is_bare) {
        make_bare(head);
    }
    enum http_outflow_framing framing = is_bare ? HTTP_OUT_NOTHING : framing_of(head);
    head->is_last |= framing == HTTP_OUT_UNTIL_CLOSE;
    append_start(out, head->status);
    append_framing(out, head, framing);
    for (size_t i = 0; i < head->fields_count; i++) {
        const struct http_field *field = &head->fields[i];
        if (field->value.len) {
            buf_append_str(out, field->name);
            buf_append_str(out, STR(": "));
            buf_append_str(out, field->value);
            buf_append_str(out, STR("\r\n"));
        }
    }
    must(buf_append_str(out, STR("\r\n")));
    return framing;
}
