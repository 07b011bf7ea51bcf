/*
 * The reading side of JSON; doc.c is the writing side.
 *
 * It promises that a document is either whole or refused, since a mock that accepts half an order
 * sets up half a test. It does not promise more: the strict mode of json-c 0.18 refuses UTF-8 (its
 * issue 875), so a comma too many is forgiven.
 */
#include "parse.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>

struct json_object *parse_json(const char *text, size_t len)
{
    if (!text || len == 0 || len > INT_MAX)
        return NULL;

    struct json_tokener *tokener = json_tokener_new();
    if (!tokener)
        return NULL;
    json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *document = json_tokener_parse_ex(tokener, text, (int)len);
    const bool is_whole = json_tokener_get_error(tokener) == json_tokener_success &&
                          json_tokener_get_parse_end(tokener) == len;
    json_tokener_free(tokener);
    if (is_whole)
        return document;
    json_object_put(document);
    return NULL;
}
