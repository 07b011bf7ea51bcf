/* All of test_scan.c once more, over the loops that need no SSE2 and no AVX2. */
#define SCAN_PORTABLE
#define SUITE scan_portable

#include "../../../bff-core/wire/scan.c"
#include "../../../bff-core/wire/scan_gap.c"
#include "../../../bff-core/wire/scan_token.c"
#include "../../../bff-core/wire/scan_utf8.c"

#include "test_scan.c"
