/*
 * http_answer_parser: one answer of a service, read strictly.
 *
 * Owns a capped copy of the head, into which the kept fields point. Promises: (1) content is
 * delimited by Content-Length or by chunks, never by both, and by the close of the connection only
 * when there is neither; (2) a second Content-Length, a Transfer-Encoding other than chunked, a
 * bare LF or CR, a folded line, a space before the colon, a name that is no token and a control
 * byte are BROKEN; (3) no input makes it read beyond the slice it was given, keep more than
 * HTTP_HEAD_MAX_BYTES, or go back to a byte it has read; (4) END, BROKEN and OVERLONG are final.
 * Knows nothing of connections, calls or codings of the content.
 */
#include "http_answer_parser.h"

#include "../base/must.h"

enum state {
    STATUS_LINE,
    FIELD_LINE,
    LENGTH_BODY,
    CLOSE_BODY,
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    TRAILER_LINE,
    ENDED,
    BROKEN,
    OVERLONG
};

enum {
    CHUNK_DIGITS_MAX = 15, /* below 2^60: sums cannot overflow */
    CHUNK_LINE_MAX = 256,
};

/* RFC 9110 section 5.6.2. */
static const bool tchar[256] = {
    ['0' ... '9'] = true,
    ['A' ... 'Z'] = true,
    ['a' ... 'z'] = true,
    ['!'] = true,
    ['#'] = true,
    ['$'] = true,
    ['%'] = true,
    ['&'] = true,
    ['\''] = true,
    ['*'] = true,
    ['+'] = true,
    ['-'] = true,
    ['.'] = true,
    ['^'] = true,
    ['_'] = true,
    ['`'] = true,
    ['|'] = true,
    ['~'] = true,
};

static const struct str kept_names[HTTP_ANSWER_FIELDS] = {
    [HTTP_CONTENT_TYPE] = { "content-type", 12 },
    [HTTP_CONTENT_ENCODING] = { "content-encoding", 16 },
    [HTTP_CACHE_CONTROL] = { "cache-control", 13 },
    [HTTP_ETAG] = { "etag", 4 },
    [HTTP_RETRY_AFTER] = { "retry-after", 11 },
    [HTTP_AGE] = { "age", 3 },
    [HTTP_VARY] = { "vary", 4 },
    [HTTP_LOCATION] = { "location", 8 },
};

/* How many bytes of a token the text begins with. */
static inline size_t token_len(struct str s)
{
    size_t len = 0;
    while (len < s.len && tchar[(unsigned char)s.at[len]]) {
        len++;
    }
    return len;
}

bool http_is_token(struct str s)
{
    return s.len > 0 && token_len(s) == s.len;
}

static bool is_value_byte(unsigned char c)
{
    return (c >= ' ' && c != 0x7f) || c == '\t';
}

bool http_is_value(struct str s)
{
    return !str_has_control(s);
}

void http_answer_parser_init(struct http_answer_parser *parser)
{
    *parser = (struct http_answer_parser){ 0 };
    buf_init(&parser->head, HTTP_HEAD_MAX_BYTES);
}

void http_answer_parser_fini(struct http_answer_parser *parser)
{
    buf_release(&parser->head);
}

void http_answer_parser_start(struct http_answer_parser *parser, bool is_to_head)
{
    struct buf head = parser->head;
    buf_clear(&head);
    *parser = (struct http_answer_parser){ .head = head, .is_to_head = is_to_head };
}

/* ---- lines of the head ---- */

/* "HTTP/1.1 200 OK"; the reason, and the space before it, may be missing. */
static bool read_status_line(struct http_answer_parser *parser, struct str line)
{
    enum { VERSION_AT = 7, STATUS_AT = 9, STATUS_END = 12 };
    uint64_t status;
    if (line.len < STATUS_END || !str_starts(line, STR("HTTP/1.")) || line.at[8] != ' ' ||
        !str_u64((struct str){ line.at + STATUS_AT, 3 }, &status)) {
        return false;
    }
    if (line.len > STATUS_END && line.at[STATUS_END] != ' ') {
        return false;
    }
    parser->minor_version = (unsigned)(line.at[VERSION_AT] - '0');
    parser->status = (unsigned)status;
    /* 101 answers an upgrade, and we ask for none. */
    return parser->minor_version <= 1 && status >= 100 && status <= 599 && status != 101 &&
           http_is_value(line);
}

