/* What is taken over from a connection, and what is turned away before its route is looked at. */
#include "../page.h"

#include "admit/receive.h"
#include "admit/route.h"

#include <arpa/inet.h>

static const struct bff_plan plans[] = { { .name = "feed", .route = "GET /v1/feed" } };
static struct page page;
static struct request *request;

/* What the client sends: until a test says otherwise GET /v1/feed from 203.0.113.9. */
static struct http_arrived arrived;
static struct http_field fields[100];

static void arrive_from(const char *address)
{
    struct sockaddr_in *four = (struct sockaddr_in *)&arrived.peer;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&arrived.peer;
    bool is_v6 = strchr(address, ':');
    arrived.peer.ss_family = is_v6 ? AF_INET6 : AF_INET;
    void *into = is_v6 ? (void *)&six->sin6_addr : (void *)&four->sin_addr;
    cr_assert_eq(inet_pton(arrived.peer.ss_family, address, into), 1);
}

static void turn(void)
{
    request = page_turn(&page);
    arrived = (struct http_arrived){ .method = STR("GET"),
        .target = STR("/v1/feed?limit=2&q=a?b"),
        .body = STR(""),
        .fields = fields };
    arrive_from("203.0.113.9");
}

static void open_page(void)
{
    page_open(&page, plans, countof(plans));
    page.settings.limits.target_bytes = 8192;
    page.settings.limits.head_bytes = 16384;
    page.settings.limits.body_bytes = 65536;
    page.core.routes = routes_compile(&page.client, &page.core.arena, &page.faults);
    turn();
}

static void close_page(void)
{
    page_close(&page);
}

TestSuite(receive, .init = open_page, .fini = close_page);

static void send_field(const char *name, struct str value)
{
    cr_assert_lt(arrived.fields_count, countof(fields));
    fields[arrived.fields_count++] = (struct http_field){ str_of(name), value };
}

static enum step_verdict receive(void)
{
    request->arrived = &arrived;
    return receive_run(request);
}

static void is_text(struct str found, const char *wanted)
{
    cr_assert(
        str_eq(found, str_of(wanted)) && !found.at == !wanted, "found '%.*s'", STR_FMT(found));
}

Test(receive, takes_over_what_is_needed_and_lets_go_of_the_connection)
{
    char target[] = "/v1/feed?limit=2&q=a?b", body[] = "{}", agent[] = "app/1.0";
    arrived.target = str_of(target);
    arrived.body = str_of(body);
    arrived.is_tls = true;
    send_field("User-Agent", str_of(agent));
    send_field("AUTHORIZATION", STR("Bearer x"));
    cr_assert_eq(receive(), STEP_NEXT);
    memset(target, '#', sizeof(target) - 1);
    memset(body, '#', sizeof(body) - 1);
    memset(agent, '#', sizeof(agent) - 1);
    cr_assert_null(request->arrived);
    is_text(request->received.method, "GET");
    is_text(request->received.target, "/v1/feed?limit=2&q=a?b");
    is_text(request->received.path, "/v1/feed");
    is_text(request->received.query, "limit=2&q=a?b");
    is_text(request->received.body, "{}");
    is_text(request->received.user_agent, "app/1.0");
    is_text(request->received.authorization, "Bearer x");
    is_text(request->received.accept_encoding, NULL);
    cr_assert(request->received.is_tls && !request->received.authorization_repeats);
}

Test(receive, two_authorizations_are_noticed)
{
    send_field("Authorization", STR("Bearer a"));
    send_field("authorization", STR("Bearer b"));
    cr_assert_eq(receive(), STEP_NEXT);
    cr_assert(request->received.authorization_repeats);
}

Test(receive, a_long_user_agent_is_cut)
{
    static char agent[1000];
    memset(agent, 'a', sizeof(agent));
    send_field("User-Agent", (struct str){ agent, sizeof(agent) });
    cr_assert_eq(receive(), STEP_NEXT);
    cr_assert_eq(request->received.user_agent.len, 256);
}

