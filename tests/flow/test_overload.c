/* More is asked than can be done in time: who is refused, what he is told, and that it passes. */
#include "flow.h"

#include <stdio.h>
#include <stdlib.h>

/* Each asks several times in a row: one burst alone may be over before it is too much. */
enum { CLIENTS = 64, QUESTIONS = 4, ROUNDS_MAX = 200 };

static struct flow_wire *wires[CLIENTS];
static char *questions[CLIENTS];
static unsigned served, refused;

/* Each client is another user: equal questions would be asked once. */
static void write_questions(void)
{
    for (int i = 0; i < CLIENTS; i++) {
        char order[40];
        snprintf(order, sizeof(order), "{\"sub\":\"%d\"}", 1001 + i);
        char *token = flow_mint(order), *once;
        cr_assert_gt(asprintf(&once,
                         "GET /v1/feed HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                         "\r\n",
                         token),
            0);
        cr_assert_gt(asprintf(&questions[i], "%s%s%s%s", once, once, once, once), 0);
        free(once);
        free(token);
    }
}

static void open_clients_of(const char *client)
{
    flow_open();
    /* A millisecond is nothing: whatever this machine does, so many at once are too many. The mocks
     * may be too slow for them as well; that is no reason to ask them no more. */
    flow_serve(&(struct flow_page){
        .client = client,
        .set = { "listen.workers=1", "shed.target_ms=1", "shed.interval_ms=10", "quota.user.rate=0",
            "quota.address.rate=0", "token.cache_entries=1000",
            "services.profiles.breaker.failures=0", "services.profiles.breaker.ratio_percent=0",
            "services.posts.breaker.failures=0", "services.posts.breaker.ratio_percent=0" },
    });
    write_questions();
    for (int i = 0; i < CLIENTS; i++) {
        wires[i] = flow_connect();
    }
}

static void open_clients(void)
{
    open_clients_of("mobile");
}

static void open_uploaders(void)
{
    open_clients_of("web");
}

static void close_clients(void)
{
    for (int i = 0; i < CLIENTS; i++) {
        flow_hang_up(wires[i]);
        free(questions[i]);
    }
    flow_close();
}

TestSuite(overload, .init = open_clients, .fini = close_clients, .timeout = 100);

static void hear_once(struct flow_wire *wire)
{
    static const struct flow_expected refusal = { .status = 503,
        .problem = "overloaded",
        .fields = { "Retry-After: [1-9]*", "Cache-Control: no-store", "!Connection" } };
    struct flow_answer answer;
    cr_assert(flow_hear(wire, false, &answer), "its connection is closed");
    if (answer.status == 200 || answer.status == 504) { /* the mocks may be slow, too */
        served++;
    } else {
        flow_expect(&answer, &refusal);
        refused++;
    }
    flow_forget(&answer);
}

static void hear(struct flow_wire *wire)
{
    for (int i = 0; i < QUESTIONS; i++) {
        hear_once(wire);
    }
}

/* All ask at once, and all are answered. */
static void ask_all(void)
{
    for (int i = 0; i < CLIENTS; i++) {
        flow_say(wires[i], questions[i]);
    }
    for (int i = 0; i < CLIENTS; i++) {
        hear(wires[i]);
    }
}

static void ask_until_refused(void)
{
    for (int i = 0; i < ROUNDS_MAX && !refused; i++) {
        ask_all();
    }
    cr_assert_gt(refused, 0);
}

static bool is_ready(void)
{
    struct flow_answer answer;
    flow_ask_admin("/readyz", NULL, &answer);
    bool is_so = answer.status == 200;
    flow_forget(&answer);
    return is_so;
}

Test(overload, each_is_answered_and_keeps_its_connection)
{
    ask_until_refused();
    cr_assert_gt(served, 0);
    for (int i = 0; i < 20; i++) {
        ask_all(); /* the refused as well, each on its own connection */
    }
    cr_assert_gt(served, CLIENTS, "some are served all the while");
}

Test(overload, it_passes_when_the_load_does)
{
    ask_until_refused();
    flow_until(flow_metric("bff_shedding_workers{requests=\"some\"}") == 0);
    served = refused = 0;
    flow_say(wires[0], questions[0]);
    hear(wires[0]);
    cr_assert_eq(served, QUESTIONS);
}

Test(overload, operators_see_it)
{
    ask_until_refused();
    ask_all();
    cr_assert_eq(flow_metric("bff_shed_total{plan=\"feed\",priority=\"normal\"}"), refused);
    cr_assert_eq(flow_metric("bff_problems_total{problem=\"overloaded\"}"), refused);
}

Test(overload, balancers_are_told_while_most_are_refused)
{
    cr_assert(is_ready());
    flow_until((ask_all(), !is_ready()));
    flow_until(is_ready());
}

/* ---- what is passed through ---- */

TestSuite(overload_passing, .init = open_uploaders, .fini = close_clients, .timeout = 100);

/* Its head, ready to be said: the body waits until it is asked for. */
struct upload {
    struct flow_wire *wire;
    char *head;
};

static struct upload open_upload(void)
{
    struct upload upload = { .wire = flow_connect() };
    char *token = flow_mint(NULL);
    cr_assert_gt(asprintf(&upload.head,
                     "POST /v1/uploads HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                     "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n",
                     token),
        0);
    free(token);
    return upload;
}

/* The status that its head has met; the body follows where it is asked for. */
static unsigned end_upload(struct upload *upload)
{
    struct flow_answer answer;
    cr_assert(flow_hear(upload->wire, false, &answer));
    unsigned status = answer.status;
    if (status == 100) {
        flow_forget(&answer);
        flow_say(upload->wire, "abc");
        cr_assert(flow_hear(upload->wire, false, &answer));
        cr_assert_eq(answer.status, 201);
    } else {
        flow_expect(&answer, &(struct flow_expected){ .status = 503,
                                 .problem = "overloaded",
                                 .fields = { "Retry-After: [1-9]*", "Connection: close" } });
        cr_assert(flow_is_closed(upload->wire));
    }
    flow_forget(&answer);
    flow_hang_up(upload->wire);
    free(upload->head);
    return status;
}

/* Whoever was let in before it stays until profiles have answered: there is no room when it comes.
 */
static unsigned upload_after_all(void)
{
    struct upload upload = open_upload();
    refused = 0;
    ask_until_refused();
    flow_order("profiles", "{\"delay_ms\":200}");
    for (int i = 0; i < CLIENTS; i++) {
        flow_say(wires[i], questions[i]);
    }
    flow_say(upload.wire, upload.head);
    unsigned status = end_upload(&upload);
    flow_order("profiles", "{\"delay_ms\":0}");
    for (int i = 0; i < CLIENTS; i++) {
        hear(wires[i]);
    }
    return status;
}

Test(overload_passing, is_refused_before_its_body_is_asked_for)
{
    unsigned taken = 0, turned_away = 0;
    for (int i = 0; i < ROUNDS_MAX && !turned_away; i++) {
        bool is_taken = upload_after_all() == 100;
        taken += is_taken;
        turned_away += !is_taken;
    }
    cr_assert_eq(turned_away, 1);
    flow_until(flow_metric("bff_calls_total{plan=\"upload\",call=\"upload\",service=\"posts\","
                           "state=\"ok\"}") == taken);
    cr_assert_eq(flow_metric("bff_calls_total{plan=\"upload\",call=\"upload\",service=\"posts\","
                             "state=\"failed\"}"),
        0);
}
