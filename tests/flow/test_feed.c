/* Whole feeds, and feeds with a service that is late, wrong or gone. */
#include "flow.h"

TestSuite(feed, .init = flow_open, .fini = flow_close, .timeout = 100);

Test(feed, is_whole_and_compressed_over_tls)
{
    flow_play(&(struct flow_page){
        .expects = { .status = 200,
            .sections = "profile=ok, posts=ok, recs=ok, unread=ok, ads=ok, stats=ok",
            .fields = { "Content-Type: application/json", "Content-Encoding: gzip",
                "Vary: Accept-Encoding", "Cache-Control: no-store", "RateLimit: \"user\";r=*" },
            .without = { "INTERNAL-" } },
    });
}

Test(feed, is_as_long_as_the_client_asks)
{
    flow_play(&(struct flow_page){
        .client = "mobile",
        .asks = { .path = "/v1/feed?limit=2&utm_source=mail" },
        .expects = { .status = 200,
            .values = { { "/posts/1/id", "*" }, { "/posts/2", NULL }, { "/next", "*" } } },
    });
}

/* ---- sections that are lost ---- */

Test(feed, loses_one_section_to_a_service_that_breaks_off)
{
    flow_play(&(struct flow_page){
        .services = { { "ads",
            .says = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"slots\":[" } },
        .expects = { .status = 200,
            .sections = "profile=ok, posts=ok, ads=failed",
            .values = { { "/ad", NULL }, { "/ads", NULL }, { "/sponsored", NULL } } },
    });
}

Test(feed, shows_no_byte_of_a_services_error)
{
    flow_play(&(struct flow_page){
        .services = { { "recommendations", .order = "{\"status\":503}" },
            { "notifications", .order = "{\"body\":\"html\"}" },
            { "analytics", .order = "{\"body\":\"broken\"}" } },
        .expects = { .status = 200,
            .sections = "posts=ok, recs=failed, unread=failed, stats=failed",
            .without = { "SECRET-", "INTERNAL-", "mock_503", "<html>" } },
    });
}

/* Of the phone's 800 ms the ads may have 120. */
Test(feed, waits_for_an_optional_service_as_long_as_its_plan_says)
{
    flow_play(&(struct flow_page){
        .client = "mobile",
        .services = { { "ads", .is_mute = true } },
        .expects = { .status = 200,
            .sections = "profile=ok, posts=ok, ads=timeout",
            .values = { { "/ad", NULL } },
            .within_ms = 700 },
    });
}

Test(feed, does_without_a_service_that_is_down)
{
    flow_play(&(struct flow_page){
        .services = { { "notifications", .is_down = true }, { "analytics", .is_down = true } },
        .expects = { .status = 200, .sections = "posts=ok, unread=failed, stats=failed" },
    });
}

/* ---- an answer that cannot be ---- */

/* The profile would be waited for until the budget ends, a second after the start at most. */
Test(feed, does_not_wait_when_a_service_that_it_needs_is_down)
{
    flow_play(&(struct flow_page){
        .services = { { "posts", .is_down = true }, { "profiles", .is_mute = true } },
        .expects = { .status = 502,
            .problem = "upstream-failed",
            .sections = "posts=failed, profile=cancelled",
            .fields = { "!Retry-After" },
            .within_ms = 750 },
    });
}

Test(feed, needs_more_than_words_from_a_service)
{
    flow_play(&(struct flow_page){
        .services = { { "profiles", .order = "{\"body\":\"html\"}" } },
        .expects = { .status = 502,
            .problem = "upstream-failed",
            .sections = "profile=failed",
            .without = { "SECRET-", "<html>" } },
    });
}

Test(feed, is_refused_when_its_time_is_over)
{
    flow_play(&(struct flow_page){
        .services = { { "posts", .is_mute = true } },
        .expects = { .status = 504,
            .problem = "upstream-timeout",
            .sections = "profile=ok, posts=timeout|cancelled, stats=skipped|cancelled",
            .within_ms = 2500 },
    });
}

/* ---- calls that wait for others ---- */

