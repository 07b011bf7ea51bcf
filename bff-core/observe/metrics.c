/*
 * metrics: what is counted, and in which cell.
 *
 * Owns the shards. Promises: (1) a shard is written by one thread and read by any, without a lock;
 * (2) the number of cells is fixed at boot: routes of the plans, statuses of problem.def, calls,
 * states, services, and METRICS_REPAIRS_MAX paths for each plan; (3) a histogram takes memory when
 * it first counts and stays until the end. A large table of pointers is cheap, and most of its
 * cells (an OPTIONS answered with 504) never come to be. Knows no text format: that is scrape's and
 * admin's.
 */
#include "metrics.h"

#include "../base/clock.h"
#include "../base/must.h"

#include <stdalign.h>
#include <stdlib.h>

/*
 * Every loop turns at least so often, so that one that is stuck can be told from one that is idle.
 */
enum { HEARTBEAT_US = 1000000 };

const char *const metrics_methods[METRICS_METHODS] = { "GET", "HEAD", "POST", "PUT", "PATCH",
    "DELETE", "OPTIONS", "TRACE", "CONNECT", "_OTHER" };

const char *const metrics_policies[METRICS_POLICIES] = { "user", "address" };

const char *const metrics_priorities[] = {
    [BFF_PRIORITY_NORMAL] = "normal",
    [BFF_PRIORITY_HIGH] = "high",
    [BFF_PRIORITY_LOW] = "low",
};

/* ---- boot ---- */

size_t metrics_calls_count(const struct bff_plan *plan)
{
    size_t count = 0;
    while (count < BFF_CALLS_MAX && plan->calls[count].as) {
        count++;
    }
    return count;
}

static void learn_routes(struct metrics *metrics)
{
    const struct bff_client *client = metrics->core->client;
    metrics->routes_count = client->plans_count + 1;
    metrics->routes =
        arena_zalloc(&metrics->arena, metrics->routes_count, sizeof(*metrics->routes));
    for (size_t i = 0; i < client->plans_count; i++) {
        const char *space = strchr(client->plans[i].route, ' ');
        must(space != NULL);
        metrics->routes[i] = space + 1;
    }
    metrics->routes[client->plans_count] = "unmatched";
}

static size_t place_of_status(const struct metrics *metrics, unsigned status)
{
    size_t at = 0;
    while (at < metrics->statuses_count && metrics->statuses[at] != status) {
        at++;
    }
    return at;
}

/* What services answer that is passed through, beside our own. */
static void learn_passed_statuses(struct metrics *metrics)
{
    static const unsigned statuses[METRICS_PASSED_STATUSES] = { 200, 201, 202, 204, 206, 300, 301,
        302, 303, 304, 307, 308, 400, 402, 406, 409, 410, 411, 412, 416, 422, 500, 501 };
    for (size_t i = 0; i < METRICS_PASSED_STATUSES; i++) {
        if (place_of_status(metrics, statuses[i]) == metrics->statuses_count) {
            metrics->statuses[metrics->statuses_count++] = statuses[i];
        }
    }
}

static void learn_statuses(struct metrics *metrics)
{
    for (size_t problem = 0; problem < PROBLEM_COUNT; problem++) {
        unsigned status = problem_row((enum problem)problem)->status;
        size_t at = place_of_status(metrics, status);
        if (at == metrics->statuses_count) {
            metrics->statuses[metrics->statuses_count++] = status;
        }
        metrics->status_of[problem] = at;
    }
    const struct bff_client *client = metrics->core->client;
    for (size_t i = 0; i < client->plans_count; i++) {
        if (plan_passes(&client->plans[i])) {
            learn_passed_statuses(metrics);
            return;
        }
    }
}

static void learn_services(struct metrics *metrics)
{
    const struct settings *settings = metrics->core->settings;
    const struct bff_client *client = metrics->core->client;
    metrics->services_count = settings->services_count;
    metrics->service_of =
        arena_zalloc(&metrics->arena, client->plans_count * BFF_CALLS_MAX, sizeof(size_t));
    for (size_t plan = 0; plan < client->plans_count; plan++) {
        for (size_t call = 0; call < metrics_calls_count(&client->plans[plan]); call++) {
            const char *from = client->plans[plan].calls[call].from;
            size_t at = 0;
            while (
                at < settings->services_count && strcmp(settings->services[at].name, from) != 0) {
                at++;
            }
            must(at < settings->services_count);
            metrics->service_of[plan * BFF_CALLS_MAX + call] = at;
        }
    }
}

