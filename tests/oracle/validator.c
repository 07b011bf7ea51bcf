/*
 * validator: a value against a schema, word by word.
 *
 * Owns nothing and compiles nothing: each word is looked up and asked anew, so that it reads like
 * the standard and not like bff-core/respond, which it judges.
 */
#include "validator.h"

#include "base/must.h"
#include "number.h"

#include <string.h>

static struct json_object *word(struct json_object *schema, const char *name)
{
    struct json_object *found = NULL;
    json_object_object_get_ex(schema, name, &found);
    return found;
}

static bool has_word(struct json_object *schema, const char *name)
{
    return json_object_object_get_ex(schema, name, NULL);
}

static bool is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_int) ||
           json_object_is_type(value, json_type_double);
}

static bool is_of_type(const char *type, struct json_object *value)
{
    static const struct {
        const char *name;
        enum json_type type;
    } rows[] = {
        { "null", json_type_null },
        { "boolean", json_type_boolean },
        { "string", json_type_string },
        { "object", json_type_object },
        { "array", json_type_array },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        if (strcmp(type, rows[i].name) == 0) {
            return json_object_is_type(value, rows[i].type);
        }
    }
    return is_number(value) &&
           (strcmp(type, "number") == 0 ||
               (strcmp(type, "integer") == 0 && number_is_whole(json_object_get_string(value))));
}

static bool type_accepts(struct json_object *type, struct json_object *value)
{
    if (!json_object_is_type(type, json_type_array)) {
        return is_of_type(json_object_get_string(type), value);
    }
    for (size_t i = 0; i < json_object_array_length(type); i++) {
        if (is_of_type(json_object_get_string(json_object_array_get_idx(type, i)), value)) {
            return true;
        }
    }
    return false;
}

static bool are_equal(struct json_object *a, struct json_object *b)
{
    return is_number(a) && is_number(b)
               ? number_compare(json_object_get_string(a), json_object_get_string(b)) == 0
               : json_object_equal(a, b);
}

static bool enum_accepts(struct json_object *choices, struct json_object *value)
{
    for (size_t i = 0; i < json_object_array_length(choices); i++) {
        if (are_equal(json_object_array_get_idx(choices, i), value)) {
            return true;
        }
    }
    return false;
}

static size_t points_of(struct json_object *string)
{
    const char *text = json_object_get_string(string);
    size_t points = 0;
    for (int i = 0; i < json_object_get_string_len(string); i++) {
        points += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return points;
}

static bool size_accepts(struct json_object *schema, const char *min, const char *max, size_t size)
{
    return (!has_word(schema, min) || (int64_t)size >= json_object_get_int64(word(schema, min))) &&
           (!has_word(schema, max) || (int64_t)size <= json_object_get_int64(word(schema, max)));
}

static bool range_accepts(struct json_object *schema, struct json_object *value)
{
    struct json_object *min = word(schema, "minimum"), *max = word(schema, "maximum");
    const char *number = json_object_get_string(value);
    return (!min || number_compare(number, json_object_get_string(min)) >= 0) &&
           (!max || number_compare(number, json_object_get_string(max)) <= 0);
}

static bool list_accepts(
    struct json_object *root, struct json_object *schema, struct json_object *list)
{
    size_t count = json_object_array_length(list);
    struct json_object *items = word(schema, "items");
    for (size_t i = 0; items && i < count; i++) {
        if (!validator_accepts(root, items, json_object_array_get_idx(list, i))) {
            return false;
        }
    }
    return size_accepts(schema, "minItems", "maxItems", count);
}

static bool object_accepts(
    struct json_object *root, struct json_object *schema, struct json_object *object)
{
    struct json_object *properties = word(schema, "properties"),
                       *required = word(schema, "required");
    for (size_t i = 0; required && i < json_object_array_length(required); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(required, i));
        if (!has_word(object, name)) {
            return false;
        }
    }
    json_object_object_foreach(object, name, value)
    {
        if (properties && (!has_word(properties, name) ||
                              !validator_accepts(root, word(properties, name), value))) {
            return false;
        }
    }
    return true;
}

static bool reference_accepts(
    struct json_object *root, const char *reference, struct json_object *value)
{
    must(strncmp(reference, "#/$defs/", 8) == 0);
    struct json_object *definitions = word(root, "$defs");
    must(has_word(definitions, reference + 8));
    return validator_accepts(root, word(definitions, reference + 8), value);
}

bool validator_accepts(
    struct json_object *root, struct json_object *schema, struct json_object *value)
{
    if (has_word(schema, "$ref") &&
        !reference_accepts(root, json_object_get_string(word(schema, "$ref")), value)) {
        return false;
    }
    if ((has_word(schema, "type") && !type_accepts(word(schema, "type"), value)) ||
        (has_word(schema, "const") && !are_equal(word(schema, "const"), value)) ||
        (has_word(schema, "enum") && !enum_accepts(word(schema, "enum"), value))) {
        return false;
    }
    switch (json_object_get_type(value)) {
    case json_type_int:
    case json_type_double:
        return range_accepts(schema, value);
    case json_type_string:
        return size_accepts(schema, "minLength", "maxLength", points_of(value));
    case json_type_array:
        return list_accepts(root, schema, value);
    case json_type_object:
        return object_accepts(root, schema, value);
    default:
        return true;
    }
}
