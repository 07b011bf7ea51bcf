/*
 * http_connect: from an origin to a connected descriptor that is ours alone.
 *
 * Owns curl's handles for connecting, which stay with their origin to be used again, in a multi
 * handle of their own: connections made here count in no limit of the transfer lane. Curl keeps
 * what it connected in its pool, and between two transfers takes a connection for dead when bytes
 * wait in it or when it has not used it for a while: it closes the descriptor, whose number then
 * comes back as somebody else's. Therefore the promise: what is handed over is a duplicate, made
 * before curl is let go, and curl's own descriptor is closed before anybody is told. No later act
 * of curl's can reach the connection. Knows nothing of TLS, questions and answers.
 */
#include "http_connect.h"

#include "http_curl.h"

#include "../base/clock.h"
#include "../base/must.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdlib.h>

enum {
    SPARE_MAX = 8, /* handles kept with an origin: a burst of connects is rare */
    ANEW_EVERY_US = 1000 * 1000,
};

struct http_connect {
    struct http_curl_job job;
    bool is_second;        /* try */
    struct ring_link link; /* in origin->connects while it connects nothing */
    struct http_origin *origin;
    http_connected *connected;
    void *context;
};

static void connect_free(struct http_connect *connect)
{
    http_curl_job_free(&connect->job);
    free(connect);
}

/* What curl found when it looked the name up itself. */
static void learn_address(const struct http_connect *connect)
{
    char *address = NULL;
    curl_easy_getinfo(connect->job.easy, CURLINFO_PRIMARY_IP, &address);
    if (address && *address) {
        http_addresses_found(connect->origin->addresses, address);
    }
}

/* The library closes its own descriptor now, since nobody could use it again (CONNECT_ONLY). */
static void let_go(struct http_connect *connect)
{
    struct http_origin *origin = connect->origin;
    http_curl_remove(origin->client->connects, &connect->job);
    if (origin->connects_spare == SPARE_MAX) {
        connect_free(connect);
        return;
    }
    origin->connects_spare++;
    ring_append(&origin->connects, &connect->link);
}

/*
 * Nobody is there: the name may have moved. Whoever connects next finds what a lookup in the
 * background has found; who was refused at once asks the resolver himself, and tries once more.
 */
static bool tries_anew(struct http_connect *connect, int code)
{
    struct http_origin *origin = connect->origin;
    uint64_t now_us = clock_now_us();
    bool is_due = now_us - origin->asked_anew_us >= ANEW_EVERY_US || !origin->asked_anew_us;
    http_addresses_doubt(origin->addresses, now_us);
    if (code != CURLE_COULDNT_CONNECT || connect->is_second || !is_due || !origin->addresses) {
        return false;
    }
    connect->is_second = true;
    origin->asked_anew_us = now_us;
    http_curl_remove(origin->client->connects, &connect->job);
    http_curl_add_anew(origin->client->connects, &connect->job, origin);
    return true;
}

static void ended(struct http_curl_job *job, int code)
{
    struct http_connect *connect = container_of(job, struct http_connect, job);
    if (http_curl_is_nobody(code) && tries_anew(connect, code)) {
        return;
    }
    curl_socket_t theirs = CURL_SOCKET_BAD;
    if (code == CURLE_OK) {
        curl_easy_getinfo(job->easy, CURLINFO_ACTIVESOCKET, &theirs);
    }
    if (code == CURLE_OK && connect->is_second) {
        learn_address(connect);
    }
    int ours = theirs == CURL_SOCKET_BAD ? -1 : fcntl(theirs, F_DUPFD_CLOEXEC, 0);
    http_connected *connected = connect->connected;
    void *context = connect->context;
    let_go(connect);
    connected(context, ours);
}

static struct http_connect *connect_new(struct http_origin *origin)
{
    struct http_connect *connect = calloc(1, sizeof(*connect));
    must(connect != NULL);
    connect->origin = origin;
    connect->job.ended = ended;
    connect->job.easy = http_curl_easy_new(origin->client->connects, origin, origin->plain_url);
    must(curl_easy_setopt(connect->job.easy, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK);
    return connect;
}

/* A spare one, or a new one. */
static struct http_connect *connect_take(struct http_origin *origin)
{
    if (ring_is_empty(&origin->connects)) {
        return connect_new(origin);
    }
    struct http_connect *connect = container_of(origin->connects.before, struct http_connect, link);
    ring_remove(&connect->link);
    origin->connects_spare--;
    return connect;
}

struct http_connect *http_connect_start(
    struct http_origin *origin, http_connected *connected, void *context)
{
    struct http_connect *connect = connect_take(origin);
    connect->connected = connected;
    connect->context = context;
    connect->is_second = false;
    http_curl_add(origin->client->connects, &connect->job, origin);
    return connect;
}

void http_connect_cancel(struct http_connect *connect)
{
    let_go(connect);
}

void http_connect_forget(struct http_origin *origin)
{
    while (!ring_is_empty(&origin->connects)) {
        connect_free(connect_take(origin));
    }
}
