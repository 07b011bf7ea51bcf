#ifndef RESPOND_SHAPE_H
#define RESPOND_SHAPE_H

#include "../base/arena.h"
#include "../base/err.h"
#include "../base/hash.h"
#include "../wire/scan.h"
#include "decimal.h"

/*
 * A shape: a JSON Schema (2020-12) that is contract and projection at once, compiled at boot into
 * a tree of nodes, then only read. The words it may use are in schemas/README.md.
 */
struct shape;

/* A call of the plan that the shape belongs to. */
struct shape_call {
    const char *name;
    struct want *want; /* what the shape takes of this answer is added */
};

/*
 * Compiles DIRECTORY/NAME.json ("mobile/feed.v1"). Every mistake is added with file and line: words
 * that are not known or not enforced, sources that are no call, paths that the service's own schema
 * does not have, defaults that do not fit. NULL when the file cannot be read as JSON.
 */
struct shape *shape_compile(struct arena *arena, const char *directory, const char *name,
    const struct shape_call *calls, size_t count, struct faults *faults);

/*
 * The shape in DIRECTORY whose name NAME could have meant; NULL: none is near. In the arena. For a
 * sentence when the file is not there.
 */
const char *shape_nearest_name(struct arena *arena, const char *directory, const char *name);

/* There is no answer at all without the answer of calls[call]. */
bool shape_requires(const struct shape *shape, size_t call);

/* Some value comes from calls[call]. */
bool shape_uses(const struct shape *shape, size_t call);

/* ---- the compiled tree, for project.c ---- */

/* So many bytes can be read behind every text of the tree. */
enum { SHAPE_PADDING = 32 };

/* Where a value stands: at one place of one call's answer. */
struct shape_source {
    size_t call;
    struct want_place place; /* list 0: in the body's row; else in the row of the list in hand */
    const char *path;        /* "posts.items[*].id": for repairs */
    size_t number;           /* among all sources of the shape: for counting repairs */
};

/* The elements of a list that stands at `source`. */
struct shape_list {
    struct shape_source source;
    unsigned rows; /* see want_rows() */
    unsigned list; /* the row list of the elements */
};

/* A join: the element of `in` whose `where` equals `equals` gives its `take`. */
struct shape_lookup {
    struct shape_list in;
    struct shape_source where; /* inside an element of `in` */
    struct shape_source take;  /* inside an element of `in` */
    struct shape_source equals;
    size_t index; /* of the table that joins `in` by `where`; lookups that agree share one */
};

/* The element of `in` whose number at `by` is nearest to `to` gives its `take`. */
struct shape_nearest {
    struct shape_list in;
    struct shape_source by;
    struct shape_source take;
    uint64_t to;
};

struct shape_map {
    struct str from; /* plain */
    struct str to;   /* JSON */
};

enum shape_kind {
    SHAPE_VALUE,  /* copied from its source, as it stands there */
    SHAPE_OBJECT, /* made of its members */
    SHAPE_LIST,   /* made of the elements of a list */
    SHAPE_FIRST,  /* the first element of a list that fits */
};

enum shape_origin {
    SHAPE_NOWHERE, /* an object's structure, or a constant */
    SHAPE_FROM,    /* x-from, x-first-of: sources[], in this order */
    SHAPE_COUNT,   /* x-count: how many elements `list` has */
    SHAPE_LOOKUP,  /* x-lookup */
    SHAPE_NEAREST, /* x-nearest */
};

struct shape_member {
    struct str key;  /* as it is written behind another one: ,"name": */
    struct str name; /* plain */
    const struct shape_node *node;
    bool is_required;
};

struct shape_node {
    enum shape_kind kind;
    enum shape_origin origin;
    unsigned kinds; /* bit k: scan kind k is allowed */
    bool is_integer;
    bool is_rewritten; /* a text of the service may be written otherwise: x-map, x-truncate */
    bool is_bounded;   /* the type alone does not say whether a value fits */
    struct shape_source *sources;
    size_t sources_count;
    const struct shape_list *list; /* SHAPE_LIST, SHAPE_FIRST, SHAPE_COUNT */
    const struct shape_lookup *lookup;
    const struct shape_nearest *nearest;

    struct str constant;              /* JSON; { NULL, 0 }: none */
    struct str otherwise;             /* the default, as JSON */
    const struct scan_value *choices; /* enum */
    size_t choices_count;
    const struct shape_map *map;
    size_t map_count;
    const struct decimal *minimum, *maximum; /* NULL: none */
    int64_t safe_digits_min,
        safe_digits_max; /* a whole number above zero with so many digits fits */
    size_t min_points, max_points;
    size_t min_items, max_items;
    size_t take;        /* x-take; SIZE_MAX: all */
    size_t truncate;    /* x-truncate, in code points; 0: whole */
    size_t list_number; /* SHAPE_LIST that may be trimmed: its place, from 1; 0: not */

    bool is_kept_empty; /* an object without members is written as {} */
    const struct shape_member *members;
    size_t members_count;
    const struct shape_node *element;
};

struct shape {
    const char *file;
    const struct shape_node *root;
    size_t sources_count;
    const char **paths; /* of all sources, by number */
    size_t *calls_of;   /* and the calls that they belong to */
    size_t indexes_count;
    size_t trims_count;
    size_t max_bytes;      /* x-max-bytes; 0: no bound */
    size_t max_gzip_bytes; /* the same, of the answer under gzip */
    unsigned required;     /* bit i: calls[i] */
    unsigned used;
    struct hash_key hash; /* of the tables that join */
};

#endif
