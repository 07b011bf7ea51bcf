#ifndef WIRE_HTTP_ANSWER_PARSER_H
#define WIRE_HTTP_ANSWER_PARSER_H

#include "../base/buf.h"

/*
 * A strict and bounded reader of one HTTP/1.1 answer (RFC 9112): bytes in, events out. It does no
 * I/O and keeps nothing but a copy of the head. What two readers could understand differently is
 * refused, not repaired.
 */

/* Of everything that is not content: interim heads, the head, trailers. */
enum { HTTP_HEAD_MAX_BYTES = 32 * 1024 };

enum http_answer_event {
    HTTP_ANSWER_MORE,    /* the input is used up */
    HTTP_ANSWER_HEAD,    /* status, fields and framing are known; once */
    HTTP_ANSWER_BODY,    /* a piece of content, without its transfer coding */
    HTTP_ANSWER_END,     /* the answer is whole; again at each further step */
    HTTP_ANSWER_BROKEN,  /* not well-formed; for ever */
    HTTP_ANSWER_OVERLONG /* the head passed HTTP_HEAD_MAX_BYTES; for ever */
};

/* How the end of the content is known (RFC 9112 section 6.3). */
enum http_answer_framing { HTTP_NO_CONTENT, HTTP_LENGTH, HTTP_CHUNKED, HTTP_UNTIL_CLOSE };

/* The fields that are kept; the rest is checked and forgotten. */
enum http_answer_field {
    HTTP_CONTENT_TYPE,
    HTTP_CONTENT_ENCODING,
    HTTP_CACHE_CONTROL,
    HTTP_ETAG,
    HTTP_RETRY_AFTER,
    HTTP_AGE,
    HTTP_VARY,
    HTTP_LOCATION,
    HTTP_ANSWER_FIELDS
};

/* Where a field's line stands in the parser's copy of the head. */
struct http_answer_line {
    unsigned at, len;
};

enum { HTTP_ANSWER_LINES_MAX = 100 };

struct http_answer_parser {
    /* To be read after HTTP_ANSWER_HEAD. */
    unsigned status;
    enum http_answer_framing framing;
    uint64_t left; /* content bytes to come of this body (HTTP_LENGTH) or chunk */
    bool has_length;
    uint64_t length;    /* that the head announces, also where no content follows */
    bool is_persistent; /* the connection may carry another call after END (RFC 9112 section 9.3) */

    /*
     * NULL, or room for HTTP_ANSWER_LINES_MAX, set after start: all of the head's fields are kept,
     * for http_answer_parser_line, and a head with more of them is OVERLONG.
     */
    struct http_answer_line *lines;
    size_t lines_count;

    /* The parser's own. */
    int state;
    unsigned minor_version;
    unsigned line_len; /* of a chunk's size line */
    bool is_to_head;
    bool has_coding, says_close, says_keep_alive;
    struct buf head;
    size_t line_at; /* where the current line begins in `head` */
    struct {
        size_t at, len; /* in `head`; at 0: missing, since the status line is there */
    } fields[HTTP_ANSWER_FIELDS];
};

/* Allocates nothing yet. */
void http_answer_parser_init(struct http_answer_parser *parser);
void http_answer_parser_fini(struct http_answer_parser *parser);

/*
 * Ready for the next answer; `is_to_head`: the question was HEAD, so no content follows. Keeps its
 * memory.
 */
void http_answer_parser_start(struct http_answer_parser *parser, bool is_to_head);

/*
 * Reads on and moves `in` past what was read, up to the next event. With HTTP_ANSWER_BODY `body` is
 * a slice of the input. Bytes left in `in` at END do not belong to this answer.
 */
enum http_answer_event http_answer_parser_step(
    struct http_answer_parser *parser, struct str *in, struct str *body);

/*
 * The peer will send no more: END when that was the end of the answer, otherwise BROKEN or what it
 * was before.
 */
enum http_answer_event http_answer_parser_close(struct http_answer_parser *parser);

/*
 * `len` bytes of content, at most `left`, were read past the parser, straight to their place.
 * HTTP_LENGTH only.
 */
void http_answer_parser_skip(struct http_answer_parser *parser, size_t len);

/*
 * What follows is trailers: for a reader whose chunks were taken out by somebody else. HTTP_CHUNKED
 * only.
 */
void http_answer_parser_read_trailers(struct http_answer_parser *parser);

/* A byte of the answer has come. */
bool http_answer_parser_has_begun(const struct http_answer_parser *parser);

/*
 * A field that came more than once is joined with ", " (RFC 9110 section 5.3). Lives until start or
 * fini.
 */
struct str http_answer_parser_field(
    const struct http_answer_parser *parser, enum http_answer_field field);

/* A field as it came; repeated ones are several. Of those kept in `lines`; lives as long. */
void http_answer_parser_line(
    const struct http_answer_parser *parser, size_t index, struct str *name, struct str *value);

/* A field name: one or more tchar (RFC 9110 section 5.6.2). */
bool http_is_token(struct str s);
/* A field value: no control byte but the tab (RFC 9110 section 5.5). */
bool http_is_value(struct str s);

#endif
