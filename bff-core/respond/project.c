/*
 * project: the answer is written in one walk over the shape.
 *
 * Owns nothing between two projections. The text of a value is found before anything is written; an
 * object or a list writes itself and says so, or leaves the answer as it found it and says MISSING.
 * Whoever asked decides: an optional member is left out, a required one takes its object with it, a
 * list drops the element, the root fails. Promises: (1) what is written validates against the
 * shape; (2) values are copied byte for byte, as far as x-truncate leaves them, x-map excepted.
 * Every value that was there but did not fit, every element dropped for a missing one, and every
 * list that is longer than maxItems is a repair; what the shape asks for by x-take, x-truncate,
 * x-map and x-trim is none.
 */
#include "project.h"

#include "../base/must.h"
#include "answers.h"
#include "value.h"

struct projector {
    const struct shape *shape;
    struct answers answers;
    struct arena *arena;
    struct buf *out;
    unsigned *repairs; /* by source number */
    size_t missing;    /* the call of the last required value that was missing */
    size_t max_bytes;  /* 0: no bound */
    size_t *trims;     /* by list number - 1: at most so many elements */
    size_t *trimmed;   /* and how many were written, at most: a list in a list is there often */
};

enum written { WRITTEN, MISSING };

static const struct str no_text = { NULL, 0 };

/* ---- repairs ---- */

/* A value that is null or not there at all is no repair: services leave things out. */
static void note_misfit(
    struct projector *p, const struct shape_source *source, struct scan_value value)
{
    if (value.kind != SCAN_MISSING && value.kind != SCAN_NULL) {
        p->repairs[source->number]++;
    }
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
        p->repairs[source->number] += p->answers.scanned[source->call] != NULL;
    }
}

/* ---- texts: JSON as it is written, SHAPE_PADDING readable bytes behind it; or no_text ---- */

/*
 * A text that is longer than it may be ends in an ellipsis, which counts. What is cut is written
 * without the escapes that JSON does not need; what is not cut is copied as it stands.
 */
static struct str truncated(
    const struct projector *p, const struct shape_node *node, struct scan_value value)
{
    static const struct str ending = STR("\xe2\x80\xa6\"");
    size_t whole = value.text.len - 1; /* without the closing quote */
    size_t points = node->truncate - 1, one = 1;
    size_t end = whole - 1 <= node->truncate ? whole : scan_points_end(value, 1, &points);
    if (end == whole || scan_points_end(value, end, &one) == whole) {
        return value_fits(node, value, p->arena) ? value.text : no_text;
    }
    char *text = arena_alloc(p->arena, end + ending.len + SHAPE_PADDING);
    size_t len = scan_shorten(text, (struct str){ value.text.at, end });
    memcpy(text + len, ending.at, ending.len);
    return (struct str){ text, len + ending.len };
}

static struct str mapped(
    const struct projector *p, const struct shape_node *node, struct scan_value value)
{
    struct str plain = scan_plain(value, p->arena);
    for (size_t i = 0; i < node->map_count; i++) {
        if (str_eq(node->map[i].from, plain)) {
            return node->map[i].to;
        }
    }
    return no_text;
}

/* What is written for a value that was found, which may not fit. */
static struct str text_of(struct projector *p, const struct shape_node *node,
    const struct shape_source *source, struct scan_value value)
{
    struct str text = no_text;
    bool is_string = value.kind == SCAN_STRING;
    if (is_string && node->map_count) {
        text = mapped(p, node, value);
    } else if (is_string && node->truncate) {
        text = truncated(p, node, value);
    } else if (!node->map_count && value_fits(node, value, p->arena)) {
        text = value.text;
    }
    if (!text.at) {
        note_misfit(p, source, value);
    }
    return text;
}

static struct str counted(struct projector *p, const struct shape_node *node, const struct row *row)
{
    struct scan_value list = answers_value(&p->answers, &node->list->source, row);
    if (list.kind != SCAN_LIST) {
        note_misfit(p, &node->list->source, list);
        return no_text;
    }
    enum { DIGITS = 20 };
    char *text = arena_alloc(p->arena, DIGITS + SHAPE_PADDING), *first = text + DIGITS;
    size_t count = answers_rows(&p->answers, node->list, row).count;
    do {
        *--first = (char)('0' + count % 10);
        count /= 10;
    } while (count);
    struct scan_value number = { SCAN_NUMBER, { first, (size_t)(text + DIGITS - first) } };
    return value_fits(node, number, p->arena) ? number.text : no_text;
}

static struct str found_by_rule(
    struct projector *p, const struct shape_node *node, const struct row *row)
{
    switch (node->origin) {
    case SHAPE_COUNT:
        return counted(p, node, row);
    case SHAPE_LOOKUP:
        return text_of(
            p, node, &node->lookup->take, answers_lookup(&p->answers, node->lookup, row));
    case SHAPE_NEAREST:
        return text_of(
            p, node, &node->nearest->take, answers_nearest(&p->answers, node->nearest, row));
    case SHAPE_FROM:
    case SHAPE_NOWHERE:
        break;
    }
    return node->constant;
}

