#ifndef WIRE_SCAN_GUESS_H
#define WIRE_SCAN_GUESS_H

#include "scan_seen.h"
#include "want.h"

/*
 * Guesses which member comes next. The elements of a list mostly have the same members in the same
 * order, so each name remembers which one followed it: when the very bytes stand there again, the
 * name is well-formed and what it means is known, by one comparison. A guess that is wrong costs
 * that comparison and nothing else. Only for scan.c.
 */

enum { GUESSES_MAX = 64, GUESS_MAX_BYTES = 64 };

_Static_assert((int)GUESS_MAX_BYTES < (int)SEEN_MAX_BYTES, "a name and its comma have room");

struct guess {
    struct seen text;               /* a comma, the name with its quotes, and the colon */
    const struct want_node *member; /* NULL: nobody wants it */
    struct guess *next;             /* what followed it when it was last seen */
    struct gap *inside;             /* if nobody wants what is inside: see scan_nested_end() */
};

struct guesses {
    struct guess **firsts; /* of the members of each node: the first guess */
    size_t count;
    struct guess none; /* no name: behind a name that nothing has followed yet */
    struct guess all[GUESSES_MAX];
};

/* `firsts` has room for one for each node of the want. */
static inline void guesses_init(struct guesses *guesses, struct guess **firsts, size_t nodes)
{
    guesses->firsts = firsts;
    guesses->count = 0;
    guesses->none = (struct guess){ .next = &guesses->none };
    seen_set_nowhere(&guesses->none.text);
    for (size_t i = 0; i < nodes; i++) {
        firsts[i] = &guesses->none;
    }
}

/*
 * The guess whose comma stands at `p`, or NULL. Where the next one was left out this time, the one
 * behind it is tried too.
 */
static inline struct guess *guess_next(struct guess *next, const char *p)
{
    if (seen_again(&next->text, p, 0)) {
        return next;
    }
    return seen_again(&next->next->text, p, 0) ? next->next : NULL;
}

/* The same with the name at `p`: behind a bracket, or behind spaces. */
static inline struct guess *guess_at(struct guess *next, const char *p)
{
    enum { FIRST = 1 };
    if (seen_again(&next->text, p - 1, FIRST)) {
        return next;
    }
    return seen_again(&next->next->text, p - 1, FIRST) ? next->next : NULL;
}

/*
 * Remembers a name that stood where `*next` was expected, from its quote to behind the colon; what
 * was expected is now expected behind it. NULL: it is too long, or there are too many.
 */
static inline struct guess *guess_learn(
    struct guesses *guesses, struct guess **next, struct str name, const struct want_node *member)
{
    if (name.len >= GUESS_MAX_BYTES || guesses->count == GUESSES_MAX) {
        return NULL;
    }
    struct guess *guess = &guesses->all[guesses->count++];
    *guess = (struct guess){ .member = member, .next = *next };
    seen_set(&guess->text, name.at - 1, name.len + 1);
    guess->text.text[0] = ',';
    *next = guess;
    return guess;
}

#endif
