/* What is counted for a handful of requests, and the whole text of a scrape. */
#include "fixture.h"

#include "observe/scrape.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static struct house house;
static struct visit visit;
static struct buf out;
static const struct scrape_extras extras = {
    .are_keys_ready = true,
    .process = { .resident_bytes = 4096, .cpu_us = 2000001, .open_fds = 9 },
};

static void open_page(void)
{
    house_open(&house, "off");
    buf_init(&out, 1 << 20);
}

static void close_page(void)
{
    buf_release(&out);
    house_close(&house);
}

TestSuite(metrics, .init = open_page, .fini = close_page, .timeout = 60);

static const char *scrape(void)
{
    buf_clear(&out);
    scrape_write(house.core.metrics, &extras, EXPOSITION_PROMETHEUS, &out);
    cr_assert_not(out.is_overfull);
    return out.data;
}

/* `line` stands in the scrape as a whole line. */
static void has(const char *line)
{
    char *wanted = NULL;
    cr_assert(asprintf(&wanted, "\n%s\n", line) > 0);
    cr_assert(strstr(scrape(), wanted) != NULL, "no line: %s\n%s", line, out.data);
    free(wanted);
}

static void has_not(const char *text)
{
    cr_assert(strstr(scrape(), text) == NULL, "there is: %s", text);
}

#define FEED_200                                                                                   \
    "http_route=\"/v1/feed\",http_request_method=\"GET\",http_response_status_code=\"200\""

Test(metrics, a_served_request_is_counted_where_it_belongs)
{
    finish_run(visit_feed(&visit, &house.workers[0]));
    finish_run(visit_feed(&visit, &house.workers[1]));
    has("http_server_request_duration_seconds_bucket{" FEED_200 ",le=\"0.01\"} 0");
    has("http_server_request_duration_seconds_bucket{" FEED_200 ",le=\"0.015\"} 2");
    has("http_server_request_duration_seconds_bucket{" FEED_200 ",le=\"30.0\"} 2");
    has("http_server_request_duration_seconds_bucket{" FEED_200 ",le=\"+Inf\"} 2");
    has("http_server_request_duration_seconds_sum{" FEED_200 "} 0.02469");
    has("http_server_request_duration_seconds_count{" FEED_200 "} 2");
    has("bff_overhead_seconds_sum{http_route=\"/v1/feed\"} 0.00469");
    has("bff_response_body_bytes_sum{http_route=\"/v1/feed\",form=\"plain\"} 10000");
    has("bff_response_body_bytes_sum{http_route=\"/v1/feed\",form=\"coded\"} 2400");
    has("http_client_request_duration_seconds_sum{service=\"profiles\",state=\"ok\"} 0.02");
    has("http_client_request_duration_seconds_count{service=\"ads\",state=\"failed\"} 2");
    has_not("http_client_request_duration_seconds_count{service=\"ads\",state=\"detached\"}");
    has("bff_calls_total{plan=\"feed\",call=\"profile\",service=\"profiles\",state=\"ok\"} 2");
    has("bff_calls_total{plan=\"feed\",call=\"ads\",service=\"ads\",state=\"failed\"} 2");
    has("bff_calls_total{plan=\"feed\",call=\"viewed\",service=\"ads\",state=\"detached\"} 2");
    has("bff_calls_total{plan=\"feed\",call=\"viewed\",service=\"ads\",state=\"ok\"} 0");
    has("bff_problems_total{problem=\"not-found\"} 0");
    has_not("problem=\"\"");
}

Test(metrics, refusals_are_counted_by_reason_and_policy)
{
    struct request *request =
        visit_refused(&visit, &house.workers[1], PROBLEM_QUOTA_EXCEEDED, true);
    request->limited.policy = "user";
    finish_run(request);
    finish_run(visit_refused(&visit, &house.workers[0], PROBLEM_TOKEN_INVALID, true));
    finish_run(visit_refused(&visit, &house.workers[0], PROBLEM_TOKEN_EXPIRED, true));
    has("bff_problems_total{problem=\"quota-exceeded\"} 1");
    has("bff_problems_total{problem=\"token-invalid\"} 1");
    has("bff_quota_refusals_total{policy=\"user\"} 1");
    has("bff_quota_refusals_total{policy=\"address\"} 0");
    has("http_server_request_duration_seconds_count{http_route=\"/v1/feed\","
        "http_request_method=\"GET\",http_response_status_code=\"401\"} 2");
}

Test(metrics, early_refusals_are_counted_by_plan)
{
    struct request *request = visit_refused(&visit, &house.workers[0], PROBLEM_OVERLOADED, true);
    request->pressed.retry_after_s = 2;
    finish_run(request);
    request = visit_refused(&visit, &house.workers[1], PROBLEM_OVERLOADED, true);
    request->pressed.retry_after_s = 1;
    finish_run(request);
    finish_run(visit_refused(&visit, &house.workers[1], PROBLEM_OVERLOADED, false)); /* no room */
    has("bff_shed_total{plan=\"feed\",priority=\"normal\"} 2");
    has("bff_shed_total{plan=\"post\",priority=\"high\"} 0");
    has("bff_problems_total{problem=\"overloaded\"} 3");
}

