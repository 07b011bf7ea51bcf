/*
 * The token issuer: hands out any token that a test can think of.
 *
 * Owns the words of a token (RFC 9068: typ at+jwt). A token is well made by default and wrong in
 * exactly the way the order asks for: a lifetime in the past, another issuer or audience, claims
 * added, replaced or, with null, left out. It promises that the signature is always good under a
 * key of the published set, until POST /rotate takes that key away.
 *
 * It asks nobody for a password: it listens on loopback, for tests.
 */
#include "issuer.h"

#include <gnutls/crypto.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "catalog.h"
#include "number.h"
#include "parse.h"

enum { DEFAULT_TTL_S = 600, MOST_SECONDS = 1000000000 };

/* What POST /token understands, with what an order leaves out. */
struct order {
    const char *sub;
    const char *scope;
    const char *aud;
    const char *alg;
    const char *iss;
    const char *client_id;
    int64_t ttl_s;
    int64_t not_before_s;
    struct json_object *claims; /* NULL when there are none */
};

static const char *find_text(const struct question *question, struct json_object *body,
    const char *name, const char *otherwise)
{
    struct json_object *value;
    if (json_object_object_get_ex(body, name, &value))
        return json_object_get_string(value);
    const char *argument = route_argument(question, name);
    return argument ? argument : otherwise;
}

/* False when the order holds something else than a number of seconds, which may be negative. */
static bool find_seconds(
    const struct question *question, struct json_object *body, const char *name, int64_t *seconds)
{
    const char *text = find_text(question, body, name, NULL);
    uint64_t value;
    if (!text)
        return true;
    const bool is_negative = *text == '-';
    if (!number_parse(text + is_negative, MOST_SECONDS, &value))
        return false;
    *seconds = is_negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* The texts of the order live as long as `body` and the question. */
static bool read_order(
    const struct question *question, struct json_object *body, struct order *order)
{
    const struct issuer *issuer = question->owner;
    *order = (struct order){
        .sub = find_text(question, body, "sub", "1001"),
        .scope = find_text(question, body, "scope", "feed:read"),
        .aud = find_text(question, body, "aud", "bff"),
        .alg = find_text(question, body, "alg", "ES256"),
        .iss = find_text(question, body, "iss", issuer->url),
        .client_id = find_text(question, body, "client_id", "mock-client"),
        .ttl_s = DEFAULT_TTL_S,
    };
    if (json_object_object_get_ex(body, "claims", &order->claims) &&
        !json_object_is_type(order->claims, json_type_object))
        return false;
    return find_seconds(question, body, "ttl_s", &order->ttl_s) &&
           find_seconds(question, body, "not_before_s", &order->not_before_s);
}

static void add_text(struct json_object *object, const char *name, const char *text)
{
    json_object_object_add(object, name, json_object_new_string(text ? text : ""));
}

static void add_token_id(struct json_object *payload)
{
    uint64_t random[2];
    char text[2 * 16 + 1];
    if (gnutls_rnd(GNUTLS_RND_NONCE, random, sizeof random) != 0)
        abort();
    snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)random[0],
        (unsigned long long)random[1]);
    add_text(payload, "jti", text);
}

static struct json_object *make_payload(const struct order *order)
{
    struct json_object *payload = json_object_new_object();
    const int64_t now_s = (int64_t)time(NULL);

    add_text(payload, "iss", order->iss);
    add_text(payload, "sub", order->sub);
    add_text(payload, "aud", order->aud);
    json_object_object_add(payload, "iat", json_object_new_int64(now_s));
    json_object_object_add(payload, "nbf", json_object_new_int64(now_s + order->not_before_s));
    json_object_object_add(payload, "exp", json_object_new_int64(now_s + order->ttl_s));
    add_token_id(payload);
    add_text(payload, "scope", order->scope);
    add_text(payload, "client_id", order->client_id);
    if (order->claims) {
        json_object_object_foreach(order->claims, name, value)
        {
            if (value)
                json_object_object_add(payload, name, json_object_get(value));
            else
                json_object_object_del(payload, name);
        }
    }
    return payload;
}

