/*
 * loop: epoll, a deadline heap, two queues and a batch of reads and writes.
 *
 * Owns the epoll descriptor, the event descriptor that wakes it, the heap's array and the batch;
 * never the structs that are in them. Invariants: (1) deadline->place is its index in the heap,
 * counted from 1, or 0, and it is due no earlier than its entry there says: one that is put off
 * stays where it is until the entry's time has come; (2) no callback runs for a watch, deadline or
 * soon that was taken out, even in the middle of a batch; (3) soon work queued by soon work waits
 * for the next round, and a turn has ROUNDS of them at most, so descriptors and deadlines never
 * starve; (4) while soon work is queued, or a read or write waits, the wait is zero. Times are
 * rounded up to epoll's milliseconds: nothing expires early.
 */
#include "loop.h"

#include "clock.h"
#include "must.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* So many events that one wait nearly always hands out all: while it does not, the delay that is
 * told is how long epoll has had some left, and no event need have waited for as long. */
enum { EVENTS_MAX = 1024, HEAP_FIRST = 256, ROUNDS = 8 };

struct entry {
    uint64_t at_us;
    struct deadline *deadline;
};

struct loop {
    int epoll_fd;
    struct watch wake; /* an eventfd */
    uint64_t now_us;
    uint64_t emptied_us; /* when epoll last had nothing left */
    uint64_t delay_us;
    atomic_bool is_stopping;

    struct epoll_event events[EVENTS_MAX]; /* the batch being handed out */
    int events_count;
    int events_next;

    struct entry *heap; /* [1..heap_count] */
    size_t heap_count;
    size_t heap_room;

    struct ring_link soon;
    struct ring_link marker; /* in it while a round runs: behind the last of that round */
    struct turn_hook *hooks;
    struct batch *batch;

    pthread_mutex_t post_lock;
    struct ring_link posted; /* soon work, locked */
};

/* ---- deadlines: a binary heap by at_us ---- */

static void heap_place(struct loop *loop, size_t place, struct entry entry)
{
    loop->heap[place] = entry;
    entry.deadline->place = place;
}

static void heap_up(struct loop *loop, size_t place, struct entry entry)
{
    while (place > 1 && loop->heap[place / 2].at_us > entry.at_us) {
        heap_place(loop, place, loop->heap[place / 2]);
        place /= 2;
    }
    heap_place(loop, place, entry);
}

static void heap_down(struct loop *loop, size_t place, struct entry entry)
{
    for (;;) {
        size_t child = place * 2;
        if (child > loop->heap_count) {
            break;
        }
        if (child < loop->heap_count && loop->heap[child + 1].at_us < loop->heap[child].at_us) {
            child++;
        }
        if (loop->heap[child].at_us >= entry.at_us) {
            break;
        }
        heap_place(loop, place, loop->heap[child]);
        place = child;
    }
    heap_place(loop, place, entry);
}

static void heap_grow(struct loop *loop)
{
    size_t room = loop->heap_room ? loop->heap_room * 2 : HEAP_FIRST;
    struct entry *heap = realloc(loop->heap, (room + 1) * sizeof(*heap));
    must(heap != NULL); /* little for each deadline whose owner already has memory */
    loop->heap = heap;
    loop->heap_room = room;
}

void loop_deadline_clear(struct loop *loop, struct deadline *deadline)
{
    size_t place = deadline->place;
    if (place == 0) {
        return;
    }
    must(loop->heap[place].deadline == deadline);
    deadline->place = 0;
    struct entry last = loop->heap[loop->heap_count--];
    if (last.deadline == deadline) {
        return;
    }
    if (place > 1 && loop->heap[place / 2].at_us > last.at_us) {
        heap_up(loop, place, last);
    } else {
        heap_down(loop, place, last);
    }
}

void loop_deadline(struct loop *loop, struct deadline *deadline, uint64_t due_us)
{
    must(deadline->expired != NULL);
    deadline->due_us = due_us;
    if (deadline->place && due_us >= loop->heap[deadline->place].at_us) {
        return;
    }
    loop_deadline_clear(loop, deadline);
    if (loop->heap_count == loop->heap_room) {
        heap_grow(loop);
    }
    heap_up(loop, ++loop->heap_count, (struct entry){ due_us, deadline });
}

