/*
 * Calls and connections, on both lanes: who is not reached, who goes first, which connection is
 * used again, and that a cancelled call is never heard of again.
 */
#include "http_page.h"

#include <errno.h>

TestSuite(http_client, .timeout = 60);

/* ---- no connection ---- */

static unsigned closed_port(void)
{
    struct turn unused = { .say = "" };
    struct server *server = server_start(&unused, 1, NULL);
    unsigned port = server->port;
    server_stop(server);
    return port;
}

Test(http_client, a_refused_connection_is_unreached_and_nothing_was_sent)
{
    WITH_LANES(lane)
    {
        struct page page;
        struct result result;
        open_client(&page, (struct http_client_options){ 0 });
        page.origin =
            origin_at(&page, closed_port(), (struct http_origin_options){ .lane = lanes[lane] });
        ask(&page, &result, (struct http_call_options){ 0 });
        cr_assert_eq(result.answer.outcome, HTTP_UNREACHED);
        cr_assert_not(result.answer.was_sent);
        close_page(&page);
    }
}

/*
 * Sockets that a listener with a full queue does not take: the kernel drops what comes after them.
 */
struct black_hole {
    int listener;
    int callers[8];
    unsigned port;
};

static void open_black_hole(struct black_hole *hole)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    hole->listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(hole->listener, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(hole->listener, 0), 0);
    cr_assert_eq(getsockname(hole->listener, (struct sockaddr *)&address, &len), 0);
    hole->port = ntohs(address.sin_port);
    for (size_t i = 0; i < countof(hole->callers); i++) {
        hole->callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        int connected = connect(hole->callers[i], (struct sockaddr *)&address, len);
        cr_assert(connected == 0 || errno == EINPROGRESS);
    }
}

static void close_black_hole(struct black_hole *hole)
{
    for (size_t i = 0; i < countof(hole->callers); i++) {
        close(hole->callers[i]);
    }
    close(hole->listener);
}

static void check_black_hole(
    size_t lane, unsigned connect_timeout_ms, uint64_t deadline_us, enum http_outcome outcome)
{
    struct black_hole hole;
    struct page page;
    struct result result;
    open_black_hole(&hole);
    open_client(&page, (struct http_client_options){ .connect_timeout_ms = connect_timeout_ms });
    page.origin = origin_at(&page, hole.port, (struct http_origin_options){ .lane = lanes[lane] });
    ask_within(&page, &result, 150000, (struct http_call_options){ .deadline_us = deadline_us });
    cr_assert_eq(result.answer.outcome, outcome, "%s", lane_names[lane]);
    cr_assert_not(result.answer.was_sent);
    close_page(&page);
    close_black_hole(&hole);
}

Test(http_client, a_slow_connect_ends_at_its_own_limit_or_at_the_deadline)
{
    WITH_LANES(lane)
    {
        check_black_hole(lane, 150, 5000000, HTTP_UNREACHED);
        check_black_hole(lane, 5000, 150000, HTTP_TIMED_OUT);
        check_black_hole(lane, 0, 150000, HTTP_TIMED_OUT);
    }
}

/* Not as many connections are made as calls come at once; and who waits for one that cannot be made
 * learns of it with those before him, in time to try elsewhere. */
Test(http_client, a_crowd_at_a_dead_host_is_told_at_once)
{
    enum { CROWD = 100, AT_ONCE = 32, CONNECT_MS = 200 };
    static struct result results[CROWD];
    struct black_hole hole;
    struct page page;
    open_black_hole(&hole);
    open_client(&page, (struct http_client_options){ .connect_timeout_ms = CONNECT_MS });
    page.origin = origin_at(&page, hole.port, (struct http_origin_options){ 0 });
    uint64_t began_us = clock_now_us();
    for (size_t i = 0; i < CROWD; i++) {
        start(&page, &results[i], (struct http_call_options){ 0 });
    }
    cr_assert_eq(http_origin_counters(page.origin)->in_use, AT_ONCE);
    cr_assert_eq(http_origin_counters(page.origin)->queued, CROWD - AT_ONCE);
    wait_for(&page, CROWD);
    for (size_t i = 0; i < CROWD; i++) {
        cr_assert_eq(results[i].answer.outcome, HTTP_UNREACHED);
        cr_assert_not(results[i].answer.was_sent);
        cr_assert_lt(results[i].ended_us - began_us, (2 * CONNECT_MS + LATE_MS) * 1000);
    }
    close_page(&page);
    close_black_hole(&hole);
}

