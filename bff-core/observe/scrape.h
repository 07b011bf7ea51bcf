#ifndef OBSERVE_SCRAPE_H
#define OBSERVE_SCRAPE_H

#include "exposition.h"
#include "metrics.h"
#include "process.h"

/* What a scrape shows that is not counted by the workers. */
struct scrape_extras {
    bool are_keys_ready;
    uint64_t quota_evictions;
    struct process process;
};

/* Everything, as /metrics answers it. `out` is overfull when the text did not fit. Any thread. */
void scrape_write(const struct metrics *metrics, const struct scrape_extras *extras,
    enum exposition_format format, struct buf *out);

#endif
