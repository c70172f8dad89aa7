"""Random xarray Datasets, random questions about them, and the answers by a plain loop over the cells.

Nothing here knows how an answer is computed elsewhere. Predicates, and their value for a row by SQL's three-valued
logic, are those of the tests of the command line (tests/oracle/predicates.py).
"""

from __future__ import annotations

import datetime
import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from predicates import Column, Predicate, PredicateMaker, compare, literal, order_key

Row = dict[str, Any]

EPOCH = datetime.datetime(2000, 1, 1)
SMALL = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
KINDS = ("int", "int", "wide", "float", "float", "time", "text", "bool")


# Datasets


@dataclass
class Case:
    """A Dataset in memory, and what SQL sees of it."""

    ds: xr.Dataset
    dims: list[str]  # outermost first, as the rows go
    #: The chunks of the stored data, and those of a Dask array; lengths by dimension.
    stored: dict[str, tuple[int, ...]]
    dask: dict[str, tuple[int, ...]]
    #: Column → (its dimensions, its values in C order of them). A dimension without a coordinate counts from 0.
    seen: dict[str, tuple[tuple[str, ...], list[Any]]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)

    @property
    def whole(self) -> dict[str, tuple[int, ...]]:
        return {dim: (self.ds.sizes[dim],) for dim in self.dims}

    @property
    def columns(self) -> list[str]:
        return list(self.seen)

    def rows(self, blocks: Mapping[str, Sequence[int]]) -> list[Row]:
        """Every row: block after block in C order, and in C order inside a block."""
        sizes = self.ds.sizes
        edges = [[0, *itertools.accumulate(blocks[dim])] for dim in self.dims]
        assert [edge[-1] for edge in edges] == [sizes[dim] for dim in self.dims]
        rows = []
        for box in itertools.product(*(list(itertools.pairwise(edge)) for edge in edges)):
            for index in itertools.product(*(range(*span) for span in box)):
                at = dict(zip(self.dims, index))
                row: Row = {f"{dim}_idx": i for dim, i in at.items()}
                for name, (over, values) in self.seen.items():
                    cell = 0
                    for dim in over:
                        cell = cell * sizes[dim] + at[dim]
                    row[name] = values[cell]
                rows.append(row)
        return rows

    def __repr__(self) -> str:
        chunks = f"stored in {self.stored}, as Dask in {self.dask}"
        return f"{self.ds!r}\n{chunks}\n{ {name: values for name, (_, values) in self.seen.items()} }"


def random_case(source: random.Random, cells: int) -> Case:
    """A table of one to three dimensions and about ``cells`` rows."""
    rank = source.randint(1, 3)
    dims = source.sample(["time", "lat", "lon", "station"], rank)
    most = max(2, int(1.3 * cells ** (1 / rank)))
    sizes = {dim: source.randint(1, most) for dim in dims}
    ds = xr.Dataset()
    case = Case(ds, dims, _random_blocks(source, sizes, equal=True), _random_blocks(source, sizes, equal=False))

    def add(name: str, over: Sequence[str], kind: str, role: str) -> None:
        shape = tuple(sizes[dim] for dim in over)
        values, seen, visible = _random_values(source, kind, math.prod(shape), role == "index")
        case.seen[name], case.kinds[name] = (tuple(over), seen), visible
        variable = xr.Variable(over, values.reshape(shape))
        if len(over) >= 2:  # the order of rows is that of the data's chunks
            variable.encoding["chunks"] = tuple(case.stored[dim][0] for dim in over)
        # Else version 2 takes its fill value for a missing one, and NaN on an axis is said to mean missing.
        if values.dtype.kind in "biuUO" or (role == "index" and values.dtype.kind == "f"):
            variable.encoding["_FillValue"] = None
        if role == "data":
            if len(over) == 1:
                variable.encoding["chunks"] = tuple(case.stored[dim][0] for dim in over)
            ds[name] = variable
        else:
            ds.coords[name] = variable

    for dim in dims:
        if source.random() < 0.8:
            add(dim, [dim], source.choice(("int", "int", "wide", "float", "float", "time", "text")), "index")
        else:
            case.seen[dim], case.kinds[dim] = ((dim,), list(range(sizes[dim]))), "int"
    if source.random() < 0.5:
        add("label", [source.choice(dims)], source.choice(("text", "int", "bool", "float", "time")), "coordinate")
    if rank >= 2 and source.random() < 0.4:
        add("corner", sorted(source.sample(dims, 2), key=dims.index), source.choice(("float", "int")), "coordinate")
    if source.random() < 0.3:
        add("height", [], source.choice(("float", "text", "time")), "coordinate")
    kinds = [source.choice(KINDS) for _ in range(source.randint(1, 3))]
    stored_bytes: dict[tuple[str, ...], int] = {}
    for number, kind in enumerate(kinds):
        # Dimensions in another order make no other table. Rows go in the order that has the most bytes, which for
        # text are others in a store than in memory.
        over = tuple(source.sample(dims, rank) if "text" not in kinds and source.random() < 0.3 else dims)
        add(f"v{number}", over, kind, "data")
        stored_bytes[over] = stored_bytes.get(over, 0) + ds[f"v{number}"].dtype.itemsize
    case.dims = list(max(stored_bytes, key=lambda over: stored_bytes[over]))
    return case


