#ifndef TESTS_SHAPE_DESK_H
#define TESTS_SHAPE_DESK_H

/* A desk for shapes: a schema and two calls' answers as texts, and what comes of them. */

#include "base/must.h"
#include "respond/project.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DESK_CALLS = 2 };

static struct {
    struct arena arena;
    struct faults faults;
    struct shape_call calls[DESK_CALLS]; /* "a" and "b" */
    struct shape *shape;
    struct buf bodies[DESK_CALLS];
    struct buf out;
    struct projection projection;
    char folder[32];
} desk;

static inline void desk_open(void)
{
    static const char *const names[DESK_CALLS] = { "a", "b" };
    memset(&desk, 0, sizeof(desk));
    arena_init(&desk.arena, NULL);
    faults_init(&desk.faults);
    buf_init(&desk.out, 1024 * 1024);
    for (size_t i = 0; i < DESK_CALLS; i++) {
        desk.calls[i] = (struct shape_call){ names[i], want_new(&desk.arena) };
        buf_init(&desk.bodies[i], 1024 * 1024);
    }
    snprintf(desk.folder, sizeof(desk.folder), "/tmp/shape-XXXXXX");
    cr_assert_not_null(mkdtemp(desk.folder));
}

static inline void desk_write(const char *name, const char *text)
{
    FILE *file = fopen(arena_printf(&desk.arena, "%s/%s.json", desk.folder, name), "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static inline void desk_remove(const char *name)
{
    unlink(arena_printf(&desk.arena, "%s/%s.json", desk.folder, name));
}

static inline void desk_close(void)
{
    desk_remove("shape");
    desk_remove("service");
    desk_remove("any");
    rmdir(desk.folder);
    for (size_t i = 0; i < DESK_CALLS; i++) {
        buf_release(&desk.bodies[i]);
    }
    buf_release(&desk.out);
    faults_fini(&desk.faults);
    arena_release(&desk.arena);
}

/*
 * Compiles; faults are in desk.faults. A schema that names no services gets one that promises
 * nothing.
 */
static inline void desk_compile(const char *schema)
{
    bool is_complete = schema[0] != '{' || strstr(schema, "x-calls") != NULL;
    desk_write("any", "{}");
    desk_write("shape",
        is_complete ? schema
                    : arena_printf(&desk.arena,
                          "{\"x-calls\":{\"a\":\"any.json\",\"b\":\"any.json\"},%s", schema + 1));
    desk.shape =
        shape_compile(&desk.arena, desk.folder, "shape", desk.calls, DESK_CALLS, &desk.faults);
}

/* A schema without mistakes whose root has these properties and requirements. */
static inline void desk_shape(const char *properties, const char *required)
{
    desk_compile(arena_printf(&desk.arena,
        "{\"type\":\"object\",\"properties\":{%s},\"required\":[%s]}", properties, required));
    cr_assert_eq(desk.faults.count, 0, "%s", desk.faults.count ? desk.faults.list[0].text : "");
}

/* The answer to these bodies (NULL: the call has no answer); "" when there is none. */
static inline const char *desk_project(const char *a, const char *b)
{
    const char *texts[DESK_CALLS] = { a, b };
    struct scanned scans[DESK_CALLS];
    const struct scanned *answers[DESK_CALLS] = { NULL };
    for (size_t i = 0; i < DESK_CALLS; i++) {
        if (!texts[i]) {
            continue;
        }
        buf_clear(&desk.bodies[i]);
        buf_append_str(&desk.bodies[i], str_of(texts[i]));
        const char *why =
            scan(desk.calls[i].want, buf_str(&desk.bodies[i]), &desk.arena, &scans[i]);
        cr_assert_null(why, "%s: %s", texts[i], why);
        answers[i] = &scans[i];
    }
    desk.projection = project(desk.shape, answers, &desk.arena, &desk.out);
    return desk.projection.is_whole ? arena_cstr(&desk.arena, buf_str(&desk.out)) : "";
}

/* How often something was repaired. */
static inline unsigned desk_repairs(void)
{
    unsigned times = 0;
    for (size_t i = 0; i < desk.projection.repairs_count; i++) {
        times += desk.projection.repairs[i].times;
    }
    return times;
}

#define EXPECT_ANSWER(a, b, expected)                                                              \
    do {                                                                                           \
        const char *got_ = desk_project((a), (b));                                                 \
        cr_expect_str_eq(got_, (expected), "%s\n  instead of %s", got_, (expected));               \
    } while (0)

#endif
