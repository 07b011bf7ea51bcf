#!/usr/bin/python3
"""Proves that every answer validates against its published schema, whatever the services do.

Starts the mocks and the three servers on free ports, asks each plan for many users, then again with
each service spoilt in each way the mocks know, and holds every answer against its schema with an
independent validator. Prints a line for each check, the counts last, and exits 1 when one failed.
"""
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BFF_BUILD", ROOT / "build"))
CLIENTS = ("mobile", "web", "tv")
SERVICES = ("profiles", "posts", "recommendations", "notifications", "ads", "analytics")
CALLS = dict(zip(SERVICES, ("profile", "posts", "recs", "unread", "ads", "stats")))
SPOILT = [{"status": 503}, {"status": 404}, {"body": "broken"}, {"body": "half"}, {"body": "empty"},
          {"body": "html"}, {"body": "wrong-type"}, {"delay_ms": 3000}]
counts = {"ok": 0, "not ok": 0}


def check(words, holds, why=""):
    word = "ok" if holds else "not ok"
    counts[word] += 1
    print(f"{word} {sum(counts.values())} - {words}{'' if holds else f': {why}'}", flush=True)


def ask(port, method, path, body=None, headers=()):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body and json.dumps(body), dict(headers))
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


class World:
    def __init__(self, folder):
        self.processes = []
        self.logs = []
        command = [BUILD / "bff-mocks", "--port", "0", "--die-with-parent"]
        mocks = self.start(command, stdout=subprocess.PIPE)
        words = mocks.stdout.readline().split()[1:]
        self.mocks = {name: int(port) for name, port in (word.split("=") for word in words)}
        self.ports, self.admins = {}, {}
        for client in CLIENTS:
            self.ports[client], self.admins[client] = self.serve(client, folder)

    def start(self, command, **pipes):
        self.processes.append(subprocess.Popen([str(word) for word in command], text=True, **pipes))
        return self.processes[-1]

    def serve(self, client, folder, *more):
        issuer = f"http://127.0.0.1:{self.mocks['issuer']}"
        services = "".join(f'{name} = {{ url = "http://127.0.0.1:{self.mocks[name]}"; }};\n'
                           for name in SERVICES)
        conf = pathlib.Path(folder) / f"{client}.conf"
        conf.write_text(f'''listen = {{ port = 0; workers = 2; }};
admin = {{ port = 0; }};
token = {{ issuer = "{issuer}"; audience = "bff"; jwks_url = "{issuer}/.well-known/jwks.json"; }};
quota = {{ user = {{ rate = 0; }}; address = {{ rate = 0; }}; }};
services = {{ {services} }};
schemas = "{ROOT / 'schemas'}";
log = {{ access = "off"; }};
''')
        log = pathlib.Path(folder) / f"{client}.log"
        command = [BUILD / f"bff-{client}", "--config", conf, *more]
        server = self.start(command, stderr=log.open("w"))
        self.logs.append(log)
        while server.poll() is None:
            found = re.search(r"serves http://127\.0\.0\.1:(\d+) .*http://127\.0\.0\.1:(\d+)\n",
                              log.read_text())
            if found:
                return int(found[1]), int(found[2])
            time.sleep(0.01)
        raise SystemExit(f"bff-{client} did not start: {log.read_text()}")

    def token(self, subject, scope="feed:read"):
        wish = {"sub": subject, "scope": scope, "aud": "bff", "ttl_s": 3600, "alg": "ES256"}
        return json.loads(ask(self.mocks["issuer"], "POST", "/token", wish)[2])["access_token"]

    def feed(self, client, token, path="/v1/feed"):
        headers = {"Authorization": f"Bearer {token}"}
        return ask(self.ports[client], "GET", path, headers=headers.items())

    def spoil(self, service, order):
        ask(self.mocks[service], "PUT", "/_mock", order)

    def heal(self):
        ask(self.mocks["issuer"], "DELETE", "/_mock")

    def end(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        return [process.wait(30) for process in reversed(self.processes)]


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


def judge(service, order, answer, validator, required):
    """Why this answer, with this service spoilt like this, is wrong; None: it is right."""
    status, headers, body = answer
    sections = headers["BFF-Sections"] or ""
    is_well_formed = order.get("body") == "wrong-type"  # JSON, which the shape has to repair
    if b"SECRET" in body or b"INTERNAL" in body:
        return "bytes of a service's error leak"
    if status == 200:
        if not is_well_formed and (service in required or f"{CALLS[service]};s=ok" in sections):
            return f"200 with {sections}"
        return faults_of(validator, body)[:2] or None
    wanted = 504 if "delay_ms" in order else 502
    is_problem = headers["Content-Type"] == "application/problem+json"
    is_right = status == wanted and is_problem and service in required
    return None if is_right else f"{status} {sections}"


def spoilt(world, client, validator, token, required):
    for service in SERVICES:
        for order in SPOILT:
            world.spoil(service, order)
            answer = world.feed(client, token)
            world.heal()
            why = judge(service, order, answer, validator, required)
            check(f"{client}: {service} {json.dumps(order)}", why is None, why)
    status, headers, _ = world.feed(client, token)
    sections = headers["BFF-Sections"]
    check(f"{client}: whole again", status == 200 and sections.count("s=ok") == 6, sections)


def refusals(world, client, token):
    port = world.ports[client]
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
        status, fields, answer = ask(port, method, path, body, headers.items())
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
                validator = jsonschema.Draft202012Validator(schema)
                whole(world, client, validator)
                spoilt(world, client, validator, token, {"profiles", "posts"})
                refusals(world, client, token)
        finally:
            codes = world.end()
            if any(codes):
                print("".join(log.read_text() for log in world.logs), file=sys.stderr)
        check("everything ends when it is told to", codes == [0] * len(codes), codes)
    print(f"1..{sum(counts.values())}")
    return 1 if counts["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
