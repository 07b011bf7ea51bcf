/*
 * token: may this bearer ask this plan?
 *
 * Owns nothing but the wait of a request. Promises: (1) nothing of a token is believed before its
 * signature was verified by a key of the issuer that we are set to; (2) a client learns from a
 * refusal that its token is not good, that it has expired, or which scope is missing, and no more:
 * all else is one sentence; (3) a request waits for keys at most once, so a token that names a key
 * which nobody has costs one fetch of many, not one each. What jose, claims and keyset refuse, and
 * why, is said there.
 */
#include "token.h"

#include "../base/clock.h"
#include "../base/must.h"
#include "claims.h"
#include "jose.h"
#include "jwks.h"
#include "tokens.h"

/* A request that waits for a key set, in its arena. */
struct wait {
    struct keys_waiter waiter;
    struct request *request;
};

/* ---- refusing: what the log is told, what the client is told (RFC 6750 section 3) ---- */

#define CHALLENGE "Bearer realm=\"bff\""

static enum step_verdict refuse_invalid(struct request *request, const char *why)
{
    request->identity.why = why;
    request->identity.challenge = STR(CHALLENGE ", error=\"invalid_token\"");
    return request_refuse(
        request, PROBLEM_TOKEN_INVALID, "The bearer token cannot be accepted here.");
}

static enum step_verdict refuse_expired(struct request *request)
{
    request->identity.why = "the token has expired";
    request->identity.challenge = STR(CHALLENGE ", error=\"invalid_token\"");
    return request_refuse(request, PROBLEM_TOKEN_EXPIRED, "The bearer token has expired.");
}

/* No error code: no token was tried (section 3.1). */
static enum step_verdict refuse_missing(struct request *request, const char *why)
{
    request->identity.why = why;
    request->identity.challenge = STR(CHALLENGE);
    return request_refuse(
        request, PROBLEM_TOKEN_MISSING, "Send a token as 'Authorization: Bearer ...'.");
}

static enum step_verdict refuse_scope(struct request *request, const char *scope)
{
    request->identity.why = "the scope is missing";
    request->identity.challenge = str_of(arena_printf(
        &request->arena, CHALLENGE ", error=\"insufficient_scope\", scope=\"%s\"", scope));
    return request_refuse(
        request, PROBLEM_SCOPE_MISSING, "The bearer token needs the scope '%s'.", scope);
}

static enum step_verdict refuse_keys(struct request *request)
{
    request->identity.why = "there is no key set";
    return request_refuse(
        request, PROBLEM_KEYS_UNAVAILABLE, "Tokens cannot be checked now; ask again soon.");
}

/* ---- waiting ---- */

static void woken(struct keys_waiter *waiter)
{
    struct wait *wait = container_of(waiter, struct wait, waiter);
    request_wake(wait->request);
}

/* False: it has waited already, or nothing is coming. */
static bool wait_for_keys(struct request *request)
{
    if (request->identity.waiter) {
        return false;
    }
    struct wait *wait = arena_zalloc(&request->arena, 1, sizeof(*wait));
    wait->waiter.woken = woken;
    wait->request = request;
    request->identity.waiter = &wait->waiter;
    return keys_view_wait(request->worker->keys_view, &wait->waiter);
}

void token_forget(struct request *request)
{
    if (request->identity.waiter) {
        keys_view_forget(request->worker->keys_view, request->identity.waiter);
    }
}

/* ---- believing ---- */

/* STEP_NEXT with *out; any other verdict is the step's. What was verified is remembered. */
static enum step_verdict verify(struct request *request, struct str token, const struct keyset *set,
    struct tokens_proof *proof, struct claims **out)
{
    const struct settings *settings = request->worker->core->settings;
    struct jose jose;
    const char *why = jose_read(&jose, token, &request->arena);
    if (why) {
        return refuse_invalid(request, why);
    }
    const struct signature_key *key = keyset_find(set, jose.alg, jose.kid);
    if (!key && jose.kid.at && wait_for_keys(request)) {
        return STEP_WAIT;
    }
    if (!key) {
        return refuse_invalid(request, "no key of that name and algorithm");
    }
    if (!signature_verify(key, jose.text, jose.signature)) {
        return refuse_invalid(request, "the signature is wrong");
    }
    struct claims_wanted wanted = { str_of(settings->token.issuer),
        str_of(settings->token.audience) };
    struct claims *claims = claims_read(jose.payload, &wanted, &request->arena, &why);
    if (!claims) {
        return refuse_invalid(request, why);
    }
    memcpy(proof->key, signature_key_digest(key), sizeof(proof->key));
    tokens_add(request->worker->tokens, proof, claims);
    *out = claims;
    return STEP_NEXT;
}

/* The token's claims, held for the caller, from memory or by verifying. */
static enum step_verdict claims_get(struct request *request, struct str token, struct claims **out)
{
    struct worker *worker = request->worker;
    const struct keyset *set = keys_view_set(worker->keys_view);
    if (!set) {
        return wait_for_keys(request) ? STEP_WAIT : refuse_keys(request);
    }
    struct tokens_proof proof = { .generation = keys_view_generation(worker->keys_view) };
    signature_sha256(token, proof.token);
    struct claims *known = tokens_find(worker->tokens, proof.token, set, proof.generation);
    if (!known) {
        return verify(request, token, set, &proof, out);
    }
    *out = claims_take(known);
    return STEP_NEXT;
}

static void let_go(void *claims)
{
    claims_put(claims);
}

/* What is true of the token at this moment and for this plan. */
static enum step_verdict admit(struct request *request, const struct claims *claims)
{
    uint64_t skew_us = request->worker->core->settings->token.clock_skew_s * UINT64_C(1000000);
    const char *scope = request->routed.plan->scope;
    switch (claims_at(claims, clock_wall_us(), skew_us)) {
    case CLAIMS_EXPIRED:
        return refuse_expired(request);
    case CLAIMS_EARLY:
        return refuse_invalid(request, "the token is not valid yet");
    case CLAIMS_VALID:
        break;
    }
    if (scope && !claims_have_scope(claims, str_of(scope))) {
        return refuse_scope(request, scope);
    }
    request->identity.issuer = claims->issuer;
    request->identity.subject = claims->subject;
    request->identity.claims = claims->list;
    request->identity.claims_count = claims->count;
    return STEP_NEXT;
}

/* RFC 9110 section 11.4: a scheme, spaces, a token68. False: it is of another scheme, or empty. */
static bool bearer_token(struct str authorization, struct str *token)
{
    struct str scheme;
    bool is_split = str_cut(authorization, ' ', &scheme, token);
    *token = str_trim(*token);
    return is_split && str_eq_nocase(scheme, STR("Bearer")) && token->len > 0;
}

enum step_verdict token_run(struct request *request)
{
    struct str authorization = request->received.authorization, token;
    if (request->received.authorization_repeats) {
        return refuse_invalid(request, "the Authorization field is there twice");
    }
    if (!authorization.at && request->routed.plan->allow == BFF_ALLOW_ANYONE) {
        return STEP_NEXT;
    }
    if (!authorization.at) {
        return refuse_missing(request, "no Authorization field");
    }
    if (!bearer_token(authorization, &token)) {
        return refuse_missing(request, "the Authorization field has no bearer token");
    }
    if (token.len > JOSE_BYTES_MAX) {
        return refuse_invalid(request, "the token is too long");
    }
    struct claims *claims = NULL;
    enum step_verdict verdict = claims_get(request, token, &claims);
    if (verdict != STEP_NEXT) {
        return verdict;
    }
    arena_defer(&request->arena, let_go, claims);
    return admit(request, claims);
}
