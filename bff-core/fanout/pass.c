/*
 * pass: one request sent on as it comes, one answer handed back as it comes.
 *
 * Owns request->fanned.passed and the two pipes between client and service. Promises: (1) of the
 * client's fields go on those that the plan names and passed_on, nothing else, and the same for the
 * answer's; what belongs to one connection, frames a message, or tells who asks cannot be named;
 * (2) a request is sent once, but for a GET or HEAD whose kept connection was closed before a byte
 * of the answer; a host that cannot be reached got nothing, so another is asked; (3) the budget is
 * the time to the answer's head, counted again from the body's last byte; after that nobody's time
 * is up who does something, until limits.stream_ms; (4) when the service breaks off, the client's
 * connection does too. How bytes travel is wire's, what they mean nobody's here.
 */
#include "pass.h"

#include "../base/clock.h"
#include "../base/must.h"
#include "../wire/http_answer_parser.h"
#include "failure.h"

enum { PIPE_BYTES = 64 * 1024, TARGET_MAX_BYTES = 8 * 1024 };

struct pass {
    struct call *call;
    struct http_call *http; /* NULL: not under way */
    struct service *service;
    struct host *host;
    uint32_t asked; /* the hosts so far */
    bool has_raced;
    struct str target;
    struct http_call_field *fields;
    size_t fields_count;
    struct pipe up, down; /* from the client, to the client */
    uint64_t began_us;
    struct limit_time head_time; /* until the answer's head came; .now_us is 0: it has not */
    const char *why;             /* there is no answer */
    enum problem problem;
};

/* ---- fields ---- */

/* What says how content is to be read, and what the client can read. */
static const char *const passed_on[] = { "content-type", "content-encoding", "accept" };
static const char *const passed_back[] = { "content-type", "content-encoding", "content-range" };

/* Of one connection, of the framing, or ours to say, in either direction. */
static const char *const never[] = { "connection", "keep-alive", "proxy-connection",
    "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
    "content-length", "host", "expect", "date", "authorization", "forwarded", "via", "x-user-id",
    "x-request-id", "traceparent", "tracestate", "bff-budget", "bff-sections", "server-timing",
    "ratelimit", "ratelimit-policy", "x-content-type-options", "x-forwarded-for",
    "x-forwarded-proto", "x-forwarded-host", "x-real-ip" };

