#ifndef WIRE_HTTP_RECEIVER_H
#define WIRE_HTTP_RECEIVER_H

#include "../base/loop.h"
#include "http_guard.h"

enum { HTTP_RECEIVER_BYTES = 16384 }; /* read at once, at most; the largest TLS record */

/* What a client says, as it comes: for as long as it is wanted. Part of its owner. */
struct http_receiver {
    struct loop *loop;
    struct http_guard *guard; /* OURS */
    char *scratch;            /* of HTTP_RECEIVER_BYTES, anybody's between two calls */
    bool has_bytes;           /* there may be more than was read */
    struct batch_io reading;  /* plain */
    /*
     * SOME: the bytes, which nobody may look at afterwards. LATER: there are none. ENDED: nothing
     * more will come. Called with nothing else on the stack but http_receiver_read. True: more is
     * wanted at once.
     */
    bool (*got)(struct http_receiver *receiver, enum http_guard_io how, struct str bytes);
};

/* `got` is set; nothing is read yet. */
void http_receiver_init(
    struct http_receiver *receiver, struct loop *loop, struct http_guard *guard, char *scratch);

/* Reads what there may be: TLS now, plain in a moment. No effect while has_bytes is false. */
void http_receiver_read(struct http_receiver *receiver);

/* `got` is not called any more, until the next read. */
void http_receiver_forget(struct http_receiver *receiver);

#endif
