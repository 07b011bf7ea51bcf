/*
 * http_server: a listener and its connections, on libmicrohttpd.
 *
 * Owns the daemon: external epoll, its descriptor watched in our loop, run from our turn hook.
 * Division of labour: the library listens, accepts, counts, shakes hands and closes; once it would
 * read a request the guard says "not now", and the connection is suspended and ours until it is to
 * be closed. Here is what the library calls, and when it runs.
 *
 * Promises: (1) what the library calls takes a note and returns; (2) the library never sees a
 * request, nor answers one; (3) a silent TLS handshake, for which the library asks to be called
 * again at once for ever, costs one call in SPIN_WAIT_US.
 *
 * To get a connection back costs the library a walk over all that are suspended, 250 us for 9,000
 * of them: so those that are given back within GIVE_BACK_MS are given back together.
 */
#include "http_connection.h"

#include "../base/must.h"
#include "http_server_tls.h"

#include <microhttpd.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    POOL_BYTES = 1024, /* of a connection; nothing is read into it, nor written out of it */
    SPIN_CALLS = 8,    /* in a row, without an event, before the library's haste is not believed */
    SPIN_WAIT_US = 2000,
    GIVE_BACK_MS = 20,
    RUN_ACCEPTS = 10, /* connections that the library accepts in one run */
    TURN_RUNS = 16,   /* of a turn, as long as each of them has accepted so many */
    DRAIN_RUNS = 64,  /* until the listener's queue is empty */
};

/* ---- what the library calls: each notes and returns ---- */

/* The library wants one. */
static enum MHD_Result asked(void *unused, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_len, void **context)
{
    (void)unused, (void)mhd, (void)url, (void)method, (void)version, (void)upload, (void)upload_len;
    (void)context;
    return MHD_NO; /* nobody can ask it */
}

static void connection_open(struct http_server *server, struct MHD_Connection *mhd, void **context)
{
    int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const struct sockaddr *peer =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    void *session =
        server->options.tls
            ? MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session
            : NULL;
    *context = http_connection_new(server, mhd, fd, session, peer);
    server->opened_count++;
    if (session) {
        http_server_tls_resumable(session);
    }
}

static void connection_notified(void *server, struct MHD_Connection *mhd, void **context,
    enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_open(server, mhd, context);
    } else {
        http_connection_closed(*context);
    }
}

/* ---- the daemon in the loop ---- */

void http_server_take(struct connection *connection)
{
    MHD_suspend_connection(connection->mhd);
}

static void tell_library(struct http_server *server)
{
    loop_deadline_clear(server->loop, &server->tell_library);
    for (struct connection *at = server->given_back; at; at = at->next_given_back) {
        MHD_resume_connection(at->mhd);
        server->must_run = true;
        server->spins = 0;
    }
    server->given_back = NULL;
}

static void tell_library_now(struct deadline *deadline)
{
    tell_library(container_of(deadline, struct http_server, tell_library));
}

void http_server_give_back(struct connection *connection)
{
    struct http_server *server = connection->server;
    connection->next_given_back = server->given_back;
    server->given_back = connection;
    if (server->is_draining) {
        tell_library(server);
    } else if (!server->tell_library.place) {
        loop_deadline(
            server->loop, &server->tell_library, loop_now_us(server->loop) + GIVE_BACK_MS * 1000);
    }
}

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
    for (int i = 0; i < TURN_RUNS; i++) {
        unsigned before = server->opened_count;
        run(server);
        if (server->opened_count - before < RUN_ACCEPTS) {
            break;
        }
    }
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

void http_server_look_if_drained(struct http_server *server)
{
    if (server->is_draining && server->connections_count == 0 &&
        ring_is_empty(&server->lingers.list)) {
        loop_soon(server->loop, &server->drained_soon);
    }
}

static void linger_emptied(struct http_lingers *lingers)
{
    http_server_look_if_drained(container_of(lingers, struct http_server, lingers));
}

static struct MHD_Daemon *daemon_new(struct http_server *server)
{
    const struct http_server_options *options = &server->options;
    const struct http_tls *tls = options->tls;
    struct MHD_OptionItem items[] = {
        { MHD_OPTION_LISTEN_SOCKET, options->listen_fd, NULL },
        { MHD_OPTION_CONNECTION_LIMIT, options->connections_max, NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_BYTES, NULL },
        { MHD_OPTION_CONNECTION_MEMORY_INCREMENT, 512, NULL },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connection_notified, server },
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
        .body_max_bytes = options->body_max_bytes,
        .streams = user->streams,
        .context = user->context };
    server->user = *user;
    ring_init(&server->connections);
    http_lingers_init(&server->lingers, loop, linger_emptied);
    server->hook.before_wait = before_wait;
    server->drained_soon.run = tell_drained;
    server->tell_library.expired = tell_library_now;
    http_guards_init(&server->guards, options->tls != NULL);
    /* Inherited: an answer is written at once, and waits for nothing. */
    setsockopt(options->listen_fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
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
    for (int i = 0; i < DRAIN_RUNS && poll(&listener, 1, 0) > 0; i++) {
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
    for (struct ring_link *at = server->connections.next; at != &server->connections;
         at = at->next) {
        http_connection_drain(container_of(at, struct connection, link));
    }
    tell_library(server);
    http_server_look_if_drained(server);
}

unsigned http_server_connections(const struct http_server *server)
{
    return server->connections_count;
}

void http_server_free(struct http_server *server)
{
    for (struct ring_link *at = server->connections.next; at != &server->connections;
         at = at->next) {
        /* The library stops only when it has all of them. */
        http_connection_shut(container_of(at, struct connection, link));
    }
    tell_library(server);
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
