/* What a service hears, on both lanes, in plain text and over TLS; and whom the client believes. */
#include "http_identity.h"
#include "http_page.h"

#include <signal.h>

TestSuite(http_question, .timeout = 60);

/* ---- the question ---- */

static const struct http_call_field two_fields[] = {
    { { "Accept", 6 }, { "application/json", 16 } },
    { { "X-Empty", 7 }, { "", 0 } },
};

/* What was heard holds `line` exactly once, as a line. */
static bool has_line(const char *heard, const char *line)
{
    char text[128];
    snprintf(text, sizeof(text), "\r\n%s\r\n", line);
    const char *found = strstr(heard, text);
    return found && !strstr(found + 2, text);
}

static size_t lines_of_head(const char *heard)
{
    size_t lines = 0;
    const char *end = strstr(heard, "\r\n\r\n");
    for (const char *at = heard; at && at < end + 2; at = strstr(at, "\r\n") + 2) {
        lines++;
    }
    return lines;
}

struct question_case {
    enum http_method method;
    const char *body;
    const char *first_line;
    const char *length; /* the line, or NULL: there must be none */
};

static const struct question_case question_cases[] = {
    { HTTP_GET, "", "GET /v1/users/7?x=%20 HTTP/1.1\r\n", NULL },
    { HTTP_HEAD, "", "HEAD /v1/users/7?x=%20 HTTP/1.1\r\n", NULL },
    { HTTP_POST, "{\"a\":1}", "POST /v1/users/7?x=%20 HTTP/1.1\r\n", "Content-Length: 7" },
    { HTTP_POST, "", "POST /v1/users/7?x=%20 HTTP/1.1\r\n", "Content-Length: 0" },
    { HTTP_PUT, "x", "PUT /v1/users/7?x=%20 HTTP/1.1\r\n", "Content-Length: 1" },
    { HTTP_PATCH, "x", "PATCH /v1/users/7?x=%20 HTTP/1.1\r\n", "Content-Length: 1" },
    { HTTP_DELETE, "", "DELETE /v1/users/7?x=%20 HTTP/1.1\r\n", NULL },
};

static struct http_origin *prefixed_origin(struct page *page, size_t lane)
{
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/v1/", page->server->port);
    struct http_origin_options options = { .url = url, .lane = lanes[lane] };
    struct err err;
    struct http_origin *origin = http_origin_new(page->client, &options, &err);
    cr_assert_not_null(origin);
    return origin;
}

/* The last `written` of the two fields are lines that were written before, each by itself. */
static void check_question(struct page *page, const struct question_case *row, size_t written)
{
    struct result result;
    struct arena arena;
    struct http_call_lines lines[countof(two_fields)];
    size_t left = countof(two_fields) - written;
    arena_init(&arena, NULL);
    for (size_t i = 0; i < written; i++) {
        lines[i] = http_call_lines(&arena, &two_fields[left + i], 1);
    }
    ask(page, &result,
        (struct http_call_options){ .method = row->method,
            .target = STR("/users/7?x=%20"),
            .lines = lines,
            .lines_count = written,
            .fields = two_fields,
            .fields_count = left,
            .body = str_of(row->body) });
    arena_release(&arena);
    cr_assert_eq(result.answer.outcome, HTTP_ANSWERED, "%s", row->first_line);
    forget(&result);
    const char *heard = page->server->heard;
    char host[64];
    snprintf(host, sizeof(host), "Host: 127.0.0.1:%u", page->server->port);
    cr_assert(str_starts(str_of(heard), str_of(row->first_line)), "%s", heard);
    cr_assert(has_line(heard, host), "%s", heard);
    cr_assert(has_line(heard, "Accept: application/json"), "%s", heard);
    cr_assert(has_line(heard, "X-Empty:") || has_line(heard, "X-Empty: "), "%s", heard);
    cr_assert(!row->length || has_line(heard, row->length), "%s", heard);
    cr_assert_eq(lines_of_head(heard), row->length ? 5 : 4, "%s", heard);
    cr_assert_str_eq(strstr(heard, "\r\n\r\n") + 4, row->body);
}

