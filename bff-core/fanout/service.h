#ifndef FANOUT_SERVICE_H
#define FANOUT_SERVICE_H

#include "../base/err.h"
#include "../wire/http_client.h"
#include "../worker.h"

/* The services as one worker reaches them: an origin each, and the detached calls under way. One
 * thread. */
struct services;

/* NULL with a sentence in `err` when a service's URL cannot be used. Needs worker->client. */
struct services *services_new(struct worker *worker, struct err *err);

/* What is under way is cancelled. Before the worker's client is freed. */
void services_free(struct services *services);

/* The origin of settings->services[index]. */
struct http_origin *services_origin(struct services *services, size_t index);

/* ---- detached calls ---- */

/* At most so many under way in one worker; beyond that they are dropped and counted. */
enum { DETACHED_MAX = 256 };

/*
 * Asks for the effect only: nobody waits for the answer, and it outlives the request that caused
 * it. Everything in `options` is copied.
 */
void services_detach(struct services *services, const struct http_call_options *options);

size_t services_detached_count(const struct services *services);
uint64_t services_detached_dropped(const struct services *services);

#endif
