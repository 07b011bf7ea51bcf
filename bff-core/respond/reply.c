/*
 * reply: the last thing the client sees.
 *
 * Owns request->replied. A connection is closed after an answer to a request whose bytes could not
 * be believed, and while the server drains.
 */
#include "reply.h"

#include "../base/clock.h"
#include "../base/must.h"

static bool must_close(const struct request *request)
{
    switch (request->problem) {
    case PROBLEM_BAD_REQUEST:
    case PROBLEM_REQUEST_TIMEOUT:
    case PROBLEM_BODY_TOO_LARGE:
    case PROBLEM_TARGET_TOO_LONG:
    case PROBLEM_HEAD_TOO_LARGE:
        return true;
    default:
        return request->worker->is_draining;
    }
}

static void pass_back(struct request *request, enum http_after after)
{
    const struct passed *passed = request_passes_back(request);
    struct http_stream_answer answer = {
        .status = passed->status,
        .fields = request->encoded.fields,
        .fields_count = request->encoded.fields_count,
        .length = passed->length,
        .content = passed->content,
        .after = after,
    };
    http_reply_stream(request->exchange, &answer);
}

enum step_verdict reply_run(struct request *request)
{
    struct encoded *encoded = &request->encoded;
    struct replied *replied = &request->replied;
    if (replied->is_over) {
        replied->ended_us = clock_now_us();
        return STEP_NEXT;
    }
    if (!replied->was_handed_over) {
        must(request->exchange != NULL);
        replied->was_handed_over = true;
        enum http_after after = must_close(request) ? HTTP_CLOSE : HTTP_KEEP;
        if (request_passes_back(request)) {
            pass_back(request, after);
            return STEP_WAIT;
        }
        http_reply(request->exchange, problem_row(request->problem)->status, encoded->fields,
            encoded->fields_count, &encoded->body, after);
    }
    return STEP_WAIT;
}
