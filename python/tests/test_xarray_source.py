"""xarray objects as tables: the same rows as the store they came from, whatever xarray has made of it."""

from __future__ import annotations

import datetime
import math
import pathlib
import warnings
from typing import Any

import cftime
import dask.array
import numpy as np
import pyarrow as pa
import pytest
import xarray as xr

import colonnade as cn
from colonnade import errors, xarray_source
from colonnade.xarray_source import read_xarray_table
from conftest import ZARR_FORMATS, rows

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::RuntimeWarning")


def sql(ds: Any, text: str, **options: Any) -> list[tuple]:
    """Rows of a query on `this`."""
    with cn.connect(threads=2) as con:
        con.register("this", ds, **options)
        return rows(con, text)


def plain(value: Any) -> Any:
    """A value without what data types alone decide: nanoseconds of zero, NaN that differs from itself."""
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, np.datetime64):
        return value.astype("datetime64[us]").item()
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None)
    return value


def comparable(found: list[tuple]) -> list[list]:
    """Rows in the order of their last two values, which are positions."""
    return sorted(([plain(value) for value in row] for row in found), key=lambda row: row[-2:])


# The same rows as the engine's own reader


def every_type() -> xr.Dataset:
    """One variable per type, with a missing value where the type has one. y is 3, x is 4 long."""
    rng = np.random.default_rng(7)
    shape = (3, 4)
    made: dict[str, Any] = {
        kind: (("y", "x"), rng.integers(0, 100, shape).astype(kind))
        for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
    }
    for kind in ("f2", "f4", "f8"):
        values = rng.normal(size=shape).astype(kind)
        values[1, 2] = np.nan
        made[kind] = (("y", "x"), values)
    made["flag"] = (("y", "x"), rng.integers(0, 2, shape).astype(bool))
    made["text"] = (("y", "x"), np.array([f"né {i}" for i in range(12)]).reshape(shape))
    made["length"] = (("y", "x"), np.arange(12).reshape(shape).astype("m8[h]").astype("m8[ns]"))
    moments = (np.datetime64("2001-02-03T04:05:06", "ns") + np.arange(12) * np.timedelta64(1, "h")).reshape(shape)
    moments[2, 3] = np.datetime64("NaT")
    made["moment"] = (("y", "x"), moments)
    packed = rng.integers(-50, 50, shape) * 0.5
    packed[0, 0] = np.nan
    made["packed"] = (("y", "x"), packed)
    masked = rng.integers(0, 9, shape).astype(float)
    masked[2, 2] = np.nan
    made["masked"] = (("y", "x"), masked)
    dates = np.array([cftime.DatetimeNoLeap(1999, 12, 30) + datetime.timedelta(days=i) for i in range(12)])
    made["date"] = (("y", "x"), dates.reshape(shape))
    ds = xr.Dataset(
        made,
        coords={
            "y": [3.0, np.nan, -1.0],
            "x": np.array([40, 30, 20, 10], "i4"),
            "name": ("x", np.array(["a", "b", "c", "d"])),
            "area": (("y", "x"), rng.random(shape)),
            "height": 2.0,
        },
    )
    ds["packed"].encoding.update(dtype="i2", scale_factor=0.5, add_offset=10.0, _FillValue=-999)
    ds["masked"].encoding.update(dtype="i4", _FillValue=-1)
    ds["moment"].encoding.update(units="seconds since 2000-01-01", dtype="i8", _FillValue=-(2**62))
    ds["length"].encoding.update(units="hours", dtype="i8")
    return ds


@pytest.fixture(scope="module", params=ZARR_FORMATS, ids=lambda number: f"v{number}")
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("stores") / f"types{request.param}.zarr")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = every_type()
        for name in ds.variables:
            if ds[name].dtype.kind in "biu":  # version 2 makes zero a missing value otherwise
                ds[name].encoding.setdefault("_FillValue", None)
            if name in ds.data_vars:
                ds[name].encoding["chunks"] = (2, 3)
        ds.to_zarr(path, zarr_format=request.param)
    return path


