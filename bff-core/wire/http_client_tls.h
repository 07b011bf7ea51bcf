#ifndef WIRE_HTTP_CLIENT_TLS_H
#define WIRE_HTTP_CLIENT_TLS_H

#include "../base/str.h"

/*
 * TLS on connections to services: TLS 1.2 or 1.3, the service proved by name and chain before a
 * byte of a question is sent, and never anything less.
 */

/* What an origin's connections share: whom to trust, as whom to speak, a session to resume. */
struct http_client_tls;

/*
 * Texts are borrowed until free. `domain` is a host's name or address, without brackets. `ca_file`
 * NULL: the system's list; `cert_file` NULL: no certificate of our own. Files that cannot be used
 * now are tried again at each session.
 */
struct http_client_tls *http_client_tls_new(
    const char *domain, const char *ca_file, const char *cert_file, const char *key_file);
/* After the last session was closed. NULL is fine. */
void http_client_tls_free(struct http_client_tls *tls);

/* One connection's. */
struct http_session;

enum http_io {
    HTTP_IO_SOME,
    HTTP_IO_LATER,  /* nothing now; the descriptor tells when */
    HTTP_IO_CLOSED, /* the peer ended it, and said so */
    HTTP_IO_FAILED,
};

/*
 * On a connected, non-blocking descriptor, which stays the caller's. NULL: a file cannot be used.
 * Files that have changed are read again: this may block on the disk.
 */
struct http_session *http_session_open(struct http_client_tls *tls, int fd);
/* Says goodbye when that takes no waiting, and frees. Before the descriptor is closed. */
void http_session_close(struct http_session *session);

/*
 * The descriptor has something new to read; `is_last`: the peer will send no more. To be said
 * before shake or receive, whenever epoll says it (edge-triggered).
 */
void http_session_wake(struct http_session *session, bool is_last);

/* One step of the handshake. SOME: it is done and the service is who it should be. */
enum http_io http_session_shake(struct http_session *session);

/* SOME: `*sent` or `*received` bytes, at least one. */
enum http_io http_session_send(struct http_session *session, struct str bytes, size_t *sent);
enum http_io http_session_receive(
    struct http_session *session, void *into, size_t room, size_t *received);

#endif
