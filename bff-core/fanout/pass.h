#ifndef FANOUT_PASS_H
#define FANOUT_PASS_H

#include "plan.h"

/*
 * Plans without a shape: the client's request goes to one service, and the service's answer goes
 * to the client, both in pieces.
 */

/* At boot: adds a fault for each thing about .pass that cannot work or would be ignored. */
void pass_check(const struct plan *plan, const struct settings *settings, struct faults *faults);

/* What was understood of it, for --plans: lines below the call's own. */
void pass_print(const struct bff_call *call, const struct settings *settings, FILE *out);

/*
 * The fanout step of such a plan: sends the request on and waits for the answer's head, which is
 * then in request->fanned.passed. Its content follows while the answer is sent. 502, 503 or 504
 * when no head comes.
 */
enum step_verdict pass_run(struct request *request);

/* Cancels what is under way. */
void pass_forget(struct request *request);

#endif
