#ifndef TESTS_SCRIPTED_SERVER_H
#define TESTS_SCRIPTED_SERVER_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * A service that says what the test wrote down, byte by byte. One turn of the script is used up by
 * each question, in the order in which questions come, whichever connection they come on. Each
 * connection has a thread.
 */
enum afterwards {
    STAY,  /* keep the connection, wait for the next question */
    CLOSE, /* FIN */
    RESET, /* RST */
    HANG,  /* keep it, say no more */
};

struct turn {
    const char *say;
    size_t say_len;    /* 0: strlen(say), or nothing */
    const char *again; /* then this, until the client is tired of it; NULL: nothing */
    unsigned drip_ms;  /* between two bytes */
    enum afterwards then;
};

enum { SERVER_CONNECTIONS_MAX = 64, SERVER_HEARD_MAX = 4 << 20 };

struct server {
    int fd;
    unsigned port;
    const struct turn *script;
    size_t turns;
    gnutls_certificate_credentials_t credentials; /* NULL: no TLS */
    const char *priorities;                       /* of TLS; NULL: GnuTLS's own */
    const gnutls_datum_t *ticket_key;             /* NULL: no session can be resumed */
    bool wants_certificate;                       /* of the client */
    pthread_t accepting;
    pthread_mutex_t lock; /* of all below */
    size_t resumed;       /* sessions */
    size_t turn;
    size_t connections;
    int fds[SERVER_CONNECTIONS_MAX];
    pthread_t threads[SERVER_CONNECTIONS_MAX];
    char heard[SERVER_HEARD_MAX]; /* the last question */
    bool is_ending;
};

struct server_connection {
    struct server *server;
    int fd;
    gnutls_session_t session; /* NULL: no TLS */
};

static inline ssize_t server_read(struct server_connection *connection, char *bytes, size_t len)
{
    return connection->session ? gnutls_record_recv(connection->session, bytes, len)
                               : recv(connection->fd, bytes, len, 0);
}

static inline bool server_write(struct server_connection *connection, const char *bytes, size_t len)
{
    while (len) {
        ssize_t sent = connection->session ? gnutls_record_send(connection->session, bytes, len)
                                           : send(connection->fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

static inline bool server_is_ending(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    bool is_ending = server->is_ending;
    pthread_mutex_unlock(&server->lock);
    return is_ending;
}

/* Waits until the client has gone, or the test is over. */
static inline void server_hang(struct server *server, int fd)
{
    char bytes[512];
    while (!server_is_ending(server)) {
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        if (poll(&poll_fd, 1, 20) > 0 && recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) <= 0) {
            return;
        }
    }
}

static inline bool server_send(
    struct server_connection *connection, const char *bytes, size_t len, unsigned drip_ms)
{
    size_t piece = drip_ms ? 1 : len;
    for (size_t at = 0; at < len; at += piece) {
        if (!server_write(connection, bytes + at, piece)) {
            return false;
        }
        if (drip_ms && poll(NULL, 0, (int)drip_ms) < 0) {
            return false;
        }
    }
    return true;
}

/* One whole question, its body by Content-Length. False when the client has gone. */
static inline bool server_hear(struct server_connection *connection, char *heard)
{
    size_t len = 0;
    for (;;) {
        heard[len] = '\0';
        char *end = strstr(heard, "\r\n\r\n");
        if (end) {
            char *length = strcasestr(heard, "\r\ncontent-length:");
            size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
            if (len >= (size_t)(end + 4 - heard) + body) {
                return true;
            }
        }
        ssize_t got = server_read(connection, heard + len, SERVER_HEARD_MAX - 1 - len);
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
    }
}

static inline const struct turn *server_next_turn(struct server *server, const char *heard)
{
    pthread_mutex_lock(&server->lock);
    memcpy(server->heard, heard, strlen(heard) + 1);
    size_t turn = server->turn < server->turns - 1 ? server->turn : server->turns - 1;
    server->turn++;
    pthread_mutex_unlock(&server->lock);
    return &server->script[turn];
}

static inline bool server_begin_tls(struct server_connection *connection)
{
    struct server *server = connection->server;
    if (!server->credentials) {
        return true;
    }
    gnutls_init(&connection->session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
    gnutls_session_t session = connection->session;
    const char *priorities = server->priorities ? server->priorities : "NORMAL";
    cr_assert_eq(gnutls_priority_set_direct(session, priorities, NULL), 0);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, server->credentials);
    if (server->ticket_key) {
        gnutls_session_ticket_enable_server(session, server->ticket_key);
    }
    if (server->wants_certificate) {
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_cert(session, NULL, 0);
    }
    gnutls_transport_set_int(session, connection->fd);
    bool is_done = gnutls_handshake(session) == GNUTLS_E_SUCCESS;
    pthread_mutex_lock(&server->lock);
    server->resumed += is_done && gnutls_session_is_resumed(session);
    pthread_mutex_unlock(&server->lock);
    return is_done;
}

/* The descriptor is closed here, and marked so that server_stop leaves it alone. */
static inline void server_end_connection(struct server_connection *connection, enum afterwards how)
{
    struct linger linger = { .l_onoff = how == RESET, .l_linger = 0 };
    setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    if (connection->session) {
        if (how == CLOSE) {
            gnutls_bye(connection->session, GNUTLS_SHUT_WR);
        }
        gnutls_deinit(connection->session);
    }
    struct server *server = connection->server;
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->connections; i++) {
        if (server->fds[i] == connection->fd) {
            server->fds[i] = -1;
        }
    }
    close(connection->fd);
    pthread_mutex_unlock(&server->lock);
}

/* One question and the turn it uses up. False when the talk is over, for the reason in `then`. */
static inline bool server_answer(
    struct server_connection *connection, char *heard, enum afterwards *then)
{
    if (!server_hear(connection, heard)) {
        return false;
    }
    const struct turn *turn = server_next_turn(connection->server, heard);
    size_t len = turn->say_len || !turn->say ? turn->say_len : strlen(turn->say);
    *then = turn->then;
    bool is_heard = server_send(connection, turn->say, len, turn->drip_ms);
    while (is_heard && turn->again && !server_is_ending(connection->server)) {
        is_heard = server_send(connection, turn->again, strlen(turn->again), turn->drip_ms);
    }
    return is_heard && turn->then == STAY;
}

static inline void *server_talk(void *argument)
{
    struct server_connection connection = *(struct server_connection *)argument;
    free(argument);
    char *heard = malloc(SERVER_HEARD_MAX);
    enum afterwards then = CLOSE;
    if (server_begin_tls(&connection)) {
        while (server_answer(&connection, heard, &then)) {
        }
    }
    if (then == HANG) {
        server_hang(connection.server, connection.fd);
    }
    server_end_connection(&connection, then);
    free(heard);
    return NULL;
}

static inline void *server_accept(void *argument)
{
    struct server *server = argument;
    int fd;
    while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
        struct server_connection *connection = malloc(sizeof(*connection));
        *connection = (struct server_connection){ .server = server, .fd = fd };
        pthread_mutex_lock(&server->lock);
        size_t place = server->connections++;
        cr_assert_lt(place, SERVER_CONNECTIONS_MAX);
        server->fds[place] = fd;
        pthread_create(&server->threads[place], NULL, server_talk, connection);
        pthread_mutex_unlock(&server->lock);
    }
    return NULL;
}

