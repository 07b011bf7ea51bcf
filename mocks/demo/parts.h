#ifndef DEMO_PARTS_H
#define DEMO_PARTS_H

#include "base/str.h"

/* One member of BFF-Sections or Server-Timing: one service's share in an answer. */
struct part {
    struct str name;
    struct str state; /* `s` or `desc`: "ok", "stale", "timeout" ... */
    double start_ms;  /* `start` */
    double took_ms;   /* `d` or `dur` */
};

enum { PARTS_MAX = 16 };

/*
 * Reads a list of tokens with parameters (RFC 9651; Server-Timing is written alike):
 *     profile;s=ok;d=12, recs;s=stale;age=34        profile;start=0.2;dur=12.1;desc="ok"
 * Slices are borrowed from `list`, which ends with NUL. What is not understood is left out. Returns
 * how many.
 */
size_t parts_read(const char *list, struct part parts[PARTS_MAX]);

/* NULL when there is none of that name. */
const struct part *parts_find(const struct part *parts, size_t count, struct str name);

#endif
