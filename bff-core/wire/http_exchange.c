/*
 * http_exchange: the lane on which questions and answers are our own.
 *
 * Curl resolves and connects (http_connect); from then on the descriptor is ours alone, and so is
 * TLS on it. A question is one send; an answer usually is one read: epoll reports edges, and a read
 * that did not fill its room has emptied the socket. Where bytes go through neither TLS nor a pipe
 * these are put into the loop's batch, with those of all other calls. Owns connections: CONNECTING, SHAKING hands
 * and BUSY with a call, or IDLE. Promises: (1) a connection carries one call at a time, and the
 * next only when the answer was whole, said so, and nothing followed it; (2) the one idle for the
 * shortest time is taken first, so that the others can grow old; (3) an idle one that speaks or
 * closes is closed at once; (4) in use and idle together stay within connections_max; (5) a
 * descriptor is written to from the moment it was handed over until we close it, and never after.
 * Knows nothing of queues and of a call's deadline; connect_timeout_ms is kept here once curl has
 * connected.
 */
#include "http_exchange.h"

#include "http_connect.h"
#include "http_flow.h"
#include "http_question.h"
#include "http_socket.h"

#include "../base/clock.h"
#include "../base/must.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct http_exchange {
    struct http_client *client;
    struct http_link idle; /* connections of all origins, idle for longest first */
    unsigned idle_count;
    struct deadline aging;
    char scratch[BATCH_SCRATCH_BYTES]; /* of reads that are not put off */
};

/* Events that say that the peer has ended the connection, or that it is broken. */
enum { CLOSED = EPOLLRDHUP | EPOLLHUP | EPOLLERR };

enum connection_state { CONNECTING, SHAKING, BUSY, IDLE };

struct connection {
    struct http_origin *origin;
    enum connection_state state;
    struct http_call *call;       /* NULL: idle */
    struct http_connect *connect; /* while CONNECTING */
    struct watch watch;           /* from then on; the descriptor is ours */
    struct http_session *session; /* NULL: no TLS */
    struct deadline connect_ends; /* of SHAKING */
    struct batch_io writing;      /* of what is left of the question */
    struct batch_io reading;      /* of the answer */
    size_t sent;                  /* of head and body */
    bool has_closed;              /* BUSY: the peer, while its answer may still be read */
    bool is_dead;                 /* BUSY: it takes no more of the question */
    uint64_t since_us;            /* connecting, or idle */
    uint64_t ends_us;             /* when it is too old to carry another call */
    struct http_link link;        /* in origin->idle, last used last */
    struct http_link age;         /* in exchange->idle */
};

static struct http_exchange *exchange_of(const struct connection *connection)
{
    return connection->origin->client->exchange;
}

static struct loop *loop_of(const struct connection *connection)
{
    return connection->origin->client->loop;
}

/* ---- connections ---- */

static void close_descriptor(struct connection *connection)
{
    struct loop *loop = loop_of(connection);
    loop_deadline_clear(loop, &connection->connect_ends);
    loop_unwatch(loop, &connection->watch);
    loop_io_forget(loop, &connection->writing);
    loop_io_forget(loop, &connection->reading);
    if (connection->session) {
        http_session_close(connection->session);
    }
    close(connection->watch.fd);
}

/* From any state; its call, if there is one, has nothing to carry it then. */
static void close_connection(struct connection *connection)
{
    if (connection->state == IDLE) {
        http_ring_remove(&connection->link);
        http_ring_remove(&connection->age);
        exchange_of(connection)->idle_count--;
    }
    if (connection->call) {
        connection->call->carrier = NULL;
    }
    if (connection->state != CONNECTING) {
        close_descriptor(connection);
    } else if (connection->connect) {
        http_connect_cancel(connection->connect);
    }
    free(connection);
}

static struct connection *oldest_idle(struct http_exchange *exchange)
{
    return container_of(exchange->idle.next, struct connection, age);
}

/* Ages are of seconds: the loop's time, read once for each wake-up, tells them well enough. */
static uint64_t coarse_now_us(const struct connection *connection)
{
    return loop_now_us(loop_of(connection));
}

static bool is_stale(const struct connection *connection, uint64_t now_us)
{
    uint64_t limit_us = (uint64_t)connection->origin->client->options.idle_timeout_ms * 1000;
    return now_us - connection->since_us >= limit_us;
}

/*
 * Those that were made together do not end together: each gets between three quarters of the age
 * and all of it, in the steps of the golden ratio.
 */
