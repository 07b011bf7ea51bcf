/*
 * What bff-mobile answers: the feed of a phone, within 800 ms and 6 KB, 3 KB under gzip. Which
 * fields leave the server is said in schemas/mobile; which services are asked, and for how long, is
 * said here.
 */
#include "plans.h"

static const struct bff_plan plans[] = {
    {
        BFF_HERE,
        .route = "GET /v1/feed",
        .name = "feed",
        .about = "The home feed: who I am, my timeline, what to read next, and what is new.",
        .scope = "feed:read",
        .budget_ms = 800,
        .query = {
            { BFF_HERE, .name = "limit", .about = "How many posts at most.", .type = BFF_INTEGER,
                .min = 1, .max = 50, .otherwise = "20" },
            { BFF_HERE, .name = "cursor", .about = "Which page.", .type = BFF_WORD, .max = 128 },
        },
        .calls = {
            { BFF_HERE, .as = "profile", .from = "profiles", .stale_s = 600,
              .get = "/v1/users/{claims.sub}" },
            { BFF_HERE, .as = "posts", .from = "posts",
              .get = "/v1/users/{claims.sub}/timeline?limit={query.limit}&cursor={query.cursor}" },
            { BFF_HERE, .as = "recs", .from = "recommendations", .timeout_ms = 250,
              .cache_s = 60, .stale_s = 600,
              .get = "/v1/users/{claims.sub}/recommendations" },
            { BFF_HERE, .as = "unread", .from = "notifications", .timeout_ms = 150,
              .get = "/v1/users/{claims.sub}/counts" },
            { BFF_HERE, .as = "ads", .from = "ads", .timeout_ms = 120,
              .get = "/v1/slots?segment={profile.segment}" },
            { BFF_HERE, .as = "stats", .from = "analytics", .timeout_ms = 250,
              .get = "/v1/posts/stats?ids={posts.items[*].id}" },
            { BFF_HERE, .as = "viewed", .from = "analytics", .is_detached = 1,
              .post = "/v1/events",
              .body = "{\"kind\":\"viewed\",\"client\":\"mobile\",\"user\":{claims.sub},"
                      "\"post_ids\":{posts.items[*].id}}" },
        },
        .shape = "mobile/feed.v1",
    },
};

const struct bff_client mobile = {
    .name = "mobile",
    .about = "The BFF of the phone apps: small answers, essential fields.",
    BFF_PLANS(plans),
};
