#ifndef FANOUT_FLIGHT_H
#define FANOUT_FLIGHT_H

#include "passenger.h"

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
