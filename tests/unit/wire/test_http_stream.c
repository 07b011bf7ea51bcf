/*
 * Bodies of streamed requests: in pieces, at the pace of whoever takes them, strictly framed.
 * Back-pressure is counted, not timed: what the server has read while nobody takes it is bounded,
 * however much the client would send.
 */
#include "stream_desk.h"

TestSuite(http_stream, .init = stream_init, .fini = stream_fini, .timeout = 120);

/* ---- bodies ---- */

static void upload(bool is_chunked, uint64_t len, const char *fields)
{
    struct client client;
    char expected[128];
    client_connect(&client);
    ask_to_send(&client, len, is_chunked, fields);
    if (*fields) {
        client_hear(&client, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    cr_assert(send_pattern(&client, len, is_chunked));
    client_hear(&client, "\r\n\r\nxx");
    hash_of_pattern(len, expected, sizeof(expected));
    cr_assert_not_null(strstr(client.got, expected), "%s, not %s", client.got, expected);
    /* The connection goes on with what is asked next, streamed or not. */
    client.got_len = 0;
    client_say(&client, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    client_hear(&client, "X-Saw: GET /next");
    client_close(&client);
}

Test(http_stream, takes_a_body_in_pieces)
{
    static const uint64_t lengths[] = { 0, 1, 5000, 65536, 1000003 };
    for (size_t tls = 0; tls < countof(is_tls); tls++) {
        stream_init();
        desk_open(is_tls[tls]);
        for (size_t i = 0; i < countof(lengths); i++) {
            for (int chunked = 0; chunked < 2; chunked++) {
                gnutls_hash_output(stream.hash, (char[32]){ 0 });
                upload(chunked, lengths[i], "");
                if (lengths[i]) {
                    upload(chunked, lengths[i], "Expect: 100-continue\r\n");
                }
            }
        }
        desk_close();
    }
}

Test(http_stream, holds_a_large_body_in_little_memory)
{
    for (size_t tls = 0; tls < countof(is_tls); tls++) {
        for (int chunked = 0; chunked < 2; chunked++) {
            stream_init();
            desk_open(is_tls[tls]);
            upload(chunked, 1000, "");
            gnutls_hash_output(stream.hash, (char[32]){ 0 });
            long before_kb = resident_kb();
            upload(chunked, LARGE, "");
            cr_assert_lt(resident_kb() - before_kb, GROWTH_MAX_KB);
            desk_close();
        }
    }
}

/* Nobody takes: the client gets rid of what the pipe and the sockets hold, and not of more. */
Test(http_stream, reads_no_more_than_is_taken)
{
    for (size_t tls = 0; tls < countof(is_tls); tls++) {
        stream_init();
        stream.is_held = true;
        desk_open(is_tls[tls]);
        struct client client;
        client_connect(&client);
        ask_to_send(&client, LARGE, false, "");
        struct timeval patience = { .tv_usec = 300000 };
        setsockopt(client.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        cr_assert_not(send_pattern(&client, LARGE, false), "it was held up");
        desk_wait(&desk.begun, 1);
        loop_post(desk.loop, &stream.look);
        desk_wait(&stream.stalled, 1);
        cr_assert_leq(stream.read_bytes, PIPE_BYTES);
        cr_assert_geq(stream.read_bytes, PIPE_BYTES - 16384);
        /* A FIN would queue behind what nobody reads. */
        struct linger abort = { .l_onoff = 1 };
        setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
        client_close(&client);
        desk_wait(&desk.gone, 1);
        desk_close();
    }
}

/* The same upload goes on when somebody takes it again, and arrives whole. */
Test(http_stream, goes_on_when_it_is_taken_again)
{
    stream.is_held = true;
    desk_open(false);
    struct client client;
    char expected[128];
    client_connect(&client);
    ask_to_send(&client, 3 << 20, true, "");
    desk_wait(&desk.begun, 1);
    loop_post(desk.loop, &stream.go_on);
    cr_assert(send_pattern(&client, 3 << 20, true));
    client_hear(&client, "\r\n\r\nxx");
    hash_of_pattern(3 << 20, expected, sizeof(expected));
    cr_assert_not_null(strstr(client.got, expected));
    client_close(&client);
    desk_close();
}

/* After a good beginning, which was taken for one. */
static void expect_refusal(const char *rest, enum http_refusal why)
{
    stream_init();
    desk_open(false);
    struct client client;
    client_connect(&client);
    client_say(&client, UPLOAD_CHUNKS "3\r\nabc\r\n");
    desk_wait(&desk.begun, 1);
    client_say(&client, rest);
    client_hear(&client, "X-Saw: body refused\r\n");
    client_hear_all(&client);
    cr_assert_not(client.was_reset);
    cr_assert_not_null(strstr(client.got, "HTTP/1.1 400 "));
    cr_assert_not_null(strstr(client.got, "\r\nConnection: close\r\n"));
    cr_assert_eq(stream.refused, 1);
    cr_assert_eq(stream.why, why);
    client_close(&client);
    desk_close();
}

Test(http_stream, refuses_in_the_middle_what_is_malformed)
{
    expect_refusal("3\r\nabcd\r\n0\r\n\r\n", HTTP_REFUSED_MALFORMED);
    expect_refusal("3\nabc\r\n0\r\n\r\n", HTTP_REFUSED_MALFORMED);
}

Test(http_stream, refuses_a_chunk_beyond_the_limit_before_its_data)
{
    expect_refusal("c800000\r\n", HTTP_REFUSED_BODY_TOO_LARGE);
}

Test(http_stream, refuses_a_client_that_stops_in_the_middle)
{
    stream_init();
    desk.options.stream_idle_timeout_ms = SHORT_MS;
    desk_open(true);
    struct client client;
    client_connect(&client);
    client_say(&client, UPLOAD_CHUNKS "3\r\nabc\r\n");
    client_hear(&client, "X-Saw: body refused\r\n");
    cr_assert_eq(stream.why, HTTP_REFUSED_SLOW);
    client_close(&client);
    desk_close();
}

/* Known to be too large from its head: it never begins as a stream. */
Test(http_stream, refuses_a_length_beyond_the_limit_at_once)
{
    desk_open(false);
    struct client client;
    client_connect(&client);
    ask_to_send(&client, BODY_LIMIT + 1ull, false, "Expect: 100-continue\r\n");
    client_hear_all(&client);
    cr_assert_eq(strncmp(client.got, "HTTP/1.1 413 ", 13), 0);
    client_close(&client);
    desk_close();
}

/* The body was never asked for, so it is not waited for either: the connection ends politely. */
Test(http_stream, answers_without_reading_the_body)
{
    for (size_t tls = 0; tls < countof(is_tls); tls++) {
        stream_init();
        desk_open(is_tls[tls]);
        struct client client;
        client_connect(&client);
        client_say(&client, "POST /s/refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n"
                            "Expect: 100-continue\r\n\r\n");
        cr_assert(send_pattern(&client, 1000000, false));
        client_hear_all(&client);
        cr_assert_not(client.was_reset);
        cr_assert_eq(strncmp(client.got, "HTTP/1.1 403 ", 13), 0);
        cr_assert_null(strstr(client.got, "100 Continue"));
        client_close(&client);
        desk_close();
    }
}

static void leave_in_the_middle(bool tls)
{
    stream_init();
    desk_open(tls);
    struct client client;
    client_connect(&client);
    ask_to_send(&client, 1000000, false, "");
    cr_assert(send_pattern(&client, 500000, false));
    desk_wait(&desk.begun, 1);
    client_close(&client);
    desk_wait(&desk.gone, 1);
    desk_wait(&desk.lost, 1);
    cr_assert_eq(desk.sent, 0);
    desk_close();
}

Test(http_stream, sees_a_client_leave_in_the_middle_of_its_body)
{
    leave_in_the_middle(false);
    leave_in_the_middle(true);
}
