/* Requests that wait their time without holding a thread. */
#ifndef MOCKS_DELAY_H
#define MOCKS_DELAY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct MHD_Connection;
struct delay_entry;

/* One for the whole program, with one thread of its own. */
struct delay {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct delay_entry *heap; /* the one due first stands first */
    size_t count;
    size_t capacity;
    bool is_closed;
};

/* False when no thread can be made. */
bool delay_init(struct delay *delay);

/* Resumes all that still wait, ends the thread, and lets nobody wait from then on. */
void delay_close(struct delay *delay);
void delay_fini(struct delay *delay); /* after delay_close() */

/* Suspends the connection until `due_ns` on delay_now_ns()'s clock. To be called in the access
 * handler, which then returns and is called again when the time has come. False, without
 * suspending, when the delay is closed: answer at once. */
bool delay_suspend(struct delay *delay, struct MHD_Connection *connection, uint64_t due_ns);

uint64_t delay_now_ns(void);

#endif
