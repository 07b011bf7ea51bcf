/* The same with io_uring. */
#define WITH_RING
#include "test_http_server_limits.c"
