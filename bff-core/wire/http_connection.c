/*
 * http_connection: what a client's connection is at, and how long it may be.
 *
 * Owns one struct connection per client, with its exchange, its place in the server's list and the
 * deadline of its phase. An exchange goes through
 *
 *     NONE > ARRIVED (the library is suspended) > OPEN (the user has it) > REPLIED > OVER > NONE
 *                                                      or, the client being gone, > ABORTED > NONE
 *
 * A streamed one goes from ARRIVED to REPLIED, and from there to NONE, in http_server_stream.c.
 *
 * Promises: (1) the user is called from the soon queue only, but for turns_away, which only looks;
 * (2) each phase has its deadline, and one that passes it is shut down, or answered when a request
 * had begun; (3) a leaving client is seen while its request is suspended, by a watch of our own
 * (RDHUP). Does not know the library: http_server.c says what it does, and takes it up again.
 */
#include "http_connection.h"

#include "../base/clock.h"
#include "../base/must.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    DRAIN_FRESH_MS = 1000, /* for a connection that has not asked anything when the drain begins */
};

/* ---- connections ---- */

/* From this moment on: the loop's own time may be older than the connection. */
static void set_deadline(struct connection *connection, unsigned ms)
{
    struct loop *loop = connection->server->loop;
    loop_deadline(loop, &connection->deadline, clock_now_us() + (uint64_t)ms * 1000);
}

static void clear_deadline(struct connection *connection)
{
    loop_deadline_clear(connection->server->loop, &connection->deadline);
}

static void connection_free(struct connection *connection)
{
    loop_soon_forget(connection->server->loop, &connection->soon);
    http_intake_release(&connection->guard.intake);
    free(connection);
}

/* The library sees a hang-up and closes. */
static void cut(struct connection *connection)
{
    connection->is_read_shut = true;
    shutdown(connection->guard.fd, SHUT_RDWR);
}

void http_connection_asked(struct connection *connection)
{
    must(connection->exchange.state == NONE);
    connection->has_asked = true;
    connection->exchange.state = ARRIVED;
    loop_soon(connection->server->loop, &connection->soon);
}

/* The guard's phase has changed: another deadline counts. */
static void moved(struct http_guard *guard)
{
    struct connection *connection = container_of(guard, struct connection, guard);
    const struct http_server_options *options = &connection->server->options;
    if (guard->stage == HTTP_GUARD_STREAMING) {
        http_connection_asked(connection);
        clear_deadline(connection);
        return;
    }
    switch (guard->intake.phase) {
    case HTTP_INTAKE_IDLE:
        set_deadline(connection, options->idle_timeout_ms);
        break;
    case HTTP_INTAKE_HEAD:
        if (connection->has_asked) { /* else it counts from accept */
            set_deadline(connection, options->head_timeout_ms);
        }
        break;
    case HTTP_INTAKE_BODY:
        set_deadline(connection, options->body_timeout_ms);
        break;
    case HTTP_INTAKE_WHOLE:
    case HTTP_INTAKE_REFUSED:
        clear_deadline(connection);
        break;
    }
}

/*
 * A request that has begun is refused: the end of input that we make wakes the library, which asks
 * the guard.
 */
static void expired(struct deadline *deadline)
{
    struct connection *connection = container_of(deadline, struct connection, deadline);
    struct http_intake *intake = &connection->guard.intake;
    bool has_begun = intake->phase == HTTP_INTAKE_HEAD || intake->phase == HTTP_INTAKE_BODY;
    if (connection->exchange.state == NONE && has_begun) {
        http_intake_refuse(intake, HTTP_REFUSED_SLOW);
        connection->is_read_shut = true;
        shutdown(connection->guard.fd, SHUT_RD);
    } else {
        cut(connection);
    }
}

/* Nothing is asked on it, and the server drains. What is in the socket already is still read and
 * answered. */
static void let_go(struct connection *connection)
{
    connection->is_read_shut = true;
    shutdown(connection->guard.fd, SHUT_RD);
}

static bool is_idle(const struct connection *connection)
{
    return connection->exchange.state == NONE && connection->guard.intake.phase == HTTP_INTAKE_IDLE;
}

static void client_left(struct watch *watch, uint32_t events)
{
    struct connection *connection = container_of(watch, struct connection, watch);
    if (connection->stream) {
        http_stream_ready(connection->stream, events);
        return;
    }
    if (connection->is_read_shut || !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
        return;
    }
    connection->has_left = true;
    if (connection->exchange.state == NONE) {
        cut(connection);
    } else if (connection->exchange.state == OPEN) {
        loop_soon(connection->server->loop, &connection->soon);
    }
}

/* ---- requests that are here ---- */

static struct http_arrived arrived_of(const struct connection *connection)
{
    bool is_tls = connection->server->options.tls != NULL;
    return http_intake_arrived(&connection->guard.intake, is_tls, &connection->peer);
}

static bool turns_away(struct http_guard *guard, struct buf *answer)
{
    struct connection *connection = container_of(guard, struct connection, guard);
    const struct http_server_user *user = &connection->server->user;
    struct http_arrived arrived = arrived_of(connection);
    connection->has_asked = true;
    return !connection->server->is_draining && user->turns_away(user->context, &arrived, answer);
}

