"""The command line itself: outputs, exit codes, bad input, interruption."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import resource
import select
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import zarr

from colonnade_cli import expect_failure, find_program, one_line, quoted, run, run_query
from hostile_stores import huge_store
from stores import open_group, write_array
from synthetic import write_synthetic

ROWS = [
    {"x": 0, "b": True, "f": 0.5, "i": 1, "s": "plain", "t": "2000-01-01 00:00:00"},
    {"x": 1, "b": False, "f": None, "i": None, "s": 'quo"te, comma', "t": "2000-01-01 06:00:00"},
    {"x": 2, "b": True, "f": -1e300, "i": -5, "s": "line\nbreak", "t": "2000-01-01 12:30:00"},
    {"x": 3, "b": False, "f": 1 / 3, "i": 2**60 + 1, "s": "日本 é", "t": "2000-01-02 00:00:00"},
]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "s.zarr"
    group = open_group(path, 3)
    write_array(group, "b", np.array([True, False, True, False]), ("x",))
    write_array(group, "f", np.array([0.5, np.nan, -1e300, 1 / 3]), ("x",))
    write_array(group, "i", np.array([1, -99, -5, 2**60 + 1]), ("x",), attributes={"_FillValue": -99})
    write_array(group, "s", np.array([r["s"] for r in ROWS], object), ("x",), dtype="str")
    write_array(group, "t", np.array([0, 360, 750, 1440], "int32"), ("x",),
                attributes={"units": "minutes since 2000-01-01"})
    return path


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory) -> Path:
    return write_synthetic(tmp_path_factory.mktemp("cli"), "v3")


@pytest.fixture(scope="module")
def endless(tmp_path_factory) -> Path:
    """A store whose full scan takes hours: 10¹² cells of fill."""
    return huge_store(tmp_path_factory.mktemp("cli") / "endless.zarr", (10**6, 1000, 1000), (1, 1000, 1000))


# ---------------------------------------------------------------------------------------------------------------------
# Output

def as_csv_cell(value) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def check_csv(text: str) -> None:
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == list(ROWS[0])
    assert len(rows) == 1 + len(ROWS)
    for got, want in zip(rows[1:], ROWS):
        cells = dict(zip(ROWS[0], got, strict=True))
        number = cells.pop("f")
        assert (float(number) if number else None) == want["f"]
        assert cells == {k: as_csv_cell(v) for k, v in want.items() if k != "f"}


def test_csv(store, tmp_path):
    printed = run("query", f"SELECT * FROM {quoted(store)}", "--format", "csv")
    assert printed.code == 0 and printed.stderr == "", printed
    check_csv(printed.stdout)
    assert run("query", f"SELECT * FROM {quoted(store)}", "-o", tmp_path / "a.csv").code == 0
    check_csv((tmp_path / "a.csv").read_text(encoding="utf-8"))


def test_json_is_one_array_and_jsonl_one_object_a_line(store, tmp_path):
    printed = run("query", f"SELECT * FROM {quoted(store)}", "--format", "json")
    assert printed.code == 0 and json.loads(printed.stdout) == ROWS, printed
    lines = run("query", f"SELECT * FROM {quoted(store)}", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == ROWS
    for name in ("a.json", "a.jsonl"):
        assert run("query", f"SELECT * FROM {quoted(store)}", "-o", tmp_path / name).code == 0
    assert json.loads((tmp_path / "a.json").read_text()) == ROWS
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()] == ROWS
    assert json.loads(run("query", f"SELECT * FROM {quoted(store)} WHERE x > 9", "--format", "json").stdout) == []


def test_parquet_has_types_and_nulls(store, tmp_path):
    assert run("query", f"SELECT * FROM {quoted(store)}", "-o", tmp_path / "a.parquet").code == 0
    table = pq.read_table(tmp_path / "a.parquet")
    assert {n: str(table.schema.field(n).type) for n in table.column_names} == {
        "x": "int64", "b": "bool", "f": "double", "i": "int64", "s": "string", "t": "timestamp[us]"}
    rows = table.to_pylist()
    for row in rows:
        row["t"] = row["t"].isoformat(sep=" ")
    assert rows == ROWS


def test_json_numbers_that_json_lacks_are_still_json(tmp_path):
    group = open_group(tmp_path / "s.zarr", 3)
    write_array(group, "v", np.array([np.inf, -np.inf]), ("x",))
    text = run("query", f"SELECT v FROM {quoted(tmp_path / 's.zarr')}", "--format", "json").stdout

    def refuse(name):
        raise AssertionError(f"bare {name} is not JSON")
    json.loads(text, parse_constant=refuse)


def test_table_shows_names_values_and_a_note_when_cut_on_a_terminal(synthetic):
    short = run("query", f"SELECT lat, temperature FROM {quoted(synthetic)} WHERE time = 6 AND lon = -45 AND lat = 90",
                "--format", "table").stdout
    assert "lat" in short and "temperature" in short and "699" in short and "90" in short
    seen = on_a_terminal("query", f"SELECT * FROM {quoted(synthetic)}", NO_COLOR="1").decode()
    assert "temperature" in seen and len(seen.splitlines()) < 200
    assert re.search(r"first \d+ rows|\d+ of 700|700 rows", seen), seen[-300:]  # a note that there is more
    assert len(run("query", f"SELECT * FROM {quoted(synthetic)}").stdout.splitlines()) >= 700  # a pipe gets them all


def test_data_goes_to_stdout_and_talk_to_stderr(synthetic):
    outcome = run("query", f"SELECT count(*) AS n FROM {quoted(synthetic)}", "--format", "csv", "--stats=json")
    assert outcome.stdout == "n\n700\n"
    stats = json.loads(outcome.stderr.strip().splitlines()[-1])
    assert stats["rows"] == 1 and stats["chunks_read"] == 0 and stats["bytes_decoded"] == 0
    human = run("query", f"SELECT sum(humidity) AS n FROM {quoted(synthetic)} WHERE time < 2", "--format", "csv", "--stats")
    assert re.search(r"\b2\b.*\b7\b", human.stderr, re.S), human.stderr  # 2 of 7 chunks


def test_explain_shows_the_plan_and_runs_nothing(synthetic):
    outcome = run("query", f"SELECT sum(humidity) FROM {quoted(synthetic)} WHERE lat = 10", "--explain")
    assert outcome.code == 0 and "humidity" in outcome.stdout + outcome.stderr, outcome


def test_progress_and_colours_only_on_a_terminal(synthetic):
    outcome = run("query", f"SELECT sum(humidity) AS s FROM {quoted(synthetic)}")
    assert outcome.code == 0 and "\x1b" not in outcome.stdout + outcome.stderr and outcome.stderr == ""


def on_a_terminal(*arguments, **environment) -> bytes:
    """Everything the program writes when stdout and stderr are a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen([str(find_program()), *map(str, arguments)], stdin=slave, stdout=slave, stderr=slave,
                               env={**os.environ, "TERM": "xterm-256color", **environment})
    os.close(slave)
    out = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 1)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
    assert process.wait(10) in (0, 1, 2)
    os.close(master)
    return out


