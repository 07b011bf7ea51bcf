/*
 * tls: a server's certificate and key, proved before a client sees them.
 *
 * Owns the checks, made with GnuTLS, that turn two files into PEM texts which the HTTP server's
 * library will accept. Promises that a true answer means: the key is the leaf's, each certificate
 * is signed by the next one's holder by name, all are valid today, and the key is at least as
 * strong as RSA with 2048 bits.
 *
 * Does not know how connections use them. What a client trusts (the root, the host's name) is not
 * checked here: the server may be reached by names that it does not know.
 */
#include "tls.h"

#include "../base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PEM_MAX_BYTES = 64 * 1024, CHAIN_MAX = 8, DAY_S = 86400, WARN_DAYS = 14 };

/* What is read of the two files, and where sentences about them go. */
struct proof {
    const char *certificate_path;
    const char *key_path;
    gnutls_x509_crt_t chain[CHAIN_MAX];
    unsigned chain_count;
    gnutls_x509_privkey_t key;
    struct faults *faults;
    struct faults *warnings;
};

static const char *read_pem(const char *path, struct arena *arena, struct faults *faults)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = arena_alloc(arena, PEM_MAX_BYTES + 1);
    ssize_t got = fd < 0 ? -1 : 0;
    size_t len = 0;
    while (fd >= 0 && (got = read(fd, text + len, PEM_MAX_BYTES - len)) > 0) {
        len += (size_t)got;
    }
    if (got < 0) {
        faults_add(faults, path, 0, "the file cannot be read: %s.", strerror(errno));
    } else if (len == PEM_MAX_BYTES) {
        faults_add(faults, path, 0, "the file is larger than %d KB.", PEM_MAX_BYTES / 1024);
    }
    if (fd >= 0) {
        close(fd);
    }
    text[len] = '\0';
    return got < 0 || len == PEM_MAX_BYTES ? NULL : text;
}

static gnutls_datum_t datum(const char *text)
{
    return (gnutls_datum_t){ (unsigned char *)text, (unsigned)strlen(text) };
}

