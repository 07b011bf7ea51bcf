/*
 * project: the answer is written in one walk over the shape.
 *
 * Owns nothing between two projections. A node writes itself and says so, or leaves the text as it
 * found it and says MISSING; whoever asked decides: an optional member is left out, a required one
 * takes its object with it, a list drops the element, the root fails. Promises: (1) what is written
 * validates against the shape; (2) values are copied byte for byte, as far as x-truncate leaves
 * them, x-map excepted; (3) joins cost n + m: a table for each joined list, made when first asked.
 * Every value that was there but did not fit, and every element dropped for a missing one, is a
 * repair.
 */
#include "project.h"

#include "../base/hash.h"
#include "../base/must.h"
#include "../wire/json.h"
#include "value.h"

/* A table that joins a list by key: slots of 1 + the element's place. */
struct index {
    uint32_t *slots;
    size_t mask;
    const struct scan_span *first;
    size_t stride;
    bool is_made;
};

/* The list element in hand. */
struct row {
    const struct scan_span *spans; /* NULL: none */
    size_t call;
    unsigned list;
    const struct row *outer;
};

struct projector {
    const struct shape *shape;
    const struct scanned *const *answers;
    struct arena *arena;
    struct buf *out;
    struct index *indexes;
    unsigned *repairs; /* by source number */
    size_t missing;    /* the call of the last required value that was missing */
    size_t max_bytes;  /* 0: no bound */
    size_t *trims;     /* by list number - 1: at most so many elements */
    size_t *trimmed;   /* and how many were written */
};

enum written { WRITTEN, MISSING };

static enum written write_node(
    struct projector *p, const struct shape_node *node, const struct row *row);

/* ---- reading ---- */

/* The row of the list in hand that the place belongs to; NULL: there is none. */
static const struct scan_span *row_of(
    const struct projector *p, const struct shape_source *source, const struct row *row)
{
    const struct scanned *answer = p->answers[source->call];
    if (!answer) {
        return NULL;
    }
    if (source->place.list == 0) {
        return scanned_body(answer);
    }
    while (row && (row->list != source->place.list || row->call != source->call)) {
        row = row->outer;
    }
    return row ? row->spans : NULL;
}

static struct scan_value read_at(
    const struct projector *p, const struct shape_source *source, const struct scan_span *spans)
{
    if (!spans) {
        return (struct scan_value){ SCAN_MISSING, { NULL, 0 } };
    }
    return scanned_span(p->answers[source->call], spans[source->place.slot]);
}

static struct scan_value read_source(
    const struct projector *p, const struct shape_source *source, const struct row *row)
{
    return read_at(p, source, row_of(p, source, row));
}

static struct scan_rows read_rows(
    const struct projector *p, const struct shape_list *list, const struct row *row)
{
    const struct scan_span *spans = row_of(p, &list->source, row);
    if (!spans) {
        return (struct scan_rows){ NULL, 0, 0 };
    }
    return scanned_rows(p->answers[list->source.call], spans, list->rows, list->list);
}

/* ---- repairs ---- */

/* A value that is null or not there at all is no repair: services leave things out. */
static void note_misfit(
    struct projector *p, const struct shape_source *source, struct scan_value value)
{
    if (value.kind != SCAN_MISSING && value.kind != SCAN_NULL) {
        p->repairs[source->number]++;
    }
}

/* ---- joins ---- */

