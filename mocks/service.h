/* One mock service: a port, its routes, and how it behaves at the moment. */
#ifndef MOCKS_SERVICE_H
#define MOCKS_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "behaviour.h"
#include "delay.h"
#include "page.h"
#include "route.h"

struct MHD_Daemon;

struct service {
    const char *name;
    const struct route *routes;
    const struct route *control; /* what `/_mock` answers on this port (control.c) */
    struct service *family;      /* all services, in the order of the catalog */
    void *owner;                 /* handed to the routes */
    const struct people *people;
    struct delay *delay;
    struct pages pages;

    int listener;
    unsigned port;
    struct MHD_Daemon *daemon;

    pthread_mutex_t lock; /* guards `now` */
    struct behaviour at_start;
    struct behaviour now;
    atomic_ulong requests; /* answered by `routes`, or about to be */
    atomic_ulong events;   /* delivered to `routes` */
};

/* The caller has filled name to delay and `at_start`; the rest is made here. */
void service_init(struct service *service);
void service_fini(struct service *service);

/* Binds 127.0.0.1:`port`, any free one for 0, and notes it in `port`. False with errno when it is
 * taken. */
bool service_listen(struct service *service, unsigned port);

/* Answers from now on, in a thread of its own. */
bool service_start(struct service *service);

/* Ends all connections. Nothing may be suspended: delay_close() comes first. */
void service_stop(struct service *service);

/* The behaviour of the moment, read and written by any thread. */
struct behaviour service_behaviour(struct service *service);
void service_behave(struct service *service, struct behaviour behaviour);

/* Back to what the options asked for, with the counts at zero. */
void service_reset(struct service *service);

#endif
