/*
 * trim: an answer whose compressed form fits.
 *
 * Owns nothing. How small a text becomes is known only when it has been compressed, so this file
 * compresses, looks, asks project for an answer that is smaller by the same share, and compresses
 * again. Promises: (1) an answer that fits at once costs nothing more; (2) after ROUNDS_MAX rounds,
 * or when no list has anything left to lose, the answer leaves as it is, and says so; (3) the plain
 * text and the compressed one are the same answer.
 */
#include "trim.h"

#include "../base/must.h"

/* Each round is a projection and a compression; one or two are enough for real answers. */
enum { ROUNDS_MAX = 4 };

/* The plain size at which the compressed one should fit; a shorter text compresses a little worse.
 */
static size_t room_for(size_t plain_bytes, size_t gzip_bytes, size_t max_gzip_bytes)
{
    size_t share = (size_t)((uint64_t)plain_bytes * max_gzip_bytes / gzip_bytes);
    return share > 64 ? share - share / 64 : 1;
}

bool trim_gzip(struct trim *trim, struct compressor *compressor, struct buf *gzip)
{
    size_t max_bytes = trim->shape->max_gzip_bytes;
    if (!compress_gzip(compressor, buf_str(trim->plain), gzip)) {
        return false;
    }
    for (unsigned round = 0; max_bytes && gzip->len > max_bytes && round < ROUNDS_MAX; round++) {
        size_t room = room_for(trim->plain->len, gzip->len, max_bytes), before = trim->plain->len;
        *trim->projection =
            project_within(trim->shape, trim->answers, room, trim->arena, trim->plain);
        must(trim->projection->is_whole); /* as it was, with shorter lists */
        trim->is_trimmed |= trim->projection->is_trimmed;
        buf_clear(gzip);
        if (!compress_gzip(compressor, buf_str(trim->plain), gzip)) {
            return false;
        }
        if (trim->plain->len == before) {
            break;
        }
    }
    trim->is_oversize = max_bytes && gzip->len > max_bytes;
    return true;
}

bool trim_projected(struct request *request, struct buf *gzip)
{
    const struct scanned *answers[BFF_CALLS_MAX] = { NULL };
    struct projected *projected = &request->projected;
    struct projection projection = { .repairs = projected->repairs,
        .repairs_count = projected->repairs_count };
    struct trim trim = {
        .shape = request->worker->core->shapes[request->routed.plan_index],
        .answers = answers,
        .arena = &request->arena,
        .plain = &projected->body,
        .projection = &projection,
    };
    project_answers(request, answers);
    bool is_gzip = trim_gzip(&trim, request->worker->compressor, gzip);
    projected->repairs = projection.repairs;
    projected->repairs_count = projection.repairs_count;
    projected->is_trimmed[FORM_GZIP] = trim.is_trimmed;
    projected->is_oversize[FORM_GZIP] = trim.is_oversize;
    return is_gzip;
}
