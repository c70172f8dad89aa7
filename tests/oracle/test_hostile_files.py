"""Absurd shapes, links, pipes, permissions, and files that are no stores."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from colonnade_cli import expect_failure, find_program, one_line, quoted, run, run_query
from hostile_stores import CHUNKS, DIMS, VALUES, assert_contained, good_store, huge_store, limits
from stores import open_group, write_array


def test_a_quintillion_cells_without_a_chunk_answer_at_once(tmp_path):
    store = quoted(huge_store(tmp_path / "s.zarr", (10**6, 10**6, 10**6), (1, 1000, 1000)))

    def ask(sql):
        return run_query(sql, preexec_fn=limits, timeout=20).table.to_pylist()
    assert ask(f"SELECT count(*) AS n FROM {store}") == [{"n": 10**18}]
    assert ask(f"SELECT v, a FROM {store} LIMIT 3") == [{"v": 2.5, "a": 0}] * 3
    assert ask(f"SELECT max(b) AS m FROM {store} WHERE a % 2 = 1") == [{"m": 999_999}]
    assert ask(f"SELECT a, b, c, v FROM {store} WHERE a = 999999 AND b = 5 AND c = 7") == [
        {"a": 999_999, "b": 5, "c": 7, "v": 2.5}]
    assert ask(f"SELECT a, b, c FROM {store} LIMIT 1 OFFSET 1000000") == [{"a": 0, "b": 0, "c": 1000}]


def test_a_row_count_above_int64_is_refused_with_the_numbers(tmp_path):
    store = huge_store(tmp_path / "s.zarr", (2**32, 2**32), (1, 1000))
    line = expect_failure(f"SELECT count(*) FROM {quoted(store)}", preexec_fn=limits)
    assert "4294967296" in line, line
    listed = run("query", f"SELECT * FROM zarr_arrays({quoted(store)})", "--format", "csv", preexec_fn=limits)
    assert listed.code == 0 and "4294967296" in listed.stdout, listed


def test_a_rank_above_the_limit_is_refused(tmp_path):
    store = huge_store(tmp_path / "s.zarr", (1, 1), (1, 1))
    meta = store / "v" / "zarr.json"
    doc = json.loads(meta.read_text())
    doc.update(shape=[1] * 65, dimension_names=[f"d{i}" for i in range(65)])
    doc["chunk_grid"]["configuration"]["chunk_shape"] = [1] * 65
    meta.write_text(json.dumps(doc))
    expect_failure(f"SELECT * FROM {quoted(store)}", preexec_fn=limits)


@pytest.mark.parametrize("version", [2, 3])
def test_two_arrays_that_disagree_on_a_dimension_are_named_with_both_lengths(version, tmp_path):
    group = open_group(tmp_path / "s.zarr", version)
    write_array(group, "good", VALUES, DIMS, chunks=CHUNKS)
    write_array(group, "y", np.arange(6), ("y",))
    write_array(group, "x", np.arange(8), ("x",))
    write_array(group, "bad", np.arange(35).reshape(5, 7), DIMS, chunks=CHUNKS)
    line = expect_failure(f"SELECT bad FROM {quoted(tmp_path / 's.zarr')}")
    assert "bad" in line and "5" in line and "6" in line, line
    assert run_query(f"SELECT sum(good)::BIGINT AS s FROM {quoted(tmp_path / 's.zarr')}").table.to_pylist() == [
        {"s": 48 * 47 // 2}]


def test_a_symbolic_link_out_of_the_store_is_not_followed(tmp_path):
    store = good_store(tmp_path / "s.zarr")
    secret = tmp_path / "secret"
    shutil.move(store / "bad" / "c" / "0" / "1", secret)
    (store / "bad" / "c" / "0" / "1").symlink_to(secret)
    assert_contained(store, "c/0/1")


def test_a_symbolic_link_inside_the_store_works(tmp_path):
    store = good_store(tmp_path / "s.zarr")
    shutil.move(store / "bad" / "c" / "0" / "1", store / "bad" / "elsewhere")
    (store / "bad" / "c" / "0" / "1").symlink_to(store / "bad" / "elsewhere")
    assert run_query(f"SELECT sum(bad)::BIGINT AS s FROM {quoted(store)}").table.to_pylist() == [{"s": 48 * 47 // 2}]


@pytest.mark.parametrize("version", [2, 3])
def test_cyclic_links_between_groups_end(version, tmp_path):
    store = good_store(tmp_path / "s.zarr", version)
    root_document = "zarr.json" if version == 3 else ".zgroup"
    inner = store / "inner"
    inner.mkdir()
    shutil.copy(store / root_document, inner / root_document)
    (inner / "loop").symlink_to(store)
    (inner / "self").symlink_to(inner)
    assert run_query(f"SELECT sum(good)::BIGINT AS s FROM {quoted(store)}", preexec_fn=limits).table.to_pylist() == [
        {"s": 48 * 47 // 2}]
    listed = run("query", f"SELECT * FROM zarr_arrays({quoted(store)})", "--format", "csv", timeout=30, preexec_fn=limits)
    assert listed.code == 0 and "good" in listed.stdout, listed


def test_a_link_that_points_to_itself_is_an_error_of_that_chunk(tmp_path):
    store = good_store(tmp_path / "s.zarr")
    chunk = store / "bad" / "c" / "0" / "1"
    chunk.unlink()
    chunk.symlink_to(chunk)
    assert_contained(store, "c/0/1")


def test_a_chunk_that_is_a_pipe_is_an_error_and_does_not_hang(tmp_path):
    store = good_store(tmp_path / "s.zarr")
    chunk = store / "bad" / "c" / "0" / "1"
    chunk.unlink()
    os.mkfifo(chunk)
    assert_contained(store, "c/0/1")


def test_a_directory_where_a_chunk_should_be_is_no_chunk(tmp_path):
    """A store maps keys to objects, and a directory is none: absent, as zarr-python has it."""
    store = good_store(tmp_path / "s.zarr")
    chunk = store / "bad" / "c" / "0" / "1"
    chunk.unlink()
    chunk.mkdir()
    got = run_query(f"SELECT sum(bad)::BIGINT AS s FROM {quoted(store)}", stats=True)
    assert got.table.to_pylist() == [{"s": int(VALUES.sum() - VALUES[:3, 4:].sum())}] and got.stats["chunks_filled"] == 1


def test_a_chunk_without_permission_is_an_error_not_a_fill(tmp_path):
    if os.geteuid() != 0:
        store = good_store(tmp_path / "s.zarr")
        (store / "bad" / "c" / "0" / "1").chmod(0)
        assert_contained(store, "c/0/1", "[Pp]ermission")
        return
    # Root may read everything: run as nobody instead.
    import pwd
    nobody = pwd.getpwnam("nobody")
    import tempfile
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        os.chmod(directory, 0o755)
        store = good_store(Path(directory) / "s.zarr")
        (store / "bad" / "c" / "0" / "1").chmod(0)
        program = Path(directory) / "colonnade"
        shutil.copy(find_program(), program)
        libraries = {str(find_program().parent), *(line.split("=>")[1].split("(")[0].strip().rsplit("/", 1)[0]
                                                   for line in os.popen(f"ldd {find_program()}") if "=> /" in line)}
        needed = [line.split("=>")[1].split("(")[0].strip() for line in os.popen(f"ldd {find_program()}")
                  if "=> /" in line and "duckdb" in line]
        for library in needed:
            shutil.copy(library, directory)
        import subprocess
        done = subprocess.run([program, "query", f"SELECT sum(bad) FROM {quoted(store)}"], capture_output=True, text=True,
                              cwd="/", user=nobody.pw_uid, group=nobody.pw_gid, timeout=60,
                              env={**os.environ, "HOME": directory, "LD_LIBRARY_PATH": ":".join([directory, *libraries])})
        line = one_line(done.stderr)
        assert done.returncode == 1 and "c/0/1" in line and re.search("[Pp]ermission", line), (done, line)


def test_chunks_beyond_the_grid_are_ignored(tmp_path):
    store = good_store(tmp_path / "s.zarr")
    (store / "bad" / "c" / "9").mkdir()
    (store / "bad" / "c" / "9" / "9").write_bytes(b"left over from a larger shape")
    assert run_query(f"SELECT sum(bad)::BIGINT AS s FROM {quoted(store)}").table.to_pylist() == [{"s": 48 * 47 // 2}]


def test_a_huge_chunk_file_is_refused_without_reading_it(tmp_path):
    store = good_store(tmp_path / "s.zarr", compressors=None)
    with (store / "bad" / "c" / "0" / "1").open("r+b") as file:
        file.truncate(1 << 40)  # sparse
    assert_contained(store, "c/0/1")


@pytest.mark.parametrize("name", ["..", "../../etc", "/etc", "a/../../b", "nul\0byte"])
def test_consolidated_names_never_leave_the_store(name, tmp_path):
    outside = good_store(tmp_path / "etc")
    store = good_store(tmp_path / "deep" / "s.zarr")
    root = store / "zarr.json"
    doc = json.loads(root.read_text())
    member = json.loads((outside / "good" / "zarr.json").read_text())
    metadata = {n: json.loads((store / n / "zarr.json").read_text()) for n in ("good", "bad")}
    doc["consolidated_metadata"] = {"kind": "inline", "must_understand": False,
                                    "metadata": {**metadata, name: member, f"{name}/good": member}}
    root.write_text(json.dumps(doc))
    outcome = run("query", f"SELECT * FROM zarr_arrays({quoted(store)})", "--format", "csv", preexec_fn=limits)
    assert outcome.code in (0, 1)
    assert str(outside) not in outcome.stdout
    if outcome.code == 0:
        assert len(outcome.stdout.splitlines()) == 3, outcome.stdout  # a header, good and bad


@pytest.mark.parametrize("magic, word", [
    (b"PK\x03\x04", "[Zz][Ii][Pp]"), (b"CDF\x01", "NetCDF"), (b"\x89HDF\r\n\x1a\n", "HDF5"), (b"PAR1", "Parquet"), (b"hello", ".")])
def test_a_file_where_a_store_should_be_says_what_it_looks_like(magic, word, tmp_path):
    (tmp_path / "s.zarr").write_bytes(magic + bytes(100))
    line = expect_failure(f"SELECT * FROM {quoted(tmp_path / 's.zarr')}")
    assert re.search(word, line), line


def test_terminal_escapes_in_names_and_attributes_do_not_reach_the_terminal(tmp_path):
    group = open_group(tmp_path / "s.zarr", 3)
    write_array(group, "v", np.arange(2), ("x",), attributes={"long_name": "\x1b[31mred\x07", "units": "\x1b]0;x\x07"})
    for arguments in (("inspect", tmp_path / "s.zarr"), ("query", f"SELECT * FROM zarr_attributes({quoted(tmp_path / 's.zarr')})")):
        outcome = run(*arguments)
        assert outcome.code == 0 and "\x1b" not in outcome.stdout + outcome.stderr, outcome
        assert "\x07" not in outcome.stdout + outcome.stderr
    line = expect_failure("SELECT * FROM '\x1b[31mno\x07.zarr'")
    assert "\x1b" not in line and "\x07" not in line
