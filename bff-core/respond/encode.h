#ifndef RESPOND_ENCODE_H
#define RESPOND_ENCODE_H

#include "../request.h"

/*
 * The answer as it goes on the wire: the projected body, or problem+json (RFC 9457) where a step
 * has failed; gzip where the client takes it and it pays; and the fields that tell how complete the
 * answer is, how much quota is left, and which request this was. Cannot fail: what cannot be made
 * becomes problem "internal".
 */
enum step_verdict encode_run(struct request *request);

#endif
