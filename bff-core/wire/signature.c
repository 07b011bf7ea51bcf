/*
 * signature: GnuTLS, as far as tokens need it.
 *
 * Owns the imported keys. Promises: (1) a key works with one algorithm, which follows from the key
 * itself, so a token cannot choose another; (2) what GnuTLS would import but nobody should trust is
 * refused here: short, even or oversized RSA moduli, exponents that are even, 1 or huge, points off
 * their curve, numbers of the wrong length; (3) a key that was made is never changed, so any number
 * of threads may verify with it.
 * Does not know where keys come from, nor what is signed.
 */
#include "signature.h"

#include "../base/must.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>

enum {
    RSA_MIN_BITS = 2048,
    RSA_MAX_BITS = 8192,
    RSA_EXPONENT_BYTES = 4,
    P256_BYTES = 32,
    ED25519_KEY_BYTES = 32,
    ED25519_SIGNATURE_BYTES = 64,
};

struct signature_key {
    enum signature_alg alg;
    gnutls_pubkey_t public;
    size_t signature_bytes;
    unsigned char digest[SIGNATURE_SHA256_BYTES];
};

static const struct {
    const char *name;
    const char *kty;
    const char *crv; /* NULL: the kind has no curves */
    gnutls_sign_algorithm_t sign;
} algs[SIGNATURE_ALGS] = {
    [SIGNATURE_RS256] = { "RS256", "RSA", NULL, GNUTLS_SIGN_RSA_SHA256 },
    [SIGNATURE_ES256] = { "ES256", "EC", "P-256", GNUTLS_SIGN_ECDSA_SHA256 },
    [SIGNATURE_EDDSA] = { "EdDSA", "OKP", "Ed25519", GNUTLS_SIGN_EDDSA_ED25519 },
};

bool signature_alg_of(struct str name, enum signature_alg *out)
{
    for (int i = 0; i < SIGNATURE_ALGS; i++) {
        if (str_eq(name, str_of(algs[i].name))) {
            *out = (enum signature_alg)i;
            return true;
        }
    }
    return false;
}

/* ---- base64url and digests ---- */

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool signature_decode64(struct str text, void *out, size_t room, size_t *len)
{
    unsigned char *to = out;
    uint32_t bits = 0;
    unsigned held = 0; /* bits that are not written yet */
    *len = 0;
    if (text.len % 4 == 1) {
        return false; /* six bits are no byte */
    }
    for (size_t i = 0; i < text.len; i++) {
        int value = sextet(text.at[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            if (*len == room) {
                return false;
            }
            to[(*len)++] = (unsigned char)(bits >> held);
            bits &= (1u << held) - 1;
        }
    }
    return bits == 0; /* stray bits would give one token many spellings */
}

void signature_sha256(struct str bytes, unsigned char out[SIGNATURE_SHA256_BYTES])
{
    must(gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes.at, bytes.len, out) == 0);
}

/* ---- keys ---- */

/* A number of a JWK, most significant byte first. */
struct number {
    unsigned char bytes[RSA_MAX_BITS / 8 + 1]; /* and one zero, which some issuers put in front */
    size_t len;
};

static bool number_read(struct number *number, struct str text)
{
    return text.at && signature_decode64(text, number->bytes, sizeof(number->bytes), &number->len);
}

static void number_strip_zeros(struct number *number)
{
    size_t zeros = 0;
    while (zeros < number->len && number->bytes[zeros] == 0) {
        zeros++;
    }
    memmove(number->bytes, number->bytes + zeros, number->len - zeros);
    number->len -= zeros;
}

/* Without zeros in front. */
static size_t number_bits(const struct number *number)
{
    size_t bits = number->len * 8;
    for (unsigned top = number->len ? number->bytes[0] : 0x80; !(top & 0x80); top <<= 1) {
        bits--;
    }
    return bits;
}

static bool number_is_odd(const struct number *number)
{
    return number->len && number->bytes[number->len - 1] & 1;
}

static gnutls_datum_t number_datum(struct number *number)
{
    return (gnutls_datum_t){ number->bytes, (unsigned)number->len };
}

static const char *import_rsa(struct signature_key *key, const struct signature_jwk *jwk)
{
    struct number n, e;
    if (!number_read(&n, jwk->n) || !number_read(&e, jwk->e)) {
        return "has no readable n and e";
    }
    number_strip_zeros(&n);
    number_strip_zeros(&e);
    size_t bits = number_bits(&n);
    if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS) {
        return "has fewer than 2048 or more than 8192 bits";
    }
    if (!number_is_odd(&n)) {
        return "has an even modulus";
    }
    bool is_one = e.len == 1 && e.bytes[0] == 1;
    if (!number_is_odd(&e) || is_one || e.len > RSA_EXPONENT_BYTES) {
        return "has an exponent that is even, one, or above 32 bits";
    }
    gnutls_datum_t modulus = number_datum(&n), exponent = number_datum(&e);
    key->signature_bytes = n.len;
    return gnutls_pubkey_import_rsa_raw(key->public, &modulus, &exponent) == 0
               ? NULL
               : "is not usable RSA";
}

