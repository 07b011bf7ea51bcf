/*
 * Streamed calls: what a service gets and gives when question and answer pass through pipes. The
 * service of each test is a thread that reads and writes its socket as the test says, plain or TLS.
 */
#include "far_service.h"
#include "http_identity.h"
#include "http_page.h"

#include <sys/time.h>

enum { PIPE_BYTES = 65536, LARGE = 40 << 20, IDLE_MS = 150, LONG_MS = 20000 };

/* ---- the call ---- */

static struct flow {
    struct page page;
    struct far far;
    struct identity identity;
    struct pipe body, content;
    struct soon fill, drain;
    struct deadline later; /* takes what was held */
    struct http_call *call;
    uint64_t to_send, sent, taken;
    bool is_pattern, is_held, must_cancel;
    unsigned heads, ends, status;
    uint64_t length;
    char fields[4096];
    enum http_outcome outcome;
    bool is_reused;
} flow;

static void fill(struct soon *soon)
{
    (void)soon;
    size_t room;
    while (!flow.body.has_ended && (room = pipe_room(&flow.body)) > 0) {
        size_t len = flow.to_send - flow.sent < room ? (size_t)(flow.to_send - flow.sent) : room;
        char *to = pipe_place(&flow.body);
        for (size_t i = 0; i < len; i++) {
            to[i] = pattern(flow.sent + i);
        }
        flow.sent += len;
        pipe_grew(&flow.body, len);
        if (flow.sent == flow.to_send) {
            pipe_end(&flow.body);
        }
    }
}

static void stop_if_over(void)
{
    if (flow.ends && (flow.outcome != HTTP_ANSWERED || pipe_is_over(&flow.content))) {
        loop_stop(flow.page.loop);
    }
}

static void drain(struct soon *soon)
{
    (void)soon;
    struct str bytes = flow.is_held ? STR("") : pipe_peek(&flow.content);
    for (size_t i = 0; i < bytes.len; i++) {
        flow.is_pattern &= bytes.at[i] == pattern(flow.taken++);
    }
    pipe_take(&flow.content, bytes.len);
    stop_if_over();
}

static void take_again(struct deadline *deadline)
{
    (void)deadline;
    flow.is_held = false;
    drain(NULL);
}

static void head_came(void *context, const struct http_call_head *head)
{
    (void)context;
    size_t len = 0;
    cr_assert_eq(flow.ends, 0);
    flow.heads++;
    flow.status = head->status;
    flow.length = head->length;
    for (size_t i = 0; i < head->fields_count; i++) {
        len += (size_t)snprintf(flow.fields + len, sizeof(flow.fields) - len, "%.*s=%.*s;",
            STR_FMT(head->fields[i].name), STR_FMT(head->fields[i].value));
    }
    if (flow.must_cancel) {
        http_call_cancel(flow.call);
        loop_stop(flow.page.loop);
    }
}

static void ended(void *context, struct http_answer *answer)
{
    (void)context;
    flow.ends++;
    flow.outcome = answer->outcome;
    flow.is_reused = answer->is_reused;
    stop_if_over();
}

/* A service that talks like this, and the client that will ask it. */
static void open_flow(void (*talk)(struct far *far), bool is_tls)
{
    flow = (struct flow){ .fill.run = fill, .drain.run = drain, .later.expired = take_again };
    flow.far.talk = talk;
    struct http_origin_options options = { .lane = HTTP_LANE_EXCHANGE };
    if (is_tls) {
        make_identity(&flow.identity, loopback);
        flow.far.credentials = flow.identity.credentials;
        options.ca_file = flow.identity.ca_file;
    }
    flow.far.talks = 2;
    far_open(&flow.far);
    open_client(&flow.page, (struct http_client_options){ 0 });
    pipe_init(&flow.body, flow.page.loop, PIPE_BYTES);
    pipe_init(&flow.content, flow.page.loop, PIPE_BYTES);
    flow.page.origin = origin_at(&flow.page, flow.far.port, options);
}

static void close_flow(void)
{
    http_client_free(flow.page.client);
    loop_soon_forget(flow.page.loop, &flow.fill);
    loop_soon_forget(flow.page.loop, &flow.drain);
    loop_deadline_clear(flow.page.loop, &flow.later);
    pipe_fini(&flow.body);
    pipe_fini(&flow.content);
    loop_free(flow.page.loop);
    shutdown(flow.far.listener, SHUT_RDWR);
    pthread_join(flow.far.thread, NULL);
    close(flow.far.listener);
    if (flow.far.credentials) {
        drop_identity(&flow.identity);
    }
}

