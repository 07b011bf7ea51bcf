/*
 * The exchange lane's descriptors: what the lane writes reaches its service or nobody, however old
 * its connections are, whatever waits in them unread, and whoever gets a number that was theirs.
 */
#include "http_identity.h"
#include "http_page.h"

TestSuite(http_lane_exchange, .timeout = 60);

/* ---- strangers: sockets of this process that take each descriptor as soon as it is free ---- */

enum { STRANGERS_MAX = 64 };

struct strangers {
    int sockets[STRANGERS_MAX]; /* whoever writes to one by mistake */
    int peers[STRANGERS_MAX];   /* is heard here */
    size_t count;
};

static void let_strangers_in(struct strangers *strangers, size_t count)
{
    for (size_t i = 0; i < count && strangers->count < STRANGERS_MAX; i++) {
        int pair[2];
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        strangers->sockets[strangers->count] = pair[0];
        strangers->peers[strangers->count++] = pair[1];
    }
}

static void check_strangers(const struct strangers *strangers)
{
    char heard[256] = "";
    for (size_t i = 0; i < strangers->count; i++) {
        for (int side = 0; side < 2; side++) {
            int fd = side ? strangers->sockets[i] : strangers->peers[i];
            ssize_t len = recv(fd, heard, sizeof(heard) - 1, MSG_DONTWAIT);
            cr_assert_lt(len, 0, "a stranger heard %zd bytes: %s", len, heard);
        }
    }
}

static void send_strangers_home(struct strangers *strangers)
{
    check_strangers(strangers);
    while (strangers->count) {
        strangers->count--;
        close(strangers->sockets[strangers->count]);
        close(strangers->peers[strangers->count]);
    }
}

/* ---- a client with a service that is asked all the time, and others that are asked once ---- */

enum { KEPT = 4, OTHERS = 6, ROUNDS = 9, ROUND_MS = 300 };

struct street {
    struct page page;
    gnutls_certificate_credentials_t credentials;
    struct http_origin_options options;
    struct server *others[OTHERS];
    struct strangers strangers;
};

static void open_street(struct street *street, const struct turn *script, size_t turns,
    const struct identity *identity, unsigned connections_max)
{
    /* The library's own idea of "too old" counts whole seconds since it last used a connection. */
    struct http_client_options options = { .idle_timeout_ms = 1000,
        .connections_max = connections_max };
    *street = (struct street){
        .credentials = identity ? identity->credentials : NULL,
        .options = { .lane = HTTP_LANE_EXCHANGE, .ca_file = identity ? identity->ca_file : NULL },
    };
    open_client(&street->page, options);
    street->page.server = server_start(script, turns, street->credentials);
    street->page.origin = origin_at(&street->page, street->page.server->port, street->options);
}

static void close_street(struct street *street)
{
    close_page(&street->page);
    for (size_t i = 0; i < OTHERS; i++) {
        if (street->others[i]) {
            server_stop(street->others[i]);
        }
    }
    send_strangers_home(&street->strangers);
}

static void check_answers(struct result *results, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(results[i].answer.outcome, HTTP_ANSWERED, "call %zu: %s", i,
            http_outcome_name(results[i].answer.outcome));
        cr_assert(str_eq(buf_str(&results[i].body), STR("hello")));
        forget(&results[i]);
    }
}

/* Each connection to another service is new: the moment in which the library looks for dead ones.
 */
static void start_another(struct street *street, size_t place, struct result *result)
{
    static const struct turn script[] = { { .say = HELLO } };
    street->others[place] = server_start(script, 1, street->credentials);
    struct http_origin *origin =
        origin_at(&street->page, street->others[place]->port, street->options);
    start(&street->page, result, (struct http_call_options){ .origin = origin });
}

static void start_all(struct street *street, struct result results[KEPT])
{
    for (size_t i = 0; i < KEPT; i++) {
        start(&street->page, &results[i], (struct http_call_options){ 0 });
    }
}

static void ask_all(struct street *street, unsigned reuses)
{
    struct result results[KEPT];
    start_all(street, results);
    wait_for(&street->page, KEPT);
    check_strangers(&street->strangers);
    check_answers(results, KEPT);
    unsigned reused = 0;
    for (size_t i = 0; i < KEPT; i++) {
        reused += results[i].answer.is_reused;
    }
    cr_assert_eq(reused, reuses);
}