static void append_header(struct doc *token, const struct key *key)
{
    struct doc header;
    doc_init(&header);
    doc_object(&header, NULL);
    doc_text(&header, "typ", "at+jwt");
    doc_text(&header, "alg", key->alg);
    doc_text(&header, "kid", key->id);
    doc_object_end(&header);
    keys_append_base64url(token, header.bytes, header.len);
    doc_fini(&header);
}

static bool make_token(struct doc *token, const struct key *key, const struct order *order)
{
    struct json_object *payload = make_payload(order);
    const char *text = json_object_to_json_string_ext(
        payload, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    append_header(token, key);
    doc_append(token, ".", 1);
    keys_append_base64url(token, text, strlen(text));
    json_object_put(payload);
    return keys_sign(key, token);
}

static void write_token(struct answer *answer, const struct doc *token, int64_t ttl_s)
{
    struct doc *doc = &answer->doc;
    answer->must_not_keep = true;
    doc_object(doc, NULL);
    doc_text_begin(doc, "access_token");
    doc_append(doc, token->bytes, token->len);
    doc_text_end(doc);
    doc_text(doc, "token_type", "Bearer");
    doc_u64(doc, "expires_in", ttl_s > 0 ? (uint64_t)ttl_s : 0);
    doc_object_end(doc);
}

static void sign_order(
    const struct question *question, struct json_object *body, struct answer *answer)
{
    const struct issuer *issuer = question->owner;
    const struct key *key;
    struct order order;
    struct doc token;

    if (!read_order(question, body, &order)) {
        route_refuse(answer, 400, "bad_order",
            "ttl_s and not_before_s must be numbers of seconds, and claims an object.");
        return;
    }
    key = order.alg ? keys_find(&issuer->keys, order.alg) : NULL;
    if (!key) {
        route_refuse(answer, 400, "bad_alg", "alg must be RS256, ES256 or EdDSA.");
        return;
    }
    doc_init(&token);
    if (make_token(&token, key, &order))
        write_token(answer, &token, order.ttl_s);
    else
        route_refuse(answer, 500, "no_signature", "The token could not be signed.");
    doc_fini(&token);
}

static void issuer_token(const struct question *question, struct answer *answer)
{
    struct json_object *body = parse_json(question->body, question->body_len);
    if (question->body_len > 0 && !json_object_is_type(body, json_type_object))
        route_refuse(answer, 400, "bad_order", "An order for a token is a JSON object.");
    else
        sign_order(question, body, answer);
    json_object_put(body);
}

static void issuer_keys(const struct question *question, struct answer *answer)
{
    const struct issuer *issuer = question->owner;
    keys_write_set(&issuer->keys, &answer->doc);
}

static void issuer_rotate(const struct question *question, struct answer *answer)
{
    struct issuer *issuer = question->owner;
    char why[256];
    if (keys_rotate(&issuer->keys, why, sizeof why))
        keys_write_set(&issuer->keys, &answer->doc);
    else
        route_refuse(answer, 500, "no_new_keys", why);
}

static void write_url(struct doc *doc, const char *key, const char *url, const char *path)
{
    doc_text_begin(doc, key);
    doc_add(doc, url);
    doc_add(doc, path);
    doc_text_end(doc);
}

static void issuer_configuration(const struct question *question, struct answer *answer)
{
    const struct issuer *issuer = question->owner;
    struct doc *doc = &answer->doc;
    doc_object(doc, NULL);
    doc_text(doc, "issuer", issuer->url);
    write_url(doc, "jwks_uri", issuer->url, "/.well-known/jwks.json");
    write_url(doc, "token_endpoint", issuer->url, "/token");
    doc_array(doc, "id_token_signing_alg_values_supported");
    for (size_t i = 0; i < KEYS_COUNT; i++)
        doc_text(doc, NULL, issuer->keys.all[i].alg);
    doc_array_end(doc);
    doc_object_end(doc);
}

const struct route issuer_routes[] = {
    { "GET", "/.well-known/jwks.json", issuer_keys },
    { "GET", "/.well-known/openid-configuration", issuer_configuration },
    { "POST", "/token", issuer_token },
    { "POST", "/rotate", issuer_rotate },
    { 0 },
};
