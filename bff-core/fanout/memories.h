#ifndef FANOUT_MEMORIES_H
#define FANOUT_MEMORIES_H

#include "../request.h"
#include "../wire/scan.h"

/*
 * What the answers to each call of each plan have looked like, for scan_again(). Of one worker.
 */
struct memories;

struct memories *memories_new(const struct core *core);
/* NULL is fine. */
void memories_free(struct memories *memories);

/* That of one call, made at its first answer. */
struct scan_memory *memories_get(struct memories *memories, const struct call *call);

#endif
