/*
 * http_server: connections, exchanges and answers, on libmicrohttpd.
 *
 * Owns the daemon (external epoll, its descriptor watched in our loop, run from our turn hook), and
 * one struct connection per client. Division of labour: the guard reads and judges, the library
 * keeps sockets and TLS and writes answers; here is what joins them. An exchange goes through
 *
 *     NONE > ARRIVED (the library is suspended) > OPEN (the user has it) > REPLIED > OVER > NONE
 *                                                      or, the client being gone, > ABORTED > NONE
 *
 * Promises: (1) the user is called from the soon queue only, but for turns_away, which only looks;
 * (2) the library never answers for itself, because it sees nothing that it could refuse; (3) each
 * phase of a connection has its deadline, and one that passes it is shut down, or answered when a
 * request had begun; (4) a leaving client is seen while its request is suspended, by a watch of our
 * own (RDHUP); (5) a silent TLS handshake, for which the library asks to be called again at once
 * for ever, costs one call in SPIN_WAIT_US.
 *
 * Memory: the library's pool of a connection holds one canned head and one answer's fields and is
 * cleared after each request, so POOL_BYTES is small: 10,000 idle kept-alive connections measured
 * 82 MB, 8.2 KB each (plain TCP).
 */
#include "http_server.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/must.h"
#include "http_guard.h"
#include "http_linger.h"
#include "http_server_response.h"
#include "http_server_tls.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    POOL_BYTES = HTTP_REPLY_FIELDS_MAX_BYTES + 1024, /* status line and the library's own fields */
    SPIN_CALLS = 8, /* in a row, without an event, before the library's haste is not believed */
    SPIN_WAIT_US = 2000,
    DRAIN_FRESH_MS = 1000, /* for a connection that has not asked anything when the drain begins */
    DRAIN_ACCEPTS = 64,    /* runs, of several accepts each, until the listener's queue is empty */
};

struct http_server {
    struct loop *loop;
    struct http_server_options options;
    struct http_intake_limits limits;
    struct http_server_user user;
    struct MHD_Daemon *daemon;
    struct http_guards guards;
    struct http_lingers lingers;
    struct watch watch; /* the daemon's epoll descriptor */
    struct turn_hook hook;
    bool must_run;
    unsigned spins; /* zero timeouts in a row */
    struct connection *connections;
    unsigned connections_count;
    bool is_draining;
    void (*drained)(void *context);
    struct soon drained_soon;
};

enum exchange_state { NONE, ARRIVED, OPEN, REPLIED, OVER, ABORTED };

struct http_exchange {
    enum exchange_state state;
    void *owner;
    struct MHD_Response *response;
    unsigned status;
    uint64_t body_bytes; /* that go on the wire */
    bool is_sent;
};

