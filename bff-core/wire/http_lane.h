#ifndef WIRE_HTTP_LANE_H
#define WIRE_HTTP_LANE_H

#include "http_addresses.h"
#include "http_answer_parser.h"
#include "http_client.h"
#include "http_inflate.h"
#include "../base/ring.h"

/*
 * What http_client and its two lanes share; nobody else includes this. The client owns calls, their
 * order, their deadlines and the limits on connections; a lane carries a call that has been let
 * through.
 *
 * A call is QUEUED, then UNDER_WAY on its lane, then ENDED, then forgotten. Only http_client.c
 * changes its state.
 */
struct http_lane {
    /* Keeps what the options only lend: called by http_call_start. */
    void (*prepare)(struct http_call *call, const struct http_call_options *options);
    /* Sends the question. May end the call at once. */
    void (*begin)(struct http_call *call);
    /* Lets go of a call that is under way: what carried it is closed. */
    void (*stop)(struct http_call *call);
    /* A pipe of a streamed call under way has moved. NULL: the lane does not stream. */
    void (*wake)(struct http_call *call);
    /* The origin ends; none of its calls is left. */
    void (*forget)(struct http_origin *origin);
};

extern const struct http_lane http_lane_transfer;
extern const struct http_lane http_lane_exchange;

struct http_client {
    struct loop *loop;
    struct http_client_options options;
    struct http_curl *transfers;    /* of the transfer lane */
    struct http_curl *connects;     /* what the exchange lane takes over, while it is being made */
    struct http_carriers *carriers; /* of the exchange lane */

    struct ring_link origins;
    struct ring_link calls; /* all of them */
    struct ring_link spare; /* ended ones, kept for their memory */
    unsigned calls_count;
    unsigned in_use;  /* connections that carry a call: calls under way */
    uint64_t tickets; /* of the queues: the lowest is next */
    struct soon next; /* lets queued calls through */
    struct http_inflate_pool inflates;
};

struct http_origin {
    struct ring_link link;
    struct http_client *client;
    const struct http_lane *lane;
    char *name;      /* host:port */
    char *host;      /* as the Host field has it */
    char *domain;    /* the host alone, as a certificate has it */
    char *path;      /* where all targets are: "" or "/v1" */
    char *prefix;    /* what is written before each: the path, or to a proxy that reads it a URL */
    void *url;       /* of curl: scheme, host and port, parsed once */
    void *plain_url; /* the same place without TLS */
    char *ca_file, *cert_file, *key_file;
    char *proxy; /* its URL; NULL: none */
    char *peer;  /* host:port that is connected to: the origin's own, or its proxy's */
    unsigned connections_max;
    bool is_secure;
    bool asks_gzip;
    bool http2;

    struct ring_link queue;    /* calls, first come first served */
    struct ring_link idle;     /* the lane's own: what carries no call, last used last */
    struct ring_link connects; /* of http_connect: handles that connect nothing */
    unsigned connects_spare;
    unsigned making; /* of the exchange lane: connections that carry a call, but nothing yet */
    uint64_t asked_anew_us; /* of http_connect: when the library last looked the name up itself */
    struct http_addresses *addresses; /* of the peer */
    struct http_client_tls *tls;      /* of the exchange lane; NULL: not secure */
    struct http_origin_counters counters;
};

enum http_call_state { HTTP_QUEUED, HTTP_UNDER_WAY, HTTP_ENDED };

struct http_call {
    struct http_client *client;
    struct http_origin *origin;
    enum http_call_state state;
    struct ring_link link;  /* in client->calls or client->spare */
    struct ring_link queue; /* in origin->queue while QUEUED */
    uint64_t ticket;
    http_done *done;
    void *context;
    struct deadline deadline;
    struct soon soon; /* delivers */

    enum http_method method;
    struct buf request; /* written by the lane's prepare: its own form of everything but the body */
    struct str body;
    uint64_t started_us;

    void *carrier; /* the lane's own: what carries the call while it is UNDER_WAY */
    struct http_answer_parser parser;
    struct http_inflate *inflate; /* NULL: the content comes as it is */
    struct http_flow *flow;       /* NULL: the call is not streamed */
    struct http_answer answer;
};

/* What all connections of the exchange lane share; freed after the last origin was forgotten. */
struct http_carriers *http_carriers_new(struct http_client *client);
void http_carriers_free(struct http_carriers *carriers);

/* Calls that wait may be let through now: from the soon queue. */
void http_client_let_through(struct http_client *client);

/* The lane has let go of the call; `done` follows from the soon queue. */
void http_call_end(struct http_call *call, enum http_outcome outcome);

/* After HTTP_ANSWER_HEAD: looks at what the head announces. HTTP_ANSWERED means "go on". */
enum http_outcome http_call_take_head(struct http_call *call);
/* Takes content, inflated when it has to be. HTTP_ANSWERED means "go on". */
enum http_outcome http_call_take_body(struct http_call *call, struct str bytes);
/* The content has ended. HTTP_ANSWERED means that it was whole. */
enum http_outcome http_call_take_end(struct http_call *call);

#endif
