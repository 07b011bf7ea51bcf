/* settings of services: one host or several, and what cannot be said of them. */
#include "desk.h"
#include "settings.h"

#include "base/must.h"

#include <sys/stat.h>

TestSuite(settings_services, .init = desk_open, .fini = desk_close, .timeout = 60);

static struct settings settings;

#define TOKEN "token = { issuer = \"i\"; audience = \"a\"; jwks_url = \"http://h/keys\"; };\n"

/* `services` stands from line 2 on. */
static void read_with(const char *services, const char *const *overrides, size_t count)
{
    struct settings_source source = { "bff.conf", overrides, count };
    desk_write("bff.conf", arena_printf(&desk.arena, TOKEN "%s", services));
    settings_read(&settings, &source, &desk.arena, &desk.faults);
}

static void expect_faults(const char *services, const char *sentences)
{
    read_with(services, NULL, 0);
    desk_expect(&desk.faults, sentences);
    faults_fini(&desk.faults);
}

static const struct settings_hosts *hosts_of(const char *name)
{
    const struct settings_service *service = settings_service(&settings, name);
    cr_assert_not_null(service);
    return &service->hosts;
}

static void expect_host(const char *name, size_t at, const char *url, unsigned weight)
{
    const struct settings_hosts *hosts = hosts_of(name);
    cr_assert_lt(at, hosts->count);
    cr_assert_str_eq(hosts->list[at].url, url);
    cr_assert_eq(hosts->list[at].weight, weight);
}

Test(settings_services, have_one_host_or_several)
{
    expect_faults("services = {\n"
                  "  one = { url = \"http://h:1\"; };\n"
                  "  two = { urls = ( \"http://a:1/v1\",\n"
                  "    { url = \"https://b\"; weight = 3; }, { url = \"http://[::1]:80\"; } ); };\n"
                  "  plain = { urls = [ \"http://c\", \"http://d\" ]; };\n"
                  "  text = { urls = \"http://e  http://f\"; };\n"
                  "};\n",
        "");
    cr_assert_eq(hosts_of("one")->count, 1);
    expect_host("one", 0, "http://h:1", 1);
    cr_assert_eq(hosts_of("one")->list[0].line, 3);
    cr_assert_eq(hosts_of("two")->count, 3);
    expect_host("two", 0, "http://a:1/v1", 1);
    expect_host("two", 1, "https://b", 3);
    expect_host("two", 2, "http://[::1]:80", 1);
    cr_assert_eq(hosts_of("two")->list[1].line, 5);
    expect_host("plain", 1, "http://d", 1);
    cr_assert_eq(hosts_of("text")->count, 2);
    expect_host("text", 1, "http://f", 1);
}

Test(settings_services, have_careful_defaults)
{
    expect_faults("services = { a = { url = \"http://h\"; }; };\n", "");
    const struct settings_service *service = settings_service(&settings, "a");
    cr_assert_eq(service->retries, 2);
    cr_assert_eq(service->redirects, 0);
    cr_assert(service->hedge);
    cr_assert_not(service->http2);
    cr_assert_not(service->gzip);
    cr_assert_null(service->proxy);
    cr_assert_null(service->health);
    cr_assert_eq(service->breaker.failures, 5);
    cr_assert_eq(service->breaker.open_max_ms, 60000);
    cr_assert_eq(service->in_flight_max, 512);
    cr_assert_eq(settings.detached.in_flight, 64);
    cr_assert_eq(settings.upstream.age_ms, 300000);
}

