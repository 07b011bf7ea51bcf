#!/usr/bin/python3
"""Proves that schemas/diff finds every change that would break an app, and no other.

Each case changes one thing and says what must be listed: how severe, which word, and at which
field. What is compatible must break when it is taken back. What concerns revisions, files and usage
is tried in made-up repositories.
"""
import copy
import importlib.machinery
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

from world import ROOT, check, ended

sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("diff", str(ROOT / "schemas/diff"))
diff = importlib.util.module_from_spec(importlib.util.spec_from_loader("diff", loader))
sys.modules["diff"] = diff
loader.exec_module(diff)

SHAPE, PLANS = "schemas/own/feed.v1.json", "bff-own/openapi.json"
BREAKING, COMPATIBLE = "breaking", "compatible"

FEED = {
    "$id": "https://schemas.example/own/feed.v1.json",
    "type": "object",
    "x-max-bytes": 6144,
    "required": ["id", "list"],
    "properties": {
        "id": {"$ref": "#/$defs/id", "x-from": "a.id"},
        "text": {"type": "string", "minLength": 1, "maxLength": 50, "x-from": "a.text"},
        "kind": {"type": "string", "enum": ["x", "y"], "default": "x", "x-from": "a.kind"},
        "half": {"type": "number", "minimum": -1.50, "maximum": 2.5, "x-from": "a.half"},
        "count": {"type": "integer", "minimum": 0, "x-from": "a.count"},
        "maybe": {"type": ["string", "null"], "x-from": "a.maybe"},
        "what": {"type": "string", "const": "feed"},
        "when": {"type": "string", "format": "date-time", "x-from": "a.when"},
        "list": {"type": "array", "minItems": 0, "maxItems": 20, "x-from": "a.list",
                 "items": {"type": "object", "required": ["id"], "properties": {
                     "id": {"$ref": "#/$defs/id", "x-from": "id"},
                     "a/b": {"type": "string", "maxLength": 5, "x-from": "t"}}}},
    },
    "$defs": {"id": {"type": "integer", "minimum": 1, "maximum": 9223372036854775807}},
}

OPERATION = {
    "operationId": "feed",
    "security": [{"bearer": ["feed:read"]}],
    "parameters": [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
        {"name": "limit", "in": "query", "required": False,
         "schema": {"type": "integer", "minimum": 1, "maximum": 50, "default": 20}},
        {"name": "cursor", "in": "query", "required": False,
         "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[a-z]+$"}},
        {"$ref": "#/components/parameters/BFF-Budget"},
    ],
    "responses": {
        "200": {"description": "x", "headers": {"BFF-Sections": {}, "RateLimit": {}},
                "content": {"application/json": {"schema": {
                    "$ref": "#/components/schemas/feed.v1"}}}},
        "404": {"description": "x"},
    },
}
SCHEMAS = {"feed.v1": {"type": "object", "properties": {"id": {"type": "integer"}}},
           "feed.v2": {"type": "object", "properties": {"id": {"type": "string"}}},
           "feed.v3": {"type": "object", "properties": {"id": {"type": "integer"},
                                                        "more": {"type": "string"}}}}
DOCUMENT = {"openapi": "3.1.0", "paths": {"/v1/feed/{id}": {"get": OPERATION}},
            "components": {"schemas": SCHEMAS, "parameters": {"BFF-Budget": {
                "name": "BFF-Budget", "in": "header", "schema": {"type": "integer"}}}}}

PROPERTY = ("properties", "text")
ELEMENT = ("properties", "list", "items", "properties")
GET = ("paths", "/v1/feed/{id}", "get")
GONE = object()

