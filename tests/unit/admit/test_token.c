/* The token step: who is let in as whom, and what the others are told. */
#include "admit/token.h"
#include "admit/jose.h"
#include "admit/tokens.h"
#include "base/must.h"
#include "issuer.h"
#include "stage.h"

#include <criterion/criterion.h>
#include <stdarg.h>

#define HEADER "{\"alg\":\"ES256\",\"kid\":\"one\"}"
#define SAYS(claims)                                                                               \
    "{\"iss\":\"https://issuer.test\",\"aud\":\"bff\",\"sub\":\"ann\",\"exp\":1800000300" claims "}"

static struct {
    struct settings settings;
    struct core core;
    struct worker worker;
    struct bff_plan plan;
    struct request request;
    struct issuer_key key;
    struct buf last; /* the Authorization field */
    unsigned woken;
} desk;

/* ---- the spine's part ---- */

enum step_verdict request_refuse(
    struct request *request, enum problem problem, const char *detail, ...)
{
    va_list args;
    char text[200];
    va_start(args, detail);
    vsnprintf(text, sizeof(text), detail, args);
    va_end(args);
    request->problem = problem;
    request->detail = arena_str(&request->arena, str_of(text));
    return STEP_FAIL;
}

void request_wake(struct request *request)
{
    cr_assert_eq(request, &desk.request);
    desk.woken++;
}

/* ---- the desk ---- */

static void publish(const struct issuer_key *keys, size_t count)
{
    struct buf set = issuer_set(keys, count);
    stage_turn(desk.worker.loop); /* a fetch that is asked for begins */
    stage_answer(HTTP_ANSWERED, 200, buf_str(&set));
    stage_turn(desk.worker.loop);
    buf_release(&set);
}

static void open_desk(void)
{
    desk.settings.token.jwks_url = "http://127.0.0.1:21201/keys";
    desk.settings.token.issuer = "https://issuer.test";
    desk.settings.token.audience = "bff";
    desk.settings.token.clock_skew_s = 30;
    desk.settings.token.refresh_s = 300;
    desk.settings.token.cooldown_s = 10;
    desk.core.settings = &desk.settings;
    desk.core.keys = keys_new(&desk.settings);
    desk.worker.core = &desk.core;
    desk.worker.loop = loop_new();
    desk.worker.keys_view = keys_view_new(desk.core.keys, desk.worker.loop);
    desk.worker.tokens = tokens_new(4);
    desk.request.worker = &desk.worker;
    desk.request.routed.plan = &desk.plan;
    arena_init(&desk.request.arena, NULL);
    buf_init(&desk.last, 1 << 20);
    issuer_key_new(&desk.key, SIGNATURE_ES256, "one");
    struct err err;
    cr_assert(keys_start(desk.core.keys, &desk.worker, &err));
}

static void close_desk(void)
{
    token_forget(&desk.request);
    arena_release(&desk.request.arena);
    keys_stop(desk.core.keys);
    stage_turn(desk.worker.loop);
    tokens_free(desk.worker.tokens);
    keys_view_free(desk.worker.keys_view);
    keys_free(desk.core.keys);
    loop_free(desk.worker.loop);
    arena_pool_fini(&desk.worker.arenas);
    issuer_key_free(&desk.key);
    buf_release(&desk.last);
}

TestSuite(token, .init = open_desk, .fini = close_desk, .timeout = 60);

/* A new request with this Authorization field (NULL: none). */
static enum step_verdict ask(const char *field, struct str rest)
{
    token_forget(&desk.request);
    arena_release(&desk.request.arena);
    buf_clear(&desk.last);
    buf_append_str(&desk.last, field ? str_of(field) : STR(""));
    buf_append_str(&desk.last, rest);
    desk.request.identity = (struct identity){ 0 };
    desk.request.problem = PROBLEM_NONE;
    desk.request.received.authorization = field ? buf_str(&desk.last) : (struct str){ NULL, 0 };
    return token_run(&desk.request);
}

/* A request with a token of these words, signed by the desk's key. */
static enum step_verdict bear(const char *header, const char *payload)
{
    struct buf token = issuer_sign(&desk.key, header, payload);
    enum step_verdict verdict = ask("Bearer ", buf_str(&token));
    buf_release(&token);
    return verdict;
}

