/*
 * jwks: the issuer's key set, fetched by one worker for all.
 *
 * Owns the sets, the fetch and the list of views. Invariants: (1) a published set is never changed,
 * and lives until the last view has let go of it; (2) a set that cannot be read whole, or has no
 * usable key, is never published: the last good one stays; (3) at most one fetch is under way, and
 * whoever waits for it is woken by its end, whatever the end; (4) strangers who name unknown keys
 * cause at most one fetch per cooldown; (5) nothing of a view but `soon` and `is_posted` is touched
 * by another thread, and those only under the lock. The lock guards what is marked below; a reader
 * holds it to count one reference. Does not know what a token is, nor which requests wait.
 */
#include "jwks.h"

#include "../base/clock.h"
#include "../base/hash.h"
#include "../base/log.h"
#include "../base/must.h"
#include "../wire/http_client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SECOND_US UINT64_C(1000000)

enum { BODY_BYTES_MAX = 256 * 1024, FETCH_S = 5, RETRY_DOUBLINGS_MAX = 6 };

struct keys {
    const struct settings *settings;
    _Atomic uint64_t generation; /* of `set`; 0: there is none. Written under the lock */

    pthread_mutex_t lock;
    struct keyset *set;      /* locked */
    struct keys_view *views; /* locked */
    bool is_coming;          /* locked: a fetch is asked for or under way */
    bool is_stopped;         /* locked */
    uint64_t next_ask_us;    /* locked: when a waiter may cause a fetch again */

    struct soon ask; /* posted to the worker by whoever set is_coming */

    /* The fetching worker's alone. */
    struct worker *worker; /* NULL: not started */
    struct http_origin *origin;
    char *target;
    struct http_call *call;
    struct deadline next_fetch;
    unsigned failures; /* in a row */
};

struct keys_view {
    struct keys *keys;
    struct loop *loop;
    struct keyset *set;
    uint64_t generation;
    struct ring_link waiting;
    struct ring_link marker; /* in it while all are woken: who waits anew comes behind it */
    struct keys_view *next;  /* locked */
    struct soon soon;        /* locked until it runs */
    bool is_posted;          /* locked */
};

/* ---- publishing ---- */

/* Locked. */
static void wake_views(struct keys *keys)
{
    for (struct keys_view *view = keys->views; view; view = view->next) {
        if (!view->is_posted) {
            view->is_posted = true;
            loop_post(view->loop, &view->soon);
        }
    }
}

/* The end of a fetch. `set` is NULL when nothing usable came; taken. */
static void fetch_over(struct keys *keys, struct keyset *set)
{
    pthread_mutex_lock(&keys->lock);
    if (set && !keyset_equals(keys->set, set)) {
        struct keyset *before = keys->set;
        keys->set = set;
        atomic_fetch_add_explicit(&keys->generation, 1, memory_order_release);
        log_info("the issuer's key set is new: %zu keys can be used, %zu cannot", keyset_count(set),
            keyset_left_out(set));
        set = before;
    }
    keys->is_coming = false;
    wake_views(keys);
    pthread_mutex_unlock(&keys->lock);
    keyset_put(set); /* the one that is not in use */
}

bool keys_ready(const struct keys *keys)
{
    return atomic_load_explicit(&keys->generation, memory_order_acquire) != 0;
}

/* ---- fetching ---- */

/* Between 0.8 and 1.0 of `us`, so that processes started together do not ask together for ever. */
static uint64_t jittered(uint64_t us)
{
    uint32_t random;
    hash_random(&random, sizeof(random));
    return us - us / 5 * random / UINT32_MAX;
}

static void fetch_again_after(struct keys *keys, uint64_t us)
{
    loop_deadline(keys->worker->loop, &keys->next_fetch, clock_now_us() + jittered(us));
}

