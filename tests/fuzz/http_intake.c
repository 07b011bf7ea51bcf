/*
 * Any bytes, cut in two ways, are the same requests; and what was accepted keeps the intake's
 * promises: no control byte in method, target, names or values, one of the known framings, nothing
 * beyond the limits. The first byte of the input says how it is cut.
 */
#include "base/must.h"
#include "wire/http_intake.h"

static const struct http_intake_limits limits = {
    .head_max_bytes = 4096,
    .target_max_bytes = 1024,
    .body_max_bytes = 4096,
};

static void must_be_clean(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        must((c >= ' ' || c == '\t') && c != 0x7f);
    }
}

static void must_be_kept(const struct http_intake *intake)
{
    const struct http_head *head = &intake->head;
    must(head->method.len > 0 && head->method.len <= HTTP_METHOD_MAX_BYTES);
    must(head->target.len > 0 && head->target.len <= limits.target_max_bytes);
    must(head->target.at[0] == '/' || str_eq(head->target, STR("*")));
    must_be_clean(head->method);
    must_be_clean(head->target);
    must(head->fields_count <= HTTP_FIELDS_MAX);
    size_t hosts = 0;
    for (size_t i = 0; i < head->fields_count; i++) {
        must(head->fields[i].name.len > 0);
        must_be_clean(head->fields[i].name);
        must_be_clean(head->fields[i].value);
        hosts += str_eq_nocase(head->fields[i].name, STR("host"));
    }
    must(hosts == 1 || (hosts == 0 && head->is_http_1_0));
    must(intake->body.len <= limits.body_max_bytes);
    must(head->framing != HTTP_LENGTH || intake->body.len == head->length);
    must(head->framing != HTTP_NO_BODY || intake->body.len == 0);
}

/* Adds to `seen` all that decides what a request is. */
static void note(struct buf *seen, const struct http_intake *intake)
{
    const struct http_head *head = &intake->head;
    buf_printf(seen, "%.*s %.*s %zu %d %d %d[", STR_FMT(head->method), STR_FMT(head->target),
        head->fields_count, head->framing, head->is_http_1_0, head->is_last);
    buf_append_str(seen, buf_str(&intake->body));
    buf_append_str(seen, STR("]\n"));
}

static void understand(struct buf *seen, struct str bytes, size_t piece)
{
    struct http_intake intake;
    http_intake_init(&intake, &limits);
    while (intake.phase != HTTP_INTAKE_REFUSED && (bytes.len || !http_intake_wants(&intake))) {
        if (intake.phase == HTTP_INTAKE_WHOLE) {
            must_be_kept(&intake);
            note(seen, &intake);
            http_intake_next(&intake, 1);
            continue;
        }
        size_t len = bytes.len < piece ? bytes.len : piece;
        http_intake_feed(&intake, (struct str){ bytes.at, len }, 1);
        bytes = str_from(bytes, len);
    }
    buf_printf(seen, "phase %d, refusal %d\n", intake.phase, intake.refusal);
    http_intake_release(&intake);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct str bytes = { (const char *)data + 1, size - 1 };
    struct buf at_once, in_pieces;
    buf_init(&at_once, SIZE_MAX / 2);
    buf_init(&in_pieces, SIZE_MAX / 2);
    understand(&at_once, bytes, SIZE_MAX);
    understand(&in_pieces, bytes, data[0] % 32 + 1);
    must(str_eq(buf_str(&at_once), buf_str(&in_pieces)));
    buf_release(&at_once);
    buf_release(&in_pieces);
    return 0;
}
