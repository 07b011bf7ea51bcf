/*
 * attempt: one question to one host.
 *
 * Owns what an attempt sends beside the passenger's lines: the body's type, the time that is left,
 * and the tag of an old copy; and where redirects lead, for those services that may send us on.
 * Promises that each attempt that was told to the service as begun is told as ended, exactly once.
 * Decides nothing: whether a question is put again, and when, is the flight's.
 */
#include "attempt.h"

#include "../base/clock.h"
#include "../base/must.h"

#include <stdlib.h>

enum { FIELDS_MAX = 3 };

static void put(struct attempt *attempt, struct worker *worker, const struct passenger *question,
    http_done *done)
{
    struct http_call_field fields[FIELDS_MAX];
    char digits[STR_U64_BYTES];
    size_t count = 0;
    uint64_t now_us = attempt->asked_us;
    uint64_t left_us = question->ends_us > now_us ? question->ends_us - now_us : 0;
    struct str left_ms = { digits, (size_t)(str_put_u64(digits, left_us / 1000) - digits) };
    must(!attempt->http);
    if (question->content_type.at) {
        fields[count++] = (struct http_call_field){ STR("Content-Type"), question->content_type };
    }
    fields[count++] = (struct http_call_field){ STR("BFF-Budget"), left_ms };
    if (attempt->known) {
        fields[count++] = (struct http_call_field){ STR("If-None-Match"), attempt->known->etag };
    }
    struct http_call_options options = {
        .origin = host_origin(attempt->host),
        .method = question->method,
        .target = attempt->target ? str_of(attempt->target) : question->target,
        .body = question->body,
        .lines = question->lines,
        .lines_count = question->lines_count,
        .fields = fields,
        .fields_count = count,
        .started_us = now_us,
        .deadline_us = question->ends_us,
        .answer_max_bytes = worker->core->settings->services[question->service].answer_max_bytes,
    };
    attempt->http = http_call_start(worker->client, &options, done, attempt);
}

void attempt_start(struct attempt *attempt, struct worker *worker, const struct passenger *question,
    http_done *done)
{
    attempt->loop = worker->loop;
    attempt->asked_us = attempt->began_us;
    service_began(attempt->service, attempt->host, attempt->began_us);
    put(attempt, worker, question, done);
}

/* RFC 9110 section 15.4: what a GET may follow without asking anybody. */
static bool is_redirect(const struct http_answer *answer)
{
    unsigned status = answer->outcome == HTTP_ANSWERED ? answer->status : 0;
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool attempt_follows(struct attempt *attempt, struct worker *worker,
    const struct passenger *question, const struct http_answer *answer, http_done *done)
{
    unsigned most = worker->core->settings->services[question->service].redirects;
    if (question->method != HTTP_GET || !is_redirect(answer) || attempt->redirects == most) {
        return false;
    }
    struct str from = attempt->target ? str_of(attempt->target) : question->target;
    char *to = http_origin_target(host_origin(attempt->host), from, answer->location);
    if (!to) {
        return false;
    }
    free(attempt->target);
    attempt->target = to;
    attempt->redirects++;
    attempt->asked_us = clock_now_us();
    attempt->http = NULL;
    put(attempt, worker, question, done);
    return true;
}

void attempt_end(struct attempt *attempt, enum service_verdict verdict, uint64_t ended_us)
{
    const struct limit_time time = limit_time_of(attempt->began_us, ended_us, attempt->loop);
    attempt->http = NULL;
    free(attempt->target);
    attempt->target = NULL;
    cache_copy_drop(attempt->known);
    attempt->known = NULL;
    service_ended(attempt->service, attempt->host, verdict, &time);
}

void attempt_cancel(struct attempt *attempt)
{
    if (attempt->http) {
        http_call_cancel(attempt->http);
        attempt_end(attempt, SERVICE_CANCELLED, clock_now_us());
    }
}
