#ifndef TESTS_UNIT_ADMIT_ISSUER_H
#define TESTS_UNIT_ADMIT_ISSUER_H

/* An issuer of tokens: a key for each algorithm, the set that it publishes, and what it signs. */

#include "base/buf.h"
#include "base/must.h"
#include "wire/signature.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

struct issuer_key {
    enum signature_alg alg;
    const char *kid; /* NULL: the key has no name */
    gnutls_privkey_t private;
};

static inline void issuer_key_new(struct issuer_key *key, enum signature_alg alg, const char *kid)
{
    static const struct {
        gnutls_pk_algorithm_t algorithm;
        unsigned bits;
    } kinds[] = {
        [SIGNATURE_RS256] = { GNUTLS_PK_RSA, 2048 },
        [SIGNATURE_ES256] = { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1) },
        [SIGNATURE_EDDSA] = { GNUTLS_PK_EDDSA_ED25519, 256 },
    };
    *key = (struct issuer_key){ .alg = alg, .kid = kid };
    must(gnutls_privkey_init(&key->private) == 0);
    must(gnutls_privkey_generate(key->private, kinds[alg].algorithm, kinds[alg].bits, 0) == 0);
}

static inline void issuer_key_free(struct issuer_key *key)
{
    gnutls_privkey_deinit(key->private);
}

static inline void issuer_base64url(struct buf *to, const void *data, size_t len)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *bytes = data;
    for (size_t bit = 0; bit < len * 8; bit += 6) {
        unsigned window = (unsigned)bytes[bit / 8] << 8;
        window |= bit / 8 + 1 < len ? bytes[bit / 8 + 1] : 0;
        buf_append_char(to, letters[window >> (10 - bit % 8) & 63]);
    }
}

/* `number`, in exactly `len` bytes; 0: without zeros in front. */
static inline void issuer_number(struct buf *to, gnutls_datum_t number, size_t len)
{
    unsigned char bytes[1024] = { 0 };
    const unsigned char *at = number.data;
    size_t size = number.size;
    while (size > 0 && *at == 0) {
        at++;
        size--;
    }
    len = len ? len : size;
    must(size <= len && len <= sizeof(bytes));
    memcpy(bytes + len - size, at, size);
    issuer_base64url(to, bytes, len);
}

/* Appends ,"name":"..." and frees the number. */
static inline void issuer_member(
    struct buf *to, const char *name, gnutls_datum_t *number, size_t len)
{
    buf_printf(to, ",\"%s\":\"", name);
    issuer_number(to, *number, len);
    buf_append_char(to, '"');
    gnutls_free(number->data);
}

/* Appends the public key as a JWK. */
static inline void issuer_jwk(struct buf *to, const struct issuer_key *key)
{
    gnutls_datum_t a = { NULL, 0 }, b = { NULL, 0 };
    if (key->alg == SIGNATURE_RS256) {
        must(gnutls_privkey_export_rsa_raw(
                 key->private, &a, &b, NULL, NULL, NULL, NULL, NULL, NULL) == 0);
        buf_append_str(to, STR("{\"kty\":\"RSA\",\"use\":\"sig\""));
        issuer_member(to, "n", &a, 0);
        issuer_member(to, "e", &b, 0);
    } else if (key->alg == SIGNATURE_ES256) {
        must(gnutls_privkey_export_ecc_raw(key->private, NULL, &a, &b, NULL) == 0);
        buf_append_str(to, STR("{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"ES256\""));
        issuer_member(to, "x", &a, 32);
        issuer_member(to, "y", &b, 32);
    } else {
        must(gnutls_privkey_export_ecc_raw(key->private, NULL, &a, NULL, NULL) == 0);
        buf_append_str(to, STR("{\"kty\":\"OKP\",\"crv\":\"Ed25519\""));
        issuer_member(to, "x", &a, 32);
    }
    if (key->kid) {
        buf_printf(to, ",\"kid\":\"%s\"", key->kid);
    }
    buf_append_char(to, '}');
}

/* A JWK set of `count` keys; the caller releases it. */
static inline struct buf issuer_set(const struct issuer_key *keys, size_t count)
{
    struct buf set;
    buf_init(&set, 1 << 20);
    buf_append_str(&set, STR("{\"keys\":["));
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_append_char(&set, ',');
        }
        issuer_jwk(&set, &keys[i]);
    }
    buf_append_str(&set, STR("]}"));
    return set;
}

/* A compact JWS over header and payload as they are given; the caller releases it. */
static inline struct buf issuer_sign(
    const struct issuer_key *key, const char *header, const char *payload)
{
    static const gnutls_sign_algorithm_t algorithms[] = {
        [SIGNATURE_RS256] = GNUTLS_SIGN_RSA_SHA256,
        [SIGNATURE_ES256] = GNUTLS_SIGN_ECDSA_SHA256,
        [SIGNATURE_EDDSA] = GNUTLS_SIGN_EDDSA_ED25519,
    };
    struct buf token;
    buf_init(&token, 1 << 20);
    issuer_base64url(&token, header, strlen(header));
    buf_append_char(&token, '.');
    issuer_base64url(&token, payload, strlen(payload));
    gnutls_datum_t text = { (unsigned char *)token.data, (unsigned)token.len }, signature, r, s;
    must(gnutls_privkey_sign_data2(key->private, algorithms[key->alg], 0, &text, &signature) == 0);
    buf_append_char(&token, '.');
    if (key->alg == SIGNATURE_ES256) {
        must(gnutls_decode_rs_value(&signature, &r, &s) == 0);
        unsigned char both[64] = { 0 };
        size_t r_zeros = r.size > 32, s_zeros = s.size > 32; /* DER's sign byte */
        memcpy(both + 32 - (r.size - r_zeros), r.data + r_zeros, r.size - r_zeros);
        memcpy(both + 64 - (s.size - s_zeros), s.data + s_zeros, s.size - s_zeros);
        issuer_base64url(&token, both, sizeof(both));
        gnutls_free(r.data);
        gnutls_free(s.data);
    } else {
        issuer_base64url(&token, signature.data, signature.size);
    }
    gnutls_free(signature.data);
    return token;
}

#endif
