/* A service with several hosts, one that fails for a while, and one that says that it is ill. */
#include "flow.h"

#include <stdio.h>
#include <stdlib.h>

TestSuite(hosts, .init = flow_open, .fini = flow_close, .timeout = 100);

/* Nobody listens there. */
#define NOBODY "http://127.0.0.1:1"

static const struct flow_question feed = { 0 };

static void expect_sections(const char *sections)
{
    flow_check(&feed, &(struct flow_expected){ .status = 200, .sections = sections });
}

/* Who asks next may be lucky in a moment: it is not the service that fails. */
Test(hosts, that_bear_no_more_make_a_required_call_wait_outside)
{
    flow_serve(&(struct flow_page){
        .client = "mobile",
        .services = { { "posts", .is_held = true } },
        .set = { "listen.workers=1", "services.posts.in_flight_min=1",
            "services.posts.in_flight_max=1" },
    });
    struct flow_wire *wire = flow_connect();
    char *token = flow_mint("{\"sub\":\"1002\"}"), question[2000];
    snprintf(question, sizeof(question),
        "GET /v1/feed HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", token);
    flow_say(wire, question);
    flow_until(flow_hears("posts", "GET /v1/users/1002/timeline") == 1);
    flow_check(&feed, &(struct flow_expected){
                          .status = 503, .problem = "overloaded", .fields = { "Retry-After: 1" } });
    cr_assert_eq(flow_hears("posts", "GET /v1/users/1001/timeline"), 0);
    free(token);
    flow_hang_up(wire);
}

/* Asks once, and looks for these words in BFF-Sections. */
static bool is_whole(const char *words)
{
    struct flow_answer answer;
    flow_ask(&feed, &answer);
    const char *sections = flow_field(&answer, "BFF-Sections");
    bool is_there = sections && strstr(sections, words);
    flow_forget(&answer);
    return is_there;
}

/* How many workers, of one, see a host of the service in that state. */
static double state(const char *service, const char *host, const char *name)
{
    char sample[200];
    snprintf(sample, sizeof(sample),
        "bff_upstream_host_state{service=\"%s\",host=\"%s\",state=\"%s\"}", service, host, name);
    return flow_metric(sample);
}

static const char *mock_url(const char *service)
{
    static char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", flow_mock_port(service));
    return url;
}

/*
 * The feed cannot do without the profile: its dead host must not be noticed, however long it takes
 * to be found out, and whatever is asked: no budget is touched.
 */
Test(hosts, one_that_is_dead_costs_nothing)
{
    char both[120];
    snprintf(both, sizeof(both), "services.profiles.urls=" NOBODY " %s", mock_url("profiles"));
    flow_serve(&(struct flow_page){ .client = "mobile",
        .set = { both, "services.profiles.breaker.failures=20", "quota.user.rate=0",
            "services.profiles.retries=0", "services.profiles.hedge=false" } });
    unsigned asked = 0;
    while (state("profiles", NOBODY, "open") == 0 && asked < 200) {
        expect_sections("profile=ok, posts=ok");
        asked++;
    }
    cr_assert_eq(state("profiles", NOBODY, "open"), 1);
    cr_assert_eq(state("profiles", mock_url("profiles"), "closed"), 1);
    double moves = flow_metric("bff_upstream_moves_total{service=\"profiles\"}");
    cr_assert_eq(moves, 20, "that is how it was found out");
    for (unsigned i = 0; i < 10; i++) {
        expect_sections("profile=ok, posts=ok");
    }
    cr_assert_eq(flow_metric("bff_upstream_moves_total{service=\"profiles\"}"), moves);
    cr_assert_eq(flow_asked("profiles"), asked + 10);
}

/* Of what passes through nothing has been sent to it, be it a body or not. */
Test(hosts, nor_does_it_cost_what_passes_through)
{
    static const struct {
        const char *client;
        struct flow_question asks;
        unsigned status;
    } rows[] = {
        { "tv", { .path = "/v1/artwork/p1" }, 200 },
        { "web", { .method = "POST", .path = "/v1/uploads", .body = "abc" }, 201 },
    };
    char both[120];
    snprintf(both, sizeof(both), "services.posts.urls=" NOBODY " %s", mock_url("posts"));
    for (size_t i = 0; i < countof(rows); i++) {
        flow_serve(&(struct flow_page){ .client = rows[i].client,
            .set = { both, "services.posts.breaker.failures=20", "quota.user.rate=0" } });
        unsigned asked = flow_asked("posts");
        for (; asked < 400 && state("posts", NOBODY, "open") == 0; asked++) {
            flow_check(&rows[i].asks, &(struct flow_expected){ .status = rows[i].status });
        }
        cr_assert_eq(state("posts", NOBODY, "open"), 1);
        cr_assert_eq(flow_metric("bff_upstream_moves_total{service=\"posts\"}"), 20);
        cr_assert_eq(flow_asked("posts"), asked);
        flow_stop();
    }
}

