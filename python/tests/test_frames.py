"""Frames of other libraries as tables: values, memory, and what is no table."""

from __future__ import annotations

import datetime
import decimal
import sys

import duckdb
import nanoarrow
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import colonnade as cn
from colonnade import errors
from colonnade.frames import NotATable, as_stream_table, is_frame

TABLE = pa.table({"n": [1, 2, None], "s": ["one", None, "three"]})
ROWS = [(1, "one"), (2, None), (None, "three")]


def ask(con, frame, sql="SELECT * FROM t"):
    con.register("t", as_stream_table(frame, "t"))
    return con.sql(sql).fetchall()


# ---------------------------------------------------------------------------
# The Arrow protocols
# ---------------------------------------------------------------------------


class OnlyArray:
    def __init__(self, batch):
        self._batch = batch

    def __arrow_c_array__(self, requested_schema=None):
        return self._batch.__arrow_c_array__()


class OnlyStream:
    def __arrow_c_stream__(self, requested_schema=None):
        return TABLE.__arrow_c_stream__()


@pytest.mark.parametrize(
    "frame",
    [
        TABLE,
        TABLE.to_batches()[0],
        OnlyArray(TABLE.to_batches()[0]),
        OnlyStream(),
        pa.StructArray.from_arrays([TABLE["n"].chunk(0), TABLE["s"].chunk(0)], ["n", "s"]),
        pl.DataFrame(TABLE),
        pl.LazyFrame(TABLE),
        nanoarrow.c_array(TABLE.to_batches()[0]),
        duckdb.from_arrow(TABLE),
        pd.DataFrame({"n": pd.array([1, 2, None], "Int64"), "s": ["one", None, "three"]}),
    ],
    ids=lambda frame: f"{type(frame).__module__}.{type(frame).__name__}",
)
def test_frames_of_every_library(con, frame):
    assert is_frame(frame)
    for _ in range(2):
        assert ask(con, frame) == ROWS
    assert ask(con, frame, "SELECT s FROM t WHERE n > 1") == [(None,)]
    assert ask(con, frame, "SELECT count(*) FROM t") == [(3,)]
    assert ask(con, frame, "SELECT s, n FROM t LIMIT 1") == [("one", 1)]


def test_arro3_frames(con):
    arro3 = pytest.importorskip("arro3.core")
    assert ask(con, arro3.Table.from_arrow(TABLE)) == ROWS
    assert ask(con, arro3.RecordBatch.from_arrow(TABLE.to_batches()[0])) == ROWS


@pytest.mark.parametrize("make", [TABLE.to_reader, lambda: nanoarrow.c_array_stream(TABLE), TABLE.__arrow_c_stream__])
def test_readers_are_read_once(con, make):
    con.register("t", as_stream_table(make(), "t"))
    assert con.sql("SELECT * FROM t").fetchall() == ROWS
    with pytest.raises(errors.InvalidState, match="consumed"):
        con.sql("SELECT * FROM t").fetchall()


def test_a_lazy_frame_is_collected_by_each_query_with_its_columns(con):
    seen = []

    def look(frame):
        seen.append(frame.columns)
        return frame

    lazy = pl.DataFrame({"a": [1, 2], "b": [3, 4]}).lazy().map_batches(look, schema={"a": pl.Int64, "b": pl.Int64})
    con.register("t", as_stream_table(lazy, "t"))
    assert seen == []
    assert con.sql("SELECT sum(b) FROM t").fetchall() == [(7,)]
    assert con.sql("SELECT count(*) FROM t").fetchall() == [(2,)]
    assert len(seen) == 2


