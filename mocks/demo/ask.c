/*
 * ask: the demo's HTTP client.
 *
 * Owns one libcurl handle, whose connections are kept from one question to the next. Blocks for
 * LIMIT_MS at most. Does not judge answers: what a good one is, main.c knows.
 */
#include "ask.h"

#include <curl/curl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

enum { LIMIT_MS = 10000, BODY_MAX_BYTES = 4 << 20 };

struct asker {
    CURL *curl;
    const char *ca_file;
    char why[CURL_ERROR_SIZE];
};

struct asker *asker_new(const char *ca_file)
{
    struct asker *asker = calloc(1, sizeof(*asker));
    CURL *curl = asker ? curl_easy_init() : NULL;
    if (!curl) {
        free(asker);
        return NULL;
    }
    *asker = (struct asker){ .curl = curl, .ca_file = ca_file };
    return asker;
}

void asker_free(struct asker *asker)
{
    if (asker) {
        curl_easy_cleanup(asker->curl);
        free(asker);
    }
}

void answer_init(struct answer *answer)
{
    *answer = (struct answer){ 0 };
    buf_init(&answer->body, BODY_MAX_BYTES);
}

void answer_release(struct answer *answer)
{
    buf_release(&answer->body);
}

static size_t body_came(char *bytes, size_t one, size_t len, void *answer)
{
    (void)one;
    return buf_append(&((struct answer *)answer)->body, bytes, len) ? len : 0;
}

/* What all questions have in common; the handle is as new but for its connections. */
static void prepare(struct asker *asker, const char *url, struct answer *answer)
{
    CURL *curl = asker->curl;
    buf_clear(&answer->body);
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)LIMIT_MS);
    curl_easy_setopt(curl, CURLOPT_CAINFO, asker->ca_file);
    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_came);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, asker->why);
    asker->why[0] = '\0';
}

static void copy_field(CURL *curl, const char *name, char *out, size_t size)
{
    struct curl_header *field;
    bool is_there = curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &field) == CURLHE_OK;
    snprintf(out, size, "%s", is_there ? field->value : "");
}

static void read_result(CURL *curl, struct answer *answer)
{
    long status = 0;
    curl_off_t wire_bytes = 0, before_us = 0, total_us = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_SIZE_DOWNLOAD_T, &wire_bytes);
    curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &before_us);
    curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &total_us);
    answer->status = (unsigned)status;
    answer->wire_bytes = (uint64_t)wire_bytes;
    answer->took_ms = (double)(total_us - before_us) / 1000;
    answer->connect_ms = (double)before_us / 1000;
    copy_field(curl, "BFF-Sections", answer->sections, sizeof(answer->sections));
    copy_field(curl, "Server-Timing", answer->timing, sizeof(answer->timing));
    copy_field(curl, "Content-Encoding", answer->coding, sizeof(answer->coding));
}

static bool perform(struct asker *asker, const char *url, struct answer *answer, struct err *err)
{
    CURLcode code = curl_easy_perform(asker->curl);
    if (code != CURLE_OK) {
        return err_set(err, "%s did not answer: %s.", url,
            asker->why[0] ? asker->why : curl_easy_strerror(code));
    }
    read_result(asker->curl, answer);
    return true;
}

bool ask(struct asker *asker, const char *url, const char *token, const char *coding,
    struct answer *answer, struct err *err)
{
    prepare(asker, url, answer);
    if (token) {
        curl_easy_setopt(asker->curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(asker->curl, CURLOPT_XOAUTH2_BEARER, token);
    }
    if (coding) {
        curl_easy_setopt(asker->curl, CURLOPT_ACCEPT_ENCODING, coding);
    }
    return perform(asker, url, answer, err);
}

static bool read_token(struct str json, char *token, size_t size)
{
    struct json_object *root = json_tokener_parse(json.at), *value;
    bool is_there = json_object_object_get_ex(root, "access_token", &value) &&
                    json_object_is_type(value, json_type_string) &&
                    (size_t)json_object_get_string_len(value) < size;
    if (is_there) {
        snprintf(token, size, "%s", json_object_get_string(value));
    }
    json_object_put(root);
    return is_there;
}

bool ask_token(struct asker *asker, const char *url, char *token, size_t size, struct err *err)
{
    static const char order[] = "{\"sub\":\"1001\",\"scope\":\"feed:read\",\"aud\":\"bff\","
                                "\"ttl_s\":3600,\"alg\":\"ES256\"}";
    struct answer answer;
    answer_init(&answer);
    prepare(asker, url, &answer);
    struct curl_slist *fields = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(asker->curl, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(asker->curl, CURLOPT_POSTFIELDS, order);
    bool is_minted = perform(asker, url, &answer, err);
    if (is_minted && !read_token(buf_str(&answer.body), token, size)) {
        is_minted = err_set(err, "%s answered %u, and no token.", url, answer.status);
    }
    curl_slist_free_all(fields);
    answer_release(&answer);
    return is_minted;
}
