/*
 * plan: what a client declared, proved and made ready to run.
 *
 * Owns the compiled plans. Promises that after plans_compile without a fault (1) every call has a
 * service and a target, (2) the graph of who waits for whom has no circle, (3) nobody waits for a
 * detached call. Knows neither the shape (which decides what is required) nor how a call is made.
 */
#include "plan.h"

#include "../base/must.h"
#include "pass.h"

#include <stdlib.h>

struct place {
    const char *file;
    int line;
};

static struct place place_of(const struct bff_plan *plan, const struct bff_call *call)
{
    bool has_own = call->file != NULL;
    return (struct place){ has_own ? call->file : plan->file, has_own ? call->line : plan->line };
}

static size_t count_calls(const struct bff_plan *plan)
{
    size_t count = 0;
    while (count < BFF_CALLS_MAX && plan->calls[count].as) {
        count++;
    }
    return count;
}

/* A call without a name ends the list: what stands at it and behind it would be passed over. */
static bool is_whole_list(const struct bff_plan *plan, size_t count, struct faults *faults)
{
    for (size_t i = count; i < BFF_CALLS_MAX; i++) {
        const struct bff_call *call = &plan->calls[i];
        if (call->file || call->as || call->from || call->get || call->post) {
            struct place at = place_of(plan, call);
            faults_add(faults, at.file, at.line, "plan %s: a call has no .as, which names it.",
                plan->name);
            return false;
        }
    }
    return true;
}

static bool is_call_name(const char *name)
{
    for (const char *at = name; *at; at++) {
        if (!((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9' && at > name) ||
                (*at == '_' && at > name))) {
            return false;
        }
    }
    return name[0] != '\0' && strcmp(name, "claims") && strcmp(name, "path") &&
           strcmp(name, "query");
}

static void check_names(const struct bff_plan *plan, size_t count, struct faults *faults)
{
    for (size_t i = 0; i < count; i++) {
        const struct bff_call *call = &plan->calls[i];
        struct place at = place_of(plan, call);
        if (!is_call_name(call->as)) {
            faults_add(faults, at.file, at.line,
                "plan %s: a call cannot be named '%s'; names are a-z, 0-9 and '_', and not claims, "
                "path or query.",
                plan->name, call->as);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(plan->calls[j].as, call->as) == 0) {
                faults_add(faults, at.file, at.line, "plan %s: two calls are named '%s'.",
                    plan->name, call->as);
            }
        }
    }
}

static size_t find_service(const struct bff_plan *plan, const struct bff_call *call,
    const struct settings *settings, struct faults *faults)
{
    struct place at = place_of(plan, call);
    const char *names[64];
    size_t count = 0;
    for (size_t i = 0; i < settings->services_count; i++) {
        if (call->from && strcmp(settings->services[i].name, call->from) == 0) {
            return i;
        }
        if (count < countof(names)) {
            names[count++] = settings->services[i].name;
        }
    }
    const char *nearest = call->from ? str_nearest(str_of(call->from), names, count) : NULL;
    faults_add(faults, at.file, at.line,
        "plan %s: call '%s' is from \"%s\", which no service in %s is named%s%s%s", plan->name,
        call->as, call->from ? call->from : "", settings->file ? settings->file : "the settings",
        nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : ".");
    return 0;
}

/* An effect is not kept, and not had by one caller for another. */
static void check_copies(
    const struct bff_plan *plan, const struct bff_call *call, struct faults *faults)
{
    static const char *const why[] = { "a POST", "detached" };
    bool asks_for_copies = call->cache_s || call->stale_s || call->is_shared;
    struct place at = place_of(plan, call);
    if (asks_for_copies && (call->post || call->is_detached)) {
        faults_add(faults, at.file, at.line,
            "plan %s: call '%s' is %s; .cache_s, .stale_s and .is_shared are for answers that can "
            "be used again.",
            plan->name, call->as, why[call->is_detached]);
    }
}

