#ifndef OBSERVE_EXPOSITION_H
#define OBSERVE_EXPOSITION_H

#include "../base/buf.h"
#include "../base/histogram.h"

/*
 * Numbers as text for a scraper, in the two formats that Prometheus asks for. One family after the
 * other; within a family one sample after the other.
 */

enum exposition_format {
    EXPOSITION_PROMETHEUS,  /* text format 0.0.4 */
    EXPOSITION_OPENMETRICS, /* OpenMetrics 1.0.0 */
};

enum family_type {
    FAMILY_COUNTER, /* its name ends in _total */
    FAMILY_GAUGE,
    FAMILY_HISTOGRAM,
    FAMILY_INFO, /* its name ends in _info, its value is 1 */
};

/* In which its name says that it is counted. */
enum family_unit {
    FAMILY_UNITLESS,
    FAMILY_BYTES,
    FAMILY_SECONDS, /* values are microseconds and are written as seconds */
};

enum { FAMILY_LABELS_MAX = 4 };

/* Static data; names follow prometheus.io/docs/practices/naming. */
struct family {
    enum family_type type;
    const char *name;
    enum family_unit unit;
    const char *help;
    const char *labels[FAMILY_LABELS_MAX];
};

struct exposition {
    struct buf *out; /* borrowed; overfull when the text is not whole */
    enum exposition_format format;
    const struct family *family;
};

/*
 * OpenMetrics where the field Accept wants it at least as much as plain text (RFC 9110 section
 * 12.5.1).
 */
enum exposition_format exposition_wanted(struct str accept);

/* The value of the HTTP field Content-Type. */
const char *exposition_content_type(enum exposition_format format);

/* Begins a family: its comment lines. Borrowed until the next. */
void exposition_family(struct exposition *exposition, const struct family *family);

/*
 * One sample of a counter, a gauge or an info. `values` has one text for each of the family's
 * labels.
 */
void exposition_sample(struct exposition *exposition, const char *const *values, uint64_t value);

/* All samples of one histogram; a view of which nothing was observed is left out. */
void exposition_histogram(
    struct exposition *exposition, const char *const *values, const struct histogram_view *view);

/* After the last family. */
void exposition_end(struct exposition *exposition);

#endif