Test(receive, a_list_in_several_fields_is_one_list)
{
    send_field("Accept-Encoding", STR("br;q=0.1"));
    send_field("Accept", STR("*/*"));
    send_field("accept-encoding", STR("gzip, zstd"));
    cr_assert_eq(receive(), STEP_NEXT);
    is_text(request->received.accept_encoding, "br;q=0.1,gzip, zstd");
}

/* Which of them would hold? No number, and route says so. */
Test(receive, a_budget_is_whole_and_told_once)
{
    send_field("BFF-Budget", STR("00000000000000000300"));
    cr_assert_eq(receive(), STEP_NEXT);
    is_text(request->received.budget, "00000000000000000300");
    turn();
    send_field("BFF-Budget", STR("300"));
    send_field("bff-budget", STR("200"));
    cr_assert_eq(receive(), STEP_NEXT);
    is_text(request->received.budget, "300,200");
}

/* ---- request ids ---- */

Test(receive, a_harmless_request_id_is_kept)
{
    static char long_id[129];
    memset(long_id, 'a', 128);
    const char *const harmless[] = { "a", "7f3e-AB.c_d", "trace:1/2+3=4@host", long_id };
    for (size_t i = 0; i < countof(harmless); i++) {
        turn();
        send_field("X-Request-ID", str_of(harmless[i]));
        cr_assert_eq(receive(), STEP_NEXT);
        is_text(request->received.request_id, harmless[i]);
    }
}

static bool is_hex(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!memchr("0123456789abcdef", s.at[i], 16)) {
            return false;
        }
    }
    return true;
}

Test(receive, any_other_request_id_is_replaced_not_repaired)
{
    static char too_long[130];
    memset(too_long, 'a', 129);
    const struct str hostile[] = { STR(""), STR("a b"), STR("a\r\nX-Evil: 1"), STR("a\0b"),
        STR("<script>"), STR("\"};{\""), STR("a%0d"), STR("\xc3\xa9"), STR("a,b"), STR("a;b"),
        STR("${jndi:x}"), { too_long, 129 } };
    for (size_t i = 0; i < countof(hostile); i++) {
        turn();
        send_field("X-Request-Id", hostile[i]);
        cr_assert_eq(receive(), STEP_NEXT);
        struct str id = request->received.request_id;
        cr_assert(id.len == 32 && is_hex(id), "%zu became '%.*s'", i, STR_FMT(id));
    }
}

Test(receive, ids_of_ours_differ)
{
    char first[33] = "";
    for (int i = 0; i < 3; i++) {
        turn();
        cr_assert_eq(receive(), STEP_NEXT);
        struct str id = request->received.request_id;
        cr_assert(id.len == 32 && memcmp(id.at, first, 32) != 0);
        memcpy(first, id.at, 32);
    }
}

/* ---- the trace (W3C Trace Context) ---- */

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"

/* Well-formed, of version 00, with a span that is new; the trace and the flags are returned. */
static const char *trace_sent_on(const char **flags)
{
    struct str sent = request->received.traceparent;
    char *text = arena_cstr(&request->arena, sent);
    cr_assert_eq(sent.len, 55, "%s", text);
    cr_assert(strncmp(text, "00-", 3) == 0 && text[35] == '-' && text[52] == '-', "%s", text);
    text[35] = text[52] = '\0';
    cr_assert(is_hex(str_of(text + 3)) && is_hex(str_of(text + 36)) && is_hex(str_of(text + 53)));
    cr_assert_str_neq(text + 36, SPAN, "the client's span is not ours");
    cr_assert_str_neq(text + 36, "0000000000000000");
    *flags = text + 53;
    return text + 3;
}

