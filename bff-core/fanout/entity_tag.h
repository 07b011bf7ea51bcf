#ifndef FANOUT_ENTITY_TAG_H
#define FANOUT_ENTITY_TAG_H

#include "../base/str.h"

/* What a service calls one state of its answer: an ETag (RFC 9110 section 8.8.3). */

/* "x" or W/"x", and nothing else: what may be sent back. */
bool entity_tag_is_one(struct str tag);

/*
 * Both are strong and differ: what is said under one of them is not said of the other's answer (RFC
 * 9111 section 4.3.4).
 */
bool entity_tag_is_other(struct str tag, struct str other);

#endif
