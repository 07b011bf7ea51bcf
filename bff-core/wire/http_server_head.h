#ifndef WIRE_HTTP_SERVER_HEAD_H
#define WIRE_HTTP_SERVER_HEAD_H

#include "http_outflow.h"
#include "http_server.h"

/* The head of an answer that we write ourselves. */
struct http_server_head {
    unsigned status;
    const struct http_field *fields;
    size_t fields_count;
    uint64_t length; /* of the content, or what it would be; PIPE_LENGTH_UNKNOWN */
    bool is_to_head;
    bool is_to_http_1_0;
    bool is_last; /* the connection ends with this answer */
};

/*
 * Appends status line, Date, Connection, framing and fields (RFC 9112 section 4), those with an
 * empty value left out, and the empty line. The framing that the content then has to follow is in
 * *framing; is_last becomes true where only the close can tell the end. False, with nothing
 * appended, when a field cannot be written or all of them are too large.
 */
bool http_server_head_append(
    struct buf *out, struct http_server_head *head, enum http_outflow_framing *framing);

/* No byte of theirs could end a line, and they fit HTTP_REPLY_FIELDS_MAX_BYTES. */
bool http_server_can_write(const struct http_field *fields, size_t count);

#endif