Test(settings_services, every_mistake_is_told_where_it_is)
{
    expect_faults("services = {\n"
                  "  both = { url = \"http://h\";\n"
                  "    urls = ( \"http://i\" ); };\n"
                  "  none = { };\n"
                  "  empty = { urls = ( ); };\n"
                  "  number = { urls = 5; };\n"
                  "  items = { urls = ( \"http://a\",\n"
                  "    5,\n"
                  "    \"b\",\n"
                  "    { url = \"http://c\"; weight = 0; },\n"
                  "    { url = \"http://d\"; wieght = 2; },\n"
                  "    { weight = 2; },\n"
                  "    \"http://a:80/\",\n"
                  "    \"http://e?x=1\",\n"
                  "    \"http://f#x\", \"http://u:p@g\" ); };\n"
                  "  query = { url = \"http://h?x=1\"; };\n"
                  "  fragment = { url = \"http://h#x\"; };\n"
                  "};\n",
        "bff.conf:6: services.empty.urls is empty; it takes a list of URLs (( \"http://a:1\", { "
        "url "
        "= \"http://b:1\"; weight = 3; } )).\n"
        "bff.conf:7: services.number.urls is a whole number; it takes a list of URLs (( "
        "\"http://a:1\", { url = \"http://b:1\"; weight = 3; } )).\n"
        "bff.conf:9: services.items.urls[1].url is a whole number; it takes a URL in quotes "
        "(\"https://host:port/path\").\n"
        "bff.conf:10: services.items.urls[2].url is \"b\"; a URL starts with http:// or https:// "
        "here.\n"
        "bff.conf:11: services.items.urls[3].weight is 0; it must be from 1 to 1000.\n"
        "bff.conf:12: there is no setting \"services.items.urls[4].wieght\"; did you mean "
        "\"services.items.urls[4].weight\"?\n"
        "bff.conf:13: services.items.urls[5].url is missing. Where the host answers.\n"
        "bff.conf:15: services.items.urls[7].url has a query; it stands before the call's own "
        "target, so a query belongs there.\n"
        "bff.conf:16: services.items.urls[8].url is \"http://f#x\"; a space, \"#\" or the like "
        "cannot stand in it.\n"
        "bff.conf:16: services.items.urls[9].url has a user before its host; a URL with a user is "
        "not taken.\n"
        "bff.conf:17: services.query.url has a query; it stands before the call's own target, so "
        "a query belongs there.\n"
        "bff.conf:18: services.fragment.url is \"http://h#x\"; a space, \"#\" or the like cannot "
        "stand in it.\n"
        "bff.conf:4: both services.both.url and services.both.urls are there; one of them says "
        "where the service answers.\n"
        "bff.conf:5: services.none.url is missing. Where the service answers; a path in it stands "
        "before every call's own.\n"
        "bff.conf:14: services.items.urls[6] is services.items.urls[0] again; give that one a "
        "weight instead.\n");
}

Test(settings_services, one_url_is_one_host_however_it_is_spelt)
{
    static const char *const same[][2] = { { "http://h", "http://H:80/" },
        { "https://h/v1", "https://h:443/v1//" }, { "http://[::1]:80", "http://[::1]" } };
    static const char *const other[][2] = { { "http://h", "https://h" },
        { "http://h:8", "http://h:80" }, { "http://h/v1", "http://h/V1" },
        { "http://h:443", "http://h" }, { "http://h/a", "http://h" } };
    for (size_t i = 0; i < countof(same); i++) {
        read_with(arena_printf(&desk.arena, "services = { s = { urls = ( \"%s\", \"%s\" ); }; };\n",
                      same[i][0], same[i][1]),
            NULL, 0);
        cr_assert_eq(desk.faults.count, 1, "%s", same[i][1]);
        faults_fini(&desk.faults);
    }
    for (size_t i = 0; i < countof(other); i++) {
        read_with(arena_printf(&desk.arena, "services = { s = { urls = ( \"%s\", \"%s\" ); }; };\n",
                      other[i][0], other[i][1]),
            NULL, 0);
        cr_assert_eq(desk.faults.count, 0, "%s", other[i][1]);
    }
}

