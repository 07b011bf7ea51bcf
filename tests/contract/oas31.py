"""What an OpenAPI 3.1 document must be, as far as ours use it: faults_of(document).

The structure is held against a schema that follows the specification's tables field by field; what
a schema cannot say (references lead somewhere, path parameters match their path, examples and
defaults fit) is looked at in turn.
"""
import re

import jsonschema

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
TEXT, FLAG, ANY = {"type": "string"}, {"type": "boolean"}, {}
COMPONENT_NAME = r"^[a-zA-Z0-9._-]+$"


def ref(name):
    return {"$ref": f"#/$defs/{name}"}


def list_of(schema):
    return {"type": "array", "items": schema}


def map_of(schema, names=".*"):
    return {"type": "object", "patternProperties": {names: schema}, "additionalProperties": False}


def fixed(required, /, **fields):
    """An object with these fields, or with x- words, and no others."""
    return {"type": "object", "required": required.split(), "properties": fields,
            "patternProperties": {"^x-": ANY}, "additionalProperties": False}


def or_reference(name):
    return {"if": {"required": ["$ref"]}, "then": ref("reference"), "else": ref(name)}


REFERENCE = {**fixed("", summary=TEXT, description=TEXT)}
REFERENCE["properties"]["$ref"] = TEXT
REFERENCE["required"] = ["$ref"]

META = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **fixed("openapi info paths", openapi={"type": "string", "pattern": r"^3\.1\.\d+$"},
            info=ref("info"), servers=list_of(ref("server")), jsonSchemaDialect=TEXT,
            paths=map_of(ref("path"), "^/"), components=ref("components"),
            security=list_of(ref("security")), tags=list_of(fixed("name", name=TEXT,
                                                                  description=TEXT))),
    "$defs": {
        "reference": REFERENCE,
        "info": fixed("title version", title=TEXT, summary=TEXT, description=TEXT, version=TEXT,
                      termsOfService=TEXT, contact=fixed("", name=TEXT, url=TEXT, email=TEXT),
                      license=fixed("name", name=TEXT, identifier=TEXT, url=TEXT)),
        "server": fixed("url", url={"type": "string", "pattern": "^https?://[^/]+.*[^/]$"},
                        description=TEXT),
        "path": fixed("", summary=TEXT, description=TEXT, **{
            method: ref("operation") for method in METHODS},
            parameters=list_of(or_reference("parameter"))),
        "operation": fixed("operationId responses", tags=list_of(TEXT), summary=TEXT,
                           description=TEXT, operationId=TEXT, deprecated=FLAG,
                           parameters=list_of(or_reference("parameter")),
                           requestBody=fixed("content", description=TEXT, required=FLAG,
                                             content=map_of(ref("media"))),
                           responses={**map_of(or_reference("response"),
                                               r"^(default|[1-5](\d\d|XX))$"),
                                      "minProperties": 1},
                           security=list_of(ref("security"))),
        "parameter": {
            **fixed("name in schema", name=TEXT, description=TEXT, required=FLAG, deprecated=FLAG,
                    schema=ANY, example=ANY, examples=map_of(or_reference("example")),
                    **{"in": {"enum": ["query", "header", "path", "cookie"]}}),
            "if": {"properties": {"in": {"const": "path"}}},
            "then": {"properties": {"required": {"const": True}}, "required": ["required"]}},
        "response": fixed("description", description={"type": "string", "minLength": 1},
                          headers=map_of(or_reference("header")), content=map_of(ref("media"))),
        "header": fixed("schema", description=TEXT, required=FLAG, deprecated=FLAG, schema=ANY,
                        example=ANY),
        "media": fixed("", schema=ANY, example=ANY, examples=map_of(or_reference("example"))),
        "example": fixed("value", summary=TEXT, description=TEXT, value=ANY),
        "security": map_of(list_of(TEXT)),
        "scheme": {**fixed("type scheme", type={"const": "http"}, scheme=TEXT, bearerFormat=TEXT,
                           description=TEXT)},
        "components": fixed("", schemas=map_of(ANY, COMPONENT_NAME),
                            headers=map_of(or_reference("header"), COMPONENT_NAME),
                            responses=map_of(or_reference("response"), COMPONENT_NAME),
                            parameters=map_of(or_reference("parameter"), COMPONENT_NAME),
                            securitySchemes=map_of(ref("scheme"), COMPONENT_NAME)),
    },
}


def pointer(path):
    return "#/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in path)


def resolve(document, reference):
    """What a local reference leads to; None when it leads nowhere."""
    at = document
    for part in reference.removeprefix("#/").split("/"):
        part = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(at, dict) or part not in at:
            return None
        at = at[part]
    return at


def whole(document, thing):
    """The thing, or what it refers to."""
    return resolve(document, thing["$ref"]) if "$ref" in thing else thing


def validator(document, schema):
    """Of a schema that may refer to the document's components."""
    return jsonschema.Draft202012Validator({**schema, "components": document["components"]})


def walk(value, path=()):
    yield path, value
    if isinstance(value, (dict, list)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from walk(part, path + (key,))


def operations(document):
    """(path template, method, operation) of each."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def schema_faults(document, path, holder):
    """Of an object with a "schema": is it one, and do default and examples fit it?"""
    schema = holder["schema"]
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        yield f"{pointer(path)}: is no schema: {error.message}"
        return
    named = {name: example.get("value") for name, example in holder.get("examples", {}).items()}
    for word, value in {**named, **{word: holder[word] for word in ("example",) if word in holder},
                        **({"default": schema["default"]} if "default" in schema else {})}.items():
        for error in validator(document, schema).iter_errors(value):
            yield f"{pointer(path)}: {word} does not fit: {error.message}"


def operation_faults(document):
    seen = set()
    schemes = document.get("components", {}).get("securitySchemes", {})
    for path, method, operation in operations(document):
        name = f"{method} {path}"
        if operation["operationId"] in seen:
            yield f"{name}: the operationId {operation['operationId']} is there twice"
        seen.add(operation["operationId"])
        parameters = [whole(document, one) for one in operation.get("parameters", [])]
        keys = [(one["in"], one["name"]) for one in parameters]
        if len(set(keys)) != len(keys):
            yield f"{name}: a parameter is there twice"
        declared = {name for place, name in keys if place == "path"}
        if declared != set(re.findall(r"{([^}]+)}", path)):
            yield f"{name}: its path parameters are {sorted(declared)}"
        for requirement in operation.get("security", []):
            for scheme in requirement.keys() - schemes.keys():
                yield f"{name}: there is no security scheme {scheme}"


def faults_of(document):
    """Sentences; none: the document is well-formed."""
    structure = [f"{pointer(error.absolute_path)}: {error.message}"[:300] for error in
                 jsonschema.Draft202012Validator(META).iter_errors(document)]
    if structure:
        return structure
    faults = []
    for path, value in walk(document):
        is_reference = isinstance(value, dict) and isinstance(value.get("$ref"), str)
        if is_reference and resolve(document, value["$ref"]) is None:
            faults.append(f"{pointer(path)}: {value['$ref']} leads nowhere")
    if faults:
        return faults
    for path, value in walk(document):
        if isinstance(value, dict) and isinstance(value.get("schema"), dict):
            faults += schema_faults(document, path, value)
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        faults += schema_faults(document, ("components", "schemas", name), {"schema": schema})
    return faults + list(operation_faults(document))
