#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "must.h"
#include "str.h"

/*
 * A growing buffer that is born with its maximum: for everything a stranger sizes.
 * An append that would pass the cap changes nothing, returns false and leaves `is_overfull` set, so
 * a writer may append many times and look once at the end.
 */
struct buf {
    char *data;
    size_t len;
    size_t room;
    size_t cap;
    bool is_overfull;
};

/* Zero bytes that follow the content of every buf, of an empty one too: scanners may read, not use,
 * this far beyond the end. */
enum { BUF_PADDING = 64 };

/* No content, and what follows it: what a buf without memory holds. */
extern const char buf_nothing[BUF_PADDING];

/* Allocates nothing yet. */
static inline void buf_init(struct buf *buf, size_t cap)
{
    *buf = (struct buf){ .cap = cap };
}

/* Frees the content; the buf is as after init with the same cap. */
void buf_release(struct buf *buf);
/* Frees `data` that was moved out of a buf, which was then initialised anew; NULL is nothing. */
void buf_free_data(void *data);
/* Frees what this thread keeps for its next bufs: before the thread ends. */
void buf_free_spare(void);
/* Empties, keeps the memory. */
void buf_clear(struct buf *buf);
/* Takes back what was appended beyond the first `len` bytes. */
void buf_cut(struct buf *buf, size_t len);

char *buf_reserve_slowly(struct buf *buf, size_t len); /* of buf_reserve alone */

/*
 * Room for `len` more bytes at the returned place, or NULL when that passes the cap; buf_grew()
 * then says how many of them were written.
 */
static inline char *buf_reserve(struct buf *buf, size_t len)
{
    bool has_room = len - 1 < buf->room - buf->len; /* and memory; what is 0 goes the other way */
    return has_room ? buf->data + buf->len : buf_reserve_slowly(buf, len);
}

static inline void buf_grew(struct buf *buf, size_t len)
{
    must(len <= buf->room - buf->len);
    buf->len += len;
    memset(buf->data + buf->len, 0, BUF_PADDING);
}

bool buf_append_slowly(struct buf *buf, const void *bytes, size_t len); /* of buf_append alone */

static inline bool buf_append(struct buf *buf, const void *bytes, size_t len)
{
    if (len > buf->room - buf->len || !buf->data) {
        return buf_append_slowly(buf, bytes, len);
    }
    memcpy(buf->data + buf->len, bytes, len);
    buf_grew(buf, len);
    return true;
}

static inline bool buf_append_str(struct buf *buf, struct str s)
{
    return buf_append(buf, s.at ? s.at : "", s.len);
}

static inline bool buf_append_char(struct buf *buf, char c)
{
    return buf_append(buf, &c, 1);
}

bool buf_append_u64(struct buf *buf, uint64_t value);
__attribute__((format(printf, 2, 3))) bool buf_printf(struct buf *buf, const char *format, ...);

static inline struct str buf_str(const struct buf *buf)
{
    return (struct str){ buf->data ? buf->data : buf_nothing, buf->len };
}

#endif
