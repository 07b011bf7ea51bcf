/*
 * http_client: calls, their order, their deadlines, and how they end.
 *
 * Owns clients, origins and calls; the lanes own what carries the bytes. Promises: (1) a call that
 * started gets its `done` exactly once, from the soon queue, or is cancelled; (2) whatever the lane
 * does, a call ends at its deadline; (3) no more than connections_max calls are under way, in all
 * and per origin, and those that wait are let through first come first served; (4) a body is
 * HTTP_ANSWERED only when it was whole, and never passes answer_max_bytes; (5) a question carries
 * no byte that could end a line. Retries, hedges and breakers are the caller's business: nothing
 * here asks twice.
 */
#include "http_client.h"

#include "../base/block.h"
#include "../base/clock.h"
#include "../base/must.h"
#include "http_call_lines.h"
#include "http_client_tls.h"
#include "http_curl.h"
#include "http_flow.h"
#include "http_lane.h"
#include "http_place.h"

#include <stdlib.h>

enum {
    DEFAULT_IDLE_TIMEOUT_MS = 60 * 1000,
    DEFAULT_DNS_MS = 60 * 1000,
    REQUEST_MAX_BYTES = 1 << 20,
    MAKING_MAX = 32, /* connections to one origin at once */
};

const char *http_outcome_name(enum http_outcome outcome)
{
    static const char *const names[HTTP_OUTCOMES] = {
        [HTTP_ANSWERED] = "answered",
        [HTTP_UNREACHED] = "unreached",
        [HTTP_RESET] = "reset",
        [HTTP_BROKEN] = "broken",
        [HTTP_TOO_LARGE] = "too_large",
        [HTTP_TIMED_OUT] = "timed_out",
    };
    must(outcome < HTTP_OUTCOMES);
    return names[outcome];
}

/* ---- who may go ---- */

static bool is_below(unsigned count, unsigned max)
{
    return max == 0 || count < max;
}

/*
 * To make a connection costs a worker more than several calls on one that is there. When many calls
 * come at once to where there are few, those that wait have the connections of those before them
 * sooner than as many new ones.
 */
static bool may_begin(const struct http_origin *origin)
{
    return origin->making < MAKING_MAX || !ring_is_empty(&origin->idle);
}

static bool has_room(const struct http_origin *origin)
{
    return may_begin(origin) &&
           is_below(origin->client->in_use, origin->client->options.connections_max) &&
           is_below(origin->counters.in_use, origin->connections_max);
}

static struct http_call *first_queued(const struct http_origin *origin)
{
    return container_of(origin->queue.next, struct http_call, queue);
}

static void begin(struct http_call *call)
{
    call->state = HTTP_UNDER_WAY;
    call->client->in_use++;
    call->origin->counters.in_use++;
    call->origin->lane->begin(call);
}

static void leave_queue(struct http_call *call)
{
    ring_remove(&call->queue);
    call->origin->counters.queued--;
}

/* The call that has waited longest and whose origin has room, or NULL. */
static struct http_call *next_call(struct http_client *client)
{
    struct http_call *oldest = NULL;
    for (struct ring_link *at = client->origins.next; at != &client->origins; at = at->next) {
        struct http_origin *origin = container_of(at, struct http_origin, link);
        if (ring_is_empty(&origin->queue) || !has_room(origin)) {
            continue;
        }
        struct http_call *first = first_queued(origin);
        if (!oldest || first->ticket < oldest->ticket) {
            oldest = first;
        }
    }
    return oldest;
}

static void let_next_through(struct soon *soon)
{
    struct http_client *client = container_of(soon, struct http_client, next);
    struct http_call *call;
    while ((call = next_call(client)) != NULL) {
        leave_queue(call);
        call->answer.queued_us = clock_now_us() - call->started_us;
        begin(call);
    }
}

void http_client_let_through(struct http_client *client)
{
    if (client->calls_count > client->in_use) {
        loop_soon(client->loop, &client->next);
    }
}

/* Put off, so that a call that ends while it begins does not begin the next on the same stack. */
static void give_room(struct http_call *call)
{
    call->client->in_use--;
    call->origin->counters.in_use--;
    http_client_let_through(call->client);
}

/* ---- the end of a call ---- */

static void drop_inflate(struct http_call *call)
{
    if (call->inflate) {
        http_inflate_free(&call->client->inflates, call->inflate);
        call->inflate = NULL;
    }
}

static void recycle(struct http_call *call)
{
    must(call->carrier == NULL);
    if (call->flow) {
        http_flow_leave(call->flow, false);
        http_flow_free(call->flow);
        call->flow = NULL;
    }
    buf_release(&call->answer.body);
    drop_inflate(call);
    ring_remove(&call->link);
    ring_append(&call->client->spare, &call->link);
    call->client->calls_count--;
}

