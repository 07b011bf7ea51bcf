/*
 * http_lane_exchange: the lane on which questions and answers are our own.
 *
 * Curl resolves and connects (http_connect); from then on the descriptor is ours alone, and so is
 * TLS on it. A question is one send; an answer usually is one read: epoll reports edges, and a read
 * that did not fill its room has emptied the socket. Where neither TLS nor a pipe stands between
 * the call and the socket, both go into the loop's batch, with those of all other calls. Promises:
 * (1) a connection carries one call at a time, and the next only when the answer was whole, said
 * so, and nothing followed it; (2) an idle one that speaks or closes is closed at once; (3) a
 * descriptor is written to from the moment it was handed over until we close it, and never after.
 * Owns nothing: connections are http_carrier.c's. Knows nothing of queues and of a call's deadline;
 * connect_timeout_ms is kept here once curl has connected.
 */
#include "http_carrier.h"
#include "http_connect.h"
#include "http_flow.h"
#include "http_question.h"
#include "http_socket.h"

#include "../base/clock.h"
#include "../base/must.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Events that say that the peer has ended the connection, or that it is broken. */
enum { CLOSED = EPOLLRDHUP | EPOLLHUP | EPOLLERR };

/* ---- the question ---- */

/* What is left to send of head and body; the number of pieces. */
static int pieces_left(const struct http_carrier *carrier, struct iovec pieces[2])
{
    struct str head = str_from(buf_str(&carrier->call->request), carrier->sent);
    size_t head_len = carrier->call->request.len;
    struct str body = carrier->call->body;
    body = str_from(body, carrier->sent > head_len ? carrier->sent - head_len : 0);
    int count = 0;
    if (head.len) {
        pieces[count++] = (struct iovec){ (char *)head.at, head.len };
    }
    if (body.len) {
        pieces[count++] = (struct iovec){ (char *)body.at, body.len };
    }
    return count;
}

static enum http_io send_some(struct http_carrier *carrier, struct iovec *pieces, int count)
{
    size_t sent;
    enum http_io io = http_socket_send(carrier->watch.fd, carrier->session, pieces, count, &sent);
    carrier->sent += sent;
    return io;
}

static enum http_io send_flow(struct http_carrier *carrier)
{
    struct http_flow *flow = carrier->call->flow;
    enum http_io io = HTTP_IO_SOME;
    struct str bytes;
    while (io == HTTP_IO_SOME && (bytes = http_outflow_next(&flow->question)).len) {
        struct iovec piece = { (char *)bytes.at, bytes.len };
        size_t before = carrier->sent;
        io = send_some(carrier, &piece, 1);
        http_outflow_wrote(&flow->question, carrier->sent - before);
    }
    flow->awaits_taking = io == HTTP_IO_LATER;
    return http_outflow_is_wrong(&flow->question) ? HTTP_IO_FAILED : io;
}

/*
 * As much as the socket takes; the rest follows when epoll says so. False when the connection is
 * dead.
 */
static bool send_question(struct http_carrier *carrier)
{
    struct iovec pieces[2];
    int count;
    bool is_streamed = carrier->call->flow != NULL;
    enum http_io io = is_streamed ? send_flow(carrier) : HTTP_IO_SOME;
    while (!is_streamed && io == HTTP_IO_SOME && (count = pieces_left(carrier, pieces)) > 0) {
        io = send_some(carrier, pieces, count);
    }
    carrier->call->answer.was_sent = carrier->sent > 0;
    return io == HTTP_IO_SOME || io == HTTP_IO_LATER;
}

static bool is_question_sent(const struct http_carrier *carrier)
{
    const struct http_call *call = carrier->call;
    return call->flow ? http_outflow_is_sent(&call->flow->question)
                      : carrier->sent == call->request.len + call->body.len;
}

/* Neither TLS nor a pipe is between the call and the socket. */
static bool is_batched(const struct http_carrier *carrier)
{
    return !carrier->session && !carrier->call->flow;
}

/* ---- the answer ---- */

static enum http_io receive(
    struct http_carrier *carrier, struct iovec *places, int count, size_t *received)
{
    return http_socket_receive(carrier->watch.fd, carrier->session, places, count, received);
}

/* Nothing waits behind the answer: whatever does would be taken for the next one. */
static bool is_silent(struct http_carrier *carrier)
{
    char byte;
    size_t received;
    struct iovec place = { &byte, 1 };
    return receive(carrier, &place, 1, &received) == HTTP_IO_LATER;
}

