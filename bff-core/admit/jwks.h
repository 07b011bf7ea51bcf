#ifndef ADMIT_JWKS_H
#define ADMIT_JWKS_H

#include "../worker.h"
#include "keyset.h"

/*
 * The issuer's public keys (RFC 7517): one set for the process, fetched on one worker's loop, read
 * by all. A set is never changed; a new one replaces it. Each worker keeps a reference to the set
 * it uses, so that a request in steady state reads one atomic number and takes no lock.
 */
struct keys;

/*
 * Borrows the settings. Nothing is fetched yet, but the first set counts as on its way. Never NULL.
 */
struct keys *keys_new(const struct settings *settings);

/* When no view is used any more. */
void keys_free(struct keys *keys);

/*
 * On the thread of the worker that is to fetch, or before that thread runs: begins with the first
 * fetch, which is repeated until there is a set, then every settings.token.refresh_s. False with a
 * sentence in `err` when the URL in the settings cannot be used.
 */
bool keys_start(struct keys *keys, struct worker *worker, struct err *err);

/*
 * On that thread, before its loop ends, or after: no fetch any more. The last set stays; all who
 * wait are woken, and nobody waits from now on. No effect when it was not started.
 */
void keys_stop(struct keys *keys);

/* There is a set. Any thread; for /readyz. */
bool keys_ready(const struct keys *keys);

/* ---- one worker's view ---- */

/* The set that a worker uses, and its requests that wait for the next. One thread only. */
struct keys_view;

struct keys_view *keys_view_new(struct keys *keys, struct loop *loop);

/* When the loop has run its last turn and nobody waits, but before the loop is freed. */
void keys_view_free(struct keys_view *view);

/* The newest set; NULL: none has come yet. Borrowed until this is called again. */
const struct keyset *keys_view_set(struct keys_view *view);

/* Which set that was: another number for each set that differs from the one before; 0: none. */
uint64_t keys_view_generation(const struct keys_view *view);

/* Who waits. Part of its owner. */
struct keys_waiter {
    struct ring_link link;
    void (*woken)(struct keys_waiter *waiter);
};

/*
 * Waits for the end of a fetch: `woken` is called once, from the loop's soon queue, whether a new
 * set has come or not. Begins a fetch when none is under way and none was begun by a waiter within
 * settings.token.cooldown_s. False: there is nothing to wait for.
 */
bool keys_view_wait(struct keys_view *view, struct keys_waiter *waiter);

/* Not to be woken any more. No effect when it does not wait. */
void keys_view_forget(struct keys_view *view, struct keys_waiter *waiter);

#endif
