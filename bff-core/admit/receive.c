/*
 * receive: from the connection into the request.
 *
 * Owns request->received. After it nothing refers to the connection's memory any more. A client's
 * own X-Request-Id and traceparent are taken over when they are harmless; both end up in logs,
 * services and answers, so anything else is replaced by ours, never repaired. Knows no route and no
 * token.
 */
#include "receive.h"

#include "../base/hash.h"
#include "route.h"

#include <arpa/inet.h>

enum { REQUEST_ID_MAX = 128, TRACESTATE_MAX = 512, USER_AGENT_MAX = 256 };

static struct str hex_random(struct arena *arena, size_t bytes)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random[16];
    char *text = arena_alloc(arena, bytes * 2 + 1);
    hash_random(random, bytes);
    for (size_t i = 0; i < bytes; i++) {
        text[2 * i] = digits[random[i] >> 4];
        text[2 * i + 1] = digits[random[i] & 15];
    }
    text[bytes * 2] = '\0';
    return (struct str){ text, bytes * 2 };
}

static const bool is_id_byte[256] = {
    ['a' ... 'z'] = true,
    ['A' ... 'Z'] = true,
    ['0' ... '9'] = true,
    ['-'] = true,
    ['_'] = true,
    ['.'] = true,
    [':'] = true,
    ['/'] = true,
    ['+'] = true,
    ['='] = true,
    ['@'] = true,
};

static struct str request_id(struct request *request, struct str sent)
{
    bool is_harmless = sent.len > 0 && sent.len <= REQUEST_ID_MAX;
    for (size_t i = 0; is_harmless && i < sent.len; i++) {
        is_harmless = is_id_byte[(unsigned char)sent.at[i]];
    }
    return is_harmless ? arena_str(&request->arena, sent) : hex_random(&request->arena, 16);
}

/* A list that may come in several fields of one name (RFC 9110 section 5.3). */
static struct str combined(struct request *request, struct str name)
{
    const struct http_arrived *arrived = request->arrived;
    struct str first = http_arrived_field(arrived, name);
    if (!http_arrived_repeats(arrived, name)) {
        return first.at ? arena_str(&request->arena, first) : first;
    }
    size_t room = 0, len = 0;
    for (size_t i = 0; i < arrived->fields_count; i++) {
        room += arrived->fields[i].value.len + 1;
    }
    char *all = arena_alloc(&request->arena, room);
    for (size_t i = 0; i < arrived->fields_count; i++) {
        struct str value = arrived->fields[i].value;
        if (str_eq_nocase(arrived->fields[i].name, name)) {
            memcpy(all + len, value.at, value.len);
            len += value.len;
            all[len++] = ',';
        }
    }
    return (struct str){ all, len - 1 };
}

/* Lower-case hexadecimal, not all zeros (W3C Trace Context section 3.2.2). */
static bool is_trace_hex(struct str s)
{
    bool has_digit = false;
    for (size_t i = 0; i < s.len; i++) {
        bool is_hex = (s.at[i] >= '0' && s.at[i] <= '9') || (s.at[i] >= 'a' && s.at[i] <= 'f');
        if (!is_hex) {
            return false;
        }
        has_digit |= s.at[i] != '0';
    }
    return has_digit;
}

/* "00-<32 hex>-<16 hex>-<2 hex>"; later versions may have more behind it. */
static bool is_traceparent(struct str s)
{
    enum { VERSION_00_LEN = 55 };
    if (s.len < VERSION_00_LEN || s.at[2] != '-' || s.at[35] != '-' || s.at[52] != '-') {
        return false;
    }
    bool is_version_00 = s.at[0] == '0' && s.at[1] == '0';
    bool is_whole = s.len == VERSION_00_LEN || (!is_version_00 && s.at[VERSION_00_LEN] == '-');
    bool has_version =
        is_version_00 || (is_trace_hex((struct str){ s.at, 2 }) && !str_starts(s, STR("ff")));
    bool has_flags =
        is_trace_hex((struct str){ s.at + 53, 2 }) || str_starts(str_from(s, 53), STR("00"));
    return is_whole && has_version && has_flags && is_trace_hex((struct str){ s.at + 3, 32 }) &&
           is_trace_hex((struct str){ s.at + 36, 16 });
}

