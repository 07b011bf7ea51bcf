#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * A number that one thread writes and any thread reads: no lock and no locked instruction. Each
 * worker has counters of its own, and whoever wants the total adds them up. Zeroed is zero. A
 * reader may see two counters at slightly different moments, never a torn or a falling value.
 */
struct counter {
    _Atomic uint64_t value;
};

/* What was counted so far. Any thread. */
static inline uint64_t counter_read(const struct counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

/* For a number that goes up and down. The writing thread only. */
static inline void counter_set(struct counter *counter, uint64_t value)
{
    atomic_store_explicit(&counter->value, value, memory_order_relaxed);
}

/* The writing thread only: two writers would lose counts. */
static inline void counter_add(struct counter *counter, uint64_t more)
{
    counter_set(counter, counter_read(counter) + more);
}

#endif
