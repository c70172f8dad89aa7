"""Runs the benchmark and prints its table.

    python bench/run.py [--data DIRECTORY] [--build DIRECTORY] [--runs 5] [--cases avg,box] [--engines colonnade,xarray]

All engines answer the same questions over the same data sets in one go, round robin, each run in a process of its own;
every answer is compared with the key. See bench/README.md for the method.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from datasets import SPECS, ensure, write_parquet
from keys import KEYS
from measuring import (HERE, Report, Servers, failure, introduction, json_log, median, ours_first, parser_of, seconds,
                       spread, take_turns)
from peers import NAMES, SQL

S2, S2N = KEYS["s2"]["t2m"], KEYS["s2n"]["t2m"]


@dataclass(frozen=True)
class Case:
    """A question over a data set, its answer, and who takes part beside us and the floor."""

    label: str
    query: str  # key of peers.SQL
    data: str
    want: tuple
    title: str
    peers: tuple = NAMES
    parquet: str | None = None  # the data set whose Parquet file the flat-file peers read; None: `data`
    tolerance: float = 1e-9


ARRAY_PEERS = ("xarray", "xarray_sql_datafusion", "xarray_sql_duckdb", "tensorstore")
FAST_PEERS = tuple(n for n in NAMES if n != "xarray_sql_datafusion")
MEAN = S2["sum"] / S2["count"]
CELL_SUM = 361718.53125
BOX_MEAN = S2["box_sum"] / S2["box_rows"]

CASES = [
    Case("B01", "avg", "s2", (MEAN,), "avg"),
    Case("B01", "avg_min_max", "s2", (MEAN, S2["min"], S2["max"]), "avg, min, max", FAST_PEERS),
    Case("B01", "avg", "s2n", (S2N["sum"] / S2N["count"],), "avg of S2n", FAST_PEERS),
    Case("B01", "avg", "s2_none", (MEAN,), "avg, uncompressed", ("xarray", "tensorstore")),
    Case("B01", "avg", "s2_lz4", (MEAN,), "avg, blosc-lz4", ("xarray", "tensorstore")),
    Case("B01", "avg", "s2_gzip", (MEAN,), "avg, gzip", ("xarray",)),
    Case("B01", "avg", "s2_v2_zstd", (MEAN,), "avg, Zarr v2 zstd", ("xarray",)),
    Case("B01", "avg", "s2h", (MEAN,), "avg, sharded", ("xarray",)),
    Case("B04", "range", "s2", (S2["june_sum"] / S2["june_rows"],), "four days"),
    Case("B05", "box", "s2", (BOX_MEAN,), "box", FAST_PEERS),
    Case("B05", "box", "s2n", (S2N["box_sum"] / S2N["box_rows"],), "box of S2n", ("xarray", "duckdb_parquet", "polars_parquet")),
    Case("B05", "box", "s2s", (BOX_MEAN,), "box, space-chunked", FAST_PEERS, parquet="s2"),
    Case("B06", "cell", "s2", (CELL_SUM,), "one cell", FAST_PEERS),
    Case("B06", "cell", "s2s", (CELL_SUM,), "one cell, space-chunked", FAST_PEERS, parquet="s2"),
    Case("B09", "count", "s2", (SPECS["s2"].rows,), "COUNT(*)"),
    Case("B09", "count_box", "s2", (S2["box_rows"],), "COUNT(*) of the box", FAST_PEERS),
    Case("B10", "min_max", "s2", ("2000-01-01 00:00:00", 90.0), "min(time), max(lat)"),
    Case("B10", "distinct", "s2", (181,), "DISTINCT lat", FAST_PEERS),
    Case("B17", "lat_limit", "s2", (1000, None), "lat LIMIT 1000", FAST_PEERS),  # which 1000 is the engine's choice
    Case("B11", "july", "s2", (S2["july_sum"] / S2["july_rows"],), "month(time) = 7", FAST_PEERS),
    Case("B11", "july", "s2n", (S2N["july_sum"] / S2N["july_rows"],), "month(time) = 7 of S2n", ("xarray", "duckdb_parquet", "polars_parquet")),
    Case("B18", "value", "s2", (S2["above"], S2["sum_above"]), "t2m > 265", FAST_PEERS),
    Case("B18", "value", "s2n", (S2N["above"], S2N["sum_above"]), "t2m > 265 of S2n", ("xarray", "duckdb_parquet", "polars_parquet")),
    Case("B26", "count", "s5", (SPECS["s5"].rows,), "open and COUNT(*), 10⁶ chunks", ("xarray",)),
    Case("B26", "min_max", "s5", ("1900-01-01 00:00:00", 90.0), "min(time), max(lat), 10⁶ chunks", ("xarray",)),
    Case("B28", "all_rows", "s1", (), "every row of S1", ()),
]
RUN_SECONDS = 120
FLOOR_CODECS = {"none": "none", "zstd": "zstd", "gzip": "gzip", "lz4": "blosc", "blosc_zstd": "blosc"}


def run_command(arguments: list) -> dict:
    """A program that prints one JSON line."""
    try:
        done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        return {"error": f"no answer in {RUN_SECONDS} s"}
    if done.returncode != 0:
        return {"error": done.stderr.strip()[-300:]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def check(case: Case, result: dict) -> None:
    """An answer that is not the key is an error of the run."""
    if "answer" not in result or not case.want:
        return
    row = result["answer"][0] if result["answer"] else []
    for got, want in zip(row, case.want, strict=True):
        if want is None:
            continue
        same = str(got)[:19] == want if isinstance(want, str) else abs(float(got) - want) <= case.tolerance * abs(want)
        if not same:
            result["error"] = f"answer {row} instead of {list(case.want)}"


def take_part(case: Case, options, servers: Servers) -> dict:
    """engine → function of no arguments that makes one run."""
    spec, store = SPECS[case.data], ensure(options.data, case.data, quiet=False)
    engines = {}
    if "colonnade" in options.engines:
        sql = SQL[case.query].format(g=f"s.{'_'.join(spec.dims)}")
        engines["colonnade"] = lambda: run_command([options.build / "session_bench", store, sql, options.threads])
    if "floor" in options.engines and case.query in ("avg", "avg_min_max", "box", "cell", "value") and not spec.shards \
            and case.data in ("s2", "s2n", "s2_none", "s2_lz4", "s2_gzip", "s2_v2_zstd"):
        size = 4
        for extent in spec.chunks:
            size *= extent
        for threads in dict.fromkeys((1, options.threads)):
            engines[f"B00, {threads} thread{'s' * (threads > 1)}"] = lambda threads=threads: run_command(
                [options.build / "codec_floor", store / "t2m", FLOOR_CODECS[spec.codec], size, threads])
    for name in case.peers:
        if name not in options.engines:
            continue
        if name.endswith("_parquet"):
            flat = write_parquet(options.data, case.parquet or case.data)
        else:
            flat = ""
        engines[name] = lambda name=name, flat=flat: servers[name].run(
            case=case.query, store=str(store), parquet=str(flat), threads=options.threads, seconds=RUN_SECONDS)
    return engines


def measure(case: Case, options, servers: Servers) -> dict[str, list[dict]]:
    """Runs of every engine, interleaved."""
    def checked(run):
        result = run()
        check(case, result)
        return result
    engines = take_part(case, options, servers)
    return take_turns({name: lambda run=run: checked(run) for name, run in engines.items()}, options.runs)


def rows_of(case: Case, results: dict[str, list[dict]]) -> list[str]:
    """Lines of the Markdown table; ours first, then by CPU."""
    lines, ours = [], None
    for name, runs in ours_first(results, "colonnade"):
        head = f"| {case.label} | {case.title} | {name} "
        if "unsupported" in runs[0]:
            continue
        if (broken := failure(runs)) is not None:
            lines.append(head + f"| **failed:** {broken} | | | | | | |")
            continue
        cpu = median(runs, "cpu_s")
        ours = cpu if name == "colonnade" else ours
        ratio = f"{cpu / ours:.2f}" if ours else ""
        chunks = f"{runs[0]['chunks_read']}/{runs[0]['chunks_total']}" if "chunks_read" in runs[0] else ""
        lines.append(head + f"| {spread(runs, 'cpu_s')} | {ratio} | {seconds(median(runs, 'wall_s'))} | "
                     f"{seconds(median(runs, 'open_cpu_s'))} | {median(runs, 'memory_mb'):.0f} | {median(runs, 'read_mb'):.1f} | "
                     f"{chunks} |")
    return lines


def gates(measured: dict[tuple, dict[str, list[dict]]]) -> list[str]:
    """The gates that stand in bench/README.md, each with its figure."""
    def cpu(query, data, engine):
        runs = measured.get((query, data), {}).get(engine)
        return median(runs, "cpu_s") if runs and "cpu_s" in runs[0] and "error" not in runs[-1] else None

    def ratio(text, query, data, engine, limit):
        mine, other = cpu(query, data, "colonnade"), cpu(query, data, engine)
        if mine is None or other is None:
            return f"| {text} | not measured | |"
        holds = "reported only" if limit is None else "yes" if mine <= limit * other else "**no**"
        return f"| {text} | {mine:.4f} s / {other:.4f} s = {mine / max(other, 1e-9):.2f} | {holds} |"

    def chunks(text, query, data, limit):
        runs = measured.get((query, data), {}).get("colonnade")
        if not runs or "chunks_read" not in runs[0]:
            return f"| {text} | not measured | |"
        return f"| {text} | {runs[0]['chunks_read']} | {'yes' if runs[0]['chunks_read'] <= limit else '**no**'} |"

    def data_bytes(text, query, data):
        runs = measured.get((query, data), {}).get("colonnade")
        if not runs or "data_bytes" not in runs[0]:
            return f"| {text} | not measured | |"
        return f"| {text} | {runs[0]['data_bytes']} | {'yes' if runs[0]['data_bytes'] == 0 else '**no**'} |"

    def best_sql(query):
        options = [(cpu(query, "s2", n), n) for n in NAMES if n not in ("xarray", "tensorstore")]
        options = [o for o in options if o[0] is not None]
        return min(options)[1] if options else "duckdb_parquet"

    memory = measured.get(("avg", "s2"), {}).get("colonnade")
    b00 = "B00, 2 threads"
    lines = [
        ratio("B01 avg ≤ 1.35 × B00", "avg", "s2", b00, 1.35),
        ratio("B01 avg, min, max / B00 (reported)", "avg_min_max", "s2", b00, None),
        f"| B01 ≤ 64 MB above the open session | {median(memory, 'memory_mb'):.0f} MB | "
        f"{'yes' if median(memory, 'memory_mb') <= 64 else '**no**'} |" if memory and "memory_mb" in memory[0] else
        "| B01 ≤ 64 MB above the open session | not measured | |",
        chunks("B04 reads one chunk", "range", "s2", 1),
        ratio("B04 ≤ xarray", "range", "s2", "xarray", 1),
    ]
    for label, query in (("B05", "box"), ("B06", "cell")):
        lines += [ratio(f"{label} ≤ 0.9 × xarray", query, "s2", "xarray", 0.9),
                  ratio(f"{label} ≤ 1.2 × B00", query, "s2", b00, 1.2)]
    lines += [
        ratio("B05 on S2s ≤ 0.5 × xarray", "box", "s2s", "xarray", 0.5),
        chunks("B06 on S2s reads one chunk", "cell", "s2s", 1),
    ]
    for label, query in (("B09 COUNT(*)", "count"), ("B09 COUNT(*) of the box", "count_box"), ("B10 min, max", "min_max"),
                         ("B10 DISTINCT", "distinct"), ("coordinates with LIMIT", "lat_limit")):
        best = best_sql(query)
        lines += [data_bytes(f"{label}: data bytes", query, "s2"), ratio(f"{label} ≤ best SQL peer ({best})", query, "s2", best, 1)]
    lines += [
        chunks("B11 July reads 6 chunks", "july", "s2", 6),
        ratio("B11 ≤ 0.5 × xarray", "july", "s2", "xarray", 0.5),
        ratio("B18 ≤ 1.35 × B00", "value", "s2", b00, 1.35),
    ]
    opened = measured.get(("count", "s5"), {}).get("colonnade")
    idle = measured.get(("select_1", ""), {}).get("colonnade")
    if opened and idle and "cpu_s" in opened[0] and "cpu_s" in idle[0]:
        extra = 1000 * (median(opened, "cpu_s") + median(opened, "open_cpu_s") - median(idle, "cpu_s") - median(idle, "open_cpu_s"))
        lines.append(f"| B26 S5 open + COUNT ≤ 50 ms CPU above `SELECT 1` | {extra:.1f} ms | {'yes' if extra <= 50 else '**no**'} |")
    return lines


def versions(engines: list[str]) -> str:
    out = []
    for package, users in (("xarray", "xarray"), ("dask", "xarray"), ("zarr", "xarray"), ("xarray-sql", "xarray_sql"),
                           ("datafusion", "xarray_sql_datafusion"), ("tensorstore", "tensorstore"), ("duckdb", "duckdb"),
                           ("polars", "polars")):
        if any(engine.startswith(users) or (users == "duckdb" and "duckdb" in engine) for engine in engines):
            try:
                out.append(f"{package} {version(package)}")
            except PackageNotFoundError:
                out.append(f"{package} missing")
    return ", ".join(out) + "." if out else ""


def main() -> int:
    parser = parser_of(__doc__, 5, ["colonnade", "floor", *NAMES])
    parser.add_argument("--build", type=Path, default=HERE.parent / "build" / "bench" / "bench")
    parser.add_argument("--cases", default="", help="queries, labels, data sets or query:data to keep, comma-separated")
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    wanted = set(filter(None, options.cases.split(",")))
    cases = [c for c in CASES if not wanted or wanted & {c.label, c.query, c.data, f"{c.query}:{c.data}"}]

    report = Report()
    report.show(f"{introduction(options)} {versions(options.engines)}", "",
                "| | query | engine | CPU s | CPU / ours | wall s | open, CPU s | memory MB | read MB | chunks |",
                "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    servers = Servers("peers.py", options.threads)
    measured, failed = {}, False
    with json_log(options.jsonl) as log:
        for case in cases:
            results = measure(case, options, servers)
            measured[case.query, case.data] = results
            failed |= any("error" in r for r in results.get("colonnade", []))
            report.show(*rows_of(case, results))
            for engine, runs in results.items():
                for run in runs:
                    log(case=case.label, query=case.query, data=case.data, engine=engine, **run)
    servers.close()
    if "colonnade" in options.engines:
        measured["select_1", ""] = {"colonnade": [run_command([options.build / "session_bench", "-", "SELECT 1", options.threads])
                                                  for _ in range(options.runs)]}
        report.show("", "| gate | figure | holds |", "| --- | --- | --- |", *gates(measured))
    if options.readme:
        report.write("results: bench/run.py --readme", "end of results")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
