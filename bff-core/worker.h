#ifndef WORKER_H
#define WORKER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/loop.h"
#include "bff.h"
#include "settings.h"

#include <pthread.h>

struct http_tls;
struct upstream;

/*
 * What the process has once: made at boot by the main thread, in this order, then only read. What
 * is written while requests run (key sets, quotas) says in its own header how it is shared.
 */
struct core {
    const struct bff_client *client;
    const struct settings *settings;
    struct arena arena;      /* of everything that lives as long as the process */
    struct routes *routes;   /* admit/route */
    struct keys *keys;       /* admit/jwks: shared by a published pointer */
    struct quota *quota;     /* admit/quota: shared by atomics */
    struct plan *plans;      /* fanout/plan: one for each of client->plans */
    struct shape **shapes;   /* respond/shape: one for each plan; NULL: the plan has no shape */
    struct metrics *metrics; /* observe/metrics: summed on read */
    struct access *access;   /* observe/access */
    struct worker *workers;
    unsigned workers_count;
};

/* How hard a worker is pressed: written by admit/shed at each turn of its loop. */
struct pressure {
    uint64_t delay_us; /* what was ready had waited so long for its turn, at most */
    unsigned limit;    /* requests in flight at most; 0: nobody is refused */
    bool is_hard;      /* most are refused */
};

/* One thread and all that it owns. Nothing here is touched by another thread. */
struct worker {
    struct core *core;
    unsigned index;
    struct loop *loop;
    struct arena_pool arenas;
    struct http_server *server;
    struct http_client *client;
    struct shed *shed; /* admit/shed */
    struct pressure pressure;
    struct keys_view *keys_view;   /* admit/jwks: the key set as this worker sees it */
    struct tokens *tokens;         /* admit/tokens: verified tokens */
    struct services *services;     /* fanout/service: origins of this worker */
    struct detached *detached;     /* fanout/detached: calls that nobody waits for */
    struct flights *flights;       /* fanout/flight: calls under way, and copies of answers */
    struct memories *memories;     /* fanout/memories: what answers have looked like */
    struct compressor *compressor; /* wire/compress */
    struct metrics_shard *metrics; /* observe/metrics: this worker's counters */
    struct access_writer *access;  /* observe/access: this worker's lines */
    struct request *requests;      /* in flight */
    struct request *requests_spare;
    unsigned requests_count;
    bool is_draining;
    /* How the services fare, for observe: fanout/service writes it. */
    const struct upstream *upstream;

    pthread_t thread;
    struct loop *home; /* the main thread's loop */
    struct soon ended; /* runs there when this worker's loop has ended */
    bool has_ended;    /* written and read there */
    struct soon drain;
    struct deadline drain_ends;
    struct turn_hook turn; /* ends the loop when nothing is left */
    bool is_cut;           /* the drain's time ended before its work */
};

/*
 * Makes all that the worker owns, on the caller's thread; takes `listen_fd`; `tls` (NULL: plain
 * HTTP) is borrowed. False with a sentence in `err`.
 */
bool worker_make(struct worker *worker, struct core *core, unsigned index, int listen_fd,
    const struct http_tls *tls, struct err *err);

/*
 * The worker's thread runs from here on, and nobody else touches what the worker owns. `home` is
 * the main thread's loop; it is stopped when all of the core's workers have ended.
 */
bool worker_start(struct worker *worker, struct loop *home, struct err *err);

/* Asks for a drain; any thread. The worker's thread ends when its last request and connection have.
 */
void worker_drain(struct worker *worker);

/* Waits for the worker's thread, then gives back all that the worker owned. */
void worker_join(struct worker *worker);

#endif