Test(metrics, how_hard_the_workers_are_pressed)
{
    has("bff_loop_delay_seconds 0.0");
    has("bff_shedding_workers{requests=\"some\"} 0");
    counter_set(&house.workers[0].metrics->delay_us, 12000);
    counter_set(&house.workers[1].metrics->delay_us, 34000);
    counter_set(&house.workers[0].metrics->limit, 120);
    counter_set(&house.workers[1].metrics->limit, 80);
    counter_set(&house.workers[1].metrics->refuses_most, 1);
    has("bff_loop_delay_seconds 0.034");
    has("bff_shed_limit 200");
    has("bff_shedding_workers{requests=\"some\"} 2");
    has("bff_shedding_workers{requests=\"most\"} 1");
}

Test(metrics, a_stranger_makes_no_new_series)
{
    char method[16];
    for (int i = 0; i < 100; i++) {
        struct request *request =
            visit_refused(&visit, &house.workers[0], PROBLEM_NOT_FOUND, false);
        int len = snprintf(method, sizeof(method), "M%d", i);
        request->received.method = (struct str){ method, (size_t)len };
        request->received.path = (struct str){ method, (size_t)len };
        finish_run(request);
    }
    has("http_server_request_duration_seconds_count{http_route=\"unmatched\","
        "http_request_method=\"_OTHER\",http_response_status_code=\"404\"} 100");
    has_not("M1");
}

Test(metrics, a_client_that_left_has_no_status_and_no_body)
{
    struct request *request = visit_refused(&visit, &house.workers[0], PROBLEM_CLIENT_GONE, true);
    request->replied.is_sent = request->replied.was_handed_over = false;
    finish_run(request);
    has("http_server_request_duration_seconds_count{http_route=\"/v1/feed\","
        "http_request_method=\"GET\",http_response_status_code=\"\"} 1");
    has_not("bff_response_body_bytes_count");
}

static void record_repairs(struct worker *worker, const char *path, unsigned times)
{
    struct request *request = visit_feed(&visit, worker);
    visit.repairs[0] = (struct repair){ .call = 1, .path = path, .times = times };
    request->projected.repairs = visit.repairs;
    request->projected.repairs_count = 1;
    finish_run(request);
}

Test(metrics, repairs_of_all_workers_are_one_series_and_are_bounded)
{
    static char paths[METRICS_REPAIRS_MAX + 10][24];
    record_repairs(&house.workers[0], "items[*].id", 2);
    record_repairs(&house.workers[1], "items[*].url", 5);
    record_repairs(&house.workers[1], "items[*].id", 3);
    has("bff_repairs_total{plan=\"feed\",call=\"ads\",path=\"items[*].id\"} 5");
    has("bff_repairs_total{plan=\"feed\",call=\"ads\",path=\"items[*].url\"} 5");
    const char *first = strstr(out.data, "path=\"items[*].id\"");
    cr_assert(strstr(first + 1, "path=\"items[*].id\"") == NULL, "written once");
    has_not("path=\"other\"");
    for (size_t i = 0; i < countof(paths); i++) {
        snprintf(paths[i], sizeof(paths[i]), "path%zu", i);
        record_repairs(&house.workers[0], paths[i], 1);
    }
    has("bff_repairs_total{plan=\"feed\",call=\"ads\",path=\"path62\"} 1");
    has_not("path63");
    has("bff_repairs_total{plan=\"feed\",call=\"\",path=\"other\"} 11");
}

static void record_forms(struct worker *worker, bool is_trimmed, bool is_oversize)
{
    struct request *request = visit_feed(&visit, worker);
    request->projected.is_trimmed[FORM_PLAIN] = is_trimmed;
    request->projected.is_trimmed[FORM_GZIP] = true;
    request->projected.is_oversize[FORM_GZIP] = is_oversize;
    finish_run(request);
}

Test(metrics, what_a_bound_has_cost_is_counted_by_plan_and_form)
{
    record_forms(&house.workers[0], true, false);
    record_forms(&house.workers[1], false, true);
    has("bff_trimmed_total{plan=\"feed\",form=\"plain\"} 1");
    has("bff_trimmed_total{plan=\"feed\",form=\"gzip\"} 2");
    has("bff_oversize_total{plan=\"feed\",form=\"plain\"} 0");
    has("bff_oversize_total{plan=\"feed\",form=\"gzip\"} 1");
    has("bff_trimmed_total{plan=\"post\",form=\"gzip\"} 0");
}