/* Until the call has ended and its content was taken. */
static void ask_flow(enum http_method method, bool has_body, uint64_t length, unsigned ms)
{
    struct http_call_stream stream = { has_body ? &flow.body : NULL, length, &flow.content,
        head_came, ms, ms };
    struct http_call_field field = { STR("Accept-Encoding"), STR("zstd") };
    struct http_call_options options = { .origin = flow.page.origin,
        .method = method,
        .target = STR("/t"),
        .fields = &field,
        .fields_count = 1,
        .deadline_us = clock_now_us() + LONG_MS * 1000ull,
        .stream = &stream };
    pipe_fini(&flow.body);
    pipe_fini(&flow.content);
    flow.body.filler = &flow.fill;
    flow.content.drainer = &flow.drain;
    flow.is_pattern = true;
    flow.heads = flow.ends = 0;
    flow.taken = flow.sent = 0;
    if (has_body) {
        fill(NULL);
    }
    flow.call = http_call_start(flow.page.client, &options, ended, &flow);
    loop_deadline(flow.page.loop, &flow.page.end, clock_now_us() + 6 * PATIENCE_MS * 1000ull);
    loop_run(flow.page.loop);
    loop_deadline_clear(flow.page.loop, &flow.page.end);
    cr_assert_not(flow.page.has_waited_in_vain);
}

TestSuite(http_flow, .timeout = 120);

/* ---- answers ---- */

static void talk_length(struct far *far)
{
    far_hear_head(far);
    far_say(far, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                 "HTTP/1.1 206 Partial\r\nContent-Length: 3000000\r\nSet-Cookie: a\r\n"
                 "Cache-Control: no-store\r\nset-cookie:b\r\nCache-Control: private\r\n"
                 "Content-Encoding: br\r\n\r\n");
    far_give_pattern(far, 3000000);
}

Test(http_flow, gives_all_of_the_head_and_the_content_in_pieces)
{
    for (int tls = 0; tls < 2; tls++) {
        open_flow(talk_length, tls);
        ask_flow(HTTP_GET, false, 0, LONG_MS);
        cr_assert_eq(flow.heads, 1);
        cr_assert_eq(flow.status, 206);
        cr_assert_eq(flow.length, 3000000);
        cr_assert_str_eq(flow.fields,
            "Content-Length=3000000;Set-Cookie=a;Cache-Control=no-store;set-cookie=b;"
            "Cache-Control=private;Content-Encoding=br;");
        cr_assert_eq(flow.outcome, HTTP_ANSWERED);
        cr_assert_eq(flow.taken, 3000000);
        cr_assert(flow.is_pattern);
        cr_assert_not_null(strstr(flow.far.heard, "\r\nAccept-Encoding: zstd\r\n"));
        close_flow();
    }
}

static void talk_until_close(struct far *far)
{
    far_hear_head(far);
    far_say(far, "HTTP/1.1 200 OK\r\n\r\n");
    far_give_pattern(far, 1000000);
}