static bool read_connection(struct http_answer_parser *parser, struct str value)
{
    struct str option;
    bool is_more;
    do {
        is_more = str_cut(value, ',', &option, &value);
        option = str_trim(option);
        parser->says_close |= str_eq_nocase(option, STR("close"));
        parser->says_keep_alive |= str_eq_nocase(option, STR("keep-alive"));
    } while (is_more);
    return true;
}

static bool read_length(struct http_answer_parser *parser, struct str value)
{
    bool is_first = !parser->has_length;
    parser->has_length = true;
    return is_first && str_u64(value, &parser->length);
}

static bool read_coding(struct http_answer_parser *parser, struct str value)
{
    bool is_first = !parser->has_coding;
    parser->has_coding = true;
    return is_first && parser->minor_version == 1 && str_eq_nocase(value, STR("chunked"));
}

/*
 * A repeated field is joined in a copy behind the lines read so far. False when the head is full.
 */
static bool keep_field(struct http_answer_parser *parser, int field, struct str value)
{
    struct buf *head = &parser->head;
    size_t at = (size_t)(value.at - head->data);
    if (parser->fields[field].at == 0) {
        parser->fields[field].at = at;
        parser->fields[field].len = value.len;
        return true;
    }
    size_t first_at = parser->fields[field].at, first_len = parser->fields[field].len;
    size_t joined_at = head->len;
    size_t joined_len = first_len + 2 + value.len;
    char *to = buf_reserve(head, joined_len);
    if (!to) {
        return false;
    }
    memcpy(to, head->data + first_at, first_len);
    memcpy(to + first_len, ", ", 2);
    memcpy(to + first_len + 2, head->data + at, value.len);
    buf_grew(head, joined_len);
    parser->fields[field].at = joined_at;
    parser->fields[field].len = joined_len;
    return true;
}

/* "Name: value"; ENDED stands for "read, go on". */
static int read_field_line(struct http_answer_parser *parser, struct str line, bool is_trailer)
{
    struct str name = { line.at, token_len(line) };
    if (name.len == 0 || name.len == line.len || line.at[name.len] != ':') {
        return BROKEN;
    }
    struct str value = str_trim(str_from(line, name.len + 1));
    if (!http_is_value(value)) {
        return BROKEN;
    }
    if (is_trailer) {
        return ENDED; /* RFC 9110 section 6.5.1: ours to ignore, whatever it says */
    }
    static const struct {
        struct str name;
        bool (*read)(struct http_answer_parser *, struct str);
    } readers[] = {
        { { "content-length", 14 }, read_length },
        { { "transfer-encoding", 17 }, read_coding },
        { { "connection", 10 }, read_connection },
    };
    for (size_t i = 0; i < countof(readers); i++) {
        if (str_eq_nocase(name, readers[i].name)) {
            return readers[i].read(parser, value) ? ENDED : BROKEN;
        }
    }
    for (int field = 0; field < HTTP_ANSWER_FIELDS; field++) {
        if (str_eq_nocase(name, kept_names[field])) {
            return keep_field(parser, field, value) ? ENDED : OVERLONG;
        }
    }
    return ENDED;
}

/* ---- from the head to the content ---- */

/* RFC 9112 section 6.3; both a length and a coding is what request smuggling is made of. */
static int content_state(struct http_answer_parser *parser)
{
    if (parser->has_length && parser->has_coding) {
        return BROKEN;
    }
    bool is_empty = parser->status == 204 || parser->status == 304 || parser->is_to_head;
    if (is_empty) {
        parser->framing = HTTP_NO_CONTENT;
        return ENDED;
    }
    if (parser->has_coding) {
        parser->framing = HTTP_CHUNKED;
        return CHUNK_SIZE;
    }
    if (parser->has_length) {
        parser->framing = HTTP_LENGTH;
        parser->left = parser->length;
        return parser->left ? LENGTH_BODY : ENDED;
    }
    parser->framing = HTTP_UNTIL_CLOSE;
    return CLOSE_BODY;
}

static bool may_persist(const struct http_answer_parser *parser)
{
    bool wishes = parser->minor_version == 1 ? !parser->says_close
                                             : parser->says_keep_alive && !parser->says_close;
    /* A 204 that announces content may send it too: those bytes must not meet the next call. */
    bool lies = parser->status == 204 && (parser->has_coding || parser->length);
    return wishes && !lies && parser->framing != HTTP_UNTIL_CLOSE;
}

/*
 * An interim answer (RFC 9110 section 15.2) is only counted: its fields say nothing about what
 * follows.
 */
