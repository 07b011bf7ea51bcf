/* Keys and signatures: the RFCs' own examples, and every way to be almost right. */
#include "wire/signature.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(signature, .timeout = 60);

/* RFC 7515 appendix A.2. */
#define RSA_N                                                                                      \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4" \
    "d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5re" \
    "xMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxX" \
    "FvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define CLAIMS                                                                                     \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "fQ"
#define RS256_SIGNATURE                                                                            \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5" \
    "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb" \
    "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO" \
    "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"

/* RFC 7515 appendix A.3. */
#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define ES256_SIGNATURE                                                                            \
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

/* RFC 8037 appendix A.4. */
#define ED_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define ED_SIGNATURE                                                                               \
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

struct example {
    enum signature_alg alg;
    struct signature_jwk jwk;
    struct str text;
    struct str signature64;
};

static const struct example examples[] = {
    { SIGNATURE_RS256, { .kty = STR("RSA"), .n = STR(RSA_N), .e = STR("AQAB") },
        STR("eyJhbGciOiJSUzI1NiJ9." CLAIMS), STR(RS256_SIGNATURE) },
    { SIGNATURE_ES256, { .kty = STR("EC"), .crv = STR("P-256"), .x = STR(EC_X), .y = STR(EC_Y) },
        STR("eyJhbGciOiJFUzI1NiJ9." CLAIMS), STR(ES256_SIGNATURE) },
    { SIGNATURE_EDDSA, { .kty = STR("OKP"), .crv = STR("Ed25519"), .x = STR(ED_X) },
        STR("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"), STR(ED_SIGNATURE) },
};

enum { EXAMPLES = sizeof(examples) / sizeof(examples[0]), SIGNATURE_ROOM = 1024 };

static struct signature_key *key_of(const struct example *example)
{
    const char *why;
    struct signature_key *key = signature_key_new(&example->jwk, &why);
    cr_assert_not_null(key, "%s", why);
    cr_assert_null(why);
    return key;
}

static struct str bytes_of(struct str text64, unsigned char room[SIGNATURE_ROOM])
{
    size_t len;
    cr_assert(signature_decode64(text64, room, SIGNATURE_ROOM, &len));
    return (struct str){ (char *)room, len };
}

static const char *refusal(struct signature_jwk jwk)
{
    const char *why;
    struct signature_key *key = signature_key_new(&jwk, &why);
    cr_assert_eq(key == NULL, why != NULL);
    signature_key_free(key);
    return why ? why : "taken";
}

static struct str encode64(const unsigned char *bytes, size_t len, char *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t at = 0;
    for (size_t bit = 0; bit < len * 8; bit += 6) {
        unsigned window = (unsigned)bytes[bit / 8] << 8;
        window |= bit / 8 + 1 < len ? bytes[bit / 8 + 1] : 0;
        out[at++] = letters[window >> (10 - bit % 8) & 63];
    }
    return (struct str){ out, at };
}

Test(signature, the_examples_of_the_rfcs_are_good)
{
    for (int i = 0; i < EXAMPLES; i++) {
        struct signature_key *key = key_of(&examples[i]);
        unsigned char room[SIGNATURE_ROOM];
        struct str signature = bytes_of(examples[i].signature64, room);
        cr_assert_eq(signature_key_alg(key), examples[i].alg);
        cr_assert(signature_verify(key, examples[i].text, signature), "example %d", i);
        signature_key_free(key);
    }
}

