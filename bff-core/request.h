#ifndef REQUEST_H
#define REQUEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/loop.h"
#include "bff.h"
#include "problem.h"
#include "wire/http_server.h"
#include "wire/scan.h"
#include "worker.h"

/*
 * The spine: one request, from its first byte to its line in the access log. The steps stand in
 * request.c; each group below is written by the step that it is named after, and only read after
 * it.
 */

/* What a step says when it returns. */
enum step_verdict {
    STEP_NEXT, /* done: go on */
    STEP_WAIT, /* request_run() is called again by whoever this waits for; the same step runs again
                */
    STEP_FAIL, /* request->problem is set: go on at encode */
    STEP_GONE, /* finish only: there is no request any more */
};

struct step {
    const char *name;
    enum step_verdict (*run)(struct request *request);
    /* Stops what the step has under way: called once for each step that was entered, before the
     * request's memory goes. NULL: nothing to stop. */
    void (*forget)(struct request *request);
};

/* A name with its value: a claim, a part of the path. */
struct named {
    struct str name;
    struct str value;
};

/* What goes on of a request whose body is still to come is its plan's to say. */
struct streamed {
    uint64_t length;                 /* of the body; PIPE_LENGTH_UNKNOWN, 0: there is none */
    const struct http_field *fields; /* all of them */
    size_t fields_count;
};

struct received {
    uint64_t
        started_us; /* monotonic: the whole request is here; everything is timed from this moment */
    uint64_t wall_us;
    struct str method;
    struct str target;
    struct str path;        /* of the target, percent-encoded as sent */
    struct str query;       /* without '?' */
    struct str request_id;  /* the client's X-Request-Id where it is harmless, else ours */
    struct str traceparent; /* to be sent on: the client's trace with a span of ours, or a new trace
                               (W3C) */
    struct str tracestate;
    struct str budget;  /* the client's BFF-Budget, as sent */
    struct str address; /* of the client, as text */
    struct str user_agent;
    struct str accept_encoding;
    struct str authorization;
    bool authorization_repeats;
    struct str body;
    bool is_tls;
    const struct streamed *streamed; /* NULL: the request was whole */
};

struct routed {
    const struct bff_plan *plan; /* NULL until a route matched */
    size_t plan_index;
    struct str allow; /* with 405: the methods that the path takes */
    const struct named *path_values;
    size_t path_values_count;
    struct str query_values[BFF_QUERY_MAX]; /* decoded, defaults filled in; { NULL, 0 }: missing */
};

struct pressed {
    bool is_counted;        /* among the requests in flight */
    unsigned retry_after_s; /* 0: it was let in */
};

struct identity {
    struct str issuer;
    struct str subject;         /* { NULL, 0 }: anonymous */
    const struct named *claims; /* all top-level claims that are texts, numbers or booleans */
    size_t claims_count;
    struct keys_waiter *waiter; /* admit/jwks: while the token step waits for a key set */
    struct str challenge;       /* WWW-Authenticate, with 401 and 403 */
    const char *why; /* static text for the log: what was wrong with the token; NULL: nothing */
};

struct limited {
    const char *policy; /* "user" or "address"; NULL: no quota applied */
    unsigned quota;     /* requests in a window */
    unsigned window_s;
    unsigned remaining;
    unsigned reset_s;       /* until the quota is whole again */
    unsigned retry_after_s; /* 0: the request was let through */
};

/* Where a call stands; from CALL_LIVE on it has ended. The names are in BFF-Sections, log and
 * metrics. */
enum call_state {
    CALL_WAITING, /* for another's answer */
    CALL_UNDERWAY,
    CALL_LIVE,      /* answered by the service */
    CALL_CACHED,    /* by a fresh copy */
    CALL_STALE,     /* by an old copy, because the service could not */
    CALL_OTHERWISE, /* by the plan's .otherwise */
    CALL_SKIPPED,   /* a value that the question needs is missing */
    CALL_TIMED_OUT,
    CALL_FAILED,    /* no connection, no whole answer, a status other than 200, a broken body */
    CALL_CANCELLED, /* nobody needs it any more */
    CALL_DETACHED,  /* on its way, and nobody waits for it */
    CALL_DROPPED,   /* should have been on its way, but its service takes no more */
    CALL_STATES
};

const char *call_state_name(enum call_state state);

static inline bool call_has_answer(enum call_state state)
{
    return state >= CALL_LIVE && state <= CALL_OTHERWISE;
}

/* One call of the plan, as far as this request has come with it. */
struct call {
    struct request *request;
    const struct bff_call *asks;
    size_t index;       /* in the plan's calls */
    unsigned waits_for; /* bit i: for the end of call i */
    enum call_state state;
    struct passenger *passenger; /* fanout/flight: once it was asked */
    unsigned tries;              /* how often the service was asked for it */
    struct copy *copy;     /* fanout/cache: the answer, to which `values` points; may be NULL */
    struct scanned values; /* what the shape and other calls want of it */
    const char *why;       /* static text: what was wrong with the answer; NULL: nothing */
    unsigned status;       /* of the service's answer; 0: none */
    bool is_full;          /* the service had all the work that it bears */
    uint64_t started_us;   /* monotonic; 0: the service was never asked */
    uint64_t ended_us;
    uint64_t age_s; /* of a cached or stale answer */
};