static struct keyset *answer_read(struct keys *keys, const struct http_answer *answer)
{
    struct err err = { "" };
    struct keyset *set = NULL;
    if (answer->outcome != HTTP_ANSWERED || answer->status != 200) {
        err_set(&err, "the answer is '%s' with status %u", http_outcome_name(answer->outcome),
            answer->status);
    } else {
        struct arena arena;
        arena_init(&arena, &keys->worker->arenas);
        set = keyset_read(buf_str(&answer->body), &arena, &err);
        arena_release(&arena);
    }
    if (!set) {
        log_warn("the key set at %s cannot be used, %s: %s", keys->settings->token.jwks_url,
            keys_ready(keys) ? "the last one stays" : "and there is none yet", err.text);
    }
    return set;
}

static void fetched(void *context, struct http_answer *answer)
{
    struct keys *keys = context;
    keys->call = NULL;
    struct keyset *set = answer_read(keys, answer);
    uint64_t refresh_us = keys->settings->token.refresh_s * SECOND_US;
    if (set) {
        keys->failures = 0;
        fetch_again_after(keys, refresh_us);
    } else {
        uint64_t retry_us = SECOND_US << keys->failures;
        keys->failures += keys->failures < RETRY_DOUBLINGS_MAX;
        fetch_again_after(keys, retry_us < refresh_us ? retry_us : refresh_us);
    }
    fetch_over(keys, set);
}

static void fetch(struct keys *keys)
{
    static const struct http_call_field accept = {
        STR("accept"),
        STR("application/jwk-set+json, application/json"),
    };
    must(!keys->call);
    loop_deadline_clear(keys->worker->loop, &keys->next_fetch);
    keys->call = http_call_start(keys->worker->client,
        &(struct http_call_options){
            .origin = keys->origin,
            .method = HTTP_GET,
            .target = str_of(keys->target),
            .fields = &accept,
            .fields_count = 1,
            .deadline_us = clock_now_us() + FETCH_S * SECOND_US,
            .answer_max_bytes = BODY_BYTES_MAX,
        },
        fetched, keys);
}

/* It is time for the next regular fetch, unless a waiter was quicker. */
static void fetch_is_due(struct deadline *deadline)
{
    struct keys *keys = container_of(deadline, struct keys, next_fetch);
    pthread_mutex_lock(&keys->lock);
    bool is_ours = !keys->is_coming;
    keys->is_coming = true;
    pthread_mutex_unlock(&keys->lock);
    if (is_ours) {
        fetch(keys);
    }
}

static void fetch_is_asked(struct soon *soon)
{
    struct keys *keys = container_of(soon, struct keys, ask);
    if (keys->worker) { /* else it was stopped meanwhile */
        fetch(keys);
    }
}

/* ---- from boot to stop ---- */

struct keys *keys_new(const struct settings *settings)
{
    struct keys *keys = calloc(1, sizeof(*keys));
    must(keys != NULL);
    keys->settings = settings;
    keys->is_coming = true;
    keys->ask.run = fetch_is_asked;
    keys->next_fetch.expired = fetch_is_due;
    pthread_mutex_init(&keys->lock, NULL);
    return keys;
}

void keys_free(struct keys *keys)
{
    if (!keys) {
        return;
    }
    keyset_put(keys->set);
    pthread_mutex_destroy(&keys->lock);
    free(keys->target);
    free(keys);
}

/* Where the origin ends and the target begins: at the first '/' or '?' behind "//". */
static size_t target_begins(const char *url)
{
    const char *authority = strstr(url, "//");
    authority = authority ? authority + 2 : url;
    return (size_t)(authority - url) + strcspn(authority, "/?#");
}

static struct http_origin *origin_new(struct keys *keys, struct worker *worker, struct err *err)
{
    const char *url = keys->settings->token.jwks_url;
    size_t split = target_begins(url), end = strcspn(url, "#");
    const char *slash = url[split] == '/' ? "" : "/";
    int len = asprintf(&keys->target, "%s%.*s", slash, (int)(end - split), url + split);
    char *base = strndup(url, split);
    must(len > 0 && base != NULL);
    const char *ca_file = keys->settings->token.ca_file;
    struct http_origin *origin = http_origin_new(worker->client,
        &(struct http_origin_options){
            .url = base,
            .ca_file = ca_file && *ca_file ? ca_file : NULL,
            .connections_max = 1,
        },
        err);
    free(base);
    return origin;
}

