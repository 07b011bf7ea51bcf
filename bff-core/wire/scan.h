#ifndef WIRE_SCAN_H
#define WIRE_SCAN_H

#include "../base/arena.h"

/*
 * One pass over a JSON body (RFC 8259): proves that all of it is well-formed and notes where the wanted values stand.
 * Nothing is copied, no tree is made; the notes (spans into the body) are in the request's arena.
 */

/* What is wanted of one answer: a tree of members and list elements, built at boot, then only read. */
struct want;

struct want *want_new(struct arena *arena);

/* The kinds of a JSON value; SCAN_MISSING: not there. */
enum scan_kind {
    SCAN_MISSING,
    SCAN_NULL,
    SCAN_TRUE,
    SCAN_FALSE,
    SCAN_NUMBER,
    SCAN_STRING,
    SCAN_OBJECT,
    SCAN_LIST,
};

/* A value as it stands in the body: a string with its quotes and escapes, a number as written. */
struct scan_value {
    enum scan_kind kind;
    struct str text;
};

/* The notes of one scan; zeroed: an answer in which everything is missing. */
struct scanned {
    const struct want *want;
    void *notes;
};

/*
 * Wants the value at `path` ("segment", "avatar.small", "items[*].id"; "" is the whole answer) and returns its number, the
 * same for the same path. SIZE_MAX when the path is not well-formed.
 */
size_t want_path(struct want *want, struct str path);

/* NULL when the body is well-formed; else a static text that says what is wrong with it, and *out is zeroed. */
const char *scan(const struct want *want, struct str body, struct arena *arena, struct scanned *out);

/* The value of a path without [*]. */
struct scan_value scanned_value(const struct scanned *scanned, size_t path);

/* Calls `visit` for each value of a path with [*], in order; until it returns false. Missing values are not visited. */
void scanned_each(const struct scanned *scanned, size_t path, bool (*visit)(void *context, struct scan_value value),
    void *context);

/*
 * The characters of a string value without quotes and escapes, as UTF-8; in the body where nothing was escaped, else in
 * the arena. A number, true or false: its text. NULL, objects, lists and what is missing: { NULL, 0 }.
 */
struct str scan_plain(struct scan_value value, struct arena *arena);

#endif