static void deliver(struct soon *soon)
{
    struct http_call *call = container_of(soon, struct http_call, soon);
    if (call->flow && call->flow->is_head_due) {
        if (call->state == HTTP_ENDED) {
            loop_soon(call->client->loop, soon); /* for `done`, unless it is cancelled now */
        }
        http_flow_tell_head(call->flow);
        return;
    }
    call->done(call->context, &call->answer);
    recycle(call);
}

static void fill_answer(struct http_call *call)
{
    struct http_answer *answer = &call->answer;
    const struct http_answer_parser *parser = &call->parser;
    answer->status = parser->status;
    answer->content_type = http_answer_parser_field(parser, HTTP_CONTENT_TYPE);
    answer->cache_control = http_answer_parser_field(parser, HTTP_CACHE_CONTROL);
    answer->etag = http_answer_parser_field(parser, HTTP_ETAG);
    answer->retry_after = http_answer_parser_field(parser, HTTP_RETRY_AFTER);
    answer->age = http_answer_parser_field(parser, HTTP_AGE);
    answer->vary = http_answer_parser_field(parser, HTTP_VARY);
    answer->location = http_answer_parser_field(parser, HTTP_LOCATION);
}

/* The only place where a call becomes ENDED. */
static void end(struct http_call *call, enum http_outcome outcome)
{
    call->state = HTTP_ENDED;
    call->answer.outcome = outcome;
    call->answer.total_us = clock_now_us() - call->started_us;
    if (outcome == HTTP_ANSWERED) {
        fill_answer(call);
    } else {
        buf_release(&call->answer.body);
    }
    if (call->flow) {
        http_flow_leave(call->flow, outcome == HTTP_ANSWERED);
        call->flow->is_head_due &=
            outcome == HTTP_ANSWERED; /* to be told of the failure is enough */
    }
    call->origin->counters.ended[outcome]++;
    loop_deadline_clear(call->client->loop, &call->deadline);
    loop_soon(call->client->loop, &call->soon);
}

/* No connection has been made so far: those that wait for one would wait in vain. */
static bool is_nobody_there(const struct http_origin *origin)
{
    return origin->lane == &http_lane_exchange && ring_is_empty(&origin->idle) &&
           origin->counters.in_use == origin->making;
}

/* They may try elsewhere at once. */
static void end_queue(struct http_origin *origin)
{
    while (!ring_is_empty(&origin->queue)) {
        struct http_call *first = first_queued(origin);
        leave_queue(first);
        end(first, HTTP_UNREACHED);
    }
}

void http_call_end(struct http_call *call, enum http_outcome outcome)
{
    must(call->state == HTTP_UNDER_WAY && call->carrier == NULL);
    give_room(call);
    end(call, outcome);
    if (outcome == HTTP_UNREACHED && is_nobody_there(call->origin)) {
        end_queue(call->origin);
    }
}

/* Takes the call from where it is: a queue, or its lane. */
static void withdraw(struct http_call *call)
{
    if (call->state == HTTP_QUEUED) {
        leave_queue(call);
    } else if (call->state == HTTP_UNDER_WAY) {
        call->origin->lane->stop(call);
        must(call->carrier == NULL);
        give_room(call);
    }
}

static void expired(struct deadline *deadline)
{
    struct http_call *call = container_of(deadline, struct http_call, deadline);
    withdraw(call);
    end(call, HTTP_TIMED_OUT);
}

void http_call_cancel(struct http_call *call)
{
    /* Not from its own `done`, nor after it. */
    must(call->state != HTTP_ENDED || ring_is_linked(&call->soon.link));
    withdraw(call);
    if (call->state != HTTP_ENDED) {
        call->origin->counters.cancelled++;
    }
    call->state = HTTP_ENDED;
    loop_deadline_clear(call->client->loop, &call->deadline);
    loop_soon_forget(call->client->loop, &call->soon);
    recycle(call);
}

/* ---- what comes back ---- */

enum http_outcome http_call_take_head(struct http_call *call)
{
    const struct http_answer_parser *parser = &call->parser;
    if (call->flow) {
        http_flow_take_head(call->flow);
        return HTTP_ANSWERED;
    }
    if (parser->framing == HTTP_NO_CONTENT) {
        return HTTP_ANSWERED;
    }
    /* Nobody reads what is said with another status, in whatever coding it is. */
    struct str coding =
        parser->status == 200 ? http_answer_parser_field(parser, HTTP_CONTENT_ENCODING) : STR("");
    if (str_eq_nocase(coding, STR("gzip")) || str_eq_nocase(coding, STR("x-gzip"))) {
        call->inflate = http_inflate_new(&call->client->inflates);
        return HTTP_ANSWERED;
    }
    if (coding.len && !str_eq_nocase(coding, STR("identity"))) {
        return HTTP_BROKEN;
    }
    if (parser->framing != HTTP_LENGTH) {
        return HTTP_ANSWERED;
    }
    /* One allocation for all of it; the cap says whether that much may come. */
    bool fits = parser->left < SIZE_MAX && buf_reserve(&call->answer.body, (size_t)parser->left);
    return fits ? HTTP_ANSWERED : HTTP_TOO_LARGE;
}

