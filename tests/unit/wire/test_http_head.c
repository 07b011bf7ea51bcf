/* The scan of a head's lines, byte by byte; what whole heads mean is the intake's test. */
#include "wire/http_head.h"

#include <criterion/criterion.h>

#ifndef SUITE
#define SUITE http_head
#endif

enum { LINE_BYTES = 151 }; /* several blocks of each size, and a rest */

/* One line with `byte` at `place`, then the empty line. */
static enum http_scan scan_with(unsigned char byte, size_t place, size_t piece)
{
    char head[LINE_BYTES + 4];
    struct http_lines lines = { 0 };
    enum http_scan scan = HTTP_SCAN_MORE;
    memset(head, 'a', LINE_BYTES);
    memcpy(head + LINE_BYTES, "\r\n\r\n", 4);
    head[place] = (char)byte;
    for (size_t len = piece; scan == HTTP_SCAN_MORE && len < sizeof(head) + piece; len += piece) {
        scan =
            http_lines_scan(&lines, (struct str){ head, len < sizeof(head) ? len : sizeof(head) });
    }
    cr_assert(scan != HTTP_SCAN_END || (lines.at == sizeof(head) && lines.count == 2));
    return scan;
}

Test(SUITE, a_control_byte_is_seen_wherever_it_stands)
{
    for (size_t piece = 1; piece <= LINE_BYTES + 4; piece += 11) {
        for (size_t place = 0; place < LINE_BYTES; place++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                bool is_control = (byte < ' ' && byte != '\t') || byte == 0x7f;
                cr_assert_eq(scan_with((unsigned char)byte, place, piece),
                    is_control ? HTTP_SCAN_BAD : HTTP_SCAN_END, "0x%02x at %zu", byte, place);
            }
        }
    }
}
