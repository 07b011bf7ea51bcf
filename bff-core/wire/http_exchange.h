#ifndef WIRE_HTTP_EXCHANGE_H
#define WIRE_HTTP_EXCHANGE_H

struct http_client;

/*
 * What all connections of the exchange lane share: who has been idle for how long, and a place to
 * read into.
 */
struct http_exchange;

struct http_exchange *http_exchange_new(struct http_client *client);
/* After the last origin has been forgotten. */
void http_exchange_free(struct http_exchange *exchange);

#endif