static void forget_interim(struct http_answer_parser *parser)
{
    memset(parser->fields, 0, sizeof(parser->fields));
    parser->lines_count = 0;
    parser->has_length = parser->has_coding = false;
    parser->says_close = parser->says_keep_alive = false;
    parser->length = 0;
    parser->state = STATUS_LINE;
}

static enum http_answer_event end_head(struct http_answer_parser *parser)
{
    if (parser->status < 200) {
        forget_interim(parser);
        return HTTP_ANSWER_MORE;
    }
    parser->state = content_state(parser);
    parser->is_persistent = may_persist(parser);
    return parser->state == BROKEN ? HTTP_ANSWER_BROKEN : HTTP_ANSWER_HEAD;
}

/*
 * Moves input into the head up to the next LF. True when that made a line, which is then without
 * its CRLF; a line that ends otherwise makes the state BROKEN.
 */
static bool read_line(struct http_answer_parser *parser, struct str *in, struct str *line)
{
    const char *lf = memchr(in->at, '\n', in->len);
    size_t len = lf ? (size_t)(lf - in->at) + 1 : in->len;
    if (!buf_append(&parser->head, in->at, len)) {
        parser->state = OVERLONG;
        return false;
    }
    *in = str_from(*in, len);
    if (!lf) {
        return false;
    }
    const char *at = parser->head.data + parser->line_at;
    size_t whole = parser->head.len - parser->line_at;
    if (whole < 2 || at[whole - 2] != '\r') {
        parser->state = BROKEN;
        return false;
    }
    *line = (struct str){ at, whole - 2 };
    return true;
}

static void keep_line(struct http_answer_parser *parser, unsigned at, unsigned len)
{
    if (parser->lines_count == HTTP_ANSWER_LINES_MAX) {
        parser->state = OVERLONG;
        return;
    }
    parser->lines[parser->lines_count++] = (struct http_answer_line){ at, len };
}

static void read_head_line(struct http_answer_parser *parser, struct str line, bool is_trailer)
{
    if (parser->state == STATUS_LINE) {
        parser->state = read_status_line(parser, line) ? FIELD_LINE : BROKEN;
        return;
    }
    unsigned at = (unsigned)parser->line_at, len = (unsigned)line.len;
    int read = read_field_line(parser, line, is_trailer);
    if (read != ENDED) {
        parser->state = read;
    } else if (parser->lines && !is_trailer) {
        keep_line(parser, at, len);
    }
}

static enum http_answer_event step_head(struct http_answer_parser *parser, struct str *in)
{
    struct str line;
    while (in->len && parser->state <= FIELD_LINE && read_line(parser, in, &line)) {
        if (parser->state == FIELD_LINE && line.len == 0) {
            enum http_answer_event event = end_head(parser);
            parser->line_at = parser->head.len;
            if (event != HTTP_ANSWER_MORE) {
                return event;
            }
            continue;
        }
        read_head_line(parser, line, false);
        parser->line_at = parser->head.len;
    }
    return HTTP_ANSWER_MORE;
}

static enum http_answer_event step_trailers(struct http_answer_parser *parser, struct str *in)
{
    struct str line;
    while (in->len && parser->state == TRAILER_LINE && read_line(parser, in, &line)) {
        if (line.len == 0) {
            parser->state = ENDED;
        } else {
            read_head_line(parser, line, true);
        }
        parser->line_at = parser->head.len;
    }
    return HTTP_ANSWER_MORE;
}

/* ---- content ---- */

static int hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * The byte after the size's digits. An extension is allowed, and ignored (RFC 9112 section 7.1.1).
 */
static int after_chunk_size(unsigned digits, unsigned char c)
{
    if (digits == 0) {
        return BROKEN;
    }
    return c == '\r' ? CHUNK_SIZE_LF : c == ';' || c == ' ' || c == '\t' ? CHUNK_EXTENSION : BROKEN;
}

/* One byte of what stands between the pieces of content (RFC 9112 section 7.1). */
static int read_chunk_byte(struct http_answer_parser *parser, unsigned char c)
{
    int digit = hex_value(c);
    switch (parser->state) {
    case CHUNK_SIZE:
        if (digit < 0) {
            return after_chunk_size(parser->line_len, c);
        }
        parser->left = parser->left * 16 + (unsigned)digit;
        return ++parser->line_len > CHUNK_DIGITS_MAX ? BROKEN : CHUNK_SIZE;
    case CHUNK_EXTENSION:
        if (c == '\r') {
            return CHUNK_SIZE_LF;
        }
        return !is_value_byte(c) || ++parser->line_len > CHUNK_LINE_MAX ? BROKEN : CHUNK_EXTENSION;
    case CHUNK_SIZE_LF:
        parser->line_len = 0;
        return c != '\n' ? BROKEN : parser->left ? CHUNK_DATA : TRAILER_LINE;
    case CHUNK_DATA_CR:
        return c == '\r' ? CHUNK_DATA_LF : BROKEN;
    default: /* CHUNK_DATA_LF */
        return c == '\n' ? CHUNK_SIZE : BROKEN;
    }
}

