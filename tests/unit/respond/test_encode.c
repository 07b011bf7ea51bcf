/* The answer's fields, its coding, and the words of a refusal. */
#include "../page.h"
#include "structured.h"

#include "respond/encode.h"
#include "respond/shape.h"
#include "wire/compress.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <zlib.h>

enum { MIN_BYTES = 512 };

static const struct bff_plan plans[] = { {
    .name = "feed",
    .route = "GET /v1/feed",
    .calls = { { .as = "profile" }, { .as = "recs" }, { .as = "ads" },
        { .as = "viewed", .is_detached = 1 } },
} };

static struct page page;
static struct request *request;
static struct shape unbounded; /* of any size, in any form */
static struct shape *shapes[] = { &unbounded };

static void open_page(void)
{
    page_open(&page, plans, countof(plans));
    page.settings.compress.min_bytes = MIN_BYTES;
    page.worker.compressor = compressor_new(1);
    page.core.shapes = shapes;
    request = &page.request;
}

static void close_answer(void)
{
    buf_release(&request->projected.body);
    buf_release(&request->encoded.body);
}

static void close_page(void)
{
    close_answer();
    compressor_free(page.worker.compressor);
    page_close(&page);
}

TestSuite(encode, .init = open_page, .fini = close_page);

/* A new request with nothing in it but its id. */
static void turn(void)
{
    close_answer();
    page_turn(&page);
    request->received.request_id = STR("r-1");
    request->received.path = STR("/v1/feed");
}

static void encode_good(size_t body_bytes)
{
    buf_init(&request->projected.body, 1 << 20);
    for (size_t i = 0; i < body_bytes; i++) {
        buf_append_char(&request->projected.body, i % 64 ? 'a' : '\n');
    }
    cr_assert_eq(encode_run(request), STEP_NEXT);
}

static void encode_problem(enum problem problem)
{
    request->problem = problem;
    cr_assert_eq(encode_run(request), STEP_NEXT);
}

/* The field's value; NULL: it is not there. Twice is never right. */
static const char *field(const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < request->encoded.fields_count; i++) {
        const struct http_field *at = &request->encoded.fields[i];
        if (str_eq_nocase(at->name, str_of(name))) {
            cr_assert_null(value, "%s is there twice", name);
            value = arena_cstr(&request->arena, at->value);
        }
    }
    return value;
}

static void has_field(const char *name, const char *wanted)
{
    const char *value = field(name);
    bool is_right = value && wanted ? strcmp(value, wanted) == 0 : value == wanted;
    cr_assert(is_right, "%s: %s", name, value ? value : "(none)");
}

/* ---- what every answer says ---- */

Test(encode, an_answer_is_json_for_one_user_and_nobody_keeps_it)
{
    turn();
    encode_good(100);
    has_field("Content-Type", "application/json");
    has_field("Cache-Control", "no-store");
    has_field("Vary", "Accept-Encoding");
    has_field("X-Request-Id", "r-1");
    has_field("X-Content-Type-Options", "nosniff");
    const char *const others[] = { "Retry-After", "WWW-Authenticate", "Allow", "RateLimit",
        "RateLimit-Policy", "BFF-Sections", "Server-Timing", "Content-Encoding" };
    for (size_t i = 0; i < countof(others); i++) {
        has_field(others[i], NULL);
    }
    cr_assert_eq(request->encoded.body.len, 100);
    cr_assert_eq(request->encoded.plain_bytes, 100);
    cr_assert_eq(request->projected.body.len, 0, "the body has one owner");
}

/* ---- content coding ---- */

static struct buf unzipped(const struct buf *coded)
{
    struct buf plain;
    z_stream stream = { .next_in = (Bytef *)coded->data, .avail_in = (uInt)coded->len };
    buf_init(&plain, 1 << 20);
    stream.next_out = (Bytef *)buf_reserve(&plain, 1 << 16);
    stream.avail_out = 1 << 16;
    cr_assert_eq(inflateInit2(&stream, 15 + 16), Z_OK);
    cr_assert_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    cr_assert_eq(stream.avail_in, 0, "bytes follow the gzip member");
    buf_grew(&plain, (1 << 16) - stream.avail_out);
    inflateEnd(&stream);
    return plain;
}

