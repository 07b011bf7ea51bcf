#!/usr/bin/python3
"""Holds every answer that the contract and flow tests saw against what was promised for it.

A good answer of a plan must validate against the plan's published schema, with an independent
validator; a refusal must be a problem document (RFC 9457). When both kinds of tests have run whole
(BFF_SEEN_ALL), each plan of each client must have been answered well at least once: a plan that no
test asked for is a fault.

A file of BFF_SEEN holds one answer: "client method target status content-type" in its first line,
then the body without its coding.
"""
import json
import os
import pathlib
import re
import sys
from typing import NamedTuple

import jsonschema

sys.dont_write_bytecode = True  # what is built belongs under build/
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "contract"))
import world  # noqa: E402


class Seen(NamedTuple):
    client: str
    method: str
    target: str
    status: int
    content_type: str
    body: bytes


def read(path):
    line, _, body = path.read_bytes().partition(b"\n")
    client, method, target, status, content_type = line.decode("latin-1").split(" ", 4)
    return Seen(client, method, target, int(status), content_type, body)


def validator_of(shape):
    schema = json.loads((world.ROOT / "schemas" / f"{shape}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def pattern_of(path):
    """Of the targets that a route takes: "{id}" is one part of a path."""
    parts = re.split(r"\{[^}]*\}", path)
    return re.compile("[^/?]+".join(map(re.escape, parts)) + r"(\?.*)?")


class Promises:
    """Of one client: its plans, and how each answer of theirs is judged."""

    def __init__(self, client):
        self.plans = world.plans_of(client)
        self.patterns = [pattern_of(plan.path) for plan in self.plans]
        self.validators = {plan.shape: validator_of(plan.shape)
                           for plan in self.plans if plan.shape}

    def plan_of(self, seen):
        return next((plan for plan, pattern in zip(self.plans, self.patterns)
                     if plan.method in (seen.method, "*") and pattern.fullmatch(seen.target)), None)

    def fault(self, seen):
        """What is wrong with the answer, or ""."""
        plan = self.plan_of(seen)
        is_passed = plan and not plan.shape and seen.content_type != "application/problem+json"
        if seen.status >= 400 and not is_passed:  # else it is the service's own
            return fault_of_problem(seen)
        if not plan:
            return "no plan has such an answer"
        if seen.status != 200 or not plan.shape or seen.method == "HEAD":
            return ""
        faults = [error.message[:200] for error in
                  self.validators[plan.shape].iter_errors(json.loads(seen.body))]
        return "; ".join(faults[:3])


def fault_of_problem(seen):
    if seen.content_type != "application/problem+json" or not seen.body:
        return "" if seen.method == "HEAD" else "a refusal that is no problem document"
    problem = json.loads(seen.body)
    is_right = problem.get("status") == seen.status and problem.get("title") \
        and problem.get("type") and problem.get("request_id")
    return "" if is_right else f"not a whole problem: {seen.body[:200]}"


def main():
    promises = {client: Promises(client) for client in world.CLIENTS}
    seen = [read(path) for path in sorted(pathlib.Path(os.environ["BFF_SEEN"]).iterdir())]
    faults = []
    for answer in seen:
        fault = promises[answer.client].fault(answer)
        if fault:
            faults.append(f"{answer.client}: {answer.method} {answer.target}: {fault}")
    asked = {f"{answer.client}: {plan.name}" for answer in seen if answer.status < 300
             for plan in [promises[answer.client].plan_of(answer)] if plan}
    plans = [f"{client}: {plan.name}" for client in promises for plan in promises[client].plans]
    never = [name for name in plans if name not in asked]
    print("\n".join(f"# {fault}" for fault in faults))
    print(f"{'not ok' if faults else 'ok'} - {len(seen)} answers are what was promised")
    if "BFF_SEEN_ALL" in os.environ:
        print("\n".join(f"# never asked: {name}" for name in never))
        print(f"{'not ok' if never else 'ok'} - all of {len(plans)} plans were asked")
    return 1 if faults or never and "BFF_SEEN_ALL" in os.environ else 0


if __name__ == "__main__":
    sys.exit(main())
