/*
 * service: whom a call goes to, and whom it does not. Nothing is asked here but in the last tests:
 * calls are what the test says they were, at times that it names.
 */
#include "town.h"

enum { S = 1000 * 1000, MS = 1000 };

TestSuite(service, .fini = town_close, .timeout = 60);

static uint64_t now_us = 1000ull * S;

#define ONE "services = { posts = { url = \"http://127.0.0.1:1\"; %s }; };\n"
#define TWO                                                                                        \
    "services = { posts = { urls = ( \"http://127.0.0.1:1\", \"http://127.0.0.1:2\" ); %s }; };\n"
#define THREE                                                                                      \
    "services = { posts = { urls = ( \"http://127.0.0.1:1\", \"http://127.0.0.1:2\", "             \
    "\"http://127.0.0.1:3\" ); %s }; };\n"

static void open_with(const char *services, const char *more)
{
    static char conf[2000];
    snprintf(conf, sizeof(conf), services, more);
    town_open(conf);
}

static struct host *pick(const struct host *but)
{
    enum service_refusal why;
    struct host *host = service_pick(town_service(), but ? host_bit(but) : 0, now_us, &why);
    cr_assert_eq(host != NULL, why == SERVICE_READY);
    return host;
}

static enum service_refusal refusal(void)
{
    enum service_refusal why;
    cr_assert_null(service_pick(town_service(), 0, now_us, &why));
    return why;
}

/* The host on that port of the settings, from 1. */
static unsigned number(const struct host *host)
{
    return (unsigned)strtoul(strrchr(http_origin_name(host_origin(host)), ':') + 1, NULL, 10);
}

static struct host *host_numbered(unsigned wanted)
{
    for (unsigned i = 0; i < 1000; i++) {
        struct host *host = pick(NULL);
        if (host && number(host) == wanted) {
            return host;
        }
    }
    cr_assert_fail("host %u was never picked", wanted);
    return NULL;
}

static void begin(struct host *host)
{
    service_began(town_service(), host, now_us);
}

static void end(struct host *host, enum service_verdict verdict, uint64_t took_us)
{
    service_ended(town_service(), host, verdict, &(struct limit_time){ took_us, 0, now_us, false });
}

static void call(struct host *host, enum service_verdict verdict, uint64_t took_us)
{
    begin(host);
    now_us += took_us;
    end(host, verdict, took_us);
}

/* Out of a thousand picks, how many are that host. */
static unsigned share_of(unsigned wanted)
{
    unsigned times = 0;
    for (unsigned i = 0; i < 1000; i++) {
        times += number(pick(NULL)) == wanted;
    }
    return times;
}

#define expect_between(value, low, high)                                                           \
    cr_expect((value) >= (low) && (value) <= (high), #value " is %u, not from %u to %u",           \
        (unsigned)(value), (unsigned)(low), (unsigned)(high))

/* ---- picking ---- */

Test(service, hosts_of_the_same_weight_get_the_same)
{
    open_with(THREE, "");
    expect_between(share_of(1), 270, 400);
    expect_between(share_of(2), 270, 400);
    expect_between(share_of(3), 270, 400);
}

Test(service, a_weight_is_a_share)
{
    town_open("services = { posts = { urls = ( \"http://127.0.0.1:1\",\n"
              "  { url = \"http://127.0.0.1:2\"; weight = 3; } ); }; };\n");
    expect_between(share_of(2), 690, 810);
    /* In flight, too: the heavy one is as free with three calls as the light one with one. */
    struct host *light = host_numbered(1), *heavy = host_numbered(2);
    begin(light);
    begin(heavy);
    begin(heavy);
    cr_expect_eq(share_of(2), 1000, "1 of 1 against 2 of 3");
    begin(heavy);
    begin(heavy);
    cr_expect_eq(share_of(1), 1000, "1 of 1 against 4 of 3");
}

Test(service, the_freer_of_two_random_ones_is_picked)
{
    open_with(THREE, "");
    struct host *busy = host_numbered(1), *middling = host_numbered(2);
    begin(busy);
    begin(busy);
    begin(middling);
    cr_expect_eq(share_of(1), 0, "of any two, another one is freer");
    expect_between(share_of(3), 600, 733);
    end(busy, SERVICE_GOOD, MS);
    end(busy, SERVICE_GOOD, MS);
    end(middling, SERVICE_CANCELLED, MS);
    expect_between(share_of(1), 270, 400);
}