static struct str traceparent_of(
    struct arena *arena, struct str trace_id, struct str span_id, struct str flags)
{
    char *text = arena_alloc(arena, sizeof("00---") + trace_id.len + span_id.len + flags.len);
    char *to = str_put(text, STR("00-"));
    to = str_put(to, trace_id);
    *to++ = '-';
    to = str_put(to, span_id);
    *to++ = '-';
    to = str_put(to, flags);
    return (struct str){ text, (size_t)(to - text) };
}

/* The last of the two digits, and of it what this version knows: sampled and random. What it does
 * not know is sent on as zero (section 3.2.2.5). */
static unsigned known_flags(struct str traceparent)
{
    char digit = traceparent.at[54];
    return (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10) & 3;
}

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < ' ' || s.at[i] > '~') {
            return false;
        }
    }
    return true;
}

/* Whole, or not at all: half of a list would tell a half truth. */
static void take_tracestate(struct request *request)
{
    struct str state = combined(request, STR("tracestate"));
    if (state.len > 0 && state.len <= TRACESTATE_MAX && is_printable(state)) {
        request->received.tracestate = state;
    }
}

/* The client's trace goes on with a span of ours; without one, or with two, a new, unsampled trace
 * begins. */
static void take_trace(struct request *request)
{
    struct arena *arena = &request->arena;
    struct str sent = http_arrived_field(request->arrived, STR("traceparent"));
    bool goes_on =
        is_traceparent(sent) && !http_arrived_repeats(request->arrived, STR("traceparent"));
    struct str trace_id = goes_on ? (struct str){ sent.at + 3, 32 } : hex_random(arena, 16);
    char flags[] = { '0', (char)('0' + (goes_on ? known_flags(sent) : 0)) };
    request->received.traceparent =
        traceparent_of(arena, trace_id, hex_random(arena, 8), (struct str){ flags, sizeof(flags) });
    if (goes_on) {
        take_tracestate(request);
    }
}

/*
 * Every request has one: what inet_ntop does with printf is done here without. Returns where the
 * NUL stands.
 */
static char *four_text(const unsigned char *bytes, char *text)
{
    for (size_t i = 0; i < sizeof(struct in_addr); i++) {
        unsigned byte = bytes[i];
        if (byte >= 100) {
            *text++ = (char)('0' + byte / 100);
        }
        if (byte >= 10) {
            *text++ = (char)('0' + byte / 10 % 10);
        }
        *text++ = (char)('0' + byte % 10);
        *text++ = i < sizeof(struct in_addr) - 1 ? '.' : '\0';
    }
    return text - 1;
}

/* A listener for both families sees IPv4 clients in disguise; they are shown as what they are. */
static struct str address_text(struct arena *arena, const struct sockaddr_storage *peer)
{
    char *text = arena_alloc(arena, INET6_ADDRSTRLEN), *end = text;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)peer)->sin6_addr;
    *text = '\0';
    if (peer->ss_family == AF_INET) {
        end = four_text((const unsigned char *)&((const struct sockaddr_in *)peer)->sin_addr, text);
    } else if (peer->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(six)) {
        end = four_text(six->s6_addr + 12, text);
    } else if (peer->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, six, text, INET6_ADDRSTRLEN);
        end = text + strlen(text);
    }
    return (struct str){ text, (size_t)(end - text) };
}

static struct str kept(struct request *request, const char *name, size_t max)
{
    struct str value = http_arrived_field(request->arrived, str_of(name));
    value.len = value.len < max ? value.len : max;
    return value.at ? arena_str(&request->arena, value) : value;
}

/* Which of them go on is the plan's to say. */
static void take_all_fields(struct request *request)
{
    const struct http_arrived *arrived = request->arrived;
    struct arena *arena = &request->arena;
    struct streamed *streamed = arena_zalloc(arena, 1, sizeof(*streamed));
    struct http_field *fields = arena_zalloc(arena, arrived->fields_count, sizeof(*fields));
    for (size_t i = 0; i < arrived->fields_count; i++) {
        fields[i].name = arena_str(arena, arrived->fields[i].name);
        fields[i].value = arena_str(arena, arrived->fields[i].value);
    }
    *streamed = (struct streamed){ arrived->length, fields, arrived->fields_count };
    request->received.streamed = streamed;
}

