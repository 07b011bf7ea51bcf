/*
 * scan_gap: lists and objects that nobody wants.
 *
 * Walks from scalar to scalar without recursion: one byte for each open list or object says how it
 * must end. Promises that the place it returns is behind a well-formed value: a gap is taken for
 * another only where each byte is the same, and so are those open lists and objects that decide
 * what may stand there. It does not know what is wanted.
 */
#include "scan_gap.h"

#include "scan.h"
#include "text_hash.h"

#include <endian.h>

/* Zeros below the outermost, which close nothing; and above the innermost, see gap_apply(). */
enum { AROUND = 8 };

/* What is open: how it must end, the innermost last. */
struct nest {
    char *top;
    char *low, *high; /* the lowest and the highest top since the gap began */
    const char *bottom, *full;
};

/* ---- gaps that are walked over ---- */

/* A member's name and its colon. */
static inline const char *name_end(struct scan_fault *fault, const char *p)
{
    if (*p != '"') {
        p = scan_space_end(p);
    }
    if (*p != '"') {
        return scan_refuse(fault, p, "a member without a name");
    }
    p = scan_string_end(fault, p);
    return p ? scan_colon_end(fault, p) : NULL;
}

/*
 * Behind a value: closes what ends there, and returns the place behind the comma, or behind all of
 * it when nothing is open any more.
 */
static inline const char *next_end(struct scan_fault *fault, const char *p, struct nest *nest)
{
    for (;;) {
        if (*p == *nest->top) {
            p++;
            nest->low = --nest->top < nest->low ? nest->top : nest->low;
            if (nest->top == nest->bottom) {
                return p;
            }
        } else if (*p == ',') {
            return p + 1;
        } else {
            const char *next = scan_space_end(p);
            if (next == p) {
                return scan_refuse(fault, p, "a comma or a closing bracket is missing");
            }
            p = next;
        }
    }
}

/* Opens the list or object at `p`. Returns the place of what is first in it. */
static inline const char *open_end(struct scan_fault *fault, const char *p, struct nest *nest)
{
    if (nest->top == nest->full) {
        return scan_refuse(fault, p, "lists and objects are nested too deep");
    }
    *++nest->top = (char)(*p + 2); /* in ASCII, '}' and ']' stand two behind '{' and '[' */
    nest->high = nest->top > nest->high ? nest->top : nest->high;
    return scan_token_at(p + 1);
}

/* Up to the next scalar, or behind all. */
static inline const char *gap_walk(
    struct scan_fault *fault, const char *p, struct nest *nest, bool is_behind_value)
{
    for (;;) {
        if (is_behind_value) {
            p = next_end(fault, p, nest);
            if (!p || nest->top == nest->bottom) {
                return p;
            }
        } else {
            p = scan_token_at(p);
            if (!scan_is_nested(*p)) {
                return p;
            }
            p = open_end(fault, p, nest);
            if (!p) {
                return NULL;
            }
        }
        is_behind_value = !is_behind_value && *p == *nest->top;
        if (!is_behind_value && *nest->top == '}') {
            p = name_end(fault, p);
            if (!p) {
                return NULL;
            }
        }
    }
}

/* ---- gaps that are remembered ---- */

void gaps_init(struct gaps *gaps)
{
    gaps->first = NULL;
    gaps->count = 0;
    memset(gaps->places, 0, sizeof(gaps->places));
    gaps->none = (struct gap){ .next = { &gaps->none, &gaps->none } };
    seen_set_nowhere(&gaps->none.text);
    gaps->other = gaps->none;
}

/* The innermost eight. */
static inline uint64_t open_at(const char *top)
{
    uint64_t open;
    memcpy(&open, top - 7, sizeof(open));
    return le64toh(open);
}

/* Neither the begin of a list or object, nor its end, nor a space; what it is else is seen later.
 */
static inline bool is_scalar(char first)
{
    return (unsigned char)first > ' ' && (first & ~('{' ^ ']')) != ('{' & ']');
}

