/*
 * http_server_stream: streamed exchanges, but for their answer's head.
 *
 * Owns each connection's struct http_stream, from the moment the request's head is whole to the end
 * of the exchange; what happens on the descriptor in between is the stream's. Promises the user the
 * same as http_connection does; `done` is the last of the calls, and comes once. Does not know what
 * becomes of the connection then.
 */
#include "http_server_stream.h"

#include "../base/must.h"

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

static enum http_server_stream_verdict end(struct connection *connection, bool is_sent)
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
    return is_kept ? HTTP_SERVER_STREAM_KEEPS : HTTP_SERVER_STREAM_CLOSES;
}

enum http_server_stream_verdict http_server_stream_turn(struct connection *connection)
{
    const struct http_server_user *user = &connection->server->user;
    struct http_exchange *exchange = &connection->exchange;
    struct http_stream *stream = connection->stream;
    const struct http_intake *intake = &connection->intake;
    if (stream->is_lost && exchange->state == OPEN) {
        user->gone(exchange->owner);
    }
    if (stream->is_lost || stream->is_answered) {
        return end(connection, stream->is_answered);
    }
    if (intake->phase == HTTP_INTAKE_REFUSED && !exchange->is_refusal_told) {
        exchange->is_refusal_told = true;
        user->refused(exchange->owner, intake->refusal);
    }
    return HTTP_SERVER_STREAM_GOES_ON;
}

/* ---- what the user does beside answering ---- */

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
