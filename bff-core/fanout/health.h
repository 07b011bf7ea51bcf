#ifndef FANOUT_HEALTH_H
#define FANOUT_HEALTH_H

#include "../base/err.h"
#include "../wire/http_client.h"
#include "../worker.h"

/*
 * Asks one host now and then how it is, on a connection of its own, or over HTTP/2 a stream: a
 * check does not stand in the queue of the calls, and so does not fail because we are busy. Each
 * worker asks for itself. One thread.
 */
struct health;

/* The host went down (so many checks in a row failed), or is up again (one did not). */
typedef void health_changed(void *context, bool is_down, const char *why);

/*
 * `service` has a health path and is borrowed. The first check is made at once; until it has
 * failed, the host is taken to be well. NULL with a sentence in `err` when the URL cannot be used.
 */
struct health *health_start(struct worker *worker, const struct settings_service *service,
    const char *url, health_changed *changed, void *context, struct err *err);

/* NULL is fine. Before the worker's client is freed. */
void health_stop(struct health *health);

#endif
