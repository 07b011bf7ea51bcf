/*
 * shape: from a JSON Schema to a tree that can be walked.
 *
 * Owns the compiled shapes. A compiler walks the schema once; each node finds its source (x-from
 * and its kin), its type and its bounds, and what it takes of an answer is added to that call's
 * wants. Promises: (1) every word of the schema is either enforced by project.c, or said to people
 * only, or a fault; (2) all faults are found, with file and line; (3) a call is required exactly
 * when a chain of required properties without a default leads from the root to its value.
 */
#include "shape_compiler.h"

#include "../base/must.h"
#include "shape_words.h"
#include "value.h"

static const struct json *word(struct view view, const char *name)
{
    const struct json *own = json_get(view.own, name);
    return own ? own : json_get(view.target, name);
}

/* ---- numbers and texts of the schema ---- */

static size_t size_word(
    struct shape_compiler *c, struct view view, const char *name, size_t otherwise)
{
    const struct json *json = word(view, name);
    int64_t number;
    if (!json) {
        return otherwise;
    }
    if (!json_i64(json, &number) || number < 0) {
        FAULT(c, json, "\"%s\" takes a whole number that is not below zero.", name);
        return otherwise;
    }
    return (size_t)number;
}

/* NULL: there is none. */
static const struct decimal *number_word(
    struct shape_compiler *c, struct view view, const char *name)
{
    const struct json *json = word(view, name);
    if (json_kind(json) != JSON_NUMBER) {
        if (json) {
            FAULT(c, json, "\"%s\" takes a number.", name);
        }
        return NULL;
    }
    struct decimal *number = arena_alloc(c->arena, sizeof(*number));
    *number = decimal_read(json->text);
    return number;
}

/* A copy in the arena with SHAPE_PADDING bytes behind it. */
static struct str padded(struct shape_compiler *c, struct str text)
{
    char *copy = arena_zalloc(c->arena, 1, text.len + SHAPE_PADDING);
    memcpy(copy, text.at, text.len);
    return (struct str){ copy, text.len };
}

static struct str written(struct shape_compiler *c, const struct json *json)
{
    struct buf text;
    buf_init(&text, 64 * 1024);
    json_write(&text, json);
    struct str copy = padded(c, buf_str(&text));
    buf_release(&text);
    return copy;
}

static struct scan_value value_of(struct shape_compiler *c, const struct json *json)
{
    struct str text = written(c, json);
    return (struct scan_value){ text.len ? scan_kind_of(text.at[0]) : SCAN_MISSING, text };
}

/* ---- bounds ---- */

static void read_choices(struct shape_compiler *c, struct view view, struct shape_node *node)
{
    const struct json *list = word(view, "enum");
    if (!list) {
        return;
    }
    if (json_kind(list) != JSON_LIST || list->count == 0) {
        FAULT(c, list, "\"enum\" takes a list of values.");
        return;
    }
    struct scan_value *choices = arena_zalloc(c->arena, list->count, sizeof(*choices));
    for (size_t i = 0; i < list->count; i++) {
        choices[i] = value_of(c, &list->items[i]);
    }
    node->choices = choices;
    node->choices_count = list->count;
}

static void read_map(struct shape_compiler *c, struct view view, struct shape_node *node)
{
    const struct json *map = word(view, "x-map");
    if (!map) {
        return;
    }
    if (json_kind(map) != JSON_OBJECT || map->count == 0) {
        FAULT(c, map, "\"x-map\" takes an object of what the service says and what we say.");
        return;
    }
    struct shape_map *rows = arena_zalloc(c->arena, map->count, sizeof(*rows));
    for (size_t i = 0; i < map->count; i++) {
        struct scan_value to = value_of(c, &map->items[i]);
        rows[i] = (struct shape_map){ map->items[i].name, to.text };
        if (!value_fits(node, to, c->arena)) {
            FAULT(c, &map->items[i], "\"x-map\" says %.*s, which does not fit the schema.",
                STR_FMT(to.text));
        }
    }
    node->map = rows;
    node->map_count = map->count;
}

/* How many digits a whole number above zero must have to be beyond the minimum, within the maximum.
 */
static void read_safe_digits(struct shape_node *node)
{
    const struct decimal *min = node->minimum, *max = node->maximum;
    node->safe_digits_min = min && min->sign > 0 ? min->power + 2 : 1;
    node->safe_digits_max = max ? (max->sign > 0 ? max->power : 0) : DECIMAL_INTEGER_DIGITS_MAX;
}

