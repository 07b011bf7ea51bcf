/*
 * route: which plan a request asks for, and with which values.
 *
 * Owns the compiled routes and request->routed. Paths are compared segment by segment after
 * percent-decoding; there is no normalisation: "//", "/./" and a slash at the end are other paths,
 * and other paths are not found. A table of a few plans is walked from the top; routes_compile
 * proves that no two routes can match the same path. Unknown query parameters are ignored (clients
 * add their own), declared ones are proved before anything is asked.
 */
#include "route.h"

#include "../base/must.h"
#include "../base/percent.h"
#include "../wire/http_method.h"
#include "../wire/utf8.h"

enum { SEGMENTS_MAX = 16 };

struct segment {
    struct str text; /* literal, or the name between braces */
    bool is_value;
};

struct route {
    struct str method;
    struct segment segments[SEGMENTS_MAX];
    size_t segments_count;
};

struct routes {
    struct route *list; /* one for each plan, in the plans' order */
    size_t count;
    bool have_passes; /* some plan passes its requests through */
};

/* ---- at boot ---- */

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }
    return s.len > 0;
}

static bool parse_segment(struct str text, struct segment *out)
{
    bool is_value = text.len > 2 && text.at[0] == '{' && text.at[text.len - 1] == '}';
    *out = (struct segment){ text, is_value };
    if (is_value) {
        out->text = (struct str){ text.at + 1, text.len - 2 };
        return is_name(out->text);
    }
    return text.len > 0 && !memchr(text.at, '{', text.len) && !memchr(text.at, '}', text.len) &&
           !memchr(text.at, '?', text.len) && !memchr(text.at, '%', text.len);
}

/* "GET /v1/feed" */
static bool parse_route(const char *text, struct route *route)
{
    static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE", "*" };
    struct str rest, segment;
    if (!text || !str_cut(str_of(text), ' ', &route->method, &rest) ||
        !str_starts(rest, STR("/"))) {
        return false;
    }
    bool is_method = false;
    for (size_t i = 0; i < countof(methods); i++) {
        is_method |= str_eq(route->method, str_of(methods[i]));
    }
    rest = str_from(rest, 1);
    bool has_more = true;
    while (has_more && route->segments_count < SEGMENTS_MAX) {
        has_more = str_cut(rest, '/', &segment, &rest);
        if (!parse_segment(segment, &route->segments[route->segments_count++])) {
            return false;
        }
    }
    return is_method && !has_more;
}

/* Some path matches both. */
static bool overlap(const struct route *a, const struct route *b)
{
    bool is_any = str_eq(a->method, STR("*")) || str_eq(b->method, STR("*"));
    if ((!is_any && !str_eq(a->method, b->method)) || a->segments_count != b->segments_count ||
        a->segments_count == 0) {
        return false;
    }
    for (size_t i = 0; i < a->segments_count; i++) {
        const struct segment *x = &a->segments[i], *y = &b->segments[i];
        if (!x->is_value && !y->is_value && !str_eq(x->text, y->text)) {
            return false;
        }
    }
    return true;
}

static const char *query_fault(const struct bff_query *query)
{
    bool is_number = query->type == BFF_INTEGER;
    uint64_t number;
    if (!is_name(str_of(query->name))) {
        return "has a name that is not made of a-z, 0-9 and '_'";
    }
    if (query->min > query->max && (is_number || query->max != 0)) {
        return "has a .min above its .max";
    }
    if (query->min < 0) {
        return "has a .min below zero";
    }
    if (query->otherwise && query->is_required) {
        return "is required and has an .otherwise that is never used";
    }
    if (is_number && query->otherwise &&
        (!str_u64(str_of(query->otherwise), &number) || number < (uint64_t)query->min ||
            number > (uint64_t)query->max)) {
        return "has an .otherwise outside its own bounds";
    }
    return NULL;
}

/* One without a name ends the list: what stands at it and behind it would be passed over. */
static void check_query_list(const struct bff_plan *plan, size_t count, struct faults *faults)
{
    for (size_t i = count; i < BFF_QUERY_MAX; i++) {
        const struct bff_query *query = &plan->query[i];
        if (query->file || query->name || query->about || query->otherwise) {
            faults_add(faults, query->file ? query->file : plan->file,
                query->file ? query->line : plan->line, "plan %s: a query parameter has no .name.",
                plan->name);
            return;
        }
    }
}