static void assert_refused(enum step_verdict verdict, enum problem problem, const char *about)
{
    cr_assert_eq(verdict, STEP_FAIL, "%s", about);
    cr_assert_eq(
        desk.request.problem, problem, "%s: %s", about, problem_row(desk.request.problem)->slug);
    cr_assert_not_null(desk.request.identity.why);
    cr_assert_null(desk.request.identity.subject.at);
    cr_assert_eq(desk.request.identity.claims_count, 0);
}

static void assert_claim(const char *name, const char *value)
{
    const struct identity *identity = &desk.request.identity;
    for (size_t i = 0; i < identity->claims_count; i++) {
        if (str_eq(identity->claims[i].name, str_of(name))) {
            cr_assert(value && str_eq(identity->claims[i].value, str_of(value)), "%s", name);
            return;
        }
    }
    cr_assert_null(value, "%s", name);
}

/* ---- let in ---- */

Test(token, a_good_token_tells_who_asks)
{
    publish(&desk.key, 1);
    cr_assert_eq(bear(HEADER, SAYS(",\"age\":9007199254740993,\"ok\":true,\"none\":null,"
                                   "\"deep\":{\"a\":1},\"list\":[1],\"big\":-0.10e400,"
                                   "\"name\":\"A\\u00e9\\\"\\ud83d\\ude00\"")),
        STEP_NEXT);
    cr_assert(str_eq(desk.request.identity.issuer, STR("https://issuer.test")));
    cr_assert(str_eq(desk.request.identity.subject, STR("ann")));
    assert_claim("sub", "ann");
    assert_claim("age", "9007199254740993");
    assert_claim("big", "-0.10e400");
    assert_claim("ok", "true");
    assert_claim("name", "A\xc3\xa9\"\xf0\x9f\x98\x80");
    assert_claim("none", NULL);
    assert_claim("deep", NULL);
    assert_claim("list", NULL);
    cr_assert_null(desk.request.identity.challenge.at);
}

Test(token, each_algorithm_is_believed_with_its_own_key)
{
    static const char *const headers[] = {
        "{\"alg\":\"RS256\",\"kid\":\"k\"}",
        "{\"alg\":\"ES256\",\"kid\":\"k\"}",
        "{\"alg\":\"EdDSA\",\"kid\":\"k\"}",
    };
    struct issuer_key keys[SIGNATURE_ALGS];
    for (int i = 0; i < SIGNATURE_ALGS; i++) {
        issuer_key_new(&keys[i], (enum signature_alg)i, "k");
    }
    publish(keys, SIGNATURE_ALGS);
    for (int k = 0; k < SIGNATURE_ALGS; k++) {
        for (int h = 0; h < SIGNATURE_ALGS; h++) {
            struct buf token = issuer_sign(&keys[k], headers[h], SAYS(""));
            enum step_verdict verdict = ask("Bearer ", buf_str(&token));
            cr_assert_eq(verdict, k == h ? STEP_NEXT : STEP_FAIL, "%d as %d", k, h);
            buf_release(&token);
        }
    }
    for (int i = 0; i < SIGNATURE_ALGS; i++) {
        issuer_key_free(&keys[i]);
    }
}

Test(token, a_plan_for_anyone_needs_none_but_takes_no_bad_one)
{
    publish(&desk.key, 1);
    desk.plan.allow = BFF_ALLOW_ANYONE;
    cr_assert_eq(ask(NULL, STR("")), STEP_NEXT);
    cr_assert_null(desk.request.identity.subject.at);
    assert_refused(ask("Bearer ", STR("x")), PROBLEM_TOKEN_INVALID, "a bad one");
    cr_assert_eq(bear(HEADER, SAYS("")), STEP_NEXT);
    cr_assert(str_eq(desk.request.identity.subject, STR("ann")));
}