static void read_bounds(struct shape_compiler *c, struct view view, struct shape_node *node)
{
    node->minimum = number_word(c, view, "minimum");
    node->maximum = number_word(c, view, "maximum");
    node->min_points = size_word(c, view, "minLength", 0);
    node->max_points = size_word(c, view, "maxLength", SIZE_MAX);
    node->truncate = size_word(c, view, "x-truncate", 0);
    if (node->truncate &&
        (node->truncate > node->max_points || node->truncate < node->min_points)) {
        FAULT(c, word(view, "x-truncate"),
            "\"x-truncate\" cuts to a length that the schema does not allow.");
    }
    if (word(view, "enum") && node->truncate) {
        FAULT(c, word(view, "x-truncate"), "\"x-truncate\" and \"enum\" cannot both be kept.");
    }
    if (node->truncate && !(node->kinds & 1u << SCAN_STRING)) {
        FAULT(c, word(view, "x-truncate"), "\"x-truncate\" is for texts, and the type has none.");
    }
    read_choices(c, view, node);
    read_safe_digits(node);
    node->is_bounded = node->is_integer || node->minimum || node->maximum || node->min_points ||
                       node->max_points != SIZE_MAX || node->choices_count;
    read_map(c, view, node);
    node->is_rewritten = node->map_count || node->truncate;
}

static void read_default(struct shape_compiler *c, struct view view, struct shape_node *node)
{
    const struct json *json = word(view, "default");
    if (!json) {
        return;
    }
    struct scan_value value = value_of(c, json);
    bool is_empty_list =
        node->kind == SHAPE_LIST && str_eq(value.text, STR("[]")) && node->min_items == 0;
    if (!is_empty_list && (node->kind != SHAPE_VALUE || !value_fits(node, value, c->arena))) {
        FAULT(c, json, "The default %.*s is not what \"type\" and the bounds beside it allow.",
            STR_FMT(value.text));
    }
    node->otherwise = value.text;
}

/* ---- values ---- */

static const struct json *text_member(
    struct shape_compiler *c, const struct json *json, const char *name)
{
    const struct json *member = json_get(json, name);
    if (json_kind(member) != JSON_STRING) {
        FAULT(c, json, "\"%.*s\" needs \"%s\", a path.", STR_FMT(json->name), name);
        return NULL;
    }
    return member;
}

static size_t index_number(struct shape_compiler *c, const struct json *at, const char *name)
{
    for (size_t i = 0; i < c->shape->indexes_count; i++) {
        if (strcmp(c->indexes[i], name) == 0) {
            return i;
        }
    }
    if (c->shape->indexes_count == SHAPE_INDEXES_MAX) {
        FAULT(c, at, "There are too many different joins.");
        return 0;
    }
    c->indexes[c->shape->indexes_count] = name;
    return c->shape->indexes_count++;
}

static void read_lookup(struct shape_compiler *c, const struct json *json, struct shape_scope scope,
    struct shape_node *node)
{
    struct shape_lookup *lookup = arena_zalloc(c->arena, 1, sizeof(*lookup));
    const struct json *in = text_member(c, json, "in"), *where = text_member(c, json, "where");
    const struct json *equals = text_member(c, json, "equals"),
                      *taken = text_member(c, json, "take");
    struct shape_scope root = { SIZE_MAX, { NULL, 0 } }, list, key, value, own;
    if (!in || !where || !equals || !taken || !shape_locate(c, in, in->text, root, &list)) {
        return;
    }
    struct shape_scope element = shape_elements(c, list);
    if (shape_locate(c, where, where->text, element, &key) &&
        shape_locate(c, taken, taken->text, element, &value) &&
        shape_locate(c, equals, equals->text, scope, &own)) {
        lookup->in = shape_take_list(c, in, list);
        lookup->where = shape_take(c, where, key, 0);
        lookup->take = shape_take(c, taken, value, node->kinds);
        lookup->equals = shape_take(c, equals, own, 0);
        lookup->index = index_number(c, in,
            arena_printf(c->arena, "%s where %s", lookup->in.source.path, lookup->where.path));
        node->lookup = lookup;
        node->origin = SHAPE_LOOKUP;
    }
}