/* Those that are made serve all. */
Test(http_client, a_crowd_at_a_new_host_is_served)
{
    enum { CROWD = 60 };
    static struct result results[CROWD];
    static const struct turn script[] = { { .say = HELLO } };
    WITH_LANES(lane)
    {
        struct page page;
        open_page(&page, lane, script, 1);
        for (size_t i = 0; i < CROWD; i++) {
            start(&page, &results[i], (struct http_call_options){ 0 });
        }
        wait_for(&page, CROWD);
        for (size_t i = 0; i < CROWD; i++) {
            cr_assert_eq(results[i].answer.outcome, HTTP_ANSWERED);
            forget(&results[i]);
        }
        cr_assert_eq(server_questions(page.server), CROWD);
        close_page(&page);
    }
}

/* The resolver's pipe has had a descriptor that a connection gets next. */
Test(http_client, a_name_that_is_not_known_harms_nobody_else)
{
    static const struct turn script[] = { { .say = HELLO } };
    WITH_LANES(lane)
    {
        struct page page;
        struct result lost, result;
        open_page(&page, lane, script, 1);
        struct http_origin_options options = { .url = "http://no-such-host.invalid",
            .lane = lanes[lane] };
        struct err err;
        struct http_origin *nowhere = http_origin_new(page.client, &options, &err);
        for (int i = 0; i < 4; i++) {
            struct http_call_options question = { .origin = nowhere, .deadline_us = 200000 };
            ask_within(&page, &lost, question.deadline_us, question);
            cr_assert_neq(lost.answer.outcome, HTTP_ANSWERED);
            cr_assert_not(lost.answer.was_sent);
            ask(&page, &result, (struct http_call_options){ 0 });
            cr_assert_eq(result.answer.outcome, HTTP_ANSWERED);
            forget(&result);
        }
        close_page(&page);
    }
}

/* ---- kept-alive connections ---- */

enum reuse { NEVER, ALWAYS, MAYBE };

static void check_second_call(size_t lane, const struct turn script[2], enum reuse reuse)
{
    struct page page;
    struct result first, second;
    open_page(&page, lane, script, 2);
    ask(&page, &first, (struct http_call_options){ 0 });
    cr_assert_eq(first.answer.outcome, HTTP_ANSWERED);
    cr_assert_not(first.answer.is_reused);
    cr_assert_gt(first.answer.connect_us, 0);
    ask(&page, &second, (struct http_call_options){ 0 });
    cr_assert_eq(second.answer.outcome, HTTP_ANSWERED);
    cr_assert(str_eq(buf_str(&second.body), STR("hello")));
    bool is_reused = second.answer.is_reused;
    cr_assert(
        reuse == MAYBE || is_reused == (reuse == ALWAYS), "%s: %s", lane_names[lane], script->say);
    cr_assert_eq(second.answer.connect_us == 0, is_reused);
    cr_assert_eq(server_connections(page.server), is_reused ? 1 : 2);
    const struct http_origin_counters *counters = http_origin_counters(page.origin);
    cr_assert_eq(counters->connects, is_reused ? 1 : 2);
    cr_assert_eq(counters->reuses, is_reused ? 1 : 0);
    cr_assert_eq(counters->ended[HTTP_ANSWERED], 2);
    forget(&first);
    forget(&second);
    close_page(&page);
}