static const char *target_of(const struct bff_call *asks)
{
    return asks->get ? asks->get : asks->post ? asks->post : asks->pass;
}

static void compile_call(struct plan *plan, size_t index, struct want *const *wants,
    const struct settings *settings, struct arena *arena, struct faults *faults)
{
    const struct bff_plan *declared = plan->declared;
    const struct bff_call *asks = &declared->calls[index];
    struct plan_call *call = &plan->calls[index];
    struct place at = place_of(declared, asks);
    struct template_scope scope = { declared, asks, wants, plan->calls_count };
    *call = (struct plan_call){
        .asks = asks, .want = wants[index], .method = asks->post ? HTTP_POST : HTTP_GET
    };
    call->service = find_service(declared, asks, settings, faults);
    if (!asks->get + !asks->post + !asks->pass != 2) {
        faults_add(faults, at.file, at.line,
            "plan %s: call '%s' needs exactly one of .get, .post and .pass.", declared->name,
            asks->as);
        return;
    }
    template_compile(&call->target, target_of(asks), TEMPLATE_TARGET, &scope, arena, faults);
    call->waits_for = call->target.waits_for;
    if (asks->body && asks->post) {
        template_compile(&call->body, asks->body, TEMPLATE_BODY, &scope, arena, faults);
        call->waits_for |= call->body.waits_for;
        call->has_body = true;
    } else if (asks->body) {
        faults_add(faults, at.file, at.line, "plan %s: call '%s' has a .body, but a GET has none.",
            declared->name, asks->as);
    }
    check_copies(declared, asks, faults);
    if (declared->budget_ms && asks->timeout_ms > declared->budget_ms) {
        faults_add(faults, at.file, at.line,
            "plan %s: call '%s' may take %u ms, but the whole plan only %u ms.", declared->name,
            asks->as, asks->timeout_ms, declared->budget_ms);
    }
}

/* Takes away, again and again, the calls that wait for nobody who is left; a circle is what cannot
 * be taken away. */
static void check_circles(const struct plan *plan, struct faults *faults)
{
    unsigned left = (1u << plan->calls_count) - 1, before;
    do {
        before = left;
        for (size_t i = 0; i < plan->calls_count; i++) {
            left &= plan->calls[i].waits_for & left ? ~0u : ~(1u << i);
        }
    } while (left != before);
    for (size_t i = 0; i < plan->calls_count; i++) {
        if (left & 1u << i) {
            struct place at = place_of(plan->declared, plan->calls[i].asks);
            faults_add(faults, at.file, at.line,
                "plan %s: call '%s' waits for itself through other calls.", plan->declared->name,
                plan->calls[i].asks->as);
        }
    }
}

static void compile_plan(struct plan *plan, const struct bff_plan *declared,
    const struct settings *settings, struct arena *arena, struct faults *faults)
{
    struct want *wants[BFF_CALLS_MAX];
    *plan = (struct plan){ .declared = declared, .calls_count = count_calls(declared) };
    if (is_whole_list(declared, plan->calls_count, faults) && plan->calls_count == 0) {
        faults_add(
            faults, declared->file, declared->line, "plan %s: there is no call.", declared->name);
    }
    check_names(declared, plan->calls_count, faults);
    for (size_t i = 0; i < plan->calls_count; i++) {
        wants[i] = want_new(arena);
    }
    for (size_t i = 0; i < plan->calls_count; i++) {
        compile_call(plan, i, wants, settings, arena, faults);
    }
    check_circles(plan, faults);
    pass_check(plan, settings, faults);
}

struct plan *plans_compile(const struct bff_client *client, const struct settings *settings,
    struct arena *arena, struct faults *faults)
{
    struct plan *plans = arena_zalloc(arena, client->plans_count, sizeof(*plans));
    for (size_t i = 0; i < client->plans_count; i++) {
        const struct bff_plan *declared = &client->plans[i];
        if (!declared->name || !declared->name[0]) {
            faults_add(faults, declared->file, declared->line, "a plan has no .name.");
            continue;
        }
        for (size_t j = 0; j < i; j++) {
            if (client->plans[j].name && strcmp(client->plans[j].name, declared->name) == 0) {
                faults_add(faults, declared->file, declared->line, "two plans are named %s.",
                    declared->name);
            }
        }
        compile_plan(&plans[i], declared, settings, arena, faults);
    }
    return plans;
}