Test(token, the_scheme_is_read_as_http_reads_it)
{
    publish(&desk.key, 1);
    struct buf token = issuer_sign(&desk.key, HEADER, SAYS(""));
    static const char *const good[] = { "Bearer ", "bearer ", "BEARER   " };
    static const char *const missing[] = { "", "Basic ", "Bearer", "Bearer\t", "BearerX ",
        " Bearer ", "DPoP " };
    for (size_t i = 0; i < countof(good); i++) {
        cr_assert_eq(ask(good[i], buf_str(&token)), STEP_NEXT, "'%s'", good[i]);
    }
    for (size_t i = 0; i < countof(missing); i++) {
        assert_refused(ask(missing[i], buf_str(&token)), PROBLEM_TOKEN_MISSING, missing[i]);
    }
    assert_refused(ask("Bearer ", STR("")), PROBLEM_TOKEN_MISSING, "nothing");
    assert_refused(ask(NULL, STR("")), PROBLEM_TOKEN_MISSING, "no field");
    cr_assert(str_eq(desk.request.identity.challenge, STR("Bearer realm=\"bff\"")));
    desk.request.received.authorization_repeats = true;
    assert_refused(ask("Bearer ", buf_str(&token)), PROBLEM_TOKEN_INVALID, "twice");
    buf_release(&token);
}

Test(token, scopes_are_whole_words)
{
    publish(&desk.key, 1);
    desk.plan.scope = "feed:read";
    static const char *const have[] = {
        ",\"scope\":\"feed:read\"",
        ",\"scope\":\"a feed:read b\"",
        ",\"scp\":[\"a\",\"feed:read\"]",
        ",\"scope\":\"a\",\"scp\":\"b feed:read\"",
    };
    static const char *const lack[] = {
        "",
        ",\"scope\":\"\"",
        ",\"scope\":\"feed:readx xfeed:read feed: read FEED:READ\"",
        ",\"scp\":[]",
    };
    static const char *const broken[] = {
        ",\"scope\":[\"feed:read\"]",
        ",\"scope\":1",
        ",\"scp\":[\"feed:read\",1]",
        ",\"scp\":{}",
    };
    for (size_t i = 0; i < 4; i++) {
        char payload[500];
        snprintf(payload, sizeof(payload), SAYS("%s"), have[i]);
        cr_assert_eq(bear(HEADER, payload), STEP_NEXT, "%s", payload);
        snprintf(payload, sizeof(payload), SAYS("%s"), lack[i]);
        assert_refused(bear(HEADER, payload), PROBLEM_SCOPE_MISSING, payload);
        cr_assert(str_eq(desk.request.identity.challenge,
            STR("Bearer realm=\"bff\", error=\"insufficient_scope\", scope=\"feed:read\"")));
        snprintf(payload, sizeof(payload), SAYS("%s"), broken[i]);
        assert_refused(bear(HEADER, payload), PROBLEM_TOKEN_INVALID, payload);
    }
}

/* ---- refused ---- */

Test(token, a_header_must_be_one_of_ours)
{
    publish(&desk.key, 1);
    static const char *const good[] = {
        "{\"alg\":\"ES256\"}",
        "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}",
        "{\"alg\":\"ES256\",\"typ\":\"application/AT+JWT\",\"kid\":\"one\"}",
        "{\"alg\":\"ES256\",\"typ\":\"jwt\",\"jku\":\"https://evil.test\",\"jwk\":{}}",
    };
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"alg\":\"none\"}",
        "{\"alg\":\"HS256\",\"kid\":\"one\"}",
        "{\"alg\":\"es256\"}",
        "{\"alg\":[\"ES256\"]}",
        "{\"alg\":\"ES256\",\"alg\":\"ES256\"}",
        "{\"alg\":\"ES256\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"ES256\",\"crit\":[]}",
        "{\"alg\":\"ES256\",\"typ\":\"secevent+jwt\"}",
        "{\"alg\":\"ES256\",\"typ\":1}",
        "{\"alg\":\"ES256\",\"kid\":1}",
        "{\"alg\":\"ES256\",\"kid\":null}",
        "{\"alg\":\"RS256\",\"kid\":\"one\"}",
        "{\"alg\":\"EdDSA\"}",
        "{\"alg\":\"ES256\"} ,",
    };
    for (size_t i = 0; i < countof(good); i++) {
        cr_assert_eq(bear(good[i], SAYS("")), STEP_NEXT, "%s", good[i]);
    }
    for (size_t i = 0; i < countof(bad); i++) {
        enum step_verdict verdict = bear(bad[i], SAYS(""));
        if (verdict == STEP_WAIT) { /* RS256 with a name: the next set might have that key */
            publish(&desk.key, 1);
            verdict = token_run(&desk.request);
        }
        assert_refused(verdict, PROBLEM_TOKEN_INVALID, bad[i]);
    }
}

