#ifndef RESPOND_REPLY_H
#define RESPOND_REPLY_H

#include "../request.h"

/* Hands the answer to the connection and waits until it is written out, or lost. */
enum step_verdict reply_run(struct request *request);

#endif
