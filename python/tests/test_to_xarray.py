"""Rows back to labelled arrays: what comes back is what went in, and nothing is invented."""

from __future__ import annotations

import re
import tracemalloc

import cftime
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import colonnade as cn
from colonnade import errors
from colonnade.grid_positions import grid_of


@pytest.fixture
def con():
    with cn.connect(threads=2, variables=False) as session:
        yield session


def there_and_back(con, ds: xr.Dataset, sql: str = "FROM ds", **options) -> xr.Dataset:
    con.register("ds", ds)
    return con.sql(sql).to_xarray(**options)


def air() -> xr.Dataset:
    """Descending, unordered and missing coordinates, coordinates of 0, 1 and 2 dimensions, attributes everywhere."""
    random = np.random.default_rng(1)
    return xr.Dataset(
        {
            "t": (("time", "lat", "x"), random.normal(size=(4, 3, 5)), {"units": "K"}, {"scale_factor": 0.5}),
            "n": (("lat", "time", "x"), random.integers(-9, 9, (3, 4, 5)).astype("i2")),
        },
        coords={
            "time": ("time", pd.date_range("2000-01-01", periods=4).values, {"long_name": "when"}),
            "lat": ("lat", np.float32([30, -10, 20]), {"units": "degrees_north"}),
            "name": ("lat", ["north", "south", "ø"], {"of": "band"}),
            "area": (("lat", "x"), random.normal(size=(3, 5))),
            "height": ((), 2.0, {"units": "m"}),
        },
        attrs={"title": "air", "levels": [1, 2]},
    )


# Identity


def test_everything_comes_back(con):
    ds = air()
    back = there_and_back(con, ds)
    xr.testing.assert_identical(back, ds)
    assert {name: variable.dtype for name, variable in back.variables.items()} == {
        name: variable.dtype for name, variable in ds.variables.items()}  # fmt: skip
    assert back.t.encoding["scale_factor"] == 0.5
    assert back.n.dims == ("lat", "time", "x")


@pytest.mark.parametrize("order", ["time, lat, x", "x, lat DESC, time DESC", "random()", "hash(time, lat, x)"])
def test_the_order_of_the_rows_orders_the_labels_and_nothing_else(con, order):
    ds = air()
    back = there_and_back(con, ds, f"FROM ds ORDER BY {order}")
    labels = {dim: back[dim].values for dim in back.dims if dim in back.coords}
    expected = ds.assign_coords(x=np.arange(5)).sel(labels) if "x" in labels else ds.sel(labels)
    xr.testing.assert_identical(back, expected)


@pytest.mark.parametrize("chunks", [{"time": 1}, {"lat": 2, "x": 2}, {"time": 3, "lat": 1, "x": 4}])
def test_rows_that_come_block_by_block(con, chunks):
    ds = air()
    back = there_and_back(con, ds.chunk(chunks))
    labels = {dim: ds[dim] for dim in ("time", "lat")}
    xr.testing.assert_identical(back.sel(labels).sortby("x") if "x" in back.coords else back.sel(labels), ds)


