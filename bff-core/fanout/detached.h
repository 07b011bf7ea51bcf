#ifndef FANOUT_DETACHED_H
#define FANOUT_DETACHED_H

#include "service.h"

/*
 * Calls for their effect alone, of one worker: so many under way, so many in a queue, and what is
 * beyond is dropped. They outlive the requests that caused them. One thread.
 */
struct detached;

/* `shown` gets the counts; everything is borrowed. */
struct detached *detached_new(struct worker *worker, struct upstream *shown);

/* Cancels what is under way. Before the services and the client. */
void detached_free(struct detached *detached);

/* Copies `options`, whose origin is not looked at. NULL, or why it was dropped at once. */
const char *detached_add(
    struct detached *detached, struct service *service, const struct http_call_options *options);

/* Under way and in the queue. */
size_t detached_count(const struct detached *detached);

#endif
