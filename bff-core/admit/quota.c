/*
 * quota: token buckets, one number each.
 *
 * A bucket is kept as the moment at which it will be whole again (the theoretical arrival time of
 * the generic cell rate algorithm): taking a token moves that moment one period into the future,
 * and a request is let through while the moment is at most burst - 1 periods ahead. Nothing has to
 * be refilled, and an idle bucket is one whose moment has passed: it needs no memory.
 *
 * Owns the table: sets of a few buckets behind a lock that is held for some tens of instructions.
 * Invariants: (1) of n requests at one moment on a whole bucket exactly min(n, burst) are let
 * through, from however many threads; (2) a refused request costs its caller nothing; (3) memory is
 * fixed at boot: when a set is full, the bucket nearest to whole is forgotten, so a flood of new
 * callers cannot clear the record of the greediest; (4) no caller can aim at another's set: places
 * follow from SipHash with a secret of the process. Time is in whole nanoseconds. A period is
 * rounded up, so no caller ever gets more than the rate. Does not know how a token is checked, nor
 * how the answer is worded.
 */
#include "quota.h"

#include "../base/clock.h"
#include "../base/hash.h"
#include "../base/must.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SET_BUCKETS = 7, SET_ALIGN = 128, SPINS_MAX = 100 };

#define SECOND_NS UINT64_C(1000000000)

struct bucket {
    uint64_t key; /* of its caller; 0: nobody's */
    uint64_t whole_ns;
};

/* Two cache lines. */
struct set {
    _Alignas(SET_ALIGN) atomic_bool is_taken;
    struct bucket buckets[SET_BUCKETS];
};

struct quota {
    struct set *sets;
    uint64_t sets_mask;
    struct hash_key secret;
    _Atomic uint64_t evictions;
};

struct quota *quota_new(unsigned callers)
{
    uint64_t sets = 1;
    while (sets * SET_BUCKETS < callers) {
        sets *= 2;
    }
    struct quota *quota = calloc(1, sizeof(*quota));
    must(quota != NULL);
    quota->sets = aligned_alloc(SET_ALIGN, sets * sizeof(struct set));
    must(quota->sets != NULL);
    memset(quota->sets, 0, sets * sizeof(struct set));
    quota->sets_mask = sets - 1;
    hash_key_init(&quota->secret);
    return quota;
}

void quota_free(struct quota *quota)
{
    if (quota) {
        free(quota->sets);
        free(quota);
    }
}

uint64_t quota_evictions(const struct quota *quota)
{
    return atomic_load_explicit(&quota->evictions, memory_order_relaxed);
}

/* ---- callers ---- */

/* What a caller's key is a digest of; no padding. */
struct caller_parts {
    uint32_t kind;
    uint32_t plan;
    uint64_t who[2];
};

enum caller_kind { CALLER_USER, CALLER_IPV4, CALLER_IPV6_64, CALLER_OTHER };

static struct quota_caller caller_of(const struct quota *quota, struct caller_parts parts)
{
    uint64_t key = hash_str(&quota->secret, (struct str){ (const char *)&parts, sizeof(parts) });
    return (struct quota_caller){ key ? key : 1 };
}

struct quota_caller quota_caller_user(
    const struct quota *quota, uint32_t plan, struct str issuer, struct str subject)
{
    return caller_of(
        quota, (struct caller_parts){ CALLER_USER, plan,
                   { hash_str(&quota->secret, issuer), hash_str(&quota->secret, subject) } });
}

/* What tells one IPv6 caller from another: who has one address mostly has its whole /64. */
static void ipv6_who(const struct in6_addr *address, struct caller_parts *parts)
{
    bool is_mapped = IN6_IS_ADDR_V4MAPPED(address);
    parts->kind = is_mapped ? CALLER_IPV4 : CALLER_IPV6_64;
    if (is_mapped) {
        memcpy(parts->who, address->s6_addr + 12, 4);
    } else {
        memcpy(parts->who, address->s6_addr, 8);
    }
}

