"""The small synthetic stores, and rules of tables that can be said in one line each."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade_cli import expect_failure, quoted, run_query
from stores import open_group, write_array
from synthetic import DIMS, SHAPE, STORES, VARIABLES, cells, coordinate, write_synthetic


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    directory = tmp_path_factory.mktemp("synthetic")
    return {name: write_synthetic(directory, name) for name in STORES}


@pytest.mark.parametrize("name", STORES)
def test_every_cell_stands_with_its_coordinates(name, stores):
    table = run_query(f"SELECT * FROM {quoted(stores[name])}").table
    assert table.column_names == [*DIMS, *sorted(VARIABLES)]
    index = np.indices(SHAPE).reshape(3, -1)
    for axis, dim in enumerate(DIMS):
        assert np.array_equal(table.column(dim).to_numpy(), coordinate(dim)[index[axis]])
    for variable, offset in VARIABLES.items():
        assert np.array_equal(table.column(variable).to_numpy(), cells(offset).ravel())


@pytest.mark.parametrize("name", STORES)
def test_chunk_counts_follow_the_selection(name, stores):
    def chunks(sql):
        answer = run_query(sql, stats=True)
        return answer.stats["chunks_read"], answer.table.to_pylist()
    path = quoted(stores[name])
    assert chunks(f"SELECT sum(temperature) AS s FROM {path} WHERE time = 3") == (1, [{"s": sum(range(300, 400))}])
    assert chunks(f"SELECT count(*) AS n FROM {path}") == (0, [{"n": 700}])
    read, rows = chunks(f"SELECT temperature, humidity FROM {path} WHERE time IN (0, 6) AND lat = 90 AND lon = -45")
    assert read == 4 and rows == [{"temperature": 99, "humidity": 10_099}, {"temperature": 699, "humidity": 10_699}]


def test_a_coordinate_only_limit_counts_rows_of_the_product(stores):
    path = quoted(stores["v3"])
    assert run_query(f"SELECT lat FROM {path} LIMIT 11").table.num_rows == 11
    assert run_query(f"SELECT count(*) AS n FROM (SELECT lat FROM {path} LIMIT 11)").table.to_pylist() == [{"n": 11}]
    got = run_query(f"SELECT time, lat, lon FROM {path} LIMIT 5 OFFSET 128", stats=True)
    index = np.indices(SHAPE).reshape(3, -1)[:, 128:133]
    assert got.table.column("time").to_pylist() == coordinate("time")[index[0]].tolist()
    assert got.table.column("lat").to_pylist() == coordinate("lat")[index[1]].tolist()
    assert got.table.column("lon").to_pylist() == coordinate("lon")[index[2]].tolist()
    assert got.stats["chunks_read"] == 0


def test_hidden_index_columns_are_there_but_not_in_star(stores):
    path = quoted(stores["v2"])
    got = run_query(f"SELECT lat_idx, lon_idx, temperature FROM {path} WHERE time_idx = 2 AND lat_idx = 3 AND lon_idx < 2")
    assert got.table.to_pylist() == [{"lat_idx": 3, "lon_idx": 0, "temperature": 230},
                                     {"lat_idx": 3, "lon_idx": 1, "temperature": 231}]


@pytest.mark.parametrize("version", [2, 3])
def test_several_grids_are_tables_of_an_attached_store(version, tmp_path):
    group = open_group(tmp_path / "s.zarr", version)
    write_array(group, "t", np.arange(24).reshape(2, 3, 4), ("time", "lat", "lon"))
    write_array(group, "area", np.arange(12).reshape(3, 4), ("lat", "lon"))
    write_array(group, "swapped", np.arange(12).reshape(4, 3), ("lon", "lat"))
    write_array(group, "series", np.arange(2), ("time",))
    write_array(group, "number", np.array(5), ())
    path = quoted(tmp_path / "s.zarr")
    line = expect_failure(f"SELECT * FROM {path}")
    for text in ("time_lat_lon", "lat_lon", "scalar", "read_zarr"):
        assert text in line, line
    answer = run_query(f'SELECT sum(t)::BIGINT AS s FROM read_zarr({path}, "table" := \'time_lat_lon\')')
    assert answer.table.to_pylist() == [{"s": 276}]
    attach = f"ATTACH {path} AS x (TYPE zarr); "
    assert run_query(attach + "SELECT lat, lon, area, swapped FROM x.lat_lon ORDER BY lat, lon").table.to_pylist() == [
        {"lat": i, "lon": j, "area": i * 4 + j, "swapped": j * 3 + i} for i in range(3) for j in range(4)]
    assert run_query(attach + "SELECT * FROM x.scalar").table.to_pylist() == [{"number": 5}]
    names = run_query(attach + "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'x' ORDER BY 1")
    assert names.table.column(0).to_pylist() == ["lat_lon", "scalar", "time", "time_lat_lon"]


@pytest.mark.parametrize("version", [2, 3])
def test_bounds_and_grid_mappings_are_kept_out(version, tmp_path):
    group = open_group(tmp_path / "s.zarr", version)
    write_array(group, "t", np.arange(12.0).reshape(3, 4), ("lat", "lon"), attributes={"grid_mapping": "crs"})
    write_array(group, "lat", np.arange(3.0), ("lat",), attributes={"bounds": "lat_bnds"})
    write_array(group, "lat_bnds", np.arange(6.0).reshape(3, 2), ("lat", "bnds"))
    write_array(group, "crs", np.array(0), (), attributes={"grid_mapping_name": "latitude_longitude"})
    assert run_query(f"SELECT * FROM {quoted(tmp_path / 's.zarr')}").table.column_names == ["lat", "lon", "t"]


@pytest.mark.parametrize("version", [2, 3])
def test_names_that_differ_only_in_case_are_two_columns(version, tmp_path):
    group = open_group(tmp_path / "s.zarr", version)
    write_array(group, "T", np.array([1, 2]), ("x",))
    write_array(group, "t", np.array([30, 40]), ("x",))
    got = run_query(f"SELECT * FROM {quoted(tmp_path / 's.zarr')}").table
    assert got.column_names == ["x", "T_1", "t_2"]
    assert got.column("T_1").to_pylist() == [1, 2] and got.column("t_2").to_pylist() == [30, 40]


@pytest.mark.parametrize("version", [2, 3])
def test_non_dimension_coordinates_are_columns(version, tmp_path):
    group = open_group(tmp_path / "s.zarr", version)
    write_array(group, "v", np.arange(6).reshape(2, 3), ("y", "x"), chunks=(1, 2),
                attributes={"coordinates": "name where height nowhere"})
    write_array(group, "name", np.array(["south", "north"], "U5"), ("y",))
    write_array(group, "where", np.arange(6.0).reshape(2, 3) / 2, ("y", "x"), chunks=(2, 1))
    write_array(group, "height", np.array(2.0), ())
    got = run_query(f"SELECT * FROM {quoted(tmp_path / 's.zarr')} ORDER BY y, x").table
    assert got.column_names == ["y", "x", "height", "name", "where", "v"]
    assert got.to_pylist()[4] == {"y": 1, "x": 1, "height": 2.0, "name": "north", "where": 2.0, "v": 4}
    picked = run_query(f"SELECT v FROM {quoted(tmp_path / 's.zarr')} WHERE name = 'north' ORDER BY v", stats=True)
    assert picked.table.column("v").to_pylist() == [3, 4, 5]
    assert picked.stats["chunks_read"] <= 2 + 1  # the two chunks of that row, and the names


def test_masked_integers_keep_their_type_and_every_digit(tmp_path):
    group = open_group(tmp_path / "s.zarr", 3)
    write_array(group, "v", np.array([2**60 + 1, -1, 5]), ("x",), attributes={"_FillValue": -1})
    got = run_query(f"SELECT v FROM {quoted(tmp_path / 's.zarr')} ORDER BY x").table
    assert str(got.schema.field("v").type) == "int64"
    assert got.column("v").to_pylist() == [2**60 + 1, None, 5]


def test_nan_stays_in_coordinates_and_is_null_in_data(tmp_path):
    group = open_group(tmp_path / "s.zarr", 3)
    values = np.array([1.0, np.nan, 3.0, 4.0])
    write_array(group, "x", values, ("x",))
    write_array(group, "v", values, ("x",), chunks=(1,))
    path = quoted(tmp_path / "s.zarr")
    assert run_query(f"SELECT count(*) AS n FROM {path} WHERE x > 2").table.to_pylist() == [{"n": 3}]
    assert run_query(f"SELECT count(*) AS n FROM {path} WHERE v > 2").table.to_pylist() == [{"n": 2}]
    assert run_query(f"SELECT count(v) AS n FROM {path}").table.to_pylist() == [{"n": 3}]
