/*
 * reference: the projection that json-c makes.
 *
 * Owns nothing between two projections. A node gives a tree or says that there is none; objects
 * and lists are new, every value in them is the body's own with one reference more. Promises what
 * project.c promises, as far as json-c keeps what was written: numbers beyond 64 bits and -0 are
 * lost in the body's tree already.
 */
#include "reference_shape.h"

#include "base/must.h"
#include "number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A value; without `is_there` it is missing, NULL is JSON's null. */
struct found {
    bool is_there;
    struct json_object *value;
};

static const struct found missing = { false, NULL };

/* The elements of a list by the text of one value; slots of 1 + the element's place. */
struct join {
    struct json_object *list;
    uint32_t *slots; /* NULL: not made */
    size_t mask;
    /* the last answer: a row of values asks for the same element again and again */
    const struct json_object *last_key;
    struct found last;
};

struct job {
    const struct reference *reference;
    const struct reference_answer *answers;
    struct join *joins;
};

static bool make(
    struct job *job, const struct node *node, struct found here, struct json_object **out);

/* ---- reading ---- */

static struct found find(const struct job *job, const struct path *path, struct found here)
{
    struct found found = here;
    if (path->call >= 0) {
        const struct reference_answer *answer = &job->answers[path->call];
        found = (struct found){ answer->is_there, answer->body };
    }
    for (size_t i = 0; i < path->count; i++) {
        if (!found.is_there || !json_object_is_type(found.value, json_type_object) ||
            !json_object_object_get_ex(found.value, path->names[i], &found.value)) {
            return missing;
        }
    }
    return found;
}

static bool is_a(struct found found, enum json_type type)
{
    return found.is_there && json_object_is_type(found.value, type);
}

/* ---- joins ---- */

/* The text of a key: `digits` has room for a number. { NULL, 0 }: it cannot be one. */
static struct str key_text(struct found found, char digits[24])
{
    struct json_object *value = found.value;
    if (!found.is_there || value == NULL) {
        return (struct str){ NULL, 0 };
    }
    switch (json_object_get_type(value)) {
    case json_type_string:
        return (
            struct str){ json_object_get_string(value), (size_t)json_object_get_string_len(value) };
    case json_type_int: {
        int64_t number = json_object_get_int64(value);
        uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
        size_t at = 24;
        do {
            digits[--at] = (char)('0' + rest % 10);
            rest /= 10;
        } while (rest);
        if (number < 0) {
            digits[--at] = '-';
        }
        return (struct str){ digits + at, 24 - at };
    }
    case json_type_boolean:
    case json_type_double:
        return str_of(json_object_get_string(value));
    default:
        return (struct str){ NULL, 0 };
    }
}

static size_t hash(struct str text)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ (unsigned char)text.at[i]) * 0x100000001b3;
    }
    return (size_t)(hash ^ hash >> 32);
}

static struct found element_at(struct json_object *list, size_t place)
{
    return (struct found){ true, json_object_array_get_idx(list, place) };
}

/* The slot of a key: empty, or of the element that has it. */
static uint32_t *slot_of(
    const struct job *job, const struct node *node, struct join *join, struct str key)
{
    char digits[24];
    size_t slot = hash(key) & join->mask;
    while (join->slots[slot]) {
        struct found other = element_at(join->list, join->slots[slot] - 1);
        if (str_eq(key, key_text(find(job, &node->where, other), digits))) {
            break;
        }
        slot = (slot + 1) & join->mask;
    }
    return &join->slots[slot];
}

static void join_make(struct job *job, const struct node *node, struct join *join)
{
    struct found list = find(job, &node->in, missing);
    size_t count = is_a(list, json_type_array) ? json_object_array_length(list.value) : 0;
    size_t room = 8;
    while (room < count * 2) {
        room *= 2;
    }
    join->list = list.value;
    join->mask = room - 1;
    join->slots = calloc(room, sizeof(*join->slots));
    must(join->slots != NULL);
    for (size_t i = 0; i < count; i++) {
        char digits[24];
        struct str key = key_text(find(job, &node->where, element_at(list.value, i)), digits);
        uint32_t *slot = key.at ? slot_of(job, node, join, key) : NULL;
        if (slot && !*slot) { /* of equal keys the first is found */
            *slot = (uint32_t)i + 1;
        }
    }
}

static struct found read_lookup(struct job *job, const struct node *node, struct found here)
{
    struct join *join = &job->joins[node->join];
    char digits[24];
    struct found key = find(job, &node->equals, here);
    struct str text = key_text(key, digits);
    if (!text.at) {
        return missing;
    }
    if (!join->slots) {
        join_make(job, node, join);
    }
    if (join->last_key != key.value) {
        uint32_t *slot = slot_of(job, node, join, text);
        join->last_key = key.value;
        join->last = *slot ? element_at(join->list, *slot - 1) : missing;
    }
    return join->last.is_there ? find(job, &node->take, join->last) : missing;
}