def _random_blocks(source: random.Random, sizes: Mapping[str, int], equal: bool) -> dict[str, tuple[int, ...]]:
    blocks = {}
    for dim, size in sizes.items():
        length, left, found = source.randint(1, size), size, []
        while left:
            found.append(min(left, length))
            left -= found[-1]
            length = length if equal else source.randint(1, size)
        blocks[dim] = tuple(found)
    return blocks


def _random_values(source: random.Random, kind: str, count: int, index: bool) -> tuple[np.ndarray, list[Any], str]:
    """(array, values in SQL, kind of column) of ``count`` cells; an index keeps NaN, in others it is NULL."""
    if kind == "int":
        dtype = np.dtype(source.choice(SMALL))
        low = 0 if dtype.kind == "u" else -9
        values = _in_some_order(source, [low + i for i in range(count)]) if index and count < 100 else \
            [source.randint(low, 9) for _ in range(count)]
        return np.array(values, dtype), values, "int"
    if kind == "wide":
        limits = np.iinfo(source.choice(("int64", "uint64", "int32", "uint8")))
        pool = [limits.min, limits.min + 1, limits.max - 1, limits.max, limits.max // 2 + 1]
        values = [source.choice(pool) for _ in range(count)]
        return np.array(values, limits.dtype), values, "wide"
    if kind == "float":
        dtype = np.dtype(source.choice(("float32", "float64")))
        divisor = source.choice((2, 3))
        numbers = _in_some_order(source, list(range(-4, count - 4))) if index else \
            [source.randint(-20, 20) for _ in range(count)]
        array = np.array(numbers, "float64") / divisor
        for i in range(count):
            if source.random() < (0.05 if index else 0.15):
                array[i] = source.choice((math.nan, math.nan, math.inf, -math.inf))
        array = array.astype(dtype)
        return array, [None if math.isnan(v) and not index else v for v in array.tolist()], "float"
    if kind == "time":
        hours = _in_some_order(source, [373 * i for i in range(count)]) if index else \
            [source.randint(-9_000, 20_000) for _ in range(count)]
        moments: list[Any] = [EPOCH + datetime.timedelta(hours=hour) for hour in hours]
        if not index:
            moments = [None if source.random() < 0.1 else moment for moment in moments]
        unit = source.choice(("s", "ms", "us", "ns"))
        return np.array([np.datetime64(moment, "us") for moment in moments]).astype(f"M8[{unit}]"), moments, "time"
    if kind == "bool":
        values = [source.random() < 0.5 for _ in range(count)]
        return np.array(values, bool), values, "bool"
    words = _in_some_order(source, [chr(97 + i % 26) * (1 + i // 26) for i in range(count)]) if index else \
        [source.choice(("a", "ab", "b", "", "cé", "zz", "a text too long to be inlined")) for _ in range(count)]
    return np.array(words, source.choice(("U30", object))), words, "text"


def _in_some_order(source: random.Random, values: list[Any]) -> list[Any]:
    order = source.choice(("ascending", "descending", "shuffled", "duplicates"))
    if order == "descending":
        return values[::-1]
    if order == "shuffled":
        source.shuffle(values)
    if order == "duplicates":
        return [source.choice(values) for _ in values]
    return values


# Questions


@dataclass
class Near:
    """A sum or mean: added up in another order it may differ by a part of ``scale``."""

    value: float | None
    scale: float


@dataclass
class Whole:
    """A sum of integers, which has 128 bits: where there is no such type it is the nearest float64."""

    value: int


@dataclass
class Question:
    """A query over ``{table}`` and how a loop answers it, given the rows in the order in which they come."""

    sql: str
    answer: Any
    ordered: bool = False


class Predicates(PredicateMaker):
    """Also compares integers at the ends of their range, with which arithmetic would overflow."""

    def __init__(self, source: random.Random, case: Case, rows: list[Row]):
        columns = []
        for name in [*case.columns, *(f"{dim}_idx" for dim in case.dims)]:
            values = {order_key(row[name]): row[name] for row in rows if row[name] is not None}
            columns.append(Column(name, case.kinds.get(name, "int"), [values[key] for key in sorted(values)]))
        super().__init__(source, [column for column in columns if column.kind != "wide"])
        self._wide = [column for column in columns if column.kind == "wide"]

    def leaf(self) -> Predicate:
        if not self._wide or self.random.random() < 0.7:
            return super().leaf()
        column, operator = self.random.choice(self._wide), self.random.choice(("=", "!=", "<", "<=", ">", ">="))
        value = self.random.choice(column.samples)
        return Predicate(f"{column.sql} {operator} {literal(value)}",
                         lambda row: compare(operator, row[column.name], value), frozenset([column.name]))


SHAPES = ("rows", "rows", "limit", "coordinates", "aggregate", "aggregate", "grouped", "grouped", "distinct")


def random_question(source: random.Random, case: Case, maker: Predicates) -> Question:
    where = maker.make() if source.random() < 0.8 else None
    clause = f" WHERE {where.sql}" if where else ""

    def kept(rows: list[Row]) -> list[Row]:
        return [row for row in rows if where is None or where.test(row) is True]

    shape = source.choice(SHAPES)
    if shape in ("rows", "limit", "coordinates"):
        pool = [*case.dims, *(f"{dim}_idx" for dim in case.dims)] if shape == "coordinates" else case.columns
        chosen = pool if source.random() < 0.3 else source.sample(pool, source.randint(1, len(pool)))
        text = f"SELECT {', '.join(chosen)} FROM {{table}}{clause}"
        first, last = 0, None
        if shape != "rows" and source.random() < 0.8:
            limit, first = source.randint(0, 12), source.choice((0, source.randint(0, 12)))
            last = first + limit
            text += f" LIMIT {limit}" + (f" OFFSET {first}" if first else "")
        return Question(text, lambda rows: [pick(row, chosen) for row in kept(rows)][first:last], ordered=True)
    if shape == "distinct":
        chosen = source.sample(case.columns, min(len(case.columns), source.randint(1, 2)))
        return Question(f"SELECT DISTINCT {', '.join(chosen)} FROM {{table}}{clause}",
                        lambda rows: list({group_key(row, chosen): pick(row, chosen) for row in kept(rows)}.values()))
    measures = [_random_measure(source, case) for _ in range(source.randint(1, 3))]
    listed = ", ".join(f"{text} AS m{i}" for i, (text, _) in enumerate(measures))
    if shape == "aggregate":
        return Question(f"SELECT {listed} FROM {{table}}{clause}",
                        lambda rows: [tuple(measure(kept(rows)) for _, measure in measures)])
    keys = source.sample(case.columns, min(len(case.columns), source.randint(1, 2)))

    def grouped(rows: list[Row]) -> list[tuple[Any, ...]]:
        groups: dict[Any, list[Row]] = {}
        for row in kept(rows):
            groups.setdefault(group_key(row, keys), []).append(row)
        return [(*(members[0][key] for key in keys), *(measure(members) for _, measure in measures))
                for members in groups.values()]

    return Question(f"SELECT {', '.join(keys)}, {listed} FROM {{table}}{clause} GROUP BY ALL", grouped)


def _random_measure(source: random.Random, case: Case) -> tuple[str, Any]:
    numbers = [name for name in case.columns if case.kinds[name] in ("int", "float", "wide")]
    function = source.choice(("count(*)", "count", "count(DISTINCT", "min", "max", "sum", "avg"))
    if function in ("sum", "avg") and not numbers:
        function = "count"
    if function == "count(*)":
        return "count(*)", len
    name = source.choice(numbers if function in ("sum", "avg") else case.columns)

    def values(rows: list[Row]) -> list[Any]:
        return [row[name] for row in rows if row[name] is not None]

    if function == "count":
        return f"count({name})", lambda rows: len(values(rows))
    if function == "count(DISTINCT":
        return f"count(DISTINCT {name})", lambda rows: len({order_key(value) for value in values(rows)})
    if function in ("min", "max"):
        choose = min if function == "min" else max
        return f"{function}({name})", lambda rows: choose(values(rows), key=order_key, default=None)

    def added(rows: list[Row]) -> Any:
        found = values(rows)
        if not found:
            return None
        if function == "sum" and case.kinds[name] != "float":
            return Whole(sum(found))
        total = sum(found) / (len(found) if function == "avg" else 1)
        return Near(float(total), math.fsum(abs(value) for value in found if math.isfinite(value)))

    return f"{function}({name})", added


def pick(row: Row, names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def group_key(row: Row, names: Sequence[str]) -> tuple[Any, ...]:
    """Equal for rows of one group: NULL is equal to NULL, NaN to NaN."""
    return tuple((row[name] is None, order_key(row[name]) if row[name] is not None else None) for name in names)
