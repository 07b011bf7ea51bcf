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

#include "../base/must.h"
#include "http_block.h"

#include <limits.h>

/* ---- classes of bytes ---- */

enum { TOKEN = 1, TARGET = 2, HOST = 4, HOST_NAME = 8, HEX = 16, NOT_PERCENT = 32 };

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* RFC 9110 section 5.6.2. */
#define TOKEN_BYTES DIGITS LETTERS "!#$%&'*+-.^_`|~"
/*
 * RFC 3986 pchar, '/' and '?', and what browsers send bare in a query (WHATWG URL): [ ] { } | ^ `
 */
#define TARGET_BYTES DIGITS LETTERS "-._~%!$&'()*+,;=:@/?[]{}|^`"
/* RFC 3986 reg-name; and with IP literals and a port. */
#define HOST_NAME_BYTES DIGITS LETTERS "-._~%!$&'()*+;="
#define HOST_BYTES      HOST_NAME_BYTES ":[]"
#define HEX_BYTES       DIGITS "abcdefABCDEF"

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
        { HOST_NAME_BYTES, HOST_NAME },
        { HEX_BYTES, HEX },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        for (const char *at = rows[i].bytes; *at; at++) {
            classes[(unsigned char)*at] |= rows[i].class;
        }
    }
    for (size_t c = 0; c < countof(classes); c++) {
        classes[c] |= c == '%' ? 0 : NOT_PERCENT;
    }
}

static bool is_class(char c, unsigned char class)
{
    return classes[(unsigned char)c] & class;
}

/* What all of them are; nothing when there are none. */
static unsigned char common_classes(struct str s)
{
    unsigned char common = s.len ? UCHAR_MAX : 0;
    size_t i = 0;
    for (; i + 4 <= s.len; i += 4) { /* at once: one that does not fit is rare */
        const unsigned char *four = (const unsigned char *)s.at + i;
        common &= classes[four[0]] & classes[four[1]] & classes[four[2]] & classes[four[3]];
    }
    for (; i < s.len; i++) {
        common &= classes[(unsigned char)s.at[i]];
    }
    return common;
}

/* Not empty, and of that class throughout. */
static bool is_all(struct str s, unsigned char class)
{
    return common_classes(s) & class;
}

/* ---- lines ---- */

static bool is_printable(unsigned char c)
{
    return c >= ' ' && c != 0x7f;
}

/* How many bytes from `at` on are no control bytes. */
static size_t printable_len(const char *at, size_t len)
{
    size_t done = block_printable_len(at, len);
    while (done < len && is_printable((unsigned char)at[done])) {
        done++;
    }
    return done;
}

enum http_scan http_lines_scan(struct http_lines *lines, struct str bytes)
{
    struct http_lines now = *lines;
    enum http_scan scan = HTTP_SCAN_MORE;
    bool is_after_cr = now.at > now.line_at && now.at < bytes.len && bytes.at[now.at - 1] == '\r';
    while (scan == HTTP_SCAN_MORE) {
        now.at += is_after_cr ? 0 : printable_len(bytes.at + now.at, bytes.len - now.at);
        if (now.at == bytes.len) {
            break;
        }
        char c = bytes.at[now.at];
        if (is_after_cr != (c == '\n') || (c != '\t' && c != '\r' && c != '\n')) {
            scan = HTTP_SCAN_BAD;
            break;
        }
        now.at++;
        is_after_cr = c == '\r';
        if (c == '\n') {
            scan = now.at - now.line_at == 2 ? HTTP_SCAN_END : HTTP_SCAN_MORE;
            now.line_at = now.at;
            now.count++;
        }
    }
    *lines = now;
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
    size_t name_len = 0;
    while (name_len < line.len && is_class(line.at[name_len], TOKEN)) {
        name_len++;
    }
    if (name_len == 0 || name_len == line.len || line.at[name_len] != ':') {
        return false;
    }
    field->name = (struct str){ line.at, name_len };
    field->value = str_trim(str_from(line, name_len + 1));
    return true;
}

/* ---- the request line ---- */

/* The same, and what is percent-encoded in it is so as a whole. */
static bool is_all_encoded(struct str s, unsigned char class)
{
    unsigned char common = common_classes(s);
    if (!(common & class) || common & NOT_PERCENT) {
        return common & class;
    }
    struct str before, rest = s;
    while (str_cut(rest, '%', &before, &rest)) {
        if (rest.len < 2 || !is_class(rest.at[0], HEX) || !is_class(rest.at[1], HEX)) {
            return false;
        }
        if (rest.at[0] == '0' && rest.at[1] == '0') {
            return false; /* a NUL to whoever decodes it */
        }
    }
    return true;
}

/*
 * host [ ":" port ] without userinfo; an http URI's host is never empty (RFC 9110 section 4.2.1).
 */
static bool is_authority(struct str s)
{
    struct str port;
    if (s.len && s.at[0] == '[') {
        struct str literal;
        if (!is_all(s, HOST) || !str_cut(s, ']', &literal, &port) || literal.len < 3 ||
            (port.len && port.at[0] != ':')) {
            return false;
        }
        port = str_from(port, 1);
        for (size_t i = 1; i < literal.len; i++) {
            if (!is_class(literal.at[i], HEX) && literal.at[i] != ':' && literal.at[i] != '.') {
                return false;
            }
        }
    } else {
        struct str name;
        str_cut(s, ':', &name, &port);
        if (!is_all_encoded(name, HOST_NAME)) {
            return false;
        }
    }
    uint64_t number;
    return port.len == 0 || (str_u64(port, &number) && number <= UINT16_MAX);
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
    if (!is_all_encoded(target, TARGET)) {
        return false;
    }
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

static enum http_refusal parse_request_line(struct http_head *head, char *bytes, struct str line)
{
    struct str rest, target, version;
    if (!str_cut(line, ' ', &head->method, &rest) || !str_cut(rest, ' ', &target, &version)) {
        return HTTP_REFUSED_MALFORMED;
    }
    if (!is_all(head->method, TOKEN) || head->method.len > HTTP_METHOD_MAX_BYTES) {
        return HTTP_REFUSED_MALFORMED;
    }
    head->is_http_1_0 = str_eq(version, STR("HTTP/1.0"));
    if (!head->is_http_1_0 && !str_eq(version, STR("HTTP/1.1"))) {
        return HTTP_REFUSED_MALFORMED;
    }
    return parse_target(head, bytes, target) ? HTTP_REFUSED_NOT : HTTP_REFUSED_MALFORMED;
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
