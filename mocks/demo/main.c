/*
 * demo: everything at once, on one machine.
 *
 * Starts the mocks and the three servers, asks each for the feed as an app would, shows the
 * answers, and goes on until ^C where --serve says so. Owns the ports and the order: mocks before
 * servers, and the reverse at the end. Promises that it leaves nothing running, and that its exit
 * code is 0 only when every section of every client's answer was live. Does not know how a server
 * does its work; it reads what any client could.
 */
#include "ask.h"
#include "child.h"
#include "parts.h"
#include "show.h"

#include "base/clock.h"
#include "base/must.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define DEV     "build/dev"
#define CA_FILE DEV "/ca.crt"

enum { PATH_BYTES = 512, TEXT_BYTES = 128, TOKEN_BYTES = 4096, READY_MS = 15000, STEP_MS = 20 };
enum { FEED_SECTIONS = 6 };

/* BESIDE: a shift with which no port is one of those without it. */
enum { BESIDE = 20, SHIFT_MAX = 50000 };

/* The issuer listens on MOCKS_PORT, the services on the ports after it, in this order. */
enum { MOCKS_PORT = 7100 };
static const char *const services[] = { "profiles", "posts", "recommendations", "notifications",
    "ads", "analytics" };

/* As in each client's bff.conf. */
static const struct client {
    const char *name;
    unsigned port; /* TLS */
    unsigned admin_port;
} clients[] = {
    { "bff-mobile", 8441, 9441 },
    { "bff-web", 8442, 9442 },
    { "bff-tv", 8443, 9443 },
};
enum { CLIENTS = countof(clients) };

struct demo {
    char folder[PATH_BYTES]; /* of the programs */
    bool is_serving;
    bool has_terminal;
    unsigned shift;         /* added to every port */
    char notes[TEXT_BYTES]; /* the folder of its token and logs: another demo has others */
    struct child mocks;
    struct child servers[CLIENTS];
    struct asker *asker;
    char token[TOKEN_BYTES];
    unsigned sections_ok, failed;
};

/* ---- before anything starts ---- */

static bool program_is_there(const struct demo *demo, const char *name, struct err *err)
{
    char path[PATH_BYTES + TEXT_BYTES];
    snprintf(path, sizeof(path), "%s/%s", demo->folder, name);
    return access(path, X_OK) == 0 || err_set(err, "%s is not there; 'make' builds it.", path);
}

static bool file_is_there(const char *path, const char *remedy, struct err *err)
{
    return access(path, R_OK) == 0 || err_set(err, "%s is not there; %s.", path, remedy);
}

/* Asked before ours start: a stale server would share its port silently (SO_REUSEPORT). */
static bool port_is_free(const struct demo *demo, unsigned port, const char *name, struct err *err)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
        .sin_port = htons((uint16_t)(port + demo->shift)),
        .sin_addr.s_addr = htonl(INADDR_ANY) };
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    bool is_free = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    int why = errno;
    close(fd);
    if (is_free) {
        return true;
    }
    return err_set(err,
        "Port %u, which %s needs, cannot be had: %s. 'ss -ltnp' tells who has it;"
        " 'make %s SHIFT=%u' takes other ports.",
        port + demo->shift, name, strerror(why), demo->is_serving ? "run" : "demo",
        demo->shift + BESIDE);
}

static bool make_notes(struct demo *demo, struct err *err)
{
    snprintf(demo->notes, sizeof(demo->notes), DEV);
    if (demo->shift) {
        snprintf(demo->notes, sizeof(demo->notes), DEV "/shift-%u", demo->shift);
    }
    bool is_there = mkdir(demo->notes, 0700) == 0 || errno == EEXIST;
    return is_there || err_set(err, "%s cannot be made: %s.", demo->notes, strerror(errno));
}

static bool all_is_there(struct demo *demo, struct err *err)
{
    bool is_good = file_is_there(CA_FILE, "'make keys' makes it", err) && make_notes(demo, err) &&
                   program_is_there(demo, "bff-mocks", err) &&
                   port_is_free(demo, MOCKS_PORT, "the token issuer", err);
    for (unsigned i = 0; is_good && i < countof(services); i++) {
        is_good = port_is_free(demo, MOCKS_PORT + 1 + i, services[i], err);
    }
    for (unsigned i = 0; is_good && i < CLIENTS; i++) {
        is_good = program_is_there(demo, clients[i].name, err) &&
                  port_is_free(demo, clients[i].port, clients[i].name, err) &&
                  port_is_free(demo, clients[i].admin_port, clients[i].name, err);
    }
    return is_good;
}

