#ifndef WIRE_HTTP_QUESTION_H
#define WIRE_HTTP_QUESTION_H

#include "http_lane.h"

/* call->request becomes the whole head; its body, which is not copied, follows it on the wire. */
void http_question_write(struct http_call *call, const struct http_call_options *options);

#endif