Test(token, claims_must_be_whole)
{
    publish(&desk.key, 1);
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        SAYS(",\"sub\":\"ann\""),
        SAYS(",\"iss\":\"https://issuer.test\""),
        "{\"iss\":\"https://issuer.test/\",\"aud\":\"bff\",\"sub\":\"ann\",\"exp\":1800000300}",
        "{\"iss\":[\"https://issuer.test\"],\"aud\":\"bff\",\"sub\":\"ann\",\"exp\":1800000300}",
        "{\"iss\":\"https://issuer.test\",\"aud\":\"bf\",\"sub\":\"ann\",\"exp\":1800000300}",
        "{\"iss\":\"https://issuer.test\",\"aud\":[\"x\",1],\"sub\":\"ann\",\"exp\":1800000300}",
        "{\"iss\":\"https://issuer.test\",\"aud\":\"bff\",\"sub\":\" ann\",\"exp\":1800000300}",
        "{\"iss\":\"https://issuer.test\",\"aud\":\"bff\",\"sub\":\"ann \",\"exp\":1800000300}",
        "{\"iss\":\"https://issuer.test\",\"aud\":[],\"sub\":\"ann\",\"exp\":1800000300}",
        "{\"iss\":\"https://"
        "issuer.test\",\"aud\":{\"a\":\"bff\"},\"sub\":\"a\",\"exp\":1800000300}",
        "{\"iss\":\"https://issuer.test\",\"sub\":\"ann\",\"exp\":1800000300}",
        "{\"iss\":\"https://issuer.test\",\"aud\":\"bff\",\"exp\":1800000300}",
        "{\"iss\":\"https://issuer.test\",\"aud\":\"bff\",\"sub\":\"\",\"exp\":1800000300}",
        "{\"iss\":\"https://issuer.test\",\"aud\":\"bff\",\"sub\":\"a\\n\",\"exp\":1800000300}",
        "{\"iss\":\"https://issuer.test\",\"aud\":\"bff\",\"sub\":\"a\\u0000\",\"exp\":1800000300}",
        "{\"iss\":\"https://issuer.test\",\"aud\":\"bff\",\"sub\":7,\"exp\":1800000300}",
        "{\"iss\":\"https://issuer.test\",\"aud\":\"bff\",\"sub\":\"ann\"}",
        "{\"iss\":\"https://issuer.test\",\"aud\":\"bff\",\"sub\":\"ann\",\"exp\":\"1800000300\"}",
        "{\"iss\":\"https://issuer.test\",\"aud\":\"bff\",\"sub\":\"ann\",\"exp\":null}",
        "{\"iss\":\"https://issuer.test\",\"aud\":\"bff\",\"sub\":\"ann\",\"exp\":-1}",
        SAYS(",\"nbf\":\"now\""),
        SAYS(",\"iat\":{}"),
        SAYS(",\"nbf\":1800000031"),
        SAYS(",\"iat\":1800000031"),
        SAYS(",\"nbf\":1e400"),
    };
    for (size_t i = 0; i < countof(bad); i++) {
        assert_refused(bear(HEADER, bad[i]), PROBLEM_TOKEN_INVALID, bad[i]);
        cr_assert(str_eq(desk.request.detail, STR("The bearer token cannot be accepted here.")));
        cr_assert(str_eq(
            desk.request.identity.challenge, STR("Bearer realm=\"bff\", error=\"invalid_token\"")));
    }
    cr_assert_eq(bear(HEADER, SAYS(",\"nbf\":1800000029.5,\"iat\":1.8e9")), STEP_NEXT);
    cr_assert_eq(bear(HEADER, "{\"iss\":\"https://issuer.test\",\"aud\":[\"x\",\"bff\"],"
                              "\"sub\":\"ann\",\"exp\":1e400}"),
        STEP_NEXT);
}

