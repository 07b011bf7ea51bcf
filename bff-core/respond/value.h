#ifndef RESPOND_VALUE_H
#define RESPOND_VALUE_H

#include "shape.h"

/* The value, of a type that the node allows, keeps its bounds. */
bool value_keeps_bounds(
    const struct shape_node *node, struct scan_value value, struct arena *arena);

/*
 * The value has the node's type and keeps its bounds: type, const, enum, minimum, maximum,
 * minLength, maxLength. The node is a SHAPE_VALUE, so objects and lists never fit.
 */
static inline bool value_fits(
    const struct shape_node *node, struct scan_value value, struct arena *arena)
{
    return (node->kinds >> value.kind & 1) &&
           (!node->is_bounded || value_keeps_bounds(node, value, arena));
}

/* The same value in the sense of JSON Schema: numbers by value, strings by their characters. */
bool value_equal(struct scan_value a, struct scan_value b, struct arena *arena);

#endif
