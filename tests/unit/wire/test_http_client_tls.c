/*
 * TLS to services: whom the client believes, whom it shows its own certificate, and what it does
 * when files change. Over both lanes where both can.
 */
#include "http_identity.h"
#include "http_page.h"

TestSuite(http_client_tls, .timeout = 60);

static const struct turn hello[] = { { .say = HELLO } };
static const struct turn hello_once[] = {
    { .say = OK "Connection: close\r\nContent-Length: 5\r\n\r\nhello", .then = CLOSE },
};

static void open_secure_page(struct page *page, const struct turn *script, struct identity *service,
    struct http_origin_options options)
{
    open_client(page, (struct http_client_options){ .connect_timeout_ms = 2000 });
    page->server = server_start(script, 1, service->credentials);
    options.ca_file = options.ca_file ? options.ca_file : service->ca_file;
    page->origin = origin_at(page, page->server->port, options);
}

static enum http_outcome outcome_of_asking(struct page *page)
{
    struct result result;
    ask(page, &result, (struct http_call_options){ 0 });
    forget(&result);
    return result.answer.outcome;
}

/* ---- whom it believes ---- */

Test(http_client_tls, a_certificate_that_is_not_in_order_is_not_believed)
{
    static const struct {
        const char *title;
        struct identity_oddity odd;
        enum http_outcome outcome;
        bool is_lenient; /* the transfer lane does not ask what a certificate is for */
    } rows[] = {
        { "in order", { 0 }, HTTP_ANSWERED, false },
        { "expired", { .from_s = -7200, .until_s = -3600 }, HTTP_UNREACHED, false },
        { "not valid yet", { .from_s = 3600, .until_s = 7200 }, HTTP_UNREACHED, false },
        { "for servers", { .purpose = GNUTLS_KP_TLS_WWW_SERVER }, HTTP_ANSWERED, false },
        { "for clients", { .purpose = GNUTLS_KP_TLS_WWW_CLIENT }, HTTP_UNREACHED, true },
    };
    WITH_LANES(lane)
    {
        for (size_t i = 0; i < countof(rows); i++) {
            struct identity service;
            struct page page;
            make_odd_identity(&service, loopback, rows[i].odd);
            open_secure_page(
                &page, hello, &service, (struct http_origin_options){ .lane = lanes[lane] });
            bool is_lenient = rows[i].is_lenient && lanes[lane] == HTTP_LANE_TRANSFER;
            enum http_outcome outcome = is_lenient ? HTTP_ANSWERED : rows[i].outcome;
            cr_assert_eq(outcome_of_asking(&page), outcome, "%s", rows[i].title);
            cr_assert_eq(server_questions(page.server), outcome == HTTP_ANSWERED);
            close_page(&page);
            drop_identity(&service);
        }
    }
}

Test(http_client_tls, nothing_older_than_tls_1_2_is_spoken)
{
    static const struct {
        const char *priorities;
        enum http_outcome outcome;
    } rows[] = {
        { "NORMAL:-VERS-ALL:+VERS-TLS1.3", HTTP_ANSWERED },
        { "NORMAL:-VERS-ALL:+VERS-TLS1.2", HTTP_ANSWERED },
        { "NORMAL:-VERS-ALL:+VERS-TLS1.1", HTTP_UNREACHED },
    };
    struct identity service;
    make_identity(&service, loopback);
    WITH_LANES(lane)
    {
        for (size_t i = 0; i < countof(rows); i++) {
            struct page page;
            open_secure_page(
                &page, hello, &service, (struct http_origin_options){ .lane = lanes[lane] });
            page.server->priorities = rows[i].priorities;
            cr_assert_eq(outcome_of_asking(&page), rows[i].outcome, "%s", rows[i].priorities);
            close_page(&page);
        }
    }
    drop_identity(&service);
}

/* A listener that takes the connection and does not say a word of TLS. */
Test(http_client_tls, a_silent_handshake_ends_at_its_own_limit_or_at_the_deadline)
{
    static const struct {
        unsigned connect_timeout_ms;
        uint64_t deadline_us;
        enum http_outcome outcome;
    } rows[] = {
        { 150, 5000000, HTTP_UNREACHED },
        { 5000, 150000, HTTP_TIMED_OUT },
        { 0, 150000, HTTP_TIMED_OUT },
    };
    struct identity nobody;
    make_identity(&nobody, loopback);
    WITH_LANES(lane)
    {
        for (size_t i = 0; i < countof(rows); i++) {
            struct page page;
            struct result result;
            open_client(&page,
                (struct http_client_options){ .connect_timeout_ms = rows[i].connect_timeout_ms });
            page.server = server_start(hello, 1, NULL);
            page.origin = origin_at(&page, page.server->port,
                (struct http_origin_options){ .lane = lanes[lane], .ca_file = nobody.ca_file });
            ask_within(&page, &result, 150000,
                (struct http_call_options){ .deadline_us = rows[i].deadline_us });
            cr_assert_eq(result.answer.outcome, rows[i].outcome, "%s lane", lane_names[lane]);
            cr_assert_not(result.answer.was_sent);
            close_page(&page);
        }
    }
    drop_identity(&nobody);
}

