#ifndef WIRE_HTTP_CONNECTION_H
#define WIRE_HTTP_CONNECTION_H

#include "http_server_parts.h"

/* A client's connection, from accept to close. Only for http_server.c. */

/* One more in the server's list; the library has it yet. Never NULL. */
struct connection *http_connection_new(
    struct http_server *server, const struct http_daemon_guest *guest);

/* The library has closed it. It is gone from the list. */
void http_connection_closed(struct connection *connection);

/* The server drains from now on: one that asks nothing is let go. */
void http_connection_drain(struct connection *connection);

/*
 * The server's end: the client hears of its own, and the library gets the connection back, to close
 * it. Who is being turned away gets no answer any more. Without an OPEN or REPLIED exchange only.
 */
void http_connection_shut(struct connection *connection);

#endif
