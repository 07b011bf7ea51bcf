/*
 * scan_notes: where the wanted values stand, read back.
 *
 * Owns nothing. Reads the rows that a scan has left in the request's arena; a zeroed scan is an
 * answer in which everything is missing. Promises that what it returns lies inside the body and is
 * a well-formed value. It does not know who asks, nor what for.
 */
#include "scan_notes.h"

#include "../base/must.h"
#include "want.h"

struct scan_rows scanned_rows(
    const struct scanned *scanned, const struct scan_span *row, unsigned slot, unsigned list)
{
    static const struct scan_span no_rows[1];
    size_t stride = scanned->want->strides[list];
    size_t count = row[slot].end - row[slot].at;
    const struct scan_span *first =
        count ? scanned->notes[list].spans + row[slot].at * stride : no_rows;
    return (struct scan_rows){ first, count, stride };
}

struct scan_value scanned_value(const struct scanned *scanned, size_t path)
{
    if (!scanned->notes) {
        return (struct scan_value){ SCAN_MISSING, { NULL, 0 } };
    }
    struct want_place place = want_place(scanned->want, path);
    must(place.list == 0);
    return scanned_span(scanned, scanned->row[place.slot]);
}

void scanned_each(const struct scanned *scanned, size_t path,
    bool (*visit)(void *context, struct scan_value value), void *context)
{
    if (!scanned->notes) {
        return;
    }
    /*
     * Lists come in the order of the body, and so do their rows: all rows of the list are the
     * path's.
     */
    struct want_place place = want_place(scanned->want, path);
    const struct notes *rows = &scanned->notes[place.list];
    size_t stride = scanned->want->strides[place.list];
    for (size_t i = 0; i < rows->count; i++) {
        struct scan_value value = scanned_span(scanned, rows->spans[i * stride + place.slot]);
        if (value.kind != SCAN_MISSING && !visit(context, value)) {
            return;
        }
    }
}
