/*
 * core: what the process has once.
 *
 * Owns struct core. The rooms do not know each other: the plan's room compiles what is asked, the
 * shape's room what is answered, and they meet here, call by call, in one tree of wanted values,
 * and in who is required.
 */
#include "core.h"

#include "admit/jwks.h"
#include "admit/quota.h"
#include "admit/route.h"
#include "base/must.h"
#include "fanout/plan.h"
#include "observe/access.h"
#include "observe/metrics.h"
#include "respond/shape.h"

#include <unistd.h>

/* The plan's shape is a file that can be read. */
static bool has_shape(struct core *core, const struct bff_plan *declared, struct faults *faults)
{
    const char *directory = core->settings->schemas ? core->settings->schemas : ".";
    if (!declared->shape) {
        faults_add(faults, declared->file, declared->line,
            "plan %s: there is no .shape; it names a file of %s, without its \".json\".",
            declared->name, directory);
        return false;
    }
    char *path = arena_printf(&core->arena, "%s/%s.json", directory, declared->shape);
    bool is_there = access(path, R_OK) == 0;
    if (!is_there) {
        const char *nearest = shape_nearest_name(&core->arena, directory, declared->shape);
        faults_add(faults, declared->file, declared->line,
            "plan %s: .shape \"%s\" is the file %s, which cannot be read%s", declared->name,
            declared->shape, path, err_meant(nearest).text);
    }
    return is_there;
}

/* The shape adds its wants to the plan's, and tells which answers it cannot do without. */
static void join(struct core *core, size_t index, struct faults *faults)
{
    struct plan *plan = &core->plans[index];
    const struct bff_plan *declared = plan->declared;
    struct shape_call calls[BFF_CALLS_MAX];
    size_t count = plan->calls_count;
    for (size_t i = 0; i < count; i++) {
        const struct plan_call *call = &plan->calls[i];
        bool has_answer = !call->asks->is_detached; /* else a shape cannot name it */
        calls[i] = (struct shape_call){ has_answer ? call->asks->as : "(detached)", call->want };
    }
    if (plan_passes(declared)) {
        plan->calls[0].is_required = true;
        return; /* an answer that is passed through has no shape */
    }
    if (!has_shape(core, declared, faults)) {
        return;
    }
    core->shapes[index] =
        shape_compile(&core->arena, core->settings->schemas, declared->shape, calls, count, faults);
    for (size_t i = 0; core->shapes[index] && i < count; i++) {
        plan->calls[i].is_required = shape_requires(core->shapes[index], i);
    }
    plan_finish(plan, &core->arena, faults);
}

/* Else what is wrong with a plan could not be found. */
static bool say_where_they_stand(const struct bff_client *client, struct faults *faults)
{
    bool all_do = true;
    for (size_t i = 0; i < client->plans_count; i++) {
        const struct bff_plan *plan = &client->plans[i];
        if (!plan->file) {
            faults_add(faults, client->file, client->line,
                "plan %s: BFF_HERE is missing. It stands first in the initializer and says where "
                "the plan is, for sentences like this one.",
                plan->name ? plan->name : "without a .name");
            all_do = false;
        }
    }
    return all_do;
}

void core_prove(struct core *core, const struct bff_client *client, const struct settings *settings,
    struct faults *faults)
{
    *core = (struct core){ .client = client, .settings = settings };
    arena_init(&core->arena, NULL);
    if (!say_where_they_stand(client, faults)) {
        return;
    }
    core->routes = routes_compile(client, &core->arena, faults);
    core->plans = plans_compile(client, settings, &core->arena, faults);
    core->shapes = arena_zalloc(&core->arena, client->plans_count, sizeof(struct shape *));
    for (size_t i = 0; i < client->plans_count; i++) {
        if (core->plans[i].declared) {
            join(core, i, faults);
        }
    }
}

bool core_open(struct core *core, struct err *err)
{
    const struct settings *settings = core->settings;
    core->workers_count = settings->listen.workers;
    core->workers = arena_zalloc(&core->arena, core->workers_count, sizeof(*core->workers));
    core->keys = keys_new(settings);
    core->quota = quota_new(settings->quota.callers);
    core->metrics = metrics_new(core);
    core->access = access_new(settings->log.access, core->workers_count, err);
    return core->access != NULL;
}

void core_close(struct core *core)
{
    access_free(core->access);
    metrics_free(core->metrics);
    if (core->quota) {
        quota_free(core->quota);
    }
    if (core->keys) {
        keys_free(core->keys);
    }
    arena_release(&core->arena);
}
