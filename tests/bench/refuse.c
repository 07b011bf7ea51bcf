/*
 * refuse: the least that a refusal costs: refuse --port N --turn-ms N
 *
 * A bare server that reads what was asked, looks at nothing, and sends a canned 503 as large as
 * ours; "GET / " gets a 200, so that it can be seen to be there. It reads and writes as ours does,
 * what a turn has of both in one system call where the kernel has io_uring, and pauses in each turn
 * for so many milliseconds, as a server does that has more to do than to refuse: what came
 * meanwhile is refused in one go. What this takes is the kernel's.
 */
#include "base/loop.h"
#include "net.h"

#include <getopt.h>
#include <stdlib.h>
#include <time.h>

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

static struct server {
    struct loop *loop;
    struct watch listener;
    struct soon pause;
    struct timespec turn;
} server;

struct client {
    struct watch watch;
    struct batch_io reading, writing;
};

static void leave(struct client *client)
{
    loop_unwatch(server.loop, &client->watch);
    close(client->watch.fd);
    free(client);
}

static void has_written(struct batch_io *io, ssize_t result)
{
    must(result == (ssize_t)io->pieces[0].iov_len); /* its client has read all that came before */
}

static void has_read(struct batch_io *io, ssize_t result)
{
    struct client *client = container_of(io, struct client, reading);
    if (result == 0 || (result < 0 && result != -EAGAIN)) {
        leave(client);
    } else if (result > 0) {
        struct str question = { io->pieces[0].iov_base, (size_t)result };
        struct str words = str_starts(question, STR("GET / ")) ? STR(ready) : STR(refusal);
        client->writing.pieces[0] = (struct iovec){ (char *)words.at, words.len };
        client->writing.count = 1;
        loop_io(server.loop, &client->writing);
    }
}

static void client_ready(struct watch *watch, uint32_t events)
{
    struct client *client = container_of(watch, struct client, watch);
    (void)events;
    loop_soon(server.loop, &server.pause);
    if (client->reading.place == 0) {
        client->reading.count = 0;
        loop_io(server.loop, &client->reading);
    }
}

static void accept_all(struct watch *listener, uint32_t events)
{
    (void)events;
    for (int fd; (fd = net_accept(listener->fd)) >= 0;) {
        struct client *client = calloc(1, sizeof(*client));
        must(client != NULL);
        client->watch = (struct watch){ fd, client_ready };
        client->reading = (struct batch_io){ .fd = fd, .done = has_read };
        client->writing = (struct batch_io){ .fd = fd, .is_write = true, .done = has_written };
        must(loop_watch(server.loop, &client->watch, EPOLLIN | EPOLLRDHUP | EPOLLET));
    }
}

static void pause_now(struct soon *unused)
{
    (void)unused;
    nanosleep(&server.turn, NULL);
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
    server.loop = loop_new();
    server.listener = (struct watch){ net_listen(port), accept_all };
    server.pause.run = pause_now;
    server.turn = (struct timespec){ turn_ms / 1000, turn_ms % 1000 * 1000000L };
    loop_use_ring(server.loop);
    must(loop_watch(server.loop, &server.listener, EPOLLIN));
    loop_run(server.loop);
}
