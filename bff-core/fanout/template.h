#ifndef FANOUT_TEMPLATE_H
#define FANOUT_TEMPLATE_H

#include "../request.h"

/*
 * A target or a body with places to be filled in for each request; the grammar is in bff.h.
 * Compiled at boot, then only read.
 */
struct template
{
    struct template_part *parts;
    size_t count;
    unsigned waits_for; /* bit i: a value of the plan's call i is needed */
    bool is_body;
};

enum template_use { TEMPLATE_TARGET, TEMPLATE_BODY };

/* At most so many distinct values of one list go into one target or body; the rest is left out. */
enum { TEMPLATE_LIST_MAX = 200 };

/* What the names in a template may refer to, and where it stands. */
struct template_scope {
    const struct bff_plan *plan;
    const struct bff_call *call;
    struct want *const
        *wants; /* of the plan's calls, in their order; what the template names is added */
    size_t calls_count;
};

/* Adds a fault for each name that stands for nothing; the template is then not to be used. */
void template_compile(struct template *template, const char *text, enum template_use use,
    const struct template_scope *scope, struct arena *arena, struct faults *faults);

/* Appends the text for this request. NULL, or a static text that says which kind of value is
 * missing or too large. */
const char *template_render(
    const struct template *template, struct request *request, struct buf *out);

#endif
