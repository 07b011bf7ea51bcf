/*
 * tls: good certificates pass, each kind of bad one gets its sentence, and the priorities offer
 * only what is safe.
 */
#include "wire/tls.h"
#include "wire/http_server_tls.h"
#include "../desk.h"
#include "base/must.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

TestSuite(tls, .init = desk_open, .fini = desk_close, .timeout = 60);

enum { DAY_S = 86400 };

static void write_datum(const char *path, gnutls_datum_t *datum)
{
    desk_write_bytes(path, datum->data, datum->size);
    cr_assert_eq(chmod(path, 0600), 0);
    gnutls_free(datum->data);
}

static gnutls_x509_privkey_t new_key(gnutls_pk_algorithm_t algorithm, unsigned bits)
{
    gnutls_x509_privkey_t key;
    cr_assert_eq(gnutls_x509_privkey_init(&key), 0);
    cr_assert_eq(gnutls_x509_privkey_generate(key, algorithm, bits, 0), 0);
    return key;
}

static void write_key(const char *path, gnutls_x509_privkey_t key)
{
    gnutls_datum_t out;
    cr_assert_eq(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, 0, &out), 0);
    write_datum(path, &out);
}

/* Signed by itself, valid between the two days from today. */
static void write_certificate(
    const char *path, gnutls_x509_privkey_t key, const char *name, int from_days, int until_days)
{
    gnutls_x509_crt_t certificate;
    gnutls_datum_t out;
    time_t now = time(NULL);
    bool is_eddsa = gnutls_x509_privkey_get_pk_algorithm(key) == GNUTLS_PK_EDDSA_ED25519;
    gnutls_digest_algorithm_t digest = is_eddsa ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256;
    cr_assert_eq(gnutls_x509_crt_init(&certificate), 0);
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, "\x01", 1);
    gnutls_x509_crt_set_dn(certificate, name, NULL);
    gnutls_x509_crt_set_activation_time(certificate, now + from_days * DAY_S - 60);
    gnutls_x509_crt_set_expiration_time(certificate, now + until_days * DAY_S + 60);
    gnutls_x509_crt_set_key(certificate, key);
    cr_assert_eq(gnutls_x509_crt_sign2(certificate, certificate, key, digest, 0), 0);
    cr_assert_eq(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &out), 0);
    write_datum(path, &out);
    gnutls_x509_crt_deinit(certificate);
}

/* A key in "a.key" and its certificate in "a.crt". */
static void write_pair(
    gnutls_pk_algorithm_t algorithm, unsigned bits, int from_days, int until_days)
{
    gnutls_x509_privkey_t key = new_key(algorithm, bits);
    write_key("a.key", key);
    write_certificate("a.crt", key, "CN=a", from_days, until_days);
    gnutls_x509_privkey_deinit(key);
}

static void write_good(void)
{
    write_pair(GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0, 90);
}

static struct tls_identity identity;

static bool read_pair(void)
{
    return tls_identity_read(
        &identity, "a.crt", "a.key", &desk.arena, &desk.faults, &desk.warnings);
}

static void expect(const char *faults, const char *warnings)
{
    cr_assert_eq(read_pair(), faults[0] == '\0');
    desk_expect(&desk.faults, faults);
    desk_expect(&desk.warnings, warnings);
    faults_fini(&desk.faults);
    faults_fini(&desk.warnings);
}

static const char *date(int days)
{
    time_t at = time(NULL) + days * DAY_S;
    struct tm tm;
    char text[16];
    strftime(text, sizeof(text), "%Y-%m-%d", gmtime_r(&at, &tm));
    return arena_cstr(&desk.arena, str_of(text));
}