void plan_finish(struct plan *plan, struct arena *arena, struct faults *faults)
{
    for (size_t i = 0; i < plan->calls_count; i++) {
        struct plan_call *call = &plan->calls[i];
        if (!call->asks->otherwise) {
            continue;
        }
        struct place at = place_of(plan->declared, call->asks);
        struct buf text;
        buf_init(&text, SIZE_MAX / 2);
        buf_append_str(&text, str_of(call->asks->otherwise));
        arena_defer(
            arena, buf_free_data, text.data); /* the padding behind it is what a scan needs */
        const char *why = scan(call->want, buf_str(&text), arena, &call->otherwise);
        call->has_otherwise = !why;
        if (why) {
            faults_add(faults, at.file, at.line,
                "plan %s: call '%s' has an .otherwise that is not JSON: %s.", plan->declared->name,
                call->asks->as, why);
        }
    }
}

static void print_call(const struct plan *plan, const struct plan_call *call,
    const struct settings *settings, FILE *out)
{
    const struct bff_call *asks = call->asks;
    fprintf(out, "  %-10s %-8s %s %s from %s\n", asks->as,
        asks->is_detached   ? "detached"
        : call->is_required ? "required"
                            : "optional",
        asks->get    ? "GET"
        : asks->post ? "POST"
                     : "passed to",
        target_of(asks), settings->services[call->service].name);
    fprintf(out, "  %-10s          ", "");
    if (asks->timeout_ms) {
        fprintf(out, "at most %u ms", asks->timeout_ms);
    } else if (asks->is_detached) {
        fprintf(out, "at most %u ms", PLAN_DETACHED_MS);
    } else {
        fprintf(out, "as long as the budget lasts");
    }
    const char *joint = "; waits for ";
    for (size_t i = 0; i < plan->calls_count; i++) {
        if (call->waits_for & 1u << i) {
            fprintf(out, "%s%s", joint, plan->calls[i].asks->as);
            joint = ", ";
        }
    }
    if (asks->cache_s) {
        fprintf(out, "; not asked while a copy is younger than %u s", asks->cache_s);
    }
    if (asks->stale_s) {
        fprintf(out, "; when it fails a copy up to %u s older", asks->stale_s);
    }
    fprintf(out, "%s%s%s\n", asks->is_shared ? "; one answer for all users" : "",
        asks->is_detached ? "; dropped and counted while the service takes no more" : "",
        call->has_otherwise ? "; otherwise what the plan says" : "");
    if (asks->pass) {
        pass_print(asks, settings, out);
    }
}

void plan_print(const struct plan *plan, const struct settings *settings, FILE *out)
{
    const struct bff_plan *declared = plan->declared;
    unsigned budget_ms = declared->budget_ms ? declared->budget_ms : settings->limits.budget_ms;
    static const char *const ranks[] = {
        [BFF_PRIORITY_NORMAL] = "",
        [BFF_PRIORITY_HIGH] = ", refused last under load",
        [BFF_PRIORITY_LOW] = ", refused first under load",
    };
    fprintf(out, "plan %s: %s within %u ms, shape %s, for %s%s%s\n", declared->name,
        declared->route, budget_ms, declared->shape ? declared->shape : "none",
        declared->allow == BFF_ALLOW_ANYONE ? "anyone"
        : declared->scope                   ? "tokens with scope "
                                            : "any valid token",
        declared->allow == BFF_ALLOW_ANYONE || !declared->scope ? "" : declared->scope,
        ranks[declared->priority]);
    for (size_t i = 0; i < plan->calls_count; i++) {
        print_call(plan, &plan->calls[i], settings, out);
    }
}
