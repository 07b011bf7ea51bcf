/*
 * http_connection: what a client's connection is at, and how long it may be.
 *
 * Owns one struct connection per client, with its exchange, its place in the server's list and the
 * deadline of its phase. An exchange goes through
 *
 *     NONE > OPEN (the user has it) > REPLIED (its answer is on its way) > NONE
 *     NONE > TURNED_AWAY (the same, of a request that the user was never given) > NONE
 *
 * Promises: (1) the user is called with nothing else on the stack: from an event, a read or a write
 * that was done, a deadline or the soon queue, and never from within http_reply; (2) each phase has
 * its deadline, and one that passes it is closed, or answered when a request had begun; (3) a
 * leaving client is seen while its request is served (RDHUP). Does not know what the library does
 * with a connection that is not ours.
 */
#include "http_connection.h"

#include "../base/clock.h"
#include "../base/must.h"
#include "http_server_stream.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    DRAIN_FRESH_MS = 1000, /* for a connection that has not asked anything when the drain begins */
    LEFT = EPOLLRDHUP | EPOLLHUP | EPOLLERR,
};

_Static_assert((int)HTTP_RECEIVER_BYTES <= (int)HTTP_INTAKE_PIECE_BYTES, "fed as it was read");

/* ---- deadlines ---- */

/* From this moment on: the loop's own time may be older than the connection. */
static void limit(struct connection *connection, unsigned ms)
{
    struct loop *loop = connection->server->loop;
    loop_deadline(loop, &connection->deadline, clock_now_us() + (uint64_t)ms * 1000);
}

/* The intake's phase has changed, or begun again: another deadline counts. */
static void moved(struct connection *connection)
{
    const struct http_server_options *options = &connection->server->options;
    switch (connection->intake.phase) {
    case HTTP_INTAKE_IDLE:
        limit(connection, options->idle_timeout_ms);
        break;
    case HTTP_INTAKE_HEAD:
        if (connection->has_asked) { /* else it counts from accept */
            limit(connection, options->head_timeout_ms);
        }
        break;
    case HTTP_INTAKE_BODY:
        limit(connection, options->body_timeout_ms);
        break;
    case HTTP_INTAKE_WHOLE:
    case HTTP_INTAKE_REFUSED:
        break; /* what is set means nothing now, and is mostly set anew before it expires */
    }
}

/* ---- its end ---- */

/*
 * The client hears of its end, and the library gets the connection back, to close it. Nothing
 * happens on it any more.
 */
static void hang_up(struct connection *connection)
{
    struct http_server *server = connection->server;
    enum http_guard_stage stage = connection->guard.stage;
    must(connection->exchange.state == NONE);
    loop_deadline_clear(server->loop, &connection->deadline);
    loop_soon_forget(server->loop, &connection->soon);
    if (stage == HTTP_GUARD_OURS) {
        http_receiver_forget(&connection->receiver);
        connection->guard.stage = HTTP_GUARD_CLOSING;
        if (!connection->has_left) {
            http_guard_end(&connection->guard);
        }
        http_daemon_give_back(&server->daemon, &connection->handle);
    } else if (stage != HTTP_GUARD_CLOSING) {
        connection->guard.stage = HTTP_GUARD_CLOSING;
        shutdown(connection->guard.fd, SHUT_RDWR); /* the library sees a hang-up, and closes */
    }
}

/* ---- requests ---- */

/* The one in hand is over, and its memory given back; some of the next may be here already. */
static void forget_request(struct connection *connection)
{
    connection->has_invited = false;
    http_intake_next(&connection->intake, loop_now_us(connection->server->loop));
    moved(connection);
}

static struct http_arrived arrived_of(const struct connection *connection)
{
    bool is_tls = connection->server->options.tls != NULL;
    return http_intake_arrived(&connection->intake, is_tls, &connection->peer);
}

static void begin(struct connection *connection)
{
    struct http_server *server = connection->server;
    struct http_arrived arrived = arrived_of(connection);
    must(connection->exchange.state == NONE);
    connection->has_asked = true;
    connection->exchange = (struct http_exchange){ .state = OPEN };
    if (arrived.is_streamed) {
        http_server_stream_open(connection);
    }
    server->user.begin(server->user.context, &connection->exchange, &arrived);
}

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
    struct buf *answer = &connection->sender.head;
    if (!server->user.turns_away || server->is_draining || !is_plain(&connection->intake)) {
        return false;
    }
    struct http_arrived arrived = arrived_of(connection);
    if (!server->user.turns_away(server->user.context, &arrived, answer)) {
        return false;
    }
    must(answer->len > 0 && answer->len <= HTTP_TURNED_AWAY_MAX_BYTES);
    connection->has_asked = true;
    connection->exchange.state = TURNED_AWAY;
    forget_request(connection); /* the next one's memory is warm then */
    http_sender_start(&connection->sender);
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