/* ---- start ---- */

/* Waits one step. False when somebody wants the demo to end, or the child has. */
static bool wait_step(struct child *child, struct err *err)
{
    int number = child_pause(STEP_MS);
    if (number && number != SIGCHLD) {
        return err_set(err, "Stopped before all was ready.");
    }
    return child_is_running(child, err);
}

static bool mocks_start(struct demo *demo, struct err *err)
{
    char path[PATH_BYTES + TEXT_BYTES], port[TEXT_BYTES];
    snprintf(path, sizeof(path), "%s/bff-mocks", demo->folder);
    snprintf(port, sizeof(port), "%u", MOCKS_PORT + demo->shift);
    const char *const argv[] = { path, "--port", port, "--keys", DEV "/keys", NULL };
    char log[2 * TEXT_BYTES];
    snprintf(log, sizeof(log), "%s/bff-mocks.log", demo->notes);
    return child_start(&demo->mocks, "bff-mocks", log, argv, err);
}

/* Settings for ports that are not those of bff.conf. */
struct overrides {
    char texts[4 + countof(services)][TEXT_BYTES];
    unsigned count;
};

__attribute__((format(printf, 2, 3))) static void override(
    struct overrides *overrides, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    must(overrides->count < countof(overrides->texts));
    vsnprintf(overrides->texts[overrides->count++], TEXT_BYTES, format, args);
    va_end(args);
}

static void override_ports(struct overrides *overrides, const struct client *client, unsigned shift)
{
    unsigned issuer = MOCKS_PORT + shift;
    override(overrides, "listen.port=%u", client->port + shift);
    override(overrides, "admin.port=%u", client->admin_port + shift);
    override(overrides, "token.issuer=http://127.0.0.1:%u", issuer);
    override(overrides, "token.jwks_url=http://127.0.0.1:%u/.well-known/jwks.json", issuer);
    for (unsigned i = 0; i < countof(services); i++) {
        override(overrides, "services.%s.url=http://127.0.0.1:%u", services[i], issuer + 1 + i);
    }
}

static bool server_start(struct demo *demo, unsigned i, struct err *err)
{
    char path[PATH_BYTES + TEXT_BYTES], config[TEXT_BYTES], log[2 * TEXT_BYTES];
    snprintf(path, sizeof(path), "%s/%s", demo->folder, clients[i].name);
    snprintf(config, sizeof(config), "%s/bff.conf", clients[i].name);
    snprintf(log, sizeof(log), "%s/%s.log", demo->notes, clients[i].name);
    struct overrides overrides = { .count = 0 };
    if (demo->shift) {
        override_ports(&overrides, &clients[i], demo->shift);
    }
    const char *argv[4 + 2 * countof(overrides.texts)] = { path, "--config", config };
    for (unsigned k = 0; k < overrides.count; k++) {
        argv[3 + 2 * k] = "--set";
        argv[4 + 2 * k] = overrides.texts[k];
    }
    return child_start(&demo->servers[i], clients[i].name, log, argv, err);
}

static bool server_wait(struct demo *demo, unsigned i, uint64_t limit_us, struct err *err)
{
    char url[TEXT_BYTES];
    struct err last = { "" };
    struct answer answer;
    answer_init(&answer);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/readyz", clients[i].admin_port + demo->shift);
    bool is_ready = false, can_wait = true;
    while (!is_ready && can_wait) {
        is_ready = ask(demo->asker, url, NULL, NULL, &answer, &last) && answer.status == 200;
        can_wait = is_ready || wait_step(&demo->servers[i], err);
        if (can_wait && !is_ready && clock_now_us() > limit_us) {
            can_wait = err_set(err, "%s is not ready after %d s: %s", clients[i].name,
                READY_MS / 1000, *last.text ? last.text : buf_str(&answer.body).at);
        }
    }
    answer_release(&answer);
    return is_ready;
}