struct quota_caller quota_caller_address(
    const struct quota *quota, uint32_t plan, struct str address)
{
    struct caller_parts parts = { .kind = CALLER_OTHER, .plan = plan };
    struct str zone;
    char text[INET6_ADDRSTRLEN] = "";
    struct in6_addr six;
    str_cut(address, '%', &address, &zone); /* fe80::1%eth0 */
    if (address.len < sizeof(text)) {
        memcpy(text, address.at, address.len);
    }
    if (inet_pton(AF_INET, text, parts.who) == 1) {
        parts.kind = CALLER_IPV4;
    } else if (inet_pton(AF_INET6, text, &six) == 1) {
        ipv6_who(&six, &parts);
    } else {
        parts.who[0] = hash_str(&quota->secret, address);
    }
    return caller_of(quota, parts);
}

/* ---- the table ---- */

static struct set *set_lock(struct quota *quota, struct quota_caller caller)
{
    struct set *set = &quota->sets[caller.key & quota->sets_mask];
    unsigned spins = 0;
    while (atomic_exchange_explicit(&set->is_taken, true, memory_order_acquire)) {
        if (++spins % SPINS_MAX == 0) {
            sched_yield(); /* its holder was put to sleep by the kernel */
        }
    }
    return set;
}

static void set_unlock(struct set *set)
{
    atomic_store_explicit(&set->is_taken, false, memory_order_release);
}

static struct bucket *set_find(struct set *set, struct quota_caller caller)
{
    for (size_t i = 0; i < SET_BUCKETS; i++) {
        if (set->buckets[i].key == caller.key) {
            return &set->buckets[i];
        }
    }
    return NULL;
}

/* The caller's bucket; else the one nearest to whole (nobody's has been whole for ever). */
static struct bucket *set_claim(struct set *set, struct quota_caller caller)
{
    struct bucket *own = set_find(set, caller);
    if (own) {
        return own;
    }
    struct bucket *best = &set->buckets[0];
    for (size_t i = 1; i < SET_BUCKETS; i++) {
        best = set->buckets[i].whole_ns < best->whole_ns ? &set->buckets[i] : best;
    }
    return best;
}

/* ---- a bucket ---- */

static uint64_t period_ns(const struct quota_rule *rule)
{
    return (SECOND_NS + rule->rate - 1) / rule->rate;
}

static uint64_t burst_of(const struct quota_rule *rule)
{
    return rule->burst ? rule->burst : rule->rate;
}

static unsigned seconds_up(uint64_t ns)
{
    return (unsigned)((ns + SECOND_NS - 1) / SECOND_NS);
}

/* How a bucket stands that will be whole after `ahead_ns`. */
static struct limited standing(const struct quota_rule *rule, uint64_t ahead_ns)
{
    uint64_t period = period_ns(rule), size_ns = burst_of(rule) * period;
    return (struct limited){
        .policy = rule->policy,
        .quota = (unsigned)burst_of(rule),
        .window_s = seconds_up(size_ns),
        .remaining = ahead_ns < size_ns ? (unsigned)((size_ns - ahead_ns) / period) : 0,
        .reset_s = seconds_up(ahead_ns),
    };
}

bool quota_take(struct quota *quota, const struct quota_rule *rule, struct quota_caller caller,
    uint64_t now_us, struct limited *limited)
{
    *limited = (struct limited){ 0 };
    if (rule->rate == 0) {
        return true;
    }
    uint64_t now_ns = now_us * 1000, period = period_ns(rule);
    uint64_t slack_ns = (burst_of(rule) - 1) * period;
    struct set *set = set_lock(quota, caller);
    struct bucket *bucket = set_claim(set, caller);
    bool is_own = bucket->key == caller.key;
    bool is_whole = bucket->whole_ns <= now_ns;
    uint64_t ahead_ns = is_own && !is_whole ? bucket->whole_ns - now_ns : 0;
    bool is_taken = ahead_ns <= slack_ns;
    if (is_taken) {
        ahead_ns += period;
        *bucket = (struct bucket){ caller.key, now_ns + ahead_ns };
    }
    set_unlock(set);
    if (!is_own && !is_whole) {
        atomic_fetch_add_explicit(&quota->evictions, 1, memory_order_relaxed);
    }
    *limited = standing(rule, ahead_ns);
    limited->retry_after_s = is_taken ? 0 : seconds_up(ahead_ns - slack_ns);
    return is_taken;
}

