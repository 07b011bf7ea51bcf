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

static const struct scan_span no_rows[1];

const struct scan_span *scanned_body(const struct scanned *scanned)
{
    const struct notes *notes = scanned->notes;
    return notes ? notes->rows[0].spans : NULL;
}

struct scan_rows scanned_rows(
    const struct scanned *scanned, const struct scan_span *row, unsigned slot, unsigned list)
{
    const struct notes *notes = scanned->notes;
    size_t stride = scanned->want->strides[list];
    size_t count = row[slot].end - row[slot].at;
    const struct scan_span *first =
        count ? notes->rows[list].spans + row[slot].at * stride : no_rows;
    return (struct scan_rows){ first, count, stride };
}

struct scan_value scanned_span(const struct scanned *scanned, struct scan_span span)
{
    if (!span.end) {
        return (struct scan_value){ SCAN_MISSING, { NULL, 0 } };
    }
    const char *at = ((const struct notes *)scanned->notes)->body + span.at;
    return (struct scan_value){ scan_kind_of(*at), { at, span.end - span.at } };
}

struct scan_value scanned_value(const struct scanned *scanned, size_t path)
{
    if (!scanned->notes) {
        return (struct scan_value){ SCAN_MISSING, { NULL, 0 } };
    }
    struct want_place place = want_place(scanned->want, path);
    must(place.list == 0);
    return scanned_span(scanned, scanned_body(scanned)[place.slot]);
}

void scanned_each(const struct scanned *scanned, size_t path,
    bool (*visit)(void *context, struct scan_value value), void *context)
{
    const struct notes *notes = scanned->notes;
    if (!notes) {
        return;
    }
    /*
     * Lists come in the order of the body, and so do their rows: all rows of the list are the
     * path's.
     */
    struct want_place place = want_place(scanned->want, path);
    const struct rows *rows = &notes->rows[place.list];
    size_t stride = scanned->want->strides[place.list];
    for (size_t i = 0; i < rows->count; i++) {
        struct scan_value value = scanned_span(scanned, rows->spans[i * stride + place.slot]);
        if (value.kind != SCAN_MISSING && !visit(context, value)) {
            return;
        }
    }
}
