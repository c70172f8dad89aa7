"""Random Datasets and queries: xarray in memory, in Dask and from a store, the store itself, the command line, a loop.

All of them give the same rows in the order that is promised for them.
"""

from __future__ import annotations

import math
import random
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xarray as xr
from colonnade_cli import run_batch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_datasets import Case, Near, Predicates, Question, Row, Whole, random_case, random_question

import colonnade as cn
from conftest import CASE_ROWS, PROPERTY_EXAMPLES_SHARE, QUESTIONS, ZARR_FORMATS

# What one way has no type for, or another one than the store. The values have to be equal all the same; every other
# difference of types fails.
NAMED_TYPE_DIFFERENCES = {
    ("xarray", "TIMESTAMP_NS", "TIMESTAMP"),  # nanoseconds in memory; the store counts hours
    ("parquet", "double", "HUGEINT"),  # Parquet has no integers of 128 bits
}


# A failure says all that there is to know of its case. To make it smaller takes minutes, which --long takes.
PHASES = set(Phase) if settings.default.print_blob else {Phase.explicit, Phase.generate}


@settings(
    max_examples=settings.default.max_examples // PROPERTY_EXAMPLES_SHARE,
    phases=PHASES,
    suppress_health_check=list(HealthCheck),
)
# A case is all that follows from a seed: drawn by parts, cases would be small and much alike.
@given(seed=st.integers(0, 2**64 - 1), rows=st.sampled_from(range(1, CASE_ROWS + 1)))
def test_every_way_gives_the_rows_of_a_plain_loop(seed: int, rows: int, tolerance: float) -> None:
    source = random.Random(seed)
    case = random_case(source, rows)
    maker = Predicates(source, case, case.rows(case.whole))
    questions = [random_question(source, case, maker) for _ in range(QUESTIONS)]
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Zarr and xarray, about types and chunks that we want
        path = str(Path(directory) / "case.zarr")
        case.ds.to_zarr(path, zarr_format=source.choice(ZARR_FORMATS), consolidated=False)
        opened = {name: xr.open_zarr(path, chunks=chunks, consolidated=False)
                  for name, chunks in (("lazy", None), ("chunks", {}), ("rechunked", {dim: 3 for dim in case.dims}))}
        with cn.connect(threads=2) as con:
            check(con, case, questions, path, opened, source, tolerance)


def check(con: cn.Session, case: Case, questions: list[Question], path: str, opened: dict[str, xr.Dataset],
          source: random.Random, tolerance: float) -> None:
    in_stored_order = case.rows(case.stored)
    thirds = {dim: (3,) * (size // 3) + ((size % 3,) if size % 3 else ()) for dim, size in case.ds.sizes.items()}
    ways = {  # table → (what it is of, its rows in order)
        "memory": (case.ds, case.rows(case.whole)),
        "dask": (case.ds.chunk(case.dask), case.rows(case.dask)),
        "lazy": (opened["lazy"], in_stored_order),
        "chunks": (opened["chunks"], in_stored_order),
        "rechunked": (opened["rechunked"], case.rows(thirds)),
        "native": (cn.open_zarr(path), in_stored_order),
    }
    everything = Question("", lambda rows: [tuple(row[name] for name in case.columns) for row in rows], ordered=True)
    for name, (obj, rows) in ways.items():
        con.register(name, obj)
        stream = rows_of_table(whole_table(obj, case.columns))
        compare(case, f"stream of {name}", everything, rows, stream, tolerance)
    from_path = f"'{path}'"
    by_cli = run_batch([question.sql.format(table=from_path) for question in questions])
    for question, answer in zip(questions, by_cli):
        reference = con.sql(question.sql.format(table=from_path))
        compare(case, "FROM path", question, in_stored_order, reference.fetchall(), tolerance)
        compare(case, "command line", question, in_stored_order, rows_of_table(answer), tolerance)
        check_types("parquet", zip(map(str, answer.schema.types), arrow_types(reference), reference.types))
        for name, (_, rows) in ways.items():
            relation = con.sql(question.sql.format(table=name))
            compare(case, name, question, rows, fetched(relation, source), tolerance)
            check_types("xarray", zip(relation.types, reference.types, reference.types))


def fetched(relation: cn.Relation, source: random.Random) -> list[tuple[Any, ...]]:
    """All rows, by one of the ways out."""
    way = source.choice(("rows", "arrow", "batches", "numpy"))
    if way == "arrow":
        return rows_of_table(relation.to_arrow())
    if way == "batches":
        return [row for batch in relation.batches(rows=7) for row in rows_of_table(pa.Table.from_batches([batch]))]
    if way == "numpy":
        return list(zip(*map(of_numpy, relation.to_numpy().values())))
    return relation.fetchall()


def of_numpy(column: np.ndarray) -> list[Any]:
    """Values of a column, None where it is masked; times of any unit as datetime."""
    if column.dtype.kind == "M":
        column = column.astype("M8[us]")
    return column.tolist()


def whole_table(obj: Any, columns: list[str]) -> pa.Table:
    return pa.table(obj if isinstance(obj, cn.ZarrStore) else cn.read_xarray_table(obj)).select(columns)


def rows_of_table(table: pa.Table) -> list[tuple[Any, ...]]:
    times = pa.timestamp("us")
    columns = [column.cast(times) if pa.types.is_timestamp(column.type) else column for column in table.columns]
    return list(zip(*(column.to_pylist() for column in columns)))


def arrow_types(relation: cn.Relation) -> list[str]:
    return [str(kind) for kind in pa.schema(relation).types]


def check_types(way: str, found: Iterable[tuple[str, str, str]]) -> None:
    for got, want, named in found:
        assert got == want or (way, got, named) in NAMED_TYPE_DIFFERENCES, f"{way}: {got} instead of {want}"


def compare(
    case: Case, way: str, question: Question, rows: list[Row], got: list[tuple[Any, ...]], tolerance: float
) -> None:
    want = question.answer(rows)
    if not question.ordered:
        got, want = sorted(got, key=sort_key), sorted(want, key=sort_key)
    wrong = [i for i, (g, w) in enumerate(zip(got, want)) if not all(map(equal, g, w, [tolerance] * len(w)))]
    if len(got) != len(want) or wrong:
        at = wrong[0] if wrong else min(len(got), len(want))
        raise AssertionError(f"{way}: {len(got)} rows instead of {len(want)}; row {at} is {got[at:at + 1]} instead of "
                             f"{want[at:at + 1]}\n{question.sql}\n{case!r}")


def equal(got: Any, want: Any, tolerance: float) -> bool:
    if isinstance(want, Near):
        return got == want.value or math.isnan(got) and math.isnan(want.value) or \
            math.isclose(got, want.value, rel_tol=tolerance, abs_tol=tolerance * want.scale)
    if isinstance(want, Whole):
        return got == (float(want.value) if isinstance(got, float) else want.value)
    if isinstance(want, float) and math.isnan(want):
        return isinstance(got, float) and math.isnan(got)
    return got == want and isinstance(got, bool) == isinstance(want, bool)


def sort_key(row: tuple[Any, ...]) -> list[Any]:
    """NULL first, NaN last, and what is compared with a tolerance only where all before it is equal."""
    key = []
    for value in row:
        value = value.value if isinstance(value, (Near, Whole)) else value
        if isinstance(value, float) and math.isnan(value):
            key.append((2, 0))
        else:
            key.append((0, 0) if value is None else (1, value))
    return key
