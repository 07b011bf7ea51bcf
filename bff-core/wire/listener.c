/*
 * listener: where connections come in.
 *
 * Owns nothing: the descriptors are the caller's. A stale process with SO_REUSEPORT on the same
 * port would silently take its share of the connections; so the port is first bound without that
 * option, which fails while anybody else has it.
 */
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 }; /* one that is full costs a client a second */

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t parse(const char *address, unsigned port, union any_address *out)
{
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, address, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)port);
        return sizeof(out->v4);
    }
    if (inet_pton(AF_INET6, address, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons((uint16_t)port);
        return sizeof(out->v6);
    }
    return 0;
}

/* A bound socket; -1 with errno. */
static int bound(const union any_address *at, socklen_t len, bool is_shared)
{
    int one = 1;
    int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (is_shared) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    }
    if (bind(fd, &at->any, len) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static bool listen_all(const union any_address *at, socklen_t len, int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        fds[i] = bound(at, len, true);
        if (fds[i] < 0 || listen(fds[i], BACKLOG) != 0) {
            int why = errno;
            for (unsigned j = 0; j <= i; j++) {
                if (fds[j] >= 0) {
                    close(fds[j]);
                }
            }
            errno = why;
            return false;
        }
    }
    return true;
}

bool listener_open(const char *address, unsigned port, int *fds, unsigned count,
    unsigned *bound_port, struct err *err)
{
    union any_address at;
    socklen_t len = parse(address, port, &at);
    if (!len) {
        return err_set(err, "\"%s\" is not a numeric IPv4 or IPv6 address.", address);
    }
    int probe = bound(&at, len, false);
    if (probe < 0 || getsockname(probe, &at.any, &len) != 0) {
        int why = errno;
        return err_set(err, "Port %u on %s cannot be opened: %s.%s", port, address, strerror(why),
            why == EADDRINUSE ? " Another process has it (ss -ltnp tells which); stop that one, or "
                                "set another port."
                              : "");
    }
    close(probe);
    if (!listen_all(&at, len, fds, count)) {
        return err_set(err, "Port %u on %s cannot be opened: %s.", port, address, strerror(errno));
    }
    *bound_port = ntohs(at.any.sa_family == AF_INET ? at.v4.sin_port : at.v6.sin6_port);
    return true;
}
