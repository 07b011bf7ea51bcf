/*
 * http_place: where an origin is, read from URLs.
 *
 * Owns those members of an origin that its URL and its proxy's say: scheme, names, path, whom one
 * connects to, and that peer's addresses. Promises that a place found from an answer's Location is
 * one of the origin's own. URLs are read by curl, as are those that it connects to: two readers
 * would not always agree. Knows nothing of connections, questions and answers.
 */
#include "http_place.h"

#include "../base/must.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

static bool read_part(CURLU *url, CURLUPart part, unsigned flags, char **out)
{
    *out = NULL;
    return curl_url_get(url, part, out, flags) == CURLUE_OK;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text;
    bool is_there = read_part(url, part, 0, &text);
    curl_free(text);
    return is_there;
}

static bool has_scheme(CURLU *url, const char *scheme)
{
    char *text;
    bool is_it = read_part(url, CURLUPART_SCHEME, 0, &text) && strcmp(text, scheme) == 0;
    curl_free(text);
    return is_it;
}

static bool has_path(CURLU *url)
{
    char *path;
    must(read_part(url, CURLUPART_PATH, 0, &path));
    bool is_there = strcmp(path, "/") != 0;
    curl_free(path);
    return is_there;
}

/* Why the URL cannot be used, or NULL. */
static const char *url_fault(CURLU *url)
{
    return !has_scheme(url, "https") && !has_scheme(url, "http")
               ? "its scheme is neither http nor https"
           : has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD)
               ? "it names a user, which belongs into a field of the question"
           : has_part(url, CURLUPART_QUERY)
               ? "it has a query, which belongs into the target of a call"
           : has_part(url, CURLUPART_FRAGMENT) ? "it has a fragment, which no service ever sees"
                                               : NULL;
}

static const char *proxy_fault(CURLU *url)
{
    return has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD)
               ? "it names a user, and no proxy is told who asks"
           : !has_scheme(url, "http")
               ? "a proxy is spoken to without TLS, so it begins with http://"
           : has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT) || has_path(url)
               ? "something stands behind its port"
               : NULL;
}

/* NULL with a sentence in `err`, in which the URL is `whose`. */
static CURLU *url_read(
    const char *text, const char *whose, const char *(*fault_of)(CURLU *url), struct err *err)
{
    CURLU *url = curl_url();
    must(url != NULL);
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    const char *fault = code == CURLUE_OK ? fault_of(url) : curl_url_strerror(code);
    if (fault) {
        err_set(err, "\"%s\" cannot be used as %s: %s.", text, whose, fault);
        curl_url_cleanup(url);
        return NULL;
    }
    return url;
}

/* Freed by curl. */
static void read_host(CURLU *url, char **host, char **port)
{
    must(read_part(url, CURLUPART_HOST, 0, host));
    must(read_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, port));
}

static char *join(const char *host, const char *port)
{
    char *joined = NULL;
    must(asprintf(&joined, "%s:%s", host, port) >= 0);
    return joined;
}

/* Takes the path off the URL: it is written in front of every target, without its last '/'. */
static void take_prefix(struct http_origin *origin)
{
    char *path;
    must(read_part(origin->url, CURLUPART_PATH, 0, &path));
    size_t len = strlen(path);
    while (len && path[len - 1] == '/') {
        len--;
    }
    origin->path = strndup(path, len);
    origin->prefix = strndup(path, len);
    must(origin->path != NULL && origin->prefix != NULL);
    curl_free(path);
    must(curl_url_set(origin->url, CURLUPART_PATH, "/", 0) == CURLUE_OK);
}

/* Where curl only connects: the same place, said without TLS. */
static void make_plain_url(struct http_origin *origin, const char *port)
{
    origin->plain_url = curl_url_dup(origin->url);
    must(origin->plain_url != NULL);
    must(curl_url_set(origin->plain_url, CURLUPART_SCHEME, "http", 0) == CURLUE_OK);
    must(curl_url_set(origin->plain_url, CURLUPART_PORT, port, 0) == CURLUE_OK);
}

/* The host as a certificate has it: without the brackets of an address, or the root's dot. */
static char *domain_of(const char *host)
{
    size_t len = strlen(host);
    bool is_bracketed = len > 1 && host[0] == '[' && host[len - 1] == ']';
    bool is_rooted = len > 1 && host[len - 1] == '.';
    char *domain = strndup(host + is_bracketed, len - 2 * is_bracketed - is_rooted);
    must(domain != NULL);
    return domain;
}

