#ifndef ADMIT_CLAIMS_H
#define ADMIT_CLAIMS_H

#include "../request.h"

/*
 * What a verified token says, in one block of memory that its holders count. One thread only. Never
 * changed after claims_read.
 */
struct claims {
    unsigned references;
    uint64_t valid_from_us; /* wall clock: nbf or iat, whichever is later; 0: neither is there */
    uint64_t expires_us;
    struct str issuer;
    struct str subject;
    struct str scope; /* words with single spaces between; empty: none */
    size_t count;
    struct named list[]; /* all top-level claims that are texts, numbers or booleans */
};

/* Whose tokens are meant for us. */
struct claims_wanted {
    struct str issuer;
    struct str audience;
};

/*
 * Reads a payload (RFC 7519) and checks all that does not depend on the time or the request: iss,
 * aud, sub, and that exp, nbf, iat and scope are what they should be. NULL with a static text in
 * *why. `arena` is used on the way only. The caller holds the result.
 */
struct claims *claims_read(
    struct str payload, const struct claims_wanted *wanted, struct arena *arena, const char **why);

struct claims *claims_take(struct claims *claims);
void claims_put(struct claims *claims);

enum claims_time { CLAIMS_VALID, CLAIMS_EARLY, CLAIMS_EXPIRED };

/* `skew_us`: how far the issuer's clock may be off. */
enum claims_time claims_at(const struct claims *claims, uint64_t wall_us, uint64_t skew_us);

/* True when `scope` is one of the token's words (RFC 6749 section 3.3). */
bool claims_have_scope(const struct claims *claims, struct str scope);

#endif