enum http_outcome http_call_take_body(struct http_call *call, struct str bytes)
{
    struct buf *body = &call->answer.body;
    if (call->flow) {
        http_flow_take_body(call->flow, bytes);
        return HTTP_ANSWERED;
    }
    if (call->inflate) {
        switch (http_inflate_step(call->inflate, bytes, body)) {
        case HTTP_INFLATE_OK:
            return HTTP_ANSWERED;
        case HTTP_INFLATE_OVERFULL:
            return HTTP_TOO_LARGE;
        case HTTP_INFLATE_BROKEN:
            return HTTP_BROKEN;
        }
    }
    return buf_append_str(body, bytes) ? HTTP_ANSWERED : HTTP_TOO_LARGE;
}

enum http_outcome http_call_take_end(struct http_call *call)
{
    return call->inflate && !http_inflate_is_whole(call->inflate) ? HTTP_BROKEN : HTTP_ANSWERED;
}

/* ---- the start of a call ---- */

static struct http_call *call_new(struct http_client *client)
{
    if (!ring_is_empty(&client->spare)) {
        struct ring_link *last = client->spare.before;
        ring_remove(last);
        return container_of(last, struct http_call, link);
    }
    struct http_call *call = calloc(1, sizeof(*call));
    must(call != NULL);
    call->client = client;
    call->deadline.expired = expired;
    call->soon.run = deliver;
    buf_init(&call->request, REQUEST_MAX_BYTES);
    http_answer_parser_init(&call->parser);
    return call;
}

static void call_free(struct http_call *call)
{
    buf_release(&call->request);
    http_answer_parser_fini(&call->parser);
    free(call);
}

/* What no URL holds (RFC 3986 section 2). */
static inline struct block ends_url(struct block b)
{
    return (struct block){ (b.bytes <= ' ') | (b.bytes >= 0x7f) };
}

/* What a target cannot hold: it would end the line, or itself. */
static inline struct block ends_target(struct block b)
{
    return (struct block){ ends_url(b).bytes | (b.bytes == '#') };
}

static bool is_target(struct str target)
{
    return target.len && target.at[0] == '/' && !block_find(target, ends_target);
}

char *http_origin_target(const struct http_origin *origin, struct str target, struct str location)
{
    if (!location.len || block_find(location, ends_url)) {
        return NULL;
    }
    char *from = strndup(target.at, target.len), *to = strndup(location.at, location.len);
    must(from != NULL && to != NULL);
    char *found = http_place_target(origin, from, to);
    free(from);
    free(to);
    if (found && !is_target(str_of(found))) {
        free(found);
        return NULL;
    }
    return found;
}

static void check_options(const struct http_call_options *options)
{
    must(is_target(options->target));
    for (size_t i = 0; i < options->fields_count; i++) {
        http_call_field_check(&options->fields[i], options->stream != NULL);
    }
    must(!options->stream || (options->origin->lane->wake && !options->body.len));
}

static void start(struct http_call *call, uint64_t deadline_us)
{
    struct http_origin *origin = call->origin;
    if (deadline_us <= call->started_us) {
        call->state = HTTP_QUEUED;
        end(call, HTTP_TIMED_OUT);
        return;
    }
    loop_deadline(call->client->loop, &call->deadline, deadline_us);
    if (ring_is_empty(&origin->queue) && has_room(origin)) {
        begin(call);
        return;
    }
    call->state = HTTP_QUEUED;
    call->ticket = call->client->tickets++;
    ring_append(&origin->queue, &call->queue);
    origin->counters.queued++;
}

struct http_call *http_call_start(struct http_client *client,
    const struct http_call_options *options, http_done *done, void *context)
{
    must(options->origin->client == client);
    check_options(options);
    struct http_call *call = call_new(client);
    call->origin = options->origin;
    call->method = options->method;
    call->body = options->body;
    call->done = done;
    call->context = context;
    call->started_us = options->started_us ? options->started_us : clock_now_us();
    call->answer = (struct http_answer){ 0 };
    buf_init(&call->answer.body, options->answer_max_bytes);
    buf_clear(&call->request);
    http_answer_parser_start(&call->parser, call->method == HTTP_HEAD);
    ring_append(&client->calls, &call->link);
    client->calls_count++;
    call->origin->lane->prepare(call, options);
    if (options->stream) {
        call->flow = http_flow_new(call, options->stream);
    }
    start(call, options->deadline_us);
    return call;
}

