/* Key sets: what is read of them, who fetches when, and who is woken. */
#include "admit/jwks.h"
#include "base/must.h"
#include "issuer.h"
#include "stage.h"

#include <criterion/criterion.h>

#define SECOND_US UINT64_C(1000000)

static struct {
    struct settings settings;
    struct worker worker;
    struct keys *keys;
    struct keys_view *view;
    struct issuer_key old_key, new_key;
    struct buf old_set, new_set;
    struct keys_waiter waiters[3];
    unsigned woken;
} desk;

static void open_desk(void)
{
    desk.settings.token.jwks_url = "https://issuer.test:8443/keys?set=1";
    desk.settings.token.refresh_s = 300;
    desk.settings.token.cooldown_s = 10;
    desk.worker.loop = loop_new();
    desk.keys = keys_new(&desk.settings);
    desk.view = keys_view_new(desk.keys, desk.worker.loop);
    issuer_key_new(&desk.old_key, SIGNATURE_ES256, "old");
    issuer_key_new(&desk.new_key, SIGNATURE_EDDSA, "new");
    desk.old_set = issuer_set(&desk.old_key, 1);
    desk.new_set = issuer_set(&desk.new_key, 1);
}

static void close_desk(void)
{
    keys_stop(desk.keys);
    stage_turn(desk.worker.loop);
    keys_view_free(desk.view);
    keys_free(desk.keys);
    loop_free(desk.worker.loop);
    arena_pool_fini(&desk.worker.arenas);
    issuer_key_free(&desk.old_key);
    issuer_key_free(&desk.new_key);
    buf_release(&desk.old_set);
    buf_release(&desk.new_set);
}

TestSuite(jwks, .init = open_desk, .fini = close_desk, .timeout = 30);

static void start(void)
{
    struct err err;
    cr_assert(keys_start(desk.keys, &desk.worker, &err));
}

static void answer(struct buf *set)
{
    stage_answer(HTTP_ANSWERED, 200, buf_str(set));
    stage_turn(desk.worker.loop);
}

static void answer_text(const char *body)
{
    stage_answer(HTTP_ANSWERED, 200, str_of(body));
    stage_turn(desk.worker.loop);
}

static void pass_s(unsigned seconds)
{
    stage_now_us += seconds * SECOND_US;
    stage_turn(desk.worker.loop);
}

static void count_woken(struct keys_waiter *waiter)
{
    (void)waiter;
    desk.woken++;
}

static bool waits(int i)
{
    desk.waiters[i] = (struct keys_waiter){ .woken = count_woken };
    bool is_waiting = keys_view_wait(desk.view, &desk.waiters[i]);
    stage_turn(desk.worker.loop);
    return is_waiting;
}

static bool has(const char *kid, enum signature_alg alg)
{
    const struct keyset *set = keys_view_set(desk.view);
    return set && keyset_find(set, alg, str_of(kid));
}

/* ---- fetching ---- */

Test(jwks, the_first_set_is_fetched_at_once_and_seen_by_all)
{
    cr_assert_null(keys_view_set(desk.view));
    cr_assert_not(keys_ready(desk.keys));
    start();
    cr_assert_str_eq(stage_http.url, "https://issuer.test:8443");
    cr_assert_str_eq(stage_http.target, "/keys?set=1");
    cr_assert_eq(stage_http.answer_max_bytes, 256 * 1024);
    answer(&desk.old_set);
    cr_assert(keys_ready(desk.keys));
    cr_assert(has("old", SIGNATURE_ES256));
    cr_assert_eq(keys_view_generation(desk.view), 1);
}

Test(jwks, a_url_without_a_path_asks_for_the_root)
{
    desk.settings.token.jwks_url = "http://127.0.0.1:21200";
    start();
    cr_assert_str_eq(stage_http.url, "http://127.0.0.1:21200");
    cr_assert_str_eq(stage_http.target, "/");
}

Test(jwks, a_set_is_fetched_again_when_its_time_has_come)
{
    start();
    answer(&desk.old_set);
    pass_s(239);
    cr_assert_eq(stage_http.asked, 1);
    pass_s(62);
    cr_assert_eq(stage_http.asked, 2);
    answer(&desk.new_set);
    cr_assert(has("new", SIGNATURE_EDDSA));
    cr_assert_not(has("old", SIGNATURE_ES256));
    cr_assert_eq(keys_view_generation(desk.view), 2);
}