Test(signature, one_bit_anywhere_makes_it_bad)
{
    for (int i = 0; i < EXAMPLES; i++) {
        struct signature_key *key = key_of(&examples[i]);
        unsigned char room[SIGNATURE_ROOM];
        struct str signature = bytes_of(examples[i].signature64, room);
        for (size_t bit = 0; bit < signature.len * 8; bit++) {
            room[bit / 8] ^= (unsigned char)(1 << bit % 8);
            cr_assert_not(signature_verify(key, examples[i].text, signature), "%d: %zu", i, bit);
            room[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        char text[256];
        memcpy(text, examples[i].text.at, examples[i].text.len);
        for (size_t bit = 0; bit < examples[i].text.len * 8; bit++) {
            text[bit / 8] ^= (char)(1 << bit % 8);
            struct str altered = { text, examples[i].text.len };
            cr_assert_not(signature_verify(key, altered, signature), "%d: %zu", i, bit);
            text[bit / 8] ^= (char)(1 << bit % 8);
        }
        signature_key_free(key);
    }
}

Test(signature, only_the_exact_length_is_read)
{
    for (int i = 0; i < EXAMPLES; i++) {
        struct signature_key *key = key_of(&examples[i]);
        unsigned char room[SIGNATURE_ROOM] = { 0 };
        size_t whole = bytes_of(examples[i].signature64, room).len;
        for (size_t len = 0; len < whole + 8; len++) {
            struct str cut = { (char *)room, len };
            cr_assert_eq(signature_verify(key, examples[i].text, cut), len == whole);
        }
        struct str behind = { (char *)room + 1, whole };
        cr_assert_not(signature_verify(key, examples[i].text, behind));
        signature_key_free(key);
    }
}

Test(signature, no_key_takes_the_signature_of_another)
{
    for (int k = 0; k < EXAMPLES; k++) {
        struct signature_key *key = key_of(&examples[k]);
        for (int i = 0; i < EXAMPLES; i++) {
            unsigned char room[SIGNATURE_ROOM];
            struct str signature = bytes_of(examples[i].signature64, room);
            cr_assert_eq(signature_verify(key, examples[i].text, signature), k == i);
        }
        signature_key_free(key);
    }
}

Test(signature, r_and_s_of_zero_or_of_the_order_are_bad)
{
    static const unsigned char order[32] = { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9,
        0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };
    static const unsigned char zero[32];
    struct signature_key *key = key_of(&examples[SIGNATURE_ES256]);
    unsigned char good[SIGNATURE_ROOM];
    bytes_of(examples[SIGNATURE_ES256].signature64, good);
    const unsigned char *halves[] = { zero, order, good, good + 32 };
    for (int r = 0; r < 4; r++) {
        for (int s = 0; s < 4; s++) {
            unsigned char bytes[64];
            memcpy(bytes, halves[r], 32);
            memcpy(bytes + 32, halves[s], 32);
            struct str signature = { (char *)bytes, sizeof(bytes) };
            bool is_good = signature_verify(key, examples[SIGNATURE_ES256].text, signature);
            cr_assert_eq(is_good, r == 2 && s == 3);
        }
    }
    signature_key_free(key);
}

/* RFC 8032 section 5.1.7: s + L verifies as s does where nobody looks at its size. */
Test(signature, ed25519_does_not_take_s_beyond_the_order)
{
    static const unsigned char order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6,
        0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
    struct signature_key *key = key_of(&examples[SIGNATURE_EDDSA]);
    unsigned char room[SIGNATURE_ROOM];
    struct str signature = bytes_of(examples[SIGNATURE_EDDSA].signature64, room);
    unsigned carry = 0;
    for (int i = 0; i < 32; i++) {
        carry += room[32 + i] + order[i];
        room[32 + i] = (unsigned char)carry;
        carry >>= 8;
    }
    cr_assert_eq(carry, 0);
    cr_assert_not(signature_verify(key, examples[SIGNATURE_EDDSA].text, signature));
    signature_key_free(key);
}

Test(signature, names_of_algorithms_are_exact)
{
    enum signature_alg alg = SIGNATURE_ALGS;
    cr_assert(signature_alg_of(STR("ES256"), &alg));
    cr_assert_eq(alg, SIGNATURE_ES256);
    static const char *const others[] = { "none", "None", "HS256", "es256", "RS384", "PS256",
        "ES256K", "EdDSA ", "Ed25519", "", "RS25" };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        cr_assert_not(signature_alg_of(str_of(others[i]), &alg), "%s", others[i]);
    }
    cr_assert_eq(alg, SIGNATURE_ES256);
}

Test(signature, a_key_is_for_what_it_is)
{
    struct signature_jwk rsa = examples[SIGNATURE_RS256].jwk, jwk = rsa;
    jwk.alg = STR("RS256");
    jwk.use = STR("sig");
    cr_assert_str_eq(refusal(jwk), "taken");
    jwk.alg = STR("HS256");
    cr_assert_str_eq(refusal(jwk), "is for another algorithm");
    jwk.alg = STR("ES256");
    cr_assert_str_eq(refusal(jwk), "is for another algorithm");
    jwk = rsa;
    jwk.use = STR("enc");
    cr_assert_str_eq(refusal(jwk), "is not for signatures");
    jwk = rsa;
    jwk.kty = STR("oct");
    cr_assert_str_eq(refusal(jwk), "is of a kind that is not used here");
    jwk.kty = (struct str){ NULL, 0 };
    cr_assert_str_eq(refusal(jwk), "is of a kind that is not used here");
    jwk = examples[SIGNATURE_ES256].jwk;
    jwk.crv = STR("P-384");
    cr_assert_str_eq(refusal(jwk), "is on a curve that is not used here");
    jwk = examples[SIGNATURE_EDDSA].jwk;
    jwk.crv = STR("Ed448");
    cr_assert_str_eq(refusal(jwk), "is on a curve that is not used here");
}

Test(signature, weak_and_broken_rsa_keys_are_refused)
{
    static const char *const exponents[] = { "", "AA", "AQ", "Ag", "AQAA", "AQAAAAAB",
        "AQAB=", "A" }; /* 0, 1, 2, 65536, 2^40 + 1, and two that are no base64url */
    struct signature_jwk jwk = examples[SIGNATURE_RS256].jwk;
    for (size_t i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++) {
        jwk.e = str_of(exponents[i]);
        cr_assert_str_neq(refusal(jwk), "taken", "%s", exponents[i]);
    }
    static const char *const usual[] = { "Aw", "AQAB", "_____w", "AAEAAQ" };
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        jwk.e = str_of(usual[i]);
        cr_assert_str_eq(refusal(jwk), "taken", "%s", usual[i]);
    }

    unsigned char n[1100];
    char text[1500];
    memset(n, 0xff, sizeof(n));
    struct {
        size_t len;
        unsigned char first, last;
        bool is_fit;
    } moduli[] = { { 256, 0x80, 1, true }, { 256, 0x7f, 1, false }, { 256, 0x80, 2, false },
        { 1024, 0xff, 1, true }, { 1025, 0x01, 1, false }, { 1025, 0, 1, true },
        { 1100, 1, 1, false }, { 8, 0xff, 1, false }, { 257, 0x01, 1, true } };
    for (size_t i = 0; i < sizeof(moduli) / sizeof(moduli[0]); i++) {
        n[0] = moduli[i].first;
        n[moduli[i].len - 1] = moduli[i].last;
        jwk.n = encode64(n, moduli[i].len, text);
        cr_assert_eq(strcmp(refusal(jwk), "taken") == 0, moduli[i].is_fit, "modulus %zu", i);
        n[moduli[i].len - 1] = 0xff;
    }
}

