/*
 * A service behind a proxy, which the transfer lane alone speaks to. What is http the proxy reads
 * and answers: here it is the scripted server. What is https goes through a tunnel, which a thread
 * of the test makes.
 */
#include "http_identity.h"
#include "http_page.h"

TestSuite(http_proxy, .timeout = 60);

/* Nobody but a proxy knows where that is. */
#define NOWHERE "http://profiles.invalid"

static char proxy_url[64];

static struct http_origin *origin_behind(
    struct page *page, unsigned proxy_port, struct http_origin_options options)
{
    snprintf(proxy_url, sizeof(proxy_url), "http://127.0.0.1:%u", proxy_port);
    options.proxy = proxy_url;
    struct err err;
    struct http_origin *origin = http_origin_new(page->client, &options, &err);
    cr_assert_not_null(origin, "%s", origin ? "" : err.text);
    return origin;
}

static void expect(struct page *page, enum http_outcome outcome)
{
    struct result result;
    ask(page, &result, (struct http_call_options){ .target = STR("/users/7?full=1") });
    cr_assert_eq(result.answer.outcome, outcome, "%s", http_outcome_name(result.answer.outcome));
    cr_assert(outcome != HTTP_ANSWERED || str_eq(buf_str(&result.body), STR("hello")));
    forget(&result);
}

/* ---- what it reads ---- */

static void check_target(const char *url, const char *says)
{
    static const struct turn script[] = { { .say = HELLO } };
    struct page page;
    open_page(&page, 1, script, 1);
    page.origin =
        origin_behind(&page, page.server->port, (struct http_origin_options){ .url = url });
    for (int i = 0; i < 2; i++) {
        expect(&page, HTTP_ANSWERED);
        cr_assert_eq(strncmp(page.server->heard, says, strlen(says)), 0, "%s", page.server->heard);
    }
    cr_assert_eq(server_connections(page.server), 1);
    close_page(&page);
}

Test(http_proxy, is_told_whose_the_question_is)
{
    check_target(NOWHERE,
        "GET http://profiles.invalid/users/7?full=1 HTTP/1.1\r\nHost: profiles.invalid\r\n");
    check_target(NOWHERE ":8080/v1/",
        "GET http://profiles.invalid:8080/v1/users/7?full=1 HTTP/1.1\r\n"
        "Host: profiles.invalid:8080\r\n");
}

Test(http_proxy, is_asked_whatever_the_environment_says)
{
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("no_proxy", "*", 1);
    check_target(NOWHERE, "GET http://profiles.invalid/users/7?full=1 HTTP/1.1\r\n");
}

Test(http_proxy, what_it_says_itself_is_an_answer)
{
    static const struct turn script[] = { { .say = "HTTP/1.1 407 Proxy Authentication Required\r\n"
                                                   "Proxy-Authenticate: Basic realm=\"x\"\r\n"
                                                   "Content-Length: 0\r\n\r\n" } };
    struct page page;
    struct result result;
    open_page(&page, 1, script, 1);
    page.origin =
        origin_behind(&page, page.server->port, (struct http_origin_options){ .url = NOWHERE });
    ask(&page, &result, (struct http_call_options){ 0 });
    cr_assert_eq(result.answer.outcome, HTTP_ANSWERED);
    cr_assert_eq(result.answer.status, 407);
    cr_assert_eq(server_questions(page.server), 1);
    forget(&result);
    close_page(&page);
}

Test(http_proxy, that_is_not_there_makes_the_service_unreached)
{
    struct page page;
    open_client(&page, (struct http_client_options){ 0 });
    page.origin = origin_behind(&page, 1, (struct http_origin_options){ .url = NOWHERE });
    expect(&page, HTTP_UNREACHED);
    close_page(&page);
}

/* ---- what it does not read ---- */

struct tunnel {
    int listener;
    unsigned port, to_port;
    char heard[4096]; /* the last CONNECT */
    pthread_t thread;
};

/* Until one side has nothing more to say. */
static void pump(int a, int b)
{
    char bytes[4096];
    struct pollfd ends[2] = { { .fd = a, .events = POLLIN }, { .fd = b, .events = POLLIN } };
    while (poll(ends, 2, -1) > 0) {
        for (int i = 0; i < 2; i++) {
            ssize_t got = ends[i].revents ? recv(ends[i].fd, bytes, sizeof(bytes), 0) : 1;
            if (got <= 0 || (ends[i].revents &&
                                send(ends[1 - i].fd, bytes, (size_t)got, MSG_NOSIGNAL) != got)) {
                return;
            }
        }
    }
}

