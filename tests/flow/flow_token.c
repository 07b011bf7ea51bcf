/*
 * flow_token: bearers, good and forged.
 *
 * Owns nothing. Good tokens, and those that are wrong in what they say, come from the mocks'
 * issuer; those that are wrong in how they are signed are made here.
 */
#include "flow_parts.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct json_object *ask_issuer(const char *method, const char *path, const char *body)
{
    struct flow_answer answer;
    char url[96];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", flow_issuer_port(), path);
    flow_http(method, url, NULL, body, &answer);
    cr_assert_eq(answer.status, 200, "%s", answer.body.data);
    struct json_object *found = json_tokener_parse(answer.body.data);
    cr_assert_not_null(found);
    flow_forget(&answer);
    return found;
}

static const char *text_at(struct json_object *object, const char *name)
{
    return json_object_get_string(json_object_object_get(object, name));
}

char *flow_mint(const char *order)
{
    struct json_object *answer = ask_issuer("POST", "/token", order ? order : "{}");
    char *token = strdup(text_at(answer, "access_token"));
    json_object_put(answer);
    return token;
}

void flow_rotate_keys(void)
{
    json_object_put(ask_issuer("POST", "/rotate", ""));
}

/* ---- forgery ---- */

static void append_base64url(struct buf *to, const void *bytes, size_t len)
{
    gnutls_datum_t plain = { (unsigned char *)bytes, (unsigned)len }, coded;
    cr_assert_eq(gnutls_base64_encode2(&plain, &coded), 0);
    for (unsigned i = 0; i < coded.size && coded.data[i] != '='; i++) {
        char c = (char)coded.data[i];
        buf_append_char(to, c == '+' ? '-' : c == '/' ? '_' : c);
    }
    gnutls_free(coded.data);
}

/* The caller frees its data. */
static gnutls_datum_t from_base64url(const char *text)
{
    gnutls_datum_t plain;
    struct buf coded;
    buf_init(&coded, 10000);
    for (const char *at = text; *at; at++) {
        buf_append_char(&coded, *at == '-' ? '+' : *at == '_' ? '/' : *at);
    }
    while (coded.len % 4) {
        buf_append_char(&coded, '=');
    }
    gnutls_datum_t datum = { (unsigned char *)coded.data, (unsigned)coded.len };
    cr_assert_eq(gnutls_base64_decode2(&datum, &plain), 0);
    buf_release(&coded);
    return plain;
}

/* Header and payload of a token that says all the right things. */
static void append_words(struct buf *token, const char *alg, const char *kid)
{
    struct buf words;
    buf_init(&words, 10000);
    buf_printf(&words, "{\"typ\":\"at+jwt\",\"alg\":\"%s\",\"kid\":\"%s\"}", alg, kid);
    append_base64url(token, words.data, words.len);
    buf_append_char(token, '.');
    buf_clear(&words);
    long long now_s = (long long)time(NULL);
    buf_printf(&words,
        "{\"iss\":\"http://127.0.0.1:%u\",\"sub\":\"1001\",\"aud\":\"bff\",\"exp\":%lld,"
        "\"iat\":%lld,\"scope\":\"feed:read\",\"client_id\":\"forger\",\"jti\":\"1\"}",
        flow_issuer_port(), now_s + 600, now_s);
    append_base64url(token, words.data, words.len);
    buf_release(&words);
}

static struct json_object *rsa_key(struct json_object *set)
{
    struct json_object *keys = json_object_object_get(set, "keys");
    for (size_t i = 0; i < json_object_array_length(keys); i++) {
        struct json_object *key = json_object_array_get_idx(keys, i);
        if (strcmp(text_at(key, "kty"), "RSA") == 0) {
            return key;
        }
    }
    cr_assert_fail("the issuer has no RSA key");
    return NULL;
}

/* A copy: a buf's own memory is not for free(). */
static char *text_of(struct buf *token)
{
    char *text = strdup(token->data);
    cr_assert_not_null(text);
    buf_release(token);
    return text;
}

char *flow_forge_unsigned(void)
{
    struct json_object *set = ask_issuer("GET", "/.well-known/jwks.json", NULL);
    struct buf token;
    buf_init(&token, 10000);
    append_words(&token, "none", text_at(rsa_key(set), "kid"));
    buf_append_char(&token, '.');
    json_object_put(set);
    return text_of(&token);
}

/* The public key as everybody can have it: PEM. The caller frees its data. */
static gnutls_datum_t public_pem(struct json_object *jwk)
{
    gnutls_datum_t n = from_base64url(text_at(jwk, "n")), e = from_base64url(text_at(jwk, "e")),
                   pem;
    gnutls_pubkey_t key;
    gnutls_pubkey_init(&key);
    cr_assert_eq(gnutls_pubkey_import_rsa_raw(key, &n, &e), 0);
    cr_assert_eq(gnutls_pubkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), 0);
    gnutls_pubkey_deinit(key);
    gnutls_free(n.data);
    gnutls_free(e.data);
    return pem;
}

char *flow_forge_with_public_key(void)
{
    struct json_object *set = ask_issuer("GET", "/.well-known/jwks.json", NULL);
    struct json_object *jwk = rsa_key(set);
    gnutls_datum_t pem = public_pem(jwk);
    unsigned char mac[32];
    struct buf token;
    buf_init(&token, 10000);
    append_words(&token, "HS256", text_at(jwk, "kid"));
    cr_assert_eq(
        gnutls_hmac_fast(GNUTLS_MAC_SHA256, pem.data, pem.size, token.data, token.len, mac), 0);
    buf_append_char(&token, '.');
    append_base64url(&token, mac, sizeof(mac));
    gnutls_free(pem.data);
    json_object_put(set);
    return text_of(&token);
}
