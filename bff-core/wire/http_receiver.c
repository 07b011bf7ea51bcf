/*
 * http_receiver: from a client's socket to whoever wants its bytes.
 *
 * Owns nothing but the order of things. A plain socket is read with all others of the moment
 * (loop_io), TLS at once, record by record. Promises: (1) after HTTP_RECEIVER_BYTES at most it is
 * asked whether more is wanted; (2) has_bytes stays true until the socket is known to hold nothing,
 * for epoll tells of an edge once; a session is known to when it says so, because it reads ahead.
 */
#include "http_receiver.h"

#include "../base/must.h"

#include <errno.h>

static void has_read(struct batch_io *reading, ssize_t result)
{
    struct http_receiver *receiver = container_of(reading, struct http_receiver, reading);
    enum http_guard_io how = result > 0          ? HTTP_GUARD_SOME
                             : result == -EAGAIN ? HTTP_GUARD_LATER
                                                 : HTTP_GUARD_ENDED;
    struct str bytes = { reading->pieces[0].iov_base, result > 0 ? (size_t)result : 0 };
    receiver->has_bytes = bytes.len == HTTP_RECEIVER_BYTES;
    if (receiver->got(receiver, how, bytes)) {
        http_receiver_read(receiver);
    }
}

static void read_now(struct http_receiver *receiver)
{
    bool wants_more = true;
    while (wants_more && receiver->has_bytes) {
        struct str bytes = { receiver->scratch, 0 };
        enum http_guard_io how =
            http_guard_read(receiver->guard, receiver->scratch, HTTP_RECEIVER_BYTES, &bytes.len);
        receiver->has_bytes = how == HTTP_GUARD_SOME;
        wants_more = receiver->got(receiver, how, bytes);
    }
}

void http_receiver_read(struct http_receiver *receiver)
{
    struct batch_io *io = &receiver->reading;
    if (receiver->guard->session) {
        read_now(receiver);
    } else if (receiver->has_bytes && io->place == 0) {
        io->count = 0;
        loop_io(receiver->loop, io);
    }
}

void http_receiver_forget(struct http_receiver *receiver)
{
    loop_io_forget(receiver->loop, &receiver->reading);
}

void http_receiver_init(
    struct http_receiver *receiver, struct loop *loop, struct http_guard *guard, char *scratch)
{
    receiver->loop = loop;
    receiver->guard = guard;
    receiver->scratch = scratch;
    receiver->reading = (struct batch_io){
        .fd = guard->fd,
        .scratch_max_bytes = HTTP_RECEIVER_BYTES,
        .done = has_read,
    };
}