static void read_nearest(struct shape_compiler *c, const struct json *json,
    struct shape_scope scope, struct shape_node *node)
{
    struct shape_nearest *nearest = arena_zalloc(c->arena, 1, sizeof(*nearest));
    const struct json *in = text_member(c, json, "in"), *by = text_member(c, json, "by");
    const struct json *taken = text_member(c, json, "take");
    struct shape_scope list, number, value;
    int64_t to = -1;
    if (!json_i64(json_get(json, "to"), &to) || to < 0) {
        FAULT(c, json, "\"x-nearest\" needs \"to\", a whole number.");
    }
    if (!in || !by || !taken || !shape_locate(c, in, in->text, scope, &list)) {
        return;
    }
    struct shape_scope element = shape_elements(c, list);
    if (shape_locate(c, by, by->text, element, &number) &&
        shape_locate(c, taken, taken->text, element, &value)) {
        nearest->in = shape_take_list(c, in, list);
        nearest->by = shape_take(c, by, number, 1u << SCAN_NUMBER);
        nearest->take = shape_take(c, taken, value, node->kinds);
        nearest->to = (uint64_t)to;
        node->nearest = nearest;
        node->origin = SHAPE_NEAREST;
    }
}

/* Of the paths that are a list's items, or of one alone. */
static void read_sources(struct shape_compiler *c, const struct json *paths, size_t count,
    struct shape_scope scope, struct shape_node *node)
{
    unsigned kinds = node->map_count ? 1u << SCAN_STRING : node->kinds;
    node->sources = arena_zalloc(c->arena, count, sizeof(*node->sources));
    for (size_t i = 0; i < count; i++) {
        struct shape_scope where;
        if (shape_locate(c, &paths[i], json_str(&paths[i]), scope, &where)) {
            node->sources[node->sources_count++] = shape_take(c, &paths[i], where, kinds);
        }
    }
    node->origin = SHAPE_FROM;
}

static void read_from(struct shape_compiler *c, const struct json *json, struct shape_scope scope,
    struct shape_node *node)
{
    read_sources(c, json, 1, scope, node);
}

static void read_first_of(struct shape_compiler *c, const struct json *json,
    struct shape_scope scope, struct shape_node *node)
{
    if (json_kind(json) != JSON_LIST || json->count == 0) {
        FAULT(c, json, "\"x-first-of\" takes a list of paths.");
        return;
    }
    read_sources(c, json->items, json->count, scope, node);
}

static void read_count(struct shape_compiler *c, const struct json *json, struct shape_scope scope,
    struct shape_node *node)
{
    struct shape_scope where;
    if (shape_locate(c, json, json_str(json), scope, &where)) {
        struct shape_list *list = arena_zalloc(c->arena, 1, sizeof(*list));
        *list = shape_take_list(c, json, where);
        node->list = list;
        node->origin = SHAPE_COUNT;
    }
}

/* Exactly one of the words that say where a value comes from. */
static void read_origin(
    struct shape_compiler *c, struct view view, struct shape_scope scope, struct shape_node *node)
{
    static const struct {
        const char *name;
        void (*read)(struct shape_compiler *c, const struct json *json, struct shape_scope scope,
            struct shape_node *node);
    } origins[] = {
        { "x-from", read_from },
        { "x-first-of", read_first_of },
        { "x-count", read_count },
        { "x-lookup", read_lookup },
        { "x-nearest", read_nearest },
    };
    const struct json element = { .kind = JSON_STRING, .line = view.own->line, .text = STR("") };
    size_t found = 0;
    for (size_t i = 0; i < countof(origins); i++) {
        const struct json *json = word(view, origins[i].name);
        if (json) {
            origins[i].read(c, json, scope, node);
            found++;
        }
    }
    if (found > 1) {
        FAULT(c, view.own,
            "A value comes from one place: x-from, x-first-of, x-count, x-lookup or x-nearest.");
    } else if (found == 0 && !node->constant.at && view.own == c->element) {
        read_from(c, &element, scope, node);
    } else if (found == 0 && !node->constant.at && !word(view, "default")) {
        FAULT(c, view.own, "\"%.*s\" comes from nowhere: it needs x-from, or a const.",
            STR_FMT(view.own->name));
    }
}

static void compile_value(
    struct shape_compiler *c, struct view view, struct shape_scope scope, struct shape_node *node)
{
    const struct json *constant = word(view, "const");
    read_bounds(c, view, node);
    if (constant) {
        struct scan_value value = value_of(c, constant);
        if (!value_fits(node, value, c->arena)) {
            FAULT(c, constant, "The const %.*s does not fit the schema.", STR_FMT(value.text));
        }
        node->constant = value.text;
    }
    read_origin(c, view, scope, node);
    if (constant && node->origin != SHAPE_NOWHERE) {
        FAULT(c, constant, "A const comes from nowhere else.");
    }
}

/* ---- structures ---- */

static const struct shape_node *compile_node(
    struct shape_compiler *c, const struct json *json, struct shape_scope scope, bool is_required);

