"""The rules of the house: each takes a Tree and yields its faults as (path, line, sentence).

A rule proves what a reader may rely on without looking: which room knows which, how long a function
can be, where a library is spoken to. test_house.py holds the project to them; test_rules.py proves
that each of them catches its breach.
"""

import fnmatch
import functools
import pathlib
import re
import shutil
import subprocess

FUNCTION_LINES = 60
FILE_LINES = 600
COLUMNS = 100
OPENING_LINES = range(5, 26)

MIDDLE = ("admit", "fanout", "respond", "observe")
ROOT_FOR_MIDDLE = ("bff.h", "request.h", "worker.h", "settings.h", "problem.h", "options.h",
                   "upstream.h", "version.h")

# A library's headers, and the files of bff-core that speak to it. No header does.
LIBRARIES = {
    r"microhttpd\.h": ("wire/http_daemon.c", "wire/http_server_head.c"),
    r"curl/.*": ("wire/http_*.c",),
    r"gnutls/.*": ("wire/tls.c", "wire/signature.c", "wire/http_server_tls.c", "wire/http_guard.c",
                   "wire/http_client_tls.c"),
    r"json-c/.*|json\.h": ("wire/json.c",),
    r"libconfig\.h": ("wire/conf.c",),
    r"zlib\.h|brotli/.*|zstd\.h": ("wire/compress*.c", "wire/http_inflate.c"),
    r"hiredis/.*": ("wire/redis.c",),
}

BANNED = ("strcpy", "strcat", "sprintf", "vsprintf", "strtok", "atoi", "gets")

# Names that a file must define although they are not its own, and why.
FOREIGN_NAMES = {
    ("http_guard", "recv"): "the library's own reads come through the guard",
    ("http_guard", "gnutls_record_recv"): "the same, under TLS",
}


class Tree:
    """The files of a source tree, read once. `bff-core` paths are also known by room."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        skipped = (".git", "build", "__pycache__")
        self.files = sorted(
            path.relative_to(self.root) for path in self.root.rglob("*")
            if path.is_file() and path.relative_to(self.root).parts[0] not in skipped
            and "__pycache__" not in path.parts)

    def c_files(self, under=""):
        return [path for path in self.files
                if path.suffix in (".c", ".h") and str(path).startswith(under)]

    @functools.lru_cache(maxsize=None)
    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def lines(self, path):
        return enumerate(self.text(path).splitlines(), 1)

    @functools.lru_cache(maxsize=None)
    def code(self, path):
        """The text with comments and quoted texts blanked out; lines stay where they are."""
        def blank(match):
            text = match[0]
            if text[0] in "\"'":
                return text[0] + " " * (len(text) - 2) + text[0]
            return re.sub(r"[^\n]", " ", text)
        pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
        return re.sub(pattern, blank, self.text(path), flags=re.DOTALL)

    def code_lines(self, path):
        return enumerate(self.code(path).splitlines(), 1)

    def includes(self, path):
        """(line, name, is_quoted) of each #include."""
        for number, line in self.lines(path):
            found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if found:
                yield number, found[2], found[1] == '"'

    def functions(self, path):
        """(name, is_static, line of the opening brace, lines) of each function with a body."""
        lines = self.code(path).splitlines()
        start, head = None, ""
        for number, line in enumerate(lines, 1):
            if line.startswith("{"):
                start = number
            elif line.startswith("}") and start:
                head = re.sub(r"__attribute__\s*\(\(.*?\)\)\)?", "", head)
                name = re.search(r"(\w+)\s*\((?!\()", head)
                yield name[1] if name else "?", "static" in head.split(), start, number - start + 1
                start, head = None, ""
            elif not start:
                is_over = not line.strip() or line.startswith("#") or line.rstrip()[-1] in ";}"
                head = "" if is_over else f"{head} {line}"


def room_of(path):
    """"wire" of bff-core/wire/json.c; "" for bff-core's own files."""
    return path.parts[1] if len(path.parts) > 2 else ""


def arrows(tree):
    """root > {admit, fanout, respond, observe} > wire > base; a client knows bff.h alone."""
    for path in tree.c_files("bff-core/"):
        room = room_of(path)
        for line, name, is_quoted in tree.includes(path):
            if not is_quoted:
                continue
            beside, from_core = tree.root / path.parent / name, tree.root / "bff-core" / name
            target = (beside if beside.exists() else from_core).resolve()
            try:
                inside = target.relative_to((tree.root / "bff-core").resolve())
            except ValueError:
                yield path, line, f"includes {name}, which is not in bff-core"
                continue
            other = inside.parts[0] if len(inside.parts) > 1 else ""
            known = ("base",) if room == "base" else (room, "wire", "base")
            is_root_for_middle = not other and room in MIDDLE and inside.name in ROOT_FOR_MIDDLE
            if room and other not in known and not is_root_for_middle:
                yield path, line, f"{room} must not know {inside}"
    for path in tree.c_files("bff-"):
        if path.parts[0] != "bff-core":
            for line, name, is_quoted in tree.includes(path):
                if is_quoted and name != "bff.h" and not (tree.root / path.parent / name).exists():
                    yield path, line, f"a client includes bff.h and files of its own, not {name}"
    for line, name, _ in tree.includes(pathlib.Path("bff-core/bff.h")):
        if name != "stddef.h":
            yield "bff-core/bff.h", line, "bff.h includes <stddef.h> and nothing else"


def libraries(tree):
    """One foreign library per file of wire/, and none in a header."""
    for path in tree.c_files("bff-core/"):
        for line, name, is_quoted in tree.includes(path):
            if is_quoted and (tree.root / path.parent / name).exists():
                continue  # a header of ours that is named like a library's
            for headers, speakers in LIBRARIES.items():
                inside = str(path.relative_to("bff-core"))
                if re.fullmatch(headers, name) and not any(
                        fnmatch.fnmatch(inside, speaker) for speaker in speakers):
                    yield path, line, f"<{name}> belongs to {' '.join(speakers)}"


