/*
 * http_client_tls: whom our services are believed to be.
 *
 * Owns each origin's credentials, read once and again only when a file has changed (a renewed
 * certificate counts from the next connection on, and reading a list of authorities takes longer
 * than a handshake), and the last session that a service gave a ticket for. Promises: (1) no
 * handshake succeeds unless the chain leads to a trusted authority, every certificate is valid
 * today, the leaf is for servers and names the domain; (2) a session is resumed only at the origin
 * that it was verified for, and only under the credentials it was verified with; (3) an end without
 * the peer's goodbye is FAILED, not CLOSED: a cut answer is never taken for a whole one; (4) LATER
 * is said when the descriptor is empty, not when GnuTLS has met a record that was its own (a
 * ticket): nobody would be told of the bytes behind it. Reads are as large as a record, since
 * GnuTLS by itself asks for each record's head first. Knows nothing of HTTP but its name in ALPN
 * (RFC 7301).
 */
#include "http_client_tls.h"

#include "../base/must.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

enum { AHEAD_BYTES = 16 * 1024 + 512 }; /* a record and what it is wrapped in */

enum { CA_FILE, CERT_FILE, KEY_FILE, FILES };

/* Tells whether a file is still the one that was read. Zeroed: there is none. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct credentials {
    gnutls_certificate_credentials_t certificates;
    struct stamp stamps[FILES];
    unsigned users; /* sessions, and the origin while these are its newest */
};

struct http_client_tls {
    const char *domain;
    const char *files[FILES];
    bool is_address; /* the domain: it goes into no server name (RFC 6066 section 3) */
    gnutls_typed_vdata_st wanted[2]; /* of the leaf */
    gnutls_priority_t priority;
    struct credentials *credentials; /* NULL: a file could not be used */
    gnutls_datum_t ticket;           /* a session to resume; size 0: none */
};

struct http_session {
    struct http_client_tls *tls;
    struct credentials *credentials;
    gnutls_session_t gnutls;
    bool has_shaken; /* the handshake is done */
    bool has_failed;
    bool has_told; /* its ticket was kept */
    int fd;
    bool is_drained; /* the descriptor holds no more until it is said to */
    bool is_last;    /* it will be at its end then */
    size_t ahead_at, ahead_len;
    char ahead[AHEAD_BYTES]; /* read, and not yet asked for by GnuTLS */
};

/* ---- files ---- */

static struct stamp stamp_of(const char *path)
{
    struct stat status;
    if (!path || stat(path, &status) != 0) {
        return (struct stamp){ 0 };
    }
    return (struct stamp){ status.st_dev, status.st_ino, status.st_size, status.st_mtim };
}

static bool is_same_file(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool is_current(const struct http_client_tls *tls)
{
    for (size_t i = 0; i < FILES; i++) {
        struct stamp stamp = stamp_of(tls->files[i]);
        if (!is_same_file(&stamp, &tls->credentials->stamps[i])) {
            return false;
        }
    }
    return true;
}

static void credentials_drop(struct credentials *credentials)
{
    if (credentials && --credentials->users == 0) {
        gnutls_certificate_free_credentials(credentials->certificates);
        free(credentials);
    }
}

static bool read_files(gnutls_certificate_credentials_t certificates, const char *const *files)
{
    int authorities = files[CA_FILE] ? gnutls_certificate_set_x509_trust_file(
                                           certificates, files[CA_FILE], GNUTLS_X509_FMT_PEM)
                                     : gnutls_certificate_set_x509_system_trust(certificates);
    bool has_own =
        !files[CERT_FILE] || gnutls_certificate_set_x509_key_file(certificates, files[CERT_FILE],
                                 files[KEY_FILE], GNUTLS_X509_FMT_PEM) >= 0;
    return authorities > 0 && has_own;
}

static struct credentials *credentials_read(const char *const *files)
{
    struct credentials *credentials = calloc(1, sizeof(*credentials));
    must(credentials != NULL);
    credentials->users = 1;
    for (size_t i = 0; i < FILES; i++) {
        credentials->stamps[i] = stamp_of(files[i]); /* first: a change meanwhile is seen later */
    }
    must(gnutls_certificate_allocate_credentials(&credentials->certificates) == 0);
    if (!read_files(credentials->certificates, files)) {
        credentials_drop(credentials);
        return NULL;
    }
    return credentials;
}

static void forget_ticket(struct http_client_tls *tls)
{
    gnutls_free(tls->ticket.data);
    tls->ticket = (gnutls_datum_t){ NULL, 0 };
}

static bool refresh(struct http_client_tls *tls)
{
    if (!tls->credentials || !is_current(tls)) {
        credentials_drop(tls->credentials);
        forget_ticket(tls);
        tls->credentials = credentials_read(tls->files);
    }
    return tls->credentials != NULL;
}

/* ---- an origin ---- */

static bool is_address(const char *domain)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, domain, address) == 1 || inet_pton(AF_INET6, domain, address) == 1;
}