static bool start_all(struct demo *demo, struct err *err)
{
    uint64_t limit_us = clock_now_us() + READY_MS * 1000;
    if (!mocks_start(demo, err)) {
        return false;
    }
    while (!child_has_said(&demo->mocks, "ready ")) {
        if (!wait_step(&demo->mocks, err)) {
            return false;
        }
        if (clock_now_us() > limit_us) {
            return err_set(err, "bff-mocks is not ready after %d s.", READY_MS / 1000);
        }
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (!server_start(demo, i, err)) {
            return false;
        }
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (!server_wait(demo, i, limit_us, err)) {
            return false;
        }
    }
    return true;
}

static void stop_all(struct demo *demo)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        child_stop(&demo->servers[i]);
    }
    child_stop(&demo->mocks);
}

/* ---- ask and show ---- */

static void count_sections(struct demo *demo, const struct part *sections, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (show_is_live(&sections[i])) {
            demo->sections_ok++;
        } else {
            demo->failed++;
        }
    }
    if (count < FEED_SECTIONS) {
        show_fault("BFF-Sections names %zu of %d sections.", count, FEED_SECTIONS);
        demo->failed += FEED_SECTIONS - (unsigned)count;
    }
}

/* The same question once more, compressed; what it costs is shown beside the plain one. */
static void ask_again_compressed(
    struct demo *demo, const char *url, const struct answer *plain, struct err *err)
{
    struct answer zipped;
    answer_init(&zipped);
    if (!ask(demo->asker, url, demo->token, "gzip", &zipped, err)) {
        show_fault("%s", err->text);
        demo->failed++;
    } else if (zipped.status != 200 || strcmp(zipped.coding, "gzip") != 0) {
        show_fault("Asked for gzip, it answered %u without it.", zipped.status);
        demo->failed++;
    } else {
        printf(
            "    %zu bytes plain, %llu gzip; answered in %.1f ms, and in %.1f ms when asked again"
            " (connecting: %.1f ms)\n",
            plain->body.len, (unsigned long long)zipped.wire_bytes, plain->took_ms, zipped.took_ms,
            plain->connect_ms);
    }
    answer_release(&zipped);
}

static void ask_client(struct demo *demo, const struct client *client)
{
    char url[TEXT_BYTES];
    struct err err = { "" };
    struct answer answer;
    answer_init(&answer);
    snprintf(url, sizeof(url), "https://localhost:%u/v1/feed", client->port + demo->shift);
    if (!ask(demo->asker, url, demo->token, NULL, &answer, &err)) {
        show_fault("%s", err.text);
        demo->failed += FEED_SECTIONS;
    } else {
        struct part sections[PARTS_MAX], timing[PARTS_MAX];
        size_t sections_count = parts_read(answer.sections, sections);
        size_t timing_count = parts_read(answer.timing, timing);
        show_answer(client->name, url, answer.status);
        show_excerpt(buf_str(&answer.body));
        ask_again_compressed(demo, url, &answer, &err);
        show_waterfall(sections, sections_count, timing, timing_count);
        count_sections(demo, sections, sections_count);
    }
    answer_release(&answer);
}

