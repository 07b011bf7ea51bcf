/* settings: every mistake is one finished sentence at its place, and what is printed reads back. */
#include "desk.h"
#include "settings.h"
#include "settings_table.h"
#include "settings_value.h"

#include "base/must.h"

#include <sys/stat.h>

TestSuite(settings, .init = desk_open, .fini = desk_close, .timeout = 60);

static struct settings settings;

/* The least that a file must hold. */
#define LEAST                                                                                      \
    "token = { issuer = \"i\"; audience = \"a\"; jwks_url = \"http://h/keys\"; };\n"               \
    "services = { posts = { url = \"http://h:1\"; }; };\n"

static void read_with(const char *text, const char *const *overrides, size_t count)
{
    struct settings_source source = { "bff.conf", overrides, count };
    desk_write("bff.conf", text);
    settings_read(&settings, &source, &desk.arena, &desk.faults);
}

static void read_text(const char *text)
{
    read_with(text, NULL, 0);
}

/* `text` stands from line 3 on, behind what every file must hold. */
static void expect_faults(const char *text, const char *sentences)
{
    read_text(arena_printf(&desk.arena, "%s%s", LEAST, text));
    desk_expect(&desk.faults, sentences);
    faults_fini(&desk.faults);
}

Test(settings, what_the_file_does_not_say_has_its_default)
{
    read_text(LEAST);
    desk_expect(&desk.faults, "");
    cr_assert_str_eq(settings.file, "bff.conf");
    cr_assert_str_eq(settings.listen.address, "127.0.0.1");
    cr_assert_eq(settings.listen.port, 8443);
    cr_assert_gt(settings.listen.workers, 0);
    cr_assert_null(settings.listen.certificate);
    cr_assert_eq(settings.limits.body_bytes, 65536);
    cr_assert_eq(settings.limits.budget_ms, 800);
    cr_assert_eq(settings.limits.idle_ms, 60000);
    cr_assert_eq(settings.token.refresh_s, 300);
    cr_assert_eq(settings.quota.user.burst, 60);
    cr_assert_not(settings.server_timing);
    const struct settings_service *posts = settings_service(&settings, "posts");
    cr_assert_str_eq(posts->url, "http://h:1");
    cr_assert_eq(posts->answer_max_bytes, 1048576);
    cr_assert_str_eq(posts->file, "bff.conf");
    cr_assert_eq(posts->line, 2);
    cr_assert_null(settings_service(&settings, "ads"));
}

Test(settings, values_may_carry_units)
{
    read_text(LEAST "limits = { body_bytes = \"1mb\"; head_bytes = 20000; budget_ms = \"2s\";\n"
                    "  drain_ms = 0; };\n"
                    "token_unused_ = 1;");
    desk_expect(&desk.faults,
        "bff.conf:5: there is no setting \"token_unused_\"; --help lists them "
        "all.\n");
    cr_assert_eq(settings.limits.body_bytes, 1048576);
    cr_assert_eq(settings.limits.head_bytes, 20000);
    cr_assert_eq(settings.limits.budget_ms, 2000);
    cr_assert_eq(settings.limits.drain_ms, 0);
}

