#ifndef TESTS_UNIT_DESK_H
#define TESTS_UNIT_DESK_H

#include "base/arena.h"
#include "base/err.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What a test of files and faults needs: a directory of its own, in which it runs, an arena, and
 * two lists. */
static struct desk {
    char home[4096]; /* where the test was started: the project's top */
    char directory[32];
    struct arena arena;
    struct faults faults;
    struct faults warnings;
} desk;

static inline void desk_open(void)
{
    cr_assert_not_null(getcwd(desk.home, sizeof(desk.home)));
    strncpy(desk.directory, "/tmp/bff-test-XXXXXX", sizeof(desk.directory) - 1);
    cr_assert(mkdtemp(desk.directory) && chdir(desk.directory) == 0);
    arena_init(&desk.arena, NULL);
    faults_init(&desk.faults);
    faults_init(&desk.warnings);
}

static inline int desk_remove(const char *path, const struct stat *s, int type, struct FTW *ftw)
{
    (void)s, (void)type, (void)ftw;
    return remove(path);
}

static inline void desk_close(void)
{
    cr_assert(chdir("/") == 0);
    nftw(desk.directory, desk_remove, 8, FTW_DEPTH | FTW_PHYS);
    arena_release(&desk.arena);
    faults_fini(&desk.faults);
    faults_fini(&desk.warnings);
}

static inline void desk_write_bytes(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "w");
    cr_assert(file && fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
}

static inline void desk_write(const char *path, const char *text)
{
    desk_write_bytes(path, text, strlen(text));
}

/* The list as faults_print would write it, in the order of finding. */
static inline const char *desk_sentences(const struct faults *faults)
{
    const char *text = "";
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->list[i];
        const char *line = fault->line ? arena_printf(&desk.arena, ":%d", fault->line) : "";
        text = arena_printf(&desk.arena, "%s%s%s: %s\n", text, fault->file, line, fault->text);
    }
    return text;
}

/* All that went wrong, and nothing else. */
static inline void desk_expect(const struct faults *faults, const char *expected)
{
    const char *found = desk_sentences(faults);
    cr_assert(strcmp(found, expected) == 0, "found:\n%s\nexpected:\n%s", found, expected);
}

#endif
