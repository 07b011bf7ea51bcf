#ifndef WIRE_HTTP_CALL_LINES_H
#define WIRE_HTTP_CALL_LINES_H

#include "http_client.h"

/* A field of a question as a line: for http_client and its lanes. */

/* One that a caller may not give is a bug: see struct http_call_field. */
void http_call_field_check(const struct http_call_field *field, bool is_streamed);

static inline size_t http_call_field_len(const struct http_call_field *field)
{
    return field->name.len + field->value.len + sizeof(": \r\n") - 1;
}

/* So many bytes; returns the place behind them. */
char *http_call_field_put(char *to, const struct http_call_field *field);

#endif