static bool is_listed(const struct json *list, struct str name)
{
    for (size_t i = 0; json_kind(list) == JSON_LIST && i < list->count; i++) {
        if (str_eq(json_str(&list->items[i]), name)) {
            return true;
        }
    }
    return false;
}

static struct str key_of(struct shape_compiler *c, struct str name)
{
    struct buf key;
    buf_init(&key, 4096);
    buf_append_char(&key, ',');
    json_quote(&key, name);
    buf_append_char(&key, ':');
    struct str copy = padded(c, buf_str(&key));
    buf_release(&key);
    return copy;
}

enum { NAMES_MAX = 64 }; /* to look for the one that was meant */

static void check_required(
    struct shape_compiler *c, const struct json *required, const struct json *properties)
{
    if (required && json_kind(required) != JSON_LIST) {
        FAULT(c, required, "\"required\" takes a list of names.");
    }
    size_t count = 0;
    const char *names[NAMES_MAX];
    for (; json_kind(properties) == JSON_OBJECT && count < properties->count && count < NAMES_MAX;
         count++) {
        names[count] = properties->items[count].name.at; /* decoded in an arena: with a NUL */
    }
    for (size_t i = 0; json_kind(required) == JSON_LIST && i < required->count; i++) {
        const char *name = json_cstr(&required->items[i]);
        if (!name || !json_get(properties, name)) {
            FAULT(c, &required->items[i], "\"%s\" is required, but no property is named so%s",
                name ? name : "", err_meant(str_nearest(str_of(name), names, count)).text);
        }
    }
}

static void compile_members(
    struct shape_compiler *c, struct view view, struct shape_scope scope, struct shape_node *node)
{
    const struct json *properties = word(view, "properties"), *required = word(view, "required");
    const struct json *more = word(view, "additionalProperties");
    if (json_kind(properties) != JSON_OBJECT || properties->count == 0) {
        FAULT(c, view.own, "An object names its \"properties\": nothing else leaves the server.");
        return;
    }
    if (more && json_kind(more) != JSON_FALSE) {
        FAULT(
            c, more, "\"additionalProperties\" can only be false: nothing else leaves the server.");
    }
    check_required(c, required, properties);
    struct shape_member *members = arena_zalloc(c->arena, properties->count, sizeof(*members));
    for (size_t i = 0; i < properties->count; i++) {
        const struct json *property = &properties->items[i];
        bool is_required = is_listed(required, property->name);
        members[i] = (struct shape_member){ key_of(c, property->name), property->name,
            compile_node(c, property, scope, is_required), is_required };
    }
    node->members = members;
    node->members_count = properties->count;
}

static void compile_object(
    struct shape_compiler *c, struct view view, struct shape_scope scope, struct shape_node *node)
{
    const struct json *from = word(view, "x-from"), *first = word(view, "x-first");
    struct shape_scope inner = scope;
    if (first && shape_locate(c, first, json_str(first), scope, &inner)) {
        struct shape_list *list = arena_zalloc(c->arena, 1, sizeof(*list));
        *list = shape_take_list(c, first, inner);
        node->kind = SHAPE_FIRST;
        node->list = list;
        inner = shape_elements(c, inner);
    } else if (from && shape_locate(c, from, json_str(from), scope, &inner)) {
        node->sources = arena_zalloc(c->arena, 1, sizeof(*node->sources));
        node->sources[node->sources_count++] = shape_take(c, from, inner, 1u << SCAN_OBJECT);
        node->origin = SHAPE_FROM;
    }
    compile_members(c, view, inner, node);
}

static void compile_list(
    struct shape_compiler *c, struct view view, struct shape_scope scope, struct shape_node *node)
{
    const struct json *from = word(view, "x-from"), *items = word(view, "items");
    const struct json *trim = word(view, "x-trim");
    struct shape_scope where;
    node->min_items = size_word(c, view, "minItems", 0);
    node->max_items = size_word(c, view, "maxItems", SIZE_MAX);
    node->take = size_word(c, view, "x-take", SIZE_MAX);
    if (json_kind(items) != JSON_OBJECT || !from) {
        FAULT(c, view.own, "A list needs \"x-from\" and \"items\".");
        return;
    }
    if (trim && (json_kind(trim) != JSON_TRUE || node->min_items > 0)) {
        FAULT(c, trim, "\"x-trim\" is true, for a list that may become empty.");
    } else if (trim) {
        node->list_number = ++c->shape->trims_count;
    }
    if (shape_locate(c, from, json_str(from), scope, &where)) {
        struct shape_list *list = arena_zalloc(c->arena, 1, sizeof(*list));
        *list = shape_take_list(c, from, where);
        node->list = list;
        where = shape_elements(c, where);
    }
    c->element = items;
    node->element = compile_node(c, items, where, false);
}

