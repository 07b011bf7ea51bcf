/*
 * try: a shape without a network.
 *
 * Owns nothing. Does to files what fanout and project do to the answers of services, with the same
 * scanner and the same projector, so that a frontend team sees what its schema makes of a body
 * before any server runs.
 */
#include "try.h"

#include "base/must.h"
#include "fanout/plan.h"
#include "respond/project.h"

#include <stdlib.h>
#include <sysexits.h>

enum { FILE_MAX_BYTES = 16 * 1024 * 1024, PIECE_BYTES = 64 * 1024 };

/* False when there is no such file, or it is too large. */
static bool read_file(const char *path, struct buf *text)
{
    FILE *file = fopen(path, "r");
    size_t got = 0;
    if (!file) {
        return false;
    }
    do {
        char *to = buf_reserve(text, PIECE_BYTES);
        got = to ? fread(to, 1, PIECE_BYTES, file) : 0;
        if (got) {
            buf_grew(text, got);
        }
    } while (got);
    fclose(file);
    return !text->is_overfull;
}

/* Why the call has no answer; NULL: it has one. */
static const char *read_answer(const struct plan_call *call, const char *directory,
    struct arena *arena, struct buf *text, struct scanned *out)
{
    char *path = arena_printf(arena, "%s/%s.json", directory, call->asks->as);
    if (!read_file(path, text)) {
        return "there is no file";
    }
    return scan(call->want, buf_str(text), arena, out);
}

static void say(
    const struct plan *plan, const struct projection *projection, size_t bytes, FILE *notes)
{
    for (size_t i = 0; i < projection->repairs_count; i++) {
        const struct repair *repair = &projection->repairs[i];
        fprintf(notes, "repair: %s did not fit, %u times\n", repair->path, repair->times);
    }
    if (projection->is_whole) {
        fprintf(notes, "answer: %zu bytes\n", bytes);
    } else {
        bool is_known = projection->missing < plan->calls_count;
        fprintf(notes, "no answer: what \"%s\" should have said is missing\n",
            is_known ? plan->calls[projection->missing].asks->as : "a call");
    }
}

static int try_one(const struct plan *plan, const struct shape *shape, const char *directory,
    FILE *out, FILE *notes)
{
    struct arena arena;
    struct buf texts[BFF_CALLS_MAX], answer;
    struct scanned scanned[BFF_CALLS_MAX] = { 0 };
    const struct scanned *answers[BFF_CALLS_MAX] = { NULL };
    arena_init(&arena, NULL);
    buf_init(&answer, FILE_MAX_BYTES);
    for (size_t i = 0; i < plan->calls_count; i++) {
        buf_init(&texts[i], FILE_MAX_BYTES);
        if (plan->calls[i].asks->is_detached) {
            continue;
        }
        const char *why = read_answer(&plan->calls[i], directory, &arena, &texts[i], &scanned[i]);
        answers[i] = why ? NULL : &scanned[i];
        fprintf(notes, "call %s: %s\n", plan->calls[i].asks->as, why ? why : "answered");
    }
    struct projection projection = project(shape, answers, &arena, &answer);
    if (projection.is_whole) {
        fwrite(answer.data, 1, answer.len, out);
        fputc('\n', out);
    }
    say(plan, &projection, answer.len, notes);
    for (size_t i = 0; i < plan->calls_count; i++) {
        buf_release(&texts[i]);
    }
    buf_release(&answer);
    arena_release(&arena);
    return projection.is_whole ? EXIT_SUCCESS : EXIT_FAILURE;
}

int try_plan(
    const struct core *core, const char *name, const char *directory, FILE *out, FILE *notes)
{
    const char *names[64];
    size_t count =
        core->client->plans_count < countof(names) ? core->client->plans_count : countof(names);
    for (size_t i = 0; i < count; i++) {
        names[i] = core->client->plans[i].name;
        if (strcmp(names[i], name) == 0) {
            return try_one(&core->plans[i], core->shapes[i], directory, out, notes);
        }
    }
    const char *nearest = str_nearest(str_of(name), names, count);
    fprintf(notes, "there is no plan \"%s\"%s%s%s\n", name, nearest ? "; did you mean \"" : "",
        nearest ? nearest : "", nearest ? "\"?" : "");
    return EX_USAGE;
}