#define PROFILE(more) "{\"display_name\":\"Zoe\",\"handle\":\"zoe\"" more "}"

static void asked_once(const char *service, const char *line)
{
    cr_assert_eq(flow_hears(service, line), 1, "%s is not asked '%s' once", service, line);
}

Test(feed, asks_for_ads_by_the_profiles_segment)
{
    flow_serve(&(struct flow_page){
        .client = "mobile",
        .services = { { "profiles", .json = PROFILE(",\"segment\":\"food & drink\"") },
            { "ads", .is_heard = true } },
    });
    flow_check(&(struct flow_question){ 0 },
        &(struct flow_expected){ .status = 200, .sections = "profile=ok, ads=ok|timeout" });
    asked_once("ads", "GET /v1/slots?segment=food%20%26%20drink HTTP/1.1\r\n");
}

Test(feed, asks_once_for_the_statistics_of_all_its_posts)
{
    flow_serve(&(struct flow_page){
        .client = "web",
        .services = { { "posts", .json = "{\"items\":[{\"id\":9007199254740993},{\"id\":8},"
                                         "{\"id\":9007199254740993},{},{\"id\":7}]}" },
            { "analytics", .is_heard = true } },
    });
    flow_check(&(struct flow_question){ 0 },
        &(struct flow_expected){ .status = 200, .sections = "posts=ok" });
    asked_once("analytics", "GET /v1/posts/stats?ids=9007199254740993,8,7 HTTP/1.1\r\n");
    cr_assert_eq(flow_hears("analytics", "GET "), 1);
}

Test(feed, does_not_ask_what_it_cannot_name)
{
    flow_serve(&(struct flow_page){
        .client = "mobile",
        .services = { { "profiles", .json = PROFILE("") }, { "posts", .json = "{\"items\":[]}" } },
    });
    flow_check(&(struct flow_question){ 0 },
        &(struct flow_expected){ .status = 200,
            .sections = "profile=ok, posts=ok, ads=skipped, stats=skipped",
            .values = { { "/posts", "[]" }, { "/ad", NULL } } });
    cr_assert_eq(flow_asked("ads"), 0);
    cr_assert_eq(flow_asked("analytics"), 0);
}

/* ---- what is said and not waited for ---- */

Test(feed, tells_analytics_what_was_seen)
{
    flow_serve(&(struct flow_page){
        .client = "tv",
        .services = { { "posts", .json = "{\"items\":[{\"id\":8},{\"id\":7}]}" },
            { "analytics", .is_heard = true } },
    });
    flow_check(&(struct flow_question){ 0 }, &(struct flow_expected){ .status = 200 });
    flow_until(
        flow_hears("analytics", "\r\n\r\n{\"kind\":\"viewed\",\"client\":\"tv\",\"user\":\"1001\","
                                "\"post_ids\":[8,7]}") == 1);
    asked_once("analytics", "POST /v1/events HTTP/1.1\r\n");
}

Test(feed, asks_for_gzip_where_the_settings_say_so)
{
    flow_serve(&(struct flow_page){
        .client = "mobile",
        .services = { { "posts", .is_heard = true }, { "ads", .is_heard = true } },
        .set = { "services.posts.gzip=true" },
    });
    flow_check(&(struct flow_question){ 0 },
        &(struct flow_expected){ .status = 200, .sections = "posts=ok, ads=ok" });
    asked_once("posts", "\r\nAccept-Encoding: gzip\r\n");
    cr_assert_eq(flow_hears("ads", "Accept-Encoding"), 0);
}

Test(feed, does_not_mind_when_nobody_hears_it)
{
    flow_serve(&(struct flow_page){
        .client = "mobile",
        .services = { { "analytics",
            .says = "HTTP/1.1 500 Oh\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" } },
    });
    flow_check(&(struct flow_question){ 0 },
        &(struct flow_expected){ .status = 200, .sections = "posts=ok, stats=failed" });
    flow_until(flow_hears("analytics", "POST /v1/events") > 0);
    cr_assert_eq(flow_stop(), 0);
}
