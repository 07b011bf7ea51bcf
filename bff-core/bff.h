#ifndef BFF_H
#define BFF_H

#include <stddef.h>

/*
 * All that a client's binary includes. A client is data: a table of plans, and the shapes in
 * schemas/<client>/. Zero is the careful answer in every field: no scope asked but a valid token,
 * no calls beyond those listed, nothing of the client's request forwarded.
 *
 *     int main(int argc, char **argv)
 *     {
 *         return bff_main(argc, argv, &mobile);
 *     }
 *
 * Words between braces in .get, .post, .pass and .body are filled in for each request:
 *     {claims.sub}             a claim of the verified token
 *     {path.id}                a part of the route, from "GET /v1/posts/{id}"
 *     {query.limit}            a query parameter that .query declares
 *     {profile.segment}        a value of another call's answer; this call then waits for that one
 *     {posts.items[*].id}      the distinct values of a list, joined by commas
 *     {claims.locale|en}       the text behind the bar when the value is missing
 * In a target values are percent-encoded, and a query pair whose {query...} is missing is left out.
 * In a body each stands for a whole JSON value (texts get their quotes, [*] becomes a list). A call
 * whose other values are missing cannot be asked.
 */

/* Says where in plans.c a row stands, so that --check can name file and line. First in each
 * initializer: a plan without it is refused, a call or a query parameter is taken to stand where
 * its plan does. */
#define BFF_HERE .file = __FILE__, .line = __LINE__

enum { BFF_CALLS_MAX = 12, BFF_QUERY_MAX = 8, BFF_FIELDS_MAX = 16 };

/* Who shares a quota. */
enum bff_per {
    BFF_PER_DEFAULT, /* the user where there is a token, else the address */
    BFF_PER_USER,    /* the token's issuer and subject */
    BFF_PER_ADDRESS, /* the client's address; IPv6 by its /64 */
};

/* A token bucket. All zero: the settings' default quota. */
struct bff_quota {
    enum bff_per per;
    unsigned rate;  /* tokens per second */
    unsigned burst; /* the bucket's size: requests at once after a pause; 0: as many as .rate */
};

/* Who may ask. */
enum bff_allow {
    BFF_ALLOW_TOKEN, /* the bearer of a valid token that has the plan's .scope */
    BFF_ALLOW_ANYONE,
};

/* Who is refused first when there is more to do than can be done in time. */
enum bff_priority {
    BFF_PRIORITY_NORMAL,
    BFF_PRIORITY_HIGH, /* refused last */
    BFF_PRIORITY_LOW,  /* refused first */
};

enum bff_type {
    BFF_TEXT,    /* at most .max bytes of UTF-8 without control characters (0: 256) */
    BFF_INTEGER, /* decimal, from .min to .max */
    BFF_WORD,    /* letters, digits, '-', '_', '.', '~'; at most .max bytes (0: 64) */
};

/* A query parameter that the plan reads. Others are ignored; a broken value is answered with 400.
 */
struct bff_query {
    const char *file;
    int line;
    const char *name;
    const char *about; /* one sentence for the documentation */
    enum bff_type type;
    long min, max;
    const char *otherwise; /* when the client sends none; NULL: missing */
    _Bool is_required;
};

/* One question to one service. Exactly one of .get, .post and .pass. */
struct bff_call {
    const char *file;
    int line;
    const char *as;   /* the answer's name, in shapes, in BFF-Sections, in metrics */
    const char *from; /* the service's name in the settings */
    const char *get;  /* a target: may be asked again when it fails */
    const char *post; /* a target: asked at most once */
    const char *body; /* a JSON template, with .post */
    /*
     * A target: the client's own request goes there, with its method and its body, and the answer
     * comes back as it is, status and content; both in pieces, so neither is ever held whole. The
     * plan has no other call and no shape; its budget is the time to the answer's head.
     */
    const char *pass;
    _Bool passes_query; /* with .pass: the client's whole query goes on, behind the target's own */
    /*
     * With .pass: the fields that go on, and come back, beside Content-Type, Content-Encoding and
     * Accept, or Content-Range. "Range", "If-None-Match", "ETag", "Cache-Control", "Location" ...
     */
    const char *request_fields[BFF_FIELDS_MAX];
    const char *answer_fields[BFF_FIELDS_MAX];
    size_t body_max_bytes; /* with .pass: 0: limits.body_bytes of the settings */
    unsigned timeout_ms;   /* 0: what is left of the plan's budget */
    /*
     * How old an answer may be, in seconds, for the service not to be asked at all, and how much
     * older when the service fails. Each user has copies of his own. 0: as long as the service's
     * Cache-Control says; where both speak, the shorter time holds. With .get only.
     */
    unsigned cache_s, stale_s;
    /* All users may have the same answer: the service is not told who asks. */
    _Bool is_shared;
    const char
        *otherwise; /* JSON that stands in when nothing else can; must fit the service's schema */
    /* Asked for its effect: neither delays nor fails the answer. Dropped, and counted, when its
     * service takes no more. */
    _Bool is_detached;
};

/* One route of the client. */
struct bff_plan {
    const char *file;
    int line;
    const char *route; /* "GET /v1/feed", "GET /v1/posts/{id}"; with .pass "* /v1/files/{id}" too:
                          GET, HEAD, POST, PUT, PATCH and DELETE */
    const char *name;  /* in logs, metrics and the command line */
    const char *about; /* one sentence for the documentation */
    const char *scope; /* which scope the token must have; NULL: none */
    enum bff_allow allow;
    enum bff_priority priority;
    struct bff_quota quota;
    unsigned budget_ms; /* from the request's first byte to the answer; 0: the settings' default */
    struct bff_query query[BFF_QUERY_MAX];
    struct bff_call calls[BFF_CALLS_MAX];
    const char *shape; /* "mobile/feed.v1": schemas/mobile/feed.v1.json; none with .pass */
};

struct bff_client {
    const char *file; /* where it names its plans */
    int line;
    const char *name; /* "mobile": the binary is bff-mobile */
    const char *about;
    const struct bff_plan *plans;
    size_t plans_count;
};

#define BFF_PLANS(array)                                                                           \
    BFF_HERE, .plans = (array), .plans_count = sizeof(array) / sizeof((array)[0])

/*
 * Reads options and settings, proves the plans, serves until SIGTERM or SIGINT, drains. Returns the
 * exit code: 0 served and drained; 1 could not serve; 64 wrong usage (EX_USAGE); 78 mistakes in
 * settings, plans or shapes (EX_CONFIG), all of them written to stderr with file and line.
 */
int bff_main(int argc, char **argv, const struct bff_client *client);

#endif
