/*
 * batch: many small system calls as one.
 *
 * Entering the kernel costs more than what a small read or write does there, so what a turn of the
 * loop has to read and to write is gathered and submitted together. Nothing is ever in flight
 * between two runs: the operations do not wait, and the kernel has answered all of them when it
 * returns. So there is nothing to cancel, and what an owner lends is needed no longer than its
 * entry stands here.
 *
 * Owns the ring, the list of those that wait and a scratch for each read of a group. Invariants:
 * (1) io->place is its place in the list, counted from 1, or 0; (2) whoever was forgotten is a NULL
 * in the list; (3) all are done, and told, in the order in which they were added. A ring that fails
 * is given up, and what it had not done is done without it.
 */
#include "batch.h"

#include "log.h"
#include "must.h"

#include <errno.h>
#include <liburing.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    GROUP_MAX = 32, /* done by one system call: more gain little, and need a scratch each */
    LIST_FIRST = 64,
    FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL,
};

struct batch {
    struct batch_io **list;
    size_t first, end, room; /* [first..end) wait */
    bool has_ring;
    struct io_uring ring;
    struct msghdr messages[GROUP_MAX];
    ssize_t results[GROUP_MAX];
    char *scratches; /* of a group's members, one behind the other */
};

static char *scratch_of(struct batch *batch, size_t member)
{
    return batch->scratches + member * BATCH_SCRATCH_BYTES;
}

/* ---- those that wait ---- */

static void grow(struct batch *batch)
{
    size_t room = batch->room ? batch->room * 2 : LIST_FIRST;
    struct batch_io **list = realloc(batch->list, room * sizeof(struct batch_io *));
    must(list != NULL); /* a pointer for each whose owner already has memory */
    batch->list = list;
    batch->room = room;
}

void batch_add(struct batch *batch, struct batch_io *io)
{
    must(io->place == 0 && io->done != NULL && io->count <= BATCH_PIECES_MAX &&
         io->scratch_max_bytes <= BATCH_SCRATCH_BYTES);
    if (batch->end == batch->room) {
        grow(batch);
    }
    batch->list[batch->end++] = io;
    io->place = batch->end;
}

void batch_forget(struct batch *batch, struct batch_io *io)
{
    if (io->place) {
        must(batch->list[io->place - 1] == io);
        batch->list[io->place - 1] = NULL;
        io->place = 0;
    }
}

size_t batch_count(const struct batch *batch)
{
    return batch->end - batch->first;
}

/* ---- one after the other ---- */

static ssize_t do_alone(struct batch_io *io)
{
    struct msghdr message = { .msg_iov = io->pieces, .msg_iovlen = (size_t)io->count };
    const struct iovec *first = io->pieces;
    ssize_t result;
    if (io->count == 1) {
        result = io->is_write ? send(io->fd, first->iov_base, first->iov_len, FLAGS)
                              : recv(io->fd, first->iov_base, first->iov_len, FLAGS);
    } else {
        result = io->is_write ? sendmsg(io->fd, &message, FLAGS) : recvmsg(io->fd, &message, FLAGS);
    }
    return result < 0 ? -errno : result;
}

/* ---- with the ring ---- */

enum { UNDONE = 1 - INT_MAX }; /* no result is that */

static void submit(struct batch *batch, struct batch_io *io, size_t member)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&batch->ring);
    struct msghdr *message = &batch->messages[member];
    const struct iovec *first = io->pieces;
    must(entry != NULL); /* the ring has room for a group, and is empty between two */
    *message = (struct msghdr){ .msg_iov = io->pieces, .msg_iovlen = (size_t)io->count };
    if (io->count == 1 && io->is_write) {
        io_uring_prep_send(entry, io->fd, first->iov_base, first->iov_len, FLAGS);
    } else if (io->count == 1) {
        io_uring_prep_recv(entry, io->fd, first->iov_base, first->iov_len, FLAGS);
    } else if (io->is_write) {
        io_uring_prep_sendmsg(entry, io->fd, message, FLAGS);
    } else {
        io_uring_prep_recvmsg(entry, io->fd, message, FLAGS);
    }
    entry->user_data = member;
}

