"""Real files of Debian's ferret-datasets and libncarg-data, as Zarr v2 and v3, against xarray's decoded view.

The files are converted without CF decoding, so masks, packing and times are ours to decode. Nothing is committed:
the conversion is cached below --data.
"""

from __future__ import annotations

import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from colonnade_cli import identifier, quoted, run_batch, run_query
from stores import dense

warnings.filterwarnings("ignore")

FERRET, NCARG = Path("/usr/share/ferret-vis/data"), Path("/usr/share/ncarg/data")
FILES = {path.name.rsplit(".", 1)[0]: path for path in [
    *[FERRET / name for name in (
        "etopo5.cdf", "etopo60.cdf", "monthly_navy_winds.cdf", "ocean_atlas_subset.nc", "coads_climatology.cdf",
        "levitus_climatology.cdf", "esku_heat_budget.cdf")],
    *[NCARG / "cdf" / name for name in (
        "trinidad.nc", "950318_sao.cdf", "pop.nc", "vinth2p.nc", "fice.nc", "nc4uvt.nc", "Tstorm.cdf", "hgt.nc",
        "sstdata_netcdf.nc", "ice5g_21k_1deg.nc", "climdiv_polygons.nc")],
    *[NCARG / "nug" / name for name in (
        "rectilinear_grid_3D.nc", "tos_ocean_bipolar_grid.nc", "triangular_grid_ICON.nc", "camse_unstructured_grid.nc",
        "atm_phy_mag0004_1985.nc", "tas_rectilinear_grid_2D.nc", "tas_rotated_grid_EUR11.nc")],
]}
CELL_BY_CELL_ROWS = 500_000


def source(name: str) -> Path:
    path = FILES[name]
    if not path.exists():
        pytest.skip(f"{path} is not installed (Debian packages ferret-datasets, libncarg-data)")
    return path


