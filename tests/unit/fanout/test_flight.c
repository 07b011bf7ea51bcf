#include "airport.h"

/* ---- one question ---- */

Test(flight, one_question_one_answer)
{
    OPEN({ .say = OK_BODY("", "posts") });
    struct traveller *ann = board_for("ann");
    cr_assert_not(ann->has_landed);
    fly();
    expect(ann, CALL_LIVE, "posts", 1);
    cr_assert_eq(ann->passenger.landing.status, 200);
    cr_assert_null(ann->passenger.landing.why);
    airport_close();
}

Test(flight, equal_callers_share_one_question)
{
    OPEN({ .say = OK_BODY("", "first") }, { .say = OK_BODY("", "again") });
    struct traveller *ann = board_for("ann"), *too = board_for("ann");
    fly();
    expect(ann, CALL_LIVE, "first", 1);
    expect(too, CALL_LIVE, "first", 1);
    cr_assert_eq(ann->passenger.landing.copy, too->passenger.landing.copy);
    cr_assert_eq(server_questions(airport.server), 1);
    cr_assert_eq(counter_read(&services_shown(town.worker.services)->shared), 1);
    airport_close();
}

Test(flight, others_never_do)
{
    OPEN({ .say = OK_BODY("", "posts") });
    board_for("ann"), board_for("bob");
    struct traveller *other = ticket("ann");
    other->passenger.target = STR("/v1/feed?limit=2");
    board_with(other);
    fly();
    cr_assert_eq(server_questions(airport.server), 3);
    airport_close();
}

Test(flight, caller_and_target_are_kept_apart)
{
    OPEN({ .say = OK_BODY("", "posts") });
    struct traveller *one = ticket("ann/"), *two = ticket("ann");
    one->passenger.target = STR("/x");
    two->passenger.target = STR("//x");
    board_with(one), board_with(two);
    fly();
    cr_assert_eq(server_questions(airport.server), 2);
    airport_close();
}

/* Where one plan says for how long, another may say for less, or nothing. */
Test(flight, a_plan_does_not_meet_what_another_may_use_for_longer)
{
    OPEN({ .say = OK_BODY("", "first") }, { .say = OK_BODY("", "again") },
        { .say = STATUS("500 Oh", "") });
    struct traveller *ann = ticket("ann"), *sooner = ticket("ann"), *never = ticket("ann");
    ann->passenger.rules = (struct freshness_rules){ .cache_s = 60, .stale_s = 60 };
    sooner->passenger.rules.cache_s = 59;
    board_with(ann);
    fly();
    board_with(sooner);
    fly();
    board_with(never);
    fly();
    expect(ann, CALL_LIVE, "first", 1);
    expect(sooner, CALL_LIVE, "again", 1);
    expect(never, CALL_FAILED, "", 1);
    airport_close();
}

Test(flight, once_it_has_landed_the_next_asks_anew)
{
    OPEN({ .say = OK_BODY("", "first") }, { .say = OK_BODY("", "again") });
    struct traveller *ann = board_for("ann");
    fly();
    struct traveller *later = board_for("ann");
    fly();
    expect(ann, CALL_LIVE, "first", 1);
    expect(later, CALL_LIVE, "again", 1);
    airport_close();
}

/* ---- asking again ---- */

Test(flight, a_service_that_is_away_is_asked_again)
{
    OPEN({ .say = STATUS("503 Service Unavailable", "") }, { .say = STATUS("502 Bad", "") },
        { .say = OK_BODY("", "posts") });
    struct traveller *ann = board_for("ann");
    fly();
    expect(ann, CALL_LIVE, "posts", 3);
    cr_assert_eq(counter_read(&town_shown()->retries), 2);
    airport_close();
}

Test(flight, but_not_for_ever)
{
    OPEN({ .say = STATUS("503 Service Unavailable", "") });
    struct traveller *ann = board_for("ann");
    fly();
    expect(ann, CALL_FAILED, "", 3);
    cr_assert_eq(ann->passenger.landing.status, 503);
    cr_assert_eq(server_questions(airport.server), 3);
    airport_close();
}

Test(flight, a_status_that_blames_the_question_is_an_answer)
{
    OPEN({ .say = STATUS("404 Not Found", "") }, { .say = OK_BODY("", "posts") });
    struct traveller *ann = board_for("ann");
    fly();
    expect(ann, CALL_FAILED, "", 1);
    cr_assert_eq(ann->passenger.landing.status, 404);
    airport_close();
}

Test(flight, a_close_before_the_first_byte_is_asked_again)
{
    OPEN({ .then = RESET }, { .say = OK_BODY("", "posts") });
    struct traveller *ann = board_for("ann");
    fly();
    expect(ann, CALL_LIVE, "posts", 2);
    airport_close();
}

