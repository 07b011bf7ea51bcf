/*
 * json: small documents as a tree, parsed by json-c.
 *
 * json-c reads the text; what comes out is copied into the caller's arena and json-c's own objects
 * are freed before json_parse returns, so no foreign type and no reference count is seen outside.
 * json-c is not strict (it takes NaN, 1. and bytes that are no UTF-8), and where it is asked to be,
 * 0.18 refuses texts that are JSON: so scan.c looks first, and json-c may take what it likes. It
 * forgets three things, so the text is walked once beside it, value by value in the same order:
 * where each value begins, for line numbers; numbers as they were written, since json-c saturates
 * what is wider than 64 bits and drops the sign of -0; and how many values there are: when the text
 * has more than the tree, a member name was given twice. It does not know what a document is about:
 * that is said by whoever reads the tree.
 */
#include "json.h"

#include "../base/must.h"
#include "scan.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

enum { FILE_BYTES_MAX = 4 * 1024 * 1024 };

/* ---- beside json-c: where the values begin ---- */

/* Where each value of a text begins, in the order of the text. */
struct places {
    struct str text;
    size_t *at;
    size_t count;
    size_t next; /* the first that no node has taken yet */
    size_t line_at;
    int line; /* of line_at */
};

static int line_of(struct places *places, size_t at)
{
    for (; places->line_at < at; places->line_at++) {
        places->line += places->text.at[places->line_at] == '\n';
    }
    return places->line;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* From an opening quote to behind the closing one; notes whether the string has an escaped NUL. */
static size_t string_end(struct str text, size_t at, bool *has_nul)
{
    for (at++; at < text.len && text.at[at] != '"'; at++) {
        if (text.at[at] == '\\') {
            *has_nul |= str_starts(str_from(text, at), STR("\\u0000"));
            at++;
        }
    }
    return at + 1;
}

/*
 * The text is well-formed: json-c has read it. False when a member's name holds a NUL, which json-c
 * cuts off there.
 */
static bool places_find(struct places *places, struct arena *arena)
{
    struct str text = places->text;
    places->at = arena_alloc(arena, (text.len + 1) * sizeof(*places->at));
    for (size_t at = 0, end; at < text.len; at = end) {
        char c = text.at[at];
        end = at + 1;
        if (is_space(c) || strchr(",:]}", c)) {
            continue;
        }
        if (c == '"') {
            bool has_nul = false;
            end = string_end(text, at, &has_nul);
            size_t next = end;
            while (next < text.len && is_space(text.at[next])) {
                next++;
            }
            if (next < text.len && text.at[next] == ':') {
                if (has_nul) {
                    return false;
                }
                continue;
            }
        } else if (c != '{' && c != '[') {
            while (end < text.len && !is_space(text.at[end]) && !strchr(",]}", text.at[end])) {
                end++;
            }
        }
        places->at[places->count++] = at;
    }
    return true;
}

/* ---- from json-c's tree to ours ---- */

static const enum json_kind kinds[] = {
    [json_type_null] = JSON_NULL,
    [json_type_boolean] = JSON_FALSE,
    [json_type_double] = JSON_NUMBER,
    [json_type_int] = JSON_NUMBER,
    [json_type_object] = JSON_OBJECT,
    [json_type_array] = JSON_LIST,
    [json_type_string] = JSON_STRING,
};

static struct str number_text(struct places *places, size_t at)
{
    struct str rest = str_from(places->text, at);
    size_t len = 0;
    while (len < rest.len && strchr("+-.0123456789Ee", rest.at[len]) && rest.at[len]) {
        len++;
    }
    return (struct str){ rest.at, len };
}

/* False when the text has other values than the tree: a member name was given twice. */
static bool node_copy(
    struct json *node, struct json_object *from, struct places *places, struct arena *arena)
{
    if (places->next == places->count) {
        return false;
    }
    size_t at = places->at[places->next++];
    node->kind = kinds[json_object_get_type(from)];
    node->line = line_of(places, at);
    switch (node->kind) {
    case JSON_FALSE:
        node->kind = json_object_get_boolean(from) ? JSON_TRUE : JSON_FALSE;
        break;
    case JSON_NUMBER:
        node->text = arena_str(arena, number_text(places, at));
        break;
    case JSON_STRING:
        node->text = arena_str(arena,
            (struct str){ json_object_get_string(from), (size_t)json_object_get_string_len(from) });
        break;
    case JSON_LIST:
        node->count = json_object_array_length(from);
        node->items = arena_zalloc(arena, node->count, sizeof(*node->items));
        for (size_t i = 0; i < node->count; i++) {
            if (!node_copy(&node->items[i], json_object_array_get_idx(from, i), places, arena)) {
                return false;
            }
        }
        break;
    case JSON_OBJECT: {
        node->items = arena_zalloc(arena, (size_t)json_object_object_length(from), sizeof(*node));
        json_object_object_foreach(from, name, value)
        {
            struct json *member = &node->items[node->count++];
            member->name = arena_str(arena, str_of(name));
            if (!node_copy(member, value, places, arena)) {
                return false;
            }
        }
        break;
    }
    default:
        break;
    }
    return true;
}

static const struct json *tree_take(
    struct arena *arena, struct json_object *root, struct str text, struct err *err)
{
    struct places places = { .text = text, .line = 1 };
    struct json *node = arena_zalloc(arena, 1, sizeof(*node));
    if (!places_find(&places, arena)) {
        err_set(err, "a member's name holds a NUL");
        return NULL;
    }
    if (!node_copy(node, root, &places, arena) || places.next != places.count) {
        err_set(err, "an object has the same member twice");
        return NULL;
    }
    return node;
}

/*
 * json-c's tree of a text that ends with a NUL, which says that a number at the end is whole. Not
 * in its strict mode: scan_check was strict already, and 0.18 refuses UTF-8 there (its issue 875)
 * and integers of more than 64 bits.
 */
static struct json_object *foreign_tree(struct str text, enum json_tokener_error *error)
{
    struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
    must(tokener != NULL);
    struct json_object *root = json_tokener_parse_ex(tokener, text.at, (int)text.len + 1);
    *error = json_tokener_get_error(tokener);
    json_tokener_free(tokener);
    return root;
}

const struct json *json_parse(struct arena *arena, struct str text, struct err *err)
{
    if (text.len > FILE_BYTES_MAX) {
        err_set(err, "the text has more than %d bytes", FILE_BYTES_MAX);
        return NULL;
    }
    struct str copy = { arena_zalloc(arena, 1, text.len + BUF_PADDING), text.len };
    if (text.len) {
        memcpy((char *)copy.at, text.at, text.len);
    }
    size_t at;
    const char *why = scan_check(copy, arena, &at);
    if (why) {
        struct places places = { .text = copy, .line = 1 };
        err_set(err, "line %d: %s", line_of(&places, at < copy.len ? at : copy.len), why);
        return NULL;
    }
    enum json_tokener_error error;
    struct json_object *root = foreign_tree(copy, &error);
    const struct json *tree = NULL;
    if (error == json_tokener_success) {
        tree = tree_take(arena, root, copy, err);
    } else {
        err_set(err, "%s", json_tokener_error_desc(error));
    }
    json_object_put(root);
    return tree;
}

const struct json *json_read(struct arena *arena, const char *path, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        err_set(err, "%s cannot be opened: %s", path, strerror(errno));
        return NULL;
    }
    struct buf content;
    buf_init(&content, FILE_BYTES_MAX);
    char *to;
    size_t got = 1;
    while (got > 0 && (to = buf_reserve(&content, 4096)) != NULL) {
        got = fread(to, 1, 4096, file);
        buf_grew(&content, got);
    }
    const struct json *tree = NULL;
    if (ferror(file) || content.is_overfull) {
        err_set(err, "%s cannot be read, or has more than %d bytes", path, FILE_BYTES_MAX);
    } else {
        tree = json_parse(arena, buf_str(&content), err);
    }
    fclose(file);
    buf_release(&content);
    return tree;
}

