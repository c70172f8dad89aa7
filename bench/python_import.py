"""What `import colonnade` costs, beside bare Python and the imports of the neighbours.

    dev/build bench python
    PYTHONPATH=build/bench/site .venv/bin/python bench/python_import.py [--runs 11]

Each run is a process of its own. CPU is user + system of the whole process as the kernel counts it, less that of a
Python that imports nothing; cases take turns, and a first round, which fills the page cache and writes bytecode, is
dropped. The exit code is 1 if the gate does not hold.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from dataclasses import dataclass

GATE_MILLISECONDS = 60.0


@dataclass(frozen=True)
class Case:
    title: str
    code: str


BARE = Case("bare Python", "pass")
IMPORT = Case("import colonnade", "import colonnade")
CASES = (
    BARE,
    IMPORT,
    Case("… and the core, with the engine's library", "import colonnade._core"),
    Case("… and a first query", "import colonnade; colonnade.connect(threads=1).sql('SELECT 1').fetchall()"),
    Case("import duckdb", "import duckdb"),
    Case("… and a first query", "import duckdb; duckdb.connect(config={'threads': 1}).sql('SELECT 1').fetchall()"),
    Case("import numpy", "import numpy"),
    Case("import polars", "import polars"),
    Case("import pyarrow", "import pyarrow"),
    Case("import xarray", "import xarray"),
)


def cpu_milliseconds(code: str) -> float:
    """CPU of a Python process that runs `code`."""
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        raise SystemExit(f"failed: {code}")
    return 1000 * (usage.ru_utime + usage.ru_stime)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=11)
    runs = parser.parse_args().runs
    measured: dict[Case, list[float]] = {case: [] for case in CASES}
    for _ in range(runs + 1):
        for case, times in measured.items():
            times.append(cpu_milliseconds(case.code))
    median = {case: statistics.median(times[1:]) for case, times in measured.items()}
    print(f"Median (least–most) of {runs} runs, CPU ms above bare Python's {median[BARE]:.0f} ms\n")
    print("| | CPU ms |\n| --- | --- |")
    for case in CASES[1:]:
        times = [time - median[BARE] for time in measured[case][1:]]
        print(f"| {case.title} | {statistics.median(times):.0f} ({min(times):.0f}–{max(times):.0f}) |")
    figure = median[IMPORT] - median[BARE]
    print(f"\nGate: importing costs at most {GATE_MILLISECONDS:.0f} ms CPU: {figure:.0f} ms, "
          f"{'holds' if figure <= GATE_MILLISECONDS else 'DOES NOT HOLD'}")
    return 0 if figure <= GATE_MILLISECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