Test(tls, a_good_pair_is_kept_as_it_is)
{
    write_good();
    expect("", "");
    cr_assert(strstr(identity.certificate_pem, "BEGIN CERTIFICATE"));
    cr_assert(strstr(identity.key_pem, "PRIVATE KEY"));
    cr_assert_gt(identity.expires_s, time(NULL) + 89 * DAY_S);
    write_pair(GNUTLS_PK_RSA, 2048, 0, 90);
    expect("", "");
    write_pair(GNUTLS_PK_EDDSA_ED25519, 256, 0, 90);
    expect("", "");
}

Test(tls, dates_are_checked_against_today)
{
    gnutls_pk_algorithm_t ec = GNUTLS_PK_ECDSA;
    unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
    write_pair(ec, bits, -90, -10);
    const char *expired =
        arena_printf(&desk.arena, "a.crt: certificate 1 of the chain expired on %s.\n", date(-10));
    expect(expired, "");
    write_pair(ec, bits, 10, 90);
    const char *early = arena_printf(
        &desk.arena, "a.crt: certificate 1 of the chain is only valid from %s on.\n", date(10));
    expect(early, "");
    write_pair(ec, bits, -90, 13);
    const char *soon = arena_printf(&desk.arena,
        "a.crt: certificate 1 of the chain expires on %s, in less than 14 days.\n", date(13));
    expect("", soon);
}

Test(tls, a_key_belongs_to_its_certificate_and_is_strong)
{
    write_good();
    gnutls_x509_privkey_t other = new_key(GNUTLS_PK_RSA, 2048);
    write_key("a.key", other);
    gnutls_x509_privkey_deinit(other);
    expect("a.key: the key does not belong to the certificate in a.crt.\n", "");
    write_pair(GNUTLS_PK_RSA, 1024, 0, 90);
    expect("a.key: the key is too weak: RSA with 1024 bits; take ECDSA with 256 bits, or RSA with "
           "2048.\n",
        "");
}

Test(tls, a_key_that_others_may_read_is_a_warning)
{
    write_good();
    cr_assert_eq(chmod("a.key", 0644), 0);
    expect("", "a.key: everyone on this machine may read or change the key; chmod 600 would stop "
               "that.\n");
    cr_assert_eq(chmod("a.key", 0640), 0);
    expect("", "");
}

Test(tls, a_chain_stands_in_its_order)
{
    write_good();
    gnutls_x509_privkey_t other = new_key(GNUTLS_PK_ECDSA, 256);
    write_certificate("b.crt", other, "CN=b", 0, 90);
    gnutls_x509_privkey_deinit(other);
    cr_assert_eq(system("cat b.crt >> a.crt"), 0);
    expect("a.crt: the certificates are not in order: the server's own comes first, then its "
           "issuer's, and so on.\n",
        "");
}

