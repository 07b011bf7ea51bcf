#ifndef DEMO_ASK_H
#define DEMO_ASK_H

#include "base/buf.h"
#include "base/err.h"

/*
 * The demo's questions, one after the other, as an app would ask them: over TLS, with a token, on
 * one connection per server.
 */
struct asker;

/* NULL without memory. `ca_file` is whom to trust. */
struct asker *asker_new(const char *ca_file);
void asker_free(struct asker *asker);

struct answer {
    unsigned status;
    struct buf body;     /* decoded */
    uint64_t wire_bytes; /* of the body, as it came */
    double took_ms;      /* from the question's first byte to the answer's last */
    double connect_ms;   /* TCP and TLS before that; 0: the connection was there already */
    char sections[1024]; /* BFF-Sections, "" when there was none */
    char timing[2048];   /* Server-Timing, alike */
    char coding[16];     /* Content-Encoding, alike */
};

void answer_init(struct answer *answer);
void answer_release(struct answer *answer);

/*
 * GET. `token` and `coding` ("gzip") may be NULL. An answer of any status is an answer; without
 * one: false, with a sentence. The answer is emptied first.
 */
bool ask(struct asker *asker, const char *url, const char *token, const char *coding,
    struct answer *answer, struct err *err);

/* Lets the issuer at `url` mint a token for the demo's user into `token`. */
bool ask_token(struct asker *asker, const char *url, char *token, size_t size, struct err *err);

#endif