Test(signature, points_off_the_curve_and_of_other_lengths_are_refused)
{
    struct signature_jwk jwk = examples[SIGNATURE_ES256].jwk;
    jwk.y = STR("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4");
    cr_assert_str_eq(refusal(jwk), "is not a point on P-256");
    jwk.x = jwk.y = STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    cr_assert_str_eq(refusal(jwk), "is not a point on P-256");
    jwk.x = STR("AAAA");
    cr_assert_str_eq(refusal(jwk), "has no x and y of 32 bytes");
    jwk.x = (struct str){ NULL, 0 };
    cr_assert_str_eq(refusal(jwk), "has no x and y of 32 bytes");
    jwk = examples[SIGNATURE_EDDSA].jwk;
    jwk.x = STR("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUR");
    cr_assert_str_eq(refusal(jwk), "has no x of 32 bytes");
}

Test(signature, one_key_in_two_spellings_has_one_digest)
{
    struct example padded = examples[SIGNATURE_RS256];
    padded.jwk.e = STR("AAEAAQ");
    struct signature_key *one = key_of(&examples[SIGNATURE_RS256]), *same = key_of(&padded),
                         *other = key_of(&examples[SIGNATURE_ES256]);
    cr_assert_arr_eq(signature_key_digest(one), signature_key_digest(same), 32);
    cr_assert_arr_neq(signature_key_digest(one), signature_key_digest(other), 32);
    signature_key_free(one);
    signature_key_free(same);
    signature_key_free(other);
}

Test(signature, base64url_is_strict)
{
    unsigned char out[8];
    size_t len;
    cr_assert(signature_decode64(STR(""), out, 8, &len) && len == 0);
    cr_assert(signature_decode64(STR("-_8"), out, 8, &len) && len == 2);
    cr_assert_eq(out[0], 0xfb);
    cr_assert_eq(out[1], 0xff);
    cr_assert(signature_decode64(STR("AAAA"), out, 3, &len) && len == 3);
    cr_assert_not(signature_decode64(STR("AAAA"), out, 2, &len));
    static const char *const bad[] = { "A", "AAAAA", "AB", "-_9", "AA==", "AA A", "A+A", "A/A",
        "AA\n", "A\xc3\xa9" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_not(signature_decode64(str_of(bad[i]), out, 8, &len), "%s", bad[i]);
    }
}

/* FIPS 180-2 appendix B.1. */
Test(signature, sha256_of_abc)
{
    unsigned char out[SIGNATURE_SHA256_BYTES];
    signature_sha256(STR("abc"), out);
    static const unsigned char first[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea };
    cr_assert_arr_eq(out, first, sizeof(first));
}
