/* health: checks that fail take a host out, one that does not brings it back. */
#include "town.h"

#define STATUS(line) "HTTP/1.1 " line "\r\nContent-Length: 0\r\n\r\n"
#define START(...)                                                                                 \
    static const struct turn script[] = { __VA_ARGS__ };                                           \
    struct server *server = server_start(script, countof(script), NULL)

TestSuite(health, .timeout = 60);

static void open_town(const struct server *server, const char *more)
{
    static char conf[500];
    snprintf(conf, sizeof(conf),
        "services = { posts = { url = \"http://127.0.0.1:%u/v1\"; health = \"/healthz?deep=1\";"
        " health_interval_ms = 100; %s }; };\n",
        server->port, more);
    town_open(conf);
}

static void close_town(struct server *server)
{
    town_close();
    server_stop(server);
}

/* Looks at each turn whether the host is in the awaited state; the checks keep the loop turning. */
static struct turn_hook watcher;
static enum upstream_state awaited;

static uint64_t look(struct turn_hook *hook)
{
    (void)hook;
    if (counter_read(&town_shown()->hosts[0].state) == awaited) {
        loop_stop(town.worker.loop);
    }
    return LOOP_NO_LIMIT;
}

static void await(enum upstream_state state)
{
    awaited = state;
    watcher.before_wait = look;
    loop_hook(town.worker.loop, &watcher);
    town_live();
    loop_unhook(town.worker.loop, &watcher);
}

static struct host *pick(enum service_refusal *why)
{
    return service_pick(town_service(), 0, clock_now_us(), why);
}

Test(health, two_failures_in_a_row_take_a_host_out_and_a_good_check_brings_it_back)
{
    START({ .say = STATUS("204 No Content") }, { .say = STATUS("503 Service Unavailable") },
        { .say = STATUS("200 OK") }, { .say = STATUS("503 Service Unavailable") },
        { .say = STATUS("404 Not Found") }, { .say = STATUS("200 OK") });
    enum service_refusal why;
    open_town(server, "");
    cr_assert_not_null(pick(&why), "until a check has failed it is taken to be well");
    await(UPSTREAM_DOWN);
    cr_assert_eq(server_questions(server), 5, "one failure alone is not enough");
    cr_assert_null(pick(&why));
    cr_assert_eq(why, SERVICE_OPEN);
    cr_assert(strncmp(server->heard, "GET /v1/healthz?deep=1 ", 23) == 0, "%s", server->heard);
    await(UPSTREAM_CLOSED);
    cr_assert_eq(server_questions(server), 6);
    cr_assert_not_null(pick(&why));
    cr_assert_eq(server_connections(server), 1, "it has a connection of its own, and keeps it");
    close_town(server);
}

Test(health, a_host_may_be_out_at_once)
{
    START({ .say = STATUS("500 Internal Server Error") });
    open_town(server, "health_failures = 1;");
    await(UPSTREAM_DOWN);
    cr_assert_eq(server_questions(server), 1);
    close_town(server);
}

Test(health, silence_and_a_closed_connection_are_failures)
{
    START({ .say = "", .then = HANG }, { .say = "", .then = CLOSE });
    open_town(server, "");
    await(UPSTREAM_DOWN);
    cr_assert_eq(server_questions(server), 2);
    close_town(server);
}

Test(health, the_other_host_is_asked_meanwhile)
{
    START({ .say = STATUS("503 Service Unavailable") });
    static const struct turn good_script[] = { { .say = STATUS("200 OK") } };
    struct server *good = server_start(good_script, 1, NULL);
    static char conf[500];
    snprintf(conf, sizeof(conf),
        "services = { posts = { urls = ( \"http://127.0.0.1:%u\", \"http://127.0.0.1:%u\" );"
        " health = \"/healthz\"; health_interval_ms = 100; }; };\n",
        server->port, good->port);
    town_open(conf);
    await(UPSTREAM_DOWN);
    const char *name = http_origin_name(host_origin(pick(&(enum service_refusal){ 0 })));
    for (unsigned i = 0; i < 100; i++) {
        enum service_refusal why;
        struct host *host = pick(&why);
        cr_assert_not_null(host);
        cr_assert_str_eq(http_origin_name(host_origin(host)), name);
    }
    cr_assert_eq(strtoul(strrchr(name, ':') + 1, NULL, 10), good->port);
    close_town(server);
    server_stop(good);
}

static void stop(struct deadline *deadline)
{
    (void)deadline;
    loop_stop(town.worker.loop);
}

Test(health, may_end_before_and_during_a_check)
{
    START({ .say = "", .then = HANG });
    open_town(server, "");
    town_close();
    open_town(server, "");
    struct deadline soon = { .expired = stop };
    loop_deadline(town.worker.loop, &soon, clock_now_us() + 20000);
    town_live();
    cr_assert_eq(http_client_calls(town.worker.client), 1);
    close_town(server);
}