/* Its ejections end, a request tries it, and is not lost by that. */
Test(hosts, nor_does_trying_whether_it_lives)
{
    char both[120];
    snprintf(both, sizeof(both), "services.profiles.urls=" NOBODY " %s", mock_url("profiles"));
    flow_serve(&(struct flow_page){ .client = "mobile",
        .set = { both, "services.profiles.breaker.failures=1", "quota.user.rate=0",
            "services.profiles.breaker.open_ms=10", "services.profiles.breaker.open_max_ms=10",
            "services.profiles.retries=0", "services.profiles.hedge=false" } });
    const char *ejections =
        "bff_upstream_ejections_total{service=\"profiles\",host=\"" NOBODY "\"}";
    for (unsigned i = 0; i < 500 && flow_metric(ejections) < 5; i++) {
        expect_sections("profile=ok, posts=ok");
    }
    cr_assert_geq(flow_metric(ejections), 5);
}

/* Nothing else is asked of it meanwhile: an ill service gets time to recover. */
Test(hosts, one_that_fails_is_left_alone_for_a_while)
{
    flow_serve(&(struct flow_page){ .client = "mobile",
        .services = { { "notifications", .order = "{\"status\":500}" } },
        .set = { "services.notifications.breaker.failures=3",
            "services.notifications.breaker.open_ms=2s", "quota.user.rate=0" } });
    for (unsigned i = 0; i < 3; i++) {
        expect_sections("unread=failed");
    }
    cr_assert_eq(state("notifications", mock_url("notifications"), "open"), 1);
    unsigned asked = flow_asked("notifications");
    for (unsigned i = 0; i < 3; i++) {
        expect_sections("unread=failed, posts=ok");
    }
    cr_assert_eq(flow_asked("notifications"), asked);
    cr_assert_eq(flow_metric("bff_upstream_refused_open_total{service=\"notifications\"}"), 3);
    flow_order("notifications", "{\"status\":200}");
    flow_until(is_whole("unread;s=ok"));
    cr_assert_eq(state("notifications", mock_url("notifications"), "closed"), 1);
}

/* The event is not sent later, and nobody has to guess why it never came. */
Test(hosts, what_nobody_waits_for_is_dropped_by_name_while_one_is_left_alone)
{
    flow_serve(&(struct flow_page){ .client = "mobile",
        .services = { { "analytics", .order = "{\"status\":500}" } },
        .set = { "services.analytics.breaker.failures=1", "quota.user.rate=0" } });
    expect_sections("stats=failed, posts=ok");
    cr_assert_eq(state("analytics", mock_url("analytics"), "open"), 1);
    expect_sections("stats=failed, posts=ok");
    flow_until(flow_metric("bff_calls_total{plan=\"feed\",call=\"viewed\",service=\"analytics\","
                           "state=\"dropped\"}") == 2);
    cr_assert_eq(
        flow_metric("bff_detached_dropped_total{service=\"analytics\",reason=\"open\"}"), 2);
    cr_assert_eq(flow_asked("analytics"), 1);
}

Test(hosts, one_whose_health_check_fails_is_not_asked)
{
    flow_serve(&(struct flow_page){ .client = "mobile",
        .services = { { "notifications", .order = "{\"status\":503}" } },
        .set = { "services.notifications.health=/v1/users/1001/counts",
            "services.notifications.health_interval_ms=100" } });
    flow_until(state("notifications", mock_url("notifications"), "down") == 1);
    expect_sections("unread=failed, posts=ok");
    cr_assert_eq(flow_metric("bff_upstream_refused_open_total{service=\"notifications\"}"), 1);
    flow_order("notifications", "{\"status\":200}");
    flow_until(state("notifications", mock_url("notifications"), "closed") == 1);
    expect_sections("unread=ok");
}
