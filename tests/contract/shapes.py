#!/usr/bin/python3
"""Shapes: whatever the services send, what leaves the server is valid under its published schema.

The six canned answers are broken in hundreds of ways - a value of another type, out of its bounds,
null or gone, a body that is no JSON, a call without an answer - and projected with --try. Python's
JSON Schema validator judges each answer, and each number in it must stand in an answer as written.
Each --try is a process, and starting one is nearly all that it costs: as many run at once as there
are processors.

usage: shapes.py [BUILD_DIRECTORY]
"""
import concurrent.futures
import copy
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import jsonschema

CALLS = ["profile", "posts", "recs", "unread", "ads", "stats"]
STRANGE = [None, True, False, 0, -1, -0.5, 1e300, 10**30, "", "x", "x" * 5000,
           "\u00e9\U0001f600" * 400, "\x00\n\"\\", [], {}, [1], [[[]]], {"a": 1}, [None], [{}]]
DEEP = 100_000
HOSTILE = {  # what stands as one more member's value in a body, and whether that is JSON
    "deep lists": (b"[" * DEEP + b"]" * DEEP, False),
    "deep objects": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, False),
    "lists that never close": (b"[" * DEEP, False),
    "a byte that is no UTF-8": (b'"\xff"', False),
    "an overlong slash": (b'"\xc0\xaf"', False),
    "an encoded half pair": (b'"\xed\xa0\x80"', False),
    "an escaped half pair": (b'"\\ud800"', False),
    "a NUL in a text": (b'"a\0b"', False),
    "a NUL between tokens": (b"1\0", False),
    "a line break in a text": (b'"a\nb"', False),
    "NaN": (b"NaN", False),
    "a number like no other": (b"-01.e", False),
    "a number of a thousand digits": (b"9" * 1000 + b"." + b"9" * 1000 + b"e" + b"9" * 1000, True),
    "a huge name": (b'{"' + b"k" * 1_000_000 + b'":1}', True),
    "the same name twice, unwanted": (b'{"a":1,"a":2}', True),
    "an escaped NUL": (b'{"\\u0000":"\\u0000"}', True),
    "a hundred brackets": (b"[" * 100 + b"]" * 100, True),
}
NO_LISTENER = ["--set", "listen.certificate=", "--set", "listen.key="]
ROUNDS = 150
SEEDS = (7, 8, 9)
PATIENCE_S = 120  # with an answer that never comes; a busy machine is no reason

checks = {"passed": 0, "failed": 0}
checking = threading.Lock()


def check(is_good, sentence):
    """Counts, and tells what failed."""
    with checking:
        checks["passed" if is_good else "failed"] += 1
        if not is_good:
            print("FAILED", sentence)


def places(value, path=()):
    """Every place inside a document."""
    yield path
    if not isinstance(value, (dict, list)):
        return
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        yield from places(part, path + (key,))


def change(document, path, make):
    """A copy of the document in which one place was changed, or taken out."""
    if not path:
        return make()
    document = copy.deepcopy(document)
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    if make is None:
        del holder[path[-1]]
    else:
        holder[path[-1]] = make()
    return document