# where, what stands there now, how severe, the listed field and word, words of the reason
ANSWERS = [
    (PROPERTY, GONE, BREAKING, "/properties/text  property", "is gone"),
    (("properties", "new"), {"type": "string", "x-from": "a.n"}, COMPATIBLE,
     "/properties/new  property", "is new"),
    ((*PROPERTY, "type"), "integer", BREAKING, "/properties/text  type", "may be integer"),
    ((*PROPERTY, "type"), ["string", "null"], BREAKING, "/properties/text  type", "may be null"),
    (("properties", "maybe", "type"), "string", COMPATIBLE, "/properties/maybe  type", "no null"),
    (("properties", "count", "type"), "number", BREAKING, "/properties/count  type",
     "may be number"),
    (("properties", "half", "type"), "integer", COMPATIBLE, "/properties/half  type", "no number"),
    (("required",), ["list"], BREAKING, "/properties/id  required", "may be missing"),
    (("required",), ["id", "list", "text"], COMPATIBLE, "/properties/text  required",
     "never missing"),
    (("properties", "kind", "default"), GONE, BREAKING, "/properties/kind  default",
     "may be missing"),
    (("properties", "kind", "default"), "y", COMPATIBLE, "/properties/kind  default",
     "something else"),
    (("properties", "kind", "enum"), ["x", "y", "z"], BREAKING, "/properties/kind  enum",
     'may be "z"'),
    (("properties", "kind", "enum"), ["x"], COMPATIBLE, "/properties/kind  enum", 'never "y"'),
    (("properties", "kind", "enum"), ["y", "x"], None, "", ""),
    (("properties", "kind", "enum"), GONE, BREAKING, "/properties/kind  enum", "any value"),
    (("properties", "what", "const"), "page", BREAKING, "/properties/what  const", 'may be "page"'),
    (("properties", "what", "const"), GONE, BREAKING, "/properties/what  const", "any value"),
    ((*PROPERTY, "maxLength"), 80, BREAKING, "/properties/text  maxLength: 50 -> 80", "larger"),
    ((*PROPERTY, "maxLength"), 40, COMPATIBLE, "/properties/text  maxLength: 50 -> 40", "tightly"),
    ((*PROPERTY, "maxLength"), GONE, BREAKING, "/properties/text  maxLength: 50 -> (none)", ""),
    ((*PROPERTY, "minLength"), 0, BREAKING, "/properties/text  minLength: 1 -> 0", "smaller"),
    ((*PROPERTY, "minLength"), 2, COMPATIBLE, "/properties/text  minLength: 1 -> 2", ""),
    (("properties", "half", "minimum"), -1.75, BREAKING, "/properties/half  minimum: -1.5 -> -1.75",
     "smaller"),
    (("properties", "half", "maximum"), 2.25, COMPATIBLE, "/properties/half  maximum", ""),
    (("properties", "count", "maximum"), 10, COMPATIBLE,
     "/properties/count  maximum: (none) -> 10", ""),
    (("properties", "list", "maxItems"), 50, BREAKING, "/properties/list  maxItems: 20 -> 50", ""),
    (("properties", "list", "maxItems"), 10, COMPATIBLE, "/properties/list  maxItems", ""),
    (("properties", "list", "minItems"), 1, COMPATIBLE, "/properties/list  minItems", ""),
    (("properties", "list", "items", "required"), [], BREAKING,
     "/properties/list/items/properties/id  required", "may be missing"),
    ((*ELEMENT, "a/b", "maxLength"), 6, BREAKING,
     "/properties/list/items/properties/a~1b  maxLength", ""),
    ((*ELEMENT, "id"), GONE, BREAKING, "/properties/list/items/properties/id  property", "gone"),
    (("$defs", "id", "minimum"), 0, BREAKING, "/properties/id  minimum: 1 -> 0", "smaller"),
    (("properties", "id"), {"type": "integer", "minimum": 1, "maximum": 9223372036854775807,
                            "x-from": "a.id"}, None, "", ""),
    (("properties", "when", "format"), "date", BREAKING, "/properties/when  format", ""),
    (("properties", "when", "format"), GONE, BREAKING, "/properties/when  format", ""),
    ((*PROPERTY, "format"), "uri", COMPATIBLE, "/properties/text  format", ""),
    ((*PROPERTY, "x-from"), "a.other", COMPATIBLE, "/properties/text  x-from", "another way"),
    (("x-max-bytes",), 7000, COMPATIBLE, "#  x-max-bytes: 6144 -> 7000", "another size"),
    ((*PROPERTY, "title"), "A text", None, "", ""),
    (("description",), "What it is.", None, "", ""),
    (("additionalProperties",), False, None, "", ""),
]

