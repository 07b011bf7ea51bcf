/*
 * bff: from the command line to a serving process, and back.
 *
 * Owns the main thread: it reads options and settings, proves the plans, opens the sockets, starts
 * the workers, then turns a loop of its own that holds the admin listener and the signals until the
 * last worker has ended. SIGTERM and SIGINT drain, a second one ends the process at once; SIGHUP
 * and SIGUSR1 open the access log anew. What can be wrong is said before the first socket opens.
 */
#include "bff.h"

#include "admit/jwks.h"
#include "admit/quota.h"
#include "base/log.h"
#include "base/must.h"
#include "core.h"
#include "fanout/plan.h"
#include "observe/access.h"
#include "observe/admin.h"
#include "openapi.h"
#include "options.h"
#include "try.h"
#include "wire/http_server.h"
#include "wire/listener.h"
#include "wire/tls.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

/* ---- serving ---- */

/* The main thread's own things, while the workers serve. */
struct house {
    struct core *core;
    struct loop *loop;
    struct watch signals;
    struct admin *admin;
    unsigned port, admin_port;
    bool is_draining;
};

static void drain(struct house *house)
{
    if (house->is_draining) {
        log_warn("stopped at once, on the second signal");
        _exit(EXIT_FAILURE);
    }
    house->is_draining = true;
    log_info("draining: requests in flight are answered, new ones are not taken");
    admin_drain(house->admin);
    for (unsigned i = 0; i < house->core->workers_count; i++) {
        worker_drain(&house->core->workers[i]);
    }
}

static void reopen_logs(struct house *house)
{
    struct err err;
    if (access_reopen(house->core->access, &err)) {
        log_info("the access log was opened anew");
    } else {
        log_error("%s", err.text);
    }
}

static void signalled(struct watch *watch, uint32_t events)
{
    struct house *house = container_of(watch, struct house, signals);
    struct signalfd_siginfo info;
    (void)events;
    while (read(watch->fd, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
            drain(house);
        } else {
            reopen_logs(house);
        }
    }
}

/* Before any thread starts: all of them inherit the mask, and the main loop alone is told. */
static bool watch_signals(struct house *house)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    house->signals = (struct watch){ signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), signalled };
    return house->signals.fd >= 0 && loop_watch(house->loop, &house->signals, EPOLLIN);
}

static bool has_keys(void *context, const char **why)
{
    struct core *core = context;
    *why = "no key set has come from the issuer yet";
    return keys_ready(core->keys);
}

static uint64_t count_evictions(void *context)
{
    const struct core *core = context;
    return quota_evictions(core->quota);
}

static bool open_admin(struct house *house, struct err *err)
{
    const struct settings *settings = house->core->settings;
    struct admin_questions questions = {
        .context = house->core, .keys = has_keys, .quota_evictions = count_evictions
    };
    char why[256];
    int fd;
    if (!listener_open(
            settings->admin.address, settings->admin.port, &fd, 1, &house->admin_port, err)) {
        return false;
    }
    house->admin = admin_new(house->loop, house->core, &questions, fd, why);
    return house->admin || err_set(err, "The admin listener cannot serve: %s", why);
}

static bool make_workers(struct house *house, const struct http_tls *tls, struct err *err)
{
    struct core *core = house->core;
    const struct settings *settings = core->settings;
    int *fds = arena_zalloc(&core->arena, core->workers_count, sizeof(*fds));
    if (!listener_open(settings->listen.address, settings->listen.port, fds, core->workers_count,
            &house->port, err)) {
        return false;
    }
    for (unsigned i = 0; i < core->workers_count; i++) {
        if (!worker_make(&core->workers[i], core, i, fds[i], tls, err)) {
            return false;
        }
    }
    return keys_start(core->keys, &core->workers[0], err);
}

static bool start_workers(struct house *house, struct err *err)
{
    struct core *core = house->core;
    for (unsigned i = 0; i < core->workers_count; i++) {
        if (!worker_start(&core->workers[i], house->loop, err)) {
            return false;
        }
    }
    return true;
}

static bool open_house(struct house *house, const struct http_tls *tls, struct err *err)
{
    house->loop = loop_new();
    return (house->loop && watch_signals(house)
                   ? true
                   : err_set(err, "There is no descriptor left for the main loop.")) &&
           core_open(house->core, err) && make_workers(house, tls, err) && open_admin(house, err) &&
           start_workers(house, err);
}

static int serve(struct core *core, const struct http_tls *tls)
{
    struct house house = { .core = core };
    struct err err = { "" };
    if (!open_house(&house, tls, &err)) {
        log_error("bff-%s: %s", core->client->name, err.text);
        return EXIT_FAILURE; /* what was opened goes with the process */
    }
    log_info("bff-%s serves %s://%s:%u with %u workers; admin http://%s:%u", core->client->name,
        tls ? "https" : "http", core->settings->listen.address, house.port, core->workers_count,
        core->settings->admin.address, house.admin_port);
    loop_run(house.loop);
    for (unsigned i = 0; i < core->workers_count; i++) {
        worker_join(&core->workers[i]);
    }
    admin_free(house.admin);
    close(house.signals.fd);
    loop_free(house.loop);
    log_info("bff-%s has ended", core->client->name);
    return EXIT_SUCCESS;
}

