"""Oracle tests: the command line against zarr-python, xarray and numpy."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "bench")]

from colonnade_cli import find_program  # noqa: E402

# The same seed makes the same stores and queries again: COLONNADE_SEED=… pytest …
# Without one, every run asks the same questions; --long draws a new seed, to find what no run has asked yet.
FIXED_SEED = 20260101
SEED = pytest.StashKey[int]()


def chosen_seed(config) -> int:
    named = os.environ.get("COLONNADE_SEED")
    if named:
        return int(named)
    return np.random.SeedSequence().entropy % 2**32 if config.getoption("--long") else FIXED_SEED


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="full-size data sets and more random rounds")
    parser.addoption("--data", default=None, help="where generated data sets are kept between runs")


def pytest_report_header(config):
    return [f"colonnade: {find_program() or 'NOT BUILT'}", f"COLONNADE_SEED={config.stash[SEED]}"]


def pytest_collection_modifyitems(config, items):
    if find_program() is None and not config.option.collectonly:
        pytest.exit("no colonnade binary: set COLONNADE or build the dev preset", returncode=2)
    if config.getoption("--long"):
        return
    skip = pytest.mark.skip(reason="full size: run with --long")
    for item in items:
        if "long" in item.keywords:
            item.add_marker(skip)


def pytest_configure(config):
    config.stash[SEED] = chosen_seed(config)
    config.addinivalue_line("markers", "long: needs gigabytes or minutes; only with --long")


@pytest.fixture(scope="session")
def seed(request) -> int:
    return request.config.stash[SEED]


@pytest.fixture(scope="session")
def data_directory(request) -> Path:
    """Where the closed-form data sets are cached."""
    named = request.config.getoption("--data")
    path = Path(named) if named else HERE.parents[1] / "build" / "bench-data"
    path.mkdir(parents=True, exist_ok=True)
    return path