Test(encode, a_gzipped_answer_unpacks_to_what_was_made)
{
    turn();
    request->received.accept_encoding = STR("gzip");
    encode_good(5000);
    has_field("Content-Encoding", "gzip");
    has_field("Vary", "Accept-Encoding");
    cr_assert_str_eq(request->encoded.coding, "gzip");
    cr_assert_lt(request->encoded.body.len, 1000);
    cr_assert_eq(request->encoded.plain_bytes, 5000);
    struct buf plain = unzipped(&request->encoded.body);
    cr_assert_eq(plain.len, 5000);
    cr_assert(plain.data[0] == '\n' && plain.data[4999] == 'a');
    buf_release(&plain);
}

/* RFC 9110 section 12.5.3. */
Test(encode, a_coding_is_what_the_client_likes_best)
{
    static const struct {
        const char *accept; /* NULL: no such field */
        const char *coding;
    } rows[] = {
        { NULL, "identity" },
        { "", "identity" },
        { "gzip", "gzip" },
        { "GZIP", "gzip" },
        { "x-gzip", "gzip" },
        { "deflate, gzip, br", "gzip" },
        { "deflate,gzip;q=0.001", "gzip" },
        { "gzip ; q=1.000", "gzip" },
        { "gzip;Q=0.5", "gzip" },
        { "*", "gzip" },
        { "*;q=0.1", "gzip" },
        { "identity;q=0.5, *;q=0.5", "gzip" },
        { "identity, gzip", "gzip" },
        { "gzip;q=0", "identity" },
        { "gzip;q=0.0", "identity" },
        { "gzip;q=0.000", "identity" },
        { "gzip;q=0, *", "identity" },
        { "*;q=0", "identity" },
        { "*;q=0, gzip;q=0.2", "gzip" },
        { "gzip;q=0.4, identity;q=0.5", "identity" },
        { "gzip;q=0.5, identity;q=0.4", "gzip" },
        { "gzip;q=0.5, *;q=0.9", "identity" },
        { "br", "identity" },
        { "gzipped", "identity" },
        { "not-gzip", "identity" },
        { "gzip;q=", "identity" },
        { "gzip;q=2", "identity" },
        { "gzip;q=1.001", "identity" },
        { "gzip;q=0.1234", "identity" },
        { "gzip;q=yes", "identity" },
        { "gzip;level=9", "identity" },
        { ",,, gzip ,,", "gzip" },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        turn();
        request->received.accept_encoding = str_of(rows[i].accept);
        encode_good(MIN_BYTES);
        cr_assert_str_eq(request->encoded.coding, rows[i].coding, "%s", rows[i].accept);
        has_field("Content-Encoding", strcmp(rows[i].coding, "gzip") == 0 ? "gzip" : NULL);
    }
}

Test(encode, a_short_answer_is_packed_only_where_nothing_else_is_taken)
{
    turn();
    request->received.accept_encoding = STR("gzip");
    encode_good(MIN_BYTES - 1);
    has_field("Content-Encoding", NULL);
    const char *const nothing_else[] = { "gzip, identity;q=0", "gzip, *;q=0" };
    for (size_t i = 0; i < countof(nothing_else); i++) {
        turn();
        request->received.accept_encoding = str_of(nothing_else[i]);
        encode_good(3);
        has_field("Content-Encoding", "gzip");
        struct buf plain = unzipped(&request->encoded.body);
        cr_assert(str_eq(buf_str(&plain), STR("\naa")));
        buf_release(&plain);
    }
}

Test(encode, an_answer_stays_plain_where_gzip_is_switched_off)
{
    turn();
    compressor_free(page.worker.compressor);
    page.worker.compressor = compressor_new(0);
    request->received.accept_encoding = STR("gzip, identity;q=0");
    encode_good(5000);
    has_field("Content-Encoding", NULL);
    cr_assert_eq(request->encoded.body.len, 5000);
}

/* ---- problems ---- */

/* The body as an object; the caller puts it back. */
static struct json_object *problem_body(void)
{
    char *text = arena_cstr(&request->arena, buf_str(&request->encoded.body));
    struct json_object *body = json_tokener_parse(text);
    cr_assert(json_object_is_type(body, json_type_object), "%s", text);
    return body;
}

static const char *text_of(struct json_object *body, const char *name)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(body, name, &value) ? json_object_get_string(value) : NULL;
}