OPENINGS = {
    "dask": {},
    "lazy": {"chunks": None},
    "loaded": {"chunks": None},
    "not decoded": {"chunks": None, "decode_cf": False},
    "not masked": {"chunks": None, "mask_and_scale": False, "decode_times": False},
    "times not decoded": {"decode_times": False},
    "seconds": {"decode_times": xr.coders.CFDatetimeCoder(time_unit="s")},
}


@pytest.mark.parametrize("opening", OPENINGS)
def test_rows_equal_those_of_the_store(con: cn.Session, store: str, opening: str) -> None:
    options = {"consolidated": False, **OPENINGS[opening]}
    ds = xr.open_zarr(store, **options)
    if opening == "loaded":
        ds = ds.load()
    con.register("seen", ds)
    columns = ", ".join(sorted(f'"{name}"' for name in ds.variables))
    want = rows(con, f"SELECT {columns}, y_idx, x_idx FROM '{store}'")
    got = rows(con, f"SELECT {columns}, y_idx, x_idx FROM seen")
    assert len(want) == 12
    assert comparable(got) == comparable(want)
    by_name = dict(zip(sorted(ds.variables), zip(*want)))
    assert None in by_name["f4"] and None in by_name["packed"] and None in by_name["moment"]


@pytest.mark.parametrize("backend", ["netcdf4", "h5netcdf", "scipy"])
def test_files_of_every_backend_give_the_rows_that_xarray_shows(
    con: cn.Session, tmp_path: pathlib.Path, backend: str
) -> None:
    pytest.importorskip(backend.replace("netcdf4", "netCDF4"))
    path = str(tmp_path / "a.nc")
    n = 300
    ds = xr.Dataset(
        {"v": (("t", "x"), np.arange(n * 7.0).reshape(n, 7))},
        coords={"t": np.datetime64("2000-01-01", "ns") + np.arange(n) * np.timedelta64(1, "D"), "x": np.arange(7)},
    )
    encoding = {} if backend == "scipy" else {"v": {"chunksizes": (50, 7), "zlib": True}}
    ds.to_netcdf(path, engine=backend, encoding=encoding)
    with xr.open_dataset(path, engine=backend) as opened:
        con.register("file", opened)
        assert rows(con, "SELECT sum(v), count(*), max(t)::DATE FROM file WHERE x < 3") == [
            (float(ds.v[:, :3].sum()), n * 3, datetime.date(2000, 10, 26))
        ]
        assert not opened.variables["v"]._in_memory


# Times


@pytest.mark.parametrize("calendar", ["noleap", "all_leap", "360_day", "julian"])
@pytest.mark.parametrize("lazy", [False, True], ids=["index", "read"])
def test_times_of_other_calendars_are_the_stored_numbers(
    con: cn.Session, tmp_path: pathlib.Path, calendar: str, lazy: bool
) -> None:
    dates = xr.date_range("2000-02-25", periods=10, calendar=calendar, use_cftime=True)
    dims = ("step", "x") if lazy else ("time",)
    values = np.array(list(dates), dtype=object)
    ds = xr.Dataset({"time": (dims, values.reshape(5, 2) if lazy else values)})
    if lazy:
        ds = ds.rename(time="t")
    else:
        ds["v"] = ("time", np.arange(10.0))
    name = "t" if lazy else "time"
    ds[name].encoding.update(units="hours since 1999-12-30", calendar=calendar, dtype="f8")
    path = str(tmp_path / "a.zarr")
    ds.to_zarr(path)
    for opened in (xr.open_zarr(path), xr.open_zarr(path, chunks=None), ds):
        con.register("seen", opened)
        native = rows(con, f"SELECT {name} FROM '{path}' ORDER BY 1")
        assert rows(con, f"SELECT {name} FROM seen ORDER BY 1") == native
        assert all(isinstance(value, float) for (value,) in native)


