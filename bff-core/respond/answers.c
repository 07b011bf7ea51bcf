/*
 * answers: where the values of a projection come from.
 *
 * Owns the tables that join, which live as long as the projection's arena. A join costs n + m: the
 * joined list gets a table when it is first asked. Mostly not even that is asked: several values
 * come from the element found before, and the next key is mostly that of the next element, since
 * services answer in the order of the question. Nothing here knows what is written, nor what fits.
 */
#include "answers.h"

/* A table that joins a list by key: slots of 1 + the element's place. */
struct join {
    uint32_t *slots; /* NULL: not made */
    size_t mask;
    struct scan_rows rows;
    bool has_twins;              /* two elements have the same key */
    const char *last_key;        /* where the key stands that was looked for last */
    const struct scan_span *row; /* what it found; NULL: nothing */
    size_t next;                 /* the element behind the one that was found last */
};

void answers_init(struct answers *answers, const struct shape *shape,
    const struct scanned *const *scanned, struct arena *arena)
{
    struct join *joins = arena_zalloc(arena, shape->indexes_count, sizeof(*joins));
    *answers = (struct answers){ scanned, shape, arena, joins };
}

struct scan_rows answers_rows(
    const struct answers *answers, const struct shape_list *list, const struct row *row)
{
    const struct scan_span *spans = answers_row(answers, &list->source, row);
    if (!spans) {
        return (struct scan_rows){ NULL, 0, 0 };
    }
    return scanned_rows(answers->scanned[list->source.call], spans, list->rows, list->list);
}

/* ---- joins ---- */

static const struct scan_span *element(const struct join *join, size_t place)
{
    return join->rows.first + place * join->rows.stride;
}

static const struct str no_key = { NULL, 0 }; /* which "" is not */

/* The text of an element's key, or no_key. */
static struct str key_of(const struct answers *answers, const struct shape_lookup *lookup,
    const struct join *join, size_t place)
{
    struct scan_value key = answers_read(answers, &lookup->where, element(join, place));
    return scan_plain(key, answers->arena);
}

/* The slot of the element with this key, or the empty one where it would be. */
static uint32_t *slot_of(const struct answers *answers, const struct shape_lookup *lookup,
    const struct join *join, struct str key)
{
    size_t slot = hash_str(&answers->shape->hash, key) & join->mask;
    while (
        join->slots[slot] && !str_eq(key, key_of(answers, lookup, join, join->slots[slot] - 1))) {
        slot = (slot + 1) & join->mask;
    }
    return &join->slots[slot];
}

static void join_make(
    const struct answers *answers, const struct shape_lookup *lookup, struct join *join)
{
    static const struct row none;
    join->rows = answers_rows(answers, &lookup->in, &none);
    size_t room = 8;
    while (room < join->rows.count * 2) {
        room *= 2;
    }
    join->mask = room - 1;
    join->slots = arena_zalloc(answers->arena, room, sizeof(*join->slots));
    for (size_t i = 0; i < join->rows.count; i++) {
        struct str key = key_of(answers, lookup, join, i);
        uint32_t *slot = key.at ? slot_of(answers, lookup, join, key) : NULL;
        if (slot && *slot) {
            join->has_twins = true;
        } else if (slot) {
            *slot = (uint32_t)i + 1;
        }
    }
}

/* The element with this key; NULL: none. */
static const struct scan_span *find(const struct answers *answers,
    const struct shape_lookup *lookup, struct join *join, struct str key)
{
    size_t place = join->next;
    struct str next = no_key;
    if (place < join->rows.count && !join->has_twins) {
        next = key_of(answers, lookup, join, place);
    }
    if (!next.at || !str_eq(key, next)) {
        uint32_t slot = *slot_of(answers, lookup, join, key);
        if (!slot) {
            return NULL;
        }
        place = slot - 1;
    }
    join->next = place + 1;
    return element(join, place);
}

struct scan_value answers_lookup(
    struct answers *answers, const struct shape_lookup *lookup, const struct row *row)
{
    struct join *join = &answers->joins[lookup->index];
    struct scan_value wanted = answers_value(answers, &lookup->equals, row);
    if (!answers->scanned[lookup->in.source.call]) {
        return (struct scan_value){ SCAN_MISSING, { NULL, 0 } };
    }
    if (!join->slots) {
        join_make(answers, lookup, join);
    }
    if (wanted.text.at != join->last_key) {
        struct str key = scan_plain(wanted, answers->arena);
        join->row = key.at ? find(answers, lookup, join, key) : NULL;
        join->last_key = wanted.text.at;
    }
    return answers_read(answers, &lookup->take, join->row);
}

/* ---- picks ---- */

struct scan_value answers_nearest(
    const struct answers *answers, const struct shape_nearest *nearest, const struct row *row)
{
    struct scan_rows rows = answers_rows(answers, &nearest->in, row);
    struct scan_value best = { SCAN_MISSING, { NULL, 0 } };
    uint64_t best_distance = UINT64_MAX;
    for (size_t i = 0; i < rows.count; i++) {
        const struct scan_span *spans = rows.first + i * rows.stride;
        uint64_t number;
        if (!str_u64(answers_read(answers, &nearest->by, spans).text, &number)) {
            continue;
        }
        uint64_t distance = number > nearest->to ? number - nearest->to : nearest->to - number;
        struct scan_value take = answers_read(answers, &nearest->take, spans);
        if (distance < best_distance && take.kind != SCAN_MISSING) {
            best_distance = distance;
            best = take;
        }
    }
    return best;
}