/* RFC 9457. */
Test(encode, every_problem_is_a_problem_document)
{
    for (enum problem problem = PROBLEM_NONE + 1; problem < PROBLEM_COUNT; problem++) {
        const struct problem_row *row = problem_row(problem);
        turn();
        request->detail = STR("A sentence.");
        encode_problem(problem);
        has_field("Content-Type", "application/problem+json");
        struct json_object *body = problem_body();
        const char *type = text_of(body, "type");
        cr_assert(strncmp(type, "urn:problem-type:bff:", 21) == 0);
        cr_assert_str_eq(type + 21, row->slug);
        cr_assert_str_eq(text_of(body, "title"), row->title);
        cr_assert_str_eq(text_of(body, "detail"), "A sentence.");
        cr_assert_str_eq(text_of(body, "instance"), "/v1/feed");
        cr_assert_str_eq(text_of(body, "request_id"), "r-1");
        cr_assert_eq((unsigned)atol(text_of(body, "status")), row->status);
        cr_assert_eq(json_object_object_length(body), 6);
        json_object_put(body);
    }
}

Test(encode, a_problem_replaces_what_was_projected)
{
    turn();
    buf_init(&request->projected.body, 100);
    buf_append_str(&request->projected.body, STR("{\"secret\":1}"));
    encode_problem(PROBLEM_INTERNAL);
    cr_assert_null(memmem(request->encoded.body.data, request->encoded.body.len, "secret", 6));
    cr_assert_eq(request->projected.body.len, 0);
}

Test(encode, hostile_words_stay_inside_their_quotes)
{
    const char *const hostile[] = { "\"}, \"status\":200, {\"", "\\\"", "\x01\x1f\x7f\n\r\t",
        "\xff\xfe \xc3\x28 \xed\xa0\x80", "</script>", "\xe2\x80\xa8" };
    for (size_t i = 0; i < countof(hostile); i++) {
        turn();
        request->detail = request->received.path = str_of(hostile[i]);
        encode_problem(PROBLEM_NOT_FOUND);
        for (size_t at = 0; at < request->encoded.body.len; at++) {
            unsigned char c = (unsigned char)request->encoded.body.data[at];
            cr_assert(c >= ' ', "a control byte in the body");
        }
        struct json_object *body = problem_body();
        cr_assert_str_eq(text_of(body, "status"), "404");
        cr_assert_eq(json_object_object_length(body), 6);
        bool is_utf8 = i != 3; /* else it was repaired */
        cr_assert(!is_utf8 || strcmp(text_of(body, "detail"), hostile[i]) == 0);
        json_object_put(body);
    }
}

Test(encode, the_longest_words_of_a_problem_fit)
{
    static char path[9000];
    turn();
    memset(path, '\x01', sizeof(path)); /* six bytes each as JSON */
    request->received.path = (struct str){ path, 2047 };
    request_refuse(request, PROBLEM_BAD_REQUEST, "%.*s", 400, path);
    request->received.request_id = (struct str){ path, 128 };
    cr_assert_eq(encode_run(request), STEP_NEXT);
    struct json_object *body = problem_body();
    cr_assert_eq(strlen(text_of(body, "instance")), 2047);
    cr_assert_eq(strlen(text_of(body, "detail")), 255, "a sentence is cut, the rest is not");
    json_object_put(body);
    turn();
    request->received.path = (struct str){ path, sizeof(path) };
    encode_problem(PROBLEM_TARGET_TOO_LONG);
    body = problem_body();
    cr_assert_null(text_of(body, "instance"), "a path that long is left out");
    json_object_put(body);
}

Test(encode, allow_and_challenge_go_with_their_problems)
{
    turn();
    request->routed.allow = STR("GET, HEAD");
    encode_problem(PROBLEM_METHOD_NOT_ALLOWED);
    has_field("Allow", "GET, HEAD");
    has_field("WWW-Authenticate", NULL);
    turn();
    request->identity.challenge = STR("Bearer realm=\"bff\"");
    encode_problem(PROBLEM_TOKEN_MISSING);
    has_field("WWW-Authenticate", "Bearer realm=\"bff\"");
    has_field("Allow", NULL);
}

/* RFC 9110 section 10.2.3. */
Test(encode, who_may_come_back_is_told_when)
{
    static const struct {
        enum problem problem;
        unsigned known_s; /* to the step that refused */
        const char *told;
    } rows[] = {
        { PROBLEM_NONE, 0, NULL },
        { PROBLEM_NOT_FOUND, 0, NULL },
        { PROBLEM_UPSTREAM_FAILED, 0, NULL },
        { PROBLEM_OVERLOADED, 0, "1" },
        { PROBLEM_STOPPING, 0, "1" },
        { PROBLEM_KEYS_UNAVAILABLE, 0, "1" },
        { PROBLEM_KEYS_UNAVAILABLE, 7, "7" },
        { PROBLEM_QUOTA_EXCEEDED, 3, "3" },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        turn();
        request->limited.retry_after_s = rows[i].known_s;
        encode_problem(rows[i].problem);
        has_field("Retry-After", rows[i].told);
    }
}

