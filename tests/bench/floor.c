/*
 * floor: what the exchanges of one feed cost when nothing is done with them.
 *
 * Owns one loop of epoll, the clients' connections and a pool of kept ones to each service. For
 * each request it makes the calls of bff-mobile's plan in the same two rounds - the ads wait for
 * the profile, the statistics and the event for the posts - in HTTP written by hand, looks at
 * nothing but lengths, and answers with canned bytes. No token, no limit, no deadline, no way to
 * fail but to stop: a server that has all that may come close to this, not below.
 *
 * It is the measure of the machine: what the system calls and wake-ups of a feed cost, here, today.
 */
#include "net.h"

#include <getopt.h>

enum { SERVICES = 6, EVENTS_AT_ONCE = 256 };

/* As many ids as a timeline has posts. */
#define FIVE_IDS                                                                                   \
    "1574661104076207238,1574657056573285163,1574650945471581353,1574648131094984495,"             \
    "1574645849392724986"
#define IDS FIVE_IDS "," FIVE_IDS "," FIVE_IDS "," FIVE_IDS

enum { PROFILE, POSTS, RECS, UNREAD, ADS, STATS, VIEWED, CALLS, NONE = CALLS };

/* The calls of bff-mobile's feed. */
static const struct {
    unsigned service; /* its port, counted from the first */
    unsigned after;   /* the call whose answer it waits for */
    const char *line; /* method and target */
    const char *body;
} calls[CALLS] = {
    [PROFILE] = { 0, NONE, "GET /v1/users/1001", "" },
    [POSTS] = { 1, NONE, "GET /v1/users/1001/timeline?limit=20", "" },
    [RECS] = { 2, NONE, "GET /v1/users/1001/recommendations", "" },
    [UNREAD] = { 3, NONE, "GET /v1/users/1001/counts", "" },
    [ADS] = { 4, PROFILE, "GET /v1/slots?segment=music", "" },
    [STATS] = { 5, POSTS, "GET /v1/posts/stats?ids=" IDS, "" },
    [VIEWED] = { 5, POSTS, "POST /v1/events",
        "{\"kind\":\"viewed\",\"client\":\"mobile\",\"user\":\"1001\",\"post_ids\":[" IDS "]}" },
};

/* What an event of epoll is about. */
struct end {
    enum { LISTENER, CLIENT, SERVICE } kind;
    int fd;
};

struct client {
    struct end end;
    unsigned waits_for; /* answers; an event's is nobody's */
};

/* A connection to a service. */
struct link {
    struct end end;
    unsigned call;
    struct client *client; /* NULL: for an event */
    bool has_head;
    size_t body_left;
    struct link *next; /* among the idle ones */
};

struct floor {
    int epoll;
    unsigned services_port;
    struct str requests[CALLS];
    struct str answer;
    struct link *idle[SERVICES];
};

/* Bodies are read, as every server must, and forgotten. */
static char scratch[1 << 20];

static struct link *take_link(struct floor *floor, unsigned service)
{
    struct link *link = floor->idle[service];
    if (link) {
        floor->idle[service] = link->next;
        return link;
    }
    link = calloc(1, sizeof(*link));
    must(link != NULL);
    link->end = (struct end){ SERVICE, net_connect(floor->services_port + service) };
    net_watch(floor->epoll, link->end.fd, EPOLLIN, link);
    return link;
}

/* The calls that wait for `after`. */
static void start_calls(struct floor *floor, struct client *client, unsigned after)
{
    for (unsigned call = 0; call < CALLS; call++) {
        if (calls[call].after == after) {
            struct link *link = take_link(floor, calls[call].service);
            link->call = call;
            link->client = call == VIEWED ? NULL : client;
            link->has_head = false;
            net_send(link->end.fd, floor->requests[call]);
        }
    }
}

static void finish_call(struct floor *floor, struct link *link)
{
    unsigned call = link->call, service = calls[call].service;
    struct client *client = link->client;
    link->next = floor->idle[service];
    floor->idle[service] = link;
    if (client) {
        start_calls(floor, client, call);
        if (--client->waits_for == 0) {
            net_send(client->end.fd, floor->answer);
        }
    }
}

static void read_answer(struct floor *floor, struct link *link)
{
    ssize_t got = recv(link->end.fd, scratch, sizeof(scratch), 0);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) {
        net_fail("a service closed its connection");
    }
    struct str bytes = { scratch, (size_t)got };
    if (!link->has_head) {
        struct net_head head;
        must(net_head_read(bytes, &head) && head.has_body_len);
        bytes = str_from(bytes, head.len);
        link->has_head = true;
        link->body_left = head.body_len;
    }
    link->body_left -= bytes.len;
    if (link->body_left == 0) {
        finish_call(floor, link);
    }
}

static void read_request(struct floor *floor, struct client *client)
{
    ssize_t got = recv(client->end.fd, scratch, sizeof(scratch), 0);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) {
        if (client->waits_for) {
            net_fail("a client left before its answer");
        }
        close(client->end.fd);
        free(client);
        return;
    }
    struct net_head head;
    must(net_head_read((struct str){ scratch, (size_t)got }, &head) && client->waits_for == 0);
    client->waits_for = CALLS - 1;
    start_calls(floor, client, NONE);
}

static void accept_all(struct floor *floor, const struct end *listener)
{
    for (int fd; (fd = net_accept(listener->fd)) >= 0;) {
        struct client *client = calloc(1, sizeof(*client));
        must(client != NULL);
        client->end = (struct end){ CLIENT, fd };
        net_watch(floor->epoll, fd, EPOLLIN, client);
    }
}

static _Noreturn void serve(struct floor *floor)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    for (;;) {
        int count = epoll_wait(floor->epoll, events, EVENTS_AT_ONCE, -1);
        for (int i = 0; i < count; i++) {
            struct end *end = events[i].data.ptr;
            if (end->kind == LISTENER) {
                accept_all(floor, end);
            } else if (end->kind == CLIENT) {
                read_request(floor, (struct client *)end);
            } else {
                read_answer(floor, (struct link *)end);
            }
        }
    }
}

static struct str write_request(unsigned call)
{
    char *bytes;
    int len = asprintf(&bytes, "%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\n\r\n%s",
        calls[call].line, strlen(calls[call].body), calls[call].body);
    must(len > 0);
    return (struct str){ bytes, (size_t)len };
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "port", required_argument, NULL, 'p' },
        { "services", required_argument, NULL, 's' }, { "answer", required_argument, NULL, 'a' },
        { 0 } };
    static struct floor floor;
    unsigned port = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'p') {
            port = net_number("port", optarg, 65535);
        } else if (c == 's') {
            floor.services_port = net_number("services", optarg, 65535 - SERVICES);
        } else if (c == 'a') {
            floor.answer = net_answer("200 OK", net_file(optarg));
        } else {
            return 64;
        }
    }
    if (!port || !floor.services_port || !floor.answer.len) {
        net_fail("usage: floor --port N --services FIRST-OF-SIX --answer FILE");
    }
    for (unsigned call = 0; call < CALLS; call++) {
        floor.requests[call] = write_request(call);
    }
    net_raise_limit();
    struct end listener = { LISTENER, net_listen(port) };
    floor.epoll = epoll_create1(EPOLL_CLOEXEC);
    net_watch(floor.epoll, listener.fd, EPOLLIN, &listener);
    serve(&floor);
}
