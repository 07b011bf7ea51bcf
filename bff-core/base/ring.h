#ifndef BASE_RING_H
#define BASE_RING_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A ring of things that link themselves, closed by a sentinel that is no thing: what owns the ring
 * holds the sentinel, each thing holds a link, and container_of leads from one to the other. A link
 * is in one ring or in none; zeroed is "in none". Allocates nothing, never fails, one thread.
 */
struct ring_link {
    struct ring_link *next, *before; /* of a sentinel: the first and the last */
};

/* Of a sentinel, before anything else: the ring is empty. */
static inline void ring_init(struct ring_link *ring)
{
    ring->next = ring->before = ring;
}

static inline bool ring_is_empty(const struct ring_link *ring)
{
    return ring->next == ring;
}

/* Of a thing's link: it is in a ring. */
static inline bool ring_is_linked(const struct ring_link *link)
{
    return link->next != NULL;
}

/* As the last. It must be in no ring. */
static inline void ring_append(struct ring_link *ring, struct ring_link *link)
{
    *link = (struct ring_link){ .next = ring, .before = ring->before };
    ring->before->next = link;
    ring->before = link;
}

/* No effect when it is in none. */
static inline void ring_remove(struct ring_link *link)
{
    if (ring_is_linked(link)) {
        link->before->next = link->next;
        link->next->before = link->before;
        *link = (struct ring_link){ NULL, NULL };
    }
}

#endif
