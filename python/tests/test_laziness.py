"""What is read, and when: blocks counted per query shape, over a backend that counts."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import dask
import dask.array
import dask.callbacks
import numpy as np
import pytest
import xarray as xr

import colonnade as cn
from colonnade.xarray_source import read_xarray_table
from conftest import RunChild, rows
from counting import Reads, backend_of, cube, stored

THREADS = 2


@pytest.fixture
def reads() -> Reads:
    return Reads()


def test_nothing_is_read_before_a_query_runs(reads: Reads) -> None:
    ds = cube(reads)
    with cn.connect(threads=THREADS) as con:
        con.register("cube", ds)
        table = read_xarray_table(ds)
        table.__arrow_c_schema__()
        assert table.num_rows == 8000
        relation = con.sql("SELECT avg(v), max(height) FROM cube WHERE lat > 3")
        assert relation is not None
        relation.explain()
        assert relation.columns
        rows(con, "DESCRIBE cube")
        con.tables()
        assert reads.log == []
        relation.fetchall()
        assert reads.log != []
    assert not ds.variables["v"]._in_memory, "a query must not load the user's variables"


# (query, blocks of v that have a selected row, cells of v that it needs at most)
SHAPES = [
    ("SELECT count(*) FROM cube", 0, 0),
    ("SELECT min(lat), max(time) FROM cube", 0, 0),
    ("SELECT DISTINCT lat FROM cube", 0, 0),
    ("SELECT lat, count(*) FROM cube GROUP BY lat", 0, 0),
    ("SELECT count(*) FROM cube WHERE lat < 5", 0, 0),
    ("SELECT lat FROM cube LIMIT 11", 0, 0),
    ("SELECT avg(v) FROM cube", 64, 8000),
    ("SELECT avg(v) FROM cube WHERE lat = 3", 16, 400),
    ("SELECT avg(v) FROM cube WHERE 3 = lat", 16, 400),
    ("SELECT avg(v) FROM cube WHERE lat < 5", 16, 2000),
    ("SELECT avg(v) FROM cube WHERE lat BETWEEN 6 AND 8", 16, 1200),
    ("SELECT avg(v) FROM cube WHERE lat NOT BETWEEN 1 AND 18", 32, 800),
    ("SELECT avg(v) FROM cube WHERE lat IN (1, 17)", 32, 800),
    ("SELECT avg(v) FROM cube WHERE lat IS NULL", 0, 0),
    ("SELECT avg(v) FROM cube WHERE lat = 3 AND lon = 7", 4, 20),
    ("SELECT avg(v) FROM cube WHERE (lat = 1 AND lon = 1) OR (lat = 18 AND lon = 18)", 8, 200),
    ("SELECT avg(v) FROM cube WHERE time >= TIMESTAMP '2000-06-01'", 16, 1600),
    ("SELECT avg(v) FROM cube WHERE time < '2000-01-15'", 16, 800),
    ("SELECT avg(v) FROM cube WHERE month(time) = 1", 16, 1600),
    ("SELECT avg(v) FROM cube WHERE abs(lat - 10) < 1", 16, 400),
    ("SELECT avg(v) FROM cube WHERE lat % 20 = 3", 16, 400),
    ("SELECT avg(v) FROM cube WHERE CAST(lat AS INTEGER) = 3", 16, 400),
    ("SELECT lat, v FROM cube WHERE v > 7990", 64, 8000),
    ("SELECT * FROM cube LIMIT 10", 1, 125),
]


@pytest.mark.parametrize("query, blocks, cells", SHAPES, ids=[shape[0].removeprefix("SELECT ") for shape in SHAPES])
def test_a_query_reads_the_blocks_that_it_needs(reads: Reads, query: str, blocks: int, cells: int) -> None:
    ds = cube(reads)
    with cn.connect(threads=1) as con:
        con.register("cube", ds)
        reads.clear()
        rows(con, query)
    boxes = reads.of("v")
    assert len(boxes) == len(set(boxes)) == blocks
    assert sum(np.prod([stop - start for start, stop in box]) for box in boxes) <= cells
    if not query.startswith("SELECT *"):
        assert reads.of("w") == [] and reads.of("height") == []


def test_a_filter_on_values_reads_the_others_where_some_row_passes(reads: Reads) -> None:
    with cn.connect(threads=1) as con:
        con.register("cube", cube(reads))
        assert rows(con, "SELECT sum(w) FROM cube WHERE v > 7990") == [(-float(sum(range(7991, 8000))),)]
    assert len(reads.of("v")) == 64
    assert len(reads.of("w")) == 2, "cells 7991 to 7999 are in two blocks"


def test_a_variable_with_two_uses_is_read_once(reads: Reads) -> None:
    with cn.connect(threads=1) as con:
        con.register("cube", cube(reads))
        rows(con, "SELECT avg(v), max(v), sum(v * v) FROM cube")
    assert len(reads.of("v")) == 64


def test_blocks_are_read_at_the_same_time_by_a_slow_backend_with_a_request_limit() -> None:
    reads = Reads()
    ds = cube(reads, {"time": 20, "lat": 10, "lon": 10}, seconds=0.05, max_cells=2000)
    with cn.connect(threads=4) as con:
        con.register("cube", ds)
        assert rows(con, "SELECT sum(v) FROM cube") == [(float(sum(range(8000))),)]
    assert len(reads.of("v")) == 4
    assert reads.most_running >= 2, "no two reads ran at the same time"


def test_an_aggregate_holds_few_blocks_at_once() -> None:
    reads = Reads()
    values = np.ones((400, 64, 64))
    ds = stored({"v": (("t", "y", "x"), values)}, {"t": 4}, reads)
    with cn.connect(threads=THREADS) as con:
        con.register("big", ds)
        assert rows(con, "SELECT sum(v) FROM big") == [(float(values.size),)]
    assert len(reads.of("v")) == 100
    assert reads.most_live <= 4 * THREADS
    assert reads.live == 0, "blocks are kept after the query"


def test_reading_stops_when_the_stream_is_dropped(reads: Reads) -> None:
    import pyarrow as pa

    table = read_xarray_table(cube(reads)[["v"]].reset_coords(drop=True))
    reader = pa.RecordBatchReader.from_stream(table)
    reader.read_next_batch()
    assert 1 <= len(reads.of("v")) <= 2
    del reader
    assert len(reads.of("v")) <= 2
    # Another stream begins anew.
    assert pa.table(table).num_rows == 8000
    assert len(reads.of("v")) >= 64


class Broken(Exception):
    """What the user's backend raises."""


