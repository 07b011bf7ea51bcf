/*
 * http_head: the head of a request, parsed as RFC 9112 writes it and not one byte more kindly.
 *
 * Owns nothing: it looks at bytes and says what they are. Promises: (1) two readers of a head that
 * was accepted here cannot disagree about where the request ends, because everything that servers
 * are known to read in two ways is refused: bare CR or LF, folded lines, space before the colon,
 * Content-Length beside Transfer-Encoding or twice or not decimal, any transfer coding but one
 * "chunked", a body where the method has none, Host missing or twice; (2) method, target, names and
 * values have no control byte, and every '%' in the target is followed by two hex digits that are
 * not 00. Where the RFC leaves a choice between repairing and refusing, this refuses.
 *
 * Does not know: sockets, limits of size (but those of a single line's parts), what a method means.
 */
#include "http_head.h"

#include "../base/block.h"
#include "../base/must.h"

/* ---- classes of bytes ---- */

enum { TOKEN = 1, TARGET = 2, HOST = 4, HEX = 8 };

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* RFC 9110 section 5.6.2. */
#define TOKEN_BYTES DIGITS LETTERS "!#$%&'*+-.^_`|~"
/*
 * RFC 3986 pchar, '/' and '?', and what browsers send bare in a query (WHATWG URL): [ ] { } | ^ `
 * The '%' stands for itself nowhere but in a token.
 */
#define TARGET_BYTES DIGITS LETTERS "-._~!$&'()*+,;=:@/?[]{}|^`"
/* RFC 3986 reg-name. */
#define HOST_BYTES DIGITS LETTERS "-._~!$&'()*+;="
#define HEX_BYTES  DIGITS "abcdefABCDEF"

static unsigned char classes[256];

__attribute__((constructor)) static void fill_classes(void)
{
    static const struct {
        const char *bytes;
        unsigned char class;
    } rows[] = {
        { TOKEN_BYTES, TOKEN },
        { TARGET_BYTES, TARGET },
        { HOST_BYTES, HOST },
        { HEX_BYTES, HEX },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        for (const char *at = rows[i].bytes; *at; at++) {
            classes[(unsigned char)*at] |= rows[i].class;
        }
    }
}

static bool is_class(char c, unsigned char class)
{
    return classes[(unsigned char)c] & class;
}

/* How many bytes from the start on are of that class. */
static size_t class_len(struct str s, unsigned char class)
{
    size_t len = 0;
    for (; len + 4 <= s.len; len += 4) {
        const unsigned char *four = (const unsigned char *)s.at + len;
        if (!(classes[four[0]] & classes[four[1]] & classes[four[2]] & classes[four[3]] & class)) {
            break;
        }
    }
    while (len < s.len && is_class(s.at[len], class)) {
        len++;
    }
    return len;
}

/* Takes them from the start of *rest. */
static struct str take_class(struct str *rest, unsigned char class)
{
    struct str taken = { rest->at, class_len(*rest, class) };
    *rest = str_from(*rest, taken.len);
    return taken;
}

/* A percent-encoded byte, which is no NUL to whoever decodes it. */
static bool is_encoded(struct str s)
{
    return s.len >= 3 && s.at[0] == '%' && is_class(s.at[1], HEX) && is_class(s.at[2], HEX) &&
           (s.at[1] != '0' || s.at[2] != '0');
}

/* Bytes of that class, and any that are percent-encoded. */
static struct str take_encoded(struct str *rest, unsigned char class)
{
    struct str taken = take_class(rest, class);
    while (is_encoded(*rest)) {
        *rest = str_from(*rest, 3);
        taken.len += 3 + take_class(rest, class).len;
    }
    return taken;
}

static bool take_byte(struct str *rest, char c)
{
    if (rest->len == 0 || rest->at[0] != c) {
        return false;
    }
    *rest = str_from(*rest, 1);
    return true;
}

/* Not empty, and of that class throughout. */
static bool is_all(struct str s, unsigned char class)
{
    return s.len > 0 && class_len(s, class) == s.len;
}

/* ---- lines ---- */

static bool is_printable(unsigned char c)
{
    return c >= ' ' && c != 0x7f;
}

static inline struct block is_control(struct block b)
{
    return (struct block){ (b.bytes < ' ') | (b.bytes == 0x7f) };
}

/* How many bytes from `at` on are no control bytes. */
static size_t printable_len(const char *at, size_t len)
{
    size_t done = block_clear_len((struct str){ at, len }, is_control);
    while (done < len && is_printable((unsigned char)at[done])) {
        done++;
    }
    return done;
}

