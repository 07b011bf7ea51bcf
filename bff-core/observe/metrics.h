#ifndef OBSERVE_METRICS_H
#define OBSERVE_METRICS_H

#include "finish.h"

#include "../base/counter.h"
#include "../base/histogram.h"

/*
 * What is counted. Each worker counts in a shard of its own; readers add the shards up, from any
 * thread and without a lock. How many numbers there can be is settled at boot by the plans, the
 * services and problem.def: nothing that a client sends makes a new one.
 */

/* The methods that keep their name as a label; the last stands for all others. */
enum { METRICS_METHODS = 10 };
extern const char *const metrics_methods[METRICS_METHODS];

/* Statuses of services that are counted by themselves where a plan passes answers through. */
enum { METRICS_PASSED_STATUSES = 23 };

/* Whose quota was used up. */
enum { METRICS_POLICIES = 2 };
extern const char *const metrics_policies[METRICS_POLICIES];

/* By enum bff_priority. */
extern const char *const metrics_priorities[];

/* One value that did not fit its shape. */
struct metrics_repair {
    size_t call;
    const char *path;
    struct counter times;
};

/* Of one plan, in order of their first appearance; those beyond the last row are summed. */
enum { METRICS_REPAIRS_MAX = 64 };
struct metrics_repairs {
    _Atomic size_t count;
    struct metrics_repair rows[METRICS_REPAIRS_MAX];
    struct counter others;
};

/* The place of a histogram, which is made when it first counts. */
struct metrics_slot {
    struct histogram *_Atomic histogram;
};

/* On cache lines of its own, so that counting in one worker does not slow down another. */
struct metrics_shard {
    _Alignas(64) const struct metrics *metrics;
    struct arena arena; /* the worker's thread only */

    struct metrics_slot *requests;    /* [route][method][status]: durations */
    struct metrics_slot *overheads;   /* [route] */
    struct metrics_slot *plain_sizes; /* [route]: of the answer as made */
    struct metrics_slot *coded_sizes; /* [route]: as sent */
    struct metrics_slot *body_sizes;  /* [route]: of requests' bodies */
    struct metrics_slot *services;    /* [service][state]: durations of the calls that were asked */
    struct counter *calls;            /* [plan][call][state] */
    struct metrics_repairs *repairs;  /* [plan] */
    struct counter *trimmed;          /* [plan][form]: answers that lost elements to fit */
    struct counter *oversize;         /* [plan][form]: answers that did not fit all the same */
    struct counter problems[PROBLEM_COUNT];
    struct counter refusals[METRICS_POLICIES];
    struct counter *shed; /* [plan]: refused early */

    /* Copied from the worker at each turn of its loop: others may not look at the worker. */
    struct turn_hook hook;
    struct worker *worker;
    struct counter active_requests;
    struct counter connections;
    struct counter delay_us;
    struct counter limit; /* of requests in flight; 0: nobody is refused */
    struct counter refuses_most;
    struct counter last_turn_us; /* monotonic; 0: the loop does not run */
};

/* Made at boot, then only read; the shards are written by their workers. */
struct metrics {
    const struct core *core;
    struct arena arena;
    uint64_t started_wall_us;
    const char **routes; /* the templates; after those of the plans "unmatched" */
    size_t routes_count;
    size_t services_count;
    size_t *service_of; /* [plan][call]: its place in the settings */
    /* All that are ever sent, each once. */
    unsigned statuses[PROBLEM_COUNT + METRICS_PASSED_STATUSES];
    size_t statuses_count;
    size_t status_of[PROBLEM_COUNT];
    struct metrics_shard *shards;
    size_t shards_count;
};

/* For core->settings->listen.workers workers and the plans of core->client, which are proved. */
struct metrics *metrics_new(const struct core *core);

/* After all workers have ended. NULL is nothing. */
void metrics_free(struct metrics *metrics);

/* The shard that worker `index` counts in; lives as long as the metrics. */
struct metrics_shard *metrics_shard(struct metrics *metrics, unsigned index);

/* The gauges follow the worker. Before its loop runs, and when it has ended for good. */
void metrics_shard_start(struct metrics_shard *shard, struct worker *worker);
void metrics_shard_stop(struct metrics_shard *shard);

/* Counts one finished request. On the shard's worker only. */
void metrics_record(struct metrics_shard *shard, const struct finished *finished);

/* ---- for readers ---- */

/* One route's requests; `index` < routes_count. */
struct metrics_route {
    const char *template;
    const char *plan; /* NULL: unmatched */
    uint64_t requests;
    uint64_t by_class[6]; /* [4]: answered with 4xx; [0]: without an answer */
    struct histogram_view durations;
};
void metrics_route(const struct metrics *metrics, size_t index, struct metrics_route *out);

/* One service's calls; `index` < services_count. */
struct metrics_service {
    const char *name;
    uint64_t calls;
    uint64_t by_state[CALL_STATES];
    struct histogram_view durations; /* of those that were asked */
};
void metrics_service(const struct metrics *metrics, size_t index, struct metrics_service *out);

/* Adds what `slot` holds, when it holds anything. */
void metrics_slot_view(const struct metrics_slot *slot, struct histogram_view *view);

/* How many calls a plan has. */
size_t metrics_calls_count(const struct bff_plan *plan);

/* Of one call in one state, all workers together. */
uint64_t metrics_calls(
    const struct metrics *metrics, size_t plan, size_t call, enum call_state state);

/* How many workers refuse most of what they are asked, because they have more to do than they can.
 */
size_t metrics_refusing_most(const struct metrics *metrics);

/* Milliseconds since the slowest of the running loops last turned; 0 when none runs. */
uint64_t metrics_slowest_turn_ms(const struct metrics *metrics);

#endif
