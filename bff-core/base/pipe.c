/*
 * pipe: back-pressure between two who share a loop.
 *
 * Owns the bytes on their way, in one piece of memory of `cap` bytes that is never exceeded.
 * Promises: (1) bytes come out in the order in which they went in; (2) who found it full is woken
 * once half of it is free, not for every byte: the few bytes that are left then are moved to the
 * front, so that a byte is moved once at most; (3) who found it empty is woken by the first byte
 * and by the end. Knows nothing of sockets, nor of who the sides are.
 */
#include "pipe.h"

#include "must.h"

#include <stdlib.h>

void pipe_init(struct pipe *pipe, struct loop *loop, size_t cap_bytes)
{
    must(cap_bytes > 0);
    *pipe = (struct pipe){ .loop = loop, .cap = cap_bytes };
}

void pipe_fini(struct pipe *pipe)
{
    free(pipe->bytes);
    pipe_init(pipe, pipe->loop, pipe->cap);
}

static void wake(struct pipe *pipe, struct soon *side)
{
    if (side) {
        loop_soon(pipe->loop, side);
    }
}

size_t pipe_room(struct pipe *pipe)
{
    must(!pipe->has_ended);
    if (pipe->at && pipe->at >= pipe->cap / 2) {
        memmove(pipe->bytes, pipe->bytes + pipe->at, pipe->len);
        pipe->at = 0;
    }
    size_t room = pipe->cap - pipe->at - pipe->len;
    if (room == 0 && !pipe->is_filler_waiting) {
        pipe->is_filler_waiting = true;
        pipe->stalls++;
    }
    return room;
}

char *pipe_place(struct pipe *pipe)
{
    if (!pipe->bytes) {
        pipe->bytes = malloc(pipe->cap);
        must(pipe->bytes != NULL); /* of a size that we chose */
    }
    return pipe->bytes + pipe->at + pipe->len;
}

void pipe_grew(struct pipe *pipe, size_t len)
{
    must(!pipe->has_ended && len <= pipe->cap - pipe->at - pipe->len);
    bool was_empty = pipe->len == 0;
    pipe->len += len;
    if (was_empty && len) {
        wake(pipe, pipe->drainer);
    }
}

void pipe_put(struct pipe *pipe, struct str bytes)
{
    if (bytes.len) {
        must(bytes.len <= pipe_room(pipe));
        memcpy(pipe_place(pipe), bytes.at, bytes.len);
        pipe_grew(pipe, bytes.len);
    }
}

void pipe_end(struct pipe *pipe)
{
    must(!pipe->has_ended);
    pipe->has_ended = true;
    wake(pipe, pipe->drainer);
}

struct str pipe_peek(const struct pipe *pipe)
{
    return (struct str){ pipe->len ? pipe->bytes + pipe->at : "", pipe->len };
}

void pipe_take(struct pipe *pipe, size_t len)
{
    must(len <= pipe->len);
    pipe->len -= len;
    pipe->at = pipe->len ? pipe->at + len : 0;
    pipe->taken_bytes += len;
    if (pipe->is_filler_waiting && pipe->len <= pipe->cap / 2) {
        pipe->is_filler_waiting = false;
        wake(pipe, pipe->filler);
    }
}

bool pipe_is_over(const struct pipe *pipe)
{
    return pipe->has_ended && pipe->len == 0;
}
