#ifndef FANOUT_CACHE_H
#define FANOUT_CACHE_H

#include "../base/buf.h"
#include "freshness.h"

/*
 * Answers of services, of one worker: some are kept to be used again. An answer is never changed
 * once it is here, and lives as long as somebody holds it: requests point into its body. One
 * thread.
 */
struct cache;

struct copy {
    struct buf body;
    struct str etag;         /* of the service; { NULL, 0 }: it gave none that is well-formed */
    uint64_t born_us;        /* monotonic: when the service made it, or said that it still holds */
    uint64_t fresh_until_us; /* monotonic */
    uint64_t stale_until_us;
    struct freshness said; /* what these follow from */

    /* The cache's own. */
    unsigned holders;
    struct cache *cache;
    struct copy *next; /* in its bucket, or among the spare ones */
    struct copy *newer, *older;
    struct str key; /* { NULL, 0 }: it is not kept */
    uint64_t hash;
    size_t bytes; /* what it counts for while it is kept */
};

/* `max_bytes` of bodies, keys and what keeps them; 0: nothing is kept. */
struct cache *cache_new(size_t max_bytes);
/* After the last holder let go. */
void cache_free(struct cache *cache);

/* An answer that only its holder knows so far; takes the body out of `body`. One holder: the
 * caller. */
struct copy *cache_copy_new(struct cache *cache, struct buf *body);
struct copy *cache_copy_hold(struct copy *copy);
/* The last one to let go frees it. NULL is nothing. */
void cache_copy_drop(struct copy *copy);

/* What is kept under the key, fresh or not; NULL: nothing. Lent: hold it to keep it. */
struct copy *cache_find(struct cache *cache, struct str key, uint64_t hash);

/*
 * Keeps an answer instead of what was kept under the key before; the least recently used ones make
 * room for it. `etag` and `key` are copied. One that is too large for the whole cache, or for which
 * freshness->is_kept is false, is not kept, and what was there before goes too.
 */
void cache_keep(struct cache *cache, struct copy *copy, struct str key, uint64_t hash,
    const struct freshness *freshness, struct str etag, uint64_t now_us);

/* The service said that it still holds (304). No effect when it is not kept any more. */
void cache_renew(struct copy *copy, const struct freshness *freshness, uint64_t now_us);

/* Its tag is of no use: the service is not told it any more. */
void cache_untag(struct copy *copy);

struct cache_counters {
    size_t bytes, copies; /* now */
    uint64_t evicted;
};

struct cache_counters cache_counters(const struct cache *cache);

#endif