/* It stands at `p`, is right there, and a scalar is behind it, or no part of the value. */
static inline bool gap_fits(const struct gap *gap, const char *p, const char *top, const char *full)
{
    return (open_at(top) & gap->open_mask) == gap->open && seen_again(&gap->text, p, 0) &&
           gap->highest <= full - top && (is_scalar(p[gap->text.len]) || gap->is_last);
}

/* Closes and opens what it does; of what is above the innermost, nothing is kept. */
static inline char *gap_apply(const struct gap *gap, char *top)
{
    memcpy(top + gap->opened_at, &gap->opened, sizeof(gap->opened));
    return top + gap->deeper;
}

/* Remembers what stood from `seen` to `p`, where `open` was and `top` the innermost. */
static struct gap *gap_learn(struct gaps *gaps, const struct nest *nest, const char *seen,
    const char *p, uint64_t open, const char *top)
{
    ptrdiff_t closes = top - nest->low, opens = nest->top - nest->low;
    size_t len = (size_t)(p - seen);
    if (closes > 7 || opens > 8 || len > SEEN_MAX_BYTES) {
        return &gaps->other;
    }
    uint64_t open_mask = ~UINT64_C(0) << 8 * (7 - closes);
    open &= open_mask;
    unsigned char *place =
        &gaps->places[text_hash(text_word(seen, len) + open, 64 - GAPS_PLACES_BITS)];
    struct gap *gap = *place ? &gaps->all[*place - 1] : &gaps->none;
    if (gap->text.len == len && gap->open == open && gap->open_mask == open_mask &&
        seen_again(&gap->text, seen, 0)) {
        return gap; /* known from elsewhere */
    }
    size_t at = gaps->count++ % GAPS_MAX;
    *place = (unsigned char)(at + 1);
    gap = &gaps->all[at];
    seen_set(&gap->text, seen, len);
    gap->open = open;
    gap->open_mask = open_mask;
    memcpy(&gap->opened, nest->low + 1, sizeof(gap->opened));
    gap->opened_at = 1 - closes;
    gap->deeper = opens - closes;
    gap->highest = nest->high - top;
    gap->is_last = nest->top == nest->bottom;
    gap->next[0] = gap->next[1] = &gaps->none;
    return gap;
}

/* A gap that was none of `next`; `*p` is then behind it. NULL: a fault. */
__attribute__((noinline)) static struct gap *gap_read(struct scan_fault *fault, const char **p,
    struct nest *nest, struct gaps *gaps, struct gap **next)
{
    const char *seen = *p, *top = nest->top;
    uint64_t open = open_at(top);
    *p = gap_walk(fault, seen, nest, top != nest->bottom);
    if (!*p) {
        return NULL;
    }
    struct gap *gap = gap_learn(gaps, nest, seen, *p, open, top);
    if (next[0] != gap) {
        next[1] = next[0];
        next[0] = gap;
    }
    return gap;
}

/* ---- the door ---- */

const char *scan_nested_end(
    struct scan_fault *fault, const char *p, unsigned depth, struct gaps *gaps, struct gap **first)
{
    char closing[AROUND + SCAN_DEPTH_MAX + AROUND];
    memset(closing, 0, AROUND);
    char *const bottom = closing + AROUND - 1, *top = bottom;
    const char *const full = bottom + SCAN_DEPTH_MAX - depth;
    struct gap *start[2] = { *first ? *first : &gaps->none, &gaps->none };
    struct gap **next = start;
    do {
        struct gap *gap = next[0];
        if (gap_fits(gap, p, top, full) || (gap = next[1], gap_fits(gap, p, top, full))) {
            top = gap_apply(gap, top);
            p += gap->text.len;
        } else {
            const char *behind = p;
            struct nest nest = { top, top, top, bottom, full };
            gap = gap_read(fault, &behind, &nest, gaps, next);
            if (!gap) {
                return NULL;
            }
            p = behind;
            top = nest.top;
        }
        if (top == bottom) {
            break;
        }
        next = gap->next;
        p = scan_scalar_end(fault, p);
    } while (p);
    *first = start[0];
    return p;
}