/* ---- picks ---- */

static struct found read_nearest(struct job *job, const struct node *node, struct found here)
{
    struct found list = find(job, &node->in, here), best = missing;
    uint64_t best_distance = UINT64_MAX;
    size_t count = is_a(list, json_type_array) ? json_object_array_length(list.value) : 0;
    for (size_t i = 0; i < count; i++) {
        struct found element = element_at(list.value, i);
        struct found by = find(job, &node->where, element);
        struct found take = find(job, &node->take, element);
        if (!is_a(by, json_type_int) || !take.is_there) {
            continue;
        }
        int64_t number = json_object_get_int64(by.value);
        if (number < 0) {
            continue;
        }
        uint64_t distance = number > node->nearest_to ? (uint64_t)(number - node->nearest_to)
                                                      : (uint64_t)(node->nearest_to - number);
        if (distance < best_distance) {
            best_distance = distance;
            best = take;
        }
    }
    return best;
}

/* ---- does a value fit? ---- */

static size_t points_of(struct json_object *string)
{
    const char *text = json_object_get_string(string);
    size_t len = (size_t)json_object_get_string_len(string), points = 0;
    for (size_t i = 0; i < len; i++) {
        points += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return points;
}

static bool is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_int) ||
           json_object_is_type(value, json_type_double);
}

/* `sign` 1: the number is above the bound; -1: it is below. */
static bool is_beyond(const struct bound *bound, struct json_object *number, int sign)
{
    if (!bound->text) {
        return false;
    }
    if (bound->is_small && json_object_is_type(number, json_type_int)) {
        int64_t value = json_object_get_int64(number);
        return sign > 0 ? value > bound->value : value < bound->value;
    }
    /* Doubles decide where they are far enough apart. */
    double value = json_object_get_double(number), gap = fabs(value - bound->rough);
    if (gap > 1e-9 * (1 + fabs(bound->rough))) {
        return (value > bound->rough) == (sign > 0);
    }
    return number_compare(json_object_get_string(number), bound->text) * sign > 0;
}

/*
 * Many readers have doubles: what such a number becomes there must keep the bounds as well. Up to
 * 10^15 that is the same number; beyond 10^308 there is none.
 */
static bool double_fits(const struct node *node, double number)
{
    char text[512];
    bool has_choice = !node->choices;
    if (!(fabs(number) >= 1e15 && fabs(number) < 1e308)) {
        return true;
    }
    snprintf(text, sizeof(text), "%.0f", number);
    for (size_t i = 0; !has_choice && i < json_object_array_length(node->choices); i++) {
        struct json_object *choice = json_object_array_get_idx(node->choices, i);
        has_choice = is_number(choice) && number_compare(text, json_object_get_string(choice)) == 0;
    }
    return has_choice && (!node->maximum.text || number_compare(text, node->maximum.text) <= 0) &&
           (!node->minimum.text || number_compare(text, node->minimum.text) >= 0);
}

static bool number_fits(const struct node *node, struct json_object *number)
{
    bool is_int = json_object_is_type(number, json_type_int);
    return (!node->is_integer || is_int || number_is_whole(json_object_get_string(number))) &&
           !is_beyond(&node->maximum, number, 1) && !is_beyond(&node->minimum, number, -1) &&
           (is_int || double_fits(node, json_object_get_double(number)));
}

static bool length_fits(const struct node *node, struct json_object *string)
{
    size_t bytes = (size_t)json_object_get_string_len(string);
    if (bytes <= node->max_points && node->min_points <= (bytes > 0)) {
        return true; /* without counting */
    }
    size_t points = points_of(string);
    return points >= node->min_points && points <= node->max_points;
}

static bool are_equal(struct json_object *a, struct json_object *b)
{
    if (is_number(a) && is_number(b)) {
        return number_compare(json_object_get_string(a), json_object_get_string(b)) == 0;
    }
    return json_object_equal(a, b);
}

static bool fits(const struct node *node, struct json_object *value)
{
    enum json_type type = json_object_get_type(value);
    if (!(node->types & 1u << type) || type == json_type_object || type == json_type_array ||
        (is_number(value) && !number_fits(node, value))) {
        return false;
    }
    if (type == json_type_string && !length_fits(node, value)) {
        return false;
    }
    size_t count = node->choices ? json_object_array_length(node->choices) : 0;
    for (size_t i = 0; i < count; i++) {
        if (are_equal(json_object_array_get_idx(node->choices, i), value)) {
            return true;
        }
    }
    return count == 0;
}

/* ---- making ---- */

static bool share(struct json_object *value, struct json_object **out)
{
    *out = json_object_get(value);
    return true;
}