Test(service, a_second_host_is_another_one)
{
    open_with(TWO, "");
    for (unsigned i = 0; i < 100; i++) {
        struct host *first = pick(NULL);
        cr_assert_neq(pick(first), first);
    }
}

Test(service, one_host_has_no_second)
{
    open_with(ONE, "");
    struct host *only = pick(NULL);
    enum service_refusal why;
    cr_assert_null(service_pick(town_service(), host_bit(only), now_us, &why));
    cr_assert_eq(why, SERVICE_OPEN);
    cr_assert_eq(counter_read(&town_shown()->refused_open), 0, "it is no refusal of a call");
    cr_assert_eq(service_hedge_after_us(town_service()), UINT64_MAX);
    cr_assert_not(service_may_hedge(town_service(), now_us));
}

/* ---- hosts that fail ---- */

static void eject(struct host *host)
{
    for (unsigned i = 0; i < 5; i++) {
        call(host, SERVICE_BAD, MS);
    }
}

Test(service, a_lone_host_that_fails_is_given_a_rest_and_then_one_call)
{
    open_with(ONE, "");
    struct host *host = pick(NULL);
    eject(host);
    cr_assert_eq(refusal(), SERVICE_OPEN);
    cr_assert_eq(counter_read(&town_shown()->hosts[0].state), UPSTREAM_OPEN);
    cr_assert_eq(counter_read(&town_shown()->hosts[0].ejections), 1);
    cr_assert_eq(counter_read(&town_shown()->refused_open), 1);
    now_us += 5 * S;
    cr_assert_eq(pick(NULL), host);
    begin(host);
    cr_assert_eq(counter_read(&town_shown()->hosts[0].state), UPSTREAM_HALF_OPEN);
    cr_assert_eq(refusal(), SERVICE_OPEN, "one at a time");
    now_us += MS;
    end(host, SERVICE_BAD, MS);
    cr_assert_eq(counter_read(&town_shown()->hosts[0].ejections), 2);
    now_us += 10 * S - 1;
    cr_assert_eq(refusal(), SERVICE_OPEN, "the second rest is longer");
    now_us += 1;
    call(pick(NULL), SERVICE_GOOD, MS);
    cr_assert_eq(pick(NULL), host);
    cr_assert_eq(counter_read(&town_shown()->hosts[0].state), UPSTREAM_CLOSED);
}

Test(service, an_ejected_host_gets_one_call_and_no_second_one)
{
    open_with(TWO, "");
    struct host *ill = host_numbered(1), *well = host_numbered(2);
    eject(ill);
    cr_assert_eq(share_of(2), 1000);
    cr_assert_null(pick(well));
    now_us += 5 * S;
    cr_assert_eq(pick(NULL), ill, "its rest is over");
    cr_assert_eq(pick(ill), well);
    begin(ill);
    cr_assert_eq(share_of(2), 1000, "one call tries it");
    end(ill, SERVICE_CANCELLED, MS);
    cr_assert_eq(pick(NULL), ill, "it told nothing");
}

Test(service, a_retry_goes_to_a_host_that_is_known_to_be_well)
{
    open_with(THREE, "");
    struct host *first = host_numbered(2);
    eject(host_numbered(1));
    now_us += 5 * S;
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_eq(number(pick(first)), 3);
    }
}

Test(service, no_more_than_half_are_ejected_while_one_is_well)
{
    open_with(THREE, "");
    struct host *first = host_numbered(1), *second = host_numbered(2), *third = host_numbered(3);
    eject(first);
    eject(second);
    expect_between(share_of(2), 400, 600);
    cr_assert_eq(share_of(1), 0);
    eject(third);
    cr_assert_eq(refusal(), SERVICE_OPEN, "nobody is well");
}

Test(service, a_ratio_of_failures_ejects_too)
{
    open_with(ONE, "breaker = { failures = 0; ratio_percent = 30; calls_min = 10; };");
    struct host *host = pick(NULL);
    for (unsigned i = 0; i < 7; i++) {
        call(host, SERVICE_GOOD, MS);
    }
    call(host, SERVICE_BAD, MS);
    call(host, SERVICE_BAD, MS);
    cr_assert_eq(pick(NULL), host);
    call(host, SERVICE_BAD, MS);
    cr_assert_eq(refusal(), SERVICE_OPEN);
}

