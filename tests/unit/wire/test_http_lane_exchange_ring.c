/* The same with io_uring. */
#define WITH_RING
#include "test_http_lane_exchange.c"
