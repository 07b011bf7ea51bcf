#include "fanout/cache.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct freshness minute = { .is_kept = true, .fresh_us = 60000000, .stale_us = 9 };

static struct copy *copy_of(struct cache *cache, const char *text)
{
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_append_str(&body, str_of(text));
    return cache_copy_new(cache, &body);
}

static uint64_t hash_of(const char *key)
{
    return (uint64_t)strlen(key); /* keys of one length collide on purpose */
}

/* Keeps it, and lets go of it. */
static void keep(struct cache *cache, const char *key, const char *text, uint64_t now_us)
{
    struct copy *copy = copy_of(cache, text);
    cache_keep(cache, copy, str_of(key), hash_of(key), &minute, STR("\"tag\""), now_us);
    cache_copy_drop(copy);
}

static const char *kept(struct cache *cache, const char *key)
{
    struct copy *copy = cache_find(cache, str_of(key), hash_of(key));
    return copy ? copy->body.data : NULL;
}

Test(cache, finds_what_was_kept)
{
    struct cache *cache = cache_new(1 << 20);
    keep(cache, "ann", "A", 1000);
    keep(cache, "bob", "B", 1000);
    cr_assert_str_eq(kept(cache, "ann"), "A");
    cr_assert_str_eq(kept(cache, "bob"), "B");
    cr_assert_null(kept(cache, "eve"));
    cache_free(cache);
}

Test(cache, dates_and_tag_of_a_copy)
{
    struct cache *cache = cache_new(1 << 20);
    struct freshness dates = minute;
    dates.age_us = 400;
    struct copy *copy = copy_of(cache, "A");
    cache_keep(cache, copy, STR("ann"), 3, &dates, STR("\"tag\""), 1000);
    cr_assert_eq(copy->born_us, 600);
    cr_assert_eq(copy->fresh_until_us, 60001000);
    cr_assert_eq(copy->stale_until_us, 60001009);
    cr_assert(str_eq(copy->etag, STR("\"tag\"")));
    cache_renew(copy, &minute, 5000);
    cr_assert_eq(copy->born_us, 5000);
    cr_assert_eq(copy->fresh_until_us, 60005000);
    cache_copy_drop(copy);
    cache_free(cache);
}

Test(cache, the_new_one_replaces_the_old_one)
{
    struct cache *cache = cache_new(1 << 20);
    keep(cache, "ann", "old", 1000);
    struct copy *held = cache_copy_hold(cache_find(cache, STR("ann"), 3));
    keep(cache, "ann", "new", 2000);
    cr_assert_str_eq(kept(cache, "ann"), "new");
    cr_assert_str_eq(held->body.data, "old", "who holds it does not notice");
    cr_assert_eq(cache_counters(cache).copies, 1);
    cache_copy_drop(held);
    cache_free(cache);
}

Test(cache, what_may_not_be_kept_drives_out_what_was)
{
    struct cache *cache = cache_new(1 << 20);
    keep(cache, "ann", "old", 1000);
    struct copy *secret = copy_of(cache, "new");
    cache_keep(cache, secret, STR("ann"), 3, &(struct freshness){ 0 }, STR(""), 2000);
    cache_copy_drop(secret);
    cr_assert_null(kept(cache, "ann"));
    cr_assert_eq(cache_counters(cache).bytes, 0);
    cache_free(cache);
}

Test(cache, a_renewal_that_forbids_it_ends_it)
{
    struct cache *cache = cache_new(1 << 20);
    keep(cache, "ann", "old", 1000);
    struct copy *held = cache_copy_hold(cache_find(cache, STR("ann"), 3));
    cache_renew(held, &(struct freshness){ 0 }, 2000);
    cr_assert_null(kept(cache, "ann"));
    cache_renew(held, &minute, 3000); /* and nothing brings it back */
    cr_assert_null(kept(cache, "ann"));
    cache_copy_drop(held);
    cache_free(cache);
}

Test(cache, stays_within_its_bytes_and_drops_the_least_used)
{
    const size_t max = 64 * 1024;
    struct cache *cache = cache_new(max);
    char key[32];
    keep(cache, "first", "1", 0);
    for (int i = 0; i < 10000; i++) {
        snprintf(key, sizeof(key), "user-%d", i);
        keep(cache, key, "text", 0);
        cr_assert_str_eq(kept(cache, "first"), "1", "used all the time, it stays");
        cr_assert_leq(cache_counters(cache).bytes, max);
    }
    cr_assert_null(kept(cache, "user-0"));
    cr_assert_not_null(kept(cache, "user-9999"));
    cr_assert_eq(cache_counters(cache).evicted + cache_counters(cache).copies, 10001);
    cache_free(cache);
}

Test(cache, one_that_is_larger_than_all_is_not_kept)
{
    struct cache *cache = cache_new(4096);
    keep(cache, "ann", "A", 0);
    char large[8000];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    keep(cache, "bob", large, 0);
    cr_assert_null(kept(cache, "bob"));
    cr_assert_str_eq(kept(cache, "ann"), "A", "nobody had to go for it");
    cache_free(cache);
}

Test(cache, without_memory_nothing_is_kept)
{
    struct cache *cache = cache_new(0);
    keep(cache, "ann", "A", 0);
    cr_assert_null(kept(cache, "ann"));
    cache_free(cache);
}
