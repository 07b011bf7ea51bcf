/*
 * Two workers' servers on one port (SO_REUSEPORT), each on its loop, under clients that ask,
 * pipeline, blunder and leave. A plain program, to be run under ThreadSanitizer: what two servers
 * of a process share is the code that reads for them. Prints one line; exits with 1 when a request
 * was lost.
 */
#include "base/must.h"
#include "wire/http_server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SERVERS = 2, CLIENTS = 4, ROUNDS = 250, ASKED = 4 /* in a round */ };

struct side {
    int listen_fd;
    struct loop *loop;
    struct http_server *server;
    pthread_t thread;
    struct soon drain;
    unsigned begun, refused, ended; /* this side's own */
};

static struct side sides[SERVERS];
static atomic_uint answers;

static void begin(void *context, struct http_exchange *exchange, const struct http_arrived *arrived)
{
    struct side *side = context;
    struct buf body;
    buf_init(&body, 64);
    buf_append_str(&body, STR("answer"));
    http_exchange_set_owner(exchange, side);
    side->begun++;
    side->refused += arrived->refused != HTTP_REFUSED_NOT;
    http_reply(exchange, arrived->refused ? 400 : 200, NULL, 0, &body, HTTP_KEEP);
}

static void gone(void *owner)
{
    must(owner != NULL);
}

static void done(void *owner, bool is_sent, uint64_t sent_bytes)
{
    (void)is_sent, (void)sent_bytes;
    ((struct side *)owner)->ended++;
}

static void drained(void *context)
{
    loop_stop(((struct side *)context)->loop);
}

static void drain(struct soon *soon)
{
    http_server_drain(container_of(soon, struct side, drain)->server, drained);
}

static struct sockaddr_in address = { .sin_family = AF_INET };

/* The first listener gets a free port, the others share it. */
static int listen_at_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    socklen_t len = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    must(bind(fd, (const struct sockaddr *)&address, len) == 0);
    must(listen(fd, 128) == 0);
    must(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    return fd;
}

static void *serve(void *context)
{
    struct side *side = context;
    struct http_server_options options = {
        .listen_fd = side->listen_fd,
        .connections_max = 64,
        .idle_timeout_ms = 20000,
        .head_timeout_ms = 20000,
        .body_timeout_ms = 20000,
        .head_max_bytes = 8192,
        .target_max_bytes = 1024,
        .body_max_bytes = 65536,
    };
    struct http_server_user user = { .context = side, .begin = begin, .gone = gone, .done = done };
    char why[256];
    side->server = http_server_new(side->loop, &options, &user, why);
    must(side->server != NULL);
    loop_run(side->loop);
    http_server_free(side->server);
    return NULL;
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = { .tv_sec = 20 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    must(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

static unsigned count_answers(int fd)
{
    char got[8192];
    size_t len = 0;
    ssize_t more;
    while ((more = recv(fd, got + len, sizeof(got) - 1 - len, 0)) > 0) {
        len += (size_t)more;
    }
    got[len] = '\0';
    unsigned count = 0;
    for (const char *at = got; (at = strstr(at, "\r\n\r\nanswer")) != NULL; at++) {
        count++;
    }
    return count;
}

/* Three requests in one piece, the last with a chunked body, and a fourth that is none. */
static void *ask(void *unused)
{
    static const char asked[] = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
                                "GET /b HTTP/1.1\r\nHost: a\r\n\r\n"
                                "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "3\r\nabc\r\n0\r\n\r\n"
                                "GET /d HTTP/1.1\r\nHost : a\r\n\r\n";
    for (int i = 0; i < ROUNDS; i++) {
        int fd = dial();
        must(send(fd, asked, sizeof(asked) - 1, MSG_NOSIGNAL) == sizeof(asked) - 1);
        if (i % 10 == 9) {
            shutdown(fd, SHUT_RDWR); /* and is gone */
        } else {
            answers += count_answers(fd);
        }
        close(fd);
    }
    return unused;
}

int main(void)
{
    pthread_t clients[CLIENTS];
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < SERVERS; i++) {
        sides[i] = (struct side){
            .listen_fd = listen_at_port(),
            .loop = loop_new(),
            .drain.run = drain,
        };
        must(pthread_create(&sides[i].thread, NULL, serve, &sides[i]) == 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        must(pthread_create(&clients[i], NULL, ask, NULL) == 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i], NULL);
    }
    unsigned begun = 0, refused = 0, ended = 0;
    for (int i = 0; i < SERVERS; i++) {
        loop_post(sides[i].loop, &sides[i].drain);
        pthread_join(sides[i].thread, NULL);
        loop_free(sides[i].loop);
        begun += sides[i].begun;
        refused += sides[i].refused;
        ended += sides[i].ended;
    }
    unsigned due = CLIENTS * ROUNDS * 9 / 10 * ASKED;
    printf("http_server: %u answers of %u, %u requests begun, %u of them refused, %u ended\n",
        answers, due, begun, refused, ended);
    return answers == due && begun == ended && refused >= due / ASKED ? 0 : 1;
}
