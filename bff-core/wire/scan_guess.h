#ifndef WIRE_SCAN_GUESS_H
#define WIRE_SCAN_GUESS_H

#include "want.h"

/*
 * Guesses which member comes next. The elements of a list mostly have the same members in the same
 * order, so each name remembers which one followed it: when the very bytes stand there again, the
 * name is well-formed and what it means is known, by one comparison. A guess that is wrong costs
 * that comparison and nothing else. Only for scan.c.
 */

enum { GUESSES_MAX = 64, GUESS_MAX_BYTES = 16 };

/* A name with its quotes and the colon, as it stood in the body; at most GUESS_MAX_BYTES. */
struct guess {
    uint64_t bytes[2], mask[2];
    const struct want_node *member; /* NULL: nobody wants it */
    struct guess *next;             /* what followed it when it was last seen */
    struct gap *inside;             /* if nobody wants what is inside: see scan_nested_end() */
    size_t len;
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
    guesses->none =
        (struct guess){ .bytes = { 1 }, .next = &guesses->none }; /* no mask leaves it */
    for (size_t i = 0; i < nodes; i++) {
        firsts[i] = &guesses->none;
    }
}

static inline bool guess_is(const struct guess *guess, const char *p)
{
    uint64_t bytes[2];
    memcpy(bytes, p, sizeof(bytes));
    return (bytes[0] & guess->mask[0]) == guess->bytes[0] &&
           (bytes[1] & guess->mask[1]) == guess->bytes[1];
}

/*
 * The guess that begins at `p`, or NULL. Where the next one was left out this time, the one behind
 * it is tried too.
 */
static inline struct guess *guess_at(struct guess *next, const char *p)
{
    if (guess_is(next, p)) {
        return next;
    }
    return guess_is(next->next, p) ? next->next : NULL;
}

/*
 * Remembers a name that stood where `*next` was expected, from its quote to behind the colon; what
 * was expected is now expected behind it. Returns where the next one will be expected.
 */
static inline struct guess **guess_learn(
    struct guesses *guesses, struct guess **next, struct str name, const struct want_node *member)
{
    if (name.len > GUESS_MAX_BYTES || guesses->count == GUESSES_MAX) {
        return next;
    }
    struct guess *guess = &guesses->all[guesses->count++];
    *guess = (struct guess){ .member = member, .len = name.len, .next = *next, .inside = NULL };
    memcpy(guess->bytes, name.at, name.len);
    memset(guess->mask, 0xff, name.len);
    *next = guess;
    return &guess->next;
}

#endif
