/* What the services are told: the trace and the user, and nothing that the client made up. */
#include "flow.h"

TestSuite(questions, .init = flow_open, .fini = flow_close, .timeout = 100);

static const char *const services[] = { "profiles", "posts", "recommendations", "notifications",
    "ads", "analytics" };

#define HEARD(name)                                                                                \
    {                                                                                              \
        name, .is_heard = true                                                                     \
    }
#define ALL_HEARD                                                                                  \
    {                                                                                              \
        HEARD("profiles"), HEARD("posts"), HEARD("recommendations"), HEARD("notifications"),       \
            HEARD("ads"), HEARD("analytics")                                                       \
    }

#define TRACE "0af7651916cd43dd8448eb211c80319c"

/* Waits for the last of them, which nobody waits for, and returns when all were asked. */
static void ask_all(const struct flow_question *question)
{
    flow_check(question, &(struct flow_expected){ .status = 200 });
    flow_until(flow_hears("analytics", "POST /v1/events") == 1);
}

/* How often all services together were told so. */
static unsigned hear_all(const char *words)
{
    unsigned times = 0;
    for (size_t i = 0; i < countof(services); i++) {
        times += flow_hears(services[i], words);
    }
    return times;
}

enum { CALLS = 7 };

Test(questions, carry_the_clients_trace_and_its_request_id)
{
    flow_serve(&(struct flow_page){ .client = "web", .services = ALL_HEARD });
    ask_all(&(struct flow_question){
        .fields = { "traceparent: 00-" TRACE "-b7ad6b7169203331-01", "tracestate: vendor=1",
            "tracestate: other=2", "X-Request-Id: app-1" } });
    cr_assert_eq(hear_all("\r\ntraceparent: 00-" TRACE "-"), CALLS);
    cr_assert_eq(hear_all("-b7ad6b7169203331-"), 0, "the client's span is not the server's");
    cr_assert_eq(hear_all("\r\ntracestate: vendor=1,other=2\r\n"), CALLS);
    cr_assert_eq(hear_all("\r\nX-Request-Id: app-1\r\n"), CALLS);
}

Test(questions, begin_a_trace_where_there_is_none)
{
    flow_serve(&(struct flow_page){ .client = "web", .services = ALL_HEARD });
    ask_all(&(struct flow_question){
        .fields = { "traceparent: 00-" TRACE "-0000000000000000-01", "tracestate: vendor=1" } });
    cr_assert_eq(hear_all("\r\ntraceparent: 00-"), CALLS);
    cr_assert_eq(hear_all(TRACE), 0);
    cr_assert_eq(hear_all("tracestate"), 0);
}

Test(questions, say_who_asks_and_forward_nothing_else)
{
    static const char *const kept_back[] = { "authorization", "cookie", "1002", "10.0.0.1",
        "x-forwarded", "x-evil", "accept-language", "referer", "app/7" };
    flow_serve(&(struct flow_page){ .client = "tv", .services = ALL_HEARD });
    ask_all(&(struct flow_question){
        .fields = { "Cookie: session=secret", "X-User-Id: 1002", "X-Forwarded-For: 10.0.0.1",
            "Forwarded: for=10.0.0.1", "X-Evil: 1", "Accept-Language: de", "User-Agent: app/7",
            "Referer: https://example.com", "BFF-Budget: 999999" } });
    cr_assert_eq(hear_all("\r\nX-User-Id: 1001\r\n"), CALLS);
    cr_assert_eq(hear_all("\r\nX-User-Id:"), CALLS);
    cr_assert_eq(hear_all("\r\nForwarded: for=127.0.0.1;proto=https\r\n"), CALLS);
    cr_assert_eq(hear_all("\r\nForwarded:"), CALLS);
    cr_assert_eq(hear_all("\r\nUser-Agent: bff-tv\r\n"), CALLS);
    cr_assert_eq(hear_all("\r\nBFF-Budget:"), CALLS);
    cr_assert_eq(hear_all("999999"), 0);
    for (size_t i = 0; i < countof(kept_back); i++) {
        cr_assert_eq(hear_all(kept_back[i]), 0, "%s was sent on", kept_back[i]);
    }
}

/* Of a thousand milliseconds the posts take 700: whoever waits for them has what is left. */
Test(questions, say_how_much_time_is_left)
{
    flow_serve(&(struct flow_page){ .client = "web",
        .services = { { "posts", .order = "{\"delay_ms\":700}", .is_heard = true },
            HEARD("profiles"), HEARD("ads"), HEARD("analytics") } });
    flow_check(&(struct flow_question){ 0 },
        &(struct flow_expected){ .status = 200, .sections = "posts=ok" });
    unsigned long profile_ms = flow_heard_number("profiles", "\r\nBFF-Budget: ");
    cr_assert(profile_ms <= 1000 && profile_ms > 500, "%lu", profile_ms);
    cr_assert_leq(flow_heard_number("ads", "\r\nBFF-Budget: "), 300, "its plan says so");
    cr_assert_leq(flow_heard_number("analytics", "\r\nBFF-Budget: "), 300, "no more is left");
}