static uint64_t end_of_life_us(const struct http_origin *origin, uint64_t now_us)
{
    uint64_t age_us = (uint64_t)origin->client->options.age_max_ms * 1000;
    uint32_t part = (uint32_t)origin->counters.connects * 2654435769u;
    return age_us ? now_us + age_us - (age_us / 4 * part >> 32) : UINT64_MAX;
}

static void wait_for_age(struct http_exchange *exchange)
{
    uint64_t limit_us = (uint64_t)exchange->client->options.idle_timeout_ms * 1000;
    loop_deadline(
        exchange->client->loop, &exchange->aging, oldest_idle(exchange)->since_us + limit_us);
}

/*
 * The deadline is set for who was oldest then, and not moved when that one is used: cheaper than to
 * be exact.
 */
static void close_stale(struct deadline *deadline)
{
    struct http_exchange *exchange = container_of(deadline, struct http_exchange, aging);
    uint64_t now_us = clock_now_us();
    while (!http_ring_is_empty(&exchange->idle) && is_stale(oldest_idle(exchange), now_us)) {
        close_connection(oldest_idle(exchange));
    }
    if (!http_ring_is_empty(&exchange->idle)) {
        wait_for_age(exchange);
    }
}

static void become_idle(struct connection *connection)
{
    struct http_exchange *exchange = exchange_of(connection);
    connection->state = IDLE;
    connection->call->carrier = NULL;
    connection->call = NULL;
    connection->since_us = coarse_now_us(connection);
    http_ring_append(&connection->origin->idle, &connection->link);
    http_ring_append(&exchange->idle, &connection->age);
    exchange->idle_count++;
    if (exchange->aging.place == 0) {
        wait_for_age(exchange);
    }
}

/* The idle connection that was used last, now BUSY; NULL when there is none. */
static struct connection *take_idle(struct http_origin *origin)
{
    while (!http_ring_is_empty(&origin->idle)) {
        struct connection *connection = container_of(origin->idle.before, struct connection, link);
        uint64_t now_us = coarse_now_us(connection);
        if (is_stale(connection, now_us) || now_us >= connection->ends_us) {
            close_connection(connection);
            continue;
        }
        http_ring_remove(&connection->link);
        http_ring_remove(&connection->age);
        exchange_of(connection)->idle_count--;
        connection->state = BUSY;
        return connection;
    }
    return NULL;
}

/* ---- the question ---- */

/* What is left to send of head and body; the number of pieces. */
static int pieces_left(const struct connection *connection, struct iovec pieces[2])
{
    struct str head = str_from(buf_str(&connection->call->request), connection->sent);
    size_t head_len = connection->call->request.len;
    struct str body = connection->call->body;
    body = str_from(body, connection->sent > head_len ? connection->sent - head_len : 0);
    int count = 0;
    if (head.len) {
        pieces[count++] = (struct iovec){ (char *)head.at, head.len };
    }
    if (body.len) {
        pieces[count++] = (struct iovec){ (char *)body.at, body.len };
    }
    return count;
}

static enum http_io send_some(struct connection *connection, struct iovec *pieces, int count)
{
    size_t sent;
    enum http_io io =
        http_socket_send(connection->watch.fd, connection->session, pieces, count, &sent);
    connection->sent += sent;
    return io;
}

static enum http_io send_flow(struct connection *connection)
{
    struct http_flow *flow = connection->call->flow;
    enum http_io io = HTTP_IO_SOME;
    struct str bytes;
    while (io == HTTP_IO_SOME && (bytes = http_outflow_next(&flow->question)).len) {
        struct iovec piece = { (char *)bytes.at, bytes.len };
        size_t before = connection->sent;
        io = send_some(connection, &piece, 1);
        http_outflow_wrote(&flow->question, connection->sent - before);
    }
    flow->awaits_taking = io == HTTP_IO_LATER;
    return http_outflow_is_wrong(&flow->question) ? HTTP_IO_FAILED : io;
}

/*
 * As much as the socket takes; the rest follows when epoll says so. False when the connection is
 * dead.
 */
static bool send_question(struct connection *connection)
{
    struct iovec pieces[2];
    int count;
    bool is_streamed = connection->call->flow != NULL;
    enum http_io io = is_streamed ? send_flow(connection) : HTTP_IO_SOME;
    while (!is_streamed && io == HTTP_IO_SOME && (count = pieces_left(connection, pieces)) > 0) {
        io = send_some(connection, pieces, count);
    }
    connection->call->answer.was_sent = connection->sent > 0;
    return io == HTTP_IO_SOME || io == HTTP_IO_LATER;
}

