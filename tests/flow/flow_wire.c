/*
 * flow_wire: a client that says what the test likes.
 *
 * Owns one TLS connection each, to the server's port, with the certificate verified. Reads answers
 * as RFC 9112 frames them, by Content-Length; whatever is not framed so fails the test.
 */
#include "flow_parts.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEARD_MAX = 16 << 20, PATIENCE_MS = 20000 };

struct flow_wire {
    int fd;
    gnutls_session_t session;
    gnutls_certificate_credentials_t trusted;
    struct buf in; /* read, and not yet part of an answer */
};

/* -1: refused. */
static int connected_socket(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_port = htons((uint16_t)flow_port()),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

bool flow_is_refused(void)
{
    int fd = connected_socket();
    if (fd >= 0) {
        close(fd);
    }
    return fd < 0;
}

struct flow_wire *flow_connect(void)
{
    struct flow_wire *wire = calloc(1, sizeof(*wire));
    wire->fd = connected_socket();
    cr_assert_geq(wire->fd, 0, "the server takes no connection");
    buf_init(&wire->in, HEARD_MAX);
    gnutls_certificate_allocate_credentials(&wire->trusted);
    cr_assert_eq(gnutls_certificate_set_x509_trust_file(
                     wire->trusted, "build/dev/ca.crt", GNUTLS_X509_FMT_PEM),
        1);
    gnutls_init(&wire->session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL);
    gnutls_set_default_priority(wire->session);
    gnutls_credentials_set(wire->session, GNUTLS_CRD_CERTIFICATE, wire->trusted);
    gnutls_server_name_set(wire->session, GNUTLS_NAME_DNS, "localhost", strlen("localhost"));
    gnutls_session_set_verify_cert(wire->session, "localhost", 0);
    gnutls_transport_set_int(wire->session, wire->fd);
    int code = gnutls_handshake(wire->session);
    cr_assert_eq(code, GNUTLS_E_SUCCESS, "%s", gnutls_strerror(code));
    return wire;
}

void flow_hang_up(struct flow_wire *wire)
{
    gnutls_deinit(wire->session);
    gnutls_certificate_free_credentials(wire->trusted);
    close(wire->fd);
    buf_release(&wire->in);
    free(wire);
}

void flow_say(struct flow_wire *wire, const char *bytes)
{
    size_t len = strlen(bytes);
    while (len) {
        ssize_t sent = gnutls_record_send(wire->session, bytes, len);
        cr_assert_gt(sent, 0, "%s", gnutls_strerror((int)sent));
        bytes += sent;
        len -= (size_t)sent;
    }
}

/* False at the end of what the server has to say. */
static bool hear_more(struct flow_wire *wire)
{
    char bytes[16 * 1024];
    ssize_t len = GNUTLS_E_AGAIN;
    while (len == GNUTLS_E_AGAIN || len == GNUTLS_E_INTERRUPTED) { /* a session's ticket came */
        struct pollfd in = { wire->fd, POLLIN, 0 };
        bool is_there = gnutls_record_check_pending(wire->session) || poll(&in, 1, PATIENCE_MS) > 0;
        cr_assert(is_there, "not a word in %d ms", PATIENCE_MS);
        len = gnutls_record_recv(wire->session, bytes, sizeof(bytes));
    }
    return len > 0 && buf_append(&wire->in, bytes, (size_t)len);
}

static void take(struct flow_wire *wire, size_t len, struct buf *to)
{
    buf_append(to, wire->in.data, len);
    memmove(wire->in.data, wire->in.data + len, wire->in.len - len);
    buf_cut(&wire->in, wire->in.len - len);
}

bool flow_hear(struct flow_wire *wire, bool is_head, struct flow_answer *answer)
{
    const char *end = NULL;
    *answer = (struct flow_answer){ 0 };
    buf_init(&answer->head, HEARD_MAX);
    buf_init(&answer->body, HEARD_MAX);
    buf_append_str(&answer->body, STR(""));
    while (!(end = memmem(buf_str(&wire->in).at, wire->in.len, "\r\n\r\n", 4))) {
        if (!hear_more(wire)) {
            cr_assert_eq(wire->in.len, 0, "half an answer: %s", wire->in.data);
            return false;
        }
    }
    take(wire, (size_t)(end + 4 - wire->in.data), &answer->head);
    bool is_http = strncmp(answer->head.data, "HTTP/1.", 7) == 0;
    cr_assert(is_http, "no answer begins with: %s", answer->head.data);
    answer->status = (unsigned)strtoul(answer->head.data + strlen("HTTP/1.1 "), NULL, 10);
    const char *length = flow_field(answer, "Content-Length");
    cr_assert(length != NULL || answer->status == 100, "no length: %s", answer->head.data);
    size_t len = is_head || !length ? 0 : strtoul(length, NULL, 10);
    while (wire->in.len < len) {
        cr_assert(hear_more(wire), "%zu of %zu bytes", wire->in.len, len);
    }
    take(wire, len, &answer->body);
    return true;
}

bool flow_is_cut(struct flow_wire *wire, unsigned status)
{
    static const char length[] = "\r\nContent-Length: ";
    char begins[20];
    snprintf(begins, sizeof(begins), "HTTP/1.1 %u ", status);
    while (hear_more(wire)) {
    }
    buf_append(&wire->in, "", 1);
    const char *end = strstr(wire->in.data, "\r\n\r\n"), *at = strstr(wire->in.data, length);
    bool has_begun = end && strncmp(wire->in.data, begins, strlen(begins)) == 0;
    cr_assert(has_begun && at && at < end, "not \"%s\" but: %s", begins, wire->in.data);
    size_t whole = (size_t)(end + 4 - wire->in.data) + strtoul(at + strlen(length), NULL, 10);
    return wire->in.len - 1 < whole;
}

bool flow_is_closed(struct flow_wire *wire)
{
    return wire->in.len == 0 && !hear_more(wire);
}
