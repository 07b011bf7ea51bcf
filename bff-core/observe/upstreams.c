/*
 * upstreams: services and hosts as the workers see them.
 *
 * Owns the tables of what is shown of a service and of a host, each number by its name, and the
 * sums over the workers. A state belongs to one worker's view of one host: what is shown is how
 * many workers share that view. Promises that every label is a word of the settings or of a table
 * here.
 */
#include "upstreams.h"

#include "../base/must.h"
#include "members.h"

static const char *const state_names[UPSTREAM_STATES] = {
    [UPSTREAM_CLOSED] = "closed",
    [UPSTREAM_OPEN] = "open",
    [UPSTREAM_HALF_OPEN] = "half_open",
    [UPSTREAM_DOWN] = "down",
};

static const char *const drop_names[UPSTREAM_DROPS] = {
    [UPSTREAM_DROP_QUEUE] = "queue",
    [UPSTREAM_DROP_LATE] = "late",
    [UPSTREAM_DROP_OPEN] = "open",
    [UPSTREAM_DROP_FULL] = "full",
};

/* A number of a service: its member in struct upstream_service. */
struct service_number {
    const char *member; /* in JSON */
    size_t offset;
    struct family family;
};

#define SERVICE(number) #number, offsetof(struct upstream_service, number)

/* clang-format off */
static const struct service_number service_numbers[] = {
    { SERVICE(in_flight),
      { FAMILY_GAUGE, "bff_upstream_in_flight", FAMILY_UNITLESS,
        "Calls under way, those that wait for a connection included.",
        { "service" } } },
    { SERVICE(limit),
      { FAMILY_GAUGE, "bff_upstream_limit", FAMILY_UNITLESS,
        "Calls that may be under way: follows what the service bears.",
        { "service" } } },
    { SERVICE(queued),
      { FAMILY_GAUGE, "bff_upstream_queued", FAMILY_UNITLESS,
        "Calls that wait for a connection.",
        { "service" } } },
    { SERVICE(retries),
      { FAMILY_COUNTER, "bff_upstream_retries_total", FAMILY_UNITLESS,
        "Calls that were asked again, within the budget.",
        { "service" } } },
    { SERVICE(moves),
      { FAMILY_COUNTER, "bff_upstream_moves_total", FAMILY_UNITLESS,
        "Calls that went on to another host at once, because the first could not be reached.",
        { "service" } } },
    { SERVICE(hedges),
      { FAMILY_COUNTER, "bff_upstream_hedges_total", FAMILY_UNITLESS,
        "Late calls that were put to a second host too, within the budget.",
        { "service" } } },
    { SERVICE(hedges_won),
      { FAMILY_COUNTER, "bff_upstream_hedges_won_total", FAMILY_UNITLESS,
        "Those whose second host answered first.",
        { "service" } } },
    { SERVICE(refused_open),
      { FAMILY_COUNTER, "bff_upstream_refused_open_total", FAMILY_UNITLESS,
        "Calls that were not made because no host could be asked.",
        { "service" } } },
    { SERVICE(refused_full),
      { FAMILY_COUNTER, "bff_upstream_refused_full_total", FAMILY_UNITLESS,
        "Calls that were not made because the limit or the queue was full.",
        { "service" } } },
};

static const struct family host_in_flight = {
    FAMILY_GAUGE, "bff_upstream_host_in_flight", FAMILY_UNITLESS,
    "Calls under way to one host.",
    { "service", "host" }
};
static const struct family host_state = {
    FAMILY_GAUGE, "bff_upstream_host_state", FAMILY_UNITLESS,
    "How many workers see the host in that state; all but closed means that it is not asked.",
    { "service", "host", "state" }
};
static const struct family host_ejections = {
    FAMILY_COUNTER, "bff_upstream_ejections_total", FAMILY_UNITLESS,
    "Times that a worker stopped asking the host because its calls failed.",
    { "service", "host" }
};

static const struct family service_dropped = {
    FAMILY_COUNTER, "bff_detached_dropped_total", FAMILY_UNITLESS,
    "Detached calls that were never made: the queue was full, their time ended in it (late), no "
    "host could be asked (open), or the service had as many calls as it bears (full).",
    { "service", "reason" }
};

/* Numbers of no service: members of struct upstream. */
static const struct {
    size_t offset;
    struct family family;
} numbers[] = {
    { offsetof(struct upstream, detached),
      { FAMILY_GAUGE, "bff_detached_in_flight", FAMILY_UNITLESS,
        "Detached calls under way.",
        { NULL } } },
    { offsetof(struct upstream, detached_queued),
      { FAMILY_GAUGE, "bff_detached_queued", FAMILY_UNITLESS,
        "Detached calls that wait for their turn.",
        { NULL } } },
    { offsetof(struct upstream, shared),
      { FAMILY_COUNTER, "bff_calls_shared_total", FAMILY_UNITLESS,
        "Calls that were answered by an equal one under way.",
        { NULL } } },
    { offsetof(struct upstream, copies),
      { FAMILY_GAUGE, "bff_cache_copies", FAMILY_UNITLESS,
        "Answers of services that are kept to be used again.",
        { NULL } } },
    { offsetof(struct upstream, copies_bytes),
      { FAMILY_GAUGE, "bff_cache_bytes", FAMILY_BYTES,
        "Memory of these.",
        { NULL } } },
    { offsetof(struct upstream, copies_evicted),
      { FAMILY_COUNTER, "bff_cache_evictions_total", FAMILY_UNITLESS,
        "Answers that made room for others before their time.",
        { NULL } } },
};
/* clang-format on */

