/* Bytes: what x-max-bytes may say, and answers that are made to fit under gzip. */
#include "respond/trim.h"
#include "shape_desk.h"

#include <zlib.h>

static struct compressor *compressor;
static struct buf gzip;

static void open_desk(void)
{
    desk_open();
    compressor = compressor_new(6);
    buf_init(&gzip, 1024 * 1024);
}

static void close_desk(void)
{
    buf_release(&gzip);
    compressor_free(compressor);
    desk_close();
}

TestSuite(trim, .init = open_desk, .fini = close_desk, .timeout = 20);

/* ---- what may be said ---- */

static const char list[] =
    "\"l\":{\"type\":\"array\",\"x-from\":\"a.l\",\"x-trim\":true,\"items\":{\"type\":\"string\"}}";
static const char no_list[] = "\"k\":{\"type\":\"string\",\"x-from\":\"a.k\"}";

static void compile(const char *max_bytes, const char *properties)
{
    desk_compile(arena_printf(&desk.arena,
        "{\"type\":\"object\",\"x-max-bytes\":%s,\n\"properties\":{%s}}", max_bytes, properties));
}

Test(trim, a_number_bounds_the_plain_form_and_an_object_each)
{
    static const struct {
        const char *says;
        size_t plain, gzip;
    } rows[] = {
        { "6144", 6144, 0 },
        { "{\"plain\":6144}", 6144, 0 },
        { "{\"gzip\":3072}", 0, 3072 },
        { "{\"plain\":6144,\"gzip\":3072}", 6144, 3072 },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        compile(rows[i].says, list);
        cr_expect_eq(desk.faults.count, 0, "%s", rows[i].says);
        cr_expect_eq(desk.shape->max_bytes, rows[i].plain, "%s", rows[i].says);
        cr_expect_eq(desk.shape->max_gzip_bytes, rows[i].gzip, "%s", rows[i].says);
    }
}

Test(trim, a_bound_that_cannot_be_kept_is_a_fault_with_its_line)
{
    static const struct {
        const char *says, *properties, *words;
    } rows[] = {
        { "\"6KB\"", list, "number of bytes above zero" },
        { "0", list, "number of bytes above zero" },
        { "1.5", list, "number of bytes above zero" },
        { "{\"plain\":9,\"gzip\":-1}", list, "\"gzip\" takes a number of bytes above zero" },
        { "{\"gzpi\":9}", list, "no \"gzpi\"; did you mean \"gzip\"?" },
        { "{\"brotli\":9}", list, "no \"brotli\"" },
        { "{\"plain\":100,\"gzip\":100}", list, "never reached" },
        { "100", no_list, "x-trim" },
        { "{\"gzip\":100}", no_list, "x-trim" },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        size_t before = desk.faults.count;
        compile(rows[i].says, rows[i].properties);
        cr_assert_eq(desk.faults.count, before + 1, "%s", rows[i].says);
        const struct fault *fault = &desk.faults.list[before];
        cr_expect_eq(fault->line, 1, "%s", rows[i].says);
        cr_expect(strstr(fault->text, rows[i].words), "%s: %s", rows[i].says, fault->text);
    }
}

/* ---- what is done ---- */

enum { TEXTS = 100, TEXT_BYTES = 24 };

/* Texts of hexadecimal digits without a pattern: gzip takes about half of each away. */
static const char *body(void)
{
    struct buf text;
    uint64_t dice = 88172645463325252u;
    buf_init(&text, 64 * 1024);
    for (unsigned i = 0; i < TEXTS; i++) {
        buf_append_str(&text, i ? STR("\",\"") : STR("{\"l\":[\""));
        for (unsigned at = 0; at < TEXT_BYTES; at++) {
            dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17; /* xorshift */
            buf_append_char(&text, "0123456789abcdef"[dice >> 60]);
        }
    }
    buf_append_str(&text, STR("\"],\"k\":\"x\"}"));
    const char *copy = arena_cstr(&desk.arena, buf_str(&text));
    buf_release(&text);
    return copy;
}

