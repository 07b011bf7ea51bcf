/*
 * refuse: the least that a refusal costs: refuse --port N --turn-ms N
 *
 * A bare loop that reads what was asked, looks at nothing, and sends a canned 503 as large as ours;
 * "GET / " gets a 200, so that it can be seen to be there. It looks at its connections every so
 * many milliseconds, as a server does that has more to do than to refuse: what came meanwhile is
 * refused in one go, which costs a third less than one by one. What this takes is the kernel's.
 */
#include "net.h"

#include <getopt.h>
#include <time.h>

enum { EVENTS_AT_ONCE = 256 };

static const char ready[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
static const char refusal[] =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length:   255\r\n"
    "Content-Type: application/problem+json\r\nCache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\nRetry-After: 1\r\n"
    "X-Request-Id: 3fe879bec686e12115ef1d8b66b7f51f\r\n\r\n"
    "{\"type\":\"urn:problem-type:bff:overloaded\",\"title\":\"There is more to do than can"
    " be done in time\",\"status\":503,\"detail\":\"There is more to do than can be done in"
    " time; ask again in 1 s.\",\"instance\":\"/v1/feed\",\"request_id\":\"3fe879bec686e121"
    "15ef1d8b66b7f51f\"}";

static void answer(int fd)
{
    static char question[16 * 1024];
    ssize_t got = recv(fd, question, sizeof(question), 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) {
            close(fd);
        }
        return;
    }
    bool asks_if_ready = str_starts((struct str){ question, (size_t)got }, STR("GET / "));
    net_send(fd, asks_if_ready ? STR(ready) : STR(refusal));
}

static void accept_all(int epoll, int listener)
{
    for (int fd; (fd = net_accept(listener)) >= 0;) {
        struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = fd };
        must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    }
}

static void serve(int epoll, int listener, const struct timespec *turn)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS_AT_ONCE, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener) {
                accept_all(epoll, listener);
            } else {
                answer(events[i].data.fd);
            }
        }
        if (count < EVENTS_AT_ONCE) {
            nanosleep(turn, NULL);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "port", required_argument, NULL, 'p' },
        { "turn-ms", required_argument, NULL, 't' }, { 0 } };
    unsigned port = 0, turn_ms = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'p':
            port = net_number("port", optarg, 65535);
            break;
        case 't':
            turn_ms = net_number("turn-ms", optarg, 1000);
            break;
        default:
            return 64;
        }
    }
    net_raise_limit();
    int epoll = epoll_create1(0), listener = net_listen(port);
    struct epoll_event event = { .events = EPOLLIN, .data.fd = listener };
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0);
    serve(epoll, listener, &(struct timespec){ turn_ms / 1000, turn_ms % 1000 * 1000000L });
}
