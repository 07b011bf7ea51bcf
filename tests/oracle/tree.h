#ifndef ORACLE_TREE_H
#define ORACLE_TREE_H

#include "base/str.h"

#include <json-c/json.h>

/* Trees of json-c, for what is compared with them. */

/*
 * The tree of a text, behind which a zero byte stands: json-c then knows that a number at its end
 * is whole. `*is_read` says whether there is one, since NULL is JSON's null.
 */
struct json_object *tree_read(struct str text, unsigned depth_max, bool *is_read);

/*
 * The same members and values, numbers to the digit. With `is_shorter`, lists of `a` may end before
 * those of `b`.
 */
bool tree_same(struct json_object *a, struct json_object *b, bool is_shorter);

/* Prints both and ends the process where they are not; NULL: there is no answer. */
void tree_must_be_same(struct json_object *ours, struct json_object *theirs);

#endif