struct connection {
    struct http_server *server;
    struct connection *next, *before;
    struct MHD_Connection *mhd;
    struct http_guard guard;
    struct http_exchange exchange;
    struct watch watch; /* sees the client leave */
    struct deadline deadline;
    struct soon soon;
    bool has_asked;    /* a request was whole on this connection */
    bool has_left;     /* the client */
    bool is_read_shut; /* by us */
    bool is_closed;    /* by the library; stays only until `done` has run */
    struct sockaddr_storage peer;
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

static void resume(struct connection *connection)
{
    struct http_server *server = connection->server;
    MHD_resume_connection(connection->mhd);
    server->must_run = true;
    server->spins = 0;
}

/* The library sees a hang-up and closes. */
static void cut(struct connection *connection)
{
    connection->is_read_shut = true;
    shutdown(connection->guard.fd, SHUT_RDWR);
}

/* The guard's phase has changed: another deadline counts. */
static void moved(struct http_guard *guard)
{
    struct connection *connection = container_of(guard, struct connection, guard);
    const struct http_server_options *options = &connection->server->options;
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

static struct connection *connection_of(struct http_exchange *exchange)
{
    return container_of(exchange, struct connection, exchange);
}

static void begin(struct connection *connection)
{
    struct http_server *server = connection->server;
    struct http_arrived arrived = arrived_of(connection);
    connection->exchange = (struct http_exchange){ .state = OPEN };
    server->user.begin(server->user.context, &connection->exchange, &arrived);
}

static void give_up(struct connection *connection)
{
    struct http_server *server = connection->server;
    void *owner = connection->exchange.owner;
    server->user.gone(owner);
    server->user.done(owner, false, 0);
    connection->exchange.state = ABORTED;
    resume(connection);
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
    if (exchange->state == ARRIVED && connection->has_left) {
        exchange->state = ABORTED; /* was never told to the user */
        resume(connection);
    } else if (exchange->state == ARRIVED) {
        begin(connection);
    } else if (exchange->state == OPEN && connection->has_left) {
        give_up(connection);
    } else if (exchange->state == OVER) {
        finish(connection);
    }
}

/* ---- what the library calls: each notes and returns ---- */

static struct connection *connection_of_mhd(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static enum MHD_Result send_reply(struct http_exchange *exchange, struct MHD_Connection *mhd)
{
    enum MHD_Result is_queued = MHD_queue_response(mhd, exchange->status, exchange->response);
    MHD_destroy_response(exchange->response);
    exchange->response = NULL;
    return is_queued;
}

/*
 * Called twice when the guard has told of a request, and again when the connection was resumed. An
 * answer in the first call would end the connection (the library takes it for a refusal to read the
 * body), so that one is let pass.
 */
static enum MHD_Result asked(void *unused, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_len, void **context)
{
    (void)unused, (void)url, (void)method, (void)version, (void)upload, (void)upload_len;
    struct connection *connection = connection_of_mhd(mhd);
    if (!*context) {
        *context = connection;
        return MHD_YES;
    }
    switch (connection->exchange.state) {
    case NONE:
        must(connection->guard.stage ==
             HTTP_GUARD_SERVING); /* else the library reads past the guard */
        connection->has_asked = true;
        connection->exchange.state = ARRIVED;
        MHD_suspend_connection(mhd);
        loop_soon(connection->server->loop, &connection->soon);
        return MHD_YES;
    case REPLIED:
        return send_reply(&connection->exchange, mhd);
    default:
        must(connection->exchange.state == ABORTED);
        return MHD_NO;
    }
}

static void answered(
    void *unused, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode how)
{
    (void)unused, (void)context;
    struct connection *connection = connection_of_mhd(mhd);
    struct http_exchange *exchange = &connection->exchange;
    clear_deadline(connection);
    http_guard_answered(&connection->guard);
    if (exchange->state == ABORTED) {
        exchange->state = NONE;
        return;
    }
    must(exchange->state == REPLIED);
    exchange->state = OVER;
    exchange->is_sent = how == MHD_REQUEST_TERMINATED_COMPLETED_OK;
    loop_soon(connection->server->loop, &connection->soon);
}

static void connection_open(struct http_server *server, struct MHD_Connection *mhd, void **context)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    must(connection != NULL); /* a struct beside the library's larger one */
    int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    *connection = (struct connection){
        .server = server,
        .next = server->connections,
        .mhd = mhd,
        .guard = { .fd = fd,
            .moved = moved,
            .turns_away = server->user.turns_away ? turns_away : NULL },
        .watch = { fd, client_left },
        .deadline.expired = expired,
        .soon.run = turn,
    };
    *context = connection;
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
    if (server->options.tls) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        http_server_tls_resumable(info->tls_session);
    }
}

static void look_if_drained(struct http_server *server)
{
    if (server->is_draining && server->connections_count == 0 && !server->lingers.first) {
        loop_soon(server->loop, &server->drained_soon);
    }
}

static void connection_close(struct connection *connection)
{
    struct http_server *server = connection->server;
    loop_unwatch(server->loop, &connection->watch);
    clear_deadline(connection);
    http_guards_remove(&server->guards, &connection->guard);
    if (connection->guard.intake.phase == HTTP_INTAKE_REFUSED) {
        http_lingers_add(&server->lingers, connection->guard.fd);
    }
    *(connection->before ? &connection->before->next : &server->connections) = connection->next;
    if (connection->next) {
        connection->next->before = connection->before;
    }
    server->connections_count--;
    server->must_run = true; /* a listener that was full goes on listening in the next run only */
    look_if_drained(server);
    connection->is_closed = true;
    if (connection->exchange.state == NONE) {
        connection_free(connection);
    }
}

static void connection_notified(void *server, struct MHD_Connection *mhd, void **context,
    enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_open(server, mhd, context);
    } else {
        connection_close(*context);
    }
}

/* ---- the daemon in the loop ---- */

static void run(struct http_server *server)
{
    server->must_run = false;
    http_guards_enter(&server->guards);
    must(MHD_run(server->daemon) == MHD_YES);
    http_guards_leave();
}

static void daemon_ready(struct watch *watch, uint32_t events)
{
    (void)events;
    struct http_server *server = container_of(watch, struct http_server, watch);
    server->spins = 0;
    run(server);
}

/* Our connections have deadlines of our own: a timeout of the library is 0 ("at once") or none. */
static uint64_t before_wait(struct turn_hook *hook)
{
    struct http_server *server = container_of(hook, struct http_server, hook);
    if (server->must_run) {
        run(server);
    }
    if (server->must_run) {
        return 0;
    }
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    if (MHD_get_timeout(server->daemon, &timeout_ms) != MHD_YES) {
        server->spins = 0;
        return LOOP_NO_LIMIT;
    }
    server->must_run = true;
    return server->spins++ < SPIN_CALLS ? 0 : SPIN_WAIT_US;
}

/* ---- the answer ---- */

