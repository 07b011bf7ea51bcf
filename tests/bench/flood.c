/*
 * flood: clients that do not wait for each other: flood --port N --budget-ms N PATH=RATE...
 *
 * Requests for each PATH fall due at random moments, RATE a second on average (a Poisson process),
 * whether or not the server keeps up. Each takes an idle connection or opens another one; when
 * there may be no more, it counts as unsent. All are timed from the moment they were due. An answer
 * is good when it is 200 and comes within the budget; a client that has waited twice as long hangs
 * up. Prints one line of JSON: for each PATH how many requests were good, late, refused (503),
 * failed (anything else), given up, or unsent, and how long the good ones took; and which share of
 * a core this program took itself, since a flood that is short of time measures itself.
 */
#include "net.h"

#include <getopt.h>
#include <math.h>

enum {
    PATHS_MAX = 8,
    EVENTS_AT_ONCE = 256,
    TICK_US = 500, /* what falls due within one is asked at once */
};

enum outcome { GOOD, LATE, REFUSED, FAILED, GIVEN_UP, UNSENT, OUTCOMES };

static const char *const outcome_names[OUTCOMES] = {
    [GOOD] = "good",
    [LATE] = "late",
    [REFUSED] = "refused",
    [FAILED] = "failed",
    [GIVEN_UP] = "given_up",
    [UNSENT] = "unsent",
};

/* One question and what became of it. */
struct path {
    const char *target;
    double rate_per_s;
    double due_us; /* the next one */
    struct net_questions questions;
    uint64_t counts[OUTCOMES];
    uint32_t *good_us;
    size_t good_room;
};

struct connection {
    int fd;
    size_t nth;        /* of all; each is another user's */
    struct path *path; /* NULL: idle */
    uint64_t due_us;
    bool has_said; /* what it asks: a new one is not connected at once when the server is late */
    bool has_head;
    unsigned status;
    size_t body_left;
    struct connection *next, *before; /* idle: the next idle one; else in order of asking */
};

struct flood {
    unsigned port, connections_max, connections_count, opened;
    uint64_t budget_us, limit_ms;
    struct path paths[PATHS_MAX];
    size_t paths_count;

    int epoll, timer;
    uint64_t start_us, end_us;
    uint64_t dice;
    struct connection *idle;
    struct connection asking; /* the sentinel of a ring, the longest waiting first */
};

/* What arrives is counted, not kept. */
static char scratch[1 << 20];

/* ---- connections ---- */

static struct connection *open_connection(struct flood *flood)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    must(connection != NULL);
    connection->fd = net_connect(flood->port);
    connection->nth = flood->opened++;
    net_watch(flood->epoll, connection->fd, EPOLLIN, connection);
    flood->connections_count++;
    return connection;
}

static struct connection *take_connection(struct flood *flood)
{
    struct connection *connection = flood->idle;
    if (connection) {
        flood->idle = connection->next;
        return connection;
    }
    return flood->connections_count < flood->connections_max ? open_connection(flood) : NULL;
}

/* The question it was asking, if any, has come to its end. */
static void settle(struct connection *connection, enum outcome outcome)
{
    connection->path->counts[outcome]++;
    connection->path = NULL;
    connection->before->next = connection->next;
    connection->next->before = connection->before;
}

static void close_connection(struct flood *flood, struct connection *connection)
{
    close(connection->fd);
    free(connection);
    flood->connections_count--;
}

/* ---- asking ---- */

static void rewatch(struct flood *flood, struct connection *connection, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = connection };
    must(epoll_ctl(flood->epoll, EPOLL_CTL_MOD, connection->fd, &event) == 0);
}

static void say(struct flood *flood, struct connection *connection)
{
    const struct net_questions *questions = &connection->path->questions;
    struct str question = questions->list[connection->nth % questions->count];
    ssize_t sent = send(connection->fd, question.at, question.len, MSG_NOSIGNAL);
    connection->has_said = sent == (ssize_t)question.len;
    if (sent < 0 && errno == EAGAIN) {
        rewatch(flood, connection, EPOLLOUT);
    } else if (!connection->has_said) {
        settle(connection, FAILED);
        close_connection(flood, connection);
    }
}

