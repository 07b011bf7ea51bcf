/*
 * HTTP/2, which the transfer lane alone speaks, against a service that is not ours. Without nginx
 * on the machine what needs it is skipped.
 */
#include "nginx_service.h"

TestSuite(http_lane_transfer, .timeout = 60);

static void open_http2_page(struct page *page, struct nginx *nginx, const char *protocol)
{
    if (!nginx_is_there()) {
        cr_skip("nginx-light is not installed");
    }
    nginx_start(nginx, protocol);
    open_client(page, (struct http_client_options){ 0 });
    page->origin = origin_at(page, nginx->port,
        (struct http_origin_options){ .http2 = true, .ca_file = nginx->identity.ca_file });
}

static void close_http2_page(struct page *page, struct nginx *nginx)
{
    close_page(page);
    nginx_stop(nginx);
}

static void ask_for(struct page *page, struct result *result, enum http_method method,
    const char *target, struct str body)
{
    ask(page, result,
        (struct http_call_options){ .method = method,
            .target = str_of(target),
            .body = body,
            .answer_max_bytes = NGINX_LARGE_BYTES });
}

/* "HTTP/2.0 3 127.0.0.1 GET" */
static bool is_said_by(const struct result *result, const char *protocol)
{
    return str_starts(buf_str(&result->body), str_of(protocol));
}

Test(http_lane_transfer, many_calls_share_one_connection)
{
    enum { CALLS = 24 };
    struct nginx nginx;
    struct page page;
    struct result results[CALLS];
    open_http2_page(&page, &nginx, "http2");
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < CALLS; i++) {
            start(&page, &results[i], (struct http_call_options){ .target = STR("/who") });
        }
        wait_for(&page, CALLS);
        for (size_t i = 0; i < CALLS; i++) {
            cr_assert_eq(results[i].answer.outcome, HTTP_ANSWERED);
            cr_assert(is_said_by(&results[i], "HTTP/2.0 "));
            forget(&results[i]);
        }
    }
    cr_assert_eq(http_origin_counters(page.origin)->connects, 1);
    cr_assert_eq(http_origin_counters(page.origin)->reuses, 2 * CALLS - 1);
    close_http2_page(&page, &nginx);
}

Test(http_lane_transfer, what_http2_says_is_read_as_what_http1_says)
{
    static const struct {
        enum http_method method;
        const char *target;
        unsigned status;
        const char *body;
    } rows[] = {
        { HTTP_GET, "/gone", 404, "no" },
        { HTTP_GET, "/none", 204, "" },
        { HTTP_HEAD, "/large", 200, "" },
        { HTTP_DELETE, "/gone", 404, "no" },
    };
    struct nginx nginx;
    struct page page;
    struct result result;
    open_http2_page(&page, &nginx, "http2");
    for (size_t i = 0; i < countof(rows); i++) {
        ask_for(&page, &result, rows[i].method, rows[i].target, STR(""));
        cr_assert_eq(result.answer.outcome, HTTP_ANSWERED, "%s", rows[i].target);
        cr_assert_eq(result.answer.status, rows[i].status);
        cr_assert(str_eq(buf_str(&result.body), str_of(rows[i].body)), "%s", rows[i].target);
        forget(&result);
    }
    ask_for(&page, &result, HTTP_GET, "/who", STR(""));
    cr_assert_str_eq(result.content_type, "text/plain");
    forget(&result);
    close_http2_page(&page, &nginx);
}

Test(http_lane_transfer, large_bodies_pass_both_ways_over_http2)
{
    struct nginx nginx;
    struct page page;
    struct result result;
    char *body = malloc(NGINX_LARGE_BYTES);
    memset(body, 'b', NGINX_LARGE_BYTES);
    open_http2_page(&page, &nginx, "http2");
    ask_for(&page, &result, HTTP_GET, "/large", STR(""));
    cr_assert_eq(result.answer.outcome, HTTP_ANSWERED);
    cr_assert_eq(result.body.len, NGINX_LARGE_BYTES);
    forget(&result);
    ask_for(&page, &result, HTTP_POST, "/length", (struct str){ body, NGINX_LARGE_BYTES });
    cr_assert_eq(result.answer.outcome, HTTP_ANSWERED);
    cr_assert(str_eq(buf_str(&result.body), STR("1048576")));
    forget(&result);
    ask(&page, &result,
        (struct http_call_options){
            .target = STR("/large"), .answer_max_bytes = NGINX_LARGE_BYTES - 1 });
    cr_assert_eq(result.answer.outcome, HTTP_TOO_LARGE);
    close_http2_page(&page, &nginx);
    free(body);
}

