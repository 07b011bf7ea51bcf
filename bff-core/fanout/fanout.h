#ifndef FANOUT_FANOUT_H
#define FANOUT_FANOUT_H

#include "../request.h"

/*
 * Asks the plan's services, all at once where nobody waits for another, and waits until every
 * attached call has ended or the budget has. A call that ends without a usable answer costs its
 * sections only, unless the shape requires it: then 502, or 504 when time ran out, without waiting
 * for the rest.
 */
enum step_verdict fanout_run(struct request *request);

/* Cancels what is under way and gives the answers' memory back. */
void fanout_forget(struct request *request);

#endif