Test(settings, a_page_of_mistakes_is_a_page_of_sentences)
{
    read_text("limits = {\n"
              "    bdy_bytes = 5;\n"
              "    body_bytes = \"5GB\";\n"
              "    head_ms = \"soon\";\n"
              "    budget_ms = -5;\n"
              "    in_flight = 1.5;\n"
              "    target_bytes = \"20KB\";\n"
              "};\n"
              "limts = { body_bytes = 5; };\n"
              "budget_ms = 5;\n"
              "listen = { port = \"8080\"; certificate = \"c.pem\"; address = \"localhost\"; };\n"
              "log = { level = \"inf\"; access = true; };\n"
              "admin = 9443;\n"
              "token = { issuer = \"\"; jwks_url = \"ftp://keys\"; ca_file = \"none.pem\"; };\n"
              "services = {\n"
              "    posts = { timeout_ms = 5; };\n"
              "    ads = { url = \"http://h\"; timout_ms = 5; };\n"
              "    a*b = { };\n"
              "    profiles = \"http://h\";\n"
              "};\n"
              "server_timing = \"yes\";\n");
    desk_expect(&desk.faults,
        "bff.conf:2: there is no setting \"limits.bdy_bytes\"; did you mean "
        "\"limits.body_bytes\"?\n"
        "bff.conf:3: limits.body_bytes is \"5GB\"; it must be from 0 to \"64MB\".\n"
        "bff.conf:4: limits.head_ms is \"soon\"; it takes a time (800, \"800ms\", \"2s\", "
        "\"1min\").\n"
        "bff.conf:5: limits.budget_ms is -5; it must be from \"10ms\" to \"5min\".\n"
        "bff.conf:6: limits.in_flight is a number with a fraction; it takes a whole number without "
        "quotes.\n"
        "bff.conf:9: there is no group \"limts\"; did you mean \"limits\"?\n"
        "bff.conf:10: there is no setting \"budget_ms\"; did you mean \"limits.budget_ms\"?\n"
        "bff.conf:11: listen.port is \"8080\"; it takes a whole number without quotes.\n"
        "bff.conf:11: listen.address is \"localhost\"; it takes an IP address in quotes "
        "(\"127.0.0.1\", \"::1\").\n"
        "bff.conf:12: log.level is \"inf\"; did you mean \"info\"? It takes one of \"error\", "
        "\"warn\", \"info\", \"debug\".\n"
        "bff.conf:12: log.access is a boolean; it takes a path in quotes.\n"
        "bff.conf:13: admin is a whole number; it takes a group: admin = { ... };\n"
        "bff.conf:14: token.issuer is empty. Who issues tokens: their \"iss\", byte for byte.\n"
        "bff.conf:14: token.jwks_url is \"ftp://keys\"; a URL starts with http:// or https:// "
        "here.\n"
        "bff.conf:14: token.ca_file is \"none.pem\", which cannot be read: No such file or "
        "directory.\n"
        "bff.conf:17: there is no setting \"services.ads.timout_ms\"; did you mean "
        "\"services.ads.timeout_ms\"?\n"
        "bff.conf:18: \"a*b\" cannot name a service: take at most 40 letters, digits, \"-\" and "
        "\"_\".\n"
        "bff.conf:19: services.profiles is a text; it takes a group: profiles = { url = "
        "\"http://host:port\"; };\n"
        "bff.conf:21: server_timing is \"yes\"; it takes true or false.\n"
        "bff.conf: token.audience is missing. Whom tokens are for: one of their \"aud\".\n"
        "bff.conf:11: listen.certificate is there without listen.key; TLS takes both.\n"
        "bff.conf:7: limits.target_bytes is larger than limits.head_bytes, of which it is a part.\n"
        "bff.conf:16: services.posts.url is missing. Where the service answers; a path in it "
        "stands "
        "before every call's own.\n");
}

Test(settings, an_empty_file_lacks_what_has_no_default)
{
    read_text("");
    desk_expect(&desk.faults,
        "bff.conf: token.issuer is missing. Who issues tokens: their \"iss\", byte for byte.\n"
        "bff.conf: token.audience is missing. Whom tokens are for: one of their \"aud\".\n"
        "bff.conf: token.jwks_url is missing. Where the issuer publishes the keys that sign "
        "tokens.\n"
        "bff.conf: there are no services; write services = { profiles = { url = "
        "\"http://host:port\"; }; };\n");
}

Test(settings, a_file_that_cannot_be_read_lacks_nothing_else)
{
    const char *overrides[] = { "listen.prt=1" };
    struct settings_source source = { "none.conf", overrides, 1 };
    settings_read(&settings, &source, &desk.arena, &desk.faults);
    desk_expect(&desk.faults,
        "none.conf: the file cannot be read: No such file or directory.\n"
        "--set: there is no setting \"listen.prt\"; did you mean \"listen.port\"?\n");
}

