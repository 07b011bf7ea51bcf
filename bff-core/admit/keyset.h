#ifndef ADMIT_KEYSET_H
#define ADMIT_KEYSET_H

#include "../base/arena.h"
#include "../base/err.h"
#include "../wire/signature.h"

/*
 * The public keys of an issuer (RFC 7517): made from JSON, then only read, by any number of
 * threads.
 */
struct keyset;

enum { KEYSET_MAX = 64, KEYSET_NAME_BYTES_MAX = 256 };

/*
 * Reads a JWK set of at most KEYSET_MAX keys. Keys that cannot be used here are left out: of
 * another kind, too weak, for something else, or with the name of one before them. NULL with a
 * sentence in `err` when it is no such set, or no key of it can be used. `arena` is used on the way
 * only. The caller has one reference.
 */
struct keyset *keyset_read(struct str body, struct arena *arena, struct err *err);

/* One reference more; any thread that is sure of one. Returns the set. */
struct keyset *keyset_take(struct keyset *set);

/* One reference less, of NULL too; the last frees the set. Any thread. */
void keyset_put(struct keyset *set);

size_t keyset_count(const struct keyset *set);
size_t keyset_left_out(const struct keyset *set);

/* True when both have the same keys under the same names in the same order; NULL equals nothing. */
bool keyset_equals(const struct keyset *a, const struct keyset *b);

/*
 * The key that a token's header means; NULL when there is none. Without `kid` ({ NULL, 0 }) only
 * where the set has a single key of that algorithm. Borrowed from the set.
 */
const struct signature_key *keyset_find(
    const struct keyset *set, enum signature_alg alg, struct str kid);

/* True when a key of that digest (signature_key_digest) is in the set, under whatever name. */
bool keyset_holds(const struct keyset *set, const unsigned char digest[SIGNATURE_SHA256_BYTES]);

#endif
