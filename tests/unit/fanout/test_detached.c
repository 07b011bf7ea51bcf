/* detached: so many under way, so many in a queue, and an end to all of them. */
#include "town.h"

enum { S = 1000 * 1000, MS = 1000 };

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define START(...)                                                                                 \
    static const struct turn script[] = { __VA_ARGS__ };                                           \
    struct server *server = server_start(script, countof(script), NULL)

TestSuite(detached, .timeout = 60);

static void open_town(const struct server *server, const char *more)
{
    static char conf[500];
    snprintf(conf, sizeof(conf),
        "detached = { in_flight = 2; queue_max = 3; };\n"
        "services = { posts = { url = \"http://127.0.0.1:%u\"; %s }; };\n",
        server->port, more);
    town_open(conf);
}

static void close_town(struct server *server)
{
    town_close();
    server_stop(server);
}

static const struct upstream *shown(void)
{
    return services_shown(town.worker.services);
}

/* All that is lent to detached_add is gone after it. */
static const char *why_not(const char *word, uint64_t deadline_us)
{
    char target[32], value[32], body[32];
    struct http_call_field field = { STR("X-Word"), { value, 0 } };
    snprintf(target, sizeof(target), "/%s", word);
    field.value.len = (size_t)snprintf(value, sizeof(value), "field %s", word);
    snprintf(body, sizeof(body), "body %s", word);
    struct arena arena;
    arena_init(&arena, NULL);
    struct http_call_lines lines =
        http_call_lines(&arena, &(struct http_call_field){ STR("X-Line"), field.value }, 1);
    struct http_call_options options = { .method = HTTP_POST,
        .target = str_of(target),
        .lines = &lines,
        .lines_count = 1,
        .fields = &field,
        .fields_count = 1,
        .body = str_of(body),
        .deadline_us = deadline_us };
    const char *why = detached_add(town.worker.detached, 0, &options);
    memset((char *)lines.text.at, '!', lines.text.len);
    arena_release(&arena);
    memset(target, '!', sizeof(target));
    memset(value, '!', sizeof(value));
    memset(body, '!', sizeof(body));
    return why;
}

static bool detach(const char *word, uint64_t patience_us)
{
    return !why_not(word, clock_now_us() + patience_us);
}

static uint64_t dropped(enum upstream_drop why)
{
    return counter_read(&town_shown()->dropped[why]);
}

/* For whatever reason. */
static uint64_t dropped_in_all(void)
{
    uint64_t sum = 0;
    for (unsigned why = 0; why < UPSTREAM_DROPS; why++) {
        sum += dropped(why);
    }
    return sum;
}

/* Lives until none is left, as a worker that drains does. */
static uint64_t look(struct turn_hook *hook)
{
    (void)hook;
    if (detached_count(town.worker.detached) == 0) {
        loop_stop(town.worker.loop);
    }
    return LOOP_NO_LIMIT;
}

static void drain(void)
{
    struct turn_hook hook = { .before_wait = look };
    loop_hook(town.worker.loop, &hook);
    town_live();
    loop_unhook(town.worker.loop, &hook);
}

Test(detached, what_a_call_carries_is_copied)
{
    START({ .say = HELLO });
    open_town(server, "");
    cr_assert(detach("one", 5 * S));
    drain();
    cr_assert(strncmp(server->heard, "POST /one HTTP/1.1\r\n", 20) == 0, "%s", server->heard);
    cr_assert_not_null(strstr(server->heard, "X-Line: field one\r\nX-Word: field one\r\n"));
    cr_assert_not_null(strstr(server->heard, "\r\n\r\nbody one"));
    cr_assert_eq(dropped_in_all(), 0);
    const struct http_origin_counters *counters = http_origin_counters(
        host_origin(service_pick(town_service(), 0, clock_now_us(), &(enum service_refusal){ 0 })));
    cr_assert_eq(counters->ended[HTTP_ANSWERED], 1);
    close_town(server);
}