def lengths(tree):
    """Functions end at 60 lines, files at 600, lines at 100 columns."""
    for path in tree.c_files():
        for name, _, line, length in tree.functions(path):
            if length > FUNCTION_LINES:
                yield path, line, f"{name} has {length} lines; functions end at {FUNCTION_LINES}"
    for path in tree.files:
        is_source = path.suffix in (".c", ".h", ".def", ".py") or path.name == "Makefile"
        if not is_source and not tree.text(path).startswith("#!"):
            continue
        count = 0
        for count, line in tree.lines(path):
            if len(line) > COLUMNS:
                yield path, count, f"{len(line)} columns; lines end at {COLUMNS}"
        if count > FILE_LINES:
            yield path, count, f"{count} lines; files end at {FILE_LINES}"


def banned_calls(tree):
    """Calls that cannot be told how much room there is, or that hide their failure."""
    pattern = re.compile(rf"\b({'|'.join(BANNED)})\s*\(")
    for path in tree.c_files():
        for line, text in tree.code_lines(path):
            for call in pattern.finditer(text):
                yield path, line, f"{call[1]}() is not used here"


def public_names(tree):
    """Only bff.h says bff_."""
    public = pathlib.Path("bff-core/bff.h")
    if public not in tree.files:
        return
    said = set(re.findall(r"\bbff_\w+", tree.code(public)))
    for path in tree.c_files("bff-core/"):
        if path.name in ("bff.h", "bff.c"):
            continue
        for line, text in tree.code_lines(path):
            for name in re.findall(r"\bbff_\w+", text):
                if name not in said:
                    yield path, line, f"{name} is not in bff.h, and only bff.h says bff_"


def own_prefixes(tree, path):
    """What names of a module may begin with: its own name, the structs and enums of its header,
    and the plural of either where a function is about all of them.

    A module in several files (http_server.c, http_server_drain.c) has one header, http_server.h.
    """
    stem = path.stem
    headers = [header for header in tree.c_files(f"{path.parent}/")
               if header.suffix == ".h" and header.parent == path.parent
               and f"{stem}_".startswith(f"{header.stem}_")]
    prefixes = {stem, stem.split("_")[0]}
    for header in headers:
        prefixes |= set(re.findall(r"^(?:struct|enum) (\w+)", tree.code(header), re.MULTILINE))
    return prefixes | {f"{prefix}s" for prefix in prefixes}


def prefixes(tree):
    """File = module = prefix, for every function that another file can call."""
    for path in tree.c_files("bff-core/"):
        if path.suffix != ".c":
            continue
        allowed = own_prefixes(tree, path)
        for name, is_static, line, _ in tree.functions(path):
            is_own = any(f"{name}_".startswith(f"{prefix}_") for prefix in allowed)
            if not is_static and not is_own and (path.stem, name) not in FOREIGN_NAMES:
                yield path, line, (f"{name}() is neither static nor named after {path.stem}"
                                   " or a struct of its header")


def openings(tree):
    """Each .c of bff-core says first what it owns, promises and does not know."""
    for path in tree.c_files("bff-core/"):
        if path.suffix != ".c":
            continue
        text = tree.text(path)
        length = text.split("*/")[0].count("\n") + 1 if text.startswith("/*") else 0
        if length not in OPENING_LINES:
            yield path, 1, (f"opens with a comment of {length} lines;"
                            f" {OPENING_LINES[0]} to {OPENING_LINES[-1]} say what the file owns")


def marks(tree):
    """What is left to do is in an issue, not in the source."""
    pattern = re.compile(r"\b(TO[D]O|FIX[M]E|X[X]X|not implement[e]d)\b")
    for path in tree.files:
        for line, text in tree.lines(path):
            if pattern.search(text):
                yield path, line, f"left to do: {text.strip()[:60]}"


def machine_paths(tree):
    """Nothing names a folder of one machine."""
    pattern = re.compile(r"(?<![\w.}*/-])/(home|root|[w]ork|Users)/\w")
    for path in tree.files:
        for line, text in tree.lines(path):
            if pattern.search(text):
                yield path, line, f"a path of one machine: {text.strip()[:60]}"


def links(tree):
    """Links between the project's own pages lead somewhere."""
    for path in tree.files:
        if path.suffix != ".md":
            continue
        for line, text in tree.lines(path):
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                file = target.split("#")[0]
                if file and "://" not in target and not target.startswith("mailto:") and not (
                        tree.root / path.parent / file).exists():
                    yield path, line, f"the link to {target} leads nowhere"


@functools.lru_cache(maxsize=None)
def formatter():
    """clang-format 14, or None: versions differ in detail, so no other is asked."""
    program = shutil.which("clang-format-14") or shutil.which("clang-format")
    is_known = program and " 14." in subprocess.check_output([program, "--version"], text=True)
    return program if is_known else None


def layout(tree):
    """clang-format decides the rest."""
    files = [str(path) for path in tree.c_files()]
    if not formatter() or not files:
        return
    said = subprocess.run([formatter(), "--dry-run", *files], cwd=tree.root, text=True, check=True,
                          capture_output=True).stderr
    seen = set()
    for path, line in re.findall(r"^(.+?):(\d+):\d+: warning: code should be", said, re.MULTILINE):
        if path not in seen:
            seen.add(path)
            yield path, int(line), "is not laid out as .clang-format says; 'make format' does it"


RULES = (arrows, libraries, lengths, banned_calls, public_names, prefixes, openings, marks,
         machine_paths, links, layout)
