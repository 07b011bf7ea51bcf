#ifndef FANOUT_FLIGHT_H
#define FANOUT_FLIGHT_H

#include "../request.h"
#include "../wire/http_client.h"
#include "../base/ring.h"
#include "cache.h"

/*
 * The ladder of one call, of one worker's requests: a fresh copy; the same question that is under
 * way for somebody else; the service, asked again or at another host where that is legal and the
 * service's budgets allow it; an old copy. What stands below (.otherwise, no section) is the
 * plan's.
 *
 * A flight is one question under way; its passengers are the calls that wait for the answer. One
 * thread.
 */
struct flights;
struct flight;

/* Needs worker->client and worker->services. */
struct flights *flights_new(struct worker *worker);
/* After the last passenger has landed or left, and before the services and the client. */
void flights_free(struct flights *flights);

/* How a passenger landed. */
struct landing {
    enum call_state state; /* LIVE, CACHED, STALE, TIMED_OUT or FAILED */
    struct copy *copy;     /* the answer; the passenger's to drop. NULL: there is none */
    const char *why;       /* static text: what went wrong, also behind a STALE; NULL: nothing */
    unsigned status;       /* of the service's last answer; 0: none */
    unsigned tries;        /* how often the service was asked, hedges included; 0: not at all */
    uint64_t age_s;        /* of a copy, CACHED or STALE */
};

/* A call that wants an answer. All above the line is the caller's, and lives until it has landed
 * or left. */
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

/*
 * True when it has landed already (a fresh copy, or nobody to ask); `landed` is not called then.
 * The arena lives as long as the passenger; `now_us` is the clock's, as the caller has just read
 * it.
 */
bool flight_board(
    struct flights *flights, struct passenger *passenger, struct arena *arena, uint64_t now_us);

/* It waits no longer; the last one to leave cancels the question. No effect when it has landed. */
void flight_leave(struct passenger *passenger);

#endif