/* The first points of a text and an ellipsis, which counts. */
static struct json_object *cut(const struct node *node, struct json_object *string)
{
    const char *text = json_object_get_string(string);
    size_t end = 0, points = 0;
    for (; points < node->truncate; end++) {
        points += ((unsigned char)text[end] & 0xc0) != 0x80;
    }
    char *kept = malloc(end + 3);
    must(kept != NULL);
    memcpy(kept, text, end - 1); /* the last of them gives way */
    memcpy(kept + end - 1, "\xe2\x80\xa6", 3);
    struct json_object *made = json_object_new_string_len(kept, (int)end + 2);
    free(kept);
    return made;
}

static bool make_value(const struct node *node, struct found found, struct json_object **out)
{
    struct json_object *mapped;
    if (!found.is_there) {
        return false;
    }
    bool is_string = json_object_is_type(found.value, json_type_string);
    if (node->map) {
        return is_string &&
               json_object_object_get_ex(node->map, json_object_get_string(found.value), &mapped) &&
               strlen(json_object_get_string(found.value)) ==
                   (size_t)json_object_get_string_len(found.value) &&
               share(mapped, out);
    }
    if (node->truncate && is_string && node->types & 1u << json_type_string &&
        points_of(found.value) > node->truncate) {
        *out = cut(node, found.value);
        return true;
    }
    return fits(node, found.value) && share(found.value, out);
}

static bool make_count(
    struct job *job, const struct node *node, struct found here, struct json_object **out)
{
    struct found list = find(job, &node->count, here);
    if (!is_a(list, json_type_array)) {
        return false;
    }
    struct json_object *count =
        json_object_new_int64((int64_t)json_object_array_length(list.value));
    if (fits(node, count)) {
        *out = count;
        return true;
    }
    json_object_put(count);
    return false;
}

static bool make_scalar(
    struct job *job, const struct node *node, struct found here, struct json_object **out)
{
    if (node->has_constant) {
        return share(node->constant, out);
    }
    if (node->is_lookup) {
        return make_value(node, read_lookup(job, node, here), out);
    }
    if (node->in.is_set) {
        return make_value(node, read_nearest(job, node, here), out);
    }
    if (node->count.is_set) {
        return make_count(job, node, here, out);
    }
    for (size_t i = 0; i < node->from_count; i++) {
        if (make_value(node, find(job, &node->from[i], here), out)) {
            return true;
        }
    }
    return false;
}

static bool make_members(
    struct job *job, const struct node *node, struct found here, struct json_object **out)
{
    struct json_object *object = json_object_new_object();
    for (size_t i = 0; i < node->members_count; i++) {
        const struct member *member = &node->members[i];
        struct json_object *value = NULL;
        if (make(job, member->node, here, &value)) {
            json_object_object_add_ex(object, member->name, value,
                JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_KEY_IS_CONSTANT);
        } else if (member->is_required) {
            json_object_put(object);
            return false;
        }
    }
    if (json_object_object_length(object) == 0 && !node->is_kept_empty) {
        json_object_put(object);
        return false;
    }
    *out = object;
    return true;
}

static bool make_object(
    struct job *job, const struct node *node, struct found here, struct json_object **out)
{
    if (node->first.is_set) {
        struct found list = find(job, &node->first, here);
        size_t count = is_a(list, json_type_array) ? json_object_array_length(list.value) : 0;
        for (size_t i = 0; i < count; i++) {
            if (make_members(job, node, element_at(list.value, i), out)) {
                return true;
            }
        }
        return false;
    }
    if (node->from_count) {
        here = find(job, &node->from[0], here);
        if (!is_a(here, json_type_object)) {
            return false;
        }
    }
    return make_members(job, node, here, out);
}

static bool make_list(
    struct job *job, const struct node *node, struct found here, struct json_object **out)
{
    struct found from = find(job, &node->from[0], here);
    if (!is_a(from, json_type_array)) {
        return false;
    }
    size_t count = json_object_array_length(from.value), made = 0;
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < count && made < node->max_items; i++) {
        struct json_object *element = NULL;
        if (make(job, node->element, element_at(from.value, i), &element)) {
            json_object_array_add(list, element);
            made++;
        }
    }
    if (made < node->min_items) {
        json_object_put(list);
        return false;
    }
    *out = list;
    return true;
}

static bool make(
    struct job *job, const struct node *node, struct found here, struct json_object **out)
{
    bool is_made = node->kind == NODE_OBJECT ? make_object(job, node, here, out)
                   : node->kind == NODE_LIST ? make_list(job, node, here, out)
                                             : make_scalar(job, node, here, out);
    return is_made || (node->has_otherwise && share(node->otherwise, out));
}

struct json_object *reference_project(
    const struct reference *reference, const struct reference_answer *answers)
{
    struct join joins[64] = { 0 };
    struct job job = { reference, answers, joins };
    struct json_object *answer = NULL;
    make(&job, reference->root, missing, &answer);
    for (size_t i = 0; i < reference->joins_count; i++) {
        free(joins[i].slots);
    }
    return answer;
}
