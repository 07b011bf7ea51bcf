/* The answer to a request that never began: as a client reads it. */
#include "respond/turned_away.h"

#include "wire/http_server.h"
#include "wire/json.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct buf answer;
static struct request request;
static struct arena arena;

static void open_page(void)
{
    buf_init(&answer, HTTP_TURNED_AWAY_MAX_BYTES);
    arena_init(&arena, NULL);
    request = (struct request){
        .problem = PROBLEM_OVERLOADED,
        .detail = STR("Ask again in 2 s."),
        .received = { .path = STR("/v1/feed"), .request_id = STR("r-17") },
        .pressed.retry_after_s = 2,
    };
}

static void close_page(void)
{
    arena_release(&arena);
    buf_release(&answer);
}

TestSuite(turned_away, .init = open_page, .fini = close_page, .timeout = 20);

static bool has_field(struct str head, const char *line)
{
    char wanted[200];
    snprintf(wanted, sizeof(wanted), "\r\n%s\r\n", line);
    return memmem(head.at, head.len, wanted, strlen(wanted)) != NULL;
}

/* Splits the answer where its own Content-Length says, and reads the body. */
static const struct json *read_answer(struct str *head)
{
    struct err err;
    turned_away_write(&request, &answer);
    const char *end = memmem(answer.data, answer.len, "\r\n\r\n", 4);
    cr_assert_not_null(end);
    *head = (struct str){ answer.data, (size_t)(end - answer.data) + 4 };
    struct str body = str_from(buf_str(&answer), head->len);
    const char *length = memmem(head->at, head->len, "\r\nContent-Length: ", 18);
    cr_assert_not_null(length);
    cr_assert_eq(strtoul(length + 18, NULL, 10), body.len);
    cr_assert_eq(request.encoded.plain_bytes, body.len);
    const struct json *json = json_parse(&arena, body, &err);
    cr_assert_not_null(json, "%s", err.text);
    return json;
}

static void says(const struct json *json, const char *name, const char *value)
{
    const char *text = json_cstr(json_get(json, name));
    cr_assert_not_null(text, "%s", name);
    cr_assert_str_eq(text, value);
}

Test(turned_away, is_a_problem_that_keeps_the_connection)
{
    struct str head;
    int64_t status;
    const struct json *json = read_answer(&head);
    cr_assert(str_starts(head, STR("HTTP/1.1 503 Service Unavailable\r\n")));
    cr_assert(has_field(head, "Content-Type: application/problem+json"));
    cr_assert(has_field(head, "Cache-Control: no-store"));
    cr_assert(has_field(head, "Retry-After: 2"));
    cr_assert(has_field(head, "X-Request-Id: r-17"));
    cr_assert_null(memmem(head.at, head.len, "Connection", 10));
    says(json, "type", "urn:problem-type:bff:overloaded");
    says(json, "title", problem_row(PROBLEM_OVERLOADED)->title);
    says(json, "detail", "Ask again in 2 s.");
    says(json, "instance", "/v1/feed");
    says(json, "request_id", "r-17");
    cr_assert(json_i64(json_get(json, "status"), &status));
    cr_assert_eq(status, 503);
}

Test(turned_away, quotes_what_a_stranger_sent)
{
    struct str head;
    request.received.path = STR("/\"}]\\{");
    says(read_answer(&head), "instance", "/\"}]\\{");
}

Test(turned_away, leaves_out_a_path_that_is_too_long)
{
    static char path[8192];
    struct str head;
    memset(path, '"', sizeof(path));
    request.received.path = (struct str){ path, sizeof(path) };
    cr_assert_null(json_get(read_answer(&head), "instance"));
    answer.len = 0;
    request.received.path.len = 1023;
    cr_assert_not_null(json_get(read_answer(&head), "instance"));
}

/* Whatever the path, and the longest id that is taken over. */
Test(turned_away, has_room_for_the_longest)
{
    static char path[1023], id[128];
    struct str head;
    memset(path, 1, sizeof(path));
    memset(id, 'i', sizeof(id));
    for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++) {
        if (problem_row((enum problem)i)->status == 503) {
            request.problem = (enum problem)i;
            request.received.path = (struct str){ path, sizeof(path) };
            request.received.request_id = (struct str){ id, sizeof(id) };
            cr_assert_not_null(json_get(read_answer(&head), "instance"));
            buf_clear(&answer);
        }
    }
}
