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
    uint8_t len;
    uint8_t next; /* what followed it when it was last seen; 0: nothing yet */
};

struct guesses {
    uint8_t *firsts; /* of the members of each node: the first guess */
    unsigned count;
    struct guess all[GUESSES_MAX]; /* all[0] is no name */
};

static inline void guesses_init(struct guesses *guesses, uint8_t *firsts)
{
    guesses->firsts = firsts; /* zeroed, one for each node of the want */
    guesses->count = 1;
    guesses->all[0] = (struct guess){ .bytes = { 0, 1 }, .next = 0 }; /* no mask leaves a 1 */
}

static inline bool guess_is(const struct guess *guess, const char *p)
{
    uint64_t bytes[2];
    memcpy(bytes, p, sizeof(bytes));
    return ((bytes[0] & guess->mask[0]) == guess->bytes[0]) &
           ((bytes[1] & guess->mask[1]) == guess->bytes[1]);
}

/*
 * The guess that begins at `p`, or NULL. Where the next one was left out this time, the one behind
 * it is tried too.
 */
static inline struct guess *guess_at(struct guesses *guesses, uint8_t next, const char *p)
{
    struct guess *guess = &guesses->all[next];
    if (guess_is(guess, p)) {
        return guess;
    }
    guess = &guesses->all[guess->next];
    return guess_is(guess, p) ? guess : NULL;
}

/*
 * Remembers a name that stood where `*next` was expected, from its quote to behind the colon; what
 * was expected is now expected behind it. Returns where the next one will be expected.
 */
static inline uint8_t *guess_learn(
    struct guesses *guesses, uint8_t *next, struct str name, const struct want_node *member)
{
    if (name.len > GUESS_MAX_BYTES || guesses->count == GUESSES_MAX) {
        return next;
    }
    struct guess *guess = &guesses->all[guesses->count];
    *guess = (struct guess){ .member = member, .len = (uint8_t)name.len, .next = *next };
    memcpy(guess->bytes, name.at, name.len);
    memset(guess->mask, 0xff, name.len);
    *next = (uint8_t)guesses->count++;
    return &guess->next;
}

#endif
