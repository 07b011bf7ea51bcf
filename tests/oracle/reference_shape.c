/*
 * reference_shape: a schema file, read with json-c, as nodes for the reference projector.
 *
 * Owns the compiled nodes (in the caller's arena) and the schema's tree, to which they point. It
 * trusts the schema: that a word is known, fits and stands at its place is proved by
 * bff-core/respond/shape.c before.
 */
#include "reference_shape.h"

#include "base/must.h"

#include <errno.h>
#include <stdlib.h>

struct compiler {
    struct arena *arena;
    struct json_object *root;
    const char *const *calls;
    size_t calls_count;
    struct reference *reference;
    const char *joins[64]; /* "in where", one for each table */
};

/* A schema object, and below which kind of value it stands. */
struct place {
    struct json_object *own, *target; /* what $ref leads to; NULL: no $ref */
    bool is_inside;                   /* paths are relative */
    bool is_element;
    bool is_required;
};

static struct json_object *word(struct place place, const char *name)
{
    struct json_object *found = NULL;
    if (!json_object_object_get_ex(place.own, name, &found)) {
        json_object_object_get_ex(place.target, name, &found);
    }
    return found;
}

static bool has_word(struct place place, const char *name)
{
    struct json_object *found;
    return json_object_object_get_ex(place.own, name, &found) ||
           (place.target && json_object_object_get_ex(place.target, name, &found));
}

static const char *text_of(struct json_object *object, const char *name)
{
    struct json_object *found = NULL;
    json_object_object_get_ex(object, name, &found);
    return json_object_get_string(found);
}

static size_t size_word(struct place place, const char *name, size_t otherwise)
{
    struct json_object *found = word(place, name);
    return found ? (size_t)json_object_get_int64(found) : otherwise;
}

static struct bound bound_word(struct compiler *c, struct place place, const char *name)
{
    struct json_object *found = word(place, name);
    if (!found) {
        return (struct bound){ .text = NULL };
    }
    const char *text = arena_cstr(c->arena, str_of(json_object_get_string(found)));
    errno = 0;
    char *end;
    long long value = strtoll(text, &end, 10);
    return (struct bound){ text, *end == '\0' && errno == 0, value, strtod(text, NULL) };
}

/* "posts.cursors.next" at the root, "author.id" inside. */
static struct path path_read(struct compiler *c, const char *text, bool is_inside)
{
    struct path path = { .is_set = true, .call = -1 };
    struct str rest = str_of(text), part;
    path.names = arena_zalloc(c->arena, rest.len + 1, sizeof(*path.names));
    while (rest.len > 0) {
        str_cut(rest, '.', &part, &rest);
        path.names[path.count++] = arena_cstr(c->arena, part);
    }
    if (!is_inside) {
        must(path.count > 0);
        for (path.call = 0; strcmp(c->calls[path.call], path.names[0]) != 0; path.call++) {
            must((size_t)path.call + 1 < c->calls_count);
        }
        path.names++;
        path.count--;
    }
    return path;
}

/* One more source; NULL: the value in hand itself. */
static void from_add(
    struct compiler *c, struct node *node, struct json_object *text, bool is_inside)
{
    struct path *from = arena_zalloc(c->arena, node->from_count + 1, sizeof(*from));
    if (node->from_count) {
        memcpy(from, node->from, node->from_count * sizeof(*from));
    }
    from[node->from_count++] = path_read(c, text ? json_object_get_string(text) : "", is_inside);
    node->from = from;
}

static size_t join_number(struct compiler *c, const char *in, const char *where)
{
    const char *name = arena_printf(c->arena, "%s %s", in, where);
    size_t i = 0;
    while (i < c->reference->joins_count && strcmp(c->joins[i], name) != 0) {
        i++;
    }
    must(i < countof(c->joins));
    c->joins[i] = name;
    c->reference->joins_count += i == c->reference->joins_count;
    return i;
}

static void read_origin(struct compiler *c, struct place place, struct node *node)
{
    struct json_object *from = word(place, "x-from"), *several = word(place, "x-first-of");
    struct json_object *lookup = word(place, "x-lookup"), *nearest = word(place, "x-nearest");
    bool is_inside = place.is_inside;
    if (lookup) {
        const char *in = text_of(lookup, "in"), *where = text_of(lookup, "where");
        node->is_lookup = true;
        node->in = path_read(c, in, false);
        node->where = path_read(c, where, true);
        node->equals = path_read(c, text_of(lookup, "equals"), is_inside);
        node->take = path_read(c, text_of(lookup, "take"), true);
        node->join = join_number(c, in, where);
    } else if (nearest) {
        struct json_object *to = NULL;
        json_object_object_get_ex(nearest, "to", &to);
        node->in = path_read(c, text_of(nearest, "in"), is_inside);
        node->where = path_read(c, text_of(nearest, "by"), true);
        node->take = path_read(c, text_of(nearest, "take"), true);
        node->nearest_to = json_object_get_int64(to);
    } else if (has_word(place, "x-count")) {
        node->count = path_read(c, json_object_get_string(word(place, "x-count")), is_inside);
    } else if (several) {
        for (size_t i = 0; i < json_object_array_length(several); i++) {
            from_add(c, node, json_object_array_get_idx(several, i), is_inside);
        }
    } else if (from || (place.is_element && !has_word(place, "const"))) {
        from_add(c, node, from, is_inside);
    }
}