Test(detached, what_has_no_room_is_dropped_and_the_rest_takes_its_turn)
{
    START({ .say = HELLO, .drip_ms = 1 });
    open_town(server, "");
    static const char *const words[] = { "a", "b", "c", "d", "e", "f", "g" };
    for (size_t i = 0; i < countof(words); i++) {
        cr_assert_eq(detach(words[i], 5 * S), i < 5, "%s", words[i]);
    }
    cr_assert_eq(detached_count(town.worker.detached), 5);
    cr_assert_eq(counter_read(&shown()->detached), 2);
    cr_assert_eq(counter_read(&shown()->detached_queued), 3);
    drain();
    cr_assert_eq(server_questions(server), 5);
    cr_assert(strncmp(server->heard, "POST /e ", 8) == 0, "the last to come is the last asked");
    cr_assert_leq(server_connections(server), 2);
    cr_assert_eq(dropped(UPSTREAM_DROP_QUEUE), 2);
    cr_assert_eq(dropped_in_all(), 2);
    cr_assert_eq(counter_read(&shown()->detached), 0);
    cr_assert_eq(counter_read(&town_shown()->in_flight), 0);
    close_town(server);
}

/* Two under way are silent for ever: their deadlines, and those in the queue, end the drain. */
Test(detached, deadlines_end_a_drain)
{
    START({ .say = "", .then = HANG });
    open_town(server, "");
    uint64_t began_us = clock_now_us();
    for (unsigned i = 0; i < 5; i++) {
        cr_assert_null(why_not("x", began_us + 150 * MS)); /* one moment for all, and no later */
    }
    drain();
    cr_assert_lt(clock_now_us() - began_us, 1 * S);
    cr_assert_eq(server_questions(server), 2);
    cr_assert_eq(dropped(UPSTREAM_DROP_LATE), 3);
    cr_assert_eq(dropped_in_all(), 3);
    close_town(server);
}

Test(detached, a_failure_is_not_repeated_but_counts_against_its_host)
{
    START({ .say = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n" });
    open_town(server, "breaker = { failures = 2; };"); /* two of them at once are one in a row */
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(detach("x", 5 * S));
    }
    drain();
    cr_assert_eq(server_questions(server), 3);
    cr_assert_eq(counter_read(&town_shown()->hosts[0].state), UPSTREAM_OPEN);
    cr_assert_str_eq(why_not("x", clock_now_us() + 5 * S),
        "its hosts are not asked for a while, because they kept failing", "it does not wait");
    cr_assert_eq(dropped(UPSTREAM_DROP_OPEN), 1);
    cr_assert_eq(dropped_in_all(), 1);
    close_town(server);
}

Test(detached, one_that_the_service_has_no_room_for_is_dropped)
{
    START({ .say = "", .then = HANG });
    open_town(server, "in_flight_min = 1; in_flight_max = 1;");
    cr_assert(detach("x", 150 * MS));
    cr_assert_str_eq(
        why_not("x", clock_now_us() + 150 * MS), "it has as many calls as it can take");
    cr_assert_eq(dropped(UPSTREAM_DROP_FULL), 1);
    cr_assert_eq(dropped_in_all(), 1);
    close_town(server);
}

/* Nothing of it was sent: it is the same call. */
Test(detached, one_whose_host_is_out_of_reach_goes_to_another)
{
    static char conf[500];
    START({ .say = HELLO });
    snprintf(conf, sizeof(conf),
        "services = { posts = { urls = ( \"http://127.0.0.2:1\", \"http://127.0.0.1:%u\", "
        "\"http://127.0.0.3:1\" ); breaker = { failures = 0; }; }; };\n",
        server->port);
    town_open(conf);
    for (unsigned i = 0; i < 20; i++) {
        cr_assert(detach("x", 5 * S));
    }
    drain();
    cr_assert_eq(server_questions(server), 20);
    cr_assert_gt(counter_read(&town_shown()->moves), 0);
    cr_assert_eq(dropped_in_all(), 0);
    cr_assert_eq(counter_read(&town_shown()->in_flight), 0);
    close_town(server);
}

Test(detached, and_is_dropped_when_all_are)
{
    town_open(
        "services = { posts = { urls = ( \"http://127.0.0.2:1\", \"http://127.0.0.3:1\" ); }; };");
    cr_assert(detach("x", 5 * S));
    drain();
    cr_assert_eq(dropped(UPSTREAM_DROP_OPEN), 1);
    cr_assert_eq(dropped_in_all(), 1);
    town_close();
}

Test(detached, an_end_cancels_them_all)
{
    START({ .say = "", .then = HANG });
    open_town(server, "");
    for (unsigned i = 0; i < 5; i++) {
        cr_assert(detach("x", 5 * S));
    }
    close_town(server);
}