/* ---- exchanges: what the soon queue does ---- */

static void begin(struct connection *connection)
{
    struct http_server *server = connection->server;
    struct http_arrived arrived = arrived_of(connection);
    connection->exchange = (struct http_exchange){ .state = OPEN };
    server->user.begin(server->user.context, &connection->exchange, &arrived);
}

/* Up to here the library has the connection, and may have closed it. */
static void begin_stream(struct connection *connection)
{
    if (connection->is_closed) {
        connection_free(connection);
    } else if (connection->has_left) {
        connection->exchange.state = NONE;
        cut(connection);
    } else {
        http_server_stream_open(connection);
        begin(connection);
    }
}

static void give_up(struct connection *connection)
{
    struct http_server *server = connection->server;
    void *owner = connection->exchange.owner;
    server->user.gone(owner);
    server->user.done(owner, false, 0);
    connection->exchange.state = ABORTED;
    http_connection_resume(connection);
}

static void finish(struct connection *connection)
{
    struct http_server *server = connection->server;
    struct http_exchange *exchange = &connection->exchange;
    server->user.done(
        exchange->owner, exchange->is_sent, exchange->is_sent ? exchange->body_bytes : 0);
    *exchange = (struct http_exchange){ .state = NONE };
    if (connection->is_closed) {
        connection_free(connection);
    } else if (connection->guard.intake.phase == HTTP_INTAKE_WHOLE) {
        http_guard_next(&connection->guard, loop_now_us(server->loop));
        if (server->is_draining && is_idle(connection)) {
            let_go(connection); /* its answer was made before the drain and promised more */
        }
    }
}

static void turn(struct soon *soon)
{
    struct connection *connection = container_of(soon, struct connection, soon);
    struct http_exchange *exchange = &connection->exchange;
    if (connection->stream) {
        http_server_stream_turn(connection);
    } else if (exchange->state == ARRIVED && connection->guard.stage == HTTP_GUARD_STREAMING) {
        begin_stream(connection);
    } else if (exchange->state == ARRIVED && connection->has_left) {
        exchange->state = ABORTED; /* was never told to the user */
        http_connection_resume(connection);
    } else if (exchange->state == ARRIVED) {
        begin(connection);
    } else if (exchange->state == OPEN && connection->has_left) {
        give_up(connection);
    } else if (exchange->state == OVER) {
        finish(connection);
    }
}

/* ---- the doors ---- */

void http_connection_answered(struct connection *connection, bool is_sent)
{
    struct http_exchange *exchange = &connection->exchange;
    clear_deadline(connection);
    http_guard_answered(&connection->guard);
    if (exchange->state == ABORTED) {
        exchange->state = NONE;
        return;
    }
    must(exchange->state == REPLIED);
    exchange->state = OVER;
    exchange->is_sent = is_sent;
    loop_soon(connection->server->loop, &connection->soon);
}

void http_connection_limit(struct connection *connection, unsigned ms)
{
    set_deadline(connection, ms);
}

void http_connection_drain(struct connection *connection)
{
    if (!is_idle(connection)) {
        return;
    }
    if (connection->has_asked) {
        let_go(connection);
    } else if (connection->server->options.head_timeout_ms > DRAIN_FRESH_MS) {
        set_deadline(connection, DRAIN_FRESH_MS);
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
        .guard = { .fd = fd,
            .session = session,
            .moved = moved,
            .turns_away = server->user.turns_away ? turns_away : NULL },
        .watch = { fd, client_left },
        .deadline.expired = expired,
        .soon.run = turn,
    };
    if (connection->next) {
        connection->next->before = connection;
    }
    server->connections = connection;
    server->connections_count++;
    getpeername(fd, (struct sockaddr *)&connection->peer, &(socklen_t){ sizeof(connection->peer) });
    http_intake_init(&connection->guard.intake, &server->limits);
    http_guards_add(&server->guards, &connection->guard);
    must(loop_watch(server->loop, &connection->watch, EPOLLRDHUP | EPOLLET));
    set_deadline(connection, server->options.head_timeout_ms);
    return connection;
}

/* By us: the client may still be sending. */
static bool is_cut_short(const struct http_guard *guard)
{
    bool is_whole = guard->intake.phase == HTTP_INTAKE_WHOLE;
    return guard->intake.phase == HTTP_INTAKE_REFUSED ||
           (guard->stage == HTTP_GUARD_CLOSING && !is_whole);
}

void http_connection_closed(struct connection *connection)
{
    struct http_server *server = connection->server;
    loop_unwatch(server->loop, &connection->watch);
    clear_deadline(connection);
    http_guards_remove(&server->guards, &connection->guard);
    if (is_cut_short(&connection->guard)) {
        http_lingers_add(&server->lingers, connection->guard.fd);
    }
    *(connection->before ? &connection->before->next : &server->connections) = connection->next;
    if (connection->next) {
        connection->next->before = connection->before;
    }
    server->connections_count--;
    server->must_run = true; /* a listener that was full goes on listening in the next run only */
    http_server_look_if_drained(server);
    connection->is_closed = true;
    if (connection->exchange.state == NONE) {
        connection_free(connection);
    }
}
