/*
 * keyset: from a JWK set (RFC 7517) to keys that can verify.
 *
 * Owns the keys and their names, counted by reference. Promises: (1) a set is whole or is not: one
 * that cannot be read, has too many entries or no usable key is refused; (2) a single key that
 * cannot be used here, or not without doubt, is left out, as RFC 7517 section 5 wants it; (3) after
 * keyset_read a set is never changed, so any number of threads may read it. Does not know where
 * sets come from.
 */
#include "keyset.h"

#include "../base/log.h"
#include "../base/must.h"
#include "../wire/json.h"

#include <stdatomic.h>
#include <stdlib.h>

struct key {
    struct str kid; /* { NULL, 0 }: it has no name */
    struct signature_key *key;
};

struct keyset {
    _Atomic unsigned references;
    struct arena arena; /* of the names */
    size_t left_out;
    size_t count;
    struct key keys[KEYSET_MAX];
};

struct keyset *keyset_take(struct keyset *set)
{
    atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void keyset_put(struct keyset *set)
{
    if (!set || atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        signature_key_free(set->keys[i].key);
    }
    arena_release(&set->arena);
    free(set);
}

static struct keyset *set_new(void)
{
    struct keyset *set = calloc(1, sizeof(*set));
    must(set != NULL);
    arena_init(&set->arena, NULL);
    atomic_init(&set->references, 1);
    return set;
}

/* ---- from JSON to a set ---- */

/* False when the member is there but no text: such a key says something that is not understood. */
static bool member_text(const struct json *jwk, const char *name, struct str *out)
{
    *out = json_str(json_get(jwk, name));
    return out->at || json_kind(json_get(jwk, name)) == JSON_MISSING;
}

/* RFC 7517 section 4.3: where "key_ops" is there, "verify" must be in it. */
static bool may_verify(const struct json *jwk)
{
    const struct json *ops = json_get(jwk, "key_ops");
    for (size_t i = 0; i < (ops ? ops->count : 0); i++) {
        if (str_eq(json_str(json_at(ops, i)), STR("verify"))) {
            return true;
        }
    }
    return !ops;
}

/* Members of private keys are not looked at: what is read here is public in any case. */
static struct signature_key *key_read(const struct json *jwk, struct str *kid, const char **why)
{
    struct signature_jwk parts;
    *why = "has a member that should be a text";
    bool is_read = member_text(jwk, "kid", kid) && member_text(jwk, "kty", &parts.kty) &&
                   member_text(jwk, "use", &parts.use) && member_text(jwk, "alg", &parts.alg) &&
                   member_text(jwk, "crv", &parts.crv) && member_text(jwk, "n", &parts.n) &&
                   member_text(jwk, "e", &parts.e) && member_text(jwk, "x", &parts.x) &&
                   member_text(jwk, "y", &parts.y);
    if (!is_read) {
        return NULL;
    }
    if (kid->len > KEYSET_NAME_BYTES_MAX) {
        *why = "has too long a name";
        return NULL;
    }
    if (!may_verify(jwk)) {
        *why = "is not for verifying";
        return NULL;
    }
    return signature_key_new(&parts, why);
}

/* Adds the key; what cannot be used is left out (RFC 7517 section 5), and the log says why. */
static void set_add(struct keyset *set, const struct json *jwk)
{
    struct str kid;
    const char *why;
    struct signature_key *key = key_read(jwk, &kid, &why);
    if (key && kid.at && keyset_find(set, signature_key_alg(key), kid)) {
        why = "has the name of another";
        signature_key_free(key);
        key = NULL;
    }
    if (!key) {
        log_debug("the issuer's key '%.*s' is left out: it %s", STR_FMT(kid), why);
        set->left_out++;
        return;
    }
    struct str name = kid.at ? arena_str(&set->arena, kid) : kid;
    set->keys[set->count++] = (struct key){ name, key };
}

struct keyset *keyset_read(struct str body, struct arena *arena, struct err *err)
{
    const struct json *root = json_parse(arena, body, err);
    if (!root) {
        return NULL;
    }
    const struct json *list = json_get(root, "keys");
    if (json_kind(list) != JSON_LIST || list->count > KEYSET_MAX) {
        err_set(err, "it has no list \"keys\" of at most %d", KEYSET_MAX);
        return NULL;
    }
    struct keyset *set = set_new();
    for (size_t i = 0; i < list->count; i++) {
        set_add(set, json_at(list, i));
    }
    if (set->count == 0) {
        err_set(err, "none of its keys can be used");
        keyset_put(set);
        return NULL;
    }
    return set;
}

/* ---- looking up ---- */

bool keyset_equals(const struct keyset *a, const struct keyset *b)
{
    bool is_equal = a && b && a->count == b->count;
    for (size_t i = 0; is_equal && i < a->count; i++) {
        is_equal = str_eq(a->keys[i].kid, b->keys[i].kid) &&
                   memcmp(signature_key_digest(a->keys[i].key),
                       signature_key_digest(b->keys[i].key), SIGNATURE_SHA256_BYTES) == 0;
    }
    return is_equal;
}

size_t keyset_count(const struct keyset *set)
{
    return set->count;
}

size_t keyset_left_out(const struct keyset *set)
{
    return set->left_out;
}

const struct signature_key *keyset_find(
    const struct keyset *set, enum signature_alg alg, struct str kid)
{
    const struct signature_key *found = NULL;
    for (size_t i = 0; i < set->count; i++) {
        const struct key *key = &set->keys[i];
        if (signature_key_alg(key->key) != alg) {
            continue;
        }
        if (kid.at && key->kid.at && str_eq(key->kid, kid)) {
            return key->key;
        }
        if (!kid.at && found) {
            return NULL; /* which of them is meant cannot be told */
        }
        if (!kid.at) {
            found = key->key;
        }
    }
    return found;
}

bool keyset_holds(const struct keyset *set, const unsigned char digest[SIGNATURE_SHA256_BYTES])
{
    for (size_t i = 0; i < set->count; i++) {
        if (memcmp(signature_key_digest(set->keys[i].key), digest, SIGNATURE_SHA256_BYTES) == 0) {
            return true;
        }
    }
    return false;
}
