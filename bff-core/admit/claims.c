/*
 * claims: from a token's payload to what the rest of a request may rely on.
 *
 * Owns the blocks. Promises: (1) issuer and audience are ours, the subject is a short text without
 * control characters or outer spaces, the times are numbers; (2) texts are decoded, numbers and
 * booleans are the texts that were sent; (3) a block is as large as its content, so a cache of many
 * is small. Does not know whether the payload was signed: its caller verifies first.
 */
#include "claims.h"

#include "../base/must.h"
#include "../wire/json.h"

#include <stdlib.h>

enum { SUBJECT_BYTES_MAX = 256 };

/* The year 10000: beyond it a time is "never", and in microseconds it still fits. */
static const double seconds_max = 253402300800.0;

/* ---- checks ---- */

/* RFC 7519 section 2, NumericDate: seconds, perhaps with a fraction. Missing: *out is untouched. */
static bool time_read(const struct json *payload, const char *name, uint64_t *out_us)
{
    const struct json *number = json_get(payload, name);
    if (!number) {
        return true;
    }
    if (json_kind(number) != JSON_NUMBER) {
        return false;
    }
    double seconds = strtod(number->text.at, NULL); /* json ends each text with a NUL */
    if (seconds < 0) {
        return false;
    }
    *out_us = (uint64_t)((seconds < seconds_max ? seconds : seconds_max) * 1e6);
    return true;
}

static bool times_read(const struct json *payload, struct claims *out)
{
    uint64_t not_before_us = 0, issued_us = 0;
    bool is_read = json_get(payload, "exp") && time_read(payload, "exp", &out->expires_us) &&
                   time_read(payload, "nbf", &not_before_us) &&
                   time_read(payload, "iat", &issued_us);
    out->valid_from_us = not_before_us > issued_us ? not_before_us : issued_us;
    return is_read;
}

static bool is_for(const struct json *aud, struct str audience)
{
    bool is_ours = str_eq(json_str(aud), audience);
    for (size_t i = 0; json_kind(aud) == JSON_LIST && i < aud->count; i++) {
        is_ours |= str_eq(json_str(json_at(aud, i)), audience);
    }
    return is_ours && audience.len > 0;
}

/* It becomes part of targets, keys and logs, and a field's value, whose outer spaces are nobody's:
 * a service would take " ann" for "ann". */