Test(token, a_subject_has_at_most_256_bytes)
{
    publish(&desk.key, 1);
    for (int len = 256; len <= 257; len++) {
        char payload[600];
        snprintf(payload, sizeof(payload),
            "{\"iss\":\"https://issuer.test\",\"aud\":\"bff\",\"sub\":\"%0*d\",\"exp\":1800000300}",
            len, 7);
        cr_assert_eq(bear(HEADER, payload), len == 256 ? STEP_NEXT : STEP_FAIL);
    }
}

Test(token, time_runs_out_for_known_tokens_too)
{
    publish(&desk.key, 1);
    struct buf token = issuer_sign(&desk.key, HEADER, SAYS(",\"nbf\":1800000000"));
    cr_assert_eq(ask("Bearer ", buf_str(&token)), STEP_NEXT);
    stage_wall_us = UINT64_C(1800000330) * 1000000 - 1; /* exp and 30 s of skew */
    cr_assert_eq(ask("Bearer ", buf_str(&token)), STEP_NEXT);
    stage_wall_us += 1;
    assert_refused(ask("Bearer ", buf_str(&token)), PROBLEM_TOKEN_EXPIRED, "expired");
    cr_assert(str_eq(
        desk.request.identity.challenge, STR("Bearer realm=\"bff\", error=\"invalid_token\"")));
    stage_wall_us = UINT64_C(1799999969) * 1000000;
    assert_refused(ask("Bearer ", buf_str(&token)), PROBLEM_TOKEN_INVALID, "a clock set back");
    buf_release(&token);
}

Test(token, one_changed_character_anywhere_is_enough)
{
    publish(&desk.key, 1);
    struct buf token = issuer_sign(&desk.key, HEADER, SAYS(""));
    cr_assert_eq(ask("Bearer ", buf_str(&token)), STEP_NEXT);
    for (size_t i = 0; i < token.len; i++) {
        for (int to = 0; to < 2; to++) {
            char before = token.data[i];
            token.data[i] = "A="[to] == before ? 'B' : "A="[to];
            enum step_verdict verdict = ask("Bearer ", buf_str(&token));
            if (verdict == STEP_WAIT) { /* it became another key's name */
                publish(&desk.key, 1);
                verdict = token_run(&desk.request);
            }
            assert_refused(verdict, PROBLEM_TOKEN_INVALID, "changed");
            token.data[i] = before;
        }
        struct str cut = { token.data, i };
        assert_refused(ask("Bearer ", cut), i ? PROBLEM_TOKEN_INVALID : PROBLEM_TOKEN_MISSING, "");
    }
    buf_append_str(&token, STR(".AAAA"));
    assert_refused(ask("Bearer ", buf_str(&token)), PROBLEM_TOKEN_INVALID, "four parts");
    buf_release(&token);
}

Test(token, more_than_8_kb_is_not_read)
{
    publish(&desk.key, 1);
    char claim[7000], payload[7200];
    memset(claim, 'x', sizeof(claim));
    for (int len = 5800; len <= 6800; len += 1000) {
        snprintf(payload, sizeof(payload), SAYS(",\"x\":\"%.*s\""), len, claim);
        cr_assert_eq(bear(HEADER, payload), len == 5800 ? STEP_NEXT : STEP_FAIL, "%d", len);
    }
}

/* ---- keys that come and go ---- */

Test(token, before_the_first_set_it_waits)
{
    cr_assert_eq(bear(HEADER, SAYS("")), STEP_WAIT);
    cr_assert_eq(desk.woken, 0);
    publish(&desk.key, 1);
    cr_assert_eq(desk.woken, 1);
    cr_assert_eq(token_run(&desk.request), STEP_NEXT);
    cr_assert(str_eq(desk.request.identity.subject, STR("ann")));
}

Test(token, when_no_set_comes_that_is_said)
{
    cr_assert_eq(bear(HEADER, SAYS("")), STEP_WAIT);
    stage_answer(HTTP_UNREACHED, 0, STR(""));
    stage_turn(desk.worker.loop);
    cr_assert_eq(desk.woken, 1);
    assert_refused(token_run(&desk.request), PROBLEM_KEYS_UNAVAILABLE, "no set");
    cr_assert_null(desk.request.identity.challenge.at);
}

Test(token, who_goes_while_waiting_is_not_woken)
{
    cr_assert_eq(bear(HEADER, SAYS("")), STEP_WAIT);
    token_forget(&desk.request);
    publish(&desk.key, 1);
    cr_assert_eq(desk.woken, 0);
}