PARAMETERS = [
    (("paths", "/v1/feed/{id}"), GONE, BREAKING, "/get  plan", "is gone"),
    (("paths", "/v1/inbox"), {"get": OPERATION}, COMPATIBLE, "inbox/get  plan", "is new"),
    ((*GET, "parameters", 4), {"name": "new", "in": "query", "required": True,
                               "schema": {"type": "string"}},
     BREAKING, "/parameters/4  parameter", "must be sent"),
    ((*GET, "parameters", 4), {"name": "new", "in": "query", "required": False,
                               "schema": {"type": "string"}},
     COMPATIBLE, "/parameters/4  parameter", "is new"),
    ((*GET, "parameters", 2), GONE, BREAKING, "/parameters/2  parameter", "not read any more"),
    ((*GET, "parameters", 1, "required"), True, BREAKING, "/parameters/1  required", "must be"),
    ((*GET, "parameters", 1, "schema", "maximum"), 40, BREAKING,
     "/parameters/1  maximum: 50 -> 40", "tightly"),
    ((*GET, "parameters", 1, "schema", "maximum"), 60, COMPATIBLE,
     "/parameters/1  maximum: 50 -> 60", "larger"),
    ((*GET, "parameters", 1, "schema", "minimum"), 2, BREAKING,
     "/parameters/1  minimum: 1 -> 2", "tightly"),
    ((*GET, "parameters", 1, "schema", "minimum"), 0, COMPATIBLE, "/parameters/1  minimum", ""),
    ((*GET, "parameters", 1, "schema", "type"), "string", BREAKING, "/parameters/1  type", ""),
    ((*GET, "parameters", 1, "schema", "type"), "number", COMPATIBLE, "/parameters/1  type", ""),
    ((*GET, "parameters", 1, "schema", "enum"), [1, 2], BREAKING, "/parameters/1  enum", ""),
    ((*GET, "parameters", 1, "schema", "default"), 10, COMPATIBLE, "/parameters/1  default", ""),
    ((*GET, "parameters", 2, "schema", "maxLength"), 64, BREAKING,
     "/parameters/2  maxLength: 128 -> 64", ""),
    ((*GET, "parameters", 2, "schema", "pattern"), "^[a-y]+$", BREAKING,
     "/parameters/2  pattern", ""),
    (("components", "parameters", "BFF-Budget", "schema", "minimum"), 1, BREAKING,
     "/components/parameters/BFF-Budget  minimum", "tightly"),
    ((*GET, "parameters", 3), GONE, BREAKING, "#/components/parameters/BFF-Budget  parameter",
     "not read any more"),
    ((*GET, "security"), [{"bearer": ["feed:read", "more"]}], BREAKING, "/get  security",
     'the scope "more"'),
    ((*GET, "security"), [{}, {"bearer": ["feed:read"]}], COMPATIBLE, "/get  security", "more"),
    ((*GET, "responses", "200", "headers", "RateLimit"), GONE, BREAKING,
     "/responses/200  headers", "is not sent"),
    ((*GET, "responses", "200", "headers", "ETag"), {}, None, "", ""),
    ((*GET, "responses", "503"), {"description": "x"}, None, "", ""),
    ((*GET, "responses", "200", "content", "application/json", "schema", "$ref"),
     "#/components/schemas/feed.v2", BREAKING, "/components/schemas/feed.v2/properties/id  type",
     "may be string"),
    ((*GET, "responses", "200", "content", "application/json", "schema", "$ref"),
     "#/components/schemas/feed.v3", COMPATIBLE,
     "/components/schemas/feed.v3/properties/more  property", "is new"),
    (("paths", "/v1/feed/{id}", "get", "summary"), "Another sentence.", None, "", ""),
]


def changed(document, path, value):
    document = copy.deepcopy(document)
    holder = document
    for part in path[:-1]:
        holder = holder[part]
    if value is GONE:
        del holder[path[-1]]
    elif isinstance(holder, list) and path[-1] == len(holder):
        holder.append(value)
    else:
        holder[path[-1]] = value
    return document


class Repository:
    """A project with one client, committed; the working tree is free to change."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder)
        self.git("init", "--quiet")
        self.reset()
        self.commit()

    def git(self, *words):
        who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, "-C", self.root, *words], check=True, capture_output=True)

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x")

    def write(self, file, document):
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))

    def reset(self):
        self.write(SHAPE, FEED)
        self.write(PLANS, DOCUMENT)

    def diff(self, *words):
        """Exit code, the changes' lines, and all that was said."""
        done = subprocess.run([ROOT / "schemas/diff", "--root", self.root, *words], text=True,
                              capture_output=True, check=False)
        lines = [line for line in done.stdout.splitlines()
                 if line.startswith((BREAKING, COMPATIBLE))]
        return done.returncode, lines, done.stdout + done.stderr


def listed(before, after):
    """The lines for these files, without a repository."""
    def read(files):
        return {name: diff.parsed(json.dumps(document), name) for name, document in files.items()}
    return [diff.say(line) for line in diff.lines_of(read(before), read(after))]


def is_found(lines, file, severity, field, why):
    """The change is listed, and nothing is listed that breaks more than it."""
    if severity is None:
        return not lines
    hits = [line for line in lines
            if line.startswith(f"{severity:<10}  {file}#") and field in line and why in line]
    return hits and (severity == BREAKING or not any(line.startswith(BREAKING) for line in lines))


def each_change(file, document, cases):
    for path, value, severity, field, why in cases:
        lines = listed({file: document}, {file: changed(document, path, value)})
        name = f"{'.'.join(map(str, path))} is {'gone' if value is GONE else json.dumps(value)}"
        check(f"{name[:90]}: {severity or 'nothing'}",
              is_found(lines, file, severity, field, why), lines)