static struct str found(struct projector *p, const struct shape_node *node, const struct row *row)
{
    struct str text = no_text;
    if (node->origin != SHAPE_FROM) {
        text = found_by_rule(p, node, row);
    }
    for (size_t i = 0; !text.at && i < node->sources_count; i++) {
        const struct shape_source *source = &node->sources[i];
        struct scan_value value = answers_value(&p->answers, source, row);
        if (!node->is_rewritten && value_fits(node, value, p->arena)) {
            return value.text;
        }
        text = text_of(p, node, source, value);
    }
    return text.at ? text : node->otherwise;
}

/* ---- writing ---- */

/*
 * Appends as the buf does, but leaves the zero bytes behind the content to the end of the
 * projection, and copies in blocks what is short, as nearly all of it is: what stands behind the
 * text is read, and written where the padding will be.
 */
static inline void put(struct projector *p, struct str text)
{
    enum { BLOCK = SHAPE_PADDING };
    struct buf *out = p->out;
    char *to = buf_reserve(out, text.len);
    if (!to) {
        return;
    }
    if (text.len <= BLOCK) {
        memcpy(to, text.at, BLOCK);
    } else {
        memcpy(to, text.at, text.len);
    }
    out->len += text.len;
}

static void put_char(struct projector *p, char c)
{
    struct buf *out = p->out;
    char *to = buf_reserve(out, 1);
    if (to) {
        *to = c;
        out->len++;
    }
}

/* Takes back what was written from `start` on. */
static enum written take_back(struct projector *p, size_t start)
{
    p->out->len = start;
    return MISSING;
}

static enum written write_structure(
    struct projector *p, const struct shape_node *node, const struct row *row);

/* The key, and the comma before it, which the first member does not have. */
static inline void put_key(struct projector *p, const struct shape_member *member, bool is_first)
{
    put(p, (struct str){ member->key.at + is_first, member->key.len - is_first });
}

static inline enum written write_member(
    struct projector *p, const struct shape_member *member, const struct row *row, bool is_first)
{
    size_t start = p->out->len;
    if (member->node->kind != SHAPE_VALUE) {
        put_key(p, member, is_first);
        bool is_written = write_structure(p, member->node, row) == WRITTEN;
        return is_written ? WRITTEN : take_back(p, start);
    }
    struct str text = found(p, member->node, row);
    if (!text.at) {
        return MISSING;
    }
    put_key(p, member, is_first);
    put(p, text);
    return WRITTEN;
}

static enum written write_members(
    struct projector *p, const struct shape_node *node, const struct row *row)
{
    size_t start = p->out->len, written = 0;
    put_char(p, '{');
    for (size_t i = 0; i < node->members_count; i++) {
        const struct shape_member *member = &node->members[i];
        if (write_member(p, member, row, written == 0) == WRITTEN) {
            written++;
        } else if (member->is_required) {
            note_missing(p, member->node);
            return take_back(p, start);
        }
    }
    put_char(p, '}');
    return written || node->is_kept_empty ? WRITTEN : take_back(p, start);
}

static enum written write_object(
    struct projector *p, const struct shape_node *node, const struct row *row)
{
    if (node->sources_count) {
        struct scan_value value = answers_value(&p->answers, &node->sources[0], row);
        if (value.kind != SCAN_OBJECT) {
            note_misfit(p, &node->sources[0], value);
            return MISSING;
        }
    }
    return write_members(p, node, row);
}

static struct row row_at(const struct shape_list *list, struct scan_rows rows, size_t place)
{
    return (struct row){ rows.first + place * rows.stride, list->source.call, list->list };
}

/* The first element that fits, without the others. */
static enum written write_first(
    struct projector *p, const struct shape_node *node, const struct row *row)
{
    struct scan_rows rows = answers_rows(&p->answers, node->list, row);
    for (size_t i = 0; i < rows.count; i++) {
        struct row inner = row_at(node->list, rows, i);
        if (write_members(p, node, &inner) == WRITTEN) {
            return WRITTEN;
        }
    }
    return MISSING;
}

static size_t limit_of(const struct projector *p, const struct shape_node *node)
{
    size_t limit = node->take < node->max_items ? node->take : node->max_items;
    if (node->list_number && p->trims[node->list_number - 1] < limit) {
        limit = p->trims[node->list_number - 1];
    }
    return limit;
}

static enum written write_element(
    struct projector *p, const struct shape_node *node, const struct row *row, bool is_first)
{
    size_t start = p->out->len;
    struct str text = node->kind == SHAPE_VALUE ? found(p, node, row) : no_text;
    if (node->kind == SHAPE_VALUE && !text.at) {
        return MISSING;
    }
    if (!is_first) {
        put_char(p, ',');
    }
    if (node->kind == SHAPE_VALUE) {
        put(p, text);
        return WRITTEN;
    }
    return write_structure(p, node, row) == WRITTEN ? WRITTEN : take_back(p, start);
}

