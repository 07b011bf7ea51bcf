#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "str.h"

/*
 * An arena: memory that dies all at once, with its request (or with the boot's data).
 * For everything whose size we choose; what a stranger sizes goes into a capped buf.
 */
struct arena {
    struct arena_chunk *chunk;
    struct arena_cleanup *cleanups;
    struct arena_pool *pool;
    char *at, *end;
};

/* Spare chunks of one worker, so that a request in steady state calls malloc not at all. One thread
 * only. */
struct arena_pool {
    struct arena_chunk *spare;
    size_t count;
};

void arena_pool_fini(struct arena_pool *pool);

/* `pool` may be NULL (chunks then come from malloc and go back to it). Allocates nothing yet. */
void arena_init(struct arena *arena, struct arena_pool *pool);

/* Runs the cleanups, last registered first, and gives all memory back. The arena is as after init.
 */
void arena_release(struct arena *arena);

/* Aligned for any type, not cleared. Never NULL: without memory the process ends with a sentence.
 */
void *arena_alloc(struct arena *arena, size_t size);

/* The same, cleared, for `count` things of `size` bytes; overflow is a bug. */
void *arena_zalloc(struct arena *arena, size_t count, size_t size);

/* Copies; the copy is followed by a NUL that is not counted. */
struct str arena_str(struct arena *arena, struct str s);
char *arena_cstr(struct arena *arena, struct str s);

/* All of them, one behind the other; missing ones are empty. */
struct str arena_join(struct arena *arena, const struct str *parts, size_t count);

__attribute__((format(printf, 2, 3), nonnull)) char *arena_printf(
    struct arena *arena, const char *format, ...);

/* A foreign object joins the arena: `cleanup(object)` runs at release. */
void arena_defer(struct arena *arena, void (*cleanup)(void *object), void *object);

#endif
