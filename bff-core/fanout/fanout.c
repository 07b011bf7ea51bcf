/*
 * fanout: six services, one wait.
 *
 * Owns request->fanned. A call goes WAITING > UNDERWAY > one of the ended states, and only end()
 * ends it. Promises: (1) a call starts as soon as the answers that it names are there, and is
 * SKIPPED when one of them will never be; (2) no call outlives the budget: each gets what is left,
 * never more; (3) an answer counts only when it is whole, has status 200 and is well-formed JSON;
 * its bytes stay as they came; (4) an answer that is shared with other callers was asked for
 * without a word of who asks. Detached calls start when the attached ones have ended, so they never
 * compete with the answer. How an answer is had (copies, retries, hedges) is flight's; knows no
 * shape.
 */
#include "fanout.h"

#include "../base/clock.h"
#include "../base/must.h"
#include "detached.h"
#include "flight.h"
#include "memories.h"
#include "pass.h"
#include "plan.h"

enum { TARGET_MAX_BYTES = 8 * 1024, BODY_MAX_BYTES = 64 * 1024 };

static const struct plan_call *compiled(const struct call *call)
{
    return &call->request->worker->core->plans[call->request->routed.plan_index].calls[call->index];
}

static void ask(struct call *call);

/* ---- the end of a call ---- */

static bool is_ready(const struct call *call)
{
    return call->state == CALL_WAITING && !(call->waits_for & ~call->request->fanned.ended) &&
           !call->asks->is_detached;
}

/* Asks what nobody else has to answer first. A call that ends at once (skipped, or answered by a
 * copy) may free others, before it in the plan too. */
static void start_ready(struct request *request)
{
    struct fanned *fanned = &request->fanned;
    bool has_ended;
    do {
        has_ended = false;
        for (size_t i = 0; i < fanned->calls_count && !fanned->fatal; i++) {
            if (is_ready(&fanned->calls[i])) {
                ask(&fanned->calls[i]);
                has_ended |= fanned->calls[i].state >= CALL_LIVE;
            }
        }
    } while (has_ended && !fanned->fatal);
}

/* The only way for a call to end. Without an answer of any kind what the plan says otherwise stands
 * in. */
static void end(struct call *call, enum call_state state, const char *why)
{
    struct fanned *fanned = &call->request->fanned;
    const struct plan_call *plan_call = compiled(call);
    must(call->state < CALL_LIVE && state >= CALL_LIVE);
    call->why = why;
    call->ended_us = clock_now_us();
    call->state = state;
    fanned->ended |= 1u << call->index;
    if (!call_has_answer(state) && plan_call->has_otherwise) {
        call->state = CALL_OTHERWISE;
        call->values = plan_call->otherwise;
    }
    if (!call->asks->is_detached) {
        fanned->calls_open--;
    }
    if (!call_has_answer(call->state) && plan_call->is_required && !fanned->fatal) {
        fanned->fatal = call;
    }
}

/* A call has ended: others may begin, or the step is over. */
static void go_on(struct request *request)
{
    struct fanned *fanned = &request->fanned;
    start_ready(request);
    if (fanned->fatal || fanned->calls_open == 0) {
        request_wake(request);
    }
}

/* ---- an answer ---- */

/* What a call asks, as its passenger carries it. */
struct asked {
    struct call *call;
    struct passenger passenger;
};

static struct call *call_of(struct passenger *passenger)
{
    return container_of(passenger, struct asked, passenger)->call;
}

static const char *judge(struct passenger *passenger, struct copy *copy)
{
    struct call *call = call_of(passenger);
    struct request *request = call->request;
    struct scan_memory *memory = memories_get(request->worker->memories, call);
    return scan_again(memory, buf_str(&copy->body), &request->arena, &call->values);
}

static void take(struct call *call)
{
    const struct landing *landing = &call->passenger->landing;
    call->copy = landing->copy;
    call->status = landing->status;
    call->is_full = landing->is_full;
    call->tries = landing->tries;
    call->age_s = landing->age_s;
    if (landing->tries == 0) {
        call->started_us = 0;
    }
    end(call, landing->state, landing->why);
}

static void landed(struct passenger *passenger)
{
    struct call *call = call_of(passenger);
    take(call);
    go_on(call->request);
}

/* ---- the question ---- */

/* The end of this call's time: its own, its service's, the budget's, whichever comes first. */
static uint64_t call_ends_us(const struct call *call, uint64_t now_us)
{
    const struct plan_call *plan_call = compiled(call);
    const struct settings *settings = call->request->worker->core->settings;
    unsigned service_ms = settings->services[plan_call->service].timeout_ms;
    unsigned own_ms = call->asks->timeout_ms;
    uint64_t ends_us = call->request->budget_ends_us;
    if (service_ms && now_us + service_ms * 1000ull < ends_us) {
        ends_us = now_us + service_ms * 1000ull;
    }
    if (own_ms && now_us + own_ms * 1000ull < ends_us) {
        ends_us = now_us + own_ms * 1000ull;
    }
    return ends_us;
}

