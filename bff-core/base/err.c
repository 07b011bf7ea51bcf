/*
 * err: failure, said in sentences.
 *
 * Owns the texts of a faults list. Knows nothing of what failed: the sentence is made where the
 * fault is found. Memory is taken with malloc; without it a fault still counts, only its text is
 * lost.
 */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool err_set(struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return false;
}

struct err err_meant(const char *nearest)
{
    struct err end = { "." };
    if (nearest) {
        err_set(&end, "; did you mean \"%s\"?", nearest);
    }
    return end;
}

void faults_init(struct faults *faults)
{
    *faults = (struct faults){ 0 };
}

void faults_fini(struct faults *faults)
{
    for (size_t i = 0; i < faults->room && i < faults->count; i++) {
        free(faults->list[i].file);
        free(faults->list[i].text);
    }
    free(faults->list);
    faults_init(faults);
}

static struct fault *next_slot(struct faults *faults)
{
    size_t at = faults->count++;
    if (at < faults->room) {
        return &faults->list[at];
    }
    size_t room = faults->room ? faults->room * 2 : 16;
    struct fault *list = at == faults->room ? realloc(faults->list, room * sizeof(*list)) : NULL;
    if (!list) {
        return NULL;
    }
    faults->list = list;
    faults->room = room;
    return &list[at];
}

void faults_add(struct faults *faults, const char *file, int line, const char *format, ...)
{
    struct fault *slot = next_slot(faults);
    if (!slot) {
        return;
    }
    va_list args;
    va_start(args, format);
    if (vasprintf(&slot->text, format, args) < 0) {
        slot->text = NULL;
    }
    va_end(args);
    slot->file = file ? strdup(file) : NULL;
    slot->line = line;
}

static int by_place(const void *left, const void *right)
{
    const struct fault *a = left, *b = right;
    int files = strcmp(a->file ? a->file : "", b->file ? b->file : "");
    int texts = strcmp(a->text ? a->text : "", b->text ? b->text : "");
    return files ? files : a->line != b->line ? a->line - b->line : texts;
}

/* Of sorted ones: what is said twice of one place was found on two ways. How many are left. */
static size_t drop_repeated(struct faults *faults, size_t kept)
{
    size_t last = 0;
    for (size_t i = 1; i < kept; i++) {
        if (by_place(&faults->list[last], &faults->list[i]) == 0) {
            free(faults->list[i].file);
            free(faults->list[i].text);
            faults->count--;
        } else {
            faults->list[++last] = faults->list[i];
        }
    }
    return last + 1;
}

void faults_print(struct faults *faults)
{
    size_t kept = faults->count < faults->room ? faults->count : faults->room;
    if (kept) {
        qsort(faults->list, kept, sizeof(*faults->list), by_place);
        kept = drop_repeated(faults, kept);
    }
    for (size_t i = 0; i < kept; i++) {
        const struct fault *fault = &faults->list[i];
        const char *text = fault->text ? fault->text : "(no memory for the sentence)";
        if (fault->file && fault->line > 0) {
            fprintf(stderr, "%s:%d: %s\n", fault->file, fault->line, text);
        } else if (fault->file) {
            fprintf(stderr, "%s: %s\n", fault->file, text);
        } else {
            fprintf(stderr, "%s\n", text);
        }
    }
}
