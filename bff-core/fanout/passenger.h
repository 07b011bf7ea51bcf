#ifndef FANOUT_PASSENGER_H
#define FANOUT_PASSENGER_H

#include "../base/hash.h"
#include "../base/ring.h"
#include "../request.h"
#include "../wire/http_client.h"
#include "cache.h"

struct flights;
struct flight;

/* How a passenger landed. */
struct landing {
    enum call_state state; /* LIVE, CACHED, STALE, TIMED_OUT or FAILED */
    struct copy *copy;     /* the answer; the passenger's to drop. NULL: there is none */
    const char *why;       /* static text: what went wrong, also behind a STALE; NULL: nothing */
    unsigned status;       /* of the service's last answer; 0: none */
    bool is_full;          /* that was: the service had all the work that it bears */
    unsigned tries;        /* how often the service was asked, hedges included; 0: not at all */
    uint64_t age_s;        /* of a copy, CACHED or STALE */
};

/* A call that waits for an answer. All above the line is the caller's, and lives until it has
 * landed or left. */
struct passenger {
    size_t service; /* its place in the settings */
    enum http_method method;
    struct str target;
    struct str body;
    struct str content_type;             /* of the body; { NULL, 0 }: there is none */
    const struct http_call_lines *lines; /* but the budget, which each try states anew */
    size_t lines_count;
    struct str caller; /* who may share the answer: equal callers; "": everybody */
    struct freshness_rules rules;
    uint64_t ends_us; /* monotonic: when it lands at the latest */
    /* NULL, or why the answer is of no use. At most once for each copy; a live one first. */
    const char *(*judge)(struct passenger *passenger, struct copy *copy);
    /* It has landed; from the loop, never from inside flight_board. */
    void (*landed)(struct passenger *passenger);

    struct landing landing; /* to be read when it has landed */

    /* ---- the flight's own ---- */
    struct flights *flights;
    struct flight *flight; /* NULL: not on its way */
    struct ring_link link;
    struct deadline ends; /* of one that came aboard later; the flight keeps the first one's time */
    struct str key;
    uint64_t hash;
};

/* Who has the same key may have the same answer; in the arena, which lives as long as it does. */
void passenger_make_key(
    struct passenger *passenger, const struct hash_key *hash_key, struct arena *arena);

#endif
