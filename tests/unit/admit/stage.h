#ifndef TESTS_UNIT_ADMIT_STAGE_H
#define TESTS_UNIT_ADMIT_STAGE_H

/*
 * Clocks that a test moves, and an HTTP client whose answers a test gives: what stands here takes
 * the place of base/clock and wire/http_client in the program.
 */

#include "base/clock.h"
#include "base/loop.h"
#include "wire/http_client.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static _Atomic uint64_t stage_now_us = UINT64_C(1000000000);
static _Atomic uint64_t stage_wall_us = UINT64_C(1800000000) * 1000000;

uint64_t clock_now_us(void)
{
    return atomic_load(&stage_now_us);
}

uint64_t clock_wall_us(void)
{
    return atomic_load(&stage_wall_us);
}

char *clock_text(uint64_t wall_us, char *out)
{
    snprintf(out, CLOCK_TEXT_BYTES, "%llu", (unsigned long long)wall_us);
    return out;
}

/* The one call that can be under way, and what was asked so far. */
static struct {
    http_done *done; /* NULL: nothing is under way */
    void *context;
    _Atomic unsigned asked;
    unsigned cancelled;
    size_t answer_max_bytes;
    char target[200];
    char url[200];
} stage_http;

struct http_origin *http_origin_new(
    struct http_client *client, const struct http_origin_options *options, struct err *err)
{
    (void)client, (void)err;
    snprintf(stage_http.url, sizeof(stage_http.url), "%s", options->url);
    return (struct http_origin *)&stage_http;
}

char *http_origin_target(const struct http_origin *origin, struct str target, struct str location)
{
    (void)origin, (void)target, (void)location;
    return NULL;
}

struct http_call *http_call_start(struct http_client *client,
    const struct http_call_options *options, http_done *done, void *context)
{
    (void)client;
    if (stage_http.done) {
        abort(); /* two at once */
    }
    stage_http.done = done;
    stage_http.context = context;
    stage_http.asked++;
    stage_http.answer_max_bytes = options->answer_max_bytes;
    snprintf(stage_http.target, sizeof(stage_http.target), "%.*s", STR_FMT(options->target));
    return (struct http_call *)&stage_http;
}

void http_call_cancel(struct http_call *call)
{
    (void)call;
    stage_http.done = NULL;
    stage_http.cancelled++;
}

const struct http_origin_counters *http_origin_counters(const struct http_origin *origin)
{
    static const struct http_origin_counters none;
    (void)origin;
    return &none;
}

const char *http_outcome_name(enum http_outcome outcome)
{
    return outcome == HTTP_ANSWERED ? "answered" : "not answered";
}

/* Ends the call that is under way. */
static inline void stage_answer(enum http_outcome outcome, unsigned status, struct str body)
{
    http_done *done = stage_http.done;
    if (!done) {
        abort(); /* nothing was asked */
    }
    struct http_answer answer = { .outcome = outcome, .status = status };
    buf_init(&answer.body, 1 << 20);
    buf_append_str(&answer.body, body);
    stage_http.done = NULL;
    done(stage_http.context, &answer);
    buf_release(&answer.body);
}

struct stage_stop {
    struct soon soon;
    struct loop *loop;
};

static inline void stage_stop_run(struct soon *soon)
{
    loop_stop(((struct stage_stop *)soon)->loop);
}

/* Lets the loop do all that is due now: four turns are enough for posted work and what it queues.
 */
static inline void stage_turn(struct loop *loop)
{
    for (int i = 0; i < 4; i++) {
        struct stage_stop stop = { { .run = stage_stop_run }, loop };
        loop_soon(loop, &stop.soon);
        loop_run(loop);
    }
}

#endif
