/*
 * shape_source: where the values of a shape come from.
 *
 * Owns the way from a path in a schema ("posts.items", or relative to the list in hand) to a place
 * in a call's answer. Every path is held against the schema that the call's service promises, so
 * that a slip of the pen is found at boot and not as an empty field. Knows nothing of types and
 * bounds.
 */
#include "shape_compiler.h"

#include "../base/must.h"
#include "shape_words.h"

const char *shape_calls(struct shape_compiler *c)
{
    const char *list = "";
    for (size_t i = 0; i < c->calls_count; i++) {
        bool has_name = c->calls[i].name[0] != '('; /* else it is detached, and has no answer */
        if (has_name) {
            list = arena_printf(
                c->arena, "%s%s%s", list, *list ? ", " : " (its calls are ", c->calls[i].name);
        }
    }
    return *list ? arena_printf(c->arena, "%s)", list) : "";
}

bool shape_locate(struct shape_compiler *c, const struct json *at, struct str text,
    struct shape_scope scope, struct shape_scope *out)
{
    struct str head, rest;
    const char *names[32];
    *out = (struct shape_scope){ SHAPE_LOST, STR("") };
    if (!text.len && (!text.at || scope.call == SIZE_MAX)) {
        FAULT(c, at, "A path like \"posts.items\" must stand here.");
        return false;
    }
    if (scope.call == SHAPE_LOST) {
        return false;
    }
    if (memchr(text.at, '[', text.len)) {
        FAULT(c, at,
            "\"%.*s\" names elements: a path leads to the list itself, and \"items\", \"x-first\", "
            "\"x-nearest\" or \"x-lookup\" say what is made of them.",
            STR_FMT(text));
        return false;
    }
    if (scope.call != SIZE_MAX) {
        const char *dot = scope.base.len && text.len ? "." : "";
        out->call = scope.call;
        out->base =
            str_of(arena_printf(c->arena, "%.*s%s%.*s", STR_FMT(scope.base), dot, STR_FMT(text)));
        return true;
    }
    str_cut(text, '.', &head, &rest);
    for (size_t i = 0; i < c->calls_count; i++) {
        names[i] = c->calls[i].name;
        if (str_eq(head, str_of(names[i]))) {
            *out = (struct shape_scope){ i, rest };
            return true;
        }
    }
    const char *nearest = str_nearest(head, names, c->calls_count);
    FAULT(c, at, "\"%.*s\" begins with \"%.*s\", which is no call of the plan%s%s", STR_FMT(text),
        STR_FMT(head), nearest ? "" : shape_calls(c), err_meant(nearest).text);
    return false;
}

static void check_promise(
    struct shape_compiler *c, const struct json *at, struct shape_scope where, unsigned kinds)
{
    const struct json *service = c->services[where.call];
    struct shape_promise promise = shape_words_promise(service, where.base);
    bool is_integer;
    unsigned promised = shape_words_kinds(json_get(promise.schema, "type"), &is_integer);
    if (promise.unknown.at) {
        FAULT(c, at, "The service of call \"%s\" knows no \"%.*s\" in \"%.*s\"%s",
            c->calls[where.call].name, STR_FMT(promise.unknown), STR_FMT(where.base),
            err_meant(promise.nearest).text);
    } else if (promised && kinds && !(promised & kinds & ~(1u << SCAN_NULL))) {
        /* That both may be null is not enough. */
        FAULT(c, at, "The service of call \"%s\" promises another type for \"%.*s\": %s.",
            c->calls[where.call].name, STR_FMT(where.base),
            shape_text(c, json_get(promise.schema, "type")));
    }
}

struct shape_source shape_take(
    struct shape_compiler *c, const struct json *at, struct shape_scope where, unsigned kinds)
{
    struct want *want = c->calls[where.call].want;
    struct shape *shape = c->shape;
    struct shape_source source = { .call = where.call, .number = shape->sources_count };
    size_t path = want_path(want, where.base);
    const char *dot = where.base.len ? "." : "";
    source.path =
        arena_printf(c->arena, "%s%s%.*s", c->calls[where.call].name, dot, STR_FMT(where.base));
    if (path == SIZE_MAX || shape->sources_count == SHAPE_SOURCES_MAX) {
        FAULT(c, at, "\"%s\" is not a path like \"posts.items\", or there are too many.",
            source.path);
        source.number = 0;
        return source;
    }
    check_promise(c, at, where, kinds);
    source.place = want_place(want, path);
    shape->paths[shape->sources_count] = source.path;
    shape->calls_of[shape->sources_count++] = where.call;
    shape->used |= 1u << where.call;
    return source;
}

struct shape_scope shape_elements(struct shape_compiler *c, struct shape_scope list)
{
    return (struct shape_scope){ list.call,
        str_of(arena_printf(c->arena, "%.*s[*]", STR_FMT(list.base))) };
}

struct shape_list shape_take_list(
    struct shape_compiler *c, const struct json *at, struct shape_scope where)
{
    struct want *want = c->calls[where.call].want;
    struct shape_list list = { .source = shape_take(c, at, where, 1u << SCAN_LIST) };
    size_t path = want_path(want, where.base);
    size_t elements = want_path(want, shape_elements(c, where).base);
    if (path != SIZE_MAX && elements != SIZE_MAX) {
        list.rows = want_rows(want, path);
        list.list = want_place(want, elements).list;
    }
    return list;
}
