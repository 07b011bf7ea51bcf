#ifndef TESTS_FAR_SERVICE_H
#define TESTS_FAR_SERVICE_H

#include "scripted_server.h"

#include <stdio.h>

/*
 * A service that streams: a thread that talks with each of its connections as the test says, plain
 * or TLS. Content is a pattern, so that each byte is known by its place.
 */

struct far {
    int listener, fd;
    unsigned port;
    gnutls_certificate_credentials_t credentials; /* NULL: no TLS */
    gnutls_session_t session;
    pthread_t thread;
    void (*talk)(struct far *far); /* with each connection, until it returns */
    unsigned talks;                /* connections that it waits for */
    char heard[4096];              /* the head, and after it what the talk keeps */
    char body[65536];              /* what came behind the head in one read */
    size_t body_len;
    uint64_t got, gave;
    bool is_pattern;
};

static inline char pattern(uint64_t at)
{
    return (char)(at * 2654435761u >> 24);
}

static inline ssize_t far_read(struct far *far, void *into, size_t room)
{
    return far->session ? gnutls_record_recv(far->session, into, room)
                        : recv(far->fd, into, room, 0);
}

static inline bool far_write(struct far *far, const void *bytes, size_t len)
{
    struct server_connection connection = { NULL, far->fd, far->session };
    return server_write(&connection, bytes, len);
}

static inline void far_say(struct far *far, const char *text)
{
    far_write(far, text, strlen(text));
}

/* The head of a question; what was read beyond it is in `body`. */
static inline void far_hear_head(struct far *far)
{
    size_t len = 0;
    char *end = NULL;
    memset(far->heard, 0, sizeof(far->heard));
    while (!(end = strstr(far->heard, "\r\n\r\n")) && len < sizeof(far->heard) - 1) {
        ssize_t got = far_read(far, far->heard + len, sizeof(far->heard) - 1 - len);
        if (got <= 0) {
            return;
        }
        len += (size_t)got;
    }
    far->body_len = len - (size_t)(end + 4 - far->heard);
    memcpy(far->body, end + 4, far->body_len);
    end[4] = '\0';
}

/* `len` bytes of content, which have to be the pattern. */
static inline void far_hear_pattern(struct far *far, uint64_t len)
{
    far->got = 0;
    far->is_pattern = true;
    for (;;) {
        for (size_t i = 0; i < far->body_len; i++) {
            far->is_pattern &= far->body[i] == pattern(far->got++);
        }
        far->body_len = 0;
        if (far->got >= len) {
            return;
        }
        ssize_t got = far_read(far, far->body, sizeof(far->body));
        if (got <= 0) {
            return;
        }
        far->body_len = (size_t)got;
    }
}

static inline void far_give_pattern(struct far *far, uint64_t len)
{
    char piece[16384];
    for (far->gave = 0; far->gave < len;) {
        size_t now = len - far->gave < sizeof(piece) ? (size_t)(len - far->gave) : sizeof(piece);
        for (size_t i = 0; i < now; i++) {
            piece[i] = pattern(far->gave + i);
        }
        if (!far_write(far, piece, now)) {
            return;
        }
        far->gave += now;
    }
}

static inline void *far_run(void *context)
{
    struct far *far = context;
    for (unsigned i = 0; i < far->talks; i++) {
        far->fd = accept(far->listener, NULL, NULL);
        if (far->fd < 0) {
            return NULL;
        }
        if (far->credentials) {
            gnutls_init(&far->session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
            gnutls_set_default_priority(far->session);
            gnutls_credentials_set(far->session, GNUTLS_CRD_CERTIFICATE, far->credentials);
            gnutls_transport_set_int(far->session, far->fd);
            if (gnutls_handshake(far->session) != GNUTLS_E_SUCCESS) {
                return NULL;
            }
        }
        far->talk(far);
        if (far->session) {
            gnutls_bye(far->session, GNUTLS_SHUT_WR);
            gnutls_deinit(far->session);
        }
        close(far->fd);
    }
    return NULL;
}

static inline void far_open(struct far *far)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    far->talks = far->talks ? far->talks : 1;
    far->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(far->listener, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(far->listener, 8), 0);
    cr_assert_eq(getsockname(far->listener, (struct sockaddr *)&address, &len), 0);
    far->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&far->thread, NULL, far_run, far), 0);
}

#endif
