/* Every way to be refused before a service is asked, from each of the servers. */
#include "flow.h"

#include <stdio.h>
#include <stdlib.h>

TestSuite(refusals, .init = flow_open, .fini = flow_close, .timeout = 100);

struct row {
    struct flow_question asks;
    struct flow_expected expects;
};

/* Asks each of the three servers all of it, one after the other. */
static void refuse_all(const struct row *rows, size_t count)
{
    for (size_t client = 0; flow_clients[client]; client++) {
        flow_serve(&(struct flow_page){ .client = flow_clients[client] });
        for (size_t i = 0; i < count; i++) {
            const struct flow_question *asks = &rows[i].asks;
            cr_log_info("%s %s %s", flow_clients[client], asks->path ? asks->path : "",
                asks->order ? asks->order : "");
            flow_check(asks, &rows[i].expects);
        }
        cr_assert_eq(flow_asked("profiles"), 0, "a service was asked for nothing");
        cr_assert_eq(flow_stop(), 0);
    }
}

/* ---- what is asked ---- */

static char long_path[9000], long_field[20000], long_body[70000];

Test(refusals, of_what_is_not_there_or_too_much)
{
    snprintf(long_path, sizeof(long_path), "/v1/feed?%8500s", "");
    snprintf(long_field, sizeof(long_field), "X-Long: %19000s", "");
    memset(long_path + strlen("/v1/feed?"), 'a', 8500);
    memset(long_field + strlen("X-Long: "), 'a', 19000);
    memset(long_body, 'a', sizeof(long_body) - 1);
    const struct row rows[] = {
        { { .path = "/nowhere" }, { .status = 404,
                                      .problem = "not-found",
                                      .fields = { "!Allow", "!WWW-Authenticate" } } },
        { { .path = "/v1/feed/" }, { .status = 404, .problem = "not-found" } },
        { { .path = "/v1/../v1/feed" }, { .status = 404, .problem = "not-found" } },
        { { .method = "DELETE" },
            { .status = 405, .problem = "method-not-allowed", .fields = { "Allow: GET, HEAD" } } },
        { { .method = "POST", .body = "{}" },
            { .status = 405, .problem = "method-not-allowed", .fields = { "Allow: GET, HEAD" } } },
        { { .method = "OPTIONS" },
            { .status = 405, .problem = "method-not-allowed", .fields = { "Allow: GET, HEAD" } } },
        { { .method = "POST", .body = long_body },
            { .status = 413, .problem = "body-too-large", .fields = { "Connection: close" } } },
        { { .path = long_path },
            { .status = 414, .problem = "target-too-long", .fields = { "Connection: close" } } },
        { { .fields = { long_field } },
            { .status = 431, .problem = "head-too-large", .fields = { "Connection: close" } } },
    };
    refuse_all(rows, countof(rows));
}

Test(refusals, of_query_values_that_cannot_be_used)
{
    static const char *const paths[] = { "/v1/feed?limit=0", "/v1/feed?limit=101",
        "/v1/feed?limit=ten", "/v1/feed?limit=-1", "/v1/feed?limit=", "/v1/feed?limit=1&limit=2",
        "/v1/feed?limit=99999999999999999999", "/v1/feed?cursor=a%2Fb", "/v1/feed?cursor=%0d%0a" };
    struct row rows[countof(paths)];
    for (size_t i = 0; i < countof(paths); i++) {
        rows[i] = (struct row){ { .path = paths[i] }, { .status = 400, .problem = "bad-query" } };
    }
    refuse_all(rows, countof(rows));
}

/* ---- who asks (RFC 6750 section 3) ---- */

#define NO_TOKEN                                                                                   \
    {                                                                                              \
        .status = 401, .problem = "token-missing", .fields = {                                     \
            "WWW-Authenticate: Bearer realm=\"bff\""                                               \
        }                                                                                          \
    }

/* Whatever is wrong with it: the same words, and none about keys, names or signatures. */
#define BAD_TOKEN                                                                                  \
    {                                                                                              \
        .status = 401, .problem = "token-invalid",                                                 \
        .fields = { "WWW-Authenticate: Bearer realm=\"bff\", error=\"invalid_token\"" },           \
        .values = { { "/detail", "\"The bearer token cannot be accepted here.\"" },                \
            { "/title", "\"The bearer token is not valid\"" } },                                   \
    }

