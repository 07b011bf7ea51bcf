#!/usr/bin/python3
"""Proves that --check names the likely mistakes of whoever writes a shape, and what was meant.

Each case makes one mistake in the mobile feed's schema. There must be one sentence for it and no
others that follow from it, with the file, the line on which the mistake stands, a JSON pointer that
leads there, and the words that help.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BFF_BUILD", ROOT / "build"))
SHAPE = "mobile/feed.v1.json"
LINE = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): (?P<words>.*)$")
counts = {"ok": 0, "not ok": 0}

# what is wrong, the text that is replaced, by what, and what must be said of that line
MISTAKES = [
    ("a slip in a path", '"profile.display_name"', '"profile.displayname"',
     'knows no "displayname"', 'did you mean "display_name"?'),
    ("a slip in a call", '"profile.handle"', '"profil.handle"',
     "no call of the plan", 'did you mean "profile"?'),
    ("a call that is not there", '"recs.items"', '"friends.list"',
     "no call of the plan", "its calls are profile, posts, recs, unread, ads, stats"),
    ("a slip in a word", '"x-truncate": 50', '"x-trunkate": 50',
     "not enforced", 'did you mean "x-truncate"?'),
    ("a word that nobody keeps", '"x-take": 3,', '"uniqueItems": true,',
     "not enforced", "leave it out"),
    ("another type", '"type": "string", "x-from": "title", "minLength": 1, "maxLength": 80',
     '"type": "integer", "x-from": "title"', 'another type for "items[*].title": "string"', ""),
    ("a type that is none", '"type": "integer",\n      "minimum"', '"type": "int",\n"minimum"',
     'and not "int"', "integer"),
    ("a slip in required", '"required": ["me", "posts"]', '"required": ["me", "post"]',
     '"post" is required', 'did you mean "posts"?'),
    ("a default that does not fit", '"x-from": "unread.unread"',
     '"x-from": "unread.unread", "default": "none"', 'default "none"', "type"),
    ("a value from nowhere", '"x-from": "advertiser", ', "", "comes from nowhere", "x-from"),
    ("a service's schema that is not there", "services/ads.slots.v1.json",
     "services/ads.slot.v1.json", "There is no", 'did you mean "services/ads.slots.v1.json"?'),
    ("a call without a schema", '    "ads": "services/ads.slots.v1.json",\n', "",
     'answer of call "ads"', "schemas/services"),
    ("a list that is not there", '"x-first": "ads.slots"', '"x-first": "adds.slots"',
     "no call of the plan", 'did you mean "ads"?'),
    ("a bound for another type", '"$ref": "#/$defs/count",\n      "description"',
     '"type": "integer", "maxLength": 3,\n      "description"',
     "#/properties/unread/maxLength: ", 'did you mean "maximum"?'),
    ("a word that does nothing", '"x-nearest": { "in"', '"x-nearest": { "inn": "x", "in"',
     "/properties/url/x-nearest/inn: ", 'did you mean "in"?'),
    ("a member of a text", '"x-from": "posts.cursors.next"', '"x-from": "posts.cursors.next.id"',
     "#/properties/next/x-from: ", 'knows no "id"'),
    ("a bound that is never reached", '"gzip": 3072', '"gzip": 30720', "never reached", ""),
    ("a comma too many", '"x-truncate": 50, "maxLength": 50 },', '"maxLength": 50, },',
     "This is no JSON", "a member without a name"),
]


def check(words, holds, why=""):
    word = "ok" if holds else "not ok"
    counts[word] += 1
    print(f"{word} {sum(counts.values())} - {words}{'' if holds else f': {why}'}", flush=True)


def leads_there(path, line, words):
    """The pointer that a sentence begins with leads to a value that begins on that line."""
    pointer = re.match(r"#(\S*): ", words)
    if not pointer:
        return False
    value, text = json.loads(path.read_text()), path.read_text()
    for step in pointer[1].split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        value = value[int(step) if isinstance(value, list) else step]
    start = json.dumps(value, ensure_ascii=False)[:1]
    return start in text.splitlines()[line - 1]


def faults_with(schemas):
    """(exit code, [(file, line, words)])"""
    command = [BUILD / "bff-mobile", "--config", "bff-mobile/bff.conf", "--set", "listen.key=",
               "--set", "listen.certificate=", "--set", f"schemas={schemas}", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = [LINE.match(line) for line in done.stderr.splitlines()[:-1]]
    return done.returncode, [(one["file"], int(one["line"]), one["words"]) if one else None
                             for one in found]


def each_mistake(schemas):
    path = schemas / SHAPE
    good = path.read_text()
    for what, before, after, *words in MISTAKES:
        at = good.index(before)
        path.write_text(good[:at] + after + good[at + len(before):])
        code, faults = faults_with(schemas)
        said = faults[0] if len(faults) == 1 else None
        lines = range(good[:at].count("\n") + 1, good[:at + len(before)].count("\n") + 3)
        is_right = (code == 78 and said and said[0] == str(path)
                    and (said[1] in lines or "without a schema" in what)
                    and all(word in said[2] for word in words)
                    and ("no JSON" in said[2] or leads_there(path, *said[1:])))
        check(f"{what}: one sentence with its line", is_right, (code, faults, lines))
    path.write_text(good)


def the_file_itself(schemas):
    (schemas / SHAPE).rename(schemas / "mobile/feed.v2.json")
    code, faults = faults_with(schemas)
    line = next(number for number, text in enumerate(
        (ROOT / "bff-mobile/plans.c").read_text().splitlines(), 1) if "BFF_HERE" in text)
    check("a shape that is not there is said of the plan",
          code == 78 and len(faults) == 1 and faults[0][:2] == ("bff-mobile/plans.c", line)
          and 'did you mean "mobile/feed.v2"?' in faults[0][2], faults)


def main():
    with tempfile.TemporaryDirectory() as folder:
        schemas = pathlib.Path(folder, "schemas")
        shutil.copytree(ROOT / "schemas", schemas)
        check("the shape as it is has no mistake", faults_with(schemas)[0] == 0)
        json.loads((schemas / SHAPE).read_text())
        each_mistake(schemas)
        the_file_itself(schemas)
    print(f"1..{sum(counts.values())}")
    return 1 if counts["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
