#ifndef WIRE_HTTP_CLIENT_H
#define WIRE_HTTP_CLIENT_H

#include "../base/arena.h"
#include "../base/buf.h"
#include "../base/err.h"
#include "../base/loop.h"
#include "../base/pipe.h"
#include "http_method.h"

/*
 * HTTP to our services: many calls at once, on the loop of one worker, on kept-alive connections.
 * The library behind it never calls our code: `done` is called from the loop's soon queue, with
 * nothing else on the stack. How the bytes travel (the lane) is chosen by the origin: it is no
 * concern of the caller.
 */
struct http_client;
struct http_origin;
struct http_call;

struct http_client_options {
    unsigned connections_max;    /* of each lane, kept alive or in use; 0: no limit */
    unsigned connect_timeout_ms; /* resolving and TLS included; 0: only the call's deadline */
    unsigned idle_timeout_ms;    /* unused for so long, a connection is closed; 0: 60 s */
    unsigned age_max_ms;         /* made so long ago, it is not used again; 0: no limit */
    unsigned dns_ms;             /* how long a resolved name is believed; 0: 60 s */
};

/* Prepares the foreign library for the process at the first call; any thread may make it. */
struct http_client *http_client_new(struct loop *loop, const struct http_client_options *options);
/*
 * Cancels what is under way without calling `done`. Origins end with the client. NULL is fine. Not
 * from inside `done`, and before the loop is freed.
 */
void http_client_free(struct http_client *client);

/*
 * EXCHANGE is our own HTTP/1.1, on connections that the library makes and hands over for good: what
 * AUTO takes. TRANSFER leaves the whole exchange to the library, at about three times the cost; it
 * is the one that speaks HTTP/2 and to proxies, and AUTO takes it for those. The same tests hold
 * for both.
 */
enum http_lane_choice { HTTP_LANE_AUTO, HTTP_LANE_EXCHANGE, HTTP_LANE_TRANSFER };

/* How an origin (scheme, host, port) is reached. Texts are copied. */
struct http_origin_options {
    const char *url;       /* "https://profiles.internal:8443/v1"; a path is a prefix of targets */
    const char *ca_file;   /* https: whom to trust; NULL: the system's list */
    const char *cert_file; /* https: our own certificate and key; NULL: none */
    const char *key_file;
    /*
     * "http://proxy.internal:3128": connects in our place, and looks the origin's name up. What is
     * https goes through a tunnel (CONNECT, RFC 9110 section 9.3.6), so it sees no more than the
     * name. NULL: none, whatever the environment says.
     */
    const char *proxy;
    unsigned connections_max; /* to this origin at once; 0: no limit of its own */
    bool http2;     /* https: HTTP/2 where the service offers it, many calls on one connection */
    bool asks_gzip; /* what comes in gzip is inflated, asked for or not; else it is HTTP_BROKEN */
    enum http_lane_choice lane;
};

/*
 * NULL with a sentence in `err` when a URL cannot be used (scheme, userinfo, query, fragment, port;
 * a proxy's path), or HTTP/2 or a proxy is wanted where it is not spoken: HTTP/2 without TLS,
 * either on the exchange lane. A proxy that lets no tunnel through makes each call HTTP_UNREACHED.
 * A file that cannot be used makes each call HTTP_UNREACHED; one that has changed counts from the
 * next connection on (exchange lane).
 */
struct http_origin *http_origin_new(
    struct http_client *client, const struct http_origin_options *options, struct err *err);

/* "host:port", for logs and metrics. */
const char *http_origin_name(const struct http_origin *origin);

/*
 * The target to which the Location of an answer leads, for who asked for `target` (RFC 9110 section
 * 10.2.2). Freed by the caller. NULL: it leads to another scheme, host or port, beside the origin's
 * path, or nowhere.
 */
char *http_origin_target(const struct http_origin *origin, struct str target, struct str location);

/*
 * A field of the question. The name is a token and the value has no control byte: a bug otherwise.
 * Host, Connection, Content-Length and Transfer-Encoding are the client's own, and Accept-Encoding
 * where the answer is not streamed.
 */
struct http_call_field {
    struct str name;
    struct str value;
};

/*
 * Fields that several calls carry, checked and written once: by http_call_lines(), and by nobody
 * else. They hold for calls whose answer is not streamed, too. In the arena.
 */
struct http_call_lines {
    struct str text;
};

struct http_call_lines http_call_lines(
    struct arena *arena, const struct http_call_field *fields, size_t count);

