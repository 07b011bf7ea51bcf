/*
 * shape_bytes: how large an answer may be.
 *
 * Owns the reading of "x-max-bytes": a number for the plain answer, or an object that names a bound
 * for each form in which an answer leaves the server. Promises that a bound which passes can do
 * something: it is not above the one that is kept first, and there is a list that can lose
 * elements. Does not know how an answer is made to fit: project does so for the plain form, trim
 * for the other.
 */
#include "shape_compiler.h"

#include "../base/must.h"

static const struct {
    const char *name;
    size_t offset; /* in struct shape */
} forms[] = {
    { "plain", offsetof(struct shape, max_bytes) },
    { "gzip", offsetof(struct shape, max_gzip_bytes) },
};

static void read_bound(struct shape_compiler *c, const struct json *json, size_t form)
{
    int64_t bytes;
    if (json_i64(json, &bytes) && bytes > 0) {
        *(size_t *)((char *)c->shape + forms[form].offset) = (size_t)bytes;
    } else {
        FAULT(c, json, "\"%.*s\" takes a number of bytes above zero here.", STR_FMT(json->name));
    }
}

static void read_form(struct shape_compiler *c, const struct json *json)
{
    const char *names[countof(forms)];
    for (size_t i = 0; i < countof(forms); i++) {
        names[i] = forms[i].name;
        if (str_eq(json->name, str_of(names[i]))) {
            read_bound(c, json, i);
            return;
        }
    }
    const char *nearest = str_nearest(json->name, names, countof(names));
    FAULT(c, json, "\"x-max-bytes\" bounds \"plain\" and \"gzip\", and no \"%.*s\"%s",
        STR_FMT(json->name), err_meant(nearest).text);
}

void shape_max_bytes(struct shape_compiler *c)
{
    const struct json *json = json_get(c->root, "x-max-bytes");
    const struct shape *shape = c->shape;
    if (!json) {
        return;
    }
    if (json_kind(json) != JSON_OBJECT) {
        read_bound(c, json, 0);
    }
    for (size_t i = 0; json_kind(json) == JSON_OBJECT && i < json->count; i++) {
        read_form(c, &json->items[i]);
    }
    if (shape->max_bytes && shape->max_gzip_bytes >= shape->max_bytes) {
        FAULT(c, json,
            "\"x-max-bytes\" allows %zu bytes under gzip and %zu plain: the first is never "
            "reached.",
            shape->max_gzip_bytes, shape->max_bytes);
    }
    if (!shape->trims_count) {
        FAULT(c, json,
            "\"x-max-bytes\" is kept by shortening lists; give one of them \"x-trim\": true.");
    }
}