class Client:
    """One server's binary, and the schema that its answers must keep."""

    def __init__(self, build, name):
        self.name = name
        self.command = [str(build / f"bff-{name}"), "--config", f"bff-{name}/bff.conf",
                        *NO_LISTENER, "--try", "feed"]
        schema = json.loads(Path(f"schemas/{name}/feed.v1.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        self.schema = schema
        self.validator = jsonschema.Draft202012Validator(schema)

    def project(self, answers):
        """The answer's text and what was said of it; the text is empty when there is no answer."""
        with tempfile.TemporaryDirectory() as folder:
            for call, text in answers.items():
                text = text if isinstance(text, bytes) else text.encode()
                Path(folder, f"{call}.json").write_bytes(text)
            done = subprocess.run([*self.command, folder], capture_output=True, text=True,
                                  timeout=PATIENCE_S, check=False)
        if done.returncode not in (0, 1):
            check(False, f"{self.name}: ended with {done.returncode}: {done.stderr[-500:]}")
        return done.stdout if done.returncode == 0 else "", done.stderr

    def expect_valid(self, answers, what):
        """Projects, and holds the answer against its schema."""
        text, said = self.project(answers)
        if not text:
            check("no answer" in said, f"{self.name}: {what}: silent: {said}")
            return None
        answer = json.loads(text)
        errors = [error.message[:200] for error in self.validator.iter_errors(answer)]
        check(not errors, f"{self.name}: {what}: {errors}")
        return answer


def whole(client, texts):
    """All six answered: everything is there, small enough, and as it was written."""
    text, said = client.project(texts)
    answer = json.loads(text)
    is_valid = client.validator.is_valid(answer)
    check("no answer" not in said and is_valid, f"{client.name}: {said}")
    for name, part in client.schema["properties"].items():
        check(name in answer or "type" not in part, f"{client.name}: section {name} is there")
    for form, size, bound in re.findall(r"^(answer|gzip): (\d+) bytes of at most (\d+)$", said,
                                        re.MULTILINE):
        check(int(size) <= int(bound), f"{client.name}: {form}: {size} bytes of {bound}")
    size = len(text.strip().encode())
    check(f"answer: {size} bytes" in said, f"{client.name}: the size is {size}: {said}")
    has_bounds = "of at most" in said
    check(has_bounds == ("x-max-bytes" in client.schema), f"{client.name}: bounds: {said}")
    sources = "".join(texts.values())
    without_texts = re.sub(r'"(\\.|[^"\\])*"', '""', text)
    for number in re.findall(r"-?\d[\d.eE+-]*(?=[,}\]])", without_texts):
        check(number in sources, f"{client.name}: the number {number} stands in no answer")


def without(client, texts):
    """Each call without an answer, and with half of one: a valid answer, or none and why."""
    for call in CALLS:
        rest = {name: text for name, text in texts.items() if name != call}
        gone = client.expect_valid(rest, f"without {call}")
        half_text = texts[call][: len(texts[call]) // 2]
        half = client.expect_valid({**texts, call: half_text}, f"half of {call}")
        check(gone == half, f"{client.name}: half of {call} is as none of it")
    check(client.project({})[0] == "", f"{client.name}: no answers, no answer")


def hostile(client, texts, call):
    """A body that nobody should read is a call without an answer; the rest is as it was."""
    good = client.expect_valid(texts, "whole")
    gone = client.expect_valid(
        {name: text for name, text in texts.items() if name != call}, f"without {call}")
    plain = texts[call].encode()
    bodies = {what: (b'{"x":' + value + b"," + plain[1:], good if is_json else gone)
              for what, (value, is_json) in HOSTILE.items()}
    bodies["a byte order mark"] = (b"\xef\xbb\xbf" + plain, gone)
    bodies["another encoding"] = (texts[call].encode("utf-16-le"), gone)
    bodies["something behind it"] = (plain + b"]", gone)
    bodies["a NUL behind it"] = (plain + b"\0", gone)
    bodies["a wanted name twice"] = (b'{"items":[],' + plain[1:], gone)
    bodies["it twice, once with an escape"] = (b'{"\\u0069tems":[],' + plain[1:], gone)
    for what, (body, expected) in bodies.items():
        answer = client.expect_valid({**texts, call: body}, f"{what} in {call}")
        check(answer == expected, f"{client.name}: {what} in {call} changed the rest")


def broken(client, texts, seed):
    """One place of one body is something else, many times."""
    bodies = {call: json.loads(text) for call, text in texts.items()}
    dice = random.Random(seed)
    for turn in range(ROUNDS // len(SEEDS)):
        call = dice.choice(CALLS)
        path = dice.choice(list(places(bodies[call])))
        strange = dice.choice(STRANGE)
        make = None if path and dice.random() < 0.2 else (lambda: strange)
        changed = change(bodies[call], path, make)
        is_ascii = dice.random() < 0.5
        text = json.dumps(changed, ensure_ascii=is_ascii)
        what = f"{turn}: {call}{list(path)} is {str(strange)[:40]!r}"
        client.expect_valid({**texts, call: text}, what)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BFF_BUILD", "build")
    build = Path(folder).resolve()
    os.chdir(Path(__file__).resolve().parents[2])
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([str(build / "bff-mocks"), "--dump", folder], check=True,
                       stdout=subprocess.DEVNULL)
        texts = {call: Path(folder, f"{call}.json").read_text() for call in CALLS}
    jobs = []
    for name in ("mobile", "web", "tv"):
        client = Client(build, name)
        jobs += [(whole, client, texts), (without, client, texts)]
        jobs += [(hostile, client, texts, call) for call in ("recs", "posts")]
        jobs += [(broken, client, texts, seed) for seed in SEEDS]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in [pool.submit(*job) for job in jobs]:
            done.result()
    print(f"{checks['passed']} passed, {checks['failed']} failed")
    sys.exit(checks["failed"] > 0)


if __name__ == "__main__":
    main()