/* The head of a streamed answer; slices live until the callback returns. */
struct http_call_head {
    unsigned status;
    const struct http_call_field *fields; /* all, as they came */
    size_t fields_count;
    uint64_t length; /* as announced, also where no content follows; PIPE_LENGTH_UNKNOWN */
};

/* From the soon queue, once, before `done`; not when the call ends without a whole head. */
typedef void http_head_came(void *context, const struct http_call_head *head);

/*
 * A streamed call, on the exchange lane alone: its body comes out of a pipe, its answer's content
 * goes into another, and both may pass at the same time. Content is passed as it comes: no coding
 * is taken off it. The pipes live until `done` or cancel. The call ends when the answer does, be
 * the body taken or not.
 */
struct http_call_stream {
    struct pipe *body;    /* NULL: the question has none */
    uint64_t length;      /* of the body; PIPE_LENGTH_UNKNOWN: it is sent in chunks */
    struct pipe *content; /* empty, of 16 KB at least; ends when the answer was whole */
    http_head_came *head_came;
    /*
     * Once the body is sent the answer's head has head_ms to come; every piece before and after
     * that has idle_ms. Waiting for the far end of a pipe is not timed here.
     */
    unsigned head_ms, idle_ms;
};

/*
 * Everything is borrowed until http_call_start returns, but `body`, which lives until `done` or
 * cancel.
 */
struct http_call_options {
    struct http_origin *origin;
    enum http_method method;
    struct str target; /* from '/': path and query, percent-encoded, without space or control */
    const struct http_call_lines *lines;
    size_t lines_count;
    const struct http_call_field *fields; /* beside those in `lines` */
    size_t fields_count;
    struct str body;
    uint64_t started_us;     /* monotonic: now, as the caller has just read it; 0: it has not */
    uint64_t deadline_us;    /* monotonic: of the whole call, connecting included; of a streamed
                                one until the head has come, or its body has begun to be sent */
    size_t answer_max_bytes; /* of the body, after decoding; a streamed one has no limit */
    const struct http_call_stream *stream; /* NULL: question and answer are whole */
};

/* How a call ended; also its label in metrics. */
enum http_outcome {
    HTTP_ANSWERED,  /* a whole, well-formed answer, whatever its status */
    HTTP_UNREACHED, /* no connection: refused, unresolved, TLS not verified, too slow a connect */
    HTTP_RESET,     /* the connection ended before the first byte of the answer */
    HTTP_BROKEN,    /* the answer ended early or was not well-formed HTTP */
    HTTP_TOO_LARGE, /* the answer passed answer_max_bytes, or its head our limit */
    HTTP_TIMED_OUT,
    HTTP_OUTCOMES
};

const char *http_outcome_name(enum http_outcome outcome);

/*
 * What came back; all but outcome and times is empty unless HTTP_ANSWERED. Slices live until
 * `done` returns; `body` may be taken by moving the buf out (and buf_init on it).
 */
struct http_answer {
    enum http_outcome outcome;
    unsigned status;
    struct buf body; /* decoded where the status is 200; followed by BUF_PADDING zero bytes */
    struct str content_type;
    struct str cache_control;
    struct str etag;
    struct str retry_after;
    struct str age;
    struct str vary;
    struct str location;
    uint64_t queued_us;  /* for a connection to be free; part of total_us */
    uint64_t connect_us; /* 0: a kept-alive connection was reused */
    uint64_t total_us;   /* from its start to its end, which may be a moment ago */
    bool was_sent;       /* some of the request may have reached the service */
    bool is_reused;
};

typedef void http_done(void *context, struct http_answer *answer);

/*
 * Never NULL, never calls `done` before it returns. `done` is called exactly once unless the call
 * is cancelled.
 */
struct http_call *http_call_start(struct http_client *client,
    const struct http_call_options *options, http_done *done, void *context);

/*
 * Ends the call: `done` is not called any more, and its connection is not reused (of HTTP/2 its
 * stream ends). At any time before its own `done` begins, also from inside another call's.
 */
void http_call_cancel(struct http_call *call);

/* Calls that have started and whose `done` has not been called. */
unsigned http_client_calls(const struct http_client *client);

/* What an origin has seen since it was made. To be read on the client's thread. */
struct http_origin_counters {
    uint64_t ended[HTTP_OUTCOMES]; /* calls, by outcome; a cancelled call is not among them */
    uint64_t cancelled;
    uint64_t connects; /* connections made */
    uint64_t reuses;   /* calls that went over a kept-alive one */
    unsigned queued;   /* calls that wait for a connection, now */
    unsigned in_use;   /* calls that have one, now */
};

const struct http_origin_counters *http_origin_counters(const struct http_origin *origin);

#endif
