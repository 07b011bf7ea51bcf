#ifndef RESPOND_TURNED_AWAY_H
#define RESPOND_TURNED_AWAY_H

#include "../request.h"

/*
 * For a request that is refused with 503 before there is one: the whole answer, head and
 * problem+json, as it goes on the wire of a connection that is kept. `answer` is empty before. Sets
 * request->encoded for the record.
 */
void turned_away_write(struct request *request, struct buf *answer);

#endif