/* On one connection: nothing of a question stays behind for the next. */
Test(http_question, a_service_hears_what_was_asked_and_no_more)
{
    static const struct turn script[] = { { .say = OK "Content-Length: 0\r\n\r\n" } };
    WITH_LANES(lane)
    {
        struct page page;
        open_page(&page, lane, script, 1);
        page.origin = prefixed_origin(&page, lane);
        for (size_t i = 0; i < countof(question_cases); i++) {
            check_question(&page, &question_cases[i], i % 3);
            check_question(&page, &question_cases[countof(question_cases) - 1 - i], 2 - i % 3);
        }
        cr_assert_eq(server_connections(page.server), 1);
        close_page(&page);
    }
}

static void write_line(const char *name, const char *value)
{
    struct arena arena;
    struct http_call_field field = { str_of(name), str_of(value) };
    arena_init(&arena, NULL);
    struct http_call_lines lines = http_call_lines(&arena, &field, 1);
    cr_assert(str_eq(lines.text, STR("A: b\r\n")));
    arena_release(&arena);
}

Test(http_question, lines_are_written_as_they_will_stand)
{
    write_line("A", "b");
}

Test(http_question, no_value_ends_a_line, .signal = SIGABRT)
{
    write_line("A", "b\r\nC: d");
}

Test(http_question, no_name_is_two, .signal = SIGABRT)
{
    write_line("A: x\r\nB", "b");
}

Test(http_question, where_a_question_ends_is_not_the_callers_to_say, .signal = SIGABRT)
{
    write_line("Content-length", "1");
}

Test(http_question, a_head_is_answered_without_content)
{
    static const struct turn script[] = { { .say = OK "Content-Length: 500\r\n\r\n" } };
    WITH_LANES(lane)
    {
        struct page page;
        struct result result;
        open_page(&page, lane, script, 1);
        for (int i = 0; i < 2; i++) {
            ask(&page, &result, (struct http_call_options){ .method = HTTP_HEAD });
            cr_assert_eq(result.answer.outcome, HTTP_ANSWERED);
            cr_assert_eq(result.answer.is_reused, i == 1);
            forget(&result);
        }
        close_page(&page);
    }
}

/* ---- large bodies, both ways: more than sockets and TLS records hold ---- */

enum { LARGE_BYTES = 3 << 20 };

static char *large_text(const char *head, size_t *len)
{
    size_t head_len = strlen(head);
    *len = head_len + LARGE_BYTES;
    char *text = malloc(*len + 1);
    memcpy(text, head, head_len);
    for (size_t i = 0; i < LARGE_BYTES; i++) {
        text[head_len + i] = (char)('a' + i * 7 % 26);
    }
    text[*len] = '\0';
    return text;
}

static void check_large(struct page *page, const char *content)
{
    struct result result;
    ask(page, &result,
        (struct http_call_options){
            .method = HTTP_POST, .body = str_of(content), .answer_max_bytes = LARGE_BYTES });
    cr_assert_eq(result.answer.outcome, HTTP_ANSWERED);
    cr_assert(str_eq(buf_str(&result.body), str_of(content)));
    cr_assert_str_eq(strstr(page->server->heard, "\r\n\r\n") + 4, content);
    forget(&result);
}

static void check_large_twice(
    size_t lane, gnutls_certificate_credentials_t credentials, struct http_origin_options options)
{
    char head[64];
    snprintf(head, sizeof(head), OK "Content-Length: %d\r\n\r\n", LARGE_BYTES);
    size_t len;
    char *text = large_text(head, &len);
    struct turn turn = { .say = text, .say_len = len };
    struct page page;
    open_client(&page, (struct http_client_options){ 0 });
    page.server = server_start(&turn, 1, credentials);
    options.lane = lanes[lane];
    page.origin = origin_at(&page, page.server->port, options);
    check_large(&page, text + strlen(head));
    check_large(&page, text + strlen(head));
    cr_assert_eq(server_connections(page.server), 1);
    close_page(&page);
    free(text);
}

