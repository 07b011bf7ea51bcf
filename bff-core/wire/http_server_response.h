#ifndef WIRE_HTTP_SERVER_RESPONSE_H
#define WIRE_HTTP_SERVER_RESPONSE_H

#include "http_server.h"

struct MHD_Response;

/*
 * An answer in the library's terms. `body` (NULL: none) is taken in any case. NULL when the fields
 * are too many or one of them cannot be written. With `is_last` the connection ends with the
 * answer.
 */
struct MHD_Response *http_server_response(
    const struct http_field *fields, size_t fields_count, struct buf *body, bool is_last);

#endif