/* The call is over: its connection waits for the next, or is closed. */
static void finish(struct http_carrier *carrier, enum http_outcome outcome, bool is_reusable)
{
    struct http_call *call = carrier->call;
    if (is_reusable) {
        http_carrier_rest(carrier);
    } else {
        http_carrier_close(carrier);
    }
    http_call_end(call, outcome);
}

/* The connection ended, or failed, before the answer did. */
static void fail(struct http_carrier *carrier)
{
    bool has_begun = http_answer_parser_has_begun(&carrier->call->parser);
    finish(carrier, has_begun ? HTTP_BROKEN : HTTP_RESET, false);
}

static enum http_outcome take(struct http_call *call, enum http_answer_event event, struct str body)
{
    switch (event) {
    case HTTP_ANSWER_HEAD:
        return http_call_take_head(call);
    case HTTP_ANSWER_BODY:
        return http_call_take_body(call, body);
    case HTTP_ANSWER_END:
        return http_call_take_end(call);
    case HTTP_ANSWER_BROKEN:
        return HTTP_BROKEN;
    case HTTP_ANSWER_OVERLONG:
        return HTTP_TOO_LARGE;
    case HTTP_ANSWER_MORE:
        break;
    }
    return HTTP_ANSWERED;
}

/* Feeds what was read. False when that ended the call. `is_drained`: the socket held no more. */
static bool feed(struct http_carrier *carrier, struct str in, bool is_drained)
{
    struct http_call *call = carrier->call;
    struct str body;
    for (;;) {
        enum http_answer_event event = http_answer_parser_step(&call->parser, &in, &body);
        enum http_outcome outcome = take(call, event, body);
        if (outcome != HTTP_ANSWERED) {
            finish(carrier, outcome, false);
            return false;
        }
        if (event == HTTP_ANSWER_END) {
            bool is_reusable = call->parser.is_persistent && is_question_sent(carrier) &&
                               in.len == 0 && (is_drained || is_silent(carrier));
            finish(carrier, outcome, is_reusable);
            return false;
        }
        if (event == HTTP_ANSWER_MORE) {
            return true;
        }
    }
}

/*
 * Content of known length and without a coding goes straight to its place, with a scratch behind it
 * for what should not be there; all else into the scratch. The number of places before that.
 */
static int content_place(const struct http_carrier *carrier, struct iovec *place)
{
    struct http_call *call = carrier->call;
    bool is_plain = call->parser.framing == HTTP_LENGTH && call->parser.left && !call->inflate;
    char *body = is_plain ? buf_reserve(&call->answer.body, call->parser.left) : NULL;
    if (body) {
        *place = (struct iovec){ body, call->parser.left };
    }
    return body != NULL;
}

static void hear_close(struct http_carrier *carrier)
{
    struct http_call *call = carrier->call;
    if (http_answer_parser_close(&call->parser) == HTTP_ANSWER_END) {
        finish(carrier, http_call_take_end(call), false);
    } else {
        fail(carrier);
    }
}

static bool hear_some(
    struct http_carrier *carrier, const struct iovec *places, int count, size_t received)
{
    struct http_call *call = carrier->call;
    const struct iovec *scratch = &places[count - 1];
    size_t content_room = count > 1 ? places[0].iov_len : 0;
    /* A streamed answer may be left unread: whether the peer has closed is asked each time. */
    bool is_drained = !carrier->session && received < content_room + scratch->iov_len &&
                      !carrier->has_closed && !call->flow;
    if (content_room) {
        size_t content = received < content_room ? received : content_room;
        buf_grew(&call->answer.body, content);
        http_answer_parser_skip(&call->parser, content);
        received -= content;
    }
    struct str in = { scratch->iov_base, received };
    return feed(carrier, in, is_drained) && !is_drained;
}

/* What a read has brought. False when nothing more is to be read now, or the call has ended. */
static bool hear(struct http_carrier *carrier, enum http_io how, const struct iovec *places,
    int count, size_t received)
{
    switch (how) {
    case HTTP_IO_SOME:
        return hear_some(carrier, places, count, received);
    case HTTP_IO_LATER:
        break;
    case HTTP_IO_CLOSED:
        hear_close(carrier);
        break;
    case HTTP_IO_FAILED:
        fail(carrier);
        break;
    }
    return false;
}

/* ---- through TLS, or between pipes: at once ---- */

