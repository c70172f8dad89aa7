"""What the two benchmarks of bench/ share: servers that fork for every run, what is measured in a fork, and tables.

A server is `python PROGRAM ENGINE`: it imports what the engine needs, then reads one JSON request a line and answers each
from a fresh fork, so that no run is warmed by another and imports cost nothing. What a request says is between the
program and its runner; "seconds", if there, is when the fork is ended. An answer is an object with the figures, or with
"unsupported", or with "error".
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import platform
import resource
import select
import signal
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
Runs = list[dict]


class Unsupported(Exception):
    """The engine has no way to say this case."""


# ---------------------------------------------------------------------------------------------------------------------
# In the process that is measured

def proc_number(path: str, key: str) -> float:
    with open(path) as file:
        for line in file:
            if line.startswith(key):
                return float(line[len(key):].split()[0])
    return 0.0


def usage() -> tuple[float, float, float]:
    """CPU seconds of this process and those it has waited for, the clock, and megabytes read."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    return cpu, time.monotonic(), proc_number("/proc/self/io", "rchar:") / 1e6


class Peak:
    """The most memory that this process has taken since it was made, above what it had then."""

    def __init__(self) -> None:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak counts from here
        self.resident = proc_number("/proc/self/status", "VmRSS:")

    def megabytes(self) -> float:
        return (proc_number("/proc/self/status", "VmHWM:") - self.resident) / 1e3


# ---------------------------------------------------------------------------------------------------------------------
# Servers

def run_in_child(answer: Callable[[dict], dict], request: dict) -> str:
    """The answer of a fork, as JSON; the fork is ended when its time is over."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            result = answer(request)
        except Unsupported:
            result = {"unsupported": True}
        except BaseException as failure:  # anything: it becomes a line of the table
            traceback.print_exc()
            result = {"error": f"{type(failure).__name__}: {failure}"[:300]}
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(result).encode())
        os._exit(0)
    os.close(writing)
    limit = request.get("seconds")
    content, end = b"", None if limit is None else time.monotonic() + limit
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], None if end is None else max(0, end - time.monotonic()))[0]:
            piece = pipe.read(1 << 16)
            if not piece:
                break
            content += piece
        else:
            os.kill(child, signal.SIGKILL)
            content = json.dumps({"error": f"no answer in {limit} s"}).encode()
    os.waitpid(child, 0)
    return content.decode() or json.dumps({"error": "the process died"})


def serve(name: str, imports: tuple[str, ...], answer: Callable[[dict], dict]) -> None:
    """The server's side, until its input ends."""
    for module in imports:
        importlib.import_module(module)
    print(json.dumps({"ready": name}), flush=True)
    for line in sys.stdin:
        print(run_in_child(answer, json.loads(line)), flush=True)


class Server:
    """The runner's side: a process that has imported one engine."""

    def __init__(self, program: str, name: str, threads: int):
        environment = {**os.environ, "POLARS_MAX_THREADS": str(threads), "OMP_NUM_THREADS": str(threads),
                       "TOKIO_WORKER_THREADS": str(threads)}
        self.process = subprocess.Popen([sys.executable, str(HERE / program), name], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=environment)
        if self.process.stdout.readline() != json.dumps({"ready": name}) + "\n":
            raise SystemExit(f"{name} does not start")

    def run(self, **request) -> dict:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class Servers:
    """The servers of one program, each started when it is first asked."""

    def __init__(self, program: str, threads: int):
        self.program, self.threads, self.started = program, threads, {}

    def __getitem__(self, name: str) -> Server:
        if name not in self.started:
            self.started[name] = Server(self.program, name, self.threads)
        return self.started[name]

    def close(self) -> None:
        for server in self.started.values():
            server.close()


# ---------------------------------------------------------------------------------------------------------------------
# The runner

def parser_of(description: str, runs: int, engines: list[str]) -> argparse.ArgumentParser:
    """The options that the benchmarks share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parent / "build" / "bench-data")
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--engines", type=lambda names: names.split(","), default=engines, help=f"of {', '.join(engines)}")
    parser.add_argument("--jsonl", type=Path, help="every run, one JSON object a line")
    parser.add_argument("--readme", action="store_true", help="put the tables into bench/README.md")
    return parser


def take_turns(tasks: dict, rounds: int) -> dict:
    """Key → results of its function, run round robin. A task that fails or is unsupported is not tried again."""
    runs: dict = {key: [] for key in tasks}
    for _ in range(rounds + 1):  # the first round warms the page cache and is dropped
        for key, run in tasks.items():
            if not runs[key] or not ("error" in runs[key][-1] or "unsupported" in runs[key][-1]):
                runs[key].append(run())
    return {key: results[1:] if len(results) > 1 else results for key, results in runs.items()}


def median(runs: Runs, *keys: str) -> float:
    """Of the sum of those figures."""
    return statistics.median(sum(run[key] for key in keys) for run in runs)


def seconds(value: float) -> str:
    return f"{value:.4f}" if value < 0.01 else f"{value:.3f}"


def spread(runs: Runs, key: str) -> str:
    """Median (least–most)."""
    values = [run[key] for run in runs]
    return f"{seconds(statistics.median(values))} ({seconds(min(values))}–{seconds(max(values))})"


def failure(runs: Runs) -> str | None:
    """The last line of the first error among the runs."""
    error = next((run["error"] for run in runs if "error" in run), None)
    return None if error is None else (error.splitlines() or ["?"])[-1][:90]


def ours_first(results: dict[str, Runs], ours: str) -> list[tuple[str, Runs]]:
    """Engines and their runs: ours, then the others by CPU."""
    def order(item):
        name, runs = item
        return name != ours, median(runs, "cpu_s") if "cpu_s" in runs[0] else 1e9
    return sorted(results.items(), key=order)


def machine() -> str:
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} × {model}, load average {os.getloadavg()[0]:.1f}"


def introduction(options: argparse.Namespace) -> str:
    return (f"Machine: {machine()}; {options.threads} threads; median (least–most) of {options.runs} runs; CPU is user + "
            "system of all threads.")


class Report:
    """Lines that are printed as they come, and kept for the README."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def show(self, *lines: str) -> None:
        self.lines.extend(lines)
        print("\n".join(lines), flush=True)

    def write(self, begin: str, end: str) -> None:
        """Puts the lines between two comments of bench/README.md."""
        path = HERE / "README.md"
        head, rest = path.read_text().split(f"<!-- {begin} -->")
        body = "\n".join(self.lines)
        path.write_text(f"{head}<!-- {begin} -->\n{body}\n<!-- {end} -->{rest.split(f'<!-- {end} -->')[1]}")


@contextlib.contextmanager
def json_log(path: Path | None) -> Iterator[Callable[..., None]]:
    """A function that writes one object a line, or nothing without a path."""
    if path is None:
        yield lambda **_: None
        return
    with path.open("w", buffering=1) as file:
        yield lambda **record: print(json.dumps(record), file=file)
