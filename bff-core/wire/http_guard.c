/*
 * http_guard: reads for the library, so that the library never parses what a stranger wrote.
 *
 * Owns the table from descriptor to guard and the thread's pointer to the guards at work. This file
 * defines `recv` and `gnutls_record_recv`; in a program that links it, the dynamic linker sends the
 * library's calls here, and they go on to the real functions. For a guarded connection the call
 * reads ahead into the intake and returns, once a request is whole, one of eight canned heads: all
 * that the library needs to know is whether the answer has a body (HEAD), which version it is for,
 * and whether the connection ends. Heads, bodies, chunks, 100 Continue and every refusal are ours;
 * the library keeps the sockets, TLS and the writing. A refused request is told like any other, as
 * the last one of its connection, of which nothing more is read. One that the user turns away is
 * answered here, and the library never hears of it: there may be many of them.
 *
 * A streamed request is not told: the library hears "not now" and is left out until it is over.
 *
 * Promises: (1) the library sees the next request only after http_guard_next; (2) "not now" is said
 * as EINTR, which keeps a connection on the library's ready list, exactly when bytes wait here that
 * no descriptor would announce; (3) with no server at work on the thread the two functions add one
 * comparison. Does not know: the library's types, deadlines, exchanges.
 */
#include "http_guard.h"

#include "../base/clock.h"
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
    buf_init(&guards->answer, HTTP_TURNED_AWAY_MAX_BYTES);
}