ARROW_TYPES = [
    (pa.bool_(), [True, None, False]),
    (pa.int8(), [-128, None, 127]),
    (pa.uint64(), [0, None, 2**64 - 1]),
    (pa.float16(), [1.5, None, -0.25]),
    (pa.float32(), [1.5, None, float("inf")]),
    (pa.float64(), [1e300, None, -0.5]),
    (pa.string(), ["", None, "ä long text that is not inlined"]),
    (pa.large_string(), ["", None, "ä long text that is not inlined"]),
    (pa.string_view(), ["", None, "ä long text that is not inlined"]),
    (pa.binary(), [b"", None, b"\0\xff"]),
    (pa.large_binary(), [b"", None, b"\0\xff"]),
    (pa.binary_view(), [b"", None, b"\0\xff long enough to be elsewhere"]),
    (pa.binary(3), [b"abc", None, b"\0\1\2"]),
    (pa.date32(), [datetime.date(1960, 1, 2), None, datetime.date(2100, 1, 1)]),
    (pa.date64(), [datetime.date(1960, 1, 2), None, datetime.date(2100, 1, 1)]),
    (pa.time32("s"), [datetime.time(1, 2, 3), None, datetime.time(0)]),
    (pa.time32("ms"), [datetime.time(1, 2, 3, 4000), None, datetime.time(0)]),
    (pa.time64("us"), [datetime.time(1, 2, 3, 4), None, datetime.time(0)]),
    *[
        (pa.timestamp(unit), [datetime.datetime(1960, 1, 2, 3, 4, 5), None, datetime.datetime(2100, 1, 1)])
        for unit in ("s", "ms", "us", "ns")
    ],
    *[
        (pa.duration(unit), [datetime.timedelta(days=-1, seconds=5), None, datetime.timedelta(hours=30)])
        for unit in ("s", "ms", "us", "ns")
    ],
    (pa.decimal128(4, 2), [decimal.Decimal("-12.34"), None, decimal.Decimal("0.01")]),
    (pa.decimal128(9, 0), [decimal.Decimal(123456789), None, decimal.Decimal(-1)]),
    (pa.decimal128(38, 10), [decimal.Decimal("-1234567890123456789012345678.0123456789"), None, decimal.Decimal(0)]),
    (pa.decimal32(9, 3), [decimal.Decimal("1.234"), None, decimal.Decimal("-0.001")]),
    (pa.decimal64(18, 3), [decimal.Decimal("1.234"), None, decimal.Decimal("-0.001")]),
    (pa.list_(pa.int32()), [[1, None, 3], None, []]),
    (pa.large_list(pa.string()), [["a", None], None, []]),
    (pa.list_view(pa.int64()), [[1, 2], None, []]),
    (pa.list_(pa.int16(), 2), [(1, 2), None, (None, 4)]),  # an ARRAY, in SQL
    (pa.list_(pa.list_(pa.bool_())), [[[True], None, []], None, [[None, False]]]),
    (pa.struct([("a", pa.int32()), ("b", pa.string())]), [{"a": 1, "b": None}, None, {"a": None, "b": "x"}]),
    (
        pa.struct([("inner", pa.struct([("v", pa.list_(pa.float64()))]))]),
        [{"inner": {"v": [0.5]}}, None, {"inner": None}],
    ),
    (pa.map_(pa.string(), pa.int64()), [{"a": 1, "b": None}, None, {}]),
    (pa.dictionary(pa.int8(), pa.string()), ["x", None, "a longer text of a dictionary"]),
    (pa.dictionary(pa.uint16(), pa.timestamp("us")), [datetime.datetime(2000, 1, 1), None, datetime.datetime(1960, 1, 1)]),
    (pa.list_(pa.dictionary(pa.int32(), pa.string())), [["x", None, "y"], None, []]),
    (pa.struct([("d", pa.dictionary(pa.int32(), pa.string()))]), [{"d": "x"}, None, {"d": None}]),
]


def array_of(arrow_type, values):
    if pa.types.is_float16(arrow_type):
        return pa.array([None if value is None else np.float16(value) for value in values], arrow_type)
    if pa.types.is_dictionary(arrow_type):
        return pa.array(values, arrow_type.value_type).dictionary_encode().cast(arrow_type)
    return pa.array(values, arrow_type)


@pytest.mark.parametrize(("arrow_type", "values"), ARROW_TYPES, ids=lambda value: str(value)[:40])
def test_arrow_types(con, arrow_type, values):
    count = 3_000
    whole = pa.table({"k": list(range(count * 3)), "v": array_of(arrow_type, values * count)})
    expected = [(row, values[row % 3]) for row in range(count * 3)]
    assert ask(con, whole) == expected
    # Slices: of a table, of a batch, and of rows that a filter leaves.
    assert ask(con, whole.slice(5, 4_321)) == expected[5:4326]
    assert ask(con, whole.combine_chunks().to_batches()[0].slice(2_047, 3)) == expected[2047:2050]
    assert ask(con, whole, "SELECT * FROM t WHERE k % 1000 = 7") == expected[7::1000]
    assert ask(con, whole, "SELECT count(v) FROM t") == [(count * 2,)]
    assert ask(con, OnlyArray(pa.StructArray.from_arrays(
        [whole["k"].combine_chunks(), whole["v"].combine_chunks()], ["k", "v"]).slice(4, 2_100))) == expected[4:2104]


