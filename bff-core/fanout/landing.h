#ifndef FANOUT_LANDING_H
#define FANOUT_LANDING_H

#include "failure.h"
#include "passenger.h"

/*
 * How one passenger comes down: with the answer, with a copy, or with the reason why there is
 * neither. Each fills passenger->landing and tells nobody. One thread.
 */

/* With what is kept and still fresh; false when there is no such copy, or it is of no use. */
bool landing_fresh(struct passenger *passenger, struct cache *cache);

/* With the service's answer; when it is of no use, as landing_without. */
void landing_live(struct passenger *passenger, struct cache *cache, struct copy *copy);

/* The lower rungs: an old copy within its `stale_s`, or nothing. */
void landing_without(
    struct passenger *passenger, struct cache *cache, const struct failure *failure);

#endif
