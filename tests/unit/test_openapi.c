/* openapi: what a plan takes, how it answers, and what may come instead. */
#include "openapi.h"
#include "base/must.h"
#include "desk.h"
#include "wire/json.h"

static const struct bff_plan plans[] = {
    {
        BFF_HERE,
        .route = "GET /v1/posts/{id}/likes/{who}",
        .name = "like",
        .about = "One like.",
        .scope = "likes:read",
        .budget_ms = 300,
        .query = {
            { .name = "size", .about = "How large.", .type = BFF_INTEGER, .min = 2, .max = 9,
                .otherwise = "4" },
            { .name = "page", .type = BFF_WORD, .is_required = 1 },
            { .name = "say", .type = BFF_TEXT, .min = 3, .max = 30, .otherwise = "hi \"you\"" },
        },
        .calls = {
            { .as = "one", .from = "things", .get = "/{path.id}/{path.who}" },
            { .as = "two", .from = "things", .get = "/two" },
            { .as = "seen", .from = "things", .post = "/seen", .is_detached = 1 },
        },
        .shape = "own/one.v1",
    },
    {
        BFF_HERE,
        .route = "GET /v1/open",
        .name = "open",
        .allow = BFF_ALLOW_ANYONE,
        .calls = { { .as = "one", .from = "things", .get = "/open" } },
        .shape = "shared/x+y",
    },
    {
        BFF_HERE,
        .route = "POST /v1/posts/{id}/likes/{who}",
        .name = "do_like",
        .about = "Like it.",
        .calls = { { .as = "one", .from = "things", .post = "/like" } },
        .shape = "own/one.v1",
    },
};

static const struct bff_client client = { .name = "own", .about = "A \"test\".", BFF_PLANS(plans) };

