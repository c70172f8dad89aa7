"""Frames of every library into a session and back: the same values, and types that are said here."""

from __future__ import annotations

import datetime as dt
import decimal
import itertools
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import duckdb
import nanoarrow
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import colonnade as cn

ROWS = 5_000  # more than two of the engine's vectors
NAN = float("nan")
DAY = dt.date(1960, 1, 2)
MOMENT = dt.datetime(1960, 1, 2, 3, 4, 5)
UTC = dt.timezone.utc
PAIR = pa.struct([("a", pa.int32()), ("b", pa.string())])
LONG = "a text that is too long to be inlined, ä"

# Name → (Arrow type, values that are repeated, type that comes back if it is another one).
COLUMNS: dict[str, tuple[pa.DataType, list[Any], pa.DataType | None]] = {
    "bool": (pa.bool_(), [True, None, False, False, True], None),
    "i8": (pa.int8(), [-128, None, 127], None),
    "i16": (pa.int16(), [-(2**15), None, 2**15 - 1], None),
    "i32": (pa.int32(), [-(2**31), None, 2**31 - 1], None),
    "i64": (pa.int64(), [-(2**63), None, 2**63 - 1], None),
    "u8": (pa.uint8(), [0, None, 2**8 - 1], None),
    "u16": (pa.uint16(), [0, None, 2**16 - 1], None),
    "u32": (pa.uint32(), [0, None, 2**32 - 1], None),
    "u64": (pa.uint64(), [0, None, 2**64 - 1], None),
    "f16": (pa.float16(), [np.float16(1.5), None, np.float16(NAN)], pa.float32()),
    "f32": (pa.float32(), [1.5, None, NAN, float("inf"), -0.25], None),
    "f64": (pa.float64(), [1e300, None, NAN, float("-inf"), 5e-324], None),
    "text": (pa.string(), ["", None, LONG, "\0"], None),
    "large_text": (pa.large_string(), ["", None, LONG], pa.string()),
    "text_view": (pa.string_view(), ["", None, LONG], pa.string()),
    "bytes": (pa.binary(), [b"", None, b"\0\xff"], None),
    "large_bytes": (pa.large_binary(), [b"", None, b"\0\xff"], pa.binary()),
    "bytes_view": (pa.binary_view(), [b"", None, b"\0\xff and so on and so on"], pa.binary()),
    "three_bytes": (pa.binary(3), [b"abc", None, b"\0\1\2"], pa.binary()),
    "date": (pa.date32(), [DAY, None, dt.date(9999, 12, 31)], None),
    "date64": (pa.date64(), [DAY, None, dt.date(2100, 1, 1)], pa.date32()),
    "time_s": (pa.time32("s"), [dt.time(1, 2, 3), None, dt.time(0)], pa.time64("us")),
    "time_ms": (pa.time32("ms"), [dt.time(1, 2, 3, 4000), None, dt.time(0)], pa.time64("us")),
    "time_us": (pa.time64("us"), [dt.time(1, 2, 3, 4), None, dt.time(23, 59, 59, 999999)], None),
    "moment_s": (pa.timestamp("s"), [MOMENT, None, dt.datetime(2100, 1, 1)], None),
    "moment_ms": (pa.timestamp("ms"), [MOMENT, None, dt.datetime(2100, 1, 1, 0, 0, 0, 1000)], None),
    "moment_us": (pa.timestamp("us"), [MOMENT, None, dt.datetime(2100, 1, 1, 0, 0, 0, 1)], None),
    "moment_ns": (pa.timestamp("ns"), [MOMENT, None, dt.datetime(2100, 1, 1)], None),
    "instant": (pa.timestamp("us", "UTC"), [MOMENT.replace(tzinfo=UTC), None], None),
    "span_us": (pa.duration("us"), [dt.timedelta(-1, 5), None, dt.timedelta(hours=30)], pa.month_day_nano_interval()),
    "interval": (pa.month_day_nano_interval(), [pa.MonthDayNano([14, -3, 4_000_000]), None], None),
    "decimal_small": (pa.decimal128(4, 2), [decimal.Decimal("-12.34"), None, decimal.Decimal("0.01")], None),
    "decimal_wide": (pa.decimal128(38, 10), [decimal.Decimal("-1234567890123456789012345678.0123456789"), None], None),
    "decimal32": (pa.decimal32(9, 3), [decimal.Decimal("1.234"), None], pa.decimal128(9, 3)),
    "decimal64": (pa.decimal64(18, 3), [decimal.Decimal("1.234"), None], pa.decimal128(18, 3)),
    "list": (pa.list_(pa.int32()), [[1, None, 3], None, [], [4]], None),
    "large_list": (pa.large_list(pa.string()), [["a", None], None, []], pa.list_(pa.string())),
    "list_view": (pa.list_view(pa.int64()), [[1, 2], None, []], pa.list_(pa.int64())),
    "pair": (pa.list_(pa.int16(), 2), [[1, 2], None, [None, 4]], None),
    "lists": (pa.list_(pa.list_(pa.bool_())), [[[True], None, []], None, [[None, False]]], None),
    "struct": (PAIR, [{"a": 1, "b": None}, None, {"a": None, "b": LONG}], None),
    "deep": (pa.struct([("inner", pa.list_(PAIR))]), [{"inner": [{"a": 1, "b": "x"}, None]}, None], None),
    "map": (pa.map_(pa.string(), pa.int64()), [[("a", 1), ("b", None)], None, []], None),
    "word": (pa.dictionary(pa.int8(), pa.string()), ["x", None, LONG], pa.string()),
    "coded": (pa.dictionary(pa.uint16(), pa.timestamp("us")), [MOMENT, None], pa.timestamp("us")),
    "null": (pa.null(), [None], pa.int32()),
}