Test(tls, files_that_cannot_be_used_say_why)
{
    expect("a.crt: the file cannot be read: No such file or directory.\n"
           "a.key: the file cannot be read: No such file or directory.\n",
        "");
    write_good();
    desk_write("a.crt", "");
    desk_write("a.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    cr_assert_not(read_pair());
    cr_assert_eq(desk.faults.count, 2);
    cr_assert(strstr(desk.faults.list[0].text, "no certificate in PEM can be read from it: "));
    cr_assert(strstr(desk.faults.list[1].text, "no private key in PEM can be read from it: "));
}

Test(tls, an_encrypted_key_is_refused_in_words)
{
    write_good();
    gnutls_x509_privkey_t key = new_key(GNUTLS_PK_ECDSA, 256);
    gnutls_datum_t out;
    cr_assert_eq(gnutls_x509_privkey_export2_pkcs8(
                     key, GNUTLS_X509_FMT_PEM, "sesame", GNUTLS_PKCS_PBES2_AES_256, &out),
        0);
    write_datum("a.key", &out);
    gnutls_x509_privkey_deinit(key);
    expect("a.key: the key is encrypted; the server has nobody to ask for a password.\n", "");
}

Test(tls, the_priorities_offer_only_authenticated_ciphers)
{
    gnutls_priority_t priorities;
    unsigned suites = 0, index;
    cr_assert_eq(gnutls_priority_init(&priorities, http_server_tls_priorities, NULL), 0);
    for (unsigned i = 0;; i++) {
        int got = gnutls_priority_get_cipher_suite_index(priorities, i, &index);
        if (got == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
            break;
        }
        if (got == GNUTLS_E_UNKNOWN_CIPHER_SUITE) {
            continue;
        }
        gnutls_mac_algorithm_t mac;
        gnutls_protocol_t version;
        const char *name = gnutls_cipher_suite_info(index, NULL, NULL, NULL, &mac, &version);
        cr_assert(mac == GNUTLS_MAC_AEAD && version >= GNUTLS_TLS1_2, "%s", name);
        suites++;
    }
    cr_assert_eq(
        suites, 9, "%u", suites); /* three ciphers, in TLS 1.3, and in 1.2 by ECDSA and RSA */
    gnutls_priority_deinit(priorities);
}

static gnutls_session_t new_session(
    unsigned flags, const char *priorities, int fd, gnutls_certificate_credentials_t credentials)
{
    gnutls_session_t session;
    cr_assert_eq(gnutls_init(&session, flags | GNUTLS_NONBLOCK), 0);
    cr_assert_eq(gnutls_priority_set_direct(session, priorities, NULL), 0);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(session, fd);
    return session;
}

/* The version that a client with these priorities gets from a server with ours; 0: none. */
static int negotiated(const char *client_priorities)
{
    int ends[2];
    gnutls_certificate_credentials_t server_credentials, client_credentials;
    gnutls_certificate_allocate_credentials(&server_credentials);
    gnutls_certificate_allocate_credentials(&client_credentials);
    gnutls_datum_t certificate = { (unsigned char *)identity.certificate_pem,
        (unsigned)strlen(identity.certificate_pem) };
    gnutls_datum_t key = { (unsigned char *)identity.key_pem, (unsigned)strlen(identity.key_pem) };
    cr_assert_geq(gnutls_certificate_set_x509_key_mem(
                      server_credentials, &certificate, &key, GNUTLS_X509_FMT_PEM),
        0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    gnutls_session_t server =
        new_session(GNUTLS_SERVER, http_server_tls_priorities, ends[0], server_credentials);
    gnutls_session_t client =
        new_session(GNUTLS_CLIENT, client_priorities, ends[1], client_credentials);
    int ours = GNUTLS_E_AGAIN, theirs = GNUTLS_E_AGAIN;
    for (int turn = 0; turn < 100 && (ours || theirs); turn++) {
        theirs = theirs == GNUTLS_E_AGAIN ? gnutls_handshake(client) : theirs;
        ours = ours == GNUTLS_E_AGAIN ? gnutls_handshake(server) : ours;
    }
    int version = ours || theirs ? 0 : (int)gnutls_protocol_get_version(client);
    gnutls_deinit(server);
    gnutls_deinit(client);
    gnutls_certificate_free_credentials(server_credentials);
    gnutls_certificate_free_credentials(client_credentials);
    close(ends[0]);
    close(ends[1]);
    return version;
}

Test(tls, clients_get_what_the_priorities_promise)
{
    write_good();
    for (int pass = 0; pass < 2; pass++) { /* ECDSA, then RSA */
        cr_assert(read_pair());
        cr_assert_eq(negotiated("NORMAL"), GNUTLS_TLS1_3);
        cr_assert_eq(negotiated("NORMAL:-VERS-ALL:+VERS-TLS1.2"), GNUTLS_TLS1_2);
        cr_assert_eq(negotiated("NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0"), 0);
        cr_assert_eq(negotiated("NORMAL:-VERS-ALL:+VERS-TLS1.2:-AEAD:+SHA1:+SHA256:+SHA384"), 0);
        cr_assert_eq(negotiated("NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA"), 0);
        write_pair(GNUTLS_PK_RSA, 2048, 0, 90);
    }
}
