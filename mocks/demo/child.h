#ifndef DEMO_CHILD_H
#define DEMO_CHILD_H

#include "base/err.h"

#include <sys/types.h>

/*
 * A program that the demo runs. It ends when the demo does, however that ends, and what it writes
 * is in a log file. All zero: not running.
 */
struct child {
    const char *name; /* for sentences; borrowed */
    char log[128];    /* the file's path */
    pid_t pid;
};

/*
 * Blocks the signals that end the demo and SIGCHLD, from here on and for good: they are taken by
 * child_pause. Children start with none of them blocked.
 */
void child_block_signals(void);

/* Waits for one of those signals, `limit_ms` at most (negative: for ever); its number, or 0. */
int child_pause(int limit_ms);

/* Starts argv[0] with its output in `log`. False with a sentence. `name` is borrowed. */
bool child_start(struct child *child, const char *name, const char *log, const char *const argv[],
    struct err *err);

/* False, with how it ended and the end of its log, when it runs no more. */
bool child_is_running(struct child *child, struct err *err);

/* True when a line of its log begins with `words`. */
bool child_has_said(const struct child *child, const char *words);

/* Asks it to end, waits, and takes no refusal. No effect on one that is not running. */
void child_stop(struct child *child);

#endif