static bool import_chain(struct proof *proof, const char *pem)
{
    gnutls_datum_t data = datum(pem);
    unsigned count = CHAIN_MAX;
    int got = gnutls_x509_crt_list_import(proof->chain, &count, &data, GNUTLS_X509_FMT_PEM,
        GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED | GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
    if (got >= 0) {
        proof->chain_count = (unsigned)got;
        return true;
    }
    if (got == GNUTLS_E_CERTIFICATE_LIST_UNSORTED) {
        faults_add(proof->faults, proof->certificate_path, 0,
            "the certificates are not in order: the server's own comes first, then its issuer's, "
            "and so on.");
    } else if (got == GNUTLS_E_SHORT_MEMORY_BUFFER) {
        faults_add(proof->faults, proof->certificate_path, 0,
            "there are more than %d certificates in the chain.", CHAIN_MAX);
    } else {
        faults_add(proof->faults, proof->certificate_path, 0,
            "no certificate in PEM can be read from it: %s", gnutls_strerror(got));
    }
    return false;
}

static bool import_key(struct proof *proof, const char *pem)
{
    gnutls_datum_t data = datum(pem);
    if (gnutls_x509_privkey_init(&proof->key) < 0) {
        proof->key = NULL;
        faults_add(proof->faults, proof->key_path, 0, "there is no memory to read it.");
        return false;
    }
    int got = gnutls_x509_privkey_import2(proof->key, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (got >= 0) {
        return true;
    }
    if (got == GNUTLS_E_DECRYPTION_FAILED) {
        faults_add(proof->faults, proof->key_path, 0,
            "the key is encrypted; the server has nobody to ask for a password.");
    } else {
        faults_add(proof->faults, proof->key_path, 0,
            "no private key in PEM can be read from it: %s", gnutls_strerror(got));
    }
    return false;
}

static void check_dates(struct proof *proof, struct tls_identity *identity)
{
    int64_t now_s = (int64_t)(clock_wall_us() / 1000000);
    identity->expires_s = INT64_MAX;
    for (unsigned i = 0; i < proof->chain_count; i++) {
        int64_t from_s = gnutls_x509_crt_get_activation_time(proof->chain[i]);
        int64_t until_s = gnutls_x509_crt_get_expiration_time(proof->chain[i]);
        char until[CLOCK_TEXT_BYTES], from[CLOCK_TEXT_BYTES];
        clock_text((uint64_t)until_s * 1000000, until);
        clock_text((uint64_t)from_s * 1000000, from);
        if (until_s <= now_s) {
            faults_add(proof->faults, proof->certificate_path, 0,
                "certificate %u of the chain expired on %.10s.", i + 1, until);
        } else if (from_s > now_s) {
            faults_add(proof->faults, proof->certificate_path, 0,
                "certificate %u of the chain is only valid from %.10s on.", i + 1, from);
        } else if (until_s - now_s < WARN_DAYS * DAY_S) {
            faults_add(proof->warnings, proof->certificate_path, 0,
                "certificate %u of the chain expires on %.10s, in less than %d days.", i + 1, until,
                WARN_DAYS);
        }
        identity->expires_s = until_s < identity->expires_s ? until_s : identity->expires_s;
    }
}

static void check_match(struct proof *proof)
{
    unsigned char of_certificate[64], of_key[64];
    size_t certificate_len = sizeof(of_certificate), key_len = sizeof(of_key);
    int got = gnutls_x509_crt_get_key_id(
        proof->chain[0], GNUTLS_KEYID_USE_SHA256, of_certificate, &certificate_len);
    if (got >= 0) {
        got = gnutls_x509_privkey_get_key_id(proof->key, GNUTLS_KEYID_USE_SHA256, of_key, &key_len);
    }
    if (got < 0 || certificate_len != key_len || memcmp(of_certificate, of_key, key_len) != 0) {
        faults_add(proof->faults, proof->key_path, 0,
            "the key does not belong to the certificate in %s.", proof->certificate_path);
    }
}

static void check_key(struct proof *proof)
{
    unsigned bits = 0;
    int algorithm = gnutls_x509_privkey_get_pk_algorithm2(proof->key, &bits);
    gnutls_sec_param_t strength =
        gnutls_pk_bits_to_sec_param((gnutls_pk_algorithm_t)algorithm, bits);
    if (algorithm < 0 || strength < GNUTLS_SEC_PARAM_MEDIUM) {
        faults_add(proof->faults, proof->key_path, 0,
            "the key is too weak: %s with %u bits; take ECDSA with 256 bits, or RSA with 2048.",
            gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm), bits);
    }
    struct stat status;
    if (stat(proof->key_path, &status) == 0 && (status.st_mode & (S_IROTH | S_IWOTH))) {
        faults_add(proof->warnings, proof->key_path, 0,
            "everyone on this machine may read or change the key; chmod 600 would stop that.");
    }
}

bool tls_identity_read(struct tls_identity *identity, const char *certificate_path,
    const char *key_path, struct arena *arena, struct faults *faults, struct faults *warnings)
{
    size_t faults_before = faults->count;
    struct proof proof = { .certificate_path = certificate_path,
        .key_path = key_path,
        .faults = faults,
        .warnings = warnings };
    *identity = (struct tls_identity){
        .certificate_pem = read_pem(certificate_path, arena, faults),
        .key_pem = read_pem(key_path, arena, faults),
    };
    bool has_chain = identity->certificate_pem && import_chain(&proof, identity->certificate_pem);
    bool has_key = identity->key_pem && import_key(&proof, identity->key_pem);
    if (has_chain) {
        check_dates(&proof, identity);
    }
    if (has_key) {
        check_key(&proof);
    }
    if (has_chain && has_key) {
        check_match(&proof);
    }
    for (unsigned i = 0; i < proof.chain_count; i++) {
        gnutls_x509_crt_deinit(proof.chain[i]);
    }
    if (proof.key) {
        gnutls_x509_privkey_deinit(proof.key);
    }
    return faults->count == faults_before;
}
