/*
 * bff-mocks: the six services behind a feed and a token issuer, in one process.
 *
 * Owns the order of starting and stopping. It promises that either all seven ports listen and the
 * ready line is out, or a sentence on stderr tells why, nothing is left running and the exit code
 * is 1. SIGTERM and SIGINT end it with 0 at once: nobody waits out a late answer, the connections
 * close.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "catalog.h"
#include "control.h"
#include "delay.h"
#include "dump.h"
#include "issuer.h"
#include "options.h"
#include "people.h"
#include "service.h"

enum { EXIT_USAGE = 2, SENTENCE_BYTES = 512 };

struct mocks {
    struct options options;
    struct people people;
    struct delay delay;
    struct issuer issuer;
    struct service services[CATALOG_COUNT];
    char issuer_url[64];
};

/* Always false: what a function returns that has to complain. */
static bool complain(const char *sentence)
{
    fprintf(stderr, "bff-mocks: %s\n", sentence);
    return false;
}

static void init_services(struct mocks *mocks)
{
    for (unsigned i = 0; i < CATALOG_COUNT; i++) {
        mocks->services[i] = (struct service){
            .name = catalog[i].name,
            .routes = catalog[i].routes,
            .control = i == CATALOG_ISSUER ? control_family_routes : control_routes,
            .family = mocks->services,
            .owner = i == CATALOG_ISSUER ? &mocks->issuer : NULL,
            .people = &mocks->people,
            .delay = &mocks->delay,
            .at_start = mocks->options.behaviours[i],
        };
        service_init(&mocks->services[i]);
    }
}

static bool listen_all(struct mocks *mocks)
{
    const unsigned base = mocks->options.base_port;
    for (unsigned i = 0; i < CATALOG_COUNT; i++) {
        const unsigned port = base ? base + i : 0;
        if (!service_listen(&mocks->services[i], port)) {
            fprintf(stderr, "bff-mocks: Port %u for the service %s cannot be had: %s.\n", port,
                catalog[i].name, strerror(errno));
            return false;
        }
    }
    return true;
}

static bool open_issuer(struct mocks *mocks)
{
    char why[SENTENCE_BYTES];
    snprintf(mocks->issuer_url, sizeof mocks->issuer_url, "http://127.0.0.1:%u",
        mocks->services[CATALOG_ISSUER].port);
    mocks->issuer.url = mocks->options.issuer_url ? mocks->options.issuer_url : mocks->issuer_url;
    return keys_open(&mocks->issuer.keys, mocks->options.keys_dir, why, sizeof why) ||
           complain(why);
}

static bool tell_ready(const struct mocks *mocks)
{
    char line[SENTENCE_BYTES] = "ready";
    size_t len = strlen(line);
    const int fd = mocks->options.ready_fd;
    for (unsigned i = 0; i < CATALOG_COUNT; i++)
        len += (size_t)snprintf(
            line + len, sizeof line - len, " %s=%u", catalog[i].name, mocks->services[i].port);
    line[len++] = '\n';
    const bool is_told = write(fd, line, len) == (ssize_t)len;
    if (fd > STDERR_FILENO)
        close(fd);
    return is_told || complain("The ready line cannot be written.");
}

static bool start_all(struct mocks *mocks)
{
    for (unsigned i = 0; i < CATALOG_COUNT; i++)
        if (!service_start(&mocks->services[i])) {
            fprintf(stderr, "bff-mocks: The service %s does not start.\n", catalog[i].name);
            return false;
        }
    return true;
}

static bool serve(struct mocks *mocks, const sigset_t *ends)
{
    int signal_number;
    if (!delay_init(&mocks->delay))
        return complain("No thread can be made.");
    const bool is_running = start_all(mocks) && tell_ready(mocks);
    if (is_running)
        sigwait(ends, &signal_number);
    delay_close(&mocks->delay);
    for (unsigned i = 0; i < CATALOG_COUNT; i++)
        service_stop(&mocks->services[i]);
    delay_fini(&mocks->delay);
    return is_running;
}

static bool run(struct mocks *mocks)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* before the threads, which inherit it */
    signal(SIGPIPE, SIG_IGN);
    if (mocks->options.must_die_with_parent)
        prctl(PR_SET_PDEATHSIG, SIGTERM);

    init_services(mocks);
    const bool is_good = listen_all(mocks) && open_issuer(mocks) && serve(mocks, &ends);
    keys_close(&mocks->issuer.keys);
    for (unsigned i = 0; i < CATALOG_COUNT; i++)
        service_fini(&mocks->services[i]);
    return is_good;
}

static bool dump(const struct mocks *mocks)
{
    char why[SENTENCE_BYTES];
    return dump_write(&mocks->people, mocks->options.dump_dir, why, sizeof why) || complain(why);
}

int main(int argc, char **argv)
{
    static struct mocks mocks;
    switch (options_read(&mocks.options, argc, argv)) {
    case OPTIONS_HELPED:
        return EXIT_SUCCESS;
    case OPTIONS_WRONG:
        return EXIT_USAGE;
    case OPTIONS_RUN:
        break;
    }
    people_init(&mocks.people, mocks.options.users);
    const bool is_good = mocks.options.dump_dir ? dump(&mocks) : run(&mocks);
    people_fini(&mocks.people);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