static enum written write_list(
    struct projector *p, const struct shape_node *node, const struct row *row)
{
    const struct shape_list *list = node->list;
    size_t start = p->out->len, written = 0, limit = limit_of(p, node);
    struct scan_value value = answers_value(&p->answers, &list->source, row);
    if (value.kind != SCAN_LIST) {
        note_misfit(p, &list->source, value);
        return MISSING;
    }
    struct scan_rows rows = answers_rows(&p->answers, list, row);
    size_t i = 0;
    put_char(p, '[');
    for (; i < rows.count && written < limit; i++) {
        struct row inner = row_at(list, rows, i);
        written += write_element(p, node->element, &inner, written == 0) == WRITTEN;
    }
    put_char(p, ']');
    if (i < rows.count && written == node->max_items && written < node->take) {
        p->repairs[list->source.number]++; /* longer than was promised; what is taken is no repair
                                            */
    }
    if (node->list_number) {
        size_t *longest = &p->trimmed[node->list_number - 1];
        *longest = written > *longest ? written : *longest;
    }
    return written >= node->min_items ? WRITTEN : take_back(p, start);
}

/* What is made of parts: an object or a list. */
static enum written write_structure(
    struct projector *p, const struct shape_node *node, const struct row *row)
{
    enum written written = node->kind == SHAPE_OBJECT ? write_object(p, node, row)
                           : node->kind == SHAPE_LIST ? write_list(p, node, row)
                                                      : write_first(p, node, row);
    if (written == MISSING && node->otherwise.at) {
        put(p, node->otherwise);
        return WRITTEN;
    }
    return written;
}

/* ---- the byte budget ---- */

static bool is_oversize(const struct projector *p)
{
    return p->max_bytes && p->out->len > p->max_bytes;
}

/* False: there is no answer. */
static bool write_answer(struct projector *p)
{
    static const struct row none;
    buf_clear(p->out);
    memset(p->repairs, 0, p->shape->sources_count * sizeof(*p->repairs));
    memset(p->trimmed, 0, p->shape->trims_count * sizeof(*p->trimmed));
    return write_structure(p, p->shape->root, &none) == WRITTEN && !p->out->is_overfull;
}

/* A list with so many elements, of which some are too many. */
struct cut {
    size_t list, count;
};

/*
 * The longest list that may be trimmed loses from its end, as if all its elements were as large as
 * each other. False: none has any.
 */
static bool trim(struct projector *p, struct cut *cut)
{
    cut->count = 0;
    for (size_t i = 0; i < p->shape->trims_count; i++) {
        if (p->trimmed[i] > cut->count) {
            *cut = (struct cut){ i, p->trimmed[i] };
        }
    }
    if (cut->count == 0) {
        return false;
    }
    size_t over = p->out->len - p->max_bytes;
    size_t drop = over * cut->count / p->out->len; /* too few rather than too many */
    p->trims[cut->list] = cut->count - (drop ? drop : 1);
    return true;
}

/* Elements are not as large as each other: what was lost without need comes back. */
static void give_back(struct projector *p, const struct cut *cut)
{
    size_t *limit = &p->trims[cut->list], fits = *limit, misfits = cut->count;
    for (size_t step = 1; misfits - fits > 1;) {
        *limit = misfits - fits > step ? fits + step : misfits - 1;
        write_answer(p);
        if (is_oversize(p)) {
            misfits = *limit;
            step = 1;
        } else {
            fits = *limit;
            step *= 2;
        }
    }
    if (*limit != fits) {
        *limit = fits;
        write_answer(p);
    }
}

/* An answer that is too large; true: lists lost elements. */
static bool make_fit(struct projector *p)
{
    struct cut cut = { 0, 0 };
    bool is_trimmed = false;
    while (is_oversize(p) && trim(p, &cut)) {
        write_answer(p);
        is_trimmed = true;
    }
    if (is_trimmed && !is_oversize(p)) {
        give_back(p, &cut);
    }
    return is_trimmed;
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

struct projection project_within(const struct shape *shape, const struct scanned *const *answers,
    size_t max_bytes, struct arena *arena, struct buf *out)
{
    struct projector p = {
        .shape = shape, .arena = arena, .out = out, .missing = SIZE_MAX, .max_bytes = max_bytes
    };
    struct projection projection = { 0 };
    answers_init(&p.answers, shape, answers, arena);
    p.repairs = arena_zalloc(arena, shape->sources_count, sizeof(*p.repairs));
    p.trims = arena_alloc(arena, shape->trims_count * sizeof(*p.trims));
    memset(p.trims, 0xff, shape->trims_count * sizeof(*p.trims));
    p.trimmed = arena_alloc(arena, shape->trims_count * sizeof(*p.trimmed));
    projection.is_whole = write_answer(&p);
    projection.is_trimmed = projection.is_whole && make_fit(&p);
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

/* Most answers fit into the second at once. */
enum { ANSWER_MAX_BYTES = 16 * 1024 * 1024, ANSWER_BYTES = 8 * 1024 };

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
    if (!shape) {
        return STEP_NEXT; /* the answer is passed through */
    }
    project_answers(request, answers);
    buf_init(&projected->body, ANSWER_MAX_BYTES);
    buf_reserve(&projected->body, ANSWER_BYTES);
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
