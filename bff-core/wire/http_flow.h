#ifndef WIRE_HTTP_FLOW_H
#define WIRE_HTTP_FLOW_H

#include "http_lane.h"
#include "http_outflow.h"

/*
 * What a streamed call has beside a plain one; http_client, its lane and nobody else looks inside.
 */
struct http_flow {
    struct http_call *call;
    struct http_outflow question;
    bool is_body_piped;      /* else the question is its head alone */
    struct soon body_filled; /* there is more of the body */
    struct pipe *content;    /* where the answer's content goes */
    struct soon content_drained;
    unsigned head_ms, idle_ms;
    http_head_came *head_came;
    bool is_head_due; /* it is here, and nobody was told */
    bool has_head;
    bool is_asked;      /* the question is out: the answer's head is waited for */
    bool awaits_taking; /* the service does not take more of the question now */
    struct http_answer_line lines[HTTP_ANSWER_LINES_MAX];
};

/* For call->flow. The call's request is written. */
struct http_flow *http_flow_new(struct http_call *call, const struct http_call_stream *stream);
/* Lets go of the pipes; of a whole answer the content's pipe ends. */
void http_flow_leave(struct http_flow *flow, bool is_whole);
/* After leave. */
void http_flow_free(struct http_flow *flow);

/* ---- for the lane ---- */

/* How much of the answer may be read now; after 0 the lane is woken. */
size_t http_flow_room(struct http_flow *flow);

/* After each turn on the socket: which deadline counts from here on. */
void http_flow_await(struct http_flow *flow);

/* ---- for the client ---- */

/* The head is here: it is due. */
void http_flow_take_head(struct http_flow *flow);
void http_flow_take_body(struct http_flow *flow, struct str bytes);
/* Tells it. The call may be cancelled, and the flow be gone, when this returns. */
void http_flow_tell_head(struct http_flow *flow);

#endif
