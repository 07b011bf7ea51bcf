#ifndef TESTS_FLOW_H
#define TESTS_FLOW_H

#include "base/buf.h"
#include "base/must.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Whole requests on one page: services with their behaviour, one question, what must come back.
 *
 *     Test(feed, loses_a_section_to_a_service_that_breaks_off)
 *     {
 *         flow_play(&(struct flow_page){
 *             .client = "mobile",
 *             .services = { { "ads", .says = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{" } },
 *             .expects = { .status = 200, .sections = "ads=failed, posts=ok" },
 *         });
 *     }
 *
 * Everything is real: the mocks and the server are processes, each test has its own; the client
 * speaks TLS and trusts the development CA alone. Where a page is not enough, its verbs are there
 * one by one. Each test runs in a process of its own, so there is one stage: flow_open and
 * flow_close, which go into the TestSuite, set it up and clear it.
 */

/* ---- the page ---- */

enum { FLOW_SERVICES = 7, FLOW_FIELDS_MAX = 12, FLOW_SET_MAX = 12 };

/* What a service does, once the client has asked it. Without any of these: what the mock does. */
struct flow_service {
    const char *name;  /* as in mocks/README.md; also "issuer" */
    const char *order; /* for the mock: {"delay_ms":300} */
    const char *json;  /* 200 with this body; no mock is asked */
    const char *says;  /* the same, but byte for byte, and it closes */
    const char *first; /* as says, but to its first question alone */
    bool is_mute;      /* takes the question and never answers */
    bool is_down;      /* nobody listens until flow_raise */
    bool is_heard;     /* the mock's answers; see flow_hears */
    bool is_held;      /* as heard, but the answers wait for flow_release */
};

struct flow_question {
    const char *method; /* NULL: GET */
    const char *path;   /* NULL: /v1/feed */
    const char *order;  /* what the issuer is told about the token: {"ttl_s":-60} */
    const char *token;  /* NULL: one minted by that order; "": none */
    const char *fields[FLOW_FIELDS_MAX]; /* "Accept-Language: en" */
    const char *body;
};

/* A JSON pointer (RFC 6901) into the body, and the value there as compact JSON; NULL: none. */
struct flow_value {
    const char *at;
    const char *is;
};

struct flow_expected {
    unsigned status;
    const char *problem;  /* the slug; the body is then a whole problem document (RFC 9457) */
    const char *sections; /* "posts=ok, ads=timeout|failed": these, and whatever else */
    const char *fields[FLOW_FIELDS_MAX]; /* "Allow: GET*" as a shell pattern; "!Allow": not there */
    struct flow_value values[FLOW_FIELDS_MAX];
    const char *without[4]; /* bytes that stand nowhere in the answer */
    unsigned within_ms;     /* 0: no matter */
};

struct flow_page {
    const char *client; /* "mobile"; NULL: each of them in turn */
    struct flow_service services[FLOW_SERVICES];
    const char *set[FLOW_SET_MAX]; /* "quota.user.rate=1" */
    struct flow_question asks;
    struct flow_expected expects;
};

/* The three, then NULL. */
extern const char *const flow_clients[];

void flow_play(const struct flow_page *page);

/* ---- the stage ---- */

void flow_open(void);
void flow_close(void);

/* Sets the page's services and starts its server, until it says that it serves and is ready. */
void flow_serve(const struct flow_page *page);
/* The same, but keys are not waited for. */
void flow_serve_unready(const struct flow_page *page);
/* SIGTERM; returns the exit status. The services are the mocks' again. */
int flow_stop(void);
void flow_signal(int number);
/* Waits for the server's end; the exit status, -1 when a signal ended it. */
int flow_wait(void);

unsigned flow_port(void);
unsigned flow_issuer_port(void);
unsigned flow_mock_port(const char *service);
/* A path in the test's own folder; the server writes log.access=... there when told to. */
const char *flow_file(const char *name);
/* All that the file holds; the caller frees it. */
char *flow_read(const char *path);
/* Sends one order to the mocks' control of a service. */
void flow_order(const char *service, const char *order);
/* How many questions the mock has seen. */
unsigned flow_asked(const char *service);

/*
 * Runs build/PROGRAM to its end: its exit status, and what it wrote to both outputs; the caller
 * frees it.
 */
int flow_run(const char *program, const char *const arguments[], char **said);

/* ---- services of the test ---- */

/* How often it was told these words, in any case of letters. */
unsigned flow_hears(const char *service, const char *words);
/* The number behind the first such words. */
unsigned long flow_heard_number(const char *service, const char *words);
/* How many of its connections the server has closed. */
unsigned flow_closed(const char *service);
/* What was held goes on its way, and is held no more. */
void flow_release(const char *service);
/* From now on somebody listens. */
void flow_raise(const char *service);

/* ---- the client ---- */

struct flow_answer {
    unsigned status;
    double took_ms;
    struct buf head; /* with its last, empty line */
    struct buf body; /* without its coding */
};

/* The caller forgets the answer. */
void flow_ask(const struct flow_question *question, struct flow_answer *answer);
/* The admin listener: no TLS, no token. `accept` may be NULL. */
void flow_ask_admin(const char *path, const char *accept, struct flow_answer *answer);
void flow_forget(struct flow_answer *answer);
/* The field's value in a buffer that the next call overwrites; NULL: it is not there. */
const char *flow_field(const struct flow_answer *answer, const char *name);
/* A number of /metrics: the sample `name{labels}`; 0 when there is none. */
double flow_metric(const char *sample);

void flow_expect(const struct flow_answer *answer, const struct flow_expected *expected);
/* Asks and expects; for tables. */
void flow_check(const struct flow_question *question, const struct flow_expected *expected);

/* A TLS connection on which the test says what it likes. */
struct flow_wire *flow_connect(void);
void flow_say(struct flow_wire *wire, const char *bytes);
/* The next answer on it; after HEAD without a body. False: it was closed before. */
bool flow_hear(struct flow_wire *wire, bool is_head, struct flow_answer *answer);
/* True when an answer with this status begins, and the connection ends before its content does. */
bool flow_is_cut(struct flow_wire *wire, unsigned status);
/* True when the server closes it without another byte. */
bool flow_is_closed(struct flow_wire *wire);
void flow_hang_up(struct flow_wire *wire);
/* True when the server's port takes no connection any more. */
bool flow_is_refused(void);

/* ---- tokens; the caller frees them ---- */

/* What the issuer makes of an order (mocks/README.md); NULL: a good token for user 1001. */
char *flow_mint(const char *order);
/* The issuer has other keys from now on; tokens of before are good no more. */
void flow_rotate_keys(void);
/* "alg":"none", and no signature. */
char *flow_forge_unsigned(void);
/* HS256, with the issuer's public RSA key as the secret, under that key's name. */
char *flow_forge_with_public_key(void);

/* ---- time ---- */

/* Until `holds` does, ten seconds at most; the test fails when it never does. */
#define flow_until(holds)                                                                          \
    for (unsigned flow_tries = 0; !(holds); flow_tries++) {                                        \
        cr_assert_lt(flow_tries, 2000, "never: " #holds);                                          \
        flow_nap();                                                                                \
    }
void flow_nap(void);

#endif