/* Those that every call of a request carries. */
enum { FIELDS_MAX = 7 };

/* RFC 7239; an IPv6 address stands in brackets and quotes. */
static struct str forwarded(struct request *request)
{
    struct str address = request->received.address;
    bool is_v6 = address.len && memchr(address.at, ':', address.len);
    const struct str parts[] = {
        is_v6 ? STR("for=\"[") : STR("for="),
        address,
        is_v6 ? STR("]\"") : STR(""),
        request->received.is_tls ? STR(";proto=https") : STR(";proto=http"),
    };
    return arena_join(&request->arena, parts, countof(parts));
}

/* Users do not share answers; those without a token are told apart by their addresses. */
static struct str caller(struct request *request)
{
    const struct identity *identity = &request->identity;
    if (!identity->subject.len) {
        return request->received.address;
    }
    const struct str parts[] = { identity->issuer, STR(" "), identity->subject };
    return arena_join(&request->arena, parts, countof(parts));
}

/*
 * Nothing of the client's but its trace; who asks is told from the verified token, and last: shared
 * calls leave it out. Returns how many they carry.
 */
static size_t make_fields(struct request *request)
{
    const struct received *received = &request->received;
    struct fanned *fanned = &request->fanned;
    const struct str agent[] = { STR("bff-"), str_of(request->worker->core->client->name) };
    struct http_call_field *fields = arena_zalloc(&request->arena, FIELDS_MAX, sizeof(*fields));
    size_t count = 0;
    fields[count++] = (struct http_call_field){ STR("Accept"), STR("application/json") };
    fields[count++] = (struct http_call_field){ STR("User-Agent"),
        arena_join(&request->arena, agent, countof(agent)) };
    fields[count++] = (struct http_call_field){ STR("X-Request-Id"), received->request_id };
    fields[count++] = (struct http_call_field){ STR("traceparent"), received->traceparent };
    if (received->tracestate.len) {
        fields[count++] = (struct http_call_field){ STR("tracestate"), received->tracestate };
    }
    size_t shared_count = count;
    fields[count++] = (struct http_call_field){ STR("Forwarded"), forwarded(request) };
    if (request->identity.subject.len) {
        fields[count++] = (struct http_call_field){ STR("X-User-Id"), request->identity.subject };
    }
    must(count <= FIELDS_MAX);
    fanned->fields = fields;
    fanned->fields_count = count;
    return shared_count;
}

/* The first are those of shared calls, the second are left out there. */
enum { LINES = 2, SHARED_LINES = 1 };

/* The first `shared_count` fields tell nothing of who asks. */
static void write_fields(struct request *request, size_t shared_count)
{
    struct fanned *fanned = &request->fanned;
    struct arena *arena = &request->arena;
    struct http_call_lines *lines = arena_alloc(arena, LINES * sizeof(*lines));
    lines[0] = http_call_lines(arena, fanned->fields, shared_count);
    lines[1] =
        http_call_lines(arena, fanned->fields + shared_count, fanned->fields_count - shared_count);
    fanned->lines = lines;
}

/* NULL, or why the question cannot be put. */
static const char *render(
    const struct template *template, struct request *request, size_t cap, struct str *out)
{
    struct buf text;
    buf_init(&text, cap);
    const char *why = template_render(template, request, &text);
    *out = why ? (struct str){ NULL, 0 } : arena_str(&request->arena, buf_str(&text));
    buf_release(&text);
    return why;
}

/* All but the time; NULL, or why the question cannot be put. */
static const char *prepare(struct call *call)
{
    const struct plan_call *plan_call = compiled(call);
    struct request *request = call->request;
    const struct fanned *fanned = &request->fanned;
    const struct bff_call *asks = call->asks;
    struct asked *asked = arena_alloc(&request->arena, sizeof(*asked));
    struct passenger *passenger = &asked->passenger;
    asked->call = call;
    call->passenger = passenger;
    *passenger = (struct passenger){
        .service = plan_call->service,
        .method = plan_call->method,
        .content_type = plan_call->has_body ? STR("application/json") : (struct str){ NULL, 0 },
        .lines = fanned->lines,
        .lines_count = asks->is_shared ? SHARED_LINES : LINES,
        .caller = asks->is_shared ? STR("") : fanned->caller,
        .rules = { asks->cache_s, asks->stale_s, asks->is_shared },
        .judge = judge,
        .landed = landed,
    };
    const char *why = render(&plan_call->target, request, TARGET_MAX_BYTES, &passenger->target);
    if (!why && plan_call->has_body) {
        why = render(&plan_call->body, request, BODY_MAX_BYTES, &passenger->body);
    }
    return why;
}