def test_times_with_zones_are_instants(con):
    stamps = [datetime.datetime(2020, 6, 1, 12, tzinfo=datetime.timezone.utc), None]
    for unit in ("s", "ms", "us", "ns"):
        for zone in ("UTC", "Europe/Paris", "+02:00"):
            frame = pa.table({"v": pa.array(stamps, pa.timestamp(unit, zone))})
            assert ask(con, frame, "SELECT epoch_us(v), typeof(v) FROM t") == [
                (1_591_012_800_000_000, "TIMESTAMP WITH TIME ZONE"),
                (None, "TIMESTAMP WITH TIME ZONE"),
            ]


def test_intervals(con):
    months = pa.array([pa.MonthDayNano([14, 3, 4_000_000]), None], pa.month_day_nano_interval())
    assert ask(con, pa.table({"v": months}), "SELECT v::VARCHAR FROM t") == [("1 year 2 months 3 days 00:00:00.004",), (None,)]


def test_runs(con):
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([3, 4, 5_000], pa.int32()), pa.array(["a", None, "b"]))
    expected = [("a",)] * 3 + [(None,)] + [("b",)] * 4_996
    assert ask(con, pa.table({"v": runs})) == expected
    assert ask(con, pa.table({"v": runs.slice(2, 2_100)})) == expected[2:2102]
    assert ask(con, pa.table({"k": pa.array(range(5_000)), "v": runs}), "SELECT v FROM t WHERE k = 4999") == [("b",)]


def test_a_null_column(con):
    frame = pa.table({"k": [1, 2], "v": pa.nulls(2), "l": pa.array([[None], None], pa.list_(pa.null()))})
    assert ask(con, frame) == [(1, None, [None]), (2, None, None)]
    assert ask(con, frame, "SELECT count(v) FROM t") == [(0,)]


def test_list_views_in_any_order(con):
    views = pa.ListViewArray.from_arrays(
        pa.array([6, 0, 2, 0], pa.int32()), pa.array([1, 3, 2, 0], pa.int32()), pa.array([0, 1, 2, 3, 4, 5, 6]))
    assert ask(con, pa.table({"v": views})) == [([6],), ([0, 1, 2],), ([2, 3],), ([],)]


def test_sparse_unions(con):
    union = pa.UnionArray.from_sparse(
        pa.array([0, 1, 0, 1], pa.int8()), [pa.array([1, 2, None, 4]), pa.array(["a", "b", "c", "d"])], ["n", "s"])
    assert ask(con, pa.table({"v": union}), "SELECT v.n, v.s FROM t") == [(1, None), (None, "b"), (None, None), (None, "d")]
    assert ask(con, pa.table({"v": union.slice(1, 3)}), "SELECT v.s FROM t") == [("b",), (None,), ("d",)]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([decimal.Decimal(1)], pa.decimal256(50, 2)),
        pa.array([decimal.Decimal(100)], pa.decimal128(5, -2)),
        pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])]),
    ],
    ids=lambda column: str(column.type),
)
def test_a_type_that_sql_has_not_is_an_error_only_when_it_is_read(con, column):
    frame = pa.table({"k": [7], "odd": column})
    assert ask(con, frame, "SELECT k FROM t") == [(7,)]
    assert ask(con, frame, "SELECT count(*) FROM t") == [(1,)]
    assert ask(con, frame, "SELECT * EXCLUDE (odd) FROM t") == [(7,)]
    with pytest.raises(errors.Unsupported, match='column "odd": Arrow type .* is not supported'):
        ask(con, frame)


def test_values_of_fixed_width_are_not_copied(con):
    values = np.arange(5_000, dtype=np.int64)
    frame = pa.table({"v": pa.Array.from_buffers(pa.int64(), 5_000, [None, pa.py_buffer(values)])})
    misaligned = np.zeros(8 * 5_000 + 1, np.uint8)[1:]
    misaligned[:] = values.view(np.uint8)
    frame_off = pa.table({"v": pa.Array.from_buffers(pa.int64(), 5_000, [None, pa.py_buffer(misaligned)])})
    assert ask(con, frame, "SELECT sum(v) FROM t") == ask(con, frame_off, "SELECT sum(v) FROM t")
    assert ask(con, frame_off, "SELECT v FROM t WHERE v > 4997") == [(4998,), (4999,)]


