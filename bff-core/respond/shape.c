/*
 * shape: from a JSON Schema to a tree that can be walked.
 *
 * Owns the compiled shapes. A compiler walks the schema once; each node finds its source (x-from
 * and its kin), its type and its bounds, and what it takes of an answer is added to that call's
 * wants. Promises: (1) every word of the schema is either enforced by project.c, or said to people
 * only, or a fault; (2) all faults are found, each with its place; (3) a call is required exactly
 * when a chain of required properties without a default leads from the root to its value.
 */
#include "shape_compiler.h"

#include "../base/must.h"
#include "shape_words.h"
#include "value.h"

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
    buf_init(&key, sizeof(",\"\":") + name.len * sizeof("\\u0000"));
    buf_append_char(&key, ',');
    json_quote(&key, name);
    buf_append_char(&key, ':');
    struct str copy = shape_padded(c, buf_str(&key));
    buf_release(&key);
    return copy;
}

enum { NAMES_MAX = 64 }; /* to look for the one that was meant */

static size_t names_of(const struct json *object, const char *names[NAMES_MAX])
{
    size_t count = 0;
    for (; json_kind(object) == JSON_OBJECT && count < object->count && count < NAMES_MAX;
         count++) {
        names[count] = object->items[count].name.at; /* decoded in an arena: with a NUL */
    }
    return count;
}

static void check_required(
    struct shape_compiler *c, const struct json *required, const struct json *properties)
{
    if (required && json_kind(required) != JSON_LIST) {
        FAULT(c, required, "\"required\" takes a list of names.");
    }
    const char *names[NAMES_MAX];
    size_t count = names_of(properties, names);
    const struct json *repeated = shape_words_repeated(required);
    if (repeated) {
        FAULT(c, repeated, "%s is required twice.", shape_text(c, repeated));
    }
    for (size_t i = 0; json_kind(required) == JSON_LIST && i < required->count; i++) {
        const char *name = json_cstr(&required->items[i]);
        if (!name || !json_get(properties, name)) {
            const char *nearest = name ? str_nearest(str_of(name), names, count) : NULL;
            FAULT(c, &required->items[i], "%s is required, but no property is named so%s",
                shape_text(c, &required->items[i]), err_meant(nearest).text);
        }
    }
}

