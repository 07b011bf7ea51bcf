#ifndef OBSERVE_PROCESS_H
#define OBSERVE_PROCESS_H

#include <stdint.h>

/* What the process takes from its machine. */
struct process {
    uint64_t resident_bytes;
    uint64_t cpu_us; /* user and system time of all threads */
    uint64_t open_fds;
};

/* Reads it anew. Blocks for some microseconds; any thread. What cannot be read is 0. */
void process_read(struct process *process);

#endif
