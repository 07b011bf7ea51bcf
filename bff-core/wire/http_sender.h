#ifndef WIRE_HTTP_SENDER_H
#define WIRE_HTTP_SENDER_H

#include "../base/buf.h"
#include "../base/loop.h"
#include "http_guard.h"

/* A whole answer on its way to its client. Part of its owner. */
struct http_sender {
    struct loop *loop;
    struct http_guard *guard; /* OURS */
    struct buf head, body;    /* the body stands behind the head where it is short */
    size_t sent_bytes;        /* of both */
    bool is_blocked;          /* the client has yet to take some */
    struct batch_io writing;  /* plain */
    struct soon soon;         /* TLS */
    /*
     * SOME: all is written. LATER: it has become blocked. ENDED: the rest cannot be written. Called
     * with nothing else on the stack. After SOME and ENDED it has forgotten the answer.
     */
    void (*wrote)(struct http_sender *sender, enum http_guard_io how);
};

/* `wrote` is set; there is no answer yet. */
void http_sender_init(struct http_sender *sender, struct loop *loop, struct http_guard *guard);

/* Behind sender->head, to which the caller has appended; taken. */
void http_sender_add_body(struct http_sender *sender, struct buf *body);

/* Writes in a moment what there is. */
void http_sender_start(struct http_sender *sender);

/* The client may take more, or has gone. */
void http_sender_ready(struct http_sender *sender);

/* There is no answer any more, and `wrote` is not called for it. */
void http_sender_forget(struct http_sender *sender);

#endif
