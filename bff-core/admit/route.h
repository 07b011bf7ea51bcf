#ifndef ADMIT_ROUTE_H
#define ADMIT_ROUTE_H

#include "../request.h"

/* The routes of all plans, made at boot, then only read. */
struct routes;

/*
 * Compiles every plan's .route and .query; adds a fault for each that is not well-formed, that
 * another plan has already, or whose query declarations cannot be met.
 */
struct routes *routes_compile(
    const struct bff_client *client, struct arena *arena, struct faults *faults);

/*
 * Is a request with this head sent on in pieces (.pass)? True with the largest body it may have;
 * false leaves *body_max_bytes as it is. Looks at the routes alone, and keeps nothing.
 */
bool route_streams(
    const struct core *core, struct str method, struct str target, uint64_t *body_max_bytes);

/*
 * Finds the plan: 404 for a path that nobody has, 405 for one that another method has (HEAD goes
 * where GET goes). Then reads the path's and the query's values: 400 when one cannot be used. Sets
 * the request's budget to the plan's.
 */
enum step_verdict route_run(struct request *request);

/*
 * For a request that may be turned away before there is one: its plan, without values. NULL when no
 * route matches the path as it was sent; the step, which decodes it, may still find one.
 */
void route_glance(struct request *request);

#endif
