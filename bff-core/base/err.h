#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

/* Why something failed: one finished sentence, for a person. { "" } is "nothing failed". */
struct err {
    char text[400];
};

/* Always false, so that a function can end with `return err_set(...)`. */
__attribute__((format(printf, 2, 3))) bool err_set(struct err *err, const char *format, ...);

/*
 * How a sentence about a wrong name ends: "; did you mean "nearest"?", or with a full stop when
 * nothing is near (NULL, see str_nearest).
 */
struct err err_meant(const char *nearest);

/*
 * The operator's mistakes: collected, never stopped at the first, then printed all at once as
 * "file:line: sentence". A full list counts on but keeps no more texts.
 */
struct faults {
    struct fault *list;
    size_t count;
    size_t room;
};

struct fault {
    char *file; /* NULL: concerns no file */
    int line;   /* 0: concerns no line */
    char *text;
};

void faults_init(struct faults *faults);
void faults_fini(struct faults *faults);

/* `file` is copied and may be NULL. */
__attribute__((format(printf, 4, 5))) void faults_add(
    struct faults *faults, const char *file, int line, const char *format, ...);

/* Writes each on a line of its own to stderr, in order of file and line. What was added twice is
 * written, and from then on counted, once. */
void faults_print(struct faults *faults);

#endif
