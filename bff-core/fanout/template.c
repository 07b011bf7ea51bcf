/*
 * template: from a request's values to the question that a service is asked.
 *
 * Owns the grammar between braces. Promises: (1) no value can end its place: in targets everything
 * but unreserved characters is percent-encoded, a value of the path that is empty counts as
 * missing, and so does one that makes its segment "." or "..", which would lead elsewhere and
 * cannot be encoded away; in bodies every value is a whole JSON value; (2) what names another
 * answer is known at boot (waits_for), so the order of calls is data; (3) a list is distinct and
 * capped. Knows nothing of HTTP.
 */
#include "template.h"

#include "../base/must.h"
#include "../base/percent.h"
#include "../wire/json.h"

enum part_kind { PART_TEXT, PART_CLAIM, PART_PATH, PART_QUERY, PART_ANSWER };

struct template_part {
    enum part_kind kind;
    struct str text;      /* the literal, or the value's name */
    struct str otherwise; /* when the value is missing; { NULL, 0 }: none */
    size_t index;         /* of the query parameter, or of the call */
    size_t path;          /* in the call's answer */
    bool is_list;
    bool is_in_query; /* behind the target's '?' */
    bool starts_pair; /* a literal with which a query pair begins: "?" or "&" and a name */
};

/* ---- at boot ---- */

struct compiler {
    struct template *template;
    const struct template_scope *scope;
    struct arena *arena;
    struct faults *faults;
    bool is_in_query;
};

static const char *file_of(const struct template_scope *scope)
{
    return scope->call->file ? scope->call->file : scope->plan->file;
}

static int line_of(const struct template_scope *scope)
{
    return scope->call->line ? scope->call->line : scope->plan->line;
}

#define FAULT(compiler, ...)                                                                       \
    faults_add(                                                                                    \
        (compiler)->faults, file_of((compiler)->scope), line_of((compiler)->scope), __VA_ARGS__)

static struct template_part *add_part(
    struct compiler *compiler, enum part_kind kind, struct str text)
{
    struct template *template = compiler->template;
    struct template_part *part = &template->parts[template->count++];
    *part =
        (struct template_part){ .kind = kind, .text = text, .is_in_query = compiler->is_in_query };
    return part;
}

static void name_query(struct compiler *compiler, struct template_part *part)
{
    const struct bff_plan *plan = compiler->scope->plan;
    const char *names[BFF_QUERY_MAX];
    size_t count = 0;
    for (; count < BFF_QUERY_MAX && plan->query[count].name; count++) {
        names[count] = plan->query[count].name;
        if (str_eq(part->text, str_of(names[count]))) {
            part->index = count;
            return;
        }
    }
    const char *nearest = str_nearest(part->text, names, count);
    FAULT(compiler, "plan %s: call '%s' names {query.%.*s}, which .query does not declare%s%s%s",
        plan->name, compiler->scope->call->as, STR_FMT(part->text),
        nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : ".");
}

static void name_path(struct compiler *compiler, struct template_part *part)
{
    const struct bff_plan *plan = compiler->scope->plan;
    char *place = arena_printf(compiler->arena, "{%.*s}", STR_FMT(part->text));
    if (!plan->route || !strstr(plan->route, place)) {
        FAULT(compiler, "plan %s: call '%s' names {path.%.*s}, but .route \"%s\" has no %s.",
            plan->name, compiler->scope->call->as, STR_FMT(part->text),
            plan->route ? plan->route : "", place);
    }
}

