/*
 * turned_away: what a client gets whose request never began.
 *
 * The same words as encode's for the same problem, with as little work as can be: there are many of
 * these when there is no time for them. One buffer, no printf, no compression (the body is short),
 * and the length stands in the head before it is known: blanks, into which its digits are put. Owns
 * nothing.
 */
#include "turned_away.h"

#include "../base/must.h"
#include "../wire/json.h"

enum { INSTANCE_MAX_BYTES = 1024 };

static void member(struct buf *body, struct str name, struct str value)
{
    buf_append_str(body, name);
    json_quote(body, value);
}

static void write_body(const struct request *request, struct buf *body)
{
    const struct problem_row *row = problem_row(request->problem);
    buf_append_str(body, STR("{\"type\":\"urn:problem-type:bff:"));
    buf_append_str(body, str_of(row->slug));
    member(body, STR("\",\"title\":"), str_of(row->title));
    buf_append_str(body, STR(",\"status\":503"));
    member(body, STR(",\"detail\":"), request->detail);
    if (request->received.path.len < INSTANCE_MAX_BYTES) {
        member(body, STR(",\"instance\":"), request->received.path);
    }
    member(body, STR(",\"request_id\":"), request->received.request_id);
    buf_append_char(body, '}');
}

/* Right-aligned, so that the blanks before it are those after the colon (RFC 9110 section 5.5). */
static void put_length(char *end, size_t length)
{
    for (char *at = end; length > 0; length /= 10) {
        *--at = (char)('0' + length % 10);
    }
}

void turned_away_write(struct request *request, struct buf *answer)
{
    must(problem_row(request->problem)->status == 503 && answer->len == 0);
    buf_append_str(answer, STR("HTTP/1.1 503 Service Unavailable\r\nContent-Length:      "));
    size_t length_end = answer->len;
    buf_append_str(answer, STR("\r\nContent-Type: application/problem+json\r\n"
                               "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
                               "Retry-After: "));
    buf_append_u64(answer, request->pressed.retry_after_s);
    buf_append_str(answer, STR("\r\nX-Request-Id: "));
    buf_append_str(answer, request->received.request_id);
    buf_append_str(answer, STR("\r\n\r\n"));
    size_t head_len = answer->len;
    write_body(request, answer);
    must(!answer->is_overfull); /* HTTP_TURNED_AWAY_MAX_BYTES: five digits are enough */
    request->encoded.coding = "identity";
    request->encoded.plain_bytes = answer->len - head_len;
    put_length(answer->data + length_end, request->encoded.plain_bytes);
}