void http_guards_fini(struct http_guards *guards)
{
    free(guards->by_fd);
    buf_release(&guards->answer);
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

void http_guard_answered(struct http_guard *guard)
{
    guard->stage = HTTP_GUARD_ANSWERED;
}

void http_guard_next(struct http_guard *guard, uint64_t now_us)
{
    guard->stage = HTTP_GUARD_RECEIVING;
    guard->has_continued = false;
    http_intake_next(&guard->intake, now_us);
    guard->moved(guard);
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

/* ---- two transports: how each reads, writes and says "not now" ---- */

struct transport {
    ssize_t (*read)(void *peer, void *into, size_t len);
    ssize_t (*write)(void *peer, const void *bytes, size_t len);
    ssize_t (*not_now)(bool has_more);
    bool is_drained_by_short_read; /* else only by reading until it says "not now" */
};

static ssize_t plain_read(void *peer, void *into, size_t len)
{
    return next_recv(((struct http_guard *)peer)->fd, into, len, 0);
}

static ssize_t plain_write(void *peer, const void *bytes, size_t len)
{
    return send(((struct http_guard *)peer)->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t plain_not_now(bool has_more)
{
    errno = has_more ? EINTR : EAGAIN;
    return -1;
}

static ssize_t tls_read(void *peer, void *into, size_t len)
{
    return next_record_recv(peer, into, len);
}

static ssize_t tls_write(void *peer, const void *bytes, size_t len)
{
    return gnutls_record_send(peer, bytes, len);
}

static ssize_t tls_not_now(bool has_more)
{
    return has_more ? GNUTLS_E_INTERRUPTED : GNUTLS_E_AGAIN;
}

static const struct transport plain = { plain_read, plain_write, plain_not_now, true };
static const struct transport tls = { tls_read, tls_write, tls_not_now, false };

/* ---- reading ---- */

/* [is_head][is_http_1_0][is_last] */
#define CANNED(method, version, connection)                                                        \
    method " / HTTP/" version "\r\nHost: h\r\nConnection: " connection "\r\n\r\n"
#define CANNED_METHOD(method)                                                                      \
    {                                                                                              \
        { CANNED(method, "1.1", "keep-alive"), CANNED(method, "1.1", "close") },                   \
            { CANNED(method, "1.0", "keep-alive"), CANNED(method, "1.0", "close") },               \
    }
static const char canned[2][2][2][64] = { CANNED_METHOD("GET"), CANNED_METHOD("HEAD") };

static ssize_t tell(struct http_guard *guard, char *into, size_t room)
{
    const struct http_intake *intake = &guard->intake;
    const struct http_head *head = &intake->head;
    bool is_head = str_eq(head->method, STR("HEAD"));
    bool is_last = head->is_last || intake->phase == HTTP_INTAKE_REFUSED;
    const char *words = canned[is_head][head->is_http_1_0][is_last];
    size_t len = strlen(words);
    must(len <= room); /* the library reads heads into a buffer of at least 1 KB */
    memcpy(into, words, len);
    guard->stage = HTTP_GUARD_SERVING;
    return (ssize_t)len;
}

/*
 * RFC 9110 section 10.1.1. All answers before are written out, so the line is free; should it not
 * take 25 bytes, the client sends its body after a while without them.
 */
static bool send_continue(struct http_guard *guard, const struct transport *transport, void *peer)
{
    static const char words[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const struct http_intake *intake = &guard->intake;
    bool is_due = intake->phase == HTTP_INTAKE_BODY && intake->head.expects_continue;
    if (!is_due || guard->has_continued || intake->body.len) {
        return true;
    }
    guard->has_continued = true;
    return transport->write(peer, words, sizeof(words) - 1) == sizeof(words) - 1;
}

/* Whole, and told in the plainest words: nothing about it but its answer needs the library. */
static bool is_plain(const struct http_intake *intake)
{
    const struct http_head *head = &intake->head;
    return intake->phase == HTTP_INTAKE_WHOLE && !head->is_last && !head->is_http_1_0 &&
           !str_eq(head->method, STR("HEAD"));
}

enum turned_away { NOBODY, ALL, BROKEN };

/*
 * Answers for as long as requests that are not served follow each other. The line is free, as for
 * 100 Continue; whoever does not take an answer has left too many unread, and is let go.
 */
static enum turned_away turn_away(
    struct http_guard *guard, const struct transport *transport, void *peer)
{
    enum turned_away done = NOBODY;
    struct buf *answer = &at_work->answer;
    while (guard->turns_away && is_plain(&guard->intake)) {
        buf_clear(answer);
        if (!guard->turns_away(guard, answer)) {
            return done;
        }
        must(answer->len > 0 && !answer->is_overfull);
        if (transport->write(peer, answer->data, answer->len) != (ssize_t)answer->len) {
            return BROKEN;
        }
        http_guard_next(guard, clock_now_us());
        done = ALL;
    }
    return done;
}

/* The library asks while it is not its turn. */
static ssize_t put_off(const struct http_guard *guard, const struct transport *transport)
{
    switch (guard->stage) {
    case HTTP_GUARD_CLOSING:
        return 0;
    case HTTP_GUARD_STREAMING: /* it is about to be put aside */
        return transport->not_now(false);
    case HTTP_GUARD_ANSWERED:
        return transport->not_now(true);
    default:
        return transport->not_now(guard->intake.ahead.len > 0);
    }
}

/* Until a request is whole, or only its head where it is streamed. */
static bool wants_more(const struct http_intake *intake)
{
    return http_intake_wants(intake) && !intake->is_streamed;
}

static ssize_t receive(struct http_guard *guard, const struct transport *transport, void *peer,
    void *into, size_t room)
{
    struct http_intake *intake = &guard->intake;
    if (guard->stage != HTTP_GUARD_RECEIVING) {
        return put_off(guard, transport);
    }
    enum http_intake_phase phase = intake->phase;
    ssize_t len = HTTP_GUARD_READ_BYTES;
    bool is_drained = false;
    while (wants_more(intake) && !is_drained) {
        len = transport->read(peer, at_work->scratch, HTTP_GUARD_READ_BYTES);
        if (len <= 0) {
            break;
        }
        http_intake_feed(intake, (struct str){ at_work->scratch, (size_t)len }, clock_now_us());
        if (!intake->is_streamed && !send_continue(guard, transport, peer)) {
            return 0;
        }
        is_drained = len < HTTP_GUARD_READ_BYTES && transport->is_drained_by_short_read;
    }
    int why = errno;
    if (intake->phase != phase) {
        guard->moved(guard);
    }
    enum turned_away turned_away = turn_away(guard, transport, peer);
    if (turned_away == BROKEN) {
        return 0;
    }
    if (intake->is_streamed && intake->phase != HTTP_INTAKE_REFUSED) {
        guard->stage = HTTP_GUARD_STREAMING;
        guard->moved(guard);
        return transport->not_now(false);
    }
    if (!http_intake_wants(intake)) {
        return tell(guard, into, room);
    }
    if (turned_away == ALL) {
        return transport->not_now(!is_drained);
    }
    errno = why;
    return len > 0 ? transport->not_now(false) : len;
}

/* ---- streams ---- */

static enum http_guard_io io_of(const struct http_guard *guard, ssize_t len)
{
    if (len > 0) {
        return HTTP_GUARD_SOME;
    }
    bool is_later = guard->session ? len == GNUTLS_E_AGAIN || len == GNUTLS_E_INTERRUPTED
                                   : len < 0 && (errno == EAGAIN || errno == EINTR);
    return is_later ? HTTP_GUARD_LATER : HTTP_GUARD_ENDED;
}

enum http_guard_io http_guard_read(struct http_guards *guards, struct http_guard *guard, size_t max)
{
    must(max > 0 && max <= HTTP_INTAKE_PIECE_BYTES);
    ssize_t len = guard->session ? tls_read(guard->session, guards->scratch, max)
                                 : plain_read(guard, guards->scratch, max);
    if (len > 0) {
        http_intake_feed(
            &guard->intake, (struct str){ guards->scratch, (size_t)len }, clock_now_us());
    }
    return io_of(guard, len);
}

enum http_guard_io http_guard_write(struct http_guard *guard, struct str bytes, size_t *written)
{
    ssize_t len = guard->session ? tls_write(guard->session, bytes.at, bytes.len)
                                 : plain_write(guard, bytes.at, bytes.len);
    *written = len > 0 ? (size_t)len : 0;
    return io_of(guard, len);
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
    return guard ? receive(guard, &plain, guard, into, len) : next_recv(fd, into, len, flags);
}

ssize_t gnutls_record_recv(gnutls_session_t session, void *into, size_t len)
{
    struct http_guard *guard = at_work ? guard_of(gnutls_transport_get_int(session)) : NULL;
    return guard ? receive(guard, &tls, session, into, len) : next_record_recv(session, into, len);
}