static void shard_init(struct metrics_shard *shard, const struct metrics *metrics)
{
    size_t plans = metrics->core->client->plans_count;
    size_t routes = metrics->routes_count;
    size_t cells = routes * METRICS_METHODS * metrics->statuses_count;
    struct arena *arena = &shard->arena;
    arena_init(arena, NULL);
    shard->metrics = metrics;
    shard->requests = arena_zalloc(arena, cells, sizeof(struct metrics_slot));
    shard->overheads = arena_zalloc(arena, routes, sizeof(struct metrics_slot));
    shard->plain_sizes = arena_zalloc(arena, routes, sizeof(struct metrics_slot));
    shard->coded_sizes = arena_zalloc(arena, routes, sizeof(struct metrics_slot));
    shard->body_sizes = arena_zalloc(arena, routes, sizeof(struct metrics_slot));
    shard->services =
        arena_zalloc(arena, metrics->services_count * CALL_STATES, sizeof(struct metrics_slot));
    shard->calls = arena_zalloc(arena, plans * BFF_CALLS_MAX * CALL_STATES, sizeof(struct counter));
    shard->shed = arena_zalloc(arena, plans, sizeof(struct counter));
    shard->repairs = arena_zalloc(arena, plans, sizeof(struct metrics_repairs));
    shard->trimmed = arena_zalloc(arena, plans * FORMS, sizeof(struct counter));
    shard->oversize = arena_zalloc(arena, plans * FORMS, sizeof(struct counter));
}

struct metrics *metrics_new(const struct core *core)
{
    struct metrics *metrics = calloc(1, sizeof(*metrics));
    must(metrics != NULL);
    arena_init(&metrics->arena, NULL);
    metrics->core = core;
    metrics->started_wall_us = clock_wall_us();
    learn_routes(metrics);
    learn_statuses(metrics);
    learn_services(metrics);
    metrics->shards_count = core->settings->listen.workers;
    size_t bytes = metrics->shards_count * sizeof(struct metrics_shard);
    metrics->shards = aligned_alloc(alignof(struct metrics_shard), bytes);
    must(metrics->shards != NULL);
    memset(metrics->shards, 0, bytes);
    for (size_t i = 0; i < metrics->shards_count; i++) {
        shard_init(&metrics->shards[i], metrics);
    }
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics) {
        return;
    }
    for (size_t i = 0; i < metrics->shards_count; i++) {
        arena_release(&metrics->shards[i].arena);
    }
    free(metrics->shards);
    arena_release(&metrics->arena);
    free(metrics);
}

struct metrics_shard *metrics_shard(struct metrics *metrics, unsigned index)
{
    must(index < metrics->shards_count);
    return &metrics->shards[index];
}

/* ---- gauges: what a worker shows of itself at each turn ---- */

static uint64_t show_worker(struct turn_hook *hook)
{
    struct metrics_shard *shard = container_of(hook, struct metrics_shard, hook);
    const struct worker *worker = shard->worker;
    counter_set(&shard->active_requests, worker->requests_count);
    counter_set(&shard->connections, worker->server ? http_server_connections(worker->server) : 0);
    counter_set(&shard->delay_us, worker->pressure.delay_us);
    counter_set(&shard->limit, worker->pressure.limit);
    counter_set(&shard->refuses_most, worker->pressure.is_hard);
    counter_set(&shard->last_turn_us, loop_now_us(worker->loop));
    return HEARTBEAT_US;
}

void metrics_shard_start(struct metrics_shard *shard, struct worker *worker)
{
    shard->worker = worker;
    shard->hook.before_wait = show_worker;
    loop_hook(worker->loop, &shard->hook);
}

void metrics_shard_stop(struct metrics_shard *shard)
{
    loop_unhook(shard->worker->loop, &shard->hook);
    counter_set(&shard->active_requests, 0);
    counter_set(&shard->connections, 0);
    counter_set(&shard->delay_us, 0);
    counter_set(&shard->limit, 0);
    counter_set(&shard->refuses_most, 0);
    counter_set(&shard->last_turn_us, 0);
}

