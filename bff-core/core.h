#ifndef CORE_H
#define CORE_H

#include "worker.h"

/*
 * Proves what the client declares: routes, plans and shapes against the settings and the schemas.
 * Everything is compiled into core->arena; every fault is added, with file and line. `core` is
 * zeroed or proved anew.
 */
void core_prove(struct core *core, const struct bff_client *client, const struct settings *settings,
    struct faults *faults);

/* Makes what a serving process needs beside the proved plans: keys, quotas, metrics, the access
 * log. */
bool core_open(struct core *core, struct err *err);

/* Gives all back. After the workers have ended; also when core_open failed or was not called. */
void core_close(struct core *core);

#endif