static void ask(struct flood *flood, struct path *path, uint64_t due_us)
{
    struct connection *connection = take_connection(flood);
    if (!connection) {
        path->counts[UNSENT]++;
        return;
    }
    struct connection *ring = &flood->asking;
    connection->path = path;
    connection->due_us = due_us;
    connection->has_head = false;
    connection->next = ring;
    connection->before = ring->before;
    ring->before->next = connection;
    ring->before = connection;
    say(flood, connection);
}

/* Exponential gaps: a multiplicative generator's upper bits are random enough for them. */
static double gap_us(struct flood *flood, const struct path *path)
{
    flood->dice = flood->dice * 6364136223846793005u + 1442695040888963407u;
    double share = ((double)(flood->dice >> 11) + 1) / 9007199254740993.0; /* above 0, at most 1 */
    return -log(share) / path->rate_per_s * 1e6;
}

static void ask_due(struct flood *flood)
{
    uint64_t now_us = clock_now_us(), next_us = now_us + 1000 * 1000;
    uint64_t until_us = now_us < flood->end_us ? now_us : flood->end_us;
    for (size_t i = 0; i < flood->paths_count; i++) {
        struct path *path = &flood->paths[i];
        while (path->due_us <= (double)until_us) {
            ask(flood, path, (uint64_t)path->due_us);
            path->due_us += gap_us(flood, path);
        }
        next_us = (uint64_t)path->due_us < next_us ? (uint64_t)path->due_us : next_us;
    }
    net_timer_set(flood->timer, next_us > now_us + TICK_US ? next_us : now_us + TICK_US);
}

static void give_up_waiting(struct flood *flood)
{
    uint64_t now_us = clock_now_us();
    struct connection *ring = &flood->asking;
    while (ring->next != ring && ring->next->due_us + 2 * flood->budget_us <= now_us) {
        struct connection *longest = ring->next;
        settle(longest, GIVEN_UP);
        close_connection(flood, longest);
    }
}

/* ---- answers ---- */

static void record_good(struct path *path, uint64_t took_us)
{
    uint64_t nth = path->counts[GOOD];
    if (nth == path->good_room) {
        path->good_room = path->good_room ? 2 * path->good_room : 1 << 14;
        path->good_us = realloc(path->good_us, path->good_room * sizeof(*path->good_us));
        must(path->good_us != NULL);
    }
    path->good_us[nth] = (uint32_t)took_us;
}

static void end_answer(struct flood *flood, struct connection *connection)
{
    uint64_t took_us = clock_now_us() - connection->due_us;
    bool is_in_time = took_us <= flood->budget_us;
    if (connection->status == 200 && is_in_time) {
        record_good(connection->path, took_us);
        settle(connection, GOOD);
    } else if (connection->status == 200) {
        settle(connection, LATE);
    } else {
        settle(connection, connection->status == 503 ? REFUSED : FAILED);
    }
    connection->next = flood->idle;
    flood->idle = connection;
}

static void read_answer(struct flood *flood, struct connection *connection)
{
    ssize_t got = recv(connection->fd, scratch, sizeof(scratch), 0);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0 || !connection->path) {
        if (!connection->path) {
            net_fail("an idle connection was closed or spoken on");
        }
        settle(connection, FAILED);
        close_connection(flood, connection);
        return;
    }
    struct str bytes = { scratch, (size_t)got };
    if (!connection->has_head) {
        struct net_head head;
        uint64_t status = 0;
        must(net_head_read(bytes, &head) && head.has_body_len);
        must(str_starts(bytes, STR("HTTP/1.1 ")) &&
             str_u64((struct str){ bytes.at + 9, 3 }, &status));
        connection->has_head = true;
        connection->status = (unsigned)status;
        connection->body_left = head.body_len;
        bytes = str_from(bytes, head.len);
    }
    must(bytes.len <= connection->body_left);
    connection->body_left -= bytes.len;
    if (connection->body_left == 0) {
        end_answer(flood, connection);
    }
}

