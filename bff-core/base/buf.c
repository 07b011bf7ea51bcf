/*
 * buf: a buffer with a ceiling.
 *
 * Owns its memory. Promises: (1) len never passes cap; (2) BUF_PADDING zero bytes follow the
 * content; (3) a refused append leaves the content as it was. Memory grows by doubling, so
 * there are few sizes of it, and what is given back waits for the next buf of that size: each
 * thread has a stock, the last one back is the first to go, since it is warm. Under
 * AddressSanitizer nothing is kept and a slab is as long as its room, so that a slice which
 * outlives its buf, or leaves it, is caught.
 */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FIRST_ROOM = 512,
    SIZES = 8,               /* of the slabs that are kept: 512 bytes to 64 KB */
    KEPT_MAX_BYTES = 4 << 20 /* of each size */
};

#ifdef __SANITIZE_ADDRESS__
static const bool is_keeping = false;
#else
static const bool is_keeping = true;
#endif

const char buf_nothing[BUF_PADDING];

/* In front of a buf's bytes, which are aligned as it is. */
struct slab {
    struct slab *next; /* in its stock */
    size_t room;       /* BUF_PADDING bytes follow it */
};

struct stock {
    struct slab *spare;
    size_t count;
};

static _Thread_local struct stock stocks[SIZES];

/* ---- slabs ---- */

/* NULL: slabs with so much room are not kept. */
static struct stock *stock_of(size_t room)
{
    if (!is_keeping || room > (size_t)FIRST_ROOM << (SIZES - 1)) {
        return NULL;
    }
    return &stocks[room <= FIRST_ROOM ? 0 : 64 - __builtin_clzll((room - 1) / FIRST_ROOM)];
}

static struct slab *slab_new(size_t room)
{
    struct stock *stock = stock_of(room);
    struct slab *slab = stock ? stock->spare : NULL;
    if (slab) {
        stock->spare = slab->next;
        stock->count--;
        return slab;
    }
    size_t whole = stock ? (size_t)FIRST_ROOM << (stock - stocks) : room;
    slab = malloc(sizeof(*slab) + whole + BUF_PADDING);
    if (slab) {
        slab->room = whole;
    }
    return slab;
}

static void slab_free(struct slab *slab)
{
    struct stock *stock = stock_of(slab->room);
    if (!stock || stock->count * slab->room >= KEPT_MAX_BYTES) {
        free(slab);
        return;
    }
    slab->next = stock->spare;
    stock->spare = slab;
    stock->count++;
}

void buf_free_data(void *data)
{
    if (data) {
        slab_free((struct slab *)data - 1);
    }
}

void buf_free_spare(void)
{
    for (size_t i = 0; i < SIZES; i++) {
        while (stocks[i].spare) {
            struct slab *slab = stocks[i].spare;
            stocks[i].spare = slab->next;
            free(slab);
        }
        stocks[i].count = 0;
    }
}

/* ---- the buffer ---- */

void buf_release(struct buf *buf)
{
    buf_free_data(buf->data);
    buf_init(buf, buf->cap);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->is_overfull = false;
}

void buf_cut(struct buf *buf, size_t len)
{
    must(len <= buf->len);
    buf->len = len;
    if (buf->data) {
        memset(buf->data + len, 0, BUF_PADDING);
    }
}

static bool grow(struct buf *buf, size_t need)
{
    size_t room = buf->room ? buf->room : FIRST_ROOM;
    while (room < need) {
        room = room > SIZE_MAX / 4 ? need : room * 2;
    }
    room = room < buf->cap ? room : buf->cap;
    struct slab *slab = slab_new(room);
    if (!slab) {
        return false;
    }
    if (buf->len) {
        memcpy(slab + 1, buf->data, buf->len + BUF_PADDING);
    }
    buf_free_data(buf->data);
    buf->data = (char *)(slab + 1);
    buf->room = room;
    return true;
}

char *buf_reserve_slowly(struct buf *buf, size_t len)
{
    bool fits = len <= buf->cap - buf->len;
    if (!fits || (buf->room - buf->len < len && !grow(buf, buf->len + len)) ||
        (!buf->data && !grow(buf, 1))) {
        buf->is_overfull = true;
        return NULL;
    }
    return buf->data + buf->len;
}

bool buf_append_slowly(struct buf *buf, const void *bytes, size_t len)
{
    if (len == 0) {
        return true;
    }
    char *to = buf_reserve(buf, len);
    if (!to) {
        return false;
    }
    memcpy(to, bytes, len);
    buf_grew(buf, len);
    return true;
}

bool buf_append_u64(struct buf *buf, uint64_t value)
{
    char digits[STR_U64_BYTES];
    return buf_append(buf, digits, (size_t)(str_put_u64(digits, value) - digits));
}

bool buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    must(len >= 0);
    /* One byte of the padding takes vsnprintf's NUL. */
    char *to = buf_reserve(buf, (size_t)len);
    if (to) {
        vsnprintf(to, (size_t)len + 1, format, again);
        buf_grew(buf, (size_t)len);
    }
    va_end(again);
    return to != NULL;
}
