/* The operators' pages: what each answers, and that nothing else is answered. */
#include "fixture.h"

#include "observe/admin.h"
#include "wire/http_server.h"

#include <stdio.h>

/* ---- a listener without a network: it keeps its user and the last answer ---- */

static struct {
    struct http_server_user user;
    unsigned status;
    char type[100];
    char allow[32];
    char body[64 * 1024];
    enum http_after after;
    bool is_open;
} wire;

struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
    const struct http_server_user *user, char *why)
{
    cr_assert(loop != NULL && options->tls == NULL && why != NULL);
    cr_assert(options->target_max_bytes > 0 && options->head_max_bytes > 0);
    wire.user = *user;
    wire.is_open = true;
    return (struct http_server *)&wire;
}

void http_server_free(struct http_server *server)
{
    cr_assert(server == (struct http_server *)&wire);
    wire.is_open = false;
}

void http_exchange_set_owner(struct http_exchange *exchange, void *owner)
{
    cr_assert(exchange != NULL && owner != NULL);
}

struct str http_arrived_field(const struct http_arrived *arrived, struct str name)
{
    for (size_t i = 0; i < arrived->fields_count; i++) {
        if (str_eq_nocase(arrived->fields[i].name, name)) {
            return arrived->fields[i].value;
        }
    }
    return (struct str){ NULL, 0 };
}

static void keep(char *out, size_t room, struct str value)
{
    cr_assert_lt(value.len, room);
    memcpy(out, value.at, value.len);
    out[value.len] = '\0';
}

void http_reply(struct http_exchange *exchange, unsigned status, const struct http_field *fields,
    size_t fields_count, struct buf *body, enum http_after after)
{
    cr_assert(exchange != NULL);
    wire.status = status;
    wire.after = after;
    wire.type[0] = wire.allow[0] = '\0';
    for (size_t i = 0; i < fields_count; i++) {
        if (str_eq(fields[i].name, STR("Content-Type"))) {
            keep(wire.type, sizeof(wire.type), fields[i].value);
        } else if (str_eq(fields[i].name, STR("Allow"))) {
            keep(wire.allow, sizeof(wire.allow), fields[i].value);
        }
    }
    keep(wire.body, sizeof(wire.body), buf_str(body));
    buf_release(body);
}

void settings_print(const struct settings *settings, FILE *out)
{
    fprintf(out, "listen = { workers = %u; };\n", settings->listen.workers);
}

/* ---- the page under test ---- */

static struct house house;
static struct visit visit;
static struct admin *admin;
static const char *keys_why; /* NULL: ready */

static bool are_keys_ready(void *context, const char **why)
{
    cr_assert(context == &house);
    *why = keys_why ? keys_why : *why;
    return keys_why == NULL;
}

static uint64_t count_evictions(void *context)
{
    cr_assert(context == &house);
    return 17;
}

static void open_page(void)
{
    char why[256];
    const struct admin_questions questions = {
        .context = &house, .keys = are_keys_ready, .quota_evictions = count_evictions
    };
    house_open(&house, "off");
    keys_why = NULL;
    admin = admin_new(house.workers[0].loop, &house.core, &questions, -1, why);
    cr_assert(admin != NULL);
}

static void close_page(void)
{
    admin_free(admin);
    cr_assert_not(wire.is_open);
    house_close(&house);
}

TestSuite(admin, .init = open_page, .fini = close_page, .timeout = 20);

static void ask(const char *method, const char *target, const char *accept)
{
    static int exchange;
    const struct http_field field = { STR("accept"), str_of(accept) };
    const struct http_arrived arrived = {
        .method = str_of(method),
        .target = str_of(target),
        .fields = &field,
        .fields_count = accept ? 1 : 0,
    };
    wire.user.begin(wire.user.context, (struct http_exchange *)&exchange, &arrived);
    wire.user.done(wire.user.context, true, strlen(wire.body));
}

static void answers(const char *target, unsigned status, const char *type, const char *body)
{
    ask("GET", target, NULL);
    cr_assert_eq(wire.status, status, "%s: %u", target, wire.status);
    cr_assert_str_eq(wire.type, type);
    cr_assert_str_eq(wire.body, body);
}