Test(refusals, of_a_bearer_who_shows_no_good_token)
{
    char *unsigned_one = flow_forge_unsigned(), *forged = flow_forge_with_public_key();
    const struct row rows[] = {
        { { .token = "" }, NO_TOKEN },
        { { .token = "", .fields = { "Authorization: Basic Zm9vOmJhcg==" } }, NO_TOKEN },
        { { .token = "", .fields = { "Authorization: Bearer" } }, NO_TOKEN },
        { { .token = "a" }, BAD_TOKEN },
        { { .token = "a.b.c" }, BAD_TOKEN },
        { { .token = unsigned_one }, BAD_TOKEN },
        { { .token = forged }, BAD_TOKEN },
        { { .fields = { "Authorization: Bearer a.b.c" } }, BAD_TOKEN }, /* and a good one */
        { { .order = "{\"aud\":\"somebody-else\"}" }, BAD_TOKEN },
        { { .order = "{\"iss\":\"https://issuer.example\"}" }, BAD_TOKEN },
        { { .order = "{\"not_before_s\":3000,\"ttl_s\":6000}" }, BAD_TOKEN },
        { { .order = "{\"claims\":{\"exp\":null}}" }, BAD_TOKEN },
        { { .order = "{\"claims\":{\"sub\":null}}" }, BAD_TOKEN },
    };
    refuse_all(rows, countof(rows));
    free(unsigned_one);
    free(forged);
}

Test(refusals, of_a_token_that_was_good_or_is_for_less)
{
    static const struct row rows[] = {
        { { .order = "{\"ttl_s\":-60}" },
            { .status = 401,
                .problem = "token-expired",
                .fields = { "WWW-Authenticate: Bearer realm=\"bff\", error=\"invalid_token\"" } } },
        { { .order = "{\"scope\":\"feed:write profile\"}" },
            { .status = 403,
                .problem = "scope-missing",
                .fields = { "WWW-Authenticate: Bearer realm=\"bff\","
                            " error=\"insufficient_scope\", scope=\"feed:read\"" } } },
        { { .order = "{\"scope\":\"\"}" }, { .status = 403, .problem = "scope-missing" } },
        { { .order = "{\"scope\":\"feed:reader\"}" },
            { .status = 403, .problem = "scope-missing" } },
    };
    refuse_all(rows, countof(rows));
}

/* ---- how often ---- */

/* One question a second at most: some second question in a row comes too early. */
static void ask_too_often(const struct flow_question *question, struct flow_answer *answer)
{
    for (int tries = 0; tries < 50; tries++) {
        flow_ask(question, answer);
        if (answer->status == 429) {
            return;
        }
        flow_forget(answer);
    }
    cr_assert_fail("nobody minds");
}

Test(refusals, of_a_user_who_asks_too_often)
{
    struct flow_answer answer;
    flow_serve(&(struct flow_page){
        .client = "mobile", .set = { "quota.user.rate=1", "quota.user.burst=1" } });
    flow_check(
        &(struct flow_question){ 0 }, &(struct flow_expected){ .status = 200,
                                          .fields = { "RateLimit-Policy: \"user\";q=1;w=1",
                                              "RateLimit: \"user\";r=0;t=1", "!Retry-After" } });
    ask_too_often(&(struct flow_question){ 0 }, &answer);
    flow_expect(&answer, &(struct flow_expected){ .status = 429,
                             .problem = "quota-exceeded",
                             .fields = { "Retry-After: 1", "RateLimit-Policy: \"user\";q=1;w=1",
                                 "RateLimit: \"user\";r=0;t=1", "!WWW-Authenticate" } });
    flow_forget(&answer);
    flow_check(&(struct flow_question){ .order = "{\"sub\":\"1002\"}" },
        &(struct flow_expected){ .status = 200 });
    cr_assert_gt(flow_metric("bff_quota_refusals_total{policy=\"user\"}"), 0);
}

/* Before a signature is verified, and whoever it is. */
Test(refusals, of_an_address_that_asks_too_often)
{
    struct flow_answer answer;
    flow_serve(&(struct flow_page){
        .client = "web", .set = { "quota.address.rate=1", "quota.address.burst=1" } });
    ask_too_often(&(struct flow_question){ .token = "a.b.c" }, &answer);
    flow_expect(&answer, &(struct flow_expected){ .status = 429,
                             .problem = "quota-exceeded",
                             .fields = { "Retry-After: 1", "RateLimit-Policy: \"address\";q=1;w=1",
                                 "RateLimit: \"address\";r=0;t=1", "!WWW-Authenticate" } });
    flow_forget(&answer);
    /* It is counted when the answer is out. */
    flow_until(flow_metric("bff_quota_refusals_total{policy=\"address\"}") > 0);
}

/* ---- when there is no room ---- */

Test(refusals, of_more_than_the_server_may_have_in_flight)
{
    flow_serve(&(struct flow_page){ .client = "web",
        .services = { { "posts", .is_held = true } },
        .set = { "limits.in_flight=1" } });
    struct flow_wire *first = flow_connect();
    char *token = flow_mint(NULL), *question;
    cr_assert_gt(
        asprintf(&question,
            "GET /v1/feed HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", token),
        0);
    flow_say(first, question);
    flow_until(flow_hears("posts", "GET /v1/users/1001/timeline") == 1);
    flow_check(&(struct flow_question){ 0 },
        &(struct flow_expected){
            .status = 503, .problem = "overloaded", .fields = { "Retry-After: 1" } });
    struct flow_answer answer;
    flow_release("posts");
    cr_assert(flow_hear(first, false, &answer));
    cr_assert_eq(answer.status, 200);
    flow_forget(&answer);
    flow_hang_up(first);
    free(token);
    free(question);
}
