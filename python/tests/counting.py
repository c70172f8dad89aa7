"""Sources whose reads are counted: an xarray backend that stands for a remote file, and blocks of Dask."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing


class Reads:
    """What has been read. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.log: list[tuple[str, tuple[tuple[int, int], ...]]] = []
        self.running = 0
        self.most_running = 0
        self.live = 0  # arrays handed out that somebody still has
        self.most_live = 0

    def start(self, name: str, box: Iterable[tuple[int, int]]) -> None:
        with self._lock:
            self.log.append((name, tuple(box)))
            self.running += 1
            self.most_running = max(self.most_running, self.running)

    def end(self, values: np.ndarray) -> np.ndarray:
        with self._lock:
            self.running -= 1
            self.live += 1
            self.most_live = max(self.most_live, self.live)
        weakref.finalize(values, self._drop)
        return values

    def _drop(self) -> None:
        with self._lock:
            self.live -= 1

    def of(self, name: str) -> list[tuple[tuple[int, int], ...]]:
        """Boxes that were read of a variable."""
        return [box for variable, box in self.log if variable == name]

    def clear(self) -> None:
        with self._lock:
            self.log.clear()
            self.most_running = self.most_live = 0


class CountingArray(BackendArray):
    """A stored array: every read is logged, takes ``seconds``, and may ask for ``max_cells`` at most."""

    def __init__(self, name: str, values: np.ndarray, reads: Reads, seconds: float = 0, max_cells: int | None = None):
        self.name = name
        self.values = values
        self.shape = values.shape
        self.dtype = values.dtype
        self.reads = reads
        self.seconds = seconds
        self.max_cells = max_cells
        self.failure: type[Exception] | None = None

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        box = []
        for item, extent in zip(key, self.shape):
            start, stop, step = item.indices(extent) if isinstance(item, slice) else (item, item + 1, 1)
            assert step == 1
            box.append((start, stop))
        self.reads.start(self.name, box)
        cells = int(np.prod([stop - start for start, stop in box]))
        assert self.max_cells is None or cells <= self.max_cells, f"a request of {cells} cells"
        if self.seconds:
            time.sleep(self.seconds)
        if self.failure is not None:
            raise self.failure(f"no {self.name} at {box}")
        return self.reads.end(np.array(self.values[key]))


def stored(
    variables: Mapping[str, tuple[tuple[str, ...], np.ndarray]],
    chunks: Mapping[str, int] | None,
    reads: Reads,
    coords: Iterable[str] = (),
    **options: Any,
) -> xr.Dataset:
    """A Dataset of lazily indexed variables, as a backend makes them. Dimension coordinates are loaded by xarray."""
    made = {}
    for name, (dims, values) in variables.items():
        if dims == (name,):
            made[name] = xr.Variable(dims, values)
            continue
        array = indexing.LazilyIndexedArray(CountingArray(name, np.asarray(values), reads, **options))
        encoding = {} if chunks is None else {"preferred_chunks": {dim: chunks[dim] for dim in dims if dim in chunks}}
        made[name] = xr.Variable(dims, array, encoding=encoding)
    ds = xr.Dataset(made)
    return ds.set_coords(list(coords))


def backend_of(ds: xr.Dataset, name: str) -> CountingArray:
    """The stored array behind a variable that ``stored`` made."""
    array = ds.variables[name]._data
    while not isinstance(array, CountingArray):
        array = array.array
    return array


def cube(reads: Reads, chunks: Mapping[str, int] | None = None, **options: Any) -> xr.Dataset:
    """20 × 20 × 20 cells in 4 × 4 × 4 blocks: v counts the cells in C order, w is its negative."""
    n = 20
    v = np.arange(float(n**3)).reshape(n, n, n)
    times = np.datetime64("2000-01-01", "ns") + np.arange(n) * np.timedelta64(10, "D")
    return stored(
        {
            "time": (("time",), times),
            "lat": (("lat",), np.arange(float(n))),
            "lon": (("lon",), np.arange(float(n))),
            "v": (("time", "lat", "lon"), v),
            "w": (("time", "lat", "lon"), -v),
            "height": (("lat", "lon"), v[0] / 2),
        },
        {"time": 5, "lat": 5, "lon": 5} if chunks is None else chunks,
        reads,
        coords=["height"],
        **options,
    )