/* At an IPv4 address; port 0: any that is free. Over TLS with credentials. The last turn of the
 * script repeats. NULL: somebody else has the port. */
static inline struct server *server_start_at(const char *host, unsigned port,
    const struct turn *script, size_t turns, gnutls_certificate_credentials_t credentials)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = inet_addr(host)
    };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, len) != 0) {
        cr_assert_eq(errno, EADDRINUSE);
        close(fd);
        return NULL;
    }
    cr_assert_eq(listen(fd, 64), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    struct server *server = calloc(1, sizeof(*server));
    server->script = script;
    server->turns = turns;
    server->credentials = credentials;
    pthread_mutex_init(&server->lock, NULL);
    server->fd = fd;
    server->port = ntohs(address.sin_port);
    pthread_create(&server->accepting, NULL, server_accept, server);
    return server;
}

/* On a free port of 127.0.0.1. */
static inline struct server *server_start(
    const struct turn *script, size_t turns, gnutls_certificate_credentials_t credentials)
{
    struct server *server = server_start_at("127.0.0.1", 0, script, turns, credentials);
    cr_assert_not_null(server);
    return server;
}

static inline void server_stop(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    server->is_ending = true;
    pthread_mutex_unlock(&server->lock);
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->accepting, NULL);
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->connections; i++) {
        if (server->fds[i] >= 0) {
            shutdown(server->fds[i], SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&server->lock);
    for (size_t i = 0; i < server->connections; i++) {
        pthread_join(server->threads[i], NULL);
    }
    close(server->fd);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

static inline size_t server_connections(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t connections = server->connections;
    pthread_mutex_unlock(&server->lock);
    return connections;
}

/* TLS sessions that a client came back with. */
static inline size_t server_resumed(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t resumed = server->resumed;
    pthread_mutex_unlock(&server->lock);
    return resumed;
}

/* Questions heard so far. */
static inline size_t server_questions(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t questions = server->turn;
    pthread_mutex_unlock(&server->lock);
    return questions;
}

#endif
