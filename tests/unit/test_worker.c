/* Threads that serve: how they begin, how they end together, and what is left of them. */
#include "desk.h"

#include "admit/jwks.h"
#include "base/must.h"
#include "core.h"
#include "wire/listener.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

enum { WORKERS = 2 };

static const struct bff_plan plans[] = { {
    BFF_HERE,
    .name = "news",
    .route = "GET /news",
    .allow = BFF_ALLOW_ANYONE,
    .calls = { { .as = "news", .from = "posts", .get = "/news" } },
    .shape = "news",
} };
static const struct bff_client client = { .name = "test", BFF_PLANS(plans) };
static struct settings_host host = { .weight = 1 };
static struct settings_service services[] = { {
    .name = "posts",
    .hosts = { &host, 1 },
    .in_flight_min = 1,
    .in_flight_max = 100,
    .queue_max = 100,
    .breaker = { .window_ms = 10000, .open_ms = 1000, .open_max_ms = 1000 },
} };
static struct settings settings;
static struct core core;
static struct loop *home;
static struct sockaddr_in at;

static void open_core(void)
{
    struct err err;
    signal(SIGPIPE, SIG_IGN);
    desk_open();
    desk_write("news.json",
        "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
        "\"x-calls\":{\"news\":\"any.json\"},"
        "\"properties\":{\"title\":{\"type\":\"string\",\"x-from\":\"news.title\"}}}");
    desk_write("any.json", "{}");
    settings = (struct settings){ .schemas = ".",
        .listen = { .workers = WORKERS, .connections_max = 100 },
        .limits = { .head_bytes = 8192,
            .target_bytes = 1024,
            .body_bytes = 1024,
            .head_ms = 60000,
            .body_ms = 60000,
            .idle_ms = 60000,
            .drain_ms = 60000,
            .in_flight = 100,
            .budget_ms = 1000 },
        .token.jwks_url = "http://127.0.0.1:1/keys",
        .quota.callers = 1024,
        .upstream = { .connections_max = 10, .connect_timeout_ms = 1000, .idle_ms = 1000 },
        .log.access = "off",
        .services = services,
        .services_count = countof(services) };
    host.url = "http://127.0.0.1:1";
    core_prove(&core, &client, &settings, &desk.faults);
    desk_expect(&desk.faults, "");
    cr_assert(core_open(&core, &err), "%s", err.text);
    home = loop_new();
}

static void close_core(void)
{
    loop_free(home);
    core_close(&core);
    desk_close();
}

TestSuite(worker, .init = open_core, .fini = close_core, .timeout = 60);

static void start(void)
{
    struct err err;
    int fds[WORKERS];
    unsigned port;
    cr_assert(listener_open("127.0.0.1", 0, fds, WORKERS, &port, &err), "%s", err.text);
    at = (struct sockaddr_in){ .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    for (unsigned i = 0; i < WORKERS; i++) {
        cr_assert(worker_make(&core.workers[i], &core, i, fds[i], NULL, &err), "%s", err.text);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        cr_assert(worker_start(&core.workers[i], home, &err), "%s", err.text);
    }
}

/* Returns when the last of them has ended. */
static void drain(void)
{
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_drain(&core.workers[i]);
    }
    loop_run(home);
    for (unsigned i = 0; i < WORKERS; i++) {
        cr_assert(core.workers[i].has_ended);
        worker_join(&core.workers[i]);
    }
}

/* -1: refused. */
static int say(const char *words)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
        close(fd);
        return -1;
    }
    cr_assert_eq(send(fd, words, strlen(words), 0), (ssize_t)strlen(words));
    return fd;
}

/* All that comes until the connection ends. */
static const char *hear(int fd)
{
    static char text[4096];
    size_t len = 0;
    ssize_t got;
    while ((got = recv(fd, text + len, sizeof(text) - 1 - len, 0)) > 0) {
        len += (size_t)got;
    }
    text[len] = '\0';
    return text;
}

Test(worker, those_who_have_nothing_to_do_end_at_once)
{
    start();
    drain();
    cr_assert_eq(say(""), -1, "a port is left open");
}

Test(worker, all_of_them_answer)
{
    start();
    for (int i = 0; i < 20; i++) { /* the kernel deals them out */
        int fd = say("GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        cr_assert(strncmp(hear(fd), "HTTP/1.1 404 ", 13) == 0);
        close(fd);
    }
    drain();
}

/* Its head never ends. Where the drain began before its first byte was read, it is told so. */
Test(worker, who_is_still_asking_when_the_time_is_over_is_cut_off)
{
    settings.limits.drain_ms = 50;
    start();
    int fd = say("GET /nowhere HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    drain();
    const char *told = hear(fd);
    cr_assert(!*told || strncmp(told, "HTTP/1.1 408 ", 13) == 0, "%s", told);
    close(fd);
}

Test(worker, one_that_cannot_be_made_says_why)
{
    struct err err;
    int fd;
    unsigned port;
    host.url = "gopher://127.0.0.1";
    cr_assert(listener_open("127.0.0.1", 0, &fd, 1, &port, &err), "%s", err.text);
    cr_assert_not(worker_make(&core.workers[0], &core, 0, fd, NULL, &err));
    cr_assert(strstr(err.text, "gopher"), "%s", err.text);
}
