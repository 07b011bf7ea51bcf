/*
 * http_lane_transfer: the lane on which curl does it all.
 *
 * Owns one easy handle for each call under way, and keeps the ended ones with their origin: their
 * options are set once, and only what differs from call to call is set again. Curl's OK is not
 * trusted: every header line goes through our own parser, content is counted against what was
 * announced, and an answer is whole only when both agree. Curl would silently ask again on a fresh
 * connection when a reused one dies: its second attempt is refused, and the call ends as
 * HTTP_RESET, for the caller to decide. The deadline is the client's.
 */
#include "http_curl.h"
#include "http_lane.h"

#include "../base/clock.h"
#include "../base/must.h"

#include <curl/curl.h>
#include <stdlib.h>

enum { CODE_TOO_LARGE = 100 }; /* CURLE_TOO_LARGE, since 8.6.0 */

struct transfer {
    struct http_curl_job job;
    struct ring_link link; /* in origin->idle while it carries no call */
    struct http_call *call;
    struct curl_slist *fields; /* points into call->request */
    uint64_t began_us;
    uint64_t content_bytes; /* as they came, before inflating */
    unsigned attempts;      /* connections on which curl was about to send the question */
    bool is_head_read;
    enum http_outcome verdict; /* of our own; HTTP_ANSWERED: no objection */
};

/* ---- the question ---- */

static void keep_field(struct buf *request, struct str name, struct str value)
{
    value = str_trim(value);
    buf_append_str(request, name);
    if (value.len) {
        buf_append_str(request, STR(": "));
        buf_append_str(request, value);
    } else {
        buf_append_char(request, ';');
    }
    buf_append_char(request, '\0');
}

static void keep_lines(struct buf *request, struct str lines)
{
    struct str line, name, value;
    while (str_cut(lines, '\r', &line, &lines)) {
        str_cut(line, ':', &name, &value);
        keep_field(request, name, value);
        lines = str_from(lines, 1); /* the LF */
    }
}

/*
 * call->request holds the target and then each field line, each ended by a NUL: curl's list is laid
 * over it when the call begins. Curl sends "Name;" as a field without value, and leaves out its own
 * field for "Name:".
 */
static void prepare(struct http_call *call, const struct http_call_options *options)
{
    struct buf *request = &call->request;
    buf_append(request, call->origin->prefix, strlen(call->origin->prefix));
    buf_append_str(request, options->target);
    buf_append_char(request, '\0');
    for (size_t i = 0; i < options->lines_count; i++) {
        keep_lines(request, options->lines[i].text);
    }
    for (size_t i = 0; i < options->fields_count; i++) {
        keep_field(request, options->fields[i].name, options->fields[i].value);
    }
    if (call->origin->asks_gzip) {
        buf_append_str(request, STR("Accept-Encoding: gzip\0"));
    }
    /* Not "a form", not after a "100 Continue", and no opinion of curl's on what we accept. */
    buf_append_str(request, STR("Content-Type:\0Expect:\0Accept:\0"));
    must(!request->is_overfull);
}

static bool names_same(const char *a, const char *b)
{
    size_t len = strcspn(a, ":;");
    return len == strcspn(b, ":;") && str_eq_nocase((struct str){ a, len }, (struct str){ b, len });
}

/* A removal ("Accept:") of a field that the caller gave would remove the caller's too. */
static bool is_spare(const struct transfer *transfer, const char *line)
{
    size_t len = strlen(line);
    if (line[len - 1] != ':') {
        return false;
    }
    for (const struct curl_slist *at = transfer->fields; at; at = at->next) {
        if (names_same(at->data, line)) {
            return true;
        }
    }
    return false;
}

static void add_field(struct transfer *transfer, struct curl_slist ***end, const char *line)
{
    if (is_spare(transfer, line)) {
        return;
    }
    struct curl_slist *node = malloc(sizeof(*node));
    must(node != NULL);
    *node = (struct curl_slist){ .data = (char *)line };
    **end = node;
    *end = &node->next;
}