/* A caller may say how long it waits: it must not be able to talk a host down. */
Test(service, callers_in_a_hurry_say_nothing_about_a_host)
{
    open_with(ONE, "");
    struct host *host = pick(NULL);
    for (unsigned i = 0; i < 100; i++) {
        call(host, SERVICE_LATE, 99 * MS);
    }
    cr_assert_eq(
        pick(NULL), host, "nothing is known yet, and it was less than a tenth of a second");
    for (unsigned i = 0; i < 100; i++) {
        call(host, SERVICE_GOOD, 50 * MS);
    }
    for (unsigned i = 0; i < 100; i++) {
        call(host, SERVICE_LATE, 40 * MS);
    }
    cr_assert_eq(pick(NULL), host);
    for (unsigned i = 0; i < 5; i++) {
        call(host, SERVICE_LATE, 60 * MS);
    }
    cr_assert_eq(refusal(), SERVICE_OPEN, "longer than it usually takes");
}

Test(service, its_own_timeout_is_time_enough)
{
    open_with(ONE, "timeout_ms = 50;");
    struct host *host = pick(NULL);
    for (unsigned i = 0; i < 5; i++) {
        call(host, SERVICE_LATE, 50 * MS);
    }
    cr_assert_eq(refusal(), SERVICE_OPEN);
}

Test(service, a_black_hole_is_found_although_nothing_is_known_of_it)
{
    open_with(ONE, "");
    struct host *host = pick(NULL);
    for (unsigned i = 0; i < 5; i++) {
        call(host, SERVICE_LATE, 400 * MS);
    }
    cr_assert_eq(refusal(), SERVICE_OPEN);
}

Test(service, cancelled_calls_say_nothing)
{
    open_with(ONE, "");
    struct host *host = pick(NULL);
    for (unsigned i = 0; i < 1000; i++) {
        call(host, SERVICE_CANCELLED, 400 * MS);
    }
    cr_assert_eq(pick(NULL), host);
    cr_assert_eq(counter_read(&town_shown()->limit), 512);
}

/* Its ends count, good and bad. */
Test(service, a_caller_who_takes_his_time_says_nothing_about_a_service)
{
    open_with(ONE, "breaker = { failures = 3; ratio_percent = 0; };");
    struct host *host = pick(NULL);
    for (unsigned i = 0; i < 1000; i++) {
        begin(host);
        now_us += 400 * MS;
        service_ended(town_service(), host, i % 3 ? SERVICE_BAD : SERVICE_GOOD,
            &(struct limit_time){ 400 * MS, 0, now_us, .is_callers = true });
    }
    cr_assert_eq(pick(NULL), host, "never three in a row");
    cr_assert_eq(counter_read(&town_shown()->limit), 512);
    cr_assert_eq(service_hedge_after_us(town_service()), UINT64_MAX);
}

/* ---- how many ---- */

Test(service, a_fixed_limit_is_kept)
{
    open_with(TWO, "in_flight_min = 3; in_flight_max = 3;");
    struct host *hosts[3];
    for (unsigned i = 0; i < 3; i++) {
        hosts[i] = pick(NULL);
        begin(hosts[i]);
    }
    cr_assert_eq(refusal(), SERVICE_FULL);
    cr_assert_eq(counter_read(&town_shown()->refused_full), 1);
    cr_assert_eq(counter_read(&town_shown()->in_flight), 3);
    end(hosts[1], SERVICE_GOOD, MS);
    cr_assert_not_null(pick(NULL));
}

Test(service, a_storm_of_failures_lets_fewer_through)
{
    open_with(ONE, "breaker = { failures = 0; ratio_percent = 0; };");
    struct host *host = pick(NULL);
    for (unsigned i = 0; i < 20000; i++) {
        call(host, SERVICE_BAD, MS);
    }
    cr_assert_eq(counter_read(&town_shown()->limit), 16);
    cr_assert_eq(pick(NULL), host);
}