static void run_expired(struct loop *loop)
{
    uint64_t now_us = loop->now_us;
    while (loop->heap_count && loop->heap[1].at_us <= now_us) {
        struct deadline *first = loop->heap[1].deadline;
        if (first->due_us > loop->heap[1].at_us) { /* it was put off */
            heap_down(loop, 1, (struct entry){ first->due_us, first });
            continue;
        }
        loop_deadline_clear(loop, first);
        first->expired(first);
    }
}

/* ---- soon ---- */

static struct soon *first_of(const struct ring_link *ring)
{
    return container_of(ring->next, struct soon, link);
}

void loop_soon(struct loop *loop, struct soon *soon)
{
    must(soon->run != NULL);
    if (!ring_is_linked(&soon->link)) {
        ring_append(&loop->soon, &soon->link);
    }
}

void loop_soon_forget(struct loop *loop, struct soon *soon)
{
    (void)loop;
    ring_remove(&soon->link);
}

/* What is queued behind the marker waits for the next round. */
static void run_soon(struct loop *loop)
{
    ring_append(&loop->soon, &loop->marker);
    while (loop->soon.next != &loop->marker) {
        struct soon *first = first_of(&loop->soon);
        ring_remove(&first->link);
        first->run(first);
    }
    ring_remove(&loop->marker);
}

static bool has_more(const struct loop *loop)
{
    return !ring_is_empty(&loop->soon) || batch_count(loop->batch) > 0;
}

/* ---- reads and writes ---- */

void loop_io(struct loop *loop, struct batch_io *io)
{
    batch_add(loop->batch, io);
}

void loop_io_forget(struct loop *loop, struct batch_io *io)
{
    batch_forget(loop->batch, io);
}

/* What was read is worked on while it is in the cache: before more is. */
static void run_io(struct loop *loop)
{
    size_t left = batch_count(loop->batch);
    for (size_t done; left > 0; left -= done < left ? done : left) {
        done = batch_run(loop->batch);
        run_soon(loop);
    }
}

bool loop_use_ring(struct loop *loop)
{
    return batch_use_ring(loop->batch);
}

/* ---- other threads ---- */

static void wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t written = write(loop->wake.fd, &one, sizeof(one));
    (void)written; /* a full counter wakes as well */
}

void loop_post(struct loop *loop, struct soon *soon)
{
    pthread_mutex_lock(&loop->post_lock);
    ring_append(&loop->posted, &soon->link);
    pthread_mutex_unlock(&loop->post_lock);
    wake(loop);
}

static void take_posted(struct loop *loop)
{
    pthread_mutex_lock(&loop->post_lock);
    while (!ring_is_empty(&loop->posted)) {
        struct soon *first = first_of(&loop->posted);
        ring_remove(&first->link);
        loop_soon(loop, first);
    }
    pthread_mutex_unlock(&loop->post_lock);
}

static void woken(struct watch *watch, uint32_t events)
{
    (void)events;
    uint64_t count;
    ssize_t got = read(watch->fd, &count, sizeof(count));
    (void)got;
    take_posted(container_of(watch, struct loop, wake));
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->is_stopping, true);
    wake(loop);
}

/* ---- descriptors ---- */

bool loop_watch(struct loop *loop, struct watch *watch, uint32_t events)
{
    must(watch->ready != NULL);
    struct epoll_event event = { .events = events, .data.ptr = watch };
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

void loop_rewatch(struct loop *loop, struct watch *watch, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = watch };
    must(epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) == 0);
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = loop->events_next; i < loop->events_count; i++) {
        if (loop->events[i].data.ptr == watch) {
            loop->events[i].data.ptr = NULL;
        }
    }
}

static void run_ready(struct loop *loop)
{
    while (loop->events_next < loop->events_count) {
        struct epoll_event *event = &loop->events[loop->events_next++];
        struct watch *watch = event->data.ptr;
        if (watch) {
            watch->ready(watch, event->events);
        }
    }
    loop->events_count = loop->events_next = 0;
}