static void compile_members(
    struct shape_compiler *c, struct view view, struct shape_scope scope, struct shape_node *node)
{
    const struct json *properties = shape_word(view, "properties"),
                      *required = shape_word(view, "required");
    const struct json *more = shape_word(view, "additionalProperties");
    if (json_kind(properties) != JSON_OBJECT || properties->count == 0) {
        FAULT(c, view.own, "An object names its \"properties\": nothing else leaves the server.");
        return;
    }
    if (more && json_kind(more) != JSON_FALSE) {
        FAULT(
            c, more, "\"additionalProperties\" can only be false: nothing else leaves the server.");
    } else if (more && (json_get(view.own, "properties") == NULL) !=
                           (json_get(view.own, "additionalProperties") == NULL)) {
        FAULT(c, more,
            "\"additionalProperties\" does not see through \"$ref\": it stands beside "
            "\"properties\", or it forbids all of them.");
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
    const struct json *from = shape_word(view, "x-from"), *first = shape_word(view, "x-first");
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

static void read_items_bounds(struct shape_compiler *c, struct view view, struct shape_node *node)
{
    const struct json *trim = shape_word(view, "x-trim");
    node->min_items = shape_size(c, view, "minItems", 0, 0);
    node->max_items = shape_size(c, view, "maxItems", 0, SIZE_MAX);
    node->take = shape_size(c, view, "x-take", 1, SIZE_MAX);
    shape_check_order(c, view, "minItems", "maxItems", node->min_items > node->max_items);
    shape_check_order(c, view, "minItems", "x-take", node->min_items > node->take);
    if (trim && (json_kind(trim) != JSON_TRUE || node->min_items > 0)) {
        FAULT(c, trim, "\"x-trim\" is true, for a list that may become empty.");
    } else if (trim && !json_get(c->root, "x-max-bytes")) {
        FAULT(
            c, trim, "\"x-trim\" is for answers that are bounded; give the root \"x-max-bytes\".");
    } else if (trim) {
        node->list_number = ++c->shape->trims_count;
    }
}

static void compile_list(
    struct shape_compiler *c, struct view view, struct shape_scope scope, struct shape_node *node)
{
    const struct json *from = shape_word(view, "x-from"), *items = shape_word(view, "items");
    struct shape_scope where;
    bool is_element = view.own == c->element;
    read_items_bounds(c, view, node);
    if (json_kind(items) != JSON_OBJECT || (!from && !is_element)) {
        FAULT(c, view.own, "A list needs \"x-from\" and \"items\", a schema.");
        return;
    }
    if (shape_locate(c, from ? from : view.own, from ? json_str(from) : STR(""), scope, &where)) {
        struct shape_list *list = arena_zalloc(c->arena, 1, sizeof(*list));
        *list = shape_take_list(c, from ? from : view.own, where);
        node->list = list;
        where = shape_elements(c, where);
    }
    c->element = items;
    node->element = compile_node(c, items, where, false);
}

static void read_default(struct shape_compiler *c, struct view view, struct shape_node *node)
{
    const struct json *json = shape_word(view, "default");
    if (!json || node->kind == SHAPE_OBJECT || node->kind == SHAPE_FIRST) {
        return;
    }
    struct scan_value value = shape_written(c, json);
    bool is_empty_list =
        node->kind == SHAPE_LIST && str_eq(value.text, STR("[]")) && node->min_items == 0;
    if (!is_empty_list && (node->kind != SHAPE_VALUE || !value_fits(node, value, c->arena))) {
        FAULT(c, json, "The default %.*s is not what \"type\" and the bounds beside it allow.",
            STR_FMT(value.text));
    }
    node->otherwise = value.text;
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
        FAULT(c, shape_word(view, "type"),
            "An object or a list has that type alone; when it is missing it is left out.");
    } else {
        shape_compile_value(c, view, scope, node);
    }
    read_default(c, view, node);
}

/* False after a fault: there is no type that could be compiled. */
static bool read_type(struct shape_compiler *c, struct view view, struct shape_node *node)
{
    const struct json *type = shape_word(view, "type");
    node->kinds = shape_words_kinds(type, &node->is_integer);
    const struct json *repeated = shape_words_repeated(type);
    if (node->kinds && repeated) {
        FAULT(c, repeated, "\"type\" names %s twice.", shape_text(c, repeated));
    } else if (!node->kinds) {
        FAULT(c, type ? type : view.own,
            "\"type\" must be one of null, boolean, number, integer, string, object, array, or a "
            "list of them%s%s.",
            type ? ", and not " : "", type ? shape_text(c, type) : "");
    }
    return node->kinds != 0;
}

static void fault_nowhere(struct shape_compiler *c, const struct json *reference)
{
    const char *names[NAMES_MAX], *nearest = NULL;
    struct str text = json_str(reference);
    if (str_starts(text, STR("#/$defs/"))) {
        size_t count = names_of(json_get(c->root, "$defs"), names);
        nearest = str_nearest(str_from(text, sizeof("#/$defs/") - 1), names, count);
    }
    FAULT(c, reference, "\"$ref\" leads nowhere; only \"#/$defs/NAME\" is followed%s",
        err_meant(nearest).text);
}

/* What its "$ref" leads to; false after a fault: to nothing that could be compiled. */
static bool read_reference(struct shape_compiler *c, const struct json *json, struct view *view)
{
    const struct json *reference = json_get(json, "$ref");
    *view = (struct view){ json, shape_words_target(c->root, json) };
    if (reference && !view->target) {
        fault_nowhere(c, reference);
        return false;
    }
    for (size_t i = 0; view->target && i < c->depth; i++) {
        if (c->inside[i] == view->target) {
            FAULT(c, reference, "\"$ref\" leads into itself, and an answer has an end.");
            return false;
        }
    }
    if (view->target) {
        c->is_used[view->target - json_get(c->root, "$defs")->items] = true;
    }
    return true;
}

/* False after a fault: what stands here is no schema, or one too many. */
static bool check_place(struct shape_compiler *c, const struct json *json)
{
    if (json_kind(json) != JSON_OBJECT) {
        FAULT(c, json, "A schema object must stand here.");
    } else if (c->depth == SHAPE_DEPTH_MAX) {
        FAULT(c, json, "The shape is more than %d schemas deep.", SHAPE_DEPTH_MAX);
    } else if (c->nodes_count++ == SHAPE_NODES_MAX) {
        FAULT(c, c->root, "The shape has more than %d values.", SHAPE_NODES_MAX);
    } else {
        return c->nodes_count <= SHAPE_NODES_MAX;
    }
    return false;
}

static const struct shape_node *compile_node(
    struct shape_compiler *c, const struct json *json, struct shape_scope scope, bool is_required)
{
    struct shape_node *node = arena_zalloc(c->arena, 1, sizeof(*node));
    struct view view;
    node->max_points = node->max_items = node->take = SIZE_MAX;
    node->is_kept_empty = is_required;
    if (!check_place(c, json) || !read_reference(c, json, &view)) {
        return node;
    }
    bool has_type = read_type(c, view, node);
    shape_words_check(c, view, node->kinds);
    if (has_type) {
        c->inside[c->depth++] = view.target;
        compile_typed(c, view, scope, node);
        c->depth--;
    }
    return node;
}

/* What is said of the file as a whole, and not of a value. */
static void check_root(struct shape_compiler *c)
{
    static const char dialect[] = "https://json-schema.org/draft/2020-12/schema";
    const struct json *schema = json_get(c->root, "$schema"), *id = json_get(c->root, "$id");
    const struct json *definitions = json_get(c->root, "$defs");
    if (c->shape->root->kind != SHAPE_OBJECT) {
        FAULT(c, c->root, "The root of a shape is an object.");
    }
    if (json_kind(schema) == JSON_STRING && !str_eq(schema->text, str_of(dialect))) {
        FAULT(c, schema, "A shape is JSON Schema 2020-12: \"$schema\" is \"%s\".", dialect);
    }
    if (json_kind(id) == JSON_STRING && (!id->text.len || memchr(id->text.at, '#', id->text.len))) {
        FAULT(c, id, "\"$id\" is an address without a \"#\".");
    }
    if (definitions && json_kind(definitions) != JSON_OBJECT) {
        FAULT(c, definitions, "\"$defs\" takes an object of schemas.");
    }
    for (size_t i = 0; json_kind(definitions) == JSON_OBJECT && i < definitions->count; i++) {
        if (!c->is_used[i]) {
            FAULT(c, &definitions->items[i], "No \"$ref\" leads here, so nobody has read it.");
        }
    }
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
    const struct json *definitions = json_get(c.root, "$defs");
    c.is_used = arena_zalloc(arena, definitions ? definitions->count + 1 : 1, sizeof(*c.is_used));
    shape->root = compile_node(&c, c.root, (struct shape_scope){ SIZE_MAX, { NULL, 0 } }, true);
    check_root(&c);
    shape_check_calls(&c);
    shape_max_bytes(&c);
    shape->required = shape_needs(shape->root);
    hash_key_init(&shape->hash);
    return shape;
}
