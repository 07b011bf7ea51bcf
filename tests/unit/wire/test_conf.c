/* conf: a tree with its places, sentences for what breaks the notation, and no file that ends the
 * process. */
#include "../desk.h"
#include "wire/conf.h"

#include <sys/stat.h>

TestSuite(conf, .init = desk_open, .fini = desk_close, .timeout = 60);

static const struct conf_item *read_text(const char *text)
{
    desk_write("a.conf", text);
    return conf_read("a.conf", &desk.arena, &desk.faults);
}

static void expect_broken(const char *text, const char *sentences)
{
    cr_assert_null(read_text(text));
    desk_expect(&desk.faults, sentences);
    faults_fini(&desk.faults);
}

Test(conf, values_keep_their_types_and_places)
{
    const struct conf_item *root = read_text("number = -3;\n"
                                             "group = {\n"
                                             "  text = \"a\\\"b\\\\c\" \"d\";\n"
                                             "  yes = true;\n"
                                             "};\n"
                                             "real = 1.5; list = ( 1, \"two\" ); hex = 0x1F;\n"
                                             "long = 5000000000L;\n"
                                             "# the last line needs no end");
    desk_expect(&desk.faults, "");
    cr_assert_eq(root->items_count, 6);
    cr_assert(root->items[0].type == CONF_INTEGER && root->items[0].integer == -3);
    const struct conf_item *group = &root->items[1];
    cr_assert(group->type == CONF_GROUP && group->items_count == 2);
    cr_assert_str_eq(group->items[0].name, "text");
    cr_assert_str_eq(group->items[0].text, "a\"b\\cd");
    cr_assert_str_eq(group->items[0].file, "a.conf");
    cr_assert_eq(group->items[0].line, 3);
    cr_assert(group->items[1].type == CONF_BOOLEAN && group->items[1].boolean);
    cr_assert(root->items[2].type == CONF_REAL && root->items[2].real == 1.5);
    cr_assert(root->items[3].type == CONF_LIST && root->items[3].items_count == 2);
    cr_assert_str_eq(root->items[3].items[1].text, "two");
    cr_assert_eq(root->items[4].integer, 31);
    cr_assert_eq(root->items[5].integer, 5000000000);
}

Test(conf, an_empty_file_is_an_empty_group)
{
    const struct conf_item *root = read_text("");
    cr_assert(root && root->type == CONF_GROUP && root->items_count == 0);
}

Test(conf, what_breaks_the_notation_is_named_with_its_line)
{
    expect_broken("a = 1;\nb = = 2;\n",
        "a.conf:2: syntax error; reading stopped here, so there may be more mistakes below.\n");
    expect_broken("a = 1;\nb = 1;\na = 2;\n",
        "a.conf:3: this name stands in its group twice; reading stopped here, so there may be more "
        "mistakes below.\n");
    expect_broken("a = \"x;\nb = 1;\n", "a.conf:1: the text that opens here is not closed.\n");
    expect_broken("a = 1;\n/* b = 2;\n", "a.conf:2: the comment that opens here is not closed.\n");
}

Test(conf, numbers_that_would_change_on_the_way_are_refused)
{
    expect_broken("a = 2147483648;\nb = 1;\nc = 0xFFFFFFFF; d = 99999999999999999999L;\n",
        "a.conf:1: the number 2147483648 is too large to be read.\n"
        "a.conf:3: the number 0xFFFFFFFF is too large to be read.\n"
        "a.conf:3: the number 99999999999999999999L is too large to be read.\n");
    const struct conf_item *root =
        read_text("a = 2147483647; b = 1e30; a99999999999 = 1;\n"
                  "# 99999999999\n/* 99999999999 */ c = \"99999999999\";");
    desk_expect(&desk.faults, "");
    cr_assert_eq(root->items[0].integer, 2147483647);
}

