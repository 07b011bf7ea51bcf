#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "str.h"

/* A secret of this process, so that no caller can choose keys that collide. */
struct hash_key {
    uint64_t k0, k1;
};

/*
 * The process's own secret, the same at each call: drawn from the system's random source at the
 * first, which cannot fail on Linux once booted. Any thread.
 */
void hash_key_init(struct hash_key *key);

/*
 * SipHash-1-3 (Aumasson and Bernstein, 2012), as the tables of Rust, Ruby and Python have it: for
 * tables whose keys a stranger sends, and for nothing else.
 */
uint64_t hash_str(const struct hash_key *key, struct str s);

/* `len` random bytes fit for identifiers that must not be guessed. Any thread. */
void hash_random(void *out, size_t len);

#endif
