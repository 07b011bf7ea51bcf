/*
 * Keys that sign tokens, made and kept with GnuTLS.
 *
 * Owns the private keys and their files. It promises that
 *  1. a private key is never written but to a file of mode 0600, and reaches its name in one step;
 *  2. a key's id is its RFC 7638 thumbprint: a new key has a new id, a reloaded one its old id;
 *  3. numbers are published in the fixed width that RFC 7518 wants, whatever GnuTLS exports.
 *
 * It does not know what a token says.
 */
#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { P256_BYTES = 32, PATH_BYTES = 4096 };

static const struct kind {
    const char *alg, *file;
    gnutls_pk_algorithm_t algorithm;
    unsigned bits;
    gnutls_sign_algorithm_t signature;
} kinds[KEYS_COUNT] = {
    { "RS256", "rs256.pem", GNUTLS_PK_RSA, 2048, GNUTLS_SIGN_RSA_SHA256 },
    { "ES256", "es256.pem", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
        GNUTLS_SIGN_ECDSA_SHA256 },
    { "EdDSA", "ed25519.pem", GNUTLS_PK_EDDSA_ED25519,
        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519), GNUTLS_SIGN_EDDSA_ED25519 },
};

static void append_member(struct doc *doc, const char *key, const gnutls_datum_t *number)
{
    doc_text_begin(doc, key);
    keys_append_base64url(doc, number->data, number->size);
    doc_text_end(doc);
}

/* Brings a number to exactly `width` bytes: GnuTLS may put a zero in front or leave zeros out. */
static void append_fixed(struct doc *doc, const gnutls_datum_t *number, size_t width)
{
    unsigned char out[P256_BYTES] = { 0 };
    const size_t skip = number->size > width ? number->size - width : 0;
    const size_t len = number->size - skip;
    memcpy(out + width - len, number->data + skip, len);
    doc_append(doc, (const char *)out, width);
}

static void append_fixed_member(struct doc *doc, const char *key, const gnutls_datum_t *number)
{
    struct doc fixed;
    doc_init(&fixed);
    append_fixed(&fixed, number, P256_BYTES);
    doc_text_begin(doc, key);
    keys_append_base64url(doc, fixed.bytes, fixed.len);
    doc_text_end(doc);
    doc_fini(&fixed);
}

/* The members that define the key, in the order of RFC 7638, section 3.2: by name. */
static void write_public_members(gnutls_privkey_t private_key, struct doc *doc)
{
    gnutls_pubkey_t key;
    gnutls_datum_t a = { 0 }, b = { 0 };

    gnutls_pubkey_init(&key);
    gnutls_pubkey_import_privkey(key, private_key, 0, 0);
    switch (gnutls_privkey_get_pk_algorithm(private_key, NULL)) {
    case GNUTLS_PK_RSA:
        gnutls_pubkey_export_rsa_raw2(key, &a, &b, GNUTLS_EXPORT_FLAG_NO_LZ);
        append_member(doc, "e", &b);
        doc_text(doc, "kty", "RSA");
        append_member(doc, "n", &a);
        break;
    case GNUTLS_PK_ECDSA:
        gnutls_pubkey_export_ecc_raw2(key, NULL, &a, &b, 0);
        doc_text(doc, "crv", "P-256");
        doc_text(doc, "kty", "EC");
        append_fixed_member(doc, "x", &a);
        append_fixed_member(doc, "y", &b);
        break;
    default:
        gnutls_pubkey_export_ecc_raw2(key, NULL, &a, NULL, 0);
        doc_text(doc, "crv", "Ed25519");
        doc_text(doc, "kty", "OKP");
        append_member(doc, "x", &a);
    }
    gnutls_free(a.data);
    gnutls_free(b.data);
    gnutls_pubkey_deinit(key);
}

static void name_key(struct key *key)
{
    unsigned char digest[32];
    struct doc doc, id;
    doc_init(&doc);
    doc_init(&id);
    doc_object(&doc, NULL);
    write_public_members(key->private_key, &doc);
    doc_object_end(&doc);
    gnutls_hash_fast(GNUTLS_DIG_SHA256, doc.bytes, doc.len, digest);
    keys_append_base64url(&id, digest, sizeof digest);
    memcpy(key->id, id.bytes, KEYS_ID_LEN);
    key->id[KEYS_ID_LEN] = '\0';
    doc_fini(&id);
    doc_fini(&doc);
}

/* Writes beside the name and renames: a reader sees the old key or the new one, never half. */
static bool save(const char *path, const gnutls_datum_t *pem)
{
    char fresh[PATH_BYTES + 8];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    unlink(fresh);
    const int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    const bool is_written = write(fd, pem->data, pem->size) == (ssize_t)pem->size;
    return (close(fd) == 0) & is_written && rename(fresh, path) == 0;
}

static gnutls_privkey_t make_key(const struct kind *kind, const char *path)
{
    gnutls_x509_privkey_t made;
    gnutls_privkey_t key = NULL;
    gnutls_datum_t pem = { 0 };

    gnutls_x509_privkey_init(&made);
    bool is_good = gnutls_x509_privkey_generate(made, kind->algorithm, kind->bits, 0) == 0;
    if (is_good && path)
        is_good = gnutls_x509_privkey_export2_pkcs8(
                      made, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem) == 0 &&
                  save(path, &pem);
    if (pem.data)
        gnutls_memset(pem.data, 0, pem.size);
    gnutls_free(pem.data);
    if (is_good) {
        gnutls_privkey_init(&key);
        gnutls_privkey_import_x509(key, made, GNUTLS_PRIVKEY_IMPORT_COPY);
    }
    gnutls_x509_privkey_deinit(made);
    return key;
}