Test(settings, two_listeners_do_not_share_a_port)
{
    const char *clash = "bff.conf:4: admin.port is 8000, as is listen.port, on the same address; "
                        "give it another one.\n";
    expect_faults("listen = { port = 8000; };\nadmin = { port = 8000; };\n", clash);
    expect_faults(
        "listen = { port = 8000; address = \"::\"; };\nadmin = { port = 8000; };\n", clash);
    expect_faults(
        "listen = { port = 8000; };\nadmin = { port = 8000; address = \"127.0.0.2\"; };\n", "");
    expect_faults("listen = { port = 0; }; admin = { port = 0; };\n", "");
}

Test(settings, a_service_takes_its_certificate_with_the_key)
{
    desk_write("c.pem", "");
    read_text("token = { issuer = \"i\"; audience = \"a\"; jwks_url = \"http://h/keys\"; };\n"
              "services = {\n"
              "  a = { url = \"https://h\"; cert_file = \"c.pem\"; };\n"
              "  b = { url = \"https://h\"; key_file = \"c.pem\"; };\n"
              "  c = { url = \"https://h\"; cert_file = \"c.pem\"; key_file = \"c.pem\"; };\n"
              "};\n");
    desk_expect(&desk.faults,
        "bff.conf:3: services.a.cert_file is there without services.a.key_file; TLS takes both.\n"
        "bff.conf:4: services.b.key_file is there without services.b.cert_file; TLS takes both.\n");
}

Test(settings, a_services_url_has_no_query)
{
    read_text("token = { issuer = \"i\"; audience = \"a\"; jwks_url = \"http://h/keys?set=1\"; };\n"
              "services = {\n"
              "  a = { url = \"https://h/base\"; };\n"
              "  b = {\n"
              "    url = \"https://h/base?key=secret\"; };\n"
              "};\n");
    desk_expect(&desk.faults, "bff.conf:5: services.b.url has a query; it stands before the call's "
                              "own target, so a query "
                              "belongs there.\n");
}

static bool is_url(const char *url)
{
    struct settings_row row = { .name = "url", .kind = SETTINGS_URL };
    const char *stored = NULL;
    struct settings_value value = { &row, row.name, &stored };
    struct conf_item item = { .type = CONF_TEXT, .text = url };
    struct err err;
    bool is_good = settings_value_set(&value, &item, &desk.arena, &err);
    cr_assert_eq(is_good, stored != NULL);
    cr_assert(is_good || err.text[strlen(err.text) - 1] == '.', "%s", err.text);
    return is_good;
}

Test(settings, urls_name_a_host)
{
    static const char *const good[] = { "http://h", "https://h.example:443/p/q?a=b",
        "http://127.0.0.1:7101", "http://[::1]:80/", "http://[::1]", "http://h/a@b" };
    static const char *const bad[] = { "h", "//h", "http:/h", "http://", "http:///p", "http://:80",
        "http://h:", "http://h:0", "http://h:65536", "http://h:8x", "http://u:p@h", "http://h/#f",
        "http://h/a b", "http://[::1", "http://[]", "http://[::1]x", "http://[::1]:", "http://h\n",
        "file:///etc/passwd" };
    for (size_t i = 0; i < countof(good); i++) {
        cr_assert(is_url(good[i]), "%s", good[i]);
    }
    for (size_t i = 0; i < countof(bad); i++) {
        cr_assert(!is_url(bad[i]), "%s", bad[i]);
    }
}

Test(settings, a_password_in_a_url_is_not_repeated)
{
    expect_faults("", "");
    const char *overrides[] = { "token.jwks_url=https://user:sesame@h/keys" };
    read_with(LEAST, overrides, 1);
    desk_expect(&desk.faults, "--set: token.jwks_url has a user before its host; a URL with a user "
                              "is not taken.\n");
}

Test(settings, paths_start_at_their_file)
{
    mkdir("etc", 0700);
    mkdir("etc/more", 0700);
    desk_write("etc/main.conf", LEAST "@include \"more/tls.conf\"\nschemas = \"shapes\";\n");
    desk_write("etc/more/tls.conf", "listen = { certificate = \"c.pem\"; key = \"/k.pem\"; };\n");
    const char *overrides[] = { "log.access=here.log" };
    struct settings_source source = { "etc/main.conf", overrides, 1 };
    settings_read(&settings, &source, &desk.arena, &desk.faults);
    desk_expect(&desk.faults, "");
    cr_assert_str_eq(settings.listen.certificate, "etc/more/c.pem");
    cr_assert_str_eq(settings.listen.key, "/k.pem");
    cr_assert_str_eq(settings.schemas, "etc/shapes");
    cr_assert_str_eq(settings.log.access, "here.log");
}