def test_old_dates_of_the_standard_calendar_are_those_of_xarray(con: cn.Session) -> None:
    days = [0, 17_877, 577_736, 577_737, 730_000]
    time = ("time", days, {"units": "days since 0001-01-01"})
    raw = xr.Dataset({"v": ("time", np.arange(5.0))}, coords={"time": time})
    decoded = xr.decode_cf(raw, decode_times=xr.coders.CFDatetimeCoder(use_cftime=True))
    want = [date.strftime("%Y-%m-%d") for date in decoded.time.values]
    for ds in (raw, decoded):
        con.register("old", ds)
        got = rows(con, "SELECT strftime(time, '%Y-%m-%d') FROM old ORDER BY v")
        assert [text for (text,) in got] == want
    assert want[0] == "0001-01-01"


def test_dates_without_an_encoding_are_what_xarray_would_store(con: cn.Session, tmp_path: pathlib.Path) -> None:
    dates = xr.date_range("2000-02-25", periods=4, freq="6h", calendar="noleap", use_cftime=True)
    ds = xr.Dataset({"v": ("time", np.arange(4))}, coords={"time": dates})
    path = str(tmp_path / "a.zarr")
    ds.to_zarr(path)
    con.register("seen", ds)
    assert rows(con, "SELECT time, v FROM seen ORDER BY v") == rows(con, f"SELECT time, v FROM '{path}' ORDER BY v")


def test_dates_that_have_been_moved_are_encoded_anew(con: cn.Session) -> None:
    dates = xr.date_range("2000-01-01", periods=3, calendar="noleap", use_cftime=True)
    ds = xr.Dataset({"v": ("time", np.arange(3))}, coords={"time": dates + datetime.timedelta(hours=6)})
    ds["time"].encoding.update(units="days since 2000-01-01", calendar="noleap", dtype=np.dtype("i8"))
    con.register("moved", ds)
    found = [time for (time,) in rows(con, "SELECT time FROM moved ORDER BY v")]
    assert np.diff(found).tolist() == [24, 24]


def test_dates_that_do_not_fit_their_encoding_fail_by_name(con: cn.Session) -> None:
    dates = np.array([cftime.DatetimeNoLeap(2000, 1, 1, 6)] * 4, dtype=object).reshape(2, 2)
    variable = xr.Variable(("y", "x"), dask.array.from_array(dates, chunks=(1, 2)))
    variable.encoding.update(units="days since 2000-01-01", calendar="noleap", dtype=np.dtype("i4"))
    con.register("bad", xr.Dataset({"when": variable}))
    with pytest.raises(ValueError, match='variable "when".*"days since 2000-01-01".*int32'):
        rows(con, "SELECT * FROM bad")


def test_units_without_a_length_stay_numbers(con: cn.Session) -> None:
    time = ("time", [0, 1], {"units": "months since 1950-01-01"})
    ds = xr.Dataset({"v": ("time", [1.0, 2.0])}, coords={"time": time})
    con.register("months", ds)
    assert rows(con, "SELECT time, v FROM months ORDER BY v") == [(0, 1.0), (1, 2.0)]


def test_durations_without_an_encoding_are_counts_of_their_unit() -> None:
    ds = xr.Dataset({"d": ("x", np.array([1, "NaT", 3], "m8[m]").astype("m8[s]"))})
    assert sql(ds, "SELECT d FROM this ORDER BY x") == [(60,), (None,), (180,)]


def test_every_unit_of_datetime64_is_a_timestamp() -> None:
    moment = datetime.datetime(2001, 2, 3, 4, 5, 6)
    for unit in ("s", "ms", "us", "ns"):
        ds = xr.Dataset({"m": ("x", np.array([moment, "NaT"], f"M8[{unit}]"))})
        assert ds["m"].dtype == np.dtype(f"M8[{unit}]")
        assert sql(ds, "SELECT m::TIMESTAMP FROM this ORDER BY x") == [(moment,), (None,)]


# Masks and values


