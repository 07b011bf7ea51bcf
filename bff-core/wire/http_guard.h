#ifndef WIRE_HTTP_GUARD_H
#define WIRE_HTTP_GUARD_H

#include "http_intake.h"

/*
 * The guard stands between a server's connections and the library: it reads what the client sends,
 * and the library is told of nothing but whole, well-formed requests, each in the same few words.
 * Of a streamed request it is told nothing at all: whoever serves it reads and writes through the
 * guard, while the library has put the connection aside.
 */

enum { HTTP_GUARD_READ_BYTES = 16384 }; /* at once; the largest TLS record */

enum http_guard_stage {
    HTTP_GUARD_RECEIVING,
    HTTP_GUARD_SERVING,   /* the library knows of the request and has not answered it */
    HTTP_GUARD_ANSWERED,  /* it has, but the request is still in hand: until http_guard_next */
    HTTP_GUARD_STREAMING, /* the head of a streamed request is whole: until http_guard_next */
    HTTP_GUARD_CLOSING,   /* the library is told that the client has closed */
};

/* One connection's guard. */
struct http_guard {
    int fd;
    void *session; /* a gnutls_session_t; NULL: plain */
    enum http_guard_stage stage;
    struct http_intake intake;
    bool has_continued; /* 100 Continue was sent for the request in hand */
    /* The intake's phase has changed, or a streamed request's head is whole. Called with the
     * library on the stack. */
    void (*moved)(struct http_guard *guard);
    /* As in http_server.h; NULL: everybody is served. */
    bool (*turns_away)(struct http_guard *guard, struct buf *answer);
};

/* The guards of one server. */
struct http_guards {
    struct http_guard **by_fd;
    size_t room;
    bool is_tls;
    struct buf answer; /* to whoever is turned away */
    char scratch[HTTP_GUARD_READ_BYTES];
};

void http_guards_init(struct http_guards *guards, bool is_tls);
void http_guards_fini(struct http_guards *guards);

/*
 * `guard` has its fd, its intake and its functions; it is a part of its owner, who takes it
 * out before it dies.
 */
void http_guards_add(struct http_guards *guards, struct http_guard *guard);
void http_guards_remove(struct http_guards *guards, struct http_guard *guard);

/*
 * Between these two calls the library's reads on this thread come through the guards; at any other
 * time, on any other thread and for any other descriptor, recv and gnutls_record_recv are what they
 * always were.
 */
void http_guards_enter(struct http_guards *guards);
void http_guards_leave(void);

/* The library has answered the request in hand. */
void http_guard_answered(struct http_guard *guard);

/* Nobody needs the request in hand any more: on to the next. Calls `moved`. */
void http_guard_next(struct http_guard *guard, uint64_t now_us);

/* ---- for a streamed request, with the library not on the stack ---- */

enum http_guard_io {
    HTTP_GUARD_SOME,
    HTTP_GUARD_LATER, /* the descriptor will tell */
    HTTP_GUARD_ENDED, /* the client has closed, or the connection has failed */
};

/* Reads once, at most `max` bytes (HTTP_INTAKE_PIECE_BYTES), and feeds the intake, which wants. */
enum http_guard_io http_guard_read(
    struct http_guards *guards, struct http_guard *guard, size_t max);

/*
 * Writes once; *written says how much. After LATER the next call begins with the same bytes, for
 * some may be encrypted already.
 */
enum http_guard_io http_guard_write(struct http_guard *guard, struct str bytes, size_t *written);

/*
 * Ends the connection so that nobody can take what was sent for whole: by a reset, even under TLS.
 */
void http_guard_reset(struct http_guard *guard);

#endif
