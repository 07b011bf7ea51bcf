/* What a service can be asked, and how a question finds its answer. Knows no socket. */
#ifndef MOCKS_ROUTE_H
#define MOCKS_ROUTE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "doc.h"
#include "page.h"
#include "people.h"

/* One request, as far as an answer depends on it. */
struct question {
    const struct people *people;
    struct pages *pages;         /* the answers already written, one for each person */
    void *owner;                 /* what the route belongs to: an issuer, a service; else NULL */
    atomic_ulong *events;        /* how many events were delivered here */
    const struct person *person; /* whom `{id}` in the path named */
    char name[32];               /* what `{name}` in the path said */
    const char *body;            /* NULL without one */
    size_t body_len;
    const char *sha256; /* of the body, where media_upload answers; in hex */
    const char *(*argument)(void *source, const char *name); /* of the query; NULL when absent */
    void *source;
};

/* An answer is a page kept elsewhere or, when `page` is NULL, its own document. */
struct answer {
    unsigned status;
    const struct doc *page;
    struct doc doc;
    const char *type;   /* of what is not JSON; else NULL */
    const char *allow;  /* the methods a 405 names */
    bool must_not_keep; /* the answer is a secret: `Cache-Control: no-store` */
};

typedef void route_answer_fn(const struct question *question, struct answer *answer);

/* A table of routes ends with a row without a method. `{id}` stands for a known person and `{name}`
 * for any other word; both fill one part of the path. */
struct route {
    const char *method;
    const char *path;
    route_answer_fn *answer;
};

/* Is this answered by `answer`? For who has to know before the request has been read. */
bool route_leads_to(
    const struct route *routes, const char *method, const char *path, route_answer_fn *answer);

/* Fills `answer`, which the caller releases with route_release(). An unknown path or person is a
 * 404, a known path with another method a 405. HEAD is answered like GET. */
void route_answer(const struct route *routes, const char *method, const char *path,
    struct question *question, struct answer *answer);
void route_release(struct answer *answer);

/* Turns the answer into an error document of schemas/services/error.v1.json. */
void route_refuse(struct answer *answer, unsigned status, const char *code, const char *message);

/* The query's argument or NULL. */
const char *route_argument(const struct question *question, const char *name);

/* The document that goes out. */
const struct doc *route_document(const struct answer *answer);

#endif
