/*
 * http_exchange: the lane on which questions and answers are our own.
 *
 * Curl resolves, connects, does TLS and verifies (CONNECT_ONLY); then the connection is ours,
 * though it stays in the multi handle, because curl closes it otherwise. A question is one send; an
 * answer usually is one read: epoll reports edges, and a read that did not fill its room has
 * emptied the socket. Owns connections: CONNECTING and BUSY with a call, or IDLE. Promises: (1) a
 * connection carries one call at a time, and the next only when the answer was whole, said so, and
 * nothing followed it; (2) the one idle for the shortest time is taken first, so that the others
 * can grow old; (3) an idle one that speaks or closes is closed at once; (4) in use and idle
 * together stay within connections_max. Knows nothing of deadlines and queues.
 */
#include "http_exchange.h"

#include "http_curl.h"
#include "http_lane.h"

#include "../base/clock.h"
#include "../base/must.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { SCRATCH_BYTES = 64 * 1024 };

struct http_exchange {
    struct http_client *client;
    struct http_link idle; /* connections of all origins, idle for longest first */
    unsigned idle_count;
    struct deadline aging;
    char scratch[SCRATCH_BYTES];
};

enum connection_state { CONNECTING, BUSY, IDLE };

struct connection {
    struct http_curl_job job; /* holds the easy handle, and with it the connection */
    struct http_origin *origin;
    enum connection_state state;
    struct http_call *call; /* NULL: idle */
    struct watch watch;     /* from BUSY on */
    size_t sent;            /* of head and body */
    uint64_t since_us;      /* connecting, or idle */
    struct http_link link;  /* in origin->idle, last used last */
    struct http_link age;   /* in exchange->idle */
};

static struct http_exchange *exchange_of(const struct connection *connection)
{
    return connection->origin->client->exchange;
}

/* ---- connections ---- */

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
        loop_unwatch(connection->origin->client->loop, &connection->watch);
    }
    http_curl_remove(connection->origin->client->curl, &connection->job);
    curl_easy_cleanup(connection->job.easy);
    free(connection);
}

static struct connection *oldest_idle(struct http_exchange *exchange)
{
    return container_of(exchange->idle.next, struct connection, age);
}

