/*
 * http_arrived: looking things up in a request that has arrived.
 *
 * Owns nothing. Fields stand in the order in which the client sent them, and a request has at most
 * a hundred: a walk is as good as an index. What a field means is no concern of this file.
 */
#include "http_arrived.h"

struct str http_arrived_field(const struct http_arrived *arrived, struct str name)
{
    for (size_t i = 0; i < arrived->fields_count; i++) {
        if (str_eq_nocase(arrived->fields[i].name, name)) {
            return arrived->fields[i].value;
        }
    }
    return (struct str){ NULL, 0 };
}

bool http_arrived_repeats(const struct http_arrived *arrived, struct str name)
{
    size_t count = 0;
    for (size_t i = 0; i < arrived->fields_count; i++) {
        count += str_eq_nocase(arrived->fields[i].name, name);
    }
    return count > 1;
}
