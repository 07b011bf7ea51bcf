/* options: what a command line asks for, and the sentence that refuses one. */
#include "options.h"
#include "base/must.h"
#include "desk.h"
#include "settings_table.h"

TestSuite(options, .init = desk_open, .fini = desk_close, .timeout = 20);

static struct options options;
static struct err err;

enum { WORDS_MAX = 12 };

static bool read_words(const char *const *words)
{
    char *argv[WORDS_MAX + 2] = { (char *)"bff-test" };
    int argc = 1;
    for (; words[argc - 1]; argc++) {
        argv[argc] = (char *)words[argc - 1];
    }
    err.text[0] = '\0';
    return options_read(&options, argc, argv, &desk.arena, &err);
}

#define READ(...) read_words((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

Test(options, nothing_asks_to_serve)
{
    cr_assert(READ());
    cr_assert_eq(options.job, OPTIONS_SERVE);
    cr_assert_str_eq(options.settings.path, "bff.conf");
    cr_assert_eq(options.settings.overrides_count, 0);
    cr_assert(options_read(&options, 0, (char *[]){ NULL }, &desk.arena, &err));
}

Test(options, values_stand_behind_or_after_an_equals_sign)
{
    cr_assert(READ("--set", "a=b=c", "--config=x.conf", "--set=d=", "--check"));
    cr_assert_eq(options.job, OPTIONS_CHECK);
    cr_assert_str_eq(options.settings.path, "x.conf");
    cr_assert_eq(options.settings.overrides_count, 2);
    cr_assert_str_eq(options.settings.overrides[0], "a=b=c");
    cr_assert_str_eq(options.settings.overrides[1], "d=");
    cr_assert(READ("--config", "-", "--try", "feed", "answers"));
    cr_assert_eq(options.job, OPTIONS_TRY);
    cr_assert_str_eq(options.settings.path, "-");
    cr_assert_str_eq(options.try_plan, "feed");
    cr_assert_str_eq(options.try_directory, "answers");
}

Test(options, each_job_has_its_option)
{
    cr_assert(READ("--plans") && options.job == OPTIONS_PLANS);
    cr_assert(READ("--openapi") && options.job == OPTIONS_OPENAPI);
    cr_assert(READ("--settings") && options.job == OPTIONS_SETTINGS);
    cr_assert(READ("--help") && options.job == OPTIONS_HELP);
    cr_assert(READ("--version") && options.job == OPTIONS_VERSION);
    cr_assert(READ("--check", "--check") && options.job == OPTIONS_CHECK);
}

static void expect_refused(bool is_good, const char *sentence)
{
    cr_assert_not(is_good);
    cr_assert_str_eq(err.text, sentence);
}

Test(options, what_is_not_understood_is_refused)
{
    expect_refused(READ("--chek"), "There is no option \"--chek\"; did you mean \"--check\"?");
    expect_refused(READ("--confg=a"), "There is no option \"--confg\"; did you mean \"--config\"?");
    expect_refused(
        READ("--frobnicate"), "There is no option \"--frobnicate\"; --help lists them all.");
    expect_refused(READ("bff.conf"), "There is no option \"bff.conf\"; --help lists them all.");
    expect_refused(READ(""), "There is no option \"\"; --help lists them all.");
    expect_refused(READ("--config"), "--config needs FILE.");
    expect_refused(READ("--config", "--check"), "--config needs FILE.");
    expect_refused(READ("--try", "feed"), "--try needs PLAN and DIR.");
    expect_refused(READ("--check=yes"), "--check takes no value.");
    expect_refused(READ("--check", "--plans"), "--check and --plans cannot be asked at once.");
}

static const struct bff_client client = { .name = "test", .about = "A server for tests." };

static const char *printed(void (*print)(const struct bff_client *client, FILE *out))
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    print(&client, out);
    fclose(out);
    const char *copy = arena_cstr(&desk.arena, (struct str){ text, len });
    free(text);
    return copy;
}

Test(options, help_tells_everything)
{
    const char *help = printed(options_help);
    static const char *const words[] = { "bff-test", "A server for tests.", "--config FILE",
        "--set NAME=VALUE", "--check", "--plans", "--try PLAN DIR", "--settings", "--help",
        "--version", "SIGTERM", "64", "78", "token.issuer", "services.NAME.url" };
    for (size_t i = 0; i < countof(words); i++) {
        cr_assert(strstr(help, words[i]), "%s", words[i]);
    }
}

Test(options, version_is_one_line)
{
    const char *version = printed(options_version);
    cr_assert(strncmp(version, "bff-test ", 9) == 0);
    cr_assert_eq(strchr(version, '\n')[1], '\0');
}
