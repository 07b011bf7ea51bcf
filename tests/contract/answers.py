#!/usr/bin/python3
"""Proves that every answer validates against its published schema, and that each refusal is right.

Starts the mocks and the three servers on free ports, asks each for the feeds of many users, holds
every answer against its schema with an independent validator, and asks what must be refused. What
failing services do to an answer is in faults.py. Prints a line for each check, the counts last, and
exits 1 when one failed.
"""
import json
import sys
import tempfile

import jsonschema

sys.dont_write_bytecode = True  # what is built belongs under build/
from world import CLIENTS, ROOT, World, check, ended  # noqa: E402


def faults_of(validator, body):
    try:
        return [error.message[:100] for error in validator.iter_errors(json.loads(body))]
    except ValueError as error:
        return [str(error)]


def whole(world, client, validator):
    wrong, partial, few = [], [], []
    for user in range(1001, 1041):
        status, headers, body = world.feed(client, world.token(str(user)))
        wrong += faults_of(validator, body) if status == 200 else [f"status {status}"]
        partial += [user] if headers["BFF-Sections"].count("s=ok") != 6 else []
        if client == "mobile" and (len(body) > 6144 or len(json.loads(body)["posts"]) != 20):
            few.append(user)
    check(f"{client}: every answer validates", not wrong, wrong[:3])
    check(f"{client}: every section is there", not partial, partial)
    check(f"{client}: twenty posts fit a phone's six kilobytes", not few, few)


def refusals(world, client, token):
    bearer = {"Authorization": f"Bearer {token}"}
    narrow = {"Authorization": f"Bearer {world.token('1001', 'other:read')}"}
    broken = {"Authorization": "Bearer a.b.c"}
    cases = [
        ("GET", "/nowhere", {}, None, 404),
        ("DELETE", "/v1/feed", {}, None, 405),
        ("GET", "/v1/feed", {}, None, 401),
        ("GET", "/v1/feed", broken, None, 401),
        ("GET", "/v1/feed", narrow, None, 403),
        ("GET", "/v1/feed?limit=x", bearer, None, 400),
        ("POST", "/v1/feed", {}, "x" * 100000, 413),
        ("GET", "/v1/feed", {"X-Big": "a" * 60000}, None, 431),
    ]
    for method, path, headers, body, wanted in cases:
        status, fields, answer = world.ask(client, method, path, body, headers)
        is_problem = fields["Content-Type"] == "application/problem+json"
        challenge = fields["WWW-Authenticate"]
        needs = {401: challenge, 403: challenge, 405: fields["Allow"]}
        is_right = status == wanted and is_problem and needs.get(wanted, True)
        is_right = is_right and json.loads(answer)["status"] == wanted
        check(f"{client}: {method} {path} {wanted}", is_right, f"{status} {answer[:80]}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        try:
            token = world.token("1001")
            for client in CLIENTS:
                schema = json.loads((ROOT / "schemas" / client / "feed.v1.json").read_text())
                whole(world, client, jsonschema.Draft202012Validator(schema))
                refusals(world, client, token)
        finally:
            codes, said = world.end()
            print(said, file=sys.stderr, end="")
        check("everything ends when it is told to", not any(codes), codes)
    return ended()


if __name__ == "__main__":
    sys.exit(main())