Test(settings, overrides_count_more_than_the_file)
{
    const char *overrides[] = { "listen.port=8080", "listen.port=8081", "limits.budget_ms=1s",
        "server_timing=true", "services.posts.url=http://other", "services.ads.url=http://new",
        "log.level=debug", "token.issuer=42" };
    read_with(LEAST "listen = { port = 1; };\n", overrides, countof(overrides));
    desk_expect(&desk.faults, "");
    cr_assert_eq(settings.listen.port, 8081);
    cr_assert_eq(settings.limits.budget_ms, 1000);
    cr_assert(settings.server_timing);
    cr_assert_str_eq(settings_service(&settings, "posts")->url, "http://other");
    cr_assert_str_eq(settings_service(&settings, "ads")->url, "http://new");
    cr_assert_str_eq(settings.log.level, "debug");
    cr_assert_str_eq(settings.token.issuer, "42");
}

Test(settings, overrides_make_the_same_mistakes)
{
    const char *overrides[] = { "listen.port", "limts.body_bytes=1", "listen.port=many",
        "listen.port=99999999999999999999", "services.posts.ulr=x", "services.ads=x",
        "services.ads.timeout_ms=5", "services..url=http://h" };
    read_with(LEAST, overrides, countof(overrides));
    desk_expect(&desk.faults,
        "--set: \"listen.port\" is no assignment; write it as listen.port=8080.\n"
        "--set: there is no setting \"limts.body_bytes\"; did you mean \"limits.body_bytes\"?\n"
        "--set: listen.port is \"many\"; it takes a whole number without quotes.\n"
        "--set: listen.port is \"99999999999999999999\"; it takes a whole number without quotes.\n"
        "--set: there is no setting \"services.posts.ulr\"; did you mean \"services.posts.url\"?\n"
        "--set: there is no setting \"services.ads\"; --help lists them all.\n"
        "--set: \"\" cannot name a service: take at most 40 letters, digits, \"-\" and \"_\".\n"
        "--set: services.ads.url is missing. Where the service answers; a path in it stands before "
        "every call's own.\n");
}

Test(settings, services_are_bounded)
{
    const char *text = "";
    for (int i = 0; i <= SETTINGS_SERVICES_MAX; i++) {
        text = arena_printf(&desk.arena, "%s s%d = { url = \"http://h\"; };", text, i);
    }
    read_text(arena_printf(&desk.arena,
        "token = { issuer = \"i\"; audience = \"a\"; jwks_url = \"http://h/keys\"; };\n"
        "services = { %s };\n",
        text));
    desk_expect(&desk.faults, "bff.conf:2: \"s64\" is one service too many: there may be 64.\n");
}

/* --- the table --- */

static void check_row(const struct settings_row *row)
{
    size_t help = strlen(row->help);
    bool is_number = row->kind >= SETTINGS_COUNT;
    cr_assert(help > 10 && row->help[help - 1] == '.', "%s has no finished help", row->name);
    cr_assert(!row->is_required || !row->otherwise, "%s", row->name);
    cr_assert_eq(row->kind == SETTINGS_CHOICE && !row->words, false, "%s", row->name);
    cr_assert_eq(is_number, row->store == SETTINGS_AS_UNSIGNED || row->store == SETTINGS_AS_SIZE);
    cr_assert_eq(row->kind == SETTINGS_BOOLEAN, row->store == SETTINGS_AS_BOOL, "%s", row->name);
    cr_assert_eq(row->kind == SETTINGS_BYTES, row->store == SETTINGS_AS_SIZE, "%s", row->name);
    if (is_number) {
        cr_assert(row->otherwise && row->min < row->max && row->max <= INT32_MAX, "%s", row->name);
        cr_assert_eq(row->min == 0, row->zero != NULL, "%s: what does 0 mean?", row->name);
    }
}

