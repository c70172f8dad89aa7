"""Blocks of a Dask array, one at a time. Private.

Dask's own way to one block, ``array.blocks[i].compute()``, looks at every block of every layer of the graph: half a
second for a million blocks, each time. Here the tasks behind a block are collected by following its key through the
layers, which costs the same however many blocks there are; Dask then optimizes and runs that small graph as it would
the large one, on the user's scheduler. A graph of one task is called.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import sys
from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np

Box = tuple[tuple[int, int], ...]


def is_dask(array: Any) -> bool:
    """True for a ``dask.array.Array``. Imports nothing."""
    dask_array = sys.modules.get("dask.array")
    return dask_array is not None and isinstance(array, dask_array.Array)


def equal_size(sizes: Sequence[int]) -> int:
    """The size that all blocks along a dimension have, but a smaller last one; 0 if they have not.

    >>> equal_size((4, 4, 3)), equal_size((3, 4, 3)), equal_size((4, 4, 5)), equal_size(())
    (4, 0, 0, 0)
    """
    if not sizes or sizes[0] <= 0:
        return 0
    # Counted, not looped over: there may be a million.
    smaller_last = 1 if sizes[-1] < sizes[0] else 0
    return int(sizes[0]) if sizes.count(sizes[0]) + smaller_last == len(sizes) else 0


class DaskBlocks:
    """Reads boxes of a ``dask.array.Array``. Thread-safe: each call computes on its own."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self._axes = [_Axis(sizes) for sizes in array.chunks]

    def read(self, box: Box) -> np.ndarray[Any, Any]:
        """The elements of a box. Computes the blocks that it touches, together; a part of one block is a view of it."""
        ranges = [axis.blocks(start, stop) for axis, (start, stop) in zip(self._axes, box)]
        indices = list(itertools.product(*ranges))
        values = self._compute(indices)
        if len(indices) == 1:
            origin = [axis.start(i) for axis, i in zip(self._axes, indices[0])]
            inside = tuple(slice(start - at, stop - at) for at, (start, stop) in zip(origin, box))
            return np.asarray(values[0])[inside]
        whole = np.empty([stop - start for start, stop in box], np.asarray(values[0]).dtype)
        for index, value in zip(indices, values):
            into, out_of = [], []
            for axis, i, (start, stop) in zip(self._axes, index, box):
                at, end = axis.start(i), axis.start(i + 1)
                begin, last = max(at, start), min(end, stop)
                into.append(slice(begin - start, last - start))
                out_of.append(slice(begin - at, last - at))
            whole[tuple(into)] = np.asarray(value)[tuple(out_of)]
        return whole

    def _compute(self, indices: Sequence[tuple[int, ...]]) -> list[Any]:
        from dask.base import compute_as_if_collection

        keys = [(self._array.name, *index) for index in indices]
        graph = _tasks_behind(self._array.dask, keys)
        options: dict[str, Any] = {}
        if not _has_scheduler():
            from dask.callbacks import Callback
            from dask.local import get_sync

            callbacks = tuple(Callback.active)
            if len(keys) == 1 and not callbacks and not _has_optimization() and _is_one_task(graph, keys[0]):
                return [_run_one_task(graph, keys[0])]
            # As a function: asked for by name, Dask imports dask.distributed to see that it is another one. With its
            # callbacks: threads that look for them by themselves take them away from each other.
            options = {"scheduler": functools.partial(get_sync, callbacks=callbacks)}
        return list(compute_as_if_collection(type(self._array), graph, keys, **options))


def _has_scheduler() -> bool:
    """True if the user has chosen one. Otherwise blocks need none: the threads of the query are parallel enough."""
    import dask

    if dask.config.get("scheduler", None) is not None or dask.config.get("pool", None) is not None:
        return True
    # A client of dask.distributed is a scheduler too. Dask looks for one by importing the package, each time.
    return "distributed" in sys.modules and dask.base.get_scheduler() is not None


def _has_optimization() -> bool:
    """True if the user has said how graphs of arrays are optimized."""
    import dask

    return dask.config.get("array_optimize", None) is not None


def _is_one_task(graph: Any, key: Any) -> bool:
    """True if one task makes the value of ``key`` from data: there is nothing to optimize and nothing to schedule.

    That is every block of a file opened with ``chunks=``. Dask takes 0.2 ms or more to find that out.
    """
    if not isinstance(graph, dict):
        return False
    from dask._task_spec import DataNode

    return all(isinstance(node, DataNode) for other, node in graph.items() if other != key)


def _run_one_task(graph: Mapping[Any, Any], key: Any) -> Any:
    task = graph[key]
    return task({other: graph[other].value for other in task.dependencies})


def _tasks_behind(graph: Any, keys: Sequence[Any]) -> Any:
    """The part of a graph that ``keys`` depend on; the whole graph where its layers are of a kind not known here."""
    try:
        return _collect(graph.layers, keys)
    except (AttributeError, KeyError, TypeError, ImportError):
        return graph


class _Layers(Container[Any]):
    """The layers of a graph, by key. As a container: of all keys, which Dask asks to tell keys from constants."""

    def __init__(self, layers: Mapping[str, Any]) -> None:
        from dask.blockwise import Blockwise

        self._layers = layers
        self._blockwise = Blockwise
        # Layers that have keys of several names, such as those of a rechunk.
        self._others = [layer for layer in layers.values() if not isinstance(layer, Blockwise)]

    def _holder(self, key: Any) -> Any:
        layer = self._layers.get(key[0] if isinstance(key, tuple) and key else key)
        if isinstance(layer, self._blockwise) or (layer is not None and key in layer):
            return layer
        return next((other for other in self._others if key in other), None)

    def __contains__(self, key: Any) -> bool:
        return self._holder(key) is not None

    def task(self, key: Any) -> Any:
        layer = self._holder(key)
        if layer is None:
            raise KeyError(key)
        # All tasks of a blockwise layer would be made by looking at one.
        return layer.cull({key}, ())[0][key] if isinstance(layer, self._blockwise) else layer[key]


def _collect(graph: Mapping[str, Any], keys: Sequence[Any]) -> dict[Any, Any]:
    from dask._task_spec import DataNode, GraphNode, convert_legacy_task

    layers = _Layers(graph)
    tasks: dict[Any, Any] = {}
    wanted = list(keys)
    while wanted:
        key = wanted.pop()
        if key in tasks:
            continue
        task = layers.task(key)
        if getattr(task, "__dask_future__", False):
            raise KeyError(key)  # a result on a cluster: its client knows what to do
        if not isinstance(task, GraphNode):
            task = convert_legacy_task(key, task, layers)
            if not isinstance(task, GraphNode):
                task = DataNode(key, task)
        tasks[key] = task
        wanted.extend(task.dependencies)
    return tasks


class _Axis:
    """Where the blocks along one dimension begin."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._length = sum(sizes)
        self._size = equal_size(sizes)
        # Only if they differ: no list of a million numbers.
        self._starts = [] if self._size else list(itertools.accumulate(sizes, initial=0))

    def start(self, index: int) -> int:
        """The first position of a block; of the one after the last, the length."""
        return min(index * self._size, self._length) if self._size else self._starts[index]

    def blocks(self, start: int, stop: int) -> range:
        """The blocks that hold positions ``start`` to ``stop - 1``. Empty ones among them are harmless."""
        if self._size:
            return range(start // self._size, (stop - 1) // self._size + 1)
        return range(bisect.bisect_right(self._starts, start) - 1, bisect.bisect_left(self._starts, stop))
