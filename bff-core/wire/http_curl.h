#ifndef WIRE_HTTP_CURL_H
#define WIRE_HTTP_CURL_H

#include "http_lane.h"

/*
 * One curl multi handle on our loop, for both lanes. Easy handles are `void *`, as curl itself has
 * them. Nothing of ours runs inside curl but the callbacks that lanes set on their easy handles,
 * and those only take notes.
 */
struct http_curl;

/*
 * What a lane puts into the multi: `ended` is called when the transfer, or the connecting, is over.
 */
struct http_curl_job {
    void *easy;
    /* `code` is a CURLcode. Curl is not on the stack. */
    void (*ended)(struct http_curl_job *job, int code);
};

struct http_curl *http_curl_new(struct http_client *client);
void http_curl_free(struct http_curl *curl);

/*
 * Reads an origin's URL into url, name, host, prefix and is_secure. False with a sentence in `err`.
 */
bool http_curl_url_parse(struct http_origin *origin, const char *text, struct err *err);
void http_curl_url_free(struct http_origin *origin);

/*
 * An easy handle with all that never changes for this origin. The caller owns it
 * (curl_easy_cleanup).
 */
void *http_curl_easy_new(struct http_origin *origin);

void http_curl_add(struct http_curl *curl, struct http_curl_job *job);
/* Also for a job that has ended: an easy handle leaves the multi by this only. */
void http_curl_remove(struct http_curl *curl, struct http_curl_job *job);

/* The loop no longer watches `fd` for curl: the caller watches it from here on. */
void http_curl_release_fd(struct http_curl *curl, int fd);

#endif
