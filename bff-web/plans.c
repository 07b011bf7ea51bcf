/*
 * What bff-web answers: the feed of the desktop dashboard, with all its metadata. Which fields
 * leave is said in schemas/web; which services are asked, and for how long, is said here.
 */
#include "plans.h"

static const struct bff_plan plans[] = {
    {
        BFF_HERE,
        .route = "GET /v1/feed",
        .name = "feed",
        .about = "The dashboard: profile, timeline with statistics and pages, recommendations, "
                 "notifications and ads.",
        .scope = "feed:read",
        .budget_ms = 1000,
        .query = {
            { BFF_HERE, .name = "limit", .about = "How many posts at most.", .type = BFF_INTEGER,
                .min = 1, .max = 100, .otherwise = "20" },
            { BFF_HERE, .name = "cursor", .about = "Which page.", .type = BFF_WORD, .max = 128 },
        },
        .calls = {
            { BFF_HERE, .as = "profile", .from = "profiles", .stale_s = 600,
              .get = "/v1/users/{claims.sub}" },
            { BFF_HERE, .as = "posts", .from = "posts",
              .get = "/v1/users/{claims.sub}/timeline?limit={query.limit}&cursor={query.cursor}" },
            { BFF_HERE, .as = "recs", .from = "recommendations", .timeout_ms = 500,
              .cache_s = 60, .stale_s = 600,
              .get = "/v1/users/{claims.sub}/recommendations" },
            { BFF_HERE, .as = "unread", .from = "notifications", .timeout_ms = 300,
              .get = "/v1/users/{claims.sub}/counts" },
            { BFF_HERE, .as = "ads", .from = "ads", .timeout_ms = 300,
              .get = "/v1/slots?segment={profile.segment}" },
            { BFF_HERE, .as = "stats", .from = "analytics", .timeout_ms = 500,
              .get = "/v1/posts/stats?ids={posts.items[*].id}" },
            { BFF_HERE, .as = "viewed", .from = "analytics", .is_detached = 1,
              .post = "/v1/events",
              .body = "{\"kind\":\"viewed\",\"client\":\"web\",\"user\":{claims.sub},"
                      "\"post_ids\":{posts.items[*].id}}" },
        },
        .shape = "web/feed.v1",
    },
    {
        BFF_HERE,
        .route = "POST /v1/uploads",
        .name = "upload",
        .about = "A picture or a video for a post, as it comes from the user's disk.",
        .budget_ms = 5000,
        .calls = {
            { BFF_HERE, .as = "upload", .from = "posts", .pass = "/v1/users/{claims.sub}/uploads",
              .body_max_bytes = 256 << 20,
              .request_fields = { "Content-Digest" },
              .answer_fields = { "Location" } },
        },
    },
};

const struct bff_client web = {
    .name = "web",
    .about = "The BFF of the desktop dashboard: full metadata, statistics, pages.",
    BFF_PLANS(plans),
};