Test(jwks, the_same_set_again_is_no_new_set)
{
    start();
    answer(&desk.old_set);
    const struct keyset *before = keys_view_set(desk.view);
    pass_s(301);
    answer(&desk.old_set);
    cr_assert_eq(keys_view_generation(desk.view), 1);
    cr_assert_eq(keys_view_set(desk.view), before);
}

Test(jwks, the_last_good_set_stays_whatever_comes)
{
    start();
    answer(&desk.old_set);
    static const char *const bodies[] = { "", "null", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "{\"keys\":[1,null,[],\"x\"]}",
        "{\"keys\":[]} x", "{\"keys\":[],\"keys\":[]}", "<html>" };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        pass_s(301);
        answer_text(bodies[i]);
        cr_assert(has("old", SIGNATURE_ES256), "%s", bodies[i]);
    }
    pass_s(301);
    stage_answer(HTTP_ANSWERED, 500, buf_str(&desk.new_set));
    pass_s(301);
    stage_answer(HTTP_TIMED_OUT, 0, STR(""));
    cr_assert(has("old", SIGNATURE_ES256));
    cr_assert_eq(keys_view_generation(desk.view), 1);
    pass_s(301);
    answer(&desk.new_set);
    cr_assert(has("new", SIGNATURE_EDDSA));
}

Test(jwks, a_failed_fetch_is_repeated_soon_and_then_less_often)
{
    start();
    unsigned asked = 1;
    for (unsigned seconds = 1; seconds <= 64; seconds *= 2) {
        stage_answer(HTTP_UNREACHED, 0, STR(""));
        stage_now_us += seconds * SECOND_US * 7 / 10;
        stage_turn(desk.worker.loop);
        cr_assert_eq(stage_http.asked, asked, "too early after %u s", seconds);
        stage_now_us += seconds * SECOND_US * 3 / 10;
        stage_turn(desk.worker.loop);
        cr_assert_eq(stage_http.asked, ++asked, "too late after %u s", seconds);
    }
}

/* ---- waiting ---- */

Test(jwks, who_comes_before_the_first_set_is_woken_by_its_end)
{
    cr_assert(waits(0), "even before the fetch began");
    start();
    cr_assert(waits(1));
    cr_assert_eq(stage_http.asked, 1);
    stage_answer(HTTP_UNREACHED, 0, STR(""));
    stage_turn(desk.worker.loop);
    cr_assert_eq(desk.woken, 2);
    cr_assert_null(keys_view_set(desk.view));
}

Test(jwks, an_unknown_key_causes_one_fetch_for_all_who_wait)
{
    start();
    answer(&desk.old_set);
    cr_assert(waits(0));
    cr_assert(waits(1));
    cr_assert(waits(2));
    cr_assert_eq(stage_http.asked, 2);
    keys_view_forget(desk.view, &desk.waiters[1]);
    answer(&desk.new_set);
    cr_assert_eq(desk.woken, 2, "one has gone");
    cr_assert(has("new", SIGNATURE_EDDSA));
}

Test(jwks, strangers_cause_one_fetch_per_cooldown)
{
    start();
    answer(&desk.old_set);
    cr_assert(waits(0));
    answer(&desk.old_set);
    cr_assert_not(waits(0));
    pass_s(9);
    cr_assert_not(waits(0));
    cr_assert_eq(stage_http.asked, 2);
    pass_s(1);
    cr_assert(waits(0));
    cr_assert_eq(stage_http.asked, 3);
    answer(&desk.old_set);
    cr_assert_eq(desk.woken, 2);
}

Test(jwks, a_regular_fetch_serves_who_waits_too)
{
    start();
    answer(&desk.old_set);
    pass_s(301);
    cr_assert_eq(stage_http.asked, 2);
    cr_assert(waits(0));
    cr_assert_eq(stage_http.asked, 2);
    answer(&desk.new_set);
    cr_assert_eq(desk.woken, 1);
}

Test(jwks, stopping_cancels_the_fetch_and_wakes_who_waits)
{
    start();
    cr_assert(waits(0));
    keys_stop(desk.keys);
    stage_turn(desk.worker.loop);
    cr_assert_eq(stage_http.cancelled, 1);
    cr_assert_eq(desk.woken, 1);
    cr_assert_not(waits(1));
    pass_s(1000);
    cr_assert_eq(stage_http.asked, 1);
}

