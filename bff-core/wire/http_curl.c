/*
 * http_curl: a curl multi handle that waits on our loop.
 *
 * Owns the multi handle, what the loop watches for it, and the options that every easy handle has.
 * Promises: (1) .netrc, redirects, cookies, schemes other than http and https and any proxy but the
 * origin's own stay off, whatever the environment says; (2) a job's `ended` runs when curl is not
 * on the stack; (3) a descriptor stays registered with epoll between two transfers, which saves two
 * system calls for each, and is forgotten before it is closed. Knows nothing of questions and
 * answers.
 */
#include "http_curl.h"

#include "../base/clock.h"
#include "../base/must.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct socket {
    struct watch watch;
    struct http_curl *curl;
    uint32_t events; /* what epoll was told; 0: nothing yet */
    bool is_wanted;  /* curl is waiting for it */
    bool is_remote;  /* not a pipe to a resolver's thread */
    bool is_kept;    /* connected: we learn when it is closed, so epoll may keep it until then */
};

struct http_curl {
    CURLM *multi;
    CURLSH *share; /* TLS sessions: a new connection resumes an old one's */
    struct loop *loop;
    struct deadline timer;
    struct socket **sockets; /* by descriptor */
    size_t sockets_room;
};

enum { KEPT_MAX = 4096 }; /* idle connections of the transfer lane, where no limit is set */

#define must_curl(call) must((call) == CURLE_OK)

/* ---- messages ---- */

static void read_messages(struct http_curl *curl)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(curl->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        struct http_curl_job *job = NULL;
        must_curl(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&job));
        job->ended(job, (int)message->data.result);
    }
}

static void act(struct http_curl *curl, curl_socket_t fd, int what)
{
    int running;
    must(curl_multi_socket_action(curl->multi, fd, what, &running) == CURLM_OK);
    read_messages(curl);
}

/* ---- descriptors ---- */

static struct socket *socket_at(struct http_curl *curl, int fd)
{
    return (size_t)fd < curl->sockets_room ? curl->sockets[fd] : NULL;
}

static void release_fd(struct http_curl *curl, int fd)
{
    struct socket *socket = socket_at(curl, fd);
    if (socket) {
        if (socket->events) {
            loop_unwatch(curl->loop, &socket->watch);
        }
        curl->sockets[fd] = NULL;
        free(socket);
    }
}

