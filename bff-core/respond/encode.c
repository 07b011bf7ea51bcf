/*
 * encode: bytes and fields of the answer.
 *
 * Owns request->encoded. Good and bad answers take the same way through this file. A problem's
 * words come from problem.def and from the step that refused, never from a service. Answers belong
 * to one user and are not to be stored by anybody; Vary names Accept-Encoding all the same, for
 * those who store in spite of it.
 */
#include "encode.h"

#include "../base/clock.h"
#include "../base/must.h"
#include "../wire/compress.h"
#include "../wire/json.h"
#include "trim.h"

enum { FIELDS_MAX = 16, PROBLEM_MAX_BYTES = 16 * 1024 };

static void add(struct request *request, const char *name, struct str value)
{
    struct encoded *encoded = &request->encoded;
    const struct passed *passed = request_passes_back(request);
    must(encoded->fields_count < FIELDS_MAX + (passed ? passed->fields_count : 0));
    encoded->fields[encoded->fields_count++] = (struct http_field){ str_of(name), value };
}

#define ADD(request, name, ...)                                                                    \
    add(request, name, str_of(arena_printf(&(request)->arena, __VA_ARGS__)))

/* ---- problem+json ---- */

static void member(struct buf *body, const char *name, struct str value)
{
    buf_append_char(body, body->len ? ',' : '{');
    json_quote(body, str_of(name));
    buf_append_char(body, ':');
    json_quote(body, value);
}

static void write_problem(struct request *request, struct buf *body)
{
    const struct problem_row *row = problem_row(request->problem);
    char *type = arena_printf(&request->arena, PROBLEM_TYPE "%s", row->slug);
    buf_init(body, PROBLEM_MAX_BYTES);
    member(body, "type", str_of(type));
    member(body, "title", str_of(row->title));
    buf_append_str(body, STR(",\"status\":"));
    buf_append_u64(body, row->status);
    if (request->detail.len) {
        member(body, "detail", request->detail);
    }
    if (request->received.path.len && request->received.path.len < PROBLEM_MAX_BYTES / 8) {
        member(body, "instance", request->received.path);
    }
    member(body, "request_id", request->received.request_id);
    buf_append_char(body, '}');
    must(!body->is_overfull);
}

static void add_problem_fields(struct request *request)
{
    add(request, "Content-Type", STR("application/problem+json"));
    if (request->routed.allow.len && request->problem == PROBLEM_METHOD_NOT_ALLOWED) {
        add(request, "Allow", request->routed.allow);
    }
    if (request->identity.challenge.len) {
        add(request, "WWW-Authenticate", request->identity.challenge);
    }
}

/* ---- what the answer tells of itself ---- */

static unsigned long long ms_between(uint64_t from_us, uint64_t to_us)
{
    return to_us > from_us ? (to_us - from_us + 500) / 1000 : 0;
}

/* `;d=12`: a parameter of RFC 9651. */
static char *put_parameter(char *to, struct str name, uint64_t value)
{
    return str_put_u64(str_put(to, name), value);
}

/* Beside the names of the section and of its state. */
enum { SECTION_BYTES = sizeof(", ;s=;d=;tries=;age=") + 3 * STR_U64_BYTES };

static char *put_section(char *to, const struct call *call)
{
    to = str_put(to, str_of(call->asks->as));
    to = str_put(to, STR(";s="));
    to = str_put(to, str_of(call_state_name(call->state)));
    if (call->started_us) {
        to = put_parameter(to, STR(";d="), ms_between(call->started_us, call->ended_us));
    }
    if (call->tries > 1) {
        to = put_parameter(to, STR(";tries="), call->tries);
    }
    if (call->state == CALL_CACHED || call->state == CALL_STALE) {
        to = put_parameter(to, STR(";age="), call->age_s);
    }
    return to;
}

/* RFC 9651 list of tokens: `profile;s=ok;d=12, recs;s=stale;age=34`. Detached calls have no
 * section. */
static void add_sections(struct request *request)
{
    const struct fanned *fanned = &request->fanned;
    size_t room = 0;
    for (size_t i = 0; i < fanned->calls_count; i++) {
        const struct call *call = &fanned->calls[i];
        room += SECTION_BYTES + strlen(call->asks->as) + strlen(call_state_name(call->state));
    }
    char *text = arena_alloc(&request->arena, room), *to = text;
    for (size_t i = 0; i < fanned->calls_count; i++) {
        if (!fanned->calls[i].asks->is_detached) {
            to = str_put(to, to == text ? STR("") : STR(", "));
            to = put_section(to, &fanned->calls[i]);
        }
    }
    if (to != text) {
        add(request, "BFF-Sections", (struct str){ text, (size_t)(to - text) });
    }
}

