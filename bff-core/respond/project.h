#ifndef RESPOND_PROJECT_H
#define RESPOND_PROJECT_H

#include "../request.h"
#include "shape.h"

/*
 * Answers in, one small answer out, which validates against the shape whatever the services sent.
 * Values are copied as they stand: numbers and strings are not read and printed again.
 */

/* What a projection has to say beside its bytes. */
struct projection {
    const struct repair *repairs; /* in the arena */
    size_t repairs_count;
    bool is_whole;    /* false: a value that the root requires is missing, and `out` is empty */
    size_t missing;   /* then the call that should have had it; SIZE_MAX: none in particular */
    bool is_trimmed;  /* lists lost elements from their ends so that it fits */
    bool is_oversize; /* it does not fit, and no list has anything left to lose */
};

/*
 * Pure. `answers` has one for each call of the shape; NULL: that call has no answer. `out` takes
 * the answer; all other memory is the arena's.
 */
struct projection project(const struct shape *shape, const struct scanned *const *answers,
    struct arena *arena, struct buf *out);

/* The same within `max_bytes` (0: no bound) instead of what the shape says. */
struct projection project_within(const struct shape *shape, const struct scanned *const *answers,
    size_t max_bytes, struct arena *arena, struct buf *out);

/* What the request's calls answered, in the shape's order; NULL: no answer. */
void project_answers(const struct request *request, const struct scanned *answers[BFF_CALLS_MAX]);

/*
 * The step: projects request->fanned into request->projected. Without a value that the root
 * requires it fails with UPSTREAM_TIMEOUT where time ran out, else UPSTREAM_FAILED.
 */
enum step_verdict project_run(struct request *request);

#endif
