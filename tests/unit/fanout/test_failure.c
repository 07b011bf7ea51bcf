/* failure: what each outcome means for the question, and for the host. */
#include "fanout/failure.h"

#include <criterion/criterion.h>

static struct http_answer answered(unsigned status)
{
    return (struct http_answer){ .outcome = HTTP_ANSWERED, .status = status, .was_sent = true };
}

/* No answer came; all of the question may have been sent. */
static struct http_answer ended(enum http_outcome outcome)
{
    return (struct http_answer){ .outcome = outcome, .was_sent = true };
}

static struct http_answer unsent(enum http_outcome outcome)
{
    return (struct http_answer){ .outcome = outcome };
}

Test(failure, has_a_reason_whatever_the_outcome_and_a_status_only_where_there_is_an_answer)
{
    for (enum http_outcome outcome = 0; outcome < HTTP_OUTCOMES; outcome++) {
        struct http_answer answer = { .outcome = outcome, .status = 404 };
        struct failure failure = failure_of(&answer);
        cr_assert_not_null(failure.why, "%s", http_outcome_name(outcome));
        cr_assert_eq(failure.status, outcome == HTTP_ANSWERED ? 404 : 0);
        cr_assert_eq(failure.state, outcome == HTTP_TIMED_OUT ? CALL_TIMED_OUT : CALL_FAILED);
    }
    struct http_answer late = ended(HTTP_TIMED_OUT);
    cr_assert_str_eq(failure_of(&late).why, failure_late.why);
}

Test(failure, blames_the_host_but_not_for_what_is_wrong_with_the_question)
{
    static const unsigned good[] = { 200, 204, 304, 400, 404, 499 }, bad[] = { 429, 500, 503, 599 };
    for (size_t i = 0; i < countof(good); i++) {
        struct http_answer answer = answered(good[i]);
        cr_assert_eq(failure_verdict(&answer), SERVICE_GOOD, "%u", good[i]);
    }
    for (size_t i = 0; i < countof(bad); i++) {
        struct http_answer answer = answered(bad[i]);
        cr_assert_eq(failure_verdict(&answer), SERVICE_BAD, "%u", bad[i]);
    }
    for (enum http_outcome outcome = HTTP_UNREACHED; outcome < HTTP_OUTCOMES; outcome++) {
        struct http_answer answer = ended(outcome);
        bool is_late = outcome == HTTP_TIMED_OUT;
        cr_assert_eq(failure_verdict(&answer), is_late ? SERVICE_LATE : SERVICE_BAD);
    }
}

Test(failure, may_pass_where_the_service_is_away_and_nothing_happens_twice)
{
    static const struct {
        struct http_answer answer;
        bool may_get, may_post;
    } rows[] = {
        { { .outcome = HTTP_ANSWERED, .status = 501, .was_sent = true }, false, false },
        { { .outcome = HTTP_ANSWERED, .status = 502, .was_sent = true }, true, false },
        { { .outcome = HTTP_ANSWERED, .status = 504, .was_sent = true }, true, false },
        { { .outcome = HTTP_ANSWERED, .status = 505, .was_sent = true }, false, false },
        { { .outcome = HTTP_ANSWERED, .status = 429, .was_sent = true }, false, false },
        { { .outcome = HTTP_UNREACHED }, true, true },
        { { .outcome = HTTP_RESET, .was_sent = true }, true, false },
        { { .outcome = HTTP_RESET }, true, true },
        { { .outcome = HTTP_BROKEN, .was_sent = true }, false, false },
        { { .outcome = HTTP_TOO_LARGE, .was_sent = true }, false, false },
        { { .outcome = HTTP_TIMED_OUT }, false, false },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        cr_assert_eq(failure_may_pass(&rows[i].answer, HTTP_GET), rows[i].may_get, "%zu", i);
        cr_assert_eq(failure_may_pass(&rows[i].answer, HTTP_POST), rows[i].may_post, "%zu", i);
    }
}

Test(failure, is_out_of_reach_or_a_race_only_when_it_was)
{
    struct http_answer unreached = unsent(HTTP_UNREACHED), reset = ended(HTTP_RESET);
    cr_assert(failure_is_out_of_reach(&unreached));
    cr_assert_not(failure_is_out_of_reach(&reset));
    cr_assert_not(failure_is_race(&reset), "a new connection is no old one");
    reset.is_reused = true;
    cr_assert(failure_is_race(&reset));
}

Test(failure, asks_for_a_pause_in_seconds_and_a_date_is_far_away)
{
    static const struct {
        const char *retry_after;
        uint64_t pause_s;
    } rows[] = {
        { "0", 0 },
        { "7", 7 },
        { "3599", 3599 },
        { "3600", 3600 },
        { "99999999999999999999", 3600 },
        { "-1", 3600 },
        { "", 3600 },
        { "Fri, 31 Dec 1999 23:59:59 GMT", 3600 },
    };
    struct http_answer answer = answered(503);
    cr_assert_eq(failure_pause_us(&answer), 0, "it does not ask for any");
    for (size_t i = 0; i < countof(rows); i++) {
        answer.retry_after = str_of(rows[i].retry_after);
        cr_assert_eq(
            failure_pause_us(&answer), rows[i].pause_s * 1000000, "%s", rows[i].retry_after);
    }
}
