#ifndef SETTINGS_TABLE_H
#define SETTINGS_TABLE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Every setting as one row. The reader, --help, --settings and --check walk this table and know
 * no setting by name, but for the few checks that look at two of them at once.
 */

/* What a value looks like in the file. */
enum settings_kind {
    SETTINGS_TEXT,
    SETTINGS_PATH,
    SETTINGS_FILE, /* a path; readable at boot, since who reads it does so late */
    SETTINGS_URL,
    SETTINGS_ORIGIN, /* a URL that calls' targets are appended to */
    SETTINGS_HOSTS,  /* a list of them */
    SETTINGS_PROXY,  /* a URL of scheme, host and port alone */
    SETTINGS_TARGET, /* what follows the host in a URL */
    SETTINGS_ADDRESS,
    SETTINGS_CHOICE,
    SETTINGS_BOOLEAN,
    SETTINGS_COUNT,
    SETTINGS_BYTES,
    SETTINGS_MS,
    SETTINGS_S,
    SETTINGS_KINDS,
};

/* The type of the member that holds it. */
enum settings_store {
    SETTINGS_AS_TEXT,
    SETTINGS_AS_BOOL,
    SETTINGS_AS_UNSIGNED,
    SETTINGS_AS_SIZE,
    SETTINGS_AS_HOSTS,
};

struct settings_row {
    const char *name;
    enum settings_kind kind;
    enum settings_store store;
    size_t offset; /* in struct settings, settings_service or settings_host */
    uint64_t min;  /* of numbers: bytes, milliseconds or seconds where they are that */
    uint64_t max;
    const char *otherwise; /* the default, as one writes it in the file; NULL: none */
    const char *const
        *words;       /* choice: all there are; path: words that are no path; ends with NULL */
    const char *zero; /* what 0 means: there exactly when 0 is within the bounds */
    _Bool is_required;
    const char *help; /* finished sentences */
};

extern const struct settings_row settings_table[];
extern const size_t settings_table_count;

/* The settings of one service: "services.NAME." stands before these names. */
extern const struct settings_row settings_service_table[];
extern const size_t settings_service_table_count;

/* Of one host, where a list of them says more than a URL. The first is the URL. */
extern const struct settings_row settings_host_table[];
extern const size_t settings_host_table_count;

#endif