static void goes_on(const char *traceparent, const char *flags_wanted)
{
    const char *flags;
    turn();
    send_field("Traceparent", str_of(traceparent));
    send_field("tracestate", STR("vendor=1"));
    cr_assert_eq(receive(), STEP_NEXT);
    cr_assert_str_eq(trace_sent_on(&flags), TRACE, "%s did not go on", traceparent);
    cr_assert_str_eq(flags, flags_wanted, "%s", traceparent);
    is_text(request->received.tracestate, "vendor=1");
}

static void begins_anew(struct str traceparent)
{
    const char *flags;
    turn();
    send_field("traceparent", traceparent);
    send_field("tracestate", STR("vendor=1"));
    cr_assert_eq(receive(), STEP_NEXT);
    cr_assert_str_neq(trace_sent_on(&flags), TRACE, "%.*s went on", STR_FMT(traceparent));
    cr_assert_str_eq(flags, "00");
    is_text(request->received.tracestate, NULL);
}

Test(receive, a_trace_goes_on_with_a_span_of_ours)
{
    goes_on("00-" TRACE "-" SPAN "-01", "01");
    goes_on("00-" TRACE "-" SPAN "-00", "00");
}

/* Section 3.2.2.5.3: what we do not know must be zero when it is sent on. */
Test(receive, flags_that_nobody_knows_are_not_sent_on)
{
    goes_on("00-" TRACE "-" SPAN "-03", "03");
    goes_on("00-" TRACE "-" SPAN "-ff", "03");
    goes_on("00-" TRACE "-" SPAN "-a8", "00");
}

/* Section 3.2.1 and 4.3: a later version is read as far as this one goes. */
Test(receive, a_later_version_is_read_as_this_one)
{
    goes_on("01-" TRACE "-" SPAN "-01", "01");
    goes_on("cc-" TRACE "-" SPAN "-01-what-the-future-brings", "01");
    goes_on("fe-" TRACE "-" SPAN "-01-", "01");
}

Test(receive, a_broken_trace_begins_anew)
{
    const char *const broken[] = { "", "00", "ff-" TRACE "-" SPAN "-01", "0f" TRACE "-" SPAN "-01",
        "00-00000000000000000000000000000000-" SPAN "-01", "00-" TRACE "-0000000000000000-01",
        "00-" TRACE "-" SPAN "-01-more", "00-" TRACE "-" SPAN "-01-", "00-" TRACE "-" SPAN "-1",
        "00-" TRACE "-" SPAN, "01-" TRACE "-" SPAN "-01.more", "01-" TRACE "-" SPAN "-012",
        "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01", "00-" TRACE "-B7AD6B7169203331-01",
        "0A-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-0A", "00-" TRACE "-" SPAN "-0g",
        "00-" TRACE "-" SPAN "-g0", "00_" TRACE "-" SPAN "-01", "00-" TRACE "_" SPAN "-01",
        "00-" TRACE "-" SPAN "_01", "00-" TRACE "-b7ad6b716920333z-01",
        " 00-" TRACE "-" SPAN "-01" };
    for (size_t i = 0; i < countof(broken); i++) {
        begins_anew(str_of(broken[i]));
    }
    begins_anew(STR("00-" TRACE "-" SPAN "-\0001"));
}

Test(receive, two_traces_are_none)
{
    const char *flags;
    send_field("traceparent", STR("00-" TRACE "-" SPAN "-01"));
    send_field("Traceparent", STR("00-" TRACE "-" SPAN "-01"));
    cr_assert_eq(receive(), STEP_NEXT);
    cr_assert_str_neq(trace_sent_on(&flags), TRACE);
}

