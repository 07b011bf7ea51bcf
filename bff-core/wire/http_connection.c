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
 * leaving client is seen while its request is served (RDHUP). Does not know the library:
 * http_server.c says what it does.
 */
#include "http_connection.h"

#include "../base/clock.h"
#include "../base/must.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    DRAIN_FRESH_MS = 1000, /* for a connection that has not asked anything when the drain begins */
    LEFT = EPOLLRDHUP | EPOLLHUP | EPOLLERR,
};

/* ---- deadlines ---- */

/* From this moment on: the loop's own time may be older than the connection. */
void http_connection_limit(struct connection *connection, unsigned ms)
{
    struct loop *loop = connection->server->loop;
    loop_deadline(loop, &connection->deadline, clock_now_us() + (uint64_t)ms * 1000);
}

void http_connection_moved(struct connection *connection)
{
    const struct http_server_options *options = &connection->server->options;
    switch (connection->intake.phase) {
    case HTTP_INTAKE_IDLE:
        http_connection_limit(connection, options->idle_timeout_ms);
        break;
    case HTTP_INTAKE_HEAD:
        if (connection->has_asked) { /* else it counts from accept */
            http_connection_limit(connection, options->head_timeout_ms);
        }
        break;
    case HTTP_INTAKE_BODY:
        http_connection_limit(connection, options->body_timeout_ms);
        break;
    case HTTP_INTAKE_WHOLE:
    case HTTP_INTAKE_REFUSED:
        break; /* what is set means nothing now, and is mostly set anew before it expires */
    }
}

static void expired(struct deadline *deadline)
{
    struct connection *connection = container_of(deadline, struct connection, deadline);
    struct http_intake *intake = &connection->intake;
    bool has_begun = intake->phase == HTTP_INTAKE_HEAD || intake->phase == HTTP_INTAKE_BODY;
    if (connection->answer.has_limit) {
        http_connection_answered(connection, false);
    } else if (connection->exchange.state != NONE) {
        return;
    } else if (has_begun) {
        loop_io_forget(connection->server->loop, &connection->reading);
        http_intake_refuse(intake, HTTP_REFUSED_SLOW);
        http_connection_begin(connection);
    } else {
        http_connection_close(connection);
    }
}

/* ---- requests ---- */

struct http_arrived http_connection_arrived(const struct connection *connection)
{
    bool is_tls = connection->server->options.tls != NULL;
    return http_intake_arrived(&connection->intake, is_tls, &connection->peer);
}

void http_connection_begin(struct connection *connection)
{
    struct http_server *server = connection->server;
    struct http_arrived arrived = http_connection_arrived(connection);
    must(connection->exchange.state == NONE);
    connection->has_asked = true;
    connection->exchange = (struct http_exchange){ .state = OPEN };
    if (arrived.is_streamed) {
        http_server_stream_open(connection);
    }
    server->user.begin(server->user.context, &connection->exchange, &arrived);
}

static bool is_idle(const struct connection *connection)
{
    return connection->exchange.state == NONE && connection->intake.phase == HTTP_INTAKE_IDLE;
}

/* Nothing is asked on it, and the server drains. What is in the socket already is still read and
 * answered. */
static void let_go(struct connection *connection)
{
    connection->is_let_go = connection->has_bytes = true;
    if (connection->guard.stage == HTTP_GUARD_OURS) {
        http_connection_read(connection);
    } else {
        http_connection_close(connection);
    }
}

void http_connection_forget_request(struct connection *connection)
{
    connection->has_invited = false;
    http_intake_next(&connection->intake, loop_now_us(connection->server->loop));
    http_connection_moved(connection);
}

void http_connection_go_on(struct connection *connection)
{
    if (connection->server->is_draining && is_idle(connection)) {
        let_go(connection); /* its answer was made before the drain and promised more */
    } else {
        http_connection_look(connection);
    }
}

/* ---- what happens on the descriptor ---- */

static void give_up(struct connection *connection)
{
    const struct http_server_user *user = &connection->server->user;
    void *owner = connection->exchange.owner;
    user->gone(owner);
    user->done(owner, false, 0);
    connection->exchange = (struct http_exchange){ .state = NONE };
    http_connection_close(connection);
}

/* Half or whole. An answer that is on its way is still written, where that goes. */
static void leave(struct connection *connection)
{
    connection->has_left = true;
    if (connection->exchange.state == NONE) {
        http_connection_close(connection);
    } else if (connection->exchange.state == OPEN) {
        give_up(connection);
    }
}

