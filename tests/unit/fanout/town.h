#ifndef TESTS_UNIT_TOWN_H
#define TESTS_UNIT_TOWN_H

/* One worker with services as a piece of settings says; and time that the test tells. */
#include "../desk.h"
#include "../wire/scripted_server.h"

#include "base/clock.h"
#include "base/loop.h"
#include "base/must.h"
#include "fanout/detached.h"
#include "fanout/service.h"
#include "settings.h"
#include "upstream.h"

static struct town {
    struct arena arena;
    struct settings settings;
    struct core core;
    struct worker worker;
    struct deadline too_late; /* the test hangs */
} town;

static inline void town_hangs(struct deadline *deadline)
{
    (void)deadline;
    cr_assert_fail("nothing came of it within 10 s");
}

/* `conf` holds the services and whatever else the test is about. */
static inline void town_open(const char *conf)
{
    struct faults faults;
    struct err err;
    desk_open();
    arena_init(&town.arena, NULL);
    faults_init(&faults);
    desk_write("bff.conf",
        arena_printf(&town.arena,
            "token = { issuer = \"i\"; audience = \"a\"; jwks_url = \"http://127.0.0.1/\"; };\n%s",
            conf));
    struct settings_source source = { .path = "bff.conf" };
    settings_read(&town.settings, &source, &town.arena, &faults);
    desk_expect(&faults, "");
    faults_fini(&faults);
    town.core = (struct core){ .settings = &town.settings };
    town.worker = (struct worker){ .core = &town.core, .loop = loop_new() };
    town.worker.client = http_client_new(town.worker.loop, &(struct http_client_options){ 0 });
    town.worker.services = services_new(&town.worker, &err);
    cr_assert_not_null(town.worker.services, "%s", err.text);
    town.worker.detached = detached_new(&town.worker);
    town.too_late.expired = town_hangs;
}

static inline void town_close(void)
{
    loop_deadline_clear(town.worker.loop, &town.too_late);
    detached_free(town.worker.detached);
    services_free(town.worker.services);
    http_client_free(town.worker.client);
    loop_free(town.worker.loop);
    arena_release(&town.arena);
    desk_close();
}

/* Lives until somebody stops the loop. */
static inline void town_live(void)
{
    loop_deadline(town.worker.loop, &town.too_late, clock_now_us() + 10000000);
    loop_run(town.worker.loop);
    loop_deadline_clear(town.worker.loop, &town.too_late);
}

static inline struct service *town_service(void)
{
    return services_get(town.worker.services, 0);
}

static inline const struct upstream_service *town_shown(void)
{
    return &services_shown(town.worker.services)->services[0];
}

#endif