/* ---- as whom it asks ---- */

static enum http_outcome ask_with_certificate(
    size_t lane, struct identity *service, struct identity *shown, struct identity *wanted)
{
    struct page page;
    struct http_origin_options options = {
        .lane = lanes[lane],
        .cert_file = shown ? shown->ca_file : NULL,
        .key_file = shown ? shown->key_file : NULL,
    };
    gnutls_certificate_set_x509_trust_file(
        service->credentials, wanted->ca_file, GNUTLS_X509_FMT_PEM);
    open_secure_page(&page, hello, service, options);
    page.server->wants_certificate = true;
    enum http_outcome outcome = outcome_of_asking(&page);
    cr_assert_eq(server_questions(page.server), outcome == HTTP_ANSWERED);
    close_page(&page);
    return outcome;
}

Test(http_client_tls, a_service_that_wants_our_certificate_gets_it)
{
    struct identity service, ours, strangers;
    make_identity(&service, loopback);
    make_identity(&ours, other_host);
    make_identity(&strangers, other_host);
    WITH_LANES(lane)
    {
        cr_assert_eq(ask_with_certificate(lane, &service, &ours, &ours), HTTP_ANSWERED);
        cr_assert_neq(ask_with_certificate(lane, &service, &strangers, &ours), HTTP_ANSWERED);
        cr_assert_neq(ask_with_certificate(lane, &service, NULL, &ours), HTTP_ANSWERED);
    }
    drop_identity(&service);
    drop_identity(&ours);
    drop_identity(&strangers);
}

Test(http_client_tls, a_key_that_is_not_the_certificates_reaches_nobody)
{
    struct identity service, other;
    make_identity(&service, loopback);
    make_identity(&other, loopback);
    WITH_LANES(lane)
    {
        struct page page;
        open_secure_page(&page, hello, &service,
            (struct http_origin_options){
                .lane = lanes[lane], .cert_file = service.ca_file, .key_file = other.key_file });
        cr_assert_eq(outcome_of_asking(&page), HTTP_UNREACHED);
        cr_assert_eq(server_questions(page.server), 0);
        close_page(&page);
    }
    drop_identity(&service);
    drop_identity(&other);
}

/* ---- from one connection to the next ---- */

/* The library keeps a session before its ticket has come, so the other lane does so in 1.2 only. */
Test(http_client_tls, the_next_connection_resumes_the_session)
{
    static const char *const priorities[] = { "NORMAL:-VERS-ALL:+VERS-TLS1.3",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2" };
    struct identity service;
    gnutls_datum_t ticket_key;
    make_identity(&service, loopback);
    gnutls_session_ticket_key_generate(&ticket_key);
    for (size_t i = 0; i < countof(priorities); i++) {
        struct page page;
        open_secure_page(&page, hello_once, &service,
            (struct http_origin_options){ .lane = HTTP_LANE_EXCHANGE });
        page.server->priorities = priorities[i];
        page.server->ticket_key = &ticket_key;
        for (size_t asked = 1; asked <= 3; asked++) {
            cr_assert_eq(outcome_of_asking(&page), HTTP_ANSWERED);
            cr_assert_eq(server_connections(page.server), asked);
            cr_assert_eq(server_resumed(page.server), asked - 1, "%s", priorities[i]);
        }
        close_page(&page);
    }
    gnutls_free(ticket_key.data);
    drop_identity(&service);
}

/* A list of authorities is renewed by renaming a new one over it. */
Test(http_client_tls, a_file_that_has_changed_counts_from_the_next_connection_on)
{
    struct identity service, stranger;
    struct page page;
    make_identity(&service, loopback);
    make_identity(&stranger, loopback);
    char path[64];
    snprintf(path, sizeof(path), "/tmp/test-list-%d", getpid());
    open_secure_page(&page, hello_once, &service,
        (struct http_origin_options){ .lane = HTTP_LANE_EXCHANGE, .ca_file = path });
    cr_assert_eq(outcome_of_asking(&page), HTTP_UNREACHED); /* there is no list yet */
    cr_assert_eq(link(stranger.ca_file, path), 0);
    cr_assert_eq(outcome_of_asking(&page), HTTP_UNREACHED);
    cr_assert_eq(rename(service.ca_file, path), 0);
    cr_assert_eq(outcome_of_asking(&page), HTTP_ANSWERED);
    cr_assert_eq(rename(stranger.ca_file, path), 0);
    cr_assert_eq(outcome_of_asking(&page), HTTP_UNREACHED);
    cr_assert_eq(server_questions(page.server), 1);
    unlink(path);
    close_page(&page);
    drop_identity(&service);
    drop_identity(&stranger);
}