static void name_answer(struct compiler *compiler, struct template_part *part, struct str source)
{
    const struct template_scope *scope = compiler->scope;
    const char *names[BFF_CALLS_MAX + 3] = { "claims", "path", "query" };
    size_t count = 3;
    for (size_t i = 0; i < scope->calls_count; i++) {
        const struct bff_call *call = &scope->plan->calls[i];
        names[count++] = call->as;
        if (!str_eq(source, str_of(call->as)) || call == scope->call) {
            continue;
        }
        part->index = i;
        part->path = want_path(scope->wants[i], part->text);
        part->is_list = memmem(part->text.at, part->text.len, "[*]", 3) != NULL;
        compiler->template->waits_for |= 1u << i;
        if (part->path == SIZE_MAX || part->text.len == 0) {
            FAULT(compiler,
                "plan %s: call '%s' names {%.*s.%.*s}, which is not a path like "
                "{posts.items[*].id}.",
                scope->plan->name, scope->call->as, STR_FMT(source), STR_FMT(part->text));
        }
        if (call->is_detached) {
            FAULT(compiler,
                "plan %s: call '%s' waits for '%s', which is detached and has no answer.",
                scope->plan->name, scope->call->as, call->as);
        }
        return;
    }
    const char *nearest = str_nearest(source, names, count);
    FAULT(compiler, "plan %s: call '%s' asks '%.*s', which is no other call%s%s%s",
        scope->plan->name, scope->call->as, STR_FMT(source), nearest ? "; did you mean '" : "",
        nearest ? nearest : "", nearest ? "'?" : ".");
}

/* "claims.sub", "query.limit", "posts.items[*].id|0" */
static void add_place(struct compiler *compiler, struct str place)
{
    struct str name, otherwise, source, rest;
    bool has_otherwise = str_cut(place, '|', &name, &otherwise);
    str_cut(name, '.', &source, &rest);
    struct template_part *part = add_part(compiler, PART_ANSWER, rest);
    part->otherwise = has_otherwise ? otherwise : (struct str){ NULL, 0 };
    if (str_eq(source, STR("claims"))) {
        part->kind = PART_CLAIM;
    } else if (str_eq(source, STR("query"))) {
        part->kind = PART_QUERY;
        name_query(compiler, part);
    } else if (str_eq(source, STR("path"))) {
        part->kind = PART_PATH;
        name_path(compiler, part);
    } else {
        name_answer(compiler, part, source);
    }
}

/* In a target each query pair begins a part of its own, so that it can be left out. */
static void add_target_text(struct compiler *compiler, struct str text)
{
    while (text.len) {
        size_t len = 1;
        bool starts_pair = text.at[0] == '?' || (text.at[0] == '&' && compiler->is_in_query);
        compiler->is_in_query |= text.at[0] == '?';
        while (len < text.len && text.at[len] != '?' && text.at[len] != '&') {
            len++;
        }
        add_part(compiler, PART_TEXT, (struct str){ text.at, len })->starts_pair = starts_pair;
        text = str_from(text, len);
    }
}

static bool is_place(struct str at, enum template_use use)
{
    bool is_named = at.len > 1 && at.at[1] >= 'a' && at.at[1] <= 'z';
    return at.len && at.at[0] == '{' && (use == TEMPLATE_TARGET || is_named);
}

static void check_target(struct compiler *compiler, const char *text)
{
    const char *call = compiler->scope->call->as, *plan = compiler->scope->plan->name;
    if (text[0] != '/') {
        FAULT(compiler, "plan %s: call '%s' has the target \"%s\", which does not begin with '/'.",
            plan, call, text);
    }
    for (const char *at = text; *at; at++) {
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f || strchr("#\"<>\\^`", *at)) {
            FAULT(compiler,
                "plan %s: call '%s' has a target with a byte (at %d) that must be percent-encoded.",
                plan, call, (int)(at - text));
            return;
        }
    }
}

void template_compile(struct template *template, const char *text, enum template_use use,
    const struct template_scope *scope, struct arena *arena, struct faults *faults)
{
    struct compiler compiler = { template, scope, arena, faults, false };
    struct str rest = arena_str(arena, str_of(text));
    *template = (struct template){ .is_body = use == TEMPLATE_BODY };
    template->parts = arena_zalloc(arena, rest.len + 1, sizeof(*template->parts));
    if (use == TEMPLATE_TARGET) {
        check_target(&compiler, text);
    }
    while (rest.len) {
        size_t len = 0;
        while (len < rest.len && !is_place(str_from(rest, len), use)) {
            len++;
        }
        struct str literal = { rest.at, len };
        if (use == TEMPLATE_TARGET) {
            add_target_text(&compiler, literal);
        } else if (len) {
            add_part(&compiler, PART_TEXT, literal);
        }
        rest = str_from(rest, len);
        if (rest.len == 0) {
            break;
        }
        struct str place;
        if (!str_cut(str_from(rest, 1), '}', &place, &rest)) {
            FAULT(&compiler, "plan %s: call '%s' has a '{' without its '}' in \"%s\".",
                scope->plan->name, scope->call->as, text);
            return;
        }
        add_place(&compiler, place);
    }
}