/* Of a streamed answer what its pipe has room for, if only then: 0 places are none. */
static int reading_places(struct http_carrier *carrier, struct iovec places[2])
{
    struct http_flow *flow = carrier->call->flow;
    struct iovec scratch = { carrier->origin->client->carriers->scratch, BATCH_SCRATCH_BYTES };
    int count = 0;
    if (flow) {
        size_t room = http_flow_room(flow);
        scratch.iov_len = room < scratch.iov_len ? room : scratch.iov_len;
    } else {
        count = content_place(carrier, places);
    }
    places[count] = scratch;
    return scratch.iov_len ? count + 1 : 0;
}

static bool read_some(struct http_carrier *carrier)
{
    struct iovec places[2];
    int count = reading_places(carrier, places);
    if (count == 0) {
        return false;
    }
    size_t received;
    enum http_io how = receive(carrier, places, count, &received);
    return hear(carrier, how, places, count, received);
}

static void busy_ready_now(struct http_carrier *carrier, uint32_t events)
{
    struct http_call *call = carrier->call;
    bool is_dead = events & EPOLLOUT && !is_question_sent(carrier) && !send_question(carrier);
    carrier->has_closed = is_dead || events & CLOSED;
    /* A question refused half way may have its answer waiting: that is read before giving up. */
    if (carrier->has_closed || events & EPOLLIN) {
        while (read_some(carrier)) {
        }
    }
    if (is_dead && call->carrier == carrier) {
        fail(carrier);
    }
    if (call->carrier == carrier && call->flow) {
        http_flow_await(call->flow);
    }
}

/* ---- in the loop's batch ---- */

static enum http_io io_of(ssize_t result)
{
    return result > 0          ? HTTP_IO_SOME
           : result == 0       ? HTTP_IO_CLOSED
           : result == -EAGAIN ? HTTP_IO_LATER
                               : HTTP_IO_FAILED;
}

static void put_reading(struct http_carrier *carrier)
{
    struct batch_io *io = &carrier->reading;
    if (io->place == 0) {
        io->count = content_place(carrier, io->pieces);
        loop_io(http_carrier_loop(carrier), io);
    }
}

static void put_writing(struct http_carrier *carrier)
{
    struct batch_io *io = &carrier->writing;
    if (io->place == 0) {
        io->count = pieces_left(carrier, io->pieces);
        loop_io(http_carrier_loop(carrier), io);
    }
}

static void has_read(struct batch_io *io, ssize_t result)
{
    struct http_carrier *carrier = container_of(io, struct http_carrier, reading);
    struct http_call *call = carrier->call;
    size_t received = result > 0 ? (size_t)result : 0;
    bool is_dead = carrier->is_dead;
    if (hear(carrier, io_of(result), io->pieces, io->count, received)) {
        put_reading(carrier);
    } else if (is_dead && call->carrier == carrier) {
        fail(carrier);
    }
}

static void has_written(struct batch_io *io, ssize_t result)
{
    struct http_carrier *carrier = container_of(io, struct http_carrier, writing);
    switch (io_of(result)) {
    case HTTP_IO_SOME:
        carrier->sent += (size_t)result;
        carrier->call->answer.was_sent = true;
        if (!is_question_sent(carrier)) {
            put_writing(carrier);
        }
        break;
    case HTTP_IO_LATER:
        break;
    default: /* its answer may be waiting: that is read before giving up */
        carrier->is_dead = carrier->has_closed = true;
        put_reading(carrier);
        break;
    }
}

static void busy_ready_batched(struct http_carrier *carrier, uint32_t events)
{
    carrier->has_closed |= (events & CLOSED) != 0;
    if (events & EPOLLOUT && !is_question_sent(carrier)) {
        put_writing(carrier);
    }
    if (carrier->has_closed || events & EPOLLIN) {
        put_reading(carrier);
    }
}

/* ---- events ---- */

static void idle_ready(struct http_carrier *carrier, uint32_t events)
{
    bool has_spoken = events & EPOLLIN && !is_silent(carrier);
    if (has_spoken || events & CLOSED) {
        http_carrier_close(carrier);
    }
}

static void busy_ready(struct http_carrier *carrier, uint32_t events)
{
    if (is_batched(carrier)) {
        busy_ready_batched(carrier, events);
    } else {
        busy_ready_now(carrier, events);
    }
}

static void ask(struct http_carrier *carrier)
{
    carrier->sent = 0;
    carrier->has_closed = carrier->is_dead = false;
    if (is_batched(carrier)) {
        put_writing(carrier);
    } else if (!send_question(carrier)) {
        fail(carrier);
    } else if (carrier->call->flow) {
        http_flow_await(carrier->call->flow);
    }
}

