/*
 * buf: a buffer with a ceiling.
 *
 * Owns its memory (malloc). Promises: (1) len never passes cap; (2) while there is content,
 * BUF_PADDING zero bytes follow it; (3) a refused append leaves the content as it was. Memory grows
 * by doubling.
 */
#include "buf.h"

#include "must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_ROOM = 512 };

void buf_init(struct buf *buf, size_t cap)
{
    *buf = (struct buf){ .cap = cap };
}

void buf_release(struct buf *buf)
{
    free(buf->data);
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
    char *data = realloc(buf->data, room + BUF_PADDING);
    if (!data) {
        return false;
    }
    buf->data = data;
    buf->room = room;
    return true;
}

char *buf_reserve(struct buf *buf, size_t len)
{
    bool fits = len <= buf->cap - buf->len;
    if (!fits || (buf->room - buf->len < len && !grow(buf, buf->len + len)) ||
        (!buf->data && !grow(buf, 1))) {
        buf->is_overfull = true;
        return NULL;
    }
    return buf->data + buf->len;
}

void buf_grew(struct buf *buf, size_t len)
{
    must(len <= buf->room - buf->len);
    buf->len += len;
    memset(buf->data + buf->len, 0, BUF_PADDING);
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