def test_an_exception_of_the_backend_arrives_as_it_was_raised(reads: Reads) -> None:
    ds = cube(reads)
    backend_of(ds, "v").failure = Broken
    with cn.connect(threads=THREADS) as con:
        con.register("cube", ds)
        with pytest.raises(Broken, match="no v at") as caught:
            rows(con, "SELECT avg(v) FROM cube")
        assert any(frame.name == "_read" for frame in caught.traceback)
        assert rows(con, "SELECT max(w) FROM cube") == [(0.0,)], "the session works on"


# Dask


def counted_blocks(values: np.ndarray, chunks: tuple, calls: list) -> dask.array.Array:
    """A Dask array whose blocks say which of them was computed, and on which thread."""

    def block(block_info: dict) -> np.ndarray:
        place = block_info[None]["array-location"]
        calls.append((tuple(place), threading.current_thread().name))
        return values[tuple(slice(*interval) for interval in place)]

    sizes = dask.array.core.normalize_chunks(chunks, values.shape)
    return dask.array.map_blocks(block, chunks=sizes, dtype=values.dtype, meta=np.empty((0,) * values.ndim))


def test_each_dask_block_is_computed_once_and_only_if_needed() -> None:
    calls: list = []
    values = np.arange(24.0 * 10).reshape(24, 10)
    ds = xr.Dataset({"v": (("t", "x"), counted_blocks(values, (6, 5), calls))}, coords={"t": np.arange(24)})
    with cn.connect(threads=THREADS) as con:
        con.register("d", ds)
        assert calls == []
        assert rows(con, "SELECT sum(v) FROM d") == [(values.sum(),)]
        assert len(calls) == len({place for place, _ in calls}) == 8
        calls.clear()
        assert rows(con, "SELECT sum(v) FROM d WHERE t = 7") == [(values[7].sum(),)]
        assert len(calls) == 2


