#ifndef OBSERVE_MEMBERS_H
#define OBSERVE_MEMBERS_H

#include "../base/buf.h"

/*
 * The members of a JSON object, one after the other into a buf; the caller writes the braces. A
 * comma is set where the buf does not end with an opening brace or bracket. Names are literals that
 * need no quoting.
 */

/* The name and its colon; the value follows. */
void members_name(struct buf *out, const char *name);

/* A whole text of our own; NULL makes no member. */
void members_word(struct buf *out, const char *name, const char *text);

void members_number(struct buf *out, const char *name, uint64_t number);
void members_bool(struct buf *out, const char *name, bool is_true);

/* An element of a list: the opening brace, after a comma where one is due. */
void members_object(struct buf *out);

#endif
