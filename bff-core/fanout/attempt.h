#ifndef FANOUT_ATTEMPT_H
#define FANOUT_ATTEMPT_H

#include "flight.h"
#include "service.h"

/*
 * One question put to one host of its service, on behalf of a flight. One thread.
 */
struct attempt {
    struct flight *flight;
    struct service *service;
    struct host *host;
    struct http_call *http; /* NULL: not under way */
    struct copy *known;     /* an old copy, whose tag was sent along; held. NULL: none */
    bool is_hedge;
    uint64_t began_us; /* monotonic */
    char *target;      /* where redirects have led to; NULL: the question's own */
    unsigned redirects;
    uint64_t asked_us; /* when it was put there, or began */
    struct loop *loop;
};

/*
 * Puts the passenger's question, with what is left of its time. `flight`, `service`, `host`,
 * `known`, `is_hedge` and `began_us` are set, the other members zero; `done` gets the attempt,
 * never before this returns.
 */
void attempt_start(struct attempt *attempt, struct worker *worker, const struct passenger *question,
    http_done *done);

/*
 * From `done`: true when the answer leads elsewhere and the service's settings let it; the question
 * is then put there, to the same host, and `done` gets the attempt once more.
 */
bool attempt_follows(struct attempt *attempt, struct worker *worker,
    const struct passenger *question, const struct http_answer *answer, http_done *done);

/* When the answer, or the failure, came. */
static inline uint64_t attempt_ended_us(
    const struct attempt *attempt, const struct http_answer *answer)
{
    return attempt->asked_us + answer->total_us;
}

/* It has ended, then: tells the service, and lets go of the known copy. */
void attempt_end(struct attempt *attempt, enum service_verdict verdict, uint64_t ended_us);

/* Nobody waits for it any more. No effect when it is not under way. */
void attempt_cancel(struct attempt *attempt);

#endif
