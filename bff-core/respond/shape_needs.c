/*
 * shape_needs: which calls an answer cannot do without, and which it takes from.
 *
 * Owns nothing. Walks what must be there, from the root down: required members, the elements of a
 * list that must have one, the object made from a list's first element. Promises only what is sure:
 * where one of several calls is enough, none of them is needed.
 */
#include "shape_compiler.h"

/* Of several sources one is enough: only a call that all of them come from is needed. */
static unsigned sources_need(const struct shape_node *node)
{
    unsigned calls = node->sources_count ? ~0u : 0;
    for (size_t i = 0; i < node->sources_count; i++) {
        calls &= 1u << node->sources[i].call;
    }
    return calls;
}

static unsigned members_need(const struct shape_node *node)
{
    unsigned calls = 0;
    for (size_t i = 0; i < node->members_count; i++) {
        calls |= node->members[i].is_required ? shape_needs(node->members[i].node) : 0;
    }
    return calls;
}

unsigned shape_needs(const struct shape_node *node)
{
    if (node->otherwise.at) {
        return 0;
    }
    unsigned calls = sources_need(node) | members_need(node);
    if (node->list) {
        calls |= 1u << node->list->source.call;
    }
    if (node->lookup) {
        calls |= 1u << node->lookup->take.call | 1u << node->lookup->equals.call;
    }
    if (node->nearest) {
        calls |= 1u << node->nearest->take.call;
    }
    return node->element && node->min_items > 0 ? calls | shape_needs(node->element) : calls;
}

bool shape_requires(const struct shape *shape, size_t call)
{
    return shape->required >> call & 1;
}

bool shape_uses(const struct shape *shape, size_t call)
{
    return shape->used >> call & 1;
}