static bool is_question_sent(const struct connection *connection)
{
    const struct http_call *call = connection->call;
    return call->flow ? http_outflow_is_sent(&call->flow->question)
                      : connection->sent == call->request.len + call->body.len;
}

/* Neither TLS nor a pipe is between the call and the socket. */
static bool is_batched(const struct connection *connection)
{
    return !connection->session && !connection->call->flow;
}

/* ---- the answer ---- */

static enum http_io receive(
    struct connection *connection, struct iovec *places, int count, size_t *received)
{
    return http_socket_receive(connection->watch.fd, connection->session, places, count, received);
}

/* Nothing waits behind the answer: whatever does would be taken for the next one. */
static bool is_silent(struct connection *connection)
{
    char byte;
    size_t received;
    struct iovec place = { &byte, 1 };
    return receive(connection, &place, 1, &received) == HTTP_IO_LATER;
}

/* The call is over: its connection waits for the next, or is closed. */
static void finish(struct connection *connection, enum http_outcome outcome, bool is_reusable)
{
    struct http_call *call = connection->call;
    if (is_reusable) {
        become_idle(connection);
    } else {
        close_connection(connection);
    }
    http_call_end(call, outcome);
}

/* The connection ended, or failed, before the answer did. */
static void fail(struct connection *connection)
{
    bool has_begun = http_answer_parser_has_begun(&connection->call->parser);
    finish(connection, has_begun ? HTTP_BROKEN : HTTP_RESET, false);
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
static bool feed(struct connection *connection, struct str in, bool is_drained)
{
    struct http_call *call = connection->call;
    struct str body;
    for (;;) {
        enum http_answer_event event = http_answer_parser_step(&call->parser, &in, &body);
        enum http_outcome outcome = take(call, event, body);
        if (outcome != HTTP_ANSWERED) {
            finish(connection, outcome, false);
            return false;
        }
        if (event == HTTP_ANSWER_END) {
            bool is_reusable = call->parser.is_persistent && is_question_sent(connection) &&
                               in.len == 0 && (is_drained || is_silent(connection));
            finish(connection, outcome, is_reusable);
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
static int content_place(const struct connection *connection, struct iovec *place)
{
    struct http_call *call = connection->call;
    bool is_plain = call->parser.framing == HTTP_LENGTH && call->parser.left && !call->inflate;
    char *body = is_plain ? buf_reserve(&call->answer.body, call->parser.left) : NULL;
    if (body) {
        *place = (struct iovec){ body, call->parser.left };
    }
    return body != NULL;
}

static void hear_close(struct connection *connection)
{
    struct http_call *call = connection->call;
    if (http_answer_parser_close(&call->parser) == HTTP_ANSWER_END) {
        finish(connection, http_call_take_end(call), false);
    } else {
        fail(connection);
    }
}

static bool hear_some(
    struct connection *connection, const struct iovec *places, int count, size_t received)
{
    struct http_call *call = connection->call;
    const struct iovec *scratch = &places[count - 1];
    size_t content_room = count > 1 ? places[0].iov_len : 0;
    /* A streamed answer may be left unread: whether the peer has closed is asked each time. */
    bool is_drained = !connection->session && received < content_room + scratch->iov_len &&
                      !connection->has_closed && !call->flow;
    if (content_room) {
        size_t content = received < content_room ? received : content_room;
        buf_grew(&call->answer.body, content);
        http_answer_parser_skip(&call->parser, content);
        received -= content;
    }
    struct str in = { scratch->iov_base, received };
    return feed(connection, in, is_drained) && !is_drained;
}

/* What a read has brought. False when nothing more is to be read now, or the call has ended. */
static bool hear(struct connection *connection, enum http_io how, const struct iovec *places,
    int count, size_t received)
{
    switch (how) {
    case HTTP_IO_SOME:
        return hear_some(connection, places, count, received);
    case HTTP_IO_LATER:
        break;
    case HTTP_IO_CLOSED:
        hear_close(connection);
        break;
    case HTTP_IO_FAILED:
        fail(connection);
        break;
    }
    return false;
}

/* ---- through TLS, or between pipes: at once ---- */

/* Of a streamed answer what its pipe has room for, if only then: 0 places are none. */
static int reading_places(struct connection *connection, struct iovec places[2])
{
    struct http_flow *flow = connection->call->flow;
    struct iovec scratch = { exchange_of(connection)->scratch, BATCH_SCRATCH_BYTES };
    int count = 0;
    if (flow) {
        size_t room = http_flow_room(flow);
        scratch.iov_len = room < scratch.iov_len ? room : scratch.iov_len;
    } else {
        count = content_place(connection, places);
    }
    places[count] = scratch;
    return scratch.iov_len ? count + 1 : 0;
}

static bool read_some(struct connection *connection)
{
    struct iovec places[2];
    int count = reading_places(connection, places);
    size_t received;
    return count && hear(connection, receive(connection, places, count, &received), places, count,
                        received);
}

static void busy_ready_now(struct connection *connection, uint32_t events)
{
    struct http_call *call = connection->call;
    bool is_dead = events & EPOLLOUT && !is_question_sent(connection) && !send_question(connection);
    connection->has_closed = is_dead || events & CLOSED;
    /* A question refused half way may have its answer waiting: that is read before giving up. */
    if (connection->has_closed || events & EPOLLIN) {
        while (read_some(connection)) {
        }
    }
    if (is_dead && call->carrier == connection) {
        fail(connection);
    }
    if (call->carrier == connection && call->flow) {
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

static void put_reading(struct connection *connection)
{
    struct batch_io *io = &connection->reading;
    if (io->place == 0) {
        io->count = content_place(connection, io->pieces);
        loop_io(loop_of(connection), io);
    }
}

static void put_writing(struct connection *connection)
{
    struct batch_io *io = &connection->writing;
    if (io->place == 0) {
        io->count = pieces_left(connection, io->pieces);
        loop_io(loop_of(connection), io);
    }
}

static void has_read(struct batch_io *io, ssize_t result, char *scratch)
{
    (void)scratch; /* the last of the pieces */
    struct connection *connection = container_of(io, struct connection, reading);
    struct http_call *call = connection->call;
    size_t received = result > 0 ? (size_t)result : 0;
    bool is_dead = connection->is_dead;
    if (hear(connection, io_of(result), io->pieces, io->count, received)) {
        put_reading(connection);
    } else if (is_dead && call->carrier == connection) {
        fail(connection);
    }
}

static void has_written(struct batch_io *io, ssize_t result, char *scratch)
{
    (void)scratch;
    struct connection *connection = container_of(io, struct connection, writing);
    switch (io_of(result)) {
    case HTTP_IO_SOME:
        connection->sent += (size_t)result;
        connection->call->answer.was_sent = true;
        if (!is_question_sent(connection)) {
            put_writing(connection);
        }
        break;
    case HTTP_IO_LATER:
        break;
    default: /* its answer may be waiting: that is read before giving up */
        connection->is_dead = connection->has_closed = true;
        put_reading(connection);
        break;
    }
}

static void busy_ready_batched(struct connection *connection, uint32_t events)
{
    connection->has_closed |= (events & CLOSED) != 0;
    if (events & EPOLLOUT && !is_question_sent(connection)) {
        put_writing(connection);
    }
    if (connection->has_closed || events & EPOLLIN) {
        put_reading(connection);
    }
}

/* ---- events ---- */

static void idle_ready(struct connection *connection, uint32_t events)
{
    bool has_spoken = events & EPOLLIN && !is_silent(connection);
    if (has_spoken || events & CLOSED) {
        close_connection(connection);
    }
}

static void busy_ready(struct connection *connection, uint32_t events)
{
    if (is_batched(connection)) {
        busy_ready_batched(connection, events);
    } else {
        busy_ready_now(connection, events);
    }
}

static void ask(struct connection *connection)
{
    connection->sent = 0;
    connection->has_closed = connection->is_dead = false;
    if (is_batched(connection)) {
        put_writing(connection);
    } else if (!send_question(connection)) {
        fail(connection);
    } else if (connection->call->flow) {
        http_flow_await(connection->call->flow);
    }
}

/* ---- from connecting to the first question ---- */

static void become_busy(struct connection *connection)
{
    struct http_call *call = connection->call;
    connection->state = BUSY;
    call->origin->counters.connects++;
    call->answer.connect_us = clock_now_us() - connection->since_us;
    ask(connection);
}

static void shake(struct connection *connection)
{
    switch (http_session_shake(connection->session)) {
    case HTTP_IO_SOME:
        loop_deadline_clear(loop_of(connection), &connection->connect_ends);
        become_busy(connection);
        break;
    case HTTP_IO_LATER:
        break;
    default:
        finish(connection, HTTP_UNREACHED, false);
        break;
    }
}

static void shaken_too_slowly(struct deadline *deadline)
{
    finish(container_of(deadline, struct connection, connect_ends), HTTP_UNREACHED, false);
}

static void begin_tls(struct connection *connection)
{
    struct http_origin *origin = connection->origin;
    uint64_t limit_us = (uint64_t)origin->client->options.connect_timeout_ms * 1000;
    connection->session = http_session_open(origin->tls, connection->watch.fd);
    if (!connection->session) {
        finish(connection, HTTP_UNREACHED, false);
        return;
    }
    connection->connect_ends.expired = shaken_too_slowly;
    if (limit_us) {
        loop_deadline(
            origin->client->loop, &connection->connect_ends, connection->since_us + limit_us);
    }
    shake(connection);
}

static void ready(struct watch *watch, uint32_t events)
{
    struct connection *connection = container_of(watch, struct connection, watch);
    if (connection->session && events & ~(uint32_t)EPOLLOUT) {
        http_session_wake(connection->session, events & CLOSED);
    }
    switch (connection->state) {
    case SHAKING:
        shake(connection);
        break;
    case BUSY:
        busy_ready(connection, events);
        break;
    default:
        idle_ready(connection, events);
        break;
    }
}

static void connected(void *context, int fd)
{
    struct connection *connection = context;
    connection->connect = NULL;
    if (fd < 0) {
        finish(connection, HTTP_UNREACHED, false);
        return;
    }
    connection->state = SHAKING;
    connection->watch = (struct watch){ fd, ready };
    connection->writing = (struct batch_io){ .fd = fd, .is_write = true, .done = has_written };
    connection->reading = (struct batch_io){ .fd = fd, .done = has_read };
    must(loop_watch(loop_of(connection), &connection->watch,
        EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET));
    if (connection->origin->is_secure) {
        begin_tls(connection);
    } else {
        become_busy(connection);
    }
}

/* ---- the lane ---- */

/* Room for one more: whoever has been idle for longest leaves, whatever its origin. */
static void make_room(struct http_exchange *exchange)
{
    unsigned max = exchange->client->options.connections_max;
    while (max && exchange->idle_count && exchange->client->in_use + exchange->idle_count > max) {
        close_connection(oldest_idle(exchange));
    }
}

static void connect_anew(struct http_call *call)
{
    make_room(call->client->exchange);
    struct connection *connection = calloc(1, sizeof(*connection));
    must(connection != NULL);
    connection->origin = call->origin;
    connection->call = call;
    connection->since_us = clock_now_us();
    connection->ends_us = end_of_life_us(call->origin, connection->since_us);
    call->carrier = connection;
    connection->connect = http_connect_start(call->origin, connected, connection);
}

static void begin(struct http_call *call)
{
    /* A body out of a pipe cannot be sent again: it does not meet a connection about to close. */
    bool is_once = call->flow && call->flow->is_body_piped;
    struct connection *connection = is_once ? NULL : take_idle(call->origin);
    /* What may not be asked twice is not put to a connection of which we have yet to hear that it
     * is closed. */
    while (connection && call->method != HTTP_GET && !is_silent(connection)) {
        close_connection(connection);
        connection = take_idle(call->origin);
    }
    if (!connection) {
        connect_anew(call);
        return;
    }
    call->origin->counters.reuses++;
    call->answer.is_reused = true;
    call->carrier = connection;
    connection->call = call;
    ask(connection);
}

static void stop(struct http_call *call)
{
    close_connection(call->carrier);
}

static void wake(struct http_call *call)
{
    struct connection *connection = call->carrier;
    if (connection->state == BUSY) {
        busy_ready(connection, EPOLLIN | EPOLLOUT);
    }
}

static void forget(struct http_origin *origin)
{
    while (!http_ring_is_empty(&origin->idle)) {
        close_connection(container_of(origin->idle.next, struct connection, link));
    }
    http_connect_forget(origin);
    http_client_tls_free(origin->tls);
}

const struct http_lane http_exchange_lane = { http_question_write, begin, stop, wake, forget };

struct http_exchange *http_exchange_new(struct http_client *client)
{
    struct http_exchange *exchange = calloc(1, sizeof(*exchange));
    must(exchange != NULL);
    exchange->client = client;
    exchange->aging.expired = close_stale;
    http_ring_init(&exchange->idle);
    return exchange;
}

void http_exchange_free(struct http_exchange *exchange)
{
    must(http_ring_is_empty(&exchange->idle));
    loop_deadline_clear(exchange->client->loop, &exchange->aging);
    free(exchange);
}
