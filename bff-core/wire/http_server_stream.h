#ifndef WIRE_HTTP_SERVER_STREAM_H
#define WIRE_HTTP_SERVER_STREAM_H

#include "http_server_parts.h"

/* Streamed exchanges. Only for http_connection.c. */

/* The exchange is about to be OPEN. */
void http_server_stream_open(struct connection *connection);

enum http_server_stream_verdict {
    HTTP_SERVER_STREAM_GOES_ON,
    HTTP_SERVER_STREAM_KEEPS,  /* it is over; the connection may ask the next */
    HTTP_SERVER_STREAM_CLOSES, /* it is over, and the connection with it */
};

/*
 * The connection's turn in the soon queue while it has a stream: the user is told what is new. When
 * it is over, the stream and the exchange are gone.
 */
enum http_server_stream_verdict http_server_stream_turn(struct connection *connection);

#endif