Test(settings, every_row_says_what_it_is)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        check_row(&settings_table[i]);
    }
    for (size_t i = 0; i < settings_service_table_count; i++) {
        check_row(&settings_service_table[i]);
    }
}

/* Both bounds are taken, and what is beyond them is not. */
static void check_bounds(const struct settings_row *row, void *base)
{
    struct settings_value value = { row, row->name, base };
    struct err err;
    struct conf_item item = { .type = CONF_INTEGER };
    const int64_t good[] = { (int64_t)row->min, (int64_t)row->max };
    const int64_t bad[] = { (int64_t)row->min - 1, (int64_t)row->max + 1, INT64_MIN, INT64_MAX };
    for (size_t i = 0; i < countof(good); i++) {
        item.integer = good[i];
        cr_assert(settings_value_set(&value, &item, &desk.arena, &err), "%s", row->name);
    }
    for (size_t i = 0; i < countof(bad); i++) {
        item.integer = bad[i];
        cr_assert(!settings_value_set(&value, &item, &desk.arena, &err), "%s", row->name);
        cr_assert(strstr(err.text, "; it must be from "), "%s", err.text);
    }
}

Test(settings, every_number_has_its_bounds)
{
    struct settings_service service = { 0 };
    for (size_t i = 0; i < settings_table_count; i++) {
        if (settings_table[i].kind >= SETTINGS_COUNT) {
            check_bounds(&settings_table[i], &settings);
        }
    }
    for (size_t i = 0; i < settings_service_table_count; i++) {
        if (settings_service_table[i].kind >= SETTINGS_COUNT) {
            check_bounds(&settings_service_table[i], &service);
        }
    }
}

static const char *printed(void (*print)(FILE *out))
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    print(out);
    fclose(out);
    const char *copy = arena_cstr(&desk.arena, (struct str){ text, len });
    free(text);
    return copy;
}

Test(settings, help_tells_every_row)
{
    const char *help = printed(settings_help);
    for (size_t i = 0; i < settings_table_count; i++) {
        const char *line = arena_printf(&desk.arena, "\n  %s", settings_table[i].name);
        cr_assert(strstr(help, line), "%s", line);
    }
    for (size_t i = 0; i < settings_service_table_count; i++) {
        const char *name = settings_service_table[i].name;
        cr_assert(
            strstr(help, arena_printf(&desk.arena, "\n  services.NAME.%s", name)), "%s", name);
    }
    for (const char *line = help; *line; line = strchr(line, '\n') + 1) {
        cr_assert_leq(strcspn(line, "\n"), 100, "%.120s", line);
    }
}

static void print_settings(FILE *out)
{
    settings_print(&settings, out);
}

/* Every member that a row describes has the value that it had. */
static void check_same(const struct settings_row *rows, size_t count, void *left, void *right)
{
    for (size_t i = 0; i < count; i++) {
        char texts[2][512] = { "", "" };
        void *bases[2] = { left, right };
        for (int side = 0; side < 2; side++) {
            FILE *out = fmemopen(texts[side], sizeof(texts[side]), "w");
            struct settings_value value = { &rows[i], rows[i].name, bases[side] };
            settings_value_print(&value, out);
            fclose(out);
        }
        cr_assert(strcmp(texts[0], texts[1]) == 0, "%s", rows[i].name);
    }
}

