#ifndef WIRE_HTTP_SOCKET_H
#define WIRE_HTTP_SOCKET_H

#include "http_client_tls.h"

#include <sys/uio.h>

/* Bytes to and from a service, on its descriptor: through `session`, or plain where it is NULL. */

/* One send of some of the pieces. SOME: `*sent` bytes of them are out. */
enum http_io http_socket_send(
    int fd, struct http_session *session, const struct iovec *pieces, int count, size_t *sent);

/* One read into the places, in their order. SOME: `*received` bytes, at least one. */
enum http_io http_socket_receive(
    int fd, struct http_session *session, const struct iovec *places, int count, size_t *received);

#endif
