"""Proof that each rule bites: a good tree passes it, and the same tree with one breach does not."""

import pathlib
import sys
import tempfile

import rules

OPENING = "/*\n * thing: a file of this test.\n *\n * Owns nothing.\n */\n"
TOKEN = '#include "admit/token.h"\n'
LONG_FUNCTION = "int thing_long(void)\n{\n" + "    puts(\"\");\n" * 60 + "}\n"

GOOD = {
    "bff-core/bff.h": "#include <stddef.h>\n\nint bff_main(int argc);\n",
    "bff-core/request.h": '#include "bff.h"\n',
    "bff-core/base/str.h": "#include <stdbool.h>\n",
    "bff-core/wire/json.h": '#include "../base/str.h"\n',
    "bff-core/wire/thing.h": '#include "../base/str.h"\n\nstruct other;\n',
    "bff-core/wire/thing.c": OPENING + '#include "thing.h"\n\n'
                             "static int hidden(void)\n{\n    return 0;\n}\n\n"
                             "int thing_one(void)\n{\n    return hidden();\n}\n\n"
                             "int other_two(void)\n{\n    return thing_one();\n}\n",
    "bff-core/admit/token.h": '#include "request.h"\n#include "wire/thing.h"\n',
    "bff-core/observe/finish.h": '#include "worker.h"\n',
    "bff-core/worker.h": '#include "admit/token.h"\n',
    "bff-tv/main.c": '#include "bff.h"\n',
    "README.md": "See [the core](bff-core/bff.h).\n",
    ".clang-format": (pathlib.Path(__file__).resolve().parents[2] / ".clang-format").read_text(),
}

# rule, what is broken, the file, what is added to its end
BREACHES = (
    (rules.arrows, "wire includes a middle room", "bff-core/wire/thing.c", TOKEN),
    (rules.arrows, "wire includes the root", "bff-core/wire/thing.c", '#include "request.h"\n'),
    (rules.arrows, "base includes wire", "bff-core/base/str.h", '#include "../wire/thing.h"\n'),
    (rules.arrows, "one middle room includes another", "bff-core/observe/finish.h", TOKEN),
    (rules.arrows, "a core file includes a client's", "bff-core/request.h",
     '#include "../bff-tv/main.c"\n'),
    (rules.arrows, "a client includes a room", "bff-tv/main.c", '#include "wire/thing.h"\n'),
    (rules.arrows, "bff.h includes more", "bff-core/bff.h", "#include <stdio.h>\n"),
    (rules.libraries, "the wrong file speaks to a library", "bff-core/wire/thing.c",
     "#include <curl/curl.h>\n"),
    (rules.libraries, "a header shows a library", "bff-core/wire/thing.h",
     "#include <gnutls/gnutls.h>\n"),
    (rules.lengths, "a long function", "bff-core/wire/thing.c", LONG_FUNCTION),
    (rules.lengths, "a long line", "bff-core/base/str.h", f"/* {'x' * 100} */\n"),
    (rules.lengths, "a long file", "bff-core/base/str.h", "\n" * 600),
    (rules.banned_calls, "strcpy", "bff-tv/main.c", "char *x = strcpy(a, b);\n"),
    (rules.banned_calls, "atoi with a space", "bff-tv/main.c", "int x = atoi (a);\n"),
    (rules.public_names, "a room says bff_", "bff-core/wire/thing.c", "int bff_other;\n"),
    (rules.prefixes, "a stranger's prefix", "bff-core/wire/thing.c",
     "int stranger_three(\n    int a)\n{\n    return a;\n}\n"),
    (rules.openings, "a file that opens with code", "bff-core/base/str.c", '#include "str.h"\n'),
    (rules.marks, "a mark", "bff-tv/main.c", "/* TO" "DO: later */\n"),
    (rules.machine_paths, "a home folder", "README.md", "Look in /ho" "me/me/notes.\n"),
    (rules.links, "a dead link", "README.md", "[gone](docs/gone.md)\n"),
    (rules.layout, "odd spacing", "bff-tv/main.c", "int  x=1;\n"),
)

# What looks like a breach and is none.
INNOCENT = (
    (rules.banned_calls, "a banned name in a text", "bff-tv/main.c",
     'const char *x = "strcpy(a, b)";\n'),
    (rules.banned_calls, "a name that ends alike", "bff-tv/main.c", "int x = bsprintf(a);\n"),
    (rules.public_names, "bff_ in a text", "bff-core/wire/thing.c",
     'const char *x = "bff_calls";\n'),
    (rules.public_names, "what bff.h declares", "bff-core/wire/thing.c",
     "int (*x)(int) = bff_main;\n"),
    (rules.lengths, "many bytes, few columns", "bff-core/base/str.h", f"/* {'é' * 90} */\n"),
    (rules.libraries, "a header of ours with a library's name", "bff-core/wire/thing.c",
     '#include "json.h"\n'),
    (rules.links, "a link to elsewhere", "README.md",
     "[rfc](https://www.rfc-editor.org/rfc/rfc9457)\n"),
    (rules.machine_paths, "a route", "README.md", "GET /v1/users/1001\n"),
)


def faults_of(rule, files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return list(rule(rules.Tree(folder)))


def verdicts():
    """(name, is right) of each thing to prove."""
    for rule in rules.RULES:
        yield f"{rule.__name__} lets a good tree pass", not faults_of(rule, GOOD)
    for rule, what, file, text in BREACHES:
        if rule is rules.layout and not rules.formatter():
            yield "layout needs clang-format 14 # SKIP", True
            continue
        faults = faults_of(rule, GOOD | {file: GOOD.get(file, "") + text})
        yield f"{rule.__name__} catches {what}", [str(fault[0]) for fault in faults] == [file]
    for rule, what, file, text in INNOCENT:
        faults = faults_of(rule, GOOD | {file: GOOD[file] + text})
        yield f"{rule.__name__} spares {what}", not faults
    proven = {rule for rule, *_ in BREACHES}
    yield "no rule is without a breach", proven == set(rules.RULES)


def main():
    is_right = True
    for name, right in verdicts():
        print(f"{'ok' if right else 'not ok'} - {name}")
        is_right = is_right and right
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