Test(settings, what_is_printed_reads_back_anywhere)
{
    mkdir("etc", 0700);
    mkdir("etc/shapes", 0700);
    desk_write("etc/ca.pem", "");
    desk_write("etc/bff.conf",
        "token = { issuer = \"a\\\"b\\\\c é\"; audience = \"a\"; jwks_url = \"http://h/keys\";\n"
        "  ca_file = \"ca.pem\"; };\n"
        "limits = { body_bytes = 12345; drain_ms = 0; budget_ms = 1501; idle_ms = \"2h\"; };\n"
        "limits_unused = { };\n"
        "schemas = \"shapes\"; log = { access = \"off\"; level = \"warn\"; };\n"
        "listen = { certificate = \"new.crt\"; key = \"new.key\"; address = \"::1\"; workers = 3; "
        "};\n"
        "services = { posts = { url = \"http://h:1\"; timeout_ms = \"1s\"; };\n"
        "  a-d_s = { url = \"https://i\"; ca_file = \"ca.pem\"; answer_max_bytes = 5000; }; };\n");
    struct settings_source source = { .path = "etc/bff.conf" };
    settings_read(&settings, &source, &desk.arena, &desk.faults);
    desk_expect(&desk.faults,
        "etc/bff.conf:3: limits.idle_ms is \"2h\"; it must be from \"100ms\" to \"1h\".\n"
        "etc/bff.conf:4: there is no group \"limits_unused\"; --help lists them all.\n");
    faults_fini(&desk.faults);
    struct settings first = settings;
    mkdir("elsewhere", 0700);
    desk_write("elsewhere/copy.conf", printed(print_settings));
    source.path = "elsewhere/copy.conf";
    settings_read(&settings, &source, &desk.arena, &desk.faults);
    desk_expect(&desk.faults, "");
    check_same(settings_table, settings_table_count, &first, &settings);
    cr_assert_eq(settings.services_count, 2);
    for (size_t i = 0; i < settings.services_count; i++) {
        cr_assert_str_eq(settings.services[i].name, first.services[i].name);
        check_same(settings_service_table, settings_service_table_count, &settings.services[i],
            &first.services[i]);
    }
}

/* A generator whose every run is the same. */
static unsigned next(unsigned *state)
{
    *state = *state * 1103515245u + 12345u;
    return *state >> 16;
}

/* A row's name, now and then with one letter changed. */
static const char *random_name(unsigned *state)
{
    size_t at = next(state) % (settings_table_count + settings_service_table_count);
    char *name = at < settings_table_count
                     ? arena_cstr(&desk.arena, str_of(settings_table[at].name))
                     : arena_printf(&desk.arena, "services.s%u.%s", next(state) % 3,
                           settings_service_table[at - settings_table_count].name);
    if (next(state) % 4 == 0) {
        name[next(state) % strlen(name)] = (char)(next(state) % 255 + 1);
    }
    return name;
}

Test(settings, no_value_ends_the_process)
{
    static const char *const values[] = { "", "0", "-1", "1", "99999999999999999999", "64KB", "1h",
        "9999999999999999GB", "true", "http://h", "http://[", "::1", "..", "/", "\xff\xfe", "info",
        "\x01", "%s%n", "a.pem", "=" };
    for (unsigned seed = 1; seed <= 1000; seed++) {
        const char *overrides[8];
        unsigned state = seed;
        for (size_t i = 0; i < countof(overrides); i++) {
            overrides[i] = arena_printf(
                &desk.arena, "%s=%s", random_name(&state), values[next(&state) % countof(values)]);
        }
        read_with(LEAST, overrides, countof(overrides));
        for (size_t i = 0; i < desk.faults.count; i++) {
            const char *text = desk.faults.list[i].text;
            cr_assert(strchr(".?;", text[strlen(text) - 1]), "seed %u: %s", seed, text);
        }
        cr_assert_gt(settings.listen.workers, 0);
        faults_fini(&desk.faults);
        arena_release(&desk.arena);
    }
}

/* --- the servers' own files --- */

Test(settings, the_files_of_the_three_servers_are_good)
{
    static const struct {
        const char *name;
        unsigned port, admin;
    } servers[] = { { "mobile", 8441, 9441 }, { "web", 8442, 9442 }, { "tv", 8443, 9443 } };
    for (size_t i = 0; i < countof(servers); i++) {
        struct settings_source source = { .path = arena_printf(&desk.arena, "%s/bff-%s/bff.conf",
                                              desk.home, servers[i].name) };
        settings_read(&settings, &source, &desk.arena, &desk.faults);
        desk_expect(&desk.faults, "");
        cr_assert_eq(settings.listen.port, servers[i].port);
        cr_assert_eq(settings.admin.port, servers[i].admin);
        cr_assert_eq(settings.services_count, 6);
    }
}
