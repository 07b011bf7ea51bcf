/* What operators see: the admin's pages, the metrics, the access log. */
#include "flow.h"

#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

TestSuite(operators, .init = flow_open, .fini = flow_close, .timeout = 100);

static void admin(const char *path, const char *accept, const struct flow_expected *expected)
{
    struct flow_answer answer;
    flow_ask_admin(path, accept, &answer);
    flow_expect(&answer, expected);
    flow_forget(&answer);
}

/* ---- pages ---- */

Test(operators, have_pages_of_their_own)
{
    flow_serve(&(struct flow_page){ .client = "tv" });
    flow_check(&(struct flow_question){ 0 }, &(struct flow_expected){ .status = 200 });
    admin("/healthz", NULL, &(struct flow_expected){ .status = 200 });
    admin("/readyz", NULL,
        &(struct flow_expected){
            .status = 200, .values = { { "/ready", "true" }, { "/reasons", "\\[]" } } });
    admin("/admin/routes", NULL,
        &(struct flow_expected){ .status = 200,
            .values = { { "/routes/0/route", "\"/v1/feed\"" }, { "/routes/0/2xx", "1" } } });
    admin("/admin/services", NULL,
        &(struct flow_expected){ .status = 200, .values = { { "/services/5/states/ok", "1" } } });
    admin("/admin/plans", NULL,
        &(struct flow_expected){ .status = 200,
            .values = { { "/client", "\"tv\"" }, { "/plans/0/calls/6/is_detached", "true" } } });
    admin("/admin/settings", NULL,
        &(struct flow_expected){ .status = 200, .fields = { "Content-Type: text/plain*" } });
    admin("/v1/feed", NULL, &(struct flow_expected){ .status = 404 });
}

/* The clients' side has none of them. */
Test(operators, have_them_to_themselves)
{
    static const char *const paths[] = { "/metrics", "/readyz", "/healthz", "/admin/settings" };
    flow_serve(&(struct flow_page){ .client = "mobile" });
    for (size_t i = 0; i < countof(paths); i++) {
        flow_check(&(struct flow_question){ .path = paths[i] },
            &(struct flow_expected){ .status = 404, .problem = "not-found" });
    }
}

/* ---- metrics ---- */

/* Something of everything: good, refused, matched, not matched, a service that fails. */
static void ask_around(void)
{
    static const struct flow_question questions[] = { { 0 }, { .path = "/nowhere" },
        { .token = "a.b.c" }, { .method = "DELETE" }, { .path = "/v1/feed?limit=0" } };
    for (size_t i = 0; i < countof(questions); i++) {
        struct flow_answer answer;
        flow_ask(&questions[i], &answer);
        flow_forget(&answer);
    }
}

Test(operators, can_let_prometheus_read_the_metrics)
{
    struct flow_answer answer;
    char command[300], said[4000] = "";
    if (access("/usr/bin/promtool", X_OK) != 0) {
        cr_skip_test("promtool is not installed");
    }
    flow_serve(&(struct flow_page){ .client = "web",
        .services = { { "ads", .order = "{\"body\":\"wrong-type\"}" },
            { "notifications", .order = "{\"status\":500}" } } });
    ask_around();
    flow_ask_admin("/metrics", NULL, &answer);
    FILE *page = fopen(flow_file("metrics"), "we");
    cr_assert_eq(fwrite(answer.body.data, 1, answer.body.len, page), answer.body.len);
    fclose(page);
    flow_forget(&answer);
    snprintf(command, sizeof(command), "promtool check metrics < %s 2>&1", flow_file("metrics"));
    FILE *tool = popen(command, "r");
    said[fread(said, 1, sizeof(said) - 1, tool)] = '\0';
    cr_assert_eq(pclose(tool), 0, "%s", said);
    cr_assert_str_empty(said);
}

Test(operators, see_each_request_once)
{
    flow_serve(&(struct flow_page){ .client = "mobile" });
    ask_around();
    static const struct {
        const char *sample;
        double value;
    } samples[] = {
        { "http_server_request_duration_seconds_count{http_route=\"/v1/feed\","
          "http_request_method=\"GET\",http_response_status_code=\"200\"}",
            1 },
        { "http_server_request_duration_seconds_count{http_route=\"unmatched\","
          "http_request_method=\"GET\",http_response_status_code=\"404\"}",
            1 },
        { "http_server_request_duration_seconds_count{http_route=\"unmatched\","
          "http_request_method=\"DELETE\",http_response_status_code=\"405\"}",
            1 },
        { "bff_problems_total{problem=\"token-invalid\"}", 1 },
        { "bff_problems_total{problem=\"bad-query\"}", 1 },
        { "bff_problems_total{problem=\"internal\"}", 0 },
        { "bff_calls_total{plan=\"feed\",call=\"posts\",service=\"posts\",state=\"ok\"}", 1 },
        { "http_client_request_duration_seconds_count{service=\"posts\",state=\"ok\"}", 1 },
        { "bff_keys_ready", 1 },
        { "bff_detached_dropped_total{service=\"analytics\",reason=\"open\"}", 0 },
        { "bff_quota_evictions_total", 0 },
        { "http_server_active_requests", 0 },
    };
    for (size_t i = 0; i < countof(samples); i++) {
        flow_until(flow_metric(samples[i].sample) == samples[i].value);
    }
    cr_assert_gt(flow_metric("process_resident_memory_bytes"), 1e6);
}

/* ---- the access log ---- */

/* A member that stands in bff-core/README.md. */
static bool is_documented(const char *member)
{
    char *readme = flow_read("bff-core/README.md"), *table = strstr(readme, "## The access log");
    cr_assert_not_null(table);
    char *end = strstr(table + 1, "\n## "), quoted[64];
    snprintf(quoted, sizeof(quoted), "`%s`", member);
    *end = '\0';
    bool is_there = strstr(table, quoted) != NULL;
    free(readme);
    return is_there;
}

