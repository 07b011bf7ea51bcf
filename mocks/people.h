/* The people of the mock network: who they are, from the subject of their token alone. */
#ifndef MOCKS_PEOPLE_H
#define MOCKS_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "locales.h"

enum { PEOPLE_FIRST_SUBJECT = 1001, PEOPLE_MAX = 100000 };

/* The network stands still at this moment, 2026-11-24T06:00:00Z, so that its data never changes. */
#define PEOPLE_NOW_S INT64_C(1795500000)

struct person {
    size_t index;     /* 0 is the demo user, subject "1001" */
    char subject[24]; /* what stands in `sub` of a token and in a path */
    uint64_t id;      /* what stands in bodies: beyond 2^53 */
    char handle[32];
    char display_name[64];
    const struct locale *locale;
    const char *segment;
    const char *tier;
    bool is_verified;
};

struct people {
    struct person *all;
    size_t count;
};

/* The segments a person may belong to, with NULL at the end. */
extern const char *const people_segments[];

/* Makes `count` people, 1 to PEOPLE_MAX, with the subjects "1001", "1002" and so on. */
void people_init(struct people *people, size_t count);
void people_fini(struct people *people);

/* The person with this subject, or NULL. */
const struct person *people_find(const struct people *people, const char *subject);

#endif
