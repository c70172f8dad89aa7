#!/usr/bin/env python3
"""Checks that the tree keeps its own rules. Plain Python, nothing to install; `dev/test tidy` runs it.

Every rule is a function from a tree to complaints. Before the rules look at this tree they are tried on a small
tree that is in order and on copies of it that break one rule each (SELF_TESTS below): a rule that cannot fail
would be worth nothing.

    tests/tidy/tidy_test.py [--junit FILE] [RULE...]
"""

from __future__ import annotations

import argparse
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from xml.sax.saxutils import escape, quoteattr

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

CPP = (".h", ".cpp")
# Made by tools or fetched: never part of the project.
IGNORED_FOLDERS = {".git", ".deps", ".venv", "build", "data", "__pycache__", ".pytest_cache", ".hypothesis", ".mypy_cache"}
# Other languages' words for the same file.
BANNED_WORDS = {"util", "utils", "helper", "helpers", "common", "misc", "core", "manager"}
# Where such a word is what everybody calls it: Python packages name their private extension module so.
NAMED_BY_CUSTOM = {"python/colonnade/_core.pyi"}
WARN_LINES, FAIL_LINES = 600, 1000
# Files between the two limits, each with the reason why it is one file.
LONG_FILES: dict[str, str] = {
    "src/net/websocket_test.cpp": "one class, and what both roles do on one connection",
    "src/table/tiled_scan_test.cpp": "one contract, tried on one oracle",
}

# Which include belongs to whom: pattern of the included file -> prefixes of the files that may include it. bench/ measures
# codecs without our pipeline around them. What is C for our users is C++ inside.
QUARANTINE: list[tuple[str, tuple[str, ...]]] = [
    (r"duckdb([./].*)?(\.hpp?|/.*)?", ("src/engine/",)),
    (r"nlohmann/.*", ("src/base/json.h",)),
    (r"(zstd|zdict)\.h", ("src/array/codecs/", "src/questdb/wire/", "bench/")),
    (r"(blosc|lz4|lz4hc|lz4frame|libdeflate|snappy).*", ("src/array/codecs/", "bench/")),
    (r"(boost|openssl)/.*", ("src/net/", "tests/support/test_certificates.h")),
    (r"(zlib|zconf)\.h", ("src/array/codecs/", "src/store/")),
    (r"nanoarrow/.*", ("src/arrow/",)),
    (r"CLI/.*", ("cli/",)),
    (r"colonnade/.*", ("include/", "src/capi/", "src/arrow/c_abi.h", "tests/", "examples/")),
    (r"nanobind/.*|Python\.h|numpy/.*", ("python/src/",)),
    (r"(gtest|gmock)/.*", ("tests/",)),
]


