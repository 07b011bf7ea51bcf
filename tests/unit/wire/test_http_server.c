/* The server: real sockets, plain and TLS, polite, rude, slow and absent clients. */
#include "http_corpus.h"
#include "http_desk.h"

TestSuite(http_server, .init = desk_init, .timeout = 90);

/* ---- what it understands ---- */

static void expected_of(const struct corpus_case *row, char *expected, size_t room)
{
    snprintf(expected, room, "%s%s", row->means, corpus_is_last(row) ? "" : " > GET /next");
    for (char *at = expected; *at; at++) {
        *at = *at == '\r' || *at == '\n' ? '.' : *at;
    }
    size_t len = strlen(expected);
    if (expected[len - 1] == '!') {
        expected[len - 1] = '\0';
    }
}

static void send_case(const struct corpus_case *row, size_t piece)
{
    struct client client;
    struct buf bytes;
    buf_init(&bytes, 1 << 20);
    buf_append_str(&bytes, row->bytes);
    buf_append_str(&bytes, STR(CORPUS_NEXT));
    client_connect(&client);
    client_send(&client, buf_str(&bytes), piece);
    client_hear_all(&client);
    char saw[1024], expected[1024];
    client_saw(&client, saw, sizeof(saw));
    expected_of(row, expected, sizeof(expected));
    cr_expect_str_eq(saw, expected, "%s, in pieces of %zu: %s", row->name, piece, client.got);
    cr_expect_null(strstr(client.got, "<html"), "%s: the library answered for itself", row->name);
    client_close(&client);
    buf_release(&bytes);
}

static void send_corpus(bool is_tls, size_t piece)
{
    desk_open(is_tls);
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        if (corpus_is_whole(&corpus[i])) {
            send_case(&corpus[i], piece);
        }
    }
    desk_close();
}

Test(http_server, understands_the_corpus)
{
    send_corpus(false, SIZE_MAX);
}

Test(http_server, understands_the_corpus_byte_by_byte)
{
    send_corpus(false, 1);
}

Test(http_server, understands_the_corpus_over_tls)
{
    send_corpus(true, SIZE_MAX);
}

Test(http_server, understands_the_corpus_over_tls_byte_by_byte)
{
    send_corpus(true, 1);
}

/* ---- answers ---- */