static bool is_among(struct str name, const char *const *names, size_t max)
{
    for (size_t i = 0; i < max && names[i]; i++) {
        if (str_eq_nocase(name, str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

static bool goes_on(const struct call *call, struct str name)
{
    return is_among(name, passed_on, countof(passed_on)) ||
           is_among(name, call->asks->request_fields, BFF_FIELDS_MAX);
}

static bool goes_back(const struct call *call, struct str name)
{
    return is_among(name, passed_back, countof(passed_back)) ||
           is_among(name, call->asks->answer_fields, BFF_FIELDS_MAX);
}

/*
 * What the sender wants to end here are the options of its Connection field (RFC 9110 section
 * 7.6.1), which may come in several lines.
 */
static void add_option(struct str *options, struct arena *arena, struct str name, struct str value)
{
    if (str_eq_nocase(name, STR("connection"))) {
        const char *comma = options->len ? "," : "";
        *options =
            str_of(arena_printf(arena, "%.*s%s%.*s", STR_FMT(*options), comma, STR_FMT(value)));
    }
}

static bool ends_here(struct str options, struct str name)
{
    struct str option;
    while (options.len) {
        str_cut(options, ',', &option, &options);
        if (str_eq_nocase(str_trim(option), name)) {
            return true;
        }
    }
    return false;
}

/* ---- at boot ---- */

/* Where a call was declared; a call that does not say so, where its plan was. */
static const char *file_of(const struct bff_plan *plan, const struct bff_call *call)
{
    return call->file ? call->file : plan->file;
}

static int line_of(const struct bff_plan *plan, const struct bff_call *call)
{
    return call->line ? call->line : plan->line;
}

static void check_fields(
    const struct bff_plan *plan, const char *list, const char *const *names, struct faults *faults)
{
    const struct bff_call *call = &plan->calls[0];
    const char *file = file_of(plan, call);
    int line = line_of(plan, call);
    for (size_t i = 0; i < BFF_FIELDS_MAX && names[i]; i++) {
        struct str name = str_of(names[i]);
        if (!http_is_token(name)) {
            faults_add(faults, file, line, "plan %s: .%s names \"%s\", which is no field name.",
                plan->name, list, names[i]);
        } else if (is_among(name, never, countof(never))) {
            faults_add(faults, file, line,
                "plan %s: .%s names %s, which is not passed through: it belongs to one connection, "
                "or is the server's own to say.",
                plan->name, list, names[i]);
        }
    }
}

static void check_alone(
    const struct bff_plan *plan, const struct bff_call *call, struct faults *faults)
{
    const struct {
        const char *name;
        bool is_set;
    } others[] = {
        { ".shape", plan->shape },
        { ".get", call->get },
        { ".post", call->post },
        { ".body", call->body },
        { ".otherwise", call->otherwise },
        { ".cache_s", call->cache_s },
        { ".stale_s", call->stale_s },
        { ".is_shared", call->is_shared },
        { ".is_detached", call->is_detached },
    };
    for (size_t i = 0; i < countof(others); i++) {
        if (others[i].is_set) {
            faults_add(faults, file_of(plan, call), line_of(plan, call),
                "plan %s: a plan that passes its request through (.pass) has no %s.", plan->name,
                others[i].name);
        }
    }
}

static bool has_pass_words(const struct bff_call *call)
{
    return call->passes_query || call->request_fields[0] || call->answer_fields[0] ||
           call->body_max_bytes;
}

/* One lane streams, and it speaks HTTP/1.1, to the service itself. */
static void check_service(const struct plan_call *call, const struct bff_plan *plan,
    const struct settings *settings, struct faults *faults)
{
    const struct bff_call *asks = call->asks;
    for (size_t i = 0; i < settings->services_count; i++) {
        const struct settings_service *service = &settings->services[i];
        bool is_asked = asks->from && strcmp(service->name, asks->from) == 0;
        if (is_asked && (service->http2 || service->proxy)) {
            faults_add(faults, file_of(plan, asks), line_of(plan, asks),
                "plan %s: the service \"%s\" is asked %s (services.%s.%s), but a request is "
                "passed through (.pass) by HTTP/1.1 and without a proxy alone.",
                plan->name, service->name, service->http2 ? "by HTTP/2" : "through a proxy",
                service->name, service->http2 ? "http2" : "proxy");
        }
    }
}

void pass_check(const struct plan *compiled, const struct settings *settings, struct faults *faults)
{
    const struct bff_plan *plan = compiled->declared;
    bool passes = false;
    for (size_t i = 0; i < compiled->calls_count; i++) {
        const struct bff_call *call = &plan->calls[i];
        passes |= call->pass != NULL;
        if (!call->pass && has_pass_words(call)) {
            faults_add(faults, plan->file, plan->line,
                "plan %s: call '%s' has .passes_query, .request_fields, .answer_fields or "
                ".body_max_bytes, which go with .pass alone.",
                plan->name, call->as);
        }
    }
    if (!passes && plan->route && plan->route[0] == '*') {
        faults_add(faults, plan->file, plan->line,
            "plan %s: .route \"%s\" takes every method, which only a plan with .pass can.",
            plan->name, plan->route);
    }
    if (!passes) {
        return;
    }
    if (compiled->calls_count != 1) {
        faults_add(faults, plan->file, plan->line,
            "plan %s: a plan that passes its request through (.pass) has one call, not %zu.",
            plan->name, compiled->calls_count);
    }
    check_alone(plan, &plan->calls[0], faults);
    check_service(&compiled->calls[0], plan, settings, faults);
    check_fields(plan, "request_fields", plan->calls[0].request_fields, faults);
    check_fields(plan, "answer_fields", plan->calls[0].answer_fields, faults);
}

static void print_names(const char *what, const char *const *names, FILE *out)
{
    fprintf(out, "  %-10s          %s", "", what);
    for (size_t i = 0; i < BFF_FIELDS_MAX && names[i]; i++) {
        fprintf(out, "%s%s", i ? ", " : " ", names[i]);
    }
    fprintf(out, "%s\n", names[0] ? "" : " nothing");
}

void pass_print(const struct bff_call *call, const struct settings *settings, FILE *out)
{
    size_t max_bytes = call->body_max_bytes ? call->body_max_bytes : settings->limits.body_bytes;
    fprintf(out, "  %-10s          a body of at most %zu bytes%s\n", "", max_bytes,
        call->passes_query ? "; the client's query goes on" : "");
    print_names("beside type, coding and Accept goes on:", call->request_fields, out);
    print_names("beside type, coding and range comes back:", call->answer_fields, out);
}

/* ---- the question ---- */

static const struct plan_call *compiled(const struct request *request)
{
    return &request->worker->core->plans[request->routed.plan_index].calls[0];
}

/* The plan's target, and the client's query behind it where the plan says so. */
static const char *render_target(struct request *request, struct str *target)
{
    struct buf text;
    struct str query = request->received.query;
    buf_init(&text, TARGET_MAX_BYTES);
    const char *why = template_render(&compiled(request)->target, request, &text);
    if (!why && request->fanned.calls[0].asks->passes_query && query.len) {
        struct str so_far = buf_str(&text);
        buf_append_char(&text, memchr(so_far.at, '?', so_far.len) ? '&' : '?');
        buf_append_str(&text, query);
        why = text.is_overfull ? "the question is too large" : NULL;
    }
    *target = why ? (struct str){ NULL, 0 } : arena_str(&request->arena, buf_str(&text));
    buf_release(&text);
    return why;
}

/* The answer's head has so long to come. */
static unsigned head_ms(const struct request *request)
{
    const struct settings *settings = request->worker->core->settings;
    unsigned own_ms = request->fanned.calls[0].asks->timeout_ms;
    unsigned service_ms = settings->services[compiled(request)->service].timeout_ms;
    uint64_t budget_us = request->budget_ends_us - request->received.started_us;
    unsigned ms = (unsigned)(budget_us / 1000);
    ms = own_ms && own_ms < ms ? own_ms : ms;
    return service_ms && service_ms < ms ? service_ms : ms;
}

/* What every call of this request carries, but for what the client says itself. */
static void make_fields(struct request *request, struct pass *pass)
{
    const struct fanned *fanned = &request->fanned;
    const struct streamed *streamed = request->received.streamed;
    struct str options = { NULL, 0 };
    size_t room = fanned->fields_count + streamed->fields_count + 1;
    pass->fields = arena_zalloc(&request->arena, room, sizeof(*pass->fields));
    pass->fields[pass->fields_count++].name = STR("BFF-Budget"); /* ask() says how much */
    for (size_t i = 0; i < fanned->fields_count; i++) {
        if (!goes_on(pass->call, fanned->fields[i].name)) {
            pass->fields[pass->fields_count++] = fanned->fields[i];
        }
    }
    for (size_t i = 0; i < streamed->fields_count; i++) {
        add_option(&options, &request->arena, streamed->fields[i].name, streamed->fields[i].value);
    }
    for (size_t i = 0; i < streamed->fields_count; i++) {
        struct http_field field = streamed->fields[i];
        if (goes_on(pass->call, field.name) && !ends_here(options, field.name)) {
            pass->fields[pass->fields_count++] =
                (struct http_call_field){ field.name, field.value };
        }
    }
}

/* ---- the answer ---- */

/* Copied: the head is the call's, and gone before they are sent. */
static void take_fields(
    const struct pass *pass, const struct http_call_head *head, struct passed *passed)
{
    struct arena *arena = &pass->call->request->arena;
    struct http_field *fields = arena_zalloc(arena, head->fields_count, sizeof(struct http_field));
    struct str options = { NULL, 0 };
    for (size_t i = 0; i < head->fields_count; i++) {
        add_option(&options, arena, head->fields[i].name, head->fields[i].value);
    }
    for (size_t i = 0; i < head->fields_count; i++) {
        const struct http_call_field *field = &head->fields[i];
        if (goes_back(pass->call, field->name) && !ends_here(options, field->name)) {
            fields[passed->fields_count++] = (struct http_field){ arena_str(arena, field->name),
                arena_str(arena, field->value) };
        }
    }
    passed->fields = fields;
}

static struct limit_time time_until_now(const struct pass *pass)
{
    return limit_time_since(pass->began_us, pass->call->request->worker->loop);
}

static void head_came(void *context, const struct http_call_head *head)
{
    struct pass *pass = context;
    struct request *request = pass->call->request;
    struct passed *passed = arena_zalloc(&request->arena, 1, sizeof(*passed));
    *passed = (struct passed){
        .status = head->status,
        .length = head->length,
        .content = &pass->down,
    };
    take_fields(pass, head, passed);
    request->fanned.passed = passed;
    pass->head_time = time_until_now(pass);
    pass->call->status = head->status;
    request_wake(request);
}

static void end_call(struct pass *pass, enum call_state state, const char *why)
{
    pass->call->state = state;
    pass->call->why = why;
    pass->call->ended_us = clock_now_us();
    request_wake(pass->call->request);
}

/*
 * How long a body took to come is the client's doing. What the service had time for, when it was
 * late, is then its own to say: to take the body, or to answer when it had all of it.
 */
static struct limit_time time_of(const struct pass *pass)
{
    const struct request *request = pass->call->request;
    const struct settings *settings = request->worker->core->settings;
    struct limit_time time = pass->head_time.now_us ? pass->head_time : time_until_now(pass);
    time.now_us = clock_now_us();
    if (request->received.streamed->length) {
        bool has_all = pipe_is_over(&pass->up) && !pass->head_time.now_us;
        unsigned given_ms = has_all ? head_ms(request) : settings->limits.stream_idle_ms;
        uint64_t given_us = given_ms * 1000ull;
        time.took_us = given_us < time.took_us ? given_us : time.took_us;
        time.is_callers = true;
    }
    return time;
}

static void tell_service(struct pass *pass, enum service_verdict verdict)
{
    const struct limit_time time = time_of(pass);
    pass->http = NULL;
    service_ended(pass->service, pass->host, verdict, &time);
}

static void ask(struct pass *pass, struct host *host);

/* None of `but`; NULL: there is no host, and pass->why says so. */
static struct host *pick(struct pass *pass, uint32_t but)
{
    enum service_refusal refusal = SERVICE_READY;
    struct host *host = service_pick(pass->service, but, clock_now_us(), &refusal);
    bool is_full = refusal == SERVICE_FULL;
    if (!host) {
        pass->problem = is_full ? PROBLEM_OVERLOADED : PROBLEM_UPSTREAM_FAILED;
        pass->why =
            is_full ? "the service has more work than it bears" : "no host of the service is well";
    }
    return host;
}

/* What may be sent again: it has no body, and changes nothing. */
static bool is_safe(const struct request *request)
{
    return str_eq(request->received.method, STR("GET")) ||
           str_eq(request->received.method, STR("HEAD"));
}

/* True when another attempt stands in for one that came to nothing. */
static bool goes_elsewhere(struct pass *pass, const struct http_answer *answer)
{
    bool is_race = failure_is_race(answer) && is_safe(pass->call->request) && !pass->has_raced;
    bool moves = failure_is_out_of_reach(answer);
    struct host *host = is_race || moves ? pick(pass, moves ? pass->asked : 0) : NULL;
    if (!host) {
        return false;
    }
    pass->has_raced |= is_race;
    if (moves) {
        service_moved(pass->service);
    }
    ask(pass, host);
    return true;
}

static void ended(void *context, struct http_answer *answer)
{
    struct pass *pass = context;
    struct request *request = pass->call->request;
    tell_service(pass, failure_verdict(answer));
    if (goes_elsewhere(pass, answer)) {
        return;
    }
    if (answer->outcome == HTTP_ANSWERED) { /* whatever its status is */
        end_call(pass, CALL_LIVE, NULL);
        return;
    }
    struct failure failure = failure_of(answer);
    bool is_late = failure.state == CALL_TIMED_OUT;
    pass->problem = is_late ? PROBLEM_UPSTREAM_TIMEOUT : PROBLEM_UPSTREAM_FAILED;
    pass->why = failure.why;
    end_call(pass, failure.state, failure.why);
    if (request->replied.was_handed_over && request->exchange) {
        http_exchange_cut(request->exchange);
    }
}

/* ---- the step ---- */

/* The time that this attempt has for the answer's head; with a body it is counted from its end. */
static void tell_budget(struct pass *pass, uint64_t left_us)
{
    struct request *request = pass->call->request;
    unsigned ms =
        request->received.streamed->length ? head_ms(request) : (unsigned)(left_us / 1000);
    pass->fields[0].value = str_of(arena_printf(&request->arena, "%u", ms));
}

static void ask(struct pass *pass, struct host *host)
{
    struct request *request = pass->call->request;
    const struct streamed *streamed = request->received.streamed;
    struct worker *worker = request->worker;
    uint64_t now_us = clock_now_us();
    uint64_t ends_us = now_us + head_ms(request) * 1000ull;
    ends_us = ends_us < request->budget_ends_us ? ends_us : request->budget_ends_us;
    struct http_call_stream stream = {
        .body = streamed->length ? &pass->up : NULL,
        .length = streamed->length,
        .content = &pass->down,
        .head_came = head_came,
        .head_ms = head_ms(request),
        .idle_ms = worker->core->settings->limits.stream_idle_ms,
    };
    struct http_call_options options = {
        .origin = host_origin(host),
        .target = pass->target,
        .fields = pass->fields,
        .fields_count = pass->fields_count,
        .deadline_us = ends_us,
        .stream = &stream,
    };
    must(http_method_named(
        request->received.method, &options.method)); /* the route takes no other */
    tell_budget(pass, ends_us > now_us ? ends_us - now_us : 0);
    pass->call->tries++;
    pass->call->state = CALL_UNDERWAY;
    pass->host = host;
    pass->asked |= host_bit(host);
    pass->began_us = now_us;
    service_began(pass->service, host, now_us);
    pass->http = http_call_start(worker->client, &options, ended, pass);
}

/* False: there is no such question. */
static bool begin(struct request *request)
{
    struct worker *worker = request->worker;
    struct pass *pass = arena_zalloc(&request->arena, 1, sizeof(*pass));
    pass->call = &request->fanned.calls[0];
    request->fanned.pass = pass;
    pass->call->why = render_target(request, &pass->target);
    if (pass->call->why) {
        pass->call->state = CALL_SKIPPED;
        return false;
    }
    /* The exchange may go on filling a pipe until its end, so they die with the request. */
    pipe_init(&pass->up, worker->loop, PIPE_BYTES);
    pipe_init(&pass->down, worker->loop, PIPE_BYTES);
    arena_defer(&request->arena, (void (*)(void *))pipe_fini, &pass->up);
    arena_defer(&request->arena, (void (*)(void *))pipe_fini, &pass->down);
    make_fields(request, pass);
    pass->service = services_get(worker->services, compiled(request)->service);
    pass->call->started_us = clock_now_us();
    /* From here on each side has a time of its own, and both together one against drips. */
    loop_deadline(worker->loop, &request->deadline,
        clock_now_us() + worker->core->settings->limits.stream_ms * 1000ull);
    struct host *host = pick(pass, 0);
    if (!host) {
        end_call(pass, CALL_FAILED, pass->why);
        return true;
    }
    ask(pass, host);
    if (request->received.streamed->length) {
        http_exchange_read(request->exchange, &pass->up);
    }
    return true;
}

enum step_verdict pass_run(struct request *request)
{
    if (!request->fanned.pass && !begin(request)) {
        return request_refuse(
            request, PROBLEM_NOT_FOUND, "This request names nothing that could be asked for.");
    }
    struct pass *pass = request->fanned.pass;
    if (pass->why) {
        return request_refuse(
            request, pass->problem, "The service \"%s\" did not answer.", pass->call->asks->from);
    }
    return request->fanned.passed ? STEP_NEXT : STEP_WAIT;
}

void pass_forget(struct request *request)
{
    struct pass *pass = request->fanned.pass;
    if (pass && pass->http) {
        http_call_cancel(pass->http);
        tell_service(pass, SERVICE_CANCELLED);
    }
}
