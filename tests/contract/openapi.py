#!/usr/bin/python3
"""Proves what --openapi prints: that it is OpenAPI 3.1, and that the servers do what it says.

The document is held against oas31.py, and oas31.py against documents with one mistake each. Its
schemas must judge hundreds of answers, good and spoilt, exactly as the shapes do. Then each server
is asked, and its services spoilt, until every documented status has been seen: status, header
fields, media type and body of every answer must be in the document. `make lint-openapi` asks a
linter that is not ours.
"""
import copy
import gzip
import http.client
import json
import pathlib
import random
import socket
import subprocess
import sys
import tempfile

import jsonschema

import oas31
from shapes import CALLS, STRANGE, change, places
from world import BUILD, CLIENTS, ROOT, World, check, ended

ROUNDS = 300
HOPS = {"connection", "content-length", "content-type", "date", "keep-alive", "transfer-encoding"}
UNSEEN = {"500"}  # there is no way to make a server fail by itself


def printed(client, conf):
    command = [BUILD / f"bff-{client}", "--config", conf, "--openapi"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout


def strict_object(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a name is there twice: {names}")
    return dict(pairs)


# ---- the document ----

def is_up_to_date(client):
    """The document that the repository holds is the one that the server prints."""
    text = printed(client, ROOT / f"bff-{client}/bff.conf")
    held = ROOT / f"bff-{client}/openapi.json"
    check(f"{client}: openapi.json is what the plans and shapes say",
          held.exists() and held.read_bytes() == text, "run `make openapi`, and commit the change")
    check(f"{client}: two prints are the same",
          text == printed(client, ROOT / f"bff-{client}/bff.conf"))
    return json.loads(text, object_pairs_hook=strict_object)


def is_well_formed(client, document):
    faults = oas31.faults_of(document)
    check(f"{client}: is OpenAPI 3.1", not faults, faults[:5])
    ours = [oas31.pointer(path) for path, value in oas31.walk(document) if isinstance(value, dict)
            for name in value if name.startswith("x-") or name in ("$id", "$defs", "$comment")]
    check(f"{client}: has no words of ours", not ours, ours[:5])


def mistakes(document):
    """(what is wrong, the document with it) for everything that oas31 must notice."""
    def spoil(*path, value=None):
        changed = copy.deepcopy(document)
        holder = changed
        for part in path[:-1]:
            holder = holder[part]
        if value is None:
            del holder[path[-1]]
        else:
            holder[path[-1]] = value
        return changed

    feed = ("paths", "/v1/feed", "get")
    limit = (*feed, "parameters", 0)
    answer = (*feed, "responses", "200", "content", "application/json", "schema")
    missing = ("components", "responses", "token-missing.token-invalid.token-expired", "content",
               "application/problem+json", "examples", "token-missing")
    yield "no version", spoil("info", "version")
    yield "an older format", spoil("openapi", value="3.0.3")
    yield "a member that nobody knows", spoil("information", value={})
    yield "a path without its slash", spoil("paths", "v1/feed", value={})
    yield "a response without words", spoil(*feed, "responses", "200", "description")
    yield "a status that is none", spoil(*feed, "responses", "2000", value={"description": "x"})
    yield "a parameter without a place", spoil(*limit, "in")
    yield "a path parameter that may be missing", spoil(*limit, "in", value="path")
    yield "a parameter twice", spoil(*feed, "parameters", 1, "name", value="limit")
    yield "a schema that is none", spoil(*limit, "schema", "type", value="intger")
    yield "a default out of bounds", spoil(*limit, "schema", "default", value=10**6)
    yield "an example that does not fit", spoil(*missing, "value", "title")
    yield "a reference to nothing", spoil(*answer, "$ref", value="#/components/schemas/gone")
    yield "an operation without a name", spoil(*feed, "operationId")
    yield "a name twice", spoil("paths", "/v2/feed", value=document["paths"]["/v1/feed"])
    yield "a scheme that is not there", spoil("components", "securitySchemes", value={})
    yield "a value in the path", spoil("paths", "/v1/{id}",
                                       value={"get": {**document["paths"]["/v1/feed"]["get"],
                                                      "operationId": "other"}})


def agrees(client, document, dice):
    """The document's schema and the shape take the same answers."""
    shape = json.loads((ROOT / "schemas" / client / "feed.v1.json").read_text())
    by_shape = jsonschema.Draft202012Validator(shape)
    by_document = oas31.validator(document, {"$ref": "#/components/schemas/feed.v1"})
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([BUILD / "bff-mocks", "--dump", folder], check=True, capture_output=True)
        assert all(pathlib.Path(folder, f"{call}.json").exists() for call in CALLS)
        command = [BUILD / f"bff-{client}", "--config", f"bff-{client}/bff.conf", "--try", "feed"]
        done = subprocess.run([*command, folder], cwd=ROOT, capture_output=True, check=True)
    whole = json.loads(done.stdout)
    verdicts, wrong = {True: 0, False: 0}, []
    for _ in range(ROUNDS):
        strange, path = dice.choice(STRANGE), dice.choice(list(places(whole)))
        make = None if path and dice.random() < 0.3 else (lambda: strange)
        answer = change(whole, path, make)
        is_valid = by_shape.is_valid(answer)
        verdicts[is_valid] += 1
        wrong += [] if by_document.is_valid(answer) == is_valid else [(path, str(strange)[:40])]
    check(f"{client}: its schema takes what the shape takes", not wrong, wrong[:3])
    check(f"{client}: good and bad answers were judged", min(verdicts.values()) > 50, verdicts)


# ---- the servers ----

class Judge:
    """Holds answers against the document."""

    def __init__(self, client, document):
        self.client, self.document, self.wrong = client, document, []
        self.operation = document["paths"]["/v1/feed"]["get"]
        self.unseen = set(self.operation["responses"])

    def faults(self, status, headers, body):
        if str(status) not in self.operation["responses"]:
            yield "the status is not documented"
            return
        response = oas31.whole(self.document, self.operation["responses"][str(status)])
        fields = {name.lower(): oas31.whole(self.document, field)
                  for name, field in response["headers"].items()}
        for name in {name.lower() for name in headers} - HOPS - fields.keys():
            yield f"the field {name} is not documented"
        for name, field in fields.items():
            value = headers.get(name)
            if value is None and field.get("required"):
                yield f"the field {name} is missing"
            elif value is not None:
                value = int(value) if field["schema"]["type"] == "integer" else value
                for error in oas31.validator(self.document, field["schema"]).iter_errors(value):
                    yield f"{name}: {error.message}"
        media = response["content"].get(headers["Content-Type"])
        if media is None:
            yield f"{headers['Content-Type']} is not documented"
            return
        plain = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
        answer = json.loads(plain)
        for error in oas31.validator(self.document, media["schema"]).iter_errors(answer):
            yield error.message[:100]
        types = [example["value"]["type"] for example in media.get("examples", {}).values()]
        if types and answer["type"] not in types:
            yield f"{answer['type']} is not documented with {status}"

    def see(self, what, response):
        status, headers, body = response
        self.unseen.discard(str(status))
        self.wrong += [(what, status, fault) for fault in self.faults(status, headers, body)]


def ask(port, target="/v1/feed", token=None, method="GET", body=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def say(port, text):
    """Sends these bytes and reads one answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(text)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.status, response.headers, response.read()


def expired(world):
    wish = {"sub": "1001", "scope": "feed:read", "aud": "bff", "ttl_s": -3600, "alg": "ES256"}
    made = ask(world.mocks["issuer"], "/token", method="POST", body=json.dumps(wish))
    return json.loads(made[2])["access_token"]


def see_requests(judge, world, port):
    token = world.token("1001")
    judge.see("plain", ask(port, token=token))
    judge.see("gzip", ask(port, token=token, Accept_Encoding="gzip"))
    judge.see("a large page", ask(port, "/v1/feed?limit=50", token))
    judge.see("no token", ask(port))
    judge.see("a broken token", ask(port, token="a.b.c"))
    judge.see("an old token", ask(port, token=expired(world)))
    judge.see("another scope", ask(port, token=world.token("1001", "other:read")))
    judge.see("a bad query", ask(port, "/v1/feed?limit=x", token))
    judge.see("no HTTP", say(port, b"GET /v1/feed HTTP/1.1\r\nHost : x\r\n\r\n"))
    judge.see("another method", ask(port, method="DELETE"))
    judge.see("a large body", ask(port, method="GET", body="x" * 100000))
    judge.see("a long target", ask(port, f"/v1/feed?x={'a' * 9000}"))
    judge.see("a large head", ask(port, X_Big="a" * 60000))


def see_services(judge, world, port):
    token = world.token("1001")
    for service in world.mocks.keys() - {"issuer"}:
        is_slow = service == "posts"  # one wait is enough
        for order in ({"status": 503}, {"body": "half"}, *[{"delay_ms": 3000}] * is_slow):
            world.spoil(service, order)
            judge.see(f"{service} {order}", ask(port, token=token))
            world.heal()


def see_limits(judge, world, folder):
    """Servers whose settings bring about what is rare."""
    def serve(name, *settings):
        pathlib.Path(folder, name).mkdir()
        words = [word for setting in settings for word in ("--set", setting)]
        return world.serve(judge.client, pathlib.Path(folder, name), *words)[0]

    token = world.token("1001")
    port = serve("quota", "quota.user.rate=1", "quota.user.burst=1")
    judge.see("the first", ask(port, token=token))
    judge.see("one too many", ask(port, token=token))
    port = serve("keys", "token.jwks_url=http://127.0.0.1:1/none")
    judge.see("no keys", ask(port, token=token))
    port = serve("head", "limits.head_ms=100ms")
    judge.see("a slow head", say(port, b"GET /v1/feed HTTP/1.1\r\n"))


def see_everything(world, folder, client):
    document = json.loads(printed(client, pathlib.Path(folder, f"{client}.conf")))
    judge = Judge(client, document)
    see_requests(judge, world, world.ports[client])
    see_services(judge, world, world.ports[client])
    see_limits(judge, world, tempfile.mkdtemp(dir=folder))
    check(f"{client}: every answer is as documented", not judge.wrong, judge.wrong[:5])
    check(f"{client}: every documented status comes", judge.unseen == UNSEEN, judge.unseen)


def main():
    for client in CLIENTS:
        document = is_up_to_date(client)
        is_well_formed(client, document)
        agrees(client, document, random.Random(31))
    for what, spoilt in mistakes(document):
        check(f"a document with {what} is noticed", oas31.faults_of(spoilt))
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        try:
            for client in CLIENTS:
                see_everything(world, folder, client)
        finally:
            world.end()
    return ended()


if __name__ == "__main__":
    sys.exit(main())