struct http_client_tls *http_client_tls_new(
    const char *domain, const char *ca_file, const char *cert_file, const char *key_file)
{
    struct http_client_tls *tls = calloc(1, sizeof(*tls));
    must(tls != NULL);
    *tls = (struct http_client_tls){
        .domain = domain,
        .files = { ca_file, cert_file, key_file },
        .is_address = is_address(domain),
        .wanted = { { GNUTLS_DT_DNS_HOSTNAME, (unsigned char *)domain, 0 },
            { GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER, 0 } },
    };
    must(gnutls_priority_init(&tls->priority, priorities, NULL) == 0);
    refresh(tls); /* now, while nobody waits; a file that is not there yet may come */
    return tls;
}

void http_client_tls_free(struct http_client_tls *tls)
{
    if (!tls) {
        return;
    }
    must(!tls->credentials || tls->credentials->users == 1);
    credentials_drop(tls->credentials);
    forget_ticket(tls);
    gnutls_priority_deinit(tls->priority);
    free(tls);
}

/* ---- a connection ---- */

/* As read(2), for GnuTLS. */
static ssize_t fill(struct http_session *session)
{
    if (session->is_drained) {
        errno = EAGAIN;
        return -1;
    }
    ssize_t len = read(session->fd, session->ahead, AHEAD_BYTES);
    session->ahead_at = 0;
    session->ahead_len = len > 0 ? (size_t)len : 0;
    session->is_drained = len < 0 || (len < AHEAD_BYTES && !session->is_last);
    return len;
}

static ssize_t pull(void *context, void *into, size_t room)
{
    struct http_session *session = context;
    if (session->ahead_at == session->ahead_len) {
        ssize_t got = fill(session);
        if (got <= 0) {
            return got;
        }
    }
    size_t left = session->ahead_len - session->ahead_at;
    size_t len = room < left ? room : left;
    memcpy(into, session->ahead + session->ahead_at, len);
    session->ahead_at += len;
    return (ssize_t)len;
}