def test_progress_is_shown_and_wiped_on_a_terminal(tmp_path):
    # A million chunks that are nowhere: the fill value, at some microseconds each.
    group = zarr.open_group(tmp_path / "wide.zarr", mode="w", zarr_format=3)
    group.create_array("v", shape=(1_000_000, 2), chunks=(1, 2), dtype="f4", dimension_names=("t", "x"), fill_value=0)
    seen = on_a_terminal("query", f"SELECT sum(a.v + r.x)::BIGINT AS s FROM {quoted(tmp_path / 'wide.zarr')} a, range(6) r(x)",
                         "--threads=1")
    lines = seen.decode().split("\r\x1b[K")
    shown = [re.fullmatch(r"(?: *(\d+) %, (\d+) s left: )?(\d+) chunks, ([\d.]+) MB, ([\d.]+) MB/s", line)
             for line in lines[1:-1] if line]
    assert shown and all(shown), seen
    chunks = [int(match[3]) for match in shown]
    assert chunks == sorted(chunks) and chunks[-1] > 0
    assert "chunks" not in lines[-1] and "30000000" in lines[-1], lines[-1]


def test_no_color_is_obeyed_on_a_terminal(synthetic):
    for sql in (f"SELECT time, lat FROM {quoted(synthetic)} LIMIT 3", "SELECT nonsense"):
        plain = on_a_terminal("query", sql, NO_COLOR="1")
        assert not re.search(rb"\x1b\[[0-9;]*m", plain), plain


def test_inspect_and_version(synthetic):
    seen = run("inspect", synthetic)
    assert seen.code == 0
    for word in ("time", "lat", "lon", "temperature", "humidity", "int64", "7"):
        assert word in seen.stdout
    version = run("--version")
    assert version.code == 0 and re.search(r"\d+\.\d+\.\d+", version.stdout)


