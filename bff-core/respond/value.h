#ifndef RESPOND_VALUE_H
#define RESPOND_VALUE_H

#include "shape.h"

/*
 * The value has the node's type and keeps its bounds: type, const, enum, minimum, maximum,
 * minLength, maxLength. Objects and lists never fit: they are made of their parts.
 */
bool value_fits(const struct shape_node *node, struct scan_value value, struct arena *arena);

/* The same value in the sense of JSON Schema: numbers by value, strings by their characters. */
bool value_equal(struct scan_value a, struct scan_value b, struct arena *arena);

#endif