/* Puts the question, or skips it when a value that it names is missing. */
static void ask(struct call *call)
{
    struct worker *worker = call->request->worker;
    const char *why = prepare(call);
    if (why) {
        call->passenger = NULL;
        end(call, CALL_SKIPPED, why);
        return;
    }
    call->started_us = clock_now_us();
    call->passenger->ends_us = call_ends_us(call, call->started_us);
    call->state = CALL_UNDERWAY;
    if (flight_board(worker->flights, call->passenger, &call->request->arena, call->started_us)) {
        take(call);
    }
}

/* Its time does not shrink while it waits for its turn: nobody waits for it. NULL, or why it was
 * dropped. */
static const char *send_off(struct call *call, unsigned within_ms)
{
    const struct passenger *passenger = call->passenger;
    char digits[STR_U64_BYTES];
    struct str budget = { digits, (size_t)(str_put_u64(digits, within_ms) - digits) };
    const struct http_call_field fields[] = {
        { STR("BFF-Budget"), budget },
        { STR("Content-Type"), passenger->content_type },
    };
    struct http_call_options options = {
        .method = passenger->method,
        .target = passenger->target,
        .body = passenger->body,
        .lines = passenger->lines,
        .lines_count = passenger->lines_count,
        .fields = fields,
        .fields_count = passenger->content_type.at ? 2 : 1,
        .deadline_us = call->started_us + within_ms * 1000ull,
    };
    return detached_add(call->request->worker->detached, passenger->service, &options);
}

static void detach(struct call *call)
{
    unsigned within_ms = call->asks->timeout_ms ? call->asks->timeout_ms : PLAN_DETACHED_MS;
    enum call_state state = CALL_SKIPPED;
    const char *why = prepare(call);
    if (!why) {
        call->started_us = clock_now_us();
        why = send_off(call, within_ms);
        state = why ? CALL_DROPPED : CALL_DETACHED;
        call->started_us = why ? 0 : call->started_us;
    }
    call->passenger = NULL;
    end(call, state, why);
}

/* ---- the step ---- */

static void begin(struct request *request)
{
    const struct plan *plan = &request->worker->core->plans[request->routed.plan_index];
    struct fanned *fanned = &request->fanned;
    fanned->calls = arena_alloc(&request->arena, plan->calls_count * sizeof(*fanned->calls));
    fanned->calls_count = plan->calls_count;
    for (size_t i = 0; i < plan->calls_count; i++) {
        fanned->calls[i] = (struct call){ .request = request,
            .asks = plan->calls[i].asks,
            .index = i,
            .waits_for = plan->calls[i].waits_for };
        fanned->calls_open += !plan->calls[i].asks->is_detached;
    }
    size_t shared_count = make_fields(request);
    fanned->caller = caller(request);
    if (!plan_passes(plan->declared)) {
        write_fields(request, shared_count);
        start_ready(request);
    }
}

/* A skipped call failed because another did: the time that ran out may have been the other's. */
static bool ran_out_of_time(const struct request *request, const struct call *call)
{
    if (call->state != CALL_SKIPPED) {
        return call->state == CALL_TIMED_OUT;
    }
    for (size_t i = 0; i < request->fanned.calls_count; i++) {
        const struct call *other = &request->fanned.calls[i];
        if (call->waits_for & 1u << i && ran_out_of_time(request, other)) {
            return true;
        }
    }
    return false;
}

/* A service that is merely busy may be asked again in a moment. */
static enum problem problem_of(struct request *request, const struct call *fatal)
{
    return ran_out_of_time(request, fatal) ? PROBLEM_UPSTREAM_TIMEOUT
           : fatal->is_full                ? PROBLEM_OVERLOADED
                                           : PROBLEM_UPSTREAM_FAILED;
}

enum step_verdict fanout_run(struct request *request)
{
    struct fanned *fanned = &request->fanned;
    if (!fanned->calls) {
        begin(request);
    }
    if (plan_passes(request->routed.plan)) {
        return pass_run(request);
    }
    if (fanned->fatal) {
        return request_refuse(request, problem_of(request, fanned->fatal),
            "The section \"%s\" is missing, without which there is no answer.",
            fanned->fatal->asks->as);
    }
    if (fanned->calls_open > 0) {
        return STEP_WAIT;
    }
    for (size_t i = 0; i < fanned->calls_count; i++) {
        if (fanned->calls[i].state == CALL_WAITING && fanned->calls[i].asks->is_detached) {
            detach(&fanned->calls[i]);
        }
    }
    return STEP_NEXT;
}

void fanout_forget(struct request *request)
{
    pass_forget(request);
    for (size_t i = 0; i < request->fanned.calls_count; i++) {
        struct call *call = &request->fanned.calls[i];
        if (call->passenger) {
            flight_leave(call->passenger);
        }
        if (call->state < CALL_LIVE) {
            call->state = CALL_CANCELLED;
            call->ended_us = call->started_us ? clock_now_us() : 0;
        }
        cache_copy_drop(call->copy);
        call->copy = NULL;
    }
}
