"""Random stores and queries against a plain loop over the cells.

A round makes one random grid, stores it as v2, v3 and sharded v3, asks a batch of random queries with 1, 2 and 8
threads, with pruning on and off, and compares every answer with a loop that evaluates SQL's rules row by row.
COLONNADE_SEED=… repeats a run; the failing query and store parameters are in the message.
"""

from __future__ import annotations

import datetime
import itertools
import math
import random
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pytest
import zarr.codecs as zc

from colonnade_cli import QueryFailed, identifier, quoted, run_batch
from predicates import Column, PredicateMaker, order_key
from stores import open_group, write_array

ROUNDS, LONG_ROUNDS = 24, 300
QUERIES_PER_ROUND = 14
EPOCH = datetime.datetime(2000, 1, 1)


@dataclass
class Grid:
    """A random grid: axes with or without coordinates, extra coordinates, data variables."""

    dims: list[str]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    # name → (dims, stored values, attributes); and name → what SQL sees, as a list over the cells of those dims.
    stored: dict[str, tuple[tuple[str, ...], np.ndarray, dict]] = field(default_factory=dict)
    seen: dict[str, tuple[tuple[str, ...], list]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    coordinates: list[str] = field(default_factory=list)
    missing: set = field(default_factory=set)

    def describe(self) -> str:
        return f"dims {self.dims} shape {self.shape} chunks {self.chunks} missing {sorted(self.missing)} columns " \
               f"{ {n: (d, v.dtype.str) for n, (d, v, _) in self.stored.items()} }"


def random_values(source: random.Random, kind: str, count: int, *, axis: bool):
    """(stored, attributes, seen, kind seen by SQL) of `count` values."""
    if kind == "int":
        dtype = source.choice(("int8", "int16", "int32", "int64"))
        values = axis_order(source, list(range(-2, count - 2)), count) if axis else \
            [source.randint(-9, 9) for _ in range(count)]
        return np.array(values, dtype), {}, [int(v) for v in values], "int"
    if kind == "masked":
        values = [source.randint(-9, 9) for _ in range(count)]
        sentinels = source.sample(range(-9, 10), 2)
        attributes = {"_FillValue": sentinels[0], "missing_value": sentinels[1]}
        return np.array(values, "int16"), attributes, [None if v in sentinels else v for v in values], "int"
    if kind == "packed":
        values = [source.randint(-9, 9) for _ in range(count)]
        scale, offset = source.choice(((0.5, 3.0), (0.25, -1.0), (2.0, 0.0)))
        attributes = {"scale_factor": scale, "add_offset": offset, "_FillValue": 7}
        return np.array(values, "int8"), attributes, [None if v == 7 else v * scale + offset for v in values], "float"
    if kind == "float":
        dtype = source.choice(("float32", "float64"))
        if axis:
            values = [v / 2 for v in axis_order(source, list(range(-4, count - 4)), count)]
            if source.random() < 0.3:
                values[source.randrange(count)] = math.nan
            return np.array(values, dtype), {}, [float(v) for v in values], "float"
        values = [source.choice((math.nan, math.inf, -math.inf) if source.random() < 0.1 else (source.randint(-18, 18) / 2,))
                  for _ in range(count)]
        return np.array(values, dtype), {}, [None if math.isnan(v) else float(v) for v in values], "float"
    if kind == "time":
        hours = axis_order(source, [i * 373 for i in range(count)], count) if axis else \
            [source.randint(0, 20_000) for _ in range(count)]
        attributes = {"units": "hours since 2000-01-01", "calendar": source.choice(("standard", "proleptic_gregorian"))}
        stored = np.array(hours, source.choice(("int32", "int64", "float64")))
        return stored, attributes, [EPOCH + datetime.timedelta(hours=int(h)) for h in hours], "time"
    if kind == "datetime64":
        hours = [source.randint(0, 20_000) for _ in range(count)]
        seen = [EPOCH + datetime.timedelta(hours=h) for h in hours]
        return np.array(seen, "M8[ms]"), {}, seen, "time"
    if kind == "bool":
        values = [source.random() < 0.5 for _ in range(count)]
        return np.array(values, bool), {}, values, "bool"
    values = axis_order(source, [chr(97 + i % 26) * (1 + i // 26) for i in range(count)], count) if axis else \
        [source.choice(("a", "ab", "b", "", "cé", "zz")) for _ in range(count)]
    return np.array(values, source.choice(("U4", object))), {}, values, "text"


def axis_order(source: random.Random, values: list, count: int) -> list:
    """Coordinate values ascending, descending, shuffled, with duplicates."""
    order = source.choice(("ascending", "descending", "shuffled", "duplicates"))
    if order == "descending":
        values = values[::-1]
    elif order == "shuffled":
        source.shuffle(values)
    elif order == "duplicates":
        values = [source.choice(values) for _ in range(count)]
    return values


def random_grid(source: random.Random) -> Grid:
    rank = source.randint(1, 4)
    limit = {1: 60, 2: 14, 3: 8, 4: 5}[rank]
    shape = tuple(source.randint(1, limit) for _ in range(rank))
    chunks = tuple(source.randint(1, max(1, n + 1)) for n in shape)
    dims = source.sample(["time", "lat", "lon", "level", "station", "x"], rank)
    grid = Grid(dims, shape, chunks)

    def add(name, over, kind, axis=False):
        extent = tuple(shape[dims.index(d)] for d in over)
        stored, attributes, seen, visible = random_values(source, kind, int(np.prod(extent)), axis=axis)
        grid.stored[name] = (tuple(over), stored.reshape(extent), attributes)
        grid.seen[name] = (tuple(over), seen)
        grid.kinds[name] = visible

    for dim in dims:
        if source.random() < 0.8:
            add(dim, [dim], source.choice(("int", "float", "time", "text")), axis=True)
    if source.random() < 0.6:
        add("label", [source.choice(dims)], source.choice(("text", "int", "bool")))
        grid.coordinates.append("label")
    if rank >= 2 and source.random() < 0.4:
        add("corner", sorted(source.sample(dims, 2), key=dims.index), "float")
        grid.coordinates.append("corner")
    if source.random() < 0.3:
        add("height", [], "float")
        grid.coordinates.append("height")
    for number in range(source.randint(1, 3)):
        name = f"v{number}"
        add(name, dims, source.choice(("int", "masked", "packed", "float", "datetime64", "bool", "text")))
        grid.data.append(name)
    counts = [-(-n // c) for n, c in zip(shape, chunks)]
    cells = list(itertools.product(*map(range, counts)))
    if source.random() < 0.5:
        grid.missing = set(source.sample(cells, source.randint(0, max(1, len(cells) // 4))))
    return grid


def fill_missing(grid: Grid) -> None:
    """Missing chunks hold the fill value: make it 0 (false, "") and say what that means in every variable."""
    for name in grid.data:
        over, stored, attributes = grid.stored[name]
        seen = np.array(grid.seen[name][1], dtype=object).reshape(grid.shape)
        if grid.kinds[name] == "float" and "scale_factor" in attributes:
            filled = attributes["add_offset"]
        elif stored.dtype.kind == "M":
            filled = datetime.datetime(1970, 1, 1)
        else:
            filled = {"int": 0, "float": 0.0, "bool": False, "text": ""}[grid.kinds[name]]
        if 0 in (attributes.get("_FillValue"), attributes.get("missing_value")):
            filled = None
        for index in grid.missing:
            box = tuple(slice(i * c, (i + 1) * c) for i, c in zip(index, grid.chunks))
            seen[box] = filled
            stored[box] = {"M": np.datetime64(0, "ms"), "U": "", "O": "", "b": False}.get(stored.dtype.kind, 0)
        grid.seen[name] = (over, list(seen.ravel()))


def write_store(path, grid: Grid, layout: str, source: random.Random) -> None:
    """`layout` is "v2" (fill_value null, every chunk present), "v3" or "sharded"."""
    version = 2 if layout == "v2" else 3
    group = open_group(path, version)
    for name, (over, values, attributes) in grid.stored.items():
        extent = values.shape
        attributes = dict(attributes)
        if name in grid.data and grid.coordinates:
            attributes["coordinates"] = " ".join(grid.coordinates)
        options: dict = {}
        if values.dtype.kind == "O":
            options["dtype"] = "str"
        if name in grid.data:
            chunks = grid.chunks
            skip = grid.missing if layout == "v3" else set()
            if layout == "sharded":
                factor = tuple(source.randint(1, 3) for _ in chunks)
                options["shards"] = tuple(c * f for c, f in zip(chunks, factor))
                counts = [-(-n // s) for n, s in zip(extent, options["shards"])]
                skip = {s for s in itertools.product(*map(range, counts))
                        if all(tuple(i * f + o for i, f, o in zip(s, factor, offset)) in grid.missing
                               for offset in itertools.product(*map(range, factor))
                               if all((i * f + o) * c < n for i, f, o, c, n in zip(s, factor, offset, chunks, extent)))}
        elif len(over) > 1:
            # On the data's own chunk grid: row order is defined by it, and this test checks order.
            chunks, skip = tuple(grid.chunks[grid.dims.index(dim)] for dim in over), set()
        else:
            chunks, skip = tuple(source.randint(1, n) for n in extent), set()
        if version == 3:
            options["fill_value"] = {"M": np.datetime64(0, "ms"), "U": "", "O": "", "b": False}.get(values.dtype.kind, 0)
            if "_FillValue" in attributes and values.dtype.kind == "f":
                raise AssertionError("float sentinels need base64 here")
            options["compressors"] = source.choice((None, zc.ZstdCodec(level=1), zc.BloscCodec(
                cname="lz4", shuffle="shuffle", typesize=max(1, values.dtype.itemsize))))
        write_array(group, name, values, over, chunks=chunks, attributes=attributes, skip_chunks=skip, **options)


def rows_in_order(grid: Grid, columns: list[str]) -> list[dict]:
    """Every row, chunk by chunk in C order and in C order inside a chunk."""
    strides = {}
    for name, (over, _) in grid.seen.items():
        step, out = 1, {}
        for dim in reversed(over):
            out[dim] = step
            step *= grid.shape[grid.dims.index(dim)]
        strides[name] = [out.get(dim, 0) for dim in grid.dims]
    rows = []
    for corner in itertools.product(*[range(0, n, c) for n, c in zip(grid.shape, grid.chunks)]):
        box = [range(o, min(o + c, n)) for o, c, n in zip(corner, grid.chunks, grid.shape)]
        for index in itertools.product(*box):
            row = {f"{d}_idx": i for d, i in zip(grid.dims, index)}
            for dim, i in zip(grid.dims, index):
                if dim not in grid.seen:
                    row[dim] = i
            for name, (_, seen) in grid.seen.items():
                row[name] = seen[sum(i * s for i, s in zip(index, strides[name]))]
            rows.append(row)
    return rows


def visible_columns(grid: Grid) -> list[str]:
    return [*grid.dims, *sorted(grid.coordinates), *sorted(grid.data)]


def predicate_columns(grid: Grid, rows: list[dict]) -> list[Column]:
    out = []
    for name in [*visible_columns(grid), *[f"{d}_idx" for d in grid.dims]]:
        kind = grid.kinds.get(name, "int")
        values = {order_key(r[name]): r[name] for r in rows if r[name] is not None}
        out.append(Column(name, kind, [values[k] for k in sorted(values)]))
    return out


def comparable(value):
    """A value that equals itself: NaN becomes a word, times lose their type."""
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None)
    return value


def answer_rows(table: pa.Table) -> list[tuple]:
    columns = []
    for column in table.columns:
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us"))
        columns.append([comparable(v) for v in column.to_pylist()])
    return list(zip(*columns)) if columns else []


@dataclass
class Question:
    sql: str  # with {table}
    want: list[tuple]
    ordered: bool = True


def random_question(source: random.Random, grid: Grid, rows: list[dict], maker: PredicateMaker) -> Question:
    where = maker.make() if source.random() < 0.9 else None
    kept = [r for r in rows if where is None or where.test(r) is True]
    clause = f" WHERE {where.sql}" if where else ""
    shape = source.choice(("rows", "rows", "rows", "limit", "limit", "count", "facts", "distinct", "grouped", "sum",
                           "coordinates", "nothing"))
    columns = visible_columns(grid)
    if shape in ("rows", "limit", "coordinates"):
        pool = grid.dims if shape == "coordinates" else columns
        chosen = pool if source.random() < 0.4 else source.sample(pool, source.randint(1, len(pool)))
        if source.random() < 0.3:
            chosen = [*chosen, f"{source.choice(grid.dims)}_idx"]
        text = f"SELECT {', '.join(map(identifier, chosen))} FROM {{table}}{clause}"
        want = [tuple(comparable(r[c]) for c in chosen) for r in kept]
        if shape != "rows" and source.random() < 0.8:
            limit, offset = source.randint(0, len(rows) + 2), source.choice((0, source.randint(0, len(rows))))
            text += f" LIMIT {limit}" + (f" OFFSET {offset}" if offset else "")
            want = want[offset:offset + limit]
        return Question(text, want)
    if shape == "count":
        if source.random() < 0.5:
            return Question(f"SELECT count(*) AS n FROM {{table}}{clause}", [(len(kept),)])
        column = source.choice(columns)
        return Question(f"SELECT count({identifier(column)}) AS n, count(*) AS m FROM {{table}}{clause}",
                        [(sum(r[column] is not None for r in kept), len(kept))])
    dim = source.choice(grid.dims)
    present = [r[dim] for r in kept if r[dim] is not None]
    if shape == "facts":
        low = min(present, key=order_key) if present else None
        high = max(present, key=order_key) if present else None
        return Question(f"SELECT min({identifier(dim)}) AS a, max({identifier(dim)}) AS b, "
                        f"count(DISTINCT {identifier(dim)}) AS c FROM {{table}}{clause}",
                        [(comparable(low), comparable(high), len({comparable(v) for v in present}))])
    if shape == "distinct":
        return Question(f"SELECT DISTINCT {identifier(dim)} AS d FROM {{table}}{clause}",
                        [(v,) for v in {comparable(r[dim]) for r in kept}], ordered=False)
    if shape == "grouped":
        counts: dict = {}
        for row in kept:
            counts[comparable(row[dim])] = counts.get(comparable(row[dim]), 0) + 1
        return Question(f"SELECT {identifier(dim)} AS d, count(*) AS n FROM {{table}}{clause} GROUP BY 1",
                        list(counts.items()), ordered=False)
    if shape == "nothing":
        return Question(f"SELECT * FROM {{table}}{clause + ' AND' if where else ' WHERE'} 1 = 0", [])
    numeric = [c for c in columns if grid.kinds.get(c, "int") == "int"]
    column = source.choice(numeric or [f"{dim}_idx"])
    values = [r[column] for r in kept if r[column] is not None]
    return Question(f"SELECT sum({identifier(column)})::BIGINT AS s FROM {{table}}{clause}",
                    [(sum(values) if values else None,)])


def check_round(seed: int, tmp_path) -> None:
    source = random.Random(seed)
    grid = random_grid(source)
    fill_missing(grid)
    for layout in ("v2", "v3", "sharded"):
        write_store(tmp_path / f"{layout}.zarr", grid, layout, source)
    rows = rows_in_order(grid, visible_columns(grid))
    maker = PredicateMaker(source, predicate_columns(grid, rows))
    questions = [random_question(source, grid, rows, maker) for _ in range(QUERIES_PER_ROUND)]

    asked: list[tuple[Question, str]] = []
    batch: list[str] = []
    for threads, pushdown in ((1, True), (2, True), (8, True), (2, False)):
        batch += [f"SET threads={threads}", f"SET colonnade_pushdown={'true' if pushdown else 'false'}"]
        for question in questions:
            for layout in ("v2", "v3", "sharded"):
                batch.append(question.sql.format(table=quoted(tmp_path / f"{layout}.zarr")))
                asked.append((question, f"{layout}, threads {threads}, pushdown {pushdown}"))
    try:
        answers = run_batch(batch)
    except QueryFailed as failure:
        raise AssertionError(f"COLONNADE_SEED round seed {seed}\n{grid.describe()}\n{failure}") from None
    for (question, where), table in zip(asked, answers, strict=True):
        got, want = answer_rows(table), question.want
        if not question.ordered:
            got, want = sorted(got, key=repr), sorted(want, key=repr)
        if got != want:
            place = next((i for i, (g, w) in enumerate(zip(got, want)) if g != w), min(len(got), len(want)))
            raise AssertionError(
                f"{where}: {len(got)} rows instead of {len(want)}, first difference at row {place}: "
                f"{got[place:place + 2]} instead of {want[place:place + 2]}\n  {question.sql}\n  round seed {seed}\n"
                f"  {grid.describe()}")


@pytest.mark.parametrize("number", range(ROUNDS))
def test_random_queries_equal_a_plain_loop(number, seed, tmp_path):
    check_round(seed + number, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("number", range(ROUNDS, LONG_ROUNDS))
def test_many_more_random_queries_equal_a_plain_loop(number, seed, tmp_path):
    check_round(seed + number, tmp_path)


def test_a_predicate_its_negation_and_its_null_case_partition_the_table(seed, tmp_path):
    for number in range(3):
        source = random.Random(seed + 10_000 + number)
        grid = random_grid(source)
        fill_missing(grid)
        path = tmp_path / f"{number}.zarr"
        write_store(path, grid, "v3", source)
        rows = rows_in_order(grid, visible_columns(grid))
        maker = PredicateMaker(source, predicate_columns(grid, rows))
        texts = [maker.make().sql for _ in range(12)]
        answers = run_batch([f"SELECT count(*) AS n FROM {quoted(path)} WHERE {form}"
                             for text in texts for form in (text, f"NOT ({text})", f"({text}) IS NULL")])
        for at, text in enumerate(texts):
            parts = [t.column("n")[0].as_py() for t in answers[3 * at:3 * at + 3]]
            assert sum(parts) == len(rows), f"{parts} of {len(rows)}: {text}\n{grid.describe()}"