void http_reply(struct http_exchange *exchange, unsigned status, const struct http_field *fields,
    size_t fields_count, struct buf *body, enum http_after after)
{
    struct connection *connection = connection_of(exchange);
    struct http_server *server = connection->server;
    must(exchange->state == OPEN);
    exchange->state = REPLIED;
    bool is_head = str_eq(connection->guard.intake.head.method, STR("HEAD"));
    bool is_last = after == HTTP_CLOSE || server->is_draining;
    exchange->body_bytes = body && !is_head ? body->len : 0;
    exchange->status = status;
    exchange->response = http_server_response(fields, fields_count, body, is_last);
    if (!exchange->response) {
        log_error("The fields of an answer cannot be written; the client gets a bare 500.");
        exchange->body_bytes = 0;
        exchange->status = 500;
        exchange->response = http_server_response(NULL, 0, NULL, is_last);
    }
    if (server->options.reply_timeout_ms) {
        set_deadline(connection, server->options.reply_timeout_ms);
    }
    resume(connection);
}

void http_exchange_set_owner(struct http_exchange *exchange, void *owner)
{
    exchange->owner = owner;
}

/* ---- the server's own life ---- */

static void tell_drained(struct soon *soon)
{
    struct http_server *server = container_of(soon, struct http_server, drained_soon);
    server->drained(server->user.context);
}

static void linger_emptied(struct http_lingers *lingers)
{
    look_if_drained(container_of(lingers, struct http_server, lingers));
}

static struct MHD_Daemon *daemon_new(struct http_server *server)
{
    const struct http_server_options *options = &server->options;
    const struct http_tls *tls = options->tls;
    struct MHD_OptionItem items[] = {
        { MHD_OPTION_LISTEN_SOCKET, options->listen_fd, NULL },
        { MHD_OPTION_CONNECTION_LIMIT, options->connections_max, NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_BYTES, NULL },
        { MHD_OPTION_CONNECTION_MEMORY_INCREMENT, 1024, NULL },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connection_notified, server },
        { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)answered, server },
        { tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0,
            tls ? (void *)tls->certificate_pem : NULL },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, tls ? (void *)tls->key_pem : NULL },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)http_server_tls_priorities },
        { MHD_OPTION_END, 0, NULL },
    };
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (tls ? MHD_USE_TLS : 0);
    return MHD_start_daemon(
        flags, 0, NULL, NULL, asked, server, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
}

struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
    const struct http_server_user *user, char *why)
{
    enum { WHY_BYTES = 256 };
    struct http_server *server = calloc(1, sizeof(*server));
    must(server != NULL);
    server->loop = loop;
    server->options = *options;
    server->limits = (struct http_intake_limits){ .head_max_bytes = options->head_max_bytes,
        .target_max_bytes = options->target_max_bytes,
        .body_max_bytes = options->body_max_bytes };
    server->user = *user;
    server->lingers = (struct http_lingers){ .loop = loop, .emptied = linger_emptied };
    server->hook.before_wait = before_wait;
    server->drained_soon.run = tell_drained;
    http_guards_init(&server->guards, options->tls != NULL);
    server->daemon = daemon_new(server);
    if (!server->daemon) {
        snprintf(why, WHY_BYTES, "The HTTP library does not start%s.",
            options->tls ? "; the certificate or its key may be broken" : "");
        close(options->listen_fd);
        free(server);
        return NULL;
    }
    int epoll_fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    server->watch = (struct watch){ epoll_fd, daemon_ready };
    must(loop_watch(loop, &server->watch, EPOLLIN));
    loop_hook(loop, &server->hook);
    server->must_run = true; /* the listener joins the daemon's epoll in its first run */
    return server;
}

/* Who has knocked is let in before the door closes. */
static void accept_all(struct http_server *server)
{
    struct pollfd listener = { server->options.listen_fd, POLLIN, 0 };
    for (int i = 0; i < DRAIN_ACCEPTS && poll(&listener, 1, 0) > 0; i++) {
        run(server);
    }
}

void http_server_drain(struct http_server *server, void (*drained)(void *context))
{
    must(!server->is_draining);
    accept_all(server);
    server->is_draining = true;
    server->drained = drained;
    close(MHD_quiesce_daemon(server->daemon));
    for (struct connection *at = server->connections; at; at = at->next) {
        if (!is_idle(at)) {
            continue;
        }
        if (at->has_asked) {
            let_go(at);
        } else if (server->options.head_timeout_ms > DRAIN_FRESH_MS) {
            set_deadline(at, DRAIN_FRESH_MS);
        }
    }
    look_if_drained(server);
}

unsigned http_server_connections(const struct http_server *server)
{
    return server->connections_count;
}

void http_server_free(struct http_server *server)
{
    for (struct connection *at = server->connections; at; at = at->next) {
        must(at->exchange.state == NONE);
    }
    loop_unhook(server->loop, &server->hook);
    loop_unwatch(server->loop, &server->watch);
    server->is_draining = false; /* nobody is to be told */
    http_guards_enter(&server->guards);
    MHD_stop_daemon(server->daemon);
    http_guards_leave();
    http_lingers_fini(&server->lingers);
    http_guards_fini(&server->guards);
    loop_soon_forget(server->loop, &server->drained_soon);
    free(server);
}
