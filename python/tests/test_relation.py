"""Results of SQL on their way out: rows, numpy, pandas, Polars, Arrow, files and text."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import threading
import uuid

import duckdb
import nanoarrow
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
import xarray as xr

import colonnade as cn
from colonnade import errors
from colonnade.polars_source import to_sql

# Columns of DuckDB's test_all_types (minimum, maximum, NULL) whose values our rows give in another form, or not at all.
NOT_COMPARED = {
    "bignum": "an int here, text there",
    "time_tz": "Arrow carries no offset with a time",
    "timestamp_tz": "DuckDB's client needs pytz",
    "timestamptz_array": "DuckDB's client needs pytz",
}
PANDAS_TEXT = str(pd.Series(["x"]).dtype)  # str, before pandas 3 object
SEVERAL_BATCHES = 300_000  # rows; a batch has 122,880


# Rows


def test_rows_have_the_values_of_duckdbs_own_client(con):
    names = [name for name in duckdb.sql("FROM test_all_types()").columns if name not in NOT_COMPARED]
    query = "SELECT " + ", ".join(f'"{name}"' for name in names) + " FROM test_all_types()"
    expected, got = duckdb.sql(query).fetchall(), con.sql(query).fetchall()
    assert len(got) == len(expected) == 3
    for name, ours, theirs in zip(names, zip(*got), zip(*expected)):
        assert [type(value) for value in ours] == [type(value) for value in theirs], name
        assert repr(ours) == repr(theirs), name  # repr: NaN, infinity and the scale of decimals count


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("'123456789012345678901234567890123456789012345'::BIGNUM", 123456789012345678901234567890123456789012345),
        ("-5::BIGNUM", -5),
        ("0::BIGNUM", 0),
        ("sum(9223372036854775807) FROM range(4)", 4 * (2**63 - 1)),
        ("(-170141183460469231731687303715884105728)::HUGEINT", -(2**127)),
        ("340282366920938463463374607431768211455::UHUGEINT", 2**128 - 1),
        ("-0.05::DECIMAL(38,20)", decimal.Decimal("-0.05000000000000000000")),
        ("12::DECIMAL(5,0)", decimal.Decimal(12)),
        ("'101'::BIT", "101"),
        ("'10000000100000001'::BIT", "10000000100000001"),
        ("INTERVAL '1 month 2 days -3 seconds'", dt.timedelta(days=32, seconds=-3)),
        ("TIME '24:00:00'", "24:00:00"),
        ("TIMESTAMP '290000-01-01 00:00:01.5'", "290000-01-01 00:00:01.5"),
        ("DATE '0044-03-15 (BC)'", "0044-03-15 (BC)"),
        ("DATE '0001-01-01'", dt.date(1, 1, 1)),
        ("DATE 'infinity'", dt.date(9999, 12, 31)),
        ("TIMESTAMP '-infinity'", dt.datetime(1, 1, 1)),
        ("TIMESTAMP_NS '1969-12-31 23:59:59.999999999'", dt.datetime(1969, 12, 31, 23, 59, 59, 999999)),
        ("TIMESTAMP '1582-10-04 12:00:00.000001'", dt.datetime(1582, 10, 4, 12, 0, 0, 1)),
        ("[UUID '00000000-0000-0001-0000-000000000002', NULL]", [uuid.UUID(int=2**64 + 2), None]),
        ("{'a, b': {'id': UUID '00000000-0000-0000-0000-000000000001'}, 'c': [1::HUGEINT]}",
         {"a, b": {"id": uuid.UUID(int=1)}, "c": [1]}),
        ("MAP {'k': 1::HUGEINT}", {"k": 1}),
        ("MAP {[1]: 2}", {"key": [[1]], "value": [2]}),
        ("MAP {}::MAP(INTEGER, INTEGER)", {}),
        ("row(1, 'a')", (1, "a")),
        ("[[1, 2]::INTEGER[2], NULL]", [(1, 2), None]),
        ("union_value(k := 1::HUGEINT)::UNION(k HUGEINT, s VARCHAR)", 1),
        ("'a'::ENUM('a', 'b (', '''')", "a"),
        ("''", ""),
        ("''::BLOB", b""),
        ("'\U0001f40b'", "\U0001f40b"),
        ("NULL", None),
    ],
)  # fmt: skip
def test_a_value_in_a_row(con, sql, value):
    [(got,)] = con.sql(f"SELECT {sql}").fetchall()
    assert got == value
    assert type(got) is type(value)


def test_timestamps_with_a_zone_are_in_the_sessions(con):
    con.sql("SET TimeZone = 'America/New_York'")
    [(got,)] = con.sql("SELECT TIMESTAMPTZ '2000-07-01 00:00:00+00'").fetchall()
    assert got == dt.datetime(2000, 7, 1, tzinfo=dt.timezone.utc)
    assert got.isoformat() == "2000-06-30T20:00:00-04:00"
    con.sql("SET TimeZone = 'UTC'")
    [(got,)] = con.sql("SELECT TIMESTAMPTZ '2000-07-01 00:00:00+00'").fetchall()
    assert got.isoformat() == "2000-07-01T00:00:00+00:00"


def test_fetch_methods_share_one_run_until_its_end_has_been_seen(con):
    rel = con.sql("SELECT range AS n FROM range(5)")
    assert rel.fetchone() == (0,)
    assert rel.fetchmany(2) == [(1,), (2,)]
    assert rel.fetchall() == [(3,), (4,)]
    assert rel.fetchmany(10) == [(n,) for n in range(5)]  # a new run, all of it
    assert rel.fetchmany(10) == []
    assert rel.fetchone() == (0,)
    rel.close()
    assert rel.fetchone() == (0,)
    for wrong in (0, -1):
        with pytest.raises(errors.InvalidArgument, match="at least 1 row"):
            rel.fetchmany(wrong)


def test_a_relation_runs_anew_and_sees_the_data_of_that_moment(con):
    con.sql("CREATE TABLE t (x INTEGER)")
    rel = con.sql("FROM t")
    assert rel.fetchall() == []
    con.sql("INSERT INTO t VALUES (1), (2)")
    assert rel.fetchall() == [(1,), (2,)]
    assert list(rel) == [(1,), (2,)]
    assert rel.to_numpy()["x"].tolist() == [1, 2]


def test_the_relation_of_a_statement_keeps_its_rows(con):
    con.sql("CREATE TABLE t (x HUGEINT, s VARCHAR, t TIMESTAMP_NS)")
    rel = con.sql("INSERT INTO t VALUES (1, 'a', '2000-01-01'), (2, NULL, NULL) RETURNING *")
    for _ in range(2):  # nothing runs again
        assert rel.fetchall() == [(1, "a", dt.datetime(2000, 1, 1)), (2, None, None)]
        assert pa.table(rel).num_rows == 2
        assert rel.to_pandas().s.tolist()[0] == "a"
        assert rel.to_numpy()["s"].tolist() == ["a", None]
    assert con.sql("SELECT count(*) FROM t").fetchone() == (2,)
    assert rel.types == ["HUGEINT", "VARCHAR", "TIMESTAMP_NS"]
    assert rel.lazy().filter(pl.col("s").is_null()).collect().height == 1
    wanted = pa.schema([("x", pa.int64()), ("s", pa.string()), ("t", pa.timestamp("ns"))])
    assert pa.RecordBatchReader.from_stream(rel, schema=wanted).read_all().schema == wanted


# numpy


def test_numpy_columns_are_those_of_fetchnumpy(con):
    query = """
        SELECT CASE WHEN i % 3 > 0 THEN i END AS l, CASE WHEN i % 3 > 0 THEN i::TINYINT END AS c, i::UBIGINT AS ul,
               CASE WHEN i % 3 > 0 THEN i / 3 END AS g,
               (i / 3)::FLOAT AS f, CASE WHEN i % 3 > 0 THEN i % 2 = 0 END AS b,
               i > 3 AS b2,
               TIMESTAMP '2000-01-01' + to_seconds(i) AS us,
               CASE WHEN i > 2 THEN (TIMESTAMP '2000-01-01')::TIMESTAMP_NS END AS ns,
               (TIMESTAMP '1900-01-01')::TIMESTAMP_S AS s, (TIMESTAMP '1900-01-01')::TIMESTAMP_MS AS ms,
               DATE '1969-12-30' + i::INTEGER AS d,
               CASE WHEN i > 1 THEN to_days(i::INTEGER) + INTERVAL 2 MONTH END AS iv,
               (i / 7)::DECIMAL(9,3) AS dec, i::HUGEINT AS h, 'x' || i AS v, CASE WHEN i > 1 THEN 'y' END AS w,
               CASE WHEN i > 1 THEN UUID '00112233-4455-6677-8899-aabbccddeeff' END AS u, TIME '01:02:03' AS t,
               CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END::ENUM('a', 'b') AS e
        FROM range(7) t(i)"""
    theirs, ours = duckdb.sql(query).fetchnumpy(), con.sql(query).to_numpy()
    assert list(ours) == list(theirs)
    for name, expected in theirs.items():
        got = ours[name]
        if hasattr(expected, "to_numpy"):  # a Categorical
            expected = expected.to_numpy()
        assert got.dtype == expected.dtype, name
        assert isinstance(got, np.ma.MaskedArray) == isinstance(expected, np.ma.MaskedArray), name
        np.testing.assert_array_equal(np.ma.getmaskarray(got), np.ma.getmaskarray(expected), err_msg=name)
        assert got.tolist() == expected.tolist(), name


def test_what_is_under_a_mask_is_defined(con):
    columns = con.sql("""
        SELECT CASE WHEN i < 0 THEN i END AS l, CASE WHEN i < 0 THEN 1.5::FLOAT END AS f,
               CASE WHEN i < 0 THEN i > 0 END AS b,
               CASE WHEN i < 0 THEN TIMESTAMP '2000-01-01' END AS t, CASE WHEN i < 0 THEN 'x' END AS s,
               CASE WHEN i < 0 THEN INTERVAL 1 DAY END AS iv, CASE WHEN i < 0 THEN 1.5::DECIMAL(5,1) END AS dec
        FROM range(200000) t(i)""").to_numpy()
    assert all(column.mask.all() and len(column) == 200_000 for column in columns.values())
    data = {name: column.data for name, column in columns.items()}
    assert not data["l"].any() and not data["b"].any()
    assert np.isnan(data["f"]).all() and np.isnan(data["dec"]).all()
    assert np.isnat(data["t"]).all() and np.isnat(data["iv"]).all()
    assert set(data["s"]) == {None}


def test_one_batch_of_fixed_width_values_is_not_copied_and_outlives_everything():
    con = cn.connect()
    columns = con.sql("SELECT range AS l, range::DOUBLE AS g, TIMESTAMP '2000-01-01' AS t FROM range(1000)").to_numpy()
    con.close()
    for column in columns.values():
        assert not column.flags.owndata and type(column.base).__name__ == "ColumnMemory"
        assert column.flags.writeable
    del con
    assert columns["l"].sum() == 499_500
    columns["l"][0] = 7
    assert columns["l"][0] == 7


def test_several_batches_become_one_array(con):
    rel = con.sql(f"SELECT range AS n, range::VARCHAR AS s, nullif(range % 5, 0) AS m FROM range({SEVERAL_BATCHES})")
    columns = rel.to_numpy()
    assert (columns["n"] == np.arange(SEVERAL_BATCHES)).all()
    assert columns["n"].flags.writeable
    assert columns["s"][-1] == str(SEVERAL_BATCHES - 1)
    assert (columns["m"].mask == (np.arange(SEVERAL_BATCHES) % 5 == 0)).all()


def test_numpy_without_rows_has_types(con):
    columns = con.sql("SELECT 1 AS i, 'x' AS s, TIMESTAMP '2000-01-01' AS t, true AS b WHERE false").to_numpy()
    assert {name: (column.dtype.str, len(column)) for name, column in columns.items()} == {
        "i": ("<i4", 0), "s": ("|O", 0), "t": ("<M8[us]", 0), "b": ("|b1", 0)}  # fmt: skip


def test_a_time_that_would_lose_its_offset_is_refused(con):
    one, several = con.sql("SELECT TIMETZ '12:00:00+02' AS t"), con.sql("SELECT [TIMETZ '12:00:00+02'] AS t")
    for way_out in (one.fetchall, several.to_numpy):
        with pytest.raises(errors.Unsupported, match="TIME WITH TIME ZONE comes without its offset"):
            way_out()


def test_a_date_beyond_datetime64_is_refused_by_name(con):
    with pytest.raises(errors.InvalidData, match="column far: a value of type DATE does not fit"):
        con.sql("SELECT DATE 'infinity' AS far").to_numpy()


def test_names_that_occur_twice(con):
    rel = con.sql("SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS A")
    assert rel.columns == ["a", "a", "a_1", "A"]
    assert pa.table(rel).column_names == rel.columns
    names = list(rel.to_numpy())
    assert len(set(names)) == 4 and names[0] == "a"
    assert list(rel.to_pandas().columns) == rel.to_polars().columns == names
    assert rel.lazy().select("A").collect().item() == 4
    assert rel.lazy().filter(pl.col(names[1]) == 2).collect().height == 1
    assert rel.__arrow_c_schema__() is not None


# pandas


def test_pandas_frames_have_the_types_that_pandas_gives(con):
    frame = con.sql("""
        SELECT range AS l, range::FLOAT AS f, nullif(range, 1) AS m, 9007199254740993 + nullif(range, 1) AS big,
               nullif(range, 1)::UTINYINT AS c, range = 1 AS b, CASE WHEN range > 0 THEN true END AS nb,
               TIMESTAMP '2000-01-01' AS t, CASE WHEN range > 0 THEN DATE '2000-01-01' END AS d, 'x' || range AS s,
               CASE WHEN range > 0 THEN 'y' END AS ns, INTERVAL 1 DAY AS iv, 1.5::DECIMAL(5,2) AS dec, [range] AS li
        FROM range(3)""").to_pandas()
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "l": "int64", "f": "float32", "m": "float64", "big": "Int64", "c": "float64", "b": "bool", "nb": "object",
        "t": "datetime64[us]", "d": "datetime64[us]", "s": PANDAS_TEXT, "ns": PANDAS_TEXT, "iv": "timedelta64[us]",
        "dec": "float64", "li": "object"}  # fmt: skip
    assert frame.big.tolist() == [9007199254740993, pd.NA, 9007199254740995]
    assert frame.m.tolist()[::2] == [0.0, 2.0] and np.isnan(frame.m[1])
    assert frame.nb.tolist() == [None, True, True]
    assert frame.ns.tolist()[1:] == ["y", "y"] and frame.ns.isna().tolist() == [True, False, False]
    assert frame.li.tolist() == [[0], [1], [2]]


def test_pandas_keeps_the_zone(con):
    con.sql("SET TimeZone = 'Asia/Tokyo'")
    frame = con.sql("SELECT TIMESTAMPTZ '2000-01-01 00:00:00+00' AS t, NULL::TIMESTAMPTZ AS n").to_pandas()
    assert str(frame.dtypes["t"]) == "datetime64[us, Asia/Tokyo]"
    assert frame.t[0] == pd.Timestamp("2000-01-01", tz="UTC")
    assert frame.n.isna().all()


def test_pandas_and_numpy_and_batches_need_no_pyarrow(run_child):
    seen = run_child("""
        import sys
        sys.modules["pyarrow"] = None  # importing it fails
        import colonnade as cn
        rel = cn.connect().sql("SELECT range AS n, 'x' || range AS s, nullif(range, 1) AS m FROM range(3)")
        frame = rel.to_pandas()
        print(frame.s.tolist(), frame.dtypes.s, frame.m.isna().tolist(), rel.to_numpy()["n"].tolist(),
              rel.fetchall()[2])
        [batch] = rel.batches()
        import polars
        print(type(batch).__name__, batch.num_rows, batch.num_columns, polars.DataFrame(batch).height,
              rel.to_polars().height)
        try:
            rel.to_arrow()
        except ModuleNotFoundError as error:
            print(error)
        """).splitlines()
    assert seen[0] == f"['x0', 'x1', 'x2'] {PANDAS_TEXT} [False, True, False] [0, 1, 2] (2, 'x2', 2)"
    assert seen[1] == "RecordBatch 3 3 3 3"
    assert seen[2] == "to_arrow needs pyarrow, which is not installed"


# Arrow


def test_every_type_goes_through_arrow_and_back(con):
    """Out, in and out again is the same table, through each library that keeps the types."""
    # Another type in Arrow.
    left_out = {"time_tz", "geometry", "bit", "uuid", "hugeint", "uhugeint", "bignum", "union", "time_ns"}
    names = [name for name in con.sql("FROM test_all_types()").columns if name not in left_out]
    first = con.sql("SELECT " + ", ".join(f'"{name}"' for name in names) + " FROM test_all_types()").to_arrow()
    first.validate()
    for table in (first, first.slice(1, 2)):
        con.register("again", table)
        back = con.sql("FROM again").to_arrow()
        for name in names:
            if pa.types.is_dictionary(first[name].type):  # enums come back as their text
                assert back[name].to_pylist() == table[name].to_pylist(), name
            else:
                assert back[name].type == first[name].type, name
                assert back[name].equals(table[name]) or str(back[name]) == str(table[name]), name  # str: NaN
    in_duckdb = duckdb.from_arrow(first.drop_columns(["timestamp_tz", "timestamptz_array"]))  # which need pytz there
    assert in_duckdb.fetchall()[2] == (None,) * (len(names) - 2)


def test_other_libraries_read_the_stream(con):
    rel = con.sql("SELECT range AS n, 'x' || range AS s FROM range(5)")
    assert pa.RecordBatchReader.from_stream(rel).read_all().num_rows == 5
    assert pl.DataFrame(rel)["s"].to_list() == ["x0", "x1", "x2", "x3", "x4"]
    assert nanoarrow.ArrayStream(rel).read_all().to_pylist()[4] == {"n": 4, "s": "x4"}
    with duckdb.connect() as theirs:  # their default connection would keep the relation to the end
        assert theirs.sql("SELECT sum(n) FROM rel").fetchone() == (10,)
    assert pa.schema(rel) == pa.table(rel).schema
    assert rel.to_polars().equals(pl.DataFrame(rel))
    with cn.connect() as other:
        other.register("theirs", rel)
        assert other.sql("SELECT sum(n) FROM theirs").fetchone() == (10,)


def test_a_requested_schema_is_cast_to_where_nothing_is_lost(con):
    rel = con.sql("""
        SELECT 1::INTEGER AS i, 2::TINYINT AS c, 1.5::FLOAT AS f, DATE '2000-01-01' AS d,
               [3::INTEGER] AS l, {'a': 4} AS s""")
    wanted = pa.schema([
        ("i", pa.int64()), ("c", pa.float32()), ("f", pa.float64()), ("d", pa.timestamp("ms")),
        ("l", pa.list_(pa.int64())), ("s", pa.struct([("a", pa.int16())])),
    ])  # fmt: skip
    table = pa.RecordBatchReader.from_stream(rel, schema=wanted).read_all()
    assert table.schema.types == wanted.types
    assert table.to_pylist() == [
        {"i": 1, "c": 2.0, "f": 1.5, "d": dt.datetime(2000, 1, 1), "l": [3], "s": {"a": 4}}]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "wanted", "message"),
    [
        ("1.5 AS a", pa.schema([("a", pa.int32())]), 'column "a": .* asks for Arrow type i in place of d:2,1'),
        ("1::BIGINT AS a", pa.schema([("a", pa.float64())]), "could lose something"),
        ("TIMESTAMP '2000-01-01' AS a", pa.schema([("a", pa.timestamp("s"))]), "could lose something"),
        ("'x' AS a", pa.schema([("a", pa.int32())]), "could lose something"),
        ("1 AS a", pa.schema([("b", pa.int32())]), 'a column "b" where the result has "a"'),
        ("1 AS a", pa.schema([("a", pa.int32()), ("b", pa.int32())]), "has 2 columns, the result 1"),
        ("{'x': [1.5::DOUBLE]} AS a", pa.schema([("a", pa.struct([("x", pa.list_(pa.float32()))]))]), r"a\.x\[\]"),
    ],
)  # fmt: skip
def test_a_requested_schema_that_would_lose_something_is_refused(con, sql, wanted, message):
    with pytest.raises(errors.InvalidArgument, match=message):
        con.sql(f"SELECT {sql}").__arrow_c_stream__(wanted.__arrow_c_schema__())


def test_a_value_that_does_not_fit_the_requested_type_fails_the_stream(con):
    rel = con.sql("SELECT 300 AS a")
    with pytest.raises(Exception, match="300"):
        pa.RecordBatchReader.from_stream(rel, schema=pa.schema([("a", pa.int8())])).read_all()


def test_batches_come_one_by_one(con):
    batches = con.sql(f"SELECT range AS n FROM range({SEVERAL_BATCHES})").batches(10_000)
    first = next(batches)
    assert isinstance(first, pa.RecordBatch)
    assert 0 < first.num_rows <= 12_048  # whole vectors of 2,048
    assert first.num_rows + sum(batch.num_rows for batch in batches) == SEVERAL_BATCHES
    endless = con.sql("SELECT * FROM range(100_000_000_000)").batches()
    assert next(endless).num_rows > 0
    del endless  # ends the query
    with pytest.raises(errors.InvalidArgument, match="at least 1 row"):
        con.sql("SELECT 1").batches(0)


# Failures


class BrokenBackend(Exception):
    """What a user's code raises."""