/* Connections that are older than the idle timeout, and were never idle for so long. */
static void check_old_connections(const struct identity *identity)
{
    static const struct turn script[] = { { .say = HELLO } };
    struct street street;
    struct result other;
    open_street(&street, script, 1, identity, 0);
    for (int round = 0; round < ROUNDS; round++) {
        ask_all(&street, round ? KEPT : 0);
        pass(&street.page, ROUND_MS);
    }
    start_another(&street, 0, &other);
    wait_for(&street.page, 1);
    check_answers(&other, 1);
    let_strangers_in(&street.strangers, KEPT * 2);
    ask_all(&street, KEPT);
    close_street(&street);
}

/* An answer that is on its way, byte by byte, while connections to others are made. */
static void check_slow_answer(const struct identity *identity)
{
    static const struct turn script[] = { { .say = HELLO, .drip_ms = 80 } };
    struct street street;
    struct result slow, others[OTHERS];
    open_street(&street, script, 1, identity, 0);
    start(&street.page, &slow, (struct http_call_options){ .deadline_us = 30000000 });
    for (size_t i = 0; i < 4; i++) {
        pass(&street.page, 550);
        start_another(&street, i, &others[i]);
        wait_for(&street.page, 1);
        check_answers(&others[i], 1);
        let_strangers_in(&street.strangers, 4);
    }
    cr_assert_eq(slow.times, 0);
    wait_for(&street.page, 1);
    check_answers(&slow, 1);
    check_strangers(&street.strangers);
    close_street(&street);
}

/*
 * Answers that nobody has read yet: they came while the process was busy, and what it does next is
 * to connect to somebody else.
 */
static void check_unread_answers(const struct identity *identity)
{
    /* None is whole in the turn that sends the questions. */
    static const struct turn script[] = { { .say = HELLO, .drip_ms = 2 } };
    struct street street;
    struct result results[KEPT + 1];
    open_street(&street, script, 1, identity, 0);
    ask_all(&street, 0);
    for (size_t round = 1; round <= 2; round++) {
        start_all(&street, results);
        pass(&street.page, 0);
        while (server_questions(street.page.server) < (round + 1) * KEPT) {
            poll(NULL, 0, 1);
        }
        poll(NULL, 0, 1100); /* longer than the library waits from one look to the next */
        start_another(&street, round, &results[KEPT]);
        wait_for(&street.page, KEPT + 1);
        check_answers(results, KEPT + 1);
        let_strangers_in(&street.strangers, KEPT * 2);
    }
    ask_all(&street, KEPT);
    close_street(&street);
}

/* More services than connections: each call's connection is new, and an older one has to go. */
static void check_narrow_street(const struct identity *identity)
{
    static const struct turn script[] = { { .say = HELLO } };
    struct street street;
    struct result others[OTHERS];
    open_street(&street, script, 1, identity, 2);
    for (size_t i = 0; i < OTHERS; i++) {
        start_another(&street, i, &others[i]);
    }
    wait_for(&street.page, OTHERS);
    check_answers(others, OTHERS);
    let_strangers_in(&street.strangers, OTHERS);
    for (int i = 0; i < 3; i++) {
        ask_all(&street, i ? KEPT : KEPT - 2);
        let_strangers_in(&street.strangers, 2);
        pass(&street.page, 400);
    }
    check_strangers(&street.strangers);
    close_street(&street);
}

/* ---- each in plain text and over TLS ---- */

static void check_over_tls(void (*check)(const struct identity *identity))
{
    struct identity identity;
    make_identity(&identity, loopback);
    check(&identity);
    drop_identity(&identity);
}

Test(http_lane_exchange, an_old_connection_is_still_its_own)
{
    check_old_connections(NULL);
}

Test(http_lane_exchange, an_old_connection_is_still_its_own_over_tls)
{
    check_over_tls(check_old_connections);
}

Test(http_lane_exchange, a_slow_answer_outlives_connects_to_others)
{
    check_slow_answer(NULL);
}

Test(http_lane_exchange, a_slow_answer_outlives_connects_to_others_over_tls)
{
    check_over_tls(check_slow_answer);
}

Test(http_lane_exchange, an_unread_answer_is_not_taken_for_a_dead_connection)
{
    check_unread_answers(NULL);
}

Test(http_lane_exchange, an_unread_answer_is_not_taken_for_a_dead_connection_over_tls)
{
    check_over_tls(check_unread_answers);
}

Test(http_lane_exchange, connections_beyond_the_limit_leave_and_nobody_else_is_harmed)
{
    check_narrow_street(NULL);
}

Test(http_lane_exchange, connections_beyond_the_limit_leave_and_nobody_else_is_harmed_over_tls)
{
    check_over_tls(check_narrow_street);
}
