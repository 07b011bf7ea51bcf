/*
 * load: asks one server the same question over a fixed number of connections, each with the token
 * of another user, and times the answers.
 *
 * Owns its connections and every latency. Closed loop: each connection asks again when its answer
 * is complete. With --rate requests fall due at fixed moments instead, whether or not the server
 * keeps up, and are timed from the moment they were due: a server that stalls cannot hide it.
 *
 * It ends by itself, after --requests or --ms, when what is under way has been answered, and
 * prints one line of JSON. An answer that is not 200 with a body counts as failed; one that does
 * not come is the end of the program.
 */
#include "net.h"

#include <getopt.h>

enum { PATIENCE_MS = 10000, EVENTS_AT_ONCE = 256 };

struct connection {
    int fd;
    bool is_asking;
    bool has_head;
    bool is_good;
    size_t body_left;
    uint64_t since_us;
};

struct load {
    unsigned port, connections_count, rate_per_s;
    uint64_t requests_max, limit_ms;
    struct net_questions questions;

    int epoll, timer;
    struct connection *connections;
    uint64_t start_us, end_us;
    uint64_t asked, answered, failed, body_bytes;
    uint32_t *latencies_us;
    size_t latencies_room;
};

/* What arrives is counted, not kept. */
static char scratch[1 << 20];

/* ---- one question ---- */

static void ask(struct load *load, struct connection *connection, uint64_t since_us)
{
    connection->is_asking = true;
    connection->has_head = false;
    connection->since_us = since_us;
    load->asked++;
    size_t nth = (size_t)(connection - load->connections);
    net_send(connection->fd, load->questions.list[nth % load->questions.count]);
}

static void record(struct load *load, struct connection *connection)
{
    if (load->answered == load->latencies_room) {
        load->latencies_room = load->latencies_room ? 2 * load->latencies_room : 1 << 16;
        load->latencies_us =
            realloc(load->latencies_us, load->latencies_room * sizeof(*load->latencies_us));
        must(load->latencies_us != NULL);
    }
    load->latencies_us[load->answered++] = (uint32_t)(clock_now_us() - connection->since_us);
    load->failed += !connection->is_good;
    connection->is_asking = false;
}

/* ---- when to ask ---- */

static bool is_over(const struct load *load)
{
    return load->asked >= load->requests_max || clock_now_us() >= load->end_us;
}

static uint64_t due_at(const struct load *load, uint64_t nth)
{
    return load->start_us + nth * 1000000u / load->rate_per_s;
}

static void ask_next(struct load *load, struct connection *connection)
{
    uint64_t now_us = clock_now_us();
    if (is_over(load)) {
        return;
    }
    if (!load->rate_per_s) {
        ask(load, connection, now_us);
    } else if (due_at(load, load->asked) <= now_us) {
        ask(load, connection, due_at(load, load->asked));
    }
}

static void ask_due(struct load *load)
{
    uint64_t expirations;
    while (read(load->timer, &expirations, sizeof(expirations)) > 0) {
    }
    for (unsigned i = 0; i < load->connections_count; i++) {
        if (!load->connections[i].is_asking) {
            ask_next(load, &load->connections[i]);
        }
    }
    if (!is_over(load)) {
        uint64_t next_us = due_at(load, load->asked), now_us = clock_now_us();
        net_timer_set(load->timer, next_us > now_us ? next_us : now_us + 1000);
    }
}

/* ---- answers ---- */

static size_t read_head(struct connection *connection, struct str bytes)
{
    struct net_head head;
    if (!net_head_read(bytes, &head) || !head.has_body_len) {
        net_fail("this is no head with a Content-Length: %.*s", STR_FMT(bytes));
    }
    connection->has_head = true;
    connection->is_good = str_starts(bytes, STR("HTTP/1.1 200 ")) && head.body_len > 0;
    connection->body_left = head.body_len;
    return head.len;
}

