/* The server's limits: time, number, and the end of its work. */
#include "http_corpus.h"
#include "http_desk.h"

TestSuite(http_server_limits, .init = desk_init, .timeout = 60);

/* ---- time ---- */

/* Sends `first`, then a byte now and then, and hears what the server has to say in the end. */
static void dawdle(struct client *client, const char *first)
{
    client_connect(client);
    client_say(client, first);
    struct timeval pause = { .tv_usec = 20000 };
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof(pause));
    ssize_t len = -1;
    for (int i = 0; i < 500 && len < 0; i++) {
        send(client->fd, "a", 1, MSG_NOSIGNAL);
        len = recv(client->fd, client->got, sizeof(client->got) - 1, 0);
    }
    cr_assert_geq(len, 0, "still there after %d bytes", 500);
    client->got_len = (size_t)len;
}

static void expect_slow(const char *first)
{
    desk.options.head_timeout_ms = 300;
    desk.options.body_timeout_ms = 300;
    desk_open(false);
    struct client client;
    uint64_t start_us = clock_now_us();
    dawdle(&client, first);
    cr_assert_eq(strncmp(client.got, "HTTP/1.1 408 ", 13), 0, "\"%s\"", client.got);
    cr_assert_geq(clock_now_us() - start_us, 300000);
    cr_assert_lt(clock_now_us() - start_us, 5000000);
    client_close(&client);
    desk_close();
}

Test(http_server_limits, end_a_head_of_one_byte_now_and_then)
{
    expect_slow("GET /");
}

Test(http_server_limits, end_a_body_of_one_byte_now_and_then)
{
    expect_slow("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n");
}

Test(http_server_limits, end_a_slow_head_over_tls_with_an_answer)
{
    desk.options.head_timeout_ms = 500;
    desk_open(true);
    struct client client;
    client_connect(&client);
    client_say(&client, "GET / HTTP/1.1\r\n");
    client_hear_all(&client);
    cr_assert_eq(strncmp(client.got, "HTTP/1.1 408 ", 13), 0, "\"%s\"", client.got);
    client_close(&client);
    desk_close();
}

static void expect_silent_end(const char *first, unsigned begun)
{
    desk_open(false);
    struct client client;
    client_connect(&client);
    client_say(&client, first);
    client_hear_all(&client);
    cr_assert_eq(desk.begun, begun);
    char saw[100];
    client_saw(&client, saw, sizeof(saw));
    cr_assert_str_eq(saw, begun ? "GET /" : "");
    client_close(&client);
    desk_close();
}

Test(http_server_limits, end_a_connection_that_never_asks)
{
    desk.options.head_timeout_ms = 200;
    expect_silent_end("", 0);
}