/* ---- for each request ---- */

struct renderer {
    struct request *request;
    struct buf *out;
    bool is_body;
    bool has_pair;        /* a query pair stands in `out` */
    bool is_pair_dropped; /* the current one: a value of it is missing */
    size_t pair_starts;   /* where the current one begins in `out` */
};

/*
 * The distinct values of one list, in the order of their first coming. Ids of one kind are alike at
 * their beginning and differ at their end: a tag is the last eight bytes. A walk over a few tags is
 * cheaper than one hash, and cannot be made slow: all values fit into one question.
 */
struct distinct {
    struct renderer *renderer;
    size_t count;
    uint64_t tags[TEMPLATE_LIST_MAX];
    struct str seen[TEMPLATE_LIST_MAX];
};

static void append_value(struct renderer *renderer, struct scan_value value)
{
    if (renderer->is_body) {
        buf_append_str(renderer->out, value.text);
    } else {
        percent_encode(renderer->out, scan_plain(value, &renderer->request->arena));
    }
}

static bool is_scalar(struct scan_value value)
{
    return value.kind == SCAN_STRING || value.kind == SCAN_NUMBER || value.kind == SCAN_TRUE ||
           value.kind == SCAN_FALSE;
}

static uint64_t tag_of(struct str text)
{
    uint64_t tag = 0;
    size_t len = text.len < sizeof(tag) ? text.len : sizeof(tag);
    memcpy(&tag, text.at + text.len - len, len);
    return tag;
}

static bool has_seen(const struct distinct *distinct, struct str text, uint64_t tag)
{
    for (size_t i = 0; i < distinct->count; i++) {
        if (distinct->tags[i] == tag && str_eq(distinct->seen[i], text)) {
            return true;
        }
    }
    return false;
}

static bool visit_value(void *context, struct scan_value value)
{
    struct distinct *distinct = context;
    if (!is_scalar(value)) {
        return true;
    }
    uint64_t tag = tag_of(value.text);
    if (has_seen(distinct, value.text, tag)) {
        return true;
    }
    distinct->tags[distinct->count] = tag;
    distinct->seen[distinct->count] = value.text;
    if (distinct->count++) {
        buf_append_char(distinct->renderer->out, ',');
    }
    append_value(distinct->renderer, value);
    return distinct->count < TEMPLATE_LIST_MAX && !distinct->renderer->out->is_overfull;
}

static bool render_list(
    struct renderer *renderer, const struct template_part *part, const struct scanned *answer)
{
    struct distinct distinct; /* 5 KB, of which only what is counted is ever read */
    distinct.renderer = renderer;
    distinct.count = 0;
    if (renderer->is_body) {
        buf_append_char(renderer->out, '[');
    }
    scanned_each(answer, part->path, visit_value, &distinct);
    if (renderer->is_body) {
        buf_append_char(renderer->out, ']');
    }
    return distinct.count > 0;
}

static bool render_answer(struct renderer *renderer, const struct template_part *part)
{
    const struct call *call = &renderer->request->fanned.calls[part->index];
    if (!call_has_answer(call->state)) {
        return false;
    }
    if (part->is_list) {
        return render_list(renderer, part, &call->values);
    }
    struct scan_value value = scanned_value(&call->values, part->path);
    if (is_scalar(value)) {
        append_value(renderer, value);
    }
    return is_scalar(value);
}

static struct str named_value(const struct named *list, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(list[i].name, name)) {
            return list[i].value;
        }
    }
    return (struct str){ NULL, 0 };
}

