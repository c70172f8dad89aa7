"""The questions of bench/python_run.py, their keys, and the gates."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from datasets import SPECS
from keys import KEYS
from measuring import Runs, median
from python_peers import EXPORT_ROWS

OURS = "colonnade"
XARRAY_SQL = ("xarray_sql_datafusion", "xarray_sql_duckdb")
FLOORS = ("dask_blocks", "dask_threads")


@dataclass(frozen=True)
class Case:
    """A question, how its answer is checked, and who takes part."""

    name: str
    title: str
    source: str  # what the user has: a Dataset that is "dask", "lazy" or in "memory"; or rows to "export"
    data: str
    check: Callable[[list], str]  # "" or what is wrong
    engines: tuple[str, ...]
    sql: str = ""
    task: str = "rows"  # or the form to export to


def near(got, want) -> bool:
    if not isinstance(got, (int, float)):
        return False
    return got == want if isinstance(want, int) else math.isclose(got, want, rel_tol=1e-9)


def is_row(*want) -> Callable[[list], str]:
    """Checks an answer of one row, to 1e-9; integers exactly."""
    def check(rows):
        same = len(rows) == 1 and len(rows[0]) == len(want) and all(map(near, rows[0], want))
        return "" if same else f"{rows[:2]} instead of {want}"
    return check


@functools.cache
def zonal_means(data: str, variable: str) -> dict[float, float]:
    """Latitude → mean, from the closed form of the data set."""
    spec = SPECS[data]
    sums = sum(values.sum(axis=(0, 2), dtype="float64") for _, values in spec.blocks(variable, 48))
    means = sums * spec.shape[1] / spec.rows
    return dict(zip(spec.coordinates(spec)["lat"][0].tolist(), means.tolist()))


def is_zonal(data: str, variable: str) -> Callable[[list], str]:
    def check(rows):
        want, got = zonal_means(data, variable), dict(rows)
        if len(rows) != len(want) or got.keys() != want.keys():
            return f"{len(rows)} rows instead of {len(want)}"
        wrong = [lat for lat in want if not near(got[lat], want[lat])]
        return f"mean {got[wrong[0]]} at {wrong[0]} instead of {want[wrong[0]]}" if wrong else ""
    return check


def is_row_of_s5(rows: list) -> str:
    """Any row of S5 is a right first row; its value follows from its place."""
    spec = SPECS["s5"]
    if len(rows) != 1 or len(rows[0]) != 4:
        return f"{len(rows)} rows instead of 1"
    time, lat, lon, value = rows[0]
    coordinates = spec.coordinates(spec)
    place = []
    for name, label in (("lat", lat), ("lon", lon)):
        place += np.flatnonzero(coordinates[name][0] == label).tolist()
    if len(place) != 2:
        return f"there is no ({lat}, {lon})"
    step = int((np.datetime64(time.replace(" ", "T")) - np.datetime64("1900-01-01", "h")) / np.timedelta64(1, "h"))
    want = float(spec.fields["t2m"].block(spec.shape, step, step + 1)[(0, *place)]) if step in spec.only_steps else 0.0
    return "" if value == want else f"{value} instead of {want} at {rows[0][:3]}"


def is_export(facts: list) -> str:
    n = EXPORT_ROWS
    def total(period: int, factor: int) -> int:
        """The sum of i · factor mod period over all rows."""
        cycle = [i * factor % period for i in range(period)]
        return sum(cycle) * (n // period) + sum(cycle[:n % period])
    last = str(np.datetime64("2000-01-01", "s") + np.timedelta64(n - 1, "s")).replace("T", " ")
    want = [n, n * (n - 1) / 2, float(total(100003, 7919)), n * (n - 1) / 16, float(total(977, 1)), last,
            f"s{(n - 1) % 1000}"]
    same = len(facts) == len(want) and all(g == w if isinstance(w, str) else near(g, w) for g, w in zip(facts, want))
    return "" if same else f"{facts} instead of {want}"


S1, S2 = KEYS["s1"], KEYS["s2"]["t2m"]
MEAN = S2["sum"] / S2["count"]
BOX = "SELECT avg(t2m) FROM g WHERE lat BETWEEN 25 AND 50 AND lon BETWEEN 235 AND 290"
FIRST = "SELECT time, lat, lon, t2m FROM g LIMIT 1"
ZARR = "colonnade_zarr"  # for comparison: the store read by this package, not through xarray
FRAME = "to_dataframe_duckdb"

CASES = [
    Case("avg", "avg", "dask", "s2", is_row(MEAN), (OURS, ZARR, *XARRAY_SQL), "SELECT avg(t2m) FROM g"),
    # The floor of `avg`: measured in the same rounds, see `together`.
    Case("blocks", "blocks computed", "dask", "s2", is_row(SPECS["s2"].rows), FLOORS),
    Case("box", "box", "dask", "s2", is_row(S2["box_sum"] / S2["box_rows"]), (OURS, ZARR, *XARRAY_SQL), BOX),
    Case("cell", "one cell", "dask", "s2", is_row(361718.53125), (OURS, ZARR, *XARRAY_SQL),
         "SELECT sum(t2m) FROM g WHERE lat = 40 AND lon = 286"),
    Case("zonal", "zonal", "dask", "s2", is_zonal("s2", "t2m"), (OURS, ZARR, *XARRAY_SQL),
         "SELECT lat, avg(t2m) FROM g GROUP BY lat"),
    Case("memory", "avg", "memory", "s2", is_row(MEAN), (OURS, *XARRAY_SQL), "SELECT avg(t2m) FROM g"),
    Case("first", "first row", "dask", "s5", is_row_of_s5, (OURS, *XARRAY_SQL), FIRST),
    Case("first_lazy", "first row", "lazy", "s5", is_row_of_s5, (OURS, "xarray_sql_duckdb"), FIRST),
    Case("count", "COUNT(*)", "dask", "s5", is_row(SPECS["s5"].rows), (OURS, "xarray_sql_duckdb"),
         "SELECT count(*) FROM g"),
    Case("count_lazy", "COUNT(*)", "lazy", "s5", is_row(SPECS["s5"].rows), (OURS,), "SELECT count(*) FROM g"),
    Case("s1_avg", "two avg", "dask", "s1",
         is_row(S1["temperature"]["sum"] / S1["rows"], S1["humidity"]["sum"] / S1["rows"]),
         (OURS, ZARR, *XARRAY_SQL, FRAME), "SELECT avg(temperature), avg(humidity) FROM g"),
    Case("s1_zonal", "zonal", "dask", "s1", is_zonal("s1", "temperature"), (OURS, ZARR, *XARRAY_SQL, FRAME),
         "SELECT lat, avg(temperature) FROM g GROUP BY lat"),
    *(Case(f"to_{form}", f"10 M rows to {form}", "export", "", is_export, (OURS, "duckdb_table"), task=form)
      for form in ("arrow", "pandas", "polars")),
]


def together(cases: list[Case]) -> list[list[Case]]:
    """Cases that share their rounds, so that what is compared is measured side by side."""
    groups: list[list[Case]] = []
    for case in cases:
        if case.name == "blocks" and groups and groups[-1][0].name == "avg":
            groups[-1].append(case)
        else:
            groups.append([case])
    return groups


# ---------------------------------------------------------------------------------------------------------------------
# Gates

def gates(measured: dict[str, dict[str, Runs]]) -> list[tuple[str, str, bool | None]]:
    """(text, figure, whether it holds or None if it was not measured or is no gate) of every gate."""
    lines: list[tuple[str, str, bool | None]] = []

    def good(case: str, engines) -> dict[str, Runs]:
        found = {name: measured.get(case, {}).get(name, []) for name in engines}
        return {name: runs for name, runs in found.items()
                if runs and all("cpu_s" in run and "error" not in run for run in runs)}

    def compare(text: str, case: str, others, limit: float | None, *keys: str, at: str = "", unit: str = "s") -> None:
        mine, theirs = good(case, (OURS,)).get(OURS), good(at or case, others)
        if mine is None or not theirs:
            lines.append((text, "not measured", None))
            return
        best = min(theirs, key=lambda name: median(theirs[name], "register_cpu_s", "cpu_s"))
        left, right = median(mine, *keys), median(theirs[best], *keys)
        figure = f"{left:.3g} {unit} / {right:.3g} {unit} ({best}) = {left / max(right, 1e-9):.2f}"
        lines.append((text, figure, None if limit is None else left <= limit * right))

    compare("dask-backed avg ≤ 1.1 × computing the blocks alone", "avg", FLOORS[:1], 1.1, "cpu_s", at="blocks")
    compare("dask-backed avg / the blocks in one compute on Dask's threads (reported)", "avg", FLOORS[1:], None,
            "cpu_s", at="blocks")
    for case in ("box", "cell", "zonal"):
        compare(f"{case} ≤ 0.6 × xarray-sql's best engine", case, XARRAY_SQL, 0.6, "cpu_s")
    compare("in-memory avg ≤ 0.5 × xarray-sql's best engine", "memory", XARRAY_SQL, 0.5, "cpu_s")
    for case in ("avg", "box", "cell", "zonal", "memory"):
        name = "in-memory avg" if case == "memory" else case
        compare(f"memory of {name} ≤ ⅓ of xarray-sql's best engine", case, XARRAY_SQL, 1 / 3, "memory_mb", unit="MB")
    for case, how in (("first", "Dask"), ("first_lazy", "lazily indexed")):
        compare(f"10⁶ chunks, {how}: registration + first row ≤ 0.3 × xarray-sql's best engine", case, XARRAY_SQL,
                0.3, "register_cpu_s", "cpu_s")
    for case, how in (("count", "Dask"), ("count_lazy", "lazily indexed")):
        runs = good(case, (OURS,)).get(OURS)
        text = f"10⁶ chunks, {how}: COUNT(*) reads nothing"
        if runs:
            asked, read = max(run["chunks"] for run in runs), max(run["read_mb"] for run in runs)
            lines.append((text, f"{asked} chunks, {read:.3f} MB", asked == 0 and read < 0.05))
        else:
            lines.append((text, "not measured", None))
    for form in ("arrow", "pandas", "polars"):
        compare(f"10 M rows to {form} ≤ 1.1 × DuckDB's own", f"to_{form}", ("duckdb_table",), 1.1, "cpu_s")
    return lines
