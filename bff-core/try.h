#ifndef TRY_H
#define TRY_H

#include "worker.h"

#include <stdio.h>

/*
 * One plan's answer, made offline from canned answers: DIRECTORY/AS.json for each call; a file that
 * is not there is a call without an answer. The answer goes to `out`; which calls had an answer,
 * the repairs and the size go to `notes`, and what in DIRECTORY belongs to no call. Returns the
 * exit code: 0 an answer; 1 none could be made; 64 there is no such plan, or no such directory.
 */
int try_plan(
    const struct core *core, const char *name, const char *directory, FILE *out, FILE *notes);

#endif