static void make_index(struct projector *p, const struct shape_lookup *lookup, struct index *index)
{
    struct scan_rows rows = read_rows(p, &lookup->in, NULL);
    size_t room = 8;
    while (room < rows.count * 2) {
        room *= 2;
    }
    *index = (struct index){
        .mask = room - 1, .first = rows.first, .stride = rows.stride, .is_made = true
    };
    index->slots = arena_zalloc(p->arena, room, sizeof(*index->slots));
    for (size_t i = rows.count;
         i-- > 0;) { /* backwards, so that the first of two equal keys is found */
        struct scan_value key = read_at(p, &lookup->where, rows.first + i * rows.stride);
        struct str plain = scan_plain(key, p->arena);
        if (!plain.at) {
            continue;
        }
        size_t slot = hash_str(&p->shape->hash, plain) & index->mask;
        while (index->slots[slot]) {
            const struct scan_span *other = rows.first + (index->slots[slot] - 1) * rows.stride;
            if (str_eq(plain, scan_plain(read_at(p, &lookup->where, other), p->arena))) {
                break;
            }
            slot = (slot + 1) & index->mask;
        }
        index->slots[slot] = (uint32_t)i + 1;
    }
}

/* The element whose key equals this text; NULL: none. */
static const struct scan_span *find(
    struct projector *p, const struct shape_lookup *lookup, struct str wanted)
{
    struct index *index = &p->indexes[lookup->index];
    if (!index->is_made) {
        make_index(p, lookup, index);
    }
    for (size_t slot = hash_str(&p->shape->hash, wanted) & index->mask; index->slots[slot];
         slot = (slot + 1) & index->mask) {
        const struct scan_span *spans = index->first + (index->slots[slot] - 1) * index->stride;
        if (str_eq(wanted, scan_plain(read_at(p, &lookup->where, spans), p->arena))) {
            return spans;
        }
    }
    return NULL;
}

static struct scan_value read_lookup(
    struct projector *p, const struct shape_lookup *lookup, const struct row *row)
{
    struct str wanted = scan_plain(read_source(p, &lookup->equals, row), p->arena);
    const struct scan_span *spans =
        wanted.at && p->answers[lookup->in.source.call] ? find(p, lookup, wanted) : NULL;
    return read_at(p, &lookup->take, spans);
}

/* ---- picks ---- */

static struct scan_value read_nearest(
    struct projector *p, const struct shape_nearest *nearest, const struct row *row)
{
    struct scan_rows rows = read_rows(p, &nearest->in, row);
    struct scan_value best = { SCAN_MISSING, { NULL, 0 } };
    uint64_t best_distance = UINT64_MAX;
    for (size_t i = 0; i < rows.count; i++) {
        const struct scan_span *spans = rows.first + i * rows.stride;
        struct scan_value take = read_at(p, &nearest->take, spans);
        uint64_t number;
        if (!str_u64(read_at(p, &nearest->by, spans).text, &number) || take.kind == SCAN_MISSING) {
            continue;
        }
        uint64_t distance = number > nearest->to ? number - nearest->to : nearest->to - number;
        if (distance < best_distance) {
            best_distance = distance;
            best = take;
        }
    }
    return best;
}

/* ---- writing ---- */

/*
 * Appends as the buf does, but leaves the zero bytes behind the content to the end of the
 * projection: an answer is made of a thousand short pieces.
 */
static inline void put(struct projector *p, struct str text)
{
    struct buf *out = p->out;
    char *to = out->room - out->len >= text.len ? out->data + out->len : buf_reserve(out, text.len);
    if (to) {
        memcpy(to, text.at, text.len);
        out->len += text.len;
    }
}

static enum written write_text(struct projector *p, struct str text)
{
    put(p, text);
    return WRITTEN;
}

/*
 * A text that is longer than it may be ends in an ellipsis, which counts. What is cut is written
 * without the escapes that JSON does not need; what is not cut is copied as it stands.
 */
static enum written write_truncated(
    struct projector *p, const struct shape_node *node, struct scan_value value)
{
    size_t whole = value.text.len - 1; /* without the closing quote */
    size_t points = node->truncate - 1, one = 1;
    size_t end = whole - 1 <= node->truncate ? whole : scan_points_end(value, 1, &points);
    if (end == whole || scan_points_end(value, end, &one) == whole) {
        return value_fits(node, value, p->arena) ? write_text(p, value.text) : MISSING;
    }
    struct str kept = { value.text.at, end };
    if (memchr(kept.at, '\\', kept.len)) {
        struct scan_value escaped = { SCAN_STRING, { kept.at, end + 1 } };
        if (json_quote(p->out, scan_plain(escaped, p->arena))) {
            p->out->len--; /* its closing quote */
        }
    } else {
        put(p, kept);
    }
    return write_text(p, STR("\xe2\x80\xa6\""));
}

