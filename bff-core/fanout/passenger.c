/*
 * passenger: a call that waits for an answer.
 *
 * Owns what makes two of them equal. Promises that equal keys mean the same question to the same
 * service, for callers who may have each other's answers, and for as long.
 */
#include "passenger.h"

static void put(char **to, struct str s)
{
    memcpy(*to, s.at, s.len);
    *to += s.len;
}

/* The service's place, how long its answer may be used, whose it is, and the question; a length
 * keeps the last two apart. */
void passenger_make_key(
    struct passenger *passenger, const struct hash_key *hash_key, struct arena *arena)
{
    const struct freshness_rules *rules = &passenger->rules;
    uint32_t head[] = { (uint32_t)passenger->service, rules->cache_s, rules->stale_s,
        (uint32_t)passenger->caller.len };
    size_t len = sizeof(head) + passenger->caller.len + passenger->target.len;
    char *text = arena_alloc(arena, len), *to = text;
    put(&to, (struct str){ (const char *)head, sizeof(head) });
    put(&to, passenger->caller);
    put(&to, passenger->target);
    passenger->key = (struct str){ text, len };
    passenger->hash = hash_str(hash_key, passenger->key);
}
