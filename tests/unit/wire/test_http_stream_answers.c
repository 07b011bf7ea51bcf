/*
 * Answers to streamed requests: in pieces, at the pace of the client, and never taken for whole
 * when they are not.
 */
#include "http_corpus.h"
#include "stream_desk.h"

TestSuite(http_stream_answers, .init = stream_init, .fini = stream_fini, .timeout = 120);

/* ---- answers ---- */

static struct content download(const char *question, struct client *client)
{
    client_connect(client);
    client_say(client, question);
    client_hear(client, "\r\n\r\n");
    cr_assert_not_null(strstr(client->got, "\r\nX-Saw: pieces\r\n"));
    cr_assert_not_null(strstr(client->got, "\r\nDate: "));
    bool is_chunked = strstr(client->got, "\r\nTransfer-Encoding: chunked\r\n") != NULL;
    bool has_length = strstr(client->got, "\r\nContent-Length: ") != NULL;
    cr_assert_eq(has_length, stream.length != PIPE_LENGTH_UNKNOWN);
    return read_content(client, is_chunked, has_length ? stream.length : UINT64_MAX);
}

#define DOWN "GET /s/down HTTP/1.1\r\nHost: a\r\n\r\n"

Test(http_stream_answers, gives_an_answer_in_pieces)
{
    static const uint64_t lengths[] = { 0, 1, 5000, 65537, 3000000 };
    for (size_t i = 0; i < countof(lengths) * 4; i++) {
        bool is_chunked = i & 1, tls = i & 2;
        struct client client;
        stream_init();
        stream.to_give = lengths[i / 4];
        stream.length = is_chunked ? PIPE_LENGTH_UNKNOWN : stream.to_give;
        desk_open(tls);
        struct content content = download(DOWN, &client);
        cr_assert_eq(content.bytes, stream.to_give);
        cr_assert(content.is_pattern);
        cr_assert_eq(content.has_last_chunk, is_chunked);
        client.got[0] = '\0';
        client_say(&client, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        client_hear(&client, "X-Saw: GET /next");
        desk_wait(&desk.sent, 2);
        cr_assert_eq(desk.sent_bytes, stream.to_give + 2);
        client_close(&client);
        desk_close();
    }
}

/* A client that does not read holds up whoever gives; then it gets all, and all is right. */
Test(http_stream_answers, takes_no_more_than_the_client_reads)
{
    for (size_t tls = 0; tls < countof(is_tls); tls++) {
        struct client client;
        stream_init();
        stream.to_give = LARGE;
        desk_open(is_tls[tls]);
        long before_kb = resident_kb();
        client_connect(&client);
        client_say(&client, DOWN);
        uint64_t given, before;
        do { /* until the sockets are full, however much that is */
            before = stream.given_bytes;
            nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
            given = stream.given_bytes;
        } while (given == 0 || given != before);
        cr_assert_lt(given, LARGE / 2);
        cr_assert_gt(stream.out_stalls, 0);
        client_hear(&client, "\r\n\r\n");
        struct content content = read_content(&client, true, UINT64_MAX);
        cr_assert_eq(content.bytes, LARGE);
        cr_assert(content.is_pattern && content.has_last_chunk);
        cr_assert_lt(resident_kb() - before_kb, GROWTH_MAX_KB);
        client_close(&client);
        desk_close();
    }
}

Test(http_stream_answers, gives_up_on_a_client_that_takes_nothing)
{
    struct client client;
    stream.to_give = LARGE;
    desk.options.stream_idle_timeout_ms = SHORT_MS;
    desk_open(false);
    client_connect(&client);
    client_say(&client, DOWN);
    desk_wait(&desk.lost, 1);
    cr_assert_eq(desk.gone, 0);
    client_hear(&client, "\r\n\r\n");
    struct content content = read_content(&client, true, UINT64_MAX);
    cr_assert_not(content.has_last_chunk);
    client_close(&client);
    desk_close();
}

/* Four ways to end: none of them may look like the end of an answer. */
static void expect_cut(const char *question, uint64_t length, uint64_t to_give, bool must_cut)
{
    for (size_t tls = 0; tls < countof(is_tls); tls++) {
        struct client client;
        stream_init();
        stream.length = length;
        stream.to_give = to_give;
        stream.must_cut = must_cut;
        desk_open(is_tls[tls]);
        client_connect(&client);
        client_say(&client, question);
        while (client_read(&client)) {
            cr_assert_null(strstr(client.got, "\r\n0\r\n"));
            client.got_len = client.got_len > 8192 ? 0 : client.got_len;
        }
        cr_assert(client.was_reset);
        desk_wait(&desk.lost, 1);
        client_close(&client);
        desk_close();
    }
}

Test(http_stream_answers, cuts_what_cannot_be_ended)
{
    expect_cut(DOWN, PIPE_LENGTH_UNKNOWN, 500000, true);
    expect_cut(DOWN, 1000000, 500000, true);
    expect_cut(DOWN, 1000000, 500000, false); /* the pipe ends too early for its length */
    expect_cut("GET /s/down HTTP/1.0\r\n\r\n", PIPE_LENGTH_UNKNOWN, 500000, true);
}

Test(http_stream_answers, ends_an_answer_of_unknown_length_to_http_1_0_by_closing)
{
    struct client client;
    stream.to_give = 100000;
    desk_open(true);
    struct content content =
        download("GET /s/down HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &client);
    cr_assert_eq(content.bytes, 100000);
    cr_assert(content.is_pattern && !content.was_reset);
    client_close(&client);
    desk_close();
}

/* The head tells of content that is not there, and the next answer follows it at once. */
static void expect_bare(const char *method, unsigned status, uint64_t length, const char *field)
{
    struct client client;
    char question[128];
    stream_init();
    stream.status = status;
    stream.length = length;
    desk_open(false);
    client_connect(&client);
    snprintf(question, sizeof(question), "%s /s/down HTTP/1.1\r\nHost: a\r\n\r\n%s", method,
        CORPUS_NEXT);
    client_say(&client, question);
    client_hear_all(&client);
    char *end = strstr(client.got, "\r\n\r\n");
    cr_assert_eq(strncmp(end + 4, "HTTP/1.1 200 OK\r\n", 17), 0, "%s", client.got);
    *end = '\0';
    cr_assert_eq(strtoul(client.got + 9, NULL, 10), status);
    if (*field) {
        cr_assert_not_null(strstr(client.got, field));
    } else {
        cr_assert_null(strstr(client.got, "Content-Length"));
    }
    cr_assert_null(strstr(client.got, "Transfer-Encoding"));
    client_close(&client);
    desk_close();
}

Test(http_stream_answers, sends_no_content_where_there_is_none)
{
    expect_bare("HEAD", 200, 5000, "\r\nContent-Length: 5000");
    expect_bare("HEAD", 200, PIPE_LENGTH_UNKNOWN, "");
    expect_bare("GET", 204, 0, "");
    expect_bare("GET", 304, PIPE_LENGTH_UNKNOWN, "");
    expect_bare("GET", 304, 700, "\r\nContent-Length: 700");
}

/* Nothing of the answer that was meant comes behind it. */
static void expect_bare_500(const char *target, uint64_t length)
{
    char question[200];
    stream_init();
    stream.is_broken = true;
    stream.length = length;
    stream.to_give = 5000;
    desk_open(false);
    struct client client;
    client_connect(&client);
    snprintf(question, sizeof(question), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n" CORPUS_NEXT, target);
    client_say(&client, question);
    client_hear_all(&client);
    cr_assert_eq(strncmp(client.got, "HTTP/1.1 500 ", 13), 0, "%s", client.got);
    cr_assert_not_null(strstr(client.got, "\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n"));
    client_close(&client);
    desk_close();
}

Test(http_stream_answers, turns_fields_that_cannot_be_written_into_a_bare_500)
{
    expect_bare_500("/s/broken", 0);
    expect_bare_500("/s/down", 5000);
    expect_bare_500("/s/down", PIPE_LENGTH_UNKNOWN);
}

Test(http_stream_answers, sees_a_client_leave_while_it_waits_for_content)
{
    for (size_t tls = 0; tls < countof(is_tls); tls++) {
        struct client client;
        stream_init();
        stream.to_give = 0;
        stream.out.has_ended = false;
        desk_open(is_tls[tls]);
        stream.is_echo = true; /* content comes when the body does */
        client_connect(&client);
        ask_to_send(&client, 100, false, "");
        client_hear(&client, "\r\n\r\n");
        client_close(&client);
        desk_wait(&desk.lost, 1);
        cr_assert_eq(desk.gone, 0);
        desk_close();
    }
}

/* ---- both at once ---- */

struct sender {
    struct client *client;
    uint64_t len;
};

static void *send_in_background(void *context)
{
    struct sender *sender = context;
    send_pattern(sender->client, sender->len, false);
    return NULL;
}

Test(http_stream_answers, reads_and_writes_at_the_same_time)
{
    struct client client;
    pthread_t thread;
    stream.is_echo = true;
    stream.length = 20 << 20;
    desk_open(false);
    client_connect(&client);
    ask_to_send(&client, stream.length, false, "");
    client_hear(&client, "\r\n\r\n");
    struct sender sender = { &client, stream.length };
    cr_assert_eq(pthread_create(&thread, NULL, send_in_background, &sender), 0);
    struct content content = read_content(&client, false, stream.length);
    pthread_join(thread, NULL);
    cr_assert_eq(content.bytes, stream.length);
    cr_assert(content.is_pattern);
    client_close(&client);
    desk_close();
}

Test(http_stream_answers, cuts_an_answer_whose_question_went_wrong)
{
    struct client client;
    stream.is_echo = true;
    desk_open(false);
    client_connect(&client);
    client_say(&client, UPLOAD_CHUNKS "3\r\nabc\r\n");
    client_hear(&client, "abc\r\n");
    client_say(&client, "nonsense\r\n");
    client_hear_all(&client);
    cr_assert(client.was_reset);
    cr_assert_null(strstr(client.got, "\r\n0\r\n"));
    client_close(&client);
    desk_close();
}

Test(http_stream_answers, drains_when_the_stream_is_over)
{
    struct client client;
    stream.is_held = true;
    desk_open(false);
    client_connect(&client);
    ask_to_send(&client, 1000, false, "");
    cr_assert(send_pattern(&client, 1000, false));
    desk_wait(&desk.begun, 1);
    loop_post(desk.loop, &desk.drain);
    loop_post(desk.loop, &stream.go_on);
    client_hear_all(&client);
    cr_assert_not_null(strstr(client.got, "\r\nConnection: close\r\n"));
    desk_wait(&desk.drained, 1);
    client_close(&client);
    desk_close();
}
