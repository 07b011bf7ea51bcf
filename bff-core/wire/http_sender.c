/*
 * http_sender: a whole answer, to its client's socket.
 *
 * Owns what is left of it: the head, and the body where that is too long to be copied behind the
 * head. A plain socket is written with all others of the moment (loop_io), TLS in the soon queue:
 * never from within http_sender_start. Does not know what an answer is, nor how long a client may
 * take for it.
 */
#include "http_sender.h"

#include "../base/must.h"

#include <errno.h>

enum {
    JOINED_MAX_BYTES = 512,           /* of a body: a copy costs less than a second piece */
    JOINED_TLS_MAX_BYTES = 15 * 1024, /* with most heads it is one record then */
};

/* Of head and body, in that order. How many pieces that is. */
static int pieces_left(const struct http_sender *sender, struct iovec pieces[2])
{
    const struct buf *bufs[] = { &sender->head, &sender->body };
    size_t skipped = sender->sent_bytes;
    int count = 0;
    for (size_t i = 0; i < countof(bufs); i++) {
        size_t from = skipped < bufs[i]->len ? skipped : bufs[i]->len;
        struct str left = str_from(buf_str(bufs[i]), from);
        skipped -= from;
        if (left.len) {
            pieces[count++] = (struct iovec){ (char *)left.at, left.len };
        }
    }
    return count;
}

static bool is_all_sent(const struct http_sender *sender)
{
    return sender->sent_bytes == sender->head.len + sender->body.len;
}

static void end(struct http_sender *sender, enum http_guard_io how)
{
    http_sender_forget(sender);
    sender->wrote(sender, how);
}

static void block(struct http_sender *sender)
{
    sender->is_blocked = true;
    sender->wrote(sender, HTTP_GUARD_LATER);
}

static void has_written(struct batch_io *writing, ssize_t result)
{
    struct http_sender *sender = container_of(writing, struct http_sender, writing);
    sender->sent_bytes += result > 0 ? (size_t)result : 0;
    if (result == -EAGAIN) {
        block(sender);
    } else if (result < 0 || is_all_sent(sender)) {
        end(sender, result < 0 ? HTTP_GUARD_ENDED : HTTP_GUARD_SOME);
    } else {
        http_sender_start(sender);
    }
}

static void write_now(struct soon *soon)
{
    struct http_sender *sender = container_of(soon, struct http_sender, soon);
    enum http_guard_io how = HTTP_GUARD_SOME;
    struct iovec pieces[2];
    while (how == HTTP_GUARD_SOME && pieces_left(sender, pieces)) {
        size_t len;
        how = http_guard_write(
            sender->guard, (struct str){ pieces[0].iov_base, pieces[0].iov_len }, &len);
        sender->sent_bytes += len;
    }
    if (how == HTTP_GUARD_LATER) {
        block(sender);
    } else {
        end(sender, how);
    }
}

void http_sender_start(struct http_sender *sender)
{
    struct batch_io *io = &sender->writing;
    sender->is_blocked = false;
    if (sender->guard->session) {
        loop_soon(sender->loop, &sender->soon);
    } else if (io->place == 0) {
        io->count = pieces_left(sender, io->pieces);
        loop_io(sender->loop, io);
    }
}

void http_sender_ready(struct http_sender *sender)
{
    if (sender->is_blocked) {
        http_sender_start(sender);
    }
}

void http_sender_add_body(struct http_sender *sender, struct buf *body)
{
    must(sender->head.len > 0 && sender->body.len == 0);
    if (body->len <= (sender->guard->session ? JOINED_TLS_MAX_BYTES : JOINED_MAX_BYTES)) {
        must(buf_append_str(&sender->head, buf_str(body)));
        buf_release(body);
    } else {
        sender->body = *body;
        buf_init(body, body->cap);
    }
}

void http_sender_forget(struct http_sender *sender)
{
    loop_io_forget(sender->loop, &sender->writing);
    loop_soon_forget(sender->loop, &sender->soon);
    buf_release(&sender->head);
    buf_release(&sender->body);
    sender->sent_bytes = 0;
    sender->is_blocked = false;
}

void http_sender_init(struct http_sender *sender, struct loop *loop, struct http_guard *guard)
{
    sender->loop = loop;
    sender->guard = guard;
    sender->writing = (struct batch_io){ .fd = guard->fd, .is_write = true, .done = has_written };
    sender->soon.run = write_now;
    buf_init(&sender->head, SIZE_MAX / 2); /* of our own making */
}
