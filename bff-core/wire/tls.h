#ifndef WIRE_TLS_H
#define WIRE_TLS_H

#include "../base/arena.h"
#include "../base/err.h"

/*
 * A server's certificate and key, read and proved at boot. On which terms clients may use them is
 * known to http_server_tls.
 */

/* PEM texts, for struct http_tls. In the arena that tls_identity_read was given. */
struct tls_identity {
    const char *certificate_pem; /* the leaf first, then its chain */
    const char *key_pem;
    int64_t expires_s; /* since 1970: the first certificate of the chain to expire */
};

/*
 * Reads and proves both files. Faults (unreadable, malformed, not in order, expired or not valid
 * yet, a key that is weak or another certificate's) make it return false; warnings (expires within
 * 14 days, a key that others may read) do not. Both name the file. Blocks on the disk: for boot.
 */
bool tls_identity_read(struct tls_identity *identity, const char *certificate_path,
    const char *key_path, struct arena *arena, struct faults *faults, struct faults *warnings);

#endif