unsigned http_client_calls(const struct http_client *client)
{
    return client->calls_count;
}

/* ---- origins ---- */

static char *copy(const char *text)
{
    char *copied = text ? strdup(text) : NULL;
    must(!text || copied);
    return copied;
}

static void origin_free(struct http_origin *origin)
{
    if (origin->lane) {
        origin->lane->forget(origin);
    }
    http_place_fini(origin);
    free(origin->ca_file);
    free(origin->cert_file);
    free(origin->key_file);
    free(origin);
}

static bool is_possible(
    const struct http_origin *origin, const struct http_origin_options *options, struct err *err)
{
    /* The library cannot use a connection again for HTTP/2 without TLS. */
    if (options->http2 && !origin->is_secure) {
        return err_set(
            err, "\"%s\" cannot be asked by HTTP/2: that needs https, not http.", options->url);
    }
    if (options->lane == HTTP_LANE_EXCHANGE && (options->http2 || options->proxy)) {
        return err_set(err, "\"%s\" cannot be asked %s on the exchange lane.", options->url,
            options->http2 ? "by HTTP/2" : "through a proxy");
    }
    return true;
}

static void choose_lane(struct http_origin *origin, const struct http_origin_options *options)
{
    bool is_ours = options->lane != HTTP_LANE_TRANSFER && !options->http2 && !options->proxy;
    origin->lane = is_ours ? &http_lane_exchange : &http_lane_transfer;
    origin->http2 = options->http2;
    if (is_ours && origin->is_secure) {
        origin->tls = http_client_tls_new(
            origin->domain, origin->ca_file, origin->cert_file, origin->key_file);
    }
}

struct http_origin *http_origin_new(
    struct http_client *client, const struct http_origin_options *options, struct err *err)
{
    struct http_origin *origin = calloc(1, sizeof(*origin));
    must(origin != NULL);
    origin->client = client;
    if (!http_place_init(origin, options->url, options->proxy, err) ||
        !is_possible(origin, options, err)) {
        origin_free(origin);
        return NULL;
    }
    origin->ca_file = copy(options->ca_file);
    origin->cert_file = copy(options->cert_file);
    origin->key_file = copy(options->key_file);
    origin->connections_max = options->connections_max;
    origin->asks_gzip = options->asks_gzip;
    ring_init(&origin->queue);
    ring_init(&origin->idle);
    ring_init(&origin->connects);
    choose_lane(origin, options);
    ring_append(&client->origins, &origin->link);
    return origin;
}

const char *http_origin_name(const struct http_origin *origin)
{
    return origin->name;
}

const struct http_origin_counters *http_origin_counters(const struct http_origin *origin)
{
    return &origin->counters;
}

/* ---- clients ---- */

struct http_client *http_client_new(struct loop *loop, const struct http_client_options *options)
{
    struct http_client *client = calloc(1, sizeof(*client));
    must(client != NULL);
    client->loop = loop;
    client->options = *options;
    if (client->options.idle_timeout_ms == 0) {
        client->options.idle_timeout_ms = DEFAULT_IDLE_TIMEOUT_MS;
    }
    if (client->options.dns_ms == 0) {
        client->options.dns_ms = DEFAULT_DNS_MS;
    }
    client->next.run = let_next_through;
    ring_init(&client->origins);
    ring_init(&client->calls);
    ring_init(&client->spare);
    client->transfers = http_curl_new(loop, options->connections_max);
    client->connects = http_curl_new(loop, 0);
    client->carriers = http_carriers_new(client);
    return client;
}

void http_client_free(struct http_client *client)
{
    if (!client) {
        return;
    }
    while (!ring_is_empty(&client->calls)) {
        http_call_cancel(container_of(client->calls.next, struct http_call, link));
    }
    while (!ring_is_empty(&client->origins)) {
        struct http_origin *origin = container_of(client->origins.next, struct http_origin, link);
        ring_remove(&origin->link);
        origin_free(origin);
    }
    while (!ring_is_empty(&client->spare)) {
        struct http_call *call = container_of(client->spare.next, struct http_call, link);
        ring_remove(&call->link);
        call_free(call);
    }
    loop_soon_forget(client->loop, &client->next);
    http_inflate_pool_fini(&client->inflates);
    http_carriers_free(client->carriers);
    http_curl_free(client->transfers);
    http_curl_free(client->connects);
    free(client);
}
