/*
 * http_server_stream: streamed exchanges.
 *
 * Owns each connection's struct http_stream, from the moment the request's head is whole to the end
 * of the exchange; what happens on the descriptor in between is the stream's. Promises the user the
 * same as http_connection does; `done` is the last of the calls, and comes once.
 */
#include "../base/must.h"
#include "http_connection.h"

#include <stdlib.h>

static void note(struct http_stream *stream)
{
    struct connection *connection = container_of(stream->guard, struct connection, guard);
    loop_soon(stream->loop, &connection->soon);
}

void http_server_stream_open(struct connection *connection)
{
    struct http_server *server = connection->server;
    connection->stream = malloc(sizeof(*connection->stream));
    must(connection->stream != NULL);
    http_stream_init(connection->stream, server->loop, &connection->guard, &connection->intake,
        server->scratch, server->options.stream_idle_timeout_ms);
    connection->stream->changed = note;
}

static void end(struct connection *connection, bool is_sent)
{
    struct http_server *server = connection->server;
    struct http_stream *stream = connection->stream;
    uint64_t sent_bytes = stream->answer.sent_bytes;
    bool is_kept = is_sent && !stream->is_last && !server->is_draining &&
                   connection->intake.phase == HTTP_INTAKE_WHOLE;
    if (!is_sent && stream->has_begun) {
        http_guard_reset(&connection->guard);
    }
    http_stream_fini(stream);
    free(stream);
    connection->stream = NULL;
    server->user.done(connection->exchange.owner, is_sent, sent_bytes);
    connection->exchange = (struct http_exchange){ .state = NONE };
    if (is_kept) {
        connection->receiver.has_bytes = true;
        http_connection_forget_request(connection);
        http_connection_go_on(connection);
    } else {
        http_connection_close(connection);
    }
}

void http_server_stream_turn(struct connection *connection)
{
    const struct http_server_user *user = &connection->server->user;
    struct http_exchange *exchange = &connection->exchange;
    struct http_stream *stream = connection->stream;
    const struct http_intake *intake = &connection->intake;
    if (stream->is_lost && exchange->state == OPEN) {
        user->gone(exchange->owner);
    }
    if (stream->is_lost || stream->is_answered) {
        end(connection, stream->is_answered);
    } else if (intake->phase == HTTP_INTAKE_REFUSED && !exchange->is_refusal_told) {
        exchange->is_refusal_told = true;
        user->refused(exchange->owner, intake->refusal);
    }
}

/* ---- the answer ---- */

static void reply(struct connection *connection, struct http_server_head *head,
    struct pipe *content, struct buf *body)
{
    struct http_stream *stream = connection->stream;
    http_connection_form(connection, head);
    if (!stream->is_lost) { /* else its turn comes */
        http_stream_reply(stream, head, content, body);
    }
}

void http_server_stream_reply(
    struct connection *connection, struct http_server_head *head, struct buf *body)
{
    head->is_last |= connection->intake.phase != HTTP_INTAKE_WHOLE; /* nor will it be */
    reply(connection, head, NULL, body);
}

void http_reply_stream(struct http_exchange *exchange, const struct http_stream_answer *answer)
{
    must(exchange->state == OPEN && connection_of(exchange)->stream);
    exchange->state = REPLIED;
    struct http_server_head head = {
        .status = answer->status,
        .fields = answer->fields,
        .fields_count = answer->fields_count,
        .length = answer->length,
        .is_last = answer->after == HTTP_CLOSE,
    };
    reply(connection_of(exchange), &head, answer->content, NULL);
}

/* ---- the rest of the interface ---- */

void http_exchange_read(struct http_exchange *exchange, struct pipe *into)
{
    http_stream_read(connection_of(exchange)->stream, into);
}

uint64_t http_exchange_read_bytes(const struct http_exchange *exchange)
{
    const struct connection *connection =
        container_of((struct http_exchange *)exchange, struct connection, exchange);
    return connection->intake.body_bytes;
}

void http_exchange_cut(struct http_exchange *exchange)
{
    must(exchange->state == REPLIED);
    http_stream_cut(connection_of(exchange)->stream);
}