Test(admin, healthz_is_ok_until_a_loop_is_stuck)
{
    answers("/healthz", 200, "text/plain; charset=utf-8", "ok\n");
    answers("/healthz?verbose", 200, "text/plain; charset=utf-8", "ok\n");
    counter_set(&house.workers[1].metrics->last_turn_us, 1);
    ask("GET", "/healthz", NULL);
    cr_assert_eq(wire.status, 503);
    cr_assert(strstr(wire.body, "a worker has not turned its loop for ") == wire.body);
}

Test(admin, readyz_lists_each_reason)
{
    answers("/readyz", 200, "application/json", "{\"ready\":true,\"reasons\":[]}\n");
    keys_why = "no key set has been fetched yet";
    answers("/readyz", 503, "application/json",
        "{\"ready\":false,\"reasons\":[\"no key set has been fetched yet\"]}\n");
    admin_drain(admin);
    answers("/readyz", 503, "application/json",
        "{\"ready\":false,\"reasons\":[\"no key set has been fetched yet\","
        "\"the server is about to stop\"]}\n");
    answers("/healthz", 200, "text/plain; charset=utf-8", "ok\n");
}

Test(admin, readyz_is_false_while_half_of_the_workers_refuse_most)
{
    answers("/readyz", 200, "application/json", "{\"ready\":true,\"reasons\":[]}\n");
    counter_set(&house.workers[1].metrics->refuses_most, 1);
    answers("/readyz", 503, "application/json",
        "{\"ready\":false,\"reasons\":[\"most requests are refused, because there is more to do "
        "than can be done\"]}\n");
    counter_set(&house.workers[1].metrics->refuses_most, 0);
    answers("/readyz", 200, "application/json", "{\"ready\":true,\"reasons\":[]}\n");
}