# ---------------------------------------------------------------------------
# pandas
# ---------------------------------------------------------------------------


def address(frame, column):
    """Where the values of a column lie, and the array that holds them."""
    array = pa.table(as_stream_table(frame, "t"))[column].chunk(0)
    return array.buffers()[1].address + array.offset * array.type.bit_width // 8, array


@pytest.mark.parametrize("dtype", ["int8", "uint32", "int64", "float16", "float32", "float64", "datetime64[us]", "timedelta64[ns]"])
def test_pandas_values_of_fixed_width_are_not_copied(dtype):
    frame = pd.DataFrame({"v": np.arange(100).astype(dtype), "w": np.arange(100).astype(dtype)})
    for column in ("v", "w"):
        where, array = address(frame, column)
        assert where == frame[column].to_numpy().__array_interface__["data"][0]
        assert array.null_count == 0
    masked = pd.DataFrame({"v": pd.array([1, None, 3], "Int32")})
    assert address(masked, "v")[0] == masked["v"].array._data.__array_interface__["data"][0]


def test_pandas_memory_outlives_the_frame():
    frame = pd.DataFrame({"v": np.arange(1_000_000)})
    table = pa.table(as_stream_table(frame, "t"))
    del frame
    assert table["v"].to_numpy().sum() == 499_999_500_000


def test_pandas_missing_values_are_null(con):
    frame = pd.DataFrame({
        "f": [1.5, np.nan],
        "t": pd.to_datetime(["2020-01-01", None]),
        "z": pd.to_datetime(["2020-06-01 12:00", None]).tz_localize("Europe/Paris"),
        "d": pd.to_timedelta([90, None], unit="s"),
        "i": pd.array([1, None], "Int64"),
        "g": pd.array([1.5, None], "Float64"),
        "b": pd.array([True, None], "boolean"),
        "s": ["x", None],
        "c": pd.Categorical(["u", None]),
        "o": pd.Series([datetime.date(2020, 1, 1), None], dtype=object),
    })
    con.register("t", as_stream_table(frame, "t"))
    first, second = con.sql("SELECT * REPLACE (epoch_us(z) AS z) FROM t").fetchall()
    assert first == (1.5, datetime.datetime(2020, 1, 1), 1_591_005_600_000_000, datetime.timedelta(seconds=90), 1, 1.5, True,
                     "x", "u", datetime.date(2020, 1, 1))
    assert second == (None,) * 10
    types = dict(con.sql("SELECT column_name, column_type FROM (DESCRIBE t)").fetchall())
    assert types["z"] == "TIMESTAMP WITH TIME ZONE"
    assert types["d"] == "INTERVAL"


# Before pandas 3, "str" is Python's: None becomes a text.
OLD_PANDAS = pytest.mark.skipif(pd.__version__ < "3", reason="pandas has no type str")


@pytest.mark.parametrize(
    "dtype", [pytest.param("str", marks=OLD_PANDAS), "string", "object", "string[python]", "category"]
)
def test_pandas_text(con, dtype):
    texts = ["", None, "ä", "a text that is longer than twelve bytes"]
    frame = pd.DataFrame({"s": pd.Series(texts, dtype=object).astype(dtype)})
    assert ask(con, frame) == [(text,) for text in texts]


def test_pandas_categories_of_numbers_and_times(con):
    stamps = pd.to_datetime(["2020-01-01", "2020-01-01", None])
    frame = pd.DataFrame({"n": pd.Categorical([5, None, 5]), "t": pd.Categorical(stamps)})
    day = datetime.datetime(2020, 1, 1)
    assert ask(con, frame) == [(5, day), (None, day), (5, None)]


def test_pandas_arrow_columns(con):
    frame = pd.DataFrame({"l": pd.Series([[1, 2], None], dtype=pd.ArrowDtype(pa.list_(pa.int64()))), "n": [1, 2]})
    assert ask(con, frame) == [([1, 2], 1), (None, 2)]
    both = pd.concat([frame, frame])
    assert ask(con, both) == [([1, 2], 1), (None, 2)] * 2


