/* The issuer's three signing keys: RS256, ES256 and EdDSA. */
#ifndef MOCKS_KEYS_H
#define MOCKS_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "doc.h"

enum { KEYS_COUNT = 3, KEYS_ID_LEN = 43 };

struct gnutls_privkey_st;

struct key {
    const char *alg;
    char id[KEYS_ID_LEN + 1]; /* the key's RFC 7638 thumbprint */
    struct gnutls_privkey_st *private_key;
};

struct keys {
    const char *dir; /* where they are kept, or NULL: in memory alone */
    struct key all[KEYS_COUNT];
};

/* Loads the keys from `dir`, and makes those that are missing: files of mode 0600 in a directory of
 * mode 0700. False with a finished sentence in `why`. */
bool keys_open(struct keys *keys, const char *dir, char *why, size_t why_size);
void keys_close(struct keys *keys);

/* Replaces all three by new ones, in `dir` too. False when that fails: the old ones stay in use. */
bool keys_rotate(struct keys *keys, char *why, size_t why_size);

/* The key that signs `alg`, or NULL. */
const struct key *keys_find(const struct keys *keys, const char *alg);

/* Writes the key set of RFC 7517: the public halves. */
void keys_write_set(const struct keys *keys, struct doc *doc);

/* Appends base64url (RFC 7515, section 2: without padding) to `doc`. */
void keys_append_base64url(struct doc *doc, const void *bytes, size_t len);

/* Signs all that `doc` holds and appends "." and the signature, as RFC 7515 and RFC 7518 want it:
 * for ES256 that is r and s, 32 bytes each. False when GnuTLS refuses. */
bool keys_sign(const struct key *key, struct doc *doc);

#endif
