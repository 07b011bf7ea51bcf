/*
 * admin: what operators and their tools may ask.
 *
 * Owns the listener and the table of pages. Promises that a page changes nothing, waits for
 * nothing, and shares nothing with the clients' requests but the loop. Every answer is made at once
 * from what others publish: metrics, settings, plans, and two questions to those whom this room may
 * not know. Knows no key, no step.
 */
#include "admin.h"

#include "members.h"
#include "scrape.h"
#include "upstreams.h"

#include "../base/must.h"
#include "../wire/json.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    PAGE_MAX_BYTES = 16 * 1024 * 1024,
    CONNECTIONS_MAX = 32,
    HEAD_MAX_BYTES = 16 * 1024,
    TARGET_MAX_BYTES = 1024,
    BODY_MAX_BYTES = 1024,
    IDLE_MS = 120 * 1000, /* longer than any usual scrape interval */
    SLOW_MS = 10 * 1000,
    STUCK_MS = 10 * 1000, /* a loop that has not turned for so long is not healthy */
};

struct admin {
    struct core *core;
    struct admin_questions questions;
    struct http_server *server;
    unsigned answers; /* that are being written */
    bool is_draining;
};

/* An answer being made. */
struct page {
    unsigned status;
    const char *type;
    struct buf body;
};

/* ---- pages ---- */

static void quantile_members(struct buf *out, const struct histogram_view *view)
{
    static const struct {
        const char *name;
        double quantile;
    } quantiles[] = { { "p50_ms", 0.5 }, { "p95_ms", 0.95 }, { "p99_ms", 0.99 } };
    for (size_t i = 0; i < countof(quantiles) && view->count > 0; i++) {
        members_name(out, quantiles[i].name);
        buf_printf(out, "%.3f", histogram_view_quantile(view, quantiles[i].quantile) / 1000);
    }
}

static void healthz(struct admin *admin, const struct http_arrived *arrived, struct page *page)
{
    (void)arrived;
    uint64_t stuck_ms = metrics_slowest_turn_ms(admin->core->metrics);
    if (stuck_ms < STUCK_MS) {
        buf_append_str(&page->body, STR("ok\n"));
        return;
    }
    page->status = 503;
    buf_printf(&page->body, "a worker has not turned its loop for %llu ms\n",
        (unsigned long long)stuck_ms);
}

static void readyz(struct admin *admin, const struct http_arrived *arrived, struct page *page)
{
    (void)arrived;
    const char *reasons[3];
    size_t count = 0;
    const char *why = "the keys to check tokens with are missing";
    if (!admin->questions.keys(admin->questions.context, &why)) {
        reasons[count++] = why;
    }
    size_t refusing = metrics_refusing_most(admin->core->metrics);
    if (refusing > 0 && refusing * 2 >= admin->core->metrics->shards_count) {
        reasons[count++] =
            "most requests are refused, because there is more to do than can be done";
    }
    if (admin->is_draining) {
        reasons[count++] = "the server is about to stop";
    }
    page->status = count == 0 ? 200 : 503;
    buf_append_char(&page->body, '{');
    members_bool(&page->body, "ready", count == 0);
    members_name(&page->body, "reasons");
    buf_append_char(&page->body, '[');
    for (size_t i = 0; i < count; i++) {
        buf_append_str(&page->body, i > 0 ? STR(",") : STR(""));
        json_quote(&page->body, str_of(reasons[i]));
    }
    buf_append_str(&page->body, STR("]}\n"));
}

static void metrics_page(struct admin *admin, const struct http_arrived *arrived, struct page *page)
{
    const char *why;
    struct scrape_extras extras = {
        .are_keys_ready = admin->questions.keys(admin->questions.context, &why),
        .quota_evictions = admin->questions.quota_evictions(admin->questions.context),
    };
    enum exposition_format format = exposition_wanted(http_arrived_field(arrived, STR("accept")));
    process_read(&extras.process);
    page->type = exposition_content_type(format);
    scrape_write(admin->core->metrics, &extras, format, &page->body);
}

