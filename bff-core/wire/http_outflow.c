/*
 * http_outflow: from a pipe to the wire, in the right framing.
 *
 * Owns what is written but not sent: beside the head, one chunk of CHUNK_BYTES at most; content
 * without chunks goes from the pipe to the socket uncopied. Promises that bytes which were once
 * given out come out again unchanged until they are written, as TLS wants it. Knows no socket.
 */
#include "http_outflow.h"

#include "../base/must.h"

enum { CHUNK_BYTES = 16000 }; /* with its frame it fits one TLS record */

void http_outflow_init(struct http_outflow *flow)
{
    *flow = (struct http_outflow){ .framing = HTTP_OUT_NOTHING };
    buf_init(&flow->out, SIZE_MAX / 2); /* of our own making */
}

void http_outflow_fini(struct http_outflow *flow)
{
    buf_release(&flow->out);
}

/* The next chunk, or the last one, into `out` (RFC 9112 section 7.1). */
static void frame(struct http_outflow *flow)
{
    struct str bytes = pipe_peek(flow->content);
    bytes.len = bytes.len < CHUNK_BYTES ? bytes.len : CHUNK_BYTES;
    if (bytes.len) {
        buf_printf(&flow->out, "%zx\r\n", bytes.len);
        buf_append_str(&flow->out, bytes);
        must(buf_append_str(&flow->out, STR("\r\n")));
        flow->sent_bytes += bytes.len;
        pipe_take(flow->content, bytes.len);
    } else if (pipe_is_over(flow->content)) {
        must(buf_append_str(&flow->out, STR("0\r\n\r\n")));
        flow->has_last_chunk = true;
    }
}

struct str http_outflow_next(struct http_outflow *flow)
{
    bool is_chunked = flow->framing == HTTP_OUT_CHUNKED;
    if (flow->out_at == flow->out.len) {
        buf_clear(&flow->out);
        flow->out_at = 0;
        if (flow->content && is_chunked && !flow->has_last_chunk) {
            frame(flow);
        }
    }
    if (flow->out.len || !flow->content || is_chunked) {
        return str_from(buf_str(&flow->out), flow->out_at);
    }
    struct str bytes = pipe_peek(flow->content);
    if (flow->framing == HTTP_OUT_LENGTH && bytes.len > flow->left) {
        bytes.len = (size_t)flow->left;
    }
    return bytes;
}

void http_outflow_wrote(struct http_outflow *flow, size_t len)
{
    if (flow->out.len) {
        flow->out_at += len;
        return;
    }
    flow->left -= flow->framing == HTTP_OUT_LENGTH ? len : 0;
    flow->sent_bytes += len;
    pipe_take(flow->content, len);
}

bool http_outflow_is_sent(const struct http_outflow *flow)
{
    if (flow->out_at < flow->out.len) {
        return false;
    }
    switch (flow->framing) {
    case HTTP_OUT_LENGTH:
        return flow->left == 0;
    case HTTP_OUT_CHUNKED:
        return flow->has_last_chunk;
    case HTTP_OUT_UNTIL_CLOSE:
        return pipe_is_over(flow->content);
    default:
        return true;
    }
}

bool http_outflow_is_wrong(const struct http_outflow *flow)
{
    if (!flow->content || flow->framing != HTTP_OUT_LENGTH) {
        return false;
    }
    return flow->left ? pipe_is_over(flow->content) : flow->content->len > 0;
}