/* For the commands that are shown: the token is kept where only its owner reads it. */
static bool token_renew(struct demo *demo, struct err *err)
{
    char url[TEXT_BYTES], path[2 * TEXT_BYTES];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/token", MOCKS_PORT + demo->shift);
    snprintf(path, sizeof(path), "%s/token", demo->notes);
    if (!ask_token(demo->asker, url, demo->token, sizeof(demo->token), err)) {
        return false;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t len = (ssize_t)strlen(demo->token);
    bool is_kept = fd >= 0 && write(fd, demo->token, (size_t)len) == len;
    if (fd >= 0) {
        close(fd);
    }
    return is_kept || err_set(err, "%s cannot be written: %s.", path, strerror(errno));
}

static void show_commands(const struct demo *demo)
{
    printf("\nBy hand%s, with the token in %s/token:\n",
        demo->is_serving ? "" : ", while 'make run' serves", demo->notes);
    for (unsigned i = 0; i < CLIENTS; i++) {
        printf("    curl --cacert " CA_FILE " -H \"Authorization: Bearer $(cat %s/token)\""
               " https://localhost:%u/v1/feed\n",
            demo->notes, clients[i].port + demo->shift);
    }
    printf("Logs are in %s/*.log; metrics at http://127.0.0.1:%u/metrics.\n", demo->notes,
        clients[0].admin_port + demo->shift);
}

/* A terminal that is closed says so by SIGHUP, but to the leader of its session alone: where that
 * is a make, it keeps it to itself. */
static bool terminal_is_gone(const struct demo *demo)
{
    struct pollfd terminal = { .fd = STDIN_FILENO };
    return demo->has_terminal && poll(&terminal, 1, 0) == 1 && terminal.revents & POLLHUP;
}

static bool all_are_running(struct demo *demo, struct err *err)
{
    bool is_whole = child_is_running(&demo->mocks, err);
    for (unsigned i = 0; is_whole && i < CLIENTS; i++) {
        is_whole = child_is_running(&demo->servers[i], err);
    }
    return is_whole;
}

/* Until ^C: true; false when a child ends before. Tokens live an hour and are renewed in time. */
static bool serve(struct demo *demo, struct err *err)
{
    enum { LOOK_MS = 1000, RENEW_S = 30 * 60 };
    uint64_t renew_us = clock_now_us() + RENEW_S * 1000000ull;
    printf("\nServing until ^C.\n");
    fflush(stdout);
    for (;;) {
        int number = child_pause(LOOK_MS);
        if ((number && number != SIGCHLD) || terminal_is_gone(demo)) {
            return true;
        }
        if (!all_are_running(demo, err)) {
            return false;
        }
        if (clock_now_us() > renew_us) {
            if (!token_renew(demo, err)) {
                return false;
            }
            renew_us += RENEW_S * 1000000ull;
        }
    }
}

static bool run(struct demo *demo, struct err *err)
{
    if (!all_is_there(demo, err) || !start_all(demo, err) || !token_renew(demo, err)) {
        return false;
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        ask_client(demo, &clients[i]);
    }
    show_commands(demo);
    return !demo->is_serving || serve(demo, err);
}

/* ---- the command line ---- */

static const char help[] =
    "Starts the mocks and the three servers, asks each for the feed and shows the answers.\n\n"
    "    --serve       go on until ^C\n"
    "    --shift N     add N to every port, beside another demo on the same machine\n"
    "    --help        print this\n";

/* True when the demo shall run; else *code is how to exit. */
static bool read_options(struct demo *demo, int argc, char **argv, int *code)
{
    static const struct option options[] = { { "serve", no_argument, NULL, 's' },
        { "shift", required_argument, NULL, 'p' }, { "help", no_argument, NULL, 'h' }, { 0 } };
    uint64_t shift = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 's') {
            demo->is_serving = true;
        } else if (c == 'p' && str_u64(str_of(optarg), &shift) && shift <= SHIFT_MAX) {
            demo->shift = (unsigned)shift;
        } else if (c == 'p') {
            fprintf(
                stderr, "demo: A shift is a number from 0 to %d, not '%s'.\n", SHIFT_MAX, optarg);
            *code = EX_USAGE;
            return false;
        } else {
            fputs(help, c == 'h' ? stdout : stderr);
            *code = c == 'h' ? 0 : EX_USAGE;
            return false;
        }
    }
    return true;
}

static bool find_folder(struct demo *demo, struct err *err)
{
    ssize_t len = readlink("/proc/self/exe", demo->folder, sizeof(demo->folder) - 1);
    if (len < 0) {
        return err_set(err, "The demo cannot find its own folder: %s.", strerror(errno));
    }
    demo->folder[len] = '\0';
    *strrchr(demo->folder, '/') = '\0';
    return true;
}

int main(int argc, char **argv)
{
    static struct demo demo;
    struct err err = { "" };
    int code = 0;
    if (!read_options(&demo, argc, argv, &code)) {
        return code;
    }
    child_block_signals();
    show_init();
    demo.has_terminal = isatty(STDIN_FILENO);
    demo.asker = asker_new(CA_FILE);
    must(demo.asker != NULL);
    bool is_good = find_folder(&demo, &err) && run(&demo, &err);
    stop_all(&demo);
    asker_free(demo.asker);
    fflush(stdout);
    if (!is_good) {
        fprintf(stderr, "demo: %s\n", err.text);
        return 1;
    }
    printf("demo: clients=%d sections_ok=%u failed=%u\n", CLIENTS, demo.sections_ok, demo.failed);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "demo: What it has to show cannot be written.\n");
        return 1;
    }
    return demo.failed ? 1 : 0;
}