static void ask_twice(bool is_tls)
{
    desk_open(is_tls);
    struct client client;
    client_connect(&client);
    client_say(&client, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    client_hear(&client, "\r\n\r\nxx");
    cr_assert_not_null(strstr(client.got, "HTTP/1.1 200 OK\r\n"));
    cr_assert_not_null(strstr(client.got, "\r\nDate: "));
    cr_assert_not_null(strstr(client.got, "\r\nContent-Length: 2\r\n"));
    cr_assert_null(strstr(client.got, "Connection: close"));
    client.got_len = 0;
    client_say(&client, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    client_hear(&client, "X-Saw: GET /b\r\n");
    desk_wait(&desk.sent, 2);
    cr_assert_eq(desk.sent_bytes, 4);
    client_close(&client);
    desk_close();
}

Test(http_server, keeps_connections)
{
    ask_twice(false);
}

Test(http_server, keeps_tls_connections)
{
    ask_twice(true);
}

Test(http_server, closes_when_the_user_says_so)
{
    desk_open(false);
    struct client client;
    client_connect(&client);
    client_say(&client, "GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_not_null(strstr(client_hear_all(&client), "\r\nConnection: close\r\n"));
    client_close(&client);
    desk_close();
}

Test(http_server, says_goodbye_over_tls)
{
    desk_open(true);
    struct client client;
    client_connect(&client);
    client_say(&client, "GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
    client_hear_all(&client);
    cr_assert_not_null(strstr(client.got, "X-Saw: GET /close"));
    cr_assert_not(client.was_reset);
    client_close(&client);
    desk_close();
}

/* What is said behind the last request is read by nobody; a close alone would be a reset then. */
Test(http_server, does_not_reset_who_says_more_than_it_reads)
{
    desk_open(false);
    struct client client;
    client_connect(&client);
    client_say(&client, "GET /hold HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    desk_wait(&desk.begun, 1);
    client_say(&client, "and so on");
    loop_post(desk.loop, &desk.release);
    client_hear_all(&client);
    cr_assert_not_null(strstr(client.got, "X-Saw: held"));
    cr_assert_not(client.was_reset);
    cr_assert(client_send(&client, STR("and on"), SIZE_MAX), "it is still listened to");
    client_close(&client);
    desk_close();
}

/* More at once than the library accepts in one run. */
Test(http_server, serves_a_crowd_that_comes_at_once)
{
    enum { CROWD = 60 };
    static struct client crowd[CROWD];
    desk_open(false);
    for (int i = 0; i < CROWD; i++) {
        client_connect(&crowd[i]);
    }
    for (int i = 0; i < CROWD; i++) {
        client_say(&crowd[i], "GET /in HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for (int i = 0; i < CROWD; i++) {
        client_hear(&crowd[i], "X-Saw: GET /in");
        client_close(&crowd[i]);
    }
    desk_close();
}

Test(http_server, counts_the_body_of_a_head_answer_and_does_not_send_it)
{
    desk_open(false);
    struct client client;
    client_connect(&client);
    client_say(&client, "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n" CORPUS_NEXT);
    client_hear_all(&client);
    const char *second = strstr(client.got + 1, "HTTP/1.1 ");
    cr_assert_not_null(strstr(client.got, "\r\nContent-Length: 2\r\n"));
    cr_assert_arr_eq(second - 4, "\r\n\r\n", 4);
    desk_wait(&desk.sent, 2);
    cr_assert_eq(desk.sent_bytes, 2);
    client_close(&client);
    desk_close();
}

Test(http_server, sends_no_body_with_204)
{
    desk_open(false);
    struct client client;
    client_connect(&client);
    client_say(&client, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n" CORPUS_NEXT);
    client_hear_all(&client);
    char saw[100];
    client_saw(&client, saw, sizeof(saw));
    cr_assert_str_eq(saw, "GET /none > GET /next");
    client_close(&client);
    desk_close();
}

Test(http_server, turns_fields_that_cannot_be_written_into_a_bare_500)
{
    desk_open(false);
    struct client client;
    client_connect(&client);
    client_say(&client, "GET /broken HTTP/1.1\r\nHost: a\r\n\r\n" CORPUS_NEXT);
    client_hear_all(&client);
    cr_assert_eq(strncmp(client.got, "HTTP/1.1 500 ", 13), 0);
    cr_assert_not_null(strstr(client.got, "Content-Length: 0\r\n"));
    cr_assert_null(strstr(client.got, "break"));
    client_close(&client);
    desk_close();
}

Test(http_server, answers_later_and_in_order)
{
    desk_open(false);
    struct client client;
    client_connect(&client);
    client_say(&client, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n" CORPUS_NEXT);
    desk_wait(&desk.begun, 1);
    loop_post(desk.loop, &desk.release);
    client_hear_all(&client);
    char saw[100];
    client_saw(&client, saw, sizeof(saw));
    cr_assert_str_eq(saw, "held > GET /next");
    client_close(&client);
    desk_close();
}

static void read_slowly(bool is_tls)
{
    desk_open(is_tls);
    struct client slow, quick;
    client_connect(&slow);
    client_say(&slow, "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    desk_wait(&desk.begun, 1);
    for (int i = 0; i < 3; i++) { /* others are served while nobody reads that */
        client_connect(&quick);
        client_say(&quick, CORPUS_NEXT);
        client_hear_all(&quick);
        cr_assert_not_null(strstr(quick.got, "GET /next"));
        client_close(&quick);
    }
    desk_wait(&desk.sent, 3);
    size_t total = 0;
    while (client_read(&slow)) {
        total += slow.got_len;
        slow.got_len = 0;
    }
    cr_assert_gt(total, DESK_BIG_BYTES);
    desk_wait(&desk.sent, 4);
    cr_assert_eq(desk.sent_bytes, DESK_BIG_BYTES + 6);
    client_close(&slow);
    desk_close();
}

Test(http_server, writes_large_answers_to_slow_readers)
{
    read_slowly(false);
}

Test(http_server, writes_large_answers_to_slow_readers_over_tls)
{
    read_slowly(true);
}

/* ---- bodies ---- */

static void wait_for_100(bool is_tls)
{
    desk_open(is_tls);
    struct client client;
    client_connect(&client);
    client_say(
        &client, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    client_hear(&client, "HTTP/1.1 100 Continue\r\n\r\n");
    client_say(&client, "abc");
    client_hear(&client, "X-Saw: POST /[abc]\r\n");
    client_close(&client);
    desk_close();
}

Test(http_server, says_100_continue)
{
    wait_for_100(false);
}

Test(http_server, says_100_continue_over_tls)
{
    wait_for_100(true);
}

/* The answer must survive that the client goes on sending: no reset may overtake it. */
static void send_too_much(bool is_tls)
{
    desk_open(is_tls);
    struct client client;
    client_connect(&client);
    client_say(&client, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                        "Content-Length: 1000000\r\n\r\n");
    static char body[1000000];
    cr_assert(client_send(&client, (struct str){ body, sizeof(body) }, 10000));
    client_hear_all(&client);
    cr_assert(!client.was_reset);
    cr_assert_eq(strncmp(client.got, "HTTP/1.1 413 ", 13), 0, "%s", client.got);
    cr_assert_null(strstr(client.got, "100 Continue"));
    cr_assert_not_null(strstr(client.got, "\r\nConnection: close\r\n"));
    client_close(&client);
    desk_close();
}

Test(http_server, refuses_a_large_body_before_it_comes)
{
    send_too_much(false);
}

Test(http_server, refuses_a_large_body_before_it_comes_over_tls)
{
    send_too_much(true);
}

/* ---- clients that leave ---- */

static void leave(bool is_tls, bool is_half)
{
    desk_open(is_tls);
    struct client client;
    client_connect(&client);
    client_say(&client, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    desk_wait(&desk.begun, 1);
    if (is_half) {
        shutdown(client.fd, SHUT_WR);
        desk_wait(&desk.gone, 1);
        client_hear_all(&client);
        cr_assert_eq(client.got_len, 0);
        client_close(&client);
    } else {
        client_close(&client);
        desk_wait(&desk.gone, 1);
    }
    desk_wait(&desk.lost, 1);
    cr_assert_eq(desk.sent, 0);
    loop_post(desk.loop, &desk.drain);
    desk_wait(&desk.drained, 1);
    desk_close();
}

Test(http_server, sees_a_client_leave_before_its_answer)
{
    leave(false, false);
}

Test(http_server, sees_a_tls_client_leave_before_its_answer)
{
    leave(true, false);
}

Test(http_server, takes_a_half_close_for_leaving)
{
    leave(false, true);
}

Test(http_server, tells_when_an_answer_could_not_be_sent)
{
    desk_open(false);
    struct client client;
    client_connect(&client);
    client_say(&client, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    client_hear(&client, "X-Saw");
    client_close(&client);
    desk_wait(&desk.lost, 1);
    cr_assert_eq(desk.gone, 0);
    cr_assert_eq(desk.sent_bytes, 0);
    desk_close();
}