Test(conf, files_that_cannot_be_read_say_why)
{
    cr_assert_null(conf_read("none.conf", &desk.arena, &desk.faults));
    cr_assert_null(conf_read(".", &desk.arena, &desk.faults));
    desk_write_bytes("zero.conf", "a = 1;\0b = 2;", 13);
    cr_assert_null(conf_read("zero.conf", &desk.arena, &desk.faults));
    char *large = arena_zalloc(&desk.arena, 1, 300000);
    desk_write_bytes("large.conf", memset(large, ' ', 300000), 300000);
    cr_assert_null(conf_read("large.conf", &desk.arena, &desk.faults));
    desk_expect(&desk.faults,
        "none.conf: the file cannot be read: No such file or directory.\n"
        ".: the file cannot be read: it is a directory.\n"
        "zero.conf: the file cannot be read: it is not a text: there is a zero byte in it.\n"
        "large.conf: the file cannot be read: it is larger than 256 KB.\n");
}

Test(conf, included_files_keep_their_names)
{
    mkdir("etc", 0700);
    mkdir("etc/more", 0700);
    desk_write("etc/main.conf", "a = 1;\n@include \"more/b.conf\"\nd = 4;\n");
    desk_write("etc/more/b.conf", "b = 2;\n@include \"more/c.conf\"\n");
    desk_write("etc/more/c.conf", "\nc = { e = 3; };\n");
    const struct conf_item *root = conf_read("etc/main.conf", &desk.arena, &desk.faults);
    desk_expect(&desk.faults, "");
    cr_assert_eq(root->items_count, 4);
    cr_assert_str_eq(root->items[1].file, "etc/more/b.conf");
    cr_assert_str_eq(root->items[2].items[0].file, "etc/more/c.conf");
    cr_assert_eq(root->items[2].items[0].line, 2);
    cr_assert_str_eq(root->items[3].file, "etc/main.conf");
    cr_assert_eq(root->items[3].line, 3);
    desk_write("etc/more/c.conf", "\n\nc = ;\n");
    cr_assert_null(conf_read("etc/main.conf", &desk.arena, &desk.faults));
    desk_expect(&desk.faults, "etc/more/c.conf:3: syntax error; reading stopped here, so there may "
                              "be more mistakes below.\n");
}

Test(conf, what_cannot_be_included_is_said_at_the_include)
{
    mkdir("directory", 0700);
    expect_broken("\n@include \"directory\"\n@include \"none.conf\"\n@include \"/etc/passwd\"\n",
        "a.conf:2: \"directory\" cannot be included: it is a directory.\n"
        "a.conf:3: \"none.conf\" cannot be included: No such file or directory.\n"
        "a.conf:4: @include takes a plain path relative to the main file's directory, not "
        "\"/etc/passwd\".\n");
    expect_broken("@include \"a.conf\"\n",
        "a.conf:1: files include each other more than 8 deep; does one include itself?\n");
}

Test(conf, depth_is_bounded)
{
    char deep[4000] = "a = ";
    memset(deep + 4, '(', 3000);
    cr_assert_null(read_text(deep));
    cr_assert(strstr(desk_sentences(&desk.faults), "a.conf:1: groups and lists nest more than 32"));
}

/* A generator whose every run is the same. */
static unsigned next(unsigned *state)
{
    *state = *state * 1103515245u + 12345u;
    return *state >> 16;
}

Test(conf, random_bytes_never_end_the_process)
{
    static const char *const words[] = { "a", " = ", "{", "}", "(", ")", "[", "]", ";", "\"", "\\",
        "\n", "@include \"", "@include", "/*", "*/", "#", "//", "0x", "9999999999", "-1", "1.5e9",
        "L", "true", ",", ":", "directory", "\t", "\x01", "\xff", "b", "limits" };
    mkdir("directory", 0700);
    for (unsigned seed = 1; seed <= 4000; seed++) {
        unsigned state = seed;
        char text[256];
        size_t len = 0, want = next(&state) % 200;
        while (len < want) {
            const char *word = words[next(&state) % (sizeof(words) / sizeof(words[0]))];
            size_t word_len = seed % 2 ? strlen(word) : 1;
            char byte = (char)next(&state);
            memcpy(text + len, seed % 2 ? word : &byte, word_len);
            len += word_len;
        }
        desk_write_bytes("a.conf", text, len);
        const struct conf_item *root = conf_read("a.conf", &desk.arena, &desk.faults);
        cr_assert((root != NULL) == (desk.faults.count == 0), "seed %u", seed);
        faults_fini(&desk.faults);
        arena_release(&desk.arena);
    }
}