static void socket_ready(struct watch *watch, uint32_t events)
{
    struct socket *socket = container_of(watch, struct socket, watch);
    struct http_curl *curl = socket->curl;
    int fd = watch->fd;
    if (!socket->is_wanted) {
        /*
         * The peer closed, or spoke out of turn, between two transfers. In the latter case curl
         * 7.88 would use the connection again and take what was said for the next answer: now it
         * finds a connection that is lost.
         */
        shutdown(fd, SHUT_RDWR);
        release_fd(curl, fd);
        return;
    }
    int what = (events & (EPOLLIN | EPOLLRDHUP) ? CURL_CSELECT_IN : 0) |
               (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    act(curl, fd, what);
}

static bool is_remote(int fd)
{
    int domain = AF_UNSPEC;
    socklen_t len = sizeof(domain);
    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
    return domain == AF_INET || domain == AF_INET6;
}

static struct socket *socket_new(struct http_curl *curl, int fd)
{
    size_t need = (size_t)fd + 1;
    if (need > curl->sockets_room) {
        size_t room = need * 2;
        curl->sockets = reallocarray(curl->sockets, room, sizeof(*curl->sockets));
        must(curl->sockets != NULL);
        memset(curl->sockets + curl->sockets_room, 0,
            (room - curl->sockets_room) * sizeof(*curl->sockets));
        curl->sockets_room = room;
    }
    struct socket *socket = calloc(1, sizeof(*socket));
    must(socket != NULL);
    socket->watch = (struct watch){ fd, socket_ready };
    socket->curl = curl;
    socket->is_remote = is_remote(fd);
    curl->sockets[fd] = socket;
    return socket;
}

static void socket_removed(struct http_curl *curl, int fd)
{
    struct socket *socket = socket_at(curl, fd);
    if (socket && socket->is_kept) {
        socket->is_wanted = false;
    } else {
        release_fd(curl, fd);
    }
}

static int socket_changed(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
    (void)easy;
    (void)unused;
    struct http_curl *curl = context;
    if (what == CURL_POLL_REMOVE) {
        socket_removed(curl, fd);
        return 0;
    }
    struct socket *socket = socket_at(curl, fd);
    if (!socket) {
        socket = socket_new(curl, fd);
    }
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
    if (socket->events == 0) {
        must(loop_watch(curl->loop, &socket->watch, events));
    } else if (socket->events != events) {
        loop_rewatch(curl->loop, &socket->watch, events);
    }
    socket->events = events;
    socket->is_wanted = true;
    /* Only a connected socket is waited for to be read; others curl closes without a word. */
    socket->is_kept |= socket->is_remote && what & CURL_POLL_IN;
    return 0;
}

static int close_socket(void *context, curl_socket_t fd)
{
    release_fd(context, fd);
    return close(fd);
}

/* ---- time ---- */

static int timer_changed(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct http_curl *curl = context;
    if (timeout_ms < 0) {
        loop_deadline_clear(curl->loop, &curl->timer);
    } else {
        loop_deadline(curl->loop, &curl->timer, clock_now_us() + (uint64_t)timeout_ms * 1000);
    }
    return 0;
}

static void timer_expired(struct deadline *deadline)
{
    act(container_of(deadline, struct http_curl, timer), CURL_SOCKET_TIMEOUT, 0);
}

/* ---- easy handles ---- */

static void set_text(CURL *easy, CURLoption option, const char *text)
{
    must_curl(curl_easy_setopt(easy, option, text));
}

static void set_long(CURL *easy, CURLoption option, long value)
{
    must_curl(curl_easy_setopt(easy, option, value));
}

static void set_tls(CURL *easy, const struct http_origin *origin)
{
    set_text(easy, CURLOPT_CAPATH, NULL); /* GnuTLS would read the whole folder at every connect */
    if (origin->ca_file) {
        set_text(easy, CURLOPT_CAINFO, origin->ca_file);
    }
    if (origin->cert_file) {
        set_text(easy, CURLOPT_SSLCERT, origin->cert_file);
        set_text(easy, CURLOPT_SSLKEY, origin->key_file);
    }
    set_long(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    set_long(easy, CURLOPT_SSL_VERIFYPEER, 1);
    set_long(easy, CURLOPT_SSL_VERIFYHOST, 2);
}

/* Curl counts these in seconds. */
static long whole_s(unsigned ms)
{
    return (long)ms / 1000 + (ms % 1000 != 0);
}

void *http_curl_easy_new(struct http_curl *curl, struct http_origin *origin, void *url)
{
    CURL *easy = curl_easy_init();
    must(easy != NULL);
    const struct http_client_options *options = &origin->client->options;
    must_curl(curl_easy_setopt(easy, CURLOPT_CURLU, (CURLU *)url));
    set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    /* In place of what the environment says: this one, for all hosts, or none. */
    set_text(easy, CURLOPT_PROXY, origin->proxy ? origin->proxy : "");
    set_text(easy, CURLOPT_NOPROXY, origin->proxy ? "" : "*");
    /* Of a proxy that makes a tunnel nothing is read as if the service had said it. */
    set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
    set_long(easy, CURLOPT_NETRC, CURL_NETRC_IGNORED);
    set_long(easy, CURLOPT_FOLLOWLOCATION, 0);
    set_long(easy, CURLOPT_NOSIGNAL, 1);
    set_long(
        easy, CURLOPT_HTTP_VERSION, origin->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
    /* A call waits for the connection that is being made, rather than to make another. */
    set_long(easy, CURLOPT_PIPEWAIT, origin->http2);
    /* Curl takes 0 for its own default of 300 s: the call's deadline ends it before. */
    set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    set_long(easy, CURLOPT_MAXAGE_CONN, whole_s(options->idle_timeout_ms));
    /* A name that moved is followed when its last connections are too old; 0 is no limit. */
    set_long(easy, CURLOPT_MAXLIFETIME_CONN, whole_s(options->age_max_ms));
    set_long(easy, CURLOPT_DNS_CACHE_TIMEOUT, whole_s(options->dns_ms));
    /* A call that ends while its host is being resolved does not wait for the resolver's thread. */
    set_long(easy, CURLOPT_QUICK_EXIT, 1);
    must_curl(curl_easy_setopt(easy, CURLOPT_SHARE, curl->share));
    must_curl(curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket));
    must_curl(curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, curl));
    if (origin->is_secure && url == origin->url) {
        set_tls(easy, origin);
    }
    return easy;
}

/* In curl's words; it has read them when the job is added, but keeps the pointer. */
static void place(struct http_curl_job *job, const char *words)
{
    struct curl_slist *places = words ? curl_slist_append(NULL, words) : NULL;
    must(places != NULL || !words);
    must_curl(curl_easy_setopt(job->easy, CURLOPT_RESOLVE, places));
    curl_slist_free_all(job->places);
    job->places = places;
}

static void place_origin(struct http_curl_job *job, struct http_origin *origin)
{
    const char *known = http_addresses_known(origin->addresses, clock_now_us());
    char *words = NULL;
    must(!known || asprintf(&words, "%s:%s", origin->peer, known) >= 0);
    if (words || job->places) {
        place(job, words);
    }
    free(words);
}

static void add(struct http_curl *curl, struct http_curl_job *job)
{
    must_curl(curl_easy_setopt(job->easy, CURLOPT_PRIVATE, (char *)job));
    must(curl_multi_add_handle(curl->multi, job->easy) == CURLM_OK);
}

void http_curl_add(struct http_curl *curl, struct http_curl_job *job, struct http_origin *origin)
{
    place_origin(job, origin);
    add(curl, job);
}

void http_curl_add_anew(
    struct http_curl *curl, struct http_curl_job *job, struct http_origin *origin)
{
    char *words = NULL;
    must(asprintf(&words, "-%s", origin->peer) >= 0);
    place(job, words);
    free(words);
    add(curl, job);
}

bool http_curl_is_nobody(int code)
{
    return code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT;
}

void http_curl_job_free(struct http_curl_job *job)
{
    curl_easy_cleanup(job->easy);
    curl_slist_free_all(job->places);
}

void http_curl_remove(struct http_curl *curl, struct http_curl_job *job)
{
    must(curl_multi_remove_handle(curl->multi, job->easy) == CURLM_OK);
}

/* ---- the multi handle ---- */

static void prepare_process(void)
{
    must_curl(curl_global_init(CURL_GLOBAL_ALL));
}

static void set_multi(struct http_curl *curl, unsigned connections_max)
{
    CURLM *multi = curl->multi;
    must(curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket_changed) == CURLM_OK);
    must(curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, curl) == CURLM_OK);
    must(curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer_changed) == CURLM_OK);
    must(curl_multi_setopt(multi, CURLMOPT_TIMERDATA, curl) == CURLM_OK);
    must(curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX) == CURLM_OK);
    /* At its limit curl closes the connection that was idle longest; in all, 0 is no limit. */
    long in_all = connections_max;
    must(curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, in_all) == CURLM_OK);
    /* Left alone, curl keeps four for each transfer under way, and so closes most in a pause. */
    long kept = connections_max ? connections_max : KEPT_MAX;
    must(curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kept) == CURLM_OK);
}

struct http_curl *http_curl_new(struct loop *loop, unsigned connections_max)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare_process);
    struct http_curl *curl = calloc(1, sizeof(*curl));
    must(curl != NULL);
    curl->loop = loop;
    curl->timer.expired = timer_expired;
    curl->multi = curl_multi_init();
    curl->share = curl_share_init();
    must(curl->multi != NULL && curl->share != NULL);
    must(curl_share_setopt(curl->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK);
    set_multi(curl, connections_max);
    return curl;
}

void http_curl_free(struct http_curl *curl)
{
    curl_multi_cleanup(curl->multi);
    must(curl_share_cleanup(curl->share) == CURLSHE_OK);
    loop_deadline_clear(curl->loop, &curl->timer);
    for (size_t fd = 0; fd < curl->sockets_room; fd++) {
        release_fd(curl, (int)fd);
    }
    free(curl->sockets);
    free(curl);
}
