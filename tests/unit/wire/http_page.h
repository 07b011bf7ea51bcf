#ifndef TESTS_HTTP_PAGE_H
#define TESTS_HTTP_PAGE_H

#include "base/clock.h"
#include "base/must.h"
#include "scripted_server.h"
#include "wire/http_client.h"

#include <stdio.h>

/* A page of a test: one loop, one client, one service, and how its calls ended. */

#define OK      "HTTP/1.1 200 OK\r\n"
#define HELLO   OK "Content-Length: 5\r\n\r\nhello"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

enum { BODY_MAX = 1000, LATE_MS = 500, PATIENCE_MS = 10000 };

static const enum http_lane_choice lanes[] = { HTTP_LANE_EXCHANGE, HTTP_LANE_TRANSFER };
static const char *const lane_names[] = { "exchange", "transfer" };

struct page {
    struct loop *loop;
    struct http_client *client;
    struct server *server;
    struct http_origin *origin;
    unsigned waiting_for; /* ends before the loop stops */
    struct deadline end;
    bool has_waited_in_vain;
};

struct result {
    struct page *page;
    unsigned times; /* that `done` was called */
    unsigned place; /* among all results of the page, from 1 */
    uint64_t ended_us;
    struct http_answer answer;
    struct buf body;
    char content_type[64];
};

/* Results so far, of all pages of this test. */
static unsigned places;

static inline void give_up(struct deadline *deadline)
{
    struct page *page = container_of(deadline, struct page, end);
    page->has_waited_in_vain = true;
    loop_stop(page->loop);
}

static inline struct http_origin *origin_at(
    struct page *page, unsigned port, struct http_origin_options options)
{
    char url[64];
    snprintf(url, sizeof(url), "%s://127.0.0.1:%u", options.ca_file ? "https" : "http", port);
    options.url = url;
    struct err err;
    struct http_origin *origin = http_origin_new(page->client, &options, &err);
    cr_assert_not_null(origin, "%s", origin ? "" : err.text);
    return origin;
}

static inline void open_client(struct page *page, struct http_client_options options)
{
    *page = (struct page){ .loop = loop_new(), .end.expired = give_up };
#ifdef WITH_RING
    if (!loop_use_ring(page->loop)) {
        cr_skip_test("no io_uring here");
    }
#endif
    page->client = http_client_new(page->loop, &options);
}

static inline void open_page(
    struct page *page, size_t lane, const struct turn *script, size_t turns)
{
    open_client(page, (struct http_client_options){ 0 });
    page->server = server_start(script, turns, NULL);
    page->origin =
        origin_at(page, page->server->port, (struct http_origin_options){ .lane = lanes[lane] });
}

static inline void close_page(struct page *page)
{
    http_client_free(page->client);
    loop_free(page->loop);
    if (page->server) {
        server_stop(page->server);
    }
}

static inline void take_answer(void *context, struct http_answer *answer)
{
    struct result *result = context;
    result->times++;
    result->place = ++places;
    result->ended_us = clock_now_us();
    result->answer = *answer;
    result->body = answer->body; /* taken */
    buf_init(&answer->body, 0);
    snprintf(
        result->content_type, sizeof(result->content_type), "%.*s", STR_FMT(answer->content_type));
    if (result->page->waiting_for && --result->page->waiting_for == 0) {
        loop_stop(result->page->loop);
    }
}

static inline struct http_call *start(
    struct page *page, struct result *result, struct http_call_options options)
{
    *result = (struct result){ .page = page };
    options.origin = options.origin ? options.origin : page->origin;
    options.target = options.target.len ? options.target : STR("/");
    options.answer_max_bytes = options.answer_max_bytes ? options.answer_max_bytes : BODY_MAX;
    /* Tests name a span; the client takes a moment. */
    options.deadline_us = clock_now_us() + (options.deadline_us ? options.deadline_us : 5000000);
    return http_call_start(page->client, &options, take_answer, result);
}

static inline void wait_for(struct page *page, unsigned ends)
{
    page->waiting_for = ends;
    loop_deadline(page->loop, &page->end, clock_now_us() + PATIENCE_MS * 1000);
    loop_run(page->loop);
    loop_deadline_clear(page->loop, &page->end);
    cr_assert_not(page->has_waited_in_vain);
}

/* Runs the loop for a while in which nothing of the test's own is expected. */
static inline void pass(struct page *page, unsigned ms)
{
    loop_deadline(page->loop, &page->end, clock_now_us() + ms * 1000);
    loop_run(page->loop);
    page->has_waited_in_vain = false;
}

static inline void ask(struct page *page, struct result *result, struct http_call_options options)
{
    start(page, result, options);
    wait_for(page, 1);
    cr_assert_eq(result->times, 1);
}

/*
 * The moment at which something should end, as the loop itself comes to see it: on a machine that
 * is busy elsewhere both are late, and neither later than the other.
 */
struct witness {
    struct deadline moment;
    uint64_t seen_us; /* 0: not yet */
};

static inline void see(struct deadline *moment)
{
    container_of(moment, struct witness, moment)->seen_us = clock_now_us();
}

static inline void call_witness(struct page *page, struct witness *witness, uint64_t in_us)
{
    *witness = (struct witness){ .moment.expired = see };
    loop_deadline(page->loop, &witness->moment, clock_now_us() + in_us);
}

/* The result came before the moment, or soon after it. */
static inline bool is_in_time(
    struct page *page, struct witness *witness, const struct result *result)
{
    loop_deadline_clear(page->loop, &witness->moment);
    return !witness->seen_us || result->ended_us < witness->seen_us + LATE_MS * 1000;
}

static inline void ask_within(
    struct page *page, struct result *result, uint64_t limit_us, struct http_call_options options)
{
    struct witness witness;
    call_witness(page, &witness, limit_us);
    ask(page, result, options);
    cr_assert(is_in_time(page, &witness, result));
}

static inline void forget(struct result *result)
{
    buf_release(&result->body);
}

#define WITH_LANES(lane) for (size_t lane = 0; lane < countof(lanes); lane++)

#endif