static bool is_stale(const struct connection *connection, uint64_t now_us)
{
    uint64_t limit_us = (uint64_t)connection->origin->client->options.idle_timeout_ms * 1000;
    return now_us - connection->since_us >= limit_us;
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
    connection->since_us = clock_now_us();
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
    uint64_t now_us = clock_now_us();
    while (!http_ring_is_empty(&origin->idle)) {
        struct connection *connection = container_of(origin->idle.before, struct connection, link);
        if (is_stale(connection, now_us)) {
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

static char *put(char *to, struct str s)
{
    memcpy(to, s.at, s.len);
    return to + s.len;
}

static bool needs_length(const struct http_call *call)
{
    return call->body.len || call->method == HTTP_POST || call->method == HTTP_PUT ||
           call->method == HTTP_PATCH;
}

static size_t head_room(const struct http_call *call, const struct http_call_options *options)
{
    enum { FIXED_MAX = 160 }; /* method, version, names of our own fields, a length */
    size_t room =
        FIXED_MAX + strlen(call->origin->prefix) + options->target.len + strlen(call->origin->host);
    for (size_t i = 0; i < options->fields_count; i++) {
        room += options->fields[i].name.len + options->fields[i].value.len + 4;
    }
    return room;
}

/* call->request becomes the whole head, as it is sent (RFC 9112 section 3). */
static void prepare(struct http_call *call, const struct http_call_options *options)
{
    char *head = buf_reserve(&call->request, head_room(call, options));
    must(head != NULL);
    char *to = put(head, str_of(http_method_name(call->method)));
    to = put(to, STR(" "));
    to = put(to, str_of(call->origin->prefix));
    to = put(to, options->target);
    to = put(to, STR(" HTTP/1.1\r\nHost: "));
    to = put(to, str_of(call->origin->host));
    to = put(to, STR("\r\n"));
    if (call->origin->asks_gzip) {
        to = put(to, STR("Accept-Encoding: gzip\r\n"));
    }
    for (size_t i = 0; i < options->fields_count; i++) {
        to = put(to, options->fields[i].name);
        to = put(to, STR(": "));
        to = put(to, options->fields[i].value);
        to = put(to, STR("\r\n"));
    }
    buf_grew(&call->request, (size_t)(to - head));
    if (needs_length(call)) {
        buf_append_str(&call->request, STR("Content-Length: "));
        buf_append_u64(&call->request, call->body.len);
        buf_append_str(&call->request, STR("\r\n"));
    }
    must(buf_append_str(&call->request, STR("\r\n")));
}

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

enum io { IO_SOME, IO_LATER, IO_CLOSED, IO_FAILED };

static enum io io_of_errno(void)
{
    return errno == EAGAIN || errno == EINTR ? IO_LATER : IO_FAILED;
}

static enum io io_of_curl(CURLcode code, size_t len)
{
    if (code == CURLE_OK) {
        return len ? IO_SOME : IO_CLOSED;
    }
    return code == CURLE_AGAIN ? IO_LATER : IO_FAILED;
}

static enum io send_some(struct connection *connection, struct iovec *pieces, int count)
{
    if (connection->origin->is_secure) {
        size_t sent = 0;
        CURLcode code =
            curl_easy_send(connection->job.easy, pieces[0].iov_base, pieces[0].iov_len, &sent);
        connection->sent += sent;
        return io_of_curl(code, sent);
    }
    struct msghdr message = { .msg_iov = pieces, .msg_iovlen = (size_t)count };
    ssize_t sent = sendmsg(connection->watch.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
        return io_of_errno();
    }
    connection->sent += (size_t)sent;
    return IO_SOME;
}

/*
 * As much as the socket takes; the rest follows when epoll says so. False when the connection is
 * dead.
 */
static bool send_question(struct connection *connection)
{
    struct iovec pieces[2];
    int count;
    enum io io = IO_SOME;
    while (io == IO_SOME && (count = pieces_left(connection, pieces)) > 0) {
        io = send_some(connection, pieces, count);
    }
    connection->call->answer.was_sent = connection->sent > 0;
    return io == IO_SOME || io == IO_LATER;
}

static bool is_question_sent(const struct connection *connection)
{
    return connection->sent == connection->call->request.len + connection->call->body.len;
}

/* ---- the answer ---- */

static enum io receive(
    struct connection *connection, struct iovec *places, int count, size_t *received)
{
    *received = 0;
    if (connection->origin->is_secure) {
        CURLcode code =
            curl_easy_recv(connection->job.easy, places[0].iov_base, places[0].iov_len, received);
        return io_of_curl(code, *received);
    }
    ssize_t got = readv(connection->watch.fd, places, count);
    if (got <= 0) {
        return got == 0 ? IO_CLOSED : io_of_errno();
    }
    *received = (size_t)got;
    return IO_SOME;
}

/* Nothing waits behind the answer: whatever does would be taken for the next one. */
static bool is_silent(struct connection *connection)
{
    char byte;
    size_t received;
    struct iovec place = { &byte, 1 };
    return receive(connection, &place, 1, &received) == IO_LATER;
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
 * Where the next bytes go: into the scratch, but content of known length and without a coding goes
 * straight to its place, with the scratch behind it for what should not be there.
 */
static int reading_places(struct connection *connection, struct iovec places[2])
{
    struct http_call *call = connection->call;
    struct http_exchange *exchange = exchange_of(connection);
    int count = 0;
    bool is_plain = call->parser.framing == HTTP_LENGTH && call->parser.left && !call->inflate;
    char *body = is_plain ? buf_reserve(&call->answer.body, call->parser.left) : NULL;
    if (body) {
        places[count++] = (struct iovec){ body, call->parser.left };
    }
    places[count++] = (struct iovec){ exchange->scratch, sizeof(exchange->scratch) };
    return count;
}

/* One read, and what it means. False when nothing more is to be read now, or the call has ended. */
static bool read_some(struct connection *connection, bool peer_has_closed)
{
    struct iovec places[2];
    struct http_call *call = connection->call;
    int count = reading_places(connection, places);
    size_t room = places[0].iov_len + (count > 1 ? places[1].iov_len : 0);
    size_t received;
    switch (receive(connection, places, count, &received)) {
    case IO_SOME:
        break;
    case IO_LATER:
        return false;
    case IO_CLOSED:
        if (http_answer_parser_close(&call->parser) == HTTP_ANSWER_END) {
            finish(connection, http_call_take_end(call), false);
            return false;
        }
        fail(connection);
        return false;
    case IO_FAILED:
        fail(connection);
        return false;
    }
    bool is_drained = !connection->origin->is_secure && received < room && !peer_has_closed;
    if (count > 1) {
        size_t direct = received < places[0].iov_len ? received : places[0].iov_len;
        buf_grew(&call->answer.body, direct);
        http_answer_parser_skip(&call->parser, direct);
        received -= direct;
    }
    struct str in = { exchange_of(connection)->scratch, received };
    return feed(connection, in, is_drained) && !is_drained;
}

/* ---- events ---- */

static void idle_ready(struct connection *connection, uint32_t events)
{
    bool has_spoken = events & EPOLLIN && !is_silent(connection);
    if (has_spoken || events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        close_connection(connection);
    }
}

static void ready(struct watch *watch, uint32_t events)
{
    struct connection *connection = container_of(watch, struct connection, watch);
    if (connection->state == IDLE) {
        idle_ready(connection, events);
        return;
    }
    struct http_call *call = connection->call;
    bool is_dead = events & EPOLLOUT && !is_question_sent(connection) && !send_question(connection);
    bool has_closed = is_dead || events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
    /* A question refused half way may have its answer waiting: that is read before giving up. */
    if (has_closed || events & EPOLLIN) {
        while (read_some(connection, has_closed)) {
        }
    }
    if (is_dead && call->carrier == connection) {
        fail(connection);
    }
}

static void ask(struct connection *connection)
{
    connection->sent = 0;
    if (!send_question(connection)) {
        fail(connection);
    }
}

static void connected(struct http_curl_job *job, int code)
{
    struct connection *connection = container_of(job, struct connection, job);
    struct http_call *call = connection->call;
    struct http_client *client = connection->origin->client;
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (code == CURLE_OK) {
        curl_easy_getinfo(job->easy, CURLINFO_ACTIVESOCKET, &fd);
    }
    if (fd == CURL_SOCKET_BAD) {
        finish(connection, HTTP_UNREACHED, false);
        return;
    }
    http_curl_release_fd(client->curl, fd);
    connection->state = BUSY;
    connection->watch = (struct watch){ fd, ready };
    must(loop_watch(client->loop, &connection->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET));
    call->origin->counters.connects++;
    call->answer.connect_us = clock_now_us() - connection->since_us;
    ask(connection);
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
    CURL *easy = http_curl_easy_new(call->origin);
    must(curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK);
    connection->job = (struct http_curl_job){ easy, connected };
    connection->origin = call->origin;
    connection->call = call;
    connection->since_us = clock_now_us();
    call->carrier = connection;
    http_curl_add(call->client->curl, &connection->job);
}

static void begin(struct http_call *call)
{
    struct connection *connection = take_idle(call->origin);
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

static void forget(struct http_origin *origin)
{
    while (!http_ring_is_empty(&origin->idle)) {
        close_connection(container_of(origin->idle.next, struct connection, link));
    }
}

const struct http_lane http_exchange_lane = { prepare, begin, stop, forget };

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
