/*
 * tree: what json-c makes of a text, and whether two of that are the same.
 *
 * Owns nothing. json-c keeps the text of numbers with a point or an exponent, so that comparing
 * texts compares what was written; for which others it does not, see grammar.h.
 */
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json_object *tree_read(struct str text, unsigned depth_max, bool *is_read)
{
    struct json_tokener *tokener = json_tokener_new_ex((int)depth_max + 2);
    struct json_object *tree = json_tokener_parse_ex(tokener, text.at, (int)text.len + 1);
    *is_read = json_tokener_get_error(tokener) == json_tokener_success;
    json_tokener_free(tokener);
    return tree;
}

static bool are_same_lists(struct json_object *a, struct json_object *b, bool is_shorter)
{
    size_t count = json_object_array_length(a), others = json_object_array_length(b);
    if (is_shorter ? count > others : count != others) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct json_object *one = json_object_array_get_idx(a, i);
        if (!tree_same(one, json_object_array_get_idx(b, i), is_shorter)) {
            return false;
        }
    }
    return true;
}

static bool are_same_objects(struct json_object *a, struct json_object *b, bool is_shorter)
{
    struct json_object *other;
    json_object_object_foreach(a, name, value)
    {
        if (!json_object_object_get_ex(b, name, &other) || !tree_same(value, other, is_shorter)) {
            return false;
        }
    }
    return json_object_object_length(a) == json_object_object_length(b);
}

bool tree_same(struct json_object *a, struct json_object *b, bool is_shorter)
{
    enum json_type type = json_object_get_type(a);
    if (type != json_object_get_type(b)) {
        return false;
    }
    switch (type) {
    case json_type_int:
    case json_type_double:
        return strcmp(json_object_get_string(a), json_object_get_string(b)) == 0;
    case json_type_array:
        return are_same_lists(a, b, is_shorter);
    case json_type_object:
        return are_same_objects(a, b, is_shorter);
    default:
        return json_object_equal(a, b);
    }
}

static const char *text_of(struct json_object *tree)
{
    return tree ? json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN) : "no answer";
}

void tree_must_be_same(struct json_object *ours, struct json_object *theirs)
{
    if (!ours != !theirs || (ours && !tree_same(ours, theirs, false))) {
        fprintf(stderr, "ours:   %s\ntheirs: %s\n", text_of(ours), text_of(theirs));
        abort();
    }
}
