/* Streamed requests at a full server: without a body they cost no more than others do. */
#include "stream_desk.h"

#include <criterion/criterion.h>

TestSuite(http_stream_turned_away, .init = stream_init, .fini = stream_fini, .timeout = 60);

#define GET "GET /s/down HTTP/1.1\r\nHost: a\r\n\r\n"

static void open_full(bool tls, struct client *client)
{
    stream_init();
    desk_open(tls);
    desk.is_full = true;
    client_connect(client);
}

Test(http_stream_turned_away, keeps_the_connection_where_there_is_no_body)
{
    for (size_t tls = 0; tls < countof(is_tls); tls++) {
        struct client client;
        open_full(is_tls[tls], &client);
        client_say(&client, GET);
        client_hear(&client, "Content-Length: 2\r\n\r\nxx");
        cr_assert_eq(strncmp(client.got, "HTTP/1.1 503 Full\r\n", 19), 0);
        desk.is_full = false;
        client.got_len = 0;
        client_say(&client, GET);
        client_hear(&client, "\r\n0\r\n\r\n");
        cr_assert_eq(desk.begun, 1);
        cr_assert_eq(desk.turned_away, 1);
        client_close(&client);
        desk_close();
    }
}

/* Both heads, and a part of the second one's body, are here before the first is answered. */
Test(http_stream_turned_away, takes_the_body_that_came_behind_it)
{
    for (size_t tls = 0; tls < countof(is_tls); tls++) {
        struct client client;
        open_full(is_tls[tls], &client);
        client_say(&client, GET UPLOAD_CHUNKS "2\r\nab\r\n");
        client_hear(&client, "Content-Length: 2\r\n\r\nxx");
        desk_wait(&desk.begun, 1);
        client.got_len = 0;
        client_say(&client, "0\r\n\r\n" GET);
        client_hear(&client, "\r\nX-Saw: 2 ");
        client_hear(&client, "X-Saw: GET /s/down\r\n");
        cr_assert_eq(desk.turned_away, 2);
        client_close(&client);
        desk_close();
    }
}

/* Its body is on its way: whoever refuses it has to end the connection, and that takes a request.
 */
Test(http_stream_turned_away, lets_a_body_that_is_not_here_begin)
{
    struct client client;
    open_full(false, &client);
    client_say(&client, "POST /s/refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    client_hear_all(&client);
    cr_assert_eq(strncmp(client.got, "HTTP/1.1 403 ", 13), 0);
    cr_assert(strstr(client.got, "Connection: close\r\n") != NULL);
    cr_assert_eq(desk.turned_away, 0);
    client_close(&client);
    desk_close();
}

Test(http_stream_turned_away, turns_a_short_body_away_that_is_here)
{
    struct client client;
    open_full(false, &client);
    client_say(&client, "POST /s/refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" GET);
    client_hear(&client, "X-Saw: POST /s/refuse\r\n");
    client_hear(&client, "X-Saw: GET /s/down\r\n");
    cr_assert_eq(desk.begun, 0);
    cr_assert_eq(desk.turned_away, 2);
    client_close(&client);
    desk_close();
}
