/* What HTTP asks of a server, said byte for byte over TLS. */
#include "flow.h"

#include <stdio.h>
#include <stdlib.h>

static struct flow_wire *wire;
static char *token;

static void open_wire(void)
{
    flow_open();
    flow_serve(&(struct flow_page){ .client = "mobile", .set = { "limits.head_ms=400" } });
    token = flow_mint(NULL);
    wire = flow_connect();
}

static void close_wire(void)
{
    flow_hang_up(wire);
    free(token);
    flow_close();
}

TestSuite(http, .init = open_wire, .fini = close_wire, .timeout = 100);

/* A whole question: the line, the token, and more fields, each with its CRLF. */
static void say(const char *line, const char *more)
{
    char *question;
    cr_assert_gt(
        asprintf(&question, "%s\r\nAuthorization: Bearer %s\r\n%s\r\n", line, token, more), 0);
    flow_say(wire, question);
    free(question);
}

static void hear(const struct flow_expected *expected)
{
    struct flow_answer answer;
    cr_assert(flow_hear(wire, false, &answer), "closed without an answer");
    flow_expect(&answer, expected);
    flow_forget(&answer);
}

/* ---- connections (RFC 9112 section 9) ---- */

Test(http, a_connection_is_kept)
{
    for (int i = 0; i < 3; i++) {
        say("GET /v1/feed HTTP/1.1", "Host: localhost\r\n");
        hear(&(struct flow_expected){ .status = 200, .sections = "posts=ok" });
    }
}

Test(http, a_connection_is_closed_when_the_client_asks_for_it)
{
    say("GET /v1/feed HTTP/1.1", "Host: localhost\r\nConnection: close\r\n");
    hear(&(struct flow_expected){ .status = 200, .fields = { "Connection: close" } });
    cr_assert(flow_is_closed(wire));
}

Test(http, an_older_client_is_answered_and_let_go)
{
    say("GET /v1/feed HTTP/1.0", "");
    hear(&(struct flow_expected){ .status = 200,
        .sections = "posts=ok",
        .fields = { "Content-Length: *", "!Transfer-Encoding" } });
    cr_assert(flow_is_closed(wire));
}

Test(http, questions_in_one_breath_are_answered_in_their_order)
{
    char *both;
    cr_assert_gt(asprintf(&both,
                     "GET /v1/feed HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
                     "X-Request-Id: first\r\n\r\n"
                     "GET /nowhere HTTP/1.1\r\nHost: a\r\nX-Request-Id: second\r\n\r\n"
                     "GET /v1/feed?limit=0 HTTP/1.1\r\nHost: a\r\nX-Request-Id: third\r\n\r\n",
                     token),
        0);
    flow_say(wire, both);
    free(both);
    hear(&(struct flow_expected){ .status = 200, .fields = { "X-Request-Id: first" } });
    hear(&(struct flow_expected){ .status = 404, .fields = { "X-Request-Id: second" } });
    hear(&(struct flow_expected){ .status = 400, .fields = { "X-Request-Id: third" } });
}

/* ---- targets and methods ---- */

Test(http, a_target_may_name_the_server)
{
    say("GET https://localhost/v1/feed?limit=1 HTTP/1.1", "Host: localhost\r\n");
    hear(&(struct flow_expected){
        .status = 200, .values = { { "/posts/0/id", "*" }, { "/posts/1", NULL } } });
}

Test(http, head_is_get_without_its_body)
{
    struct flow_answer answer;
    say("HEAD /v1/feed HTTP/1.1", "Host: localhost\r\n");
    cr_assert(flow_hear(wire, true, &answer));
    flow_expect(&answer, &(struct flow_expected){ .status = 200, .sections = "posts=ok" });
    cr_assert_gt(strtoul(flow_field(&answer, "Content-Length"), NULL, 10), 1000);
    flow_forget(&answer);
    say("GET /v1/feed HTTP/1.1", "Host: localhost\r\n");
    hear(&(struct flow_expected){ .status = 200 });
}

Test(http, options_of_the_whole_server_are_no_route)
{
    say("OPTIONS * HTTP/1.1", "Host: localhost\r\n");
    hear(&(struct flow_expected){ .status = 404, .problem = "not-found" });
}

/* ---- bodies ---- */

