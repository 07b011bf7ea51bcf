#ifndef WIRE_HTTP_CONNECTION_H
#define WIRE_HTTP_CONNECTION_H

#include "http_server_parts.h"

/* A client's connection, from accept to close. Only for http_server.c. */

/* One more in the server's list, which the library has; `session` is its TLS session, NULL: plain.
 */
struct connection *http_connection_new(struct http_server *server, struct MHD_Connection *mhd,
    int fd, void *session, const struct sockaddr *peer);

/* The library has closed it. */
void http_connection_closed(struct connection *connection);

/* The server drains from now on: one that asks nothing is let go. */
void http_connection_drain(struct connection *connection);

/*
 * The server's end: the client hears of its own, and the library gets the connection back, to close
 * it. Who is being turned away gets no answer any more. Without an OPEN or REPLIED exchange only.
 */
void http_connection_shut(struct connection *connection);

/* ---- http_server.c ---- */

/* The library leaves the connection to us. */
void http_server_take(struct connection *connection);

/* The library takes it up again soon, and hears from the guard that it is over. */
void http_server_give_back(struct connection *connection);

/* One connection less: it may have been the last that a drain waited for. */
void http_server_look_if_drained(struct http_server *server);

#endif
