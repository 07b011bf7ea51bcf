#ifndef FANOUT_PLAN_H
#define FANOUT_PLAN_H

#include "../wire/http_client.h"
#include "template.h"

/* One call of a plan, as compiled at boot; then only read. */
struct plan_call {
    const struct bff_call *asks;
    enum http_method method;
    struct template target;
    struct template body;
    bool has_body;
    size_t service;     /* its place in settings->services */
    unsigned waits_for; /* bit i: call i's answer is named */
    struct want *want;  /* what the templates name and the shape takes of the answer */
    bool is_required;   /* derived from the shape: without this answer there is none at all */
    struct scanned otherwise;
    bool has_otherwise;
};

/* How long a detached call may take that says nothing of it: the budget has ended by then. */
enum { PLAN_DETACHED_MS = 2000 };

struct plan {
    const struct bff_plan *declared;
    struct plan_call calls[BFF_CALLS_MAX];
    size_t calls_count;
};

/*
 * Compiles every plan of the client against the settings' services. Adds a fault for everything
 * that cannot work: unknown services, names that stand for nothing, calls that wait for each other
 * in a circle. The shape's wants and `is_required` are added by the caller, then plan_finish() is
 * called.
 */
struct plan *plans_compile(const struct bff_client *client, const struct settings *settings,
    struct arena *arena, struct faults *faults);

/* After the shape is known: scans .otherwise against all wants. */
void plan_finish(struct plan *plan, struct arena *arena, struct faults *faults);

/* What was understood, for --plans. */
void plan_print(const struct plan *plan, const struct settings *settings, FILE *out);

#endif
