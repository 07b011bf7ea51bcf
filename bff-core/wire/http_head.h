#ifndef WIRE_HTTP_HEAD_H
#define WIRE_HTTP_HEAD_H

#include "http_arrived.h"

/* What the head says about the bytes that follow it. */
enum http_framing { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED };

enum {
    HTTP_FIELDS_MAX = 100,
    HTTP_METHOD_MAX_BYTES = 32,
};

/* A request's head. All slices point into the bytes that were parsed. */
struct http_head {
    struct str method;
    struct str
        target; /* path and query: of an absolute-form target what follows the authority; or "*" */
    struct http_field *fields; /* the caller's room */
    size_t fields_count;
    enum http_framing framing;
    uint64_t length; /* with HTTP_LENGTH */
    bool is_http_1_0;
    bool is_last;          /* the connection ends with this request's answer */
    bool expects_continue; /* the client waits for 100 before it sends its body */
};

/* A scan for the empty line that ends a block of lines; zeroed before the first byte. */
struct http_lines {
    size_t at;      /* scanned so far */
    size_t line_at; /* where the line being scanned begins */
    size_t count;   /* lines that have ended, the empty one included */
};

enum http_scan { HTTP_SCAN_MORE, HTTP_SCAN_END, HTTP_SCAN_BAD };

/*
 * Goes on where the last call stopped: `bytes` is the block from its start, grown since. At END
 * lines->at is the block's length, its empty line included. BAD at the first byte that cannot be in
 * a head: a CR without LF, an LF without CR, a control byte other than HT (RFC 9112 section 2.2,
 * RFC 9110 section 5.5).
 */
enum http_scan http_lines_scan(struct http_lines *lines, struct str bytes);

/*
 * Parses a block that http_lines_scan found whole (`len` bytes, the empty line included). `fields`
 * has room for as many fields as the block has lines, or for HTTP_FIELDS_MAX. HTTP_REFUSED_NOT, or
 * why not. A target in absolute-form without a path, but with a query, gets its '/' written in
 * place.
 */
enum http_refusal http_head_parse(
    struct http_head *head, char *bytes, size_t len, struct http_field *fields, size_t room);

/*
 * One line of a head or of trailers, without its CRLF. False when it is not well-formed (RFC 9112
 * section 5).
 */
bool http_field_parse(struct str line, struct http_field *field);

#endif