static size_t take_results(struct batch *batch)
{
    struct io_uring_cqe *entry;
    unsigned head, count = 0;
    io_uring_for_each_cqe(&batch->ring, head, entry)
    {
        batch->results[entry->user_data] = entry->res;
        count++;
    }
    io_uring_cq_advance(&batch->ring, count);
    return count;
}

static void give_ring_up(struct batch *batch, int why)
{
    log_warn("io_uring has failed (%s); sockets are read and written without it.", strerror(why));
    io_uring_queue_exit(&batch->ring);
    batch->has_ring = false;
}

/* `left` have been prepared. Where the ring fails, some results stay UNDONE. */
static void enter(struct batch *batch, size_t left)
{
    while (left > 0) {
        int submitted = io_uring_submit_and_wait(&batch->ring, (unsigned)left);
        left -= take_results(batch);
        if (submitted < 0 && submitted != -EINTR) {
            give_ring_up(batch, -submitted);
            return;
        }
    }
}

/* ---- runs ---- */

/* Behind what a read has for itself: the scratch, which takes what should not be there. */
static void lend_scratch(struct batch *batch, struct batch_io *io, size_t member)
{
    if (!io->is_write) {
        size_t len = io->scratch_max_bytes ? io->scratch_max_bytes : BATCH_SCRATCH_BYTES;
        io->pieces[io->count++] = (struct iovec){ scratch_of(batch, member), len };
    }
}

static void do_group(struct batch *batch, struct batch_io **group, size_t count)
{
    size_t prepared = 0;
    for (size_t i = 0; i < count; i++) {
        batch->results[i] = UNDONE;
        if (group[i]) {
            lend_scratch(batch, group[i], i);
            if (batch->has_ring && count > 1) {
                submit(batch, group[i], i);
                prepared++;
            }
        }
    }
    enter(batch, prepared);
    for (size_t i = 0; i < count; i++) {
        if (group[i] && batch->results[i] == UNDONE) {
            batch->results[i] = do_alone(group[i]);
        }
    }
}

/* Without the ring each is told at once: its bytes are still in the cache then. */
static size_t group_count(const struct batch *batch)
{
    size_t waiting = batch_count(batch), most = batch->has_ring ? GROUP_MAX : 1;
    return waiting < most ? waiting : most;
}

size_t batch_run(struct batch *batch)
{
    size_t first = batch->first, count = group_count(batch);
    do_group(batch, batch->list + first, count);
    batch->first += count;
    for (size_t i = 0; i < count; i++) {
        struct batch_io *io = batch->list[first + i]; /* unless the one before has forgotten it */
        if (io) {
            io->place = 0;
            io->done(io, batch->results[i]);
        }
    }
    if (batch->first == batch->end) {
        batch->first = batch->end = 0;
    }
    return count;
}

/* ---- its life ---- */

bool batch_use_ring(struct batch *batch)
{
    must(!batch->has_ring);
    int refused = io_uring_queue_init(GROUP_MAX, &batch->ring, IORING_SETUP_SUBMIT_ALL);
    errno = -refused;
    batch->has_ring = refused == 0;
    return batch->has_ring;
}

bool batch_has_ring(const struct batch *batch)
{
    return batch->has_ring;
}

struct batch *batch_new(void)
{
    struct batch *batch = calloc(1, sizeof(*batch));
    must(batch != NULL);
    batch->scratches = malloc((size_t)GROUP_MAX * BATCH_SCRATCH_BYTES); /* backed once it is used */
    must(batch->scratches != NULL);
    return batch;
}

void batch_free(struct batch *batch)
{
    if (batch->has_ring) {
        io_uring_queue_exit(&batch->ring);
    }
    free(batch->list);
    free(batch->scratches);
    free(batch);
}