Test(flight, half_an_answer_is_not)
{
    OPEN({ .say = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\npo", .then = CLOSE },
        { .say = OK_BODY("", "posts") });
    struct traveller *ann = board_for("ann");
    fly();
    expect(ann, CALL_FAILED, "", 1);
    airport_close();
}

Test(flight, what_changes_something_is_put_once)
{
    OPEN({ .say = STATUS("503 Service Unavailable", "") }, { .say = OK_BODY("", "posts") });
    struct traveller *ann = ticket("ann");
    ann->passenger.method = HTTP_POST;
    ann->passenger.body = STR("{}");
    board_with(ann);
    fly();
    expect(ann, CALL_FAILED, "", 1);
    cr_assert_eq(server_questions(airport.server), 1);
    airport_close();
}

Test(flight, two_posts_are_two_questions)
{
    OPEN({ .say = OK_BODY("", "posts") });
    for (int i = 0; i < 2; i++) {
        struct traveller *ann = ticket("ann");
        ann->passenger.method = HTTP_POST;
        board_with(ann);
    }
    fly();
    cr_assert_eq(server_questions(airport.server), 2);
    airport_close();
}

Test(flight, a_service_that_wants_to_be_left_alone_is)
{
    OPEN({ .say = STATUS("503 Service Unavailable", "Retry-After: 3\r\n") },
        { .say = OK_BODY("", "posts") });
    uint64_t began_us = clock_now_us();
    struct traveller *ann = board_for("ann");
    fly();
    expect(ann, CALL_FAILED, "", 1);
    cr_assert_lt(clock_now_us() - began_us, SECOND_MS * 1000, "it waited for nothing");
    airport_close();
}

Test(flight, a_failed_host_is_not_the_one_that_is_asked_again)
{
    static const struct turn ill[] = { { .say = STATUS("503 Service Unavailable", "") } };
    static const struct turn well[] = { { .say = OK_BODY("", "posts") } };
    airport_open(ill, 1, well, 1);
    while (server_questions(airport.server) == 0) {
        struct traveller *ann = board_for("ann");
        fly();
        expect(ann, CALL_LIVE, "posts", 1 + (unsigned)server_questions(airport.server));
    }
    airport_close();
}

Test(flight, a_race_with_a_close_is_beside_all_budgets)
{
    OPEN({ .say = OK_BODY("", "first") }, { .then = RESET }, { .say = OK_BODY("", "posts") });
    town.settings.services[0].retries = 0;
    board_for("ann");
    fly();
    struct traveller *ann = board_for("ann");
    fly();
    expect(ann, CALL_LIVE, "posts", 2);
    cr_assert_eq(counter_read(&town_shown()->retries), 0);
    airport_close();
}

/* Nothing was sent, so it does not matter what is asked; and nothing limits how often. */
Test(flight, a_host_out_of_reach_is_no_failure)
{
    static const struct turn well[] = { { .say = OK_BODY("", "posts") } };
    airport_open_beside_dead(well, 1);
    town.settings.services[0].retries = 0;
    town.settings.services[0].hedge = false; /* which a busy machine makes due at any time */
    town.settings.services[0].breaker.failures = 0;
    unsigned tries = 0;
    for (unsigned i = 0; i < 40; i++) {
        struct traveller *ann = ticket("ann");
        ann->passenger.method = i % 2 ? HTTP_POST : HTTP_GET;
        board_with(ann);
        fly();
        expect(ann, CALL_LIVE, "posts", ann->passenger.landing.tries);
        tries += ann->passenger.landing.tries;
    }
    cr_assert_eq(server_questions(airport.server), 40);
    cr_assert_gt(tries, 40);
    cr_assert_eq(counter_read(&town_shown()->moves), tries - 40);
    cr_assert_eq(counter_read(&town_shown()->retries), 0);
    airport_close();
}

Test(flight, each_host_is_tried_for_a_connection_once)
{
    airport_open_town("\"http://127.0.0.1:1\", \"http://127.0.0.2:1\", \"http://127.0.0.3:1\"");
    town.settings.services[0].retries = 0;
    struct traveller *ann = board_for("ann");
    fly();
    expect(ann, CALL_FAILED, "", 3);
    cr_assert_str_eq(ann->passenger.landing.why, "no connection");
    airport_close();
}

/* ---- sent on ---- */

#define MOVED(to) STATUS("307 Temporary Redirect", "Location: " to "\r\n")

Test(flight, nobody_is_sent_on_unless_that_is_allowed)
{
    OPEN({ .say = MOVED("/elsewhere") }, { .say = OK_BODY("", "posts") });
    struct traveller *ann = board_for("ann");
    fly();
    expect(ann, CALL_FAILED, "", 1);
    cr_assert_eq(ann->passenger.landing.status, 307);
    cr_assert_eq(server_questions(airport.server), 1);
    airport_close();
}

Test(flight, a_get_that_is_sent_on_is_one_try)
{
    OPEN({ .say = MOVED("/elsewhere?a=1#b") }, { .say = MOVED("../other") },
        { .say = OK_BODY("Cache-Control: max-age=60\r\n", "posts") });
    town.settings.services[0].redirects = 2;
    struct traveller *ann = board_for("ann");
    fly();
    expect(ann, CALL_LIVE, "posts", 1);
    cr_assert_eq(server_questions(airport.server), 3);
    cr_assert_eq(strncmp(airport.server->heard, "GET /other HTTP/1.1\r\n", 21), 0);
    struct traveller *later = board_for("ann"); /* of what was asked, not of where it was found */
    cr_assert(later->has_landed);
    expect(later, CALL_CACHED, "posts", 0);
    airport_close();
}

Test(flight, but_not_round_and_round)
{
    OPEN({ .say = MOVED("/elsewhere") });
    town.settings.services[0].redirects = 3;
    struct traveller *ann = board_for("ann");
    fly();
    expect(ann, CALL_FAILED, "", 1);
    cr_assert_eq(server_questions(airport.server), 4);
    airport_close();
}

Test(flight, a_post_is_not_sent_on)
{
    OPEN({ .say = MOVED("/elsewhere") }, { .say = OK_BODY("", "posts") });
    town.settings.services[0].redirects = 3;
    struct traveller *ann = ticket("ann");
    ann->passenger.method = HTTP_POST;
    board_with(ann);
    fly();
    expect(ann, CALL_FAILED, "", 1);
    cr_assert_eq(server_questions(airport.server), 1);
    airport_close();
}

Test(flight, nor_anybody_to_another_host)
{
    OPEN({ .say = MOVED("http://127.0.0.1:1/elsewhere") }, { .say = OK_BODY("", "posts") });
    town.settings.services[0].redirects = 3;
    struct traveller *ann = board_for("ann");
    fly();
    expect(ann, CALL_FAILED, "", 1);
    cr_assert_eq(ann->passenger.landing.status, 307);
    airport_close();
}

/* The way there and a pause are within the passenger's time. */
Test(flight, who_is_sent_on_has_no_more_time_for_that)
{
    OPEN({ .say = MOVED("/elsewhere") }, { .then = HANG });
    town.settings.services[0].redirects = 1;
    struct traveller *ann = ticket("ann");
    ann->passenger.ends_us = clock_now_us() + 100 * 1000;
    board_with(ann);
    fly();
    expect(ann, CALL_TIMED_OUT, "", 1);
    airport_close();
}

/* ---- two hosts at once ---- */

static void stop(struct deadline *deadline)
{
    (void)deadline;
    loop_stop(town.worker.loop);
}

/* The service's usual time is known: two milliseconds. */
static void learn_the_usual_time(void)
{
    enum service_refusal why;
    for (int i = 0; i < 200; i++) {
        uint64_t now_us = clock_now_us();
        struct host *host = service_pick(town_service(), 0, now_us, &why);
        service_began(town_service(), host, now_us);
        service_ended(town_service(), host, SERVICE_GOOD,
            &(struct limit_time){ 2000, 0, now_us + 2000, false });
    }
}

Test(flight, a_late_answer_is_asked_for_at_another_host_too)
{
    static const struct turn first[] = { { .then = HANG }, { .say = OK_BODY("", "posts") } };
    airport_open(first, 2, first, 2);
    learn_the_usual_time();
    struct traveller *ann = board_for("ann"); /* whichever host it asks does not answer */
    struct deadline turned = { .expired = stop };
    loop_deadline(town.worker.loop, &turned, clock_now_us() + 100000);
    town_live();
    cr_assert_eq(server_questions(airport.server), 1, "both hosts were asked");
    cr_assert_eq(server_questions(airport.other), 1);
    cr_assert_eq(counter_read(&town_shown()->hedges), 1);
    cr_assert_not(ann->has_landed);
    flight_leave(&ann->passenger);
    cr_assert_eq(http_client_calls(town.worker.client), 0, "and both are cancelled");
    airport.waiting = 0;
    airport_close();
}

Test(flight, whoever_answers_first_is_the_answer)
{
    static const struct turn mute[] = { { .then = HANG } };
    static const struct turn prompt[] = { { .say = OK_BODY("", "posts") } };
    airport_open(mute, 1, prompt, 1);
    learn_the_usual_time();
    for (int i = 0; i < TRAVELLERS_MAX && !counter_read(&town_shown()->hedges_won); i++) {
        struct traveller *ann = board_for("ann");
        fly();
        expect(ann, CALL_LIVE, "posts", ann->passenger.landing.tries);
        cr_assert_leq(ann->passenger.landing.tries, 2);
        cr_assert_eq(http_client_calls(town.worker.client), 0, "the other one is cancelled");
    }
    cr_assert_eq(counter_read(&town_shown()->hedges_won), 1);
    airport_close();
}

/* ---- time ---- */

Test(flight, nobody_waits_longer_than_his_own_time)
{
    OPEN({ .then = HANG });
    struct traveller *ann = board_for("ann"), *hasty = ticket("ann");
    hasty->passenger.ends_us = clock_now_us() + 20000;
    board_with(hasty);
    airport.waiting--; /* only the hasty one is waited for */
    fly();
    expect(hasty, CALL_TIMED_OUT, "", 1);
    cr_assert_not(ann->has_landed);
    airport.waiting++;
    airport_close();
}

Test(flight, who_came_later_and_has_more_time_asks_anew)
{
    OPEN({ .then = HANG }, { .say = OK_BODY("", "posts") });
    struct traveller *hasty = ticket("ann");
    hasty->passenger.ends_us = clock_now_us() + 20000;
    board_with(hasty);
    struct traveller *ann = board_for("ann");
    fly();
    expect(hasty, CALL_TIMED_OUT, "", 1);
    expect(ann, CALL_LIVE, "posts", 2);
    airport_close();
}

/* Whoever is in a hurry, again and again, takes nothing from those who share his question. */
Test(flight, and_does_so_beside_all_budgets)
{
    static const struct turn hang = { .then = HANG };
    struct turn script[9];
    for (size_t i = 0; i < 8; i++) {
        script[i] = hang;
    }
    script[8] = (struct turn){ .say = OK_BODY("", "posts") };
    airport_open(script, countof(script), NULL, 0);
    town.settings.services[0].retries = 0;
    for (unsigned i = 0; i < 8; i++) {
        struct traveller *hasty = ticket("ann");
        hasty->passenger.ends_us = clock_now_us() + (40 + i * 80) * 1000;
        board_with(hasty);
    }
    struct traveller *ann = board_for("ann");
    fly();
    expect(ann, CALL_LIVE, "posts", 9);
    cr_assert_eq(counter_read(&town_shown()->retries), 0);
    airport_close();
}

/* Who has no time for another try does not keep the others from it. */
Test(flight, who_has_time_for_another_try_gets_it)
{
    OPEN({ .say = STATUS("503 Service Unavailable", "Retry-After: 1\r\n") },
        { .say = OK_BODY("", "posts") });
    struct traveller *hasty = ticket("ann"), *ann = ticket("ann"), *too = ticket("ann");
    ann->passenger.ends_us += 4 * SECOND_MS * 1000;
    board_with(hasty), board_with(ann), board_with(too);
    fly();
    expect(hasty, CALL_FAILED, "", 1);
    expect(ann, CALL_LIVE, "posts", 2);
    expect(too, CALL_FAILED, "", 1);
    airport_close();
}

Test(flight, each_try_says_how_much_time_is_left)
{
    OPEN({ .say = STATUS("503 Service Unavailable", "") }, { .say = OK_BODY("", "posts") });
    board_for("ann");
    fly();
    const char *budget = strstr(airport.server->heard, "\r\nBFF-Budget: ");
    cr_assert_not_null(budget);
    cr_assert_leq(atol(budget + 14), SECOND_MS);
    cr_assert_gt(atol(budget + 14), 0);
    airport_close();
}

/* ---- leaving ---- */

Test(flight, the_last_to_leave_cancels_the_question)
{
    OPEN({ .then = HANG });
    struct traveller *ann = board_for("ann"), *too = board_for("ann");
    flight_leave(&ann->passenger);
    cr_assert_eq(http_client_calls(town.worker.client), 1);
    flight_leave(&too->passenger);
    cr_assert_eq(http_client_calls(town.worker.client), 0);
    airport_close();
}

static void leaves(struct deadline *deadline)
{
    flight_leave(&container_of(deadline, struct traveller, leaves)->passenger);
    airport.waiting--;
}

Test(flight, when_the_first_leaves_the_others_still_land)
{
    OPEN({ .say = STATUS("503 Service Unavailable", "") }, { .say = OK_BODY("", "posts") });
    struct traveller *first = board_for("ann"), *second = board_for("ann");
    first->leaves.expired = leaves;
    loop_deadline(town.worker.loop, &first->leaves, clock_now_us());
    fly();
    cr_assert_not(first->has_landed);
    expect(second, CALL_LIVE, "posts", 2);
    struct traveller *third = board_for("ann");
    fly();
    expect(third, CALL_LIVE, "posts", 1);
    airport_close();
}