static void read_value(struct compiler *c, struct place place, struct node *node)
{
    node->constant = word(place, "const");
    node->has_constant = has_word(place, "const");
    node->choices = word(place, "enum");
    node->map = word(place, "x-map");
    node->minimum = bound_word(c, place, "minimum");
    node->maximum = bound_word(c, place, "maximum");
    node->min_points = size_word(place, "minLength", 0);
    node->max_points = size_word(place, "maxLength", SIZE_MAX);
    node->truncate = size_word(place, "x-truncate", 0);
    read_origin(c, place, node);
}

static const struct node *compile(struct compiler *c, struct place place);

static bool is_listed(struct json_object *list, const char *name)
{
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), name) == 0) {
            return true;
        }
    }
    return false;
}

static void read_object(struct compiler *c, struct place place, struct node *node)
{
    struct json_object *from = word(place, "x-from"), *first = word(place, "x-first");
    struct json_object *properties = word(place, "properties");
    bool is_inside = place.is_inside || from || first;
    if (first) {
        node->first = path_read(c, json_object_get_string(first), place.is_inside);
    } else if (from) {
        from_add(c, node, from, place.is_inside);
    }
    size_t room = (size_t)json_object_object_length(properties);
    node->members = arena_zalloc(c->arena, room, sizeof(*node->members));
    json_object_object_foreach(properties, name, property)
    {
        bool is_required = is_listed(word(place, "required"), name);
        struct place inner = {
            .own = property, .is_inside = is_inside, .is_required = is_required
        };
        node->members[node->members_count++] =
            (struct member){ name, compile(c, inner), is_required };
    }
}

static void read_list(struct compiler *c, struct place place, struct node *node)
{
    size_t take = size_word(place, "x-take", SIZE_MAX);
    node->min_items = size_word(place, "minItems", 0);
    node->max_items = size_word(place, "maxItems", SIZE_MAX);
    node->max_items = take < node->max_items ? take : node->max_items;
    from_add(c, node, word(place, "x-from"), place.is_inside);
    node->element = compile(
        c, (struct place){ .own = word(place, "items"), .is_inside = true, .is_element = true });
}

/* `is_integer`: of numbers, whole ones alone. */
static unsigned types_of(struct json_object *type, bool *is_integer)
{
    static const struct {
        const char *name;
        unsigned types;
    } rows[] = {
        { "null", 1u << json_type_null },
        { "boolean", 1u << json_type_boolean },
        { "number", 1u << json_type_int | 1u << json_type_double },
        { "integer", 1u << json_type_int | 1u << json_type_double },
        { "string", 1u << json_type_string },
        { "object", 1u << json_type_object },
        { "array", 1u << json_type_array },
    };
    bool is_list = json_object_is_type(type, json_type_array);
    size_t count = is_list ? json_object_array_length(type) : 1;
    unsigned types = 0;
    *is_integer = true;
    for (size_t i = 0; i < count; i++) {
        struct json_object *one = is_list ? json_object_array_get_idx(type, i) : type;
        const char *name = json_object_get_string(one);
        *is_integer &= strcmp(name, "number") != 0;
        for (size_t j = 0; j < countof(rows); j++) {
            types |= strcmp(name, rows[j].name) == 0 ? rows[j].types : 0;
        }
    }
    return types;
}

static const struct node *compile(struct compiler *c, struct place place)
{
    struct node *node = arena_zalloc(c->arena, 1, sizeof(*node));
    struct json_object *reference = NULL, *definitions = NULL;
    if (json_object_object_get_ex(place.own, "$ref", &reference)) {
        const char *name = json_object_get_string(reference) + strlen("#/$defs/");
        json_object_object_get_ex(c->root, "$defs", &definitions);
        must(json_object_object_get_ex(definitions, name, &place.target));
    }
    node->types = types_of(word(place, "type"), &node->is_integer);
    node->is_kept_empty = place.is_required;
    node->otherwise = word(place, "default");
    node->has_otherwise = has_word(place, "default");
    if (node->types == 1u << json_type_object) {
        node->kind = NODE_OBJECT;
        read_object(c, place, node);
    } else if (node->types == 1u << json_type_array) {
        node->kind = NODE_LIST;
        read_list(c, place, node);
    } else {
        read_value(c, place, node);
    }
    return node;
}

static void put_back(void *root)
{
    json_object_put(root);
}

const struct reference *reference_compile(
    struct arena *arena, const char *path, const char *const *calls, size_t count)
{
    struct reference *reference = arena_zalloc(arena, 1, sizeof(*reference));
    struct compiler c = { arena, json_object_from_file(path), calls, count, reference, { NULL } };
    must(c.root != NULL);
    arena_defer(arena, put_back, c.root);
    reference->root = compile(&c, (struct place){ .own = c.root, .is_required = true });
    return reference;
}
