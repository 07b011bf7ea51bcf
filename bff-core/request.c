/*
 * request: the life of a request, as a table and a tiny driver.
 *
 * Owns struct request and the order of the steps. Promises: (1) every request, good or bad, leaves
 * by encode, reply and finish, in that order, or by finish alone when its client is gone, and is
 * recorded exactly once; (2) a step runs only from the worker's loop, never inside a library's
 * callback, and never twice at a time; (3) `forget` is called at most once for each step that was
 * entered, before the request's memory goes; (4) the deadline holds from the first step on. What a
 * step does is known in its own file.
 */
#include "request.h"

#include "admit/quota.h"
#include "admit/receive.h"
#include "admit/route.h"
#include "admit/shed.h"
#include "admit/token.h"
#include "base/clock.h"
#include "base/must.h"
#include "fanout/fanout.h"
#include "observe/finish.h"
#include "respond/encode.h"
#include "respond/project.h"
#include "respond/reply.h"
#include "respond/turned_away.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct step steps[] = {
    { "receive", receive_run, NULL },
    { "route", route_run, NULL },
    { "shed", shed_run, shed_forget },
    { "address", quota_address_run, NULL },
    { "token", token_run, token_forget },
    { "quota", quota_run, NULL },
    { "fanout", fanout_run, fanout_forget },
    { "project", project_run, NULL },
    { "encode", encode_run, NULL },
    { "reply", reply_run, NULL },
    { "finish", finish_run, NULL },
};

enum { STEP_TOKEN = 4, STEP_ENCODE = 8, STEP_FINISH = 10 };

_Static_assert(countof(steps) == STEP_FINISH + 1, "finish is the last step");

/* Time to project and encode what is there once the budget of the calls has ended. */
enum { ENDGAME_US = 20 * 1000 };

const char *request_step_name(const struct request *request)
{
    return steps[request->step].name;
}

const char *call_state_name(enum call_state state)
{
    static const char *const names[CALL_STATES] = {
        [CALL_WAITING] = "waiting",
        [CALL_UNDERWAY] = "underway",
        [CALL_LIVE] = "ok",
        [CALL_CACHED] = "cached",
        [CALL_STALE] = "stale",
        [CALL_OTHERWISE] = "otherwise",
        [CALL_SKIPPED] = "skipped",
        [CALL_TIMED_OUT] = "timeout",
        [CALL_FAILED] = "failed",
        [CALL_CANCELLED] = "cancelled",
        [CALL_DETACHED] = "detached",
        [CALL_DROPPED] = "dropped",
    };
    return names[state];
}

/* Stops what the steps that were entered have under way; each step once. */
static void forget(struct request *request)
{
    while (request->forgotten < request->entered) {
        const struct step *step = &steps[request->forgotten++];
        if (step->forget) {
            step->forget(request);
        }
    }
}

static void jump(struct request *request, size_t step)
{
    must(step > request->step || request->step >= STEP_ENCODE);
    forget(request);
    request->step = step;
    request->entered = request->forgotten = step;
}

static void unlink_request(struct request *request)
{
    struct worker *worker = request->worker;
    if (request->before) {
        request->before->next = request->next;
    } else {
        worker->requests = request->next;
    }
    if (request->next) {
        request->next->before = request->before;
    }
    worker->requests_count--;
}

static void free_request(struct request *request)
{
    struct worker *worker = request->worker;
    forget(request);
    unlink_request(request);
    loop_deadline_clear(worker->loop, &request->deadline);
    loop_soon_forget(worker->loop, &request->soon);
    buf_release(&request->projected.body);
    buf_release(&request->encoded.body);
    arena_release(&request->arena);
#ifdef __SANITIZE_ADDRESS__
    free(request);
#else
    request->next = worker->requests_spare;
    worker->requests_spare = request;
#endif
}

static void run(struct request *request)
{
    must(!request->is_running);
    request->is_running = true;
    must_context(request->received.request_id.at);
    for (;;) {
        const struct step *step = &steps[request->step];
        request->entered = request->step + 1;
        switch (step->run(request)) {
        case STEP_NEXT:
            request->step++;
            break;
        case STEP_FAIL:
            must(request->problem != PROBLEM_NONE && request->step < STEP_ENCODE);
            jump(request, STEP_ENCODE);
            break;
        case STEP_WAIT:
            request->is_running = false;
            must_context(NULL);
            return;
        case STEP_GONE:
            must(request->step == STEP_FINISH);
            free_request(request);
            must_context(NULL);
            return;
        }
    }
}

static void next_turn(struct soon *soon)
{
    run(container_of(soon, struct request, soon));
}

