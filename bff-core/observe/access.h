#ifndef OBSERVE_ACCESS_H
#define OBSERVE_ACCESS_H

#include "finish.h"

#include "../base/counter.h"

/*
 * The access log: one JSON object on one line for each finished request. Workers collect lines in
 * buffers of their own and write them to one shared target without ever waiting for it.
 */

/*
 * The target. Any thread; a worker that finds another one in the middle of a line comes back later.
 */
struct access;

/* One worker's lines. That worker's thread only. */
struct access_writer;

/*
 * `target` is a path (opened for appending, made when it is not there), "stdout" or "off". Writers
 * must ignore SIGPIPE. NULL with a sentence in `err`.
 */
struct access *access_new(const char *target, unsigned workers, struct err *err);

/* After all writers. NULL is nothing. */
void access_free(struct access *access);

/*
 * Opens the path again, after logrotate has moved the file away: lines go to the new file from the
 * next write on, each whole in one of the two. Any thread, not a signal handler. True and without
 * effect for stdout and off; false with a sentence when the path cannot be opened, and the old file
 * stays.
 */
bool access_reopen(struct access *access, struct err *err);

/* Lines that were lost because the target did not keep up or could not be written. Any thread. */
uint64_t access_dropped(const struct access *access);

/* At most as many as access_new was told of workers. `loop` is the worker's own. */
struct access_writer *access_writer_new(struct access *access, struct loop *loop);

/*
 * Writes what is left and ends. A target that takes nothing is waited for, at most half a second;
 * lines that are still there then count as dropped. NULL is nothing.
 */
void access_writer_free(struct access_writer *writer);

/* Adds the request's line. Written when 16 KB have come together, or after 200 ms. Never waits. */
void access_record(struct access_writer *writer, const struct finished *finished);

#endif
