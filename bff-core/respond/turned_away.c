/*
 * turned_away: what a client gets whose request never began.
 *
 * The same words as encode's for the same problem, with as little work as can be: there are many of
 * these when there is no time for them. One room for all, no printf, no compression (the body is
 * short), and the length stands in the head before it is known: blanks, into which its digits are
 * put. Owns nothing.
 */
#include "turned_away.h"

#include "../base/must.h"
#include "../wire/json.h"

enum { INSTANCE_MAX_BYTES = 1024, WORDS_MAX_BYTES = 384 };

static char *put_member(char *to, struct str name, struct str value)
{
    return json_put(str_put(to, name), value);
}

static char *put_body(char *to, const struct request *request)
{
    const struct problem_row *row = problem_row(request->problem);
    to = str_put(to, STR("{\"type\":\"" PROBLEM_TYPE));
    to = str_put(to, str_of(row->slug));
    to = put_member(to, STR("\",\"title\":"), str_of(row->title));
    to = put_member(to, STR(",\"status\":503,\"detail\":"), request->detail);
    if (request->received.path.len < INSTANCE_MAX_BYTES) {
        to = put_member(to, STR(",\"instance\":"), request->received.path);
    }
    to = put_member(to, STR(",\"request_id\":"), request->received.request_id);
    return str_put(to, STR("}"));
}

/* Right-aligned, so that the blanks before it are those after the colon (RFC 9110 section 5.5). */
static void put_length(char *end, size_t length)
{
    for (char *at = end; length > 0; length /= 10) {
        *--at = (char)('0' + length % 10);
    }
}

/* At most, and well within HTTP_TURNED_AWAY_MAX_BYTES: receive has bounded the id. */
static size_t room_for(const struct request *request)
{
    const struct problem_row *row = problem_row(request->problem);
    size_t id_bytes = JSON_QUOTED_BYTES(request->received.request_id.len);
    return WORDS_MAX_BYTES + strlen(row->slug) + JSON_QUOTED_BYTES(strlen(row->title)) +
           JSON_QUOTED_BYTES(request->detail.len) + JSON_QUOTED_BYTES(INSTANCE_MAX_BYTES) +
           2 * id_bytes;
}

void turned_away_write(struct request *request, struct buf *answer)
{
    must(problem_row(request->problem)->status == 503 && answer->len == 0);
    char *start = buf_reserve(answer, room_for(request)), *to = start;
    must(start != NULL);
    to = str_put(to, STR("HTTP/1.1 503 Service Unavailable\r\nContent-Length:      "));
    char *length_end = to;
    to = str_put(to, STR("\r\nContent-Type: application/problem+json\r\n"
                         "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
                         "Retry-After: "));
    to = str_put_u64(to, request->pressed.retry_after_s);
    to = str_put(to, STR("\r\nX-Request-Id: "));
    to = str_put(to, request->received.request_id);
    char *body = str_put(to, STR("\r\n\r\n"));
    char *end = put_body(body, request);
    request->encoded.coding = "identity";
    request->encoded.plain_bytes = (size_t)(end - body);
    put_length(length_end, request->encoded.plain_bytes); /* five digits are enough for the room */
    buf_grew(answer, (size_t)(end - start));
}