/* Section 3.3.1.5 asks for 512 bytes; lists in several fields are one list. */
Test(receive, tracestate_comes_whole_or_not_at_all)
{
    static char text[514];
    memset(text, 'a', 513);
    const struct {
        struct str first, second;
        const char *wanted;
    } rows[] = {
        { STR("a=1"), STR("b=2"), "a=1,b=2" },
        { { text, 512 }, { NULL, 0 }, "long" },
        { { text, 513 }, { NULL, 0 }, NULL },
        { { text, 500 }, { text, 11 }, "long" },
        { { text, 500 }, { text, 12 }, NULL },
        { STR(""), { NULL, 0 }, NULL },
        { STR("a=\x01"), { NULL, 0 }, NULL },
        { STR("a=\xff"), { NULL, 0 }, NULL },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        turn();
        send_field("traceparent", STR("00-" TRACE "-" SPAN "-01"));
        send_field("tracestate", rows[i].first);
        if (rows[i].second.at) {
            send_field("Tracestate", rows[i].second);
        }
        cr_assert_eq(receive(), STEP_NEXT);
        struct str state = request->received.tracestate;
        if (rows[i].wanted && strcmp(rows[i].wanted, "long") == 0) {
            cr_assert_eq(state.len, 512, "row %zu", i);
        } else {
            is_text(state, rows[i].wanted);
        }
    }
}

/* ---- addresses ---- */

Test(receive, an_address_is_shown_as_what_it_is)
{
    static const char *const rows[][2] = {
        { "203.0.113.9", "203.0.113.9" },
        { "2001:db8::1", "2001:db8::1" },
        { "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
        { "::1", "::1" },
        { "::ffff:203.0.113.9", "203.0.113.9" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        turn();
        arrive_from(rows[i][0]);
        cr_assert_eq(receive(), STEP_NEXT);
        is_text(request->received.address, rows[i][1]);
    }
}

/* ---- who is turned away ---- */

Test(receive, what_could_not_be_believed_is_refused_with_its_bound)
{
    static const struct {
        enum http_refusal refused;
        enum problem problem;
        const char *words;
    } rows[] = {
        { HTTP_REFUSED_MALFORMED, PROBLEM_BAD_REQUEST, "HTTP/1.1" },
        { HTTP_REFUSED_TARGET_TOO_LONG, PROBLEM_TARGET_TOO_LONG, "8192" },
        { HTTP_REFUSED_HEAD_TOO_LARGE, PROBLEM_HEAD_TOO_LARGE, "16384" },
        { HTTP_REFUSED_BODY_TOO_LARGE, PROBLEM_BODY_TOO_LARGE, "65536" },
        { HTTP_REFUSED_SLOW, PROBLEM_REQUEST_TIMEOUT, "in time" },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        turn();
        arrived = (struct http_arrived){ .refused = rows[i].refused, .peer = arrived.peer };
        cr_assert_eq(receive(), STEP_FAIL);
        cr_assert_eq(request->problem, rows[i].problem);
        cr_assert(
            memmem(request->detail.at, request->detail.len, rows[i].words, strlen(rows[i].words)),
            "%.*s", STR_FMT(request->detail));
        cr_assert_eq(request->received.request_id.len, 32, "it has an id all the same");
    }
}

Test(receive, a_server_that_is_full_or_stopping_says_so)
{
    page.worker.requests_count = page.settings.limits.in_flight;
    cr_assert_eq(receive(), STEP_NEXT, "this one is among those that are counted");
    turn();
    page.worker.requests_count = page.settings.limits.in_flight + 1;
    cr_assert_eq(receive(), STEP_FAIL);
    cr_assert_eq(request->problem, PROBLEM_OVERLOADED);
    turn();
    page.worker.is_draining = true;
    cr_assert_eq(receive(), STEP_FAIL);
    cr_assert_eq(request->problem, PROBLEM_STOPPING);
}

Test(receive, each_worker_takes_its_share_and_one_at_least)
{
    page.core.workers_count = 3;
    page.settings.limits.in_flight = 7;
    page.worker.requests_count = 2;
    cr_assert_eq(receive(), STEP_NEXT);
    turn();
    page.worker.requests_count = 3;
    cr_assert_eq(receive(), STEP_FAIL);
    turn();
    page.settings.limits.in_flight = 2;
    page.worker.requests_count = 1;
    cr_assert_eq(receive(), STEP_NEXT);
}
