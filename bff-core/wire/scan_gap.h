#ifndef WIRE_SCAN_GAP_H
#define WIRE_SCAN_GAP_H

#include "scan_seen.h"
#include "scan_token.h"

/*
 * Lists and objects that nobody wants. What stands between two of their scalars - brackets that
 * close and open, commas, names, colons and spaces - is a gap, and most gaps have stood in the body
 * before: each remembers what followed it, and when the very bytes stand there again where the same
 * lists and objects are open, they are well-formed and what they do is known, by one comparison.
 * A guess that is wrong costs that comparison and nothing else. Only for scan.c.
 */

enum { GAPS_MAX = 128, GAPS_PLACES_BITS = 8 };

struct gap {
    struct seen text; /* from behind a scalar to before the next one */
    /*
     * How the lists and objects must end that are open before it, a byte for each, the innermost in
     * the highest: those that it closes, and the one that they are in.
     */
    uint64_t open, open_mask;
    uint64_t opened;     /* the same of those that it opens, the outermost in the lowest byte */
    ptrdiff_t opened_at; /* where they are put, seen from the innermost before it */
    ptrdiff_t deeper;    /* how many more are open behind it; */
    ptrdiff_t highest;   /* and inside, at most */
    bool is_last;        /* closes all of the value */
    struct gap *next[2]; /* what followed the scalar behind it, the latest first */
};

/* The gaps of one body, or of all that are like it. */
struct gaps {
    struct gap *first; /* in a value of which nothing is known */
    size_t count;      /* that were remembered so far; the oldest make room */
    unsigned char places[1 << GAPS_PLACES_BITS]; /* by hash: the place in `all`, from 1 on */
    struct gap none;                             /* stands nowhere */
    struct gap other; /* for all that are too long, or open or close too many */
    struct gap all[GAPS_MAX];
};

void gaps_init(struct gaps *gaps);

/*
 * The place behind a list or an object, or NULL and a fault, as in scan_token.h; `depth` others are
 * open already. `*first` is what such a value has begun with when it was last seen, or NULL; it is
 * set to what this one begins with.
 */
const char *scan_nested_end(
    struct scan_fault *fault, const char *p, unsigned depth, struct gaps *gaps, struct gap **first);

#endif
