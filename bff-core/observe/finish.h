#ifndef OBSERVE_FINISH_H
#define OBSERVE_FINISH_H

#include "../request.h"

/* The last step: a request that is over becomes numbers and one line. */

/* What a request comes down to when it is over. */
struct finished {
    const struct request *request;
    uint64_t
        duration_us; /* from its arrival to the end of its answer, or to the client's leaving */
    uint64_t
        calls_us; /* of it: the longest chain of attached calls, each begun after the one before */
};

/*
 * The step. Records the request in its worker's metrics and access log; always STEP_GONE, never
 * waits.
 */
enum step_verdict finish_run(struct request *request);

#endif
