#ifndef WIRE_HTTP_RING_H
#define WIRE_HTTP_RING_H

#include <stdbool.h>

/*
 * A ring of things that link themselves, with a sentinel. A thing is in a ring once or not at all.
 */
struct http_link {
    struct http_link *next, *before;
};

static inline void http_ring_init(struct http_link *ring)
{
    ring->next = ring->before = ring;
}

static inline bool http_ring_is_empty(const struct http_link *ring)
{
    return ring->next == ring;
}

static inline void http_ring_append(struct http_link *ring, struct http_link *link)
{
    *link = (struct http_link){ .next = ring, .before = ring->before };
    ring->before->next = link;
    ring->before = link;
}

static inline void http_ring_remove(struct http_link *link)
{
    link->before->next = link->next;
    link->next->before = link->before;
    http_ring_init(link);
}

#endif
