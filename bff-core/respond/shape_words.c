/*
 * shape_words: the vocabulary of shapes, and the promises of services.
 *
 * Owns the table of words. A word of JSON Schema that is not in it would be a promise to clients
 * that nobody keeps, so it is a mistake, never ignored; schemas/README.md says what each word does.
 * Knows nothing of how a shape is compiled.
 */
#include "shape_words.h"

#include "../base/must.h"
#include "../wire/scan.h"

enum { IN_VALUE = SHAPE_IN_VALUE, IN_OBJECT = SHAPE_IN_OBJECT, IN_LIST = SHAPE_IN_LIST };
enum { IN_ROOT = SHAPE_IN_ROOT, IN_ALL = IN_VALUE | IN_OBJECT | IN_LIST };

static const struct word {
    const char *name;
    unsigned where;
    bool is_for_people; /* says nothing of a value */
} words[] = {
    { "type", IN_ALL, false },
    { "properties", IN_OBJECT, false },
    { "required", IN_OBJECT, false },
    { "additionalProperties", IN_OBJECT, false },
    { "items", IN_LIST, false },
    { "minItems", IN_LIST, false },
    { "maxItems", IN_LIST, false },
    { "const", IN_VALUE, false },
    { "enum", IN_VALUE, false },
    { "default", IN_VALUE | IN_LIST, false },
    { "minimum", IN_VALUE, false },
    { "maximum", IN_VALUE, false },
    { "minLength", IN_VALUE, false },
    { "maxLength", IN_VALUE, false },
    { "$ref", IN_ALL, false },
    { "$defs", IN_ROOT, false },
    { "$schema", IN_ROOT, true },
    { "$id", IN_ROOT, true },
    { "$comment", IN_ALL, true },
    { "title", IN_ALL, true },
    { "description", IN_ALL, true },
    { "examples", IN_ALL, true },
    { "deprecated", IN_ALL, true },
    { "x-calls", IN_ROOT, false },
    { "x-max-bytes", IN_ROOT, false },
    { "x-from", IN_ALL, false },
    { "x-first-of", IN_VALUE, false },
    { "x-first", IN_OBJECT, false },
    { "x-count", IN_VALUE, false },
    { "x-lookup", IN_VALUE, false },
    { "x-nearest", IN_VALUE, false },
    { "x-map", IN_VALUE, false },
    { "x-truncate", IN_VALUE, false },
    { "x-take", IN_LIST, false },
    { "x-trim", IN_LIST, false },
};

static const struct word *word_named(struct str name)
{
    for (size_t i = 0; i < countof(words); i++) {
        if (str_eq(name, str_of(words[i].name))) {
            return &words[i];
        }
    }
    return NULL;
}

static const char *nearest_word(struct str name)
{
    const char *names[countof(words)];
    for (size_t i = 0; i < countof(words); i++) {
        names[i] = words[i].name;
    }
    return str_nearest(name, names, countof(words));
}

void shape_words_check(
    const struct json *schema, unsigned where, const char *file, struct faults *faults)
{
    for (size_t i = 0; json_kind(schema) == JSON_OBJECT && i < schema->count; i++) {
        const struct json *member = &schema->items[i];
        const struct word *word = word_named(member->name);
        const char *nearest = word ? NULL : nearest_word(member->name);
        if (word && !(word->where & where)) {
            faults_add(faults, file, member->line, "The word \"%.*s\" means nothing here.",
                STR_FMT(member->name));
        } else if (!word) {
            faults_add(faults, file, member->line,
                "The word \"%.*s\" is not enforced here, so a shape must not promise it%s",
                STR_FMT(member->name),
                nearest ? err_meant(nearest).text
                        : ": say it in \"description\", or leave it out.");
        }
    }
}

void shape_words_check_twice(
    const struct json *schema, const struct json *target, const char *file, struct faults *faults)
{
    for (size_t i = 0; json_kind(target) == JSON_OBJECT && i < target->count; i++) {
        const struct word *word = word_named(target->items[i].name);
        const struct json *own = word ? json_get(schema, word->name) : NULL;
        bool is_chain = word && strcmp(word->name, "$ref") == 0;
        if (is_chain || (own && !word->is_for_people)) {
            faults_add(faults, file, (own ? own : schema)->line,
                is_chain ? "A \"$ref\" leads to another \"$ref\"; name its end at once."
                         : "The word \"%s\" stands here and behind \"$ref\".",
                word->name);
        }
    }
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

const struct json *shape_words_target(const struct json *root, const struct json *schema)
{
    struct str reference = json_str(json_get(schema, "$ref"));
    if (!str_starts(reference, STR("#/$defs/"))) {
        return NULL;
    }
    struct str name = str_from(reference, sizeof("#/$defs/") - 1);
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
    if (count) {
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
