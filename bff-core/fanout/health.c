/*
 * health: active checks of one host.
 *
 * Owns a timer, an origin with a single connection, and the check under way. A check is good when
 * the host answers 2xx before the next one would be due, or within two seconds. Intervals are drawn
 * between nine and eleven tenths of the wish, so that workers do not ask in step. A check that ran
 * out of time before it got a connection says nothing about the host: the worker was busy.
 */
#include "health.h"

#include "../base/clock.h"
#include "../base/hash.h"
#include "../base/must.h"

#include <stdio.h>
#include <stdlib.h>

enum { PATIENCE_US = 2 * 1000 * 1000, ANSWER_MAX_BYTES = 256 * 1024 };

struct health {
    struct loop *loop;
    struct http_client *client;
    struct http_origin *origin;
    const struct settings_service *service;
    struct deadline next;
    struct http_call *call; /* NULL: none under way */
    health_changed *changed;
    void *context;
    unsigned failures; /* in a row */
    bool is_down;
};

static uint64_t draw_interval_us(const struct health *health)
{
    uint64_t interval_us = health->service->health_interval_ms * 1000ull;
    uint32_t random;
    hash_random(&random, sizeof(random));
    return interval_us * 9 / 10 + interval_us / 5 * random / UINT32_MAX;
}

static void note(struct health *health, bool is_good, const char *why)
{
    health->failures = is_good ? 0 : health->failures + 1;
    bool is_down = health->failures >= health->service->health_failures;
    if (is_good ? health->is_down : is_down && !health->is_down) {
        health->is_down = is_down;
        health->changed(health->context, is_down, why);
    }
}

static void checked(void *context, struct http_answer *answer)
{
    struct health *health = context;
    char status[32];
    health->call = NULL;
    snprintf(status, sizeof(status), "status %u", answer->status);
    bool is_answer = answer->outcome == HTTP_ANSWERED;
    bool was_ours = answer->outcome == HTTP_TIMED_OUT && !answer->was_sent;
    if (!was_ours) {
        note(health, is_answer && answer->status / 100 == 2,
            is_answer ? status : http_outcome_name(answer->outcome));
    }
}

static void check(struct deadline *deadline)
{
    struct health *health = container_of(deadline, struct health, next);
    uint64_t interval_us = draw_interval_us(health), now_us = clock_now_us();
    uint64_t patience_us = interval_us * 8 / 10 < PATIENCE_US ? interval_us * 8 / 10 : PATIENCE_US;
    struct http_call_options options = {
        .origin = health->origin,
        .method = HTTP_GET,
        .target = str_of(health->service->health),
        .deadline_us = now_us + patience_us,
        .answer_max_bytes = ANSWER_MAX_BYTES,
    };
    loop_deadline(health->loop, &health->next, now_us + interval_us);
    if (!health->call) { /* its deadline has come first, unless the loop stood still */
        health->call = http_call_start(health->client, &options, checked, health);
    }
}

struct health *health_start(struct worker *worker, const struct settings_service *service,
    const char *url, health_changed *changed, void *context, struct err *err)
{
    struct http_origin_options options = {
        .url = url,
        .ca_file = service->ca_file,
        .cert_file = service->cert_file,
        .key_file = service->key_file,
        .proxy = service->proxy,
        .http2 = service->http2,
        .connections_max = 1,
    };
    struct http_origin *origin = http_origin_new(worker->client, &options, err);
    if (!origin) {
        return NULL;
    }
    struct health *health = calloc(1, sizeof(*health));
    must(health != NULL);
    *health = (struct health){ .loop = worker->loop,
        .client = worker->client,
        .origin = origin,
        .service = service,
        .next.expired = check,
        .changed = changed,
        .context = context };
    loop_deadline(health->loop, &health->next, clock_now_us());
    return health;
}

void health_stop(struct health *health)
{
    if (health) {
        loop_deadline_clear(health->loop, &health->next);
        if (health->call) {
            http_call_cancel(health->call);
        }
        free(health);
    }
}
