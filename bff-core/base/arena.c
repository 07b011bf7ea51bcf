/*
 * arena: bump allocation in chunks.
 *
 * Owns its chunks. Standard chunks (ARENA_CHUNK bytes) come from and return to a worker's pool; a
 * larger wish gets a chunk of its own from malloc. Promises: (1) never NULL, (2) every pointer
 * stays valid until release, (3) cleanups run before the memory goes. Under AddressSanitizer
 * nothing is pooled, so that a pointer which outlives its request is caught.
 */
#include "arena.h"

#include "must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_CHUNK = 16 * 1024, ARENA_ALIGN = 16 };

#ifdef __SANITIZE_ADDRESS__
static const size_t pool_max = 0;
#else
static const size_t pool_max = 1024;
#endif

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* of the whole chunk, this header included */
};

struct arena_cleanup {
    struct arena_cleanup *next;
    void (*run)(void *object);
    void *object;
};

static struct arena_chunk *chunk_get(struct arena_pool *pool, size_t size)
{
    if (size == ARENA_CHUNK && pool && pool->spare) {
        struct arena_chunk *chunk = pool->spare;
        pool->spare = chunk->next;
        pool->count--;
        return chunk;
    }
    struct arena_chunk *chunk = malloc(size);
    if (!chunk) {
        fprintf(stderr, "out of memory: %zu bytes were refused\n", size);
        abort();
    }
    chunk->size = size;
    return chunk;
}

static void chunk_put(struct arena_pool *pool, struct arena_chunk *chunk)
{
    if (pool && chunk->size == ARENA_CHUNK && pool->count < pool_max) {
        chunk->next = pool->spare;
        pool->spare = chunk;
        pool->count++;
        return;
    }
    free(chunk);
}

void arena_pool_fini(struct arena_pool *pool)
{
    while (pool->spare) {
        struct arena_chunk *chunk = pool->spare;
        pool->spare = chunk->next;
        free(chunk);
    }
    pool->count = 0;
}

void arena_init(struct arena *arena, struct arena_pool *pool)
{
    *arena = (struct arena){ .pool = pool };
}

void arena_release(struct arena *arena)
{
    while (arena->cleanups) {
        struct arena_cleanup *cleanup = arena->cleanups;
        arena->cleanups = cleanup->next;
        cleanup->run(cleanup->object);
    }
    while (arena->chunk) {
        struct arena_chunk *chunk = arena->chunk;
        arena->chunk = chunk->next;
        chunk_put(arena->pool, chunk);
    }
    arena_init(arena, arena->pool);
}

static size_t rounded(size_t size)
{
    must(size <= SIZE_MAX / 2);
    return (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t need = rounded(size ? size : 1);
    size_t head = rounded(sizeof(struct arena_chunk));
    if ((size_t)(arena->end - arena->at) >= need) {
        void *result = arena->at;
        arena->at += need;
        return result;
    }
    bool is_standard = need <= ARENA_CHUNK - head;
    struct arena_chunk *chunk = chunk_get(arena->pool, is_standard ? ARENA_CHUNK : need + head);
    char *first = (char *)chunk + head;
    if (is_standard || !arena->chunk) {
        chunk->next = arena->chunk;
        arena->chunk = chunk;
        arena->at = first + need;
        arena->end = (char *)chunk + chunk->size;
    } else { /* behind the current chunk, whose rest stays usable */
        chunk->next = arena->chunk->next;
        arena->chunk->next = chunk;
    }
    return first;
}

void *arena_zalloc(struct arena *arena, size_t count, size_t size)
{
    must(size == 0 || count <= SIZE_MAX / 2 / size);
    return memset(arena_alloc(arena, count * size), 0, count * size);
}

char *arena_cstr(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1);
    if (s.len) {
        memcpy(copy, s.at, s.len);
    }
    copy[s.len] = '\0';
    return copy;
}

struct str arena_str(struct arena *arena, struct str s)
{
    return (struct str){ arena_cstr(arena, s), s.len };
}

struct str arena_join(struct arena *arena, const struct str *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += parts[i].len;
    }
    char *text = arena_alloc(arena, len), *to = text;
    for (size_t i = 0; i < count; i++) {
        to = str_put(to, parts[i]);
    }
    return (struct str){ text, len };
}

/* Written where the next allocation would be, and again only if that was too short. */
char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    size_t left = (size_t)(arena->end - arena->at);
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(arena->at, left, format, args);
    va_end(args);
    must(len >= 0);
    char *text = arena_alloc(arena, (size_t)len + 1);
    if ((size_t)len >= left) {
        vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    return text;
}

void arena_defer(struct arena *arena, void (*cleanup)(void *object), void *object)
{
    struct arena_cleanup *entry = arena_alloc(arena, sizeof(*entry));
    *entry = (struct arena_cleanup){ arena->cleanups, cleanup, object };
    arena->cleanups = entry;
}
