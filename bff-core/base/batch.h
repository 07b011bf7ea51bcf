#ifndef BASE_BATCH_H
#define BASE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/*
 * Reads and writes of sockets, put off for a moment and done together: by one system call where the
 * kernel has io_uring for us (Linux 5.18), else one after the other. Each gives what a socket that
 * does not block gives at once. One thread; the loop runs it, see loop_io.
 */
struct batch;

/*
 * One read or write, a part of its owner. Its pieces are lent until `done`. A read needs none: when
 * it is done, one more is its last, a scratch that `done` may look at and nobody after it. Zeroed:
 * waits for nothing.
 */
struct batch_io {
    int fd;
    bool is_write;
    int count;
    struct iovec pieces[3];   /* BATCH_PIECES_MAX, and the scratch */
    size_t scratch_max_bytes; /* of a read; 0: BATCH_SCRATCH_BYTES, and more is never lent */
    /* `result`: bytes, at least one for a write and 0 at the end of a read's; or -errno. */
    void (*done)(struct batch_io *io, ssize_t result);
    size_t place; /* among those that wait, from 1; 0: it does not */
};

enum { BATCH_PIECES_MAX = 2, BATCH_SCRATCH_BYTES = 64 * 1024 };

/* One after the other, until batch_use_ring. */
struct batch *batch_new(void);
void batch_free(struct batch *batch);

/* From now on with io_uring. False, with errno, when the kernel does not let us: nothing changes.
 */
bool batch_use_ring(struct batch *batch);
bool batch_has_ring(const struct batch *batch);

/* Must not wait already. */
void batch_add(struct batch *batch, struct batch_io *io);
/* It is not done, and `done` not called: not even when it waits for that in this run. */
void batch_forget(struct batch *batch, struct batch_io *io);
/* How many wait, the forgotten among them. */
size_t batch_count(const struct batch *batch);

/*
 * Does those that have waited longest, as many as one system call takes, and tells each of them.
 * Returns how many that were.
 */
size_t batch_run(struct batch *batch);

#endif
