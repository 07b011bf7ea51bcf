/*
 * shape_words: the vocabulary of shapes, and the promises of services.
 *
 * Owns the table of words. A word of JSON Schema that is not in it would be a promise to clients
 * that nobody keeps, so it is a mistake, never ignored; schemas/README.md says what each word does.
 * Knows nothing of where values come from.
 */
#include "shape_words.h"

#include "../base/must.h"

/* Where a word means something: one bit for each type, and the root. */
enum where {
    IN_TEXT = 1,
    IN_NUMBER = 2,
    IN_OTHER = 4, /* null, boolean */
    IN_OBJECT = 8,
    IN_LIST = 16,
    IN_ROOT = 32,
    IN_VALUE = IN_TEXT | IN_NUMBER | IN_OTHER,
    IN_ALL = IN_VALUE | IN_OBJECT | IN_LIST,
};

/* What a word for people takes. */
enum { TEXT = 1 << JSON_STRING, LIST = 1 << JSON_LIST, BOOL = 1 << JSON_TRUE | 1 << JSON_FALSE };

static const struct word {
    const char *name;
    unsigned where;
    unsigned for_people; /* says nothing of a value; bit k: takes JSON kind k */
} words[] = {
    { "type", IN_ALL, 0 },
    { "properties", IN_OBJECT, 0 },
    { "required", IN_OBJECT, 0 },
    { "additionalProperties", IN_OBJECT, 0 },
    { "items", IN_LIST, 0 },
    { "minItems", IN_LIST, 0 },
    { "maxItems", IN_LIST, 0 },
    { "const", IN_VALUE, 0 },
    { "enum", IN_VALUE, 0 },
    { "default", IN_VALUE | IN_LIST, 0 },
    { "minimum", IN_NUMBER, 0 },
    { "maximum", IN_NUMBER, 0 },
    { "minLength", IN_TEXT, 0 },
    { "maxLength", IN_TEXT, 0 },
    { "$ref", IN_ALL, 0 },
    { "$defs", IN_ROOT, 0 },
    { "$schema", IN_ROOT, TEXT },
    { "$id", IN_ROOT, TEXT },
    { "$comment", IN_ALL, TEXT },
    { "title", IN_ALL, TEXT },
    { "description", IN_ALL, TEXT },
    { "examples", IN_ALL, LIST },
    { "deprecated", IN_ALL, BOOL },
    { "x-calls", IN_ROOT, 0 },
    { "x-max-bytes", IN_ROOT, 0 },
    { "x-from", IN_ALL, 0 },
    { "x-first-of", IN_VALUE, 0 },
    { "x-first", IN_OBJECT, 0 },
    { "x-count", IN_NUMBER, 0 },
    { "x-lookup", IN_VALUE, 0 },
    { "x-nearest", IN_VALUE, 0 },
    { "x-map", IN_VALUE, 0 },
    { "x-truncate", IN_TEXT, 0 },
    { "x-take", IN_LIST, 0 },
    { "x-trim", IN_LIST, 0 },
};

/* The first would never do anything beside the second. */
static const char *const idle[][2] = {
    { "default", "const" },
    { "x-map", "const" },
    { "x-truncate", "const" },
    { "x-map", "x-count" },
    { "x-truncate", "x-count" },
    { "x-truncate", "x-map" },
    { "x-truncate", "enum" },
    { "x-from", "x-first" },
};

/* Of words that differ by the type they are for, and of words that we do not have, the near one. */
static const struct {
    const char *name, *near;
    unsigned where; /* of the near one */
} kin[] = {
    { "minLength", "minimum", IN_NUMBER },
    { "minLength", "minItems", IN_LIST },
    { "maxLength", "maximum", IN_NUMBER },
    { "maxLength", "maxItems", IN_LIST },
    { "minimum", "minLength", IN_TEXT },
    { "minimum", "minItems", IN_LIST },
    { "maximum", "maxLength", IN_TEXT },
    { "maximum", "maxItems", IN_LIST },
    { "minItems", "minLength", IN_TEXT },
    { "maxItems", "maxLength", IN_TEXT },
    { "x-truncate", "x-take", IN_LIST },
    { "x-take", "x-truncate", IN_TEXT },
    { "exclusiveMinimum", "minimum", IN_NUMBER },
    { "exclusiveMaximum", "maximum", IN_NUMBER },
    { "minProperties", "required", IN_OBJECT },
    { "dependentRequired", "required", IN_OBJECT },
    { "definitions", "$defs", IN_ROOT },
    { "prefixItems", "items", IN_LIST },
    { "nullable", "type", IN_VALUE },
};

const struct json *shape_word(struct view view, const char *name)
{
    const struct json *own = json_get(view.own, name);
    return own ? own : json_get(view.target, name);
}

