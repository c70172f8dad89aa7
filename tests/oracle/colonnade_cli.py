"""Runs the command line and reads what it answers.

Every oracle test goes through the program that users run: a process, SQL in, a Parquet file out. Nothing here knows
how an answer is computed.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

REPOSITORY = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 120
STATS_KEYS = {
    "planning_ms", "execution_ms", "chunks_total", "chunks_read", "chunks_filled", "chunks_skipped", "bytes_read",
    "bytes_decoded", "rows",
}


def find_program() -> Path | None:
    """The binary under test: $COLONNADE, else the dev build, else the release build."""
    named = os.environ.get("COLONNADE")
    if named:
        return Path(named).resolve()
    for preset in ("dev", "release"):
        candidate = REPOSITORY / "build" / preset / "cli" / "colonnade"
        if candidate.is_file():
            return candidate
    return None


@dataclass
class Outcome:
    code: int
    stdout: str
    stderr: str


@dataclass
class Answer:
    table: pa.Table
    stats: dict = field(default_factory=dict)
    stderr: str = ""


class QueryFailed(AssertionError):
    """The program refused a query that the test expected to work."""

    def __init__(self, sql: str, code: int, stderr: str):
        super().__init__(f"exit {code}: {stderr.strip()}\n  in: {sql}")
        self.code = code
        self.stderr = stderr


def quoted(text) -> str:
    """A path or string as a SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def run(*arguments, timeout: float = TIMEOUT_SECONDS, environment: dict | None = None, **options) -> Outcome:
    """Runs the program to its end; never raises for its exit code."""
    program = find_program()
    assert program is not None, "no colonnade binary: set COLONNADE or build the dev preset"
    env = {**os.environ, **(environment or {})}
    done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, timeout=timeout, env=env,
                          stdin=subprocess.DEVNULL, **options)
    return Outcome(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def _settings(pushdown: bool) -> str:
    return "" if pushdown else "SET colonnade_pushdown=false; "


def run_query(sql: str, *, threads: int | None = None, memory_limit: str | None = None, pushdown: bool = True,
              stats: bool = False, **options) -> Answer:
    """The answer of one SQL text as an Arrow table, through `-o FILE.parquet`."""
    with tempfile.TemporaryDirectory(prefix="colonnade-oracle-") as directory:
        target = Path(directory) / "answer.parquet"
        arguments = ["query", _settings(pushdown) + sql, "-o", target]
        if threads is not None:
            arguments += ["--threads", threads]
        if memory_limit is not None:
            arguments += ["--memory-limit", memory_limit]
        if stats:
            arguments += ["--stats=json"]
        outcome = run(*arguments, **options)
        if outcome.code != 0:
            raise QueryFailed(sql, outcome.code, outcome.stderr)
        counted = {}
        if stats:
            counted = json.loads(outcome.stderr.strip().splitlines()[-1])
            missing = STATS_KEYS - counted.keys()
            assert not missing, f"--stats=json lacks {sorted(missing)}: {counted}"
        return Answer(pq.read_table(target), counted, outcome.stderr)


def run_batch(queries: list[str], *, prefix: str = "", timeout: float = TIMEOUT_SECONDS, **options) -> list[pa.Table]:
    """The answers of many queries from one process: each is a COPY to a Parquet file of its own.

    An entry that starts with SET or ATTACH is executed as it stands and has no answer. The first failing query is
    named in the error.
    """
    with tempfile.TemporaryDirectory(prefix="colonnade-oracle-") as directory:
        statements, targets = [prefix] if prefix else [], []
        for index, sql in enumerate(queries):
            if sql.startswith(("SET ", "ATTACH ")):
                statements.append(sql)
                continue
            target = Path(directory) / f"{index}.parquet"
            statements.append(f"COPY ({sql}) TO {quoted(target)} (FORMAT parquet)")
            targets.append((sql, target))
        outcome = run("query", ";\n".join(statements), timeout=timeout, **options)
        if outcome.code != 0:
            culprit = next((sql for sql, target in targets if not target.exists()), "(the last statement)")
            raise QueryFailed(culprit, outcome.code, outcome.stderr)
        return [pq.read_table(target) for _, target in targets]


def expect_failure(sql: str, *, code: int = 1, **options) -> str:
    """Runs a query that must fail; returns its one line on stderr."""
    outcome = run("query", sql, **options)
    assert outcome.code == code, f"exit {outcome.code} instead of {code}\n{sql}\nstdout: {outcome.stdout[:2000]}\n" \
                                 f"stderr: {outcome.stderr[:2000]}"
    assert outcome.stdout == "", f"a failed query printed data:\n{outcome.stdout[:2000]}"
    return one_line(outcome.stderr)


def one_line(stderr: str) -> str:
    """The message on stderr, which must be exactly one non-empty line."""
    lines = stderr.rstrip("\n").split("\n")
    assert len(lines) == 1 and lines[0].strip(), f"not one line on stderr:\n{stderr}"
    assert "Traceback" not in stderr and "terminate called" not in stderr, stderr
    return lines[0]