class Tree:
    """The files of the project under `root`, as relative paths with '/'."""

    def __init__(self, root: pathlib.Path):
        self.root = root

    @functools.cached_property
    def files(self) -> list[str]:
        try:
            # What git tracks or would track. Fails where git is missing or this is an unpacked archive.
            listed = subprocess.run(
                ["git", "-C", str(self.root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                capture_output=True, check=True).stdout.decode().split("\0")
            top = subprocess.run(["git", "-C", str(self.root), "rev-parse", "--show-toplevel"],
                                 capture_output=True, check=True, text=True).stdout.strip()
            if pathlib.Path(top).resolve() == self.root.resolve():
                return sorted(name for name in listed if name and (self.root / name).is_file())
        except (OSError, subprocess.CalledProcessError):
            pass
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if name not in IGNORED_FOLDERS]
            found += [os.path.relpath(os.path.join(folder, name), self.root) for name in names]
        return sorted(found)

    @functools.cache
    def text(self, path: str) -> str:
        """The file's text; empty for a binary file."""
        data = (self.root / path).read_bytes()
        return "" if b"\0" in data else data.decode("utf-8", "replace")

    def lines(self, path: str) -> Iterator[tuple[int, str]]:
        return enumerate(self.text(path).splitlines(), start=1)

    def cpp(self) -> list[str]:
        return [path for path in self.files if path.endswith(CPP)]

    def exists(self, path: str) -> bool:
        return (self.root / path).exists()


def includes(tree: Tree, path: str) -> Iterator[tuple[int, str]]:
    for number, line in tree.lines(path):
        if match := re.match(r'\s*#\s*include\s*["<]([^">]+)[">]', line):
            yield number, match.group(1)


def folder_order(tree: Tree) -> list[str]:
    return [line.strip() for _, line in tree.lines("dev/folders") if line.strip() and not line.startswith("#")]


def folder_of(path: str) -> str:
    parts = path.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else parts[0]


def include_order(tree: Tree) -> Iterator[str]:
    """A folder includes only folders above it in dev/folders, and only those that its CMake target depends on."""
    order = folder_order(tree)
    place = {folder: index for index, folder in enumerate(order)}
    targets = dict(re.findall(r"^colonnade_folder\((\w+)\s*([^)]*)\)", tree.text("src/CMakeLists.txt"), re.MULTILINE))
    if list(targets) != [folder for folder in order if folder in targets]:
        yield f"src/CMakeLists.txt: targets are {' '.join(targets)}, in another order than dev/folders"
    depends = {folder: set(re.sub(r"\bLIBRARIES\b.*", "", text, flags=re.DOTALL).replace("DEPENDS", "").split())
               for folder, text in targets.items()}
    for path in tree.cpp():
        folder = folder_of(path)
        if path.startswith("src/") and folder not in place:
            yield f"{path}: folder '{folder}' is not in dev/folders"
            continue
        for number, included in includes(tree, path):
            other = included.split("/")[0]
            if other not in place or "/" not in included or folder not in place or other == folder:
                continue
            if place[other] > place[folder]:
                yield f"{path}:{number}: {folder}/ includes {included}, but {other}/ comes after {folder}/"
            elif folder in depends and other not in depends[folder]:
                yield f"{path}:{number}: includes {included}, but src/CMakeLists.txt does not let {folder} depend on {other}"


def quarantine(tree: Tree) -> Iterator[str]:
    """A third-party library is included in one place only."""
    for path in tree.cpp():
        for number, included in includes(tree, path):
            for pattern, owners in QUARANTINE:
                if not re.fullmatch(pattern, included) or path.startswith(owners):
                    continue
                if pattern.startswith("(gtest") and path.endswith(("_test.cpp", "_for_test.h")):
                    continue
                yield f"{path}:{number}: only {' and '.join(owners)} may include <{included}>"


def names(tree: Tree) -> Iterator[str]:
    """File and folder names say what is inside."""
    for path in tree.files:
        for part in () if path in NAMED_BY_CUSTOM else path.split("/"):
            if banned := BANNED_WORDS & set(re.split(r"[_.\-]", part.lower())):
                yield f"{path}: '{banned.pop()}' says nothing about the contents"


def file_length(tree: Tree) -> Iterator[str]:
    """Files stay short enough to be read."""
    for path in tree.files:
        if not path.endswith((*CPP, ".py", ".pyi", ".cmake")) and not is_script(tree, path):
            continue
        length = tree.text(path).count("\n")
        if length > FAIL_LINES:
            yield f"{path}: {length} lines; the limit is {FAIL_LINES}"
        elif length > WARN_LINES and path not in LONG_FILES:
            yield f"{path}: {length} lines; above {WARN_LINES} a file needs a reason in LONG_FILES of the tidy test"
    for path in LONG_FILES:
        if tree.root == REPOSITORY and path not in tree.files:
            yield f"{path}: is in LONG_FILES without need"


def is_script(tree: Tree, path: str) -> bool:
    return "." not in path.rsplit("/", 1)[-1] and tree.text(path).startswith("#!")


def leftovers(tree: Tree) -> Iterator[str]:
    """Nothing unfinished stays; ideas for speed are marked TODO(perf)."""
    marks = re.compile(r"\b(FIX" + r"ME|XX" + r"X|TO" + r"DO(?!\(perf\)))\b")
    for path in tree.files:
        for number, line in tree.lines(path):
            if match := marks.search(line):
                yield f"{path}:{number}: {match.group(1)}"


def links(tree: Tree) -> Iterator[str]:
    """Links and paths in documents and comments lead somewhere."""
    top = "|".join(re.escape(name) for name in ("bench", "cli", "cmake", "dev", "docs", "examples", "include", "python", "src", "tests"))
    for path in tree.files:
        markdown = path.endswith(".md")
        fenced = False
        for number, line in tree.lines(path):
            if markdown:
                if line.lstrip().startswith("```"):
                    fenced = not fenced
                for target in re.findall(r"\]\(([^)\s]+)\)", "" if fenced else line):
                    yield from broken_link(tree, path, number, target)
                mentions = re.findall(rf"`((?:{top})/[\w./-]*\w/?)`", "" if fenced else line)
            elif path.endswith(CPP):
                comment = re.search(r"//(.*)", line)
                mentions = re.findall(rf"(?<![\w/.])((?:{top})/[\w./-]*\.\w+)\b", comment.group(1) if comment else "")
            elif path.endswith((".py", ".cmake", "CMakeLists.txt")) or is_script(tree, path):
                comment = re.match(r"\s*#(.*)", line)
                mentions = re.findall(rf"(?<![\w/.])((?:{top})/[\w./-]*\.\w+)\b", comment.group(1) if comment else "")
            else:
                mentions = []
            for mention in mentions:
                if not tree.exists(mention):
                    yield f"{path}:{number}: {mention} does not exist"


def broken_link(tree: Tree, path: str, number: int, target: str) -> Iterator[str]:
    if re.match(r"[a-z]+:", target):
        return
    target, _, anchor = target.partition("#")
    file = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
    if not tree.exists(file):
        yield f"{path}:{number}: link to {target}, which does not exist"
    elif anchor and file.endswith(".md"):
        headings = re.findall(r"^#+ +(.*?) *$", tree.text(file), re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        if anchor not in anchors:
            yield f"{path}:{number}: link to #{anchor}, but {file} has no such heading"


def hosts(tree: Tree) -> Iterator[str]:
    """Scripts and lock files name no host: package managers bring their own configuration."""
    for path in tree.files:
        if not path.startswith(("dev/", "cmake/", ".ci/")) and not re.search(
                r"(^|/)(requirements[^/]*\.txt|package-lock\.json|[^/]*\.lock|pyproject\.toml)$", path):
            continue
        for number, line in tree.lines(path):
            if match := re.search(r"\b(https?|git\+\w+|ssh)://\S*|--(extra-)?index-url\b|--find-links\b", line):
                yield f"{path}:{number}: {match.group(0)}"


def machine_paths(tree: Tree) -> Iterator[str]:
    """No file names a folder of somebody's machine."""
    places = re.compile(r"(?<![\w.\-/}])/(wo" + r"rk|ro" + r"ot|ho" + r"me/\w+|Users/\w+)/[\w.]")
    for path in tree.files:
        for number, line in tree.lines(path):
            if match := places.search(line):
                yield f"{path}:{number}: {line[match.start():match.start() + 40].split()[0]}"


def headers(tree: Tree) -> Iterator[str]:
    """Headers are included once, and a source includes its own header first."""
    for path in tree.cpp():
        if path.endswith(".h"):
            if not re.search(r"^#pragma once$", tree.text(path), re.MULTILINE):
                yield f"{path}: no #pragma once"
            continue
        top = next((top for top in ("src/", "python/src/") if path.startswith(top)), None)
        if top is None:
            continue
        own = re.sub(r"(_test)?\.cpp$", ".h", path)
        if own in tree.files:
            first = next(includes(tree, path), (0, ""))
            if top + first[1] != own:
                yield f"{path}:{first[0]}: includes {first[1] or 'nothing'} before its own header"


def versions(tree: Tree) -> Iterator[str]:
    """dev/versions is the one place that names versions, and the lock files follow it."""
    if not tree.exists("dev/versions"):
        yield "dev/versions: missing"
        return
    locked: dict[str, dict[str, set[str]]] = {}
    for name, lock in (("test", "dev/requirements.txt"), ("bench", "dev/requirements-bench.txt"),
                       ("duckdb2", "dev/requirements-duckdb2.txt")):
        locked[name] = {}
        for number, line in tree.lines(lock) if tree.exists(lock) else ():
            if line.startswith("#"):
                continue
            form = r"([a-z0-9-]+)==(\S+)( ; python_version [^-]+)?( --hash=sha256:[0-9a-f]{64})+"
            if match := re.fullmatch(form, line):
                locked[name].setdefault(match.group(1), set()).add(match.group(2))
            else:
                yield f"{lock}:{number}: not of the form name==version --hash=sha256:…; run dev/lock"
    duckdb = None
    for number, line in tree.lines("dev/versions"):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if words[0] == "python" and len(words) in (4, 5):  # the fifth: of one CPython
            package = re.sub(r"[-_.]+", "-", words[1]).lower()
            if words[2] != "-" and words[2] not in locked.get(words[3], {}).get(package, ()):
                yield f"dev/versions:{number}: {words[1]} {words[2]} is not what is locked; run dev/lock"
        elif words[:2] == ["pin", "DUCKDB_VERSION"]:
            duckdb = words[2]
        elif (words[0], len(words)) not in {("apt", 3), ("command", 4), ("pin", 3)}:
            yield f"dev/versions:{number}: cannot read '{line}'"
    for number, line in tree.lines("pyproject.toml") if tree.exists("pyproject.toml") else ():
        for package, version in re.findall(r'"([\w.-]+)==([^"]+)"', line):
            if version not in locked["test"].get(package.lower(), ()):
                yield f"pyproject.toml:{number}: {package} {version} is not what dev/versions names"
    if duckdb is None:
        yield "dev/versions: no DUCKDB_VERSION"
        return
    pattern = re.compile(rf"(?<![\w.]){re.escape(duckdb)}(?![\w.]*\d)")
    for path in tree.files:
        if not path.startswith(("src/", "cli/", "cmake/", "dev/", "python/", "tests/")) and path != "CMakeLists.txt":
            continue
        if path in ("dev/versions", "dev/requirements.txt"):
            continue
        for number, line in tree.lines(path):
            if pattern.search(line) and "duckdb" in line.lower():
                yield f"{path}:{number}: names DuckDB {duckdb}; only dev/versions may"


def scripts(tree: Tree) -> Iterator[str]:
    """What a person starts is executable, and what is executable says with what."""
    for path in tree.files:
        executable = os.access(tree.root / path, os.X_OK)
        starts = tree.text(path).startswith("#!")
        if executable and not starts:
            yield f"{path}: executable, but has no #! line"
        elif starts and not executable:
            yield f"{path}: has a #! line, but is not executable"


def formatting(tree: Tree) -> Iterator[str]:
    """clang-format has nothing to change."""
    program = clang_format()
    sources = tree.cpp()
    if program is None or not sources:
        return
    checked = subprocess.run([program, "--dry-run", "-Werror", "--ferror-limit=1", *sources], cwd=tree.root,
                             capture_output=True, text=True, check=False)
    wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error: code should be clang-formatted", checked.stderr, re.MULTILINE)))
    for path in wrong:
        yield f"{path}: run {pathlib.Path(program).name} -i"
    if checked.returncode != 0 and not wrong:
        yield f"{program} failed: {checked.stderr.strip()[:200]}"


def clang_format() -> str | None:
    return shutil.which("clang-format-19")


RULES: dict[str, Callable[[Tree], Iterator[str]]] = {
    rule.__name__: rule for rule in (include_order, quarantine, names, file_length, leftovers, links, hosts,
                                     machine_paths, headers, versions, scripts, formatting)
}

# A tree that is in order …
GOOD_TREE = {
    "README.md": "# Title\n\nSee [the grid](src/array/grid.h), `dev/folders` and [above](#title).\n",
    ".clang-format": "BasedOnStyle: Google\n",
    "src/CMakeLists.txt": "colonnade_folder(base LIBRARIES fmt::fmt)\n"
                          "colonnade_folder(store DEPENDS base\n  LIBRARIES ZLIB::ZLIB)\n"
                          "colonnade_folder(array DEPENDS base)\n",
    "src/base/json.h": "#pragma once\n\n#include <nlohmann/json.hpp>\n",
    "src/array/grid.h": "#pragma once\n\n#include \"base/json.h\"\n",
    "src/array/grid.cpp": "#include \"array/grid.h\"\n\n#include <vector>\n\n// TO" "DO(perf): see src/array/grid.h.\n",
    "src/array/grid_test.cpp": "#include \"array/grid.h\"\n\n#include <gtest/gtest.h>\n",
    "dev/folders": "# order\nbase\nstore\narray\ncli\n",
    "dev/versions": "apt cmake 3.25.1-1\ncommand npm npm 9\npin DUCKDB_VERSION 9.8.7\npython zarr 3.1.6 test\n",
    "dev/requirements.txt": "# Generated\nzarr==3.1.6 --hash=sha256:" + "0" * 64 + "\n",
    "pyproject.toml": '[build-system]\nrequires = ["zarr==3.1.6"]\n',
    "python/colonnade/_core.pyi": "",
    "python/src/module.cpp": "#include \"module.h\"\n\n#include <nanobind/nanobind.h>\n",
    "python/src/module.h": "#pragma once\n",
}
# … and what must make each rule complain: (rule, file, its text, what the complaint says).
SELF_TESTS: list[tuple[str, str, str, str]] = [
    ("include_order", "src/base/up.h", "#pragma once\n\n#include \"array/grid.h\"\n", "comes after base/"),
    ("include_order", "src/array/side.h", "#pragma once\n\n#include \"store/store.h\"\n", "does not let array depend on store"),
    ("include_order", "src/new/a.h", "#pragma once\n", "not in dev/folders"),
    ("include_order", "src/CMakeLists.txt", "colonnade_folder(array)\ncolonnade_folder(base)\n", "another order"),
    ("quarantine", "src/array/a.cpp", "#include <duckdb.hpp>\n", "src/engine/"),
    ("quarantine", "src/array/a.cpp", "#include <duckdb/main/config.hpp>\n", "src/engine/"),
    ("quarantine", "src/base/a.cpp", "#include <nlohmann/json.hpp>\n", "src/base/json.h"),
    ("quarantine", "src/array/a.cpp", "#include <zstd.h>\n", "src/array/codecs/"),
    ("quarantine", "src/array/a.cpp", "#include <zlib.h>\n", "src/store/"),
    ("quarantine", "src/array/a.cpp", "#include <nanoarrow/nanoarrow.h>\n", "src/arrow/"),
    ("quarantine", "src/array/a.cpp", "#include <CLI/CLI.hpp>\n", "cli/"),
    ("quarantine", "src/array/a.cpp", "#include <gtest/gtest.h>\n", "tests/"),
    ("quarantine", "src/array/a.cpp", "#include \"colonnade/session.h\"\n", "src/capi/"),
    ("quarantine", "src/array/a.cpp", "#include <nanobind/nanobind.h>\n", "python/src/"),
    ("quarantine", "src/array/a.cpp", "#include <Python.h>\n", "python/src/"),
    ("quarantine", "python/src/a.cpp", "#include <nanoarrow/nanoarrow.h>\n", "src/arrow/"),
    ("names", "src/base/string_utils.cpp", "", "says nothing"),
    ("names", "src/core/a.cpp", "", "says nothing"),
    ("file_length", "src/base/long.cpp", "\n" * 601, "needs a reason"),
    ("file_length", "src/base/long.cpp", "\n" * 1001, "the limit is 1000"),
    ("file_length", "dev/long", "#!/bin/sh\n" + "\n" * 601, "needs a reason"),
    ("leftovers", "src/base/a.cpp", "// FIX" "ME later\n", "FIX" "ME"),
    ("leftovers", "NOTES.md", "TO" "DO: write this\n", "TO" "DO"),
    ("links", "NOTES.md", "[x](src/array/gone.h)\n", "link to src/array/gone.h"),
    ("links", "NOTES.md", "[x](README.md#gone)\n", "no such heading"),
    ("links", "NOTES.md", "`src/array/gone.h`\n", "src/array/gone.h does not exist"),
    ("links", "src/base/a.cpp", "// See docs/gone.md for why.\n", "docs/gone.md does not exist"),
    ("links", "dev/a.cmake", "# docs/gone.md\n", "docs/gone.md does not exist"),
    ("hosts", "dev/fetch", "#!/bin/sh\ncurl ht" "tps://example.org/x\n", "://example.org"),
    ("hosts", "python/requirements.txt", "--index-url x\n", "--index-url"),
    ("machine_paths", "dev/run", "#!/bin/sh\ncd /ro" "ot/colonnade\n", "ot/colonnade"),
    ("machine_paths", "src/base/a.cpp", 'const char* a = "/wo' 'rk/main/data";\n', "rk/main"),
    ("machine_paths", "NOTES.md", "in /ho" "me/ann/src\n", "me/ann/src"),
    ("headers", "src/base/a.h", "class A;\n", "no #pragma once"),
    ("headers", "src/array/grid.cpp", "#include <vector>\n\n#include \"array/grid.h\"\n", "before its own header"),
    ("headers", "python/src/module.cpp", "#include <vector>\n\n#include \"module.h\"\n", "before its own header"),
    ("versions", "pyproject.toml", 'requires = ["zarr==3.1.5"]\n', "not what dev/versions names"),
    ("versions", "python/a.py", "# DuckDB 9.8.7\n", "only dev/versions may"),
    ("versions", "dev/requirements.txt", "zarr==3.1.5 --hash=sha256:" + "0" * 64 + "\n", "run dev/lock"),
    ("versions", "dev/requirements.txt", "zarr==3.1.6\n", "not of the form"),
    ("versions", "dev/versions", "pin DUCKDB_VERSION 9.8.7\nnonsense\n", "cannot read"),
    ("versions", "cmake/a.cmake", "set(DUCKDB 9.8.7)\n", "only dev/versions may"),
    ("scripts", "dev/run", "#!/bin/sh\n", "not executable"),
    ("formatting", "src/base/a.cpp", "int  a ;\n", "run clang-format"),
]


def self_test() -> list[str]:
    """Tries the rules on trees of which the answer is known. Returns what went wrong."""
    wrong = []

    def complaints(changes: dict[str, str], rule: str) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path, text in (GOOD_TREE | changes).items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            return list(RULES[rule](Tree(root)))

    for rule in RULES:
        if found := complaints({}, rule):
            wrong.append(f"{rule} complains about a good tree: {found[0]}")
        if not any(rule == tested for tested, *_ in SELF_TESTS):
            wrong.append(f"{rule} has no tree that breaks it")
    for rule, path, text, expected in SELF_TESTS:
        if rule == "formatting" and clang_format() is None:
            continue
        found = complaints({path: text}, rule)
        if not any(expected in complaint for complaint in found):
            wrong.append(f"{rule} does not say '{expected}' of {path}; it says {found}")
    return wrong


def write_junit(file: str, results: list[tuple[str, list[str] | None, float]]) -> None:
    cases = []
    for name, found, seconds in results:
        inside = "<skipped/>" if found is None else "".join(
            f"<failure message={quoteattr(found[0])}>{escape(chr(10).join(found))}</failure>" for _ in found[:1])
        cases.append(f'<testcase classname="tidy" name="{name}" time="{seconds:.3f}">{inside}</testcase>')
    pathlib.Path(file).write_text(f'<testsuites><testsuite name="tidy">{"".join(cases)}</testsuite></testsuites>\n')


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks that the tree keeps its own rules.")
    parser.add_argument("rules", nargs="*", metavar="RULE", help=f"some of: self_test {' '.join(RULES)}")
    parser.add_argument("--junit", metavar="FILE", help="write the results as JUnit XML")
    options = parser.parse_args()
    chosen = options.rules or ["self_test", *RULES]
    if unknown := [name for name in chosen if name != "self_test" and name not in RULES]:
        parser.error(f"no rule {', '.join(unknown)}")
    tree = Tree(REPOSITORY)
    results: list[tuple[str, list[str] | None, float]] = []
    for name in chosen:
        started = time.monotonic()
        found: list[str] | None = self_test() if name == "self_test" else list(RULES[name](tree))
        if name == "formatting" and clang_format() is None:
            found = None
        results.append((name, found, time.monotonic() - started))
        state = "skipped: no clang-format-19" if found is None else f"{len(found)} complaints" if found else "ok"
        print(f"{name:15} {state}")
        for complaint in found or ():
            print(f"  {complaint}")
    if options.junit:
        write_junit(options.junit, results)
    return 1 if any(found for _, found, _ in results) else 0


if __name__ == "__main__":
    sys.exit(main())