static void take_host(struct http_origin *origin)
{
    char *host, *port, *written_port;
    read_host(origin->url, &host, &port);
    bool has_own_port =
        read_part(origin->url, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT, &written_port);
    origin->name = join(host, port);
    origin->host = has_own_port ? strdup(origin->name) : strdup(host);
    must(origin->host != NULL);
    origin->domain = domain_of(host);
    make_plain_url(origin, port);
    curl_free(host);
    curl_free(port);
    curl_free(written_port);
}

/* Whom one connects to, which is found by its name. */
static void take_peer(struct http_origin *origin, CURLU *url)
{
    char *host, *port;
    read_host(url, &host, &port);
    char *domain = domain_of(host);
    origin->peer = join(host, port);
    origin->addresses = http_addresses_new(domain, port, origin->client->options.dns_ms);
    free(domain);
    curl_free(host);
    curl_free(port);
}

/*
 * Curl has another default port for a proxy than a URL has, so it is told the port. A proxy that
 * sees the question reads whose it is from the target (RFC 9112 section 3.2.2).
 */
static bool take_proxy(struct http_origin *origin, const char *text, struct err *err)
{
    CURLU *url = url_read(text, "a proxy's URL", proxy_fault, err);
    if (!url) {
        return false;
    }
    take_peer(origin, url);
    curl_url_cleanup(url);
    must(asprintf(&origin->proxy, "http://%s", origin->peer) >= 0);
    if (!origin->is_secure) {
        free(origin->prefix);
        must(asprintf(&origin->prefix, "http://%s%s", origin->host, origin->path) >= 0);
    }
    return true;
}

bool http_place_init(
    struct http_origin *origin, const char *text, const char *proxy, struct err *err)
{
    origin->url = url_read(text, "a service's URL", url_fault, err);
    if (!origin->url) {
        return false;
    }
    origin->is_secure = has_scheme(origin->url, "https");
    take_prefix(origin);
    take_host(origin);
    if (proxy) {
        return take_proxy(origin, proxy, err);
    }
    take_peer(origin, origin->url);
    return true;
}

static char *name_of(CURLU *url)
{
    char *host, *port;
    read_host(url, &host, &port);
    char *name = join(host, port);
    curl_free(host);
    curl_free(port);
    return name;
}

/* A place of the origin's. */
static bool is_within(const struct http_origin *origin, CURLU *url)
{
    char *name = name_of(url), *path;
    must(read_part(url, CURLUPART_PATH, 0, &path));
    size_t len = strlen(origin->path);
    bool is_here = has_scheme(url, origin->is_secure ? "https" : "http") &&
                   strcasecmp(name, origin->name) == 0 && !has_part(url, CURLUPART_USER) &&
                   strncmp(path, origin->path, len) == 0 && path[len] == '/';
    free(name);
    curl_free(path);
    return is_here;
}

/* From the origin's path on. */
static char *target_of(const struct http_origin *origin, CURLU *url)
{
    char *path, *query, *target = NULL;
    must(read_part(url, CURLUPART_PATH, 0, &path));
    bool has_query = read_part(url, CURLUPART_QUERY, 0, &query);
    must(asprintf(&target, "%s%s%s", path + strlen(origin->path), has_query ? "?" : "",
             has_query ? query : "") >= 0);
    curl_free(path);
    curl_free(query);
    return target;
}

char *http_place_target(const struct http_origin *origin, const char *target, const char *location)
{
    char *whole = NULL;
    CURLU *url = curl_url_dup(origin->url);
    must(url != NULL && asprintf(&whole, "%s%s", origin->path, target) >= 0);
    bool is_url = curl_url_set(url, CURLUPART_URL, whole, 0) == CURLUE_OK &&
                  curl_url_set(url, CURLUPART_URL, location, 0) == CURLUE_OK;
    char *found = is_url && is_within(origin, url) ? target_of(origin, url) : NULL;
    curl_url_cleanup(url);
    free(whole);
    return found;
}

void http_place_fini(struct http_origin *origin)
{
    curl_url_cleanup(origin->url);
    curl_url_cleanup(origin->plain_url);
    http_addresses_free(origin->addresses);
    free(origin->name);
    free(origin->host);
    free(origin->domain);
    free(origin->path);
    free(origin->prefix);
    free(origin->proxy);
    free(origin->peer);
}