/* ---- turns ---- */

void loop_hook(struct loop *loop, struct turn_hook *hook)
{
    hook->next = loop->hooks;
    loop->hooks = hook;
}

void loop_unhook(struct loop *loop, struct turn_hook *hook)
{
    for (struct turn_hook **at = &loop->hooks; *at; at = &(*at)->next) {
        if (*at == hook) {
            *at = hook->next;
            return;
        }
    }
}

/* In epoll's terms: -1 for ever, else milliseconds rounded up. */
static int wait_ms(struct loop *loop)
{
    uint64_t limit_us = LOOP_NO_LIMIT;
    for (struct turn_hook *hook = loop->hooks, *next; hook; hook = next) {
        next = hook->next;
        uint64_t hook_us = hook->before_wait(hook);
        limit_us = hook_us < limit_us ? hook_us : limit_us;
    }
    if (has_more(loop) || atomic_load(&loop->is_stopping)) {
        return 0;
    }
    if (loop->heap_count) {
        uint64_t due_us = loop->heap[1].at_us, now_us = clock_now_us();
        uint64_t left_us = due_us > now_us ? due_us - now_us : 0;
        limit_us = left_us < limit_us ? left_us : limit_us;
    }
    if (limit_us == LOOP_NO_LIMIT) {
        return -1;
    }
    uint64_t ms = limit_us / 1000 + (limit_us % 1000 != 0);
    return ms < 60000 ? (int)ms : 60000;
}

/* What is ready now became so after epoll had last handed out all that was. */
static void note_delay(struct loop *loop, uint64_t asked_us)
{
    loop->delay_us = asked_us - loop->emptied_us;
    if (loop->events_count < EVENTS_MAX) {
        loop->emptied_us = loop->now_us;
    }
}

/*
 * What an event leads to is mostly a read, and soon work and writes, one after the other, and hooks
 * between them: epoll is not asked in between. Returns how long it may wait then.
 */
static int settle(struct loop *loop)
{
    int ms = 0;
    for (int round = 0; round < ROUNDS; round++) {
        run_soon(loop);
        run_io(loop);
        ms = wait_ms(loop);
        if (!has_more(loop)) {
            break;
        }
    }
    return ms;
}

void loop_run(struct loop *loop)
{
    while (!atomic_load(&loop->is_stopping)) {
        int ms = settle(loop);
        uint64_t asked_us = clock_now_us();
        int count = epoll_wait(loop->epoll_fd, loop->events, EVENTS_MAX, ms);
        must(count >= 0 || errno == EINTR);
        loop->events_count = count > 0 ? count : 0;
        loop->now_us = clock_now_us();
        note_delay(loop, asked_us);
        run_ready(loop);
        run_io(loop); /* what is here in time is not late */
        run_expired(loop);
    }
    atomic_store(&loop->is_stopping, false);
}

uint64_t loop_now_us(const struct loop *loop)
{
    return loop->now_us;
}

uint64_t loop_delay_us(const struct loop *loop)
{
    return loop->delay_us;
}

uint64_t loop_lag_us(const struct loop *loop, uint64_t now_us)
{
    return loop->delay_us + (now_us > loop->now_us ? now_us - loop->now_us : 0);
}

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    must(loop != NULL);
    ring_init(&loop->soon);
    ring_init(&loop->posted);
    loop->now_us = loop->emptied_us = clock_now_us();
    loop->batch = batch_new();
    pthread_mutex_init(&loop->post_lock, NULL);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = (struct watch){ eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), woken };
    if (loop->epoll_fd < 0 || loop->wake.fd < 0 || !loop_watch(loop, &loop->wake, EPOLLIN)) {
        int why = errno;
        loop_free(loop);
        errno = why;
        return NULL;
    }
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop->wake.fd >= 0) {
        close(loop->wake.fd);
    }
    if (loop->epoll_fd >= 0) {
        close(loop->epoll_fd);
    }
    pthread_mutex_destroy(&loop->post_lock);
    batch_free(loop->batch);
    free(loop->heap);
    free(loop);
}
