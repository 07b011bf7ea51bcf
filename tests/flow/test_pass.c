/* Plans without a shape: the request goes on as it comes, and the answer comes back as it is. What
 * takes a service that counts bytes is in tests/contract/passing.py. */
#include "flow.h"

#include "base/clock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(pass, .init = flow_open, .fini = flow_close, .timeout = 100);

#define UPLOAD "POST /v1/uploads HTTP/1.1\r\nHost: localhost\r\n"

/* A head with a good token, and what follows it; the caller frees it. */
static char *with_token(const char *head, const char *rest)
{
    char *token = flow_mint(NULL), *text;
    cr_assert_gt(asprintf(&text, "%sAuthorization: Bearer %s\r\n%s", head, token, rest), 0);
    free(token);
    return text;
}

static struct flow_wire *say_upload(const char *rest)
{
    char *text = with_token(UPLOAD, rest);
    struct flow_wire *wire = flow_connect();
    flow_say(wire, text);
    free(text);
    return wire;
}

static void hear(struct flow_wire *wire, const struct flow_expected *expected)
{
    struct flow_answer answer;
    cr_assert(flow_hear(wire, false, &answer), "closed without an answer");
    flow_expect(&answer, expected);
    flow_forget(&answer);
}

/* ---- what passes ---- */

Test(pass, a_picture_comes_back_as_it_is)
{
    flow_play(&(struct flow_page){
        .client = "tv",
        .services = { { "posts", .is_heard = true } },
        .asks = { .path = "/v1/artwork/p1?width=640" },
        .expects = { .status = 200,
            .fields = { "Content-Type: image/bmp", "Content-Length: 307254", "RateLimit: *",
                "X-Request-Id: *", "X-Content-Type-Options: nosniff", "Cache-Control: no-store",
                "!BFF-Sections", "!Content-Encoding", "!Transfer-Encoding" } },
    });
}