Test(settings_services, what_cannot_go_together)
{
    expect_faults("services = {\n"
                  "  a = { url = \"http://h\"; http2 = true; };\n"
                  "  b = { urls = ( \"https://h\",\n"
                  "      \"http://i\" );\n"
                  "    http2 = true; };\n"
                  "  c = { url = \"https://h\"; http2 = true; };\n"
                  "  d = { url = \"http://h\"; in_flight_min = 20; in_flight_max = 10;\n"
                  "    breaker = { open_ms = \"2min\"; }; };\n"
                  "  e = { url = \"http://h\"; breaker = { open_max_ms = \"1s\";\n"
                  "    open_ms = \"2s\"; }; };\n"
                  "};\n",
        "bff.conf:3: services.a.http2 is true, but \"http://h\" is not https; HTTP/2 is spoken "
        "over "
        "TLS alone.\n"
        "bff.conf:6: services.b.http2 is true, but \"http://i\" is not https; HTTP/2 is spoken "
        "over "
        "TLS alone.\n"
        "bff.conf:8: services.d.in_flight_min is above services.d.in_flight_max.\n"
        "bff.conf:9: services.d.breaker.open_ms is above services.d.breaker.open_max_ms.\n"
        "bff.conf:11: services.e.breaker.open_ms is above services.e.breaker.open_max_ms.\n");
}

Test(settings_services, a_proxy_is_a_host_and_a_port)
{
    expect_faults("services = {\n"
                  "  a = { url = \"http://h\"; proxy = \"http://proxy:3128\"; };\n"
                  "  b = { url = \"https://h\"; http2 = true; proxy = \"http://[::1]:80/\"; };\n"
                  "  c = { url = \"http://h\"; proxy = \"https://proxy:3128\"; };\n"
                  "  d = { url = \"http://h\"; proxy = \"proxy:3128\"; };\n"
                  "  e = { url = \"http://h\"; proxy = \"http://u:p@proxy\"; };\n"
                  "  f = { url = \"http://h\"; proxy = \"http://proxy/path\"; };\n"
                  "  g = { url = \"http://h\"; proxy = \"http://proxy?q\"; };\n"
                  "  h = { url = \"http://h\"; proxy = 3128; };\n"
                  "};\n",
        "bff.conf:5: services.c.proxy is \"https://proxy:3128\"; a proxy is spoken to without TLS, "
        "so it starts with http://.\n"
        "bff.conf:6: services.d.proxy is \"proxy:3128\"; a URL starts with http:// or https:// "
        "here.\n"
        "bff.conf:7: services.e.proxy has a user before its host; a URL with a user is not taken.\n"
        "bff.conf:8: services.f.proxy is \"http://proxy/path\"; nothing stands behind a proxy's "
        "port.\n"
        "bff.conf:9: services.g.proxy is \"http://proxy?q\"; nothing stands behind a proxy's "
        "port.\n"
        "bff.conf:10: services.h.proxy is a whole number; it takes a URL in quotes "
        "(\"http://host:port\").\n");
    cr_assert_str_eq(settings_service(&settings, "a")->proxy, "http://proxy:3128");
}

Test(settings_services, a_health_check_has_a_path)
{
    expect_faults("services = { a = { url = \"http://h\"; health = \"/healthz?deep=1\";\n"
                  "  health_interval_ms = \"2s\"; }; };\n",
        "");
    cr_assert_str_eq(settings_service(&settings, "a")->health, "/healthz?deep=1");
    expect_faults("services = {\n"
                  "  a = { url = \"http://h\"; health = \"healthz\"; };\n"
                  "  b = { url = \"http://h\"; health = \"/a b\"; };\n"
                  "  c = { url = \"http://h\"; health = true; };\n"
                  "  d = { url = \"http://h\"; health = \"/é\"; };\n"
                  "};\n",
        "bff.conf:3: services.a.health is \"healthz\"; a path starts with \"/\".\n"
        "bff.conf:4: services.b.health is \"/a b\"; a space, \"#\" or the like cannot stand in "
        "it.\n"
        "bff.conf:5: services.c.health is a boolean; it takes a path in quotes (\"/healthz\").\n"
        "bff.conf:6: services.d.health is \"/é\"; a space, \"#\" or the like cannot stand in "
        "it.\n");
}

