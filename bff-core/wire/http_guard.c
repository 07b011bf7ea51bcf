/*
 * http_guard: keeps the library from reading what a stranger wrote.
 *
 * Owns the table from descriptor to guard and the thread's pointer to the guards at work. This file
 * defines `recv` and `gnutls_record_recv`; in a program that links it, the dynamic linker sends the
 * library's calls here, and they go on to the real functions. Of a guarded connection the library
 * gets no byte: "not now" from its first read on, and the end when we are through. So the library
 * keeps the listener, the sockets and the handshakes, and every request and answer is ours.
 *
 * Promises: (1) a connection is SHAKEN once, at the first read that would take a request's bytes;
 * (2) with no server at work on the thread the two functions add one comparison. Does not know: the
 * library's types, requests, deadlines.
 */
#include "http_guard.h"

#include "../base/must.h"

#include <dlfcn.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

static __thread struct http_guards *at_work;

/* ---- the table ---- */

void http_guards_init(struct http_guards *guards, bool is_tls)
{
    guards->by_fd = NULL;
    guards->room = 0;
    guards->is_tls = is_tls;
}

void http_guards_fini(struct http_guards *guards)
{
    free(guards->by_fd);
    http_guards_init(guards, guards->is_tls);
}

void http_guards_add(struct http_guards *guards, struct http_guard *guard)
{
    size_t place = (size_t)guard->fd;
    if (place >= guards->room) {
        size_t room = place + 64 > guards->room * 2 ? place + 64 : guards->room * 2;
        struct http_guard **by_fd = realloc(guards->by_fd, room * sizeof(struct http_guard *));
        must(by_fd != NULL); /* a pointer for each descriptor */
        memset(by_fd + guards->room, 0, (room - guards->room) * sizeof(struct http_guard *));
        guards->by_fd = by_fd;
        guards->room = room;
    }
    must(guards->by_fd[place] == NULL);
    guards->by_fd[place] = guard;
}

void http_guards_remove(struct http_guards *guards, struct http_guard *guard)
{
    must(guards->by_fd[guard->fd] == guard);
    guards->by_fd[guard->fd] = NULL;
}

void http_guards_enter(struct http_guards *guards)
{
    must(at_work == NULL);
    at_work = guards;
}

void http_guards_leave(void)
{
    at_work = NULL;
}

static struct http_guard *guard_of(int fd)
{
    bool is_known = fd >= 0 && (size_t)fd < at_work->room;
    return is_known ? at_work->by_fd[fd] : NULL;
}

/* ---- the functions behind ours ---- */

typedef ssize_t recv_function(int fd, void *into, size_t len, int flags);
typedef ssize_t record_recv_function(gnutls_session_t session, void *into, size_t len);

static void *next_function(const char *name)
{
    void *next = dlsym(RTLD_NEXT, name);
    must(next != NULL);
    return next;
}

/*
 * Any thread may be the first; all of them find the same. Loaded by name, because the compiler
 * reads what it calls without regard to its being atomic.
 */
static ssize_t next_recv(int fd, void *into, size_t len, int flags)
{
    static recv_function *_Atomic known;
    recv_function *next = atomic_load(&known);
    if (!next) {
        next = (recv_function *)next_function("recv");
        atomic_store(&known, next);
    }
    return next(fd, into, len, flags);
}

static ssize_t next_record_recv(gnutls_session_t session, void *into, size_t len)
{
    static record_recv_function *_Atomic known;
    record_recv_function *next = atomic_load(&known);
    if (!next) {
        next = (record_recv_function *)next_function("gnutls_record_recv");
        atomic_store(&known, next);
    }
    return next(session, into, len);
}

/* ---- what the library hears ---- */

static bool is_over(struct http_guard *guard)
{
    if (guard->stage == HTTP_GUARD_SHAKING) {
        guard->stage = HTTP_GUARD_SHAKEN;
        guard->shaken(guard);
    }
    return guard->stage == HTTP_GUARD_CLOSING;
}

/* ---- what we read and write ---- */

static enum http_guard_io io_of(const struct http_guard *guard, ssize_t len)
{
    if (len > 0) {
        return HTTP_GUARD_SOME;
    }
    bool is_later = guard->session ? len == GNUTLS_E_AGAIN || len == GNUTLS_E_INTERRUPTED
                                   : len < 0 && (errno == EAGAIN || errno == EINTR);
    return is_later ? HTTP_GUARD_LATER : HTTP_GUARD_ENDED;
}

enum http_guard_io http_guard_read(struct http_guard *guard, void *into, size_t room, size_t *len)
{
    ssize_t got = guard->session ? next_record_recv(guard->session, into, room)
                                 : next_recv(guard->fd, into, room, MSG_DONTWAIT);
    *len = got > 0 ? (size_t)got : 0;
    return io_of(guard, got);
}

enum http_guard_io http_guard_write(struct http_guard *guard, struct str bytes, size_t *len)
{
    ssize_t put = guard->session
                      ? gnutls_record_send(guard->session, bytes.at, bytes.len)
                      : send(guard->fd, bytes.at, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    *len = put > 0 ? (size_t)put : 0;
    return io_of(guard, put);
}

void http_guard_end(struct http_guard *guard)
{
    if (guard->session) {
        gnutls_bye(guard->session, GNUTLS_SHUT_WR);
    }
    shutdown(guard->fd, SHUT_WR);
}

void http_guard_reset(struct http_guard *guard)
{
    /* To connect to nobody aborts at once, where a close would first end politely (connect(2)). */
    struct sockaddr nobody = { .sa_family = AF_UNSPEC };
    connect(guard->fd, &nobody, sizeof(nobody));
    shutdown(guard->fd, SHUT_RDWR);
}

/* ---- the doors that the library comes through ---- */

ssize_t recv(int fd, void *into, size_t len, int flags)
{
    struct http_guard *guard = at_work && !at_work->is_tls ? guard_of(fd) : NULL;
    if (!guard) {
        return next_recv(fd, into, len, flags);
    }
    errno = EAGAIN;
    return is_over(guard) ? 0 : -1;
}

ssize_t gnutls_record_recv(gnutls_session_t session, void *into, size_t len)
{
    struct http_guard *guard = at_work ? guard_of(gnutls_transport_get_int(session)) : NULL;
    if (!guard) {
        return next_record_recv(session, into, len);
    }
    return is_over(guard) ? 0 : GNUTLS_E_AGAIN;
}