def test_large_masked_integers_keep_their_digits(con: cn.Session, tmp_path: pathlib.Path) -> None:
    big = 1152921504606846977
    path = str(tmp_path / "a.zarr")
    xr.Dataset({"v": ("x", np.array([big, -1]), {"_FillValue": -1})}).to_zarr(path, zarr_format=ZARR_FORMATS[-1])
    con.register("raw", xr.open_zarr(path, mask_and_scale=False))
    for table in ("raw", f"'{path}'"):
        assert rows(con, f"SELECT v FROM {table} ORDER BY x_idx") == [(big,), (None,)]


def test_missing_elements_of_object_arrays_are_null(con: cn.Session) -> None:
    import pandas as pd

    ds = xr.Dataset(
        {
            "text": ("x", np.array(["a", None, "", math.nan], dtype=object)),
            "flag": ("x", np.array([True, None, False, math.nan], dtype=object)),
            "category": ("x", pd.Categorical(["p", "q", None, "p"])),
        }
    )
    con.register("objects", ds)
    assert rows(con, "SELECT text, flag, category FROM objects ORDER BY x") == [
        ("a", True, "p"),
        (None, None, "q"),
        ("", False, None),
        (None, None, "p"),
    ]
    assert rows(con, "SELECT count(text) FROM objects") == [(2,)]


def test_text_of_every_kind_is_text(con: cn.Session) -> None:
    words = ["grün", "", "two words"]
    ds = xr.Dataset(
        {
            "u": ("x", np.array(words)),
            "s": ("x", np.array([word.encode() for word in words])),
            "o": ("x", np.array(words, dtype=object)),
            "d": ("x", dask.array.from_array(np.array(words, dtype=object), chunks=2)),
            "strided": ("x", np.array([w for word in words for w in (word, "no")])[::2]),
        }
    )
    if hasattr(np.dtypes, "StringDType"):
        ds["v"] = ("x", np.array(words, dtype=np.dtypes.StringDType()))
    con.register("words", ds)
    for name in ds.data_vars:
        assert rows(con, f"SELECT {name} FROM words ORDER BY x") == [(word,) for word in words], name


def test_a_column_without_a_type_fails_alone(con: cn.Session) -> None:
    ds = xr.Dataset(
        {
            "good": ("x", [1.0, 2.0]),
            "complex": ("x", np.array([1j, 2])),
            "mixed": ("x", np.array([1, "a"], dtype=object)),
            "fields": ("x", np.zeros(2, [("a", "i4")])),
            "late": ("x", dask.array.from_array(np.array(["a", 5], dtype=object), chunks=1)),
            "latin": ("x", np.array([b"\xe9", b"e"])),
        }
    )
    con.register("parts", ds)
    assert rows(con, "SELECT sum(good), count(*) FROM parts") == [(3.0, 2)]
    for name, reason in {
        "complex": "complex128 has no SQL type",
        "mixed": "objects of type int, str",
        "fields": "has no SQL type",
        "late": r'variable "late".*element \[1\] is of type int, not text',
        "latin": r'variable "latin".*UTF-8',
    }.items():
        with pytest.raises(errors.Error, match=reason):
            rows(con, f'SELECT "{name}" FROM parts')


def test_memory_is_read_in_place_whatever_its_strides(con: cn.Session) -> None:
    base = np.arange(2 * 60.0).reshape(6, 20)
    views = {
        "plain": base[:, :10].copy(),
        "strided": base[:, ::2],
        "reversed": base[::-1, :10],
        "transposed": np.asfortranarray(base[:, :10]),
        "foreign": base[:, :10].astype(">f8"),
        "unaligned": np.frombuffer(b"x" + base[:, :10].tobytes(), "u1")[1:].view("u1"),
        "broadcast": np.broadcast_to(base[:1, :10], (6, 10)),
    }
    raw = np.zeros(60, np.dtype([("skip", "u1"), ("v", "<f8")], align=False))
    raw["v"] = base[:, :10].ravel()
    views["unaligned"] = raw["v"].reshape(6, 10)
    ds = xr.Dataset({name: (("y", "x"), values) for name, values in views.items()})
    con.register("memory", ds)
    for name, values in views.items():
        found = rows(con, f'SELECT "{name}" FROM memory ORDER BY y, x')
        np.testing.assert_array_equal([value for (value,) in found], np.asarray(values, "f8").ravel(), name)
    ds["plain"].values[0, 0] = 1000.0
    assert rows(con, "SELECT max(plain) FROM memory") == [(1000.0,)], "a copy was made"


