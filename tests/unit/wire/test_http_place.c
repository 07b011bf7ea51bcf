/* http_place: what a URL says, and where a Location leads. Nobody is asked anything. */
#include "http_page.h"

TestSuite(http_place, .timeout = 60);

Test(http_place, urls_that_are_no_origin_are_refused_with_a_sentence)
{
    static const char *const urls[] = { "", "profiles", "ftp://a/", "http://", "http://u@a/",
        "http://u:p@a/", "http://a/?q", "http://a/#f", "http://a:99999/", "http://a:x/",
        "http://a b/" };
    struct page page;
    open_client(&page, (struct http_client_options){ 0 });
    for (size_t i = 0; i < countof(urls); i++) {
        struct err err = { "" };
        struct http_origin_options options = { .url = urls[i] };
        cr_assert_null(http_origin_new(page.client, &options, &err), "%s", urls[i]);
        cr_assert_eq(err.text[strlen(err.text) - 1], '.', "%s: %s", urls[i], err.text);
    }
    struct err err;
    struct http_origin_options options = { .url = "https://profiles.internal/v1/" };
    struct http_origin *origin = http_origin_new(page.client, &options, &err);
    cr_assert_str_eq(http_origin_name(origin), "profiles.internal:443");
    close_page(&page);
}

/* ---- where a Location leads ---- */

static void expect_target(const char *url, const char *from, const char *location, const char *to)
{
    struct page page;
    struct err err;
    open_client(&page, (struct http_client_options){ 0 });
    struct http_origin *origin =
        http_origin_new(page.client, &(struct http_origin_options){ .url = url }, &err);
    char *target = http_origin_target(origin, str_of(from), str_of(location));
    cr_assert_eq(!target, !to, "%s: %s", location, target ? target : "nowhere");
    if (to) {
        cr_assert_str_eq(target, to);
    }
    free(target);
    close_page(&page);
}

/* RFC 3986 section 5.4, as far as it says something about one host. */
Test(http_place, a_location_is_read_from_where_it_was_found)
{
    static const char *const rows[][2] = {
        { "g", "/b/c/g" },
        { "./g", "/b/c/g" },
        { "g/", "/b/c/g/" },
        { "/g", "/g" },
        { "?y", "/b/c/d;p?y" },
        { "g?y", "/b/c/g?y" },
        { "g#s", "/b/c/g" },
        { "..", "/b/" },
        { "../g", "/b/g" },
        { "../../g", "/g" },
        { "../../../g", "/g" },
        { "http://a/g", "/g" },
        { "http://A:80/g?x=%20", "/g?x=%20" },
        { "//a/g", "/g" },
        { "http://a", "/" },
        { "//g", NULL },
        { "https://a/g", NULL },
        { "http://a:81/g", NULL },
        { "http://u@a/g", NULL },
        { "http://a.b/g", NULL },
        { "ftp://a/g", NULL },
        { "", NULL },
        { "/a b", NULL },
        { "/a\tb", NULL },
        { "/\xc3\xa4", NULL },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        expect_target("http://a", "/b/c/d;p?q", rows[i][0], rows[i][1]);
    }
}

Test(http_place, a_location_beside_the_origins_path_leads_nowhere)
{
    static const char *const rows[][2] = {
        { "/v1/g", "/g" },
        { "g", "/g" },
        { "http://a:8080/v1/g", "/g" },
        { "/v1", NULL },
        { "/v10/g", NULL },
        { "/g", NULL },
        { "../g", NULL },
        { "/v1/../g", NULL },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        expect_target("http://a:8080/v1/", "/users", rows[i][0], rows[i][1]);
    }
}
