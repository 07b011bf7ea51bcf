/* When the answer is handed over, what becomes of its connection, and when the step is over. */
#include "../no_stream.h"
#include "../page.h"

#include "respond/reply.h"

static const struct bff_plan plans[] = { { .name = "feed", .route = "GET /v1/feed" } };
static struct page page;

/* ---- a connection without a network: it keeps the last answer ---- */

static struct {
    unsigned times;
    unsigned status;
    size_t fields_count;
    struct str body;
    enum http_after after;
} wire;

static int exchange;

void http_reply(struct http_exchange *on, unsigned status, const struct http_field *fields,
    size_t fields_count, struct buf *body, enum http_after after)
{
    cr_assert(on == (struct http_exchange *)&exchange && fields != NULL);
    wire.times++;
    wire.status = status;
    wire.fields_count = fields_count;
    wire.body = arena_str(&page.request.arena, buf_str(body));
    wire.after = after;
    buf_release(body);
}

void http_exchange_set_owner(struct http_exchange *on, void *owner)
{
    (void)on, (void)owner;
}

unsigned http_server_connections(const struct http_server *server)
{
    (void)server;
    return 0;
}

/* ---- the page ---- */

static void open_page(void)
{
    page_open(&page, plans, countof(plans));
    wire.times = 0;
}

static void close_page(void)
{
    page_close(&page);
}

TestSuite(reply, .init = open_page, .fini = close_page);

static struct request *encoded(enum problem problem)
{
    static struct http_field fields[] = { { STR("A"), STR("1") }, { STR("B"), STR("2") } };
    struct request *request = page_turn(&page);
    request->exchange = (struct http_exchange *)&exchange;
    request->problem = problem;
    request->encoded.fields = fields;
    request->encoded.fields_count = countof(fields);
    buf_init(&request->encoded.body, 100);
    buf_append_str(&request->encoded.body, STR("{}"));
    return request;
}

Test(reply, hands_over_once_and_waits_until_it_is_out)
{
    struct request *request = encoded(PROBLEM_NONE);
    cr_assert_eq(reply_run(request), STEP_WAIT);
    cr_assert(wire.times == 1 && wire.status == 200 && wire.fields_count == 2);
    cr_assert(str_eq(wire.body, STR("{}")));
    cr_assert(request->replied.was_handed_over && request->replied.ended_us == 0);
    cr_assert_eq(reply_run(request), STEP_WAIT, "whoever wakes it early changes nothing");
    cr_assert_eq(wire.times, 1);
    request->replied.is_over = true;
    cr_assert_eq(reply_run(request), STEP_NEXT);
    cr_assert_gt(request->replied.ended_us, 0);
    cr_assert_eq(wire.times, 1);
}

/* What was not believed may have been two requests to somebody else. */
Test(reply, a_connection_whose_bytes_were_not_believed_is_closed)
{
    for (enum problem problem = PROBLEM_NONE; problem < PROBLEM_CLIENT_GONE; problem++) {
        bool is_disbelieved =
            problem == PROBLEM_BAD_REQUEST || problem == PROBLEM_REQUEST_TIMEOUT ||
            problem == PROBLEM_BODY_TOO_LARGE || problem == PROBLEM_TARGET_TOO_LONG ||
            problem == PROBLEM_HEAD_TOO_LARGE;
        reply_run(encoded(problem));
        cr_assert_eq(
            wire.after, is_disbelieved ? HTTP_CLOSE : HTTP_KEEP, "%s", problem_row(problem)->slug);
        cr_assert_eq(wire.status, problem_row(problem)->status);
    }
}

Test(reply, a_server_that_drains_closes_every_connection)
{
    page.worker.is_draining = true;
    reply_run(encoded(PROBLEM_NONE));
    cr_assert_eq(wire.after, HTTP_CLOSE);
}
