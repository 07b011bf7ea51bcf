"""What contract tests start, ask and count: the mocks, and servers that ask whom they are told to.

What a server answers is kept for tests/seen to judge.
"""
import http.client
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BFF_BUILD", ROOT / "build"))
CLIENTS = ("mobile", "web", "tv")
SERVICES = ("profiles", "posts", "recommendations", "notifications", "ads", "analytics")
NO_LISTENER = ("--set", "listen.certificate=", "--set", "listen.key=")
PATIENCE_S = 30
counts = {"ok": 0, "not ok": 0}


def check(words, holds, why=""):
    word = "ok" if holds else "not ok"
    counts[word] += 1
    print(f"{word} {sum(counts.values())} - {words}{'' if holds else f': {why}'}", flush=True)


def ended():
    """After the last check: the exit code."""
    print(f"1..{sum(counts.values())}")
    return 1 if counts["not ok"] else 0


def ask(port, method, path, body=None, fields=None):
    """(status, fields, body) of one question on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body and json.dumps(body), fields or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def start_mocks():
    """The running program, and the port of each service and of the issuer."""
    command = [BUILD / "bff-mocks", "--port", "0", "--die-with-parent"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    words = process.stdout.readline().split()[1:]
    return process, {name: int(port) for name, port in (word.split("=") for word in words)}


def mint(issuer_port, subject="1001", scope="feed:read"):
    wish = {"sub": subject, "scope": scope, "aud": "bff", "ttl_s": 3600, "alg": "ES256"}
    return json.loads(ask(issuer_port, "POST", "/token", wish)[2])["access_token"]


def saw(client, method, target, status, content_type, body):
    """For tests/seen."""
    if "BFF_SEEN" in os.environ:
        with tempfile.NamedTemporaryFile(dir=os.environ["BFF_SEEN"], delete=False) as file:
            file.write(f"{client} {method} {target} {status} {content_type}\n".encode() + body)


class Server:
    """One bff-CLIENT without TLS; each service is at a port, and may have settings of its own."""

    def __init__(self, client, folder, issuer_port, ports, *more, access="off", workers=2,
                 settings=None):
        self.client = client
        self.conf = pathlib.Path(folder) / f"{client}.conf"
        self.log = pathlib.Path(folder) / f"{client}.log"
        issuer = f"http://127.0.0.1:{issuer_port}"
        own = settings or {}
        services = "".join(
            f'{name} = {{ url = "http://127.0.0.1:{ports[name]}"; {own.get(name, "")} }};\n'
            for name in SERVICES)
        self.conf.write_text(f'''listen = {{ port = 0; workers = {workers}; }};
admin = {{ port = 0; }};
token = {{ issuer = "{issuer}"; audience = "bff"; jwks_url = "{issuer}/.well-known/jwks.json"; }};
quota = {{ user = {{ rate = 0; }}; address = {{ rate = 0; }}; }};
services = {{ {services} }};
schemas = "{ROOT / 'schemas'}";
log = {{ access = "{access}"; }};
''')
        self.command = [str(BUILD / f"bff-{client}"), "--config", str(self.conf)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen([*self.command, *more], stderr=log)
        self.port, self.admin_port = self.wait_until_it_serves()

    def wait_until_it_serves(self):
        while self.process.poll() is None:
            said = self.log.read_text()
            served = re.search(r"serves https?://127\.0\.0\.1:(\d+) ", said)
            admin = re.search(r"admin http://127\.0\.0\.1:(\d+)", said)
            if served and admin:
                return int(served[1]), int(admin[1])
            time.sleep(0.01)
        raise SystemExit(f"bff-{self.client} did not start: {self.log.read_text()}")

    def end(self):
        """The exit code after SIGTERM."""
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class World:
    """The mocks, and the three servers that ask them."""

    def __init__(self, folder):
        self.process, self.mocks = start_mocks()
        self.servers = []
        self.ports, self.admins = {}, {}
        for client in CLIENTS:
            self.ports[client], self.admins[client] = self.serve(client, folder)

    def serve(self, client, folder, *more):
        """Ports of one more server: its own and its admin's."""
        server = Server(client, folder, self.mocks["issuer"], self.mocks, *more)
        self.servers.append(server)
        return server.port, server.admin_port

    def token(self, subject, scope="feed:read"):
        return mint(self.mocks["issuer"], subject, scope)

    def ask(self, client, method, target, body=None, fields=None):
        status, got, answer = ask(self.ports[client], method, target, body, fields)
        saw(client, method, target, status, got["Content-Type"], answer)
        return status, got, answer

    def feed(self, client, token, target="/v1/feed"):
        return self.ask(client, "GET", target, fields={"Authorization": f"Bearer {token}"})

    def spoil(self, service, order):
        ask(self.mocks[service], "PUT", "/_mock", order)

    def heal(self):
        ask(self.mocks["issuer"], "DELETE", "/_mock")

    def end(self):
        """The exit code of each program; what the servers said last, where one is not 0."""
        codes = [server.end() for server in self.servers]
        said = "".join(server.log.read_text()[-4000:] for server in self.servers)
        self.process.terminate()
        codes.append(self.process.wait(PATIENCE_S))
        return codes, said if any(codes) else ""


class Call(NamedTuple):
    need: str  # "required", "optional" or "detached"
    service: str
    waits_for: frozenset
    kept: str  # "cached" when a fresh copy stands in, "stale" when only an old one does, "" neither


class Plan(NamedTuple):
    name: str
    method: str
    path: str
    budget_ms: int
    shape: str  # "" for a plan without one
    calls: dict


def plans_of(client, *options):
    """The client's plans, as --plans prints them."""
    options = options or ("--config", f"bff-{client}/bff.conf", *NO_LISTENER)
    text = subprocess.run([str(BUILD / f"bff-{client}"), *options, "--plans"], cwd=ROOT, check=True,
                          capture_output=True, text=True).stdout
    parts = re.split(r"(?m)^(?=plan )", text)
    return [read_plan(part) for part in parts if part.startswith("plan ")]


def read_plan(text):
    name, method, path = re.match(r"plan (\S+): (\S+) ([^\s,]+)", text).groups()
    budget = re.search(r"within (\d+) ms", text)
    shape = re.search(r"shape (\S+/[^\s,;]+)", text.splitlines()[0])
    calls = {}
    for part in re.split(r"(?m)^  (?=\S)", text)[1:]:
        as_, need, service = re.match(r"(\S+) +(\w+) .* from (\S+)", part).groups()
        waits = re.search(r"waits for ([\w, ]+)", part)
        names = frozenset(re.findall(r"\w+", waits[1]) if waits else ())
        kept = "cached" if "not asked while a copy" in part else \
            "stale" if "when it fails a copy" in part else ""
        calls[as_] = Call(need, service, names, kept)
    return Plan(name, method, path, int(budget[1]) if budget else 0, shape[1] if shape else "",
                calls)
