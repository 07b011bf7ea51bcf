#ifndef ADMIT_QUOTA_H
#define ADMIT_QUOTA_H

#include "../request.h"

/*
 * How often one caller may ask. Shared by all workers of the process through short per-set locks;
 * the memory is bounded whatever strangers do.
 */
struct quota;

/* Remembers about `callers` buckets at once. Never NULL. */
struct quota *quota_new(unsigned callers);
void quota_free(struct quota *quota);

/* What a bucket is: the quota's name on the wire, how it fills, and how large it is. */
struct quota_rule {
    const char *policy; /* "user" or "address"; static */
    unsigned rate;      /* tokens per second; 0: not limited */
    unsigned burst;     /* the bucket's size; 0: as many as rate */
};

/* Who fills and empties a bucket: a keyed digest; see quota_caller_*. */
struct quota_caller {
    uint64_t key;
};

/*
 * `plan` is the plan's index where the plan has a quota of its own, QUOTA_SHARED where all plans
 * share the default.
 */
#define QUOTA_SHARED UINT32_MAX

/* The token's issuer and subject. */
struct quota_caller quota_caller_user(
    const struct quota *quota, uint32_t plan, struct str issuer, struct str subject);

/* An address as text. One IPv4 address, mapped or not, is one caller; so is one /64 of IPv6. */
struct quota_caller quota_caller_address(
    const struct quota *quota, uint32_t plan, struct str address);

/*
 * Takes one token at `now_us` (monotonic). True: taken; false: the bucket is empty, and nothing was
 * changed. *limited says how the bucket stands afterwards. A rule that does not limit takes nothing
 * and zeroes *limited. Any thread.
 */
bool quota_take(struct quota *quota, const struct quota_rule *rule, struct quota_caller caller,
    uint64_t now_us, struct limited *limited);

/* Undoes one quota_take of the same rule: the request was refused elsewhere. Any thread. */
void quota_give_back(
    struct quota *quota, const struct quota_rule *rule, struct quota_caller caller);

/*
 * How often a bucket that was not whole had to make room for another; for the metrics. Any thread.
 */
uint64_t quota_evictions(const struct quota *quota);

/*
 * Two steps. quota_address_run stands between route and token, so that whoever hammers with bad
 * tokens is refused before a signature is verified; quota_run stands behind token, and also asks
 * for the address when the first step did not run. A request that the second refuses is not counted
 * by the first. Both write request->limited: the policy that is tightest, or the one that refused,
 * with QUOTA_EXCEEDED. Neither waits.
 */
enum step_verdict quota_address_run(struct request *request);
enum step_verdict quota_run(struct request *request);

#endif
