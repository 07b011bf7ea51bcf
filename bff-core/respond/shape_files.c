/*
 * shape_files: the files that a shape is made of.
 *
 * Owns the reading of the shape itself and of what the services of its calls promise ("x-calls").
 * Promises that a file which is not there, is no JSON, or is not named although it is needed, is
 * said where somebody can change it: at the line that names the file, or at the line in the file.
 * Knows nothing of what stands in them.
 */
#include "shape_compiler.h"

#include "../base/must.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- names that were meant ---- */

static const char SUFFIX[] = ".json";

static bool has_suffix(struct str name)
{
    size_t len = sizeof(SUFFIX) - 1;
    return name.len > len && memcmp(name.at + name.len - len, SUFFIX, len) == 0;
}

static int is_shape_file(const struct dirent *entry)
{
    return has_suffix(str_of(entry->d_name));
}

const char *shape_nearest_name(struct arena *arena, const char *directory, const char *name)
{
    enum { FILES_MAX = 256 };
    const char *slash = strrchr(name, '/'), *names[FILES_MAX];
    struct str room = { name, slash ? (size_t)(slash - name) : 0 }, wanted = str_of(name);
    char *path = arena_printf(arena, "%s/%.*s", directory, STR_FMT(room));
    struct dirent **entries;
    int found = scandir(path, &entries, is_shape_file, alphasort);
    size_t count = 0;
    for (int i = 0; i < found; i++) {
        if (count < FILES_MAX) {
            struct str file = str_of(entries[i]->d_name);
            file.len -= sizeof(SUFFIX) - 1;
            names[count++] =
                arena_printf(arena, "%.*s%s%.*s", STR_FMT(room), slash ? "/" : "", STR_FMT(file));
        }
        free(entries[i]);
    }
    if (found >= 0) {
        free(entries);
    }
    wanted.len -= has_suffix(wanted) ? sizeof(SUFFIX) - 1 : 0;
    return str_nearest(wanted, names, count);
}

/* ---- reading ---- */

/* "line 12: why", of which the number says where in the file. */
static void add_fault(struct shape_compiler *c, const char *path, const char *text)
{
    int line = 0, len = 0;
    bool has_line = sscanf(text, "line %d: %n", &line, &len) == 1 && len > 0;
    faults_add(c->faults, path, line, "This is no JSON: %s.", has_line ? text + len : text);
}

const struct json *shape_read_file(
    struct shape_compiler *c, const char *path, const struct json *at)
{
    struct err err;
    const struct json *json = json_read(c->arena, path, &err);
    if (!json && access(path, R_OK) != 0) {
        FAULT(c, at, "%s.", err.text);
    } else if (!json) {
        add_fault(c, path, err.text);
    }
    return json;
}

/* The place of a call that "x-calls" names; calls_count after a fault. */
static size_t call_named(struct shape_compiler *c, const struct json *file)
{
    const char *names[countof(c->services)];
    for (size_t i = 0; i < c->calls_count; i++) {
        names[i] = c->calls[i].name;
        if (str_eq(file->name, str_of(names[i]))) {
            return i;
        }
    }
    const char *nearest = str_nearest(file->name, names, c->calls_count);
    FAULT(c, file, "\"%.*s\" is no call of the plan%s%s", STR_FMT(file->name),
        nearest ? "" : shape_calls(c), err_meant(nearest).text);
    return c->calls_count;
}

void shape_read_services(struct shape_compiler *c, const char *directory)
{
    const struct json *files = json_get(c->root, "x-calls");
    if (files && json_kind(files) != JSON_OBJECT) {
        FAULT(c, files, "\"x-calls\" takes an object of calls and files.");
    }
    for (size_t i = 0; json_kind(files) == JSON_OBJECT && i < files->count; i++) {
        const struct json *file = &files->items[i];
        size_t call = call_named(c, file);
        const char *name = json_cstr(file);
        if (call == c->calls_count) {
            continue;
        }
        if (!name) {
            FAULT(c, file, "\"x-calls\" takes names of files, like \"services/posts.v1.json\".");
            continue;
        }
        char *path = arena_printf(c->arena, "%s/%s", directory, name);
        const char *nearest =
            access(path, R_OK) == 0 ? NULL : shape_nearest_name(c->arena, directory, name);
        if (nearest) {
            FAULT(c, file, "There is no %s%s", path,
                err_meant(arena_printf(c->arena, "%s%s", nearest, SUFFIX)).text);
        } else {
            c->services[call] = shape_read_file(c, path, file);
        }
    }
}

/* A call that the shape takes from, and of whose answer nothing is known. */
void shape_check_calls(struct shape_compiler *c)
{
    const struct json *files = json_get(c->root, "x-calls");
    for (size_t i = 0; i < c->calls_count; i++) {
        if (shape_uses(c->shape, i) && !json_get(files, c->calls[i].name)) {
            FAULT(c, files ? files : c->root,
                "\"x-calls\" does not say which schema the answer of call \"%s\" keeps, so no path "
                "in it can be proved; schemas/services has one for each service.",
                c->calls[i].name);
        }
    }
}
