/*
 * shape_value: a value's place in a shape.
 *
 * Owns the reading of what a schema says of one string, number, boolean or null: its bounds, where
 * it comes from, and what is written in its stead. Promises that a node which has no fault can be
 * written, and that what its schema itself says (const, default, enum, x-map) fits.
 */
#include "shape_compiler.h"

#include "../base/must.h"
#include "shape_words.h"
#include "value.h"

enum { TEXT_MAX_BYTES = 64 * 1024 };

/* ---- numbers and texts of the schema ---- */

size_t shape_size(
    struct shape_compiler *c, struct view view, const char *name, size_t least, size_t otherwise)
{
    const struct json *json = shape_word(view, name);
    int64_t number;
    if (!json) {
        return otherwise;
    }
    if (!json_i64(json, &number) || number < (int64_t)least) {
        FAULT(c, json, "\"%s\" takes a whole number that is %s.", name,
            least ? "above zero" : "not below zero");
        return otherwise;
    }
    return (size_t)number;
}

void shape_check_order(
    struct shape_compiler *c, struct view view, const char *low, const char *high, bool is_crossed)
{
    if (is_crossed) {
        FAULT(c, shape_word(view, high), "\"%s\" is below \"%s\": nothing would ever fit.", high,
            low);
    }
}

/* NULL: there is none. */
static const struct decimal *number_word(
    struct shape_compiler *c, struct view view, const char *name)
{
    const struct json *json = shape_word(view, name);
    if (json_kind(json) != JSON_NUMBER) {
        if (json) {
            FAULT(c, json, "\"%s\" takes a number.", name);
        }
        return NULL;
    }
    struct decimal *number = arena_alloc(c->arena, sizeof(*number));
    *number = decimal_read(json->text);
    if (decimal_is_rounded(number)) {
        FAULT(c, json,
            "Readers may round \"%s\" here; write so large a number without a point or an "
            "exponent.",
            name);
    }
    return number;
}

/* A copy in the arena with SHAPE_PADDING bytes behind it. */
struct str shape_padded(struct shape_compiler *c, struct str text)
{
    char *copy = arena_zalloc(c->arena, 1, text.len + SHAPE_PADDING);
    memcpy(copy, text.at, text.len);
    return (struct str){ copy, text.len };
}

struct scan_value shape_written(struct shape_compiler *c, const struct json *json)
{
    struct buf text;
    buf_init(&text, TEXT_MAX_BYTES);
    json_write(&text, json);
    struct str copy = shape_padded(c, buf_str(&text));
    buf_release(&text);
    return (struct scan_value){ copy.len ? scan_kind_of(copy.at[0]) : SCAN_MISSING, copy };
}

/* ---- bounds ---- */

static void read_choices(struct shape_compiler *c, struct view view, struct shape_node *node)
{
    const struct json *list = shape_word(view, "enum");
    if (!list) {
        return;
    }
    if (json_kind(list) != JSON_LIST || list->count == 0) {
        FAULT(c, list, "\"enum\" takes a list of values.");
        return;
    }
    struct scan_value *choices = arena_zalloc(c->arena, list->count, sizeof(*choices));
    for (size_t i = 0; i < list->count; i++) {
        choices[i] = shape_written(c, &list->items[i]);
        if (!value_fits(node, choices[i], c->arena)) {
            FAULT(c, &list->items[i],
                "\"enum\" has %s, which \"type\" and the bounds beside it do not allow.",
                shape_text(c, &list->items[i]));
        }
    }
    node->choices = choices;
    node->choices_count = list->count;
}

