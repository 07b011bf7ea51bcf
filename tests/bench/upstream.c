/*
 * upstream: the six services behind the feed, as fast as they can be.
 *
 * Owns six loopback ports and an answer for each, read once from the files of bff-mocks --dump. The
 * port decides the answer, the path does not: a side that asks wrongly is found out by its own
 * answer, and by GET /counts, which tells how often each service was asked. A POST is an event; it
 * is answered with 202 and an empty object.
 *
 * With --delay-ms every answer leaves exactly so long after its request: by a timer of the kernel,
 * since epoll waits in milliseconds, which is more than what the sides differ by.
 */
#include "net.h"

#include <getopt.h>

enum { SERVICES = 6, REQUEST_BYTES = 16384, EVENTS_AT_ONCE = 256 };

/* In the order of their ports. */
static const struct {
    const char *name, *file;
} services[SERVICES] = {
    { "profiles", "profile.json" },
    { "posts", "posts.json" },
    { "recommendations", "recs.json" },
    { "notifications", "unread.json" },
    { "ads", "ads.json" },
    { "analytics", "stats.json" },
};

/* What an event of epoll is about. */
struct end {
    enum { LISTENER, CONNECTION, TIMER } kind;
    int fd;
    unsigned service;
    char request[REQUEST_BYTES];
    size_t request_len;
    struct str unsent;
    uint64_t due_us;  /* when the answer may leave; 0: it is not waiting */
    struct end *next; /* in the queue of the waiting */
    bool is_closed;   /* while it was waiting */
};

struct upstream {
    int epoll;
    uint64_t delay_us;
    struct end timer;
    struct end *first, *last; /* of the waiting: one delay for all, so first in is first out */
    struct str answers[SERVICES];
    struct str event_answer;
    uint64_t counts[SERVICES];
    uint64_t events;
};

static void close_end(struct end *end)
{
    close(end->fd);
    end->is_closed = true;
    if (!end->due_us) {
        free(end);
    }
}

/* As much as the socket takes; epoll tells when it takes more, and when its reader is gone. */
static void send_rest(struct end *end)
{
    ssize_t sent = send(end->fd, end->unsent.at, end->unsent.len, MSG_NOSIGNAL);
    if (sent > 0) {
        end->unsent = str_from(end->unsent, (size_t)sent);
    }
}

static void answer_later(struct upstream *upstream, struct end *end)
{
    end->due_us = clock_now_us() + upstream->delay_us;
    end->next = NULL;
    if (upstream->first) {
        upstream->last->next = end;
    } else {
        upstream->first = end;
        net_timer_set(upstream->timer.fd, end->due_us);
    }
    upstream->last = end;
}

static void answer_due(struct upstream *upstream)
{
    uint64_t expirations, now_us = clock_now_us();
    while (read(upstream->timer.fd, &expirations, sizeof(expirations)) > 0) {
    }
    while (upstream->first && upstream->first->due_us <= now_us) {
        struct end *end = upstream->first;
        upstream->first = end->next;
        end->due_us = 0;
        if (end->is_closed) {
            free(end);
        } else {
            send_rest(end);
        }
    }
    if (upstream->first) {
        net_timer_set(upstream->timer.fd, upstream->first->due_us);
    }
}

static void send_counts(const struct upstream *upstream, int fd)
{
    char body[512];
    int len =
        snprintf(body, sizeof(body), "{\"events\":%llu", (unsigned long long)upstream->events);
    for (unsigned i = 0; i < SERVICES; i++) {
        len += snprintf(body + len, sizeof(body) - (size_t)len, ",\"%s\":%llu", services[i].name,
            (unsigned long long)upstream->counts[i]);
    }
    body[len++] = '}';
    struct str answer = net_answer("200 OK", (struct str){ body, (size_t)len });
    net_send(fd, answer);
    free((char *)answer.at);
}

