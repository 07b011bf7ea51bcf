/*
 * http_server_reply: an answer, put together and sent off.
 *
 * Owns nothing. The user says what the answer is; what follows from the question and from the
 * connection is added here: HEAD, HTTP/1.0, and whether the connection ends with it. Does not know
 * sockets, nor what comes after the answer.
 */
#include "http_server_parts.h"

#include "../base/must.h"

/* What question and connection decide about the head. */
static void complete(const struct connection *connection, struct http_server_head *head)
{
    const struct http_intake *intake = &connection->intake;
    head->is_to_head = str_eq(intake->head.method, STR("HEAD"));
    head->is_to_http_1_0 = intake->head.is_http_1_0;
    head->is_last |= intake->head.is_last || intake->phase == HTTP_INTAKE_REFUSED ||
                     connection->server->is_draining;
}

static void reply_whole(
    struct connection *connection, struct http_server_head *head, struct buf *body)
{
    struct http_sender *sender = &connection->sender;
    if (http_server_head_append(&sender->head, head) == HTTP_OUT_LENGTH && head->length > 0) {
        connection->exchange.body_bytes = body->len;
        http_sender_add_body(sender, body);
    }
    connection->exchange.is_last = head->is_last;
    http_sender_start(sender);
}

static void reply_streamed(struct http_stream *stream, struct http_server_head *head,
    struct pipe *content, struct buf *body)
{
    if (!stream->is_lost) { /* else its turn comes */
        http_stream_reply(stream, head, content, body);
    }
}

void http_reply(struct http_exchange *exchange, unsigned status, const struct http_field *fields,
    size_t fields_count, struct buf *body, enum http_after after)
{
    struct connection *connection = connection_of(exchange);
    struct http_server_head head = {
        .status = status,
        .fields = fields,
        .fields_count = fields_count,
        .length = body ? body->len : 0,
        .is_last = after == HTTP_CLOSE,
    };
    must(exchange->state == OPEN);
    exchange->state = REPLIED;
    complete(connection, &head);
    if (connection->stream) {
        head.is_last |= connection->intake.phase != HTTP_INTAKE_WHOLE; /* nor will it be */
        reply_streamed(connection->stream, &head, NULL, body);
    } else {
        reply_whole(connection, &head, body);
    }
    if (body) {
        buf_release(body);
    }
}

void http_reply_stream(struct http_exchange *exchange, const struct http_stream_answer *answer)
{
    struct connection *connection = connection_of(exchange);
    struct http_server_head head = {
        .status = answer->status,
        .fields = answer->fields,
        .fields_count = answer->fields_count,
        .length = answer->length,
        .is_last = answer->after == HTTP_CLOSE,
    };
    must(exchange->state == OPEN && connection->stream);
    exchange->state = REPLIED;
    complete(connection, &head);
    reply_streamed(connection->stream, &head, answer->content, NULL);
}