/* ---- what is in a set ---- */

/* Reads a set and tells how many keys it has; 0: it was refused. */
static size_t keys_in(const char *body, size_t *left_out)
{
    struct arena arena;
    struct err err;
    arena_init(&arena, NULL);
    struct keyset *set = keyset_read(str_of(body), &arena, &err);
    size_t count = set ? keyset_count(set) : 0;
    *left_out = set ? keyset_left_out(set) : 0;
    keyset_put(set);
    arena_release(&arena);
    return count;
}

#define ED_KEY                                                                                     \
    "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""

Test(jwks, keys_that_cannot_be_used_are_left_out)
{
    size_t left_out;
    cr_assert_eq(keys_in("{\"keys\":[{" ED_KEY "}]}", &left_out), 1);
    static const char *const odd[] = {
        "{}",
        "null",
        "[]",
        "{\"kty\":\"XYZ\"}",
        "{\"kty\":\"oct\",\"k\":\"c2VjcmV0\",\"alg\":\"HS256\"}",
        "{" ED_KEY ",\"use\":\"enc\"}",
        "{" ED_KEY ",\"use\":7}",
        "{" ED_KEY ",\"alg\":\"ES256\"}",
        "{" ED_KEY ",\"key_ops\":[\"sign\"]}",
        "{" ED_KEY ",\"key_ops\":\"verify\"}",
        "{" ED_KEY ",\"kid\":5}",
        "{" ED_KEY ",\"kid\":\"good\"}",
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        char body[1000];
        snprintf(body, sizeof(body), "{\"keys\":[{" ED_KEY ",\"kid\":\"good\"},%s]}", odd[i]);
        cr_assert_eq(keys_in(body, &left_out), 1, "%s", odd[i]);
        cr_assert_eq(left_out, 1, "%s", odd[i]);
    }
    cr_assert_eq(
        keys_in("{\"keys\":[{" ED_KEY ",\"d\":\"AAAA\",\"key_ops\":[\"sign\",\"verify\"]}]}",
            &left_out),
        1);
}

Test(jwks, a_set_has_at_most_64_keys)
{
    static const unsigned counts[] = { 64, 65, 10000 };
    struct buf body;
    size_t left_out;
    for (size_t c = 0; c < 3; c++) {
        unsigned count = counts[c];
        buf_init(&body, 4 << 20);
        buf_append_str(&body, STR("{\"keys\":["));
        for (unsigned i = 0; i < count; i++) {
            buf_printf(&body, "%s{" ED_KEY ",\"kid\":\"k%u\"}", i ? "," : "", i);
        }
        buf_append_str(&body, STR("]}"));
        buf_append_char(&body, '\0');
        cr_assert_eq(keys_in(body.data, &left_out), count == 64 ? 64 : 0);
        buf_release(&body);
    }
}

Test(jwks, a_key_without_a_name_is_found_only_when_it_is_alone)
{
    struct issuer_key keys[3];
    issuer_key_new(&keys[0], SIGNATURE_ES256, NULL);
    issuer_key_new(&keys[1], SIGNATURE_EDDSA, "a");
    issuer_key_new(&keys[2], SIGNATURE_EDDSA, "b");
    struct buf set = issuer_set(keys, 3);
    start();
    answer(&set);
    struct str nameless = { NULL, 0 };
    const struct keyset *got = keys_view_set(desk.view);
    cr_assert_not_null(keyset_find(got, SIGNATURE_ES256, nameless));
    cr_assert_null(keyset_find(got, SIGNATURE_EDDSA, nameless));
    cr_assert_null(keyset_find(got, SIGNATURE_RS256, nameless));
    cr_assert_null(keyset_find(got, SIGNATURE_ES256, STR("a")), "of another algorithm");
    cr_assert_null(keyset_find(got, SIGNATURE_ES256, STR("")));
    const struct signature_key *b = keyset_find(got, SIGNATURE_EDDSA, STR("b"));
    cr_assert(keyset_holds(got, signature_key_digest(b)));
    for (int i = 0; i < 3; i++) {
        issuer_key_free(&keys[i]);
    }
    buf_release(&set);
}