static ssize_t push(void *context, const void *bytes, size_t len)
{
    return send(((struct http_session *)context)->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool set_up(struct http_session *session)
{
    struct http_client_tls *tls = session->tls;
    gnutls_session_t gnutls = session->gnutls;
    gnutls_datum_t http = { (unsigned char *)"http/1.1", 8 };
    size_t len = strlen(tls->domain);
    gnutls_session_set_verify_cert2(gnutls, tls->wanted, countof(tls->wanted), 0);
    gnutls_transport_set_ptr(gnutls, session);
    gnutls_transport_set_pull_function(gnutls, pull);
    gnutls_transport_set_push_function(gnutls, push);
    bool is_named =
        tls->is_address || gnutls_server_name_set(gnutls, GNUTLS_NAME_DNS, tls->domain, len) == 0;
    if (tls->ticket.size) {
        gnutls_session_set_data(gnutls, tls->ticket.data, tls->ticket.size);
    }
    return is_named && gnutls_priority_set(gnutls, tls->priority) == 0 &&
           gnutls_alpn_set_protocols(gnutls, &http, 1, 0) == 0 &&
           gnutls_credentials_set(
               gnutls, GNUTLS_CRD_CERTIFICATE, session->credentials->certificates) == 0;
}

struct http_session *http_session_open(struct http_client_tls *tls, int fd)
{
    if (!refresh(tls)) {
        return NULL;
    }
    struct http_session *session = malloc(sizeof(*session));
    must(session != NULL);
    memset(session, 0, offsetof(struct http_session, ahead));
    session->tls = tls;
    session->fd = fd;
    session->credentials = tls->credentials;
    session->credentials->users++;
    must(gnutls_init(&session->gnutls, GNUTLS_CLIENT | GNUTLS_NONBLOCK) == 0);
    if (!set_up(session)) {
        http_session_close(session);
        return NULL;
    }
    return session;
}

void http_session_close(struct http_session *session)
{
    if (session->has_shaken && !session->has_failed) {
        gnutls_bye(session->gnutls, GNUTLS_SHUT_WR);
    }
    gnutls_deinit(session->gnutls);
    credentials_drop(session->credentials);
    free(session);
}

void http_session_wake(struct http_session *session, bool is_last)
{
    session->is_drained = false;
    session->is_last |= is_last;
}

/* Alerts that only warn are passed over, and so is "again" after a record of GnuTLS's own. */
static bool is_to_be_repeated(const struct http_session *session, ssize_t code)
{
    bool waits_to_read =
        code == GNUTLS_E_AGAIN && gnutls_record_get_direction(session->gnutls) == 0;
    bool has_more = session->ahead_at < session->ahead_len || !session->is_drained;
    return code == GNUTLS_E_INTERRUPTED || code == GNUTLS_E_WARNING_ALERT_RECEIVED ||
           (waits_to_read && has_more);
}

static enum http_io io_of(struct http_session *session, ssize_t code)
{
    if (code > 0) {
        return HTTP_IO_SOME;
    }
    if (code == GNUTLS_E_AGAIN) {
        return HTTP_IO_LATER;
    }
    session->has_failed = code != 0;
    return code == 0 ? HTTP_IO_CLOSED : HTTP_IO_FAILED;
}

enum http_io http_session_shake(struct http_session *session)
{
    int code;
    do {
        code = gnutls_handshake(session->gnutls);
    } while (is_to_be_repeated(session, code));
    session->has_shaken = code == GNUTLS_E_SUCCESS;
    return session->has_shaken ? HTTP_IO_SOME : io_of(session, code);
}

enum http_io http_session_send(struct http_session *session, struct str bytes, size_t *sent)
{
    ssize_t code;
    do {
        code = gnutls_record_send(session->gnutls, bytes.at, bytes.len);
    } while (is_to_be_repeated(session, code));
    *sent = code > 0 ? (size_t)code : 0;
    return io_of(session, code);
}

/* Once for each connection, and when it is there: TLS 1.3 sends it after the handshake. */
static void keep_ticket(struct http_session *session)
{
    struct http_client_tls *tls = session->tls;
    bool is_there = gnutls_session_get_flags(session->gnutls) & GNUTLS_SFLAGS_SESSION_TICKET;
    bool is_of_use = session->credentials == tls->credentials;
    if (session->has_told || !is_there || !is_of_use) {
        return;
    }
    session->has_told = true;
    forget_ticket(tls);
    if (gnutls_session_get_data2(session->gnutls, &tls->ticket) != 0) {
        tls->ticket = (gnutls_datum_t){ NULL, 0 };
    }
}

enum http_io http_session_receive(
    struct http_session *session, void *into, size_t room, size_t *received)
{
    ssize_t code;
    do {
        code = gnutls_record_recv(session->gnutls, into, room);
    } while (is_to_be_repeated(session, code));
    *received = code > 0 ? (size_t)code : 0;
    keep_ticket(session);
    return io_of(session, code);
}
