/*
 * freshness: how long an answer may be used again.
 *
 * Owns the reading of Cache-Control. Promises: (1) a directive that forbids outweighs everything,
 * the plan included; (2) of two numbers, in the field or between service and plan, the smaller one
 * holds; (3) a number that is none counts as 0 (RFC 9111 section 4.2.1). We are a shared cache when
 * the plan says so, else each user's own. Knows no clock and no cache.
 */
#include "freshness.h"

#include "../base/must.h"

enum { SECONDS_MAX = 1u << 31 }; /* RFC 9111 section 1.2.2 */

static const uint64_t second_us = 1000000;

struct directives {
    bool no_store, no_cache, is_private, must_revalidate;
    bool has_max_age, has_s_maxage, has_stale_if_error;
    uint64_t max_age_s, s_maxage_s, stale_if_error_s;
};

static uint64_t seconds(struct str text)
{
    uint64_t value = 0;
    if (text.len >= 2 && text.at[0] == '"' && text.at[text.len - 1] == '"') {
        text = (struct str){ text.at + 1, text.len - 2 };
    }
    bool is_number = text.len > 0;
    for (size_t i = 0; i < text.len; i++) {
        is_number = is_number && text.at[i] >= '0' && text.at[i] <= '9';
    }
    if (!is_number) {
        return 0;
    }
    return str_u64(text, &value) && value < SECONDS_MAX ? value : SECONDS_MAX;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void note_seconds(bool *has, uint64_t *seconds_kept, struct str text)
{
    uint64_t value = seconds(text);
    *seconds_kept = *has ? smaller(*seconds_kept, value) : value;
    *has = true;
}

static void note(struct directives *directives, struct str name, struct str value)
{
    const struct {
        struct str name;
        bool *flag;
        uint64_t *seconds; /* NULL: the word alone says it */
    } rows[] = {
        { STR("no-store"), &directives->no_store, NULL },
        { STR("no-cache"), &directives->no_cache, NULL },
        { STR("private"), &directives->is_private, NULL },
        { STR("must-revalidate"), &directives->must_revalidate, NULL },
        { STR("proxy-revalidate"), &directives->must_revalidate, NULL },
        { STR("max-age"), &directives->has_max_age, &directives->max_age_s },
        { STR("s-maxage"), &directives->has_s_maxage, &directives->s_maxage_s },
        { STR("stale-if-error"), &directives->has_stale_if_error, &directives->stale_if_error_s },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        if (str_eq_nocase(name, rows[i].name) && rows[i].seconds) {
            note_seconds(rows[i].flag, rows[i].seconds, value);
        } else if (str_eq_nocase(name, rows[i].name)) {
            *rows[i].flag = true;
        }
    }
}

/* The next member of a comma-separated list; a comma inside quotes separates nothing. */
static struct str next_member(struct str *list)
{
    bool is_quoted = false;
    size_t len = 0;
    while (len < list->len && (is_quoted || list->at[len] != ',')) {
        if (list->at[len] == '\\' && is_quoted && len + 1 < list->len) {
            len++;
        } else if (list->at[len] == '"') {
            is_quoted = !is_quoted;
        }
        len++;
    }
    struct str member = str_trim((struct str){ list->at, len });
    *list = str_from(*list, len + 1);
    return member;
}

static struct directives read_directives(struct str field)
{
    struct directives directives = { 0 };
    while (field.len > 0) {
        struct str name, value = { NULL, 0 };
        str_cut(next_member(&field), '=', &name, &value);
        note(&directives, str_trim(name), str_trim(value));
    }
    return directives;
}

static uint64_t fresh_s(const struct freshness_rules *rules, const struct directives *said)
{
    bool has_shared = rules->is_shared && said->has_s_maxage;
    bool has_said = said->has_max_age || has_shared;
    uint64_t said_s = has_shared ? said->s_maxage_s : said->max_age_s;
    if (said->no_cache) {
        return 0;
    }
    if (rules->cache_s && has_said) {
        return smaller(rules->cache_s, said_s);
    }
    return rules->cache_s ? rules->cache_s : has_said ? said_s : 0;
}

static uint64_t stale_s(const struct freshness_rules *rules, const struct directives *said)
{
    if (said->no_cache || said->must_revalidate) {
        return 0;
    }
    if (rules->stale_s && said->has_stale_if_error) {
        return smaller(rules->stale_s, said->stale_if_error_s);
    }
    return rules->stale_s ? rules->stale_s : said->stale_if_error_s;
}

/*
 * Of the fields that our calls carry these differ between two calls with the same key; all others
 * are the same, or never sent (RFC 9111 section 4.1).
 */
static bool varies_by_call(struct str vary)
{
    static const struct str names[] = { { "*", 1 }, { "x-request-id", 12 }, { "traceparent", 11 },
        { "tracestate", 10 }, { "forwarded", 9 }, { "bff-budget", 10 } };
    while (vary.len > 0) {
        struct str member = next_member(&vary);
        for (size_t i = 0; i < countof(names); i++) {
            if (str_eq_nocase(member, names[i])) {
                return true;
            }
        }
    }
    return false;
}

/* The first of several, as RFC 9111 section 5.1 has it; one that cannot be read is none. */
static uint64_t age_us(struct str field)
{
    struct str first, others;
    str_cut(field, ',', &first, &others);
    return seconds(str_trim(first)) * second_us;
}

static void grow_old(struct freshness *freshness, struct str age)
{
    freshness->age_us = age_us(age);
    freshness->fresh_us = freshness->lasts_us - smaller(freshness->lasts_us, freshness->age_us);
}

struct freshness freshness_of(
    const struct freshness_rules *rules, struct str cache_control, struct str age, struct str vary)
{
    struct directives said = read_directives(cache_control);
    bool is_forbidden =
        said.no_store || (rules->is_shared && said.is_private) || varies_by_call(vary);
    struct freshness freshness = {
        .lasts_us = fresh_s(rules, &said) * second_us,
        .stale_us = stale_s(rules, &said) * second_us,
    };
    grow_old(&freshness, age);
    freshness.is_kept =
        !is_forbidden && (freshness.fresh_us || freshness.stale_us || said.no_cache);
    return freshness.is_kept ? freshness : (struct freshness){ 0 };
}

struct freshness freshness_again(const struct freshness *before, struct str age, struct str vary)
{
    struct freshness freshness = *before;
    grow_old(&freshness, age);
    return varies_by_call(vary) ? (struct freshness){ 0 } : freshness;
}