size_t metrics_refusing_most(const struct metrics *metrics)
{
    size_t count = 0;
    for (size_t i = 0; i < metrics->shards_count; i++) {
        count += counter_read(&metrics->shards[i].refuses_most);
    }
    return count;
}

uint64_t metrics_slowest_turn_ms(const struct metrics *metrics)
{
    uint64_t now_us = clock_now_us(), slowest_us = 0;
    for (size_t i = 0; i < metrics->shards_count; i++) {
        uint64_t turn_us = counter_read(&metrics->shards[i].last_turn_us);
        if (turn_us != 0 && turn_us < now_us && now_us - turn_us > slowest_us) {
            slowest_us = now_us - turn_us;
        }
    }
    return slowest_us / 1000;
}

/* ---- recording ---- */

static void observe(struct metrics_shard *shard, struct metrics_slot *slot,
    const struct histogram_scale *scale, uint64_t value)
{
    struct histogram *histogram = atomic_load_explicit(&slot->histogram, memory_order_relaxed);
    if (!histogram) {
        histogram = arena_alloc(&shard->arena, sizeof(*histogram));
        histogram_init(histogram, scale);
        atomic_store_explicit(&slot->histogram, histogram, memory_order_release);
    }
    histogram_observe(histogram, value);
}

static size_t method_place(struct str method)
{
    size_t at = 0;
    while (at < METRICS_METHODS - 1 && !str_eq(method, str_of(metrics_methods[at]))) {
        at++;
    }
    return at;
}

/* A status of a service that has no cell of its own counts as the first of its class. */
static size_t status_place(const struct metrics *metrics, const struct request *request)
{
    if (!request_passes_back(request)) {
        return metrics->status_of[request->problem];
    }
    unsigned status = request_status(request);
    size_t place = place_of_status(metrics, status);
    if (place == metrics->statuses_count) {
        place = place_of_status(metrics, status / 100 * 100);
    }
    must(place < metrics->statuses_count);
    return place;
}

static void count_calls(struct metrics_shard *shard, const struct request *request)
{
    for (size_t i = 0; i < request->fanned.calls_count; i++) {
        const struct call *call = &request->fanned.calls[i];
        size_t place = request->routed.plan_index * BFF_CALLS_MAX + call->index;
        bool is_detached = call->asks->is_detached;
        if (is_detached && call->state < CALL_LIVE) {
            continue; /* its request ended before its turn */
        }
        counter_add(&shard->calls[place * CALL_STATES + call->state], 1);
        if (!is_detached && call->started_us != 0 && call->ended_us >= call->started_us) {
            size_t service = shard->metrics->service_of[place];
            observe(shard, &shard->services[service * CALL_STATES + call->state],
                &histogram_durations, call->ended_us - call->started_us);
        }
    }
}

static void count_repair(struct metrics_repairs *repairs, const struct repair *repair)
{
    size_t count = atomic_load_explicit(&repairs->count, memory_order_relaxed);
    struct metrics_repair *row = repairs->rows;
    while (row < repairs->rows + count &&
           (row->call != repair->call || strcmp(row->path, repair->path) != 0)) {
        row++;
    }
    if (row == repairs->rows + METRICS_REPAIRS_MAX) {
        counter_add(&repairs->others, repair->times);
        return;
    }
    if (row == repairs->rows + count) {
        row->call = repair->call;
        row->path = repair->path;
        atomic_store_explicit(&repairs->count, count + 1, memory_order_release);
    }
    counter_add(&row->times, repair->times);
}

/* Whether the shape's x-max-bytes was kept, and at which price. */
static void count_forms(struct metrics_shard *shard, const struct request *request)
{
    for (size_t form = 0; form < FORMS; form++) {
        size_t place = request->routed.plan_index * FORMS + form;
        counter_add(&shard->trimmed[place], request->projected.is_trimmed[form]);
        counter_add(&shard->oversize[place], request->projected.is_oversize[form]);
    }
}

static void count_problem(struct metrics_shard *shard, const struct request *request)
{
    const char *policy = request->limited.policy;
    counter_add(&shard->problems[request->problem], 1);
    if (request->pressed.retry_after_s && request->routed.plan) {
        counter_add(&shard->shed[request->routed.plan_index], 1);
    }
    for (size_t i = 0; i < METRICS_POLICIES; i++) {
        if (request->problem == PROBLEM_QUOTA_EXCEEDED && policy &&
            strcmp(policy, metrics_policies[i]) == 0) {
            counter_add(&shard->refusals[i], 1);
        }
    }
}

