/* ring: things that link themselves keep the order in which they came, and know where they are. */
#include "base/must.h"
#include "base/ring.h"

#include <criterion/criterion.h>

struct thing {
    char name;
    struct ring_link link;
};

static const char *names(const struct ring_link *ring)
{
    static char text[8];
    size_t len = 0;
    for (const struct ring_link *at = ring->next; at != ring; at = at->next) {
        cr_assert(at->next->before == at && at->before->next == at);
        text[len++] = container_of(at, struct thing, link)->name;
    }
    text[len] = '\0';
    return text;
}

Test(ring, what_leaves_from_anywhere_leaves_the_others_in_their_order)
{
    struct ring_link ring;
    struct thing a = { .name = 'a' }, b = { .name = 'b' }, c = { .name = 'c' };
    ring_init(&ring);
    cr_assert(ring_is_empty(&ring));
    ring_append(&ring, &a.link);
    ring_append(&ring, &b.link);
    ring_append(&ring, &c.link);
    cr_assert_str_eq(names(&ring), "abc");
    ring_remove(&b.link);
    cr_assert_str_eq(names(&ring), "ac");
    ring_append(&ring, &b.link);
    ring_remove(&a.link);
    cr_assert_str_eq(names(&ring), "cb");
    ring_remove(&b.link);
    ring_remove(&c.link);
    cr_assert(ring_is_empty(&ring));
}

Test(ring, what_is_in_none_is_known_and_leaves_without_effect)
{
    struct ring_link ring;
    struct thing a = { .name = 'a' };
    ring_init(&ring);
    cr_assert_not(ring_is_linked(&a.link));
    ring_remove(&a.link);
    ring_append(&ring, &a.link);
    cr_assert(ring_is_linked(&a.link));
    ring_remove(&a.link);
    ring_remove(&a.link);
    cr_assert_not(ring_is_linked(&a.link));
    cr_assert(ring_is_empty(&ring));
}