def values_of(name: str, start: int, count: int) -> list[Any]:
    return list(itertools.islice(itertools.cycle(COLUMNS[name][1]), start, start + count))


def array_of(name: str, start: int, count: int) -> pa.Array:
    return to_arrow(values_of(name, start, count), COLUMNS[name][0])


def to_arrow(values: list[Any], kind: pa.DataType) -> pa.Array:
    if not pa.types.is_dictionary(kind):
        return pa.array(values, kind)
    encoded = pa.array(values, kind.value_type).dictionary_encode()
    return pa.DictionaryArray.from_arrays(encoded.indices.cast(kind.index_type), encoded.dictionary)


# Shapes of a table whose values are always values_of(name, 0, ROWS).


def whole() -> pa.Table:
    return pa.table({name: array_of(name, 0, ROWS) for name in COLUMNS})


def sliced() -> pa.Table:
    """Offsets in all columns, which are no multiple of eight bits, and rows behind the last."""
    return pa.table({name: _longer(name, 13, 29) for name in COLUMNS}).slice(13, ROWS)


def _longer(name: str, before: int, after: int) -> pa.Array:
    return to_arrow(
        [*values_of(name, 1, before), *values_of(name, 0, ROWS), *values_of(name, 2, after)], COLUMNS[name][0])


def offsets() -> pa.Table:
    """A batch whose columns have an offset of their own each."""
    columns = [_longer(name, i % 9 + 1, 3).slice(i % 9 + 1, ROWS) for i, name in enumerate(COLUMNS)]
    return pa.Table.from_batches([pa.record_batch(columns, list(COLUMNS))])


def chunks() -> pa.Table:
    """Columns that are cut in other places each; some pieces are empty."""
    columns = {}
    for i, name in enumerate(COLUMNS):
        cuts = sorted({0, i * 17 % ROWS, (i * 1_013) % ROWS, ROWS})
        pieces = [array_of(name, start, stop - start) for start, stop in itertools.pairwise(cuts)]
        pieces.insert(1, array_of(name, 0, 0))
        columns[name] = pa.chunked_array(pieces, COLUMNS[name][0])
    return pa.table(columns)