# Coordinates


def test_any_order_of_a_coordinate_gives_all_rows(con: cn.Session) -> None:
    ds = xr.Dataset({"v": ("x", np.arange(6.0))}, coords={"x": [3.0, np.nan, 1.0, 3.0, -1.0, 2.5]})
    con.register("odd", ds)
    assert rows(con, "SELECT v FROM odd WHERE x = 3 ORDER BY v") == [(0.0,), (3.0,)]
    assert rows(con, "SELECT count(*) FROM odd WHERE x > 2") == [(4,)]  # NaN is larger than any number in SQL
    assert rows(con, "SELECT count(*) FROM odd WHERE x < 2") == [(2,)]
    down = xr.Dataset({"v": ("x", np.arange(5))}, coords={"x": [50, 40, 30, 20, 10]})
    con.register("down", down)
    assert rows(con, "SELECT v FROM down WHERE x BETWEEN 20 AND 40 ORDER BY x") == [(3,), (2,), (1,)]


def test_coordinates_of_every_rank_are_columns(con: cn.Session) -> None:
    ds = xr.Dataset(
        {"v": (("y", "x"), np.arange(6.0).reshape(2, 3))},
        coords={
            "height": 2.5,
            "station": ("x", ["a", "b", "c"]),
            "lat": (("y", "x"), np.arange(6.0).reshape(2, 3) * 10),
        },
    )
    con.register("grid", ds)
    assert rows(con, "SELECT y, x, height, station, v FROM grid WHERE lat = 40") == [(1, 1, 2.5, "b", 4.0)]


def test_levels_of_a_multi_index_are_columns(con: cn.Session) -> None:
    ds = xr.Dataset({"v": (("a", "b"), np.arange(4.0).reshape(2, 2))}, coords={"a": [10, 20], "b": ["p", "q"]})
    con.register("stacked", ds.stack(z=("a", "b")))
    assert rows(con, "SELECT z, a, b, v FROM stacked WHERE a = 20 ORDER BY v") == [(2, 20, "p", 2.0), (3, 20, "q", 3.0)]


def test_names_that_differ_in_case_are_both_there(con: cn.Session) -> None:
    ds = xr.Dataset({"T": ("time", [1.0, 2.0]), "t": ("time", [10.0, 20.0])}, coords={"TIME": 5.0})
    con.register("two", ds)
    assert rows(con, 'SELECT sum("T_1"), sum("t_2") FROM two') == [(3.0, 30.0)]
    with pytest.raises(errors.Error):
        rows(con, 'SELECT sum("t") FROM two')
    relation = con.sql("SELECT * FROM two")
    assert relation is not None
    assert sorted(name.lower() for name in relation.columns) == sorted(["time_1", "time_2", "t_1", "t_2"])


def test_names_may_be_any_hashable_but_not_the_same_text() -> None:
    ds = xr.Dataset({0: ("x", [1, 2]), ("a", 1): ("x", [3, 4])})
    assert sql(ds, """SELECT "0", "('a', 1)" FROM this ORDER BY x""") == [(1, 3), (2, 4)]
    with pytest.raises(errors.InvalidArgument, match="variables 0 and '0' are both"):
        read_xarray_table(xr.Dataset({0: ("x", [1]), "0": ("x", [2])}))
    with pytest.raises(errors.InvalidArgument, match="dimensions 1 and '1' are both"):
        read_xarray_table(xr.Dataset({"a": ((1, "1"), np.zeros((2, 3)))}))
    with pytest.raises(errors.InvalidArgument, match="UTF-8"):
        read_xarray_table(xr.Dataset({"\ud800": ("x", [1])}))