enum http_scan http_lines_scan(struct http_lines *lines, struct str bytes)
{
    size_t at = lines->at, line_at = lines->line_at;
    enum http_scan scan = HTTP_SCAN_MORE;
    bool is_after_cr = at > line_at && at < bytes.len && bytes.at[at - 1] == '\r';
    while (scan == HTTP_SCAN_MORE) {
        if (!is_after_cr) {
            at += printable_len(bytes.at + at, bytes.len - at);
            is_after_cr = at < bytes.len && bytes.at[at] == '\r';
            at += is_after_cr;
        }
        if (at == bytes.len) {
            break;
        }
        if (bytes.at[at] != (is_after_cr ? '\n' : '\t')) {
            scan = HTTP_SCAN_BAD;
            break;
        }
        at++;
        if (is_after_cr) {
            is_after_cr = false;
            scan = at - line_at == 2 ? HTTP_SCAN_END : HTTP_SCAN_MORE;
            line_at = at;
            lines->count++;
        }
    }
    lines->at = at;
    lines->line_at = line_at;
    return scan;
}

/* Takes the first line of *rest, without its CRLF. The scan has found that each line has one. */
static struct str take_line(struct str *rest)
{
    const char *cr = memchr(rest->at, '\r', rest->len);
    must(cr != NULL);
    struct str line = { rest->at, (size_t)(cr - rest->at) };
    *rest = str_from(*rest, line.len + 2);
    return line;
}

bool http_field_parse(struct str line, struct http_field *field)
{
    field->name = take_class(&line, TOKEN);
    if (field->name.len == 0 || !take_byte(&line, ':')) {
        return false;
    }
    field->value = str_trim(line);
    return true;
}

/* ---- the request line ---- */

/*
 * host [ ":" port ] without userinfo; an http URI's host is never empty (RFC 9110 section 4.2.1).
 */
static bool is_authority(struct str s)
{
    if (take_byte(&s, '[')) {
        struct str literal = { s.at, 0 };
        while (s.len && (is_class(s.at[0], HEX) || s.at[0] == ':' || s.at[0] == '.')) {
            s = str_from(s, 1);
            literal.len++;
        }
        if (literal.len < 2 || !take_byte(&s, ']')) {
            return false;
        }
    } else if (take_encoded(&s, HOST).len == 0) {
        return false;
    }
    uint64_t port;
    bool has_port = take_byte(&s, ':') && s.len;
    return has_port ? str_u64(s, &port) && port <= UINT16_MAX : s.len == 0;
}

/* From the target in absolute-form what follows the authority (RFC 9112 section 3.2.2). */
static bool cut_authority(struct str *target)
{
    static const struct str schemes[] = { { "http://", 7 }, { "https://", 8 } };
    for (size_t i = 0; i < countof(schemes); i++) {
        struct str scheme = { target->at, schemes[i].len };
        if (target->len <= scheme.len || !str_eq_nocase(scheme, schemes[i])) {
            continue;
        }
        struct str rest = str_from(*target, scheme.len);
        size_t len = 0;
        while (len < rest.len && rest.at[len] != '/' && rest.at[len] != '?') {
            len++;
        }
        *target = str_from(rest, len);
        return is_authority((struct str){ rest.at, len });
    }
    return false;
}

static bool parse_target(struct http_head *head, char *bytes, struct str target)
{
    head->target = target;
    if (target.at[0] == '/') {
        return true;
    }
    if (str_eq(target, STR("*"))) {
        return str_eq(head->method, STR("OPTIONS"));
    }
    if (!cut_authority(&head->target)) {
        return false;
    }
    if (head->target.len == 0) {
        head->target = STR("/");
    } else if (head->target.at[0] == '?') {
        /* The byte before is the authority's last, which nobody reads any more. */
        size_t slash = (size_t)(head->target.at - bytes) - 1;
        bytes[slash] = '/';
        head->target = (struct str){ bytes + slash, head->target.len + 1 };
    }
    return true;
}

/* What cannot be a method or a target is cut at its space: the log has it as it came. */
static enum http_refusal parse_request_line(struct http_head *head, char *bytes, struct str line)
{
    struct str rest = line;
    head->method = take_class(&rest, TOKEN);
    if (!take_byte(&rest, ' ')) {
        str_cut(line, ' ', &head->method, &rest);
        return HTTP_REFUSED_MALFORMED;
    }
    struct str asked = rest, target = take_encoded(&rest, TARGET);
    bool is_target = target.len && take_byte(&rest, ' ');
    if (!is_target && !str_cut(asked, ' ', &target, &rest)) {
        return HTTP_REFUSED_MALFORMED;
    }
    if (head->method.len == 0 || head->method.len > HTTP_METHOD_MAX_BYTES) {
        return HTTP_REFUSED_MALFORMED;
    }
    head->is_http_1_0 = str_eq(rest, STR("HTTP/1.0"));
    if (!head->is_http_1_0 && !str_eq(rest, STR("HTTP/1.1"))) {
        return HTTP_REFUSED_MALFORMED;
    }
    bool is_whole = is_target && parse_target(head, bytes, target);
    return is_whole ? HTTP_REFUSED_NOT : HTTP_REFUSED_MALFORMED;
}

