/*
 * http_chunks: the chunked transfer coding, decoded strictly.
 *
 * Owns the unfinished line. The end of this body decides where the next request begins, so every
 * place where decoders are known to differ is refused: a bare LF, a space or sign around the size,
 * a size beyond 64 bits, control bytes in extensions, data longer or shorter than its size. Bounded
 * in what carries no data: a line has LINE_MAX_BYTES, the extensions of a whole body
 * EXTENSIONS_MAX_BYTES, the trailers TRAILERS_MAX_BYTES and HTTP_FIELDS_MAX fields. Does not know
 * who sends or who reads.
 */
#include "http_chunks.h"

enum { LINE_MAX_BYTES = 256, EXTENSIONS_MAX_BYTES = 4096, TRAILERS_MAX_BYTES = 4096 };

void http_chunks_init(struct http_chunks *chunks, uint64_t room)
{
    *chunks = (struct http_chunks){ .stage = HTTP_CHUNK_LINE, .room = room };
    buf_init(&chunks->line, TRAILERS_MAX_BYTES);
}

void http_chunks_release(struct http_chunks *chunks)
{
    buf_release(&chunks->line);
}

static void begin_line(struct http_chunks *chunks, enum http_chunks_stage stage)
{
    chunks->stage = stage;
    chunks->lines = (struct http_lines){ 0 };
    buf_clear(&chunks->line);
}

/* ---- lines ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* 1*HEXDIG and what stands behind it. */
static bool cut_size(struct str line, uint64_t *size, struct str *rest)
{
    size_t at = 0;
    *size = 0;
    for (; at < line.len && hex_value(line.at[at]) >= 0; at++) {
        if (*size >> 60) {
            return false;
        }
        *size = *size << 4 | (uint64_t)hex_value(line.at[at]);
    }
    *rest = str_from(line, at);
    return at > 0;
}

static bool parse_chunk_line(struct http_chunks *chunks, struct str line)
{
    struct str extensions;
    if (!cut_size(line, &chunks->left, &extensions)) {
        return false;
    }
    chunks->extensions_bytes += extensions.len;
    if ((extensions.len && extensions.at[0] != ';') ||
        chunks->extensions_bytes > EXTENSIONS_MAX_BYTES) {
        return false;
    }
    begin_line(chunks, chunks->left ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILERS);
    return true;
}

static bool are_fields(struct str block)
{
    size_t count = 0;
    for (struct str line; block.len > 2; count++) {
        struct http_field field;
        str_cut(block, '\r', &line, &block);
        block = str_from(block, 1);
        if (count == HTTP_FIELDS_MAX || !http_field_parse(line, &field)) {
            return false;
        }
    }
    return true;
}

/*
 * The next byte of a line that ends with CRLF; false when it cannot be there. *has_ended: it was
 * the LF.
 */
static bool take_line_byte(struct http_chunks *chunks, char c, bool *has_ended)
{
    size_t lines_before = chunks->lines.count;
    if (chunks->line.len == LINE_MAX_BYTES || !buf_append_char(&chunks->line, c)) {
        return false;
    }
    enum http_scan scan = http_lines_scan(&chunks->lines, buf_str(&chunks->line));
    *has_ended = chunks->lines.count > lines_before;
    return scan != HTTP_SCAN_BAD;
}

static bool take_line(struct http_chunks *chunks, char c)
{
    bool has_ended;
    if (!take_line_byte(chunks, c, &has_ended)) {
        return false;
    }
    struct str line = { chunks->line.data, chunks->line.len - 2 };
    return !has_ended || parse_chunk_line(chunks, line);
}

static bool take_data_end(struct http_chunks *chunks, char c)
{
    bool has_ended;
    if (!take_line_byte(chunks, c, &has_ended) || chunks->line.len > 2) {
        return false;
    }
    if (has_ended) {
        begin_line(chunks, HTTP_CHUNK_LINE);
    } else {
        return c == '\r';
    }
    return true;
}

static bool take_trailers(struct http_chunks *chunks, char c)
{
    if (!buf_append_char(&chunks->line, c)) {
        return false;
    }
    enum http_scan scan = http_lines_scan(&chunks->lines, buf_str(&chunks->line));
    if (scan == HTTP_SCAN_END) {
        chunks->stage = HTTP_CHUNKS_END;
        return are_fields(buf_str(&chunks->line));
    }
    return scan == HTTP_SCAN_MORE;
}

/* ---- data ---- */

/* As much of the chunk's data as is there; 0 when the body does not take it. */
static size_t take_data(struct http_chunks *chunks, struct str bytes, struct buf *body)
{
    size_t len = bytes.len < chunks->left ? bytes.len : (size_t)chunks->left;
    if (!buf_append(body, bytes.at, len)) {
        return 0;
    }
    chunks->left -= len;
    chunks->room -= len;
    if (chunks->left == 0) {
        begin_line(chunks, HTTP_CHUNK_DATA_END);
    }
    return len;
}

enum http_refusal http_chunks_take(
    struct http_chunks *chunks, struct str bytes, struct buf *body, size_t *used)
{
    static bool (*const takes[])(struct http_chunks *, char) = {
        [HTTP_CHUNK_LINE] = take_line,
        [HTTP_CHUNK_DATA_END] = take_data_end,
        [HTTP_CHUNK_TRAILERS] = take_trailers,
    };
    *used = 0;
    while (*used < bytes.len && chunks->stage != HTTP_CHUNKS_END) {
        if (chunks->stage == HTTP_CHUNK_DATA) {
            size_t len = take_data(chunks, str_from(bytes, *used), body);
            if (len == 0) {
                return HTTP_REFUSED_BODY_TOO_LARGE;
            }
            *used += len;
        } else if (takes[chunks->stage](chunks, bytes.at[*used])) {
            *used += 1;
        } else {
            return HTTP_REFUSED_MALFORMED;
        }
        if (chunks->stage == HTTP_CHUNK_DATA && chunks->left > chunks->room) {
            return HTTP_REFUSED_BODY_TOO_LARGE; /* it only says so, yet */
        }
    }
    return HTTP_REFUSED_NOT;
}
