#!/usr/bin/python3
"""Proves what --try tells a frontend team: answers, repairs, sizes, and each likely mistake.

The six canned answers of the mocks are the folder that README.md speaks of; each case changes it,
or the command, and says how it must end and what must be said.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from world import BUILD, CLIENTS, NO_LISTENER, ROOT, check, ended


def tried(*words, client="mobile", folder=ROOT):
    """Exit code, the answer's text, and what was said of it."""
    command = [BUILD / f"bff-{client}", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def feed(folder, client="mobile", plan="feed"):
    return tried("--config", f"bff-{client}/bff.conf", *NO_LISTENER, "--try", plan, str(folder),
                 client=client)


def says(what, got, code, *words):
    check(f"{what}: ends with {code}", got[0] == code, got)
    check(f"{what}: {', '.join(words)}", all(word in got[2] for word in words), got[2])


def as_it_is(folder):
    for client in CLIENTS:
        got = feed(folder, client)
        says(f"{client}: the canned answers", got, 0, "call stats: answered", "answer: ", "gzip: ")
        check(f"{client}: stdout is the answer alone", json.loads(got[1]), got[1][:100])
    check("web: nothing is repaired", "repair" not in feed(folder, "web")[2])
    check("tv: a post without a picture is", "items[*].media did" in feed(folder, "tv")[2])


# a file, what stands in it then (None: it is gone), the exit code, and what is said
CASES = [
    ("ads.json", None, 0, "call ads: there is no file", "ads.json"),
    ("recs.json", '{"items":[\n\n1 2]}', 0, "recs.json:3: a comma or a closing bracket is missing"),
    ("recs.json", '{"items":[],"items":[]}', 0, "recs.json: a wanted member stands twice"),
    ("recs.json", '{"items":[NaN]}', 0, "recs.json:1: "),
    ("recs.json", "", 0, "recs.json:1: the body ends too early"),
    ("recs.json", '{"items":[{"id":"7","title":"x"}]}', 0, "recs.items[*].id did not fit, 2 times"),
    ("unread.json", '{"unread":-1}', 0, "repair: unread.unread did not fit, 1 time\n"),
    ("post.json", "{}", 0, 'post.json is the answer of no call; did you mean "posts.json"?'),
    ("viewed.json", "{}", 0, "viewed.json is the answer of no call."),
    ("posts.json", None, 1, 'no answer: what "posts" should have said is missing'),
    ("profile.json", '{"display_name":null}', 1, 'no answer: what "profile" should have said'),
]


def each_case(folder):
    for name, text, code, *words in CASES:
        path = folder / name
        before = path.read_text() if path.exists() else None
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
        got = feed(folder)
        says(f"{name} is {'gone' if text is None else text[:30]!r}", got, code, *words)
        check(f"{name}: an answer, or none", bool(got[1]) == (code == 0), got[1][:100])
        if before is None:
            path.unlink()
        else:
            path.write_text(before)


def mistakes(folder):
    says("a slip in the plan", feed(folder, plan="fed"), 64,
         'there is no plan "fed"; did you mean "feed"?')
    says("a folder that is not there", feed(folder / "none"), 64, str(folder / "none"),
         "No such file or directory", "CALL.json")
    says("a file in its place", feed(folder / "ads.json"), 64, "Not a directory")
    (folder / "recs.json").rename(folder / "recs")
    (folder / "recs.json").mkdir()
    says("a folder in a file's place", feed(folder), 0, "recs.json: Is a directory")
    (folder / "recs.json").rmdir()
    (folder / "recs").rename(folder / "recs.json")
    says("no folder at all", tried("--try", "feed"), 64, "--try needs PLAN and DIR.")
    got = tried("--try", "feed", str(folder), folder="/")
    says("no settings", got, 78, "bff.conf cannot be read", "--config FILE names the settings")
    check("no settings: that alone is said", len(got[2].splitlines()) == 1, got[2])


def main():
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        subprocess.run([BUILD / "bff-mocks", "--dump", folder], check=True,
                       stdout=subprocess.DEVNULL)
        as_it_is(folder)
        each_case(folder)
        mistakes(folder)
    return ended()


if __name__ == "__main__":
    sys.exit(main())
