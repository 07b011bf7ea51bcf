/*
 * failure: what the outcome of a call means.
 *
 * Owns the sentences that tell why there is no answer, and the rules by which an outcome is held
 * against a host or a question may be put again. Promises that nothing happens twice: what may have
 * been done already may pass only where it is a GET. Decides for nobody: budgets, pauses and hosts
 * are the caller's.
 */
#include "failure.h"

#define LATE "no answer in time"

const struct failure failure_late = { .state = CALL_TIMED_OUT, .why = LATE };

struct failure failure_of(const struct http_answer *answer)
{
    static const char *const causes[HTTP_OUTCOMES] = {
        [HTTP_ANSWERED] = "the status is not 200",
        [HTTP_UNREACHED] = "no connection",
        [HTTP_RESET] = "the connection was closed before the answer",
        [HTTP_BROKEN] = "the answer was cut short or is not well-formed HTTP",
        [HTTP_TOO_LARGE] = "the answer is too large",
        [HTTP_TIMED_OUT] = LATE,
    };
    bool is_late = answer->outcome == HTTP_TIMED_OUT;
    return (struct failure){ .state = is_late ? CALL_TIMED_OUT : CALL_FAILED,
        .why = causes[answer->outcome],
        .status = answer->outcome == HTTP_ANSWERED ? answer->status : 0 };
}

enum service_verdict failure_verdict(const struct http_answer *answer)
{
    if (answer->outcome == HTTP_TIMED_OUT) {
        return SERVICE_LATE;
    }
    bool is_well =
        answer->outcome == HTTP_ANSWERED && answer->status < 500 && answer->status != 429;
    return is_well ? SERVICE_GOOD : SERVICE_BAD;
}

bool failure_may_pass(const struct http_answer *answer, enum http_method method)
{
    bool is_safe = method == HTTP_GET || !answer->was_sent;
    bool is_away =
        answer->outcome == HTTP_ANSWERED && answer->status >= 502 && answer->status <= 504;
    bool is_cut_off = answer->outcome == HTTP_UNREACHED || answer->outcome == HTTP_RESET;
    return is_safe && (is_away || is_cut_off);
}

bool failure_is_out_of_reach(const struct http_answer *answer)
{
    return answer->outcome == HTTP_UNREACHED && !answer->was_sent;
}

bool failure_is_race(const struct http_answer *answer)
{
    return answer->outcome == HTTP_RESET && answer->is_reused;
}

/* A date, or a number that is none, is taken to be further away than any budget. */
uint64_t failure_pause_us(const struct http_answer *answer)
{
    enum { SECONDS_MAX = 3600 };
    uint64_t seconds = 0;
    if (answer->outcome != HTTP_ANSWERED || !answer->retry_after.at) {
        return 0;
    }
    bool is_short = str_u64(answer->retry_after, &seconds) && seconds < SECONDS_MAX;
    return (is_short ? seconds : SECONDS_MAX) * 1000000;
}
