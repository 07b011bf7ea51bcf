/* All of test_json_quote.c once more, over the loops that need no SSE2. */
#define JSON_PORTABLE
#define SUITE json_quote_portable

#include "../../../bff-core/wire/json_quote.c"

#include "test_json_quote.c"
