/*
 * http_server_response: an answer's fields and body, as libmicrohttpd takes them.
 *
 * Owns nothing: a response belongs to whoever asked for it. Promises: (1) no byte of a field can
 * end its line or the head; (2) the head that the library makes of it fits into the pool that
 * http_server gives a connection; (3) the body is not copied. Fields with an empty value are left
 * out: the library does not know them, and an absent field says the same. Content-Length, Date and
 * Connection are the library's own.
 */
#include "http_server_response.h"

#include "../base/must.h"
#include "http_server_head.h"

#include <microhttpd.h>

/* The library copies terminated texts. */
static bool add_field(struct MHD_Response *response, const struct http_field *field)
{
    char texts[HTTP_REPLY_FIELDS_MAX_BYTES];
    char *name = texts, *value = texts + field->name.len + 1;
    memcpy(name, field->name.at, field->name.len);
    name[field->name.len] = '\0';
    memcpy(value, field->value.at, field->value.len);
    value[field->value.len] = '\0';
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool add_fields(struct MHD_Response *response, const struct http_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].value.len && !add_field(response, &fields[i])) {
            return false;
        }
    }
    return true;
}

/* Takes the body; NULL or empty: there is none. */
static struct MHD_Response *with_body(struct buf *body)
{
    struct MHD_Response *response;
    if (body && body->len) {
        response = MHD_create_response_from_buffer_with_free_callback(
            body->len, body->data, buf_free_data);
        buf_init(body, body->cap);
    } else {
        response = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    }
    must(response != NULL);
    return response;
}

struct MHD_Response *http_server_response(
    const struct http_field *fields, size_t fields_count, struct buf *body, bool is_last)
{
    struct MHD_Response *response = with_body(body);
    bool is_whole =
        http_server_can_write(fields, fields_count) && add_fields(response, fields, fields_count);
    if (is_whole && is_last) {
        is_whole = MHD_add_response_header(response, "Connection", "close") == MHD_YES;
    }
    if (!is_whole) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}