static const struct word *word_named(struct str name)
{
    for (size_t i = 0; i < countof(words); i++) {
        if (str_eq(name, str_of(words[i].name))) {
            return &words[i];
        }
    }
    return NULL;
}

/* A word that means something there and could have been meant; NULL: none. */
static const char *nearest_word(struct str name, unsigned where)
{
    const char *names[countof(words)];
    size_t count = 0;
    bool has_kin = false;
    for (size_t i = 0; i < countof(kin); i++) {
        if (str_eq(name, str_of(kin[i].name))) {
            if (kin[i].where & where) {
                return kin[i].near;
            }
            has_kin = true;
        }
    }
    for (size_t i = 0; !has_kin && i < countof(words); i++) {
        if (words[i].where & where) {
            names[count++] = words[i].name;
        }
    }
    return str_nearest(name, names, count);
}

static unsigned where_of(struct shape_compiler *c, struct view view, unsigned kinds)
{
    unsigned root = view.own == c->root ? IN_ROOT : 0;
    unsigned object = 1u << SCAN_OBJECT, list = 1u << SCAN_LIST;
    if (!kinds) {
        return IN_ALL | root;
    }
    if (kinds & (object | list)) {
        return (kinds & object ? IN_OBJECT : IN_LIST) | root;
    }
    bool is_text = kinds & 1u << SCAN_STRING, is_number = kinds & 1u << SCAN_NUMBER;
    return IN_OTHER | (is_text ? IN_TEXT : 0) | (is_number ? IN_NUMBER : 0);
}

static void check_word(
    struct shape_compiler *c, struct view view, const struct json *json, unsigned where)
{
    const struct word *word = word_named(json->name);
    struct err meant = err_meant(nearest_word(json->name, where));
    if (!word) {
        FAULT(c, json, "The word \"%.*s\" is not enforced here, so a shape must not promise it%s",
            STR_FMT(json->name),
            meant.text[0] == '.' ? ": say it in \"description\", or leave it out." : meant.text);
    } else if (word->where == IN_ROOT && !(where & IN_ROOT)) {
        FAULT(c, json, "The word \"%s\" stands at the root of a shape, and nowhere else.",
            word->name);
    } else if (!(word->where & where)) {
        FAULT(c, json, "The word \"%s\" means nothing where \"type\" is %s%s", word->name,
            shape_text(c, shape_word(view, "type")), meant.text);
    } else if (word->for_people && !(word->for_people >> json->kind & 1)) {
        FAULT(c, json, "\"%s\" takes %s.", word->name,
            word->for_people == TEXT   ? "a text"
            : word->for_people == LIST ? "a list"
                                       : "true or false");
    }
}

static void check_words_of(
    struct shape_compiler *c, struct view view, const struct json *schema, unsigned where)
{
    for (size_t i = 0; json_kind(schema) == JSON_OBJECT && i < schema->count; i++) {
        check_word(c, view, &schema->items[i], where);
    }
}

/* What stands in a schema and again behind its $ref. */
static void check_twice(struct shape_compiler *c, struct view view)
{
    for (size_t i = 0; json_kind(view.target) == JSON_OBJECT && i < view.target->count; i++) {
        const struct word *word = word_named(view.target->items[i].name);
        const struct json *own = word ? json_get(view.own, word->name) : NULL;
        if (word && strcmp(word->name, "$ref") == 0) {
            FAULT(c, own, "A \"$ref\" leads to another \"$ref\"; name its end at once.");
        } else if (own && !word->for_people) {
            FAULT(c, own, "The word \"%s\" stands here and behind \"$ref\".", word->name);
        }
    }
}

static void check_idle(struct shape_compiler *c, struct view view, unsigned where)
{
    for (size_t i = 0; i < countof(idle); i++) {
        const struct json *one = shape_word(view, idle[i][0]);
        unsigned both =
            word_named(str_of(idle[i][0]))->where & word_named(str_of(idle[i][1]))->where;
        if (one && shape_word(view, idle[i][1]) && both & where) {
            FAULT(c, one, "\"%s\" would do nothing beside \"%s\"; leave one of them out.",
                idle[i][0], idle[i][1]);
        }
    }
}

void shape_words_check(struct shape_compiler *c, struct view view, unsigned kinds)
{
    unsigned where = where_of(c, view, kinds);
    check_words_of(c, view, view.own, where);
    check_words_of(c, view, view.target, where & ~(unsigned)IN_ROOT);
    check_twice(c, view);
    check_idle(c, view, where);
}