static struct trim squeeze(const char *a)
{
    struct scanned scanned;
    const struct scanned *answers[DESK_CALLS] = { &scanned, NULL };
    buf_append_str(&desk.bodies[0], str_of(a));
    cr_assert_null(scan(desk.calls[0].want, buf_str(&desk.bodies[0]), &desk.arena, &scanned));
    desk.projection = project(desk.shape, answers, &desk.arena, &desk.out);
    struct trim trim = { .shape = desk.shape,
        .answers = answers,
        .arena = &desk.arena,
        .plain = &desk.out,
        .projection = &desk.projection };
    cr_assert(trim_gzip(&trim, compressor, &gzip));
    return trim;
}

/* What a client makes of `gzip`. */
static const char *inflated(void)
{
    enum { ROOM = 64 * 1024 };
    char *out = arena_zalloc(&desk.arena, 1, ROOM);
    z_stream stream = { .next_in = (Bytef *)gzip.data,
        .avail_in = (uInt)gzip.len,
        .next_out = (Bytef *)out,
        .avail_out = ROOM - 1 };
    cr_assert_eq(inflateInit2(&stream, 15 + 16), Z_OK);
    cr_assert_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    return out;
}

static size_t count_texts(const char *answer)
{
    size_t count = 0;
    for (const char *at = answer; (at = strpbrk(at, ",]")) != NULL; at++) {
        count += at[-1] == '"' && at - answer > TEXT_BYTES;
    }
    return count;
}

Test(trim, lists_shrink_until_the_compressed_form_fits)
{
    compile("{\"gzip\":800}", list);
    const char *a = body();
    struct trim trim = squeeze(a);
    const char *answer = inflated();
    cr_expect(trim.is_trimmed);
    cr_expect_not(trim.is_oversize);
    cr_expect_leq(gzip.len, 800);
    cr_expect_geq(gzip.len, 800 - 3 * TEXT_BYTES, "only %zu bytes are used", gzip.len);
    cr_expect_str_eq(answer, arena_cstr(&desk.arena, buf_str(&desk.out)));
    size_t kept = strlen(answer) - strlen("]}");
    cr_expect_eq(strncmp(answer, a, kept), 0, "what is kept is the beginning: %s", answer);
    cr_expect(count_texts(answer) > 20 && count_texts(answer) < TEXTS);
}

Test(trim, both_bounds_are_kept)
{
    compile("{\"plain\":1200,\"gzip\":500}", list);
    cr_expect(squeeze(body()).is_trimmed);
    cr_expect(desk.out.len <= 1200 && gzip.len <= 500);
    buf_clear(&gzip);
    buf_clear(&desk.bodies[0]);
    compile("{\"plain\":700,\"gzip\":650}", list);
    cr_expect_not(squeeze(body()).is_trimmed);
    cr_expect(desk.projection.is_trimmed, "of both bounds the plain one was the tighter");
    cr_expect(desk.out.len <= 700 && gzip.len <= 650);
}

Test(trim, what_fits_at_once_stays_whole)
{
    compile("{\"gzip\":4000}", list);
    struct trim trim = squeeze(body());
    cr_expect_not(trim.is_trimmed);
    cr_expect_not(trim.is_oversize);
    cr_expect_eq(count_texts(inflated()), TEXTS);
}

Test(trim, what_cannot_fit_leaves_all_the_same_and_says_so)
{
    compile("{\"gzip\":30}", arena_printf(&desk.arena, "%s,%s", list, no_list));
    struct trim trim = squeeze("{\"l\":[\"1\",\"2\"],\"k\":\"lost-xylophone-quartz-jumbo-vex\"}");
    cr_expect(trim.is_oversize);
    cr_expect_str_eq(inflated(), "{\"l\":[],\"k\":\"lost-xylophone-quartz-jumbo-vex\"}");
}

Test(trim, without_gzip_nothing_is_lost)
{
    struct compressor *none = compressor_new(0);
    compile("{\"gzip\":30}", list);
    const char *whole = desk_project("{\"l\":[\"1\",\"2\"]}", NULL);
    struct trim trim = { .shape = desk.shape, .plain = &desk.out };
    cr_expect_not(trim_gzip(&trim, none, &gzip));
    cr_expect_eq(gzip.len, 0);
    cr_expect_str_eq(whole, arena_cstr(&desk.arena, buf_str(&desk.out)));
    compressor_free(none);
}