static void lay_fields(struct transfer *transfer)
{
    const struct buf *request = &transfer->call->request;
    struct curl_slist **end = &transfer->fields;
    size_t at = strlen(request->data) + 1;
    while (at < request->len) {
        add_field(transfer, &end, request->data + at);
        at += strlen(request->data + at) + 1;
    }
}

static void drop_fields(struct transfer *transfer)
{
    while (transfer->fields) {
        struct curl_slist *next = transfer->fields->next;
        free(transfer->fields);
        transfer->fields = next;
    }
}

static void set(CURL *easy, CURLoption option, long value)
{
    must(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

static void set_method(CURL *easy, const struct http_call *call)
{
    bool has_body = call->body.len || call->method == HTTP_POST || call->method == HTTP_PUT ||
                    call->method == HTTP_PATCH;
    set(easy, CURLOPT_HTTPGET, 1);
    if (has_body) {
        set(easy, CURLOPT_POST, 1);
        /* Without a place curl would ask for the body by a callback. */
        must(curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.len ? call->body.at : "") ==
             CURLE_OK);
        must(curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len) ==
             CURLE_OK);
    }
    if (call->method == HTTP_HEAD) {
        set(easy, CURLOPT_NOBODY, 1);
    }
    must(curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, http_method_name(call->method)) == CURLE_OK);
}

/* ---- notes taken inside curl ---- */

/* Curl is about to send. The second time, it would be asking again: no. */
static int about_to_send(void *context, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
    (void)peer_ip;
    (void)own_ip;
    (void)peer_port;
    (void)own_port;
    struct transfer *transfer = context;
    if (++transfer->attempts > 1) {
        transfer->verdict = HTTP_RESET;
        return CURL_PREREQFUNC_ABORT;
    }
    struct http_call *call = transfer->call;
    long connects = 0;
    curl_easy_getinfo(transfer->job.easy, CURLINFO_NUM_CONNECTS, &connects);
    call->answer.is_reused = connects == 0;
    call->origin->counters.connects += connects != 0;
    call->origin->counters.reuses += connects == 0;
    call->answer.connect_us = connects ? clock_now_us() - transfer->began_us : 0;
    call->answer.was_sent = true;
    return CURL_PREREQFUNC_OK;
}

static void read_head_event(struct transfer *transfer, enum http_answer_event event)
{
    switch (event) {
    case HTTP_ANSWER_HEAD:
        transfer->is_head_read = true;
        transfer->verdict = http_call_take_head(transfer->call);
        break;
    case HTTP_ANSWER_BROKEN:
        transfer->verdict = HTTP_BROKEN;
        break;
    case HTTP_ANSWER_OVERLONG:
        transfer->verdict = HTTP_TOO_LARGE;
        break;
    default:
        break;
    }
}

static void read_lines(struct transfer *transfer, struct str in)
{
    struct str none;
    while (in.len && transfer->verdict == HTTP_ANSWERED) {
        enum http_answer_event event = http_answer_parser_step(&transfer->call->parser, &in, &none);
        read_head_event(transfer, event);
        if (event == HTTP_ANSWER_END) {
            break;
        }
    }
}

/*
 * A line of an interim head, of the head, or of the trailers: curl took the content and the chunks
 * out. Of HTTP/2 curl makes such lines, with a version that our parser has no reason to know: what
 * it says of connections and lengths without chunks is the same as of 1.1.
 */
static size_t take_line(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct str line = { bytes, size * count };
    if (transfer->is_head_read) {
        http_answer_parser_read_trailers(&transfer->call->parser);
    } else if (transfer->call->origin->http2 && str_starts(line, STR("HTTP/2 "))) {
        read_lines(transfer, STR("HTTP/1.1 "));
        line = str_from(line, strlen("HTTP/2 "));
    }
    read_lines(transfer, line);
    return transfer->verdict == HTTP_ANSWERED ? size * count : 0;
}

static size_t take_content(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    transfer->content_bytes += size * count;
    transfer->verdict = http_call_take_body(transfer->call, (struct str){ bytes, size * count });
    return transfer->verdict == HTTP_ANSWERED ? size * count : 0;
}

