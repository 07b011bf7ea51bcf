#ifndef ADMIT_RECEIVE_H
#define ADMIT_RECEIVE_H

#include "../request.h"

/*
 * The first step: takes over from the connection what the request needs, into its arena; gives it
 * its id and its place in a trace; turns away what was refused before its head could be believed
 * (400, 408, 413, 414, 431), and everything while the server is full or about to stop (503).
 */
enum step_verdict receive_run(struct request *request);

/*
 * For a request that is turned away before there is one: takes what its answer and its record need,
 * and borrows it from the connection where it can.
 */
void receive_glance(struct request *request, const struct http_arrived *arrived);

/* What a refusal of the connection's is called. */
enum problem receive_problem(enum http_refusal refused);

#endif
