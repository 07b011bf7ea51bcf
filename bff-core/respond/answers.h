#ifndef RESPOND_ANSWERS_H
#define RESPOND_ANSWERS_H

#include "shape.h"

/* What the calls answered, as one projection reads it: values, elements of lists, joins, picks. */

struct answers {
    const struct scanned *const *scanned; /* of each call of the shape; NULL: no answer */
    const struct shape *shape;
    struct arena *arena;
    struct join *joins; /* by the number in struct shape_lookup */
};

/* `scanned` outlives it; all memory is the arena's. */
void answers_init(struct answers *answers, const struct shape *shape,
    const struct scanned *const *scanned, struct arena *arena);

/* The list element in hand, where relative paths begin. Zeroed: none. */
struct row {
    const struct scan_span *spans;
    size_t call;
    unsigned list;
};

/* The row that a source's value is noted in; NULL: there is none. */
static inline const struct scan_span *answers_row(
    const struct answers *answers, const struct shape_source *source, const struct row *row)
{
    const struct scanned *answer = answers->scanned[source->call];
    if (!answer) {
        return NULL;
    }
    if (source->place.list == 0) {
        return answer->row;
    }
    return source->place.list == row->list && source->call == row->call ? row->spans : NULL;
}

/* A source's value in the given row; NULL: missing. */
static inline struct scan_value answers_read(
    const struct answers *answers, const struct shape_source *source, const struct scan_span *spans)
{
    if (!spans) {
        return (struct scan_value){ SCAN_MISSING, { NULL, 0 } };
    }
    return scanned_span(answers->scanned[source->call], spans[source->place.slot]);
}

static inline struct scan_value answers_value(
    const struct answers *answers, const struct shape_source *source, const struct row *row)
{
    return answers_read(answers, source, answers_row(answers, source, row));
}

/* The elements of a list; none when it is missing. */
struct scan_rows answers_rows(
    const struct answers *answers, const struct shape_list *list, const struct row *row);

/* Of elements with the same key the first is taken. */
struct scan_value answers_lookup(
    struct answers *answers, const struct shape_lookup *lookup, const struct row *row);

/* Of elements as near as each other the first is taken. */
struct scan_value answers_nearest(
    const struct answers *answers, const struct shape_nearest *nearest, const struct row *row);

#endif