def test_other_tables_join_with_a_store(synthetic, tmp_path):
    (tmp_path / "names.csv").write_text("lat,name\n10,ten\n90,ninety\n")
    (tmp_path / "times.json").write_text('[{"time": 2}, {"time": 5}]')
    got = run_query(f"SELECT n.name, sum(g.temperature)::BIGINT AS s FROM {quoted(synthetic)} g JOIN "
                    f"{quoted(tmp_path / 'names.csv')} n USING (lat) JOIN {quoted(tmp_path / 'times.json')} j "
                    f"USING (time) GROUP BY 1 ORDER BY 1")
    want = {name: sum(t * 100 + row * 10 + c for t in (2, 5) for c in range(10)) for row, name in ((9, "ninety"), (1, "ten"))}
    assert {r["name"]: r["s"] for r in got.table.to_pylist()} == want


def test_metadata_tables(store):
    attributes = run_query(f"SELECT * FROM zarr_attributes({quoted(store)})").table
    assert any("minutes since 2000-01-01" in str(row) for row in attributes.to_pylist())
    arrays = run_query(f"SELECT * FROM zarr_arrays({quoted(store)})").table
    assert arrays.num_rows == 5


# ---------------------------------------------------------------------------------------------------------------------
# Bad input: exit code and one line that says what and where

def test_a_missing_path(tmp_path):
    line = expect_failure(f"SELECT * FROM {quoted(tmp_path / 'nowhere.zarr')}")
    assert "nowhere.zarr" in line


def test_a_directory_that_is_no_store(tmp_path):
    (tmp_path / "s.zarr").mkdir()
    line = expect_failure(f"SELECT * FROM {quoted(tmp_path / 's.zarr')}")
    assert "s.zarr" in line and re.search("zarr.json|not a Zarr", line)


@pytest.mark.parametrize("version", [2, 3])
def test_a_store_without_arrays(version, tmp_path):
    open_group(tmp_path / "s.zarr", version)
    line = expect_failure(f"SELECT * FROM {quoted(tmp_path / 's.zarr')}")
    assert "s.zarr" in line and "array" in line


def test_a_group_among_several(tmp_path):
    root = open_group(tmp_path / "s.zarr", 3)
    for name in ("north", "south"):
        write_array(root.create_group(name), "v", np.arange(3), ("x",))
    line = expect_failure(f"SELECT * FROM {quoted(tmp_path / 's.zarr')}")
    assert "north" in line and "south" in line
    assert run_query(f"SELECT v FROM {quoted(tmp_path / 's.zarr' / 'south')}").table.num_rows == 3
    line = expect_failure(f"SELECT * FROM {quoted(tmp_path / 's.zarr' / 'sout')}")
    assert "sout" in line


def test_a_wrong_column_names_the_nearest(synthetic):
    line = expect_failure(f"SELECT temperatur FROM {quoted(synthetic)}")
    assert "temperatur" in line and '"temperature"' in line.replace("'", '"')


def test_a_wrong_table_names_what_there_is(synthetic):
    line = expect_failure(f'SELECT * FROM read_zarr({quoted(synthetic)}, "table" := \'time_lat_lo\')')
    assert "time_lat_lon" in line
    line = expect_failure(f"SELECT * FROM read_zarr({quoted(synthetic)}, tabel := 'x')")
    assert "tabel" in line


def test_an_unreadable_type(tmp_path):
    group = open_group(tmp_path / "s.zarr", 3)
    write_array(group, "fine", np.arange(3), ("x",))
    write_array(group, "odd", np.array([1j, 2, 3], "complex64"), ("x",))
    line = expect_failure(f"SELECT odd FROM {quoted(tmp_path / 's.zarr')}")
    assert "odd" in line and "complex64" in line
    assert run_query(f"SELECT fine FROM {quoted(tmp_path / 's.zarr')}").table.num_rows == 3


def test_sql_that_does_not_parse_is_one_line():
    for sql in ("SELEC 1", "SELECT\n\n1 +", "", ";", "SELECT 'a", "SELECT * FROM"):
        outcome = run("query", sql)
        assert outcome.code in (1, 2) and outcome.stdout == "", (sql, outcome)
        one_line(outcome.stderr)