static struct str own_value(const struct request *request, const struct template_part *part)
{
    const struct identity *identity = &request->identity;
    const struct routed *routed = &request->routed;
    switch (part->kind) {
    case PART_CLAIM:
        return named_value(identity->claims, identity->claims_count, part->text);
    case PART_PATH:
        return named_value(routed->path_values, routed->path_values_count, part->text);
    default:
        return routed->query_values[part->index];
    }
}

static bool render_own(struct renderer *renderer, const struct template_part *part)
{
    struct str value = own_value(renderer->request, part);
    if (value.at && renderer->is_body) {
        json_quote(renderer->out, value);
    } else if (value.at) {
        percent_encode(renderer->out, value);
    }
    return value.at != NULL;
}

static bool render_otherwise(struct renderer *renderer, const struct template_part *part)
{
    if (part->otherwise.at && renderer->is_body) {
        json_quote(renderer->out, part->otherwise);
    } else if (part->otherwise.at) {
        percent_encode(renderer->out, part->otherwise);
    }
    return part->otherwise.at != NULL;
}

static void render_text(struct renderer *renderer, const struct template_part *part)
{
    if (!part->starts_pair) {
        buf_append_str(renderer->out, part->text);
        return;
    }
    buf_append_char(renderer->out, renderer->has_pair ? '&' : '?');
    buf_append_str(renderer->out, str_from(part->text, 1));
    renderer->has_pair = true;
}

/* Whether what was written since `before` can stand in a path: alone in its segment, these cannot.
 */
static bool can_stand(const struct renderer *renderer, size_t before)
{
    struct str value = str_from(buf_str(renderer->out), before);
    return value.len > 0 && !str_eq(value, STR(".")) && !str_eq(value, STR(".."));
}

static bool render_value(struct renderer *renderer, const struct template_part *part)
{
    size_t before = renderer->out->len;
    bool is_there =
        part->kind == PART_ANSWER ? render_answer(renderer, part) : render_own(renderer, part);
    if (is_there && (renderer->is_body || part->is_in_query || can_stand(renderer, before))) {
        return true;
    }
    buf_cut(renderer->out, before);
    return render_otherwise(renderer, part);
}

static void drop_pair(struct renderer *renderer)
{
    buf_cut(renderer->out, renderer->pair_starts);
    struct str kept = buf_str(renderer->out);
    renderer->has_pair = memchr(kept.at, '?', kept.len) != NULL;
    renderer->is_pair_dropped = true;
}

/* Two values beside each other, or one beside a dot, may make what neither of them is. */
static bool path_climbs(struct str target)
{
    struct str path, query;
    str_cut(target, '?', &path, &query);
    const char *end = path.at + path.len, *dot = path.at;
    while ((dot = memchr(dot, '.', (size_t)(end - dot))) != NULL) {
        const char *last = dot + 1 < end && dot[1] == '.' ? dot + 1 : dot;
        bool begins = dot == path.at || dot[-1] == '/';
        if (begins && (last + 1 == end || last[1] == '/')) {
            return true;
        }
        dot++;
    }
    return false;
}

const char *template_render(
    const struct template *template, struct request *request, struct buf *out)
{
    struct renderer renderer = { .request = request, .out = out, .is_body = template->is_body };
    for (size_t i = 0; i < template->count; i++) {
        const struct template_part *part = &template->parts[i];
        if (part->starts_pair) {
            renderer.pair_starts = out->len;
            renderer.is_pair_dropped = false;
        }
        if (renderer.is_pair_dropped) {
            continue;
        }
        if (part->kind == PART_TEXT) {
            render_text(&renderer, part);
        } else if (!render_value(&renderer, part)) {
            if (part->kind != PART_QUERY || !part->is_in_query) {
                return "a value that the question needs is missing";
            }
            drop_pair(&renderer);
        }
    }
    if (!template->is_body && path_climbs(buf_str(out))) {
        return "a value would lead out of its path";
    }
    return out->is_overfull ? "the question is too large" : NULL;
}