/* The end of the scrape, which does not depend on requests, word by word. */
Test(metrics, the_process_shows_itself)
{
    house.core.metrics->started_wall_us = 1795500055000000;
    const char *text = strstr(scrape(), "# HELP bff_build_info");
    cr_assert_not_null(text);
    cr_assert_str_eq(text,
        "# HELP bff_build_info Which server this is.\n"
        "# TYPE bff_build_info gauge\n"
        "bff_build_info{version=\"0.1.0\",client=\"mobile\"} 1\n"
        "# HELP bff_workers Worker threads.\n"
        "# TYPE bff_workers gauge\n"
        "bff_workers 2\n"
        "# HELP bff_keys_ready 1 while there are keys to check tokens with.\n"
        "# TYPE bff_keys_ready gauge\n"
        "bff_keys_ready 1\n"
        "# HELP bff_access_lines_dropped_total Access log lines that were lost because their "
        "target did not keep up.\n"
        "# TYPE bff_access_lines_dropped_total counter\n"
        "bff_access_lines_dropped_total 0\n"
        "# HELP process_start_time_seconds When the process started, since 1970.\n"
        "# TYPE process_start_time_seconds gauge\n"
        "process_start_time_seconds 1795500055.0\n"
        "# HELP process_cpu_seconds_total User and system time spent.\n"
        "# TYPE process_cpu_seconds_total counter\n"
        "process_cpu_seconds_total 2.000001\n"
        "# HELP process_resident_memory_bytes Memory in use.\n"
        "# TYPE process_resident_memory_bytes gauge\n"
        "process_resident_memory_bytes 4096\n"
        "# HELP process_open_fds Open file descriptors.\n"
        "# TYPE process_open_fds gauge\n"
        "process_open_fds 9\n");
}

Test(metrics, the_process_can_be_read)
{
    struct process process;
    process_read(&process);
    cr_assert_gt(process.resident_bytes, 100000);
    cr_assert_gt(process.open_fds, 2);
    cr_assert_lt(process.open_fds, 1000);
}

Test(metrics, routes_and_services_add_up)
{
    struct metrics_route route;
    struct metrics_service service;
    finish_run(visit_feed(&visit, &house.workers[0]));
    finish_run(visit_refused(&visit, &house.workers[1], PROBLEM_TOKEN_INVALID, true));
    finish_run(visit_refused(&visit, &house.workers[1], PROBLEM_UPSTREAM_TIMEOUT, true));
    metrics_route(house.core.metrics, 0, &route);
    cr_assert_str_eq(route.template, "/v1/feed");
    cr_assert_str_eq(route.plan, "feed");
    cr_assert_eq(route.requests, 3);
    cr_assert(route.by_class[2] == 1 && route.by_class[4] == 1 && route.by_class[5] == 1);
    metrics_route(house.core.metrics, 2, &route);
    cr_assert(route.plan == NULL && route.requests == 0);
    metrics_service(house.core.metrics, 1, &service);
    cr_assert_str_eq(service.name, "ads");
    cr_assert_eq(service.calls, 2);
    cr_assert(service.by_state[CALL_FAILED] == 1 && service.by_state[CALL_DETACHED] == 1);
    cr_assert_eq(service.durations.sum, 2000);
}

/* ---- the worker shows itself ---- */

static void stop(struct deadline *deadline)
{
    (void)deadline;
    loop_stop(house.workers[0].loop);
}

Test(metrics, gauges_follow_the_worker_until_it_ends)
{
    struct worker *worker = &house.workers[0];
    struct deadline now = { .expired = stop };
    has("http_server_active_requests 0");
    cr_assert_eq(metrics_slowest_turn_ms(house.core.metrics), 0);
    worker->requests_count = 3;
    metrics_shard_start(worker->metrics, worker);
    loop_deadline(worker->loop, &now, 0);
    loop_run(worker->loop);
    has("http_server_active_requests 3");
    counter_set(&worker->metrics->last_turn_us, 1); /* as if it had been stuck since the boot */
    cr_assert_gt(metrics_slowest_turn_ms(house.core.metrics), 0);
    metrics_shard_stop(worker->metrics);
    has("http_server_active_requests 0");
    cr_assert_eq(metrics_slowest_turn_ms(house.core.metrics), 0);
}

enum { RECORDED = 5000 };

static void *record_many(void *argument)
{
    struct worker *worker = argument;
    struct visit own;
    struct request *request = visit_feed(&own, worker);
    own.repairs[0] = (struct repair){ .call = worker->index, .path = "a", .times = 1 };
    request->projected.repairs = own.repairs;
    request->projected.repairs_count = 1;
    for (int i = 0; i < RECORDED; i++) {
        finish_run(request);
    }
    return NULL;
}

/* Two workers count while a third thread scrapes; nothing is lost. */
Test(metrics, may_be_scraped_while_workers_count)
{
    pthread_t threads[2];
    struct metrics_route route;
    for (size_t i = 0; i < countof(threads); i++) {
        pthread_create(&threads[i], NULL, record_many, &house.workers[i]);
    }
    do {
        scrape();
        metrics_route(house.core.metrics, 0, &route);
    } while (route.requests < 2 * RECORDED);
    for (size_t i = 0; i < countof(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    has("http_server_request_duration_seconds_count{" FEED_200 "} 10000");
    has("bff_repairs_total{plan=\"feed\",call=\"ads\",path=\"a\"} 5000");
}
