#ifndef WIRE_HTTP_CARRIER_H
#define WIRE_HTTP_CARRIER_H

#include "../base/loop.h"
#include "http_lane.h"

/*
 * The connections of the exchange lane: CONNECTING, SHAKING hands and BUSY with a call, or IDLE.
 * What is said on them is http_lane_exchange.c's. Nobody else includes this.
 */

enum http_carrier_state {
    HTTP_CARRIER_CONNECTING,
    HTTP_CARRIER_SHAKING,
    HTTP_CARRIER_BUSY,
    HTTP_CARRIER_IDLE,
};

struct http_carrier {
    struct http_origin *origin;
    enum http_carrier_state state;
    struct http_call *call;       /* NULL: idle */
    struct http_connect *connect; /* while CONNECTING */
    struct watch watch;           /* from then on; the descriptor is ours */
    struct http_session *session; /* NULL: no TLS */
    struct deadline connect_ends; /* of SHAKING */
    struct batch_io writing;      /* of what is left of the question */
    struct batch_io reading;      /* of the answer */
    size_t sent;                  /* of head and body */
    bool has_closed;              /* BUSY: the peer, while its answer may still be read */
    bool is_dead;                 /* BUSY: it takes no more of the question */
    uint64_t since_us;            /* connecting, or idle */
    uint64_t ends_us;             /* when it is too old to carry another call */
    struct ring_link link;        /* in origin->idle, last used last */
    struct ring_link age;         /* in carriers->idle */
};

/* What all of them share. */
struct http_carriers {
    struct http_client *client;
    struct ring_link idle; /* of all origins, idle for longest first */
    unsigned idle_count;
    struct deadline aging;
    char scratch[BATCH_SCRATCH_BYTES]; /* of reads that are not put off */
};

/* One more, CONNECTING, for this call; another may have to leave for it. */
struct http_carrier *http_carrier_new(struct http_call *call);

/* From any state; its call, if there is one, has nothing to carry it then. */
void http_carrier_close(struct http_carrier *carrier);

/* BUSY for the first time: it is connected, and hands are shaken. */
void http_carrier_made(struct http_carrier *carrier);

/* BUSY no longer: its call is over, and the next may come. */
void http_carrier_rest(struct http_carrier *carrier);

/* The idle one that was used last, now BUSY and without a call; NULL when there is none. */
struct http_carrier *http_carrier_take(struct http_origin *origin);

static inline struct loop *http_carrier_loop(const struct http_carrier *carrier)
{
    return carrier->origin->client->loop;
}

#endif