Test(admin, metrics_come_in_the_format_that_is_wanted)
{
    ask("GET", "/metrics", NULL);
    cr_assert_eq(wire.status, 200);
    cr_assert_str_eq(wire.type, "text/plain; version=0.0.4; charset=utf-8");
    cr_assert(strstr(wire.body, "\nbff_keys_ready 1\n"));
    cr_assert(strstr(wire.body, "\nbff_quota_evictions_total 17\n"));
    keys_why = "no keys";
    ask("GET", "/metrics", "application/openmetrics-text; version=1.0.0");
    cr_assert_str_eq(wire.type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    cr_assert(strstr(wire.body, "\nbff_keys_ready 0\n"));
    cr_assert_str_eq(wire.body + strlen(wire.body) - 6, "# EOF\n");
}

Test(admin, routes)
{
    finish_run(visit_feed(&visit, &house.workers[0]));
    finish_run(visit_refused(&visit, &house.workers[1], PROBLEM_NOT_FOUND, false));
    answers("/admin/routes", 200, "application/json",
        "{\"routes\":[{\"route\":\"/v1/feed\",\"plan\":\"feed\",\"requests\":1,\"2xx\":1,"
        "\"4xx\":0,\"5xx\":0,\"unanswered\":0,"
        "\"p50_ms\":12.500,\"p95_ms\":14.750,\"p99_ms\":14.950},"
        "{\"route\":\"/v1/posts/{id}\",\"plan\":\"post\",\"requests\":0,\"2xx\":0,\"4xx\":0,"
        "\"5xx\":0,\"unanswered\":0},"
        "{\"route\":\"unmatched\",\"requests\":1,\"2xx\":0,\"4xx\":1,\"5xx\":0,"
        "\"unanswered\":0,\"p50_ms\":0.175,\"p95_ms\":0.242,\"p99_ms\":0.248}]}\n");
}

/* No worker here has services; test_upstreams.c has. */
#define UNSEEN                                                                                     \
    "\"in_flight\":0,\"limit\":0,\"queued\":0,\"retries\":0,\"moves\":0,\"hedges\":0,\"hedges_"    \
    "won\":0,"                                                                                     \
    "\"refused_open\":0,\"refused_full\":0,"                                                       \
    "\"dropped\":{\"queue\":0,\"late\":0,\"open\":0,\"full\":0},\"hosts\":[]"

Test(admin, services)
{
    finish_run(visit_feed(&visit, &house.workers[0]));
    answers("/admin/services", 200, "application/json",
        "{\"services\":[{\"service\":\"profiles\",\"calls\":1,\"states\":{\"waiting\":0,"
        "\"underway\":0,\"ok\":1,\"cached\":0,\"stale\":0,\"otherwise\":0,\"skipped\":0,"
        "\"timeout\":0,\"failed\":0,\"cancelled\":0,\"detached\":0,\"dropped\":0},"
        "\"p50_ms\":8.750,\"p95_ms\":9.875,\"p99_ms\":9.975," UNSEEN "},"
        "{\"service\":\"ads\",\"calls\":2,\"states\":{\"waiting\":0,\"underway\":0,\"ok\":0,"
        "\"cached\":0,\"stale\":0,\"otherwise\":0,\"skipped\":0,\"timeout\":0,\"failed\":1,"
        "\"cancelled\":0,\"detached\":1,\"dropped\":0},"
        "\"p50_ms\":2.000,\"p95_ms\":2.450,\"p99_ms\":2.490," UNSEEN "}]}\n");
}

Test(admin, plans)
{
    answers("/admin/plans", 200, "application/json",
        "{\"client\":\"mobile\",\"plans\":[{\"name\":\"feed\",\"route\":\"GET /v1/feed\","
        "\"about\":\"The \\\"home\\\" feed.\",\"allow\":\"token\",\"scope\":\"feed:read\","
        "\"shape\":\"mobile/feed.v1\",\"priority\":\"normal\",\"budget_ms\":1000,\"calls\":["
        "{\"as\":\"profile\",\"from\":\"profiles\",\"get\":\"/v1/users/{claims.sub}\","
        "\"timeout_ms\":0,\"is_detached\":false},"
        "{\"as\":\"ads\",\"from\":\"ads\",\"get\":\"/v1/slots\","
        "\"timeout_ms\":120,\"is_detached\":false},"
        "{\"as\":\"viewed\",\"from\":\"ads\",\"post\":\"/v1/events\","
        "\"timeout_ms\":0,\"is_detached\":true}]},"
        "{\"name\":\"post\",\"route\":\"POST /v1/posts/{id}\",\"allow\":\"token\","
        "\"priority\":\"high\",\"budget_ms\":300,\"calls\":[]}]}\n");
}

Test(admin, settings)
{
    answers("/admin/settings", 200, "text/plain; charset=utf-8", "listen = { workers = 2; };\n");
}

Test(admin, everything_else_is_refused)
{
    answers("/nothing", 404, "application/problem+json",
        "{\"type\":\"urn:problem-type:bff:not-found\","
        "\"title\":\"There is nothing at this path\",\"status\":404}\n");
    ask("POST", "/metrics", NULL);
    cr_assert_eq(wire.status, 405);
    cr_assert_str_eq(wire.allow, "GET, HEAD");
    ask("HEAD", "/healthz", NULL);
    cr_assert_eq(wire.status, 200);
    cr_assert_eq(wire.after, HTTP_KEEP);
}

Test(admin, what_cannot_be_believed_ends_its_connection)
{
    static int exchange;
    const struct http_arrived arrived = { .refused = HTTP_REFUSED_HEAD_TOO_LARGE };
    wire.user.begin(wire.user.context, (struct http_exchange *)&exchange, &arrived);
    wire.user.done(wire.user.context, true, 0);
    cr_assert_eq(wire.status, 431);
    cr_assert_eq(wire.after, HTTP_CLOSE);
}

Test(admin, an_answer_that_is_still_read_does_not_hold_up_the_end)
{
    static int exchange;
    const struct http_arrived arrived = { .method = STR("GET"), .target = STR("/metrics") };
    wire.user.begin(wire.user.context, (struct http_exchange *)&exchange, &arrived);
    admin_free(admin);
    cr_assert(wire.is_open, "the listener still has its exchange");
    wire.user.done(wire.user.context, false, 0);
}