static void take_over(struct request *request)
{
    const struct http_arrived *arrived = request->arrived;
    struct received *received = &request->received;
    struct arena *arena = &request->arena;
    received->request_id = request_id(request, http_arrived_field(arrived, STR("x-request-id")));
    take_trace(request);
    received->address = address_text(arena, &arrived->peer);
    received->is_tls = arrived->is_tls;
    received->method = arena_str(arena, arrived->method);
    received->target = arena_str(arena, arrived->target);
    str_cut(received->target, '?', &received->path, &received->query);
    received->body = arena_str(arena, arrived->body);
    received->budget = combined(request, STR("bff-budget")); /* of two: no number */
    received->user_agent = kept(request, "user-agent", USER_AGENT_MAX);
    if (arrived->is_streamed) {
        take_all_fields(request);
    }
    received->accept_encoding = combined(request, STR("accept-encoding"));
    received->authorization = kept(request, "authorization", SIZE_MAX);
    received->authorization_repeats = http_arrived_repeats(arrived, STR("authorization"));
}

void receive_glance(struct request *request, const struct http_arrived *arrived)
{
    struct received *received = &request->received;
    received->request_id = request_id(request, http_arrived_field(arrived, STR("x-request-id")));
    received->address = address_text(&request->arena, &arrived->peer);
    received->method = arrived->method;
    received->target = arrived->target;
    str_cut(received->target, '?', &received->path, &received->query);
}

enum problem receive_problem(enum http_refusal refused)
{
    switch (refused) {
    case HTTP_REFUSED_TARGET_TOO_LONG:
        return PROBLEM_TARGET_TOO_LONG;
    case HTTP_REFUSED_HEAD_TOO_LARGE:
        return PROBLEM_HEAD_TOO_LARGE;
    case HTTP_REFUSED_BODY_TOO_LARGE:
        return PROBLEM_BODY_TOO_LARGE;
    case HTTP_REFUSED_SLOW:
        return PROBLEM_REQUEST_TIMEOUT;
    default:
        return PROBLEM_BAD_REQUEST;
    }
}

static enum step_verdict refuse(struct request *request, enum http_refusal refused)
{
    const struct core *core = request->worker->core;
    const struct settings *settings = core->settings;
    enum problem problem = receive_problem(refused);
    uint64_t body_max_bytes = settings->limits.body_bytes;
    switch (refused) {
    case HTTP_REFUSED_TARGET_TOO_LONG:
        return request_refuse(request, problem, "The target may have at most %zu bytes.",
            settings->limits.target_bytes);
    case HTTP_REFUSED_HEAD_TOO_LARGE:
        return request_refuse(request, problem,
            "All header fields together may have at most %zu bytes.", settings->limits.head_bytes);
    case HTTP_REFUSED_BODY_TOO_LARGE:
        route_streams(core, request->received.method, request->received.target, &body_max_bytes);
        return request_refuse(request, problem, "The body may have at most %llu bytes.",
            (unsigned long long)body_max_bytes);
    case HTTP_REFUSED_SLOW:
        return request_refuse(request, problem, "The request did not arrive in time.");
    default:
        return request_refuse(request, problem, "The request is not well-formed HTTP/1.1.");
    }
}

enum step_verdict receive_run(struct request *request)
{
    const struct worker *worker = request->worker;
    enum http_refusal refused = request->arrived->refused;
    take_over(request);
    request->arrived = NULL;
    if (refused != HTTP_REFUSED_NOT) {
        return refuse(request, refused);
    }
    if (worker->is_draining) {
        return request_refuse(request, PROBLEM_STOPPING, "Try again: another server will answer.");
    }
    unsigned share = worker->core->settings->limits.in_flight / worker->core->workers_count;
    if (worker->requests_count > (share ? share : 1)) {
        return request_refuse(request, PROBLEM_OVERLOADED, "Try again in a moment.");
    }
    return STEP_NEXT;
}