static void routes_page(struct admin *admin, const struct http_arrived *arrived, struct page *page)
{
    (void)arrived;
    struct buf *out = &page->body;
    buf_append_str(out, STR("{\"routes\":["));
    for (size_t i = 0; i < admin->core->metrics->routes_count; i++) {
        struct metrics_route route;
        metrics_route(admin->core->metrics, i, &route);
        members_object(out);
        members_word(out, "route", route.template);
        members_word(out, "plan", route.plan);
        members_number(out, "requests", route.requests);
        members_number(out, "2xx", route.by_class[2]);
        members_number(out, "4xx", route.by_class[4]);
        members_number(out, "5xx", route.by_class[5]);
        members_number(out, "unanswered", route.by_class[0]);
        quantile_members(out, &route.durations);
        buf_append_char(out, '}');
    }
    buf_append_str(out, STR("]}\n"));
}

static void services_page(
    struct admin *admin, const struct http_arrived *arrived, struct page *page)
{
    (void)arrived;
    struct buf *out = &page->body;
    buf_append_str(out, STR("{\"services\":["));
    for (size_t i = 0; i < admin->core->metrics->services_count; i++) {
        struct metrics_service service;
        metrics_service(admin->core->metrics, i, &service);
        members_object(out);
        members_word(out, "service", service.name);
        members_number(out, "calls", service.calls);
        members_name(out, "states");
        buf_append_char(out, '{');
        for (size_t state = 0; state < CALL_STATES; state++) {
            members_number(out, call_state_name((enum call_state)state), service.by_state[state]);
        }
        buf_append_char(out, '}');
        quantile_members(out, &service.durations);
        upstreams_members(admin->core, i, out);
        buf_append_char(out, '}');
    }
    buf_append_str(out, STR("]}\n"));
}

static void write_call(struct buf *out, const struct bff_call *call)
{
    members_object(out);
    members_word(out, "as", call->as);
    members_word(out, "from", call->from);
    members_word(out, "get", call->get);
    members_word(out, "post", call->post);
    members_word(out, "pass", call->pass);
    members_number(out, "timeout_ms", call->timeout_ms);
    members_bool(out, "is_detached", call->is_detached);
    buf_append_char(out, '}');
}

static void plans_page(struct admin *admin, const struct http_arrived *arrived, struct page *page)
{
    (void)arrived;
    const struct bff_client *client = admin->core->client;
    struct buf *out = &page->body;
    buf_append_char(out, '{');
    members_word(out, "client", client->name);
    members_name(out, "plans");
    buf_append_char(out, '[');
    for (size_t i = 0; i < client->plans_count; i++) {
        const struct bff_plan *plan = &client->plans[i];
        members_object(out);
        members_word(out, "name", plan->name);
        members_word(out, "route", plan->route);
        members_word(out, "about", plan->about);
        members_word(out, "allow", plan->allow == BFF_ALLOW_ANYONE ? "anyone" : "token");
        members_word(out, "scope", plan->scope);
        members_word(out, "shape", plan->shape);
        members_word(out, "priority", metrics_priorities[plan->priority]);
        members_number(out, "budget_ms",
            plan->budget_ms ? plan->budget_ms : admin->core->settings->limits.budget_ms);
        members_name(out, "calls");
        buf_append_char(out, '[');
        for (size_t call = 0; call < metrics_calls_count(plan); call++) {
            write_call(out, &plan->calls[call]);
        }
        buf_append_str(out, STR("]}"));
    }
    buf_append_str(out, STR("]}\n"));
}

static void settings_page(
    struct admin *admin, const struct http_arrived *arrived, struct page *page)
{
    (void)arrived;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    must(out != NULL);
    settings_print(admin->core->settings, out);
    must(fclose(out) == 0);
    buf_append(&page->body, text, len);
    free(text);
}

/* ---- answering ---- */

#define JSON "application/json"
#define TEXT "text/plain; charset=utf-8"

static const struct {
    const char *path;
    const char *type;
    void (*write)(struct admin *admin, const struct http_arrived *arrived, struct page *page);
} pages[] = {
    { "/healthz", TEXT, healthz },
    { "/readyz", JSON, readyz },
    { "/metrics", NULL, metrics_page }, /* the type is negotiated */
    { "/admin/routes", JSON, routes_page },
    { "/admin/services", JSON, services_page },
    { "/admin/plans", JSON, plans_page },
    { "/admin/settings", TEXT, settings_page },
};

/* An answer that refuses, as problem+json (RFC 9457). */
static void refuse(struct page *page, enum problem problem)
{
    const struct problem_row *row = problem_row(problem);
    buf_clear(&page->body);
    page->status = row->status;
    page->type = "application/problem+json";
    buf_append_char(&page->body, '{');
    members_name(&page->body, "type");
    buf_printf(&page->body, "\"urn:problem-type:bff:%s\"", row->slug);
    members_word(&page->body, "title", row->title);
    members_number(&page->body, "status", row->status);
    buf_append_str(&page->body, STR("}\n"));
}

