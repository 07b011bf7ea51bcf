#ifndef ADMIT_TOKEN_H
#define ADMIT_TOKEN_H

#include "../request.h"

/*
 * The step that believes a bearer (RFC 6750, RFC 9068, RFC 8725). Needs worker->keys_view and
 * worker->tokens. Writes request->identity, or lets pass without one where the plan takes anyone
 * and no token was sent. Waits for the first key set, or for the next when the token names a key
 * that is not in this one. Fails with TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED, SCOPE_MISSING or
 * KEYS_UNAVAILABLE; identity.why then has the cause, for the log alone, and identity.challenge what
 * WWW-Authenticate says, where that belongs.
 */
enum step_verdict token_run(struct request *request);

/* It does not wait any more. */
void token_forget(struct request *request);

#endif
