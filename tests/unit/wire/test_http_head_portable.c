/* All of test_http_head.c once more, over the loop that needs no SSE2. */
#define HTTP_PORTABLE
#define SUITE http_head_portable

#include "../../../bff-core/wire/http_head.c"

#include "test_http_head.c"
