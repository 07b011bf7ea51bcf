#ifndef TESTS_UNIT_AIRPORT_H
#define TESTS_UNIT_AIRPORT_H

/*
 * A town whose service speaks from a script, at one host or at two, and passengers: what a flight
 * needs without a request around it. A passenger here takes any answer but one that begins with
 * '!'.
 */
#include "town.h"

#include "fanout/flight.h"

#define OK_BODY(headers, body) "HTTP/1.1 200 OK\r\n" headers "Content-Length: 5\r\n\r\n" body
#define STATUS(line, headers)  "HTTP/1.1 " line "\r\n" headers "Content-Length: 0\r\n\r\n"

enum { TRAVELLERS_MAX = 64, SECOND_MS = 1000 };

struct traveller {
    struct passenger passenger;
    bool has_landed;
    char body[6]; /* of the answer, when it landed with one */
    struct deadline leaves;
};

static struct airport {
    struct server *server;
    struct server *other; /* the second host; NULL: there is one */
    struct traveller travellers[TRAVELLERS_MAX];
    size_t count;
    size_t waiting;
} airport;

static inline void airport_open_town(const char *urls)
{
    char conf[500];
    snprintf(conf, sizeof(conf), "services = { posts = { urls = ( %s ); }; };\n", urls);
    town_open(conf);
    town.worker.flights = flights_new(&town.worker);
}

/* The script of the first host, and of the second one, if `others` is not 0. */
static inline void airport_open(
    const struct turn *script, size_t turns, const struct turn *other, size_t others)
{
    char urls[200];
    airport.server = server_start(script, turns, NULL);
    airport.other = others ? server_start(other, others, NULL) : NULL;
    snprintf(urls, sizeof(urls), "\"http://127.0.0.1:%u\"", airport.server->port);
    if (others) {
        size_t len = strlen(urls);
        snprintf(urls + len, sizeof(urls) - len, ", \"http://127.0.0.1:%u\"", airport.other->port);
    }
    airport_open_town(urls);
}

/* One host follows the script, and two more hosts refuse every connection. */
static inline void airport_open_beside_dead(const struct turn *script, size_t turns)
{
    char urls[200];
    airport.server = server_start(script, turns, NULL);
    snprintf(urls, sizeof(urls),
        "\"http://127.0.0.2:1\", \"http://127.0.0.1:%u\", \"http://127.0.0.3:1\"",
        airport.server->port);
    airport_open_town(urls);
}

#define OPEN(...)                                                                                  \
    static const struct turn script[] = { __VA_ARGS__ };                                           \
    airport_open(script, countof(script), NULL, 0)

static inline void airport_close(void)
{
    for (size_t i = 0; i < airport.count; i++) {
        flight_leave(&airport.travellers[i].passenger);
        cache_copy_drop(airport.travellers[i].passenger.landing.copy);
        loop_deadline_clear(town.worker.loop, &airport.travellers[i].leaves);
    }
    flights_free(town.worker.flights);
    town_close();
    if (airport.server) {
        server_stop(airport.server);
    }
    if (airport.other) {
        server_stop(airport.other);
    }
}

static inline void airport_note(struct traveller *traveller)
{
    struct copy *copy = traveller->passenger.landing.copy;
    traveller->has_landed = true;
    if (copy) {
        cr_assert_leq(copy->body.len, sizeof(traveller->body) - 1);
        memcpy(traveller->body, copy->body.data, copy->body.len);
    }
    airport.waiting--;
}

static inline void airport_landed(struct passenger *passenger)
{
    airport_note(container_of(passenger, struct traveller, passenger));
    if (airport.waiting == 0) {
        loop_stop(town.worker.loop);
    }
}

static inline const char *airport_judge(struct passenger *passenger, struct copy *copy)
{
    (void)passenger;
    return copy->body.len && copy->body.data[0] == '!' ? "it is not wanted" : NULL;
}

/* A ticket for a GET, valid for a second; the test may change it before it boards. */
static inline struct traveller *ticket(const char *caller)
{
    cr_assert_lt(airport.count, TRAVELLERS_MAX);
    struct traveller *traveller = &airport.travellers[airport.count++];
    traveller->passenger = (struct passenger){
        .method = HTTP_GET,
        .target = STR("/v1/feed"),
        .caller = str_of(caller),
        .ends_us = clock_now_us() + SECOND_MS * 1000,
        .judge = airport_judge,
        .landed = airport_landed,
    };
    return traveller;
}

/* Boards; what lands at once is noted too. */
static inline struct traveller *board_with(struct traveller *traveller)
{
    airport.waiting++;
    if (flight_board(town.worker.flights, &traveller->passenger, &town.arena, clock_now_us())) {
        airport_note(traveller);
    }
    return traveller;
}

static inline struct traveller *board_for(const char *caller)
{
    return board_with(ticket(caller));
}

/* Until everybody has landed. */
static inline void fly(void)
{
    if (airport.waiting > 0) {
        town_live();
    }
}

static inline void expect(
    const struct traveller *traveller, enum call_state state, const char *body, unsigned tries)
{
    const struct landing *landing = &traveller->passenger.landing;
    cr_assert(traveller->has_landed);
    cr_assert_eq(landing->state, state, "state %u (%s), not %u", landing->state,
        landing->why ? landing->why : "", state);
    cr_assert_str_eq(traveller->body, body);
    cr_assert_eq(landing->tries, tries, "%u tries, not %u", landing->tries, tries);
}

#endif
