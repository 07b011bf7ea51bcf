#ifndef TEST_HTTP_DESK_H
#define TEST_HTTP_DESK_H

/*
 * A server at work: http_server on a loop in a thread of its own, and blocking clients to talk to
 * it. The server says in X-Saw what it understood, in the words of http_corpus.h; its status
 * follows from the refusal. Targets with a meaning of their own: /hold (answered by desk_release,
 * or never), /big, /none (204), /broken (fields that cannot be written), /close, /drain (answered
 * as if more were to come, and then the server drains).
 */
#include "base/clock.h"
#include "base/must.h"
#include "wire/http_server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { DESK_BIG_BYTES = 8 << 20 };

struct desk {
    struct http_server_options options;
    struct http_server_user user;
    struct sockaddr_in address;
    struct loop *loop;
    struct http_server *server;
    pthread_t thread;
    sem_t is_up;
    bool has_ring;
    struct soon drain, end, release;
    struct http_exchange *held; /* the loop's thread only */
    atomic_uint begun, gone, sent, lost, drained, accepted, turned_away;
    atomic_bool is_full; /* everybody is turned away, with the status 503 and the same X-Saw */
    atomic_ulong sent_bytes;
};

static struct desk desk;
static char desk_certificate[4096], desk_key[4096];

/* ---- the server's side ---- */

static void desk_reply(struct http_exchange *exchange, unsigned status, const char *saw, size_t len)
{
    struct http_field field = { STR("X-Saw"), str_of(saw) };
    struct buf body;
    buf_init(&body, DESK_BIG_BYTES);
    if (len) {
        memset(buf_reserve(&body, len), 'x', len);
        buf_grew(&body, len);
    }
    bool is_close = strcmp(saw, "GET /close") == 0;
    http_reply(exchange, status, &field, 1, &body, is_close ? HTTP_CLOSE : HTTP_KEEP);
}

static void desk_drained(void *unused)
{
    (void)unused;
    desk.drained++;
}

static void desk_answer(struct http_exchange *exchange, struct str target, const char *saw)
{
    if (str_eq(target, STR("/hold"))) {
        desk.held = exchange;
    } else if (str_eq(target, STR("/big"))) {
        desk_reply(exchange, 200, saw, DESK_BIG_BYTES);
    } else if (str_eq(target, STR("/none"))) {
        desk_reply(exchange, 204, saw, 0);
    } else if (str_eq(target, STR("/broken"))) {
        desk_reply(exchange, 200, "line\r\nbreak", 2);
    } else if (str_eq(target, STR("/drain"))) {
        desk_reply(exchange, 200, saw, 2);
        http_server_drain(desk.server, desk_drained);
    } else {
        desk_reply(exchange, 200, saw, 2);
    }
}

/* What was understood; the room is 1024 bytes. */
static void desk_saw(const struct http_arrived *arrived, char *saw)
{
    bool has_body = arrived->body.len > 0 && arrived->body.len < 512;
    int len = snprintf(saw, 1024, "%.*s %.*s%s%.*s%s", STR_FMT(arrived->method),
        STR_FMT(arrived->target), has_body ? "[" : "", has_body ? (int)arrived->body.len : 0,
        arrived->body.at, has_body ? "]" : "");
    for (int i = 0; i < len; i++) { /* a field's value holds no line */
        saw[i] = saw[i] == '\r' || saw[i] == '\n' ? '.' : saw[i];
    }
}

static bool desk_turns_away(void *unused, const struct http_arrived *arrived, struct buf *answer)
{
    char saw[1024];
    (void)unused;
    if (!desk.is_full) {
        return false;
    }
    desk.turned_away++;
    desk_saw(arrived, saw);
    cr_assert_eq(answer->len, 0);
    return buf_printf(answer, "HTTP/1.1 503 Full\r\nX-Saw: %s\r\nContent-Length: 2\r\n\r\nxx", saw);
}

static void desk_begin(
    void *unused, struct http_exchange *exchange, const struct http_arrived *arrived)
{
    static const struct {
        unsigned status;
        const char *saw;
    } refusals[] = {
        [HTTP_REFUSED_MALFORMED] = { 400, "malformed" },
        [HTTP_REFUSED_TARGET_TOO_LONG] = { 414, "target too long" },
        [HTTP_REFUSED_HEAD_TOO_LARGE] = { 431, "head too large" },
        [HTTP_REFUSED_BODY_TOO_LARGE] = { 413, "body too large" },
        [HTTP_REFUSED_SLOW] = { 408, "slow" },
    };
    (void)unused;
    desk.begun++;
    http_exchange_set_owner(exchange, &desk);
    if (arrived->refused) {
        desk_reply(exchange, refusals[arrived->refused].status, refusals[arrived->refused].saw, 2);
        return;
    }
    char saw[1024];
    desk_saw(arrived, saw);
    desk_answer(exchange, arrived->target, saw);
}