@pytest.mark.parametrize("arguments", [
    ["query"], ["query", "SELECT 1", "--no-such-option"], ["query", "SELECT 1", "--format", "xml"],
    ["query", "SELECT 1", "--threads", "0"], ["query", "SELECT 1", "--threads", "-1"],
    ["query", "SELECT 1", "--threads", "many"], ["query", "SELECT 1", "--memory-limit", "lots"],
    ["query", "SELECT 1", "-o"], ["nonsense"], [], ["inspect"], ["query", "SELECT 1", "extra"],
    ["query", "SELECT 1", "--stats=xml"]], ids=lambda a: " ".join(a) or "nothing")
def test_a_bad_option_is_a_usage_error(arguments):
    outcome = run(*arguments)
    assert outcome.code == 2 and outcome.stdout == "" and outcome.stderr.strip(), outcome
    assert "terminate called" not in outcome.stderr


def test_an_output_that_cannot_be_written(synthetic, tmp_path):
    for target in (tmp_path / "no" / "such" / "a.csv", tmp_path / "directory"):
        (tmp_path / "directory").mkdir(exist_ok=True)
        outcome = run("query", f"SELECT * FROM {quoted(synthetic)}", "--format", "csv", "-o", target)
        assert outcome.code in (1, 2) and target.name in one_line(outcome.stderr), outcome
    assert os.listdir(tmp_path) == ["directory"] and not os.listdir(tmp_path / "directory")


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl", "parquet"])
def test_a_full_disk_leaves_no_file(suffix, synthetic, tmp_path):
    """A limit on file size stands for the full disk; SIGXFSZ is ignored, so write() fails as it does there."""
    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    outcome = run("query", f"SELECT a.*, b.lat * random() AS q FROM {quoted(synthetic)} a, {quoted(synthetic)} b", "-o",
                  tmp_path / f"a.{suffix}", preexec_fn=small_files)
    assert outcome.code == 1, outcome
    one_line(outcome.stderr)
    assert os.listdir(tmp_path) == []


def test_a_full_device_on_stdout(synthetic):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([str(find_program()), "query", f"SELECT * FROM {quoted(synthetic)}", "--format", "csv"],
                              stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1, done
    one_line(done.stderr.decode())


def test_a_file_that_was_there_survives_a_failing_query(synthetic, tmp_path):
    target = tmp_path / "a.csv"
    target.write_text("precious\n")
    for sql in ("SELECT nonsense", f"SELECT error('late') FROM {quoted(synthetic)} WHERE temperature > 600"):
        assert run("query", sql, "-o", target).code == 1
        assert target.read_text() == "precious\n" and os.listdir(tmp_path) == ["a.csv"]


def test_a_closed_pipe_ends_quietly(endless):
    process = subprocess.Popen([str(find_program()), "query", f"SELECT a, b, c, v FROM {quoted(endless)}", "--format", "csv"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    stderr = process.stderr.read()
    code = process.wait(30)
    assert stderr == b"" and code in (0, 141, -signal.SIGPIPE), (code, stderr)


@pytest.mark.parametrize("name", [None, "a.csv", "a.parquet", "a.json"])
def test_interrupt_gives_130_and_leaves_no_file(name, endless, tmp_path):
    arguments = [str(find_program()), "query", f"SELECT a, b, c, v FROM {quoted(endless)}" if name else
                 f"SELECT sum(v + b) FROM {quoted(endless)}"]
    if name:
        arguments += ["-o", str(tmp_path / name)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # Wait until it works: a file appears, or it has used a second of CPU.
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        used = sum(map(int, Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))
        if used > os.sysconf("SC_CLK_TCK") // 2:
            break
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 130, (process.returncode, stderr)
    assert stdout == b"" and b"terminate" not in stderr and len(stderr.splitlines()) <= 1, stderr
    assert os.listdir(tmp_path) == []


def test_a_memory_limit_is_an_error_not_a_crash(endless):
    outcome = run("query", f"SELECT list(v) FROM {quoted(endless)}", "--memory-limit", "200MB")
    assert outcome.code == 1 and re.search("[Mm]emory", one_line(outcome.stderr)), outcome


def test_threads_do_not_change_an_answer(synthetic):
    answers = [run_query(f"SELECT * FROM {quoted(synthetic)} WHERE lat % 20 = 10", threads=n).table for n in (1, 2, 8)]
    assert answers[0].num_rows == 350 and answers[0].equals(answers[1]) and answers[0].equals(answers[2])
