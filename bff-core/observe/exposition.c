/*
 * exposition: the Prometheus text format 0.0.4 and OpenMetrics 1.0.0.
 *
 * Owns what the two formats have in common and the few points in which they differ: OpenMetrics
 * names a family without its _total or _info, names its unit, knows the type info, and ends with "#
 * EOF". Promises that label values and help texts are escaped, that numbers are exact (they come as
 * whole numbers and never become floating point here), and that a bound reads the same in both
 * formats. Knows no metric.
 */
#include "exposition.h"

#include "../base/must.h"

/* ---- which format ---- */

/* The weight of a media range in thousandths (RFC 9110 section 12.4.2); 1000 when it has none. */
static unsigned weight_of(struct str parameters)
{
    struct str parameter, rest = parameters;
    bool is_more = true;
    while (is_more) {
        is_more = str_cut(rest, ';', &parameter, &rest);
        parameter = str_trim(parameter);
        if (!str_starts(parameter, STR("q=")) && !str_starts(parameter, STR("Q="))) {
            continue;
        }
        struct str digits = str_from(parameter, 2);
        unsigned weight = 0, unit = 1000;
        for (size_t i = 0; i < digits.len && i < 5; i++) {
            if (digits.at[i] >= '0' && digits.at[i] <= '9') {
                weight += (unsigned)(digits.at[i] - '0') * unit;
                unit /= 10;
            }
        }
        return weight;
    }
    return 1000;
}

enum exposition_format exposition_wanted(struct str accept)
{
    unsigned open = 0, plain = 0;
    struct str range, rest = accept, type, parameters;
    bool is_more = accept.len > 0;
    while (is_more) {
        is_more = str_cut(rest, ',', &range, &rest);
        if (!str_cut(range, ';', &type, &parameters)) {
            parameters = STR("");
        }
        type = str_trim(type);
        unsigned weight = weight_of(parameters);
        if (str_eq_nocase(type, STR("application/openmetrics-text"))) {
            open = weight > open ? weight : open;
        } else if (str_eq_nocase(type, STR("text/plain"))) {
            plain = weight > plain ? weight : plain;
        }
    }
    return open > 0 && open >= plain ? EXPOSITION_OPENMETRICS : EXPOSITION_PROMETHEUS;
}

