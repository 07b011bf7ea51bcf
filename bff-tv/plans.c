/*
 * What bff-tv answers: a hero and rows of artwork for the big screen. Which fields leave the server
 * is said in schemas/tv; which services are asked, and for how long, is said here.
 */
#include "plans.h"

static const struct bff_plan plans[] = {
    {
        BFF_HERE,
        .route = "GET /v1/feed",
        .name = "feed",
        .about = "The home screen: a hero, rows of artwork to walk through, and what is new.",
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
              .body = "{\"kind\":\"viewed\",\"client\":\"tv\",\"user\":{claims.sub},"
                      "\"post_ids\":{posts.items[*].id}}" },
        },
        .shape = "tv/feed.v1",
    },
    {
        BFF_HERE,
        .route = "GET /v1/artwork/{id}",
        .name = "artwork",
        .about = "The picture of a post, for a large screen.",
        .scope = "feed:read",
        .budget_ms = 1500,
        .query = {
            { BFF_HERE, .name = "width", .type = BFF_INTEGER, .min = 1, .max = 7680 },
        },
        .calls = {
            { BFF_HERE, .as = "artwork", .from = "posts",
              .pass = "/v1/media/{path.id}?width={query.width}",
              .request_fields = { "Range", "If-Range", "If-None-Match" },
              .answer_fields = { "ETag", "Accept-Ranges", "Cache-Control" } },
        },
    },
};

const struct bff_client tv = {
    .name = "tv",
    .about = "The BFF of the TV apps: a hero and rows of artwork.",
    BFF_PLANS(plans),
};
