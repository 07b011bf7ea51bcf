/*
 * flow: the stage on which whole requests are played.
 *
 * Owns the processes that it starts; they end with the test that started them. Programs come from
 * the folder BFF_BUILD (else build), the development CA and certificate from build/dev.
 */
#include "flow.h"

#include <criterion/criterion.h>
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child whose descriptor `which` is read through *out. */
static pid_t start(const char *const *words, int which, FILE **out)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], which);
        execv(words[0], (char *const *)words);
        _exit(127);
    }
    close(ends[1]);
    *out = fdopen(ends[0], "r");
    return child;
}

static char *program(const char *name)
{
    const char *folder = getenv("BFF_BUILD");
    char *path;
    cr_assert_geq(asprintf(&path, "%s/%s", folder ? folder : "build", name), 0);
    return path;
}

static size_t append(char *bytes, size_t size, size_t count, void *buf)
{
    return buf_append(buf, bytes, size * count) ? size * count : 0;
}

static long request(const char *verb, const char *url, const char *body, struct buf *out)
{
    long status = 0;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, verb);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    cr_assert_eq(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    return status;
}

static void mint(struct flow *flow)
{
    struct buf out;
    char url[64];
    buf_init(&out, 10000);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/token", flow->issuer_port);
    const char *wish =
        "{\"sub\":\"1001\",\"scope\":\"feed:read\",\"aud\":\"bff\",\"alg\":\"EdDSA\"}";
    cr_assert_eq(request("POST", url, wish, &out), 200);
    char *from = strstr(out.data, "\"access_token\":\"");
    cr_assert_not_null(from);
    from += strlen("\"access_token\":\"");
    flow->token = strndup(from, strcspn(from, "\""));
    buf_release(&out);
}

void flow_open(struct flow *flow)
{
    FILE *out;
    char *path = program("bff-mocks");
    *flow = (struct flow){ 0 };
    flow->mocks = start((const char *[]){ path, "--port", "0", NULL }, STDOUT_FILENO, &out);
    unsigned *p = flow->service_ports;
    int got = fscanf(out,
        "ready issuer=%u profiles=%u posts=%u recommendations=%u notifications=%u ads=%u "
        "analytics=%u",
        &flow->issuer_port, p, p + 1, p + 2, p + 3, p + 4, p + 5);
    cr_assert_eq(got, 7);
    free(path);
    mint(flow);
}

static void write_conf(struct flow *flow)
{
    static const char *const names[] = { "profiles", "posts", "recommendations", "notifications",
        "ads", "analytics" };
    char *root = realpath(".", NULL);
    snprintf(flow->conf, sizeof(flow->conf), "/tmp/bff-flow-XXXXXX");
    FILE *conf = fdopen(mkstemp(flow->conf), "w");
    fprintf(conf,
        "listen = { port = 0; workers = 1; certificate = \"%s/build/dev/server.crt\";"
        " key = \"%s/build/dev/server.key\"; };\nadmin = { port = 0; };\n"
        "token = { issuer = \"http://127.0.0.1:%u\"; audience = \"bff\";"
        " jwks_url = \"http://127.0.0.1:%u/.well-known/jwks.json\"; };\n"
        "schemas = \"%s/schemas\";\nlog = { access = \"off\"; };\nservices = {\n",
        root, root, flow->issuer_port, flow->issuer_port, root);
    for (int i = 0; i < 6; i++) {
        fprintf(
            conf, "%s = { url = \"http://127.0.0.1:%u\"; };\n", names[i], flow->service_ports[i]);
    }
    fputs("};\n", conf);
    fclose(conf);
    free(root);
}

void flow_serve(struct flow *flow, const char *client, int index, unsigned port)
{
    char name[32], line[512];
    FILE *err;
    if (port) {
        flow->service_ports[index] = port;
    }
    write_conf(flow);
    snprintf(name, sizeof(name), "bff-%s", client);
    char *path = program(name);
    flow->server =
        start((const char *[]){ path, "--config", flow->conf, NULL }, STDERR_FILENO, &err);
    free(path);
    while (!flow->port && fgets(line, sizeof(line), err)) {
        char *at = strstr(line, "serves https://127.0.0.1:");
        flow->port = at ? (unsigned)strtoul(at + strlen("serves https://127.0.0.1:"), NULL, 10) : 0;
    }
    cr_assert_neq(flow->port, 0, "the server did not start");
}

void flow_ask(struct flow *flow, struct flow_answer *answer)
{
    char url[64], *field;
    CURL *curl = curl_easy_init();
    *answer = (struct flow_answer){ 0 };
    buf_init(&answer->head, 100000);
    buf_init(&answer->body, 1000000);
    snprintf(url, sizeof(url), "https://localhost:%u/v1/feed", flow->port);
    cr_assert_geq(asprintf(&field, "Authorization: Bearer %s", flow->token), 0);
    struct curl_slist *fields = curl_slist_append(NULL, field);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, "build/dev/ca.crt");
    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer->body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer->head);
    CURLcode code = curl_easy_perform(curl);
    cr_assert_eq(code, CURLE_OK, "%s", curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_slist_free_all(fields);
    curl_easy_cleanup(curl);
    free(field);
}

void flow_forget(struct flow_answer *answer)
{
    buf_release(&answer->head);
    buf_release(&answer->body);
}

void flow_order(struct flow *flow, const char *service, const char *order)
{
    struct buf out;
    char url[96];
    buf_init(&out, 10000);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/_mock/%s", flow->issuer_port, service);
    cr_assert_eq(request("PUT", url, order, &out), 200);
    buf_release(&out);
}

int flow_end(pid_t *process)
{
    int status = 0;
    kill(*process, SIGTERM);
    cr_assert_eq(waitpid(*process, &status, 0), *process);
    *process = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void flow_close(struct flow *flow)
{
    if (flow->server) {
        cr_expect_eq(flow_end(&flow->server), 0);
    }
    cr_expect_eq(flow_end(&flow->mocks), 0);
    unlink(flow->conf);
    free(flow->token);
}