static void read_answer(struct load *load, struct connection *connection)
{
    ssize_t got = recv(connection->fd, scratch, sizeof(scratch), 0);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) {
        net_fail("the server closed a connection: %s", got ? strerror(errno) : "end of stream");
    }
    struct str bytes = { scratch, (size_t)got };
    if (!connection->has_head) {
        bytes = str_from(bytes, read_head(connection, bytes));
    }
    must(connection->is_asking && bytes.len <= connection->body_left);
    connection->body_left -= bytes.len;
    load->body_bytes += bytes.len;
    if (connection->body_left == 0) {
        record(load, connection);
        ask_next(load, connection);
    }
}

static void run(struct load *load)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    load->start_us = clock_now_us();
    load->end_us = load->start_us + load->limit_ms * 1000u;
    for (unsigned i = 0; i < load->connections_count && !load->rate_per_s; i++) {
        ask_next(load, &load->connections[i]);
    }
    if (load->rate_per_s) {
        ask_due(load);
    }
    while (!is_over(load) || load->answered < load->asked) {
        int count = epoll_wait(load->epoll, events, EVENTS_AT_ONCE, PATIENCE_MS);
        if (count == 0) {
            net_fail("no answer came for %d s", PATIENCE_MS / 1000);
        }
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == load) {
                ask_due(load);
            } else {
                read_answer(load, events[i].data.ptr);
            }
        }
    }
    load->end_us = clock_now_us();
}

/* ---- before and after ---- */

static void open_all(struct load *load)
{
    net_raise_limit();
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    net_watch(load->epoll, load->timer, EPOLLIN, load);
    load->connections = calloc(load->connections_count, sizeof(*load->connections));
    must(load->connections != NULL);
    for (unsigned i = 0; i < load->connections_count; i++) {
        load->connections[i].fd = net_connect(load->port);
        net_watch(load->epoll, load->connections[i].fd, EPOLLIN, &load->connections[i]);
    }
}

static int compare(const void *a, const void *b)
{
    const uint32_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static uint32_t percentile(const struct load *load, unsigned percent)
{
    return load->latencies_us[(load->answered - 1) * percent / 100];
}

static void print(const struct load *load)
{
    if (!load->answered) {
        net_fail("nothing was asked");
    }
    qsort(load->latencies_us, load->answered, sizeof(*load->latencies_us), compare);
    printf("{\"requests\": %llu, \"failed\": %llu, \"seconds\": %.6f, \"body_bytes\": %llu, "
           "\"p50_us\": %u, \"p99_us\": %u, \"max_us\": %u}\n",
        (unsigned long long)load->answered, (unsigned long long)load->failed,
        (double)(load->end_us - load->start_us) / 1e6, (unsigned long long)load->body_bytes,
        percentile(load, 50), percentile(load, 99), percentile(load, 100));
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "port", required_argument, NULL, 'p' },
        { "path", required_argument, NULL, 'g' }, { "token", required_argument, NULL, 't' },
        { "connections", required_argument, NULL, 'c' }, { "rate", required_argument, NULL, 'r' },
        { "requests", required_argument, NULL, 'n' }, { "ms", required_argument, NULL, 'm' },
        { 0 } };
    static struct load load = {
        .connections_count = 1, .requests_max = 1000000, .limit_ms = 10000
    };
    const char *path = "/", *token = NULL;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'p':
            load.port = net_number("port", optarg, 65535);
            break;
        case 'g':
            path = optarg;
            break;
        case 't':
            token = optarg;
            break;
        case 'c':
            load.connections_count = net_number("connections", optarg, 100000);
            break;
        case 'r':
            load.rate_per_s = net_number("rate", optarg, 1000000);
            break;
        case 'n':
            load.requests_max = net_number("requests", optarg, 100000000);
            break;
        case 'm':
            load.limit_ms = net_number("ms", optarg, 600000);
            break;
        default:
            return 64;
        }
    }
    load.questions = net_questions(path, token);
    open_all(&load);
    run(&load);
    print(&load);
    return load.failed ? 1 : 0;
}