const char *exposition_content_type(enum exposition_format format)
{
    return format == EXPOSITION_OPENMETRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

/* ---- texts and numbers ---- */

static const struct {
    const char *name;
    unsigned decimals;
} units[] = {
    [FAMILY_UNITLESS] = { NULL, 0 },
    [FAMILY_BYTES] = { "bytes", 0 },
    [FAMILY_SECONDS] = { "seconds", 6 },
};

static void write_text(struct buf *out, const char *text)
{
    buf_append_str(out, str_of(text));
}

/*
 * Help texts of format 0.0.4 keep their quotes; label values, and OpenMetrics everywhere, escape
 * them.
 */
static void write_escaped(struct buf *out, const char *text, bool is_quoted)
{
    for (; *text; text++) {
        if (*text == '\n') {
            write_text(out, "\\n");
        } else if (*text == '\\' || (*text == '"' && is_quoted)) {
            buf_append_char(out, '\\');
            buf_append_char(out, *text);
        } else {
            buf_append_char(out, *text);
        }
    }
}

/* 1500 with 3 decimals: "1.5"; 2000: "2.0". Without decimals: a whole number. */
static void write_number(struct buf *out, uint64_t value, unsigned decimals)
{
    uint64_t unit = 1;
    for (unsigned i = 0; i < decimals; i++) {
        unit *= 10;
    }
    buf_append_u64(out, value / unit);
    if (decimals == 0) {
        return;
    }
    uint64_t rest = value % unit;
    buf_append_char(out, '.');
    do {
        unit /= 10;
        buf_append_char(out, (char)('0' + rest / unit));
        rest %= unit;
    } while (rest > 0);
}

/* ---- families ---- */

static struct str family_name(const struct exposition *exposition)
{
    const struct family *family = exposition->family;
    struct str name = str_of(family->name);
    if (exposition->format == EXPOSITION_OPENMETRICS && family->type == FAMILY_COUNTER) {
        name.len -= STR("_total").len;
    }
    if (exposition->format == EXPOSITION_OPENMETRICS && family->type == FAMILY_INFO) {
        name.len -= STR("_info").len;
    }
    return name;
}

static void write_comment(struct exposition *exposition, const char *keyword)
{
    buf_append_str(exposition->out, STR("# "));
    write_text(exposition->out, keyword);
    buf_append_char(exposition->out, ' ');
    buf_append_str(exposition->out, family_name(exposition));
    buf_append_char(exposition->out, ' ');
}

void exposition_family(struct exposition *exposition, const struct family *family)
{
    static const char *const types[][2] = {
        [FAMILY_COUNTER] = { "counter", "counter" },
        [FAMILY_GAUGE] = { "gauge", "gauge" },
        [FAMILY_HISTOGRAM] = { "histogram", "histogram" },
        [FAMILY_INFO] = { "gauge", "info" },
    };
    bool is_open = exposition->format == EXPOSITION_OPENMETRICS;
    exposition->family = family;
    write_comment(exposition, "HELP");
    write_escaped(exposition->out, family->help, is_open);
    buf_append_char(exposition->out, '\n');
    write_comment(exposition, "TYPE");
    write_text(exposition->out, types[family->type][is_open]);
    buf_append_char(exposition->out, '\n');
    if (is_open && family->unit != FAMILY_UNITLESS) {
        write_comment(exposition, "UNIT");
        write_text(exposition->out, units[family->unit].name);
        buf_append_char(exposition->out, '\n');
    }
}

/* ---- samples ---- */

static unsigned decimals_of(const struct exposition *exposition)
{
    return units[exposition->family->unit].decimals;
}

/* name + suffix, and the labels but for the closing brace; says whether a brace is open. */
static bool write_labels(
    struct exposition *exposition, const char *suffix, const char *const *values)
{
    const struct family *family = exposition->family;
    write_text(exposition->out, family->name);
    write_text(exposition->out, suffix);
    size_t count = 0;
    while (count < FAMILY_LABELS_MAX && family->labels[count]) {
        buf_append_char(exposition->out, count == 0 ? '{' : ',');
        write_text(exposition->out, family->labels[count]);
        write_text(exposition->out, "=\"");
        write_escaped(exposition->out, values[count], true);
        buf_append_char(exposition->out, '"');
        count++;
    }
    return count > 0;
}

static void write_value(
    struct exposition *exposition, bool has_labels, uint64_t value, unsigned decimals)
{
    write_text(exposition->out, has_labels ? "} " : " ");
    write_number(exposition->out, value, decimals);
    buf_append_char(exposition->out, '\n');
}

void exposition_sample(struct exposition *exposition, const char *const *values, uint64_t value)
{
    must(exposition->family->type != FAMILY_HISTOGRAM);
    bool has_labels = write_labels(exposition, "", values);
    write_value(exposition, has_labels, value, decimals_of(exposition));
}

/* One bucket: how many values were not above `bound`; NULL: all. */
static void write_bucket(
    struct exposition *exposition, const char *const *values, const uint64_t *bound, uint64_t count)
{
    bool has_labels = write_labels(exposition, "_bucket", values);
    write_text(exposition->out, has_labels ? ",le=\"" : "{le=\"");
    if (bound) {
        unsigned decimals = decimals_of(exposition);
        write_number(exposition->out, *bound, decimals);
        write_text(
            exposition->out, decimals == 0 ? ".0" : ""); /* a bound is a float in OpenMetrics */
    } else {
        write_text(exposition->out, "+Inf");
    }
    buf_append_char(exposition->out, '"');
    write_value(exposition, true, count, 0);
}

void exposition_histogram(
    struct exposition *exposition, const char *const *values, const struct histogram_view *view)
{
    must(exposition->family->type == FAMILY_HISTOGRAM);
    if (view->count == 0) {
        return;
    }
    uint64_t so_far = 0;
    for (size_t i = 0; i < view->scale->count; i++) {
        so_far += view->counts[i];
        write_bucket(exposition, values, &view->scale->bounds[i], so_far);
    }
    write_bucket(exposition, values, NULL, view->count);
    bool has_labels = write_labels(exposition, "_sum", values);
    write_value(exposition, has_labels, view->sum, decimals_of(exposition));
    has_labels = write_labels(exposition, "_count", values);
    write_value(exposition, has_labels, view->count, 0);
}

void exposition_end(struct exposition *exposition)
{
    if (exposition->format == EXPOSITION_OPENMETRICS) {
        write_text(exposition->out, "# EOF\n");
    }
}