static const char *import_p256(struct signature_key *key, const struct signature_jwk *jwk)
{
    struct number x, y;
    if (!number_read(&x, jwk->x) || !number_read(&y, jwk->y) || x.len != P256_BYTES ||
        y.len != P256_BYTES) {
        return "has no x and y of 32 bytes";
    }
    gnutls_datum_t across = number_datum(&x), up = number_datum(&y);
    key->signature_bytes = P256_BYTES * 2;
    bool is_fit =
        gnutls_pubkey_import_ecc_raw(key->public, GNUTLS_ECC_CURVE_SECP256R1, &across, &up) == 0 &&
        gnutls_pubkey_verify_params(key->public) ==
            0; /* import does not look whether it is on the curve */
    return is_fit ? NULL : "is not a point on P-256";
}

static const char *import_ed25519(struct signature_key *key, const struct signature_jwk *jwk)
{
    struct number x;
    if (!number_read(&x, jwk->x) || x.len != ED25519_KEY_BYTES) {
        return "has no x of 32 bytes";
    }
    gnutls_datum_t point = number_datum(&x);
    key->signature_bytes = ED25519_SIGNATURE_BYTES;
    int code = gnutls_pubkey_import_ecc_raw(key->public, GNUTLS_ECC_CURVE_ED25519, &point, NULL);
    return code == 0 ? NULL : "is not usable Ed25519";
}

/* Over the key as GnuTLS writes it (SubjectPublicKeyInfo): two spellings of one key are one. */
static bool digest_key(struct signature_key *key)
{
    gnutls_datum_t der = { NULL, 0 };
    if (gnutls_pubkey_export2(key->public, GNUTLS_X509_FMT_DER, &der) != 0) {
        return false;
    }
    signature_sha256((struct str){ (const char *)der.data, der.size }, key->digest);
    gnutls_free(der.data);
    return true;
}

/* Which algorithm the key is for; its kind and curve decide, `alg` and `use` may only agree. */
static const char *judge(const struct signature_jwk *jwk, enum signature_alg *out)
{
    for (int i = 0; i < SIGNATURE_ALGS; i++) {
        if (!str_eq(jwk->kty, str_of(algs[i].kty))) {
            continue;
        }
        if (algs[i].crv && !str_eq(jwk->crv, str_of(algs[i].crv))) {
            return "is on a curve that is not used here";
        }
        if (jwk->alg.at && !str_eq(jwk->alg, str_of(algs[i].name))) {
            return "is for another algorithm";
        }
        if (jwk->use.at && !str_eq(jwk->use, STR("sig"))) {
            return "is not for signatures";
        }
        *out = (enum signature_alg)i;
        return NULL;
    }
    return "is of a kind that is not used here";
}

struct signature_key *signature_key_new(const struct signature_jwk *jwk, const char **why)
{
    static const char *(*const import[SIGNATURE_ALGS])(
        struct signature_key *, const struct signature_jwk *) = {
        [SIGNATURE_RS256] = import_rsa,
        [SIGNATURE_ES256] = import_p256,
        [SIGNATURE_EDDSA] = import_ed25519,
    };
    enum signature_alg alg;
    *why = judge(jwk, &alg);
    if (*why) {
        return NULL;
    }
    struct signature_key *key = calloc(1, sizeof(*key));
    must(key != NULL && gnutls_pubkey_init(&key->public) == 0);
    key->alg = alg;
    *why = import[alg](key, jwk);
    if (!*why && !digest_key(key)) {
        *why = "cannot be written down again";
    }
    if (*why) {
        signature_key_free(key);
        return NULL;
    }
    return key;
}

void signature_key_free(struct signature_key *key)
{
    if (key) {
        gnutls_pubkey_deinit(key->public);
        free(key);
    }
}

enum signature_alg signature_key_alg(const struct signature_key *key)
{
    return key->alg;
}

const unsigned char *signature_key_digest(const struct signature_key *key)
{
    return key->digest;
}

/* ---- verifying ---- */

static bool verify(const struct signature_key *key, struct str text, gnutls_datum_t *signature)
{
    gnutls_datum_t data = { (unsigned char *)text.at, (unsigned)text.len };
    return gnutls_pubkey_verify_data2(key->public, algs[key->alg].sign, 0, &data, signature) >= 0;
}

bool signature_verify(const struct signature_key *key, struct str text, struct str signature)
{
    if (signature.len != key->signature_bytes || text.len > UINT32_MAX) {
        return false;
    }
    gnutls_datum_t given = { (unsigned char *)signature.at, (unsigned)signature.len };
    if (key->alg != SIGNATURE_ES256) {
        return verify(key, text, &given);
    }
    /* GnuTLS wants r and s in DER, and its reader takes malformed DER too: this one is its own. */
    gnutls_datum_t r = { given.data, P256_BYTES }, s = { given.data + P256_BYTES, P256_BYTES }, der;
    if (gnutls_encode_rs_value(&der, &r, &s) != 0) {
        return false;
    }
    bool is_good = verify(key, text, &der);
    gnutls_free(der.data);
    return is_good;
}
