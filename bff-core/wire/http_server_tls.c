/*
 * http_server_tls: the terms on which clients may speak TLS with us.
 *
 * Owns the process's ticket key: made once, when the first connection asks, and kept until the end.
 * Does not know certificates (the server passes them on) nor sockets.
 */
#include "http_server_tls.h"

#include "../base/must.h"

#include <gnutls/gnutls.h>
#include <pthread.h>

const char http_server_tls_priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
    ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA"
    ":-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305"
    ":-MAC-ALL:+AEAD"
    ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"
    ":%SERVER_PRECEDENCE";

static gnutls_datum_t ticket_key;

static void make_ticket_key(void)
{
    must(gnutls_session_ticket_key_generate(&ticket_key) == GNUTLS_E_SUCCESS);
}

void http_server_tls_resumable(void *session)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_ticket_key);
    gnutls_session_ticket_enable_server(session, &ticket_key);
}
