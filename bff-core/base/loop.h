#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include "batch.h"
#include "ring.h"

#include <stdint.h>

/*
 * The loop of one worker: descriptors (epoll), deadlines (a heap), and work put off to the next
 * moment when no library is on the stack, or when there is more of it (reads and writes). All
 * structs below are parts of their owner; the loop keeps pointers to them, so an owner takes them
 * out (unwatch, clear, forget) before it dies. One thread only, except loop_post and loop_stop.
 */
struct loop;

/* NULL when the system refuses an epoll or event descriptor; errno says why. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* Runs turns until loop_stop. A turn: posted and soon work, reads and writes, turn hooks, wait,
 * descriptors, deadlines. */
void loop_run(struct loop *loop);

/* Ends loop_run after the current turn; it may be called again. Any thread. */
void loop_stop(struct loop *loop);

/* Monotonic microseconds, read once per wake-up: for deadlines. clock_now_us() is exact. */
uint64_t loop_now_us(const struct loop *loop);

/*
 * How long an event may have been ready before this turn handed it out: as long as the turn before
 * took, or several when one could not hand out all.
 */
uint64_t loop_delay_us(const struct loop *loop);

/*
 * The same for what is being handled at this moment: this turn has taken some time, too. `now_us`
 * is clock_now_us().
 */
uint64_t loop_lag_us(const struct loop *loop, uint64_t now_us);

/* A descriptor of interest. `ready` gets EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLERR, EPOLLHUP. */
struct watch {
    int fd;
    void (*ready)(struct watch *watch, uint32_t events);
};

/* `events` as for epoll_ctl, EPOLLET included. False, with errno, when epoll refuses the
 * descriptor. */
bool loop_watch(struct loop *loop, struct watch *watch, uint32_t events);
void loop_rewatch(struct loop *loop, struct watch *watch, uint32_t events);
/* After this `ready` is not called again, not even for an event that was already fetched. Before
 * close(fd). */
void loop_unwatch(struct loop *loop, struct watch *watch);

/* A moment at which something must happen. Zeroed is "not set". */
struct deadline {
    uint64_t due_us;
    size_t place; /* in the heap, from 1; 0: not set */
    void (*expired)(struct deadline *deadline);
};

/*
 * Sets or moves. `due_us` is monotonic; a moment in the past expires in this turn. To put it off
 * costs next to nothing, to clear it more: what will be set again soon may as well stay.
 */
void loop_deadline(struct loop *loop, struct deadline *deadline, uint64_t due_us);
/* No effect when it is not set. */
void loop_deadline_clear(struct loop *loop, struct deadline *deadline);

/* Work for the next moment when no library is on the stack. Zeroed is "not queued". */
struct soon {
    struct ring_link link; /* in the queue, or in that of what was posted */
    void (*run)(struct soon *soon);
};

/* Queues at the end; queued already: stays where it is. What is queued while the queue runs, runs
 * in the next round: after the turn hooks, and mostly before the next wait. */
void loop_soon(struct loop *loop, struct soon *soon);
void loop_soon_forget(struct loop *loop, struct soon *soon);

/*
 * A read or a write of a socket, done with all others of this moment: behind the soon work that is
 * queued now, and before the next wait. Must not wait already.
 */
void loop_io(struct loop *loop, struct batch_io *io);
/* No effect when it does not wait. After this `done` is not called. */
void loop_io_forget(struct loop *loop, struct batch_io *io);

/*
 * From now on with io_uring. False, with errno, when the kernel does not let us; then each read and
 * each write stays a system call of its own.
 */
bool loop_use_ring(struct loop *loop);

/*
 * From any thread: `soon` is run by the loop's own thread. The caller gives the struct away until
 * it runs; it is queued once at a time. A loop that has ended runs nothing more.
 */
void loop_post(struct loop *loop, struct soon *soon);

/* Called before each wait: catches up and returns how long the wait may be at most, in us;
 * LOOP_NO_LIMIT. */
struct turn_hook {
    struct turn_hook *next;
    uint64_t (*before_wait)(struct turn_hook *hook);
};

#define LOOP_NO_LIMIT UINT64_MAX

void loop_hook(struct loop *loop, struct turn_hook *hook);
void loop_unhook(struct loop *loop, struct turn_hook *hook);

#endif
