/*
 * flow_stage: the processes of a test, their settings and their files.
 *
 * Owns what it starts: a process dies with the test that started it, and the test's folder goes
 * with flow_close. Programs come from the folder BFF_BUILD (else build), the development CA and the
 * server's certificate from build/dev. A server or mock that ends badly, a sanitizer's complaint
 * among the reasons, fails the test and shows its last words.
 */
#include "flow_parts.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = { "issuer", "profiles", "posts", "recommendations",
    "notifications", "ads", "analytics" };
enum { NAMES = countof(names), ARGUMENTS_MAX = 4 + 2 * FLOW_SET_MAX, PATH_BYTES = 128 };

static struct {
    char folder[32];
    pid_t mocks, server;
    bool is_told; /* the server has had a signal */
    unsigned mock_ports[NAMES];
    unsigned ports[NAMES]; /* where the server asks */
    unsigned port, admin_port;
    const char *client;
} stage;

void flow_nap(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

const char *flow_file(const char *name)
{
    static char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%s", stage.folder, name);
    return path;
}

char *flow_read(const char *path)
{
    struct buf text;
    char piece[4096];
    size_t len;
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file, "%s cannot be read", path);
    buf_init(&text, 16 << 20);
    while ((len = fread(piece, 1, sizeof(piece), file)) > 0) {
        buf_append(&text, piece, len);
    }
    fclose(file);
    char *copy = strndup(buf_str(&text).at, text.len);
    buf_release(&text);
    return copy;
}

/* ---- processes ---- */

/* Both outputs go into files of the test's folder. */
static pid_t start(
    const char *program, const char *const *arguments, const char *out, const char *err)
{
    const char *folder = getenv("BFF_BUILD");
    const char *words[ARGUMENTS_MAX + 2] = { NULL };
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder ? folder : "build", program);
    words[0] = path;
    for (size_t i = 0; arguments[i]; i++) {
        cr_assert_lt(i, ARGUMENTS_MAX);
        words[i + 1] = arguments[i];
    }
    int out_fd = open(flow_file(out), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    int err_fd = open(flow_file(err), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out_fd, STDOUT_FILENO);
        dup2(err_fd, STDERR_FILENO);
        execv(words[0], (char *const *)words);
        _exit(127);
    }
    close(out_fd);
    close(err_fd);
    return child;
}

