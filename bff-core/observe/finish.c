/*
 * finish: the request is over; what is left of it is numbers and one line.
 *
 * Owns the sums that metrics and access log share: how long the request took, and how much of that
 * was spent on waiting for services. Promises that every request, good or bad, is recorded once and
 * is not changed here. Knows no format: metrics counts, access writes.
 */
#include "finish.h"

#include "access.h"
#include "metrics.h"

#include "../base/clock.h"
#include "../base/must.h"

/* A call as a piece of the request's time. */
struct piece {
    uint64_t from_us, until_us;
    uint64_t chain_us; /* the longest chain that ends with this piece */
};

/* Sorted by their ends, so that whatever a piece can follow stands before it. */
static size_t pieces_of(const struct request *request, uint64_t ended_us, struct piece *pieces)
{
    size_t count = 0;
    for (size_t i = 0; i < request->fanned.calls_count; i++) {
        const struct call *call = &request->fanned.calls[i];
        bool is_whole = call->ended_us != 0 && call->ended_us < ended_us;
        uint64_t until_us = is_whole ? call->ended_us : ended_us;
        if (call->asks->is_detached || call->started_us == 0 || call->started_us > until_us) {
            continue;
        }
        size_t at = count++;
        for (; at > 0 && pieces[at - 1].until_us > until_us; at--) {
            pieces[at] = pieces[at - 1];
        }
        pieces[at] = (struct piece){ .from_us = call->started_us, .until_us = until_us };
    }
    return count;
}

/*
 * Calls that name each other's answers follow one another in time, so the longest chain of
 * questions is among the chains of pieces that do not overlap. What this leaves of the request is
 * the server's own.
 */
static uint64_t longest_chain_us(const struct request *request, uint64_t ended_us)
{
    struct piece pieces[BFF_CALLS_MAX];
    must(request->fanned.calls_count <= BFF_CALLS_MAX);
    size_t count = pieces_of(request, ended_us, pieces);
    uint64_t longest_us = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t before_us = 0;
        for (size_t j = 0; j < i && pieces[j].until_us <= pieces[i].from_us; j++) {
            before_us = pieces[j].chain_us > before_us ? pieces[j].chain_us : before_us;
        }
        pieces[i].chain_us = before_us + pieces[i].until_us - pieces[i].from_us;
        longest_us = pieces[i].chain_us > longest_us ? pieces[i].chain_us : longest_us;
    }
    return longest_us;
}

enum step_verdict finish_run(struct request *request)
{
    uint64_t ended_us = request->replied.ended_us;
    if (ended_us == 0) { /* nothing was sent: the client is gone */
        ended_us = clock_now_us();
    }
    struct finished finished = {
        .request = request,
        .duration_us = ended_us - request->received.started_us,
        .calls_us = longest_chain_us(request, ended_us),
    };
    metrics_record(request->worker->metrics, &finished);
    access_record(request->worker->access, &finished);
    return STEP_GONE;
}
