/*
 * cache: answers that may be used again.
 *
 * Owns the copies, kept and lent. Promises: (1) what is kept stays within max_bytes, whoever else
 * holds it; (2) a copy that somebody holds stays as it is, also after it was replaced or evicted;
 * (3) finding costs the same with any number of copies. Freed copies are used again, so that an
 * answer which is not kept costs no allocation but its body's. Knows neither services nor time: who
 * finds a copy looks at its dates.
 */
#include "cache.h"

#include "../base/must.h"
#include "entity_tag.h"

#include <stdlib.h>

enum { BUCKETS_MIN = 64, BYTES_PER_BUCKET = 4096, BUCKETS_MAX = 1 << 20 };

struct cache {
    size_t max_bytes;
    struct copy **buckets;
    size_t buckets_count; /* a power of two */
    struct copy *newest, *oldest;
    struct copy *spare;
    struct cache_counters counters;
};

struct cache *cache_new(size_t max_bytes)
{
    struct cache *cache = calloc(1, sizeof(*cache));
    must(cache != NULL);
    cache->max_bytes = max_bytes;
    cache->buckets_count = BUCKETS_MIN;
    while (
        cache->buckets_count < max_bytes / BYTES_PER_BUCKET && cache->buckets_count < BUCKETS_MAX) {
        cache->buckets_count *= 2;
    }
    cache->buckets = calloc(cache->buckets_count, sizeof(struct copy *));
    must(cache->buckets != NULL);
    return cache;
}

/* ---- who holds a copy ---- */

struct copy *cache_copy_new(struct cache *cache, struct buf *body)
{
    struct copy *copy = cache->spare;
    if (copy) {
        cache->spare = copy->next;
    } else {
        copy = malloc(sizeof(*copy));
        must(copy != NULL);
    }
    *copy = (struct copy){ .body = *body, .cache = cache, .holders = 1 };
    buf_init(body, body->cap);
    return copy;
}

struct copy *cache_copy_hold(struct copy *copy)
{
    copy->holders++;
    return copy;
}

void cache_copy_drop(struct copy *copy)
{
    if (!copy || --copy->holders > 0) {
        return;
    }
    buf_release(&copy->body);
    free((char *)copy->key.at); /* the tag stands behind it */
    copy->next = copy->cache->spare;
    copy->cache->spare = copy;
}

/* ---- which copies are kept ---- */

static struct copy **bucket_of(struct cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & (cache->buckets_count - 1)];
}

static void become_newest(struct cache *cache, struct copy *copy)
{
    copy->older = cache->newest;
    copy->newer = NULL;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = copy;
    cache->newest = copy;
}

static void leave_order(struct cache *cache, struct copy *copy)
{
    *(copy->newer ? &copy->newer->older : &cache->newest) = copy->older;
    *(copy->older ? &copy->older->newer : &cache->oldest) = copy->newer;
}

/* It is not found any more; who holds it does not notice. */
static void give_up(struct cache *cache, struct copy *copy)
{
    struct copy **link = bucket_of(cache, copy->hash);
    while (*link != copy) {
        link = &(*link)->next;
    }
    *link = copy->next;
    leave_order(cache, copy);
    cache->counters.bytes -= copy->bytes;
    cache->counters.copies--;
    copy->bytes = 0;
    cache_copy_drop(copy);
}

static struct copy *look_up(struct cache *cache, struct str key, uint64_t hash)
{
    struct copy *copy = *bucket_of(cache, hash);
    while (copy && (copy->hash != hash || !str_eq(copy->key, key))) {
        copy = copy->next;
    }
    return copy;
}

struct copy *cache_find(struct cache *cache, struct str key, uint64_t hash)
{
    struct copy *copy = look_up(cache, key, hash);
    if (copy) {
        leave_order(cache, copy);
        become_newest(cache, copy);
    }
    return copy;
}

static void date(struct copy *copy, const struct freshness *freshness, uint64_t now_us)
{
    copy->born_us = now_us > freshness->age_us ? now_us - freshness->age_us : 0;
    copy->fresh_until_us = now_us + freshness->fresh_us;
    copy->stale_until_us = copy->fresh_until_us + freshness->stale_us;
    copy->said = *freshness;
}

/* Key and tag in one piece of memory. */
static void name(struct copy *copy, struct str key, struct str etag)
{
    char *text = malloc(key.len + etag.len + 1);
    must(text != NULL && copy->key.at == NULL);
    memcpy(text, key.at, key.len);
    if (entity_tag_is_one(etag)) {
        memcpy(text + key.len, etag.at, etag.len);
        copy->etag = (struct str){ text + key.len, etag.len };
    }
    copy->key = (struct str){ text, key.len };
}

void cache_keep(struct cache *cache, struct copy *copy, struct str key, uint64_t hash,
    const struct freshness *freshness, struct str etag, uint64_t now_us)
{
    size_t bytes = sizeof(*copy) + copy->body.room + key.len + etag.len;
    struct copy *before = look_up(cache, key, hash);
    if (before) {
        give_up(cache, before);
    }
    if (!freshness->is_kept || bytes > cache->max_bytes) {
        return;
    }
    while (cache->counters.bytes + bytes > cache->max_bytes) {
        cache->counters.evicted++;
        give_up(cache, cache->oldest);
    }
    name(copy, key, etag);
    date(copy, freshness, now_us);
    copy->hash = hash;
    copy->bytes = bytes;
    copy->next = *bucket_of(cache, hash);
    *bucket_of(cache, hash) = cache_copy_hold(copy);
    become_newest(cache, copy);
    cache->counters.bytes += bytes;
    cache->counters.copies++;
}

void cache_renew(struct copy *copy, const struct freshness *freshness, uint64_t now_us)
{
    if (copy->bytes == 0) {
        return;
    }
    if (freshness->is_kept) {
        date(copy, freshness, now_us);
    } else {
        give_up(copy->cache, copy);
    }
}

void cache_untag(struct copy *copy)
{
    copy->etag = (struct str){ NULL, 0 };
}

/* ---- the whole ---- */

struct cache_counters cache_counters(const struct cache *cache)
{
    return cache->counters;
}

void cache_free(struct cache *cache)
{
    if (!cache) {
        return;
    }
    while (cache->oldest) {
        must(cache->oldest->holders == 1);
        give_up(cache, cache->oldest);
    }
    while (cache->spare) {
        struct copy *copy = cache->spare;
        cache->spare = copy->next;
        free(copy);
    }
    free(cache->buckets);
    free(cache);
}
