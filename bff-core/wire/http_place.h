#ifndef WIRE_HTTP_PLACE_H
#define WIRE_HTTP_PLACE_H

#include "http_lane.h"

/*
 * Where an origin is. Only for http_client.c.
 *
 * Reads an origin's URL, and its proxy's unless that is NULL, into url, plain_url, name, host,
 * domain, path, prefix, is_secure, proxy, peer and addresses. False with a sentence in `err`; to be
 * ended by http_place_fini in either case.
 */
bool http_place_init(
    struct http_origin *origin, const char *text, const char *proxy, struct err *err);
void http_place_fini(struct http_origin *origin);

/*
 * The target, from the origin's path on, to which a location leads from another target (RFC 3986
 * section 5); freed by the caller. NULL: to no place of the origin's.
 */
char *http_place_target(const struct http_origin *origin, const char *target, const char *location);

#endif
