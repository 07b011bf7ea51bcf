#ifndef TESTS_FLOW_PARTS_H
#define TESTS_FLOW_PARTS_H

#include "flow.h"

/* What the stage's files have to do with one another; a test includes flow.h alone. */

/* ---- flow_service: services made in the test ---- */

/*
 * Puts `wish` in the way to the service on `mock_port` (0: there is none), and returns the port to
 * ask instead; `mock_port` itself when the wish needs nothing in the way.
 */
unsigned flow_service_open(const struct flow_service *wish, unsigned mock_port);
/* All of them end. */
void flow_services_close(void);

/* ---- flow_stage ---- */

/* The client whose server runs; NULL: none does. */
const char *flow_client(void);
/* A GET of the admin's port, or 0 while there is none. */
unsigned flow_admin_port(void);

/* ---- flow_client: plain HTTP, for the mocks and the admin ---- */

/* The caller forgets the answer. `field` and `body` may be NULL. */
void flow_http(const char *method, const char *url, const char *field, const char *body,
    struct flow_answer *answer);

/* ---- flow_seen ---- */

/* Keeps an answer of the server, without its coding, for tests/seen. */
void flow_saw(const char *method, const char *target, const struct flow_answer *answer);

#endif