/* NULL when the file holds no key of this kind. */
static gnutls_privkey_t load_key(const struct kind *kind, const char *path)
{
    gnutls_privkey_t key;
    gnutls_datum_t pem;
    if (gnutls_load_file(path, &pem) != 0)
        return NULL;
    gnutls_privkey_init(&key);
    if (gnutls_privkey_import_x509_raw(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0) != 0 ||
        gnutls_privkey_get_pk_algorithm(key, NULL) != (int)kind->algorithm) {
        gnutls_privkey_deinit(key);
        key = NULL;
    }
    gnutls_memset(pem.data, 0, pem.size);
    gnutls_free(pem.data);
    return key;
}

/* The key of one kind: from its file when it is there and may stay, else a new one. */
static bool open_key(struct key *key, const struct kind *kind, const char *dir, bool must_be_new,
    char *why, size_t why_size)
{
    char path[PATH_BYTES];
    const bool is_kept = dir != NULL;
    if (is_kept && snprintf(path, sizeof path, "%s/%s", dir, kind->file) >= (int)sizeof path) {
        snprintf(why, why_size, "The key directory's name is too long.");
        return false;
    }
    const bool is_there = is_kept && !must_be_new && access(path, F_OK) == 0;

    *key = (struct key){ .alg = kind->alg };
    key->private_key = is_there ? load_key(kind, path) : make_key(kind, is_kept ? path : NULL);
    if (key->private_key) {
        name_key(key);
        return true;
    }
    if (is_there)
        snprintf(why, why_size, "%s holds no %s key: remove it to get a new one.", path, kind->alg);
    else
        snprintf(
            why, why_size, "No %s key could be made in %s.", kind->alg, is_kept ? dir : "memory");
    return false;
}

static bool open_all(struct keys *keys, bool must_be_new, char *why, size_t why_size)
{
    for (size_t i = 0; i < KEYS_COUNT; i++)
        if (!open_key(&keys->all[i], &kinds[i], keys->dir, must_be_new, why, why_size)) {
            keys_close(keys);
            return false;
        }
    return true;
}

bool keys_open(struct keys *keys, const char *dir, char *why, size_t why_size)
{
    *keys = (struct keys){ .dir = dir };
    if (dir && mkdir(dir, 0700) != 0 && errno != EEXIST) {
        snprintf(why, why_size, "The key directory %s cannot be made: %s.", dir, strerror(errno));
        return false;
    }
    return open_all(keys, false, why, why_size);
}

void keys_close(struct keys *keys)
{
    for (size_t i = 0; i < KEYS_COUNT; i++)
        if (keys->all[i].private_key) {
            gnutls_privkey_deinit(keys->all[i].private_key);
            keys->all[i].private_key = NULL;
        }
}

bool keys_rotate(struct keys *keys, char *why, size_t why_size)
{
    struct keys fresh = { .dir = keys->dir };
    if (!open_all(&fresh, true, why, why_size))
        return false;
    keys_close(keys);
    *keys = fresh;
    return true;
}

const struct key *keys_find(const struct keys *keys, const char *alg)
{
    for (size_t i = 0; i < KEYS_COUNT; i++)
        if (strcmp(keys->all[i].alg, alg) == 0)
            return &keys->all[i];
    return NULL;
}

void keys_write_set(const struct keys *keys, struct doc *doc)
{
    doc_object(doc, NULL);
    doc_array(doc, "keys");
    for (size_t i = 0; i < KEYS_COUNT; i++) {
        doc_object(doc, NULL);
        doc_text(doc, "kid", keys->all[i].id);
        doc_text(doc, "alg", keys->all[i].alg);
        doc_text(doc, "use", "sig");
        write_public_members(keys->all[i].private_key, doc);
        doc_object_end(doc);
    }
    doc_array_end(doc);
    doc_object_end(doc);
}

void keys_append_base64url(struct doc *doc, const void *bytes, size_t len)
{
    const gnutls_datum_t in = { (unsigned char *)bytes, (unsigned)len };
    gnutls_datum_t out;
    if (gnutls_base64_encode2(&in, &out) != 0)
        abort();
    while (out.size > 0 && out.data[out.size - 1] == '=')
        out.size--;
    for (unsigned i = 0; i < out.size; i++)
        out.data[i] = out.data[i] == '+' ? '-' : out.data[i] == '/' ? '_' : out.data[i];
    doc_append(doc, (const char *)out.data, out.size);
    gnutls_free(out.data);
}

/* From the DER of X9.62 to the fixed r and s of RFC 7518, section 3.4. */
static bool append_ecdsa(struct doc *raw, const gnutls_datum_t *der)
{
    gnutls_datum_t r, s;
    if (gnutls_decode_rs_value(der, &r, &s) != 0)
        return false;
    append_fixed(raw, &r, P256_BYTES);
    append_fixed(raw, &s, P256_BYTES);
    gnutls_free(r.data);
    gnutls_free(s.data);
    return true;
}

bool keys_sign(const struct key *key, struct doc *doc)
{
    const gnutls_datum_t text = { (unsigned char *)doc->bytes, (unsigned)doc->len };
    gnutls_datum_t signature;
    const struct kind *kind = kinds;
    struct doc raw;
    bool is_good = true;

    while (kind->alg != key->alg)
        kind++;
    if (gnutls_privkey_sign_data2(key->private_key, kind->signature, 0, &text, &signature) != 0)
        return false;
    doc_init(&raw);
    if (kind->algorithm == GNUTLS_PK_ECDSA)
        is_good = append_ecdsa(&raw, &signature);
    else
        doc_append(&raw, (const char *)signature.data, signature.size);
    gnutls_free(signature.data);
    doc_append(doc, ".", 1);
    keys_append_base64url(doc, raw.bytes, raw.len);
    doc_fini(&raw);
    return is_good;
}