Test(http, a_body_is_sent_when_the_server_says_so)
{
    say("POST /v1/feed HTTP/1.1",
        "Host: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n");
    hear(&(struct flow_expected){ .status = 100 });
    flow_say(wire, "{}");
    hear(&(struct flow_expected){ .status = 405, .fields = { "Allow: GET, HEAD" } });
}

Test(http, a_body_that_is_too_large_is_not_asked_for)
{
    say("POST /v1/feed HTTP/1.1",
        "Host: localhost\r\nContent-Length: 9999999\r\nExpect: 100-continue\r\n");
    hear(&(struct flow_expected){ .status = 413, .problem = "body-too-large" });
    cr_assert(flow_is_closed(wire));
}

Test(http, a_body_may_come_in_chunks)
{
    say("POST /v1/feed HTTP/1.1", "Host: localhost\r\nTransfer-Encoding: chunked\r\n");
    flow_say(wire, "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n");
    hear(&(struct flow_expected){ .status = 405 });
    say("GET /v1/feed HTTP/1.1", "Host: localhost\r\n");
    hear(&(struct flow_expected){ .status = 200 });
}

/* ---- what cannot be believed ---- */

static void is_turned_away(const char *question)
{
    flow_hang_up(wire);
    wire = flow_connect();
    flow_say(wire, question);
    hear(&(struct flow_expected){
        .status = 400, .problem = "bad-request", .fields = { "Connection: close" } });
    cr_assert(flow_is_closed(wire), "it goes on after: %s", question);
}

Test(http, what_may_be_read_in_two_ways_is_not_read)
{
    is_turned_away("GET /v1/feed HTTP/1.1\r\n\r\n");
    is_turned_away("GET /v1/feed HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    is_turned_away("GET /v1/feed HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    is_turned_away("POST /v1/feed HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\n\r\n");
    is_turned_away("GET /v1/feed HTTP/1.1\r\nHost : a\r\n\r\n");
    is_turned_away("GET /v1/feed%00 HTTP/1.1\r\nHost: a\r\n\r\n");
    is_turned_away("GET /v1/feed HTTP/2.0\r\nHost: a\r\n\r\n");
    is_turned_away("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
}

Test(http, a_head_that_does_not_end_is_not_waited_for)
{
    flow_say(wire, "GET /v1/feed HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    hear(&(struct flow_expected){ .status = 408, .problem = "request-timeout" });
    cr_assert(flow_is_closed(wire));
}

/* ---- codings and ids ---- */

Test(http, a_coding_is_the_clients_choice)
{
    say("GET /v1/feed HTTP/1.1", "Host: localhost\r\nAccept-Encoding: gzip\r\n");
    hear(&(struct flow_expected){
        .status = 200, .fields = { "Content-Encoding: gzip", "Vary: Accept-Encoding" } });
    say("GET /v1/feed HTTP/1.1", "Host: localhost\r\nAccept-Encoding: gzip;q=0\r\n");
    hear(&(struct flow_expected){ .status = 200,
        .fields = { "!Content-Encoding", "Vary: Accept-Encoding" },
        .values = { { "/posts/0/id", "*" } } });
    say("GET /v1/feed HTTP/1.1", "Host: localhost\r\n");
    hear(&(struct flow_expected){ .status = 200, .fields = { "!Content-Encoding" } });
}

Test(http, a_harmless_request_id_comes_back)
{
    say("GET /v1/feed HTTP/1.1", "Host: localhost\r\nX-Request-Id: app-7f3e/1\r\n");
    hear(&(struct flow_expected){ .status = 200, .fields = { "X-Request-Id: app-7f3e/1" } });
    say("GET /nowhere HTTP/1.1", "Host: localhost\r\nX-Request-Id: app-7f3e/2\r\n");
    hear(&(struct flow_expected){
        .status = 404, .problem = "not-found", .fields = { "X-Request-Id: app-7f3e/2" } });
}

Test(http, any_other_request_id_does_not)
{
    say("GET /nowhere HTTP/1.1",
        "Host: localhost\r\nX-Request-Id: \"><script>alert(1)</script>\r\n");
    hear(&(struct flow_expected){
        .status = 404, .problem = "not-found", .without = { "script", "alert" } });
}