/* ---- the fields that say where the request ends and what becomes of the connection ---- */

struct seen {
    bool host, length, coding;
    bool close, keep_alive;
};

/* A list of tokens (RFC 9110 section 7.6.1). */
static bool see_connection(struct seen *seen, struct str value)
{
    for (bool is_more = true; is_more;) {
        struct str option;
        is_more = str_cut(value, ',', &option, &value);
        option = str_trim(option);
        if (option.len && !is_all(option, TOKEN)) {
            return false;
        }
        seen->close |= str_eq_nocase(option, STR("close"));
        seen->keep_alive |= str_eq_nocase(option, STR("keep-alive"));
    }
    return true;
}

static enum http_refusal see_length(struct http_head *head, struct str value)
{
    head->framing = HTTP_LENGTH;
    if (str_u64(value, &head->length)) {
        return HTTP_REFUSED_NOT;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9') {
            return HTTP_REFUSED_MALFORMED;
        }
    }
    return value.len ? HTTP_REFUSED_BODY_TOO_LARGE : HTTP_REFUSED_MALFORMED;
}

static enum http_refusal see_field(
    struct http_head *head, struct seen *seen, const struct http_field *field)
{
    bool is_fine = true;
    if (str_eq_nocase(field->name, STR("host"))) {
        is_fine = !seen->host && is_authority(field->value);
        seen->host = true;
    } else if (str_eq_nocase(field->name, STR("content-length"))) {
        if (seen->length) {
            return HTTP_REFUSED_MALFORMED;
        }
        seen->length = true;
        return see_length(head, field->value);
    } else if (str_eq_nocase(field->name, STR("transfer-encoding"))) {
        is_fine = !seen->coding && str_eq_nocase(field->value, STR("chunked"));
        head->framing = HTTP_CHUNKED;
        seen->coding = true;
    } else if (str_eq_nocase(field->name, STR("connection"))) {
        is_fine = see_connection(seen, field->value);
    } else if (str_eq_nocase(field->name, STR("expect"))) {
        head->expects_continue = str_eq_nocase(field->value, STR("100-continue"));
    }
    return is_fine ? HTTP_REFUSED_NOT : HTTP_REFUSED_MALFORMED;
}

/* A body of these has no meaning, and servers are known to overlook it (RFC 9110 section 9.3). */
static bool has_no_body(struct str method)
{
    static const struct str rows[] = { { "GET", 3 }, { "HEAD", 4 }, { "DELETE", 6 },
        { "TRACE", 5 } };
    for (size_t i = 0; i < countof(rows); i++) {
        if (str_eq(method, rows[i])) {
            return true;
        }
    }
    return false;
}

/* What no field says alone (RFC 9112 sections 3.2, 6.1, 6.3 and 9.3). */
static bool agrees(struct http_head *head, const struct seen *seen)
{
    if (!seen->host && !head->is_http_1_0) {
        return false;
    }
    if (seen->coding && (seen->length || head->is_http_1_0)) {
        return false;
    }
    if (has_no_body(head->method) && (seen->coding || head->length)) {
        return false;
    }
    if (head->framing == HTTP_LENGTH && head->length == 0) {
        head->framing = HTTP_NO_BODY;
    }
    head->is_last = seen->close || (head->is_http_1_0 && !seen->keep_alive);
    head->expects_continue &= head->framing != HTTP_NO_BODY && !head->is_http_1_0;
    return true;
}

enum http_refusal http_head_parse(
    struct http_head *head, char *bytes, size_t len, struct http_field *fields, size_t room)
{
    *head = (struct http_head){ .fields = fields };
    struct str rest = { bytes, len };
    enum http_refusal refusal = parse_request_line(head, bytes, take_line(&rest));
    struct seen seen = { 0 };
    while (refusal == HTTP_REFUSED_NOT && rest.len > 2) {
        if (head->fields_count == HTTP_FIELDS_MAX) {
            return HTTP_REFUSED_HEAD_TOO_LARGE;
        }
        must(head->fields_count < room);
        struct http_field *field = &fields[head->fields_count];
        if (!http_field_parse(take_line(&rest), field)) {
            return HTTP_REFUSED_MALFORMED;
        }
        head->fields_count++;
        refusal = see_field(head, &seen, field);
    }
    if (refusal == HTTP_REFUSED_NOT && !agrees(head, &seen)) {
        return HTTP_REFUSED_MALFORMED;
    }
    return refusal;
}