/* Every word of the schema, and of what its $ref leads to, against the type that it has. */
static void check_words(struct shape_compiler *c, struct view view, const struct shape_node *node)
{
    unsigned where = SHAPE_IN_VALUE;
    if (node->kinds & 1u << SCAN_OBJECT) {
        where = SHAPE_IN_OBJECT;
    } else if (node->kinds & 1u << SCAN_LIST) {
        where = SHAPE_IN_LIST;
    }
    unsigned root = view.own == c->root ? SHAPE_IN_ROOT : 0;
    shape_words_check(view.own, where | root, c->file, c->faults);
    shape_words_check(view.target, where, c->file, c->faults);
    shape_words_check_twice(view.own, view.target, c->file, c->faults);
}

static void compile_typed(
    struct shape_compiler *c, struct view view, struct shape_scope scope, struct shape_node *node)
{
    unsigned object = 1u << SCAN_OBJECT, list = 1u << SCAN_LIST;
    if (node->kinds == object) {
        node->kind = SHAPE_OBJECT;
        compile_object(c, view, scope, node);
    } else if (node->kinds == list) {
        node->kind = SHAPE_LIST;
        compile_list(c, view, scope, node);
    } else if (node->kinds & (object | list)) {
        FAULT(c, view.own,
            "An object or a list has that type alone; when it is missing it is left out.");
    } else {
        compile_value(c, view, scope, node);
    }
    read_default(c, view, node);
}

static const struct shape_node *compile_node(
    struct shape_compiler *c, const struct json *json, struct shape_scope scope, bool is_required)
{
    struct shape_node *node = arena_zalloc(c->arena, 1, sizeof(*node));
    struct view view = { json, shape_words_target(c->root, json) };
    node->max_points = node->max_items = node->take = SIZE_MAX;
    node->is_kept_empty = is_required;
    if (json_kind(json) != JSON_OBJECT || c->depth == SHAPE_DEPTH_MAX) {
        FAULT(c, json, "A schema object must stand here, not too deep.");
        return node;
    }
    if (json_get(json, "$ref") && !view.target) {
        FAULT(c, json, "\"$ref\" leads nowhere; only \"#/$defs/NAME\" is followed.");
    }
    node->kinds = shape_words_kinds(word(view, "type"), &node->is_integer);
    if (!node->kinds) {
        FAULT(c, word(view, "type") ? word(view, "type") : json,
            "\"type\" must be one of null, boolean, number, integer, string, object, array, or a "
            "list of them%s%.*s%s.",
            json_kind(word(view, "type")) == JSON_STRING ? ", and not \"" : "",
            STR_FMT(json_str(word(view, "type"))),
            json_kind(word(view, "type")) == JSON_STRING ? "\"" : "");
        return node;
    }
    check_words(c, view, node);
    c->depth++;
    compile_typed(c, view, scope, node);
    c->depth--;
    return node;
}

/* ---- the door ---- */

struct shape *shape_compile(struct arena *arena, const char *directory, const char *name,
    const struct shape_call *calls, size_t count, struct faults *faults)
{
    struct shape *shape = arena_zalloc(arena, 1, sizeof(*shape));
    struct shape_compiler c = {
        .arena = arena, .faults = faults, .calls = calls, .calls_count = count, .shape = shape
    };
    must(count <= countof(c.services));
    c.file = shape->file = arena_printf(arena, "%s/%s.json", directory ? directory : ".", name);
    c.root = shape_read_file(&c, c.file, NULL);
    if (!c.root) {
        return NULL;
    }
    shape->paths = arena_zalloc(arena, SHAPE_SOURCES_MAX, sizeof(char *));
    shape->calls_of = arena_zalloc(arena, SHAPE_SOURCES_MAX, sizeof(size_t));
    shape_read_services(&c, directory ? directory : ".");
    shape->root = compile_node(&c, c.root, (struct shape_scope){ SIZE_MAX, { NULL, 0 } }, true);
    if (shape->root->kind != SHAPE_OBJECT) {
        FAULT(&c, c.root, "The root of a shape is an object.");
    }
    shape_check_calls(&c);
    shape_max_bytes(&c);
    shape->required = shape_needs(shape->root);
    hash_key_init(&shape->hash);
    return shape;
}

bool shape_requires(const struct shape *shape, size_t call)
{
    return shape->required >> call & 1;
}

bool shape_uses(const struct shape *shape, size_t call)
{
    return shape->used >> call & 1;
}
