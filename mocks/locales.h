/* Twelve places people come from: their names, and what they write. */
#ifndef MOCKS_LOCALES_H
#define MOCKS_LOCALES_H

#include <stdbool.h>
#include <stddef.h>

enum {
    LOCALE_NAMES = 6,
    LOCALE_BIOS = 3,
    LOCALE_OPENINGS = 6,
    LOCALE_CLOSINGS = 4,
    LOCALE_HASHTAGS = 4,
    LOCALE_ALTS = 3
};

/* A name as its owner writes it, and the letters that a handle may hold. */
struct locale_name {
    const char *native;
    const char *latin;
};

struct locale {
    const char *tag;
    const char *lang;
    const char *time_zone;
    const char *country;
    const char *city;
    int lat_e4; /* degrees north, in units of 1/10,000 */
    int lon_e4; /* degrees east, in units of 1/10,000 */
    struct locale_name first[LOCALE_NAMES];
    struct locale_name last[LOCALE_NAMES];
    const char *bios[LOCALE_BIOS];
    const char *openings[LOCALE_OPENINGS]; /* a post is an opening ... */
    const char *closings[LOCALE_CLOSINGS]; /* ... and a closing, with a space between */
    const char *hashtags[LOCALE_HASHTAGS];
    const char *alts[LOCALE_ALTS]; /* what a picture shows */
    bool is_family_first;          /* the family's name is written first */
};

extern const struct locale locales[];
extern const size_t locales_count;

#endif