def broken_dataset() -> xr.Dataset:
    """Blocks of which the last cannot be read."""
    import dask.array

    def block(block_info=None):
        if block_info[None]["chunk-location"][0] == 3:
            raise BrokenBackend("block 3 is gone")
        return np.zeros(100_000)

    return xr.Dataset({"v": ("x", dask.array.map_blocks(block, chunks=((100_000,) * 4,), dtype=float))})


@pytest.mark.parametrize(
    "way_out",
    [
        lambda rel: rel.fetchall(), lambda rel: list(rel), lambda rel: rel.to_arrow(), lambda rel: rel.to_pandas(),
        lambda rel: rel.to_polars(), lambda rel: rel.to_numpy(), lambda rel: list(rel.batches()),
        lambda rel: rel.to_xarray(), lambda rel: rel.lazy().collect(),
    ],
)  # fmt: skip
def test_the_users_own_exception_arrives_whatever_pulls_the_rows(con, way_out):
    con.register("broken", broken_dataset())
    with pytest.raises(BrokenBackend, match="block 3 is gone") as caught:
        way_out(con.sql("FROM broken"))
    assert any(entry.name == "block" for entry in caught.traceback), "the traceback of the user's function is lost"
    assert con.sql("SELECT 1").fetchone() == (1,)


