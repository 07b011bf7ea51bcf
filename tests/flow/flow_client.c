/*
 * flow_client: who asks.
 *
 * Owns one curl handle for each question. Trusts the development CA alone for the server, over TLS;
 * the mocks and the admin are plain. What a server answered is kept by flow_seen.
 */
#include "flow_parts.h"

#include "base/clock.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MAX = 16 << 20, LIMIT_MS = 20000 };

static size_t append(char *bytes, size_t size, size_t count, void *buf)
{
    return buf_append(buf, bytes, size * count) ? size * count : 0;
}

static CURL *handle(
    const char *method, const char *url, const char *body, struct flow_answer *answer)
{
    CURL *curl = curl_easy_init();
    *answer = (struct flow_answer){ 0 };
    buf_init(&answer->head, ANSWER_MAX);
    buf_init(&answer->body, ANSWER_MAX);
    buf_append_str(&answer->body, STR("")); /* a text, even where nothing comes */
    curl_easy_setopt(curl, CURLOPT_URL, url);
    if (body) { /* NULL would be read from standard input */
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)LIMIT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer->body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer->head);
    return curl;
}

static void perform(CURL *curl, struct curl_slist *fields, struct flow_answer *answer)
{
    long status = 0;
    uint64_t began_us = clock_now_us();
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    CURLcode code = curl_easy_perform(curl);
    answer->took_ms = (double)(clock_now_us() - began_us) / 1000;
    cr_assert_eq(code, CURLE_OK, "%s", curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (unsigned)status;
    curl_slist_free_all(fields);
    curl_easy_cleanup(curl);
}

void flow_http(const char *method, const char *url, const char *field, const char *body,
    struct flow_answer *answer)
{
    CURL *curl = handle(method, url, body, answer);
    perform(curl, field ? curl_slist_append(NULL, field) : NULL, answer);
}

void flow_ask_admin(const char *path, const char *accept, struct flow_answer *answer)
{
    char url[200], field[200];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", flow_admin_port(), path);
    snprintf(field, sizeof(field), "Accept: %s", accept ? accept : "*/*");
    flow_http("GET", url, field, NULL, answer);
}

/* ---- the server ---- */

static struct curl_slist *fields_of(const struct flow_question *question, const char *token)
{
    struct curl_slist *fields = NULL;
    char *field;
    if (*token) {
        cr_assert_gt(asprintf(&field, "Authorization: Bearer %s", token), 0);
        fields = curl_slist_append(fields, field);
        free(field);
    }
    for (size_t i = 0; i < FLOW_FIELDS_MAX && question->fields[i]; i++) {
        fields = curl_slist_append(fields, question->fields[i]);
    }
    return fields;
}

static bool names_coding(const struct flow_question *question)
{
    bool is_named = false;
    for (size_t i = 0; i < FLOW_FIELDS_MAX && question->fields[i]; i++) {
        is_named |= strncasecmp(question->fields[i], "accept-encoding:", 16) == 0;
    }
    return is_named;
}

void flow_ask(const struct flow_question *question, struct flow_answer *answer)
{
    char url[32 * 1024];
    const char *path = question->path ? question->path : "/v1/feed";
    const char *method = question->method ? question->method : "GET";
    char *minted = question->token ? NULL : flow_mint(question->order);
    snprintf(url, sizeof(url), "https://localhost:%u%s", flow_port(), path);
    CURL *curl = handle(method, url, question->body, answer);
    curl_easy_setopt(curl, CURLOPT_CAINFO, "build/dev/ca.crt");
    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    bool is_decoded = !names_coding(question); /* by curl, as an app would */
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, is_decoded ? "gzip" : NULL);
    perform(curl, fields_of(question, minted ? minted : question->token), answer);
    if (is_decoded) {
        flow_saw(method, path, answer);
    }
    free(minted);
}

void flow_forget(struct flow_answer *answer)
{
    buf_release(&answer->head);
    buf_release(&answer->body);
}

/* The last of that name; fields of interim answers stand before. */
const char *flow_field(const struct flow_answer *answer, const char *name)
{
    static char value[8192];
    struct str rest = buf_str(&answer->head), line, field, text;
    const char *found = NULL;
    while (rest.len) {
        str_cut(rest, '\n', &line, &rest);
        if (str_cut(line, ':', &field, &text) && str_eq_nocase(field, str_of(name))) {
            text.len -= text.len > 0 && text.at[text.len - 1] == '\r';
            text = str_trim(text);
            snprintf(value, sizeof(value), "%.*s", STR_FMT(text));
            found = value;
        }
    }
    return found;
}

double flow_metric(const char *sample)
{
    struct flow_answer answer;
    flow_ask_admin("/metrics", NULL, &answer);
    const char *at = answer.body.data;
    size_t len = strlen(sample);
    while (at && !(strncmp(at, sample, len) == 0 && at[len] == ' ')) {
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    double value = at ? strtod(at + len, NULL) : 0;
    flow_forget(&answer);
    return value;
}
