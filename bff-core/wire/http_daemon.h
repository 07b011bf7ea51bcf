#ifndef WIRE_HTTP_DAEMON_H
#define WIRE_HTTP_DAEMON_H

#include "../base/loop.h"
#include "../base/ring.h"
#include "http_guard.h"

#include <sys/socket.h>

/*
 * The library in our loop: it listens, accepts, shakes hands and closes. In between a connection is
 * taken from it, and is ours until it is given back. Part of its owner; one thread.
 */

struct MHD_Connection;
struct MHD_Daemon;

/* What the library has of a connection. Part of its owner, who reads nothing in it. */
struct http_daemon_handle {
    struct MHD_Connection *mhd;
    struct ring_link link; /* in daemon->given_back */
};

/* A client that was let in. */
struct http_daemon_guest {
    int fd;                      /* the library's: it closes it */
    void *session;               /* a gnutls_session_t; NULL: plain */
    const struct sockaddr *peer; /* until the callback returns */
};

/* Both are called with the library on the stack: they take a note and return. */
struct http_daemon_user {
    /* The handle is a part of what was made for the guest, and lives until `closed`. */
    struct http_daemon_handle *(*opened)(void *context, const struct http_daemon_guest *guest);
    void (*closed)(void *context, struct http_daemon_handle *handle);
    void *context;
};

struct http_daemon_options {
    int listen_fd; /* listening, non-blocking; taken */
    unsigned connections_max;
    const char *certificate_pem, *key_pem; /* borrowed; NULL: plain */
};

struct http_daemon {
    struct loop *loop;
    struct http_daemon_user user;
    int listen_fd;
    struct MHD_Daemon *mhd;
    struct http_guards guards; /* of all connections: whoever makes one adds its guard */
    struct watch watch;        /* the library's epoll descriptor */
    struct turn_hook hook;
    bool must_run;
    bool is_quiet;                /* it accepts no more */
    unsigned spins;               /* zero timeouts in a row */
    unsigned opened_count;        /* ever */
    struct ring_link given_back;  /* the library does not know yet */
    struct deadline tell_library; /* of them */
};

/* False when the library does not start: a certificate or its key may be broken. */
bool http_daemon_start(struct http_daemon *daemon, struct loop *loop,
    const struct http_daemon_options *options, const struct http_daemon_user *user);

/* The guard was SHAKEN; from now on the library leaves the connection to us. */
void http_daemon_take(struct http_daemon_handle *handle);

/*
 * The guard is CLOSING: the library takes the connection up again, hears so, and closes it. Soon,
 * and at once when it accepts no more.
 */
void http_daemon_give_back(struct http_daemon *daemon, struct http_daemon_handle *handle);

/* Accepts who has knocked already, and nobody after that. */
void http_daemon_quiesce(struct http_daemon *daemon);

/* Closes all that is left. Each connection is given back, or was never taken. */
void http_daemon_stop(struct http_daemon *daemon);

#endif
