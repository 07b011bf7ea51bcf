/*
 * http_daemon: libmicrohttpd in our loop.
 *
 * Owns the daemon: external epoll, its descriptor watched in our loop, run from our turn hook. The
 * library listens, accepts, counts, shakes hands and closes; once it would read a request the guard
 * says "not now", and the connection is suspended and its owner's until it is given back.
 *
 * Promises: (1) the library never sees a request, nor answers one; (2) a silent TLS handshake, for
 * which the library asks to be called again at once for ever, costs one call in SPIN_WAIT_US.
 *
 * To get a connection back costs the library a walk over all that are suspended, 250 us for 9,000
 * of them: so those that are given back within GIVE_BACK_MS are given back together.
 */
#include "http_daemon.h"

#include "../base/must.h"
#include "http_server_tls.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    POOL_BYTES = 1024, /* of a connection; nothing is read into it, nor written out of it */
    SPIN_CALLS = 8,    /* in a row, without an event, before the library's haste is not believed */
    SPIN_WAIT_US = 2000,
    GIVE_BACK_MS = 20,
    RUN_ACCEPTS = 10, /* connections that the library accepts in one run */
    TURN_RUNS = 16,   /* of a turn, as long as each of them has accepted so many */
    QUIET_RUNS = 64,  /* until the listener's queue is empty */
};

/* ---- what the library calls ---- */

/* The library wants one. */
static enum MHD_Result asked(void *unused, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_len, void **context)
{
    (void)unused, (void)mhd, (void)url, (void)method, (void)version, (void)upload, (void)upload_len;
    (void)context;
    return MHD_NO; /* nobody can ask it */
}

static struct http_daemon_handle *open_guest(struct http_daemon *daemon, struct MHD_Connection *mhd)
{
    struct http_daemon_guest guest = {
        .fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
        .peer = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
    };
    if (daemon->guards.is_tls) {
        guest.session =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
        http_server_tls_resumable(guest.session);
    }
    struct http_daemon_handle *handle = daemon->user.opened(daemon->user.context, &guest);
    handle->mhd = mhd;
    daemon->opened_count++;
    return handle;
}

static void notified(void *context, struct MHD_Connection *mhd, void **handle,
    enum MHD_ConnectionNotificationCode what)
{
    struct http_daemon *daemon = context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *handle = open_guest(daemon, mhd);
    } else {
        daemon->user.closed(daemon->user.context, *handle);
        daemon->must_run = true; /* a listener that was full listens again in the next run only */
    }
}

/* ---- who has a connection ---- */

void http_daemon_take(struct http_daemon_handle *handle)
{
    MHD_suspend_connection(handle->mhd);
}

static void tell_library(struct http_daemon *daemon)
{
    loop_deadline_clear(daemon->loop, &daemon->tell_library);
    while (!ring_is_empty(&daemon->given_back)) {
        struct ring_link *first = daemon->given_back.next;
        ring_remove(first);
        MHD_resume_connection(container_of(first, struct http_daemon_handle, link)->mhd);
        daemon->must_run = true;
        daemon->spins = 0;
    }
}

static void tell_library_now(struct deadline *deadline)
{
    tell_library(container_of(deadline, struct http_daemon, tell_library));
}

void http_daemon_give_back(struct http_daemon *daemon, struct http_daemon_handle *handle)
{
    ring_append(&daemon->given_back, &handle->link);
    if (daemon->is_quiet) {
        tell_library(daemon);
    } else if (!daemon->tell_library.place) {
        loop_deadline(
            daemon->loop, &daemon->tell_library, loop_now_us(daemon->loop) + GIVE_BACK_MS * 1000);
    }
}

/* ---- in the loop ---- */

static void run(struct http_daemon *daemon)
{
    daemon->must_run = false;
    http_guards_enter(&daemon->guards);
    must(MHD_run(daemon->mhd) == MHD_YES);
    http_guards_leave();
}