Test(settings_services, the_command_line_replaces_either_by_the_other)
{
    const char *services = "services = { a = { urls = ( \"http://a\", \"http://b\" ); };\n"
                           "  b = { url = \"http://c\"; }; };\n";
    const char *overrides[] = { "services.a.url=http://new", "services.b.urls=http://d http://e",
        "services.b.breaker.failures=9" };
    read_with(services, overrides, countof(overrides));
    desk_expect(&desk.faults, "");
    cr_assert_eq(hosts_of("a")->count, 1);
    expect_host("a", 0, "http://new", 1);
    cr_assert_eq(hosts_of("b")->count, 2);
    expect_host("b", 1, "http://e", 1);
    cr_assert_eq(settings_service(&settings, "b")->breaker.failures, 9);
    const char *mistakes[] = { "services.a.urls=", "services.b.urls=http://d ftp://e",
        "services.b.urls[0].weight=3" };
    read_with(services, mistakes, countof(mistakes));
    desk_expect(&desk.faults,
        "--set: services.a.urls is empty; it takes a list of URLs (( \"http://a:1\", { url = "
        "\"http://b:1\"; weight = 3; } )).\n"
        "--set: services.b.urls[1].url is \"ftp://e\"; a URL starts with http:// or https:// "
        "here.\n"
        "--set: there is no setting \"services.b.urls[0].weight\"; --help lists them all.\n");
}

Test(settings_services, there_is_an_end_to_hosts)
{
    char list[4000] = "";
    size_t len = 0;
    for (int i = 0; i <= SETTINGS_HOSTS_MAX; i++) {
        len += (size_t)snprintf(
            list + len, sizeof(list) - len, "%s\"http://h:%d\"", i ? ", " : "", i + 1);
    }
    expect_faults(arena_printf(&desk.arena, "services = { a = { urls = ( %s ); }; };\n", list),
        "bff.conf:2: services.a.urls names 33 hosts; there may be 32.\n");
}

Test(settings_services, what_is_printed_reads_back)
{
    expect_faults(
        "services = {\n"
        "  a = { url = \"http://h:1\"; health = \"/healthz\"; retries = 0; hedge = false;\n"
        "    breaker = { failures = 0; window_ms = \"30s\"; }; };\n"
        "  b = { urls = ( \"https://a:1/v1\", { url = \"https://b\"; weight = 3; } );\n"
        "    http2 = true; proxy = \"http://p:3128\"; }; };\n",
        "");
    struct settings first = settings;
    static char text[2][65536];
    for (int round = 0; round < 2; round++) {
        FILE *out = fmemopen(text[round], sizeof(text[round]), "w");
        settings_print(&settings, out);
        fclose(out);
        desk_write("bff.conf", text[round]);
        struct settings_source source = { .path = "bff.conf" };
        settings_read(&settings, &source, &desk.arena, &desk.faults);
        desk_expect(&desk.faults, "");
    }
    cr_assert_str_eq(text[0], text[1]);
    cr_assert_eq(settings.services_count, first.services_count);
    cr_assert_eq(settings_service(&settings, "a")->retries, 0);
    cr_assert_not(settings_service(&settings, "a")->hedge);
    cr_assert_eq(settings_service(&settings, "a")->breaker.window_ms, 30000);
    cr_assert_eq(hosts_of("b")->count, 2);
    expect_host("b", 1, "https://b", 3);
    cr_assert(settings_service(&settings, "b")->http2);
    cr_assert_str_eq(settings_service(&settings, "b")->proxy, "http://p:3128");
    expect_host("a", 0, "http://h:1", 1);
}
