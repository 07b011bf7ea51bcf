/*
 * http_stream: one streamed request, from its client's socket and back to it.
 *
 * Owns what lies between the guard and two pipes. Promises: (1) nothing is read while the body's
 * pipe is full, so the client is held up by TCP itself; nothing is taken from the content's pipe
 * but what the client's socket takes, and a chunk; (2) an answer that was begun either ends as its
 * head said, or its connection is reset; (3) a client that is waited for and neither sends nor
 * takes for idle_timeout_ms is refused (408), or reset where the answer has begun; waiting for the
 * other side of a pipe is no fault of the client's; (4) `changed` is told with anything on the
 * stack, and never after is_lost or is_answered. Does not know the library, exchanges, or what the
 * bytes are.
 */
#include "http_stream.h"

#include "../base/clock.h"
#include "../base/must.h"

#include <sys/epoll.h>

static bool is_over(const struct http_stream *stream)
{
    return stream->is_lost || stream->is_answered;
}

static void lose(struct http_stream *stream)
{
    if (!is_over(stream)) {
        stream->is_lost = true;
        stream->changed(stream);
    }
}

static void await_client(struct http_stream *stream)
{
    if (!is_over(stream) && (stream->awaits_bytes || stream->awaits_taking)) {
        uint64_t due_us = loop_now_us(stream->loop) + stream->idle_timeout_ms * 1000ull;
        loop_deadline(stream->loop, &stream->idle, due_us);
    } else {
        loop_deadline_clear(stream->loop, &stream->idle);
    }
}

/* ---- the body ---- */

static void leave_body(struct http_stream *stream)
{
    stream->body->filler = NULL;
    stream->body = NULL;
    loop_soon_forget(stream->loop, &stream->body_drained);
}

/* From the intake into the pipe, and as much again from the client. False: that is all for now. */
static bool read_some(struct http_stream *stream)
{
    struct http_intake *intake = stream->intake;
    pipe_put(stream->body, buf_str(&intake->body)); /* what was read had room */
    buf_clear(&intake->body);
    size_t room = http_intake_wants(intake) ? pipe_room(stream->body) : 0;
    if (room == 0) {
        return false;
    }
    size_t max = room < HTTP_INTAKE_PIECE_BYTES ? room : HTTP_INTAKE_PIECE_BYTES, len;
    switch (http_guard_read(stream->guard, stream->scratch, max, &len)) {
    case HTTP_GUARD_SOME:
        http_intake_feed(intake, (struct str){ stream->scratch, len }, clock_now_us());
        return true;
    case HTTP_GUARD_LATER:
        stream->awaits_bytes = true;
        return false;
    default:
        lose(stream);
        return false;
    }
}

static void read_on(struct http_stream *stream)
{
    const struct http_intake *intake = stream->intake;
    stream->awaits_bytes = false;
    while (stream->body && !is_over(stream) && read_some(stream)) {
    }
    if (stream->body && intake->phase == HTTP_INTAKE_WHOLE) {
        pipe_end(stream->body);
        leave_body(stream);
    } else if (stream->body && intake->phase == HTTP_INTAKE_REFUSED) {
        leave_body(stream);
        stream->changed(stream);
    }
    await_client(stream);
}

static void body_drained(struct soon *soon)
{
    read_on(container_of(soon, struct http_stream, body_drained));
}

/* ---- the answer ---- */

static void all_written(struct http_stream *stream)
{
    if (!stream->has_begun) {
        return; /* that was 100 Continue */
    }
    if (http_outflow_is_wrong(&stream->answer)) {
        http_stream_cut(stream);
    } else if (http_outflow_is_sent(&stream->answer)) {
        stream->is_answered = true;
        stream->changed(stream);
    }
}

