#ifndef WIRE_LISTENER_H
#define WIRE_LISTENER_H

#include "../base/err.h"

/*
 * Opens `count` listening, non-blocking TCP sockets on one address and port, which share the
 * connections between them (SO_REUSEPORT). `address` is IPv4 or IPv6, numeric; port 0: any free
 * one, told in *bound_port. A port that another process has is an error, even where that process
 * would have shared it. On false everything is closed again.
 */
bool listener_open(const char *address, unsigned port, int *fds, unsigned count,
    unsigned *bound_port, struct err *err);

#endif
