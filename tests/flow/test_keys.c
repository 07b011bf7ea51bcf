/* The issuer's keys: replaced while the server runs, late at its start, gone for a while. */
#include "flow.h"

#include <stdlib.h>

TestSuite(keys, .init = flow_open, .fini = flow_close, .timeout = 100);

static void asks_with(const char *token, unsigned status, const char *problem)
{
    flow_check(&(struct flow_question){ .token = token },
        &(struct flow_expected){ .status = status, .problem = problem });
}

/* RS256, ES256 and EdDSA. */
Test(keys, of_each_kind_are_good)
{
    static const char *const orders[] = { "{\"alg\":\"RS256\"}", "{\"alg\":\"ES256\"}",
        "{\"alg\":\"EdDSA\"}", "{\"claims\":{\"aud\":[\"other\",\"bff\"]}}" };
    flow_serve(&(struct flow_page){ .client = "mobile" });
    for (size_t i = 0; i < countof(orders); i++) {
        flow_check(&(struct flow_question){ .order = orders[i] },
            &(struct flow_expected){ .status = 200 });
    }
}

/* The first token with an unknown key fetches the set anew, while its request waits. */
Test(keys, that_are_new_are_fetched_when_they_are_first_met)
{
    flow_serve(
        &(struct flow_page){ .client = "mobile", .services = { { "issuer", .is_heard = true } } });
    char *before = flow_mint(NULL);
    asks_with(before, 200, NULL);
    cr_assert_eq(flow_hears("issuer", "GET /.well-known/jwks.json"), 1);
    flow_rotate_keys();
    char *after = flow_mint(NULL);
    asks_with(after, 200, NULL);
    cr_assert_eq(flow_hears("issuer", "GET /.well-known/jwks.json"), 2);
    asks_with(before, 401, "token-invalid"); /* although it was good a moment ago */
    asks_with(after, 200, NULL);
    free(before);
    free(after);
}

/* Strangers who make names up cause one fetch within the cooldown (10 s), not one each. */
Test(keys, that_nobody_has_are_not_asked_for_again_and_again)
{
    flow_serve(
        &(struct flow_page){ .client = "mobile", .services = { { "issuer", .is_heard = true } } });
    char *before = flow_mint(NULL);
    flow_rotate_keys();
    char *after = flow_mint(NULL);
    asks_with(after, 200, NULL);
    for (int i = 0; i < 10; i++) {
        asks_with(before, 401, "token-invalid");
    }
    cr_assert_eq(flow_hears("issuer", "GET /.well-known/jwks.json"), 2);
    free(before);
    free(after);
}

Test(keys, that_are_late_are_waited_for)
{
    flow_serve_unready(
        &(struct flow_page){ .client = "web", .services = { { "issuer", .is_down = true } } });
    char *token = flow_mint(NULL);
    struct flow_answer answer;
    flow_ask_admin("/readyz", NULL, &answer);
    flow_expect(&answer, &(struct flow_expected){ .status = 503,
                             .values = { { "/ready", "false" }, { "/reasons/0", "\"*key*\"" } } });
    flow_forget(&answer);
    flow_check(&(struct flow_question){ .token = token },
        &(struct flow_expected){ .status = 503,
            .problem = "keys-unavailable",
            .fields = { "Retry-After: 1", "!WWW-Authenticate" } });
    cr_assert_eq(flow_metric("bff_keys_ready"), 0);
    flow_raise("issuer");
    flow_until(flow_metric("bff_keys_ready") == 1);
    asks_with(token, 200, NULL);
    free(token);
}

/* A set in which nothing can be used is none. */
Test(keys, that_are_too_weak_are_no_keys)
{
    flow_serve_unready(&(struct flow_page){ .client = "mobile",
        .services = { { "issuer",
            .json = "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"AQ\",\"e\":\"AQ\"}]}" } } });
    flow_until(flow_hears("issuer", "GET /.well-known/jwks.json") > 0);
    flow_check(&(struct flow_question){ 0 },
        &(struct flow_expected){ .status = 503, .problem = "keys-unavailable" });
    cr_assert_eq(flow_metric("bff_keys_ready"), 0);
}
