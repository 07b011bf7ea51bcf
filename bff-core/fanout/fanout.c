/*
 * fanout: six services, one wait.
 *
 * Owns request->fanned. A call goes WAITING > UNDERWAY > one of the ended states, and only end()
 * ends it. Promises: (1) a call starts as soon as the answers that it names are there, and is
 * SKIPPED when one of them will never be; (2) no call outlives the budget: each gets what is left,
 * never more; (3) a GET whose kept-alive connection was closed under it before the first byte is
 * asked once more, at once; nothing else is repeated here; (4) an answer counts only when it is
 * whole, has status 200 and is well-formed JSON; its bytes stay as they came. Detached calls start
 * when the attached ones have ended, so they never compete with the answer. Knows no shape.
 */
#include "fanout.h"

#include "../base/clock.h"
#include "../base/must.h"
#include "plan.h"
#include "service.h"

enum { TARGET_MAX_BYTES = 8 * 1024, BODY_MAX_BYTES = 64 * 1024, TRIES_MAX = 2, DETACHED_MS = 2000 };

static const struct plan_call *compiled(const struct call *call)
{
    return &call->request->worker->core->plans[call->request->routed.plan_index].calls[call->index];
}

static void ask(struct call *call);

static struct service *service_of(const struct call *call)
{
    return services_get(call->request->worker->services, compiled(call)->service);
}

/* ---- the end of a call ---- */

static bool is_ready(const struct call *call)
{
    const struct fanned *fanned = &call->request->fanned;
    unsigned waits_for = compiled(call)->waits_for;
    for (size_t i = 0; i < fanned->calls_count; i++) {
        if (waits_for & 1u << i && fanned->calls[i].state < CALL_LIVE) {
            return false;
        }
    }
    return call->state == CALL_WAITING && !call->asks->is_detached;
}

/* Asks what nobody else has to answer first. A call that ends at once may free others, before it in
 * the plan too. */
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

static void ended(struct request *request)
{
    struct fanned *fanned = &request->fanned;
    start_ready(request);
    if (fanned->fatal || fanned->calls_open == 0) {
        request_wake(request);
    }
}

/* ---- an answer ---- */

static enum call_state judge(struct call *call, struct http_answer *answer, const char **why)
{
    static const char *const causes[HTTP_OUTCOMES] = {
        [HTTP_UNREACHED] = "no connection",
        [HTTP_RESET] = "the connection was closed before the answer",
        [HTTP_BROKEN] = "the answer was cut short or is not well-formed HTTP",
        [HTTP_TOO_LARGE] = "the answer is too large",
        [HTTP_TIMED_OUT] = "no answer in time",
    };
    *why = causes[answer->outcome];
    if (answer->outcome != HTTP_ANSWERED) {
        return answer->outcome == HTTP_TIMED_OUT ? CALL_TIMED_OUT : CALL_FAILED;
    }
    call->status = answer->status;
    if (answer->status != 200) {
        *why = "the status is not 200";
        return CALL_FAILED;
    }
    call->body = answer->body;
    buf_init(&answer->body, 0);
    *why = scan(compiled(call)->want, buf_str(&call->body), &call->request->arena, &call->values);
    return *why ? CALL_FAILED : CALL_LIVE;
}

static enum service_verdict verdict_of(const struct http_answer *answer)
{
    if (answer->outcome == HTTP_TIMED_OUT) {
        return SERVICE_LATE;
    }
    bool is_well =
        answer->outcome == HTTP_ANSWERED && answer->status < 500 && answer->status != 429;
    return is_well ? SERVICE_GOOD : SERVICE_BAD;
}

