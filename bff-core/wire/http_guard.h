#ifndef WIRE_HTTP_GUARD_H
#define WIRE_HTTP_GUARD_H

#include "../base/str.h"

/*
 * The guard stands between a server's connections and the library. The library accepts a
 * connection, shakes hands on it and closes it; what the client says in between it never reads: it
 * is told "not now", and puts the connection aside for us.
 */

enum http_guard_stage {
    HTTP_GUARD_SHAKING, /* the library has it */
    HTTP_GUARD_SHAKEN,  /* the library would read a request now; it has yet to put it aside */
    HTTP_GUARD_OURS,    /* it has */
    HTTP_GUARD_CLOSING, /* it is told that the client has closed */
};

/* One connection's guard. */
struct http_guard {
    int fd;
    void *session; /* a gnutls_session_t; NULL: plain */
    enum http_guard_stage stage;
    /* It is SHAKEN. Called with the library on the stack. */
    void (*shaken)(struct http_guard *guard);
};

/* The guards of one server. */
struct http_guards {
    struct http_guard **by_fd;
    size_t room;
    bool is_tls;
};

void http_guards_init(struct http_guards *guards, bool is_tls);
void http_guards_fini(struct http_guards *guards);

/* `guard` is a part of its owner, who takes it out before it dies. */
void http_guards_add(struct http_guards *guards, struct http_guard *guard);
void http_guards_remove(struct http_guards *guards, struct http_guard *guard);

/*
 * Between these two calls the library's reads on this thread come through the guards; at any other
 * time, on any other thread and for any other descriptor, recv and gnutls_record_recv are what they
 * always were.
 */
void http_guards_enter(struct http_guards *guards);
void http_guards_leave(void);

/* ---- what is OURS is read and written here, with the library not on the stack ---- */

enum http_guard_io {
    HTTP_GUARD_SOME,
    HTTP_GUARD_LATER, /* the descriptor will tell */
    HTTP_GUARD_ENDED, /* the client has closed, or the connection has failed */
};

/* Reads once; *len says how much. */
enum http_guard_io http_guard_read(struct http_guard *guard, void *into, size_t room, size_t *len);

/*
 * Writes once; *len says how much. After LATER the next call begins with the same bytes, for some
 * may be encrypted already.
 */
enum http_guard_io http_guard_write(struct http_guard *guard, struct str bytes, size_t *len);

/* The client hears that nothing more will come: the end of TLS, where there is, and of the stream.
 */
void http_guard_end(struct http_guard *guard);

/*
 * Ends the connection so that nobody can take what was sent for whole: by a reset, even under TLS.
 */
void http_guard_reset(struct http_guard *guard);

#endif
