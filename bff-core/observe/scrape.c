/*
 * scrape: every metric by its name.
 *
 * Owns the table of families: name, type, help, labels, and the function that writes its samples.
 * Names follow OpenTelemetry's HTTP semantic conventions where they have one, and are in base
 * units. Promises that each label value is a word known at boot (a route's template, a plan, a
 * service, a state, a path of a schema). Counts nothing: metrics does.
 */
#include "scrape.h"

#include "access.h"
#include "upstreams.h"

#include "../base/must.h"
#include "../version.h"

#include <stdio.h>

/* One scrape under way. */
struct scrape {
    const struct metrics *metrics;
    const struct scrape_extras *extras;
    struct exposition text;
};

static const struct bff_client *client_of(const struct scrape *scrape)
{
    return scrape->metrics->core->client;
}

/* ---- the server's side ---- */

/* "404"; "" where no answer was sent, which to Prometheus is the same as no label. */
static const char *status_text(unsigned status, char *out, size_t room)
{
    snprintf(out, room, "%u", status);
    return status ? out : "";
}

static void write_requests(struct scrape *scrape)
{
    const struct metrics *metrics = scrape->metrics;
    size_t cells = metrics->routes_count * METRICS_METHODS * metrics->statuses_count;
    for (size_t cell = 0; cell < cells; cell++) {
        struct histogram_view view = { 0 };
        for (size_t i = 0; i < metrics->shards_count; i++) {
            metrics_slot_view(&metrics->shards[i].requests[cell], &view);
        }
        size_t pair = cell / metrics->statuses_count;
        char status[12];
        const char *const values[] = {
            metrics->routes[pair / METRICS_METHODS],
            metrics_methods[pair % METRICS_METHODS],
            status_text(metrics->statuses[cell % metrics->statuses_count], status, sizeof(status)),
        };
        exposition_histogram(&scrape->text, values, &view);
    }
}

static void write_active_requests(struct scrape *scrape)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < scrape->metrics->shards_count; i++) {
        sum += counter_read(&scrape->metrics->shards[i].active_requests);
    }
    exposition_sample(&scrape->text, NULL, sum);
}

static void write_connections(struct scrape *scrape)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < scrape->metrics->shards_count; i++) {
        sum += counter_read(&scrape->metrics->shards[i].connections);
    }
    exposition_sample(&scrape->text, NULL, sum);
}

static void write_problems(struct scrape *scrape)
{
    for (size_t problem = PROBLEM_NONE + 1; problem < PROBLEM_COUNT; problem++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < scrape->metrics->shards_count; i++) {
            sum += counter_read(&scrape->metrics->shards[i].problems[problem]);
        }
        const char *slug = problem_row((enum problem)problem)->slug;
        exposition_sample(&scrape->text, &slug, sum);
    }
}

static void write_refusals(struct scrape *scrape)
{
    for (size_t policy = 0; policy < METRICS_POLICIES; policy++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < scrape->metrics->shards_count; i++) {
            sum += counter_read(&scrape->metrics->shards[i].refusals[policy]);
        }
        exposition_sample(&scrape->text, &metrics_policies[policy], sum);
    }
}

static void write_evictions(struct scrape *scrape)
{
    exposition_sample(&scrape->text, NULL, scrape->extras->quota_evictions);
}

static void write_shed(struct scrape *scrape)
{
    for (size_t plan = 0; plan < client_of(scrape)->plans_count; plan++) {
        const struct bff_plan *row = &client_of(scrape)->plans[plan];
        uint64_t sum = 0;
        for (size_t i = 0; i < scrape->metrics->shards_count; i++) {
            sum += counter_read(&scrape->metrics->shards[i].shed[plan]);
        }
        const char *const values[] = { row->name, metrics_priorities[row->priority] };
        exposition_sample(&scrape->text, values, sum);
    }
}

/* The longest of all workers: of a mean nobody could say whose it is. */
static void write_delay(struct scrape *scrape)
{
    uint64_t longest_us = 0;
    for (size_t i = 0; i < scrape->metrics->shards_count; i++) {
        uint64_t delay_us = counter_read(&scrape->metrics->shards[i].delay_us);
        longest_us = delay_us > longest_us ? delay_us : longest_us;
    }
    exposition_sample(&scrape->text, NULL, longest_us);
}

static void write_limit(struct scrape *scrape)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < scrape->metrics->shards_count; i++) {
        sum += counter_read(&scrape->metrics->shards[i].limit);
    }
    exposition_sample(&scrape->text, NULL, sum);
}

