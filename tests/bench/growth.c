/*
 * growth: a client whose plans differ in nothing but the number of their calls, so that the cost of
 * one can be told from the cost of a request. tests/bench/growth.py writes the shapes: one section
 * for each call, every section alike.
 */
#include "bff.h"

#define CALL(name)                                                                                 \
    {                                                                                              \
        BFF_HERE, .as = name, .from = "profiles", .get = "/v1/users/{claims.sub}?for=" name        \
    }
#define THREE(one, two, three) CALL(one), CALL(two), CALL(three)
#define PLAN(count, ...)                                                                           \
    {                                                                                              \
        BFF_HERE, .route = "GET /v1/calls/" #count, .name = "calls-" #count, .scope = "feed:read", \
                  .budget_ms = 800, .calls = { __VA_ARGS__ }, .shape = "growth/calls-" #count      \
    }

/* clang-format off */
static const struct bff_plan plans[] = {
    PLAN(1, CALL("a")),
    PLAN(3, THREE("a", "b", "c")),
    PLAN(6, THREE("a", "b", "c"), THREE("d", "e", "f")),
    PLAN(12, THREE("a", "b", "c"), THREE("d", "e", "f"),
             THREE("g", "h", "i"), THREE("j", "k", "l")),
};
/* clang-format on */

static const struct bff_client growth = {
    .name = "growth",
    .about = "The same question once, three, six and twelve times.",
    BFF_PLANS(plans),
};

int main(int argc, char **argv)
{
    return bff_main(argc, argv, &growth);
}
