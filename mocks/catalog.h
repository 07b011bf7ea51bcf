/* Which services there are, in the order of their ports. */
#ifndef MOCKS_CATALOG_H
#define MOCKS_CATALOG_H

#include <stdint.h>

#include "people.h"
#include "route.h"

enum catalog_place {
    CATALOG_ISSUER,
    CATALOG_PROFILES,
    CATALOG_POSTS,
    CATALOG_RECOMMENDATIONS,
    CATALOG_NOTIFICATIONS,
    CATALOG_ADS,
    CATALOG_ANALYTICS,
    CATALOG_COUNT
};

struct catalog_entry {
    const char *name;
    const struct route *routes;
};

extern const struct catalog_entry catalog[CATALOG_COUNT];

/* One table for each file of the same name. */
extern const struct route issuer_routes[];
extern const struct route profiles_routes[];
extern const struct route posts_routes[];
extern const struct route recommendations_routes[];
extern const struct route notifications_routes[];
extern const struct route ads_routes[];
extern const struct route analytics_routes[];

/* The place of a service's name, or CATALOG_COUNT. */
enum catalog_place catalog_find(const char *name);

/* The id of the `nth` post of a person's timeline, newest first (posts.c). */
uint64_t posts_id(const struct person *person, size_t nth);

#endif