static void write_shedding(struct scrape *scrape)
{
    uint64_t shedding = 0;
    for (size_t i = 0; i < scrape->metrics->shards_count; i++) {
        shedding += counter_read(&scrape->metrics->shards[i].limit) > 0;
    }
    exposition_sample(&scrape->text, (const char *const[]){ "some" }, shedding);
    exposition_sample(
        &scrape->text, (const char *const[]){ "most" }, metrics_refusing_most(scrape->metrics));
}

static void write_body_bytes(struct scrape *scrape)
{
    const struct metrics *metrics = scrape->metrics;
    for (size_t route = 0; route < metrics->routes_count; route++) {
        struct histogram_view plain = { 0 }, coded = { 0 };
        for (size_t i = 0; i < metrics->shards_count; i++) {
            metrics_slot_view(&metrics->shards[i].plain_sizes[route], &plain);
            metrics_slot_view(&metrics->shards[i].coded_sizes[route], &coded);
        }
        exposition_histogram(
            &scrape->text, (const char *const[]){ metrics->routes[route], "plain" }, &plain);
        exposition_histogram(
            &scrape->text, (const char *const[]){ metrics->routes[route], "coded" }, &coded);
    }
}

/* Of a shard the slots that stand at that member, one for each route. */
static void write_by_route(struct scrape *scrape, size_t member)
{
    const struct metrics *metrics = scrape->metrics;
    for (size_t route = 0; route < metrics->routes_count; route++) {
        struct histogram_view view = { 0 };
        for (size_t i = 0; i < metrics->shards_count; i++) {
            const char *shard = (const char *)&metrics->shards[i];
            struct metrics_slot *slots = *(struct metrics_slot *const *)(shard + member);
            metrics_slot_view(&slots[route], &view);
        }
        exposition_histogram(&scrape->text, &metrics->routes[route], &view);
    }
}

static void write_request_body_bytes(struct scrape *scrape)
{
    write_by_route(scrape, offsetof(struct metrics_shard, body_sizes));
}

static void write_overheads(struct scrape *scrape)
{
    write_by_route(scrape, offsetof(struct metrics_shard, overheads));
}

/* ---- the services' side ---- */

static void write_services(struct scrape *scrape)
{
    const struct metrics *metrics = scrape->metrics;
    for (size_t place = 0; place < metrics->services_count * CALL_STATES; place++) {
        struct histogram_view view = { 0 };
        for (size_t i = 0; i < metrics->shards_count; i++) {
            metrics_slot_view(&metrics->shards[i].services[place], &view);
        }
        const char *const values[] = {
            metrics->core->settings->services[place / CALL_STATES].name,
            call_state_name((enum call_state)(place % CALL_STATES)),
        };
        exposition_histogram(&scrape->text, values, &view);
    }
}

static void write_calls(struct scrape *scrape)
{
    for (size_t plan = 0; plan < client_of(scrape)->plans_count; plan++) {
        const struct bff_plan *row = &client_of(scrape)->plans[plan];
        for (size_t i = 0; i < metrics_calls_count(row) * CALL_STATES; i++) {
            const struct bff_call *call = &row->calls[i / CALL_STATES];
            enum call_state state = (enum call_state)(i % CALL_STATES);
            const char *const values[] = { row->name, call->as, call->from,
                call_state_name(state) };
            exposition_sample(&scrape->text, values,
                metrics_calls(scrape->metrics, plan, i / CALL_STATES, state));
        }
    }
}

/* The row of a repair in one worker's table, or NULL. */
static const struct metrics_repair *find_repair(
    const struct metrics_repairs *repairs, const struct metrics_repair *sought)
{
    size_t count = atomic_load_explicit(&repairs->count, memory_order_acquire);
    for (size_t i = 0; i < count; i++) {
        const struct metrics_repair *row = &repairs->rows[i];
        if (row->call == sought->call && strcmp(row->path, sought->path) == 0) {
            return row;
        }
    }
    return NULL;
}

/*
 * A repair as it stands with worker `first`, all workers together; none when a worker before has
 * it.
 */
static void write_repair(
    struct scrape *scrape, size_t plan, size_t first, const struct metrics_repair *repair)
{
    const struct bff_plan *row = &client_of(scrape)->plans[plan];
    uint64_t sum = 0;
    for (size_t i = 0; i < scrape->metrics->shards_count; i++) {
        const struct metrics_shard *shard = &scrape->metrics->shards[i];
        const struct metrics_repair *same = find_repair(&shard->repairs[plan], repair);
        if (same && i < first) {
            return;
        }
        sum += same ? counter_read(&same->times) : 0;
    }
    const char *const values[] = { row->name, row->calls[repair->call].as, repair->path };
    exposition_sample(&scrape->text, values, sum);
}