static void run(struct flood *flood)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    flood->start_us = clock_now_us();
    flood->end_us = flood->start_us + flood->limit_ms * 1000u;
    for (size_t i = 0; i < flood->paths_count; i++) {
        flood->paths[i].due_us = (double)flood->start_us + gap_us(flood, &flood->paths[i]);
    }
    ask_due(flood);
    while (clock_now_us() < flood->end_us || flood->asking.next != &flood->asking) {
        int count = epoll_wait(flood->epoll, events, EVENTS_AT_ONCE, 1000);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (events[i].data.ptr == flood) {
                continue; /* the timer */
            }
            if (connection->path && !connection->has_said) {
                rewatch(flood, connection, EPOLLIN);
                say(flood, connection);
            } else {
                read_answer(flood, connection);
            }
        }
        uint64_t expirations;
        while (read(flood->timer, &expirations, sizeof(expirations)) > 0) {
        }
        give_up_waiting(flood);
        ask_due(flood);
    }
}

/* ---- before and after ---- */

static int compare(const void *a, const void *b)
{
    const uint32_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static void print_path(struct path *path)
{
    uint64_t good = path->counts[GOOD];
    qsort(path->good_us, good, sizeof(*path->good_us), compare);
    printf("\"%s\": {", path->target);
    for (size_t i = 0; i < OUTCOMES; i++) {
        printf("\"%s\": %llu, ", outcome_names[i], (unsigned long long)path->counts[i]);
    }
    printf("\"p50_us\": %u, \"p99_us\": %u}", good ? path->good_us[(good - 1) / 2] : 0,
        good ? path->good_us[(good - 1) * 99 / 100] : 0);
}

static void print(struct flood *flood)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu_us = 1e6 * (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                    (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    printf("{\"busy\": %.3f", cpu_us / (double)(clock_now_us() - flood->start_us));
    for (size_t i = 0; i < flood->paths_count; i++) {
        fputs(", ", stdout);
        print_path(&flood->paths[i]);
    }
    printf("}\n");
}

/* "/v1/feed=300" */
static void add_path(struct flood *flood, char *word, const char *token_file)
{
    char *rate = strrchr(word, '=');
    if (!rate || flood->paths_count == PATHS_MAX) {
        net_fail("\"%s\" is not one of at most %d PATH=RATE", word, PATHS_MAX);
    }
    *rate = '\0';
    struct path *path = &flood->paths[flood->paths_count++];
    path->target = word;
    path->rate_per_s = net_number("rate", rate + 1, 1000000);
    path->questions = net_questions(word, token_file);
    must(path->rate_per_s > 0);
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "port", required_argument, NULL, 'p' },
        { "token", required_argument, NULL, 't' }, { "budget-ms", required_argument, NULL, 'b' },
        { "connections", required_argument, NULL, 'c' }, { "ms", required_argument, NULL, 'm' },
        { 0 } };
    static struct flood flood = { .connections_max = 4000, .limit_ms = 1000, .dice = 1 };
    const char *token = NULL;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'p':
            flood.port = net_number("port", optarg, 65535);
            break;
        case 't':
            token = optarg;
            break;
        case 'b':
            flood.budget_us = net_number("budget-ms", optarg, 60000) * 1000u;
            break;
        case 'c':
            flood.connections_max = net_number("connections", optarg, 25000);
            break;
        case 'm':
            flood.limit_ms = net_number("ms", optarg, 600000);
            break;
        default:
            return 64;
        }
    }
    while (optind < argc) {
        add_path(&flood, argv[optind++], token);
    }
    if (!flood.port || !flood.budget_us || !flood.paths_count) {
        net_fail("usage: flood --port N --budget-ms N [--token FILE] [--connections N] [--ms N] "
                 "PATH=RATE...");
    }
    net_raise_limit();
    flood.asking.next = flood.asking.before = &flood.asking;
    flood.epoll = epoll_create1(EPOLL_CLOEXEC);
    flood.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    net_watch(flood.epoll, flood.timer, EPOLLIN, &flood);
    run(&flood);
    print(&flood);
    return 0;
}
