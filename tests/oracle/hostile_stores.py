"""Stores to break, and what must hold of a broken one: the required answer, never a crash, a hang or a wrong row.

Every case starts from a good store with the columns `good` and `bad` over (y, x), breaks `bad`, and asks three
things: a query of `bad` fails with exit code 1 and one line that names the array (and the chunk, when one was read);
`good` still answers; the store can still be listed.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
from pathlib import Path

import numpy as np

from colonnade_cli import expect_failure, quoted, run_batch
from stores import open_group, write_array

SHAPE, CHUNKS, DIMS = (6, 8), (3, 4), ("y", "x")
VALUES = np.arange(48, dtype="int32").reshape(SHAPE)


def good_store(path: Path, version: int = 3, **bad_options) -> Path:
    group = open_group(path, version)
    write_array(group, "good", VALUES, DIMS, chunks=CHUNKS)
    values = bad_options.pop("values", VALUES)
    write_array(group, "bad", values, DIMS, **{"chunks": CHUNKS, **bad_options})
    return path


def document(store: Path, version: int = 3) -> Path:
    return store / "bad" / ("zarr.json" if version == 3 else ".zarray")


def edit(store: Path, change, version: int = 3) -> None:
    """Applies `change` to the array's parsed metadata document."""
    path = document(store, version)
    parsed = json.loads(path.read_text())
    path.write_text(json.dumps(change(parsed) or parsed))


def limits() -> None:
    """A runaway allocation or loop ends the process instead of the machine. (Sanitizers reserve terabytes.)"""
    resource.setrlimit(resource.RLIMIT_CPU, (20, 25))
    if not os.environ.get("COLONNADE_SANITIZED"):
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))


def assert_contained(store: Path, *mentions: str, table: str | None = None) -> str:
    """`bad` fails with a message that has all of `mentions`; `good` and the listing work. Returns the message."""
    source = quoted(store) if table is None else f"read_zarr({quoted(store)}, \"table\" := {quoted(table)})"
    line = expect_failure(f"SELECT bad FROM {source}", preexec_fn=limits)
    for mention in ("bad", *mentions):
        assert re.search(mention, line), f"no {mention!r} in: {line}"
    assert len(line) < 1200, line
    good, listed = run_batch([f"SELECT sum(good)::BIGINT AS s, count(*) AS n FROM {source}",
                              f"SELECT * FROM zarr_arrays({quoted(store)})"], preexec_fn=limits)
    assert good.to_pylist() == [{"s": 48 * 47 // 2, "n": 48}]
    for name in ("good", "bad"):
        assert any(name in map(str, row.values()) for row in listed.to_pylist()), listed.to_pylist()
    return line


def huge_store(path: Path, shape, chunks) -> Path:
    group = open_group(path, 3)
    write_array(group, "v", np.zeros((1,) * len(shape)), tuple("abcdefgh"[:len(shape)]), chunks=(1,) * len(shape))
    shutil.rmtree(path / "v" / "c")
    meta = path / "v" / "zarr.json"
    doc = json.loads(meta.read_text())
    doc["shape"], doc["fill_value"] = list(shape), 2.5
    doc["chunk_grid"]["configuration"]["chunk_shape"] = list(chunks)
    meta.write_text(json.dumps(doc))
    return path
