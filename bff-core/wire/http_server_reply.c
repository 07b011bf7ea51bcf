/*
 * http_server_reply: the answer to an exchange that is not streamed, put together and sent off.
 *
 * Owns nothing. Knows neither sockets nor how an answer is written.
 */
#include "../base/must.h"
#include "http_connection.h"

static void reply(struct connection *connection, struct http_server_head *head, struct buf *body)
{
    struct http_sender *sender = &connection->sender;
    http_connection_form(connection, head);
    if (http_server_head_append(&sender->head, head) == HTTP_OUT_LENGTH && head->length > 0) {
        connection->exchange.body_bytes = body->len;
        http_sender_add_body(sender, body);
    }
    connection->exchange.is_last = head->is_last;
    http_sender_start(sender);
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
    if (connection->stream) {
        http_server_stream_reply(connection, &head, body);
    } else {
        reply(connection, &head, body);
    }
    if (body) {
        buf_release(body);
    }
}
