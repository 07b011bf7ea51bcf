/*
 * A heap of suspended connections and the thread that wakes them.
 *
 * Owns the waiting. It promises that
 *  1. a connection is resumed once, never before it is due, and usually within 0.1 ms after;
 *  2. when the delay is closed no connection stays suspended, because libmicrohttpd must not be
 *     stopped while one is.
 *
 * It does not know why somebody waits, nor notices when a client goes away meanwhile: libmicrohttpd
 * says nothing about suspended connections either.
 */
#include "delay.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

struct delay_entry {
    uint64_t due_ns;
    struct MHD_Connection *connection;
};

enum { FIRST_CAPACITY = 64, NS_PER_S = 1000000000 };

static void swap(struct delay_entry *a, struct delay_entry *b)
{
    const struct delay_entry kept = *a;
    *a = *b;
    *b = kept;
}

static void heap_push(struct delay *delay, struct delay_entry entry)
{
    struct delay_entry *heap = delay->heap;
    size_t at = delay->count++;
    heap[at] = entry;
    while (at > 0 && heap[at].due_ns < heap[(at - 1) / 2].due_ns) {
        swap(&heap[at], &heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static struct delay_entry heap_pop(struct delay *delay)
{
    struct delay_entry *heap = delay->heap;
    const struct delay_entry first = heap[0];
    size_t at = 0;
    heap[0] = heap[--delay->count];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < delay->count && heap[child + 1].due_ns < heap[child].due_ns)
            child++;
        if (child >= delay->count || heap[at].due_ns <= heap[child].due_ns)
            return first;
        swap(&heap[at], &heap[child]);
        at = child;
    }
}

static void wait_until(struct delay *delay, uint64_t due_ns)
{
    const struct timespec due = { .tv_sec = (time_t)(due_ns / NS_PER_S),
        .tv_nsec = (long)(due_ns % NS_PER_S) };
    pthread_cond_timedwait(&delay->changed, &delay->lock, &due);
}

static void *delay_run(void *cls)
{
    struct delay *delay = cls;
    /* Without this the kernel may wake us 50 microseconds late to save power. */
    prctl(PR_SET_TIMERSLACK, 1UL);
    pthread_mutex_lock(&delay->lock);
    while (!delay->is_closed || delay->count > 0) {
        if (delay->count == 0)
            pthread_cond_wait(&delay->changed, &delay->lock);
        else if (delay->is_closed || delay->heap[0].due_ns <= delay_now_ns())
            MHD_resume_connection(heap_pop(delay).connection);
        else
            wait_until(delay, delay->heap[0].due_ns);
    }
    pthread_mutex_unlock(&delay->lock);
    return NULL;
}

uint64_t delay_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

bool delay_init(struct delay *delay)
{
    pthread_condattr_t attr;
    *delay = (struct delay){ .capacity = FIRST_CAPACITY };
    delay->heap = calloc(delay->capacity, sizeof *delay->heap);
    pthread_mutex_init(&delay->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&delay->changed, &attr);
    pthread_condattr_destroy(&attr);
    return delay->heap && pthread_create(&delay->thread, NULL, delay_run, delay) == 0;
}

void delay_close(struct delay *delay)
{
    pthread_mutex_lock(&delay->lock);
    delay->is_closed = true;
    pthread_cond_signal(&delay->changed);
    pthread_mutex_unlock(&delay->lock);
    pthread_join(delay->thread, NULL);
}

void delay_fini(struct delay *delay)
{
    pthread_cond_destroy(&delay->changed);
    pthread_mutex_destroy(&delay->lock);
    free(delay->heap);
    delay->heap = NULL;
}

static bool heap_has_room(struct delay *delay)
{
    if (delay->count < delay->capacity)
        return true;
    struct delay_entry *heap = realloc(delay->heap, 2 * delay->capacity * sizeof *heap);
    if (!heap)
        return false;
    delay->heap = heap;
    delay->capacity *= 2;
    return true;
}

bool delay_suspend(struct delay *delay, struct MHD_Connection *connection, uint64_t due_ns)
{
    pthread_mutex_lock(&delay->lock);
    const bool may_wait = !delay->is_closed && heap_has_room(delay);
    if (may_wait) {
        MHD_suspend_connection(connection);
        heap_push(delay, (struct delay_entry){ due_ns, connection });
        if (delay->heap[0].connection == connection)
            pthread_cond_signal(&delay->changed);
    }
    pthread_mutex_unlock(&delay->lock);
    return may_wait;
}