static void read_map(struct shape_compiler *c, struct view view, struct shape_node *node)
{
    const struct json *map = shape_word(view, "x-map");
    if (!map) {
        return;
    }
    if (json_kind(map) != JSON_OBJECT || map->count == 0) {
        FAULT(c, map, "\"x-map\" takes an object of what the service says and what we say.");
        return;
    }
    struct shape_map *rows = arena_zalloc(c->arena, map->count, sizeof(*rows));
    for (size_t i = 0; i < map->count; i++) {
        struct scan_value to = shape_written(c, &map->items[i]);
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
    node->min_points = shape_size(c, view, "minLength", 0, 0);
    node->max_points = shape_size(c, view, "maxLength", 0, SIZE_MAX);
    node->truncate = shape_size(c, view, "x-truncate", 1, 0);
    shape_check_order(c, view, "minimum", "maximum",
        node->minimum && node->maximum && decimal_compare(node->minimum, node->maximum) > 0);
    shape_check_order(c, view, "minLength", "maxLength", node->min_points > node->max_points);
    if (node->truncate &&
        (node->truncate > node->max_points || node->truncate < node->min_points)) {
        FAULT(c, shape_word(view, "x-truncate"),
            "\"x-truncate\" cuts to a length that the schema does not allow.");
    }
    read_safe_digits(node);
    node->is_bounded = node->is_integer || node->minimum || node->maximum || node->min_points ||
                       node->max_points != SIZE_MAX;
    read_choices(c, view, node);
    node->is_bounded |= node->choices_count > 0;
    read_map(c, view, node);
    node->is_rewritten = node->map_count || node->truncate;
}

/* ---- values ---- */

/* False after a fault: the word takes an object with these members, and no others. */
static bool check_members(
    struct shape_compiler *c, const struct json *json, const char *const *names, size_t count)
{
    if (json_kind(json) != JSON_OBJECT) {
        FAULT(
            c, json, "\"%.*s\" takes an object; schemas/README.md shows one.", STR_FMT(json->name));
        return false;
    }
    for (size_t i = 0; i < json->count; i++) {
        const struct json *member = &json->items[i];
        size_t k = 0;
        while (k < count && !str_eq(member->name, str_of(names[k]))) {
            k++;
        }
        if (k == count) {
            FAULT(c, member, "\"%.*s\" has no \"%.*s\"%s", STR_FMT(json->name),
                STR_FMT(member->name), err_meant(str_nearest(member->name, names, count)).text);
        }
    }
    return true;
}

static const struct json *text_member(
    struct shape_compiler *c, const struct json *json, const char *name)
{
    const struct json *member = json_get(json, name);
    if (json_kind(member) != JSON_STRING) {
        FAULT(
            c, member ? member : json, "\"%.*s\" needs \"%s\", a path.", STR_FMT(json->name), name);
        return NULL;
    }
    return member;
}

/* What may come from the service: "x-map" is about texts, whatever is made of them. */
static unsigned kinds_taken(const struct shape_node *node)
{
    return node->map_count ? 1u << SCAN_STRING : node->kinds;
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
    static const char *const names[] = { "in", "where", "equals", "take" };
    enum { KEYS = 1 << SCAN_STRING | 1 << SCAN_NUMBER | 1 << SCAN_TRUE | 1 << SCAN_FALSE };
    const struct shape_scope root = { SIZE_MAX, { NULL, 0 } };
    struct shape_scope list, key, value, own;
    if (!check_members(c, json, names, countof(names))) {
        return;
    }
    const struct json *in = text_member(c, json, "in"), *where = text_member(c, json, "where");
    const struct json *equals = text_member(c, json, "equals"),
                      *taken = text_member(c, json, "take");
    if (!in || !where || !equals || !taken || !shape_locate(c, in, in->text, root, &list)) {
        return;
    }
    struct shape_lookup *lookup = arena_zalloc(c->arena, 1, sizeof(*lookup));
    struct shape_scope element = shape_elements(c, list);
    if (shape_locate(c, where, where->text, element, &key) &&
        shape_locate(c, taken, taken->text, element, &value) &&
        shape_locate(c, equals, equals->text, scope, &own)) {
        lookup->in = shape_take_list(c, in, list);
        lookup->where = shape_take(c, where, key, KEYS);
        lookup->take = shape_take(c, taken, value, kinds_taken(node));
        lookup->equals = shape_take(c, equals, own, KEYS);
        lookup->index = index_number(c, in,
            arena_printf(c->arena, "%s where %s", lookup->in.source.path, lookup->where.path));
        node->lookup = lookup;
        node->origin = SHAPE_LOOKUP;
    }
}

static void read_nearest(struct shape_compiler *c, const struct json *json,
    struct shape_scope scope, struct shape_node *node)
{
    static const char *const names[] = { "in", "by", "to", "take" };
    struct shape_scope list, number, value;
    int64_t to = -1;
    if (!check_members(c, json, names, countof(names))) {
        return;
    }
    const struct json *in = text_member(c, json, "in"), *by = text_member(c, json, "by");
    const struct json *taken = text_member(c, json, "take");
    if (!json_i64(json_get(json, "to"), &to) || to < 0) {
        FAULT(c, json, "\"x-nearest\" needs \"to\", a whole number.");
    }
    if (!in || !by || !taken || !shape_locate(c, in, in->text, scope, &list)) {
        return;
    }
    struct shape_nearest *nearest = arena_zalloc(c->arena, 1, sizeof(*nearest));
    struct shape_scope element = shape_elements(c, list);
    if (shape_locate(c, by, by->text, element, &number) &&
        shape_locate(c, taken, taken->text, element, &value)) {
        nearest->in = shape_take_list(c, in, list);
        nearest->by = shape_take(c, by, number, 1u << SCAN_NUMBER);
        nearest->take = shape_take(c, taken, value, kinds_taken(node));
        nearest->to = (uint64_t)to;
        node->nearest = nearest;
        node->origin = SHAPE_NEAREST;
    }
}

/* One more place where a value may come from; `at` says so. */
static void add_source(struct shape_compiler *c, const struct json *at, struct str path,
    struct shape_scope scope, struct shape_node *node)
{
    struct shape_scope where;
    if (shape_locate(c, at, path, scope, &where)) {
        node->sources[node->sources_count++] = shape_take(c, at, where, kinds_taken(node));
    }
}

static void begin_sources(struct shape_compiler *c, struct shape_node *node, size_t room)
{
    node->sources = arena_zalloc(c->arena, room, sizeof(*node->sources));
    node->origin = SHAPE_FROM;
}

static void read_from(struct shape_compiler *c, const struct json *json, struct shape_scope scope,
    struct shape_node *node)
{
    begin_sources(c, node, 1);
    add_source(c, json, json_str(json), scope, node);
}

static void read_first_of(struct shape_compiler *c, const struct json *json,
    struct shape_scope scope, struct shape_node *node)
{
    if (json_kind(json) != JSON_LIST || json->count == 0) {
        FAULT(c, json, "\"x-first-of\" takes a list of paths.");
        return;
    }
    begin_sources(c, node, json->count);
    for (size_t i = 0; i < json->count; i++) {
        add_source(c, &json->items[i], json_str(&json->items[i]), scope, node);
    }
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
    size_t found = 0;
    for (size_t i = 0; i < countof(origins); i++) {
        const struct json *json = shape_word(view, origins[i].name);
        if (json) {
            origins[i].read(c, json, scope, node);
            found++;
        }
    }
    if (found > 1) {
        FAULT(c, view.own,
            "A value comes from one place: x-from, x-first-of, x-count, x-lookup or x-nearest.");
    } else if (found == 0 && !node->constant.at && view.own == c->element) {
        begin_sources(c, node, 1);
        add_source(c, view.own, STR(""), scope, node);
    } else if (found == 0 && !node->constant.at && !shape_word(view, "default")) {
        FAULT(c, view.own,
            "\"%.*s\" comes from nowhere: it needs x-from, x-first-of, x-count, x-lookup or "
            "x-nearest, or a const.",
            STR_FMT(view.own->name));
    }
}

void shape_compile_value(
    struct shape_compiler *c, struct view view, struct shape_scope scope, struct shape_node *node)
{
    const struct json *constant = shape_word(view, "const");
    read_bounds(c, view, node);
    if (constant) {
        struct scan_value value = shape_written(c, constant);
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
