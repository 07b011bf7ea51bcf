#ifndef TESTS_HTTP_IDENTITY_H
#define TESTS_HTTP_IDENTITY_H

#include <criterion/criterion.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A self-signed certificate for an address, in files too: it is its own authority. */
struct identity {
    gnutls_certificate_credentials_t credentials;
    char ca_file[32];
    char key_file[32];
};

/* What is unusual about a certificate; zeroed: nothing. */
struct identity_oddity {
    int from_s, until_s; /* valid, counted from now; both 0: an hour around now */
    const char *purpose; /* an OID of extended key usage; NULL: any */
};

static const unsigned char loopback[4] = { 127, 0, 0, 1 }, other_host[4] = { 127, 0, 0, 2 };

static inline void write_pem(const gnutls_datum_t *pem, char *path, size_t room)
{
    snprintf(path, room, "/tmp/test-pem-XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, pem->data, pem->size), (ssize_t)pem->size);
    close(fd);
}

static inline void fill_certificate(
    gnutls_x509_crt_t crt, const unsigned char ip[4], struct identity_oddity odd)
{
    bool is_usual = odd.from_s == 0 && odd.until_s == 0;
    time_t now = time(NULL);
    gnutls_x509_crt_set_version(crt, 3);
    gnutls_x509_crt_set_serial(crt, "\1", 1);
    gnutls_x509_crt_set_activation_time(crt, now + (is_usual ? -3600 : odd.from_s));
    gnutls_x509_crt_set_expiration_time(crt, now + (is_usual ? 3600 : odd.until_s));
    gnutls_x509_crt_set_ca_status(crt, 1);
    gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, ip, 4, GNUTLS_FSAN_SET);
    if (odd.purpose) {
        gnutls_x509_crt_set_key_purpose_oid(crt, odd.purpose, 0);
    }
}

static inline void make_odd_identity(
    struct identity *identity, const unsigned char ip[4], struct identity_oddity odd)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
    gnutls_datum_t pem;
    gnutls_x509_privkey_init(&key);
    gnutls_x509_privkey_generate(
        key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    gnutls_x509_crt_init(&crt);
    fill_certificate(crt, ip, odd);
    gnutls_x509_crt_set_key(crt, key);
    cr_assert_eq(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
    gnutls_certificate_allocate_credentials(&identity->credentials);
    gnutls_certificate_set_x509_key(identity->credentials, &crt, 1, key);
    cr_assert_eq(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), 0);
    write_pem(&pem, identity->ca_file, sizeof(identity->ca_file));
    gnutls_free(pem.data);
    cr_assert_eq(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), 0);
    write_pem(&pem, identity->key_file, sizeof(identity->key_file));
    gnutls_free(pem.data);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
}

static inline void make_identity(struct identity *identity, const unsigned char ip[4])
{
    make_odd_identity(identity, ip, (struct identity_oddity){ 0 });
}

static inline void drop_identity(struct identity *identity)
{
    unlink(identity->ca_file);
    unlink(identity->key_file);
    gnutls_certificate_free_credentials(identity->credentials);
}

#endif
