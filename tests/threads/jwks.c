/*
 * One worker publishes key sets, others read them and wait for the next: each reader sees whole
 * sets, in order, and every wait has an end. A plain program, to be run under ThreadSanitizer.
 * Prints one line; exits with 1 when something is wrong.
 */
#include "../unit/admit/issuer.h"
#include "../unit/admit/stage.h"
#include "admit/jwks.h"
#include "base/log.h"

#include <pthread.h>

enum { READERS = 3, SETS = 300, WAITS_MIN = 50 };

static struct settings settings;
static struct keys *keys;
static struct worker fetcher;
static struct buf sets[2];
static _Atomic unsigned still_reading = READERS;

struct reader {
    pthread_t thread;
    struct loop *loop;
    struct keys_view *view;
    struct keys_waiter waiter;
    struct soon soon; /* the next look */
    uint64_t generation;
    unsigned woken;
    unsigned wrong;
};

/* ---- readers ---- */

/* The two sets differ in which name they have: never both, never none. */
static void look_at(struct reader *reader, const struct keyset *set)
{
    bool is_odd = keyset_find(set, SIGNATURE_ES256, STR("odd"));
    bool is_even = keyset_find(set, SIGNATURE_EDDSA, STR("even"));
    uint64_t generation = keys_view_generation(reader->view);
    reader->wrong += is_odd == is_even || is_odd != (generation % 2 == 1);
    reader->wrong += generation < reader->generation;
    reader->generation = generation;
}

static void look(struct soon *soon)
{
    struct reader *reader = container_of(soon, struct reader, soon);
    const struct keyset *set = keys_view_set(reader->view);
    if (set) {
        look_at(reader, set);
    }
    if (reader->generation == SETS && reader->woken >= WAITS_MIN) {
        keys_view_forget(reader->view, &reader->waiter);
        loop_stop(reader->loop);
        return;
    }
    if (!ring_is_linked(&reader->waiter.link)) {
        keys_view_wait(reader->view, &reader->waiter);
    }
    loop_soon(reader->loop, soon);
}

static void woken(struct keys_waiter *waiter)
{
    container_of(waiter, struct reader, waiter)->woken++;
}

static void *read_keys(void *context)
{
    struct reader *reader = context;
    loop_soon(reader->loop, &reader->soon);
    loop_run(reader->loop);
    still_reading--;
    return NULL;
}

static void reader_start(struct reader *reader)
{
    *reader = (struct reader){ .loop = loop_new(), .waiter.woken = woken, .soon.run = look };
    reader->view = keys_view_new(keys, reader->loop);
    pthread_create(&reader->thread, NULL, read_keys, reader);
}

static unsigned reader_join(struct reader *reader)
{
    pthread_join(reader->thread, NULL);
    keys_view_free(reader->view);
    loop_free(reader->loop);
    return reader->wrong;
}

/* ---- the fetching worker ---- */

/* Answers each fetch: with the next set while there is one, then with the last again. */
static void *fetch_keys(void *unused)
{
    unsigned published = 0;
    struct err err;
    if (!keys_start(keys, &fetcher, &err)) {
        abort();
    }
    while (still_reading > 0) {
        if (stage_http.done) {
            published += published < SETS;
            stage_answer(HTTP_ANSWERED, 200, buf_str(&sets[published % 2]));
        }
        stage_now_us += 1000000; /* the cooldown is over */
        stage_turn(fetcher.loop);
    }
    keys_stop(keys);
    return unused;
}

int main(void)
{
    static struct reader readers[READERS];
    struct issuer_key odd, even;
    pthread_t thread;
    unsigned wrong = 0;
    settings.token.jwks_url = "http://127.0.0.1:21202/keys";
    settings.token.refresh_s = 5;
    settings.token.cooldown_s = 1;
    issuer_key_new(&odd, SIGNATURE_ES256, "odd");
    issuer_key_new(&even, SIGNATURE_EDDSA, "even");
    sets[1] = issuer_set(&odd, 1);
    sets[0] = issuer_set(&even, 1);
    log_set_level(LOG_LEVEL_WARN);
    keys = keys_new(&settings);
    fetcher.loop = loop_new();
    for (int i = 0; i < READERS; i++) {
        reader_start(&readers[i]);
    }
    pthread_create(&thread, NULL, fetch_keys, NULL);
    for (int i = 0; i < READERS; i++) {
        wrong += reader_join(&readers[i]);
    }
    pthread_join(thread, NULL);
    keys_free(keys);
    loop_free(fetcher.loop);
    arena_pool_fini(&fetcher.arenas);
    issuer_key_free(&odd);
    issuer_key_free(&even);
    buf_release(&sets[0]);
    buf_release(&sets[1]);
    printf("threads/jwks: readers=%d sets=%d fetches=%u wrong=%u\n", READERS, SETS,
        (unsigned)stage_http.asked, wrong);
    return wrong ? 1 : 0;
}
