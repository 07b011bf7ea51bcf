/* Before a server serves: every mistake at once, ports that are taken, and what is only printed. */
#include "flow.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(boot, .init = flow_open, .fini = flow_close, .timeout = 100);

enum { USAGE = 64, CONFIG = 78 };

static char *said; /* by the program that ran last */

static int run(const char *client, const char *const arguments[])
{
    char program[32];
    snprintf(program, sizeof(program), "bff-%s", client);
    free(said);
    return flow_run(program, arguments, &said);
}

static void says(const char *words)
{
    cr_assert(strstr(said, words) != NULL, "it does not say '%s' but:\n%s", words, said);
}

/* ---- mistakes ---- */

static const char ten_mistakes[] =
    "listen = {\n"
    "    port = 80443;\n"
    "    wrokers = 2;\n"
    "};\n"
    "admin = { port = \"many\"; };\n"
    "limits = { head_bytes = \"1GB\"; drain_ms = \"soon\"; };\n"
    "token = { issuer = \"http://127.0.0.1:1\"; jwks_url = \"ftp://127.0.0.1/keys\"; };\n"
    "quota = { user = { rate = -1; }; };\n"
    "services = {\n"
    "    profiles = { url = \"http://127.0.0.1:1\"; };\n"
    "    post = { url = \"http://127.0.0.1:2\"; };\n"
    "    recommendations = { url = \"http://127.0.0.1:3\"; };\n"
    "    notifications = { url = \"http://127.0.0.1:4\"; };\n"
    "    ads = { url = \"http://127.0.0.1:5\"; };\n"
    "    analytics = { url = \"http://127.0.0.1:6\"; };\n"
    "};\n"
    "schemas = \"%s/schemas\";\n"
    "log = { level = \"loud\"; };\n";

/* What is said of each, behind the file's path. */
static const char *const sentences[] = {
    ".conf: token.audience is missing.",
    ".conf:2: listen.port is 80443; it must be from 0 to 65535.\n",
    ".conf:3: there is no setting \"listen.wrokers\"; did you mean \"listen.workers\"?\n",
    ".conf:5: admin.port is \"many\"; it takes a whole number without quotes.\n",
    ".conf:6: limits.head_bytes is \"1GB\"; it must be from \"1KB\" to \"64KB\".\n",
    ".conf:6: limits.drain_ms is \"soon\"; it takes a time",
    ".conf:7: token.jwks_url is \"ftp://127.0.0.1/keys\"; a URL starts with http",
    ".conf:8: quota.user.rate is -1; it must be from 0 to 100000.\n",
    ".conf:18: log.level is \"loud\"; it takes one of \"error\", \"warn\"",
    "plan feed: call 'posts' is from \"posts\", which no service in ",
    "plans.c:2", /* and one more digit: the line of that call */
    "did you mean \"post\"?\n",
};

/* Beside the feed, which all have, web passes uploads and TV artwork through; both ask the posts.
 */
static unsigned plans_of(const char *client)
{
    return strcmp(client, "mobile") == 0 ? 1 : 2;
}

static void says_count(const char *format, unsigned count)
{
    char words[100];
    snprintf(words, sizeof(words), format, count);
    says(words);
}

Test(boot, lists_every_mistake_with_its_place_and_starts_nothing)
{
    char *root = realpath(".", NULL), *path = strdup(flow_file("ten.conf"));
    FILE *conf = fopen(path, "we");
    fprintf(conf, ten_mistakes, root);
    fclose(conf);
    for (size_t client = 0; flow_clients[client]; client++) {
        static const char *const jobs[] = { "--check", "--plans", NULL };
        for (size_t job = 0; job < countof(jobs); job++) {
            const char *const arguments[] = { "--config", path, jobs[job], NULL };
            cr_assert_eq(run(flow_clients[client], arguments), CONFIG);
            for (size_t i = 0; i < countof(sentences); i++) {
                says(sentences[i]);
            }
            says_count(": %u mistakes; nothing was started\n",
                9 + plans_of(flow_clients[client])); /* the posts are missed by each plan */
        }
    }
    free(path);
    free(root);
}

Test(boot, a_file_that_is_not_there_is_a_mistake)
{
    cr_assert_eq(run("tv", (const char *[]){ "--config", "/nowhere/bff.conf", NULL }), CONFIG);
    says("/nowhere/bff.conf");
    says("No such file");
}

Test(boot, a_command_line_that_is_not_understood_is_refused)
{
    cr_assert_eq(run("web", (const char *[]){ "--chek", NULL }), USAGE);
    says("did you mean \"--check\"?");
}

/* ---- what ships ---- */

Test(boot, finds_no_mistake_in_what_ships)
{
    for (size_t i = 0; flow_clients[i]; i++) {
        char conf[64];
        snprintf(conf, sizeof(conf), "bff-%s/bff.conf", flow_clients[i]);
        cr_assert_eq(
            run(flow_clients[i], (const char *[]){ "--config", conf, "--check", NULL }), 0);
        says_count("%u plans, 6 services, no mistake found\n", plans_of(flow_clients[i]));
        cr_assert_eq(
            run(flow_clients[i], (const char *[]){ "--config", conf, "--plans", NULL }), 0);
        says("  profile    required GET /v1/users/{claims.sub} from profiles\n");
        says("  posts      required GET");
        says("  ads        optional GET");
        says("waits for profile");
        says("  viewed     detached POST /v1/events from analytics\n");
    }
}

/* ---- ports ---- */

static int take_port(unsigned *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)); /* as a stale server would */
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, len), 0);
    cr_assert_eq(listen(fd, 8), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void names_the_port(const char *setting, const char *other)
{
    unsigned port;
    int fd = take_port(&port);
    char set[64], number[16];
    snprintf(set, sizeof(set), "%s=%u", setting, port);
    snprintf(number, sizeof(number), "%u", port);
    cr_assert_eq(run("mobile", (const char *[]){ "--config", "bff-mobile/bff.conf", "--set", set,
                                   "--set", other, NULL }),
        1);
    says(number);
    says("Address already in use");
    close(fd);
}

Test(boot, names_a_port_that_is_taken)
{
    names_the_port("listen.port", "admin.port=0");
    names_the_port("admin.port", "listen.port=0");
}
