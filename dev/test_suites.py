#!/usr/bin/env python3
"""The suites behind dev/test. Plain Python: it starts builds and tests, reads their JUnit files and adds up.

    dev/test               every suite but the long ones
    dev/test --quick       tidy, unit, oracle and python only
    dev/test --long        also the long suites, and longer runs of the others
    dev/test SUITE...      only these (what they need is built)
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time
import traceback
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import IO

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "test-results"
PYTHON = ROOT / ".venv" / "bin" / "python"
COLONNADE = ROOT / "build" / "dev" / "cli" / "colonnade"
JOBS = str(os.cpu_count() or 1)
CTEST_TIMEOUT_SECONDS = 300
SUITE_TIMEOUT_SECONDS = 3600
WHEEL_TIMEOUT_SECONDS = 4 * SUITE_TIMEOUT_SECONDS
MAX_OUTPUT_CHARACTERS = 8000  # of one failing test


@dataclasses.dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = dataclasses.field(default_factory=list)
    reasons: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)  # of skipping

    def fail(self, what: str) -> None:
        self.failed += 1
        self.failures.append(what)

    def add(self, other: Tally) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures
        self.reasons += other.reasons


def run(*command: object, timeout: float = SUITE_TIMEOUT_SECONDS, quiet: bool = False, stderr: IO[bytes] | None = None,
        **environment: str) -> int:
    """Runs a program in the root of the tree; its output goes where ours goes. Returns the exit code."""
    words = [str(word) for word in command]
    print(f"$ {shlex.join(word.removeprefix(f'{ROOT}/') for word in words)}", flush=True)
    try:
        return subprocess.run(words, cwd=ROOT, env=os.environ | environment, timeout=timeout, check=False,
                              stdout=subprocess.DEVNULL if quiet else None, stderr=stderr).returncode
    except subprocess.TimeoutExpired:
        print(f"stopped after {timeout:.0f} s", flush=True)
        return 124
    except OSError as error:
        print(f"cannot start: {error}", flush=True)
        return 127


def read_junit(path: pathlib.Path) -> Tally:
    """Counts the test cases of a JUnit file of ctest, GoogleTest, pytest or the tidy test."""
    tally = Tally()
    for case in ElementTree.parse(path).iter("testcase"):
        name, group = case.get("name", "?"), case.get("classname", "")
        if group and group != name:
            name = f"{group}.{name}"
        status, skipped = case.get("status", "run"), case.find("skipped")
        reason = "" if skipped is None else skipped.get("message", "")
        if case.find("failure") is not None or case.find("error") is not None or status == "fail":
            tally.fail(name)
        elif reason.startswith("Unable to find executable"):  # to ctest, a test that was not built is skipped
            tally.fail(f"{name}: not built")
        elif skipped is not None or status in ("notrun", "disabled"):
            tally.skipped += 1
            tally.reasons[reason.splitlines()[-1].strip() if reason else "disabled"] += 1
        else:
            tally.passed += 1
    return tally


def counted(suite: str, *command: object, junit: pathlib.Path, timeout: float = SUITE_TIMEOUT_SECONDS,
            stderr: IO[bytes] | None = None, **environment: str) -> Tally:
    """Runs a program that writes `junit`. A program that fails without a failing test in there counts as one."""
    junit.unlink(missing_ok=True)
    code = run(*command, timeout=timeout, stderr=stderr, **environment)
    try:
        tally = read_junit(junit)
    except (OSError, ElementTree.ParseError) as error:
        tally = Tally()
        tally.fail(f"{suite}: exit code {code} and no readable results ({error})")
        return tally
    if code != 0 and tally.failed == 0:
        tally.fail(f"{suite}: exit code {code}, though no single test failed")
    if code == 0 and tally.passed + tally.failed + tally.skipped == 0:
        tally.fail(f"{suite}: no tests were found")
    return tally


def build(preset: str, *targets: str) -> Tally | None:
    """Builds; returns the tally of a suite that could not be built, or None."""
    if run("dev/build", preset, *targets) == 0:
        return None
    tally = Tally()
    tally.fail(f"building {preset}")
    return tally


def ctest(preset: str, **environment: str) -> Tally:
    return build(preset) or ctest_only(preset, **environment)


def ctest_only(preset: str, *options: str, **environment: str) -> Tally:
    # Quiet, because ctest has no way to name only the failing tests; their output is taken from the results.
    junit = RESULTS / f"{preset}.xml"
    tally = counted(preset, "ctest", "--test-dir", f"build/{preset}", *options, "--no-tests=error",
                    "--quiet", "--timeout", CTEST_TIMEOUT_SECONDS, "-j", JOBS, "--output-junit", junit, junit=junit,
                    **environment)
    if tally.failed and junit.exists():
        for case in ElementTree.parse(junit).iter("testcase"):
            if case.get("status") == "fail":
                output = (case.findtext("system-out") or "no output").rstrip()
                print(f"-- {case.get('name')}\n{output[-MAX_OUTPUT_CHARACTERS:]}", flush=True)
    print(f"{tally.passed} passed, {tally.failed} failed", flush=True)
    return tally


def tidy(_options: argparse.Namespace) -> Tally:
    junit = RESULTS / "tidy.xml"
    return counted("tidy", "tests/tidy/tidy_test.py", "--junit", junit, junit=junit)


def unit(_options: argparse.Namespace) -> Tally:
    return ctest("dev")


def oracle(options: argparse.Namespace) -> Tally:
    """Python tests: the built command line against zarr-python, xarray and numpy."""
    if broken := build("dev", "colonnade"):
        return broken
    if run(PYTHON, "dev/demo_data.py") != 0:
        tally = Tally()
        tally.fail("making the data sets")
        return tally
    junit = RESULTS / "oracle.xml"
    return counted("oracle", PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/oracle", "--junitxml", junit,
                   *(["--long"] if options.long else []), junit=junit, COLONNADE=str(COLONNADE))


def python(options: argparse.Namespace) -> Tally:
    """The Python package: its tests, the examples in its docstrings, and its types."""
    if broken := build("dev", "python"):
        return broken
    long = ["--long"] if options.long else []
    pytest = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tally = without_leaks("python", *pytest, "python/tests", *long, junit=RESULTS / "python.xml")
    tally.add(without_leaks("python docstrings", *pytest, "--doctest-modules", "--pyargs", "colonnade",
                            junit=RESULTS / "python-docstrings.xml"))
    if run(PYTHON, "-m", "mypy", "--cache-dir", "build/mypy") == 0:
        tally.passed += 1
    else:
        tally.fail("python types")
    return tally


def without_leaks(suite: str, *command: object, junit: pathlib.Path) -> Tally:
    """A run of pytest that also fails if objects of the extension module are alive when the interpreter has ended."""
    report = junit.with_suffix(".stderr")
    with report.open("wb") as stderr:
        tally = counted(suite, *command, "--junitxml", junit, junit=junit, stderr=stderr, COLONNADE_REPORT_LEAKS="1")
    text = report.read_text(errors="replace")
    print(text[-MAX_OUTPUT_CHARACTERS:], end="", flush=True)
    if "nanobind: leaked" in text:
        tally.fail(f"{suite}: objects leaked")
    return tally


def wheel(_options: argparse.Namespace) -> Tally:
    """The package as users get it, for every CPython of dev/pythons; and there all tests of the suite `python`."""
    for stale in RESULTS.glob("wheel-*.xml"):
        stale.unlink()
    junit = RESULTS / "wheel.xml"
    tally = counted("wheel", PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/wheel", "--junitxml", junit,
                    junit=junit, timeout=WHEEL_TIMEOUT_SECONDS)
    for report in sorted(RESULTS.glob("wheel-*.xml")):
        inner = read_junit(report)
        inner.failures = [f"{report.stem.removeprefix('wheel-')}: {failure}" for failure in inner.failures]
        tally.add(inner)
    return tally


def asan(_options: argparse.Namespace) -> Tally:
    """The unit tests again, under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer."""
    return ctest("asan", ASAN_OPTIONS="detect_stack_use_after_return=1:strict_string_checks=1",
                 UBSAN_OPTIONS="print_stacktrace=1")


def tsan(_options: argparse.Namespace) -> Tally:
    """What shares data between threads, under ThreadSanitizer: caches, tables, the parallel scan, sessions, the C interface."""
    names = ("array_test", "zarr_test", "table_test", "engine_test", "session_test", "capi_test")
    programs = ("statement", "stream", "table")
    if broken := build("tsan", *names, *(f"capi_{name}_test" for name in programs)):
        return broken
    options = f"suppressions={ROOT}/dev/tsan.suppressions:halt_on_error=0"
    tally = Tally()
    for name in names:
        junit = RESULTS / f"tsan-{name}.xml"
        # ThreadSanitizer does not follow a process that is forked off while threads run.
        tally.add(counted(f"tsan {name}", f"build/tsan/src/{name}", "--gtest_brief=1", "--gtest_filter=-*Forked*",
                          f"--gtest_output=xml:{junit}", junit=junit, TSAN_OPTIONS=options))
    tally.add(ctest_only("tsan", "-R", rf"^capi\.({'|'.join(programs)})$", TSAN_OPTIONS=options))
    return tally


def fuzz(options: argparse.Namespace) -> Tally:
    """Every libFuzzer target: its corpus first, then new inputs for a while."""
    if broken := build("fuzz", "tests/fuzz/all"):
        return broken
    seconds = 300 if options.long else 10
    if run("cmake", f"-DCOLONNADE_FUZZ_SECONDS={seconds}", "build/fuzz", quiet=True) != 0:
        tally = Tally()
        tally.fail("configuring fuzz")
        return tally
    return ctest_only("fuzz", "-L", "fuzz", ASAN_OPTIONS="detect_stack_use_after_return=1")


def soak(options: argparse.Namespace) -> Tally:
    """Sessions under changing load for a while: what must not grow does not."""
    if broken := build("dev", "session_soak"):
        return broken
    junit = RESULTS / "soak.xml"
    return counted("soak", "build/dev/tests/soak/session_soak", f"--gtest_output=xml:{junit}", junit=junit,
                   COLONNADE_SOAK_DATA=str(ROOT / "data"), COLONNADE_SOAK_SECONDS="600" if options.long else "60")


def coverage(_options: argparse.Namespace) -> Tally:
    """Branch coverage of the unit tests, by folder, in build/coverage."""
    if broken := build("coverage"):
        return broken
    # Counts of an earlier build would be added to.
    for stale in (ROOT / "build" / "coverage").rglob("*.gcda"):
        stale.unlink()
    tally = ctest("coverage")
    report = ROOT / "build" / "coverage" / "report"
    shutil.rmtree(report, ignore_errors=True)
    report.mkdir()
    code = run("gcovr", "--root", ".", "--filter", "src/", "--filter", "cli/", "--exclude", r".*_test\.cpp",
               "--exclude-throw-branches", "--exclude-unreachable-branches", "--branches", "--print-summary",
               "--output", report / "branches.txt", "--html-details", report / "index.html", "build/coverage")
    if code == 0:
        tally.passed += 1
        print(f"branch by branch: {report}/index.html", flush=True)
    else:
        tally.fail("coverage report")
    return tally


def peers(_options: argparse.Namespace) -> Tally:
    """bench/ at its smallest sizes: the answers of all engines agree."""
    if broken := build("release", "colonnade"):
        return broken
    tests = sorted((ROOT / "bench").glob("test_*.py"))
    tally = Tally()
    if not tests:
        tally.skipped += 1
        return tally
    junit = RESULTS / "peers.xml"
    return counted("peers", PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, "--junitxml", junit, junit=junit,
                   COLONNADE=str(ROOT / "build" / "release" / "cli" / "colonnade"))


@dataclasses.dataclass(frozen=True)
class Suite:
    run: Callable[[argparse.Namespace], Tally]
    what: str
    when: str  # quick, usual or long

    @property
    def name(self) -> str:
        return self.run.__name__


SUITES = [
    Suite(tidy, "the tree keeps its own rules", "quick"),
    Suite(unit, "unit and property tests of the dev preset", "quick"),
    Suite(oracle, "the command line against zarr-python, xarray and numpy", "quick"),
    Suite(python, "the Python package: tests, docstrings, types", "quick"),
    Suite(asan, "unit tests with AddressSanitizer and UndefinedBehaviorSanitizer", "usual"),
    Suite(tsan, "threads, with ThreadSanitizer", "usual"),
    Suite(fuzz, "hostile bytes: metadata, codecs, shard index", "usual"),
    Suite(soak, "sessions under changing load: what must not grow does not", "usual"),
    Suite(wheel, "the Python package as users install it, and its tests on every CPython", "long"),
    Suite(coverage, "branch coverage of the unit tests", "long"),
    Suite(peers, "answers of the engines that bench/ compares with", "long"),
]


def summary(results: list[tuple[str, Tally, float]]) -> int:
    total = Tally()
    print(f"\n{'suite':10} {'passed':>8} {'failed':>8} {'skipped':>8} {'seconds':>8}")
    for name, tally, seconds in results:
        print(f"{name:10} {tally.passed:8} {tally.failed:8} {tally.skipped:8} {seconds:8.0f}")
        total.add(tally)
    for name, tally, _ in results:
        for reason, count in tally.reasons.most_common(10):
            print(f"skipped in {name}: {count} times: {reason}")
    for name, tally, _ in results:
        for failure in tally.failures:
            print(f"FAILED {name}: {failure}")
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped", flush=True)
    return 1 if total.failed else 0


def main() -> int:
    listing = "\n".join(f"  {suite.name:10} {suite.what}{' (only with --long)' if suite.when == 'long' else ''}" for suite in SUITES)
    parser = argparse.ArgumentParser(prog="dev/test", description="Sets up, builds and runs the tests of all languages.",
                                     epilog="suites:\n" + listing, formatter_class=argparse.RawDescriptionHelpFormatter)
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--long", action="store_true", help="also the long suites, and longer runs of the others")
    extent.add_argument("--quick", action="store_true", help="only tidy, unit, oracle and python")
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    options = parser.parse_args()
    names = {suite.name for suite in SUITES}
    if unknown := [name for name in options.suites if name not in names]:
        parser.error(f"no suite {', '.join(unknown)}; there are {', '.join(suite.name for suite in SUITES)}")
    when = {"quick"} if options.quick else {"quick", "usual", "long"} if options.long else {"quick", "usual"}
    chosen = [suite for suite in SUITES if suite.name in options.suites] if options.suites else [
        suite for suite in SUITES if suite.when in when]

    RESULTS.mkdir(parents=True, exist_ok=True)
    results: list[tuple[str, Tally, float]] = []
    for suite in chosen:
        print(f"\n== {suite.name}: {suite.what}", flush=True)
        started = time.monotonic()
        try:
            tally = suite.run(options)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            tally = Tally()
            tally.fail(f"{suite.name}: interrupted")
            results.append((suite.name, tally, time.monotonic() - started))
            summary(results)
            return 130
        except Exception as error:  # a broken suite is one failure, and no reason to skip the others
            traceback.print_exc()
            tally = Tally()
            tally.fail(f"{suite.name}: {type(error).__name__}: {error}")
        results.append((suite.name, tally, time.monotonic() - started))
    return summary(results)


if __name__ == "__main__":
    sys.exit(main())
