/*
 * jose: a compact JWS, taken apart.
 *
 * Owns nothing; what it decodes is in the caller's arena. Promises: three parts in strict
 * base64url, a header that is a JSON object without repeated members, an algorithm of ours, a type
 * that is an access token's or a plain JWT's (RFC 9068, RFC 8725 section 3.11), and no extension
 * that must be understood: there is none that is. Does not know keys, and does not look into the
 * payload.
 */
#include "jose.h"

#include "../wire/json.h"

static bool decode(struct str text64, struct arena *arena, struct str *out)
{
    size_t room = text64.len / 4 * 3 + 3;
    char *bytes = arena_alloc(arena, room);
    *out = (struct str){ bytes, 0 };
    return signature_decode64(text64, bytes, room, &out->len);
}

/* "at+jwt" or "JWT", with "application/" in front or not (RFC 7515 section 4.1.9), or not there. */
static bool is_type_known(const struct json *typ)
{
    static const struct str known[] = {
        STR("at+jwt"),
        STR("application/at+jwt"),
        STR("JWT"),
        STR("application/jwt"),
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (str_eq_nocase(json_str(typ), known[i])) {
            return true;
        }
    }
    return json_kind(typ) == JSON_MISSING;
}

static const char *header_read(struct jose *out, struct str text, struct arena *arena)
{
    struct err err;
    const struct json *header = json_parse(arena, text, &err);
    if (json_kind(header) != JSON_OBJECT) {
        return "the header is no JSON object";
    }
    if (!signature_alg_of(json_str(json_get(header, "alg")), &out->alg)) {
        return "the algorithm is not one of ours";
    }
    if (json_get(header, "crit")) {
        return "the header asks for extensions";
    }
    if (!is_type_known(json_get(header, "typ"))) {
        return "the token is of another type";
    }
    const struct json *kid = json_get(header, "kid");
    out->kid = json_str(kid);
    if (kid && (!out->kid.at || out->kid.len > JOSE_KID_BYTES_MAX)) {
        return "the key's name is no text, or too long";
    }
    return NULL;
}

const char *jose_read(struct jose *out, struct str token, struct arena *arena)
{
    struct str head64, rest, payload64, signature64, header;
    *out = (struct jose){ 0 };
    if (token.len > JOSE_BYTES_MAX) {
        return "the token is too long";
    }
    if (!str_cut(token, '.', &head64, &rest) || !str_cut(rest, '.', &payload64, &signature64)) {
        return "the token does not have three parts";
    }
    /* A fourth part fails here: a dot is no base64url. */
    if (!decode(head64, arena, &header) || !decode(payload64, arena, &out->payload) ||
        !decode(signature64, arena, &out->signature)) {
        return "a part is no base64url";
    }
    out->text = (struct str){ token.at, head64.len + 1 + payload64.len };
    return header_read(out, header, arena);
}
