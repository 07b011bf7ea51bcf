#ifndef OBSERVE_ADMIN_H
#define OBSERVE_ADMIN_H

#include "../worker.h"

/*
 * The operators' listener: plain HTTP, on loopback unless the settings say otherwise, apart from
 * the clients' requests and their steps.
 *
 *     GET /healthz         200 "ok" while all running loops turn, else 503
 *     GET /readyz          200 when requests can be served, else 503 with a JSON list of reasons
 *     GET /metrics         Prometheus text, or OpenMetrics when Accept prefers it
 *     GET /admin/routes    requests and latencies of each route, as JSON
 *     GET /admin/services  calls, latencies and hosts of each service, as JSON
 *     GET /admin/plans     the plans as they were compiled in, as JSON
 *     GET /admin/settings  the settings in force, as libconfig text
 */
struct admin;

/* What admin asks others; on its loop's thread, without waiting. */
struct admin_questions {
    void *context;
    /* Are there keys to check tokens with? When not, `why` gets a sentence (static text). */
    bool (*keys)(void *context, const char **why);
    /* How many callers the quota has forgotten to make room for others. */
    uint64_t (*quota_evictions)(void *context);
};

/*
 * Serves `listen_fd` (listening, non-blocking; taken) on `loop`, which may be a worker's.
 * `questions` is copied. core->metrics and core->access must be there and outlive it. NULL with
 * `why` (256 bytes) set.
 */
struct admin *admin_new(struct loop *loop, struct core *core,
    const struct admin_questions *questions, int listen_fd, char *why);

/*
 * The process is about to stop: from now on /readyz says so; the rest goes on. On the loop's
 * thread.
 */
void admin_drain(struct admin *admin);

/*
 * At the end of the process, when the loop turns no more. An answer that somebody is still reading
 * is cut off by the process's end; its listener is then not freed. NULL is nothing.
 */
void admin_free(struct admin *admin);

#endif
