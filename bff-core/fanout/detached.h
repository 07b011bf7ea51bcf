#ifndef FANOUT_DETACHED_H
#define FANOUT_DETACHED_H

#include "service.h"
#include "../upstream.h"

/*
 * Calls for their effect alone, of one worker: so many under way, so many in a queue, and what is
 * beyond is dropped. They outlive the requests that caused them. One thread.
 */
struct detached;

/* `shown` gets the counts; everything is borrowed. */
struct detached *detached_new(
    struct http_client *client, const struct settings *settings, struct upstream *shown);

/* Cancels what is under way. Before the services and the client. */
void detached_free(struct detached *detached);

/* Copies `options`, whose origin is not looked at. False: dropped, this one or one before it. */
bool detached_add(
    struct detached *detached, struct service *service, const struct http_call_options *options);

/* Under way and in the queue. */
size_t detached_count(const struct detached *detached);

/* Never made: there was no room, their time ended in the queue, or the service had no host. */
uint64_t detached_dropped(const struct detached *detached);

#endif