VALUES = {
    "bool": np.array([True, False, True]),
    **{kind: np.array([0, 1, np.iinfo(kind).max], kind) for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")},
    "int64 lowest": np.array([np.iinfo("i8").min, 2**53 + 1, 0]),
    "f2": np.array([0.5, -2, 6e4], "f2"),
    "f4": np.array([0.1, np.nan, -0.0], "f4"),
    "f8": np.array([0.1, np.nan, np.inf]),
    "M8[s]": np.array(["1000-01-01", "NaT", "2999-12-31T23:59:59"], "M8[s]"),
    "M8[ms]": np.array(["1969-12-31T23:59:59.999", "NaT", "2000-01-01"], "M8[ms]"),
    "M8[us]": np.array(["1582-10-04", "NaT", "9999-12-31T23:59:59.999999"], "M8[us]"),
    "M8[ns]": np.array(["1969-12-31T23:59:59.999999999", "NaT", "2000-01-01"], "M8[ns]"),
    "m8[ns]": np.array([1, -(2**62), "NaT"], "m8[ns]"),
    "m8[s]": np.array([1, -5, 86400], "m8[s]"),
    "U": np.array(["a", "", "日本"]),
    "S": np.array([b"a", b"bc", b"def"]),
    "object text": np.array(["a", None, ""], object),
    "object bool": np.array([True, None, False], object),
}


@pytest.mark.parametrize("kind", VALUES)
def test_every_type_comes_back_as_data(con, kind):
    ds = xr.Dataset({"v": ("x", VALUES[kind])}, coords={"x": [3, 1, 2]})
    back = there_and_back(con, ds)
    xr.testing.assert_identical(back, ds)
    assert back.v.dtype.kind == ds.v.dtype.kind and back.v.dtype.itemsize == ds.v.dtype.itemsize


@pytest.mark.filterwarnings("ignore:.*float16")  # of pandas, for the Dataset that goes in
@pytest.mark.parametrize("kind", [kind for kind in VALUES if "object" not in kind and "bool" not in kind])
def test_every_type_comes_back_as_a_coordinate(con, kind):
    values = VALUES[kind]
    if values.dtype.kind in "fMm":
        values = values[values == values]
    ds = xr.Dataset({"v": ("x", np.arange(len(values)))}, coords={"x": values})
    back = there_and_back(con, ds)
    xr.testing.assert_identical(back, ds)
    assert back.x.dtype == ds.x.dtype


def test_dates_of_other_calendars_come_back(con):
    dates = xr.date_range("2000-02-27", periods=4, calendar="noleap", use_cftime=True)
    ds = xr.Dataset({"v": ("time", np.arange(4.0))}, coords={"time": dates})
    back = there_and_back(con, ds)
    xr.testing.assert_identical(back, ds)
    assert isinstance(back.time.values[0], cftime.DatetimeNoLeap)


def test_names_with_odd_characters(con):
    ds = xr.Dataset(
        {'a "b"': (("x y", "ä;--"), np.eye(2)), "select": (("x y", "ä;--"), np.ones((2, 2)))},
        coords={"x y": [1, 2], "ä;--": ["p", "q"], "from": ("x y", [5, 6])},
    )
    xr.testing.assert_identical(there_and_back(con, ds), ds)


def test_a_data_array_and_one_grid_of_several(con):
    ds = air().assign(area2=(("lat", "x"), np.ones((3, 5)), {"units": "m2"}))
    con.register("ds", ds)
    back = con.sql("FROM ds.lat_x").to_xarray()
    xr.testing.assert_identical(back, ds[["area2"]].assign_attrs(ds.attrs))
    con.register("t", air().t)
    xr.testing.assert_identical(con.sql("FROM t").to_xarray().t, air().t)


def test_a_node_of_a_tree(con):
    nodes = {"/": xr.Dataset(attrs={"title": "root"}), "/deep/sea": air()}
    con.register("tree", xr.DataTree.from_dict(nodes))
    back = con.sql('FROM tree."deep/sea/time_lat_x"').to_xarray()
    xr.testing.assert_identical(back, air())


def test_dimensions_alone(con):
    back = there_and_back(con, air(), "SELECT DISTINCT lat FROM ds ORDER BY lat")
    assert back.lat.values.tolist() == [-10, 20, 30] and not back.data_vars


@hypothesis.given(st.data())
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_a_part_of_a_dataset_is_that_part(con, data):
    """Any dims, any subset per dimension, any order: SQL and isel select the same."""
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    dims = [f"d{i}" for i in range(len(sizes))]
    coords = {dim: data.draw(st.permutations(range(10, 10 + size))) for dim, size in zip(dims, sizes)}
    ds = xr.Dataset({"v": (dims, np.arange(np.prod(sizes)).reshape(sizes), {"units": "1"})}, coords=coords)
    kept = {dim: data.draw(st.lists(st.sampled_from(coords[dim]), min_size=1, unique=True)) for dim in dims}
    order = data.draw(st.permutations(dims))
    con.register("ds", ds)
    where = " AND ".join(f"{dim} IN ({', '.join(map(str, labels))})" for dim, labels in kept.items())
    by = ", ".join(f"list_position({labels}, {dim})" for dim, labels in ((dim, kept[dim]) for dim in order))
    xr.testing.assert_identical(con.sql(f"FROM ds WHERE {where} ORDER BY {by}").to_xarray(), ds.sel(kept))


# What SQL makes of it


def test_aggregates_keep_the_dims_that_survive_and_their_coordinates(con):
    ds = air()
    back = there_and_back(con, ds, "SELECT lat, avg(t) AS t, count(*) AS count FROM ds GROUP BY lat ORDER BY lat DESC")
    expected = ds[["t"]].mean(["time", "x"]).sel(lat=[30, 20, -10])
    assert back.sizes == {"lat": 3}
    xr.testing.assert_allclose(back.t.drop_vars("area", errors="ignore"), expected.t)
    assert back.lat.attrs == ds.lat.attrs and back.name.values.tolist() == ["north", "ø", "south"]
    assert back.t.attrs == {"units": "K"} and back["count"].attrs == {} and back.attrs == ds.attrs
    assert back.height.item() == 2.0


def test_coordinates_that_sql_has_changed_are_the_changed_ones(con):
    sql = "SELECT lat, x, upper(name) AS name, -area AS area, t FROM ds WHERE time = '2000-01-02'"
    back = there_and_back(con, air(), sql)
    assert back.name.dims == ("lat",) and back.name.values.tolist() == ["NORTH", "SOUTH", "Ø"]
    np.testing.assert_array_equal(back.area.values, -air().area.values)
    assert {"name", "area"} <= set(back.coords)


def test_a_coordinate_that_depends_on_more_than_its_dims_is_data(con):
    back = there_and_back(con, air(), "SELECT time, lat, x, name || x AS name FROM ds")
    assert "name" in back.data_vars and back.name.dims == ("time", "lat", "x")


def test_dims_may_be_given_in_any_order_and_of_any_type(con):
    rel = con.sql("""
        SELECT DATE '2000-01-01' + i::INTEGER AS day, 'k' || j AS key, i * 10 + j AS v FROM range(2) a(i), range(3) b(j)""")
    back = rel.to_xarray(dims=["key", "day"])
    assert back.v.dims == ("key", "day") and back.v.dtype == np.int64
    assert back.v.sel(key="k2", day="2000-01-02").item() == 12
    assert con.sql("SELECT 5 AS v").to_xarray(dims=()).v.item() == 5


def test_a_dimension_without_a_coordinate_gets_one_only_if_positions_are_missing(con):
    ds = air()
    assert "x" not in there_and_back(con, ds, "FROM ds WHERE lat > 0").coords
    assert there_and_back(con, ds, "FROM ds WHERE x >= 3").x.values.tolist() == [3, 4]


def test_two_sources(con):
    ds = air()
    con.register("ds", ds)
    con.register("weights", xr.Dataset({"w": ("lat", [1.0, 2.0, 3.0], {"units": "1"})}, coords={"lat": ds.lat.values}))
    back = con.sql("SELECT time, lat, x, t * w AS tw, w FROM ds JOIN weights USING (lat)").to_xarray()
    assert set(back.sizes) == {"time", "lat", "x"} and back.w.attrs == {"units": "1"} and back.attrs == ds.attrs
    xr.testing.assert_allclose(
        back.tw.sel(lat=ds.lat, time=ds.time).sortby("x").drop_vars("x", errors="ignore"),
        (ds.t * xr.DataArray([1.0, 2.0, 3.0], dims="lat", coords={"lat": ds.lat})).assign_attrs(back.tw.attrs),
    )  # fmt: skip


# Missing cells


def test_missing_cells_are_filled_and_never_left_to_chance(con):
    rel = con.sql("""
        SELECT * FROM (VALUES (0, 0, 1, 1.5::FLOAT, true, 'a', TIMESTAMP '2000-01-01', INTERVAL 1 DAY),
                              (1, 1, 2, 2.5::FLOAT, false, 'b', TIMESTAMP '2000-01-02', INTERVAL 2 DAY))
               AS t(x, y, i, f, b, s, t, d)""")
    back = rel.to_xarray(dims=["x", "y"])
    assert back.i.dtype == np.float64 and back.f.dtype == np.float32 and back.b.dtype == object
    np.testing.assert_array_equal(back.i.values, [[1, np.nan], [np.nan, 2]])
    np.testing.assert_array_equal(back.f.values, np.float32([[1.5, np.nan], [np.nan, 2.5]]))
    assert back.b.values.tolist() == [[True, None], [None, False]]
    assert pd.isna(back.s.values).tolist() == [[False, True], [True, False]]
    assert np.isnat(back.t.values).tolist() == np.isnat(back.d.values).tolist() == [[False, True], [True, False]]


def test_a_fill_value_keeps_the_type(con):
    rel = con.sql("SELECT * FROM (VALUES (0, 0, 1, true, 'a'), (1, 1, NULL, NULL, NULL)) AS t(x, y, i, b, s)")
    back = rel.to_xarray(dims=["x", "y"], fill_value={"i": -1, "b": False, "s": "-"})
    assert back.i.dtype == np.int32 and back.i.values.tolist() == [[1, -1], [-1, -1]]
    assert back.b.dtype == bool and back.b.values.tolist() == [[True, False], [False, False]]
    assert back.s.values.tolist() == [["a", "-"], ["-", "-"]]
    numbers = rel.to_xarray(dims=["x", "y"], fill_value=-9)  # meant for numbers
    assert numbers.i.values.tolist() == [[1, -9], [-9, -9]]
    assert pd.isna(numbers.s.values).tolist() == [[False, True], [True, True]]


@pytest.mark.parametrize(
    "rows", ["(0, 0, 1), (0, 1, NULL)", "(0, 0, 1), (1, 1, 3)", "(1, 1, 3), (0, 0, NULL), (0, 1, 2)"]
)
def test_integers_that_float64_cannot_hold_are_refused_not_rounded(con, rows):
    rel = con.sql(f"SELECT x, y, v + 9007199254740992 AS v FROM (VALUES {rows}) AS t(x, y, v)")
    with pytest.raises(errors.InvalidData, match=re.escape('variable "v" has missing cells, and 900719925474099')):
        rel.to_xarray(dims=["x", "y"])
    back = rel.to_xarray(dims=["x", "y"], fill_value={"v": 0})
    assert back.v.dtype == np.int64 and back.v.max() > 2**53


@pytest.mark.parametrize(
    ("fill", "error", "message"),
    [
        ({"i": 1.5}, errors.InvalidArgument, 'fill_value 1.5 is no value of variable "i", which is int32'),
        ({"i": 2**40}, errors.InvalidArgument, "is no value of variable"),
        ({"i": "x"}, errors.InvalidArgument, "is no value of variable"),
        ({"j": 1}, errors.NotFound, 'fill_value: "j" is no variable of the result; they are i'),
        (0.5, errors.InvalidArgument, "is no value of variable"),
    ],
)
def test_a_fill_value_that_does_not_fit(con, fill, error, message):
    with pytest.raises(error, match=message):
        con.sql("SELECT * FROM (VALUES (0, 1), (1, NULL)) AS t(x, i)").to_xarray(dims=["x"], fill_value=fill)


# Refusals


def test_two_rows_for_one_cell_are_an_error_that_names_it(con):
    rel = con.sql("SELECT * FROM (VALUES (1, 'a', 1), (2, 'b', 2), (2, 'a', 3), (2, 'b', 4)) AS t(x, k, v)")
    with pytest.raises(errors.AlreadyExists, match=re.escape("rows 1 and 3 are both (x=2, k=b)")):
        rel.to_xarray(dims=["x", "k"])
    first, last = (rel.to_xarray(dims=["x", "k"], on_duplicate=which, fill_value=0) for which in ("first", "last"))
    assert first.v.values.tolist() == [[1, 0], [3, 2]]
    assert last.v.values.tolist() == [[1, 0], [3, 4]]
    with pytest.raises(errors.InvalidArgument, match="on_duplicate"):
        rel.to_xarray(dims=["x"], on_duplicate="sum")


def test_a_duplicate_coordinate_of_the_source_is_an_error(con):
    ds = xr.Dataset({"v": ("x", [1, 2, 3])}, coords={"x": [1, 1, 2]})
    with pytest.raises(errors.AlreadyExists, match=re.escape("rows 0 and 1 are both (x=1)")):
        there_and_back(con, ds)


@pytest.mark.parametrize(
    ("sql", "dims", "error", "message"),
    [
        ("SELECT NULL::INTEGER AS x, 1 AS v", ["x"], errors.InvalidData, 'dimension "x" is NULL in row 0'),
        ("SELECT 1 AS longitude, 1 AS v", ["longitde"], errors.NotFound, 'did you mean "longitude"'),
        ("SELECT 1 AS x, 1 AS v", None, errors.InvalidArgument, "pass dims="),
        ("SELECT 1 AS x, 1 AS v", "x", errors.InvalidArgument, "dims is a sequence"),
        ("SELECT 1 AS x, 1 AS v", ["x", "x"], errors.InvalidArgument, "named twice"),
        ("SELECT 1 AS x, 1 AS v, 2 AS v", ["x"], errors.AlreadyExists, 'several columns "v"'),
        ("SELECT [1] AS x, 1 AS v", ["x"], errors.InvalidArgument, "lists, which cannot be labels"),
        ("SELECT * FROM range(2)", [], errors.AlreadyExists, "the result has 2 rows"),
        ("SELECT i AS x, i AS y, i AS z, i AS v FROM range(100000) t(i)", ["x", "y", "z"], errors.LimitExceeded,
         "100000 rows span a grid of 1000000000000000 cells"),
        ("SELECT i AS a, i AS b, i AS c, i AS d, i AS e FROM range(100000) t(i)", list("abcde"), errors.LimitExceeded,
         "span a grid of"),
    ],
)  # fmt: skip
def test_results_that_are_no_arrays(con, sql, dims, error, message):
    with pytest.raises(error, match=message):
        con.sql(sql).to_xarray(dims=dims)


def test_no_rows(con):
    back = there_and_back(con, air(), "FROM ds WHERE lat > 90")
    assert dict(back.sizes) == {"time": 0, "lat": 0, "x": 0} and back.t.dtype == np.float64
    assert back.time.dtype == air().time.dtype


def test_nan_is_one_label(con):
    back = con.sql("SELECT * FROM (VALUES (1.5::DOUBLE, 1), ('NaN'::DOUBLE, 2)) AS t(x, v)").to_xarray(dims=["x"])
    assert back.v.values.tolist() == [1, 2] and np.isnan(back.x.values[1])
    rel = con.sql("SELECT * FROM (VALUES ('NaN'::DOUBLE, 1), ('NaN'::DOUBLE, 2)) AS t(x, v)")
    with pytest.raises(errors.AlreadyExists, match="x=nan"):
        rel.to_xarray(dims=["x"])


def test_sorted_coordinates(con):
    ds = air()
    for order in ("time, lat, x", "random()"):
        back = there_and_back(con, ds, f"FROM ds ORDER BY {order}", sort=True)
        xr.testing.assert_identical(back, ds.sortby(["time", "lat"]))


# Cost


def test_grid_ordered_rows_are_reshaped_without_a_copy(con):
    values = np.arange(60_000.0).reshape(200, 300)
    ds = xr.Dataset({"v": (("y", "x"), values)}, coords={"y": np.arange(200), "x": np.arange(300)})
    con.register("ds", ds)
    relation = con.sql("FROM ds")
    handed_out = []
    to_numpy = relation.to_numpy

    def watched():
        columns = to_numpy()
        handed_out.append(columns["v"])
        return columns

    relation.to_numpy = watched
    back = relation.to_xarray()
    assert np.shares_memory(back.v.values, handed_out[0])
    xr.testing.assert_identical(back, ds)


def test_memory_stays_near_two_copies(con):
    cells = 3_000_000
    con.sql(f"CREATE TABLE t AS SELECT i // 1000 AS y, i % 1000 AS x, i::DOUBLE AS v FROM range({cells}) t(i)")
    for sql in ("FROM t", "FROM t WHERE (x + y) % 7 > 0"):
        rel = con.sql(sql)
        columns = 3 * 8 * len(rel.to_numpy()["x"])
        tracemalloc.start()
        rel.to_xarray(dims=["y", "x"])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2.5 * columns, sql


@hypothesis.given(st.data())
def test_positions_agree_with_a_dictionary(data):
    """Whatever the columns: labels in order of first appearance, and the cell of each row."""
    rows = data.draw(st.integers(0, 30))
    times = [np.datetime64(0, "us"), np.datetime64(9, "us")]
    kinds = st.sampled_from([[0, 1], [5, 3, 9], ["a", "b"], [1.5, float("nan")], times])
    columns = []
    for _ in range(data.draw(st.integers(1, 3))):
        values = data.draw(kinds)
        if data.draw(st.booleans()):
            repeat = data.draw(st.integers(1, 4))
            picked = [values[i // repeat % len(values)] for i in range(rows)]
        else:
            picked = [data.draw(st.sampled_from(values)) for _ in range(rows)]
        columns.append(np.array(picked, object if isinstance(values[0], str) else np.array(values).dtype))
    keys = [[repr(value) for value in column] for column in columns]
    grid = grid_of(list(columns))

    labels = [list(dict.fromkeys(key)) for key in keys]
    assert [[repr(value) for value in found] for found in grid.labels] == labels
    expected = [tuple(labels[k].index(key[row]) for k, key in enumerate(keys)) for row in range(rows)]
    if grid.product is None:
        assert [grid.positions(row) for row in range(rows)] == expected
    else:
        lengths = [grid.shape[dim] for dim in grid.product]
        places = [np.unravel_index(row, lengths) for row in range(rows)]
        assert [tuple(int(place[grid.product.index(k)]) for k in range(len(keys))) for place in places] == expected
        assert rows == np.prod(grid.shape)