static enum written write_mapped(
    struct projector *p, const struct shape_node *node, struct scan_value value)
{
    struct str plain = scan_plain(value, p->arena);
    for (size_t i = 0; i < node->map_count; i++) {
        if (str_eq(node->map[i].from, plain)) {
            return write_text(p, node->map[i].to);
        }
    }
    return MISSING;
}

static enum written write_value(struct projector *p, const struct shape_node *node,
    const struct shape_source *source, struct scan_value value)
{
    enum written written = MISSING;
    if (node->map_count && value.kind == SCAN_STRING) {
        written = write_mapped(p, node, value);
    } else if (node->truncate && value.kind == SCAN_STRING) {
        written = write_truncated(p, node, value);
    } else if (!node->map_count && value_fits(node, value, p->arena)) {
        written = write_text(p, value.text);
    }
    if (written == MISSING) {
        note_misfit(p, source, value);
    }
    return written;
}

static enum written write_from(
    struct projector *p, const struct shape_node *node, const struct row *row)
{
    for (size_t i = 0; i < node->sources_count; i++) {
        const struct shape_source *source = &node->sources[i];
        if (write_value(p, node, source, read_source(p, source, row)) == WRITTEN) {
            return WRITTEN;
        }
    }
    return MISSING;
}

static enum written write_count(
    struct projector *p, const struct shape_node *node, const struct row *row)
{
    char digits[24];
    struct scan_value list = read_source(p, &node->list->source, row);
    if (list.kind != SCAN_LIST) {
        note_misfit(p, &node->list->source, list);
        return MISSING;
    }
    int len = snprintf(digits, sizeof(digits), "%zu", read_rows(p, node->list, row).count);
    struct scan_value count = { SCAN_NUMBER, { digits, (size_t)len } };
    return value_fits(node, count, p->arena) ? write_text(p, count.text) : MISSING;
}

static enum written write_scalar(
    struct projector *p, const struct shape_node *node, const struct row *row)
{
    switch (node->origin) {
    case SHAPE_FROM:
        return write_from(p, node, row);
    case SHAPE_COUNT:
        return write_count(p, node, row);
    case SHAPE_LOOKUP:
        return write_value(p, node, &node->lookup->take, read_lookup(p, node->lookup, row));
    case SHAPE_NEAREST:
        return write_value(p, node, &node->nearest->take, read_nearest(p, node->nearest, row));
    case SHAPE_NOWHERE:
        break;
    }
    return node->constant.at ? write_text(p, node->constant) : MISSING;
}

/* Takes back what was written from `start` on. */
static enum written take_back(struct projector *p, size_t start)
{
    buf_cut(p->out, start);
    return MISSING;
}

/* Which call should have had this value, for the repairs and for the root's failure. */
static void note_missing(struct projector *p, const struct shape_node *node)
{
    const struct shape_source *source = node->origin == SHAPE_FROM && node->sources_count
                                            ? &node->sources[0]
                                        : node->list    ? &node->list->source
                                        : node->lookup  ? &node->lookup->take
                                        : node->nearest ? &node->nearest->take
                                                        : NULL;
    if (source) {
        p->missing = source->call;
        p->repairs[source->number] += p->answers[source->call] != NULL;
    }
}