static enum http_answer_event step_chunk_line(struct http_answer_parser *parser, struct str *in)
{
    while (in->len && parser->state >= CHUNK_SIZE && parser->state <= CHUNK_DATA_LF &&
           parser->state != CHUNK_DATA) {
        parser->state = read_chunk_byte(parser, (unsigned char)in->at[0]);
        *in = str_from(*in, 1);
    }
    return HTTP_ANSWER_MORE;
}

/* Up to `left` bytes of content; at the end of them the state is `then`. */
static enum http_answer_event step_content(
    struct http_answer_parser *parser, struct str *in, struct str *body, int then)
{
    size_t len = in->len < parser->left ? in->len : (size_t)parser->left;
    *body = (struct str){ in->at, len };
    *in = str_from(*in, len);
    parser->left -= len;
    if (parser->left == 0) {
        parser->state = then;
    }
    return HTTP_ANSWER_BODY;
}

static enum http_answer_event step_until_close(struct str *in, struct str *body)
{
    *body = *in;
    *in = str_from(*in, in->len);
    return HTTP_ANSWER_BODY;
}

static enum http_answer_event final_event(const struct http_answer_parser *parser)
{
    switch (parser->state) {
    case ENDED:
        return HTTP_ANSWER_END;
    case BROKEN:
        return HTTP_ANSWER_BROKEN;
    case OVERLONG:
        return HTTP_ANSWER_OVERLONG;
    default:
        return HTTP_ANSWER_MORE;
    }
}

/* One stretch in one state. MORE: the stretch gave no event. */
static enum http_answer_event step_state(
    struct http_answer_parser *parser, struct str *in, struct str *body)
{
    switch (parser->state) {
    case STATUS_LINE:
    case FIELD_LINE:
        return step_head(parser, in);
    case LENGTH_BODY:
        return step_content(parser, in, body, ENDED);
    case CLOSE_BODY:
        return step_until_close(in, body);
    case CHUNK_DATA:
        return step_content(parser, in, body, CHUNK_DATA_CR);
    case TRAILER_LINE:
        return step_trailers(parser, in);
    default:
        return step_chunk_line(parser, in);
    }
}

enum http_answer_event http_answer_parser_step(
    struct http_answer_parser *parser, struct str *in, struct str *body)
{
    enum http_answer_event event = HTTP_ANSWER_MORE;
    while (event == HTTP_ANSWER_MORE && in->len && parser->state < ENDED) {
        event = step_state(parser, in, body);
    }
    return event == HTTP_ANSWER_MORE ? final_event(parser) : event;
}

enum http_answer_event http_answer_parser_close(struct http_answer_parser *parser)
{
    if (parser->state < ENDED) {
        parser->state = parser->state == CLOSE_BODY ? ENDED : BROKEN;
    }
    return final_event(parser);
}

void http_answer_parser_skip(struct http_answer_parser *parser, size_t len)
{
    must(parser->state == LENGTH_BODY && len <= parser->left);
    parser->left -= len;
    if (parser->left == 0) {
        parser->state = ENDED;
    }
}

void http_answer_parser_read_trailers(struct http_answer_parser *parser)
{
    if (parser->state == CHUNK_SIZE) {
        parser->state = TRAILER_LINE;
    }
}

bool http_answer_parser_has_begun(const struct http_answer_parser *parser)
{
    return parser->head.len > 0;
}

struct str http_answer_parser_field(
    const struct http_answer_parser *parser, enum http_answer_field field)
{
    if (parser->fields[field].at == 0) {
        return (struct str){ NULL, 0 };
    }
    return (struct str){ parser->head.data + parser->fields[field].at, parser->fields[field].len };
}

void http_answer_parser_line(
    const struct http_answer_parser *parser, size_t index, struct str *name, struct str *value)
{
    must(parser->lines && index < parser->lines_count);
    struct http_answer_line kept = parser->lines[index];
    struct str line = { parser->head.data + kept.at, kept.len };
    must(str_cut(line, ':', name, value)); /* it was read */
    *value = str_trim(*value);
}