static void desk_gone(void *owner)
{
    cr_assert_eq(owner, &desk);
    desk.held = NULL;
    desk.gone++;
}

static void desk_done(void *owner, bool is_sent, uint64_t sent_bytes)
{
    cr_assert_eq(owner, &desk);
    desk.sent_bytes += sent_bytes;
    *(is_sent ? &desk.sent : &desk.lost) += 1;
}

static void desk_run_drain(struct soon *soon)
{
    (void)soon;
    http_server_drain(desk.server, desk_drained);
}

static void desk_run_release(struct soon *soon)
{
    (void)soon;
    struct http_exchange *held = desk.held;
    desk.held = NULL;
    desk_reply(held, 200, "held", 2);
}

static void desk_run_end(struct soon *soon)
{
    (void)soon;
    loop_stop(desk.loop);
}

static void *desk_run(void *unused)
{
#ifdef WITH_RING
    desk.has_ring = loop_use_ring(desk.loop); /* the end of a ring interrupts who made it */
#endif
    sem_post(&desk.is_up);
    loop_run(desk.loop);
    http_server_free(desk.server);
    loop_free(desk.loop);
    return unused;
}

/* A key and a certificate of this test's own. */
static void desk_make_certificate(void)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    size_t len = sizeof(desk_key);
    must(gnutls_x509_privkey_init(&key) == 0 && gnutls_x509_crt_init(&certificate) == 0);
    must(gnutls_x509_privkey_generate(
             key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0);
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, "\1", 1);
    gnutls_x509_crt_set_activation_time(certificate, time(NULL) - 60);
    gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + 3600);
    gnutls_x509_crt_set_dn(certificate, "CN=desk", NULL);
    gnutls_x509_crt_set_key(certificate, key);
    must(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0) == 0);
    must(gnutls_x509_privkey_export(key, GNUTLS_X509_FMT_PEM, desk_key, &len) == 0);
    len = sizeof(desk_certificate);
    must(gnutls_x509_crt_export(certificate, GNUTLS_X509_FMT_PEM, desk_certificate, &len) == 0);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
}

static int desk_listen(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    desk.address =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(desk.address);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&desk.address, len) == 0 && listen(fd, 64) == 0);
    must(getsockname(fd, (struct sockaddr *)&desk.address, &len) == 0);
    return fd;
}

/* Long enough for a slow machine; a test that waits for a deadline sets it itself. */
static void desk_init(void)
{
    signal(SIGPIPE, SIG_IGN);
    desk = (struct desk){
        .options = { .connections_max = 64,
            .idle_timeout_ms = 20000,
            .head_timeout_ms = 20000,
            .body_timeout_ms = 20000,
            .reply_timeout_ms = 20000,
            .stream_idle_timeout_ms = 20000,
            .head_max_bytes = 8192,
            .target_max_bytes = 1024,
            .body_max_bytes = 65536 },
        .user = { .turns_away = desk_turns_away,
            .begin = desk_begin,
            .gone = desk_gone,
            .done = desk_done },
        .drain.run = desk_run_drain,
        .end.run = desk_run_end,
        .release.run = desk_run_release,
    };
}

static void desk_open(bool is_tls)
{
    static struct http_tls tls = { desk_certificate, desk_key };
    char why[256];
    if (is_tls) {
        desk_make_certificate();
        desk.options.tls = &tls;
    }
    desk.options.listen_fd = desk_listen();
    desk.loop = loop_new();
    desk.server = http_server_new(desk.loop, &desk.options, &desk.user, why);
    cr_assert(desk.server != NULL, "%s", why);
    sem_init(&desk.is_up, 0, 0);
    must(pthread_create(&desk.thread, NULL, desk_run, NULL) == 0);
    must(sem_wait(&desk.is_up) == 0);
#ifdef WITH_RING
    if (!desk.has_ring) {
        cr_skip_test("no io_uring here");
    }
#endif
}

