#ifndef ADMIT_JOSE_H
#define ADMIT_JOSE_H

#include "../base/arena.h"
#include "../wire/signature.h"

/*
 * A signed token in compact form (RFC 7515 section 7.1), taken apart. Nothing in it is believed
 * yet.
 */
struct jose {
    enum signature_alg alg;
    struct str kid;       /* { NULL, 0 }: the header names no key */
    struct str text;      /* what was signed: header and payload as sent */
    struct str payload;   /* decoded */
    struct str signature; /* decoded */
};

enum { JOSE_BYTES_MAX = 8192, JOSE_KID_BYTES_MAX = 256 };

/*
 * Takes a token apart; *out points into `token` and the arena. NULL when it is one that may be
 * verified here; else a static text, what is wrong with it. What a header says about where to find
 * keys (jku, jwk, x5u, x5c) is never followed.
 */
const char *jose_read(struct jose *out, struct str token, struct arena *arena);

#endif
