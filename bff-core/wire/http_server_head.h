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
 * empty value left out, and the empty line. Returns the framing that the content then has to
 * follow; is_last becomes true where only the close can tell the end. A head with a field that
 * cannot be written, or whose fields are too large, becomes that of a bare 500: it has no content,
 * whatever there was.
 */
enum http_outflow_framing http_server_head_append(struct buf *out, struct http_server_head *head);

#endif
