/*
 * entity_tag: what is an ETag, and when two of them tell answers apart.
 *
 * Owns nothing. Knows no cache.
 */
#include "entity_tag.h"

static bool is_weak(struct str tag)
{
    return str_starts(tag, STR("W/"));
}

bool entity_tag_is_one(struct str tag)
{
    struct str quoted = str_from(tag, is_weak(tag) ? 2 : 0);
    if (quoted.len < 2 || quoted.at[0] != '"' || quoted.at[quoted.len - 1] != '"') {
        return false;
    }
    for (size_t i = 1; i < quoted.len - 1; i++) {
        unsigned char c = (unsigned char)quoted.at[i];
        if (c <= ' ' || c == '"' || c == 0x7f) {
            return false;
        }
    }
    return true;
}

bool entity_tag_is_other(struct str tag, struct str other)
{
    return entity_tag_is_one(tag) && entity_tag_is_one(other) && !is_weak(tag) && !is_weak(other) &&
           !str_eq(tag, other);
}
