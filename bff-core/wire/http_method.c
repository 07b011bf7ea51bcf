/*
 * http_method: the methods that we speak, and their names.
 *
 * Owns the one table of both, so that what a route takes can always be asked of a service.
 */
#include "http_method.h"

#include "../base/must.h"

static const char *const names[] = {
    [HTTP_GET] = "GET",
    [HTTP_HEAD] = "HEAD",
    [HTTP_POST] = "POST",
    [HTTP_PUT] = "PUT",
    [HTTP_PATCH] = "PATCH",
    [HTTP_DELETE] = "DELETE",
};

const char *http_method_name(enum http_method method)
{
    must(method < countof(names));
    return names[method];
}

bool http_method_named(struct str name, enum http_method *method)
{
    for (size_t i = 0; i < countof(names); i++) {
        if (str_eq(name, str_of(names[i]))) {
            *method = (enum http_method)i;
            return true;
        }
    }
    return false;
}
