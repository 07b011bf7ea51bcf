#ifndef FANOUT_DETACHED_H
#define FANOUT_DETACHED_H

#include "../wire/http_client.h"
#include "../worker.h"

/*
 * Calls for their effect alone, of one worker: so many under way, so many in a queue, and what is
 * beyond is dropped. Nobody waits for their answers, and they outlive the requests that caused
 * them. One thread.
 */
struct detached;

/* Needs worker->client and worker->services. Never NULL. */
struct detached *detached_new(struct worker *worker);

/* NULL is fine. Cancels what is under way. Before the services and the client. */
void detached_free(struct detached *detached);

/*
 * A call to settings->services[service]. Everything in `options` is copied but `origin` and
 * `answer_max_bytes`, which are the service's: the host is picked when the call's turn comes. NULL,
 * or why it was dropped at once (static text); one that has to wait may still be. Each drop is
 * counted with its reason.
 */
const char *detached_add(
    struct detached *detached, size_t service, const struct http_call_options *options);

/* Under way and in the queue: a drain waits until there are none. */
size_t detached_count(const struct detached *detached);

#endif