# Tables


def test_variables_with_the_same_dimensions_in_any_order_are_one_table(con: cn.Session) -> None:
    a = np.arange(6.0).reshape(2, 3)
    con.register("one", xr.Dataset({"a": (("x", "y"), a), "b": (("y", "x"), a.T)}))
    assert rows(con, "SELECT count(*) FROM one WHERE a = b") == [(6,)]


def test_several_grids_are_listed_and_can_be_chosen() -> None:
    ds = xr.Dataset({"a": (("y", "x"), np.zeros((2, 3))), "b": ("x", np.ones(3)), "c": 5})
    tables = xarray_source.tables_of(ds)
    assert [(table.name, table.dims) for table in tables[""]] == [("y_x", ("y", "x")), ("x", ("x",)), ("scalar", ())]
    with pytest.raises(errors.InvalidArgument, match=r'3 tables.*table="name".*"y_x" \(6 rows\), "x" \(3 rows\)'):
        read_xarray_table(ds)
    assert read_xarray_table(ds, table="x").columns == ["x", "b"]
    assert read_xarray_table(ds, table=["x", "y"]).name == "y_x"
    assert pa.table(read_xarray_table(ds, table="scalar")).to_pylist() == [{"c": 5}]
    with pytest.raises(errors.NotFound, match='no table "z"; the tables are "y_x"'):
        read_xarray_table(ds, table="z")
    with pytest.raises(errors.NotFound, match="no variables"):
        read_xarray_table(xr.Dataset())


def test_an_unused_index_coordinate_harms_nothing(con: cn.Session) -> None:
    ds = xr.Dataset({"v": ("z", [1.0, 2.0])}, coords={"z": [5, 10], "z_edges": [0, 7, 15]})
    con.register("levels", ds)
    assert rows(con, "SELECT sum(v) FROM levels WHERE z > 5") == [(2.0,)]


def test_zero_sized_and_zero_dimensional_variables(con: cn.Session) -> None:
    con.register("nothing", xr.Dataset({"v": (("y", "x"), np.zeros((0, 3)))}, coords={"x": [1, 2, 3]}))
    assert rows(con, "SELECT count(*), sum(v) FROM nothing") == [(0, None)]
    assert rows(con, "SELECT * FROM nothing") == []
    empty = xr.Dataset({"v": ("x", dask.array.zeros(0, chunks=4)), "s": ("x", np.array([], object))})
    con.register("nothing", empty)
    assert rows(con, "SELECT * FROM nothing") == []
    scalars = xr.Dataset(
        {
            "f": 1.5,
            "m": np.datetime64("2001-02-03", "s"),
            "s": "abc",
            "d": ((), dask.array.from_array(np.array(7), chunks=())),
            "n": ((), np.array(None, object)),
        }
    )
    con.register("one", scalars)
    assert rows(con, "SELECT f, m::DATE, s, d, n FROM one") == [(1.5, datetime.date(2001, 2, 3), "abc", 7, None)]


def test_a_data_array_is_a_table_with_or_without_a_name() -> None:
    array = xr.DataArray(np.arange(3.0), dims="x", coords={"x": [1, 2, 3]})
    assert read_xarray_table(array).columns == ["x", "value"]
    assert read_xarray_table(array.rename("t")).columns == ["x", "t"]
    assert read_xarray_table(array.rename(x="value")).columns == ["value", "value_"]
    assert read_xarray_table(array["x"]).columns == ["x"]
    assert sql(array, "SELECT sum(value) FROM this WHERE x > 1") == [(3.0,)]


