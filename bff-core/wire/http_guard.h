#ifndef WIRE_HTTP_GUARD_H
#define WIRE_HTTP_GUARD_H

#include "http_intake.h"

/*
 * The guard stands between a server's connections and the library: it reads what the client sends,
 * and the library is told of nothing but whole, well-formed requests, each in the same few words.
 */

enum { HTTP_GUARD_READ_BYTES = 16384 }; /* at once; the largest TLS record */

enum http_guard_stage {
    HTTP_GUARD_RECEIVING,
    HTTP_GUARD_SERVING,  /* the library knows of the request and has not answered it */
    HTTP_GUARD_ANSWERED, /* it has, but the request is still in hand: until http_guard_next */
};

/* One connection's guard. */
struct http_guard {
    int fd;
    enum http_guard_stage stage;
    struct http_intake intake;
    bool has_continued; /* 100 Continue was sent for the request in hand */
    /* The intake's phase has changed. Called with the library on the stack. */
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

#endif
