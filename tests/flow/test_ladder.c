/* How an answer is had when the first try does not give it: asked again, shared, remembered. */
#include "flow.h"

TestSuite(ladder, .init = flow_open, .fini = flow_close, .timeout = 100);

#define BUSY     "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
#define EMPTY    "{\"items\":[]}"
#define GOOD     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n"
#define TIMELINE "GET /v1/users/1001/timeline"
#define RECS     "GET /v1/users/1001/recommendations"

static void expect_sections(const char *sections)
{
    flow_check(&(struct flow_question){ 0 },
        &(struct flow_expected){ .status = 200, .sections = sections });
}

/* ---- asked again ---- */

Test(ladder, a_get_is_asked_again_of_a_service_that_is_busy)
{
    flow_serve(&(struct flow_page){ .client = "web", .services = { { "posts", .first = BUSY } } });
    expect_sections("posts=ok, stats=ok");
    cr_assert_eq(flow_hears("posts", TIMELINE), 2);
}

Test(ladder, a_get_is_asked_again_when_the_connection_closes_before_a_word)
{
    flow_serve(&(struct flow_page){ .client = "web", .services = { { "profiles", .first = "" } } });
    expect_sections("profile=ok, ads=ok");
    cr_assert_eq(flow_hears("profiles", "GET /v1/users/1001 "), 2);
}

/* An answer has come, if a bad one. */
Test(ladder, a_get_is_not_asked_again_when_the_answer_is_no_good)
{
    flow_serve(&(struct flow_page){ .client = "web",
        .services = {
            { "recommendations", .first = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"ite" },
            { "notifications", .first = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n" } } });
    expect_sections("posts=ok, recs=failed, unread=failed");
    cr_assert_eq(flow_hears("recommendations", "GET "), 1);
    cr_assert_eq(flow_hears("notifications", "GET "), 1);
}

/* What had an effect may not have it twice. */
Test(ladder, a_post_is_asked_once)
{
    flow_serve(&(struct flow_page){ .client = "mobile",
        .services = { { "analytics", .says = BUSY } },
        .set = { "services.analytics.breaker.failures=0" } });
    expect_sections("posts=ok, stats=failed");
    flow_until(flow_hears("analytics", "POST /v1/events") == 1);
    expect_sections("posts=ok, stats=failed");
    flow_until(flow_hears("analytics", "POST /v1/events") >= 2);
    cr_assert_eq(flow_hears("analytics", "POST /v1/events"), 2);
}

/* ---- remembered ---- */

#define FRESH GOOD "Cache-Control: max-age=60\r\n\r\n" EMPTY

Test(ladder, an_answer_that_is_fresh_is_not_asked_for_again)
{
    flow_serve(&(struct flow_page){
        .client = "web", .services = { { "recommendations", .says = FRESH } } });
    expect_sections("recs=ok");
    expect_sections("recs=cached, posts=ok");
    cr_assert_eq(flow_hears("recommendations", RECS), 1);
}

Test(ladder, what_is_remembered_of_one_user_is_not_told_another)
{
    flow_serve(&(struct flow_page){
        .client = "web", .services = { { "recommendations", .says = FRESH } } });
    expect_sections("recs=ok");
    flow_check(&(struct flow_question){ .order = "{\"sub\":\"1002\"}" },
        &(struct flow_expected){ .status = 200, .sections = "recs=ok" });
    cr_assert_eq(flow_hears("recommendations", "/v1/users/1002/recommendations"), 1);
}

Test(ladder, nothing_is_remembered_where_nobody_allows_it)
{
    flow_serve(&(struct flow_page){
        .client = "web", .services = { { "notifications", .is_heard = true } } });
    expect_sections("unread=ok, posts=ok");
    expect_sections("unread=ok, posts=ok");
    cr_assert_eq(flow_hears("notifications", "GET /v1/users/1001/counts"), 2);
}

/* .cache_s, where the service says nothing of its own. */
Test(ladder, a_plan_may_say_that_an_answer_is_fresh_for_a_while)
{
    for (const char *const *client = flow_clients; *client; client++) {
        flow_serve(&(struct flow_page){
            .client = *client, .services = { { "recommendations", .is_heard = true } } });
        expect_sections("profile=ok, posts=ok, recs=ok, unread=ok, ads=ok, stats=ok");
        expect_sections("profile=ok, posts=ok, recs=cached, unread=ok, ads=ok, stats=ok");
        cr_assert_eq(flow_hears("recommendations", RECS), 1);
        flow_stop();
    }
}

/* .stale_s: the feed cannot do without the profile, and has the one of before. */
Test(ladder, a_plan_may_say_that_an_old_answer_stands_in)
{
    for (const char *const *client = flow_clients; *client; client++) {
        flow_serve(&(struct flow_page){ .client = *client });
        expect_sections("profile=ok, ads=ok, recs=ok");
        flow_order("profiles", "{\"status\":500}");
        expect_sections("profile=stale, ads=ok, posts=ok");
        flow_check(&(struct flow_question){ .order = "{\"sub\":\"1002\"}" },
            &(struct flow_expected){ .status = 502, .problem = "upstream-failed" });
        flow_order("profiles", "{\"status\":200}");
        flow_stop();
    }
}

Test(ladder, an_old_answer_stands_in_for_a_service_that_fails)
{
    flow_serve(&(struct flow_page){ .client = "web",
        .services = { { "recommendations",
            .first = GOOD "Cache-Control: max-age=0, stale-if-error=600\r\n\r\n" EMPTY,
            .says = "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n" } } });
    expect_sections("recs=ok");
    expect_sections("recs=stale, posts=ok");
    cr_assert_eq(flow_hears("recommendations", RECS), 2);
}

/* RFC 9110 section 13.1.2. */
Test(ladder, a_service_need_not_send_again_what_has_not_changed)
{
    flow_serve(&(struct flow_page){ .client = "web",
        .services = { { "recommendations",
            .first = GOOD "Cache-Control: no-cache\r\nETag: \"v1\"\r\n\r\n" EMPTY,
            .says = "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n" } } });
    expect_sections("recs=ok");
    expect_sections("recs=ok, posts=ok");
    cr_assert_eq(flow_hears("recommendations", "If-None-Match"), 1);
    cr_assert_eq(flow_hears("recommendations", "\r\nIf-None-Match: \"v1\"\r\n"), 1);
}
