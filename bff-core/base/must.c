/*
 * must: the end of a process that has met its own bug.
 *
 * Owns the per-thread note of what is being worked on. Writes with plain stdio: the process is
 * about to die, and the log may be the thing that broke.
 */
#include "must.h"

#include <stdio.h>
#include <stdlib.h>

static _Thread_local const char *context;

void must_context(const char *what)
{
    context = what;
}

_Noreturn void must_fail(const char *cond, const char *file, int line)
{
    fprintf(
        stderr, "bug: %s:%d: must(%s), request %s\n", file, line, cond, context ? context : "none");
    abort();
}
