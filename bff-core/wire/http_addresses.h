#ifndef WIRE_HTTP_ADDRESSES_H
#define WIRE_HTTP_ADDRESSES_H

#include <stdint.h>

/*
 * Where a host is: the addresses of its name, looked up again in the background. Whoever connects
 * takes what was known last and never waits for a resolver that is slow, mute or wrong today. All
 * functions take NULL for a host that is an address itself. One thread; lookups have their own.
 */
struct http_addresses;

/* `domain` and `port` are copied; an answer is believed for `dns_ms`. NULL: it is no name. */
struct http_addresses *http_addresses_new(const char *domain, const char *port, unsigned dns_ms);
/* A lookup under way is left to end by itself. */
void http_addresses_free(struct http_addresses *addresses);

/*
 * "192.0.2.1,2001:db8::1", until the next call; NULL: nothing is known yet. Begins a lookup when
 * that is old, and takes what a lookup has found meanwhile.
 */
const char *http_addresses_known(struct http_addresses *addresses, uint64_t now_us);

/* Somebody answered at this one, which is a number: until the next lookup it is all of them. */
void http_addresses_found(struct http_addresses *addresses, const char *address);

/* Nobody answers there: looks again however young the answer is, at most once a second. */
void http_addresses_doubt(struct http_addresses *addresses, uint64_t now_us);

#endif
