"""Blocks of Dask arrays on the user's cluster: real workers, processes of their own on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator

import dask.array
import numpy as np
import pytest
import xarray as xr

import colonnade as cn
from colonnade.xarray_source import read_xarray_table
from conftest import rows

distributed = pytest.importorskip("distributed")

SHAPE, CHUNKS = (12, 20), (3, 10)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[distributed.LocalCluster]:
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        local_directory=str(tmp_path_factory.mktemp("workers")),
    ) as workers:
        yield workers


@pytest.fixture
def client(cluster: distributed.LocalCluster) -> Iterator[distributed.Client]:
    """The user's scheduler while a test runs."""
    with distributed.Client(cluster) as connected:
        connected.run(set_blocks, 0)
        yield connected


def set_blocks(blocks: int, dask_worker: distributed.Worker) -> None:
    dask_worker.blocks = blocks


def blocks_of(client: distributed.Client) -> int:
    """How many blocks the workers have computed together."""

    def count(dask_worker: distributed.Worker) -> int:
        return int(dask_worker.blocks)

    return sum(client.run(count).values())


def counting_dataset() -> xr.Dataset:
    """v is the number of the cell, pid the process that has computed its block; workers count blocks of v."""

    def block(block_info: dict) -> np.ndarray:
        from distributed import get_worker

        try:
            get_worker().blocks += 1
        except ValueError:  # no worker: this process
            pass
        (first, last), (left, right) = block_info[None]["array-location"]
        return np.arange(SHAPE[0] * SHAPE[1], dtype="f8").reshape(SHAPE)[first:last, left:right]

    def pid(values: np.ndarray) -> np.ndarray:
        return np.full(values.shape, os.getpid())

    sizes = dask.array.core.normalize_chunks(CHUNKS, SHAPE)
    values = dask.array.map_blocks(block, chunks=sizes, dtype="f8", meta=np.empty((0, 0)))
    where = dask.array.zeros(SHAPE, chunks=CHUNKS).map_blocks(pid, dtype="i8", meta=np.empty((0, 0), "i8"))
    return xr.Dataset(
        {"v": (("y", "x"), values), "pid": (("y", "x"), where)},
        {"y": np.arange(SHAPE[0]), "x": np.arange(SHAPE[1])},
    )


QUERIES = [
    ("SELECT sum(v), count(*), min(v), max(v) FROM grid", 8),
    ("SELECT y, avg(v) FROM grid WHERE x < 10 GROUP BY y ORDER BY y", 4),
    ("SELECT v FROM grid WHERE y BETWEEN 4 AND 5 AND x >= 10 ORDER BY v", 1),
    ("SELECT count(*), max(y) FROM grid", 0),
]


@pytest.mark.parametrize(("text", "blocks"), QUERIES)
def test_a_query_computes_its_blocks_on_the_workers_and_no_others(
    con: cn.Session, client: distributed.Client, text: str, blocks: int
) -> None:
    ds = counting_dataset()
    con.register("grid", ds)
    with dask.config.set(scheduler="sync"):
        here = rows(con, text)
    assert blocks_of(client) == 0
    assert rows(con, text) == here
    assert blocks_of(client) == blocks


def test_no_block_is_computed_in_this_process(con: cn.Session, client: distributed.Client) -> None:
    con.register("grid", counting_dataset())
    workers = set(client.run(os.getpid).values())
    assert len(workers) == 2 and os.getpid() not in workers
    found = {pid for (pid,) in rows(con, "SELECT DISTINCT pid FROM grid")}
    assert found and found <= workers
    table = read_xarray_table(counting_dataset())  # without a session of the user's
    import pyarrow as pa

    assert set(pa.table(table)["pid"].to_pylist()) <= workers


def test_results_that_are_kept_on_the_workers_are_fetched_and_not_computed_again(
    con: cn.Session, client: distributed.Client
) -> None:
    kept = counting_dataset().persist()
    distributed.wait(kept)
    assert blocks_of(client) == 8
    con.register("grid", kept)
    con.register("doubled", kept * 2)
    assert rows(con, "SELECT sum(v), count(*) FROM grid") == [(28680.0, 240)]
    assert rows(con, "SELECT sum(v), count(*) FROM doubled WHERE y < 3") == [(3540.0, 60)]
    assert blocks_of(client) == 8


def test_a_failure_on_a_worker_is_the_users_own(con: cn.Session, client: distributed.Client) -> None:
    def fail(values: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError("on a worker")

    failing = dask.array.zeros(SHAPE, chunks=CHUNKS).map_blocks(fail, dtype="f8", meta=np.empty((0, 0)))
    con.register("failing", xr.Dataset({"v": (("y", "x"), failing)}))
    with pytest.raises(ZeroDivisionError, match="on a worker"):
        rows(con, "SELECT sum(v) FROM failing")
    assert rows(con, "SELECT 1") == [(1,)]


def test_without_a_client_blocks_are_computed_here_again(con: cn.Session, cluster: distributed.LocalCluster) -> None:
    con.register("grid", counting_dataset())
    assert rows(con, "SELECT DISTINCT pid FROM grid") == [(os.getpid(),)]