static void ready(struct watch *watch, uint32_t events)
{
    (void)events;
    struct http_daemon *daemon = container_of(watch, struct http_daemon, watch);
    daemon->spins = 0;
    for (int i = 0; i < TURN_RUNS; i++) {
        unsigned before = daemon->opened_count;
        run(daemon);
        if (daemon->opened_count - before < RUN_ACCEPTS) {
            break;
        }
    }
}

/* Our connections have deadlines of our own: a timeout of the library is 0 ("at once") or none. */
static uint64_t before_wait(struct turn_hook *hook)
{
    struct http_daemon *daemon = container_of(hook, struct http_daemon, hook);
    if (daemon->must_run) {
        run(daemon);
    }
    if (daemon->must_run) {
        return 0;
    }
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    if (MHD_get_timeout(daemon->mhd, &timeout_ms) != MHD_YES) {
        daemon->spins = 0;
        return LOOP_NO_LIMIT;
    }
    daemon->must_run = true;
    return daemon->spins++ < SPIN_CALLS ? 0 : SPIN_WAIT_US;
}

/* ---- its life ---- */

static struct MHD_Daemon *mhd_new(
    struct http_daemon *daemon, const struct http_daemon_options *options)
{
    bool is_tls = options->certificate_pem != NULL;
    struct MHD_OptionItem items[] = {
        { MHD_OPTION_LISTEN_SOCKET, options->listen_fd, NULL },
        { MHD_OPTION_CONNECTION_LIMIT, options->connections_max, NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_BYTES, NULL },
        { MHD_OPTION_CONNECTION_MEMORY_INCREMENT, 512, NULL },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)notified, daemon },
        { is_tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0,
            (void *)options->certificate_pem },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)options->key_pem },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)http_server_tls_priorities },
        { MHD_OPTION_END, 0, NULL },
    };
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (is_tls ? MHD_USE_TLS : 0);
    return MHD_start_daemon(
        flags, 0, NULL, NULL, asked, daemon, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
}

bool http_daemon_start(struct http_daemon *daemon, struct loop *loop,
    const struct http_daemon_options *options, const struct http_daemon_user *user)
{
    *daemon = (struct http_daemon){
        .loop = loop,
        .user = *user,
        .listen_fd = options->listen_fd,
        .hook.before_wait = before_wait,
        .tell_library.expired = tell_library_now,
        .must_run = true, /* the listener joins the library's epoll in its first run */
    };
    ring_init(&daemon->given_back);
    http_guards_init(&daemon->guards, options->certificate_pem != NULL);
    /* Inherited: an answer is written at once, and waits for nothing. */
    setsockopt(options->listen_fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    daemon->mhd = mhd_new(daemon, options);
    if (!daemon->mhd) {
        close(options->listen_fd);
        return false;
    }
    int epoll_fd = MHD_get_daemon_info(daemon->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    daemon->watch = (struct watch){ epoll_fd, ready };
    must(loop_watch(loop, &daemon->watch, EPOLLIN));
    loop_hook(loop, &daemon->hook);
    return true;
}

void http_daemon_quiesce(struct http_daemon *daemon)
{
    struct pollfd listener = { daemon->listen_fd, POLLIN, 0 };
    for (int i = 0; i < QUIET_RUNS && poll(&listener, 1, 0) > 0; i++) {
        run(daemon);
    }
    daemon->is_quiet = true;
    close(MHD_quiesce_daemon(daemon->mhd));
    tell_library(daemon);
}

void http_daemon_stop(struct http_daemon *daemon)
{
    tell_library(daemon);
    loop_unhook(daemon->loop, &daemon->hook);
    loop_unwatch(daemon->loop, &daemon->watch);
    http_guards_enter(&daemon->guards);
    MHD_stop_daemon(daemon->mhd);
    http_guards_leave();
    http_guards_fini(&daemon->guards);
}
