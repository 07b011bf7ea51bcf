#ifndef WIRE_SCAN_NOTES_H
#define WIRE_SCAN_NOTES_H

#include "scan.h"

/*
 * What scanned.notes points to: for each row list, its rows, one after the other. Made by scan.c,
 * read by scan_notes.c.
 */
struct notes {
    struct scan_span *spans;
    uint32_t count, room; /* in rows */
};

#endif
