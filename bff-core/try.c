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
#include "respond/trim.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>

enum { FILE_MAX_BYTES = 16 * 1024 * 1024, PIECE_BYTES = 64 * 1024 };

/* False with a sentence when it cannot be read, or is too large. */
static bool read_file(const char *path, struct buf *text, struct err *err)
{
    FILE *file = fopen(path, "r");
    size_t got = 0;
    if (!file && errno == ENOENT) {
        return err_set(err, "there is no file %s", path);
    }
    if (!file) {
        return err_set(err, "%s: %s", path, strerror(errno));
    }
    do {
        char *to = buf_reserve(text, PIECE_BYTES);
        got = to ? fread(to, 1, PIECE_BYTES, file) : 0;
        if (got) {
            buf_grew(text, got);
        }
    } while (got);
    bool is_read = !ferror(file) || err_set(err, "%s: %s", path, strerror(errno));
    fclose(file);
    return is_read && (!text->is_overfull ||
                          err_set(err, "%s is larger than %d MB", path, FILE_MAX_BYTES >> 20));
}

/* ":12" behind the file's name, where it is known that the text is no JSON from there on. */
static const char *line_of(struct str text, struct arena *arena)
{
    size_t at = 0, line = 1;
    if (!scan_check(text, arena, &at)) {
        return "";
    }
    for (size_t i = 0; i < at && i < text.len; i++) {
        line += text.at[i] == '\n';
    }
    return arena_printf(arena, ":%zu", line);
}

/* False with a sentence: the call has no answer. */
static bool read_answer(const struct plan_call *call, const char *directory, struct arena *arena,
    struct buf *text, struct scanned *out, struct err *err)
{
    char *path = arena_printf(arena, "%s/%s.json", directory, call->asks->as);
    if (!read_file(path, text, err)) {
        return false;
    }
    const char *why = scan(call->want, buf_str(text), arena, out);
    return !why || err_set(err, "%s%s: %s", path, line_of(buf_str(text), arena), why);
}

/* Files that somebody meant for a call. */
static void say_strays(const struct plan *plan, DIR *directory, struct arena *arena, FILE *notes)
{
    const char *names[BFF_CALLS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < plan->calls_count; i++) {
        if (!plan->calls[i].asks->is_detached) {
            names[count++] = arena_printf(arena, "%s.json", plan->calls[i].asks->as);
        }
    }
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        const char *suffix = strrchr(entry->d_name, '.');
        bool is_meant = suffix && strcmp(suffix, ".json") == 0;
        for (size_t i = 0; is_meant && i < count; i++) {
            is_meant = strcmp(names[i], entry->d_name) != 0;
        }
        if (is_meant) {
            fprintf(notes, "%s is the answer of no call%s\n", entry->d_name,
                err_meant(str_nearest(str_of(entry->d_name), names, count)).text);
        }
    }
}

/* "answer: 5324 bytes of at most 6144"; what the bound has cost follows. */
static void say_size(const char *form, size_t bytes, size_t max_bytes, bool is_trimmed, FILE *notes)
{
    fprintf(notes, "%s: %zu bytes", form, bytes);
    if (max_bytes) {
        fprintf(notes, " of at most %zu", max_bytes);
    }
    if (max_bytes && bytes > max_bytes) {
        fprintf(notes, ": too large, and no list has anything left to lose");
    } else if (is_trimmed) {
        fprintf(notes, ": lists were shortened until it fitted");
    }
    fputc('\n', notes);
}

static void say(const struct plan *plan, const struct projection *projection, FILE *notes)
{
    for (size_t i = 0; i < projection->repairs_count; i++) {
        const struct repair *repair = &projection->repairs[i];
        fprintf(notes, "repair: %s did not fit, %u time%s\n", repair->path, repair->times,
            repair->times == 1 ? "" : "s");
    }
    if (!projection->is_whole) {
        bool is_known = projection->missing < plan->calls_count;
        fprintf(notes, "no answer: what \"%s\" should have said is missing\n",
            is_known ? plan->calls[projection->missing].asks->as : "a call");
    }
}

/* As a client that takes gzip gets it; the plain text is printed. */
static void say_answer(struct trim *trim, unsigned gzip_level, FILE *out, FILE *notes)
{
    struct compressor *compressor = compressor_new(gzip_level);
    bool is_trimmed = trim->projection->is_trimmed;
    struct buf gzip;
    buf_init(&gzip, FILE_MAX_BYTES);
    bool is_gzip = trim_gzip(trim, compressor, &gzip);
    fwrite(trim->plain->data, 1, trim->plain->len, out);
    fputc('\n', out);
    say_size("answer", trim->plain->len, trim->shape->max_bytes, is_trimmed, notes);
    if (is_gzip) {
        say_size("gzip", gzip.len, trim->shape->max_gzip_bytes, trim->is_trimmed, notes);
    } else {
        fputs("gzip: switched off in the settings\n", notes);
    }
    buf_release(&gzip);
    compressor_free(compressor);
}

static int try_one(const struct core *core, size_t index, const char *path, FILE *out, FILE *notes)
{
    const struct plan *plan = &core->plans[index];
    DIR *directory = opendir(path);
    if (!directory) {
        fprintf(notes, "%s: %s; there must be a directory with a file CALL.json for each call\n",
            path, strerror(errno));
        return EX_USAGE;
    }
    const struct shape *shape = core->shapes[index];
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
        struct err err = { "answered" };
        bool has_answer = read_answer(&plan->calls[i], path, &arena, &texts[i], &scanned[i], &err);
        answers[i] = has_answer ? &scanned[i] : NULL;
        fprintf(notes, "call %s: %s\n", plan->calls[i].asks->as, err.text);
    }
    say_strays(plan, directory, &arena, notes);
    closedir(directory);
    struct projection projection = project(shape, answers, &arena, &answer);
    struct trim trim = { shape, answers, &arena, &answer, &projection, false, false };
    if (projection.is_whole) {
        say_answer(&trim, core->settings->compress.gzip_level, out, notes);
    }
    say(plan, &projection, notes);
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
        if (strcmp(names[i], name) == 0 && !core->shapes[i]) {
            fprintf(
                notes, "plan %s passes its answer through: there is nothing to project\n", name);
            return EX_USAGE;
        }
        if (strcmp(names[i], name) == 0) {
            return try_one(core, i, directory, out, notes);
        }
    }
    const char *nearest = str_nearest(str_of(name), names, count);
    fprintf(notes, "there is no plan \"%s\"%s%s%s\n", name, nearest ? "; did you mean \"" : "",
        nearest ? nearest : "", nearest ? "\"?" : "");
    return EX_USAGE;
}
