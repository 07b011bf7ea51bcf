#ifndef FANOUT_FRESHNESS_H
#define FANOUT_FRESHNESS_H

#include "../base/str.h"

/*
 * How long an answer may be used again (RFC 9111 section 4.2, RFC 5861): what the service says of
 * it, and what the plan allows.
 */

/* What the plan says of a call. */
struct freshness_rules {
    unsigned cache_s; /* an answer is fresh no longer than this; 0: as long as the service says */
    unsigned stale_s; /* so much longer it may stand in for a failed call; 0: as the service says */
    bool is_shared;   /* by all users: what the service calls private is then not kept */
};

/* Of one answer, all counted from its arrival. Zeroed: not to be kept. */
struct freshness {
    bool is_kept;      /* with no time at all it is good to be asked about only (If-None-Match) */
    uint64_t age_us;   /* it has this age already */
    uint64_t fresh_us; /* answers without the service being asked */
    uint64_t stale_us; /* and then stands in when the service fails; from the end of fresh_us */
    uint64_t lasts_us; /* fresh_us, of one without an age */
};

/*
 * Reads the fields Cache-Control, Age and Vary of an answer with status 200; { NULL, 0 }: it has no
 * such field. Where plan and service both speak, the shorter time holds. What cannot be read counts
 * as said against keeping.
 */
struct freshness freshness_of(
    const struct freshness_rules *rules, struct str cache_control, struct str age, struct str vary);

/*
 * Of an answer that was told to hold still (304) without a word about how long: what was said of it
 * before is said of it again (RFC 9111 section 3.2).
 */
struct freshness freshness_again(const struct freshness *before, struct str age, struct str vary);

#endif
