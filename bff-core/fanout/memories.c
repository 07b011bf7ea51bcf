/*
 * memories: what answers have looked like, a memory for each call of each plan.
 *
 * Owns the memories, none of which is made before an answer comes: most plans have fewer calls than
 * they could, and some are never asked for. Knows nothing of what is in them.
 */
#include "memories.h"

#include "../base/must.h"
#include "plan.h"

#include <stdlib.h>

struct memories {
    const struct core *core;
    size_t count;
    struct scan_memory *list[]; /* BFF_CALLS_MAX for each plan */
};

struct memories *memories_new(const struct core *core)
{
    size_t count = core->client->plans_count * BFF_CALLS_MAX;
    struct memories *memories = calloc(1, sizeof(*memories) + count * sizeof(*memories->list));
    must(memories != NULL);
    memories->core = core;
    memories->count = count;
    return memories;
}

void memories_free(struct memories *memories)
{
    for (size_t i = 0; memories && i < memories->count; i++) {
        scan_memory_free(memories->list[i]);
    }
    free(memories);
}

struct scan_memory *memories_get(struct memories *memories, const struct call *call)
{
    size_t plan = call->request->routed.plan_index;
    struct scan_memory **memory = &memories->list[plan * BFF_CALLS_MAX + call->index];
    if (!*memory) {
        *memory = scan_memory_new(memories->core->plans[plan].calls[call->index].want);
    }
    return *memory;
}
