/* Clients that leave, and a server that is told to. */
#include "flow.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(leaving, .init = flow_open, .fini = flow_close, .timeout = 100);

/* For so many posts: who asks for as many at the same time shares their call. The caller frees it.
 */
static char *question(size_t limit)
{
    char *token = flow_mint(NULL), *text;
    cr_assert_gt(asprintf(&text,
                     "GET /v1/feed?limit=%zu HTTP/1.1\r\nHost: localhost\r\n"
                     "Authorization: Bearer %s\r\n\r\n",
                     limit, token),
        0);
    free(token);
    return text;
}

/* So many posts are asked for on a connection of its own, and not waited for. */
static struct flow_wire *ask_for_posts(size_t limit)
{
    char *text = question(limit);
    struct flow_wire *wire = flow_connect();
    flow_say(wire, text);
    free(text);
    return wire;
}

static struct flow_wire *ask_for_feed(void)
{
    return ask_for_posts(20);
}

static void hear(struct flow_wire *wire, const struct flow_expected *expected)
{
    struct flow_answer answer;
    cr_assert(flow_hear(wire, false, &answer), "closed without an answer");
    flow_expect(&answer, expected);
    flow_forget(&answer);
}

static unsigned admin_says(const char *path)
{
    struct flow_answer answer;
    flow_ask_admin(path, NULL, &answer);
    unsigned status = answer.status;
    flow_forget(&answer);
    return status;
}

/* ---- a client ---- */

Test(leaving, a_client_takes_its_questions_along)
{
    flow_serve(&(struct flow_page){ .client = "web",
        .services = { { "posts", .is_mute = true }, { "profiles", .is_mute = true } } });
    struct flow_wire *wire = ask_for_feed();
    flow_until(flow_hears("posts", "\r\n\r\n") == 1 && flow_hears("profiles", "\r\n\r\n") == 1);
    cr_assert_eq(flow_metric("http_server_active_requests"), 1);
    flow_hang_up(wire);
    flow_until(flow_closed("posts") == 1 && flow_closed("profiles") == 1);
    flow_until(flow_metric("http_server_active_requests") == 0);
    flow_until(flow_metric("bff_problems_total{problem=\"client-gone\"}") == 1);
    flow_until(flow_metric("bff_client_connections") == 0);
}

Test(leaving, a_client_that_left_costs_the_others_nothing)
{
    flow_serve(
        &(struct flow_page){ .client = "web", .services = { { "posts", .is_held = true } } });
    struct flow_wire *leaving = ask_for_posts(7), *staying = ask_for_posts(8);
    flow_until(flow_hears("posts", "GET /v1/users/1001/timeline") == 2);
    flow_hang_up(leaving);
    flow_until(flow_closed("posts") == 1);
    flow_release("posts");
    hear(staying, &(struct flow_expected){ .status = 200, .sections = "posts=ok" });
    flow_hang_up(staying);
}

/* The second to ask waits for the first one's question. */
Test(leaving, a_client_leaves_its_question_to_whoever_asks_the_same)
{
    flow_serve(
        &(struct flow_page){ .client = "web", .services = { { "posts", .is_held = true } } });
    struct flow_wire *leaving = ask_for_feed(), *staying = ask_for_feed();
    flow_until(flow_metric("http_server_active_requests") == 2);
    flow_hang_up(leaving);
    flow_until(flow_metric("http_server_active_requests") == 1);
    flow_release("posts");
    hear(staying, &(struct flow_expected){ .status = 200, .sections = "posts=ok" });
    cr_assert_eq(flow_hears("posts", "GET /v1/users/1001/timeline"), 1);
    cr_assert_eq(flow_closed("posts"), 0);
    flow_hang_up(staying);
}

/* ---- the server ---- */