def both_ways():
    """What is compatible in an answer breaks it when it is taken back."""
    for path, value, severity, field, why in ANSWERS:
        if severity == COMPATIBLE and "x-" not in field and "something else" not in why:
            lines = listed({SHAPE: changed(FEED, path, value)}, {SHAPE: FEED})
            breaking = [line for line in lines if line.startswith(BREAKING)]
            check(f"{'.'.join(map(str, path))} taken back: breaking",
                  field.split(":")[0] in "".join(breaking), lines)


def a_change_in_a_repository(repository):
    repository.write(SHAPE, changed(FEED, (*PROPERTY, "maxLength"), 80))
    code, lines, said = repository.diff("HEAD")
    check("a breaking change ends with 1", code == 1 and lines == [
        f"breaking    {SHAPE}#/properties/text  maxLength: 50 -> 80: may be larger"], said)
    repository.write(SHAPE, changed(FEED, (*PROPERTY, "maxLength"), 40))
    code, lines, said = repository.diff("HEAD")
    check("a compatible one with 0, unlisted", code == 0 and not lines, said)
    code, lines, said = repository.diff("--all", "HEAD")
    check("but for --all", code == 0 and len(lines) == 1, said)


def files(repository):
    repository.reset()
    repository.write("schemas/own/feed.v2.json", changed(FEED, PROPERTY, GONE))
    code, lines, said = repository.diff("--all", "HEAD")
    check("a v2 beside v1 breaks nothing", code == 0 and len(lines) == 1, said)
    repository.commit()
    (repository.root / SHAPE).unlink()
    code, lines, said = repository.diff("HEAD")
    check("v1 that is gone breaks", code == 1 and "is gone" in lines[0], said)
    check("what is compared with is named", "since HEAD" in said, said)
    repository.reset()
    repository.write("schemas/services/a.v1.json", {"type": "object"})
    repository.write("schemas/new/feed.v1.json", FEED)
    code, lines, said = repository.diff("HEAD")
    check("services and new clients break nothing", code == 0 and not lines, said)
    check("what is not listed is counted", "0 breaking and 1 compatible" in said, said)
    repository.write(SHAPE, changed(FEED, ("$defs", "id", "minimum"), 0))
    _, lines, said = repository.diff("HEAD")
    check("each field that uses a definition is listed", len(lines) == 2, said)
    (repository.root / "schemas/new/feed.v1.json").unlink()
    (repository.root / PLANS).unlink()
    code, lines, said = repository.diff("HEAD")
    check("a client that is gone breaks", code == 1 and PLANS in "".join(lines), said)


def mistakes(repository):
    repository.reset()
    for words, sentence in (
            ((), "name the revision"),
            (("",), "name the revision"),
            (("v9.9",), 'no revision "v9.9"'),
            (("--output=x",), "unrecognized arguments"),
            (("--", "--output=x"), 'no revision "--output=x"')):
        code, _, said = repository.diff(*words)
        check(f"{words}: wrong usage", code == 2 and sentence in said, f"{code}: {said}")
    repository.write(SHAPE, '{"type": "object",}')
    code, _, said = repository.diff("HEAD")
    check("a shape that is no JSON is named", code == 2 and SHAPE in said, said)
    repository.write(SHAPE, changed(FEED, ("properties", "id", "$ref"), "#/$defs/gone"))
    code, _, said = repository.diff("HEAD")
    check("a $ref to nothing is named", code == 2 and "leads nowhere" in said, said)
    with tempfile.TemporaryDirectory() as bare:
        done = subprocess.run([ROOT / "schemas/diff", "--root", bare, "HEAD"], text=True,
                              capture_output=True, check=False)
        check("no repository", done.returncode == 2 and "no git repository" in done.stderr)


def before_documents(folder):
    """A BASE from before there were documents of plans."""
    repository = Repository(folder)
    (repository.root / PLANS).unlink()
    repository.commit()
    repository.reset()
    code, lines, said = repository.diff("--all", "HEAD")
    check("plans that BASE does not show are not called new",
          code == 0 and not lines and "not known" in said, said)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name in ("a", "b"):
            pathlib.Path(folder, name).mkdir()
        repository = Repository(pathlib.Path(folder, "a"))
        code, lines, said = repository.diff("--all", "HEAD")
        check("nothing has changed", code == 0 and not lines, said)
        a_change_in_a_repository(repository)
        each_change(SHAPE, FEED, ANSWERS)
        each_change(PLANS, DOCUMENT, PARAMETERS)
        both_ways()
        mistakes(repository)
        files(repository)
        before_documents(pathlib.Path(folder, "b"))
    return ended()


if __name__ == "__main__":
    sys.exit(main())
