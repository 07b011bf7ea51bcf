#ifndef WIRE_HTTP_CONNECT_H
#define WIRE_HTTP_CONNECT_H

#include "http_lane.h"

/*
 * TCP connections that the library makes (names, both address families, timeouts) and hands over
 * for good: when `connected` is told of a descriptor, the library has forgotten the connection.
 */
struct http_connect;

/*
 * `fd` is the callee's: connected, non-blocking, close-on-exec, without TLS; -1: no connection.
 * Curl is not on the stack, and the struct http_connect is gone.
 */
typedef void http_connected(void *context, int fd);

/* `connected` is called once, from the loop, unless it is cancelled before. */
struct http_connect *http_connect_start(
    struct http_origin *origin, http_connected *connected, void *context);
void http_connect_cancel(struct http_connect *connect);

/* The origin ends; nothing is being connected for it. */
void http_connect_forget(struct http_origin *origin);

#endif