Test(http_client, a_connection_is_used_again_only_when_that_is_safe)
{
    static const struct {
        const char *first;
        enum reuse reuse;
        bool is_lenient; /* the transfer lane may throw the rest away and go on; curl 8 does not */
    } rows[] = {
        { .first = HELLO, .reuse = ALWAYS },
        { .first = CHUNKED "5\r\nhello\r\n0\r\n\r\n", .reuse = ALWAYS },
        { .first = "HTTP/1.1 204 No Content\r\n\r\n", .reuse = ALWAYS },
        { .first = OK "Connection: close\r\nContent-Length: 0\r\n\r\n" },
        { .first = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n" },
        { .first = OK "Content-Length: 0\r\n\r\n" OK "Content-Length: 6\r\n\r\nforged",
            .is_lenient = true },
        { .first = "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\nforged",
            .is_lenient = true },
    };
    WITH_LANES(lane)
    {
        for (size_t i = 0; i < countof(rows); i++) {
            struct turn script[] = { { .say = rows[i].first }, { .say = HELLO } };
            bool is_lenient = lanes[lane] == HTTP_LANE_TRANSFER && rows[i].is_lenient;
            check_second_call(lane, script, is_lenient ? MAYBE : rows[i].reuse);
        }
    }
}

/*
 * The answer is over long before the rest has come: whoever asks next, another user perhaps, must
 * not be given it.
 */
Test(http_client, what_is_said_between_two_questions_answers_none)
{
    enum { PASSES_MS = 400 };
    static const struct turn script[] = {
        { .say = HELLO OK "Content-Length: 6\r\n\r\nforged", .drip_ms = 1 },
        { .say = HELLO },
    };
    WITH_LANES(lane)
    {
        struct page page;
        struct result first, second;
        open_page(&page, lane, script, 2);
        ask(&page, &first, (struct http_call_options){ 0 });
        pass(&page, PASSES_MS);
        ask(&page, &second, (struct http_call_options){ 0 });
        if (second.answer.outcome == HTTP_RESET && second.answer.is_reused) {
            ask(&page, &second, (struct http_call_options){ 0 }); /* as after any lost connection */
        }
        cr_assert_eq(second.answer.outcome, HTTP_ANSWERED, "%s lane", lane_names[lane]);
        cr_assert(str_eq(buf_str(&second.body), STR("hello")), "%s lane", lane_names[lane]);
        cr_assert_not(second.answer.is_reused);
        forget(&first);
        forget(&second);
        close_page(&page);
    }
}

/*
 * Curl would ask again by itself, a POST too: the service must hear it once, and the caller be
 * told.
 */
Test(http_client, a_kept_alive_connection_that_dies_is_a_reset_and_nothing_is_asked_twice)
{
    static const struct turn script[] = { { .say = HELLO }, { .say = "", .then = RESET },
        { .say = HELLO } };
    static const enum http_method methods[] = { HTTP_GET, HTTP_POST };
    WITH_LANES(lane)
    {
        for (size_t i = 0; i < countof(methods); i++) {
            struct page page;
            struct result first, second;
            open_page(&page, lane, script, 3);
            ask(&page, &first, (struct http_call_options){ 0 });
            ask(&page, &second, (struct http_call_options){ .method = methods[i] });
            cr_assert_eq(second.answer.outcome, HTTP_RESET, "%s: %s", lane_names[lane],
                http_outcome_name(second.answer.outcome));
            cr_assert(second.answer.is_reused);
            cr_assert_eq(server_questions(page.server), 2);
            forget(&first);
            close_page(&page);
        }
    }
}

Test(http_client, an_idle_connection_that_is_closed_is_not_used)
{
    static const struct turn script[] = { { .say = HELLO, .then = CLOSE } };
    WITH_LANES(lane)
    {
        struct page page;
        struct result result;
        open_page(&page, lane, script, 1);
        for (size_t i = 1; i <= 3; i++) {
            ask(&page, &result, (struct http_call_options){ 0 });
            cr_assert_eq(result.answer.outcome, HTTP_ANSWERED);
            cr_assert_eq(server_connections(page.server), i);
            forget(&result);
            pass(&page, 20);
        }
        close_page(&page);
    }
}

Test(http_client, an_idle_connection_grows_old)
{
    static const struct turn script[] = { { .say = HELLO } };
    struct page page;
    struct result result;
    open_client(&page, (struct http_client_options){ .idle_timeout_ms = 40 });
    page.server = server_start(script, 1, NULL);
    /* The library ages connections in whole seconds; this lane does in milliseconds. */
    struct http_origin_options options = { .lane = HTTP_LANE_EXCHANGE };
    page.origin = origin_at(&page, page.server->port, options);
    for (size_t i = 1; i <= 3; i++) {
        ask(&page, &result, (struct http_call_options){ 0 });
        cr_assert_not(result.answer.is_reused);
        forget(&result);
        pass(&page, 60);
    }
    close_page(&page);
}

/* ---- limits and order ---- */

static void check_crowd(size_t lane, unsigned in_all, unsigned per_origin, size_t connections)
{
    enum { CALLS = 24 };
    static const struct turn script[] = { { .say = HELLO, .drip_ms = 1 } };
    struct page page;
    struct result results[CALLS];
    open_client(&page, (struct http_client_options){ .connections_max = in_all });
    page.server = server_start(script, 1, NULL);
    struct http_origin_options options = { .lane = lanes[lane], .connections_max = per_origin };
    page.origin = origin_at(&page, page.server->port, options);
    for (size_t i = 0; i < CALLS; i++) {
        start(&page, &results[i], (struct http_call_options){ 0 });
    }
    const struct http_origin_counters *counters = http_origin_counters(page.origin);
    cr_assert_eq(counters->in_use, connections);
    cr_assert_eq(counters->queued, CALLS - connections);
    wait_for(&page, CALLS);
    for (size_t i = 0; i < CALLS; i++) {
        cr_assert_eq(results[i].answer.outcome, HTTP_ANSWERED);
        cr_assert_eq(results[i].times, 1);
        /* With one connection the order is exact. */
        cr_assert(connections > 1 || i == 0 || results[i].place == results[i - 1].place + 1);
        forget(&results[i]);
    }
    cr_assert_eq(server_connections(page.server), connections, "%s lane", lane_names[lane]);
    cr_assert_eq(counters->in_use + counters->queued, 0);
    close_page(&page);
}

Test(http_client, calls_beyond_the_limit_wait_their_turn)
{
    WITH_LANES(lane)
    {
        check_crowd(lane, 4, 0, 4);
        check_crowd(lane, 0, 4, 4);
        check_crowd(lane, 8, 3, 3);
        check_crowd(lane, 1, 0, 1);
        check_crowd(lane, 0, 0, 24);
    }
}

/*
 * Always in use, it would never be idle for long enough to be closed. The library counts in whole
 * seconds, this lane of ours in milliseconds.
 */
Test(http_client, a_connection_in_use_grows_old_too)
{
    static const struct turn script[] = { { .say = HELLO } };
    WITH_LANES(lane)
    {
        struct page page;
        struct result result;
        open_client(&page, (struct http_client_options){ .age_max_ms = 200 });
        page.server = server_start(script, 1, NULL);
        page.origin = origin_at(
            &page, page.server->port, (struct http_origin_options){ .lane = lanes[lane] });
        uint64_t began_us = clock_now_us(), until_us = began_us + 5000000;
        while (server_connections(page.server) < 2 && clock_now_us() < until_us) {
            ask(&page, &result, (struct http_call_options){ 0 });
            cr_assert_eq(result.answer.outcome, HTTP_ANSWERED);
            forget(&result);
        }
        cr_assert_eq(server_connections(page.server), 2, "%s", lane_names[lane]);
        cr_assert_geq(clock_now_us() - began_us, 150000, "%s", lane_names[lane]);
        close_page(&page);
    }
}

Test(http_client, an_idle_connection_leaves_for_another_origin)
{
    static const struct turn script[] = { { .say = HELLO } };
    WITH_LANES(lane)
    {
        struct page page;
        struct result result;
        open_client(&page, (struct http_client_options){ .connections_max = 1 });
        page.server = server_start(script, 1, NULL);
        struct server *other = server_start(script, 1, NULL);
        struct http_origin_options options = { .lane = lanes[lane] };
        page.origin = origin_at(&page, page.server->port, options);
        struct http_origin *elsewhere = origin_at(&page, other->port, options);
        for (int i = 0; i < 6; i++) {
            struct http_call_options question = { .origin = i % 2 ? elsewhere : page.origin };
            ask(&page, &result, question);
            cr_assert_eq(result.answer.outcome, HTTP_ANSWERED);
            cr_assert_not(result.answer.is_reused);
            forget(&result);
        }
        close_page(&page);
        server_stop(other);
    }
}

Test(http_client, a_call_that_waits_ends_at_its_deadline)
{
    static const struct turn script[] = { { .say = "", .then = HANG } };
    WITH_LANES(lane)
    {
        struct page page;
        struct result first, second;
        open_client(&page, (struct http_client_options){ .connections_max = 1 });
        page.server = server_start(script, 1, NULL);
        page.origin = origin_at(
            &page, page.server->port, (struct http_origin_options){ .lane = lanes[lane] });
        start(&page, &first, (struct http_call_options){ .deadline_us = 200000 });
        start(&page, &second, (struct http_call_options){ .deadline_us = 100000 });
        struct witness witness;
        call_witness(&page, &witness, 100000);
        wait_for(&page, 2);
        cr_assert_eq(first.answer.outcome, HTTP_TIMED_OUT);
        cr_assert_eq(second.answer.outcome, HTTP_TIMED_OUT);
        cr_assert(first.answer.was_sent && !second.answer.was_sent);
        cr_assert(is_in_time(&page, &witness, &second));
        close_page(&page);
    }
}

Test(http_client, a_deadline_in_the_past_sends_nothing)
{
    static const struct turn script[] = { { .say = HELLO } };
    struct page page;
    open_page(&page, 0, script, 1);
    struct result result = { .page = &page };
    struct http_call_options options = {
        .origin = page.origin, .target = STR("/"), .deadline_us = 1
    };
    http_call_start(page.client, &options, take_answer, &result);
    cr_assert_eq(result.times, 0);
    wait_for(&page, 1);
    cr_assert_eq(result.answer.outcome, HTTP_TIMED_OUT);
    cr_assert_eq(server_connections(page.server), 0);
    close_page(&page);
}

/* ---- cancelling ---- */

Test(http_client, a_cancelled_call_is_not_heard_of_again)
{
    static const struct turn script[] = { { .say = HELLO, .drip_ms = 2 }, { .say = HELLO } };
    WITH_LANES(lane)
    {
        for (unsigned ms = 0; ms < 40; ms += 4) {
            struct page page;
            struct result cancelled, next;
            open_page(&page, lane, script, 2);
            struct http_call *call = start(&page, &cancelled, (struct http_call_options){ 0 });
            pass(&page, ms);
            cr_assert_eq(cancelled.times, 0);
            http_call_cancel(call);
            cr_assert_eq(http_client_calls(page.client), 0);
            ask(&page, &next, (struct http_call_options){ 0 });
            cr_assert_eq(next.answer.outcome, HTTP_ANSWERED);
            cr_assert_not(next.answer.is_reused);
            cr_assert_eq(cancelled.times, 0);
            cr_assert_eq(http_origin_counters(page.origin)->cancelled, 1);
            forget(&next);
            close_page(&page);
        }
    }
}

enum { VICTIMS = 6 };

struct massacre {
    struct result result;
    struct http_call *victims[VICTIMS];
};

static void cancel_the_others(void *context, struct http_answer *answer)
{
    struct massacre *massacre = context;
    (void)answer;
    for (size_t i = 0; i < VICTIMS; i++) {
        http_call_cancel(massacre->victims[i]);
    }
    massacre->result.times++;
    loop_stop(massacre->result.page->loop);
}

/*
 * `us` is the time of each call: 1 makes all of them end at once, and `done` of the first is first.
 */
static void check_massacre(size_t lane, uint64_t us)
{
    static const struct turn hello[] = { { .say = HELLO } },
                             hang[] = { { .say = "", .then = HANG } };
    struct page page;
    struct result results[VICTIMS];
    open_page(&page, lane, hello, 1);
    struct server *silent = server_start(hang, 1, NULL);
    struct http_origin_options two = { .lane = lanes[lane], .connections_max = 2 };
    struct http_origin *silent_origin = origin_at(&page, silent->port, two);
    struct massacre massacre = { .result.page = &page };
    struct http_call_options options = {
        .origin = page.origin, .target = STR("/"), .deadline_us = us == 1 ? 1 : clock_now_us() + us
    };
    http_call_start(page.client, &options, cancel_the_others, &massacre);
    options.origin = silent_origin;
    for (size_t i = 0; i < VICTIMS; i++) {
        results[i] = (struct result){ .page = &page };
        massacre.victims[i] = http_call_start(page.client, &options, take_answer, &results[i]);
    }
    wait_for(&page, VICTIMS + 1);
    cr_assert_eq(massacre.result.times, 1);
    pass(&page, 10);
    cr_assert_eq(http_client_calls(page.client), 0);
    cr_assert_eq(http_origin_counters(silent_origin)->in_use, 0);
    cr_assert_eq(http_origin_counters(silent_origin)->queued, 0);
    for (size_t i = 0; i < VICTIMS; i++) {
        cr_assert_eq(results[i].times, 0);
    }
    close_page(&page);
    server_stop(silent);
}

/* Two of the others are under way and four queued; or all have ended, and their `done` is next. */
Test(http_client, done_may_cancel_other_calls_in_any_state)
{
    WITH_LANES(lane)
    {
        check_massacre(lane, 5000000);
        check_massacre(lane, 1);
    }
}

Test(http_client, a_client_that_ends_takes_its_calls_with_it)
{
    static const struct turn script[] = { { .say = OK, .then = HANG } };
    WITH_LANES(lane)
    {
        struct page page;
        struct result results[4];
        open_client(&page, (struct http_client_options){ .connections_max = 2 });
        page.server = server_start(script, 1, NULL);
        page.origin = origin_at(
            &page, page.server->port, (struct http_origin_options){ .lane = lanes[lane] });
        for (size_t i = 0; i < countof(results); i++) {
            start(&page, &results[i], (struct http_call_options){ 0 });
        }
        pass(&page, 10);
        close_page(&page);
        for (size_t i = 0; i < countof(results); i++) {
            cr_assert_eq(results[i].times, 0);
        }
    }
}

/* Many at a time, as requests ask them: a moment without calls closes nothing. */
Test(http_client, connections_outlive_a_pause)
{
    enum { CALLS = 12, ROUNDS = 5 };
    static const struct turn script[] = { { .say = HELLO, .drip_ms = 1 } };
    WITH_LANES(lane)
    {
        struct page page;
        struct result results[CALLS];
        open_page(&page, lane, script, 1);
        for (int round = 0; round < ROUNDS; round++) {
            for (size_t i = 0; i < CALLS; i++) {
                start(&page, &results[i], (struct http_call_options){ 0 });
            }
            wait_for(&page, CALLS);
            for (size_t i = 0; i < CALLS; i++) {
                cr_assert_eq(results[i].answer.is_reused, round > 0);
                forget(&results[i]);
            }
        }
        cr_assert_eq(server_connections(page.server), CALLS, "%s lane", lane_names[lane]);
        close_page(&page);
    }
}