static void ready(struct watch *watch, uint32_t events)
{
    struct connection *connection = container_of(watch, struct connection, watch);
    if (connection->guard.stage == HTTP_GUARD_CLOSING) {
        return;
    }
    if (connection->stream) {
        http_stream_ready(connection->stream, events);
        return;
    }
    connection->has_bytes |= (events & EPOLLIN) != 0;
    if (events & LEFT && !connection->has_left) {
        leave(connection);
    }
    if (events & ~(uint32_t)EPOLLIN && connection->answer.is_blocked) {
        http_connection_write(connection);
    }
    if (events & EPOLLIN && !connection->has_left) {
        http_connection_read(connection);
    }
}

/* ---- the soon queue ---- */

static void turn(struct soon *soon)
{
    struct connection *connection = container_of(soon, struct connection, soon);
    if (connection->guard.stage == HTTP_GUARD_SHAKEN) {
        connection->guard.stage = HTTP_GUARD_OURS;
        connection->has_bytes = true;
        http_server_take(connection);
        http_connection_read(connection);
    } else if (connection->stream) {
        http_server_stream_turn(connection);
    } else {
        http_connection_write_now(connection);
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
        http_connection_limit(connection, DRAIN_FRESH_MS);
    }
}

void http_connection_close(struct connection *connection)
{
    struct http_server *server = connection->server;
    enum http_guard_stage stage = connection->guard.stage;
    must(connection->exchange.state == NONE);
    loop_deadline_clear(server->loop, &connection->deadline);
    if (stage == HTTP_GUARD_OURS) {
        loop_io_forget(server->loop, &connection->reading);
        connection->guard.stage = HTTP_GUARD_CLOSING;
        http_server_give_back(connection);
    } else if (stage != HTTP_GUARD_CLOSING) {
        connection->guard.stage = HTTP_GUARD_CLOSING;
        shutdown(connection->guard.fd, SHUT_RDWR); /* the library sees a hang-up, and closes */
    }
}

struct connection *http_connection_new(
    struct http_server *server, struct MHD_Connection *mhd, int fd, void *session)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    must(connection != NULL); /* a struct beside the library's larger one */
    *connection = (struct connection){
        .server = server,
        .next = server->connections,
        .mhd = mhd,
        .guard = { .fd = fd, .session = session, .shaken = shaken },
        .watch = { fd, ready },
        .reading = { .fd = fd,
            .scratch_max_bytes = HTTP_INTAKE_PIECE_BYTES,
            .done = http_connection_has_read },
        .writing = { .fd = fd, .is_write = true, .done = http_connection_has_written },
        .deadline.expired = expired,
        .soon.run = turn,
    };
    if (connection->next) {
        connection->next->before = connection;
    }
    server->connections = connection;
    server->connections_count++;
    getpeername(fd, (struct sockaddr *)&connection->peer, &(socklen_t){ sizeof(connection->peer) });
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)); /* an answer is one write */
    http_intake_init(&connection->intake, &server->limits);
    http_guards_add(&server->guards, &connection->guard);
    must(loop_watch(server->loop, &connection->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET));
    http_connection_limit(connection, server->options.head_timeout_ms);
    return connection;
}

/* By us: the client may still be sending. */
static bool is_cut_short(const struct connection *connection)
{
    enum http_intake_phase phase = connection->intake.phase;
    return !connection->has_left && (phase == HTTP_INTAKE_REFUSED || phase == HTTP_INTAKE_BODY);
}

void http_connection_closed(struct connection *connection)
{
    struct http_server *server = connection->server;
    must(connection->exchange.state == NONE);
    loop_deadline_clear(server->loop, &connection->deadline);
    loop_soon_forget(server->loop, &connection->soon);
    loop_unwatch(server->loop, &connection->watch);
    http_guards_remove(&server->guards, &connection->guard);
    if (is_cut_short(connection)) {
        http_lingers_add(&server->lingers, connection->guard.fd);
    }
    *(connection->before ? &connection->before->next : &server->connections) = connection->next;
    if (connection->next) {
        connection->next->before = connection->before;
    }
    server->connections_count--;
    server->must_run = true; /* a listener that was full goes on listening in the next run only */
    http_server_look_if_drained(server);
    http_intake_release(&connection->intake);
    free(connection);
}
