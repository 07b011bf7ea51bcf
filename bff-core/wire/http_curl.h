#ifndef WIRE_HTTP_CURL_H
#define WIRE_HTTP_CURL_H

#include "http_lane.h"

/*
 * A curl multi handle on our loop: a client has one for transfers and one that only connects. Easy
 * handles are `void *`, as curl itself has them. Nothing of ours runs inside curl but the callbacks
 * that lanes set on their easy handles, and those only take notes.
 */
struct http_curl;

/*
 * What a lane puts into the multi: `ended` is called when the transfer, or the connecting, is over.
 */
struct http_curl_job {
    void *easy;
    void *places; /* http_curl's own */
    /* `code` is a CURLcode. Curl is not on the stack. */
    void (*ended)(struct http_curl_job *job, int code);
};

/* `connections_max`: of this multi handle, kept alive or in use; 0: no limit. */
struct http_curl *http_curl_new(struct loop *loop, unsigned connections_max);
void http_curl_free(struct http_curl *curl);

/*
 * An easy handle with all that never changes for this origin, for `curl`; `url` is one of the
 * origin's two. The caller owns it (curl_easy_cleanup).
 */
void *http_curl_easy_new(struct http_curl *curl, struct http_origin *origin, void *url);

/* With what is known of the origin's addresses; while nothing is, curl looks them up itself. */
void http_curl_add(struct http_curl *curl, struct http_curl_job *job, struct http_origin *origin);
/* The same, but curl forgets what it was told, and looks them up. */
void http_curl_add_anew(
    struct http_curl *curl, struct http_curl_job *job, struct http_origin *origin);
/* Also for a job that has ended: an easy handle leaves the multi by this only. */
void http_curl_remove(struct http_curl *curl, struct http_curl_job *job);

/* Whether such a CURLcode of a job means that nobody answers at the origin's addresses. */
bool http_curl_is_nobody(int code);

/* Frees the easy handle, which is in no multi. */
void http_curl_job_free(struct http_curl_job *job);

#endif