/* ---- the other jobs ---- */

static int print_plans(const struct core *core)
{
    for (size_t i = 0; i < core->client->plans_count; i++) {
        plan_print(&core->plans[i], core->settings, stdout);
    }
    return EXIT_SUCCESS;
}

static int print_settings(const struct core *core)
{
    settings_print(core->settings, stdout);
    return EXIT_SUCCESS;
}

static int say_checked(const struct core *core)
{
    printf("bff-%s: %zu plans, %zu services, no mistake found\n", core->client->name,
        core->client->plans_count, core->settings->services_count);
    return EXIT_SUCCESS;
}

/* The jobs that need proved plans, and no sockets. */
static int print_job(struct core *core, const struct options *options)
{
    switch (options->job) {
    case OPTIONS_CHECK:
        return say_checked(core);
    case OPTIONS_PLANS:
        return print_plans(core);
    case OPTIONS_SETTINGS:
        return print_settings(core);
    case OPTIONS_OPENAPI:
        return openapi_print(core, stdout);
    case OPTIONS_TRY:
        return try_plan(core, options->try_plan, options->try_directory, stdout, stderr);
    default:
        must(!"every job is known");
        return EX_SOFTWARE;
    }
}

/* ---- the beginning ---- */

/* Blocks that are freed stay with the process: a page fault costs more than all that a request does
 * with its page. */
static void keep_memory(void)
{
    enum { KEPT_BYTES = 64 << 20, MAPPED_FROM_BYTES = 32 << 20, GROWN_BYTES = 1 << 20 };
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    mallopt(M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
    mallopt(M_TOP_PAD, GROWN_BYTES);
}

static const struct http_tls *read_tls(const struct settings *settings, struct http_tls *tls,
    struct arena *arena, struct faults *faults)
{
    struct tls_identity identity;
    struct faults warnings;
    const struct http_tls *result = NULL;
    if (!settings->listen.certificate || !settings->listen.key) {
        return NULL;
    }
    faults_init(&warnings);
    if (tls_identity_read(&identity, settings->listen.certificate, settings->listen.key, arena,
            faults, &warnings)) {
        *tls = (struct http_tls){ identity.certificate_pem, identity.key_pem };
        result = tls;
    }
    faults_print(&warnings);
    faults_fini(&warnings);
    return result;
}

static void set_log_level(const char *name)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    for (int i = 0; i < (int)countof(names); i++) {
        if (strcmp(names[i], name) == 0) {
            log_set_level((enum log_level)i);
        }
    }
}

/* Proves everything, then serves or prints; with mistakes, prints them all. */
static int prove_and_run(
    const struct options *options, const struct bff_client *client, struct arena *arena)
{
    struct settings settings;
    struct core core;
    struct faults faults;
    struct http_tls tls;
    int status = EX_CONFIG;
    faults_init(&faults);
    settings_read(&settings, &options->settings, arena, &faults);
    core_prove(&core, client, &settings, &faults);
    const struct http_tls *shown = read_tls(&settings, &tls, arena, &faults);
    if (faults.count) {
        faults_print(&faults);
        fprintf(stderr, "bff-%s: %zu mistakes; nothing was started\n", client->name, faults.count);
    } else if (options->job == OPTIONS_SERVE) {
        set_log_level(settings.log.level);
        status = serve(&core, shown);
    } else {
        status = print_job(&core, options);
    }
    core_close(&core);
    faults_fini(&faults);
    return status;
}

int bff_main(int argc, char **argv, const struct bff_client *client)
{
    struct options options;
    struct arena arena;
    struct err err;
    int status = EXIT_SUCCESS;
    keep_memory();
    arena_init(&arena, NULL);
    if (!options_read(&options, argc, argv, &arena, &err)) {
        fprintf(stderr, "bff-%s: %s\n", client->name, err.text);
        status = EX_USAGE;
    } else if (options.job == OPTIONS_HELP) {
        options_help(client, stdout);
    } else if (options.job == OPTIONS_VERSION) {
        options_version(client, stdout);
    } else if (access(options.settings.path, R_OK) != 0) {
        /* Without settings everything else would be a mistake, too. */
        fprintf(stderr, "bff-%s: %s cannot be read: %s; --config FILE names the settings\n",
            client->name, options.settings.path, strerror(errno));
        status = EX_CONFIG;
    } else {
        status = prove_and_run(&options, client, &arena);
    }
    arena_release(&arena);
    return status;
}