static void answered(void *context, struct http_answer *answer)
{
    struct call *call = context;
    const char *why = NULL;
    call->http = NULL;
    service_ended(
        service_of(call), call->host, verdict_of(answer), answer->total_us, clock_now_us());
    bool is_idle_race = answer->outcome == HTTP_RESET && answer->is_reused;
    if (is_idle_race && call->asks->get && call->tries < TRIES_MAX) {
        ask(call);
        if (call->state >= CALL_LIVE) {
            ended(call->request);
        }
        return;
    }
    enum call_state state = judge(call, answer, &why);
    end(call, state, why);
    ended(call->request);
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

/* Those of a request, and two more of a call: the budget and the body's type. */
enum { FIELDS_MAX = 9 };

/* RFC 7239; an IPv6 address stands in brackets and quotes. */
static struct str forwarded(struct request *request)
{
    struct str address = request->received.address;
    bool is_v6 = address.len && memchr(address.at, ':', address.len);
    return str_of(arena_printf(&request->arena, "for=%s%.*s%s;proto=%s", is_v6 ? "\"[" : "",
        STR_FMT(address), is_v6 ? "]\"" : "", request->received.is_tls ? "https" : "http"));
}

/* Nothing of the client's but its trace; who asks is told from the verified token. */
static void make_fields(struct request *request)
{
    const struct received *received = &request->received;
    const struct bff_client *client = request->worker->core->client;
    struct http_call_field *fields = arena_zalloc(&request->arena, FIELDS_MAX - 2, sizeof(*fields));
    size_t count = 0;
    fields[count++] = (struct http_call_field){ STR("Accept"), STR("application/json") };
    fields[count++] = (struct http_call_field){ STR("User-Agent"),
        str_of(arena_printf(&request->arena, "bff-%s", client->name)) };
    fields[count++] = (struct http_call_field){ STR("X-Request-Id"), received->request_id };
    fields[count++] = (struct http_call_field){ STR("traceparent"), received->traceparent };
    fields[count++] = (struct http_call_field){ STR("Forwarded"), forwarded(request) };
    if (received->tracestate.len) {
        fields[count++] = (struct http_call_field){ STR("tracestate"), received->tracestate };
    }
    if (request->identity.subject.len) {
        fields[count++] = (struct http_call_field){ STR("X-User-Id"), request->identity.subject };
    }
    must(count <= FIELDS_MAX - 2);
    request->fanned.fields = fields;
    request->fanned.fields_count = count;
}

static size_t fill_fields(struct call *call, uint64_t left_us, struct http_call_field *fields)
{
    const struct fanned *fanned = &call->request->fanned;
    size_t count = fanned->fields_count;
    char *left = arena_printf(&call->request->arena, "%llu", (unsigned long long)(left_us / 1000));
    memcpy(fields, fanned->fields, count * sizeof(*fields));
    fields[count++] = (struct http_call_field){ STR("BFF-Budget"), str_of(left) };
    if (compiled(call)->has_body) {
        fields[count++] = (struct http_call_field){ STR("Content-Type"), STR("application/json") };
    }
    return count;
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

/* All but the fields and the deadline; NULL, or why the question cannot be put. */
static const char *prepare(struct call *call, struct http_call_options *options)
{
    const struct plan_call *plan_call = compiled(call);
    struct request *request = call->request;
    const char *why = render(&plan_call->target, request, TARGET_MAX_BYTES, &options->target);
    if (!why && plan_call->has_body) {
        why = render(&plan_call->body, request, BODY_MAX_BYTES, &options->body);
    }
    options->method = plan_call->method;
    options->answer_max_bytes =
        request->worker->core->settings->services[plan_call->service].answer_max_bytes;
    return why;
}

/* Puts the question, or skips it when a value that it names is missing. */
static void ask(struct call *call)
{
    struct http_call_options options = { 0 };
    struct http_call_field fields[FIELDS_MAX];
    struct worker *worker = call->request->worker;
    uint64_t now_us = clock_now_us();
    const char *why = prepare(call, &options);
    if (why) {
        end(call, CALL_SKIPPED, why);
        return;
    }
    enum service_refusal refusal;
    struct host *host = service_pick(service_of(call), NULL, now_us, &refusal);
    if (!host) {
        end(call, CALL_FAILED,
            refusal == SERVICE_FULL ? "the service is full" : "the service is down");
        return;
    }
    options.origin = host_origin(host);
    options.deadline_us = call_ends_us(call, now_us);
    options.fields = fields;
    options.fields_count =
        fill_fields(call, options.deadline_us > now_us ? options.deadline_us - now_us : 0, fields);
    call->tries++;
    call->state = CALL_UNDERWAY;
    call->started_us = call->started_us ? call->started_us : now_us;
    call->host = host;
    service_began(service_of(call), host, now_us);
    call->http = http_call_start(worker->client, &options, answered, call);
}

static void detach(struct call *call)
{
    struct http_call_options options = { 0 };
    struct http_call_field fields[FIELDS_MAX];
    unsigned own_ms = call->asks->timeout_ms ? call->asks->timeout_ms : DETACHED_MS;
    const char *why = prepare(call, &options);
    call->started_us = clock_now_us();
    options.deadline_us = call->started_us + own_ms * 1000ull;
    if (!why) {
        options.fields = fields;
        options.fields_count = fill_fields(call, own_ms * 1000ull, fields);
        services_detach(call->request->worker->services, compiled(call)->service, &options);
    }
    end(call, why ? CALL_SKIPPED : CALL_DETACHED, why);
}

/* ---- the step ---- */

static void begin(struct request *request)
{
    const struct plan *plan = &request->worker->core->plans[request->routed.plan_index];
    struct fanned *fanned = &request->fanned;
    fanned->calls = arena_zalloc(&request->arena, plan->calls_count, sizeof(*fanned->calls));
    fanned->calls_count = plan->calls_count;
    for (size_t i = 0; i < plan->calls_count; i++) {
        fanned->calls[i] =
            (struct call){ .request = request, .asks = plan->calls[i].asks, .index = i };
        fanned->calls_open += !plan->calls[i].asks->is_detached;
    }
    make_fields(request);
    start_ready(request);
}

/* A skipped call failed because another did: the time that ran out may have been the other's. */
static bool ran_out_of_time(const struct request *request, const struct call *call)
{
    if (call->state != CALL_SKIPPED) {
        return call->state == CALL_TIMED_OUT;
    }
    for (size_t i = 0; i < request->fanned.calls_count; i++) {
        const struct call *other = &request->fanned.calls[i];
        if (compiled(call)->waits_for & 1u << i && ran_out_of_time(request, other)) {
            return true;
        }
    }
    return false;
}

enum step_verdict fanout_run(struct request *request)
{
    struct fanned *fanned = &request->fanned;
    if (!fanned->calls) {
        begin(request);
    }
    if (fanned->fatal) {
        bool is_late = ran_out_of_time(request, fanned->fatal);
        return request_refuse(request, is_late ? PROBLEM_UPSTREAM_TIMEOUT : PROBLEM_UPSTREAM_FAILED,
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
    for (size_t i = 0; i < request->fanned.calls_count; i++) {
        struct call *call = &request->fanned.calls[i];
        if (call->http) {
            http_call_cancel(call->http);
            call->http = NULL;
            uint64_t now_us = clock_now_us();
            service_ended(
                service_of(call), call->host, SERVICE_CANCELLED, now_us - call->started_us, now_us);
        }
        if (call->state < CALL_LIVE) {
            call->state = CALL_CANCELLED;
            call->ended_us = call->started_us ? clock_now_us() : 0;
        }
        buf_release(&call->body);
    }
}
