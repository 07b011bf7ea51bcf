#ifndef OBSERVE_UPSTREAMS_H
#define OBSERVE_UPSTREAMS_H

#include "../upstream.h"
#include "../worker.h"
#include "exposition.h"

/*
 * How the services and their hosts fare, all workers together: what each worker's struct upstream
 * shows, added up. Any thread, from the time the workers are made until they are joined.
 */

/* The families of /metrics about services and hosts. */
void upstreams_write(const struct core *core, struct exposition *text);

/* One service's members of a JSON object, its hosts among them; for /admin/services. */
void upstreams_members(const struct core *core, size_t service, struct buf *out);

#endif
