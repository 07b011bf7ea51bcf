#ifndef WIRE_SCAN_H
#define WIRE_SCAN_H

#include "../base/arena.h"

/*
 * One pass over a JSON body (RFC 8259): proves that all of it is well-formed and notes where the
 * wanted values stand. Nothing is copied, no tree is made; the notes (spans into the body) are in
 * the request's arena.
 *
 * What is refused beyond the grammar: invalid UTF-8 (RFC 3629), half a surrogate pair, a byte order
 * mark, lists and objects nested deeper than SCAN_DEPTH_MAX, a wanted member that stands twice in
 * its object (whichever was taken, some other reader takes the other), more than SCAN_NOTES_MAX
 * bytes of notes, and bodies of 4 GB. Member names written with escapes are found by what they
 * mean.
 */

enum { SCAN_DEPTH_MAX = 128, SCAN_NOTES_MAX = 4 * 1024 * 1024 };

/* ---- at boot: what is wanted of one answer ---- */

/* A tree of members and list elements, built at boot, then only read. */
struct want;

struct want *want_new(struct arena *arena);

/*
 * Wants the value at `path` ("segment", "avatar.small", "items[*].id"; "" is the whole answer) and
 * returns its number, the same for the same path. SIZE_MAX when the path is not well-formed, or the
 * answer has more wanted paths than WANT_PATHS_MAX.
 */
size_t want_path(struct want *want, struct str path);

enum { WANT_PATHS_MAX = 1000 };

/*
 * Where the value of a path will be noted: in the rows of one list (row list 0 is the body's own
 * and has one row), at one place of each row. Places do not change when more is wanted.
 */
struct want_place {
    unsigned list;
    unsigned slot;
};

struct want_place want_place(const struct want *want, size_t path);

/* The slot from which scanned_rows() reads the elements of the list at `path`; elements are wanted.
 */
unsigned want_rows(const struct want *want, size_t path);

/* ---- for each body ---- */

struct scan_span;

/* The notes of one scan; zeroed: an answer in which everything is missing. */
struct scanned {
    const struct want *want;
    const struct notes *notes;
    const char *body;
    const struct scan_span *row; /* of the body itself, see below */
};

/*
 * NULL when the body is well-formed; else a static text that says what is wrong with it, and *out
 * is zeroed. BUF_PADDING zero bytes follow the body (a buf has them). The body outlives the notes.
 */
const char *scan(
    const struct want *want, struct str body, struct arena *arena, struct scanned *out);

/*
 * What the bodies of one kind have looked like so far: their names and brackets, no values. What
 * stands in the next one as it stood before is known by one comparison, so it need not be learned
 * again. Changes no result. Of one thread. About 30 KB.
 */
struct scan_memory;

/* For this want, which outlives it. */
struct scan_memory *scan_memory_new(const struct want *want);
/* NULL is fine. */
void scan_memory_free(struct scan_memory *memory);

/* scan() for the memory's want, with what it remembers. */
const char *scan_again(
    struct scan_memory *memory, struct str body, struct arena *arena, struct scanned *out);

/*
 * Only the proof, with nothing wanted: NULL, or what is wrong; `*at` is the byte from which on it
 * is. For documents that are read by other means.
 */
const char *scan_check(struct str body, struct arena *arena, size_t *at);

/* ---- values ---- */

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

/* The kind of a well-formed value that begins with this byte. */
extern const unsigned char scan_kinds[256];

static inline enum scan_kind scan_kind_of(char first)
{
    return (enum scan_kind)scan_kinds[(unsigned char)first];
}

/* A value as it stands in the body: a string with its quotes and escapes, a number as written. */
struct scan_value {
    enum scan_kind kind;
    struct str text;
};

/* The value of a path without [*]. */
struct scan_value scanned_value(const struct scanned *scanned, size_t path);

/*
 * Calls `visit` for each value of a path with [*], in order; until it returns false. Missing values
 * are not visited.
 */
void scanned_each(const struct scanned *scanned, size_t path,
    bool (*visit)(void *context, struct scan_value value), void *context);

/*
 * The characters of a string value without quotes and escapes, as UTF-8; in the body where nothing
 * was escaped, else in the arena. A number, true or false: its text. NULL, objects, lists and what
 * is missing: { NULL, 0 }.
 */
struct str scan_plain(struct scan_value value, struct arena *arena);

/*
 * Copies a part of a string value's text, without those escapes that JSON does not need: what is
 * left is a part of a JSON string, never longer. Returns its length; `part` ends at no place inside
 * a character, an escape or a pair.
 */
size_t scan_shorten(char *to, struct str part);

/* How many code points a string value has; an escaped surrogate pair is one. */
size_t scan_points(struct scan_value string);

/*
 * The place in the value's text behind `*points` code points from byte `at` on, which is 1 at the
 * first; or that of the closing quote, and `*points` says how many there were. Never inside a
 * character, an escape or a surrogate pair.
 */
size_t scan_points_end(struct scan_value string, size_t at, size_t *points);

/* ---- rows: for who reads many values of a body (the projector) ---- */

/*
 * A row holds the notes of one list element, or of the body: the span of the element itself in slot
 * 0, then those of the paths wanted inside it, up to the next [*].
 */
struct scan_span {
    uint32_t at, end; /* bytes of the body; `end` is 0 when the value is missing */
};

/* The rows of one list's elements, in order, each `stride` spans long. */
struct scan_rows {
    const struct scan_span *first;
    size_t count;
    size_t stride;
};

/*
 * The elements of one list, whose own note is in `row`; `slot` is from want_rows(), `list` is the
 * row list of the elements. No rows when the list is missing, empty, or no list.
 */
struct scan_rows scanned_rows(
    const struct scanned *scanned, const struct scan_span *row, unsigned slot, unsigned list);

/* The value of a span; the answer is not zeroed. */
static inline struct scan_value scanned_span(const struct scanned *scanned, struct scan_span span)
{
    if (!span.end) {
        return (struct scan_value){ SCAN_MISSING, { NULL, 0 } };
    }
    const char *at = scanned->body + span.at;
    return (struct scan_value){ scan_kind_of(*at), { at, span.end - span.at } };
}

#endif