/* One stream ends in the middle; those beside it, and the connection, do not. */
Test(http_lane_transfer, a_call_that_ends_early_does_not_take_the_connection_with_it)
{
    struct nginx nginx;
    struct page page;
    struct result late, cancelled, result;
    open_http2_page(&page, &nginx, "http2");
    ask_for(&page, &result, HTTP_GET, "/who", STR(""));
    forget(&result);
    struct http_call_options slow = {
        .target = STR("/slow"), .answer_max_bytes = NGINX_LARGE_BYTES, .deadline_us = 300000
    };
    start(&page, &late, slow);
    struct http_call *call = start(&page, &cancelled, slow);
    pass(&page, 100);
    http_call_cancel(call);
    ask_for(&page, &result, HTTP_GET, "/large", STR(""));
    cr_assert_eq(result.answer.outcome, HTTP_ANSWERED);
    forget(&result);
    wait_for(&page, 1);
    cr_assert_eq(late.answer.outcome, HTTP_TIMED_OUT);
    ask_for(&page, &result, HTTP_GET, "/who", STR(""));
    cr_assert_eq(result.answer.outcome, HTTP_ANSWERED);
    cr_assert(result.answer.is_reused);
    forget(&result);
    cr_assert_eq(cancelled.times, 0);
    cr_assert_eq(http_origin_counters(page.origin)->connects, 1);
    close_http2_page(&page, &nginx);
}

Test(http_lane_transfer, a_service_without_http2_is_asked_by_http1)
{
    struct nginx nginx;
    struct page page;
    struct result result;
    open_http2_page(&page, &nginx, "");
    for (int i = 0; i < 2; i++) {
        ask_for(&page, &result, HTTP_GET, "/who", STR(""));
        cr_assert_eq(result.answer.outcome, HTTP_ANSWERED);
        cr_assert(is_said_by(&result, "HTTP/1.1 "));
        cr_assert_eq(result.answer.is_reused, i == 1);
        forget(&result);
    }
    close_http2_page(&page, &nginx);
}

Test(http_lane_transfer, a_service_that_leaves_is_told_apart_from_one_that_answers)
{
    struct nginx nginx;
    struct page page;
    struct result result;
    open_http2_page(&page, &nginx, "http2");
    start(&page, &result,
        (struct http_call_options){
            .target = STR("/slow"), .answer_max_bytes = NGINX_LARGE_BYTES });
    pass(&page, 200);
    kill(nginx.pid, SIGKILL);
    wait_for(&page, 1);
    cr_assert_eq(
        result.answer.outcome, HTTP_BROKEN, "%s", http_outcome_name(result.answer.outcome));
    ask_for(&page, &result, HTTP_GET, "/who", STR(""));
    cr_assert(result.answer.outcome == HTTP_UNREACHED || result.answer.outcome == HTTP_RESET);
    close_http2_page(&page, &nginx);
}

Test(http_lane_transfer, http2_without_tls_or_on_the_other_lane_is_refused_with_a_sentence)
{
    static const struct http_origin_options rows[] = {
        { .url = "http://127.0.0.1:1", .http2 = true },
        { .url = "https://127.0.0.1:1", .http2 = true, .lane = HTTP_LANE_EXCHANGE },
    };
    struct page page;
    open_client(&page, (struct http_client_options){ 0 });
    for (size_t i = 0; i < countof(rows); i++) {
        struct err err = { "" };
        cr_assert_null(http_origin_new(page.client, &rows[i], &err));
        cr_assert_not_null(strstr(err.text, "HTTP/2"), "%s", err.text);
        cr_assert_eq(err.text[strlen(err.text) - 1], '.');
    }
    close_page(&page);
}