/* ---- sums ---- */

static uint64_t read_at(const void *base, size_t offset)
{
    return counter_read((const void *)((const char *)base + offset));
}

static uint64_t sum_number(const struct core *core, size_t offset)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < core->workers_count; i++) {
        const struct upstream *upstream = core->workers[i].upstream;
        sum += upstream ? read_at(upstream, offset) : 0;
    }
    return sum;
}

static uint64_t sum_service(const struct core *core, size_t service, size_t offset)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < core->workers_count; i++) {
        const struct upstream *upstream = core->workers[i].upstream;
        sum += upstream ? read_at(&upstream->services[service], offset) : 0;
    }
    return sum;
}

struct host_sums {
    uint64_t in_flight;
    uint64_t ejections;
    uint64_t by_state[UPSTREAM_STATES];
};

static struct host_sums sum_host(const struct core *core, size_t service, size_t host)
{
    struct host_sums sums = { 0 };
    for (unsigned i = 0; i < core->workers_count; i++) {
        const struct upstream *upstream = core->workers[i].upstream;
        if (upstream) {
            const struct upstream_host *shown = &upstream->services[service].hosts[host];
            sums.in_flight += counter_read(&shown->in_flight);
            sums.ejections += counter_read(&shown->ejections);
            sums.by_state[counter_read(&shown->state)]++;
        }
    }
    return sums;
}

/* ---- /metrics ---- */

static void write_services(
    const struct core *core, struct exposition *text, const struct service_number *number)
{
    const struct settings *settings = core->settings;
    exposition_family(text, &number->family);
    for (size_t i = 0; i < settings->services_count; i++) {
        exposition_sample(text, &settings->services[i].name, sum_service(core, i, number->offset));
    }
}

static uint64_t sum_dropped(const struct core *core, size_t service, size_t drop)
{
    size_t offset = offsetof(struct upstream_service, dropped) + drop * sizeof(struct counter);
    return sum_service(core, service, offset);
}

static void write_dropped(const struct core *core, struct exposition *text)
{
    const struct settings *settings = core->settings;
    exposition_family(text, &service_dropped);
    for (size_t i = 0; i < settings->services_count; i++) {
        for (size_t drop = 0; drop < UPSTREAM_DROPS; drop++) {
            const char *const values[] = { settings->services[i].name, drop_names[drop] };
            exposition_sample(text, values, sum_dropped(core, i, drop));
        }
    }
}

static void write_host(struct exposition *text, const char *const *names,
    const struct family *family, const struct host_sums *sums)
{
    if (family == &host_state) {
        for (size_t state = 0; state < UPSTREAM_STATES; state++) {
            const char *const values[] = { names[0], names[1], state_names[state] };
            exposition_sample(text, values, sums->by_state[state]);
        }
        return;
    }
    exposition_sample(text, names, family == &host_in_flight ? sums->in_flight : sums->ejections);
}

static void write_hosts(
    const struct core *core, struct exposition *text, const struct family *family)
{
    const struct settings *settings = core->settings;
    exposition_family(text, family);
    for (size_t i = 0; i < settings->services_count; i++) {
        const struct settings_service *service = &settings->services[i];
        for (size_t at = 0; at < service->hosts.count; at++) {
            struct host_sums sums = sum_host(core, i, at);
            const char *const names[] = { service->name, service->hosts.list[at].url };
            write_host(text, names, family, &sums);
        }
    }
}

void upstreams_write(const struct core *core, struct exposition *text)
{
    for (size_t i = 0; i < countof(service_numbers); i++) {
        write_services(core, text, &service_numbers[i]);
    }
    write_dropped(core, text);
    write_hosts(core, text, &host_in_flight);
    write_hosts(core, text, &host_state);
    write_hosts(core, text, &host_ejections);
    for (size_t i = 0; i < countof(numbers); i++) {
        exposition_family(text, &numbers[i].family);
        exposition_sample(text, NULL, sum_number(core, numbers[i].offset));
    }
}

/* ---- /admin/services ---- */

void upstreams_members(const struct core *core, size_t service, struct buf *out)
{
    const struct settings_hosts *hosts = &core->settings->services[service].hosts;
    for (size_t i = 0; i < countof(service_numbers); i++) {
        members_number(
            out, service_numbers[i].member, sum_service(core, service, service_numbers[i].offset));
    }
    members_name(out, "dropped");
    buf_append_char(out, '{');
    for (size_t drop = 0; drop < UPSTREAM_DROPS; drop++) {
        members_number(out, drop_names[drop], sum_dropped(core, service, drop));
    }
    buf_append_char(out, '}');
    members_name(out, "hosts");
    buf_append_char(out, '[');
    for (size_t i = 0; i < hosts->count; i++) {
        struct host_sums sums = sum_host(core, service, i);
        members_object(out);
        members_word(out, "url", hosts->list[i].url);
        members_number(out, "weight", hosts->list[i].weight);
        members_number(out, "in_flight", sums.in_flight);
        members_number(out, "ejections", sums.ejections);
        members_name(out, "workers");
        buf_append_char(out, '{');
        for (size_t state = 0; state < UPSTREAM_STATES; state++) {
            members_number(out, state_names[state], sums.by_state[state]);
        }
        buf_append_str(out, STR("}}"));
    }
    buf_append_char(out, ']');
}
