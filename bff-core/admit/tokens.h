#ifndef ADMIT_TOKENS_H
#define ADMIT_TOKENS_H

#include "claims.h"
#include "jwks.h"

/*
 * The tokens that one worker has verified: what a signature proves once, it proves again, as long
 * as its key is in the set. Keyed by the token's SHA-256; bounded. One thread only.
 */
struct tokens;

/* Keeps at most `entries` tokens; 0: none. Never NULL. */
struct tokens *tokens_new(unsigned entries);
void tokens_free(struct tokens *tokens);

/* What is proven, and by which key of which set. */
struct tokens_proof {
    unsigned char token[SIGNATURE_SHA256_BYTES];
    unsigned char key[SIGNATURE_SHA256_BYTES]; /* signature_key_digest */
    uint64_t generation;                       /* keys_view_generation */
};

/*
 * The claims of a token that was verified by a key which is still in `set`, whose number is
 * `generation`; else NULL. Borrowed until the next call. Their times are not looked at.
 */
struct claims *tokens_find(struct tokens *tokens, const unsigned char token[SIGNATURE_SHA256_BYTES],
    const struct keyset *set, uint64_t generation);

/* Remembers; holds the claims itself. A token that was not asked for lately makes room. */
void tokens_add(struct tokens *tokens, const struct tokens_proof *proof, struct claims *claims);

#endif
