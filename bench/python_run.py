"""Runs the benchmark of the Python package and prints its tables.

    dev/build bench python
    .venv/bin/python bench/python_run.py [--data DIRECTORY] [--site DIRECTORY] [--runs 3] [--cases avg,box] [--readme]

All engines do the same tasks in one go, round robin, each run in a fresh fork of a process that has imported what the
engine needs; every answer is compared with its key. See bench/README.md, "Python". The exit code is 1 when an answer of
ours is wrong, 2 when a gate does not hold.
"""

from __future__ import annotations

import os
import statistics
import sys
from importlib.metadata import version
from pathlib import Path

import python_import
from datasets import ensure
from measuring import (HERE, Report, Servers, failure, introduction, json_log, median, ours_first, parser_of, seconds,
                       spread, take_turns)
from python_cases import CASES, OURS, Case, gates, together

RUN_SECONDS = 60
IMPORT_RUNS = 11
PACKAGES = ("xarray", "dask", "zarr", "xarray-sql", "datafusion", "duckdb", "pyarrow", "pandas", "polars")


def measure(cases: list[Case], options, servers: Servers) -> dict[str, dict[str, list[dict]]]:
    """Case → engine → runs, of cases that share their rounds."""
    def run(case: Case, name: str) -> dict:
        store = str(ensure(options.data, case.data, quiet=False)) if case.data else ""
        result = servers[name].run(source=case.source, store=store, task=case.task, sql=case.sql, threads=options.threads,
                                   seconds=RUN_SECONDS)
        if "answer" in result and (wrong := case.check(result["answer"])):
            result["error"] = f"answer {wrong}"
        return result

    tasks = {(case.name, name): lambda case=case, name=name: run(case, name)
             for case in cases for name in case.engines if name in options.engines}
    found: dict[str, dict[str, list[dict]]] = {case.name: {} for case in cases}
    for (case_name, name), done in take_turns(tasks, options.runs).items():
        found[case_name][name] = done
    return found


def rows_of(case: Case, results: dict[str, list[dict]], ours: float | None) -> list[str]:
    """Lines of the Markdown table; ours first, then by CPU. `ours`: our CPU, for cases that we take no part in."""
    lines = []
    for name, runs in ours_first(results, OURS):
        head = f"| {case.title} | {' '.join(filter(None, (case.data.upper(), case.source)))} | {name} "
        if (broken := failure(runs)) is not None:
            lines.append(head + f"| **failed:** {broken} | | | | | | | |")
        elif "cpu_s" in runs[0]:
            cpu = median(runs, "cpu_s")
            ours = cpu if name == OURS else ours
            ratio = f"{cpu / ours:.2f}" if ours else ""
            chunks = runs[0]["chunks"]
            lines.append(head + f"| {spread(runs, 'cpu_s')} | {ratio} | {seconds(median(runs, 'wall_s'))} "
                         f"| {seconds(median(runs, 'register_cpu_s'))} | {median(runs, 'memory_mb'):.0f} "
                         f"| {median(runs, 'read_mb'):.1f} | {'' if chunks is None else chunks} |")
    return lines


def import_gate() -> tuple[str, str, bool]:
    """What bench/python_import.py measures, for the one figure that has a gate."""
    times: dict = {python_import.BARE: [], python_import.IMPORT: []}
    for _ in range(IMPORT_RUNS + 1):
        for case, taken in times.items():
            taken.append(python_import.cpu_milliseconds(case.code))
    bare, all_of_it = (statistics.median(taken[1:]) for taken in times.values())
    limit = python_import.GATE_MILLISECONDS
    return f"import colonnade ≤ {limit:.0f} ms CPU", f"{all_of_it - bare:.0f} ms", all_of_it - bare <= limit


def main() -> int:
    parser = parser_of(__doc__, 3, list(dict.fromkeys(name for case in CASES for name in case.engines)))
    parser.add_argument("--site", type=Path, default=HERE.parent / "build" / "bench" / "site",
                        help="where the package is")
    parser.add_argument("--cases", default="", help=f"of {', '.join(case.name for case in CASES)}")
    options = parser.parse_args()
    wanted = set(filter(None, options.cases.split(",")))
    if unknown := wanted - {case.name for case in CASES}:
        parser.error(f"no cases {', '.join(sorted(unknown))}")
    if not list(options.site.glob("colonnade/_core*")):
        parser.error(f"no package in {options.site}; dev/build bench python makes it")
    os.environ["PYTHONPATH"] = str(options.site.resolve())
    options.data.mkdir(parents=True, exist_ok=True)

    report = Report()
    report.show(f"{introduction(options)} {', '.join(f'{package} {version(package)}' for package in PACKAGES)}.", "",
                "| task | source | engine | CPU s | CPU / ours | wall s | register, CPU s | memory MB | read MB | chunks |",
                "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    servers = Servers("python_peers.py", options.threads)
    measured: dict[str, dict[str, list[dict]]] = {}
    with json_log(options.jsonl) as log:
        for group in together([case for case in CASES if not wanted or case.name in wanted]):
            results = measure(group, options, servers)
            measured.update(results)
            first = results[group[0].name].get(OURS, [{}])
            ours = median(first, "cpu_s") if all("cpu_s" in run for run in first) else None
            for case in group:
                report.show(*rows_of(case, results[case.name], ours))
                for engine, runs in results[case.name].items():
                    for run in runs:
                        log(case=case.name, engine=engine, **{**run, "answer": run.get("answer", [])[:3]})
    servers.close()

    verdicts = [*gates(measured), import_gate()]
    words = {True: "yes", False: "**no**", None: ""}
    report.show("", "| gate | figure | holds |", "| --- | --- | --- |",
                *(f"| {text} | {figure} | {words[holds]} |" for text, figure, holds in verdicts))
    if options.readme:
        report.write("python results: bench/python_run.py --readme", "end of python results")
    if any("error" in run for results in measured.values() for run in results.get(OURS, [])):
        return 1
    return 2 if any(holds is False for _, _, holds in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