static void answer_request(struct upstream *upstream, struct end *end, struct str request)
{
    if (str_starts(request, STR("GET /counts "))) {
        send_counts(upstream, end->fd);
        return;
    }
    bool is_event = str_starts(request, STR("POST "));
    end->unsent = is_event ? upstream->event_answer : upstream->answers[end->service];
    upstream->events += is_event;
    upstream->counts[end->service] += !is_event;
    if (upstream->delay_us) {
        answer_later(upstream, end);
    } else {
        send_rest(end);
    }
}

/* One request at a time: nobody here sends a second one before the answer to the first. */
static void read_request(struct upstream *upstream, struct end *end)
{
    size_t room = sizeof(end->request) - end->request_len;
    ssize_t got = recv(end->fd, end->request + end->request_len, room, 0);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) {
        close_end(end);
        return;
    }
    end->request_len += (size_t)got;
    must(end->request_len < sizeof(end->request));
    struct str request = { end->request, end->request_len };
    struct net_head head;
    if (net_head_read(request, &head) && request.len >= head.len + head.body_len) {
        end->request_len = 0;
        answer_request(upstream, end, request);
    }
}

static void accept_all(struct upstream *upstream, const struct end *listener)
{
    for (int fd; (fd = net_accept(listener->fd)) >= 0;) {
        struct end *end = malloc(sizeof(*end));
        must(end != NULL);
        end->kind = CONNECTION;
        end->fd = fd;
        end->service = listener->service;
        end->request_len = 0;
        end->unsent = (struct str){ 0 };
        end->due_us = 0;
        end->is_closed = false;
        net_watch(upstream->epoll, fd, EPOLLIN | EPOLLOUT | EPOLLET, end);
    }
}

static void serve(struct upstream *upstream)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    for (;;) {
        int count = epoll_wait(upstream->epoll, events, EVENTS_AT_ONCE, -1);
        for (int i = 0; i < count; i++) {
            struct end *end = events[i].data.ptr;
            if (end->kind == LISTENER) {
                accept_all(upstream, end);
            } else if (end->kind == TIMER) {
                answer_due(upstream);
            } else {
                if (end->unsent.len && !end->due_us) {
                    send_rest(end);
                }
                read_request(upstream, end);
            }
        }
    }
}

static void open_all(struct upstream *upstream, unsigned port, const char *bodies)
{
    static struct end listeners[SERVICES];
    net_raise_limit();
    upstream->epoll = epoll_create1(EPOLL_CLOEXEC);
    upstream->event_answer = net_answer("202 Accepted", STR("{}"));
    for (unsigned i = 0; i < SERVICES; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", bodies, services[i].file);
        struct str body = net_file(path);
        upstream->answers[i] = net_answer("200 OK", body);
        free((char *)body.at);
        listeners[i] = (struct end){ .kind = LISTENER, .fd = net_listen(port + i), .service = i };
        net_watch(upstream->epoll, listeners[i].fd, EPOLLIN, &listeners[i]);
    }
    upstream->timer = (struct end){ .kind = TIMER,
        .fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC) };
    net_watch(upstream->epoll, upstream->timer.fd, EPOLLIN, &upstream->timer);
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "port", required_argument, NULL, 'p' },
        { "bodies", required_argument, NULL, 'b' }, { "delay-ms", required_argument, NULL, 'd' },
        { 0 } };
    static struct upstream upstream;
    unsigned port = 0;
    const char *bodies = NULL;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'p') {
            port = net_number("port", optarg, 65535 - SERVICES);
        } else if (c == 'b') {
            bodies = optarg;
        } else if (c == 'd') {
            upstream.delay_us = net_number("delay-ms", optarg, 60000) * 1000;
        } else {
            return 64;
        }
    }
    if (!port || !bodies) {
        net_fail("usage: upstream --port FIRST-OF-SIX --bodies DIR [--delay-ms N]");
    }
    open_all(&upstream, port, bodies);
    serve(&upstream);
}
