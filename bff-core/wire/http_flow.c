/*
 * http_flow: a streamed call, between two pipes and a lane.
 *
 * Owns the question's way out and what is known of the answer's head. Promises: (1) no more of the
 * answer is read than its pipe has room for, no more of the body is taken than the service takes;
 * (2) the call's deadline always belongs to whoever is waited for: until the question is out to
 * each step of it, then to the answer's head, then to each piece; while the far end of a pipe is
 * waited for there is none; (3) the head is told from the soon queue, before `done`. Knows no
 * socket: the lane is woken when a pipe has moved.
 */
#include "http_flow.h"

#include "../base/clock.h"
#include "../base/must.h"

#include <stdlib.h>

static void wake_lane(struct http_flow *flow)
{
    if (flow->call->state == HTTP_UNDER_WAY) {
        flow->call->origin->lane->wake(flow->call);
    }
}

static void body_filled(struct soon *soon)
{
    wake_lane(container_of(soon, struct http_flow, body_filled));
}

static void content_drained(struct soon *soon)
{
    wake_lane(container_of(soon, struct http_flow, content_drained));
}

static void write_question(struct http_flow *flow, const struct http_call_stream *stream)
{
    struct http_outflow *question = &flow->question;
    http_outflow_init(question);
    must(buf_append_str(&question->out, buf_str(&flow->call->request)));
    if (!stream->body) {
        return;
    }
    flow->is_body_piped = true;
    question->framing = stream->length == PIPE_LENGTH_UNKNOWN ? HTTP_OUT_CHUNKED : HTTP_OUT_LENGTH;
    question->left = stream->length;
    question->content = stream->body;
    stream->body->drainer = &flow->body_filled;
}

struct http_flow *http_flow_new(struct http_call *call, const struct http_call_stream *stream)
{
    struct http_flow *flow = malloc(sizeof(*flow));
    must(flow != NULL);
    *flow = (struct http_flow){
        .call = call,
        .body_filled.run = body_filled,
        .content = stream->content,
        .content_drained.run = content_drained,
        .head_ms = stream->head_ms,
        .idle_ms = stream->idle_ms,
        .head_came = stream->head_came,
    };
    stream->content->filler = &flow->content_drained;
    call->parser.lines = flow->lines;
    write_question(flow, stream);
    return flow;
}

void http_flow_leave(struct http_flow *flow, bool is_whole)
{
    struct loop *loop = flow->call->client->loop;
    if (flow->question.content) {
        flow->question.content->drainer = NULL;
        flow->question.content = NULL;
    }
    if (flow->content) {
        flow->content->filler = NULL;
        if (is_whole) {
            pipe_end(flow->content);
        }
        flow->content = NULL;
    }
    loop_soon_forget(loop, &flow->body_filled);
    loop_soon_forget(loop, &flow->content_drained);
}

void http_flow_free(struct http_flow *flow)
{
    must(!flow->content);
    http_outflow_fini(&flow->question);
    free(flow);
}

/* ---- whose time it is ---- */

size_t http_flow_room(struct http_flow *flow)
{
    return pipe_room(flow->content);
}

static void wait_ms(struct http_flow *flow, unsigned ms)
{
    uint64_t due_us = loop_now_us(flow->call->client->loop) + ms * 1000ull;
    loop_deadline(flow->call->client->loop, &flow->call->deadline, due_us);
}

void http_flow_await(struct http_flow *flow)
{
    bool is_sent = http_outflow_is_sent(&flow->question);
    bool awaits_service = !is_sent && flow->awaits_taking;
    if (!flow->is_body_piped && !flow->has_head) {
        return; /* the deadline with which it started */
    }
    if (is_sent && !flow->has_head) {
        if (!flow->is_asked) {
            wait_ms(flow, flow->head_ms);
        }
        flow->is_asked = true;
        return;
    }
    awaits_service |= flow->has_head && http_flow_room(flow) > 0;
    if (awaits_service) {
        wait_ms(flow, flow->idle_ms);
    } else {
        loop_deadline_clear(flow->call->client->loop, &flow->call->deadline);
    }
}

/* ---- the answer ---- */

void http_flow_take_head(struct http_flow *flow)
{
    flow->has_head = flow->is_head_due = true;
    loop_soon(flow->call->client->loop, &flow->call->soon);
}

void http_flow_take_body(struct http_flow *flow, struct str bytes)
{
    pipe_put(flow->content, bytes); /* no more was read */
}

void http_flow_tell_head(struct http_flow *flow)
{
    const struct http_answer_parser *parser = &flow->call->parser;
    struct http_call_field fields[HTTP_ANSWER_LINES_MAX];
    for (size_t i = 0; i < parser->lines_count; i++) {
        http_answer_parser_line(parser, i, &fields[i].name, &fields[i].value);
    }
    struct http_call_head head = {
        .status = parser->status,
        .fields = fields,
        .fields_count = parser->lines_count,
        .length = parser->has_length ? parser->length : PIPE_LENGTH_UNKNOWN,
    };
    flow->is_head_due = false;
    flow->head_came(flow->call->context, &head);
}
