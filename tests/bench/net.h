#ifndef BENCH_NET_H
#define BENCH_NET_H

/*
 * What the programs of the bench share: loopback sockets and the few words of HTTP/1.1 that
 * they say to each other. They are each other's only peers, so they trust what they read: a message
 * has a Content-Length or no body, and its head comes whole.
 *
 * Here every failure is the end of the program, with a sentence: a bench that goes on after one
 * would print a number that nobody should believe.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"
#include "base/str.h"

__attribute__((format(printf, 1, 2))) static _Noreturn void net_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

/* One socket for each connection of a bench with many: as many descriptors as the system gives. */
static inline void net_raise_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static inline struct sockaddr_in net_loopback(unsigned port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static inline int net_socket(void)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        net_fail("there is no socket: %s", strerror(errno));
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static inline int net_listen(unsigned port)
{
    struct sockaddr_in address = net_loopback(port);
    int one = 1;
    int fd = net_socket();
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1024) != 0) {
        net_fail("port %u cannot be had: %s", port, strerror(errno));
    }
    return fd;
}

/* A connection that somebody made to `listener`, or -1 when none waits. */
static inline int net_accept(int listener)
{
    int one = 1;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    return fd;
}

/* On loopback a connection is made at once or refused at once. */
static inline int net_connect(unsigned port)
{
    struct sockaddr_in address = net_loopback(port);
    int fd = net_socket();
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 && errno != EINPROGRESS) {
        net_fail("port %u cannot be reached: %s", port, strerror(errno));
    }
    return fd;
}

static inline void net_watch(int epoll, int fd, uint32_t events, void *owner)
{
    struct epoll_event event = { .events = events, .data.ptr = owner };
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

/* Sends what is meant to fit: requests and small answers on a connection that was quiet. */
static inline void net_send(int fd, struct str bytes)
{
    if (send(fd, bytes.at, bytes.len, MSG_NOSIGNAL) != (ssize_t)bytes.len) {
        net_fail("a message of %zu bytes was not taken at once: %s", bytes.len, strerror(errno));
    }
}

/* A timer that wakes epoll at monotonic `due_us`; 0 stops it. */
static inline void net_timer_set(int timer, uint64_t due_us)
{
    struct itimerspec at = { .it_value = { .tv_sec = (time_t)(due_us / 1000000u),
                                 .tv_nsec = (long)(due_us % 1000000u) * 1000 } };
    must(timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL) == 0);
}

/* ---- messages ---- */

struct net_head {
    size_t len;      /* with the empty line at its end */
    size_t body_len; /* as Content-Length says */
    bool has_body_len;
};

/* False while the empty line is not there yet. */
static inline bool net_head_read(struct str bytes, struct net_head *head)
{
    static const struct str name = { "\r\ncontent-length:", 17 };
    const char *end = memmem(bytes.at, bytes.len, "\r\n\r\n", 4);
    if (!end) {
        return false;
    }
    *head = (struct net_head){ .len = (size_t)(end - bytes.at) + 4 };
    for (const char *at = bytes.at; at < end && !head->has_body_len; at++) {
        at = memchr(at, '\r', (size_t)(end + 1 - at));
        if (strncasecmp(at, name.at, name.len) == 0) {
            head->body_len = strtoull(at + name.len, NULL, 10);
            head->has_body_len = true;
        }
    }
    return true;
}

/* ---- the command line and files ---- */

static inline unsigned net_number(const char *option, const char *text, unsigned most)
{
    uint64_t value;
    if (!str_u64(str_of(text), &value) || value > most) {
        net_fail("--%s takes a number up to %u, not \"%s\"", option, most, text);
    }
    return (unsigned)value;
}

/* The whole file; the caller frees it, or keeps it as long as the program runs. */
static inline struct str net_file(const char *path)
{
    enum { MOST = 16 << 20 };
    FILE *in = fopen(path, "rb");
    char *bytes = malloc(MOST);
    must(bytes != NULL);
    if (!in) {
        net_fail("%s cannot be read: %s", path, strerror(errno));
    }
    size_t len = fread(bytes, 1, MOST, in);
    fclose(in);
    return (struct str){ bytes, len };
}

/* A whole answer, head and body, as it goes over the wire. It lives as long as the program. */
static inline struct str net_answer(const char *status, struct str body)
{
    enum { HEAD_BYTES = 256 };
    char *bytes = malloc(HEAD_BYTES + body.len);
    must(bytes != NULL);
    int head = snprintf(bytes, HEAD_BYTES,
        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", status,
        body.len);
    memcpy(bytes + head, body.at, body.len);
    return (struct str){ bytes, (size_t)head + body.len };
}

/* The same question, asked by one user after the other. */
struct net_questions {
    struct str *list;
    size_t count;
};

/*
 * A GET for each bearer token that stands on a line of a file (NULL: one without a token): a
 * command line can be read by everybody on the machine. They live as long as the program.
 */
static inline struct net_questions net_questions(const char *path, const char *token_file)
{
    struct net_questions questions = { NULL, 0 };
    struct str lines = token_file ? net_file(token_file) : STR("\n"), token;
    while (str_cut(lines, '\n', &token, &lines)) {
        struct str *list = realloc(questions.list, (questions.count + 1) * sizeof(*list));
        char *bytes;
        int len = asprintf(&bytes, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s%.*s%s\r\n", path,
            token.len ? "Authorization: Bearer " : "", STR_FMT(token), token.len ? "\r\n" : "");
        must(list != NULL && len > 0);
        list[questions.count++] = (struct str){ bytes, (size_t)len };
        questions.list = list;
    }
    if (!questions.count) {
        net_fail("%s has no line with a token", token_file);
    }
    return questions;
}

#endif