/* ---- from connecting to the first question ---- */

static void become_busy(struct http_carrier *carrier)
{
    struct http_call *call = carrier->call;
    http_carrier_made(carrier);
    call->origin->counters.connects++;
    call->answer.connect_us = clock_now_us() - carrier->since_us;
    ask(carrier);
}

static void shake(struct http_carrier *carrier)
{
    switch (http_session_shake(carrier->session)) {
    case HTTP_IO_SOME:
        loop_deadline_clear(http_carrier_loop(carrier), &carrier->connect_ends);
        become_busy(carrier);
        break;
    case HTTP_IO_LATER:
        break;
    default:
        finish(carrier, HTTP_UNREACHED, false);
        break;
    }
}

static void shaken_too_slowly(struct deadline *deadline)
{
    finish(container_of(deadline, struct http_carrier, connect_ends), HTTP_UNREACHED, false);
}

static void begin_tls(struct http_carrier *carrier)
{
    struct http_origin *origin = carrier->origin;
    uint64_t limit_us = (uint64_t)origin->client->options.connect_timeout_ms * 1000;
    carrier->session = http_session_open(origin->tls, carrier->watch.fd);
    if (!carrier->session) {
        finish(carrier, HTTP_UNREACHED, false);
        return;
    }
    carrier->connect_ends.expired = shaken_too_slowly;
    if (limit_us) {
        loop_deadline(origin->client->loop, &carrier->connect_ends, carrier->since_us + limit_us);
    }
    shake(carrier);
}

static void ready(struct watch *watch, uint32_t events)
{
    struct http_carrier *carrier = container_of(watch, struct http_carrier, watch);
    if (carrier->session && events & ~(uint32_t)EPOLLOUT) {
        http_session_wake(carrier->session, events & CLOSED);
    }
    switch (carrier->state) {
    case HTTP_CARRIER_SHAKING:
        shake(carrier);
        break;
    case HTTP_CARRIER_BUSY:
        busy_ready(carrier, events);
        break;
    default:
        idle_ready(carrier, events);
        break;
    }
}

static void connected(void *context, int fd)
{
    struct http_carrier *carrier = context;
    carrier->connect = NULL;
    if (fd < 0) {
        finish(carrier, HTTP_UNREACHED, false);
        return;
    }
    carrier->state = HTTP_CARRIER_SHAKING;
    carrier->watch = (struct watch){ fd, ready };
    carrier->writing = (struct batch_io){ .fd = fd, .is_write = true, .done = has_written };
    carrier->reading = (struct batch_io){ .fd = fd, .done = has_read };
    must(loop_watch(
        http_carrier_loop(carrier), &carrier->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET));
    if (carrier->origin->is_secure) {
        begin_tls(carrier);
    } else {
        become_busy(carrier);
    }
}

/* ---- the lane ---- */

static void begin(struct http_call *call)
{
    /* A body out of a pipe cannot be sent again: it does not meet a connection about to close. */
    bool is_once = call->flow && call->flow->is_body_piped;
    struct http_carrier *carrier = is_once ? NULL : http_carrier_take(call->origin);
    /* What may not be asked twice is not put to a connection of which we have yet to hear that it
     * is closed. */
    while (carrier && call->method != HTTP_GET && !is_silent(carrier)) {
        http_carrier_close(carrier);
        carrier = http_carrier_take(call->origin);
    }
    if (!carrier) {
        carrier = http_carrier_new(call);
        carrier->connect = http_connect_start(call->origin, connected, carrier);
        return;
    }
    call->origin->counters.reuses++;
    call->answer.is_reused = true;
    call->carrier = carrier;
    carrier->call = call;
    ask(carrier);
}

static void stop(struct http_call *call)
{
    http_carrier_close(call->carrier);
}

static void wake(struct http_call *call)
{
    struct http_carrier *carrier = call->carrier;
    if (carrier->state == HTTP_CARRIER_BUSY) {
        busy_ready(carrier, EPOLLIN | EPOLLOUT);
    }
}

static void forget(struct http_origin *origin)
{
    while (!ring_is_empty(&origin->idle)) {
        http_carrier_close(container_of(origin->idle.next, struct http_carrier, link));
    }
    http_connect_forget(origin);
    http_client_tls_free(origin->tls);
}

const struct http_lane http_lane_exchange = { http_question_write, begin, stop, wake, forget };
