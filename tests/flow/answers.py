"""Holds answers against their published schemas, and clears them away: answers.py FOLDER

FOLDER/CLIENT/* are bodies of GET /v1/feed as they came back. The last line counts them when all are
as promised; else each fault has a line.
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
    count, wrong = 0, 0
    for client in sorted(folder.iterdir()):
        schema = json.loads((ROOT / "schemas" / client.name / "feed.v1.json").read_text())
        validator = jsonschema.Draft202012Validator(schema)
        for path in sorted(client.iterdir()):
            count += 1
            for fault in faults(validator, path):
                print(f"an answer of bff-{client.name} breaks its schema: {fault}")
                wrong += 1
    shutil.rmtree(folder)
    if not wrong:
        print(f"{count} answers are as promised")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
