/* The two text formats: names, escaping, numbers, and which of them a scraper wants. */
#include "observe/exposition.h"
#include "base/must.h"

#include <criterion/criterion.h>

static struct buf out;

static void open_page(void)
{
    buf_init(&out, 64 * 1024);
}

static void close_page(void)
{
    buf_release(&out);
}

TestSuite(exposition, .init = open_page, .fini = close_page, .timeout = 20);

static void says(const char *wanted)
{
    cr_assert_str_eq(out.len ? out.data : "", wanted);
}

static const struct family lines = { FAMILY_COUNTER, "lines_total", FAMILY_UNITLESS,
    "Say \"how\\many\"\nlines.", { "path" } };
static const struct family cpu = { FAMILY_COUNTER, "cpu_seconds_total", FAMILY_SECONDS, "Time.",
    { NULL } };
static const struct family build = { FAMILY_INFO, "build_info", FAMILY_UNITLESS, "Build.",
    { "version" } };
static const struct family size = { FAMILY_HISTOGRAM, "body_bytes", FAMILY_BYTES, "Size.",
    { "form" } };
static const struct family delay = { FAMILY_HISTOGRAM, "delay_seconds", FAMILY_SECONDS, "Delay.",
    { NULL } };

static void write_page(enum exposition_format format)
{
    struct exposition text = { .out = &out, .format = format };
    exposition_family(&text, &lines);
    exposition_sample(&text, (const char *const[]){ "a\"b\\c\nd" }, 7);
    exposition_family(&text, &cpu);
    exposition_sample(&text, NULL, 1500000);
    exposition_family(&text, &build);
    exposition_sample(&text, (const char *const[]){ "1.2" }, 1);
    exposition_end(&text);
}

Test(exposition, prometheus_text)
{
    write_page(EXPOSITION_PROMETHEUS);
    says("# HELP lines_total Say \"how\\\\many\"\\nlines.\n"
         "# TYPE lines_total counter\n"
         "lines_total{path=\"a\\\"b\\\\c\\nd\"} 7\n"
         "# HELP cpu_seconds_total Time.\n"
         "# TYPE cpu_seconds_total counter\n"
         "cpu_seconds_total 1.5\n"
         "# HELP build_info Build.\n"
         "# TYPE build_info gauge\n"
         "build_info{version=\"1.2\"} 1\n");
}

Test(exposition, openmetrics)
{
    write_page(EXPOSITION_OPENMETRICS);
    says("# HELP lines Say \\\"how\\\\many\\\"\\nlines.\n"
         "# TYPE lines counter\n"
         "lines_total{path=\"a\\\"b\\\\c\\nd\"} 7\n"
         "# HELP cpu_seconds Time.\n"
         "# TYPE cpu_seconds counter\n"
         "# UNIT cpu_seconds seconds\n"
         "cpu_seconds_total 1.5\n"
         "# HELP build Build.\n"
         "# TYPE build info\n"
         "build_info{version=\"1.2\"} 1\n"
         "# EOF\n");
}

Test(exposition, histograms_count_upwards_and_bounds_are_floats)
{
    static const struct histogram_scale bytes = { .count = 2, .bounds = { 256, 1024 } };
    static const struct histogram_scale micros = { .count = 2, .bounds = { 50, 2500000 } };
    struct exposition text = { .out = &out, .format = EXPOSITION_PROMETHEUS };
    struct histogram_view sizes = { .scale = &bytes, .counts = { 1, 2, 4 }, .count = 7, .sum = 99 };
    struct histogram_view delays = { .scale = &micros, .counts = { 0, 1 }, .count = 1, .sum = 60 };
    struct histogram_view nothing = { 0 };
    exposition_family(&text, &size);
    exposition_histogram(&text, (const char *const[]){ "plain" }, &sizes);
    exposition_histogram(&text, (const char *const[]){ "coded" }, &nothing);
    exposition_family(&text, &delay);
    exposition_histogram(&text, NULL, &delays);
    says("# HELP body_bytes Size.\n"
         "# TYPE body_bytes histogram\n"
         "body_bytes_bucket{form=\"plain\",le=\"256.0\"} 1\n"
         "body_bytes_bucket{form=\"plain\",le=\"1024.0\"} 3\n"
         "body_bytes_bucket{form=\"plain\",le=\"+Inf\"} 7\n"
         "body_bytes_sum{form=\"plain\"} 99\n"
         "body_bytes_count{form=\"plain\"} 7\n"
         "# HELP delay_seconds Delay.\n"
         "# TYPE delay_seconds histogram\n"
         "delay_seconds_bucket{le=\"0.00005\"} 0\n"
         "delay_seconds_bucket{le=\"2.5\"} 1\n"
         "delay_seconds_bucket{le=\"+Inf\"} 1\n"
         "delay_seconds_sum 0.00006\n"
         "delay_seconds_count 1\n");
}

Test(exposition, the_format_is_negotiated)
{
    static const struct {
        const char *accept;
        enum exposition_format wanted;
    } rows[] = {
        { NULL, EXPOSITION_PROMETHEUS },
        { "", EXPOSITION_PROMETHEUS },
        { "*/*", EXPOSITION_PROMETHEUS },
        { "text/plain", EXPOSITION_PROMETHEUS },
        { "application/openmetrics-text; version=1.0.0", EXPOSITION_OPENMETRICS },
        { "application/openmetrics-text;version=1.0.0;q=0.5,"
          "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/"
          "*;q=0.2",
            EXPOSITION_OPENMETRICS },
        { "application/openmetrics-text;q=0.3, text/plain;q=0.31", EXPOSITION_PROMETHEUS },
        { "application/openmetrics-text;q=0", EXPOSITION_PROMETHEUS },
        { "Application/OpenMetrics-Text;Q=1.000 , text/plain", EXPOSITION_OPENMETRICS },
        { ";;;,,,q=9;=", EXPOSITION_PROMETHEUS },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        cr_assert_eq(exposition_wanted(str_of(rows[i].accept)), rows[i].wanted, "%s",
            rows[i].accept ? rows[i].accept : "no Accept");
    }
}
