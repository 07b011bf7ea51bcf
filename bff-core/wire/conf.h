#ifndef WIRE_CONF_H
#define WIRE_CONF_H

#include "../base/arena.h"
#include "../base/err.h"

/*
 * A configuration file in libconfig's notation, as a tree of plain data. What the names mean, and
 * which values are good, is not known here.
 */
enum conf_type {
    CONF_GROUP,
    CONF_LIST, /* "( ... )" or "[ ... ]": its items have no name */
    CONF_TEXT,
    CONF_INTEGER,
    CONF_REAL,
    CONF_BOOLEAN,
};

struct conf_item {
    const char *name; /* NULL: of a list, or the root */
    const char *file; /* as it was opened; of an included file its own */
    int line;
    enum conf_type type;
    union {
        const char *text;
        int64_t integer;
        double real;
        bool boolean;
    };
    struct conf_item *items; /* of a group or a list, in the order of the file */
    size_t items_count;
};

/*
 * The root group, in `arena`; NULL when the file (or one that it includes) cannot be read or is
 * malformed. The reader stops at the first place that breaks the notation, and the fault says so.
 * `@include "other.conf"` stands on a line of its own, and its path is relative to the directory
 * of `path`, also within an included file. A name that stands twice in one group breaks the
 * notation. Blocks on the disk: for boot.
 */
const struct conf_item *conf_read(const char *path, struct arena *arena, struct faults *faults);

/* "a group", "a text", "a whole number" ...: for sentences. */
const char *conf_type_name(enum conf_type type);

#endif
