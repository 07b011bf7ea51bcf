#ifndef TESTS_NGINX_SERVICE_H
#define TESTS_NGINX_SERVICE_H

#include "http_identity.h"
#include "http_page.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* A real HTTP/2 service: nginx, with a folder of its own, on a free port, while the test lives. */
struct nginx {
    struct identity identity;
    char folder[64];
    unsigned port;
    pid_t pid;
};

static inline bool nginx_is_there(void)
{
    return access("/usr/sbin/nginx", X_OK) == 0;
}

enum { NGINX_LARGE_BYTES = 1 << 20 };

static const char nginx_words[] =
    "daemon off; master_process off; pid pid; error_log log warn;\n"
    "events { worker_connections 256; }\n"
    "http { access_log off; client_max_body_size 8m; client_body_temp_path t1; proxy_temp_path "
    "t2;\n"
    "fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5; keepalive_requests 100000;\n"
    "server { listen 127.0.0.1:%u ssl %s; ssl_certificate %s; ssl_certificate_key %s;\n"
    "default_type text/plain;\n"
    "location = /who { return 200 \"$server_protocol $connection $host $request_method\"; }\n"
    "location = /gone { return 404 \"no\"; }\n"
    "location = /none { return 204; }\n"
    "location = /large { root %s; }\n"
    "location = /slow { root %s; limit_rate 1k; }\n"
    "location = /length { proxy_pass http://unix:%s/inner; }\n"
    "}\n"
    "server { listen unix:%s/inner; default_type text/plain; return 200 $content_length; } }\n";

static inline void nginx_write(
    const struct nginx *nginx, const char *name, const char *bytes, size_t len)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", nginx->folder, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

static inline unsigned free_port(void)
{
    struct turn unused = { .say = "" };
    struct server *server = server_start(&unused, 1, NULL);
    unsigned port = server->port;
    server_stop(server);
    return port;
}

static inline void nginx_run(const struct nginx *nginx)
{
    char conf[128], log[128];
    snprintf(conf, sizeof(conf), "%s/conf", nginx->folder);
    snprintf(log, sizeof(log), "%s/log", nginx->folder);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    execl("/usr/sbin/nginx", "nginx", "-p", nginx->folder, "-c", conf, "-e", log, NULL);
    _exit(127);
}

static inline bool nginx_listens(const struct nginx *nginx)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
        .sin_port = htons((uint16_t)nginx->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool listens = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return listens;
}

/* `protocol`: "http2", or "" for HTTP/1.1 alone. */
static inline void nginx_start(struct nginx *nginx, const char *protocol)
{
    char words[sizeof(nginx_words) + 512];
    char *large = malloc(NGINX_LARGE_BYTES);
    memset(large, 'n', NGINX_LARGE_BYTES);
    make_identity(&nginx->identity, loopback);
    snprintf(nginx->folder, sizeof(nginx->folder), "/tmp/test-nginx-XXXXXX");
    cr_assert_not_null(mkdtemp(nginx->folder));
    nginx->port = free_port();
    int len =
        snprintf(words, sizeof(words), nginx_words, nginx->port, protocol, nginx->identity.ca_file,
            nginx->identity.key_file, nginx->folder, nginx->folder, nginx->folder, nginx->folder);
    nginx_write(nginx, "conf", words, (size_t)len);
    nginx_write(nginx, "large", large, NGINX_LARGE_BYTES);
    nginx_write(nginx, "slow", large, 64 * 1024);
    free(large);
    nginx->pid = fork();
    if (nginx->pid == 0) {
        nginx_run(nginx);
    }
    bool listens;
    while (!(listens = nginx_listens(nginx)) && waitpid(nginx->pid, NULL, WNOHANG) == 0) {
        poll(NULL, 0, 10);
    }
    cr_assert(listens, "nginx does not start");
}

static inline void nginx_stop(struct nginx *nginx)
{
    static const char *const names[] = { "conf", "large", "slow", "log", "pid", "inner" };
    static const char *const folders[] = { "t1", "t2", "t3", "t4", "t5", "" };
    char path[128];
    kill(nginx->pid, SIGTERM);
    waitpid(nginx->pid, NULL, 0);
    for (size_t i = 0; i < countof(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", nginx->folder, names[i]);
        unlink(path);
    }
    for (size_t i = 0; i < countof(folders); i++) {
        snprintf(path, sizeof(path), "%s/%s", nginx->folder, folders[i]);
        rmdir(path);
    }
    drop_identity(&nginx->identity);
}

#endif
