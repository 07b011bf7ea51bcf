/*
 * idle: many clients that asked once and stay.
 *
 * Opens its connections in groups, asks the same question on each and waits for its answer, prints
 * one line of JSON when all have been answered, and then holds them open in silence until its input
 * ends. What a server needs for them meanwhile is seen from outside.
 */
#include "net.h"

#include <getopt.h>
#include <poll.h>

enum { AT_ONCE = 32, PATIENCE_MS = 10000 };

static char scratch[1 << 20];

/* Reads the whole answer; false when it is not 200. */
static bool read_answer(int fd)
{
    struct net_head head;
    struct pollfd wait = { fd, POLLIN, 0 };
    size_t len = 0;
    for (bool has_head = false; !has_head || len < head.len + head.body_len;) {
        if (poll(&wait, 1, PATIENCE_MS) != 1) {
            net_fail("no answer came for %d s", PATIENCE_MS / 1000);
        }
        ssize_t got = recv(fd, scratch + len, sizeof(scratch) - len, 0);
        if (got <= 0) {
            net_fail("the server closed a connection: %s", got ? strerror(errno) : "end of stream");
        }
        len += (size_t)got;
        has_head = has_head || net_head_read((struct str){ scratch, len }, &head);
    }
    return str_starts((struct str){ scratch, len }, STR("HTTP/1.1 200 "));
}

static unsigned open_all(unsigned port, unsigned count, struct net_questions questions)
{
    unsigned refused = 0;
    for (unsigned first = 0; first < count; first += AT_ONCE) {
        int fds[AT_ONCE];
        unsigned group = count - first < AT_ONCE ? count - first : AT_ONCE;
        for (unsigned i = 0; i < group; i++) {
            struct pollfd wait = { fds[i] = net_connect(port), POLLOUT, 0 };
            must(poll(&wait, 1, PATIENCE_MS) == 1);
            net_send(fds[i], questions.list[(first + i) % questions.count]);
        }
        for (unsigned i = 0; i < group; i++) {
            refused += !read_answer(fds[i]);
        }
    }
    return refused;
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "port", required_argument, NULL, 'p' },
        { "path", required_argument, NULL, 'g' }, { "token", required_argument, NULL, 't' },
        { "connections", required_argument, NULL, 'c' }, { 0 } };
    unsigned port = 0, connections = 0;
    const char *path = "/", *token = NULL;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'p') {
            port = net_number("port", optarg, 65535);
        } else if (c == 'g') {
            path = optarg;
        } else if (c == 't') {
            token = optarg;
        } else if (c == 'c') {
            connections = net_number("connections", optarg, 25000); /* of one source address */
        } else {
            return 64;
        }
    }
    if (!port || !connections) {
        net_fail("usage: idle --port N --connections N [--path PATH] [--token FILE]");
    }
    net_raise_limit();
    unsigned refused = open_all(port, connections, net_questions(path, token));
    printf("{\"connections\": %u, \"failed\": %u}\n", connections, refused);
    fflush(stdout);
    while (read(STDIN_FILENO, scratch, sizeof(scratch)) > 0) {
    }
    return 0;
}
