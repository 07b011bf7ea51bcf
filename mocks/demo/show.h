#ifndef DEMO_SHOW_H
#define DEMO_SHOW_H

#include "parts.h"

/* What the demo shows, on stdout. In colour where that is a terminal and NO_COLOR is not set. */
void show_init(void);

/* "bff-mobile  GET https://localhost:8441/v1/feed  200" */
void show_answer(const char *name, const char *url, unsigned status);

/* The beginning of a JSON text, laid out for a person: short things on one line, long texts cut. */
void show_excerpt(struct str json);

/* One bar for each section, on one scale of time; without `timing` all bars begin at zero. */
void show_waterfall(const struct part *sections, size_t sections_count, const struct part *timing,
    size_t timing_count);

/* True for a section that its service answered for this request. */
bool show_is_live(const struct part *section);

/* A sentence about something that is not as it should be. */
__attribute__((format(printf, 1, 2))) void show_fault(const char *format, ...);

#endif
