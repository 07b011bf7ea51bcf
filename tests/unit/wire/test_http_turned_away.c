/* Requests that are turned away before they begin: each gets its answer, and is read no less
 * strictly. */
#include "http_corpus.h"
#include "http_desk.h"

TestSuite(http_turned_away, .init = desk_init, .timeout = 90);

/* What the answers to one case say that was understood, one after the other. */
static void saw_of(const struct corpus_case *row, size_t piece, char *saw, size_t room)
{
    struct client client;
    struct buf bytes;
    buf_init(&bytes, 1 << 20);
    buf_append_str(&bytes, row->bytes);
    buf_append_str(&bytes, STR(CORPUS_NEXT));
    client_connect(&client);
    client_send(&client, buf_str(&bytes), piece);
    client_hear_all(&client);
    client_saw(&client, saw, room);
    client_close(&client);
    buf_release(&bytes);
}

/* A full server understands every request as one that has time. */
static void differ(bool is_tls, size_t piece)
{
    desk_open(is_tls);
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        char served[1024], turned_away[1024];
        if (corpus_is_whole(&corpus[i])) {
            desk.is_full = false;
            saw_of(&corpus[i], piece, served, sizeof(served));
            bool may_begin = corpus_is_last(&corpus[i]) || strstr(corpus[i].means, "HEAD ") ||
                             strstr(corpus[i].name, "HTTP/1.0");
            unsigned before = desk.turned_away;
            desk.is_full = true;
            saw_of(&corpus[i], piece, turned_away, sizeof(turned_away));
            cr_expect_str_eq(served, turned_away, "%s", corpus[i].name);
            cr_expect(may_begin || desk.turned_away > before, "%s", corpus[i].name);
        }
    }
    desk_close();
}

Test(http_turned_away, understands_the_corpus)
{
    differ(false, SIZE_MAX);
}

Test(http_turned_away, understands_the_corpus_byte_by_byte)
{
    differ(false, 1);
}

Test(http_turned_away, understands_the_corpus_over_tls)
{
    differ(true, SIZE_MAX);
}

Test(http_turned_away, understands_the_corpus_over_tls_byte_by_byte)
{
    differ(true, 1);
}

#define ASK(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void keep_the_connection(bool is_tls)
{
    desk_open(is_tls);
    struct client client;
    client_connect(&client);
    for (int i = 0; i < 3; i++) {
        desk.is_full = true;
        client_say(&client, ASK("/away"));
        client_hear(
            &client, "HTTP/1.1 503 Full\r\nX-Saw: GET /away\r\nContent-Length: 2\r\n\r\nxx");
        desk.is_full = false;
        client.got_len = 0;
        client_say(&client, ASK("/in"));
        client_hear(&client, "X-Saw: GET /in\r\n");
        client_hear(&client, "\r\n\r\nxx");
        client.got_len = 0;
    }
    cr_assert_eq(desk.turned_away, 3);
    cr_assert_eq(desk.begun, 3);
    client_close(&client);
    desk_close();
}

Test(http_turned_away, keeps_the_connection)
{
    keep_the_connection(false);
}

Test(http_turned_away, keeps_the_tls_connection)
{
    keep_the_connection(true);
}

/* More than one read takes, in one go. */
static void answer_many(bool is_tls)
{
    enum { MANY = 700 };
    struct buf questions;
    size_t count = 0;
    desk_open(is_tls);
    buf_init(&questions, 1 << 20);
    for (int i = 0; i < MANY; i++) {
        buf_append_str(&questions, STR(ASK("/away")));
    }
    desk.is_full = true;
    struct client client;
    client_connect(&client);
    cr_assert(client_send(&client, buf_str(&questions), SIZE_MAX));
    for (bool is_there = true, is_x = false; count < MANY && is_there;) {
        client.got_len = 0;
        is_there = client_read(&client);
        for (size_t i = 0; i < client.got_len; i++) { /* a body is the only "xx" */
            count += is_x && client.got[i] == 'x';
            is_x = client.got[i] == 'x';
        }
    }
    cr_assert_eq(count, MANY);
    client_close(&client);
    buf_release(&questions);
    desk_close();
}

Test(http_turned_away, all_of_a_long_pipeline_are_answered)
{
    answer_many(false);
}

Test(http_turned_away, all_of_a_long_tls_pipeline_are_answered)
{
    answer_many(true);
}

Test(http_turned_away, waits_for_the_answer_before_it)
{
    desk_open(false);
    struct client client;
    client_connect(&client);
    client_say(&client, ASK("/hold"));
    desk_wait(&desk.begun, 1);
    desk.is_full = true;
    client_say(&client, ASK("/away"));
    loop_post(desk.loop, &desk.release);
    client_hear(&client, "GET /away");
    char saw[100];
    client_saw(&client, saw, sizeof(saw));
    cr_assert_str_eq(saw, "held > GET /away");
    client_close(&client);
    desk_close();
}

/* Those whose answers need more than bytes. */
Test(http_turned_away, some_always_begin)
{
    static const char *const questions[] = {
        "HEAD /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /a HTTP/1.0\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "G{T /a HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    desk_open(false);
    desk.is_full = true;
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        struct client client;
        client_connect(&client);
        client_say(&client, questions[i]);
        client_hear_all(&client);
        cr_assert_null(strstr(client.got, " 503 "), "%s", client.got);
        client_close(&client);
    }
    cr_assert_eq(desk.begun, 4);
    cr_assert_eq(desk.turned_away, 0);
    desk_close();
}

Test(http_turned_away, a_client_that_reads_nothing_is_let_go)
{
    enum { TOO_MANY = 400000 };
    desk_open(false);
    desk.is_full = true;
    struct client client;
    client_connect(&client);
    bool is_open = true;
    for (int i = 0; i < TOO_MANY && is_open; i++) {
        is_open = client_send(&client, STR(ASK("/away")), SIZE_MAX);
    }
    cr_assert_not(is_open, "its socket is full, and nobody keeps its answers");
    client_close(&client);
    desk_close();
}