def test_unequal_dask_blocks_are_tiles_of_their_own() -> None:
    calls: list = []
    others: list = []
    values = np.arange(3 * 365.0 + 366).reshape(-1, 1) + np.zeros((1, 4))
    years = (365, 366, 365, 365)
    ds = xr.Dataset(
        {
            "v": (("t", "x"), counted_blocks(values, (years, (2, 2)), calls)),
            "w": (("t", "x"), counted_blocks(-values, (years, (2, 2)), others)),
            "in_memory": (("t", "x"), values),
        }
    )
    with cn.connect(threads=THREADS) as con:
        con.register("d", ds)
        assert rows(con, "SELECT sum(v + w + in_memory), count(*) FROM d") == [(values.sum(), values.size)]
        assert len(calls) == len({place for place, _ in calls}) == 8
        assert len(others) == 8
        calls.clear()
        # Also where another variable is cut elsewhere: nothing is wrong, and little is computed again.
        ds["u"] = (("t", "x"), dask.array.from_array(values, chunks=(100, 4)))
        con.register("d", ds)
        assert rows(con, "SELECT sum(v - u) FROM d") == [(0.0,)]
        assert {place for place, _ in calls} == {place for place, _ in others}


def test_dask_blocks_run_on_the_thread_that_needs_them_unless_a_scheduler_is_configured() -> None:
    calls: list = []
    values = np.ones((40, 10))
    ds = xr.Dataset({"v": (("t", "x"), counted_blocks(values, (4, 10), calls))})
    with cn.connect(threads=THREADS) as con:
        con.register("d", ds)
        rows(con, "SELECT sum(v) FROM d")
        assert len(calls) == 10
        assert not any("Pool" in thread for _, thread in calls), "a pool inside a pool"
        calls.clear()
        with dask.config.set(scheduler="threads"):
            assert rows(con, "SELECT sum(v) FROM d") == [(400.0,)]
        assert len(calls) == 10
        assert all("Pool" in thread for _, thread in calls)

        scheduled = []

        def user_scheduler(graph: object, keys: object, **options: object) -> object:
            scheduled.append(threading.get_ident())
            return dask.get(graph, keys, **options)

        with dask.config.set(scheduler=user_scheduler):
            assert rows(con, "SELECT sum(v) FROM d") == [(400.0,)]
        assert len(scheduled) == 10


class Remote:
    """What Dask takes for an array of a million blocks of four."""

    shape = (4_000_000,)
    dtype = np.dtype(float)
    ndim = 1

    def __init__(self) -> None:
        self.calls: list = []

    def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
        self.calls.append(key)
        return np.arange(key[0].start, key[0].stop, dtype=float)


def test_dask_blocks_run_on_the_pool_that_the_user_has_given_dask() -> None:
    calls: list = []
    ds = xr.Dataset({"v": (("t", "x"), counted_blocks(np.ones((40, 10)), (4, 10), calls))})
    with ThreadPoolExecutor(1, thread_name_prefix="users") as pool, cn.connect(threads=THREADS) as con:
        con.register("d", ds)
        with dask.config.set(pool=pool):
            assert rows(con, "SELECT sum(v) FROM d") == [(400.0,)]
    assert len(calls) == 10
    assert {thread for _, thread in calls} == {"users_0"}


