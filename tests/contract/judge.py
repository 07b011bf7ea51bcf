"""Tells whether one answer of a server is right, when it is known which calls failed and how.

An answer is right when it holds exactly what the calls that answered give: --try says what that is,
made from the same bodies without a network. Beside it, and independent of our projector: the answer
validates under its published schema, and a section that takes nothing from a lost call is as it was
when all was well. A problem is right when a required call is among the lost.

Where copies are kept, a call of which there is one is not lost, and what stands in is what the
service gave when all was well. It may come as late as the call would have: what waits for it may be
lost.
"""
import json
import pathlib
import re
import subprocess
import tempfile

import jsonschema

import world
from hostile import FAILS, HANGS, LOSES, OTHER

HAS_ANSWER = ("ok", "cached", "stale")
FORBIDDEN = (b"SECRET", b"INTERNAL")  # what services say when they fail, or to each other alone
PROBLEM_TYPE = "urn:problem-type:bff:upstream-"


class Answer:
    """What came back on a connection of its own, read to its end."""

    def __init__(self, user, raw, took_ms):
        self.user, self.raw, self.took_ms = user, raw, took_ms
        head, _, self.body = raw.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        self.status = int(line.split()[1]) if line else 0
        self.fields = {name.lower(): value.strip() for name, _, value in
                       (field.partition(":") for field in fields)}
        self.sections = self.fields.get("bff-sections", "")
        self.states = dict(re.findall(r"(\w+);s=(\w+)", self.sections))

    def json(self):
        """Numbers as they are written."""
        return json.loads(self.body, parse_float=str)


class Oracle:
    """What an answer must be: --try, with the bodies of the calls that have one."""

    def __init__(self, server, folder):
        self.command = [*server.command, "--try", "feed"]
        self.folder = folder
        self.known = {}

    def expect(self, bodies):
        """The answer as JSON; None: there must be none."""
        key = tuple(sorted(bodies.items()))
        if key not in self.known:
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                for call, body in bodies.items():
                    pathlib.Path(folder, f"{call}.json").write_bytes(body)
                done = subprocess.run([*self.command, folder], capture_output=True, check=False)
            self.known[key] = json.loads(done.stdout, parse_float=str) if done.stdout else None
        return self.known[key]


def calls_named(node, calls):
    """The calls that a part of a shape takes values from, by the first words of its paths."""
    if isinstance(node, str):
        return calls & {node.partition(".")[0]}
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return frozenset().union(*(calls_named(part, calls) for part in parts))


class Judge:
    """Of the answers of one plan. `bodies` are those of each user, by call, when all is well."""

    def __init__(self, plan, server, folder, bodies, has_copies=False):
        self.kept = {name: call.kept for name, call in plan.calls.items()
                     if has_copies and call.kept}
        self.calls = {name: call for name, call in plan.calls.items() if call.need != "detached"}
        self.bodies = bodies
        self.oracle = Oracle(server, folder)
        schema = json.loads((world.ROOT / "schemas" / f"{plan.shape}.json").read_text())
        self.validator = jsonschema.Draft202012Validator(schema)
        self.sources = {name: calls_named(part, frozenset(self.calls))
                        for name, part in schema["properties"].items()}
        self.wholes = {user: self.oracle.expect(goods) for user, goods in bodies.items()}

    def is_whole(self, answer):
        return answer.status == 200 and answer.json() == self.wholes[answer.user]

    def lost_with(self, failing):
        """The calls that fail, and those that cannot be asked without them."""
        lost = set(failing)
        for _ in self.calls:
            lost |= {name for name, call in self.calls.items() if call.waits_for & lost}
        return lost

    def fault(self, way, failing, answer):
        """(what is wrong or "", whether time alone can have made it so)"""
        lost = self.lost_with(failing)
        copied = {name for name in failing if name in self.kept}
        if any(word in answer.raw for word in FORBIDDEN):
            return "a byte of a service's error, or of its own business, is in it", False
        if answer.fields.get("content-length") != str(len(answer.body)):
            return f"{len(answer.body)} bytes of {answer.fields.get('content-length')}", False
        if answer.status != 200:
            return self.fault_of_problem(way, failing, self.lost_with(failing - copied), answer)
        if any(answer.states.get(name) not in HAS_ANSWER for name in copied):
            return f"{answer.sections}: of {copied} there are copies", False
        hurt = {name for name in self.calls
                if name not in lost and answer.states.get(name) not in self.well(name)}
        if hurt:
            is_delay = all(answer.states.get(name) == "timeout" for name in hurt)
            return f"{answer.sections}: {hurt} had nothing to do with it", is_delay
        return self.fault_of_good(way, failing, lost, answer), False

    def well(self, name):
        """The states of a call whose service is well."""
        return ("ok", "cached") if self.kept.get(name) == "cached" else ("ok",)

    def fault_of_good(self, way, failing, lost, answer):
        live = {name for name in failing if answer.states[name] == "ok"}
        if live and way.verdict in (FAILS, HANGS, LOSES):
            return f"{answer.sections}: {live} got no answer that counts"
        bodies = {name: way.body(good) if name in live else good
                  for name, good in self.bodies[answer.user].items()
                  if answer.states[name] in HAS_ANSWER}
        body = answer.json()
        if body != self.oracle.expect(bodies):
            return f"{answer.sections}: not what --try makes of it"
        whole = self.wholes[answer.user]
        other = [name for name, sources in self.sources.items()
                 if not sources & lost and body.get(name) != whole.get(name)]
        if other:
            return f"{answer.sections}: {other} are not what they would have been"
        faults = self.validator.iter_errors(json.loads(answer.body))
        return "; ".join(error.message[:100] for error in faults)

    def fault_of_problem(self, way, failing, lost, answer):
        said = f"{answer.status} {answer.body[:200]}"
        is_delay = answer.status == 504
        if not any(self.calls[name].need == "required" for name in lost):
            return f"{said}: no required call was lost", is_delay
        if way.verdict == OTHER and self.has_enough(way, failing, lost, answer):
            return f"{said}: there is enough for an answer", is_delay
        wanted = {HANGS: (504,), LOSES: (502, 504)}.get(way.verdict, (502,))
        if answer.status not in wanted:
            return f"{said}: wanted {wanted}", is_delay
        if answer.fields["content-type"] != "application/problem+json":
            return f"{said}: not a problem document", False
        problem = answer.json()
        is_right = problem.get("status") == answer.status and problem.get("title") \
            and problem.get("type", "").startswith(PROBLEM_TYPE)
        return "" if is_right else f"{said}: not a problem of that kind", False

    def has_enough(self, way, failing, lost, answer):
        """Whether the other body alone gives an answer."""
        bodies = {name: way.body(good) if name in failing else good
                  for name, good in self.bodies[answer.user].items()
                  if name in failing or name not in lost}
        return self.oracle.expect(bodies) is not None