static void *make_tunnels(void *argument)
{
    struct tunnel *tunnel = argument;
    int client;
    while ((client = accept(tunnel->listener, NULL, NULL)) >= 0) {
        size_t len = 0;
        for (ssize_t got = 1; got > 0 && !strstr(tunnel->heard, "\r\n\r\n"); len += (size_t)got) {
            got = recv(client, tunnel->heard + len, sizeof(tunnel->heard) - 1 - len, 0);
            tunnel->heard[len + (size_t)(got > 0 ? got : 0)] = '\0';
        }
        struct sockaddr_in to = { .sin_family = AF_INET,
            .sin_port = htons((uint16_t)tunnel->to_port),
            .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int service = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        /* Nothing of it may be taken for the service's. */
        static const char opened[] = "HTTP/1.1 200 Opened\r\nContent-Encoding: br\r\n"
                                     "ETag: \"proxy\"\r\nContent-Type: text/html\r\n\r\n";
        if (connect(service, (struct sockaddr *)&to, sizeof(to)) == 0 &&
            send(client, opened, sizeof(opened) - 1, MSG_NOSIGNAL) > 0) {
            pump(client, service);
        }
        close(service);
        close(client);
    }
    return NULL;
}

static void open_tunnel(struct tunnel *tunnel, unsigned to_port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    *tunnel = (struct tunnel){ .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
        .to_port = to_port };
    cr_assert_eq(bind(tunnel->listener, (struct sockaddr *)&at, len), 0);
    cr_assert_eq(listen(tunnel->listener, 8), 0);
    cr_assert_eq(getsockname(tunnel->listener, (struct sockaddr *)&at, &len), 0);
    tunnel->port = ntohs(at.sin_port);
    cr_assert_eq(pthread_create(&tunnel->thread, NULL, make_tunnels, tunnel), 0);
}

static void close_tunnel(struct tunnel *tunnel)
{
    shutdown(tunnel->listener, SHUT_RDWR);
    pthread_join(tunnel->thread, NULL);
    close(tunnel->listener);
}

Test(http_proxy, sees_nothing_of_a_question_over_tls)
{
    static const struct turn script[] = { { .say = HELLO } };
    struct identity identity;
    struct tunnel tunnel;
    struct page page;
    struct result result;
    char url[64], connects[64];
    make_identity(&identity, loopback);
    open_client(&page, (struct http_client_options){ 0 });
    page.server = server_start(script, 1, identity.credentials);
    open_tunnel(&tunnel, page.server->port);
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/v1", page.server->port);
    snprintf(connects, sizeof(connects), "CONNECT 127.0.0.1:%u HTTP/1.1\r\n", page.server->port);
    page.origin = origin_behind(&page, tunnel.port,
        (struct http_origin_options){ .url = url, .ca_file = identity.ca_file });
    static const struct http_call_field secret = { STR("X-User-Id"), STR("1001") };
    for (int i = 0; i < 2; i++) {
        ask(&page, &result,
            (struct http_call_options){
                .target = STR("/users"), .fields = &secret, .fields_count = 1 });
        cr_assert_eq(result.answer.outcome, HTTP_ANSWERED);
        cr_assert(str_eq(buf_str(&result.body), STR("hello")));
        cr_assert_eq(result.answer.etag.len, 0);
        cr_assert_eq(result.answer.is_reused, i == 1);
        forget(&result);
    }
    const char *heard = page.server->heard;
    cr_assert_eq(strncmp(heard, "GET /v1/users HTTP/1.1\r\n", 24), 0, "%s", heard);
    cr_assert_not_null(strstr(heard, "\r\nX-User-Id: 1001\r\n"));
    close_page(&page);
    close_tunnel(&tunnel);
    cr_assert_eq(strncmp(tunnel.heard, connects, strlen(connects)), 0, "%s", tunnel.heard);
    cr_assert_null(strstr(tunnel.heard, "1001"));
    drop_identity(&identity);
}

Test(http_proxy, cannot_stand_in_for_the_service)
{
    static const struct turn script[] = { { .say = HELLO } };
    struct identity identity, other;
    struct tunnel tunnel;
    struct page page;
    make_identity(&identity, loopback);
    make_identity(&other, loopback);
    open_client(&page, (struct http_client_options){ 0 });
    page.server = server_start(script, 1, other.credentials);
    open_tunnel(&tunnel, page.server->port);
    page.origin = origin_behind(&page, tunnel.port,
        (struct http_origin_options){ .url = "https://127.0.0.1", .ca_file = identity.ca_file });
    expect(&page, HTTP_UNREACHED);
    cr_assert_eq(server_questions(page.server), 0);
    close_page(&page);
    close_tunnel(&tunnel);
    drop_identity(&identity);
    drop_identity(&other);
}

Test(http_proxy, that_makes_no_tunnel_makes_the_service_unreached)
{
    static const struct turn script[] = {
        { .say = "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nhello" }
    };
    struct page page;
    open_page(&page, 1, script, 1);
    page.origin = origin_behind(&page, page.server->port,
        (struct http_origin_options){ .url = "https://profiles.invalid" });
    expect(&page, HTTP_UNREACHED);
    cr_assert_eq(strncmp(page.server->heard, "CONNECT profiles.invalid:443 HTTP/1.1\r\n", 39), 0);
    close_page(&page);
}

/* ---- where there can be none ---- */

Test(http_proxy, that_cannot_be_used_is_refused_with_a_sentence)
{
    static const struct http_origin_options rows[] = {
        { .proxy = "http://proxy:3128", .lane = HTTP_LANE_EXCHANGE },
        { .proxy = "https://proxy:3128" },
        { .proxy = "socks5://proxy:1080" },
        { .proxy = "proxy:3128" },
        { .proxy = "http://u:p@proxy:3128" },
        { .proxy = "http://proxy:3128/path" },
        { .proxy = "http://proxy:3128/?q" },
        { .proxy = "" },
    };
    struct page page;
    open_client(&page, (struct http_client_options){ 0 });
    for (size_t i = 0; i < countof(rows); i++) {
        struct http_origin_options options = rows[i];
        options.url = NOWHERE;
        struct err err = { "" };
        cr_assert_null(http_origin_new(page.client, &options, &err), "%s", options.proxy);
        cr_assert_not_null(strstr(err.text, "proxy"), "%s", err.text);
        cr_assert_eq(err.text[strlen(err.text) - 1], '.', "%s", err.text);
    }
    close_page(&page);
}