/* W3C Server Timing, with the call's start as a parameter of our own; only where the settings allow
 * it. */
static void add_timing(struct request *request)
{
    const struct fanned *fanned = &request->fanned;
    uint64_t began_us = request->received.started_us;
    struct buf text;
    buf_init(&text, 4096);
    for (size_t i = 0; i < fanned->calls_count; i++) {
        const struct call *call = &fanned->calls[i];
        if (call->started_us && !call->asks->is_detached) {
            buf_printf(&text, "%s;start=%.2f;dur=%.2f;desc=\"%s\", ", call->asks->as,
                (double)(call->started_us - began_us) / 1000,
                (double)(call->ended_us - call->started_us) / 1000, call_state_name(call->state));
        }
    }
    buf_printf(&text, "total;dur=%.2f", (double)(clock_now_us() - began_us) / 1000);
    add(request, "Server-Timing", arena_str(&request->arena, buf_str(&text)));
    buf_release(&text);
}

/* RFC 9110 section 10.2.3. What the step that refused does not know better is worth another try in
 * a second. */
static void add_retry_after(struct request *request)
{
    enum { RETRY_S = 1 };
    unsigned pressed_s = request->pressed.retry_after_s;
    unsigned known_s = pressed_s ? pressed_s : request->limited.retry_after_s;
    if (known_s || problem_row(request->problem)->status == 503) {
        ADD(request, "Retry-After", "%u", known_s ? known_s : RETRY_S);
    }
}

/* `"user";q=100;w=60`; names have three bytes. */
static struct str limit_text(
    struct request *request, struct str a, uint64_t of_a, struct str b, uint64_t of_b)
{
    struct str policy = str_of(request->limited.policy);
    char *text =
        arena_alloc(&request->arena, policy.len + sizeof("\"\";q=;w=") + 2 * STR_U64_BYTES);
    char *to = str_put(text, STR("\""));
    to = str_put(to, policy);
    to = str_put(to, STR("\""));
    to = put_parameter(to, a, of_a);
    to = put_parameter(to, b, of_b);
    return (struct str){ text, (size_t)(to - text) };
}

/* draft-ietf-httpapi-ratelimit-headers. */
static void add_limits(struct request *request)
{
    const struct limited *limited = &request->limited;
    if (!limited->policy) {
        return;
    }
    add(request, "RateLimit-Policy",
        limit_text(request, STR(";q="), limited->quota, STR(";w="), limited->window_s));
    add(request, "RateLimit",
        limit_text(request, STR(";r="), limited->remaining, STR(";t="), limited->reset_s));
}

/* ---- content coding (RFC 9110 section 12.5.3) ---- */

/* What a client says of a coding: a weight in thousandths, 0 for "not this one", or nothing. */
enum { UNNAMED = -1, WEIGHT_MAX = 1000 };

struct accepted {
    int gzip;
    int identity;
    int any; /* "*": the codings that are not named */
};

/* RFC 9110 section 12.4.2: 0 to 1 with at most three decimals. UNNAMED: it is no weight. */
static int weight_of(struct str text)
{
    bool is_plain = text.len == 1 || (text.len >= 2 && text.len <= 5 && text.at[1] == '.');
    if (!is_plain || text.at[0] < '0' || text.at[0] > '1') {
        return UNNAMED;
    }
    int weight = (text.at[0] - '0') * WEIGHT_MAX, unit = WEIGHT_MAX / 10;
    for (size_t i = 2; i < text.len; i++, unit /= 10) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return UNNAMED;
        }
        weight += (text.at[i] - '0') * unit;
    }
    return weight <= WEIGHT_MAX ? weight : UNNAMED;
}

/* An element that is not well-formed says nothing. */
static void read_element(struct accepted *accepted, struct str element)
{
    struct str name, parameter, q, value;
    int weight = WEIGHT_MAX;
    if (str_cut(element, ';', &name, &parameter)) {
        bool is_weight =
            str_cut(parameter, '=', &q, &value) && str_eq_nocase(str_trim(q), STR("q"));
        weight = is_weight ? weight_of(str_trim(value)) : UNNAMED;
    }
    name = str_trim(name);
    if (weight == UNNAMED) {
        return;
    }
    if (str_eq_nocase(name, STR("gzip")) || str_eq_nocase(name, STR("x-gzip"))) {
        accepted->gzip = weight;
    } else if (str_eq_nocase(name, STR("identity"))) {
        accepted->identity = weight;
    } else if (str_eq(name, STR("*"))) {
        accepted->any = weight;
    }
}