static int wait_for(pid_t *process)
{
    int status = 0;
    cr_assert_eq(waitpid(*process, &status, 0), *process);
    *process = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void show_words(const char *log)
{
    char *text = flow_read(flow_file(log));
    fprintf(stderr, "%s:\n%s", log, text);
    free(text);
}

/* The text behind `words` in a file that a process still writes; it may not end before. */
static char *await_words(pid_t *process, const char *log, const char *words)
{
    for (;;) {
        bool has_ended = waitpid(*process, NULL, WNOHANG) != 0;
        char *text = flow_read(flow_file(log)), *at = strstr(text, words);
        char *line = at && strchr(at, '\n') ? strdup(at + strlen(words)) : NULL;
        free(text);
        if (line) {
            return line;
        }
        if (has_ended) {
            show_words(log);
            *process = 0;
        }
        cr_assert(*process != 0, "it ended before it said '%s'", words);
        flow_nap();
    }
}

/* ---- the mocks ---- */

void flow_open(void)
{
    snprintf(stage.folder, sizeof(stage.folder), "/tmp/bff-flow-XXXXXX");
    cr_assert_not_null(mkdtemp(stage.folder));
    stage.mocks =
        start("bff-mocks", (const char *[]){ "--port", "0", NULL }, "mocks.out", "mocks.log");
    char *ports = await_words(&stage.mocks, "mocks.out", "ready ");
    const char *at = ports;
    for (size_t i = 0; i < NAMES; i++) {
        at = strchr(at, '=');
        cr_assert_not_null(at);
        stage.ports[i] = stage.mock_ports[i] = (unsigned)strtoul(++at, NULL, 10);
    }
    free(ports);
}

unsigned flow_issuer_port(void)
{
    return stage.mock_ports[0];
}

unsigned flow_mock_port(const char *service)
{
    size_t place = 0;
    while (place < NAMES - 1 && strcmp(names[place], service) != 0) {
        place++;
    }
    return stage.mock_ports[place];
}

void flow_order(const char *service, const char *order)
{
    struct flow_answer answer;
    char url[96];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/_mock/%s", stage.mock_ports[0], service);
    flow_http("PUT", url, NULL, order, &answer);
    cr_assert_eq(answer.status, 200, "%s: %s", order, answer.body.data);
    flow_forget(&answer);
}

unsigned flow_asked(const char *service)
{
    struct flow_answer answer;
    char url[96];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/_mock/%s", stage.mock_ports[0], service);
    flow_http("GET", url, NULL, NULL, &answer);
    const char *count = strstr(answer.body.data, "\"requests\":");
    cr_assert_not_null(count);
    unsigned asked = (unsigned)strtoul(count + strlen("\"requests\":"), NULL, 10);
    flow_forget(&answer);
    return asked;
}

static void behave(const struct flow_page *page)
{
    for (size_t i = 0; i < FLOW_SERVICES && page->services[i].name; i++) {
        const struct flow_service *wish = &page->services[i];
        size_t place = 0;
        while (place < NAMES && strcmp(names[place], wish->name) != 0) {
            place++;
        }
        cr_assert_lt(place, NAMES, "there is no service %s", wish->name);
        stage.ports[place] = flow_service_open(wish, stage.mock_ports[place]);
        if (wish->order) {
            flow_order(wish->name, wish->order);
        }
    }
}

/* ---- the server ---- */

static void write_conf(void)
{
    char *root = realpath(".", NULL);
    FILE *conf = fopen(flow_file("bff.conf"), "we");
    cr_assert(conf && root);
    fprintf(conf,
        "listen = { port = 0; workers = 1; certificate = \"%s/build/dev/server.crt\";"
        " key = \"%s/build/dev/server.key\"; };\nadmin = { port = 0; };\n"
        "token = { issuer = \"http://127.0.0.1:%u\"; audience = \"bff\";"
        " jwks_url = \"http://127.0.0.1:%u/.well-known/jwks.json\"; };\n"
        "schemas = \"%s/schemas\";\nlog = { access = \"off\"; };\nservices = {\n",
        root, root, stage.mock_ports[0], stage.ports[0], root);
    for (size_t i = 1; i < NAMES; i++) {
        fprintf(conf, "    %s = { url = \"http://127.0.0.1:%u\"; };\n", names[i], stage.ports[i]);
    }
    fputs("};\n", conf);
    fclose(conf);
    free(root);
}

static unsigned number_behind(const char *text, const char *words)
{
    const char *at = strstr(text, words);
    cr_assert_not_null(at, "no '%s' in: %s", words, text);
    return (unsigned)strtoul(at + strlen(words), NULL, 10);
}

void flow_serve_unready(const struct flow_page *page)
{
    const char *arguments[ARGUMENTS_MAX + 1] = { "--config", NULL };
    char conf[PATH_BYTES], program[32];
    size_t count = 2;
    behave(page);
    write_conf();
    snprintf(conf, sizeof(conf), "%s", flow_file("bff.conf"));
    arguments[1] = conf;
    for (size_t i = 0; i < FLOW_SET_MAX && page->set[i]; i++) {
        arguments[count++] = "--set";
        arguments[count++] = page->set[i];
    }
    stage.client = page->client ? page->client : "mobile";
    snprintf(program, sizeof(program), "bff-%s", stage.client);
    unlink(flow_file("server.log"));
    stage.server = start(program, arguments, "server.out", "server.log");
    char *serves = await_words(&stage.server, "server.log", "serves https://127.0.0.1");
    stage.port = number_behind(serves, ":");
    stage.admin_port = number_behind(serves, "admin http://127.0.0.1:");
    free(serves);
}

static bool is_ready(void)
{
    struct flow_answer answer;
    flow_ask_admin("/readyz", NULL, &answer);
    bool is_ready = answer.status == 200;
    flow_forget(&answer);
    return is_ready;
}

void flow_serve(const struct flow_page *page)
{
    flow_serve_unready(page);
    flow_until(is_ready());
}

const char *flow_client(void)
{
    return stage.client;
}

unsigned flow_port(void)
{
    return stage.port;
}

unsigned flow_admin_port(void)
{
    return stage.admin_port;
}

void flow_signal(int number)
{
    cr_assert(stage.server > 0);
    stage.is_told = true;
    kill(stage.server, number);
}

int flow_wait(void)
{
    int status = wait_for(&stage.server);
    if (status != 0) {
        show_words("server.log");
    }
    flow_services_close();
    memcpy(stage.ports, stage.mock_ports, sizeof(stage.ports));
    stage.client = NULL;
    stage.is_told = false;
    return status;
}

int flow_stop(void)
{
    flow_signal(SIGTERM);
    return flow_wait();
}

int flow_run(const char *program, const char *const arguments[], char **said)
{
    pid_t process = start(program, arguments, "run.out", "run.out");
    int status = wait_for(&process);
    *said = flow_read(flow_file("run.out"));
    return status;
}

static int remove_entry(const char *path, const struct stat *s, int type, struct FTW *ftw)
{
    (void)s, (void)type, (void)ftw;
    return remove(path);
}

void flow_close(void)
{
    if (stage.server && stage.is_told) {
        kill(stage.server, SIGKILL); /* the test has failed on the way */
        flow_wait();
    } else if (stage.server) {
        cr_expect_eq(flow_stop(), 0, "the server ended badly");
    }
    kill(stage.mocks, SIGTERM);
    int status = wait_for(&stage.mocks);
    if (status != 0) {
        show_words("mocks.log");
    }
    cr_expect_eq(status, 0, "the mocks ended badly");
    nftw(stage.folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