const struct json *shape_words_repeated(const struct json *list)
{
    for (size_t i = 0; json_kind(list) == JSON_LIST && i < list->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (str_eq(json_str(&list->items[i]), json_str(&list->items[k]))) {
                return &list->items[i];
            }
        }
    }
    return NULL;
}

/* ---- types ---- */

/* A number of any kind is also marked with this bit, a whole one is not. */
enum { FRACTIONS = 1 << 16 };

static unsigned kinds_of(struct str type)
{
    static const struct {
        const char *name;
        unsigned kinds;
    } types[] = {
        { "null", 1u << SCAN_NULL },
        { "boolean", 1u << SCAN_TRUE | 1u << SCAN_FALSE },
        { "number", 1u << SCAN_NUMBER | FRACTIONS },
        { "integer", 1u << SCAN_NUMBER },
        { "string", 1u << SCAN_STRING },
        { "object", 1u << SCAN_OBJECT },
        { "array", 1u << SCAN_LIST },
    };
    for (size_t i = 0; i < countof(types); i++) {
        if (str_eq(type, str_of(types[i].name))) {
            return types[i].kinds;
        }
    }
    return 0;
}

unsigned shape_words_kinds(const struct json *type, bool *is_integer)
{
    unsigned kinds = json_kind(type) == JSON_STRING ? kinds_of(type->text) : 0;
    for (size_t i = 0; json_kind(type) == JSON_LIST && i < type->count; i++) {
        unsigned more = kinds_of(json_str(&type->items[i]));
        if (!more) {
            kinds = 0;
            break;
        }
        kinds |= more;
    }
    *is_integer = (kinds & 1u << SCAN_NUMBER) && !(kinds & FRACTIONS);
    return kinds & ~FRACTIONS;
}

/* ---- references ---- */

static bool is_plain(char c)
{
    unsigned char letter = (unsigned char)(c | 0x20), digit = (unsigned char)(c - '0');
    return digit < 10 || (letter >= 'a' && letter <= 'z') || c == '_' || c == '-' || c == '.';
}

const struct json *shape_words_target(const struct json *root, const struct json *schema)
{
    struct str reference = json_str(json_get(schema, "$ref"));
    if (!str_starts(reference, STR("#/$defs/"))) {
        return NULL;
    }
    struct str name = str_from(reference, sizeof("#/$defs/") - 1);
    for (size_t i = 0; i < name.len; i++) {
        if (!is_plain(name.at[i])) {
            return NULL; /* in a reference it would have to be written otherwise */
        }
    }
    const struct json *definitions = json_get(root, "$defs");
    for (size_t i = 0; json_kind(definitions) == JSON_OBJECT && i < definitions->count; i++) {
        if (str_eq(definitions->items[i].name, name)) {
            return &definitions->items[i];
        }
    }
    return NULL;
}

/* ---- promises ---- */

static const struct json *follow(const struct json *root, const struct json *schema)
{
    for (int steps = 0; schema && json_get(schema, "$ref") && steps < 8; steps++) {
        schema = shape_words_target(root, schema);
    }
    return schema;
}

enum { NAMES_MAX = 64 };

/* A value of this schema may be an object, as far as it says. */
static bool may_be_object(const struct json *schema)
{
    bool is_integer;
    unsigned kinds = shape_words_kinds(json_get(schema, "type"), &is_integer);
    return !kinds || kinds & 1u << SCAN_OBJECT;
}

static const struct json *member_of(
    const struct json *schema, struct str name, struct shape_promise *promise)
{
    const struct json *properties = json_get(schema, "properties");
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (size_t i = 0; json_kind(properties) == JSON_OBJECT && i < properties->count; i++) {
        if (str_eq(properties->items[i].name, name)) {
            return &properties->items[i];
        }
        if (count < NAMES_MAX) {
            names[count++] = properties->items[i].name.at; /* decoded in an arena: with a NUL */
        }
    }
    if (count || !may_be_object(schema)) {
        promise->unknown = name;
        promise->nearest = str_nearest(name, names, count);
    }
    return NULL;
}

struct shape_promise shape_words_promise(const struct json *service, struct str path)
{
    struct shape_promise promise = { service, { NULL, 0 }, NULL };
    struct str part;
    while (path.len && promise.schema) {
        str_cut(path, '.', &part, &path);
        size_t lists = 0;
        while (part.len >= 3 && memcmp(part.at + part.len - 3, "[*]", 3) == 0) {
            part.len -= 3;
            lists++;
        }
        promise.schema = follow(service, promise.schema);
        if (part.len) {
            promise.schema = member_of(promise.schema, part, &promise);
        }
        for (; lists && promise.schema; lists--) {
            promise.schema = json_get(follow(service, promise.schema), "items");
        }
    }
    promise.schema = promise.schema ? follow(service, promise.schema) : NULL;
    return promise;
}
