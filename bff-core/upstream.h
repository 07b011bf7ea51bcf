#ifndef UPSTREAM_H
#define UPSTREAM_H

#include "base/counter.h"

#include <stddef.h>

/*
 * How the services fare, as one worker sees them: fanout writes it, on the worker's thread, and
 * observe reads it, on any. Both rooms know this and not each other. Made with the worker, and
 * there until it is joined.
 */
enum upstream_state {
    UPSTREAM_CLOSED,    /* it is asked */
    UPSTREAM_OPEN,      /* ejected, because its calls failed */
    UPSTREAM_HALF_OPEN, /* one call tries whether it is well again */
    UPSTREAM_DOWN,      /* its health check fails */
    UPSTREAM_STATES
};

/* Why a detached call was never made. */
enum upstream_drop {
    UPSTREAM_DROP_QUEUE, /* too many were waiting */
    UPSTREAM_DROP_LATE,  /* its time ended while it waited for its turn */
    UPSTREAM_DROP_OPEN,  /* no host could be asked: ejected, ill, or all out of reach */
    UPSTREAM_DROP_FULL,  /* the service had as many calls as it bears */
    UPSTREAM_DROPS
};

struct upstream_host {
    const char *url;
    struct counter in_flight; /* calls, now */
    struct counter state;     /* enum upstream_state */
    struct counter ejections;
};

struct upstream_service {
    struct upstream_host *hosts;
    size_t hosts_count;
    struct counter in_flight; /* calls, now: of all hosts, those in the queue included */
    struct counter limit;     /* of them */
    struct counter queued;    /* of them, for a connection */
    struct counter retries;
    struct counter moves; /* calls that went on to another host, the first being out of reach */
    struct counter hedges;
    struct counter hedges_won;
    struct counter refused_open;            /* calls that were not made: no host to ask */
    struct counter refused_full;            /* too many were under way already */
    struct counter dropped[UPSTREAM_DROPS]; /* detached calls */
};

/* What a worker shows: one service for each of the settings'. */
struct upstream {
    struct upstream_service *services;
    size_t services_count;
    struct counter detached;        /* under way, now */
    struct counter detached_queued; /* waiting for their turn */
    struct counter shared;          /* calls that were answered by one under way for another */
    struct counter copies;          /* answers that are kept, now */
    struct counter copies_bytes;
    struct counter copies_evicted; /* to make room */
};

#endif