void quota_give_back(struct quota *quota, const struct quota_rule *rule, struct quota_caller caller)
{
    if (rule->rate == 0) {
        return;
    }
    struct set *set = set_lock(quota, caller);
    struct bucket *bucket = set_find(set, caller);
    if (bucket) { /* else it was forgotten meanwhile, and with it the debt */
        bucket->whole_ns -= period_ns(rule);
    }
    set_unlock(set);
}

/* ---- the steps ---- */

/* A rule and whom it holds for. */
struct applied {
    struct quota_rule rule;
    struct quota_caller caller;
};

/* Which of the plan's quotas is meant: with .per left open, the user's where a token was sent. */
static enum bff_per per_of(const struct request *request)
{
    enum bff_per per = request->routed.plan->quota.per;
    if (per != BFF_PER_DEFAULT) {
        return per;
    }
    return request->received.authorization.at ? BFF_PER_USER : BFF_PER_ADDRESS;
}

/*
 * The plan's own quota where it has one for that `per`, else the settings'. *plan tells whose
 * bucket it is.
 */
static struct quota_rule rule_for(const struct request *request, enum bff_per per, uint32_t *plan)
{
    const struct settings *settings = request->worker->core->settings;
    const struct bff_quota *own = &request->routed.plan->quota;
    const struct settings_quota *shared =
        per == BFF_PER_USER ? &settings->quota.user : &settings->quota.address;
    const char *policy = per == BFF_PER_USER ? "user" : "address";
    if (own->rate && per_of(request) == per) {
        *plan = (uint32_t)request->routed.plan_index;
        return (struct quota_rule){ policy, own->rate, own->burst };
    }
    *plan = QUOTA_SHARED;
    return (struct quota_rule){ policy, shared->rate, shared->burst };
}

static struct applied address_applied(const struct request *request)
{
    uint32_t plan;
    struct quota_rule rule = rule_for(request, BFF_PER_ADDRESS, &plan);
    return (struct applied){ rule,
        quota_caller_address(request->worker->core->quota, plan, request->received.address) };
}

static struct applied user_applied(const struct request *request)
{
    uint32_t plan;
    struct quota_rule rule = rule_for(request, BFF_PER_USER, &plan);
    return (struct applied){ rule, quota_caller_user(request->worker->core->quota, plan,
                                       request->identity.issuer, request->identity.subject) };
}

static enum step_verdict refuse(struct request *request, const struct limited *limited)
{
    request->limited = *limited;
    return request_refuse(request, PROBLEM_QUOTA_EXCEEDED,
        "Too many requests from this %s; ask again in %u s.", limited->policy,
        limited->retry_after_s);
}

enum step_verdict quota_address_run(struct request *request)
{
    struct quota *quota = request->worker->core->quota;
    struct applied address = address_applied(request);
    struct limited limited;
    if (!quota_take(quota, &address.rule, address.caller, clock_now_us(), &limited)) {
        return refuse(request, &limited);
    }
    request->limited = limited;
    return STEP_NEXT;
}

enum step_verdict quota_run(struct request *request)
{
    /* A named policy says that the address was asked already. */
    if (!request->limited.policy && quota_address_run(request) == STEP_FAIL) {
        return STEP_FAIL;
    }
    if (!request->identity.subject.at) {
        return STEP_NEXT;
    }
    struct quota *quota = request->worker->core->quota;
    struct applied user = user_applied(request);
    struct limited limited;
    if (!quota_take(quota, &user.rule, user.caller, clock_now_us(), &limited)) {
        struct applied address = address_applied(request);
        quota_give_back(quota, &address.rule, address.caller);
        return refuse(request, &limited);
    }
    bool is_tighter = !request->limited.policy || limited.remaining <= request->limited.remaining;
    if (limited.policy && is_tighter) {
        request->limited = limited;
    }
    return STEP_NEXT;
}