/* Every exchange that began has had its end, too. */
static void desk_close(void)
{
    for (int i = 0; i < 10000 && desk.begun != desk.sent + desk.lost; i++) {
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    cr_assert_eq(desk.begun, desk.sent + desk.lost);
    loop_post(desk.loop, &desk.end);
    pthread_join(desk.thread, NULL);
}

/* Until the counter is there; fails after ten seconds. */
static void desk_wait(atomic_uint *counter, unsigned count)
{
    for (int i = 0; i < 10000 && *counter < count; i++) {
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    cr_assert_eq(*counter, count);
}

/* ---- clients ---- */

struct client {
    int fd;
    gnutls_session_t tls;
    gnutls_certificate_credentials_t trust;
    char got[16384];
    size_t got_len;
    bool was_reset; /* not a proper end, but an error */
};

static void client_open(struct client *client)
{
    *client = (struct client){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    struct timeval limit = { .tv_sec = 20 };
    int one = 1;
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    must(connect(client->fd, (struct sockaddr *)&desk.address, sizeof(desk.address)) == 0);
}

/* False when the server does not speak what `priorities` ask for. `ticket` (may be NULL) resumes.
 */
static bool client_secure(struct client *client, const char *priorities, gnutls_datum_t *ticket)
{
    gnutls_certificate_allocate_credentials(&client->trust);
    gnutls_init(&client->tls, GNUTLS_CLIENT);
    gnutls_priority_set_direct(client->tls, priorities, NULL);
    gnutls_credentials_set(client->tls, GNUTLS_CRD_CERTIFICATE, client->trust);
    gnutls_transport_set_int(client->tls, client->fd);
    if (ticket) {
        gnutls_session_set_data(client->tls, ticket->data, ticket->size);
    }
    int ret;
    do {
        ret = gnutls_handshake(client->tls);
    } while (ret < 0 && !gnutls_error_is_fatal(ret));
    return ret == 0;
}

static void client_connect(struct client *client)
{
    client_open(client);
    if (desk.options.tls) {
        cr_assert(client_secure(client, "NORMAL", NULL));
    }
}

static void client_close(struct client *client)
{
    if (client->tls) {
        gnutls_deinit(client->tls);
        gnutls_certificate_free_credentials(client->trust);
    }
    close(client->fd);
}

/* In pieces. False when the connection does not take all. */
static bool client_send(struct client *client, struct str bytes, size_t piece)
{
    while (bytes.len) {
        size_t len = bytes.len < piece ? bytes.len : piece;
        ssize_t sent = client->tls ? gnutls_record_send(client->tls, bytes.at, len)
                                   : send(client->fd, bytes.at, len, 0);
        if (sent <= 0) {
            return false;
        }
        bytes = str_from(bytes, (size_t)sent);
    }
    return true;
}

static void client_say(struct client *client, const char *text)
{
    client_send(client, str_of(text), SIZE_MAX);
}

/* False at the end. */
static bool client_read(struct client *client)
{
    char *into = client->got + client->got_len;
    size_t room = sizeof(client->got) - 1 - client->got_len;
    must(room > 0);
    ssize_t len;
    do {
        len = client->tls ? gnutls_record_recv(client->tls, into, room)
                          : recv(client->fd, into, room, 0);
    } while (client->tls && (len == GNUTLS_E_AGAIN || len == GNUTLS_E_INTERRUPTED));
    client->was_reset = len < 0;
    client->got_len += len > 0 ? (size_t)len : 0;
    client->got[client->got_len] = '\0';
    return len > 0;
}

/* All that comes until the server closes. */
static const char *client_hear_all(struct client *client)
{
    while (client_read(client)) {
    }
    return client->got;
}

/* Until `end` has come; what came before is in client->got. */
static void client_hear(struct client *client, const char *end)
{
    while (!strstr(client->got, end)) {
        cr_assert(client_read(client), "the end, not \"%s\", after: %s", end, client->got);
    }
}

/* The values of X-Saw in what came, in order, with " > " between. */
static inline void client_saw(const struct client *client, char *saw, size_t room)
{
    size_t len = 0;
    saw[0] = '\0';
    for (const char *at = client->got; (at = strstr(at, "X-Saw: ")) != NULL;) {
        at += strlen("X-Saw: ");
        len += (size_t)snprintf(
            saw + len, room - len, "%s%.*s", len ? " > " : "", (int)strcspn(at, "\r"), at);
        must(len < room);
    }
}

#endif