static void check_query(const struct bff_plan *plan, struct faults *faults)
{
    size_t count = 0;
    for (size_t i = 0; i < BFF_QUERY_MAX && plan->query[i].name; i++) {
        count++;
        const struct bff_query *query = &plan->query[i];
        const char *file = query->file ? query->file : plan->file;
        int line = query->line ? query->line : plan->line;
        const char *fault = query_fault(query);
        if (fault) {
            faults_add(faults, file, line, "plan %s: query parameter \"%s\" %s.", plan->name,
                query->name, fault);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(plan->query[j].name, query->name) == 0) {
                faults_add(faults, file, line, "plan %s: query parameter \"%s\" is declared twice.",
                    plan->name, query->name);
            }
        }
    }
    check_query_list(plan, count, faults);
}

/* RFC 6749 section 3.3: printable ASCII without space, '"' and '\\'; one scope, not a list. */
static bool is_scope(const char *scope)
{
    for (const char *at = scope; *at; at++) {
        if (*at <= ' ' || *at > '~' || *at == '"' || *at == '\\') {
            return false;
        }
    }
    return *scope != '\0';
}

static void check_callers(const struct bff_plan *plan, struct faults *faults)
{
    if (plan->scope && !is_scope(plan->scope)) {
        faults_add(faults, plan->file, plan->line,
            "plan %s: .scope \"%s\" is not one scope: no token can have it. Take letters, digits "
            "and marks like ':' without spaces, or leave it out.",
            plan->name, plan->scope);
    }
    if (plan->quota.per == BFF_PER_USER && plan->allow == BFF_ALLOW_ANYONE) {
        faults_add(faults, plan->file, plan->line,
            "plan %s: .quota is BFF_PER_USER, but BFF_ALLOW_ANYONE lets in callers without a "
            "token, whom it does not limit. Leave .per out: then they are limited by address.",
            plan->name);
    }
}

struct routes *routes_compile(
    const struct bff_client *client, struct arena *arena, struct faults *faults)
{
    struct routes *routes = arena_zalloc(arena, 1, sizeof(*routes));
    routes->list = arena_zalloc(arena, client->plans_count, sizeof(*routes->list));
    routes->count = client->plans_count;
    for (size_t i = 0; i < routes->count; i++) {
        const struct bff_plan *plan = &client->plans[i];
        routes->have_passes |= plan_passes(plan);
        if (!parse_route(plan->route, &routes->list[i])) {
            routes->list[i].segments_count = 0; /* matches nothing */
            faults_add(faults, plan->file, plan->line,
                "plan %s: .route \"%s\" is not a method, a space and a path like \"GET "
                "/v1/posts/{id}\".",
                plan->name, plan->route ? plan->route : "");
        }
        for (size_t j = 0; j < i; j++) {
            if (overlap(&routes->list[i], &routes->list[j])) {
                faults_add(faults, plan->file, plan->line,
                    "plan %s: .route \"%s\" takes paths that plan %s takes already.", plan->name,
                    plan->route, client->plans[j].name);
            }
        }
        check_query(plan, faults);
        check_callers(plan, faults);
    }
    return routes;
}

/* ---- for each request ---- */

/* The path's decoded segments; -1 when it has too many, or one that cannot be decoded. */
static int split(struct arena *arena, struct str path, struct str *segments)
{
    struct str segment;
    int count = 0;
    if (!str_starts(path, STR("/"))) {
        return -1;
    }
    struct str rest = str_from(path, 1);
    bool has_more = true;
    while (has_more) {
        has_more = str_cut(rest, '/', &segment, &rest);
        if (count == SEGMENTS_MAX ||
            !percent_decode(arena, segment, PERCENT_PLUS_IS_PLUS, &segments[count++])) {
            return -1;
        }
    }
    return count;
}

/* Such a segment says where to go, whoever reads it next; it names nothing. */
static bool names_nothing(struct str segment)
{
    return segment.len == 0 || str_eq(segment, STR(".")) || str_eq(segment, STR(".."));
}

static bool matches(const struct route *route, const struct str *segments, size_t count)
{
    if (route->segments_count != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct segment *wanted = &route->segments[i];
        if (wanted->is_value ? names_nothing(segments[i]) : !str_eq(wanted->text, segments[i])) {
            return false;
        }
    }
    return true;
}