enum wish { PLAIN, GZIP_WHERE_IT_PAYS, GZIP };

/* Who names neither is not in the way of the other; of two that are liked alike gzip is taken. */
static enum wish wish_of(struct str accept)
{
    struct accepted accepted = { UNNAMED, UNNAMED, UNNAMED };
    for (bool has_more = true; has_more;) {
        struct str element;
        has_more = str_cut(accept, ',', &element, &accept);
        read_element(&accepted, element);
    }
    int gzip = accepted.gzip == UNNAMED ? accepted.any : accepted.gzip;
    int identity = accepted.identity == UNNAMED ? accepted.any : accepted.identity;
    if (gzip <= 0 || identity > gzip) {
        return PLAIN;
    }
    return identity == 0 ? GZIP : GZIP_WHERE_IT_PAYS;
}

/* An answer may become smaller on the way, a problem is what it is. */
static bool gzip(struct request *request, const struct buf *plain, struct buf *out)
{
    return plain == &request->projected.body
               ? trim_projected(request, out)
               : compress_gzip(request->worker->compressor, buf_str(plain), out);
}

/* Takes `plain` and leaves it empty. */
static void code(struct request *request, struct buf *plain)
{
    const struct worker *worker = request->worker;
    struct encoded *encoded = &request->encoded;
    enum wish wish = wish_of(request->received.accept_encoding);
    bool is_long = plain->len >= worker->core->settings->compress.min_bytes;
    encoded->coding = "identity";
    buf_init(&encoded->body, plain->cap);
    bool is_coded = (wish == GZIP || (wish == GZIP_WHERE_IT_PAYS && is_long)) &&
                    gzip(request, plain, &encoded->body) &&
                    (wish == GZIP || encoded->body.len < plain->len);
    encoded->plain_bytes = plain->len;
    if (is_coded) {
        encoded->coding = "gzip";
        add(request, "Content-Encoding", STR("gzip"));
        buf_release(plain);
        return;
    }
    buf_release(&encoded->body);
    encoded->body = *plain;
    buf_init(plain, 0);
}

/* ---- an answer that is passed through ---- */

/* What comes back of the service's answer, and what is ours beside it; its content is not coded
 * again. */
static void add_passed_fields(struct request *request)
{
    const struct passed *passed = request_passes_back(request);
    struct encoded *encoded = &request->encoded;
    bool has_cache_control = false;
    encoded->fields =
        arena_zalloc(&request->arena, passed->fields_count + FIELDS_MAX, sizeof(struct http_field));
    for (size_t i = 0; i < passed->fields_count; i++) {
        encoded->fields[i] = passed->fields[i];
        has_cache_control |= str_eq_nocase(passed->fields[i].name, STR("cache-control"));
    }
    encoded->fields_count = passed->fields_count;
    if (!has_cache_control) {
        add(request, "Cache-Control", STR("no-store"));
    }
    add(request, "X-Request-Id", request->received.request_id);
    add(request, "X-Content-Type-Options", STR("nosniff"));
    add_limits(request);
}

enum step_verdict encode_run(struct request *request)
{
    if (request_passes_back(request)) {
        add_passed_fields(request);
        return STEP_NEXT;
    }
    struct buf problem, *plain = &request->projected.body;
    request->encoded.fields = arena_zalloc(&request->arena, FIELDS_MAX, sizeof(struct http_field));
    if (request->problem == PROBLEM_NONE) {
        add(request, "Content-Type", STR("application/json"));
    } else {
        buf_release(plain);
        write_problem(request, &problem);
        plain = &problem;
        add_problem_fields(request);
    }
    add(request, "Cache-Control", STR("no-store"));
    add(request, "Vary", STR("Accept-Encoding"));
    add(request, "X-Request-Id", request->received.request_id);
    add(request, "X-Content-Type-Options", STR("nosniff"));
    add_sections(request);
    add_limits(request);
    add_retry_after(request);
    if (request->worker->core->settings->server_timing) {
        add_timing(request);
    }
    code(request, plain);
    return STEP_NEXT;
}
