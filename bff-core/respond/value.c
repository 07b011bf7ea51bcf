/*
 * value: does one value fit its node?
 *
 * Owns nothing. Bounds are taken apart at boot and compared as text (decimal.c), lengths in code
 * points, as JSON Schema 2020-12 says; what is written is not converted, so nothing is lost.
 */
#include "value.h"

#include <stdlib.h>

bool value_equal(struct scan_value a, struct scan_value b, struct arena *arena)
{
    if (a.kind != b.kind) {
        return false;
    }
    switch (a.kind) {
    case SCAN_NUMBER: {
        struct decimal x = decimal_read(a.text), y = decimal_read(b.text);
        return decimal_compare(&x, &y) == 0;
    }
    case SCAN_STRING:
        return str_eq(a.text, b.text) || str_eq(scan_plain(a, arena), scan_plain(b, arena));
    default:
        return a.kind == SCAN_NULL || a.kind == SCAN_TRUE || a.kind == SCAN_FALSE;
    }
}

/* A whole number above zero whose number of digits alone says that it keeps the range. */
static inline bool is_safe(const struct shape_node *node, struct str number)
{
    int64_t digits = (int64_t)number.len;
    return *number.at >= '1' && digits >= node->safe_digits_min &&
           digits <= node->safe_digits_max && decimal_is_plain(number.at, number.len);
}

/*
 * A number with a point or an exponent is a double for its readers, and beyond 2^53 that may be
 * another whole number, on the other side of a bound: it must keep the bounds, too.
 */
static bool keeps_rounded(const struct shape_node *node, struct str number, struct arena *arena)
{
    /* strtod() stops at what stands behind the number in its body: no digit, point or exponent. */
    const char *digits = arena_printf(arena, "%.0f", strtod(number.at, NULL));
    return value_keeps_bounds(node, (struct scan_value){ SCAN_NUMBER, str_of(digits) }, arena);
}

static bool keeps_range(const struct shape_node *node, struct str number, struct arena *arena)
{
    if (is_safe(node, number)) {
        return true;
    }
    struct decimal value = decimal_read(number);
    return (!node->is_integer || value.is_integer) &&
           (!node->minimum || decimal_compare(&value, node->minimum) >= 0) &&
           (!node->maximum || decimal_compare(&value, node->maximum) <= 0) &&
           (!decimal_is_rounded(&value) || keeps_rounded(node, number, arena));
}

/* Most strings are short enough by their bytes alone, without counting. */
static bool keeps_length(const struct shape_node *node, struct scan_value string)
{
    size_t bytes = string.text.len - 2;
    if (bytes <= node->max_points && node->min_points <= 1 && bytes >= node->min_points) {
        return true;
    }
    size_t points = scan_points(string);
    return points >= node->min_points && points <= node->max_points;
}

static bool is_chosen(const struct shape_node *node, struct scan_value value, struct arena *arena)
{
    for (size_t i = 0; i < node->choices_count; i++) {
        if (value_equal(node->choices[i], value, arena)) {
            return true;
        }
    }
    return node->choices_count == 0;
}

bool value_keeps_bounds(const struct shape_node *node, struct scan_value value, struct arena *arena)
{
    if (value.kind == SCAN_NUMBER && !keeps_range(node, value.text, arena)) {
        return false;
    }
    if (value.kind == SCAN_STRING && !keeps_length(node, value)) {
        return false;
    }
    return node->choices_count == 0 || is_chosen(node, value, arena);
}
