/*
 * landing: which rung of the ladder a passenger stands on in the end.
 *
 * Owns nothing: the copy in a landing is the passenger's. Promises: (1) nobody lands with an answer
 * that its own judge refused; (2) what was wrong is told even where an old copy stands in. Knows no
 * flight, and not who else was aboard.
 */
#include "landing.h"

#include "../base/clock.h"

static uint64_t age_s(const struct copy *copy)
{
    return (clock_now_us() - copy->born_us) / 1000000;
}

/* The answer itself, or the reason why this passenger cannot use it. */
static const char *land_with(struct passenger *passenger, enum call_state state, struct copy *copy)
{
    const char *why = passenger->judge(passenger, copy);
    if (!why) {
        passenger->landing.state = state;
        passenger->landing.copy = cache_copy_hold(copy);
        passenger->landing.age_s = state == CALL_LIVE ? 0 : age_s(copy);
    }
    return why;
}

bool landing_fresh(struct passenger *passenger, struct cache *cache)
{
    struct copy *copy = cache_find(cache, passenger->key, passenger->hash);
    return copy && clock_now_us() < copy->fresh_until_us &&
           !land_with(passenger, CALL_CACHED, copy);
}

void landing_without(
    struct passenger *passenger, struct cache *cache, const struct failure *failure)
{
    passenger->landing.state = failure->state;
    passenger->landing.why = failure->why;
    passenger->landing.status = failure->status;
    passenger->landing.is_full = failure->is_full;
    struct copy *copy =
        passenger->key.at ? cache_find(cache, passenger->key, passenger->hash) : NULL;
    if (copy && clock_now_us() < copy->stale_until_us) {
        land_with(passenger, CALL_STALE, copy);
    }
}

void landing_live(struct passenger *passenger, struct cache *cache, struct copy *copy)
{
    const char *why = land_with(passenger, CALL_LIVE, copy);
    passenger->landing.status = 200;
    if (why) {
        const struct failure failure = { .state = CALL_FAILED, .why = why, .status = 200 };
        landing_without(passenger, cache, &failure);
    }
}