Test(http_server_limits, end_a_connection_that_asks_no_more)
{
    desk.options.idle_timeout_ms = 200;
    expect_silent_end("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1);
}

Test(http_server_limits, end_an_answer_that_nobody_takes)
{
    desk.options.reply_timeout_ms = 300;
    desk_open(false);
    struct client client;
    client_connect(&client);
    client_say(&client, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    desk_wait(&desk.lost, 1);
    cr_assert_eq(desk.gone, 0);
    client_close(&client);
    desk_close();
}

/* Six bytes of a handshake make the library ask to be called at once, for ever. */
Test(http_server_limits, end_a_silent_handshake_without_burning_a_core)
{
    desk.options.head_timeout_ms = 1000;
    desk_open(true);
    clockid_t clock;
    struct timespec before, after;
    must(pthread_getcpuclockid(desk.thread, &clock) == 0);
    struct client client;
    client_open(&client);
    clock_gettime(clock, &before);
    client_say(&client, "\x16\x03\x01\x02");
    client_hear_all(&client);
    clock_gettime(clock, &after);
    long us = (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000;
    cr_assert_lt(us, 300000, "%ld us of CPU in a second", us);
    client_close(&client);
    desk_close();
}

/* ---- number ---- */

Test(http_server_limits, let_connections_beyond_the_most_wait_outside)
{
    desk.options.connections_max = 2;
    desk_open(false);
    struct client clients[3];
    for (int i = 0; i < 3; i++) {
        client_connect(&clients[i]);
    }
    client_say(&clients[2], "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    for (int i = 0; i < 2; i++) {
        client_say(&clients[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client_hear(&clients[i], "xx");
    }
    cr_assert_eq(desk.begun, 2);
    client_close(&clients[0]);
    desk_wait(&desk.begun, 3);
    client_close(&clients[1]);
    client_close(&clients[2]);
    desk_wait(&desk.gone, 1);
    desk_close();
}

/* ---- TLS ---- */

static bool speaks(const char *priorities)
{
    struct client client;
    client_open(&client);
    bool does = client_secure(&client, priorities, NULL);
    client_close(&client);
    return does;
}

Test(http_server_limits, allow_new_tls_with_authenticated_encryption_only)
{
    desk_open(true);
    cr_expect(speaks("NORMAL:-VERS-ALL:+VERS-TLS1.3"));
    cr_expect(speaks("NORMAL:-VERS-ALL:+VERS-TLS1.2"));
    cr_expect(speaks("NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+CHACHA20-POLY1305"));
    cr_expect(!speaks("LEGACY:-VERS-ALL:+VERS-TLS1.1"));
    cr_expect(!speaks("LEGACY:-VERS-ALL:+VERS-TLS1.0"));
    cr_expect(!speaks("NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC"));
    cr_expect(!speaks("NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA"));
    desk_close();
}

static void expect_resumed(const char *priorities)
{
    struct client client;
    gnutls_datum_t ticket;
    client_open(&client);
    cr_assert(client_secure(&client, priorities, NULL));
    client_say(&client, CORPUS_NEXT);
    client_hear_all(&client);
    cr_assert(!gnutls_session_is_resumed(client.tls));
    cr_assert_eq(gnutls_session_get_data2(client.tls, &ticket), 0);
    client_close(&client);
    client_open(&client);
    cr_assert(client_secure(&client, priorities, &ticket));
    cr_expect(gnutls_session_is_resumed(client.tls), "%s", priorities);
    client_close(&client);
    gnutls_free(ticket.data);
}

Test(http_server_limits, do_not_make_tls_clients_start_anew)
{
    desk_open(true);
    expect_resumed("NORMAL:-VERS-ALL:+VERS-TLS1.3");
    expect_resumed("NORMAL:-VERS-ALL:+VERS-TLS1.2");
    desk_close();
}

Test(http_server_limits, tell_of_a_broken_certificate)
{
    struct http_tls tls = { "no certificate", "no key" };
    struct http_server_user user = { .begin = desk_begin };
    char why[256];
    desk.options.tls = &tls;
    desk.options.listen_fd = desk_listen();
    desk.loop = loop_new();
    cr_assert_null(http_server_new(desk.loop, &desk.options, &user, why));
    cr_assert_not_null(strstr(why, "certificate"));
    loop_free(desk.loop);
}

/* ---- the end of its work ---- */

static void drain(bool is_tls)
{
    desk_open(is_tls);
    struct client idle, held, late;
    client_connect(&idle);
    client_say(&idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client_hear(&idle, "xx");
    client_connect(&held);
    client_say(&held, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    client_connect(&late);
    client_say(&late, "GET /late HTT");
    desk_wait(&desk.begun, 2);
    loop_post(desk.loop, &desk.drain);
    client_hear_all(&idle);
    client_say(&late, "P/1.1\r\nHost: a\r\n\r\n");
    cr_assert_not_null(strstr(client_hear_all(&late), "Connection: close\r\n"));
    cr_assert_not_null(strstr(late.got, "GET /late"));
    cr_assert_eq(desk.drained, 0);
    loop_post(desk.loop, &desk.release);
    cr_assert_not_null(strstr(client_hear_all(&held), "Connection: close\r\n"));
    desk_wait(&desk.drained, 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&desk.address, sizeof(desk.address)), -1);
    close(fd);
    client_close(&idle);
    client_close(&held);
    client_close(&late);
    desk_close();
}

Test(http_server_limits, drain_without_losing_a_request)
{
    drain(false);
}

Test(http_server_limits, drain_without_losing_a_request_over_tls)
{
    drain(true);
}

/* The answer was made before, and says nothing of the end. */
static void drain_under_an_answer(bool is_tls)
{
    struct client client;
    desk.options.idle_timeout_ms = 120000; /* longer than this test waits */
    desk_open(is_tls);
    client_connect(&client);
    client_say(&client, "GET /drain HTTP/1.1\r\nHost: a\r\n\r\n");
    client_hear_all(&client);
    cr_assert(strstr(client.got, "X-Saw: GET /drain"), "%s", client.got);
    cr_assert_null(strstr(client.got, "Connection: close"));
    desk_wait(&desk.drained, 1);
    client_close(&client);
    desk_close();
}

Test(http_server_limits, drain_does_not_wait_for_a_client_that_was_just_answered)
{
    drain_under_an_answer(false);
}

Test(http_server_limits, drain_does_not_wait_for_a_client_that_was_just_answered_over_tls)
{
    drain_under_an_answer(true);
}

Test(http_server_limits, drain_at_once_when_nobody_is_there)
{
    desk_open(false);
    loop_post(desk.loop, &desk.drain);
    desk_wait(&desk.drained, 1);
    cr_assert_eq(http_server_connections(desk.server), 0);
    desk_close();
}

Test(http_server_limits, may_be_freed_with_connections_open)
{
    desk_open(true);
    struct client client;
    client_connect(&client);
    client_say(&client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client_hear(&client, "xx");
    desk_wait(&desk.sent, 1);
    desk_close();
    client_hear_all(&client);
    client_close(&client);
}
