#ifndef TESTS_UNIT_AIRPORT_H
#define TESTS_UNIT_AIRPORT_H

/*
 * One worker, a service that speaks from a script, and passengers: what a flight needs without a
 * request around it. A passenger here takes any answer but one that begins with '!'.
 */
#include "../desk.h"
#include "../wire/scripted_server.h"

#include "base/clock.h"
#include "base/must.h"
#include "fanout/flight.h"
#include "fanout/service.h"
#include "settings.h"

#define OK_BODY(headers, body) "HTTP/1.1 200 OK\r\n" headers "Content-Length: 5\r\n\r\n" body
#define STATUS(line, headers)  "HTTP/1.1 " line "\r\n" headers "Content-Length: 0\r\n\r\n"

enum { TRAVELLERS_MAX = 8, SECOND_MS = 1000 };

struct traveller {
    struct passenger passenger;
    bool has_landed;
    char body[6]; /* of the answer, when it landed with one */
    struct deadline leaves;
};

static struct airport {
    struct server *server;
    struct settings settings;
    struct core core;
    struct worker worker;
    struct arena arena;
    struct traveller travellers[TRAVELLERS_MAX];
    size_t count;
    size_t waiting;
    struct deadline too_late; /* the test hangs */
} airport;

static inline void airport_hangs(struct deadline *deadline)
{
    (void)deadline;
    cr_assert_fail("somebody did not land within 10 s");
}

static inline void airport_open(const struct turn *script, size_t turns)
{
    struct faults faults;
    struct err err;
    desk_open();
    arena_init(&airport.arena, NULL);
    faults_init(&faults);
    airport.server = server_start(script, turns, NULL);
    desk_write("bff.conf",
        arena_printf(&airport.arena,
            "token = { issuer = \"i\"; audience = \"a\"; jwks_url = \"http://127.0.0.1/\"; };\n"
            "services = { posts = { url = \"http://127.0.0.1:%u\"; }; };\n",
            airport.server->port));
    struct settings_source source = { .path = "bff.conf" };
    settings_read(&airport.settings, &source, &airport.arena, &faults);
    desk_expect(&faults, "");
    faults_fini(&faults);
    airport.core = (struct core){ .settings = &airport.settings };
    airport.worker = (struct worker){ .core = &airport.core, .loop = loop_new() };
    airport.worker.client =
        http_client_new(airport.worker.loop, &(struct http_client_options){ 0 });
    airport.worker.services = services_new(&airport.worker, &err);
    cr_assert_not_null(airport.worker.services, "%s", err.text);
    airport.worker.flights = flights_new(&airport.worker);
    airport.too_late.expired = airport_hangs;
}

#define OPEN(...)                                                                                  \
    static const struct turn script[] = { __VA_ARGS__ };                                           \
    airport_open(script, countof(script))

static inline void airport_close(void)
{
    for (size_t i = 0; i < airport.count; i++) {
        flight_leave(&airport.travellers[i].passenger);
        cache_copy_drop(airport.travellers[i].passenger.landing.copy);
        loop_deadline_clear(airport.worker.loop, &airport.travellers[i].leaves);
    }
    loop_deadline_clear(airport.worker.loop, &airport.too_late);
    flights_free(airport.worker.flights);
    services_free(airport.worker.services);
    http_client_free(airport.worker.client);
    loop_free(airport.worker.loop);
    server_stop(airport.server);
    arena_release(&airport.arena);
    desk_close();
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
        loop_stop(airport.worker.loop);
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
    if (flight_board(airport.worker.flights, &traveller->passenger, &airport.arena)) {
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
        loop_deadline(airport.worker.loop, &airport.too_late, clock_now_us() + 10000000);
        loop_run(airport.worker.loop);
        loop_deadline_clear(airport.worker.loop, &airport.too_late);
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