/* The head of an answer that is passed through; its content is still to come. */
struct passed {
    unsigned status;                 /* of the service's answer */
    const struct http_field *fields; /* those that come back */
    size_t fields_count;
    uint64_t length; /* of the content, PIPE_LENGTH_UNKNOWN */
    struct pipe *content;
};

struct fanned {
    struct call *calls; /* one for each of the plan's, detached ones included */
    size_t calls_count;
    size_t calls_open;  /* how many of the attached ones have not ended */
    unsigned ended;     /* bit i: call i has */
    struct call *fatal; /* a required call that ended without an answer; NULL: none */
    struct str caller;  /* whose answers they are: for copies and shared calls */
    const struct http_call_field *fields; /* that every call of this request carries */
    size_t fields_count;
    /* The same, written, when the plan does not pass its request on: those that tell nothing of who
     * asks, then the others. */
    const struct http_call_lines *lines;
    struct pass *pass;           /* fanout/pass: the plan has no shape; NULL: it has */
    const struct passed *passed; /* NULL: there is no such answer yet */
};

/* A value that did not fit its shape and was left out, defaulted, or took its item with it. */
struct repair {
    size_t call;
    const char *path; /* in the service's answer; lives as long as the shape */
    unsigned times;
};

/* The forms of an answer that a shape's x-max-bytes can bound. */
enum form { FORM_PLAIN, FORM_GZIP, FORMS };

struct projected {
    struct buf body; /* the answer, as JSON */
    const struct repair *repairs;
    size_t repairs_count;
    bool is_trimmed[FORMS];  /* lists lost elements so that this form fits */
    bool is_oversize[FORMS]; /* this form does not fit, and nothing was left to lose */
};

struct encoded {
    struct http_field *fields;
    size_t fields_count;
    struct buf body;    /* what goes on the wire; empty when the content is passed through */
    const char *coding; /* "gzip" or "identity" */
    size_t plain_bytes; /* of the body before coding */
};

struct replied {
    bool was_handed_over; /* http_reply has been called */
    bool is_over;         /* written out, or could not be */
    bool is_sent;
    uint64_t sent_bytes;
    uint64_t read_bytes; /* of the request's body, decoded */
    uint64_t ended_us;
};

struct request {
    struct worker *worker;
    struct http_exchange *exchange;     /* NULL: the client is gone, or the answer is out */
    const struct http_arrived *arrived; /* during receive only */
    struct arena arena;
    struct deadline deadline;      /* of the whole request, from its first byte */
    uint64_t budget_ends_us;       /* monotonic: calls end before this */
    struct soon soon;              /* its next turn */
    struct request *next, *before; /* worker->requests */
    size_t step;                   /* where it stands in the table */
    size_t entered;                /* every step before this one was entered or jumped over */
    size_t forgotten;              /* every step before this one has nothing under way any more */
    bool is_running;
    enum problem problem;
    struct str detail; /* one sentence for the client; safe to show */

    struct received received;
    struct routed routed;
    struct pressed pressed;
    struct identity identity;
    struct limited limited;
    struct fanned fanned;
    struct projected projected;
    struct encoded encoded;
    struct replied replied;
};

/* ---- for the worker ---- */

/* A new exchange: takes it and runs the first turn. */
void request_begin(
    struct worker *worker, struct http_exchange *exchange, const struct http_arrived *arrived);
/*
 * True when the server has more to do than it can and this request is not let in: `answer` is then
 * all that its client gets, and it has been recorded. It never was a request with steps: there are
 * many of them at such a time, and each must cost as little as can be.
 */
bool request_turns_away(
    struct worker *worker, const struct http_arrived *arrived, struct buf *answer);
/* The exchange's client left. */
void request_gone(struct request *request);
/* The streamed body cannot be read to its end. */
void request_refused(struct request *request, enum http_refusal why);
/* The exchange's answer is out (or lost). The exchange ends with this call. */
void request_sent(struct request *request, bool is_sent, uint64_t sent_bytes);

/* ---- for the steps ---- */

/* Something this request waited for has come: its step runs again in its next turn. */
void request_wake(struct request *request);

/*
 * The only other entrance (deadline, client gone, shutdown): what is under way is forgotten, and
 * the walk goes on at encode, or at finish when nobody is left to be answered. No effect once the
 * answer was handed over.
 */
void request_fail(struct request *request, enum problem problem);

/* Sets the problem and one sentence (printf) that may be shown to the client; for `return
 * request_refuse(...)`. */
__attribute__((format(printf, 3, 4))) enum step_verdict request_refuse(
    struct request *request, enum problem problem, const char *detail, ...);

/* The time the request may take, from its start; the calls end with it, the answer leaves a moment
 * later at most. */
void request_budget(struct request *request, unsigned budget_ms);

/* The service's answer that is the client's; NULL: the answer is our own. */
static inline const struct passed *request_passes_back(const struct request *request)
{
    return request->problem == PROBLEM_NONE ? request->fanned.passed : NULL;
}

/* What the client was answered, or is about to be; 0: nothing. */
static inline unsigned request_status(const struct request *request)
{
    const struct passed *passed = request_passes_back(request);
    return passed ? passed->status : problem_row(request->problem)->status;
}

/* The plan sends its request on and the answer back, both streamed. */
static inline bool plan_passes(const struct bff_plan *plan)
{
    return plan->calls[0].pass != NULL;
}

/* The step's name where the request stands, for logs. */
const char *request_step_name(const struct request *request);

#endif