bool keys_start(struct keys *keys, struct worker *worker, struct err *err)
{
    must(!keys->worker);
    keys->origin = origin_new(keys, worker, err);
    if (!keys->origin) {
        return false;
    }
    keys->worker = worker;
    fetch(keys);
    return true;
}

void keys_stop(struct keys *keys)
{
    if (!keys->worker) {
        return;
    }
    pthread_mutex_lock(&keys->lock);
    keys->is_stopped = true; /* from here on no view posts to this worker */
    keys->is_coming = false;
    wake_views(keys);
    pthread_mutex_unlock(&keys->lock);
    if (keys->call) {
        http_call_cancel(keys->call);
        keys->call = NULL;
    }
    loop_deadline_clear(keys->worker->loop, &keys->next_fetch);
    keys->worker = NULL;
}

/* ---- one worker's view ---- */

/* A fetch is over: the new set, if there is one, is taken, and whoever waited goes on. */
static void view_woken(struct soon *soon)
{
    struct keys_view *view = container_of(soon, struct keys_view, soon);
    pthread_mutex_lock(&view->keys->lock);
    view->is_posted = false;
    pthread_mutex_unlock(&view->keys->lock);
    keys_view_set(view);
    ring_append(&view->waiting, &view->marker);
    while (view->waiting.next != &view->marker) {
        struct keys_waiter *first = container_of(view->waiting.next, struct keys_waiter, link);
        ring_remove(&first->link);
        first->woken(first);
    }
    ring_remove(&view->marker);
}

struct keys_view *keys_view_new(struct keys *keys, struct loop *loop)
{
    struct keys_view *view = calloc(1, sizeof(*view));
    must(view != NULL);
    view->keys = keys;
    view->loop = loop;
    view->soon.run = view_woken;
    ring_init(&view->waiting);
    pthread_mutex_lock(&keys->lock);
    view->next = keys->views;
    keys->views = view;
    pthread_mutex_unlock(&keys->lock);
    return view;
}

void keys_view_free(struct keys_view *view)
{
    if (!view) {
        return;
    }
    must(ring_is_empty(&view->waiting));
    pthread_mutex_lock(&view->keys->lock);
    struct keys_view **at = &view->keys->views;
    while (*at != view) {
        at = &(*at)->next;
    }
    *at = view->next;
    pthread_mutex_unlock(&view->keys->lock);
    keyset_put(view->set);
    free(view);
}

const struct keyset *keys_view_set(struct keys_view *view)
{
    struct keys *keys = view->keys;
    if (atomic_load_explicit(&keys->generation, memory_order_acquire) == view->generation) {
        return view->set;
    }
    struct keyset *before = view->set;
    pthread_mutex_lock(&keys->lock);
    view->set = keyset_take(keys->set);
    view->generation = atomic_load_explicit(&keys->generation, memory_order_relaxed);
    pthread_mutex_unlock(&keys->lock);
    keyset_put(before);
    return view->set;
}

uint64_t keys_view_generation(const struct keys_view *view)
{
    return view->generation;
}

bool keys_view_wait(struct keys_view *view, struct keys_waiter *waiter)
{
    struct keys *keys = view->keys;
    uint64_t now_us = clock_now_us();
    must(waiter->woken != NULL && !ring_is_linked(&waiter->link));
    pthread_mutex_lock(&keys->lock);
    if (!keys->is_coming && !keys->is_stopped && now_us >= keys->next_ask_us) {
        keys->is_coming = true;
        keys->next_ask_us = now_us + keys->settings->token.cooldown_s * SECOND_US;
        loop_post(keys->worker->loop, &keys->ask);
    }
    bool is_coming = keys->is_coming;
    pthread_mutex_unlock(&keys->lock);
    if (is_coming) {
        ring_append(&view->waiting, &waiter->link);
    }
    return is_coming;
}

void keys_view_forget(struct keys_view *view, struct keys_waiter *waiter)
{
    (void)view;
    ring_remove(&waiter->link);
}
