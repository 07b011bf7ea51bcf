/*
 * The list of services.
 *
 * Owns their names and their order: a service listens on the base port plus its place here. Nobody
 * else spells a service's name.
 */
#include "catalog.h"

#include <string.h>

const struct catalog_entry catalog[CATALOG_COUNT] = {
    [CATALOG_ISSUER] = { "issuer", issuer_routes },
    [CATALOG_PROFILES] = { "profiles", profiles_routes },
    [CATALOG_POSTS] = { "posts", posts_routes },
    [CATALOG_RECOMMENDATIONS] = { "recommendations", recommendations_routes },
    [CATALOG_NOTIFICATIONS] = { "notifications", notifications_routes },
    [CATALOG_ADS] = { "ads", ads_routes },
    [CATALOG_ANALYTICS] = { "analytics", analytics_routes },
};

enum catalog_place catalog_find(const char *name)
{
    unsigned place = 0;
    while (place < CATALOG_COUNT && strcmp(catalog[place].name, name) != 0)
        place++;
    return place;
}
