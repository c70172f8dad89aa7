"""The blocks in which xarray objects are read: their own, the user's, and those of every kind of Dask graph."""

from __future__ import annotations

from typing import Any

import dask.array
import numpy as np
import pytest
import xarray as xr

import colonnade as cn
from colonnade import errors, xarray_source
from conftest import rows
from counting import Reads, stored


def chunk_shapes(ds: Any, **options: Any) -> dict[str, tuple]:
    described = xarray_source.describe(ds, **options)
    return {v.name: (v.chunk_shape, v.chunk_bounds) for v in described.variables}


def test_blocks_are_those_of_dask_of_the_file_or_bounded() -> None:
    reads = Reads()
    values = np.zeros((10, 6))
    ds = stored({"v": (("y", "x"), values)}, {"y": 4, "x": 6}, reads)
    assert chunk_shapes(ds) == {"v": ((4, 6), ())}
    assert chunk_shapes(stored({"v": (("y", "x"), values)}, None, reads)) == {"v": ((10, 6), ())}
    large = stored({"v": (("z", "y", "x"), np.broadcast_to(np.float32(0), (9, 3000, 1000)))}, None, reads)
    assert chunk_shapes(large) == {"v": ((2, 3000, 1000), ())}
    assert chunk_shapes(ds.chunk(y=(3, 3, 4))) == {"v": ((4, 6), ((0, 3, 6, 10), ()))}
    assert chunk_shapes(ds.chunk(y=(3, 3, 3, 1))) == {"v": ((3, 6), ())}
    by_sizes = stored({"v": (("y", "x"), values)}, None, reads)
    by_sizes["v"].encoding["chunksizes"] = (5, 100)
    assert chunk_shapes(by_sizes) == {"v": ((5, 6), ())}
    # What is in memory is cut where others are.
    ds["m"] = (("x", "y"), values.T)
    assert chunk_shapes(ds)["m"] == ((6, 4), ())


def test_chunks_of_the_user_come_first(con: cn.Session) -> None:
    reads = Reads()
    values = np.arange(60.0).reshape(10, 6)
    ds = stored({"v": (("y", "x"), values)}, {"y": 4, "x": 6}, reads)
    assert chunk_shapes(ds, chunks={"y": 5}) == {"v": ((5, 6), ())}
    assert chunk_shapes(ds, chunks={"y": -1, "x": 2}) == {"v": ((10, 2), ())}
    assert chunk_shapes(ds, chunks=3) == {"v": ((3, 3), ())}
    assert chunk_shapes(ds, chunks={"y": (1, 9), "x": None}) == {"v": ((9, 6), ((0, 1, 10), ()))}
    assert chunk_shapes(ds, chunks="auto") == chunk_shapes(ds, chunks={}) == chunk_shapes(ds)
    for source in (ds, ds.chunk(y=3, x=4), xr.Dataset({"v": (("y", "x"), values)})):
        for chunks in ({"y": 5}, {"y": -1, "x": 2}, 3, {"y": (1, 9)}):
            con.register("cut", source, chunks=chunks)
            assert rows(con, "SELECT sum(v), count(*) FROM cut WHERE x <> 2") == [(np.delete(values, 2, 1).sum(), 50)]
    reads.clear()
    con.register("cut", ds, chunks={"y": 5})
    rows(con, "SELECT sum(v) FROM cut")
    assert sorted(reads.of("v")) == [((0, 5), (0, 6)), ((5, 10), (0, 6))]
    for chunks, message in (
        ({"z": 3}, "no dimension 'z', only 'y', 'x'"),
        ({"y": 0}, "positive length.*not 0"),
        ({"y": (4, 4)}, "add up to 8, not 10"),
        ("100 MB", "not '100 MB'"),
        (True, "not True"),
    ):
        with pytest.raises(errors.InvalidArgument, match=message):
            con.register("cut", ds, chunks=chunks)


def test_dask_graphs_of_every_kind_give_their_values(con: cn.Session) -> None:
    x = np.arange(7 * 9.0).reshape(7, 9)
    a = dask.array.from_array(x, chunks=(3, 4))
    graphs = {
        "expression": ((a + 1) * 2, (x + 1) * 2),
        "slice": (dask.array.concatenate([a[1:], a[:1]]), np.concatenate([x[1:], x[:1]])),
        "rechunk": (a.rechunk((5, 9)), x),
        "overlap": (a.map_overlap(lambda block: block, depth=1, boundary="reflect"), x),
        "transposed": (a.T.rechunk(4).T, x),
        "fancy": (a[np.arange(6, -1, -1)], x[::-1]),
        "delayed": (dask.array.from_delayed(dask.delayed(lambda: x)(), x.shape, x.dtype), x),
        "running": (dask.array.cumsum(a, 0), np.cumsum(x, 0)),
        "persisted": ((a * 3).persist(scheduler="sync"), x * 3),
    }
    ds = xr.Dataset({name: (("y", "x"), graph) for name, (graph, _) in graphs.items()})
    con.register("graphs", ds)
    for name, (_, want) in graphs.items():
        found = rows(con, f"SELECT y, x, {name} FROM graphs WHERE x % 2 = 0")
        assert len(found) == 35
        assert all(value == want[y, column] for y, column, value in found), name
    everything = " + ".join(graphs)
    total = sum(want.sum() for _, want in graphs.values())
    assert rows(con, f"SELECT sum({everything}) FROM graphs") == [(pytest.approx(total),)]


def test_the_tasks_of_a_block_are_found_without_the_whole_graph() -> None:
    from colonnade import _dask_blocks

    a = dask.array.from_array(np.zeros((8, 8)), chunks=2)
    for graph in ((a + 1).rechunk(4), dask.array.concatenate([a, a * 2]), a.sum(axis=0), dask.array.roll(a, 3, 0)):
        keys = [(graph.name, *([0] * graph.ndim))]
        found = _dask_blocks._tasks_behind(graph.dask, keys)
        assert isinstance(found, dict) and keys[0] in found
        assert len(found) < len(dict(graph.dask))
