#ifndef TESTS_UNIT_NO_STREAM_H
#define TESTS_UNIT_NO_STREAM_H

#include "wire/http_server.h"

#include <criterion/criterion.h>

/* For a test that is its own connection: nothing is streamed on it. */

uint64_t http_exchange_read_bytes(const struct http_exchange *on)
{
    (void)on;
    return 0;
}

void http_exchange_read(struct http_exchange *on, struct pipe *into)
{
    (void)on, (void)into;
    cr_assert_fail("a body is read");
}

void http_reply_stream(struct http_exchange *on, const struct http_stream_answer *answer)
{
    (void)on, (void)answer;
    cr_assert_fail("an answer is streamed");
}

void http_exchange_cut(struct http_exchange *on)
{
    (void)on;
    cr_assert_fail("a connection is cut");
}

#endif
