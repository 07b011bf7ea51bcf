#ifndef WIRE_HTTP_METHOD_H
#define WIRE_HTTP_METHOD_H

#include "../base/str.h"

/* The methods that services are asked with (RFC 9110 section 9, RFC 5789). */
enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE };

/* As it is written on the wire. */
const char *http_method_name(enum http_method method);

/* False, with *method as it was: none of them has that name. Methods are told apart by case. */
bool http_method_named(struct str name, enum http_method *method);

#endif
