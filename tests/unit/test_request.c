/* The life of a request: the order of its steps, its deadline, its client, and its one record. */
#include "admit/stage.h"
#include "desk.h"
#include "no_stream.h"

#include "admit/jwks.h"
#include "admit/quota.h"
#include "admit/shed.h"
#include "admit/tokens.h"
#include "base/must.h"
#include "core.h"
#include "fanout/detached.h"
#include "fanout/flight.h"
#include "fanout/memories.h"
#include "fanout/service.h"
#include "observe/access.h"
#include "observe/metrics.h"
#include "request.h"
#include "wire/compress.h"

#include <sys/stat.h>

/* ---- a connection without a network: it keeps the last answer ---- */

static struct {
    struct request *owner;
    unsigned replies;
    unsigned status;
    char body[2000];
} wire;

static int exchange_place;
static struct http_exchange *const exchange = (struct http_exchange *)&exchange_place;

void http_exchange_set_owner(struct http_exchange *on, void *owner)
{
    cr_assert(on == exchange);
    wire.owner = owner;
}

void http_reply(struct http_exchange *on, unsigned status, const struct http_field *fields,
    size_t fields_count, struct buf *body, enum http_after after)
{
    (void)fields, (void)after;
    cr_assert(on == exchange && fields_count > 0);
    wire.replies++;
    wire.status = status;
    snprintf(wire.body, sizeof(wire.body), "%.*s", STR_FMT(buf_str(body)));
    buf_release(body);
}

unsigned http_server_connections(const struct http_server *server)
{
    (void)server;
    return 0;
}

/* ---- one worker that nobody started; a plan for anyone, and one that asks for a token ---- */

static const struct bff_plan plans[] = {
    {
        BFF_HERE,
        .name = "news",
        .route = "GET /news",
        .allow = BFF_ALLOW_ANYONE,
        .budget_ms = 300,
        .calls = { { .as = "news", .from = "posts", .get = "/news" } },
        .shape = "news",
    },
    {
        BFF_HERE,
        .name = "mine",
        .route = "GET /mine",
        .calls = { { .as = "news", .from = "posts", .get = "/news" } },
        .shape = "news",
    },
};
static const struct bff_client client = { .name = "test", BFF_PLANS(plans) };
static struct settings_host host = { .url = "http://posts", .weight = 1 };
static struct settings_service services[] = { {
    .name = "posts",
    .hosts = { &host, 1 },
    .in_flight_min = 1,
    .in_flight_max = 100,
    .queue_max = 100,
    .breaker = { .window_ms = 10000, .open_ms = 1000, .open_max_ms = 1000 },
} };
static struct settings settings;
static struct core core;
static struct worker worker;

static void open_worker(void)
{
    struct err err;
    desk_open();
    desk_write("service.json", "{}");
    desk_write("news.json",
        "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
        "\"x-calls\":{\"news\":\"service.json\"},\"required\":[\"title\"],\"properties\":{"
        "\"title\":{\"type\":\"string\",\"x-from\":\"news.title\"}}}");
    desk_write("any.json", "{}");
    settings = (struct settings){ .schemas = ".",
        .listen.workers = 1,
        .limits = { .in_flight = 100, .budget_ms = 500 },
        .token = { .jwks_url = "http://issuer/keys", .refresh_s = 300, .cooldown_s = 10 },
        .quota.callers = 1024,
        .log.access = "off",
        .services = services,
        .services_count = countof(services) };
    core_prove(&core, &client, &settings, &desk.faults);
    desk_expect(&desk.faults, "");
    cr_assert(core_open(&core, &err), "%s", err.text);
    worker = (struct worker){ .core = &core, .loop = loop_new() };
    worker.services = services_new(&worker, &err);
    worker.detached = detached_new(&worker);
    worker.flights = flights_new(&worker);
    worker.memories = memories_new(&core);
    worker.shed = shed_new(worker.loop, &settings, &worker.pressure);
    worker.keys_view = keys_view_new(core.keys, worker.loop);
    worker.tokens = tokens_new(10);
    worker.compressor = compressor_new(0);
    worker.metrics = metrics_shard(core.metrics, 0);
    worker.access = access_writer_new(core.access, worker.loop);
}

static void close_worker(void)
{
    cr_assert_eq(worker.requests_count, 0, "a request is left");
    access_writer_free(worker.access);
    compressor_free(worker.compressor);
    tokens_free(worker.tokens);
    keys_view_free(worker.keys_view);
    shed_free(worker.shed);
    flights_free(worker.flights);
    memories_free(worker.memories);
    detached_free(worker.detached);
    services_free(worker.services);
    arena_pool_fini(&worker.arenas);
    loop_free(worker.loop);
    core_close(&core);
    desk_close();
}

TestSuite(request, .init = open_worker, .fini = close_worker, .timeout = 20);

static struct request *begin(const char *target, bool has_token)
{
    static const struct http_field token = { STR("authorization"), STR("Bearer a.b.c") };
    const struct http_arrived arrived = { .method = STR("GET"),
        .target = str_of(target),
        .body = STR(""),
        .fields = &token,
        .fields_count = has_token };
    wire.replies = wire.status = 0;
    request_begin(&worker, exchange, &arrived);
    return wire.owner;
}

static void pass_ms(unsigned ms)
{
    stage_now_us += ms * 1000;
    stage_turn(worker.loop);
}

static void sent(struct request *request)
{
    request_sent(request, true, 100);
    stage_turn(worker.loop);
}

