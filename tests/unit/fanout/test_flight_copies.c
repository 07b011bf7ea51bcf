/* What a flight keeps of an answer, for whom, and for how long. */
#include "airport.h"

Test(flight_copies, a_fresh_copy_asks_nobody)
{
    OPEN({ .say = OK_BODY("", "posts") });
    struct traveller *ann = ticket("ann"), *again = ticket("ann"), *bob = ticket("bob");
    ann->passenger.rules.cache_s = again->passenger.rules.cache_s = 60;
    board_with(ann);
    fly();
    board_with(again);
    expect(again, CALL_CACHED, "posts", 0);
    cr_assert_eq(server_questions(airport.server), 1);
    board_with(bob);
    fly();
    expect(bob, CALL_LIVE, "posts", 1);
    airport_close();
}

Test(flight_copies, a_service_may_say_so_too)
{
    OPEN({ .say = OK_BODY("Cache-Control: max-age=60\r\nAge: 20\r\n", "posts") });
    board_for("ann");
    fly();
    struct traveller *again = board_for("ann");
    expect(again, CALL_CACHED, "posts", 0);
    cr_assert_eq(again->passenger.landing.age_s, 20);
    airport_close();
}

Test(flight_copies, an_old_copy_stands_in_for_a_failure)
{
    OPEN({ .say = OK_BODY("", "posts") }, { .say = STATUS("500 Oops", "") });
    struct traveller *ann = ticket("ann"), *again = ticket("ann");
    ann->passenger.rules.stale_s = again->passenger.rules.stale_s = 60;
    board_with(ann);
    fly();
    board_with(again);
    fly();
    expect(again, CALL_STALE, "posts", 1);
    cr_assert_eq(again->passenger.landing.status, 500);
    cr_assert_str_eq(again->passenger.landing.why, "the status is not 200");
    airport_close();
}

Test(flight_copies, and_for_an_answer_of_no_use)
{
    OPEN({ .say = OK_BODY("", "posts") }, { .say = OK_BODY("", "!oops") });
    struct traveller *ann = ticket("ann"), *again = ticket("ann"), *after = ticket("ann");
    ann->passenger.rules.stale_s = again->passenger.rules.stale_s = 60;
    after->passenger.rules.stale_s = 60;
    board_with(ann);
    fly();
    board_with(again);
    fly();
    expect(again, CALL_STALE, "posts", 1);
    board_with(after); /* what was of no use did not replace the copy */
    fly();
    expect(after, CALL_STALE, "posts", 1);
    airport_close();
}

Test(flight_copies, a_copy_that_still_holds_is_not_sent_again)
{
    OPEN({ .say = OK_BODY("Cache-Control: no-cache\r\nETag: \"v1\"\r\n", "posts") },
        { .say = "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nCache-Control: no-cache\r\n\r\n" });
    struct traveller *ann = board_for("ann");
    fly();
    struct traveller *again = board_for("ann");
    fly();
    expect(again, CALL_LIVE, "posts", 1);
    cr_assert_not_null(strstr(airport.server->heard, "\r\nIf-None-Match: \"v1\"\r\n"));
    cr_assert_eq(ann->passenger.landing.copy, again->passenger.landing.copy);
    airport_close();
}

/* Nor does it become good for longer than the service said when it gave it. */
Test(flight_copies, and_holds_as_it_did_before)
{
    OPEN({ .say = OK_BODY("Cache-Control: no-cache\r\nETag: \"v1\"\r\n", "posts") },
        { .say = "HTTP/1.1 304 Not Modified\r\n\r\n" });
    for (unsigned i = 0; i < 4; i++) {
        struct traveller *ann = ticket("ann");
        ann->passenger.rules.cache_s = 60;
        board_with(ann);
        fly();
        expect(ann, CALL_LIVE, "posts", 1);
    }
    cr_assert_eq(server_questions(airport.server), 4);
    airport_close();
}

/* RFC 9111 section 4.3.4: of another state of the answer nothing is known. */
Test(flight_copies, but_not_when_another_one_does)
{
    OPEN({ .say = OK_BODY("Cache-Control: no-cache\r\nETag: \"v1\"\r\n", "first") },
        { .say = "HTTP/1.1 304 Not Modified\r\nETag: \"v2\"\r\n\r\n" },
        { .say = OK_BODY("ETag: \"v2\"\r\n", "posts") });
    struct traveller *ann = board_for("ann");
    fly();
    expect(ann, CALL_LIVE, "first", 1);
    struct traveller *again = board_for("ann");
    fly();
    expect(again, CALL_FAILED, "", 1);
    struct traveller *anew = board_for("ann");
    fly();
    expect(anew, CALL_LIVE, "posts", 1);
    cr_assert_null(strstr(airport.server->heard, "If-None-Match"));
    airport_close();
}

Test(flight_copies, a_tag_that_is_none_is_not_sent_back)
{
    OPEN({ .say = OK_BODY("Cache-Control: no-cache\r\nETag: *\r\n", "first") },
        { .say = OK_BODY("", "posts") });
    board_for("ann");
    fly();
    struct traveller *again = board_for("ann");
    fly();
    expect(again, CALL_LIVE, "posts", 1);
    cr_assert_null(strstr(airport.server->heard, "If-None-Match"));
    airport_close();
}

Test(flight_copies, nobody_asked_for_a_304)
{
    OPEN({ .say = "HTTP/1.1 304 Not Modified\r\n\r\n" });
    struct traveller *ann = board_for("ann");
    fly();
    expect(ann, CALL_FAILED, "", 1);
    airport_close();
}