Test(token, a_new_key_is_fetched_for_whoever_names_it)
{
    struct issuer_key fresh;
    issuer_key_new(&fresh, SIGNATURE_ES256, "two");
    publish(&desk.key, 1);
    struct buf token = issuer_sign(&fresh, "{\"alg\":\"ES256\",\"kid\":\"two\"}", SAYS(""));
    cr_assert_eq(ask("Bearer ", buf_str(&token)), STEP_WAIT);
    stage_turn(desk.worker.loop);
    publish(&fresh, 1);
    cr_assert_eq(token_run(&desk.request), STEP_NEXT);
    buf_release(&token);
    issuer_key_free(&fresh);
}

Test(token, a_key_that_nobody_has_costs_one_fetch)
{
    publish(&desk.key, 1);
    cr_assert_eq(bear("{\"alg\":\"ES256\",\"kid\":\"x\"}", SAYS("")), STEP_WAIT);
    stage_turn(desk.worker.loop);
    publish(&desk.key, 1);
    assert_refused(token_run(&desk.request), PROBLEM_TOKEN_INVALID, "not in the new set either");
    assert_refused(
        bear("{\"alg\":\"ES256\",\"kid\":\"y\"}", SAYS("")), PROBLEM_TOKEN_INVALID, "cooldown");
    cr_assert_eq(stage_http.asked, 2);
}

Test(token, a_token_is_good_as_long_as_its_key_is_in_the_set)
{
    struct issuer_key both[2] = { desk.key };
    issuer_key_new(&both[1], SIGNATURE_EDDSA, "two");
    struct buf token = issuer_sign(&desk.key, HEADER, SAYS(""));
    publish(both, 1);
    cr_assert_eq(ask("Bearer ", buf_str(&token)), STEP_NEXT);
    stage_now_us += UINT64_C(301) * 1000000;
    publish(both, 2);
    cr_assert_eq(ask("Bearer ", buf_str(&token)), STEP_NEXT, "there is one more");
    stage_now_us += UINT64_C(301) * 1000000;
    publish(&both[1], 1);
    cr_assert_eq(ask("Bearer ", buf_str(&token)), STEP_WAIT, "its key was withdrawn");
    buf_release(&token);
    issuer_key_free(&both[1]);
}

/* ---- the memory of verified tokens ---- */

static struct tokens_proof proof_of(uint32_t n, const struct signature_key *key)
{
    struct tokens_proof proof = { .generation = 1 };
    memcpy(proof.token, &n, sizeof(n));
    memcpy(proof.key, signature_key_digest(key), sizeof(proof.key));
    return proof;
}

Test(token, the_memory_is_bounded_and_keeps_what_is_asked_for)
{
    publish(&desk.key, 1);
    cr_assert_eq(bear(HEADER, SAYS("")), STEP_NEXT);
    const struct keyset *set = keys_view_set(desk.worker.keys_view);
    const struct signature_key *key = keyset_find(set, SIGNATURE_ES256, STR("one"));
    struct claims_wanted wanted = { STR("https://issuer.test"), STR("bff") };
    const char *why;
    struct claims *claims = claims_read(str_of(SAYS("")), &wanted, &desk.request.arena, &why);
    struct tokens *tokens = tokens_new(100);
    struct tokens_proof hot = proof_of(0, key);
    tokens_add(tokens, &hot, claims);
    for (uint32_t n = 1; n <= 5000; n++) {
        struct tokens_proof proof = proof_of(n, key);
        tokens_add(tokens, &proof, claims);
        cr_assert_eq(tokens_find(tokens, hot.token, set, 1), claims, "after %u", n);
    }
    unsigned kept = 0;
    for (uint32_t n = 0; n <= 5000; n++) {
        kept += tokens_find(tokens, proof_of(n, key).token, set, 1) != NULL;
    }
    cr_assert_eq(kept, 100);
    tokens_free(tokens);
    cr_assert_eq(claims->references, 1);

    tokens = tokens_new(0);
    tokens_add(tokens, &hot, claims);
    cr_assert_null(tokens_find(tokens, hot.token, set, 1));
    tokens_free(tokens);
    claims_put(claims);
}
