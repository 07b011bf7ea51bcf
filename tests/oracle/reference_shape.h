#ifndef ORACLE_REFERENCE_SHAPE_H
#define ORACLE_REFERENCE_SHAPE_H

#include "reference.h"

/* The compiled schema, between reference_shape.c, which makes it, and reference.c. */

/* Where a value stands: in a call's answer, or below the value in hand. */
struct path {
    bool is_set;
    int call; /* -1: below the value in hand */
    const char **names;
    size_t count;
};

struct bound {
    const char *text; /* NULL: none */
    bool is_small;    /* fits 64 bits: */
    int64_t value;
    double rough;
};

struct member {
    const char *name;
    const struct node *node;
    bool is_required;
};

enum node_kind { NODE_VALUE, NODE_OBJECT, NODE_LIST };

struct node {
    enum node_kind kind;
    unsigned types; /* bit k: enum json_type k */
    bool is_integer;

    /* at most one of these: */
    struct path *from; /* x-from, x-first-of */
    size_t from_count;
    struct path first; /* x-first */
    struct path count;
    struct path in; /* of x-lookup, x-nearest */
    struct path where, equals, take;
    bool is_lookup;
    size_t join; /* the number of the table of `in` by `where` */
    int64_t nearest_to;

    struct json_object *constant, *otherwise, *choices, *map;
    bool has_constant, has_otherwise;
    struct bound minimum, maximum;
    size_t min_points, max_points, truncate;
    size_t min_items, max_items;
    bool is_kept_empty;
    struct member *members;
    size_t members_count;
    const struct node *element;
};

struct reference {
    const struct node *root;
    size_t joins_count;
};

#endif