Test(pass, an_upload_goes_on_as_it_is)
{
    flow_serve(
        &(struct flow_page){ .client = "web", .services = { { "posts", .is_heard = true } } });
    flow_check(&(struct flow_question){ .method = "POST",
                   .path = "/v1/uploads?secret=1",
                   .body = "abc",
                   .fields = { "Content-Type: text/plain", "Content-Digest: x", "Cookie: a=b",
                       "X-Forwarded-For: 6.6.6.6" } },
        &(struct flow_expected){ .status = 201,
            .values = { { "/bytes", "3" },
                { "/sha256",
                    "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"" } } });
    cr_assert_eq(flow_hears("posts", "POST /v1/users/1001/uploads HTTP/1.1\r\n"), 1);
    cr_assert_eq(flow_hears("posts", "Content-Digest: x\r\n"), 1);
    cr_assert_eq(flow_hears("posts", "Content-Type: text/plain\r\n"), 1);
    cr_assert_eq(flow_hears("posts", "X-User-Id: 1001\r\n"), 1);
    cr_assert_eq(flow_hears("posts", "Cookie") + flow_hears("posts", "6.6.6.6"), 0);
    cr_assert_eq(flow_hears("posts", "Authorization") + flow_hears("posts", "secret"), 0);
}

Test(pass, whoever_waits_for_100_is_invited_once_he_is_let_in)
{
    flow_serve(
        &(struct flow_page){ .client = "web", .services = { { "posts", .is_heard = true } } });
    struct flow_wire *wire = say_upload("Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    hear(wire, &(struct flow_expected){ .status = 100 });
    flow_say(wire, "abc");
    hear(wire, &(struct flow_expected){ .status = 201, .values = { { "/bytes", "3" } } });
    cr_assert_eq(flow_hears("posts", "Expect"), 0, "that was between the two of us");
    flow_hang_up(wire);
}

/* What a service says of itself is its client's to hear: no problem document, no retry. */
Test(pass, a_refusal_of_the_service_is_the_answer)
{
    static const struct {
        unsigned status;
        const char *says;
    } rows[] = {
        { 404, "HTTP/1.1 404 No\r\nContent-Type: text/x-why\r\nContent-Length: 3\r\n\r\nwhy" },
        { 429, "HTTP/1.1 429 No\r\nContent-Type: text/x-why\r\nContent-Length: 3\r\n\r\nwhy" },
        { 503, "HTTP/1.1 503 No\r\nContent-Type: text/x-why\r\nContent-Length: 3\r\n\r\nwhy" },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        flow_serve(&(struct flow_page){
            .client = "tv", .services = { { "posts", .says = rows[i].says } } });
        flow_check(&(struct flow_question){ .path = "/v1/artwork/p1" },
            &(struct flow_expected){ .status = rows[i].status,
                .fields = { "Content-Type: text/x-why", "Content-Length: 3", "!Retry-After" } });
        cr_assert_eq(flow_hears("posts", "GET "), 1);
        cr_assert_eq(flow_stop(), 0);
    }
}

Test(pass, operators_see_it)
{
    char access[300];
    snprintf(access, sizeof(access), "log.access=%s", flow_file("access"));
    flow_serve(&(struct flow_page){ .client = "web", .set = { access } });
    flow_check(&(struct flow_question){ .method = "POST", .path = "/v1/uploads", .body = "abcd" },
        &(struct flow_expected){ .status = 201 });
    flow_until(flow_metric("http_server_request_duration_seconds_count{http_route=\"/v1/uploads\","
                           "http_request_method=\"POST\",http_response_status_code=\"201\"}") == 1);
    cr_assert_eq(
        flow_metric("bff_request_body_bytes_sum{http_route=\"/v1/uploads\"}"), 4, "of the body");
    cr_assert_eq(flow_stop(), 0);
    char *log = flow_read(flow_file("access"));
    static const char *const words[] = { "\"route\":\"/v1/uploads\"", "\"status\":201",
        "\"read_bytes\":4", "\"user\":\"1001\"", "\"as\":\"upload\"", "\"state\":\"ok\"" };
    for (size_t i = 0; i < countof(words); i++) {
        cr_assert_not_null(strstr(log, words[i]), "no %s in %s", words[i], log);
    }
    free(log);
}

/* ---- who is refused, before a byte goes on ---- */

Test(pass, nobody_is_refused_at_the_services_cost)
{
    flow_serve(&(struct flow_page){ .client = "web",
        .services = { { "posts", .is_heard = true } },
        .set = { "quota.user.rate=1", "quota.user.burst=1" } });
    const struct flow_question good = { .method = "POST", .path = "/v1/uploads", .body = "abc" };
    flow_check(&good, &(struct flow_expected){ .status = 201 });
    flow_check(&good,
        &(struct flow_expected){
            .status = 429, .problem = "quota-exceeded", .fields = { "Retry-After: [1-9]*" } });
    struct flow_question anonymous = good, method = good;
    anonymous.token = "";
    method.method = "PUT";
    flow_check(&anonymous,
        &(struct flow_expected){
            .status = 401, .problem = "token-missing", .fields = { "WWW-Authenticate: Bearer*" } });
    flow_check(&method, &(struct flow_expected){ .status = 405, .fields = { "Allow: POST" } });
    struct flow_wire *wire = say_upload("Content-Length: 268435457\r\n\r\n");
    hear(wire, &(struct flow_expected){
                   .status = 413, .problem = "body-too-large", .fields = { "Connection: close" } });
    cr_assert(flow_is_closed(wire));
    cr_assert_eq(flow_hears("posts", "HTTP/1.1\r\n"), 1);
    flow_hang_up(wire);
}

/* Two framings, and a chunk that is none: neither the service nor the next answer is misled. */
Test(pass, nothing_is_smuggled_through)
{
    static const char next[] = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static const char *const bodies[] = {
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n-1\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nabc\r\n0\r\n\r\n",
    };
    flow_serve(
        &(struct flow_page){ .client = "web", .services = { { "posts", .is_heard = true } } });
    for (size_t i = 0; i < countof(bodies); i++) {
        char text[500];
        snprintf(text, sizeof(text), "%s%s", bodies[i], next);
        struct flow_wire *wire = say_upload(text);
        struct flow_answer answer;
        cr_assert(flow_hear(wire, false, &answer), "case %zu", i);
        cr_assert(answer.status == 400 || answer.status == 413, "case %zu: %u", i, answer.status);
        flow_forget(&answer);
        cr_assert(flow_is_closed(wire), "case %zu: more than one answer", i);
        flow_hang_up(wire);
    }
    cr_assert_eq(flow_hears("posts", "smuggled"), 0);
    /* What was begun for one of them is broken off. */
    flow_until(flow_hears("posts", "HTTP/1.1\r\n") == flow_closed("posts"));
}

/* ---- who breaks off ---- */

/* More than the server holds, so that its client has some of it already. */
Test(pass, half_an_answer_is_never_a_whole_one)
{
    flow_serve(&(struct flow_page){
        .client = "tv", .services = { { "posts", .order = "{\"body\":\"half\"}" } } });
    char *text = with_token("GET /v1/artwork/p1 HTTP/1.1\r\nHost: localhost\r\n", "\r\n");
    struct flow_wire *wire = flow_connect();
    flow_say(wire, text);
    cr_assert(flow_is_cut(wire, 200));
    flow_until(flow_metric("bff_calls_total{plan=\"artwork\",call=\"artwork\",service=\"posts\","
                           "state=\"failed\"}") == 1);
    flow_hang_up(wire);
    free(text);
}

Test(pass, a_client_that_leaves_takes_its_call_along)
{
    flow_serve(
        &(struct flow_page){ .client = "web", .services = { { "posts", .is_heard = true } } });
    struct flow_wire *wire = say_upload("Content-Length: 1000\r\n\r\nhalf");
    flow_until(flow_hears("posts", "half") == 1);
    cr_assert_eq(flow_metric("http_server_active_requests"), 1);
    flow_hang_up(wire);
    flow_until(flow_closed("posts") == 1);
    flow_until(flow_metric("bff_problems_total{problem=\"client-gone\"}") == 1);
    flow_until(flow_metric("bff_client_connections") == 0);
}

Test(pass, the_budget_is_the_clients_to_cut)
{
    flow_serve(
        &(struct flow_page){ .client = "web", .services = { { "posts", .is_mute = true } } });
    flow_check(&(struct flow_question){ .method = "POST",
                   .path = "/v1/uploads",
                   .body = "abc",
                   .fields = { "BFF-Budget: 200" } },
        &(struct flow_expected){ .status = 504, .problem = "upstream-timeout", .within_ms = 2000 });
    flow_until(flow_closed("posts") == 1); /* nobody waits for it */
}

/* From the client's first byte on it has become less. */
Test(pass, a_service_is_told_what_is_left_of_the_budget)
{
    flow_serve(
        &(struct flow_page){ .client = "tv", .services = { { "posts", .is_heard = true } } });
    flow_check(&(struct flow_question){ .path = "/v1/artwork/p1", .fields = { "BFF-Budget: 300" } },
        &(struct flow_expected){ .status = 200 });
    cr_assert_lt(flow_heard_number("posts", "\r\nBFF-Budget: "), 300);
}

/* ---- how the service fares ---- */

static unsigned upload(void)
{
    struct flow_answer answer;
    flow_ask(
        &(struct flow_question){ .method = "POST", .path = "/v1/uploads", .body = "abc" }, &answer);
    unsigned status = answer.status;
    flow_forget(&answer);
    return status;
}

static bool are_posts_asked(void)
{
    char sample[200];
    snprintf(sample, sizeof(sample),
        "bff_upstream_host_state{service=\"posts\",host=\"http://127.0.0.1:%u\",state=\"closed\"}",
        flow_mock_port("posts"));
    return flow_metric(sample) == 1;
}

/* An upload that comes to its end speaks for its host, as one that does not speaks against it. */
Test(pass, uploads_tell_how_their_service_is)
{
    flow_serve(&(struct flow_page){ .client = "web",
        .set = { "services.posts.breaker.failures=3", "services.posts.breaker.open_ms=10ms" } });
    for (unsigned i = 0; i < 5; i++) {
        flow_order("posts", "{\"status\":500}");
        cr_assert_eq(upload(), 500);
        flow_order("posts", "{\"status\":200}");
        cr_assert_eq(upload(), 201);
    }
    cr_assert(are_posts_asked(), "no three of them in a row");
    flow_order("posts", "{\"status\":500}");
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(upload(), 500);
    }
    cr_assert_not(are_posts_asked());
    flow_order("posts", "{\"status\":200}");
    flow_until(upload() == 201);
    cr_assert(are_posts_asked(), "who tried it came to his end");
}

/* It takes its time with the body, and leaves none to the service. */
Test(pass, a_client_in_a_hurry_cannot_make_its_service_look_ill)
{
    flow_serve(
        &(struct flow_page){ .client = "web", .services = { { "posts", .is_mute = true } } });
    for (unsigned i = 0; i < 8; i++) {
        struct flow_wire *wire = say_upload("Content-Length: 2\r\nBFF-Budget: 20\r\n\r\na");
        uint64_t until_us = clock_now_us() + 120 * 1000;
        flow_until(clock_now_us() > until_us);
        flow_say(wire, "b");
        hear(wire, &(struct flow_expected){ .status = 504, .problem = "upstream-timeout" });
        flow_hang_up(wire);
    }
}

/* ---- the server goes ---- */

/* What a service is to hear here is no hexadecimal: every question carries random digits. */
Test(pass, a_drain_waits_for_a_stream)
{
    flow_serve(
        &(struct flow_page){ .client = "web", .services = { { "posts", .is_heard = true } } });
    struct flow_wire *wire = say_upload("Content-Length: 6\r\n\r\nxyz");
    flow_until(flow_hears("posts", "xyz") == 1);
    flow_signal(SIGTERM);
    flow_until(flow_is_refused());
    flow_say(wire, "def");
    hear(wire,
        &(struct flow_expected){
            .status = 201, .fields = { "Connection: close" }, .values = { { "/bytes", "6" } } });
    cr_assert(flow_is_closed(wire));
    cr_assert_eq(flow_wait(), 0);
    flow_hang_up(wire);
}

Test(pass, a_drain_does_not_wait_for_ever)
{
    flow_serve(&(struct flow_page){ .client = "web",
        .services = { { "posts", .is_heard = true } },
        .set = { "limits.drain_ms=100ms" } });
    struct flow_wire *wire = say_upload("Content-Length: 6\r\n\r\nxyz");
    flow_until(flow_hears("posts", "xyz") == 1);
    flow_signal(SIGTERM);
    hear(wire, &(struct flow_expected){
                   .status = 503, .problem = "stopping", .fields = { "Connection: close" } });
    cr_assert_eq(flow_wait(), 0);
    flow_hang_up(wire);
}