SHAPES = [whole, sliced, offsets, chunks]


@pytest.fixture
def con():
    with cn.connect(threads=2) as session:
        session.sql("SET TimeZone = 'UTC'")
        yield session


def plain(values: Iterable[Any]) -> list[str]:
    """Values as text, so that NaN is itself and 1 is not True."""
    return [repr(plain_moment(value) if isinstance(value, dt.datetime) else value) for value in values]


def plain_moment(value: dt.datetime) -> dt.datetime:
    value = getattr(value, "to_pydatetime", lambda: value)()  # nanoseconds are pandas' where it is installed
    return value.replace(tzinfo=UTC) if value.tzinfo else value


def wanted(name: str) -> list[str]:
    return plain(float(value) if isinstance(value, np.float16) else value for value in values_of(name, 0, ROWS))


def assert_same(table: pa.Table, types: dict[str, pa.DataType]) -> None:
    table.validate(full=True)
    assert table.num_rows == ROWS
    for name, kind in types.items():
        column = table[name]
        assert without_names(column.type) == without_names(kind), name
        if name == "span_us" and pa.types.is_interval(column.type):
            got = [None if v is None else dt.timedelta(days=v.days + 30 * v.months, microseconds=v.nanoseconds / 1000)
                   for v in column.to_pylist()]
        else:
            got = column.to_pylist()
        assert plain(got) == wanted(name), name