/* How often a finished request was recorded, with this problem and with any. */
static void recorded(enum problem problem, uint64_t times)
{
    uint64_t all = 0;
    for (size_t i = 0; i < PROBLEM_COUNT; i++) {
        all += counter_read(&worker.metrics->problems[i]);
    }
    cr_assert_eq(counter_read(&worker.metrics->problems[problem]), times);
    cr_assert_eq(all, times);
}

Test(request, goes_through_all_steps_and_is_recorded_once)
{
    struct request *request = begin("/news", false);
    cr_assert_str_eq(request_step_name(request), "fanout");
    stage_answer(HTTP_ANSWERED, 200, STR("{\"title\":\"Rain\",\"secret\":1}"));
    cr_assert_eq(wire.replies, 0, "never inside a library's callback");
    stage_turn(worker.loop);
    cr_assert(wire.replies == 1 && wire.status == 200);
    cr_assert_str_eq(wire.body, "{\"title\":\"Rain\"}");
    cr_assert_str_eq(request_step_name(request), "reply");
    recorded(PROBLEM_NONE, 0);
    sent(request);
    recorded(PROBLEM_NONE, 1);
}

Test(request, a_step_that_fails_leaves_by_the_same_door)
{
    struct request *request = begin("/nowhere", false);
    cr_assert(wire.replies == 1 && wire.status == 404);
    cr_assert_str_eq(request_step_name(request), "reply");
    cr_assert_eq(stage_http.asked, 0);
    sent(request);
    recorded(PROBLEM_NOT_FOUND, 1);
}

Test(request, calls_end_with_the_budget_and_the_answer_a_moment_later)
{
    struct request *request = begin("/news", false);
    cr_assert_eq(request->budget_ends_us, request->received.started_us + 300000);
    pass_ms(310);
    cr_assert_eq(wire.replies, 0, "its call was to end first, and has a moment left to say so");
    pass_ms(15);
    cr_assert(wire.replies == 1 && wire.status == 504);
    cr_assert_eq(stage_http.cancelled, 1);
    cr_assert_eq(request->fanned.calls[0].state, CALL_CANCELLED);
    sent(request);
    recorded(PROBLEM_UPSTREAM_TIMEOUT, 1);
}

Test(request, who_waits_for_keys_is_told_so_in_the_end)
{
    struct request *request = begin("/mine", true);
    cr_assert_str_eq(request_step_name(request), "token");
    pass_ms(530);
    cr_assert(wire.replies == 1 && wire.status == 503);
    keys_stop(core.keys); /* wakes whoever still waits: nobody */
    stage_turn(worker.loop);
    cr_assert_eq(wire.replies, 1);
    sent(request);
    recorded(PROBLEM_KEYS_UNAVAILABLE, 1);
}

Test(request, a_client_that_leaves_takes_its_calls_along)
{
    struct request *request = begin("/news", false);
    request_gone(request);
    request_sent(request, false, 0);
    stage_turn(worker.loop);
    cr_assert_eq(stage_http.cancelled, 1);
    cr_assert_eq(wire.replies, 0);
    recorded(PROBLEM_CLIENT_GONE, 1);
}

Test(request, a_client_that_leaves_while_keys_are_waited_for_is_forgotten)
{
    struct request *request = begin("/mine", true);
    request_gone(request);
    request_sent(request, false, 0);
    stage_turn(worker.loop);
    keys_stop(core.keys);
    stage_turn(worker.loop);
    cr_assert_eq(wire.replies, 0);
    recorded(PROBLEM_CLIENT_GONE, 1);
}

Test(request, nothing_changes_an_answer_that_was_handed_over)
{
    struct request *request = begin("/nowhere", false);
    request_fail(request, PROBLEM_STOPPING);
    pass_ms(1000); /* its deadline as well */
    cr_assert_eq(wire.replies, 1);
    cr_assert_eq(request->problem, PROBLEM_NOT_FOUND);
    sent(request);
    recorded(PROBLEM_NOT_FOUND, 1);
}

Test(request, whoever_is_in_flight_when_the_drain_ends_is_told)
{
    struct request *first = begin("/news", false);
    request_fail(first, PROBLEM_STOPPING);
    request_fail(first, PROBLEM_UPSTREAM_TIMEOUT); /* too late: it has a reason */
    stage_turn(worker.loop);
    cr_assert(wire.replies == 1 && wire.status == 503);
    cr_assert_eq(stage_http.cancelled, 1);
    sent(first);
    recorded(PROBLEM_STOPPING, 1);
}

Test(request, those_in_flight_are_counted_and_listed)
{
    struct request *first = begin("/mine", true), *second = begin("/mine", true),
                   *third = begin("/mine", true);
    cr_assert_eq(worker.requests_count, 3);
    request_gone(second);
    stage_turn(worker.loop);
    cr_assert_eq(worker.requests_count, 2);
    cr_assert(worker.requests == third && third->next == first && first->before == third);
    cr_assert(!third->before && !first->next);
    request_gone(third);
    request_gone(first);
    stage_turn(worker.loop);
    cr_assert_null(worker.requests);
    recorded(PROBLEM_CLIENT_GONE, 3);
}

Test(request, a_refusal_is_cut_to_a_sentence)
{
    struct request *request = begin("/mine", true);
    static char words[500];
    memset(words, 'a', sizeof(words) - 1);
    struct request other = { .worker = &worker };
    arena_init(&other.arena, NULL);
    cr_assert_eq(request_refuse(&other, PROBLEM_INTERNAL, "%s", words), STEP_FAIL);
    cr_assert_eq(other.detail.len, 255);
    arena_release(&other.arena);
    request_gone(request);
    stage_turn(worker.loop);
}