static enum problem problem_of_refusal(enum http_refusal refused)
{
    static const enum problem problems[] = {
        [HTTP_REFUSED_NOT] = PROBLEM_NONE,
        [HTTP_REFUSED_MALFORMED] = PROBLEM_BAD_REQUEST,
        [HTTP_REFUSED_TARGET_TOO_LONG] = PROBLEM_TARGET_TOO_LONG,
        [HTTP_REFUSED_HEAD_TOO_LARGE] = PROBLEM_HEAD_TOO_LARGE,
        [HTTP_REFUSED_BODY_TOO_LARGE] = PROBLEM_BODY_TOO_LARGE,
        [HTTP_REFUSED_SLOW] = PROBLEM_REQUEST_TIMEOUT,
    };
    return problems[refused];
}

static enum problem write_page(
    struct admin *admin, const struct http_arrived *arrived, struct page *page)
{
    struct str path, query;
    str_cut(arrived->target, '?', &path, &query);
    if (arrived->refused != HTTP_REFUSED_NOT) {
        return problem_of_refusal(arrived->refused);
    }
    for (size_t i = 0; i < countof(pages); i++) {
        if (!str_eq(path, str_of(pages[i].path))) {
            continue;
        }
        if (!str_eq(arrived->method, STR("GET")) && !str_eq(arrived->method, STR("HEAD"))) {
            return PROBLEM_METHOD_NOT_ALLOWED;
        }
        page->type = pages[i].type;
        pages[i].write(admin, arrived, page);
        return page->body.is_overfull ? PROBLEM_INTERNAL : PROBLEM_NONE;
    }
    return PROBLEM_NOT_FOUND;
}

static void begin(void *context, struct http_exchange *exchange, const struct http_arrived *arrived)
{
    struct admin *admin = context;
    struct page page = { .status = 200 };
    buf_init(&page.body, PAGE_MAX_BYTES);
    enum problem problem = write_page(admin, arrived, &page);
    if (problem != PROBLEM_NONE) {
        refuse(&page, problem);
    }
    const struct http_field fields[] = {
        { STR("Content-Type"), str_of(page.type) },
        { STR("Cache-Control"), STR("no-store") },
        { STR("Allow"), STR("GET, HEAD") },
    };
    size_t fields_count = countof(fields) - (problem == PROBLEM_METHOD_NOT_ALLOWED ? 0 : 1);
    bool is_believed = arrived->refused == HTTP_REFUSED_NOT;
    admin->answers++;
    http_exchange_set_owner(exchange, admin);
    http_reply(exchange, page.status, fields, fields_count, &page.body,
        is_believed ? HTTP_KEEP : HTTP_CLOSE);
    buf_release(&page.body);
}

/* Nothing is under way for a client that leaves: `done` follows. */
static void gone(void *owner)
{
    (void)owner;
}

static void done(void *owner, bool is_sent, uint64_t sent_bytes)
{
    struct admin *admin = owner;
    (void)is_sent;
    (void)sent_bytes;
    admin->answers--;
}

struct admin *admin_new(struct loop *loop, struct core *core,
    const struct admin_questions *questions, int listen_fd, char *why)
{
    struct admin *admin = calloc(1, sizeof(*admin));
    must(admin != NULL);
    admin->core = core;
    admin->questions = *questions;
    const struct http_server_options options = {
        .listen_fd = listen_fd,
        .connections_max = CONNECTIONS_MAX,
        .idle_timeout_ms = IDLE_MS,
        .head_timeout_ms = SLOW_MS,
        .body_timeout_ms = SLOW_MS,
        .head_max_bytes = HEAD_MAX_BYTES,
        .target_max_bytes = TARGET_MAX_BYTES,
        .body_max_bytes = BODY_MAX_BYTES,
    };
    const struct http_server_user user = {
        .context = admin, .begin = begin, .gone = gone, .done = done
    };
    admin->server = http_server_new(loop, &options, &user, why);
    if (!admin->server) {
        free(admin);
        return NULL;
    }
    return admin;
}

void admin_drain(struct admin *admin)
{
    admin->is_draining = true;
}

void admin_free(struct admin *admin)
{
    if (!admin || admin->answers > 0) {
        return; /* a reader too slow to wait for: what it holds goes with the process */
    }
    http_server_free(admin->server);
    free(admin);
}
