/*
 * http_server_write: an answer that is not streamed, to its client's socket.
 *
 * Owns what is left of it: the head, and the body where that is too long to be copied behind the
 * head. A plain socket is written with all others of the moment (loop_io), TLS in the soon queue:
 * never from within http_reply. Promises: (1) whoever waits for a client to take more has a
 * deadline; (2) an exchange ends when its last byte is written, or when it cannot be.
 */
#include "http_connection.h"

#include "../base/log.h"
#include "../base/must.h"

#include <errno.h>

enum {
    JOINED_MAX_BYTES = 512,           /* of a body: a copy costs less than a second piece */
    JOINED_TLS_MAX_BYTES = 15 * 1024, /* with most heads it is one record then */
};

/* ---- what is left ---- */

static size_t bytes_left(const struct http_answer_out *answer)
{
    return answer->head.len + answer->body.len - answer->sent;
}

/* How many of two pieces that is. */
static int pieces_left(const struct http_answer_out *answer, struct iovec pieces[2])
{
    size_t in_head = answer->sent < answer->head.len ? answer->sent : answer->head.len;
    struct str parts[] = { str_from(buf_str(&answer->head), in_head),
        str_from(buf_str(&answer->body), answer->sent - in_head) };
    int count = 0;
    for (size_t i = 0; i < 2; i++) {
        if (parts[i].len) {
            pieces[count++] = (struct iovec){ (char *)parts[i].at, parts[i].len };
        }
    }
    return count;
}

static void forget_answer(struct http_answer_out *answer)
{
    buf_release(&answer->head);
    buf_release(&answer->body);
    *answer = (struct http_answer_out){ .sent = 0 };
}

/* ---- writing ---- */

void http_connection_write(struct connection *connection)
{
    struct loop *loop = connection->server->loop;
    struct batch_io *io = &connection->writing;
    connection->answer.is_blocked = false;
    if (connection->guard.session) {
        loop_soon(loop, &connection->soon);
    } else if (io->place == 0) {
        io->count = pieces_left(&connection->answer, io->pieces);
        loop_io(loop, io);
    }
}

/* Who was turned away and does not take it has left too many answers unread. */
static void wait_for_client(struct connection *connection)
{
    unsigned limit_ms = connection->server->options.reply_timeout_ms;
    if (connection->exchange.state == TURNED_AWAY) {
        http_connection_answered(connection, false);
        return;
    }
    connection->answer.is_blocked = true;
    if (limit_ms && !connection->answer.has_limit) {
        connection->answer.has_limit = true;
        http_connection_limit(connection, limit_ms);
    }
}

void http_connection_has_written(struct batch_io *writing, ssize_t result)
{
    struct connection *connection = container_of(writing, struct connection, writing);
    connection->answer.sent += result > 0 ? (size_t)result : 0;
    if (result == -EAGAIN) {
        wait_for_client(connection);
    } else if (result < 0 || bytes_left(&connection->answer) == 0) {
        http_connection_answered(connection, result >= 0);
    } else {
        http_connection_write(connection);
    }
}

void http_connection_write_now(struct connection *connection)
{
    struct http_answer_out *answer = &connection->answer;
    enum http_guard_io io = HTTP_GUARD_SOME;
    struct iovec pieces[2];
    while (io == HTTP_GUARD_SOME && pieces_left(answer, pieces)) {
        size_t len;
        struct str bytes = { pieces[0].iov_base, pieces[0].iov_len };
        io = http_guard_write(&connection->guard, bytes, &len);
        answer->sent += len;
    }
    if (io == HTTP_GUARD_LATER) {
        wait_for_client(connection);
    } else {
        http_connection_answered(connection, io == HTTP_GUARD_SOME);
    }
}

void http_connection_answered(struct connection *connection, bool is_sent)
{
    struct http_server *server = connection->server;
    struct http_exchange exchange = connection->exchange;
    bool is_last = !is_sent || connection->answer.is_last || connection->has_left;
    loop_io_forget(server->loop, &connection->writing);
    loop_soon_forget(server->loop, &connection->soon);
    forget_answer(&connection->answer);
    if (exchange.state == REPLIED) {
        server->user.done(exchange.owner, is_sent, is_sent ? exchange.body_bytes : 0);
    }
    connection->exchange = (struct http_exchange){ .state = NONE };
    if (is_last) {
        http_connection_close(connection);
        return;
    }
    if (exchange.state == REPLIED) { /* else it is forgotten already */
        http_connection_forget_request(connection);
    }
    http_connection_go_on(connection);
}

/* ---- the answer ---- */

/* True: the answer has content, too. */
static bool put_head(struct connection *connection, struct http_server_head *head)
{
    struct http_answer_out *answer = &connection->answer;
    enum http_outflow_framing framing;
    buf_init(&answer->head, SIZE_MAX / 2); /* of our own making */
    if (!http_server_head_append(&answer->head, head, &framing)) {
        log_error("The fields of an answer cannot be written; the client gets a bare 500.");
        head->status = 500;
        head->fields_count = 0;
        head->length = 0;
        must(http_server_head_append(&answer->head, head, &framing));
    }
    return framing == HTTP_OUT_LENGTH && head->length;
}

/* Takes it. */
static void put_body(struct connection *connection, struct buf *body)
{
    struct http_answer_out *answer = &connection->answer;
    bool is_tls = connection->guard.session != NULL;
    if (body->len <= (is_tls ? JOINED_TLS_MAX_BYTES : JOINED_MAX_BYTES)) {
        buf_append_str(&answer->head, buf_str(body));
    } else {
        answer->body = *body;
        buf_init(body, body->cap);
    }
}

void http_reply(struct http_exchange *exchange, unsigned status, const struct http_field *fields,
    size_t fields_count, struct buf *body, enum http_after after)
{
    struct connection *connection = connection_of(exchange);
    const struct http_intake *intake = &connection->intake;
    must(exchange->state == OPEN);
    exchange->state = REPLIED;
    if (connection->stream) {
        http_server_stream_reply(connection, status, fields, fields_count, body, after);
        return;
    }
    struct http_server_head head = {
        .status = status,
        .fields = fields,
        .fields_count = fields_count,
        .length = body ? body->len : 0,
        .is_to_head = str_eq(intake->head.method, STR("HEAD")),
        .is_to_http_1_0 = intake->head.is_http_1_0,
        .is_last = after == HTTP_CLOSE || connection->server->is_draining || intake->head.is_last ||
                   intake->phase == HTTP_INTAKE_REFUSED,
    };
    if (put_head(connection, &head)) {
        exchange->body_bytes = body->len;
        put_body(connection, body);
    }
    if (body) {
        buf_release(body);
    }
    connection->answer.is_last = head.is_last;
    http_connection_write(connection);
}