void request_wake(struct request *request)
{
    loop_soon(request->worker->loop, &request->soon);
}

void request_fail(struct request *request, enum problem problem)
{
    must(!request->is_running && problem != PROBLEM_NONE);
    bool is_answerable = problem_row(problem)->status != 0;
    if (request->replied.was_handed_over || request->step == STEP_FINISH) {
        return;
    }
    if (request->step < STEP_ENCODE || !is_answerable) {
        request->problem = problem;
        jump(request, is_answerable ? STEP_ENCODE : STEP_FINISH);
    }
    request_wake(request);
}

/*
 * Whoever is waited for did not come in time: the step tells who that was. Of a stream it is a
 * client that never comes to its body's end, for the service has a time of its own.
 */
static void deadline_passed(struct deadline *deadline)
{
    struct request *request = container_of(deadline, struct request, deadline);
    bool is_streamed = request->fanned.pass != NULL;
    bool waits_for_keys = request->step == STEP_TOKEN;
    if (is_streamed && request->replied.was_handed_over && request->exchange) {
        http_exchange_cut(request->exchange);
        return;
    }
    request_fail(request, is_streamed      ? PROBLEM_REQUEST_TIMEOUT
                          : waits_for_keys ? PROBLEM_KEYS_UNAVAILABLE
                                           : PROBLEM_UPSTREAM_TIMEOUT);
}

void request_budget(struct request *request, unsigned budget_ms)
{
    request->budget_ends_us = request->received.started_us + (uint64_t)budget_ms * 1000;
    loop_deadline(request->worker->loop, &request->deadline, request->budget_ends_us + ENDGAME_US);
}

static struct request *new_request(struct worker *worker)
{
    struct request *request = worker->requests_spare;
    if (request) {
        worker->requests_spare = request->next;
    } else {
        request = malloc(sizeof(*request));
        must(request != NULL);
    }
    *request = (struct request){
        .worker = worker,
        .next = worker->requests,
        .deadline.expired = deadline_passed,
        .soon.run = next_turn,
    };
    if (worker->requests) {
        worker->requests->before = request;
    }
    worker->requests = request;
    worker->requests_count++;
    arena_init(&request->arena, &worker->arenas);
    return request;
}

void request_begin(
    struct worker *worker, struct http_exchange *exchange, const struct http_arrived *arrived)
{
    struct request *request = new_request(worker);
    request->exchange = exchange;
    request->arrived = arrived;
    request->received.started_us = clock_now_us();
    request->received.wall_us = clock_wall_us();
    http_exchange_set_owner(exchange, request);
    request_budget(request, worker->core->settings->limits.budget_ms);
    run(request);
}

bool request_turns_away(
    struct worker *worker, const struct http_arrived *arrived, struct buf *answer)
{
    if (!shed_is_on(worker->shed)) {
        return false;
    }
    struct request request = { .worker = worker };
    arena_init(&request.arena, &worker->arenas);
    request.received.started_us = arrived->first_byte_us;
    request.replied.ended_us = clock_now_us(); /* in a moment: it is looked at once */
    request.received.wall_us = clock_wall_us();
    receive_glance(&request, arrived);
    route_glance(&request);
    bool is_refused = shed_turns_away(&request);
    if (is_refused) {
        turned_away_write(&request, answer);
        request.replied.is_sent = true;
        request.replied.sent_bytes = request.encoded.plain_bytes;
        finish_run(&request);
    }
    arena_release(&request.arena);
    return is_refused;
}

static void leave_exchange(struct request *request)
{
    if (request->exchange) {
        request->replied.read_bytes = http_exchange_read_bytes(request->exchange);
        request->exchange = NULL;
    }
}

void request_refused(struct request *request, enum http_refusal why)
{
    if (request->replied.was_handed_over) {
        http_exchange_cut(request->exchange);
    } else {
        request_fail(request, receive_problem(why));
    }
}

void request_gone(struct request *request)
{
    leave_exchange(request);
    request_fail(request, PROBLEM_CLIENT_GONE);
}

void request_sent(struct request *request, bool is_sent, uint64_t sent_bytes)
{
    leave_exchange(request);
    request->replied.is_over = true;
    request->replied.is_sent = is_sent;
    request->replied.sent_bytes = sent_bytes;
    request_wake(request);
}

enum step_verdict request_refuse(
    struct request *request, enum problem problem, const char *detail, ...)
{
    va_list args;
    char text[256];
    va_start(args, detail);
    int len = vsnprintf(text, sizeof(text), detail, args);
    va_end(args);
    must(len >= 0);
    size_t kept = (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
    request->problem = problem;
    request->detail = arena_str(&request->arena, (struct str){ text, kept });
    return STEP_FAIL;
}
