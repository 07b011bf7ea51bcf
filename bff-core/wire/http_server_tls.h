#ifndef WIRE_HTTP_SERVER_TLS_H
#define WIRE_HTTP_SERVER_TLS_H

/*
 * What our listeners speak: TLS 1.2 and 1.3, ephemeral keys, authenticated encryption. A GnuTLS
 * priority string.
 */
extern const char http_server_tls_priorities[];

/*
 * Lets a new session (a gnutls_session_t) be resumed by ticket. All servers of the process share
 * one key, so that a client may come back to another worker; GnuTLS rotates what it derives from
 * it.
 */
void http_server_tls_resumable(void *session);

#endif