/*
 * A request in hand, which is whole, or streamed and its head is, begins or is turned away. True:
 * there is none, and more is to be read.
 */
static bool judge(struct connection *connection)
{
    const struct http_intake *intake = &connection->intake;
    bool is_silent = intake->phase == HTTP_INTAKE_IDLE && !connection->receiver.has_bytes;
    if (!http_intake_wants(intake) || intake->is_streamed) {
        if (!turn_away(connection)) {
            begin(connection);
        }
        return false;
    }
    if (!invite(connection) || (connection->is_let_go && is_silent)) {
        hang_up(connection);
        return false;
    }
    return true;
}

static bool got(struct http_receiver *receiver, enum http_guard_io how, struct str bytes)
{
    struct connection *connection = container_of(receiver, struct connection, receiver);
    struct http_intake *intake = &connection->intake;
    enum http_intake_phase before = intake->phase;
    if (how == HTTP_GUARD_ENDED) {
        connection->has_left = true;
        hang_up(connection);
        return false;
    }
    if (bytes.len) {
        http_intake_feed(intake, bytes, clock_now_us());
    }
    if (intake->phase != before) {
        moved(connection);
    }
    return judge(connection);
}

static bool is_idle(const struct connection *connection)
{
    return connection->exchange.state == NONE && connection->intake.phase == HTTP_INTAKE_IDLE;
}

/* Nothing is asked on it, and the server drains. What is in the socket already is still read and
 * answered. */
static void let_go(struct connection *connection)
{
    connection->is_let_go = connection->receiver.has_bytes = true;
    if (connection->guard.stage == HTTP_GUARD_OURS) {
        loop_soon(connection->server->loop, &connection->soon);
    } else {
        hang_up(connection);
    }
}

/* On to the next request: nothing of the one before is left. */
static void go_on(struct connection *connection)
{
    if (connection->server->is_draining && is_idle(connection)) {
        let_go(connection); /* its answer was made before the drain and promised more */
    } else if (judge(connection)) {
        http_receiver_read(&connection->receiver);
    }
}

/* ---- the end of an exchange ---- */

/* All is written, or nobody takes it. */
static void end_exchange(struct connection *connection, bool is_sent)
{
    const struct http_server_user *user = &connection->server->user;
    struct http_exchange exchange = connection->exchange;
    http_sender_forget(&connection->sender);
    connection->has_limit = false;
    if (exchange.state == REPLIED) {
        user->done(exchange.owner, is_sent, is_sent ? exchange.body_bytes : 0);
    }
    connection->exchange = (struct http_exchange){ .state = NONE };
    if (!is_sent || exchange.is_last || connection->has_left) {
        hang_up(connection);
        return;
    }
    if (exchange.state == REPLIED) { /* else it is forgotten already */
        forget_request(connection);
    }
    go_on(connection);
}

static void stream_on(struct connection *connection)
{
    switch (http_server_stream_turn(connection)) {
    case HTTP_SERVER_STREAM_GOES_ON:
        break;
    case HTTP_SERVER_STREAM_KEEPS:
        connection->receiver.has_bytes = true;
        forget_request(connection);
        go_on(connection);
        break;
    case HTTP_SERVER_STREAM_CLOSES:
        hang_up(connection);
        break;
    }
}

/* Who was turned away and does not take it has left too many answers unread. */
static void wrote(struct http_sender *sender, enum http_guard_io how)
{
    struct connection *connection = container_of(sender, struct connection, sender);
    unsigned limit_ms = connection->server->options.reply_timeout_ms;
    if (how != HTTP_GUARD_LATER || connection->exchange.state == TURNED_AWAY) {
        end_exchange(connection, how == HTTP_GUARD_SOME);
    } else if (limit_ms && !connection->has_limit) {
        connection->has_limit = true;
        limit(connection, limit_ms);
    }
}

/* ---- what happens ---- */

static void expired(struct deadline *deadline)
{
    struct connection *connection = container_of(deadline, struct connection, deadline);
    struct http_intake *intake = &connection->intake;
    bool has_begun = intake->phase == HTTP_INTAKE_HEAD || intake->phase == HTTP_INTAKE_BODY;
    if (connection->has_limit) {
        end_exchange(connection, false);
    } else if (connection->exchange.state != NONE) {
        return; /* it was for what came before */
    } else if (has_begun) {
        http_receiver_forget(&connection->receiver);
        http_intake_refuse(intake, HTTP_REFUSED_SLOW);
        begin(connection);
    } else {
        hang_up(connection);
    }
}

static void give_up(struct connection *connection)
{
    const struct http_server_user *user = &connection->server->user;
    void *owner = connection->exchange.owner;
    user->gone(owner);
    user->done(owner, false, 0);
    connection->exchange = (struct http_exchange){ .state = NONE };
    hang_up(connection);
}

