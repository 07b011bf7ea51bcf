#ifndef ADMIT_SHED_H
#define ADMIT_SHED_H

#include "../request.h"

/* What one worker knows of its own queues, and whom it lets in. That worker's thread only. */
struct shed;

/*
 * Looks at the loop at each of its turns from here on, and keeps `pressure` up to date. Settings
 * and `pressure` are borrowed. Made after the worker's server, for its hook runs before that one's.
 */
struct shed *shed_new(
    struct loop *loop, const struct settings *settings, struct pressure *pressure);

/* NULL is nothing. */
void shed_free(struct shed *shed);

/*
 * The step. Lets the request in and counts it as in flight until it is forgotten, or refuses it
 * with 503 and a Retry-After: plans of low priority first, those of high priority last.
 */
enum step_verdict shed_run(struct request *request);
void shed_forget(struct request *request);

/* False at once while nobody is refused. */
bool shed_is_on(const struct shed *shed);

/*
 * For a request that may be turned away before there is one, after route_glance: true when the step
 * would refuse it, and then its problem and detail are set. What no plan wants is of low priority.
 */
bool shed_turns_away(struct request *request);

/* ---- the controller alone ---- */

/* One turn of the loop has begun, and what it does had been ready for `delay_us` at most. */
void shed_turn(struct shed *shed, uint64_t now_us, uint64_t delay_us);

/*
 * True: one request more is in flight until shed_leave. False: it is refused, and *retry_after_s
 * says when the next try is worth its while.
 */
bool shed_enter(struct shed *shed, enum bff_priority priority, unsigned *retry_after_s);

void shed_leave(struct shed *shed, enum bff_priority priority);

/* The same for one who enters later in this turn or the next: counted until he does. */
bool shed_knock(struct shed *shed, enum bff_priority priority, unsigned *retry_after_s);

#endif
