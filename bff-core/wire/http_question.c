/*
 * http_question: the head of a question, as it is sent (RFC 9112 section 3).
 *
 * Owns the order of its lines and the fields that decide how it is read: Host, Content-Length,
 * Accept-Encoding. Promises: one buffer, ready for one send. That targets and fields carry no byte
 * that could end a line was checked by http_client.
 */
#include "http_question.h"

#include "../base/must.h"
#include "http_call_lines.h"

static bool needs_length(const struct http_call *call)
{
    return call->body.len || call->method == HTTP_POST || call->method == HTTP_PUT ||
           call->method == HTTP_PATCH;
}

static size_t head_room(const struct http_call *call, const struct http_call_options *options)
{
    enum { FIXED_MAX = 160 }; /* method, version, names of our own fields, a length */
    size_t room =
        FIXED_MAX + strlen(call->origin->prefix) + options->target.len + strlen(call->origin->host);
    for (size_t i = 0; i < options->lines_count; i++) {
        room += options->lines[i].text.len;
    }
    for (size_t i = 0; i < options->fields_count; i++) {
        room += http_call_field_len(&options->fields[i]);
    }
    return room;
}

void http_question_write(struct http_call *call, const struct http_call_options *options)
{
    char *head = buf_reserve(&call->request, head_room(call, options));
    must(head != NULL);
    char *to = str_put(head, str_of(http_method_name(call->method)));
    to = str_put(to, STR(" "));
    to = str_put(to, str_of(call->origin->prefix));
    to = str_put(to, options->target);
    to = str_put(to, STR(" HTTP/1.1\r\nHost: "));
    to = str_put(to, str_of(call->origin->host));
    to = str_put(to, STR("\r\n"));
    if (call->origin->asks_gzip && !options->stream) {
        to = str_put(to, STR("Accept-Encoding: gzip\r\n"));
    }
    for (size_t i = 0; i < options->lines_count; i++) {
        to = str_put(to, options->lines[i].text);
    }
    for (size_t i = 0; i < options->fields_count; i++) {
        to = http_call_field_put(to, &options->fields[i]);
    }
    buf_grew(&call->request, (size_t)(to - head));
    const struct http_call_stream *stream = options->stream;
    if (stream && stream->body && stream->length == PIPE_LENGTH_UNKNOWN) {
        buf_append_str(&call->request, STR("Transfer-Encoding: chunked\r\n"));
    } else if (needs_length(call) || (stream && stream->body)) {
        buf_append_str(&call->request, STR("Content-Length: "));
        buf_append_u64(&call->request, stream && stream->body ? stream->length : call->body.len);
        buf_append_str(&call->request, STR("\r\n"));
    }
    must(buf_append_str(&call->request, STR("\r\n")));
}
