#ifndef FIXTURE_H
#define FIXTURE_H

#include "observe/access.h"
#include "observe/metrics.h"
#include "base/must.h"
#include "request.h"

#include <criterion/criterion.h>

/*
 * A server that never ran: one client with two plans, two services, two workers that nobody
 * started, and requests that are over. Requests begin at one second of the monotonic clock.
 */

enum { BEGAN_US = 1000000 };

static const struct bff_plan plans[] = {
    {
        .route = "GET /v1/feed",
        .name = "feed",
        .about = "The \"home\" feed.",
        .scope = "feed:read",
        .shape = "mobile/feed.v1",
        .calls = {
            { .as = "profile", .from = "profiles", .get = "/v1/users/{claims.sub}" },
            { .as = "ads", .from = "ads", .get = "/v1/slots", .timeout_ms = 120 },
            { .as = "viewed", .from = "ads", .post = "/v1/events", .is_detached = true },
        },
    },
    { .route = "POST /v1/posts/{id}", .name = "post", .budget_ms = 300,
        .priority = BFF_PRIORITY_HIGH },
};

static struct settings_service services[] = { { .name = "profiles" }, { .name = "ads" } };

static const struct bff_client client = { .name = "mobile", BFF_PLANS(plans) };

/* The states' names are short here; request.c, where they live, brings the whole spine with it. */
const char *call_state_name(enum call_state state)
{
    static const char *const names[CALL_STATES] = { "waiting", "underway", "ok", "cached", "stale",
        "otherwise", "skipped", "timeout", "failed", "cancelled", "detached", "dropped" };
    return names[state];
}

/* No worker here has a listener. */
unsigned http_server_connections(const struct http_server *server)
{
    (void)server;
    return 0;
}

/* A process with its workers. */
struct house {
    struct settings settings;
    struct core core;
    struct worker workers[2];
};

static inline void house_open(struct house *house, const char *access_target)
{
    struct err err;
    *house = (struct house){ 0 };
    house->settings.listen.workers = countof(house->workers);
    house->settings.limits.budget_ms = 1000;
    house->settings.services = services;
    house->settings.services_count = countof(services);
    house->core.client = &client;
    house->core.settings = &house->settings;
    house->core.metrics = metrics_new(&house->core);
    house->core.access = access_new(access_target, countof(house->workers), &err);
    cr_assert(house->core.access != NULL, "%s", err.text);
    for (unsigned i = 0; i < countof(house->workers); i++) {
        struct worker *worker = &house->workers[i];
        worker->core = &house->core;
        worker->index = i;
        worker->loop = loop_new();
        worker->metrics = metrics_shard(house->core.metrics, i);
        worker->access = access_writer_new(house->core.access, worker->loop);
    }
}

/* The writers first: what they held is then in the target. */
static inline void house_close(struct house *house)
{
    for (unsigned i = 0; i < countof(house->workers); i++) {
        access_writer_free(house->workers[i].access);
        loop_free(house->workers[i].loop);
    }
    access_free(house->core.access);
    metrics_free(house->core.metrics);
}

/* A request that is over, and the calls that it made. */
struct visit {
    struct request request;
    struct call calls[3];
    struct repair repairs[2];
};

static inline void visit_call(
    struct visit *visit, size_t index, enum call_state state, unsigned from_us, unsigned until_us)
{
    visit->calls[index] = (struct call){
        .request = &visit->request,
        .asks = &plans[0].calls[index],
        .index = index,
        .state = state,
        .started_us = BEGAN_US + from_us,
        .ended_us = BEGAN_US + until_us,
        .status = state == CALL_LIVE ? 200 : 0,
    };
}

/*
 * GET /v1/feed, answered with 200 after 12.345 ms: the profile took 10 ms, the ads failed after 2
 * ms.
 */
static inline struct request *visit_feed(struct visit *visit, struct worker *worker)
{
    *visit = (struct visit){ .request = { .worker = worker } };
    struct request *request = &visit->request;
    request->received.started_us = BEGAN_US;
    request->received.wall_us = 1795500055123456;
    request->received.method = STR("GET");
    request->received.path = STR("/v1/feed");
    request->received.query = STR("token=secret");
    request->received.target = STR("/v1/feed?token=secret");
    request->received.request_id = STR("r-1");
    request->received.traceparent = STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    request->received.address = STR("203.0.113.9");
    request->received.user_agent = STR("app/1.0");
    request->received.authorization = STR("Bearer secret");
    request->routed.plan = &plans[0];
    request->identity.subject = STR("u-17");
    visit_call(visit, 0, CALL_LIVE, 0, 10000);
    visit_call(visit, 1, CALL_FAILED, 500, 2500);
    visit_call(visit, 2, CALL_DETACHED, 10100, 10100);
    request->fanned.calls = visit->calls;
    request->fanned.calls_count = 3;
    request->encoded.coding = "gzip";
    request->encoded.plain_bytes = 5000;
    request->replied = (struct replied){
        .was_handed_over = true,
        .is_over = true,
        .is_sent = true,
        .sent_bytes = 1200,
        .ended_us = BEGAN_US + 12345,
    };
    return request;
}

/* The same, refused by `problem` before any call, after 0.2 ms; `is_matched`: with a route. */
static inline struct request *visit_refused(
    struct visit *visit, struct worker *worker, enum problem problem, bool is_matched)
{
    struct request *request = visit_feed(visit, worker);
    request->problem = problem;
    request->routed.plan = is_matched ? &plans[0] : NULL;
    request->identity.subject = (struct str){ NULL, 0 };
    request->fanned = (struct fanned){ 0 };
    request->encoded.coding = "identity";
    request->encoded.plain_bytes = 300;
    request->replied.sent_bytes = 300;
    request->replied.ended_us = BEGAN_US + 200;
    return request;
}

#endif