static void check_members(struct json_object *object)
{
    json_object_object_foreach(object, name, value)
    {
        cr_assert(is_documented(name), "bff-core/README.md does not know %s", name);
        for (size_t i = 0;
             json_object_is_type(value, json_type_array) && i < json_object_array_length(value);
             i++) {
            check_members(json_object_array_get_idx(value, i));
        }
    }
}

static const char *text_at(struct json_object *object, const char *name)
{
    struct json_object *value;
    return json_object_object_get_ex(object, name, &value) ? json_object_get_string(value) : NULL;
}

/* The lines as objects; how many there are. */
static size_t read_log(const char *path, struct json_object **lines, size_t room)
{
    char *text = flow_read(path), *rest = text, *line;
    size_t count = 0;
    while ((line = strsep(&rest, "\n")) && *line) {
        cr_assert_lt(count, room);
        lines[count] = json_tokener_parse(line);
        cr_assert_not_null(lines[count], "no JSON: %s", line);
        check_members(lines[count++]);
    }
    cr_assert(line && !rest, "the last line is not whole");
    free(text);
    return count;
}

static char *log_setting(void)
{
    char *setting;
    cr_assert_gt(asprintf(&setting, "log.access=%s", flow_file("access.log")), 0);
    return setting;
}

static void is_text(struct json_object *line, const char *name, const char *wanted)
{
    const char *found = text_at(line, name);
    bool is_right = found && wanted ? strcmp(found, wanted) == 0 : found == wanted;
    cr_assert(is_right, "%s is %s", name, found ? found : "not there");
}

Test(operators, have_a_line_for_each_request)
{
    char *setting = log_setting();
    struct json_object *lines[10];
    flow_serve(&(struct flow_page){ .client = "mobile",
        .services = { { "recommendations", .order = "{\"status\":503}" } },
        .set = { setting } });
    flow_check(&(struct flow_question){ .path = "/v1/feed?limit=3&secret=shh",
                   .fields = { "X-Request-Id: app-1", "User-Agent: app/7",
                       "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } },
        &(struct flow_expected){ .status = 200 });
    flow_check(
        &(struct flow_question){ .token = "a.b.c" }, &(struct flow_expected){ .status = 401 });
    flow_check(
        &(struct flow_question){ .path = "/no\"where" }, &(struct flow_expected){ .status = 400 });
    cr_assert_eq(flow_stop(), 0);
    cr_assert_eq(read_log(flow_file("access.log"), lines, countof(lines)), 3);
    is_text(lines[0], "request_id", "app-1");
    is_text(lines[0], "trace_id", "0af7651916cd43dd8448eb211c80319c");
    is_text(lines[0], "client", "mobile");
    is_text(lines[0], "address", "127.0.0.1");
    is_text(lines[0], "method", "GET");
    is_text(lines[0], "route", "/v1/feed");
    is_text(lines[0], "path", "/v1/feed");
    is_text(lines[0], "status", "200");
    is_text(lines[0], "coding", "gzip");
    is_text(lines[0], "user", "1001");
    is_text(lines[0], "user_agent", "app/7");
    is_text(lines[0], "problem", NULL);
    struct json_object *calls = json_object_object_get(lines[0], "calls");
    cr_assert_eq(json_object_array_length(calls), 7);
    is_text(json_object_array_get_idx(calls, 2), "as", "recs");
    is_text(json_object_array_get_idx(calls, 2), "state", "failed");
    is_text(json_object_array_get_idx(calls, 2), "status", "503");
    is_text(lines[1], "problem", "token-invalid");
    cr_assert_not_null(text_at(lines[1], "why"));
    is_text(lines[1], "user", NULL);
    is_text(lines[2], "problem", "bad-request");
    is_text(lines[2], "route", NULL);
    char *text = flow_read(flow_file("access.log"));
    cr_assert_null(strstr(text, "shh"), "a query is logged");
    cr_assert_null(strstr(text, "a.b.c"), "a token is logged");
    free(text);
    free(setting);
    for (size_t i = 0; i < 3; i++) {
        json_object_put(lines[i]);
    }
}

static bool has_said(const char *words)
{
    char *text = flow_read(flow_file("server.log"));
    bool is_said = strstr(text, words) != NULL;
    free(text);
    return is_said;
}

static bool is_written(const char *path)
{
    char *text = flow_read(path);
    bool is_written = *text != '\0';
    free(text);
    return is_written;
}

/* As logrotate does it. */
Test(operators, may_move_the_log_away)
{
    char *setting = log_setting(), *path = strdup(flow_file("access.log"));
    struct json_object *lines[4];
    flow_serve(&(struct flow_page){ .client = "mobile", .set = { setting } });
    flow_check(
        &(struct flow_question){ .path = "/first" }, &(struct flow_expected){ .status = 404 });
    flow_until(is_written(path));
    cr_assert_eq(rename(path, flow_file("access.log.1")), 0);
    flow_signal(SIGHUP);
    flow_until(has_said("the access log was opened anew"));
    flow_check(
        &(struct flow_question){ .path = "/second" }, &(struct flow_expected){ .status = 404 });
    cr_assert_eq(flow_stop(), 0);
    cr_assert_eq(read_log(flow_file("access.log.1"), lines, countof(lines)), 1);
    is_text(lines[0], "path", "/first");
    json_object_put(lines[0]);
    cr_assert_eq(read_log(path, lines, countof(lines)), 1);
    is_text(lines[0], "path", "/second");
    json_object_put(lines[0]);
    free(setting);
    free(path);
}
