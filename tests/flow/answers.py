"""Holds answers against their published schemas, and clears them away: answers.py FOLDER

FOLDER/CLIENT/* are bodies of GET /v1/feed as they came back. Exit code 1 when one of them does not
validate.
"""

import json
import pathlib
import shutil
import sys

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]


def faults(validator, path):
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        return [f"no JSON: {error}"]
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(body)]


def main(folder):
    is_right = True
    for client in sorted(folder.iterdir()):
        schema = json.loads((ROOT / "schemas" / client.name / "feed.v1.json").read_text())
        validator = jsonschema.Draft202012Validator(schema)
        for path in sorted(client.iterdir()):
            for fault in faults(validator, path):
                print(f"an answer of bff-{client.name} breaks its schema: {fault}")
                is_right = False
    shutil.rmtree(folder)
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