static const char one[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"https://x.example/1\","
    "\"$comment\":\"ours\",\"title\":\"One\",\"type\":\"object\",\"x-calls\":{\"one\":\"s.json\"},"
    "\"required\":[\"x-id\"],\"properties\":{"
    "\"x-id\":{\"$ref\":\"#/$defs/id\",\"description\":\"Whose.\",\"x-from\":\"one.id\"},"
    "\"list\":{\"type\":\"array\",\"x-from\":\"one.list\",\"x-take\":3,\"items\":{"
    "\"type\":\"string\",\"enum\":[\"x-a\"],\"x-map\":{\"1\":\"x-a\"}}}},"
    "\"$defs\":{\"id\":{\"type\":\"integer\",\"maximum\":9223372036854775807}}}";
static const char other[] = "{\"type\":\"object\",\"x-calls\":{\"one\":\"s.json\"},"
                            "\"properties\":{\"k\":{\"type\":\"string\",\"x-from\":\"one.k\"}}}";
static const char service[] = "{}";

static struct settings_service services[] = { { .name = "things", .url = "http://h" } };
static struct settings settings;
static struct core core;
static const struct json *document;

/* The document as it is now, in `document`; its bytes are returned. */
static const char *print(void)
{
    char *text;
    size_t len;
    struct err err;
    FILE *out = open_memstream(&text, &len);
    cr_assert_eq(openapi_print(&core, out), EXIT_SUCCESS);
    fclose(out);
    document = json_parse(&desk.arena, (struct str){ text, len }, &err);
    cr_assert_not_null(document, "%s: %s", err.text, text);
    const char *copy = arena_cstr(&desk.arena, (struct str){ text, len });
    free(text);
    return copy;
}

static void open_house(void)
{
    desk_open();
    cr_assert(mkdir("own", 0700) == 0 && mkdir("shared", 0700) == 0);
    desk_write("own/one.v1.json", one);
    desk_write("shared/x+y.json", other);
    desk_write("s.json", service);
    settings = (struct settings){ .services = services,
        .services_count = countof(services),
        .schemas = ".",
        .listen = { .address = "0.0.0.0", .port = 8080 },
        .limits = { .budget_ms = 800 },
        .token = { .issuer = "https://issuer.example", .audience = "apps" } };
    core_prove(&core, &client, &settings, &desk.faults);
    cr_assert_eq(desk.faults.count, 0, "%s", desk_sentences(&desk.faults));
    print();
}

static void close_house(void)
{
    core_close(&core);
    desk_close();
}

TestSuite(openapi, .init = open_house, .fini = close_house, .timeout = 20);

/* What is meant: the component, where there is a reference to one. */
static const struct json *meant(const struct json *json)
{
    struct str path = json_str(json_get(json, "$ref")), room, name;
    if (!str_starts(path, STR("#/components/"))) {
        return json;
    }
    str_cut(str_from(path, strlen("#/components/")), '/', &room, &name);
    return json_get(json_get(json_get(document, "components"), arena_cstr(&desk.arena, room)),
        arena_cstr(&desk.arena, name));
}

/*
 * The value at a path of names and places, through references, as compact JSON; "" when there is
 * none.
 */
static const char *at_path(const char *const *names)
{
    const struct json *json = document;
    for (; *names; names++) {
        json = meant(json);
        uint64_t place;
        bool is_place = json_kind(json) == JSON_LIST && str_u64(str_of(*names), &place);
        json = is_place ? json_at(json, place) : json_get(json, *names);
    }
    struct buf text;
    buf_init(&text, 64 * 1024);
    if (json) {
        json_write(&text, json);
    }
    const char *copy = arena_cstr(&desk.arena, buf_str(&text));
    buf_release(&text);
    return copy;
}

#define LIKE              "paths", "/v1/posts/{id}/likes/{who}", "get"
#define OPEN              "paths", "/v1/open", "get"
#define AT(...)           at_path((const char *const[]){ __VA_ARGS__, NULL })
#define EXPECT(json, ...) cr_expect_str_eq(AT(__VA_ARGS__), json, "%s", AT(__VA_ARGS__))
#define EXPECT_NONE(...)  EXPECT("", __VA_ARGS__)
#define EXPECT_SOME(...)  cr_expect_str_neq(AT(__VA_ARGS__), "")

Test(openapi, says_what_it_is)
{
    EXPECT("\"3.1.0\"", "openapi");
    EXPECT("\"bff-own\"", "info", "title");
    EXPECT("\"A \\\"test\\\".\"", "info", "description");
    EXPECT("[{\"url\":\"http://localhost:8080\"}]", "servers");
}

Test(openapi, the_server_is_where_the_settings_say)
{
    static const struct {
        const char *address, *certificate, *public_url, *url;
    } rows[] = {
        { "::1", "c.pem", NULL, "https://localhost:8080" },
        { "2001:db8::1", NULL, NULL, "http://[2001:db8::1]:8080" },
        { "192.0.2.7", "c.pem", NULL, "https://192.0.2.7:8080" },
        { "127.0.0.1", NULL, "https://m.example/api/", "https://m.example/api" },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        settings.listen.address = rows[i].address;
        settings.listen.certificate = rows[i].certificate;
        settings.listen.public_url = rows[i].public_url;
        print();
        EXPECT(arena_printf(&desk.arena, "\"%s\"", rows[i].url), "servers", "0", "url");
    }
}

Test(openapi, every_plan_is_an_operation)
{
    EXPECT("\"like\"", LIKE, "operationId");
    EXPECT("\"One like.\"", LIKE, "summary");
    EXPECT("\"Answered within 300 ms. There is no answer without the sections: one. "
           "These may be missing: two.\"",
        LIKE, "description");
    EXPECT("\"do_like\"", "paths", "/v1/posts/{id}/likes/{who}", "post", "operationId");
    EXPECT("\"open\"", OPEN, "summary");
    EXPECT("\"Answered within 800 ms. These may be missing: one.\"", OPEN, "description");
}

Test(openapi, parameters_have_their_bounds)
{
    EXPECT("{\"name\":\"id\",\"in\":\"path\",\"required\":true,"
           "\"schema\":{\"type\":\"string\",\"minLength\":1}}",
        LIKE, "parameters", "0");
    EXPECT("\"who\"", LIKE, "parameters", "1", "name");
    EXPECT("{\"name\":\"size\",\"in\":\"query\",\"required\":false,\"description\":\"How large.\","
           "\"schema\":{\"type\":\"integer\",\"minimum\":2,\"maximum\":9,\"default\":4}}",
        LIKE, "parameters", "2");
    EXPECT("true", LIKE, "parameters", "3", "required");
    EXPECT("{\"type\":\"string\",\"minLength\":1,\"maxLength\":64,"
           "\"pattern\":\"^[A-Za-z0-9._~-]+$\"}",
        LIKE, "parameters", "3", "schema");
    EXPECT("3", LIKE, "parameters", "4", "schema", "minLength");
    EXPECT("30", LIKE, "parameters", "4", "schema", "maxLength");
    EXPECT("\"hi \\\"you\\\"\"", LIKE, "parameters", "4", "schema", "default");
    EXPECT("{\"$ref\":\"#/components/parameters/BFF-Budget\"}", OPEN, "parameters", "0");
    EXPECT("\"header\"", "components", "parameters", "BFF-Budget", "in");
}

Test(openapi, who_may_ask)
{
    EXPECT("[{\"bearer\":[\"likes:read\"]}]", LIKE, "security");
    EXPECT("[{},{\"bearer\":[]}]", OPEN, "security");
    EXPECT("\"bearer\"", "components", "securitySchemes", "bearer", "scheme");
    cr_expect(strstr(AT("components", "securitySchemes"), "https://issuer.example"));
}

Test(openapi, a_shape_is_a_schema_without_words_of_ours)
{
    EXPECT("{\"title\":\"One\",\"type\":\"object\",\"required\":[\"x-id\"],\"properties\":{"
           "\"x-id\":{\"$ref\":\"#/components/schemas/one.v1.id\",\"description\":\"Whose.\"},"
           "\"list\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"enum\":[\"x-a\"]}}}}",
        "components", "schemas", "one.v1");
    EXPECT("{\"type\":\"integer\",\"maximum\":9223372036854775807}", "components", "schemas",
        "one.v1.id");
    EXPECT("{\"$ref\":\"#/components/schemas/one.v1\"}", LIKE, "responses", "200", "content",
        "application/json", "schema");
    EXPECT("{\"$ref\":\"#/components/schemas/shared.x.y\"}", OPEN, "responses", "200", "content",
        "application/json", "schema");
    EXPECT_SOME("components", "schemas", "shared.x.y", "properties", "k");
}

Test(openapi, only_problems_that_a_plan_can_meet)
{
    static const char problem[] = "application/problem+json";
    EXPECT_SOME(LIKE, "responses", "400", "content", problem, "examples", "bad-query");
    EXPECT_SOME(OPEN, "responses", "400", "content", problem, "examples", "bad-request");
    EXPECT_NONE(OPEN, "responses", "400", "content", problem, "examples", "bad-query");
    EXPECT_SOME(LIKE, "responses", "403");
    EXPECT_NONE(OPEN, "responses", "403");
    EXPECT_SOME(LIKE, "responses", "404");
    EXPECT("{\"$ref\":\"#/components/responses/bad-request.bad-query\"}", LIKE, "responses", "400");
    EXPECT("{\"$ref\":\"#/components/responses/bad-request\"}", OPEN, "responses", "400");
    EXPECT_NONE(OPEN, "responses", "404");
    EXPECT_NONE(LIKE, "responses", "413");
    EXPECT_SOME("paths", "/v1/posts/{id}/likes/{who}", "post", "responses", "413");
    EXPECT_NONE(LIKE, "responses", "415");
    EXPECT_NONE(LIKE, "responses", "0");
    EXPECT("\"urn:problem-type:bff:token-expired\"", OPEN, "responses", "401", "content", problem,
        "examples", "token-expired", "value", "type");
    EXPECT("{\"$ref\":\"#/components/schemas/Problem\"}", LIKE, "responses", "504", "content",
        problem, "schema");
}

Test(openapi, header_fields_stand_where_they_are_sent)
{
    static const struct {
        const char *status, *field;
        bool is_sent;
    } rows[] = {
        { "200", "BFF-Sections", true },
        { "200", "RateLimit", true },
        { "200", "RateLimit-Policy", true },
        { "200", "X-Request-Id", true },
        { "200", "Cache-Control", true },
        { "200", "Content-Encoding", true },
        { "200", "Retry-After", false },
        { "200", "WWW-Authenticate", false },
        { "200", "Allow", false },
        { "200", "Server-Timing", false },
        { "400", "RateLimit", false },
        { "401", "WWW-Authenticate", true },
        { "403", "WWW-Authenticate", true },
        { "405", "Allow", true },
        { "429", "Retry-After", true },
        { "429", "RateLimit", true },
        { "503", "Retry-After", true },
        { "502", "Retry-After", false },
        { "502", "BFF-Sections", true },
        { "404", "BFF-Sections", false },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        const char *found = AT(LIKE, "responses", rows[i].status, "headers", rows[i].field);
        const char *wanted =
            arena_printf(&desk.arena, "{\"$ref\":\"#/components/headers/%s\"}", rows[i].field);
        cr_expect_str_eq(found, rows[i].is_sent ? wanted : "", "%s with %s: %s", rows[i].field,
            rows[i].status, found);
    }
    settings.server_timing = true;
    print();
    EXPECT_SOME(LIKE, "responses", "200", "headers", "Server-Timing");
    EXPECT_SOME("components", "headers", "Server-Timing");
}

Test(openapi, the_same_plans_give_the_same_bytes)
{
    const char *first = print();
    struct core again;
    core_prove(&again, &client, &settings, &desk.faults);
    core_close(&core);
    core = again;
    cr_expect_str_eq(print(), first);
}

Test(openapi, a_full_disk_is_no_success)
{
    FILE *full = fopen("/dev/full", "w");
    cr_assert_not_null(full);
    cr_expect_eq(openapi_print(&core, full), EXIT_FAILURE);
    fclose(full);
}