def test_an_error_of_the_engine_arrives_as_ours_through_other_libraries(con):
    rel = con.sql("SELECT CASE WHEN range = 250_000 THEN error('late') ELSE range END AS n FROM range(300_000)")
    for way_out in (rel.to_arrow, rel.to_pandas, rel.to_polars, rel.fetchall, lambda: list(rel.batches())):
        with pytest.raises(cn.Error, match="late"):
            way_out()


def test_one_relation_from_many_threads(con):
    rel = con.sql("SELECT range AS n FROM range(100_000)")
    sums = []
    threads = [threading.Thread(target=lambda: sums.append(int(rel.to_numpy()["n"].sum()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums == [4_999_950_000] * 8


# Files and text


def test_files(con, tmp_path):
    rel = con.sql("SELECT range AS n, CASE WHEN range > 0 THEN 'a,\"b' END AS s FROM range(3)")
    assert rel.to_parquet(tmp_path / "r.parquet") == 3
    assert pyarrow.parquet.read_table(tmp_path / "r.parquet").equals(rel.to_arrow())
    assert rel.to_csv(tmp_path / "r.csv") == 3
    assert pd.read_csv(tmp_path / "r.csv").s.tolist()[1:] == ['a,"b'] * 2
    assert rel.to_json(tmp_path / "r.json") == 3
    rows = [{"n": 0, "s": None}, {"n": 1, "s": 'a,"b'}, {"n": 2, "s": 'a,"b'}]
    assert json.loads((tmp_path / "r.json").read_text()) == rows
    assert rel.to_json(str(tmp_path / "r.jsonl"), lines=True) == 3
    assert [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()] == rows
    with pytest.raises(OSError, match="nowhere"):
        rel.to_parquet(tmp_path / "nowhere" / "r.parquet")


def test_repr_runs_nothing_and_show_runs_little(con, capsys):
    rel = con.sql("SELECT range AS n, error('ran')::VARCHAR AS s FROM range(3)")
    assert repr(rel) == "<colonnade.Relation>\n  n  BIGINT\n  s  VARCHAR"
    con.sql("SELECT range AS n FROM range(100_000_000_000)").show(2)
    assert capsys.readouterr().out.splitlines()[-1] == "the first 2 rows; there are more"
    con.sql("SELECT range AS n FROM range(2)").show()
    assert capsys.readouterr().out.splitlines()[-1] == "2 rows"


def test_shown_text_stays_in_its_frame(con, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    con.sql("""
        SELECT '漢字' || chr(10) AS wide, 'e' || chr(769) AS combined, repeat('x', 200) AS long, 1 AS a, 2 AS b""").show()
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("1 row; ")
    assert all(len(line) <= 60 for line in lines[:-1])
    assert "漢字\\n" in lines[4]


def test_html_takes_nothing_for_markup(con):
    html = con.sql("SELECT '<b>' AS \"<i>\", NULL AS n FROM range(30)")._repr_html_()
    assert "<b>" not in html and "&lt;b&gt;" in html and "&lt;i&gt;" in html
    assert html.count("<tr>") == 21 and "there are more" in html


def test_explain_shows_the_plan(con):
    assert "RANGE" in con.sql("SELECT range FROM range(3)").explain()


# Polars


def test_a_lazy_frame_asks_for_what_it_needs(con):
    ds = xr.Dataset({"t": (("y", "x"), np.arange(20.0).reshape(4, 5))}, coords={"y": [1, 2, 3, 4], "x": list("abcde")})
    con.register("ds", ds)
    lazy = con.sql("FROM ds").lazy()
    assert lazy.collect_schema() == con.sql("FROM ds").to_polars().schema
    frame = lazy.collect()
    for query in (
        lambda source: source.filter(pl.col("y") > 2, pl.col("x").is_in(["a", "e"])).select("t"),
        lambda source: source.filter((pl.col("t") % 2 == 0) & (pl.col("y") == 1)),
        lambda source: source.head(7).filter(pl.col("x") == "b"),
        lambda source: source.filter(pl.col("x") == "b").head(2),
        lambda source: source.select(pl.len()),
        lambda source: source.group_by("x").agg(pl.col("t").sum()).sort("x"),
        lambda source: source.filter(~(pl.col("x") >= "c") | pl.col("t").is_null()).tail(3),
    ):
        assert query(lazy).collect().equals(query(frame.lazy()).collect())


TRANSLATED = [
    (pl.col("i") > 1, True), (pl.col("i") == -128, True), (pl.col("i").is_in([1, 2]), True),
    (~pl.col("i").is_in([1]), True),
    (pl.col("s") == "y'z", True), (pl.col("f") == 0.30000000000000004, True), (pl.col("f") > 0.2, True),
    (pl.col("g") == 45.1, True), (pl.col("t") < dt.datetime(1969, 12, 31, 23, 59, 59, 999999), True),
    (pl.col("d").is_between(dt.date(1900, 1, 1), dt.date(2000, 1, 1), closed="left"), True), (~pl.col("b"), True),
    (pl.col("b") | (pl.col("i") > 1), True), (pl.col("i").ne_missing(1), True), (pl.col("i").is_null(), True),
    (pl.col("i") > 1.5, False), (pl.col("s").str.starts_with("x"), False), (pl.col("f").is_nan(), False),
    (pl.col("i").map_elements(lambda value: len(str(value)) == 1, return_dtype=pl.Boolean), False),
]  # fmt: skip


@pytest.mark.parametrize(("predicate", "is_translated"), TRANSLATED, ids=[str(one)[:40] for one, _ in TRANSLATED])
def test_what_becomes_sql_means_the_same_there(con, predicate, is_translated):
    frame = pl.DataFrame({
        "i": pl.Series([1, 2, None, -128], dtype=pl.Int8), "s": ["x", "y'z", None, ""],
        "f": [0.1, 0.30000000000000004, None, float("nan")], "g": pl.Series([45.1, 1.0, None, 2.0], dtype=pl.Float32),
        "t": [dt.datetime(2000, 1, 1), dt.datetime(1969, 12, 31, 23, 59, 59, 999998), None, dt.datetime(2200, 1, 1)],
        "d": [dt.date(1999, 1, 1), dt.date(1900, 1, 1), None, dt.date(2000, 1, 1)], "b": [True, False, None, True],
    })  # fmt: skip
    con.register("frame", frame)
    rel = con.sql("FROM frame")
    # What Polars hands to a source is the expression with the types of the columns in it.
    pushed = []

    def watch(columns, expression, rows, batch_rows):
        pushed.append(expression)
        yield frame.filter(expression)

    source = pl.io.plugins.register_io_source(watch, schema=frame.schema)
    expected = source.filter(predicate).collect()
    sql = to_sql(pushed[0], {name: (name, kind) for name, kind in zip(rel.columns, rel.types)})
    assert (sql is not None) == is_translated
    if sql is not None:
        assert con.sql(f"SELECT * FROM frame WHERE {sql}").to_polars().equals(expected)
    assert rel.lazy().filter(predicate).collect().equals(expected)