/* ---- how complete the answer is, and what is left of the quota ---- */

static struct structured_item items[STRUCTURED_ITEMS_MAX];

static size_t list_in(const char *name)
{
    const char *text = field(name);
    cr_assert_not_null(text, "there is no %s", name);
    size_t count = structured_list(text, items);
    cr_assert_neq(count, SIZE_MAX, "%s is not well-formed: %s", name, text);
    return count;
}

static void parameter_is(size_t item, const char *key, const char *wanted)
{
    const char *value = structured_parameter(&items[item], key);
    bool is_right = value && wanted ? strcmp(value, wanted) == 0 : value == wanted;
    cr_assert(is_right, "%s;%s=%s", items[item].value, key, value ? value : "(none)");
}

static struct call *add_call(enum call_state state, uint64_t from_us, uint64_t until_us)
{
    struct fanned *fanned = &request->fanned;
    if (!fanned->calls) {
        fanned->calls = arena_zalloc(&request->arena, 4, sizeof(*fanned->calls));
    }
    struct call *call = &fanned->calls[fanned->calls_count];
    *call = (struct call){ .request = request,
        .asks = &plans[0].calls[fanned->calls_count],
        .index = fanned->calls_count,
        .state = state,
        .started_us = from_us,
        .ended_us = until_us };
    fanned->calls_count++;
    return call;
}

Test(encode, each_section_says_where_it_comes_from)
{
    turn();
    add_call(CALL_LIVE, 1000, 13499);
    add_call(CALL_STALE, 1000, 1000)->age_s = 34;
    add_call(CALL_SKIPPED, 0, 500);
    add_call(CALL_DETACHED, 14000, 14000);
    encode_good(10);
    cr_assert_eq(list_in("BFF-Sections"), 3, "nobody waits for the detached one");
    cr_assert_str_eq(items[0].value, "profile");
    parameter_is(0, "s", "ok");
    parameter_is(0, "d", "12");
    parameter_is(0, "age", NULL);
    cr_assert_str_eq(items[1].value, "recs");
    parameter_is(1, "s", "stale");
    parameter_is(1, "age", "34");
    cr_assert_str_eq(items[2].value, "ads");
    parameter_is(2, "s", "skipped");
    parameter_is(2, "d", NULL); /* it was never asked */
}

Test(encode, every_state_of_a_call_is_a_word_of_the_grammar)
{
    for (enum call_state state = CALL_LIVE; state < CALL_STATES; state++) {
        turn();
        add_call(state, 5, 600 * 1000000)->age_s = 999999999999999;
        encode_problem(PROBLEM_UPSTREAM_FAILED);
        cr_assert_eq(list_in("BFF-Sections"), 1);
        parameter_is(0, "s", call_state_name(state));
    }
}

Test(encode, the_quota_that_counts_is_told)
{
    turn();
    request->limited = (struct limited){
        .policy = "user", .quota = 60, .window_s = 3, .remaining = 59, .reset_s = 1
    };
    encode_good(10);
    cr_assert_eq(list_in("RateLimit-Policy"), 1);
    cr_assert(items[0].is_string && strcmp(items[0].value, "user") == 0);
    parameter_is(0, "q", "60");
    parameter_is(0, "w", "3");
    cr_assert_eq(list_in("RateLimit"), 1);
    cr_assert(items[0].is_string && strcmp(items[0].value, "user") == 0);
    parameter_is(0, "r", "59");
    parameter_is(0, "t", "1");
}

Test(encode, timing_is_told_only_where_the_settings_allow_it)
{
    turn();
    page.settings.server_timing = true;
    request->received.started_us = 1000;
    add_call(CALL_LIVE, 1500, 13750);
    add_call(CALL_SKIPPED, 0, 500);
    encode_good(10);
    const char *timing = field("Server-Timing"), *total;
    cr_assert_not_null(timing);
    const char *first = "profile;start=0.50;dur=12.25;desc=\"ok\", total;dur=";
    cr_assert(strncmp(timing, first, strlen(first)) == 0, "%s", timing);
    total = timing + strlen(first);
    cr_assert_eq(strspn(total, "0123456789."), strlen(total));
}
