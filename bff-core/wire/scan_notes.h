#ifndef WIRE_SCAN_NOTES_H
#define WIRE_SCAN_NOTES_H

#include "scan.h"

/* What scanned.notes points to: made by scan.c, read by scan_notes.c. */

/* The rows of one row list, one after the other. */
struct rows {
    struct scan_span *spans;
    uint32_t count, room; /* in rows */
};

struct notes {
    const char *body;
    struct rows rows[]; /* one for each row list */
};

#endif
