/*
 * growth: a client for measuring. Its first plans differ in nothing but the number of their calls,
 * so that the cost of one can be told from the cost of a request; its last ones in nothing but
 * their priority. tests/bench/growth.py writes the shapes: one section for each call, all alike.
 */
#include "bff.h"

#define CALL(name)                                                                                 \
    {                                                                                              \
        BFF_HERE, .as = name, .from = "profiles", .get = "/v1/users/{claims.sub}?for=" name        \
    }
#define ONE    CALL("a")
#define THREE  CALL("a"), CALL("b"), CALL("c")
#define SIX    THREE, CALL("d"), CALL("e"), CALL("f")
#define TWELVE SIX, CALL("g"), CALL("h"), CALL("i"), CALL("j"), CALL("k"), CALL("l")

#define PLAN(path, shape_name, rank, ...)                                                          \
    {                                                                                              \
        BFF_HERE, .route = "GET /v1/" path, .name = path, .scope = "feed:read", .budget_ms = 800,  \
                  .priority = rank, .calls = { __VA_ARGS__ }, .shape = "growth/" shape_name        \
    }

static const struct bff_plan plans[] = {
    PLAN("calls-1", "calls-1", BFF_PRIORITY_NORMAL, ONE),
    PLAN("calls-3", "calls-3", BFF_PRIORITY_NORMAL, THREE),
    PLAN("calls-6", "calls-6", BFF_PRIORITY_NORMAL, SIX),
    PLAN("calls-12", "calls-12", BFF_PRIORITY_NORMAL, TWELVE),
    PLAN("high", "calls-12", BFF_PRIORITY_HIGH, TWELVE),
    PLAN("low", "calls-12", BFF_PRIORITY_LOW, TWELVE),
};

static const struct bff_client growth = {
    .name = "growth",
    .about = "The same question once, three, six and twelve times.",
    BFF_PLANS(plans),
};

int main(int argc, char **argv)
{
    return bff_main(argc, argv, &growth);
}
