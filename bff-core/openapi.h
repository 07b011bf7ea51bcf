#ifndef OPENAPI_H
#define OPENAPI_H

#include "core.h"

#include <stdio.h>

/*
 * Writes an OpenAPI 3.1 document of all the client's plans: routes with what they take, answers
 * with their shapes and header fields, every problem that may come instead. The same plans, shapes
 * and settings give the same bytes. The plans are proved. Returns the exit code.
 */
int openapi_print(const struct core *core, FILE *out);

#endif
