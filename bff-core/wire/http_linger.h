#ifndef WIRE_HTTP_LINGER_H
#define WIRE_HTTP_LINGER_H

#include "../base/loop.h"
#include "../base/ring.h"

/*
 * Closing without a reset. A socket that is closed while bytes of its client wait unread is reset,
 * and the reset can overtake the last answer; so such a socket is read, and what it says dropped,
 * until its client has closed too, for a second at most (RFC 9112 section 9.6).
 */
struct http_lingers {
    struct loop *loop;
    struct ring_link list;
    void (*emptied)(struct http_lingers *lingers);
};

/* `emptied` is called when the last one has ended by itself: from an event or a deadline. */
void http_lingers_init(
    struct http_lingers *lingers, struct loop *loop, void (*emptied)(struct http_lingers *lingers));

/* Takes a duplicate of `fd`, which the caller closes as ever; ends the writing side. */
void http_lingers_add(struct http_lingers *lingers, int fd);

/* Closes all at once, without calling `emptied`. */
void http_lingers_fini(struct http_lingers *lingers);

#endif
