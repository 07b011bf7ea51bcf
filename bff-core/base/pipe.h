#ifndef BASE_PIPE_H
#define BASE_PIPE_H

#include "loop.h"
#include "str.h"

/*
 * A bounded pipe inside one loop. One side puts bytes in as they come, the other takes them out as
 * it can, and neither calls the other: a side that found the pipe full, or empty, is woken by its
 * `soon` when that has changed. So whoever cannot go on, a slow reader at the far end of one
 * connection, in the end holds up whoever sends at the far end of another, and nothing in between
 * grows.
 */
struct pipe {
    struct loop *loop;
    struct soon *filler; /* who puts in; NULL: nobody yet, or no more */
    struct soon *drainer;
    char *bytes; /* NULL until something is put in */
    size_t cap;
    size_t at, len;
    bool has_ended; /* what is in it is the last */
    bool is_filler_waiting;
    uint64_t taken_bytes; /* in all */
    uint64_t stalls;      /* times that the filler found it full */
};

/* Where a length is told: what will pass is over when the pipe has ended. */
#define PIPE_LENGTH_UNKNOWN UINT64_MAX

/* Allocates nothing yet. */
void pipe_init(struct pipe *pipe, struct loop *loop, size_t cap_bytes);
/* Frees the bytes. The sides' `soon` are their own: they let go of the pipe themselves. */
void pipe_fini(struct pipe *pipe);

/* ---- the side that puts in ---- */

/* How much may be put in now. After 0 the filler is woken when half of the pipe is free again. */
size_t pipe_room(struct pipe *pipe);
/* The place for pipe_room() bytes, which must not be 0; pipe_grew() says how many were written. */
char *pipe_place(struct pipe *pipe);
void pipe_grew(struct pipe *pipe, size_t len);
/* A copy of what fits for certain: at most pipe_room(). */
void pipe_put(struct pipe *pipe, struct str bytes);
/* Nothing more will be put in, and what was put in is whole. */
void pipe_end(struct pipe *pipe);

/* ---- the side that takes out ---- */

/*
 * All that is there, in one piece, until the next call of any kind. When it is empty the drainer is
 * woken by the next bytes, or by the end.
 */
struct str pipe_peek(const struct pipe *pipe);
/* The first `len` bytes are done with. */
void pipe_take(struct pipe *pipe, size_t len);
/* Everything was taken, and there will be no more. */
bool pipe_is_over(const struct pipe *pipe);

#endif