Test(service, calls_wait_for_connections_only_so_many)
{
    static const struct turn script[] = { { .say = "", .then = HANG } };
    struct server *server = server_start(script, 1, NULL);
    static char conf[300];
    snprintf(conf, sizeof(conf),
        "services = { posts = { url = \"http://127.0.0.1:%u\"; connections_max = 1;"
        " queue_max = 2; };\n none = { url = \"http://127.0.0.1:%u\"; connections_max = 1;"
        " queue_max = 0; }; };\n",
        server->port, server->port);
    town_open(conf);
    static const unsigned fitting[] = { 3, 1 }; /* one has the connection */
    for (size_t i = 0; i < 2; i++) {
        struct service *service = services_get(town.worker.services, i);
        enum service_refusal why;
        struct host *host;
        unsigned made = 0;
        while ((host = service_pick(service, 0, now_us, &why)) != NULL && made < 10) {
            struct http_call_options options = { .origin = host_origin(host),
                .target = STR("/"),
                .deadline_us = clock_now_us() + 10ull * S,
                .answer_max_bytes = 1000 };
            http_call_start(town.worker.client, &options, NULL, NULL);
            service_began(service, host, now_us);
            made++;
        }
        cr_assert_eq(made, fitting[i]);
        cr_assert_eq(why, SERVICE_FULL);
    }
    cr_assert_eq(counter_read(&town_shown()->queued), 2);
    /* Cancels the calls, which the services do not know. */
    http_client_free(town.worker.client);
    town.worker.client = NULL;
    server_stop(server);
}

/* ---- more than one ---- */

Test(service, hedges_are_due_after_what_95_of_100_calls_take)
{
    open_with(TWO, "");
    struct host *host = host_numbered(1);
    cr_assert_eq(service_hedge_after_us(town_service()), UINT64_MAX);
    for (unsigned i = 0; i < 200; i++) {
        call(host, SERVICE_GOOD, i % 10 ? 20 * MS : 100 * MS);
    }
    expect_between(service_hedge_after_us(town_service()), 100 * MS, 113 * MS);
    unsigned hedges = 0;
    while (service_may_hedge(town_service(), now_us)) {
        hedges++;
    }
    expect_between(hedges, 4, 6);
    service_hedge_won(town_service());
    cr_assert_eq(counter_read(&town_shown()->hedges), hedges);
    cr_assert_eq(counter_read(&town_shown()->hedges_won), 1);
}

/* The slow calls that a hedge overtook are slow calls. */
Test(service, hedges_do_not_make_a_service_look_faster)
{
    open_with(TWO, "");
    struct host *host = host_numbered(1);
    for (unsigned i = 0; i < 400; i++) {
        bool is_overtaken = i % 10 == 0 && i >= 200;
        call(host, is_overtaken ? SERVICE_CANCELLED : SERVICE_GOOD,
            i % 10 == 0 ? (is_overtaken ? 120 : 200) * MS : 20 * MS);
    }
    cr_assert_geq(service_hedge_after_us(town_service()), 100 * MS);
}

Test(service, settings_switch_retries_and_hedges_off)
{
    open_with(TWO, "retries = 0; hedge = false;");
    struct host *host = host_numbered(1);
    for (unsigned i = 0; i < 200; i++) {
        call(host, SERVICE_GOOD, 20 * MS);
    }
    cr_assert_not(service_may_retry(town_service(), now_us));
    cr_assert_not(service_may_hedge(town_service(), now_us));
    cr_assert_eq(service_hedge_after_us(town_service()), UINT64_MAX);
}

Test(service, retries_have_a_budget)
{
    open_with(ONE, "");
    struct host *host = pick(NULL);
    for (unsigned i = 0; i < 1000; i++) {
        call(host, SERVICE_GOOD, 10);
    }
    unsigned retries = 0;
    while (service_may_retry(town_service(), now_us)) {
        begin(host);
        retries++;
    }
    cr_assert_eq(retries, 200);
    cr_assert_eq(counter_read(&town_shown()->retries), 200);
}

Test(service, services_do_not_know_each_other)
{
    town_open("services = { a = { url = \"http://127.0.0.1:1\"; };\n"
              "  b = { url = \"http://127.0.0.1:2\"; }; };\n");
    eject(pick(NULL));
    cr_assert_eq(refusal(), SERVICE_OPEN);
    enum service_refusal why;
    cr_assert_not_null(service_pick(services_get(town.worker.services, 1), 0, now_us, &why));
}