Test(http_question, large_bodies_pass_both_ways)
{
    WITH_LANES(lane)
    {
        check_large_twice(lane, NULL, (struct http_origin_options){ 0 });
    }
}

/* ---- TLS ---- */

Test(http_question, large_bodies_pass_both_ways_over_tls)
{
    struct identity identity;
    make_identity(&identity, loopback);
    WITH_LANES(lane)
    {
        check_large_twice(lane, identity.credentials,
            (struct http_origin_options){ .ca_file = identity.ca_file });
    }
    drop_identity(&identity);
}

static void check_trust(
    size_t lane, struct identity *service, const char *ca_file, enum http_outcome outcome)
{
    static const struct turn script[] = { { .say = HELLO } };
    struct page page;
    struct result result;
    open_client(&page, (struct http_client_options){ 0 });
    page.server = server_start(script, 1, service->credentials);
    page.origin = origin_at(&page, page.server->port,
        (struct http_origin_options){ .ca_file = ca_file, .lane = lanes[lane] });
    for (int i = 0; i < 3; i++) {
        ask(&page, &result, (struct http_call_options){ 0 });
        cr_assert_eq(result.answer.outcome, outcome, "%s lane", lane_names[lane]);
        cr_assert_eq(result.answer.was_sent, outcome == HTTP_ANSWERED);
        cr_assert_eq(result.answer.is_reused, outcome == HTTP_ANSWERED && i > 0);
        forget(&result);
    }
    cr_assert_eq(server_questions(page.server), outcome == HTTP_ANSWERED ? 3 : 0);
    close_page(&page);
}

Test(http_question, only_a_service_that_is_who_it_should_be_is_asked)
{
    struct identity service, stranger, misnamed;
    make_identity(&service, loopback);
    make_identity(&stranger, loopback);
    make_identity(&misnamed, other_host);
    WITH_LANES(lane)
    {
        check_trust(lane, &service, service.ca_file, HTTP_ANSWERED);
        check_trust(lane, &service, stranger.ca_file, HTTP_UNREACHED);
        check_trust(lane, &misnamed, misnamed.ca_file, HTTP_UNREACHED);
        check_trust(lane, &service, "/no/such/file", HTTP_UNREACHED);
    }
    drop_identity(&service);
    drop_identity(&stranger);
    drop_identity(&misnamed);
}

/* Over TLS a cut is not an end: without the peer's goodbye no answer until the close is whole. */
Test(http_question, an_answer_cut_off_under_tls_is_broken)
{
    static const struct turn cut[] = { { .say = OK "\r\nhell", .then = RESET } };
    static const struct turn whole[] = { { .say = OK "\r\nhello", .then = CLOSE } };
    struct identity identity;
    make_identity(&identity, loopback);
    WITH_LANES(lane)
    {
        for (int is_whole = 0; is_whole <= 1; is_whole++) {
            struct page page;
            struct result result;
            open_client(&page, (struct http_client_options){ 0 });
            page.server = server_start(is_whole ? whole : cut, 1, identity.credentials);
            page.origin = origin_at(&page, page.server->port,
                (struct http_origin_options){ .ca_file = identity.ca_file, .lane = lanes[lane] });
            ask(&page, &result, (struct http_call_options){ 0 });
            cr_assert_eq(result.answer.outcome, is_whole ? HTTP_ANSWERED : HTTP_BROKEN, "%s lane",
                lane_names[lane]);
            forget(&result);
            close_page(&page);
        }
    }
    drop_identity(&identity);
}