static void talk_chunks(struct far *far)
{
    far_hear_head(far);
    far_say(far, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    char piece[1000], line[16];
    for (uint64_t at = 0; at < 1000000; at += sizeof(piece)) {
        for (size_t i = 0; i < sizeof(piece); i++) {
            piece[i] = pattern(at + i);
        }
        snprintf(line, sizeof(line), "%zx\r\n", sizeof(piece));
        far_say(far, line);
        far_write(far, piece, sizeof(piece));
        far_say(far, "\r\n");
    }
    far_say(far, "0\r\n\r\n");
}

Test(http_flow, takes_chunks_and_a_close_for_an_end)
{
    for (int i = 0; i < 4; i++) {
        open_flow(i & 1 ? talk_chunks : talk_until_close, i & 2);
        ask_flow(HTTP_GET, false, 0, LONG_MS);
        cr_assert_eq(flow.length, PIPE_LENGTH_UNKNOWN);
        cr_assert_eq(flow.outcome, HTTP_ANSWERED);
        cr_assert_eq(flow.taken, 1000000);
        cr_assert(flow.is_pattern);
        close_flow();
    }
}

static void talk_bare(struct far *far)
{
    far_hear_head(far);
    far_say(far, "HTTP/1.1 304 Not\r\nContent-Length: 700\r\nETag: \"x\"\r\n\r\n");
    far_hear_head(far);
    far_say(far, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
}

Test(http_flow, knows_answers_without_content_and_keeps_their_connection)
{
    open_flow(talk_bare, false);
    ask_flow(HTTP_GET, false, 0, LONG_MS);
    cr_assert_eq(flow.status, 304);
    cr_assert_eq(flow.length, 700);
    cr_assert_eq(flow.taken, 0);
    ask_flow(HTTP_HEAD, false, 0, LONG_MS);
    cr_assert_eq(flow.status, 200);
    cr_assert_eq(flow.length, 5000);
    cr_assert_eq(flow.outcome, HTTP_ANSWERED);
    cr_assert(flow.is_reused);
    close_flow();
}

/* The service is held up by the sockets once the pipe is full, and nobody calls that too slow. */
static void talk_large(struct far *far)
{
    far_hear_head(far);
    far_say(far, "HTTP/1.1 200 OK\r\nContent-Length: 41943040\r\n\r\n");
    struct timeval patience = { .tv_usec = 50000 };
    setsockopt(far->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    far_give_pattern(far, LARGE);
}

Test(http_flow, holds_up_a_service_that_gives_more_than_is_taken)
{
    for (int tls = 0; tls < 2; tls++) {
        open_flow(talk_large, tls);
        flow.is_held = true;
        loop_deadline(flow.page.loop, &flow.later, clock_now_us() + 600000);
        ask_flow(HTTP_GET, false, 0, IDLE_MS);
        cr_assert_eq(flow.outcome, HTTP_BROKEN, "it gave up in the middle");
        cr_assert_geq(flow.content.stalls, 1);
        cr_assert_lt(flow.taken, LARGE);
        cr_assert_geq(flow.taken, flow.far.gave);
        cr_assert(flow.is_pattern);
        cr_assert_not(flow.content.has_ended);
        close_flow();
    }
}

static void talk_half(struct far *far)
{
    far_hear_head(far);
    far_say(far, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    far_give_pattern(far, 500);
}

static void talk_half_and_wait(struct far *far)
{
    talk_half(far);
    far_hear_head(far);
}

static void talk_nothing(struct far *far)
{
    far_hear_head(far);
}

static void talk_never(struct far *far)
{
    far_hear_head(far);
    far_hear_pattern(far, UINT64_MAX);
}

Test(http_flow, tells_how_an_answer_failed)
{
    static const struct {
        void (*talk)(struct far *far);
        enum http_outcome outcome;
        unsigned heads;
    } rows[] = {
        { talk_half, HTTP_BROKEN, 1 },
        { talk_half_and_wait, HTTP_TIMED_OUT, 1 },
        { talk_nothing, HTTP_RESET, 0 },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        open_flow(rows[i].talk, false);
        ask_flow(HTTP_GET, false, 0, IDLE_MS);
        cr_assert_eq(
            flow.outcome, rows[i].outcome, "row %zu: %s", i, http_outcome_name(flow.outcome));
        cr_assert_leq(flow.heads, rows[i].heads);
        cr_assert_not(flow.content.has_ended);
        close_flow();
    }
}

Test(http_flow, can_be_cancelled_by_its_head)
{
    open_flow(talk_half_and_wait, false);
    flow.must_cancel = true;
    ask_flow(HTTP_GET, false, 0, LONG_MS);
    cr_assert_eq(flow.heads, 1);
    cr_assert_eq(flow.ends, 0);
    cr_assert_eq(http_client_calls(flow.page.client), 0);
    close_flow();
}

/* ---- bodies ---- */

static void talk_upload(struct far *far)
{
    far_hear_head(far);
    far_hear_pattern(far, strtoull(strstr(far->heard, "Content-Length: ") + 16, NULL, 10));
    far_say(far, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
}

Test(http_flow, sends_a_body_of_known_length)
{
    static const uint64_t lengths[] = { 0, 1, 65536, 1000003, LARGE };
    for (size_t i = 0; i < countof(lengths) * 2; i++) {
        open_flow(talk_upload, i & 1);
        flow.to_send = lengths[i / 2];
        ask_flow(HTTP_PUT, true, flow.to_send, LONG_MS);
        cr_assert_eq(flow.outcome, HTTP_ANSWERED);
        cr_assert_eq(flow.status, 201);
        cr_assert_eq(flow.far.got, flow.to_send);
        cr_assert(flow.far.is_pattern);
        cr_assert_null(strstr(flow.far.heard, "Transfer-Encoding"));
        close_flow();
    }
}

/* Chunk lines are taken out, byte by byte. */
static void talk_upload_chunks(struct far *far)
{
    size_t left = 0, line_len = 0;
    char line[16];
    enum { LINE, DATA, CRLF } state = LINE;
    bool is_last = false;
    far_hear_head(far);
    far->is_pattern = true;
    for (far->got = 0; !is_last || state != LINE;) {
        for (size_t i = 0; i < far->body_len; i++) {
            char c = far->body[i];
            if (state == DATA) {
                far->is_pattern &= c == pattern(far->got++);
                state = --left ? DATA : CRLF;
            } else if (state == CRLF && c == '\n') {
                state = LINE;
            } else if (state == LINE && c == '\n') {
                left = strtoul(line, NULL, 16);
                line_len = 0;
                is_last = left == 0;
                state = left ? DATA : CRLF;
            } else if (state == LINE && line_len < sizeof(line) - 1) {
                line[line_len++] = c;
                line[line_len] = '\0';
            }
        }
        ssize_t got = is_last && state == LINE ? 0 : far_read(far, far->body, sizeof(far->body));
        far->body_len = got > 0 ? (size_t)got : 0;
        if (got < 0) {
            return;
        }
    }
    far_say(far, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
}

Test(http_flow, sends_a_body_of_unknown_length_in_chunks)
{
    static const uint64_t lengths[] = { 0, 1, 65536, 5000003 };
    for (size_t i = 0; i < countof(lengths) * 2; i++) {
        open_flow(talk_upload_chunks, i & 1);
        flow.to_send = lengths[i / 2];
        ask_flow(HTTP_POST, true, PIPE_LENGTH_UNKNOWN, LONG_MS);
        cr_assert_eq(flow.outcome, HTTP_ANSWERED);
        cr_assert_eq(flow.far.got, flow.to_send);
        cr_assert(flow.far.is_pattern);
        cr_assert_not_null(strstr(flow.far.heard, "\r\nTransfer-Encoding: chunked\r\n"));
        cr_assert_null(strstr(flow.far.heard, "Content-Length"));
        close_flow();
    }
}

static void talk_refuse_early(struct far *far)
{
    far_hear_head(far);
    far_say(far, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    far_hear_pattern(far, UINT64_MAX); /* nobody takes it, but there is no reset either */
}

Test(http_flow, ends_with_an_answer_that_comes_before_the_body_is_sent)
{
    open_flow(talk_refuse_early, false);
    flow.to_send = LARGE;
    ask_flow(HTTP_POST, true, LARGE, LONG_MS);
    cr_assert_eq(flow.outcome, HTTP_ANSWERED);
    cr_assert_eq(flow.status, 413);
    cr_assert_lt(flow.sent, LARGE);
    close_flow();
}

/* A service that does not read takes what the sockets hold; then its time is up. */
static void talk_deaf(struct far *far)
{
    struct pollfd gone = { far->fd, POLLRDHUP, 0 };
    poll(&gone, 1, 10 * IDLE_MS);
}

Test(http_flow, takes_no_more_of_the_body_than_the_service)
{
    open_flow(talk_deaf, false);
    flow.to_send = LARGE;
    ask_flow(HTTP_POST, true, LARGE, IDLE_MS);
    cr_assert_eq(flow.outcome, HTTP_TIMED_OUT);
    cr_assert_lt(flow.sent, LARGE);
    cr_assert_geq(flow.body.stalls, 1);
    cr_assert_leq(flow.body.len, PIPE_BYTES);
    close_flow();
}

Test(http_flow, waits_for_the_head_only_so_long_once_the_body_is_sent)
{
    open_flow(talk_never, false);
    flow.to_send = 100000;
    ask_flow(HTTP_POST, true, flow.to_send, IDLE_MS);
    cr_assert_eq(flow.outcome, HTTP_TIMED_OUT);
    cr_assert_eq(flow.sent, flow.to_send);
    close_flow();
}

static void talk_twice(struct far *far)
{
    talk_upload(far);
    far_hear_head(far);
}

/* A kept connection may be about to close, and a body out of a pipe is not there a second time. */
Test(http_flow, sends_a_body_on_a_connection_of_its_own)
{
    open_flow(talk_twice, false);
    flow.to_send = 10;
    ask_flow(HTTP_POST, true, 10, LONG_MS);
    cr_assert_eq(flow.outcome, HTTP_ANSWERED);
    flow.to_send = 0;
    ask_flow(HTTP_POST, true, 0, IDLE_MS);
    cr_assert_not(flow.is_reused);
    close_flow();
}