def test_a_data_tree_has_the_tables_of_its_nodes() -> None:
    tree = xr.DataTree.from_dict(
        {
            "/": xr.Dataset(coords={"x": [10, 20]}),
            "/a": xr.Dataset({"v": ("x", [1.0, 2.0])}),
            "/a/b": xr.Dataset({"w": (("x", "y"), np.zeros((2, 3)))}),
        }
    )
    groups = xarray_source.tables_of(tree)
    assert {path: [table.name for table in tables] for path, tables in groups.items()} == {
        "": ["x"],
        "a": ["x"],
        "a/b": ["x_y"],
    }
    table = read_xarray_table(tree, table="a/x")
    assert pa.table(table).to_pylist() == [{"x": 10, "v": 1.0}, {"x": 20, "v": 2.0}], "coordinates are inherited"


def test_attributes_keep_variables_out_as_they_do_for_a_store() -> None:
    ds = xr.Dataset(
        {
            "v": ("x", [1.0, 2.0], {"grid_mapping": "crs", "units": np.array(["K"]), "odd": {"a": 1j, 2: b"\xff"}}),
            "x_bnds": (("x", "bnds"), np.zeros((2, 2))),
            "crs": ((), 0, {"grid_mapping_name": "latitude_longitude"}),
        },
        coords={"x": ("x", [1, 2], {"bounds": "x_bnds"})},
        attrs={"history": "lone surrogate \ud800", "n": np.float32("nan")},
    )
    assert read_xarray_table(ds).columns == ["x", "v"]


# Objects


def test_a_table_without_a_session_can_be_read_any_number_of_times() -> None:
    ds = xr.Dataset(
        {"v": (("y", "x"), np.arange(6.0).reshape(2, 3)), "t": (("y", "x"), np.array([["a", "b", "c"]] * 2))},
        coords={"x": [10, 20, 30]},
    )
    table = read_xarray_table(ds, chunks={"y": 1})
    assert (table.columns, table.dims, table.num_rows, len(table)) == (["y", "x", "t", "v"], ("y", "x"), 6, 6)
    for _ in range(2):
        found = pa.table(table)
        assert found.schema == pa.schema(table)
        assert found["v"].to_pylist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
        assert found["x"].to_pylist() == [10, 20, 30] * 2


def test_an_object_of_another_kind_is_refused() -> None:
    with pytest.raises(errors.InvalidArgument, match="not builtins.list"):
        xarray_source.tables_of([1])  # type: ignore[arg-type]


def test_the_accessor_answers_and_keeps_its_engine() -> None:
    ds = xr.Dataset({"t": ("x", [1.5, 2.5])})
    assert ds.cn.sql("SELECT sum(t) FROM this").fetchall() == [(4.0,)]
    ds.cn.sql("CREATE TABLE kept AS SELECT t * 2 AS d FROM this")
    assert ds.cn.sql("SELECT sum(d) FROM kept WHERE d > ?", [3.5]).fetchall() == [(5.0,)]
    assert ds["t"].cn.sql("SELECT max(t) FROM this").fetchall() == [(2.5,)]
    grids = xr.Dataset({"a": ("x", [1.0]), "b": (("x", "y"), [[2.0]])})
    assert grids.cn.sql("SELECT sum(b) FROM this.x_y").fetchall() == [(2.0,)]


@pytest.mark.parametrize("first", ["xarray", "colonnade"])
def test_the_accessor_is_there_whoever_is_imported_first(run_child: Any, first: str) -> None:
    second = "colonnade" if first == "xarray" else "xarray"
    printed = run_child(f"""
        import sys
        import {first}
        assert {first == "xarray"} or "xarray" not in sys.modules
        import {second}
        import xarray
        ds = xarray.Dataset({{"t": ("x", [1.5, 2.5])}})
        print(ds.cn.sql("SELECT sum(t) FROM this").fetchall())
        assert not any(type(finder).__name__ == "_WaitForXarray" for finder in sys.meta_path)
        assert "exec_module" not in vars(xarray.__loader__)
    """)
    assert printed.strip() == "[(4.0,)]"