static void take_path_values(
    struct request *request, const struct route *route, const struct str *segments)
{
    struct named *values = arena_zalloc(&request->arena, route->segments_count, sizeof(*values));
    size_t count = 0;
    for (size_t i = 0; i < route->segments_count; i++) {
        if (route->segments[i].is_value) {
            values[count++] = (struct named){ route->segments[i].text, segments[i] };
        }
    }
    request->routed.path_values = values;
    request->routed.path_values_count = count;
}

/* "*" is what can be passed through; HEAD goes where GET goes. */
static bool takes(const struct route *route, struct str method)
{
    enum http_method any;
    if (str_eq(route->method, STR("*"))) {
        return http_method_named(method, &any);
    }
    return str_eq(route->method, str_eq(method, STR("HEAD")) ? STR("GET") : method);
}

/* The place of the plan that such a request is for; SIZE_MAX: none. Routes do not overlap. */
static size_t plan_of(
    const struct core *core, struct str method, const struct str *segments, size_t count)
{
    for (size_t i = 0; i < core->routes->count; i++) {
        const struct route *route = &core->routes->list[i];
        if (takes(route, method) && matches(route, segments, count)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void take_plan(struct request *request, size_t plan)
{
    request->routed.plan = &request->worker->core->client->plans[plan];
    request->routed.plan_index = plan;
}

static bool has_method(struct str allow, struct str method)
{
    struct str one;
    while (str_cut(allow, ',', &one, &allow) || one.len) {
        if (str_eq(str_trim(one), method)) {
            return true;
        }
    }
    return false;
}

static void add_allow(struct request *request, struct str method)
{
    struct str allow = request->routed.allow;
    if (has_method(allow, method)) {
        return;
    }
    if (str_eq(method, STR("*"))) { /* then no other route has the path */
        request->routed.allow = STR("GET, HEAD, POST, PUT, PATCH, DELETE");
        return;
    }
    const char *comma = allow.len ? ", " : "";
    const char *head = str_eq(method, STR("GET")) ? ", HEAD" : "";
    request->routed.allow = str_of(arena_printf(
        &request->arena, "%.*s%s%.*s%s", STR_FMT(allow), comma, STR_FMT(method), head));
}

void route_glance(struct request *request)
{
    struct str segments[SEGMENTS_MAX], rest = str_from(request->received.path, 1);
    size_t count = 0;
    bool has_more = str_starts(request->received.path, STR("/"));
    while (has_more && count < SEGMENTS_MAX) {
        has_more = str_cut(rest, '/', &segments[count++], &rest);
    }
    size_t plan = has_more
                      ? SIZE_MAX
                      : plan_of(request->worker->core, request->received.method, segments, count);
    if (plan != SIZE_MAX) {
        take_plan(request, plan);
    }
}

static enum step_verdict find(struct request *request)
{
    const struct core *core = request->worker->core;
    const struct routes *routes = core->routes;
    struct str segments[SEGMENTS_MAX];
    int count = split(&request->arena, request->received.path, segments);
    size_t plan =
        count < 0 ? SIZE_MAX : plan_of(core, request->received.method, segments, (size_t)count);
    if (plan != SIZE_MAX) {
        take_plan(request, plan);
        take_path_values(request, &routes->list[plan], segments);
        return STEP_NEXT;
    }
    for (size_t i = 0; count >= 0 && i < routes->count; i++) {
        if (matches(&routes->list[i], segments, (size_t)count)) {
            add_allow(request, routes->list[i].method);
        }
    }
    if (request->routed.allow.len) {
        return request_refuse(request, PROBLEM_METHOD_NOT_ALLOWED, "This path takes %.*s.",
            STR_FMT(request->routed.allow));
    }
    return request_refuse(request, PROBLEM_NOT_FOUND, "No route of this server has this path.");
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-_.~", c) != NULL);
}

/* UTF-8 without control characters. */
static bool is_text(struct str s)
{
    for (size_t i = 0, len; i < s.len; i += len) {
        len = utf8_len(s.at + i, s.len - i);
        if (len == 0 || (unsigned char)s.at[i] < ' ' || s.at[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool is_all_word(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_word_byte(s.at[i])) {
            return false;
        }
    }
    return true;
}

static bool fits(const struct bff_query *query, struct str value)
{
    if (query->type == BFF_INTEGER) {
        uint64_t number;
        return str_u64(value, &number) && number >= (uint64_t)query->min &&
               number <= (uint64_t)query->max;
    }
    bool is_word = query->type == BFF_WORD;
    size_t max = query->max ? (size_t)query->max : is_word ? 64 : 256;
    if (value.len < (size_t)query->min || value.len > max || value.len == 0) {
        return false;
    }
    return is_word ? is_all_word(value) : is_text(value);
}

static enum step_verdict refuse_query(struct request *request, const struct bff_query *query)
{
    if (query->type == BFF_INTEGER) {
        return request_refuse(request, PROBLEM_BAD_QUERY,
            "The query parameter \"%s\" takes a whole number from %ld to %ld, once.", query->name,
            query->min, query->max);
    }
    bool is_word = query->type == BFF_WORD;
    return request_refuse(request, PROBLEM_BAD_QUERY,
        "The query parameter \"%s\" takes %s of at most %ld bytes, once.", query->name,
        is_word ? "a word of letters, digits and -_.~" : "a text without control characters",
        query->max ? query->max
        : is_word  ? 64L
                   : 256L);
}

static const struct bff_query *declared(const struct bff_plan *plan, struct str name, size_t *index)
{
    for (*index = 0; *index < BFF_QUERY_MAX && plan->query[*index].name; ++*index) {
        if (str_eq(str_of(plan->query[*index].name), name)) {
            return &plan->query[*index];
        }
    }
    return NULL;
}

static enum step_verdict read_query(struct request *request)
{
    const struct bff_plan *plan = request->routed.plan;
    struct str *values = request->routed.query_values;
    struct str rest = request->received.query, pair, name, value;
    while (str_cut(rest, '&', &pair, &rest) || pair.len) {
        size_t index;
        str_cut(pair, '=', &name, &value);
        const struct bff_query *query = declared(plan, name, &index);
        if (!query) {
            continue;
        }
        bool is_usable =
            !values[index].at &&
            percent_decode(&request->arena, value, PERCENT_PLUS_IS_SPACE, &values[index]) &&
            fits(query, values[index]);
        if (!is_usable) {
            return refuse_query(request, query);
        }
    }
    for (size_t i = 0; i < BFF_QUERY_MAX && plan->query[i].name; i++) {
        if (!values[i].at && plan->query[i].is_required) {
            return refuse_query(request, &plan->query[i]);
        }
        values[i] = values[i].at ? values[i] : str_of(plan->query[i].otherwise);
    }
    return STEP_NEXT;
}

/* The plan's time, or the client's own where that is shorter. */
static enum step_verdict set_budget(struct request *request)
{
    const struct settings *settings = request->worker->core->settings;
    unsigned plan_ms = request->routed.plan->budget_ms;
    uint64_t budget_ms = plan_ms ? plan_ms : settings->limits.budget_ms, own_ms = 0;
    struct str sent = request->received.budget;
    if (sent.at && (!str_u64(sent, &own_ms) || own_ms == 0)) {
        return request_refuse(request, PROBLEM_BAD_REQUEST,
            "BFF-Budget takes a whole number of milliseconds, from 1.");
    }
    budget_ms = sent.at && own_ms < budget_ms ? own_ms : budget_ms;
    request_budget(request, (unsigned)budget_ms);
    return STEP_NEXT;
}

bool route_streams(
    const struct core *core, struct str method, struct str target, uint64_t *body_max_bytes)
{
    if (!core->routes->have_passes) {
        return false;
    }
    struct arena arena;
    struct str segments[SEGMENTS_MAX], path, query;
    arena_init(&arena, NULL);
    str_cut(target, '?', &path, &query);
    int count = split(&arena, path, segments);
    size_t plan = count < 0 ? SIZE_MAX : plan_of(core, method, segments, (size_t)count);
    arena_release(&arena);
    if (plan == SIZE_MAX || !plan_passes(&core->client->plans[plan])) {
        return false;
    }
    size_t own_max = core->client->plans[plan].calls[0].body_max_bytes;
    *body_max_bytes = own_max ? own_max : core->settings->limits.body_bytes;
    return true;
}

enum step_verdict route_run(struct request *request)
{
    enum step_verdict verdict = find(request);
    if (verdict != STEP_NEXT) {
        return verdict;
    }
    verdict = set_budget(request);
    return verdict == STEP_NEXT ? read_query(request) : verdict;
}