static void write_repairs(struct scrape *scrape)
{
    for (size_t plan = 0; plan < client_of(scrape)->plans_count; plan++) {
        uint64_t others = 0;
        for (size_t i = 0; i < scrape->metrics->shards_count; i++) {
            const struct metrics_repairs *repairs = &scrape->metrics->shards[i].repairs[plan];
            size_t count = atomic_load_explicit(&repairs->count, memory_order_acquire);
            for (size_t row = 0; row < count; row++) {
                write_repair(scrape, plan, i, &repairs->rows[row]);
            }
            others += counter_read(&repairs->others);
        }
        if (others > 0) {
            const char *const values[] = { client_of(scrape)->plans[plan].name, "", "other" };
            exposition_sample(&scrape->text, values, others);
        }
    }
}

/* One counter of each plan and form; `in` gives a shard's. */
static void write_forms(
    struct scrape *scrape, struct counter *(*in)(const struct metrics_shard *shard))
{
    static const char *const forms[FORMS] = { [FORM_PLAIN] = "plain", [FORM_GZIP] = "gzip" };
    for (size_t place = 0; place < client_of(scrape)->plans_count * FORMS; place++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < scrape->metrics->shards_count; i++) {
            sum += counter_read(&in(&scrape->metrics->shards[i])[place]);
        }
        const char *const values[] = { client_of(scrape)->plans[place / FORMS].name,
            forms[place % FORMS] };
        exposition_sample(&scrape->text, values, sum);
    }
}

static struct counter *trimmed_in(const struct metrics_shard *shard)
{
    return shard->trimmed;
}

static void write_trimmed(struct scrape *scrape)
{
    write_forms(scrape, trimmed_in);
}

static struct counter *oversize_in(const struct metrics_shard *shard)
{
    return shard->oversize;
}

static void write_oversize(struct scrape *scrape)
{
    write_forms(scrape, oversize_in);
}

/* ---- the process ---- */

static void write_build(struct scrape *scrape)
{
    exposition_sample(&scrape->text, (const char *const[]){ VERSION, client_of(scrape)->name }, 1);
}

static void write_workers(struct scrape *scrape)
{
    exposition_sample(&scrape->text, NULL, scrape->metrics->shards_count);
}

static void write_keys(struct scrape *scrape)
{
    exposition_sample(&scrape->text, NULL, scrape->extras->are_keys_ready);
}

static void write_dropped_lines(struct scrape *scrape)
{
    exposition_sample(&scrape->text, NULL, access_dropped(scrape->metrics->core->access));
}

static void write_started(struct scrape *scrape)
{
    exposition_sample(&scrape->text, NULL, scrape->metrics->started_wall_us);
}

static void write_cpu(struct scrape *scrape)
{
    exposition_sample(&scrape->text, NULL, scrape->extras->process.cpu_us);
}

static void write_memory(struct scrape *scrape)
{
    exposition_sample(&scrape->text, NULL, scrape->extras->process.resident_bytes);
}

static void write_fds(struct scrape *scrape)
{
    exposition_sample(&scrape->text, NULL, scrape->extras->process.open_fds);
}

/* ---- all of them ---- */

