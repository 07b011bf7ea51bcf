#ifndef FANOUT_FAILURE_H
#define FANOUT_FAILURE_H

#include "../request.h"
#include "../wire/http_client.h"
#include "service.h"

/*
 * What it means that a call did not end as it should: for the question, which may be put once more,
 * and for the host it was put to. Plain functions of an answer, in any thread.
 */

/* Why there is no answer. */
struct failure {
    enum call_state state; /* FAILED or TIMED_OUT */
    const char *why;       /* static text */
    unsigned status;       /* of the service's answer; 0: none */
    bool is_full;          /* the service has all the work that it bears: it was not asked */
};

extern const struct failure failure_late;

struct failure failure_of(const struct http_answer *answer);

/* What the outcome, a good one too, says of the host: a status that blames the question (4xx, but
 * 429) is no fault of the host's. Never CANCELLED. */
enum service_verdict failure_verdict(const struct http_answer *answer);

/*
 * Whether the question may be put once more: the connection failed before the first byte of an
 * answer, or the service is overloaded or away (502, 503, 504); and nothing happens twice by that,
 * since it is a GET or no byte of it was sent.
 */
bool failure_may_pass(const struct http_answer *answer, enum http_method method);

/* There was no connection: nothing was sent, and another host may be asked instead. */
bool failure_is_out_of_reach(const struct http_answer *answer);

/* The service closed a kept connection in the moment of the question: nobody's failure. */
bool failure_is_race(const struct http_answer *answer);

/* How long the service asks to be left alone (RFC 9110 section 10.2.3). */
uint64_t failure_pause_us(const struct http_answer *answer);

#endif