/* Half or whole. An answer that is on its way is still written, where that goes. */
static void leave(struct connection *connection)
{
    connection->has_left = true;
    if (connection->exchange.state == NONE) {
        hang_up(connection);
    } else if (connection->exchange.state == OPEN) {
        give_up(connection);
    } else {
        http_sender_ready(&connection->sender);
    }
}

static void ready(struct watch *watch, uint32_t events)
{
    struct connection *connection = container_of(watch, struct connection, watch);
    connection->receiver.has_bytes |= (events & EPOLLIN) != 0;
    if (connection->guard.stage == HTTP_GUARD_CLOSING) {
        return;
    }
    if (connection->stream) {
        http_stream_ready(connection->stream, events);
    } else if (events & LEFT) {
        leave(connection);
    } else if (connection->exchange.state != NONE) {
        http_sender_ready(&connection->sender);
    } else if (connection->guard.stage == HTTP_GUARD_OURS) {
        http_receiver_read(&connection->receiver);
    }
}

/* It is ours from now on, its stream has something to tell, or it is let go. */
static void turn(struct soon *soon)
{
    struct connection *connection = container_of(soon, struct connection, soon);
    if (connection->guard.stage == HTTP_GUARD_SHAKEN) {
        connection->guard.stage = HTTP_GUARD_OURS;
        connection->receiver.has_bytes = true;
        http_daemon_take(&connection->handle);
    }
    if (connection->stream) {
        stream_on(connection);
    } else if (connection->exchange.state == NONE) {
        http_receiver_read(&connection->receiver);
    }
}

static void shaken(struct http_guard *guard)
{
    struct connection *connection = container_of(guard, struct connection, guard);
    loop_soon(connection->server->loop, &connection->soon);
}

/* ---- its life ---- */

void http_connection_drain(struct connection *connection)
{
    if (!is_idle(connection)) {
        return;
    }
    if (connection->has_asked) {
        let_go(connection);
    } else if (connection->server->options.head_timeout_ms > DRAIN_FRESH_MS) {
        limit(connection, DRAIN_FRESH_MS);
    }
}

void http_connection_shut(struct connection *connection)
{
    if (connection->exchange.state == TURNED_AWAY) {
        http_sender_forget(&connection->sender);
        connection->exchange.state = NONE;
    }
    hang_up(connection);
}

static struct sockaddr_storage storage_of(const struct sockaddr *address)
{
    struct sockaddr_storage storage = { .ss_family = address->sa_family };
    if (address->sa_family == AF_INET) {
        memcpy(&storage, address, sizeof(struct sockaddr_in));
    } else if (address->sa_family == AF_INET6) {
        memcpy(&storage, address, sizeof(struct sockaddr_in6));
    }
    return storage;
}

struct connection *http_connection_new(
    struct http_server *server, const struct http_daemon_guest *guest)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    must(connection != NULL); /* a struct beside the library's larger one */
    *connection = (struct connection){
        .server = server,
        .guard = { .fd = guest->fd, .session = guest->session, .shaken = shaken },
        .receiver.got = got,
        .sender.wrote = wrote,
        .watch = { guest->fd, ready },
        .deadline.expired = expired,
        .soon.run = turn,
        .peer = storage_of(guest->peer),
    };
    ring_append(&server->connections, &connection->link);
    server->connections_count++;
    http_receiver_init(&connection->receiver, server->loop, &connection->guard, server->scratch);
    http_intake_init(&connection->intake, &server->limits);
    http_sender_init(&connection->sender, server->loop, &connection->guard);
    http_guards_add(&server->daemon.guards, &connection->guard);
    must(loop_watch(server->loop, &connection->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET));
    limit(connection, server->options.head_timeout_ms);
    return connection;
}

/* By us: the client may still be sending, or has sent what nobody has read. */
static bool is_cut_short(const struct connection *connection)
{
    enum http_intake_phase phase = connection->intake.phase;
    bool is_unread = connection->receiver.has_bytes && !connection->guard.session;
    bool is_unfinished = phase == HTTP_INTAKE_REFUSED || phase == HTTP_INTAKE_BODY;
    return !connection->has_left && (is_unfinished || is_unread);
}

void http_connection_closed(struct connection *connection)
{
    struct http_server *server = connection->server;
    must(connection->exchange.state == NONE);
    loop_deadline_clear(server->loop, &connection->deadline);
    loop_soon_forget(server->loop, &connection->soon);
    loop_unwatch(server->loop, &connection->watch);
    http_guards_remove(&server->daemon.guards, &connection->guard);
    if (is_cut_short(connection)) {
        http_lingers_add(&server->lingers, connection->guard.fd);
    }
    ring_remove(&connection->link);
    server->connections_count--;
    http_intake_release(&connection->intake);
    free(connection);
}