static enum written write_object(
    struct projector *p, const struct shape_node *node, const struct row *row)
{
    size_t start = p->out->len, written = 0;
    bool is_structure = node->sources_count == 0;
    if (!is_structure) {
        struct scan_value value = read_source(p, &node->sources[0], row);
        if (value.kind != SCAN_OBJECT) {
            note_misfit(p, &node->sources[0], value);
            return MISSING;
        }
    }
    put(p, STR("{"));
    for (size_t i = 0; i < node->members_count; i++) {
        const struct shape_member *member = &node->members[i];
        size_t before = p->out->len;
        if (written) {
            put(p, STR(","));
        }
        put(p, member->key);
        if (write_node(p, member->node, row) == WRITTEN) {
            written++;
            continue;
        }
        buf_cut(p->out, before);
        if (member->is_required) {
            note_missing(p, member->node);
            return take_back(p, start);
        }
    }
    put(p, STR("}"));
    return written || node->is_kept_empty ? WRITTEN : take_back(p, start);
}

static size_t limit_of(const struct projector *p, const struct shape_node *node)
{
    size_t limit = node->take < node->max_items ? node->take : node->max_items;
    if (node->list_number && p->trims[node->list_number - 1] < limit) {
        limit = p->trims[node->list_number - 1];
    }
    return limit;
}

static enum written write_list(
    struct projector *p, const struct shape_node *node, const struct row *row)
{
    const struct shape_list *list = node->list;
    size_t start = p->out->len, written = 0, limit = limit_of(p, node);
    struct scan_value value = read_source(p, &list->source, row);
    if (value.kind != SCAN_LIST) {
        note_misfit(p, &list->source, value);
        return MISSING;
    }
    struct scan_rows rows = read_rows(p, list, row);
    put(p, STR("["));
    for (size_t i = 0; i < rows.count && written < limit; i++) {
        struct row inner = { rows.first + i * rows.stride, list->source.call, list->list, row };
        size_t before = p->out->len;
        if (written) {
            put(p, STR(","));
        }
        if (write_node(p, node->element, &inner) == WRITTEN) {
            written++;
        } else {
            buf_cut(p->out, before);
        }
    }
    put(p, STR("]"));
    if (node->list_number) {
        p->trimmed[node->list_number - 1] = written;
    }
    return written >= node->min_items ? WRITTEN : take_back(p, start);
}

/* The first element that fits, without the others. */
static enum written write_first(
    struct projector *p, const struct shape_node *node, const struct row *row)
{
    const struct shape_list *list = node->list;
    struct scan_rows rows = read_rows(p, list, row);
    for (size_t i = 0; i < rows.count; i++) {
        struct row inner = { rows.first + i * rows.stride, list->source.call, list->list, row };
        if (write_object(p, node, &inner) == WRITTEN) {
            return WRITTEN;
        }
    }
    return MISSING;
}

static enum written write_node(
    struct projector *p, const struct shape_node *node, const struct row *row)
{
    enum written written = MISSING;
    switch (node->kind) {
    case SHAPE_VALUE:
        written = write_scalar(p, node, row);
        break;
    case SHAPE_OBJECT:
        written = write_object(p, node, row);
        break;
    case SHAPE_LIST:
        written = write_list(p, node, row);
        break;
    case SHAPE_FIRST:
        written = write_first(p, node, row);
        break;
    }
    return written == MISSING && node->otherwise.at ? write_text(p, node->otherwise) : written;
}

/* ---- the byte budget ---- */

/* Halves the way to what fits: the longest list that may be trimmed loses from its end. False: none
 * can. */
static bool trim(struct projector *p)
{
    size_t longest = 0, most = 0;
    for (size_t i = 0; i < p->shape->trims_count; i++) {
        if (p->trimmed[i] > most) {
            most = p->trimmed[i];
            longest = i;
        }
    }
    if (most == 0) {
        return false;
    }
    size_t over = p->out->len - p->max_bytes;
    size_t drop = over * most / p->out->len; /* too few rather than too many */
    p->trims[longest] = most - (drop ? drop : 1);
    return true;
}

/* ---- the door ---- */