static void write_on(struct http_stream *stream)
{
    enum http_guard_io io = HTTP_GUARD_SOME;
    struct str bytes = { NULL, 0 };
    while (!is_over(stream) && io == HTTP_GUARD_SOME &&
           (bytes = http_outflow_next(&stream->answer)).len) {
        size_t written;
        io = http_guard_write(stream->guard, bytes, &written);
        http_outflow_wrote(&stream->answer, written);
    }
    stream->awaits_taking = io == HTTP_GUARD_LATER;
    if (io == HTTP_GUARD_ENDED) {
        lose(stream);
    } else if (!is_over(stream) && bytes.len == 0) {
        all_written(stream);
    }
    await_client(stream);
}

static void content_filled(struct soon *soon)
{
    write_on(container_of(soon, struct http_stream, content_filled));
}

/* ---- the client ---- */

static void idled(struct deadline *deadline)
{
    struct http_stream *stream = container_of(deadline, struct http_stream, idle);
    if (stream->awaits_taking) {
        http_stream_cut(stream);
        return;
    }
    stream->awaits_bytes = false;
    leave_body(stream);
    http_intake_refuse(stream->intake, HTTP_REFUSED_SLOW);
    stream->changed(stream);
}

void http_stream_ready(struct http_stream *stream, uint32_t events)
{
    if (is_over(stream)) {
        return;
    }
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        lose(stream);
        return;
    }
    if (events & EPOLLIN) {
        read_on(stream);
    }
    if (events & EPOLLOUT) {
        write_on(stream);
    }
}

/* ---- the doors ---- */

void http_stream_init(struct http_stream *stream, struct loop *loop, struct http_guard *guard,
    struct http_intake *intake, char *scratch, unsigned idle_timeout_ms)
{
    must(guard->stage == HTTP_GUARD_OURS && intake->is_streamed);
    *stream = (struct http_stream){
        .loop = loop,
        .guard = guard,
        .intake = intake,
        .scratch = scratch,
        .idle_timeout_ms = idle_timeout_ms,
        .body_drained.run = body_drained,
        .content_filled.run = content_filled,
        .idle.expired = idled,
    };
    http_outflow_init(&stream->answer);
}

void http_stream_fini(struct http_stream *stream)
{
    if (stream->body) {
        leave_body(stream);
    }
    if (stream->answer.content) {
        stream->answer.content->drainer = NULL;
    }
    loop_soon_forget(stream->loop, &stream->content_filled);
    loop_deadline_clear(stream->loop, &stream->idle);
    http_outflow_fini(&stream->answer);
}

/* RFC 9110 section 10.1.1: whoever sends already needs no invitation. */
static void invite(struct http_stream *stream)
{
    const struct http_intake *intake = stream->intake;
    bool is_due = intake->phase == HTTP_INTAKE_BODY && intake->head.expects_continue &&
                  intake->body_bytes == 0;
    if (is_due && !stream->has_begun) {
        buf_append_str(&stream->answer.out, STR("HTTP/1.1 100 Continue\r\n\r\n"));
        write_on(stream);
    }
}

void http_stream_read(struct http_stream *stream, struct pipe *into)
{
    must(!stream->body && into->cap >= HTTP_INTAKE_PIECE_BYTES && into->taken_bytes == 0);
    into->filler = &stream->body_drained;
    stream->body = into;
    invite(stream);
    read_on(stream);
}

void http_stream_reply(struct http_stream *stream, struct http_server_head *head,
    struct pipe *content, struct buf *body)
{
    must(!stream->has_begun);
    struct http_outflow *out = &stream->answer;
    out->framing = http_server_head_append(&out->out, head);
    stream->has_begun = true;
    stream->is_last = head->is_last;
    bool has_content = out->framing != HTTP_OUT_NOTHING;
    if (has_content && content) {
        out->left = head->length;
        out->content = content;
        content->drainer = &stream->content_filled;
    } else if (has_content && body) {
        must(buf_append_str(&out->out, buf_str(body)));
        out->sent_bytes = body->len;
    }
    if (body) {
        buf_release(body);
    }
    write_on(stream);
}

void http_stream_cut(struct http_stream *stream)
{
    if (!is_over(stream)) {
        http_guard_reset(stream->guard);
        lose(stream);
    }
}
