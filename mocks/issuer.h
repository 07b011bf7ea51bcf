/* The token issuer. Its routes stand in the catalog; their owner is a struct issuer. */
#ifndef MOCKS_ISSUER_H
#define MOCKS_ISSUER_H

#include "keys.h"

struct issuer {
    const char *url; /* what `iss` says unless a request asks otherwise */
    struct keys keys;
};

#endif
