/*
 * http_server_read: from a client's socket to whole requests.
 *
 * Owns nothing but the order of things: bytes are read while a request is wanted and none is in
 * hand, and each request in hand begins or is turned away before the next is looked at. A plain
 * socket is read with all others of the moment (loop_io), TLS at once, record by record. Promises:
 * (1) the intake is asked whether it wants more after HTTP_INTAKE_PIECE_BYTES at most; (2) a socket
 * is read until it is known to hold nothing, for epoll tells of an edge once.
 */
#include "http_connection.h"

#include "../base/clock.h"
#include "../base/must.h"

#include <errno.h>

/* Until a request is whole, or only its head where it is streamed. */
static bool is_in_hand(const struct http_intake *intake)
{
    return !http_intake_wants(intake) || intake->is_streamed;
}

static bool may_read(const struct connection *connection)
{
    return connection->guard.stage == HTTP_GUARD_OURS && connection->exchange.state == NONE &&
           connection->has_bytes && !is_in_hand(&connection->intake);
}

/* ---- what is in hand ---- */

/* Whole, and told in the plainest words: its answer needs no ceremony. */
static bool is_plain(const struct http_intake *intake)
{
    const struct http_head *head = &intake->head;
    return intake->phase == HTTP_INTAKE_WHOLE && !head->is_last && !head->is_http_1_0 &&
           !str_eq(head->method, STR("HEAD"));
}

/* False: it is to be served. */
static bool turn_away(struct connection *connection)
{
    const struct http_server *server = connection->server;
    struct buf *answer = &connection->answer.head;
    if (!server->user.turns_away || server->is_draining || !is_plain(&connection->intake)) {
        return false;
    }
    struct http_arrived arrived = http_connection_arrived(connection);
    buf_init(answer, HTTP_TURNED_AWAY_MAX_BYTES);
    if (!server->user.turns_away(server->user.context, &arrived, answer)) {
        return false;
    }
    must(answer->len > 0 && !answer->is_overfull);
    connection->has_asked = true;
    connection->exchange.state = TURNED_AWAY;
    http_connection_forget_request(connection); /* the next one's memory is warm then */
    http_connection_write(connection);
    return true;
}

/*
 * RFC 9110 section 10.1.1. All answers before are written out, so the line is free. False: it does
 * not take 25 bytes.
 */
static bool invite(struct connection *connection)
{
    const struct http_intake *intake = &connection->intake;
    const struct str words = STR("HTTP/1.1 100 Continue\r\n\r\n");
    bool is_due = intake->phase == HTTP_INTAKE_BODY && intake->head.expects_continue &&
                  intake->body.len == 0 && !connection->has_invited;
    size_t len = words.len;
    if (is_due) {
        connection->has_invited = true;
        http_guard_write(&connection->guard, words, &len);
    }
    return len == words.len;
}

static void judge(struct connection *connection)
{
    const struct http_intake *intake = &connection->intake;
    bool is_silent = intake->phase == HTTP_INTAKE_IDLE && !connection->has_bytes;
    if (is_in_hand(intake)) {
        if (!turn_away(connection)) {
            http_connection_begin(connection);
        }
    } else if (!invite(connection) || (connection->is_let_go && is_silent)) {
        http_connection_close(connection);
    }
}

void http_connection_look(struct connection *connection)
{
    judge(connection);
    http_connection_read(connection);
}

/* ---- reading ---- */

/* `is_drained`: there was no more. */
static void take(struct connection *connection, struct str bytes, bool is_drained)
{
    struct http_intake *intake = &connection->intake;
    enum http_intake_phase before = intake->phase;
    connection->has_bytes = !is_drained;
    if (bytes.len) {
        http_intake_feed(intake, bytes, clock_now_us());
    }
    if (intake->phase != before) {
        http_connection_moved(connection);
    }
}

/* TLS has read ahead what no edge would tell of: it is drained when it says so. */
static void read_now(struct connection *connection)
{
    char *scratch = connection->server->scratch;
    while (may_read(connection)) {
        size_t len;
        enum http_guard_io io =
            http_guard_read(&connection->guard, scratch, HTTP_INTAKE_PIECE_BYTES, &len);
        if (io == HTTP_GUARD_ENDED) {
            http_connection_close(connection);
            return;
        }
        take(connection, (struct str){ scratch, len }, io == HTTP_GUARD_LATER);
        judge(connection);
    }
}

void http_connection_has_read(struct batch_io *reading, ssize_t result)
{
    struct connection *connection = container_of(reading, struct connection, reading);
    if (result > 0 || result == -EAGAIN) {
        size_t len = result > 0 ? (size_t)result : 0;
        struct str bytes = { reading->pieces[0].iov_base, len };
        take(connection, bytes, len < HTTP_INTAKE_PIECE_BYTES);
        http_connection_look(connection);
    } else {
        http_connection_close(connection);
    }
}

void http_connection_read(struct connection *connection)
{
    if (connection->guard.session) {
        read_now(connection);
    } else if (may_read(connection) && connection->reading.place == 0) {
        connection->reading.count = 0;
        loop_io(connection->server->loop, &connection->reading);
    }
}
