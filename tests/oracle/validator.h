#ifndef ORACLE_VALIDATOR_H
#define ORACLE_VALIDATOR_H

#include <json-c/json.h>
#include <stdbool.h>

/*
 * Does a value keep the promises of a shape, as any reader of JSON Schema 2020-12 understands them?
 * Knows the words that a shape may use and none of ours that begin with x-; and that nothing which
 * the schema does not name leaves the server. `root` is where "#/$defs/NAME" leads.
 */
bool validator_accepts(
    struct json_object *root, struct json_object *schema, struct json_object *value);

#endif