Test(leaving, a_server_answers_who_is_there_and_takes_nobody_new)
{
    flow_serve(
        &(struct flow_page){ .client = "web", .services = { { "posts", .is_held = true } } });
    struct flow_wire *idle = flow_connect(), *busy = ask_for_feed();
    flow_say(idle, "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
    hear(idle, &(struct flow_expected){ .status = 404, .fields = { "!Connection" } });
    flow_until(flow_hears("posts", "GET /v1/users/1001/timeline") == 1);
    cr_assert_eq(admin_says("/readyz"), 200);
    flow_signal(SIGTERM);
    flow_until(admin_says("/readyz") == 503);
    cr_assert_eq(admin_says("/healthz"), 200, "it is not ill");
    flow_until(flow_is_refused());
    cr_assert(flow_is_closed(idle), "nobody waits for who does not ask");
    flow_release("posts");
    hear(busy, &(struct flow_expected){
                   .status = 200, .sections = "posts=ok", .fields = { "Connection: close" } });
    cr_assert(flow_is_closed(busy));
    cr_assert_eq(flow_wait(), 0);
    flow_hang_up(idle);
    flow_hang_up(busy);
}

Test(leaving, a_server_waits_no_longer_than_it_was_told_to)
{
    flow_serve(&(struct flow_page){ .client = "web",
        .services = { { "posts", .is_mute = true } },
        .set = { "limits.drain_ms=100ms" } });
    struct flow_wire *wire = ask_for_feed();
    flow_until(flow_hears("posts", "\r\n\r\n") == 1);
    flow_signal(SIGTERM);
    hear(wire, &(struct flow_expected){ .status = 503,
                   .problem = "stopping",
                   .fields = { "Retry-After: 1", "Connection: close" } });
    cr_assert_eq(flow_wait(), 0);
    flow_hang_up(wire);
}

/* Each of them has connections of its own, and the process ends with the last. */
Test(leaving, a_server_of_several_workers_ends_as_one)
{
    enum { CLIENTS = 8 };
    struct flow_wire *wires[CLIENTS];
    flow_serve(&(struct flow_page){ .client = "web",
        .services = { { "posts", .is_held = true } },
        .set = { "listen.workers=3" } });
    for (size_t i = 0; i < CLIENTS; i++) {
        wires[i] = flow_connect();
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        char *text = question(i + 1);
        flow_say(wires[i], text);
        free(text);
    }
    flow_until(flow_hears("posts", "GET /v1/users/1001/timeline") == CLIENTS);
    cr_assert_eq(flow_metric("bff_workers"), 3);
    flow_signal(SIGTERM);
    flow_until(flow_is_refused());
    flow_release("posts");
    for (size_t i = 0; i < CLIENTS; i++) {
        struct flow_answer answer;
        cr_assert(flow_hear(wires[i], false, &answer), "number %zu is lost", i);
        bool is_answered = answer.status == 200 || answer.status == 504; /* eight take their time */
        cr_assert(is_answered, "%u", answer.status);
        flow_forget(&answer);
        flow_hang_up(wires[i]);
    }
    cr_assert_eq(flow_wait(), 0);
}

/* What was seen is told although the server is about to go. */
Test(leaving, a_server_finishes_what_nobody_waits_for)
{
    flow_serve(&(struct flow_page){
        .client = "mobile", .services = { { "analytics", .is_held = true } } });
    flow_check(&(struct flow_question){ 0 },
        &(struct flow_expected){ .status = 200, .sections = "stats=timeout" });
    flow_until(flow_hears("analytics", "POST /v1/events") == 1);
    flow_signal(SIGTERM);
    flow_until(flow_is_refused());
    flow_release("analytics");
    cr_assert_eq(flow_wait(), 0);
}

/* Somebody who asks by and by holds the drain up; the other's answer says that it has begun. */
Test(leaving, a_second_signal_is_meant)
{
    flow_serve(&(struct flow_page){
        .client = "web", .set = { "limits.head_ms=1min", "limits.drain_ms=1min" } });
    struct flow_wire *slow = flow_connect(), *other = flow_connect();
    flow_say(slow, "GET /v1/feed HTTP/1.1\r\nX-Slow: ");
    flow_say(other, "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
    hear(other, &(struct flow_expected){ .status = 404 });
    flow_signal(SIGTERM);
    flow_until(admin_says("/readyz") == 503);
    flow_signal(SIGINT);
    cr_assert_eq(flow_wait(), 1);
    cr_assert(flow_is_closed(slow));
    flow_hang_up(slow);
    flow_hang_up(other);
}