static void list_repairs(struct projector *p, struct projection *projection)
{
    struct repair *repairs = arena_alloc(p->arena, p->shape->sources_count * sizeof(*repairs));
    size_t count = 0;
    for (size_t i = 0; i < p->shape->sources_count; i++) {
        if (p->repairs[i]) {
            repairs[count++] =
                (struct repair){ p->shape->calls_of[i], p->shape->paths[i], p->repairs[i] };
        }
    }
    projection->repairs = repairs;
    projection->repairs_count = count;
}

static bool is_oversize(const struct projector *p)
{
    return p->max_bytes && p->out->len > p->max_bytes;
}

struct projection project_within(const struct shape *shape, const struct scanned *const *answers,
    size_t max_bytes, struct arena *arena, struct buf *out)
{
    struct projector p = { .shape = shape,
        .answers = answers,
        .arena = arena,
        .out = out,
        .missing = SIZE_MAX,
        .max_bytes = max_bytes };
    struct projection projection = { 0 };
    p.indexes = arena_zalloc(arena, shape->indexes_count, sizeof(*p.indexes));
    p.repairs = arena_zalloc(arena, shape->sources_count, sizeof(*p.repairs));
    p.trims = arena_alloc(arena, shape->trims_count * sizeof(*p.trims));
    memset(p.trims, 0xff, shape->trims_count * sizeof(*p.trims));
    p.trimmed = arena_zalloc(arena, shape->trims_count, sizeof(*p.trimmed));
    size_t rounds = 0;
    do {
        buf_clear(out);
        memset(p.repairs, 0, shape->sources_count * sizeof(*p.repairs));
        projection.is_whole = write_node(&p, shape->root, NULL) == WRITTEN && !out->is_overfull;
        projection.is_trimmed = rounds++ > 0;
    } while (projection.is_whole && is_oversize(&p) && trim(&p));
    buf_cut(out, out->len); /* zero bytes behind the content, see put() */
    projection.is_oversize = is_oversize(&p);
    projection.missing = p.missing;
    list_repairs(&p, &projection);
    if (!projection.is_whole) {
        buf_clear(out);
    }
    return projection;
}

struct projection project(const struct shape *shape, const struct scanned *const *answers,
    struct arena *arena, struct buf *out)
{
    return project_within(shape, answers, shape->max_bytes, arena, out);
}

enum { ANSWER_MAX_BYTES = 16 * 1024 * 1024 };

void project_answers(const struct request *request, const struct scanned *answers[BFF_CALLS_MAX])
{
    const struct fanned *fanned = &request->fanned;
    for (size_t i = 0; i < fanned->calls_count; i++) {
        answers[i] = call_has_answer(fanned->calls[i].state) ? &fanned->calls[i].values : NULL;
    }
}

enum step_verdict project_run(struct request *request)
{
    const struct shape *shape = request->worker->core->shapes[request->routed.plan_index];
    const struct fanned *fanned = &request->fanned;
    struct projected *projected = &request->projected;
    const struct scanned *answers[BFF_CALLS_MAX] = { NULL };
    project_answers(request, answers);
    buf_init(&projected->body, ANSWER_MAX_BYTES);
    struct projection projection = project(shape, answers, &request->arena, &projected->body);
    projected->repairs = projection.repairs;
    projected->repairs_count = projection.repairs_count;
    projected->is_trimmed[FORM_PLAIN] = projection.is_trimmed;
    projected->is_oversize[FORM_PLAIN] = projection.is_oversize;
    if (projection.is_whole) {
        return STEP_NEXT;
    }
    const struct call *call =
        projection.missing < fanned->calls_count ? &fanned->calls[projection.missing] : NULL;
    bool is_late = call && call->state == CALL_TIMED_OUT;
    return request_refuse(request, is_late ? PROBLEM_UPSTREAM_TIMEOUT : PROBLEM_UPSTREAM_FAILED,
        "The section \"%s\" is missing, without which there is no answer.",
        call ? call->asks->as : "");
}
