"""What the tests of the Python package share: the constants, the options and how to run code in a child interpreter."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import hypothesis
import pytest

import colonnade as cn

CHILD_SECONDS = 120
EXAMPLES = 60
LONG_EXAMPLES = 2000
RELATIVE_TOLERANCE = 1e-9  # of sums and means, which are added up in another order

# test_properties.py: one of its examples asks many questions in many ways, so it has fewer of them.
PROPERTY_EXAMPLES_SHARE = 2
CASE_ROWS = 120  # of a random Dataset, at most
QUESTIONS = 8  # about one of them

# That zarr-python can write: the last release for CPython 3.10 knows one.
ZARR_FORMATS = (2,) if importlib.metadata.version("zarr").startswith("2.") else (2, 3)

RunChild = Callable[..., str]

# Predicates with their value by SQL's logic, and the command line: what the oracle tests use. Last: it has a conftest.
sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "oracle"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="longer runs, and the tests marked long")
    parser.addoption(
        "--tolerance", type=float, default=RELATIVE_TOLERANCE, help="relative, of sums and means (default: %(default)s)"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: runs only with --long")
    # The usual run repeats itself; --long looks for what is new, and prints how to repeat a failure.
    hypothesis.settings.register_profile("usual", max_examples=EXAMPLES, derandomize=True, deadline=None, database=None)
    hypothesis.settings.register_profile(
        "long", max_examples=LONG_EXAMPLES, deadline=None, database=None, print_blob=True
    )
    hypothesis.settings.load_profile("long" if config.getoption("--long") else "usual")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="only with --long"))


@pytest.fixture
def con() -> Iterator[cn.Session]:
    """A session of two threads."""
    with cn.connect(threads=2) as session:
        yield session


def rows(con: cn.Session, text: str) -> list[tuple]:
    """All rows of a SELECT."""
    relation = con.sql(text)
    assert relation is not None
    return relation.fetchall()


@pytest.fixture(scope="session")
def tolerance(request: pytest.FixtureRequest) -> float:
    """How far sums and means may be apart, relative to what was added up."""
    return float(request.config.getoption("--tolerance"))


@pytest.fixture
def run_child() -> RunChild:
    """Runs code in an interpreter of its own and returns what it prints.

    Fails if the child fails, and if nanobind reports objects that were alive when it ended: a leak.
    """

    def run(
        code: str, *arguments: str, environment: Mapping[str, str] | None = None, timeout: float = CHILD_SECONDS
    ) -> str:
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(code), *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "COLONNADE_REPORT_LEAKS": "1", **(environment or {})},
            check=False,
        )
        assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "nanobind: leaked" not in done.stderr, done.stderr
        return done.stdout

    return run
