#ifndef WIRE_SIGNATURE_H
#define WIRE_SIGNATURE_H

#include "../base/str.h"

/*
 * Public keys and what they signed, in the three algorithms that tokens may use here. Everything is
 * strict: what the standards leave open is refused, because a key or a signature that can be read
 * in two ways is an attack.
 */

/* RFC 7518 section 3.1, RFC 8037 section 3.1. Neither "none" nor anything with a shared secret. */
enum signature_alg {
    SIGNATURE_RS256,
    SIGNATURE_ES256,
    SIGNATURE_EDDSA, /* with Ed25519 only */
    SIGNATURE_ALGS,
};

/* "RS256" and so on; case matters. False: not one of ours, *out is untouched. */
bool signature_alg_of(struct str name, enum signature_alg *out);

/* The members of a JWK (RFC 7517) that say what a public key is; { NULL, 0 }: not there. */
struct signature_jwk {
    struct str kty;
    struct str use;
    struct str alg;
    struct str crv;
    struct str n, e; /* RSA */
    struct str x, y; /* EC; OKP has x alone */
};

enum { SIGNATURE_SHA256_BYTES = 32 };

struct signature_key;

/*
 * A key that may be used: RSA of 2048 to 8192 bits with an odd exponent from 3 to 2^32-1, a point
 * on P-256, or Ed25519; `use` and `alg`, where given, must agree with that. NULL: it may not be
 * used, and *why is a static text, the end of "the key ...". Nothing of the JWK is kept.
 */
struct signature_key *signature_key_new(const struct signature_jwk *jwk, const char **why);
void signature_key_free(struct signature_key *key);

/* The one algorithm that this key may be used with: never the token's choice. */
enum signature_alg signature_key_alg(const struct signature_key *key);

/* A digest of what the key is: equal for equal keys, whatever their names. Borrowed. */
const unsigned char *signature_key_digest(const struct signature_key *key);

/*
 * True when `signature` is this key's over `text`. ES256 signatures are r and s, 32 bytes each
 * (RFC 7518 section 3.4). Takes 20 us (RS256) to 120 us (ES256). Any thread; the key is only read.
 */
bool signature_verify(const struct signature_key *key, struct str text, struct str signature);

/*
 * Strict base64url (RFC 7515 section 2): no padding, no other character, no stray bits in the last
 * one. *len is what was written to `out`, at most `room`. False: not well-formed, or too long.
 */
bool signature_decode64(struct str text, void *out, size_t room, size_t *len);

void signature_sha256(struct str bytes, unsigned char out[SIGNATURE_SHA256_BYTES]);

#endif