/* ---- reading ---- */

enum json_kind json_kind(const struct json *json)
{
    return json ? json->kind : JSON_MISSING;
}

const struct json *json_get(const struct json *json, const char *name)
{
    if (json_kind(json) != JSON_OBJECT) {
        return NULL;
    }
    for (size_t i = 0; i < json->count; i++) {
        if (str_eq(json->items[i].name, str_of(name))) {
            return &json->items[i];
        }
    }
    return NULL;
}

const struct json *json_at(const struct json *json, size_t place)
{
    return json && place < json->count ? &json->items[place] : NULL;
}

struct str json_str(const struct json *json)
{
    return json_kind(json) == JSON_STRING ? json->text : (struct str){ NULL, 0 };
}

const char *json_cstr(const struct json *json)
{
    struct str text = json_str(json);
    return text.at && !memchr(text.at, '\0', text.len) ? text.at : NULL;
}

bool json_i64(const struct json *json, int64_t *out)
{
    if (json_kind(json) != JSON_NUMBER) {
        return false;
    }
    bool is_negative = str_starts(json->text, STR("-"));
    uint64_t magnitude;
    if (!str_u64(str_from(json->text, is_negative), &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + is_negative) {
        return false;
    }
    *out = is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

/* ---- writing ---- */

/*
 * The end of a piece of writing: true and all of it, or false and the buf's content as it was
 * `before`.
 */
static bool keep_or_drop(struct buf *buf, size_t before, bool was_overfull)
{
    bool fits = !buf->is_overfull;
    if (!fits && buf->data) {
        buf->len = before;
        buf_grew(buf, 0); /* the padding is zero again */
    }
    buf->is_overfull = was_overfull || !fits;
    return fits;
}

static bool write_value(struct buf *buf, const struct json *json)
{
    switch (json_kind(json)) {
    case JSON_FALSE:
        return buf_append_str(buf, STR("false"));
    case JSON_TRUE:
        return buf_append_str(buf, STR("true"));
    case JSON_NUMBER:
        return buf_append_str(buf, json->text);
    case JSON_STRING:
        return json_quote(buf, json->text);
    case JSON_LIST:
    case JSON_OBJECT:
        break;
    default:
        return buf_append_str(buf, STR("null"));
    }
    bool is_object = json->kind == JSON_OBJECT;
    buf_append_char(buf, is_object ? '{' : '[');
    for (size_t i = 0; i < json->count; i++) {
        if (i > 0) {
            buf_append_char(buf, ',');
        }
        if (is_object) {
            json_quote(buf, json->items[i].name);
            buf_append_char(buf, ':');
        }
        write_value(buf, &json->items[i]);
    }
    return buf_append_char(buf, is_object ? '}' : ']');
}

bool json_write(struct buf *buf, const struct json *json)
{
    size_t before = buf->len;
    bool was_overfull = buf->is_overfull;
    buf->is_overfull = false;
    write_value(buf, json);
    return keep_or_drop(buf, before, was_overfull);
}

static void append_step(struct buf *buf, const struct json *json, size_t place, bool is_member)
{
    struct str name = json->name;
    buf_append_char(buf, '/');
    if (!is_member) {
        buf_printf(buf, "%zu", place);
    }
    for (size_t i = 0; is_member && i < name.len; i++) {
        bool is_escaped = name.at[i] == '~' || name.at[i] == '/';
        buf_append_char(buf, is_escaped ? '~' : name.at[i]);
        if (is_escaped) {
            buf_append_char(buf, name.at[i] == '~' ? '0' : '1');
        }
    }
}

bool json_pointer(struct buf *buf, const struct json *root, const struct json *json)
{
    if (!root || root == json) {
        return root != NULL;
    }
    size_t before = buf->len;
    for (size_t i = 0; i < root->count; i++) {
        append_step(buf, &root->items[i], i, root->kind == JSON_OBJECT);
        if (json_pointer(buf, &root->items[i], json)) {
            return true;
        }
        buf_cut(buf, before);
    }
    return false;
}
