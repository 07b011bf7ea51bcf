/* JSON that others send, read strictly. */
#ifndef MOCKS_PARSE_H
#define MOCKS_PARSE_H

#include <stddef.h>

struct json_object;

/* One whole document or NULL: for no text, bad JSON, or anything after it. The caller gives the
 * reference back with json_object_put(). */
struct json_object *parse_json(const char *text, size_t len);

#endif