/* ---- how it ended ---- */

/*
 * Curl says OK: is it? A close inside the head is not an answer, nor is a body of another length.
 */
static enum http_outcome check_answer(struct transfer *transfer)
{
    const struct http_answer_parser *parser = &transfer->call->parser;
    if (!transfer->is_head_read) {
        return HTTP_BROKEN;
    }
    if (parser->framing == HTTP_LENGTH && transfer->content_bytes != parser->length) {
        return HTTP_BROKEN;
    }
    return http_call_take_end(transfer->call);
}

static enum http_outcome outcome_of(struct transfer *transfer, CURLcode code)
{
    if (transfer->verdict != HTTP_ANSWERED) {
        return transfer->verdict;
    }
    if (code == CURLE_OK) {
        return check_answer(transfer);
    }
    if (transfer->attempts == 0) {
        return HTTP_UNREACHED;
    }
    /* A header line beyond curl's own limit; newer versions name it. */
    bool is_overlong = code == CURLE_OUT_OF_MEMORY || (int)code == CODE_TOO_LARGE;
    if (is_overlong && !transfer->is_head_read) {
        return HTTP_TOO_LARGE;
    }
    /* Curl met something that is not HTTP, and did not show it to us. */
    bool has_babbled = code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL;
    bool has_begun = http_answer_parser_has_begun(&transfer->call->parser);
    return has_begun || has_babbled ? HTTP_BROKEN : HTTP_RESET;
}

/* Takes the transfer from its call, out of curl, and back to its origin. */
static void let_go(struct transfer *transfer)
{
    struct http_origin *origin = transfer->call->origin;
    http_curl_remove(origin->client->transfers, &transfer->job);
    drop_fields(transfer);
    transfer->call->carrier = NULL;
    transfer->call = NULL;
    ring_append(&origin->idle, &transfer->link);
}

static void ended(struct http_curl_job *job, int code)
{
    struct transfer *transfer = container_of(job, struct transfer, job);
    struct http_call *call = transfer->call;
    enum http_outcome outcome = outcome_of(transfer, (CURLcode)code);
    if (http_curl_is_nobody(code)) {
        http_addresses_doubt(call->origin->addresses, clock_now_us());
    }
    let_go(transfer);
    http_call_end(call, outcome);
}

/* ---- the lane ---- */

static struct transfer *transfer_new(struct http_origin *origin)
{
    struct transfer *transfer = calloc(1, sizeof(*transfer));
    must(transfer != NULL);
    CURL *easy = http_curl_easy_new(origin->client->transfers, origin, origin->url);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, about_to_send);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_content);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    transfer->job = (struct http_curl_job){ .easy = easy, .ended = ended };
    return transfer;
}

static struct transfer *transfer_take(struct http_origin *origin)
{
    if (ring_is_empty(&origin->idle)) {
        return transfer_new(origin);
    }
    struct transfer *transfer = container_of(origin->idle.before, struct transfer, link);
    ring_remove(&transfer->link);
    return transfer;
}

static void begin(struct http_call *call)
{
    struct transfer *transfer = transfer_take(call->origin);
    call->carrier = transfer;
    transfer->call = call;
    transfer->began_us = clock_now_us();
    transfer->content_bytes = 0;
    transfer->attempts = 0;
    transfer->is_head_read = false;
    transfer->verdict = HTTP_ANSWERED;
    lay_fields(transfer);
    CURL *easy = transfer->job.easy;
    curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, call->request.data);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->fields);
    set_method(easy, call);
    http_curl_add(call->client->transfers, &transfer->job, call->origin);
}

static void stop(struct http_call *call)
{
    let_go(call->carrier);
}

static void forget(struct http_origin *origin)
{
    while (!ring_is_empty(&origin->idle)) {
        struct transfer *transfer = container_of(origin->idle.next, struct transfer, link);
        ring_remove(&transfer->link);
        http_curl_job_free(&transfer->job);
        free(transfer);
    }
}

const struct http_lane http_lane_transfer = { prepare, begin, stop, NULL, forget };