def test_callbacks_of_dask_see_the_tasks_of_all_threads() -> None:
    both = threading.Barrier(2, timeout=60)  # both threads of the query are in Dask
    seen: list = []

    class Watch(dask.callbacks.Callback):
        def _posttask(self, *_: object) -> None:
            seen.append(threading.get_ident())

    class Meeting(Remote):
        shape = (8,)

        def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
            both.wait()
            return super().__getitem__(key)

    one_task = dask.array.from_array(Meeting(), chunks=4, asarray=True, meta=np.empty(0))
    for array in (one_task, one_task + 0):
        seen.clear()
        ds = xr.Dataset({"v": ("x", array)})
        with Watch() as watch, cn.connect(threads=2) as con:
            con.register("d", ds)
            assert rows(con, "SELECT sum(v) FROM d") == [(28.0,)]
            assert dask.callbacks.Callback.active == {watch._callback}
        assert len(set(seen)) == 2


def test_an_optimization_of_the_users_is_applied_to_every_block() -> None:
    asked: list = []

    def optimize(graph: object, keys: list) -> object:
        asked.extend(keys)
        return dask.array.optimize(graph, keys)

    values = np.arange(40.0)
    one_task = dask.array.from_array(values, chunks=4)
    for array in (one_task, one_task + 0):
        asked.clear()
        with cn.connect(threads=THREADS) as con:
            con.register("d", xr.Dataset({"v": ("x", array)}))
            with dask.config.set(array_optimize=optimize):
                assert rows(con, "SELECT sum(v) FROM d") == [(values.sum(),)]
        assert sorted(asked) == [(array.name, i) for i in range(10)]


def test_blocks_of_one_task_do_without_dasks_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = Reads()
    values = np.arange(60.0).reshape(10, 6)
    ds = stored({"v": (("y", "x"), values)}, {"y": 4, "x": 6}, reads).chunk(y=4)
    assert ds.v.data.numblocks == (3, 1)

    def schedule(*_: object, **__: object) -> None:
        raise AssertionError("one task needs no scheduler")

    monkeypatch.setattr(dask.base, "compute_as_if_collection", schedule)
    with cn.connect(threads=THREADS) as con:
        con.register("d", ds)
        assert rows(con, "SELECT sum(v) FROM d") == [(values.sum(),)]
        assert sorted(reads.of("v")) == [((0, 4), (0, 6)), ((4, 8), (0, 6)), ((8, 10), (0, 6))]
        con.register("two", ds + 1)
        with pytest.raises(AssertionError, match="no scheduler"):
            rows(con, "SELECT sum(v) FROM two")


def test_reading_dask_blocks_does_not_import_distributed(run_child: RunChild) -> None:
    # It takes as long as reading a hundred blocks, and Dask imports it if it is asked for a scheduler by name.
    run_child(
        """
        import sys
        import dask.array, numpy as np, xarray as xr
        import colonnade as cn
        a = dask.array.from_array(np.arange(10.0), chunks=4)
        con = cn.connect()
        con.register("d", xr.Dataset({"one": ("x", a), "two": ("x", a * 2)}))
        assert con.sql("SELECT sum(one), sum(two) FROM d").fetchall() == [(45.0, 90.0)]
        assert "distributed" not in sys.modules
        """
    )


def test_a_million_dask_blocks_cost_nothing_until_they_are_read() -> None:
    remote = Remote()
    array = dask.array.from_array(remote, chunks=4, asarray=True)
    ds = xr.Dataset({"v": ("x", array + 1)})
    remote.calls.clear()
    with cn.connect(threads=1) as con:
        con.register("d", ds)
        assert rows(con, "SELECT count(*) FROM d") == [(4_000_000,)]
        assert remote.calls == []
        assert rows(con, "SELECT v FROM d WHERE x = 2_999_999") == [(3_000_000.0,)]
        assert len(remote.calls) == 1
        # Looking at the whole graph takes half a second for each block.
        began = time.process_time()
        assert rows(con, "SELECT sum(v) FROM d WHERE x < 400") == [(float(sum(range(1, 401))),)]
        assert len(remote.calls) == 101
        assert time.process_time() - began < 10
