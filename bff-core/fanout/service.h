#ifndef FANOUT_SERVICE_H
#define FANOUT_SERVICE_H

#include "../base/err.h"
#include "../upstream.h"
#include "../wire/http_client.h"
#include "../worker.h"
#include "limit.h"

/*
 * The services as one worker reaches them: the hosts of each, how they fare, and how much may be
 * asked of them. All state is the worker's own (one thread, no locks): what one worker learns of a
 * host, the others learn for themselves. Times are monotonic microseconds; `now_us` is the caller's
 * idea of now, and may be the loop's.
 */
struct services;
struct service;
struct host;

/* NULL with a sentence in `err` when a service's URL cannot be used. Needs worker->client. */
struct services *services_new(struct worker *worker, struct err *err);

/* Health checks under way are cancelled; no call may be. Before the worker's client is freed. */
void services_free(struct services *services);

/* settings->services[index], as this worker reaches it. */
struct service *services_get(struct services *services, size_t index);

/* What observe reads, and fanout writes; lives as long as the services. */
struct upstream *services_shown(struct services *services);

/* ---- one call, told from outside ---- */

/* Why there is no host to ask. */
enum service_refusal {
    SERVICE_READY, /* there is one */
    SERVICE_OPEN,  /* every host is ejected, ill, or in `but`: asking would be in vain */
    SERVICE_FULL,  /* as many calls are under way as the service bears, or too many wait */
};

/*
 * A host that may be asked now: of two random ones (by weight) the one with fewer calls in flight
 * for its weight; none of `but`, a set of host_bit(), which the call has asked already. NULL with
 * the reason in `why`. A retry that finds no other host may pick again without `but`. Whoever gets
 * a host either calls service_began with it, before the next pick, or leaves it.
 */
struct host *service_pick(
    struct service *service, uint32_t but, uint64_t now_us, enum service_refusal *why);

/* One bit, another for each of a service's hosts. */
uint32_t host_bit(const struct host *host);

/* Where the host is; lives as long as the services. */
struct http_origin *host_origin(const struct host *host);

/* What a call that has ended says about its host. */
enum service_verdict {
    SERVICE_GOOD,      /* the host is well: it answered 2xx, 3xx, or 4xx but 429 */
    SERVICE_BAD,       /* no answer or a broken one, 5xx, 429 */
    SERVICE_LATE,      /* no answer in its time. When that was, without our own lag, less than the
                        * service usually takes (its observed p95; a tenth of a second as long as
                        * that is unknown) and less than its own timeout, it says nothing about the
                        * host */
    SERVICE_CANCELLED, /* nothing: nobody waited any more */
};

/* A call to a picked host starts. Each has its service_ended, exactly once. */
void service_began(struct service *service, struct host *host, uint64_t now_us);

/* It has ended. */
void service_ended(struct service *service, struct host *host, enum service_verdict verdict,
    const struct limit_time *time);

/* ---- more than one call for one question ---- */

/* Whether a call may be asked once more; true takes it from the service's retry budget. */
bool service_may_retry(struct service *service, uint64_t now_us);

/* Whether a second host may be asked too; true takes it from the service's hedge budget. Never with
 * one host. */
bool service_may_hedge(struct service *service, uint64_t now_us);

/* The hedge's answer came first: for the counters. */
void service_hedge_won(struct service *service);

/*
 * A call whose host could not be reached went on to another one: for the counters. No budget limits
 * that: nothing was sent, and a call comes to each host once at most.
 */
void service_moved(struct service *service);

/* When an answer is so late that a hedge is due: the observed p95. UINT64_MAX: too few answers yet,
 * or no hedges. */
uint64_t service_hedge_after_us(const struct service *service);

/* A detached call was not made: for the counters. */
void service_dropped(struct service *service, enum upstream_drop why);

#endif
