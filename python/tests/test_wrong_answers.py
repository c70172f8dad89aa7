"""Cases in which other SQL engines over arrays answer wrongly, or not at all: here they have answers, on every path.

Paths are xarray in memory, as Dask and lazily from a store, the store itself, and the command line.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cftime
import colonnade_cli
import numpy as np
import pyarrow as pa
import pytest
import xarray as xr

import colonnade as cn
from colonnade import errors
from conftest import ZARR_FORMATS

pytestmark = pytest.mark.filterwarnings("ignore")

FERRET, NCARG = Path("/usr/share/ferret-vis/data"), Path("/usr/share/ncarg/data/cdf")


Ask = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def ask(con, tmp_path) -> Ask:
    """Asks for `{t}` on every path and returns the one answer that all of them give."""
    number = 0

    def ask(ds: xr.Dataset, sql: str, **options: Any) -> list[tuple[Any, ...]]:
        nonlocal number
        number += 1
        path = str(tmp_path / f"{number}.zarr")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ds.to_zarr(path, consolidated=False, **{"zarr_format": ZARR_FORMATS[-1], **options})
            con.register("memory", ds)
            con.register("dask", xr.open_zarr(path, consolidated=False))
            con.register("lazy", xr.open_zarr(path, consolidated=False, chunks=None))
            con.register("raw", xr.open_zarr(path, consolidated=False, decode_cf=False))
            con.register("native", cn.open_zarr(path))
        answers = {name: con.sql(sql.format(t=name)).fetchall() for name in ("memory", "dask", "lazy", "raw", "native")}
        answers["path"] = con.sql(sql.format(t=f"'{path}'")).fetchall()
        (table,) = colonnade_cli.run_batch([sql.format(t=f"'{path}'")])
        answers["command line"] = list(zip(*(column.to_pylist() for column in table.columns)))
        different = {name: answer for name, answer in answers.items() if answer != answers["path"]}
        assert not different, (answers["path"], different)
        return answers["path"]

    return ask


def numbered(values: Any, **coords: Any) -> xr.Dataset:
    return xr.Dataset({"v": ("x", np.asarray(values))}, coords=coords)


# Times


@pytest.mark.parametrize(
    ("calendar", "number", "march", "days"),
    # Ten days from 25 February 2000: the number of the first, that of 1 March, and how many days are in March.
    [("noleap", 55, 59, 6), ("360_day", 54, 60, 4), ("julian", 55, 60, 5), ("all_leap", 55, 60, 5)],
)
def test_times_of_other_calendars_keep_number_and_units(con, ask, calendar, number, march, days):
    dates = xr.date_range("2000-02-25", periods=10, calendar=calendar, use_cftime=True)
    ds = xr.Dataset({"v": ("time", np.arange(10.0))}, coords={"time": dates})
    ds.time.encoding.update(units="days since 2000-01-01", calendar=calendar, dtype="i8")
    assert cftime.num2date(march, "days since 2000-01-01", calendar).strftime("%Y-%m-%d") == "2000-03-01"
    assert ask(ds, f"SELECT min(time), max(time), count(*) FILTER (time >= {march}) FROM {{t}}") == [
        (number, number + 9, days)]
    for table in ("memory", "dask", "native"):
        assert con.sql(f"SELECT time FROM {table}").types == ["BIGINT"]
    for stream in (cn.read_xarray_table(ds), cn.read_xarray_table(ds.chunk())):
        assert pa.schema(stream).field("time").metadata == {b"comment": f"[days since 2000-01-01, {calendar}]".encode()}


def test_dates_before_1582_are_those_of_the_mixed_calendar(ask):
    days = np.array([0, 107, 577_736, 577_737, 730_000])
    attributes = {"units": "days since 0001-01-01", "calendar": "standard"}
    ds = xr.Dataset({"v": ("time", days)}, coords={"time": ("time", days, attributes)})
    dates = cftime.num2date(days, "days since 0001-01-01", "standard")
    want = [(date.strftime("%Y-%m-%d"),) for date in dates]
    # xarray's own decoding makes dates of cftime of them.
    assert ask(ds, "SELECT strftime(time, '%Y-%m-%d') FROM {t} ORDER BY v") == want
    assert want[0] == ("0001-01-01",) and want[2:4] == [("1582-10-04",), ("1582-10-15",)]


def test_the_file_of_year_49(con):
    path = NCARG / "vinth2p.nc"
    if not path.exists():
        pytest.skip("libncarg-data is not installed")
    with xr.open_dataset(path) as ds:
        con.register("year_49", ds[["T"]])
        assert con.sql("SELECT strftime(min(time), '%Y-%m-%d') FROM year_49").fetchall() == [("0049-12-17",)]


def test_year_one_and_year_three_thousand(ask):
    moments = np.array(["0001-01-01", "3000-01-01"], "M8[s]")
    ds = xr.Dataset({"v": ("time", [1, 2])}, coords={"time": moments})
    ds.time.encoding.update(units="days since 2000-01-01", calendar="proleptic_gregorian", dtype="i8")
    assert ask(ds, "SELECT strftime(time, '%Y-%m-%d'), v FROM {t} ORDER BY v") == [("0001-01-01", 1), ("3000-01-01", 2)]


@pytest.mark.parametrize(
    "units", ["months since 1950-01-01", "days since 0000-01-01", "hour since 0000-01-01 00:00:00"]
)
def test_units_that_xarray_refuses_are_numbers(con, tmp_path, units):
    ds = xr.Dataset({"v": ("time", [1.0, 2.0])}, coords={"time": ("time", [366, 396], {"units": units})})
    with pytest.raises(ValueError, match="decode|unit|year"):
        xr.decode_cf(ds)
    con.register("seen", ds)
    path = str(tmp_path / "a.zarr")
    ds.to_zarr(path, consolidated=False)
    con.register("native", cn.open_zarr(path))
    for table in ("seen", "native", f"'{path}'"):
        assert con.sql(f"SELECT min(time), max(time) FROM {table}").fetchall() == [(366, 396)]


@pytest.mark.parametrize(("unit", "code"), [("days", "D"), ("hours", "h"), ("seconds", "s")])
def test_durations_are_numbers_with_their_unit(ask, unit, code):
    ds = numbered(np.array([1, 2, 3], f"m8[{code}]").astype("m8[ns]"))
    ds.v.encoding.update(units=unit, dtype="i8")
    assert ask(ds, "SELECT sum(v)::BIGINT FROM {t}") == [(6,)]
    assert pa.schema(cn.read_xarray_table(ds)).field("v").metadata == {b"comment": f"[{unit}]".encode()}


# Results as arrays


def test_missing_cells_of_integers_are_filled_or_an_error(con):
    con.sql("CREATE TABLE t AS SELECT * FROM (VALUES (0, 0, 220), (1, 1, 8)) AS t(y, x, v)")
    filled = con.sql("FROM t").to_xarray(dims=["y", "x"])
    np.testing.assert_array_equal(filled.v, [[220, np.nan], [np.nan, 8]])
    np.testing.assert_array_equal(con.sql("FROM t").to_xarray(dims=["y", "x"], fill_value=-1).v, [[220, -1], [-1, 8]])
    con.sql(f"CREATE TABLE big AS SELECT y, x, v + {2**60}::BIGINT AS v FROM t")
    with pytest.raises(errors.InvalidData, match="fill_value"):
        con.sql("FROM big").to_xarray(dims=["y", "x"])


def test_a_duplicate_coordinate_is_an_error_on_the_way_back(con):
    con.register("t", numbered([1, 2, 3], x=[1, 1, 2]))
    assert con.sql("SELECT v FROM t ORDER BY v").fetchall() == [(1,), (2,), (3,)]
    with pytest.raises(errors.AlreadyExists, match="x"):
        con.sql("SELECT x, v FROM t").to_xarray(dims=["x"])


# Coordinates and names


def test_nan_in_a_coordinate_is_greater_than_every_number(con, ask):
    ds = numbered([0.0, 1, 2, 3, 4], x=[1.0, 2.0, np.nan, 3.0, 4.0])
    ds.x.encoding["_FillValue"] = None  # else xarray writes that NaN means missing, and it is NULL
    assert ask(ds, "SELECT count(*) FROM {t} WHERE x > 2") == [(3,)]
    con.sql("CREATE TABLE own AS SELECT unnest([1, 2, 'nan'::DOUBLE, 3, 4]) AS x")
    assert con.sql("SELECT count(*) FROM own WHERE x > 2").fetchall() == [(3,)]


def test_names_that_differ_in_case_are_two_columns(con, tmp_path):
    ds = xr.Dataset({"T": ("x", [1.0, 2.0]), "t": ("x", [10.0, 20.0])})
    path = str(tmp_path / "a.zarr")
    ds.to_zarr(path, consolidated=False)
    con.register("memory", ds)
    con.register("native", cn.open_zarr(path))
    for table in ("memory", "native", f"'{path}'"):
        assert con.sql(f'SELECT sum("T_1"), sum("t_2") FROM {table}').fetchall() == [(3.0, 30.0)]
        with pytest.raises(errors.InvalidArgument):
            con.sql(f'SELECT sum("t") FROM {table}')


def test_mixed_case_needs_no_quotes(ask):
    assert ask(xr.Dataset({"Tair": ("x", [1.0, 2.0])}), "SELECT sum(tair), sum(TAIR) FROM {t}") == [(3.0, 3.0)]


def test_coordinates_that_are_no_dimensions_are_columns(ask):
    ds = xr.Dataset(
        {"v": (("y", "x"), np.arange(6).reshape(2, 3))},
        coords={"height": 2.5, "name": ("x", ["a", "b", "c"]), "lat": (("y", "x"), np.arange(6.0).reshape(2, 3) * 10)},
    )
    assert ask(ds, "SELECT v, height, name, lat FROM {t} WHERE lat BETWEEN 20 AND 40 AND name != 'c' ORDER BY v") == [
        (3, 2.5, "a", 30.0), (4, 2.5, "b", 40.0)]


def test_dimensions_in_another_order_are_one_table(ask):
    values = np.arange(6.0).reshape(2, 3)
    ds = xr.Dataset({"a": (("x", "y"), values), "b": (("y", "x"), values.T)})
    assert ask(ds, "SELECT count(*), count(*) FILTER (a = b) FROM {t}") == [(6, 6)]


def test_the_bare_name_of_several_grids_lists_them(con, tmp_path):
    ds = xr.Dataset({"a": (("y", "x"), np.zeros((2, 3))), "b": ("x", np.ones(3))})
    path = str(tmp_path / "a.zarr")
    ds.to_zarr(path, consolidated=False)
    con.register("in_memory", ds)
    con.register("native", cn.open_zarr(path))
    choices = {"in_memory": r"in_memory\.y_x, in_memory\.x", "native": r"native\.y_x, native\.x", f"'{path}'": "y_x, x"}
    for table, choice in choices.items():
        with pytest.raises(errors.InvalidArgument, match=choice):
            con.sql(f"FROM {table}")
    for table in ("in_memory", "native"):
        assert con.sql(f"SELECT sum(b) FROM {table}.x").fetchall() == [(3.0,)]


@pytest.mark.parametrize(("file", "variable"), [("levitus_climatology.cdf", "TEMP"), ("esku_heat_budget.cdf", None)])
def test_files_with_unused_edges_can_be_queried(con, file, variable):
    if not (FERRET / file).exists():
        pytest.skip("ferret-datasets is not installed")
    with xr.open_dataset(FERRET / file, decode_times=False) as ds:
        variable = variable or max(ds.data_vars, key=lambda name: ds[name].size)
        table = cn.read_xarray_table(ds, table=ds[variable].dims)
        con.register("t", table)
        ((count, total),) = con.sql(f'SELECT count("{variable}"), sum("{variable}") FROM t').fetchall()
        assert count == int(ds[variable].count()) > 0
        assert total == pytest.approx(float(ds[variable].astype("f8").sum()), rel=1e-9)


def test_an_unused_edges_coordinate_in_a_store(ask):
    ds = xr.Dataset({"v": ("z", [1.0, 2.0])}, coords={"z": ("z", [5, 10], {"edges": "z_edges"}), "z_edges": [0, 7, 15]})
    assert ask(ds, "SELECT sum(v) FROM {t} WHERE z > 5") == [(2.0,)]


# Types and values


def test_half_precision(ask):
    assert ask(numbered(np.array([1, 2], "f2")), "SELECT sum(v), typeof(any_value(v)) FROM {t}") == [(3.0, "FLOAT")]


@pytest.mark.parametrize(
    "values",
    [np.array([1 + 2j, 3j], "c8"), np.array([(1, 2.0), (3, 4.0)], [("a", "i4"), ("b", "f8")])],
    ids=["complex", "structured"],
)
def test_a_type_that_sql_has_not_leaves_the_other_columns_usable(con, tmp_path, values):
    ds = xr.Dataset({"good": ("x", [1.0, 2.0]), "odd": ("x", values)})
    path = str(tmp_path / "a.zarr")
    ds.to_zarr(path, consolidated=False)
    con.register("memory", ds)
    con.register("native", cn.open_zarr(path))
    for table in ("memory", "native", f"'{path}'"):
        assert con.sql(f"SELECT sum(good), count(*) FROM {table}").fetchall() == [(3.0, 2)]
        with pytest.raises(errors.Unsupported, match='column "odd" cannot be read.*EXCLUDE'):
            con.sql(f"SELECT * FROM {table}").fetchall()
        assert con.sql(f"SELECT * EXCLUDE (odd) FROM {table}").fetchall() == [(0, 1.0), (1, 2.0)]


def test_object_strings_with_none(con):
    con.register("t", numbered(np.array(["a", None, "b"], object)))
    assert con.sql("SELECT count(v), count(*), max(v) FROM t").fetchall() == [(2, 3, "b")]


def test_masked_integers_beyond_two_to_the_53_keep_their_digits(con, tmp_path):
    big = 1152921504606846977
    path = str(tmp_path / "a.zarr")
    xr.Dataset({"v": ("x", np.array([big, -1]), {"_FillValue": -1})}).to_zarr(path, consolidated=False, zarr_format=ZARR_FORMATS[-1])
    con.register("undecoded", xr.open_zarr(path, consolidated=False, mask_and_scale=False))
    con.register("native", cn.open_zarr(path))
    for table in ("undecoded", "native", f"'{path}'"):
        assert con.sql(f"SELECT v FROM {table} ORDER BY x").fetchall() == [(big,), (None,)]
    (table,) = colonnade_cli.run_batch([f"SELECT v FROM '{path}' ORDER BY x"])
    assert table["v"].to_pylist() == [big, None]
    # xarray itself has made it a float64 before it comes here: the nearest one, as documented.
    con.register("decoded", xr.open_zarr(path, consolidated=False))
    assert con.sql("SELECT v FROM decoded ORDER BY x").fetchall() == [(float(big),), (None,)]


def test_zeros_of_version_2_are_missing_as_for_xarray_unless_asked_for(con, tmp_path):
    path = str(tmp_path / "a.zarr")
    ds = xr.Dataset({"v": ("x", np.array([0, 1, 2], "i4"))})
    ds.to_zarr(path, consolidated=False, zarr_format=2, encoding={"v": {"_FillValue": 0}})
    metadata = json.loads((Path(path) / "v" / ".zarray").read_text())
    assert metadata["fill_value"] == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        con.register("opened", xr.open_zarr(path, consolidated=False))
    con.register("native", cn.open_zarr(path))
    con.register("kept", cn.open_zarr(path, mask_fill="never"))
    for table in ("opened", "native", f"'{path}'"):
        assert con.sql(f"SELECT count(v) FROM {table}").fetchall() == [(2,)], table
    for table in ("kept", f"read_zarr('{path}', mask_fill := 'never')"):
        assert con.sql(f"SELECT count(v) FROM {table}").fetchall() == [(3,)], table


def test_a_float32_coordinate_is_compared_as_the_engine_compares(con, ask):
    con.sql("CREATE TABLE own AS SELECT 45.1::FLOAT AS x")
    for condition in ("x = 45.1", "x = 45.1::FLOAT", "x = 45.1::DOUBLE", "x IN (45.1, 7)", "x BETWEEN 45.1 AND 46"):
        want = con.sql(f"SELECT count(*) FROM own WHERE {condition}").fetchall()
        ds = numbered([1.0, 2.0, 3.0], x=np.array([44, 45.1, 47], "f4"))
        assert ask(ds, f"SELECT count(*) FROM {{t}} WHERE {condition}") == want, condition


def test_rows_of_a_limit_without_an_order_are_the_same_every_time(con):
    ds = xr.Dataset({"v": (("time", "x"), np.arange(4_000.0).reshape(400, 10))}).chunk({"time": 7})
    con.register("t", ds)
    first = con.sql("SELECT time, x, v FROM t LIMIT 11 OFFSET 3").fetchall()
    assert first == [(i // 10, i % 10, float(i)) for i in range(3, 14)]
    assert all(con.sql("SELECT time, x, v FROM t LIMIT 11 OFFSET 3").fetchall() == first for _ in range(20))
