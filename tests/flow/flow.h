#ifndef TESTS_FLOW_H
#define TESTS_FLOW_H

#include "base/buf.h"

#include <stdbool.h>
#include <sys/types.h>

/* Real processes on free ports: the mocks, one server over TLS, and a client that asks it. */
struct flow {
    pid_t mocks, server;
    unsigned issuer_port; /* the services follow it, in the order of mocks/README.md */
    unsigned service_ports[6];
    unsigned port;
    char conf[64];
    char *token;
};

struct flow_answer {
    long status;
    struct buf head, body; /* the body as decoded by the client */
};

/* Starts the mocks and mints a token for user 1001. */
void flow_open(struct flow *flow);
/* Starts bff-CLIENT; service `index` is reached on `port` where that is not 0. */
void flow_serve(struct flow *flow, const char *client, int index, unsigned port);
/* GET /v1/feed over TLS, trusting the development CA alone. */
void flow_ask(struct flow *flow, struct flow_answer *answer);
void flow_forget(struct flow_answer *answer);
/* Sends one order to the mocks' control of a service. */
void flow_order(struct flow *flow, const char *service, const char *order);
/* SIGTERM; the exit status. */
int flow_end(pid_t *process);
void flow_close(struct flow *flow);

#endif