def test_pandas_objects_are_of_one_type(con):
    kinds = [
        ([1, None, 3], [(1,), (None,), (3,)]),
        ([b"a", None], [(b"a",), (None,)]),
        ([True, None], [(True,), (None,)]),
        ([1.5, np.nan], [(1.5,), (None,)]),
        ([None, None], [(None,), (None,)]),
        ([datetime.datetime(2020, 1, 1), pd.NaT], [(datetime.datetime(2020, 1, 1),), (None,)]),
    ]
    for values, expected in kinds:
        assert ask(con, pd.DataFrame({"o": pd.Series(values, dtype=object)})) == expected
    mixed = pd.DataFrame({"k": [1, 2, 3], "o": pd.Series([1, 2, "x"], dtype=object)})
    assert ask(con, mixed, "SELECT sum(k) FROM t") == [(6,)]
    with pytest.raises(errors.InvalidArgument, match="column 'o', row 2: str among int"):
        ask(con, mixed)
    with pytest.raises(errors.InvalidArgument, match="row 0: 18446744073709551616 does not fit"):
        ask(con, pd.DataFrame({"o": pd.Series([2**64], dtype=object)}))
    with pytest.raises(errors.Unsupported, match="column 'p'.*period"):
        ask(con, pd.DataFrame({"p": pd.period_range("2020", periods=2)}))


def test_the_pandas_index_is_a_column_if_it_has_a_name(con):
    frame = pd.DataFrame({"v": [1, 2]}, index=[10, 20])
    assert ask(con, frame) == [(1,), (2,)]
    assert ask(con, frame.rename_axis("k"), "SELECT k, v FROM t") == [(10, 1), (20, 2)]
    levels = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", None])
    con.register("t", as_stream_table(pd.DataFrame({"v": [1, 2]}, index=levels), "t"))
    assert con.sql("SELECT * FROM t").fetchall() == [("a", 1), ("b", 2)]


def test_pandas_shapes(con):
    assert ask(con, pd.Series([1, 2], name="s"), "SELECT s FROM t") == [(1,), (2,)]
    assert ask(con, pd.DataFrame({0: [1], ("a", 1): [2]}), """SELECT "0", "('a', 1)" FROM t""") == [(1, 2)]
    assert ask(con, pd.DataFrame(np.arange(6).reshape(3, 2), columns=["a", "a"]), "SELECT a_1, a_2 FROM t") == [
        (0, 1), (2, 3), (4, 5)]
    assert ask(con, pd.DataFrame({"v": np.array([], np.int64)})) == []
    assert ask(con, pd.DataFrame({"v": np.array([1, 2], ">i4")})) == [(1,), (2,)]
    assert ask(con, pd.DataFrame({"v": np.arange(10)})[::3], "SELECT v FROM t") == [(0,), (3,), (6,), (9,)]
    with pytest.raises(errors.InvalidArgument, match="no columns"):
        as_stream_table(pd.DataFrame(index=[1, 2]), "t")


def test_pandas_without_pyarrow(run_child):
    out = run_child(
        """
        import sys
        sys.modules["pyarrow"] = None
        import numpy as np, pandas as pd
        import colonnade as cn
        from colonnade.frames import as_stream_table
        frame = pd.DataFrame({"v": np.arange(5), "s": list("abcde"), "f": [1, 2, np.nan, 4, 5]})
        with cn.connect() as con:
            con.register("t", as_stream_table(frame, "t"))
            print(con.sql("SELECT sum(v), max(s), count(f) FROM t WHERE v > 0").fetchall())
        """
    )
    assert out.strip() == "[(10, 'e', 3)]"


# ---------------------------------------------------------------------------
# What is no table
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        ([1, 2], "builtins.list.*neither __arrow_c_stream__ nor __arrow_c_array__"),
        ({"a": [1]}, "builtins.dict"),
        (7, "builtins.int"),
        (iter([]), "stream_table"),
        (lambda: None, "stream_table"),
        (pd.DataFrame, "class DataFrame"),
        (pa.array([1, 2]), "int64"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_table(thing, message):
    with pytest.raises(NotATable, match=message) as caught:
        as_stream_table(thing, "thing")
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, errors.InvalidArgument)


def test_looking_at_frames_imports_nothing(run_child):
    out = run_child(
        """
        import sys
        from colonnade.frames import is_frame
        assert not is_frame([]) and not is_frame("x")
        print([name for name in ("numpy", "pandas", "polars", "pyarrow") if name in sys.modules])
        """
    )
    assert out.strip() == "[]"
    assert "pandas" in sys.modules