def without_names(kind: pa.DataType) -> pa.DataType:
    """A type without the names that libraries give to the items of lists and maps."""
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(without_names(kind.value_type), kind.list_size)
    if pa.types.is_list(kind):
        return pa.list_(without_names(kind.value_type))
    if pa.types.is_large_list(kind):
        return pa.large_list(without_names(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(without_names(kind.key_type), without_names(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, without_names(field.type)) for field in kind])
    return kind


def types_back(names: Iterable[str]) -> dict[str, pa.DataType]:
    return {name: COLUMNS[name][2] or COLUMNS[name][0] for name in names}


# Each library: an Arrow table as its frame, and a relation as an Arrow table through its frame.
LIBRARIES: dict[str, tuple[Callable[[pa.Table], Any], Callable[[cn.Relation], Any]]] = {
    "pyarrow": (lambda table: table, lambda rel: rel.to_arrow()),
    "pyarrow reader": (
        lambda table: table.to_reader(700), lambda rel: pa.RecordBatchReader.from_stream(rel).read_all()),
    "batches": (
        lambda table: table.combine_chunks().to_batches()[0], lambda rel: pa.Table.from_batches(rel.batches(999))),
    "nanoarrow": (lambda table: nanoarrow.c_array(table.combine_chunks().to_batches()[0]),
                  lambda rel: pa.table(nanoarrow.c_array_stream(rel))),
    "our own": (lambda table: cn.stream_table(table.schema, lambda: table.to_reader(1_234)), lambda rel: pa.table(rel)),
}


# pyarrow.record_batch(nanoarrow.c_array(batch)) is enough, with nanoarrow 0.9 and pyarrow 26.
CRASH_NANOARROW = {"text_view", "bytes_view"}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("library", LIBRARIES)
def test_every_arrow_type_comes_back(con, library, shape):
    make, back = LIBRARIES[library]
    names = [name for name in COLUMNS if library != "nanoarrow" or name not in CRASH_NANOARROW]
    con.register("t", make(shape().select(names)))
    assert_same(back(con.sql("FROM t")), types_back(names))


def test_a_filter_keeps_the_rows_that_it_should_of_every_type(con):
    """Dictionary vectors over every type: the rows of a filter, and of a join that repeats them."""
    con.register("t", sliced().append_column("k", pa.array(range(ROWS))))
    some = con.sql("SELECT * FROM t WHERE k % 7 = 3 ORDER BY k").to_arrow()
    twice = con.sql("SELECT t.* FROM t, range(2) WHERE k % 7 = 3 ORDER BY k").to_arrow()
    for name in COLUMNS:
        want = wanted(name)[3::7]
        if name != "span_us":
            assert plain(some[name].to_pylist()) == want, name
            assert plain(twice[name].to_pylist()[1::2]) == want, name


# What Polars has no type for, or another one for which it keeps the values.
NOT_IN_POLARS = {"f16", "list_view", "interval", "map", "pair", "three_bytes", "coded", "word"}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("lazy", [False, True])
def test_polars_frames_come_back_equal(con, shape, lazy):
    names = [name for name in COLUMNS if name not in NOT_IN_POLARS | {"span_us", "time_s", "time_ms", "null"}]
    frame = pl.DataFrame(shape().select(names))
    con.register("t", frame.lazy() if lazy else frame)
    back = con.sql("FROM t").lazy().collect() if lazy else con.sql("FROM t").to_polars()
    assert back.schema == frame.schema
    assert same_frame(back, frame)
    # Views into the middle, and rows in another order.
    for part in (frame[7:3_007], frame[::-3], frame.filter(pl.col("i8").is_not_null())):
        con.register("part", part)
        assert same_frame(con.sql("FROM part").to_polars(), part)


def same_frame(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    # Before Polars 2.1, structs are equal only if what lies below their NULLs is.
    return one.drop("deep").equals(other.drop("deep")) and one["deep"].to_list() == other["deep"].to_list()


def test_polars_types_of_its_own_come_back(con):
    frame = pl.DataFrame({
        "word": pl.Series(["x", None, "y"] * 1_000, dtype=pl.Categorical),
        "choice": pl.Series(["x", None, "y"] * 1_000, dtype=pl.Enum(["y", "x"])),
        "pair": pl.Series([[1, 2], None, [None, 4]] * 1_000, dtype=pl.Array(pl.Int16, 2)),
        "span": pl.Series([dt.timedelta(days=-1, seconds=5), None, dt.timedelta(0)] * 1_000, dtype=pl.Duration("us")),
    })
    con.register("t", frame)
    back = con.sql("SELECT word, choice, pair FROM t").to_polars()
    assert [value if value is None else str(value) for value in back["word"]] == frame["word"].to_list()
    assert [value if value is None else str(value) for value in back["choice"]] == frame["choice"].to_list()
    assert back["pair"].equals(frame["pair"]) and back.schema["pair"] == frame.schema["pair"]
    assert [row[0] for row in con.sql("SELECT span FROM t").fetchall()] == frame["span"].to_list()


def test_duckdb_relations_come_back_with_values_and_types(con):
    theirs = duckdb.connect()
    theirs.execute("SET TimeZone = 'UTC'")
    # Types that Arrow carries under another name: their values are compared as text.
    every = theirs.sql("FROM test_all_types()")
    left_out = {"bignum", "union", "geometry", "bit", "time_tz", "uhugeint", "hugeint"}
    names = [name for name in every.columns if name not in left_out]
    listed = ", ".join(f'"{name}"' for name in names)
    given = theirs.sql(f"SELECT {listed} FROM test_all_types()")
    con.register("theirs", given)
    ours = con.sql("FROM theirs")
    again = theirs.from_arrow(ours.to_arrow())
    as_text = ", ".join(f'"{name}"::VARCHAR' for name in names)
    want = theirs.sql(f"SELECT {as_text} FROM given").fetchall()
    assert len(want) == 3
    assert con.sql(f"SELECT {as_text} FROM theirs").fetchall() == want
    assert theirs.sql(f"SELECT {as_text} FROM again").fetchall() == want
    changed = {name: (str(a), b) for name, a, b in zip(names, given.types, ours.types) if str(a) != b}
    # Arrow has no UUID that DuckDB would write, and its dictionaries do not say all values that there may be.
    assert set(changed) <= {"uuid", "small_enum", "medium_enum", "large_enum"}, changed


def test_identifiers_and_enums_keep_their_values(con):
    key = uuid.UUID("12345678-1234-5678-1234-567812345678")
    wide = 170141183460469231731
    relation = con.sql(f"SELECT ? AS id, 'b'::ENUM('a', 'b') AS word, {wide}::HUGEINT AS wide", [key])
    with cn.connect() as other:
        other.register("t", relation)
        assert other.sql("SELECT id::UUID, word::VARCHAR, wide::HUGEINT FROM t").fetchall() == [(key, "b", wide)]


PANDAS = """
import datetime as dt, sys

class NoPyarrow:
    def find_spec(self, name, *_):
        if name == "pyarrow":
            raise ModuleNotFoundError("switched off", name=name)

if sys.argv[1] == "without":
    sys.meta_path.insert(0, NoPyarrow())
import numpy as np
import pandas as pd
import colonnade as cn

N = 3_000
frame = pd.DataFrame({kind: np.arange(N).astype(kind) for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")})
frame["f4"] = np.linspace(-1, 1, N, dtype="f4")
frame["f8"] = np.where(np.arange(N) % 3 == 0, np.nan, np.arange(N) / 3)
frame["bool"] = np.arange(N) % 3 == 0
frame["text"] = [f"text {i} of a length" if i % 4 else None for i in range(N)]
for unit in ("s", "ms", "us", "ns"):
    day = np.timedelta64(1, "D").astype(f"m8[{unit}]")
    frame["moment_" + unit] = np.datetime64("1960-01-01", unit) + np.arange(N) * day
    frame.loc[5::9, "moment_" + unit] = pd.NaT
frame["instant"] = frame["moment_us"].dt.tz_localize("UTC")
frame["span"] = pd.to_timedelta(np.arange(N), unit="h").as_unit("us")

# pandas' own types come back as the type that a column without them would have.
extension = pd.DataFrame({
    "Int64": pd.array([1, None, -3] * 1_000, "Int64"), "UInt8": pd.array([1, None, 255] * 1_000, "UInt8"),
    "Float64": pd.array([1.5, None, -3] * 1_000, "Float64"),
    "boolean": pd.array([True, None, False] * 1_000, "boolean"),
    "string": pd.array(["a", None, "ccc"] * 1_000, "string"), "object": np.array(["a", None, "ccc"] * 1_000, object),
    "category": pd.Categorical(["x", None, "y"] * 1_000), "numbers": pd.Categorical([20, 10, 30] * 1_000),
})
want_extension = pd.DataFrame({
    "Int64": [1.0, np.nan, -3.0] * 1_000, "UInt8": [1.0, np.nan, 255.0] * 1_000, "Float64": [1.5, np.nan, -3.0] * 1_000,
    "boolean": np.array([True, None, False] * 1_000, object), "string": ["a", None, "ccc"] * 1_000,
    "object": ["a", None, "ccc"] * 1_000, "category": ["x", None, "y"] * 1_000, "numbers": [20, 10, 30] * 1_000,
})

with cn.connect(threads=2) as con:
    con.sql("SET TimeZone = 'UTC'")

    def check(given, want):
        con.register("given", given)
        back = con.sql("FROM given").to_pandas()
        back = back.assign(**{name: back[name].astype("str") for name in back if back[name].dtype == "category"})
        pd.testing.assert_frame_equal(back, want.reset_index(drop=True))

    for part in (frame, frame.iloc[7:2_900], frame.iloc[::-1], frame.iloc[3::7], frame[frame["bool"]]):
        check(part, part)
    check(extension, want_extension)
    check(extension.iloc[1:2_999:2], want_extension.iloc[1:2_999:2])
    block = pd.DataFrame(np.arange(6_000.0).reshape(2_000, 3), columns=list("abc"))  # columns are not contiguous
    check(block, block)
    check(block[["c", "a"]], block[["c", "a"]])
    print("pyarrow" in sys.modules)
"""


@pytest.mark.parametrize("pyarrow", ["with", "without"])
def test_pandas_frames_come_back_equal(run_child, pyarrow):
    assert run_child(PANDAS, pyarrow) == f"{pyarrow == 'with'}\n"