static bool is_subject_fit(struct str subject)
{
    for (size_t i = 0; i < subject.len; i++) {
        unsigned char c = (unsigned char)subject.at[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return subject.len > 0 && subject.len <= SUBJECT_BYTES_MAX &&
           str_trim(subject).len == subject.len;
}

/* ---- scope ---- */

static bool scope_add(struct buf *words, const struct json *word)
{
    struct str text = json_str(word);
    return text.at && (words->len == 0 || buf_append_char(words, ' ')) &&
           buf_append_str(words, text);
}

/*
 * "scope" is a text (RFC 9068 section 2.2.3); some issuers write "scp", a text or a list of texts.
 */
static bool scope_read(const struct json *payload, struct buf *words)
{
    const struct json *scope = json_get(payload, "scope"), *scp = json_get(payload, "scp");
    if (scope && !scope_add(words, scope)) {
        return false;
    }
    if (json_kind(scp) != JSON_LIST) {
        return !scp || scope_add(words, scp);
    }
    for (size_t i = 0; i < scp->count; i++) {
        if (!scope_add(words, json_at(scp, i))) {
            return false;
        }
    }
    return true;
}

bool claims_have_scope(const struct claims *claims, struct str scope)
{
    struct str rest = claims->scope, word;
    bool has_more = true;
    while (has_more) {
        has_more = str_cut(rest, ' ', &word, &rest);
        if (str_eq(word, scope)) {
            return true;
        }
    }
    return false;
}

/* ---- the block ---- */

/* The claim as a text; { NULL, 0 } when it is an object, a list or null. */
static struct str plain(const struct json *claim)
{
    switch (json_kind(claim)) {
    case JSON_TRUE:
        return STR("true");
    case JSON_FALSE:
        return STR("false");
    case JSON_NUMBER:
    case JSON_STRING:
        return claim->text;
    default:
        return (struct str){ NULL, 0 };
    }
}

static struct str copy(char **room, struct str text)
{
    struct str copied = { *room, text.len };
    memcpy(*room, text.at, text.len);
    *room += text.len;
    return copied;
}

/* All of `payload` that is flat, with `scope` behind it. */
static struct claims *block_new(const struct json *payload, struct str scope)
{
    size_t count = 0, bytes = scope.len;
    for (size_t i = 0; i < payload->count; i++) {
        struct str value = plain(&payload->items[i]);
        count += value.at != NULL;
        bytes += value.at ? payload->items[i].name.len + value.len : 0;
    }
    struct claims *claims =
        malloc(sizeof(*claims) + count * sizeof(claims->list[0]) + (bytes ? bytes : 1));
    must(claims != NULL);
    *claims = (struct claims){ .references = 1 };
    char *room = (char *)&claims->list[count];
    for (size_t i = 0; i < payload->count; i++) {
        struct str value = plain(&payload->items[i]);
        if (value.at) {
            struct str name = copy(&room, payload->items[i].name);
            claims->list[claims->count++] = (struct named){ name, copy(&room, value) };
        }
    }
    claims->scope = copy(&room, scope);
    return claims;
}

static struct str claim_of(const struct claims *claims, struct str name)
{
    for (size_t i = 0; i < claims->count; i++) {
        if (str_eq(claims->list[i].name, name)) {
            return claims->list[i].value;
        }
    }
    return (struct str){ NULL, 0 };
}

static const char *judge(
    const struct json *payload, const struct claims_wanted *wanted, struct claims *times)
{
    if (json_kind(payload) != JSON_OBJECT) {
        return "the payload is no JSON object";
    }
    if (!str_eq(json_str(json_get(payload, "iss")), wanted->issuer) || wanted->issuer.len == 0) {
        return "the issuer is another";
    }
    if (!is_for(json_get(payload, "aud"), wanted->audience)) {
        return "the audience is another";
    }
    if (!is_subject_fit(json_str(json_get(payload, "sub")))) {
        return "the subject is missing or cannot be used";
    }
    if (!times_read(payload, times)) {
        return "exp is missing, or a time is no number";
    }
    return NULL;
}

struct claims *claims_read(
    struct str payload, const struct claims_wanted *wanted, struct arena *arena, const char **why)
{
    struct err err;
    struct claims times = { 0 };
    const struct json *root = json_parse(arena, payload, &err);
    *why = judge(root, wanted, &times);
    if (*why) {
        return NULL;
    }
    struct claims *claims = NULL;
    struct buf scope;
    buf_init(&scope, payload.len);
    if (scope_read(root, &scope)) {
        claims = block_new(root, buf_str(&scope));
        claims->expires_us = times.expires_us;
        claims->valid_from_us = times.valid_from_us;
        claims->issuer = claim_of(claims, STR("iss"));
        claims->subject = claim_of(claims, STR("sub"));
    } else {
        *why = "the scope is no text";
    }
    buf_release(&scope);
    return claims;
}

struct claims *claims_take(struct claims *claims)
{
    claims->references++;
    return claims;
}

void claims_put(struct claims *claims)
{
    if (claims && --claims->references == 0) {
        free(claims);
    }
}

enum claims_time claims_at(const struct claims *claims, uint64_t wall_us, uint64_t skew_us)
{
    if (wall_us >= claims->expires_us + skew_us) {
        return CLAIMS_EXPIRED;
    }
    return wall_us + skew_us < claims->valid_from_us ? CLAIMS_EARLY : CLAIMS_VALID;
}
