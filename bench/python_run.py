"""Runs the benchmark of the Python package and prints its tables.

    dev/build bench python
    .venv/bin/python bench/python_run.py [--data DIRECTORY] [--site DIRECTORY] [--runs 3] [--cases avg,box] [--readme]

All engines do the same tasks in one go, round robin, each run in a fresh fork of a process that has imported what the
engine needs; every answer is compared with its key. See bench/README.md, "Python". The exit code is 1 when an answer of
ours is wrong, 2 when a gate does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import python_import
from datasets import ensure
from python_cases import CASES, OURS, Case, gates, median, together
from run import machine, seconds

HERE = Path(__file__).resolve().parent
RUN_SECONDS = 60
IMPORT_RUNS = 11
PACKAGES = ("xarray", "dask", "zarr", "xarray-sql", "datafusion", "duckdb", "pyarrow", "pandas", "polars")


class Server:
    """A process that has imported one engine and forks for every run."""

    def __init__(self, name: str, threads: int):
        environment = {**os.environ, "POLARS_MAX_THREADS": str(threads), "OMP_NUM_THREADS": str(threads),
                       "TOKIO_WORKER_THREADS": str(threads)}
        self.process = subprocess.Popen([sys.executable, str(HERE / "python_peers.py"), name], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=environment)
        if not self.process.stdout.readline():
            raise SystemExit(f"{name} does not start")

    def run(self, **request) -> dict:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def measure(cases: list[Case], options, servers: dict[str, Server]) -> dict[str, dict[str, list[dict]]]:
    """Case → engine → runs, of cases that share their rounds."""
    tasks = [(case, name) for case in cases for name in case.engines if name in options.engines]
    runs: dict[tuple[str, str], list[dict]] = {(case.name, name): [] for case, name in tasks}
    for _ in range(options.runs + 1):  # the first round warms the page cache and is dropped
        for case, name in tasks:
            done = runs[case.name, name]
            if done and ("error" in done[-1] or "unsupported" in done[-1]):
                continue
            if name not in servers:
                servers[name] = Server(name, options.threads)
            store = str(ensure(options.data, case.data, quiet=False)) if case.data else ""
            result = servers[name].run(source=case.source, store=store, task=case.task, sql=case.sql,
                                       threads=options.threads, seconds=RUN_SECONDS)
            if "answer" in result and (wrong := case.check(result["answer"])):
                result["error"] = f"answer {wrong}"
            done.append(result)
    found: dict[str, dict[str, list[dict]]] = {case.name: {} for case in cases}
    for (case_name, name), done in runs.items():
        found[case_name][name] = done[1:] if len(done) > 1 else done
    return found


def rows_of(case: Case, results: dict[str, list[dict]], ours: float | None) -> list[str]:
    """Lines of the Markdown table; ours first, then by CPU. `ours`: our CPU, for cases that we take no part in."""
    lines = []

    def order(item):
        name, runs = item
        return (name != OURS, median(runs, "cpu_s") if "cpu_s" in runs[0] else 1e9)
    for name, runs in sorted(results.items(), key=order):
        head = f"| {case.title} | {' '.join(filter(None, (case.data.upper(), case.source)))} | {name} "
        broken = next((run["error"] for run in runs if "error" in run), None)
        if broken is not None:
            lines.append(head + f"| **failed:** {(broken.splitlines() or ['?'])[-1][:90]} | | | | | | | |")
        elif "cpu_s" in runs[0]:
            cpu = [run["cpu_s"] for run in runs]
            ours = statistics.median(cpu) if name == OURS else ours
            ratio = f"{statistics.median(cpu) / ours:.2f}" if ours else ""
            chunks = runs[0]["chunks"]
            spread = f"{seconds(statistics.median(cpu))} ({seconds(min(cpu))}–{seconds(max(cpu))})"
            lines.append(head + f"| {spread} | {ratio} | {seconds(median(runs, 'wall_s'))} "
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


def write_readme(text: str) -> None:
    path = HERE / "README.md"
    begin, end = "<!-- python results: bench/python_run.py --readme -->", "<!-- end of python results -->"
    head, rest = path.read_text().split(begin)
    path.write_text(f"{head}{begin}\n{text}\n{end}{rest.split(end)[1]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parent / "build" / "bench-data")
    parser.add_argument("--site", type=Path, default=HERE.parent / "build" / "bench" / "site",
                        help="where the package is")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cases", default="", help=f"of {', '.join(case.name for case in CASES)}")
    parser.add_argument("--engines", default=",".join(dict.fromkeys(name for case in CASES for name in case.engines)))
    parser.add_argument("--jsonl", type=Path, help="every run, one JSON object a line")
    parser.add_argument("--readme", action="store_true", help="put the tables into bench/README.md")
    options = parser.parse_args()
    options.engines = options.engines.split(",")
    wanted = set(filter(None, options.cases.split(",")))
    if unknown := wanted - {case.name for case in CASES}:
        parser.error(f"no cases {', '.join(sorted(unknown))}")
    if not list(options.site.glob("colonnade/_core*")):
        parser.error(f"no package in {options.site}; dev/build bench python makes it")
    os.environ["PYTHONPATH"] = str(options.site.resolve())
    options.data.mkdir(parents=True, exist_ok=True)

    printed: list[str] = []

    def show(*lines: str) -> None:
        printed.extend(lines)
        print("\n".join(lines), flush=True)

    show(f"Machine: {machine()}; {options.threads} threads; median (least–most) of {options.runs} runs; CPU is user + "
         f"system of all threads. {', '.join(f'{package} {version(package)}' for package in PACKAGES)}.", "",
         "| task | source | engine | CPU s | CPU / ours | wall s | register, CPU s | memory MB | read MB | chunks |",
         "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    servers: dict[str, Server] = {}
    measured: dict[str, dict[str, list[dict]]] = {}
    log = options.jsonl.open("w") if options.jsonl else None
    for group in together([case for case in CASES if not wanted or case.name in wanted]):
        results = measure(group, options, servers)
        measured.update(results)
        first = results[group[0].name].get(OURS, [{}])
        ours = median(first, "cpu_s") if all("cpu_s" in run for run in first) else None
        for case in group:
            show(*rows_of(case, results[case.name], ours))
            for engine, runs in results[case.name].items() if log else ():
                for run in runs:
                    answer = run.get("answer", [])[:3]
                    log.write(json.dumps({"case": case.name, "engine": engine, **run, "answer": answer}) + "\n")
    for server in servers.values():
        server.process.stdin.close()
        server.process.wait()

    verdicts = [*gates(measured), import_gate()]
    words = {True: "yes", False: "**no**", None: ""}
    show("", "| gate | figure | holds |", "| --- | --- | --- |",
         *(f"| {text} | {figure} | {words[holds]} |" for text, figure, holds in verdicts))
    if options.readme:
        write_readme("\n".join(printed))
    if any("error" in run for results in measured.values() for run in results.get(OURS, [])):
        return 1
    return 2 if any(holds is False for _, _, holds in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
