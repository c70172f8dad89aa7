"""The benchmark at its smallest size: keys are what numpy computes, and every engine gives them."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from datasets import SPECS, ensure, write_parquet  # noqa: E402
from keys import KEYS, compute  # noqa: E402
from measuring import Server  # noqa: E402
from peers import NAMES, SQL  # noqa: E402
from run import CASES  # noqa: E402

NAME = "s2_small"
FACTS = KEYS[NAME]["t2m"]
WANT = {
    "avg": (FACTS["sum"] / FACTS["count"],),
    "avg_min_max": (FACTS["sum"] / FACTS["count"], FACTS["min"], FACTS["max"]),
    "range": (FACTS["june_sum"] / FACTS["june_rows"],),
    "box": (FACTS["box_sum"] / FACTS["box_rows"],),
    "july": (FACTS["july_sum"] / FACTS["july_rows"],),
    "value": (FACTS["above"], FACTS["sum_above"]),
    "count": (SPECS[NAME].rows,),
    "count_box": (FACTS["box_rows"],),
    "distinct": (SPECS[NAME].shape[1],),
}
# Positions of the one-degree grid are written out for tensorstore, which has no coordinates.
NOT_HERE = {("tensorstore", "box")}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.mark.parametrize("name", [n for n in KEYS if n.endswith("_small")])
def test_frozen_keys_are_what_numpy_computes(name):
    assert compute(name) == KEYS[name]


def test_keys_of_s2_are_the_published_ones():
    facts = KEYS["s2"]["t2m"]
    assert (facts["sum"], facts["min"], facts["max"]) == (23_393_719_572.046875, 220.0, 271.984375)
    assert (facts["above"], facts["sum_above"]) == (2_420_293, 645_833_369.265625)
    assert facts["july_sum"] / facts["july_rows"] == pytest.approx(239.20175243839915, rel=1e-14)
    assert facts["box_sum"] / facts["box_rows"] == pytest.approx(248.65225955952224, rel=1e-14)


def same(row, want) -> bool:
    return all(abs(float(got) - value) <= 1e-9 * abs(value) for got, value in zip(row, want, strict=True))


@pytest.mark.parametrize("peer", NAMES)
def test_a_peer_gives_the_keys(peer, data):
    store, flat = ensure(data, NAME), write_parquet(data, NAME)
    server = Server("peers.py", peer, 2)
    try:
        answered = 0
        for query, want in WANT.items():
            result = server.run(case=query, store=str(store), parquet=str(flat), threads=2)
            if result.get("unsupported") or (peer, query) in NOT_HERE:
                continue
            assert "error" not in result, (query, result)
            assert same(result["answer"][0], want), (query, result["answer"], want)
            assert result["cpu_s"] >= 0 and result["open_cpu_s"] >= 0
            answered += 1
        assert answered >= 5
    finally:
        server.close()


@pytest.mark.parametrize("query", WANT)
def test_we_give_the_keys(query, data):
    program = os.environ.get("COLONNADE")
    if not program:
        pytest.skip("COLONNADE names no binary (dev/test sets it)")
    sql = SQL[query].format(g=f"'{ensure(data, NAME)}'")
    done = subprocess.run([program, "query", sql, "--format", "csv"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert len(rows) == 2 and same(rows[1], WANT[query]), (rows, WANT[query])


def test_every_case_of_the_benchmark_is_known_to_its_peers():
    for case in CASES:
        assert case.query in SQL and case.data in SPECS and set(case.peers) <= set(NAMES)