void metrics_record(struct metrics_shard *shard, const struct finished *finished)
{
    const struct request *request = finished->request;
    const struct metrics *metrics = shard->metrics;
    bool is_matched = request->routed.plan != NULL;
    size_t route = is_matched ? request->routed.plan_index : metrics->routes_count - 1;
    must(route < metrics->routes_count && request->problem < PROBLEM_COUNT);
    size_t cell = (route * METRICS_METHODS + method_place(request->received.method)) *
                      metrics->statuses_count +
                  status_place(metrics, request);
    observe(shard, &shard->requests[cell], &histogram_durations, finished->duration_us);
    observe(shard, &shard->overheads[route], &histogram_overheads,
        finished->duration_us - finished->calls_us);
    count_problem(shard, request);
    if (request->replied.read_bytes) {
        observe(shard, &shard->body_sizes[route], &histogram_sizes, request->replied.read_bytes);
    }
    if (request->replied.is_sent) {
        bool is_passed = request_passes_back(request) != NULL; /* there is no other size */
        observe(shard, &shard->plain_sizes[route], &histogram_sizes,
            is_passed ? request->replied.sent_bytes : request->encoded.plain_bytes);
        observe(shard, &shard->coded_sizes[route], &histogram_sizes, request->replied.sent_bytes);
    }
    if (is_matched) {
        count_calls(shard, request);
        count_forms(shard, request);
        for (size_t i = 0; i < request->projected.repairs_count; i++) {
            count_repair(&shard->repairs[route], &request->projected.repairs[i]);
        }
    }
}

/* ---- reading ---- */

void metrics_slot_view(const struct metrics_slot *slot, struct histogram_view *view)
{
    const struct histogram *histogram =
        atomic_load_explicit(&slot->histogram, memory_order_acquire);
    if (histogram) {
        histogram_view_add(view, histogram);
    }
}

uint64_t metrics_calls(
    const struct metrics *metrics, size_t plan, size_t call, enum call_state state)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < metrics->shards_count; i++) {
        size_t place = (plan * BFF_CALLS_MAX + call) * CALL_STATES + state;
        sum += counter_read(&metrics->shards[i].calls[place]);
    }
    return sum;
}

void metrics_route(const struct metrics *metrics, size_t index, struct metrics_route *out)
{
    const struct bff_client *client = metrics->core->client;
    must(index < metrics->routes_count);
    *out = (struct metrics_route){
        .template = metrics->routes[index],
        .plan = index < client->plans_count ? client->plans[index].name : NULL,
    };
    size_t cells = METRICS_METHODS * metrics->statuses_count;
    for (size_t i = 0; i < cells; i++) {
        uint64_t before = out->durations.count;
        for (size_t shard = 0; shard < metrics->shards_count; shard++) {
            metrics_slot_view(&metrics->shards[shard].requests[index * cells + i], &out->durations);
        }
        unsigned status = metrics->statuses[i % metrics->statuses_count];
        out->by_class[status / 100] += out->durations.count - before;
    }
    out->requests = out->durations.count;
}

void metrics_service(const struct metrics *metrics, size_t index, struct metrics_service *out)
{
    const struct bff_client *client = metrics->core->client;
    must(index < metrics->services_count);
    *out = (struct metrics_service){ .name = metrics->core->settings->services[index].name };
    for (size_t state = 0; state < CALL_STATES; state++) {
        for (size_t i = 0; i < metrics->shards_count; i++) {
            const struct metrics_slot *slots = metrics->shards[i].services;
            metrics_slot_view(&slots[index * CALL_STATES + state], &out->durations);
        }
        for (size_t plan = 0; plan < client->plans_count; plan++) {
            for (size_t call = 0; call < metrics_calls_count(&client->plans[plan]); call++) {
                bool is_ours = metrics->service_of[plan * BFF_CALLS_MAX + call] == index;
                out->by_state[state] +=
                    is_ours ? metrics_calls(metrics, plan, call, (enum call_state)state) : 0;
            }
        }
        out->calls += out->by_state[state];
    }
}
