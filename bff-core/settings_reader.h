#ifndef SETTINGS_READER_H
#define SETTINGS_READER_H

#include "settings.h"
#include "settings_table.h"

/*
 * What settings.c (the walk over the file and the command line) and settings_check.c (what must be
 * there, and what must agree) share; nobody else includes this.
 */
struct place {
    const char *file; /* NULL: nowhere, the default is in force */
    int line;
};

/* A struct to fill, with the rows that describe it: the settings, a service, or a host of one. */
struct target {
    const struct settings_row *rows;
    size_t count;
    void *base;
    const char *prefix;   /* "", or "services.profiles." */
    struct place place;   /* of the whole, for what is missing in it */
    struct place *places; /* of each row's value, good or not */
};

struct reader {
    struct settings *settings;
    struct arena *arena;
    struct faults *faults;
    struct target main;
    struct target services[SETTINGS_SERVICES_MAX];
};

/* A fault for each required row of the target that has no value. */
void settings_check_required(struct reader *reader, const struct target *target);

/* After all was read: faults for what is missing or does not agree; makes each service's hosts. */
void settings_check(struct reader *reader);

#endif
