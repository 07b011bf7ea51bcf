"""Holds the project to the rules in rules.py, and says each fault with file and line."""

import pathlib
import sys

import rules


def main():
    tree = rules.Tree(pathlib.Path(__file__).resolve().parent.parent.parent)
    is_clean = True
    for rule in rules.RULES:
        faults = list(rule(tree))
        for path, line, sentence in faults:
            print(f"{path}:{line}: {sentence}")
        is_skipped = rule is rules.layout and not rules.formatter()
        skipped = " # SKIP there is no clang-format 14 here" if is_skipped else ""
        print(f"{'not ok' if faults else 'ok'} - {rule.__name__}{skipped}")
        is_clean = is_clean and not faults
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