/* clang-format off */
static const struct {
    void (*write)(struct scrape *scrape);
    struct family family;
} families[] = {
    { write_requests,
      { FAMILY_HISTOGRAM, "http_server_request_duration_seconds", FAMILY_SECONDS,
        "From a request's arrival to the end of its answer.",
        { "http_route", "http_request_method", "http_response_status_code" } } },
    { write_active_requests,
      { FAMILY_GAUGE, "http_server_active_requests", FAMILY_UNITLESS,
        "Requests in flight.",
        { NULL } } },
    { write_connections,
      { FAMILY_GAUGE, "bff_client_connections", FAMILY_UNITLESS,
        "Connections of clients that are open.",
        { NULL } } },
    { write_problems,
      { FAMILY_COUNTER, "bff_problems_total", FAMILY_UNITLESS,
        "Requests that were refused or failed, by reason.",
        { "problem" } } },
    { write_refusals,
      { FAMILY_COUNTER, "bff_quota_refusals_total", FAMILY_UNITLESS,
        "Requests refused because the caller's quota was used up.",
        { "policy" } } },
    { write_evictions,
      { FAMILY_COUNTER, "bff_quota_evictions_total", FAMILY_UNITLESS,
        "Callers whose use was forgotten to make room for others: quota.callers is too small.",
        { NULL } } },
    { write_shed,
      { FAMILY_COUNTER, "bff_shed_total", FAMILY_UNITLESS,
        "Requests refused early because there was more to do than could be done in time.",
        { "plan", "priority" } } },
    { write_shedding,
      { FAMILY_GAUGE, "bff_shedding_workers", FAMILY_UNITLESS,
        "Workers that refuse some requests early, and among them those that refuse most.",
        { "requests" } } },
    { write_limit,
      { FAMILY_GAUGE, "bff_shed_limit", FAMILY_UNITLESS,
        "Requests in flight that the workers which refuse some allow themselves.",
        { NULL } } },
    { write_delay,
      { FAMILY_GAUGE, "bff_loop_delay_seconds", FAMILY_SECONDS,
        "How long what is ready waits for its worker, with the slowest of them.",
        { NULL } } },
    { write_body_bytes,
      { FAMILY_HISTOGRAM, "bff_response_body_bytes", FAMILY_BYTES,
        "Size of an answer's body, plain as it was made and coded as it was sent.",
        { "http_route", "form" } } },
    { write_request_body_bytes,
      { FAMILY_HISTOGRAM, "bff_request_body_bytes", FAMILY_BYTES,
        "Size of a request's body, where it had one.",
        { "http_route" } } },
    { write_overheads,
      { FAMILY_HISTOGRAM, "bff_overhead_seconds", FAMILY_SECONDS,
        "A request's time without its longest chain of calls.",
        { "http_route" } } },
    { write_services,
      { FAMILY_HISTOGRAM, "http_client_request_duration_seconds", FAMILY_SECONDS,
        "From asking a service to the call's end.",
        { "service", "state" } } },
    { write_calls,
      { FAMILY_COUNTER, "bff_calls_total", FAMILY_UNITLESS,
        "Calls of finished requests, by the state they ended in.",
        { "plan", "call", "service", "state" } } },
    { write_repairs,
      { FAMILY_COUNTER, "bff_repairs_total", FAMILY_UNITLESS,
        "Values that did not fit the shape and were left out or replaced.",
        { "plan", "call", "path" } } },
    { write_trimmed,
      { FAMILY_COUNTER, "bff_trimmed_total", FAMILY_UNITLESS,
        "Answers whose lists were shortened because this form was larger than x-max-bytes.",
        { "plan", "form" } } },
    { write_oversize,
      { FAMILY_COUNTER, "bff_oversize_total", FAMILY_UNITLESS,
        "Answers larger than x-max-bytes in this form, with no list left to shorten.",
        { "plan", "form" } } },
    { write_build,
      { FAMILY_INFO, "bff_build_info", FAMILY_UNITLESS,
        "Which server this is.",
        { "version", "client" } } },
    { write_workers,
      { FAMILY_GAUGE, "bff_workers", FAMILY_UNITLESS,
        "Worker threads.",
        { NULL } } },
    { write_keys,
      { FAMILY_GAUGE, "bff_keys_ready", FAMILY_UNITLESS,
        "1 while there are keys to check tokens with.",
        { NULL } } },
    { write_dropped_lines,
      { FAMILY_COUNTER, "bff_access_lines_dropped_total", FAMILY_UNITLESS,
        "Access log lines that were lost because their target did not keep up.",
        { NULL } } },
    { write_started,
      { FAMILY_GAUGE, "process_start_time_seconds", FAMILY_SECONDS,
        "When the process started, since 1970.",
        { NULL } } },
    { write_cpu,
      { FAMILY_COUNTER, "process_cpu_seconds_total", FAMILY_SECONDS,
        "User and system time spent.",
        { NULL } } },
    { write_memory,
      { FAMILY_GAUGE, "process_resident_memory_bytes", FAMILY_BYTES,
        "Memory in use.",
        { NULL } } },
    { write_fds,
      { FAMILY_GAUGE, "process_open_fds", FAMILY_UNITLESS,
        "Open file descriptors.",
        { NULL } } },
};
/* clang-format on */

void scrape_write(const struct metrics *metrics, const struct scrape_extras *extras,
    enum exposition_format format, struct buf *out)
{
    struct scrape scrape = {
        .metrics = metrics,
        .extras = extras,
        .text = { .out = out, .format = format },
    };
    upstreams_write(metrics->core, &scrape.text);
    for (size_t i = 0; i < countof(families); i++) {
        exposition_family(&scrape.text, &families[i].family);
        families[i].write(&scrape);
    }
    exposition_end(&scrape.text);
}