def converted(name: str, version: int, data_directory: Path) -> Path:
    """The file as Zarr, nothing decoded."""
    file = source(name)
    store = data_directory / "real" / f"{name}.v{version}.zarr"
    stamp = store.with_suffix(".complete")
    wanted = f"{file.stat().st_size} {file.stat().st_mtime} xarray {xr.__version__} chunks 2"
    if not (stamp.exists() and stamp.read_text() == wanted):
        store.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(store, ignore_errors=True)
        with xr.open_dataset(file, decode_cf=False) as raw:
            for variable in raw.variables.values():
                variable.encoding = {}
            # Ragged chunks on every axis that is long enough to have some.
            encoding = {n: {"chunks": tuple(max(1, -(-s // 3) + 1) if s > 8 else max(1, s) for s in v.shape)}
                        for n, v in raw.data_vars.items() if v.ndim}
            raw.load().to_zarr(store, mode="w", zarr_format=version, consolidated=True, encoding=encoding)
        stamp.write_text(wanted)
    return store


def decoded(name: str, store: Path | None = None) -> xr.Dataset:
    """xarray's view with masks and scales, times as stored numbers: of the file, or of a store made from it.

    The store's is the one to compare with: in v2 Zarr's own fill value masks too, which the file does not have.
    """
    options = dict(decode_times=False, mask_and_scale=True, decode_coords=True, concat_characters=False)
    if store is None:
        return xr.open_dataset(source(name), **options).load()
    return xr.open_dataset(store, engine="zarr", chunks=None, **options).load()


def tables(store: Path) -> dict[str, list[str]]:
    """Columns of every table of the attached store."""
    listing = run_query(f"ATTACH {quoted(store)} AS s (TYPE zarr); SELECT table_name, column_name FROM "
                        "information_schema.columns WHERE table_catalog = 's' ORDER BY table_name, ordinal_position")
    out: dict[str, list[str]] = {}
    for row in listing.table.to_pylist():
        out.setdefault(row["table_name"], []).append(row["column_name"])
    return out


def kept_out(dataset: xr.Dataset) -> set[str]:
    """Variables that CF attributes declare to be no data of their own."""
    names: set[str] = set()
    for variable in dataset.variables.values():
        for attribute in ("bounds", "climatology", "grid_mapping", "cell_measures", "formula_terms",
                          "ancillary_variables", "edges"):
            names |= set(re.findall(r"[\w.]+", str(variable.attrs.get(attribute, variable.encoding.get(attribute, "")))))
    return names | {n for n in map(str, dataset.variables) if re.search(r"_(bnds|bounds|vertices)$", n)}


def is_time(variable: xr.Variable) -> bool:
    return " since " in str(variable.attrs.get("units", ""))


def place(columns: dict[str, list[str]], dataset: xr.Dataset, name: str) -> tuple[str, str] | None:
    """(table, column) of a data variable: the table whose columns are its dimensions, itself, and nothing smaller."""
    dims = [str(d) for d in dataset[name].dims]
    spelled = re.compile(re.escape(name) + r"(_\d+)?$")
    for table, names in columns.items():
        axes = names[:len(dims)]
        if sorted(re.sub(r"_\d+$", "", a) if a not in dims else a for a in axes) == sorted(dims) or sorted(axes) == sorted(dims):
            for column in names[len(dims):]:
                if spelled.match(column):
                    return table, column
    return None


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", FILES)
def test_every_variable_has_xarrays_count_sum_mean_min_and_max(name, version, data_directory):
    store = converted(name, version, data_directory)
    dataset = decoded(name, store)
    columns = tables(store)
    attach = f"ATTACH {quoted(store)} AS s (TYPE zarr)"
    wanted: dict[str, list[tuple[str, str, np.ndarray]]] = {}
    excused = kept_out(dataset)
    for variable in map(str, dataset.data_vars):
        values = dataset[variable]
        if values.dtype.kind not in "iuf" or is_time(values.variable):
            continue
        found = place(columns, dataset, variable)
        assert found is not None or variable in excused, f"{variable}{values.dims} is in no table of {columns}"
        if found is not None:
            wanted.setdefault(found[0], []).append((found[1], variable, values.values.astype("float64")))
    assert wanted, f"no variable of {name} can be compared"
    queries = []
    for table, variables in wanted.items():
        for column, _, _ in variables:
            c = identifier(column)
            queries.append(f"SELECT count(*) AS rows, count({c}) AS n, sum({c}::DOUBLE) AS sum, avg({c}::DOUBLE) AS avg, "
                           f"min({c}::DOUBLE) AS min, max({c}::DOUBLE) AS max FROM s.{identifier(table)}")
    answers = iter(run_batch(queries, prefix=attach))
    for variables in wanted.values():
        for column, variable, values in variables:
            got = next(answers).to_pylist()[0]
            present = values[~np.isnan(values)]
            assert (got["rows"], got["n"]) == (values.size, present.size), variable
            if present.size == 0:
                assert got["sum"] is None and got["min"] is None
                continue
            assert (got["min"], got["max"]) == (present.min(), present.max()), variable
            assert got["sum"] == pytest.approx(present.sum(), rel=1e-9, abs=1e-9 * np.abs(present).sum()), variable
            assert got["avg"] == pytest.approx(present.mean(), rel=1e-9, abs=1e-9 * np.abs(present).mean()), variable


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", FILES)
def test_every_cell_equals_xarrays(name, version, data_directory):
    """Masks by position, not only by number; dimension coordinates; non-dimension coordinates."""
    store = converted(name, version, data_directory)
    dataset = decoded(name, store)
    columns = tables(store)
    attach = f"ATTACH {quoted(store)} AS s (TYPE zarr)"
    queries, plans = [], []
    for table, names in columns.items():
        variables = [(v, c[1]) for v in map(str, dataset.data_vars) if (c := place(columns, dataset, v)) and c[0] == table
                     and dataset[v].dtype.kind in "iuf" and not is_time(dataset[v].variable)]
        if not variables or dataset[variables[0][0]].size > CELL_BY_CELL_ROWS or dataset[variables[0][0]].ndim == 0:
            continue
        dims = [str(d) for d in dataset[variables[0][0]].dims]
        coordinates = [str(c) for c in dataset.coords if str(c) in names and dataset[c].dtype.kind in "iuf"
                       and not is_time(dataset[c].variable)]
        chosen = [f"{identifier(d + '_idx')}" for d in dims] + [
            f"{identifier(c)}::DOUBLE AS {identifier(c)}" for c in [*coordinates, *[c for _, c in variables]]]
        queries.append(f"SELECT {', '.join(chosen)} FROM s.{identifier(table)}")
        plans.append((dims, coordinates, variables))
    for (dims, coordinates, variables), answer in zip(plans, run_batch(queries, prefix=attach), strict=True):
        reference = dataset[variables[0][0]]
        shape = reference.shape
        order = np.zeros(answer.num_rows, "int64")
        for dim, extent in zip(dims, shape):
            order = order * extent + answer.column(f"{dim}_idx").to_numpy()
        assert np.array_equal(np.sort(order), np.arange(reference.size))
        for variable, column in [*[(c, c) for c in coordinates], *variables]:
            want = dataset[variable].variable
            if not set(want.dims) <= set(dims):
                continue
            want = want.set_dims({d: s for d, s in zip(dims, shape)}).transpose(*dims).values.astype("float64")
            values, valid = dense(answer, column, shape, order)
            np.testing.assert_array_equal(valid, ~np.isnan(want), err_msg=variable)
            np.testing.assert_array_equal(values[valid], want[valid], err_msg=variable)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", [n for n in FILES if n not in ("etopo5", "etopo60")])
def test_times_equal_xarrays(name, version, data_directory):
    """Labels of every time coordinate that xarray can decode; numbers where it cannot."""
    dataset = decoded(name)
    times = [str(v) for v in dataset.variables if is_time(dataset[v].variable) and dataset[v].dims == (v,)]
    if not times:
        pytest.skip(f"{name} has no time coordinate")
    store = converted(name, version, data_directory)
    columns = tables(store)
    checked = 0
    for time in times:
        table = next((t for t, names in columns.items() if time in names), None)
        if table is None:
            continue
        got = run_query(f"ATTACH {quoted(store)} AS s (TYPE zarr); SELECT DISTINCT {identifier(time + '_idx')} AS i, "
                        f"{identifier(time)} AS t FROM s.{identifier(table)} ORDER BY i").table.column("t").to_pylist()
        try:
            labels = xr.decode_cf(dataset[[time]])[time].values
        except (ValueError, OverflowError):
            labels = None
        if labels is None:
            if "month" in dataset[time].attrs["units"]:
                assert [float(t) for t in got] == dataset[time].values.astype(float).tolist()
                checked += 1
            continue
        want = [str(np.datetime64(label, "us")).replace("T", " ")[:19] if isinstance(label, np.datetime64) else
                label.strftime("%Y-%m-%d %H:%M:%S") for label in labels]
        assert [t.strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0") for t in got] == [w.rjust(19, "0") for w in want]
        checked += 1
    if name not in ("coads_climatology", "ocean_atlas_subset", "esku_heat_budget"):  # year 0: nobody agrees
        assert checked > 0


@pytest.mark.parametrize("version", [2, 3])
def test_the_mixed_calendar_label_of_year_49(version, data_directory):
    store = converted("vinth2p", version, data_directory)
    got = run_query(f"ATTACH {quoted(store)} AS s (TYPE zarr); SELECT DISTINCT time::VARCHAR AS t FROM s.time_lat_lon ORDER BY t")
    assert got.table.column("t")[0].as_py().startswith("0049-12-17")


SELECTIONS = [
    ("monthly_navy_winds", "UWND", "month({t}) = 7", lambda d: d.isel(TIME=d["TIME.month"] == 7)),
    ("monthly_navy_winds", "VWND", "{t} >= TIMESTAMP '1985-01-01' AND {t} < TIMESTAMP '1986-07-01'",
     lambda d: d.isel(TIME=(d.TIME >= np.datetime64("1985-01-01")) & (d.TIME < np.datetime64("1986-07-01")))),
    ("monthly_navy_winds", "UWND", "{y} BETWEEN -10 AND 10 AND NOT ({x} < 180)",
     lambda d: d.isel({d.UWND.dims[1]: np.abs(d[d.UWND.dims[1]]) <= 10, d.UWND.dims[2]: d[d.UWND.dims[2]] >= 180})),
    ("monthly_navy_winds", "UWND", "year({t}) IN (1982, 1990) AND {y} > 0",
     lambda d: d.isel({"TIME": d["TIME.year"].isin([1982, 1990]), d.UWND.dims[1]: d[d.UWND.dims[1]] > 0})),
    ("levitus_climatology", "TEMP", "{z} <= 100 AND {y} BETWEEN -5.5 AND 5.5",
     lambda d: d.isel({d.TEMP.dims[0]: d[d.TEMP.dims[0]] <= 100, d.TEMP.dims[1]: np.abs(d[d.TEMP.dims[1]]) <= 5.5})),
    ("levitus_climatology", "SALT", "{z} NOT IN (0, 10, 20)",
     lambda d: d.isel({d.SALT.dims[0]: ~d[d.SALT.dims[0]].isin([0, 10, 20])})),
    ("etopo5", "ROSE", "{y} BETWEEN 25 AND 50 AND {x} BETWEEN 235 AND 290",
     lambda d: d.isel({d.ROSE.dims[0]: (d[d.ROSE.dims[0]] >= 25) & (d[d.ROSE.dims[0]] <= 50),
                       d.ROSE.dims[1]: (d[d.ROSE.dims[1]] >= 235) & (d[d.ROSE.dims[1]] <= 290)})),
    ("tas_rectilinear_grid_2D", "tas", "{y} < -60 OR {y} > 60",
     lambda d: d.isel({d.tas.dims[1]: np.abs(d[d.tas.dims[1]]) > 60})),
]


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("number", range(len(SELECTIONS)))
def test_selections_by_coordinate_equal_xarrays(number, version, data_directory):
    name, variable, where, select = SELECTIONS[number]
    store = converted(name, version, data_directory)
    with xr.open_dataset(source(name)) as dataset:
        dims = [str(d) for d in dataset[variable].dims]
        if len(dims) == 3 and name == "levitus_climatology":
            names = dict(z=dims[0], y=dims[1], x=dims[2])
        else:
            names = dict(t=dims[0], y=dims[-2], x=dims[-1])
        picked = select(dataset[[variable]])[variable].values.astype("float64")
    where = where.format(**{k: identifier(v) for k, v in names.items()})
    table = next(t for t, columns in tables(store).items() if variable in columns)
    answer = run_query(f"ATTACH {quoted(store)} AS s (TYPE zarr); SELECT count(*) AS rows, count({variable}) AS n, "
                       f"sum({variable}::DOUBLE) AS sum FROM s.{identifier(table)} WHERE {where}", stats=True)
    got = answer.table.to_pylist()[0]
    present = picked[~np.isnan(picked)]
    assert 0 < got["rows"] == picked.size and got["n"] == present.size
    assert got["sum"] == pytest.approx(present.sum(), rel=1e-9)
    assert 0 < answer.stats["chunks_read"] <= answer.stats["chunks_total"]
    if not where.startswith("month") and "NOT IN" not in where:  # those touch every chunk
        assert answer.stats["chunks_read"] < answer.stats["chunks_total"]


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name, variable", [("levitus_climatology", "TEMP"), ("esku_heat_budget", None)])
def test_unused_edges_do_no_harm(name, variable, version, data_directory):
    dataset = decoded(name)
    variable = variable or next(str(v) for v in dataset.data_vars if dataset[v].ndim == 3)
    store = converted(name, version, data_directory)
    table, column = place(tables(store), dataset, variable)
    got = run_query(f"ATTACH {quoted(store)} AS s (TYPE zarr); SELECT count({identifier(column)}) AS n FROM s.{identifier(table)}")
    assert got.table.column("n")[0].as_py() == int(dataset[variable].notnull().sum())


@pytest.mark.parametrize("version", [2, 3])
def test_two_dimensional_coordinates_are_columns_and_filter(version, data_directory):
    dataset = decoded("pop")
    data = next(str(v) for v in dataset.data_vars if dataset[v].ndim == 2 and str(v) not in ("lat2d", "lon2d"))
    store = converted("pop", version, data_directory)
    table, column = place(tables(store), dataset, data)
    names = tables(store)[table]
    assert "lat2d" in names and "lon2d" in names
    got = run_query(f"ATTACH {quoted(store)} AS s (TYPE zarr); SELECT count({identifier(column)}) AS n, count(*) AS m FROM "
                    f"s.{identifier(table)} WHERE lat2d > 45 AND lon2d < 200").table.to_pylist()[0]
    chosen = ((dataset.lat2d > 45) & (dataset.lon2d < 200)).values
    assert got == {"n": int((dataset[data].notnull().values & chosen).sum()), "m": int(chosen.sum())}


@pytest.mark.parametrize("version", [2, 3])
def test_a_table_of_345_variables(version, data_directory):
    store, dataset = converted("climdiv_polygons", version, data_directory), decoded("climdiv_polygons")
    assert len(dataset.data_vars) >= 344
    columns = [c for names in tables(store).values() for c in names]
    assert {str(v) for v in dataset.data_vars} <= set(columns)
