"""The closed-form data sets: answers that numpy computed from the formula, and how many chunks each query may read.

Reduced sets by default, the full ones with --long. bench/datasets.py makes both.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from colonnade_cli import quoted, run_batch, run_query
from datasets import SPECS, ensure
from keys import KEYS, compute

SMALL = ["s1_small", "s2_small", "s2_small_v2", "s2s_small", "s2h_small", "s3_small", "s4_small", "s6_small"]
FULL = ["s1", "s2", "s2s", "s2h", "s2n", "s2_lz4", "s2_gzip", "s2_none", "s2_v2_lz4", "s3", "s4", "s6", "s11", "s11h"]
# Sets with the same values as another one.
SAME_VALUES = {"s2_small_v2": "s2_small", "s2h_small": "s2s_small", "s2s": "s2", "s2h": "s2", "s2_lz4": "s2",
               "s2_gzip": "s2", "s2_none": "s2", "s2_v2_lz4": "s2"}
BOX = "lat BETWEEN 25 AND 50 AND lon BETWEEN 235 AND 290"
JUNE = "time BETWEEN TIMESTAMP '2000-06-01' AND TIMESTAMP '2000-06-04 12:00:00'"
CELL = "lat = 40 AND lon = 286"
CROSS = "(lat = 10 AND lon = 10) OR (lat = -10 AND lon = 350)"


def sets(*groups):
    return [pytest.param(n, marks=[pytest.mark.long] if n in FULL else []) for g in groups for n in g]


@pytest.mark.parametrize("name", sets(SMALL, FULL))
def test_answers_equal_the_keys(name, data_directory):
    path = quoted(ensure(data_directory, name))
    key = KEYS.get(SAME_VALUES.get(name, name)) or compute(name)
    threshold = 250 if name.startswith(("s1_", "s6")) or name == "s1" else 265
    variables = list(SPECS[name].fields)[:6]  # s4 has 50
    queries = []
    for variable in variables:
        limit = threshold - 220 if variable == "humidity" else threshold
        queries += [
            f"SELECT count(*) AS rows, count({variable}) AS count, sum({variable}::DOUBLE) AS sum, min({variable})::DOUBLE "
            f"AS min, max({variable})::DOUBLE AS max FROM {path}",
            f"SELECT count(*) AS above, coalesce(sum({variable}::DOUBLE), 0) AS sum_above FROM {path} WHERE {variable} > {limit}",
            f"SELECT count(*) AS july_rows, coalesce(sum({variable}::DOUBLE), 0) AS july_sum FROM {path} WHERE month(time) = 7",
            f"SELECT count(*) AS june_rows, coalesce(sum({variable}::DOUBLE), 0) AS june_sum FROM {path} WHERE {JUNE}",
            f"SELECT count(*) AS box_rows, coalesce(sum({variable}::DOUBLE), 0) AS box_sum FROM {path} WHERE {BOX}",
        ]
    answers = run_batch(queries, timeout=600)
    for number, variable in enumerate(variables):
        got: dict = {}
        for table in answers[5 * number:5 * number + 5]:
            got |= table.to_pylist()[0]
        assert got.pop("rows") == key["rows"]
        assert got == key[variable], variable


# (set, query, chunks that may be read, chunks there are). Coordinates are one chunk each and are not counted here: the
# test adds what the coordinates that occur in the query may cost.
CHUNKS = [
    ("s2_small", f"SELECT avg(t2m) AS a FROM {{}} WHERE {JUNE}", 1, 61),
    ("s2_small", "SELECT avg(t2m) AS a FROM {} WHERE month(time) = 7", 6, 61),
    ("s2_small", "SELECT avg(t2m) AS a FROM {} WHERE time = TIMESTAMP '2000-02-29 12:00:00'", 1, 61),
    ("s2_small", f"SELECT avg(t2m) AS a FROM {{}} WHERE {BOX}", 61, 61),
    ("s2_small", "SELECT avg(t2m) AS a FROM {} WHERE lat = 40 AND lon = 280", 61, 61),
    ("s2_small_v2", "SELECT avg(t2m) AS a FROM {} WHERE month(time) = 7", 6, 61),
    ("s2s_small", f"SELECT avg(t2m) AS a FROM {{}} WHERE {BOX}", 15, 276),
    ("s2s_small", f"SELECT avg(t2m) AS a FROM {{}} WHERE {CELL}", 1, 276),
    ("s2s_small", f"SELECT sum(t2m) AS a FROM {{}} WHERE {CROSS}", 2, 276),
    ("s2s_small", "SELECT avg(t2m) AS a FROM {} WHERE time = TIMESTAMP '2000-01-02 12:00:00'", 276, 276),
    ("s2s_small", "SELECT avg(t2m) AS a FROM {} WHERE lat > 100", 0, 276),
    ("s2s_small", "SELECT avg(t2m) AS a FROM {} WHERE lat IN (-90, 0, 90) AND lon % 90 = 0", 12, 276),
    ("s2", f"SELECT avg(t2m) AS a FROM {{}} WHERE {JUNE}", 1, 61),
    ("s2", "SELECT avg(t2m) AS a FROM {} WHERE month(time) = 7", 6, 61),
    ("s2", "SELECT avg(t2m) AS a FROM {} WHERE time = TIMESTAMP '2000-02-29 12:00:00'", 1, 61),
    ("s2", f"SELECT avg(t2m) AS a FROM {{}} WHERE {BOX}", 61, 61),
    ("s2", f"SELECT avg(t2m) AS a FROM {{}} WHERE {CELL}", 61, 61),
    ("s2s", f"SELECT avg(t2m) AS a FROM {{}} WHERE {JUNE}", 276, 276),
    ("s2s", f"SELECT avg(t2m) AS a FROM {{}} WHERE {BOX}", 15, 276),
    ("s2s", f"SELECT avg(t2m) AS a FROM {{}} WHERE {CELL}", 1, 276),
    ("s2s", f"SELECT sum(t2m) AS a FROM {{}} WHERE {CROSS}", 2, 276),
]


@pytest.mark.parametrize("name, sql, chunks, total", [
    pytest.param(*case, marks=[pytest.mark.long] if case[0] in FULL else [], id=f"{case[0]}-{number}")
    for number, case in enumerate(CHUNKS)])
def test_a_selection_reads_only_its_chunks(name, sql, chunks, total, data_directory):
    answer = run_query(sql.format(quoted(ensure(data_directory, name))), stats=True)
    stats = answer.stats
    assert (stats["chunks_read"], stats["chunks_total"], stats["chunks_filled"]) == (chunks, total, 0), stats
    assert stats["chunks_skipped"] == total - chunks
    assert (stats["bytes_read"] == 0) == (chunks == 0)


def test_chunk_counts_of_the_full_sets_hold_for_the_reduced_ones():
    """The reduced sets keep the chunk grids that the counts are about."""
    for small, full in (("s2_small", "s2"), ("s2s_small", "s2s")):
        counts = [[-(-n // c) for n, c in zip(SPECS[name].shape, SPECS[name].chunks)] for name in (small, full)]
        assert counts[0] == counts[1]


COORDINATES_ONLY = [
    ("SELECT count(*) AS a FROM {}", lambda s: s.rows),
    ("SELECT count(*) AS a FROM {} WHERE month(time) = 1", None),
    ("SELECT min(time) AS a FROM {}", None),
    ("SELECT max(lat) AS a FROM {}", None),
    ("SELECT count(DISTINCT lon) AS a FROM {}", lambda s: s.shape[-1]),
    ("SELECT count(*) AS a FROM (SELECT DISTINCT lat FROM {})", lambda s: s.shape[-2]),
    ("SELECT max(n) AS a FROM (SELECT lat, count(*) AS n FROM {} GROUP BY lat)", lambda s: s.rows // s.shape[-2]),
    ("SELECT count(*) AS a FROM {} WHERE lat > 0 AND lat < 0", lambda s: 0),
    ("SELECT count(*) AS a FROM (SELECT lat FROM {} LIMIT 1000)", lambda s: 1000),
    ("SELECT count(*) AS a FROM (SELECT time, lat, lon FROM {} LIMIT 7 OFFSET 200000)", lambda s: 7),
    ("SELECT count(*) AS a FROM (DESCRIBE SELECT * FROM {})", lambda s: len(s.dims) + len(s.fields)),
]


@pytest.mark.parametrize("number", range(len(COORDINATES_ONLY)))
@pytest.mark.parametrize("name", ["s2s_small", "s3_small", "s5"])
def test_questions_about_coordinates_read_no_chunk(name, number, data_directory):
    sql, want = COORDINATES_ONLY[number]
    answer = run_query(sql.format(quoted(ensure(data_directory, name))), stats=True, timeout=30)
    assert answer.table.num_rows == 1
    if want is not None:
        assert answer.table.column("a")[0].as_py() == want(SPECS[name])
    for counter in ("chunks_read", "chunks_filled", "bytes_read", "bytes_decoded"):
        assert answer.stats[counter] == 0, answer.stats


def test_coordinate_facts_of_a_million_chunks(data_directory):
    path = quoted(ensure(data_directory, "s5"))
    facts = run_query(f"SELECT min(time) AS a, max(time) AS b, min(lat) AS c, max(lon) AS d, count(*) AS n FROM {path}",
                      timeout=30).table.to_pylist()[0]
    assert facts["n"] == 10**6 * 721 * 1440
    assert (facts["a"].isoformat(), facts["b"].isoformat()) == ("1900-01-01T00:00:00", "2014-01-29T15:00:00")
    assert (facts["c"], facts["d"]) == (-90.0, 359.75)


def test_a_limit_on_a_million_chunks_decodes_at_most_one_a_thread(data_directory):
    path = quoted(ensure(data_directory, "s5"))
    for threads in (1, 2):
        answer = run_query(f"SELECT * FROM {path} LIMIT 10", stats=True, threads=threads, timeout=30)
        assert answer.table.num_rows == 10
        assert answer.stats["chunks_read"] + answer.stats["chunks_filled"] <= threads, answer.stats
        spec = SPECS["s5"]
        assert answer.table.column("t2m").to_pylist() == spec.fields["t2m"].block(spec.shape, 0, 1).ravel()[:10].tolist()


def test_one_stored_step_among_a_million(data_directory):
    path = quoted(ensure(data_directory, "s5"))
    answer = run_query(f"SELECT avg(t2m) AS a, count(t2m) AS n FROM {path} WHERE time = TIMESTAMP '1957-01-15 08:00:00'",
                       stats=True, timeout=30)
    values = SPECS["s5"].fields["t2m"].block(SPECS["s5"].shape, 500_000, 500_001).astype("float64")
    got = answer.table.to_pylist()[0]
    assert got["n"] == values.size and got["a"] == pytest.approx(values.mean(), rel=1e-12)
    assert answer.stats["chunks_read"] == 1 and answer.stats["chunks_total"] == 10**6


@pytest.mark.parametrize("name", sets(["s2s_small", "s2_small"], ["s2"]))
def test_groups_and_order(name, data_directory):
    spec, path = SPECS[name], quoted(ensure(data_directory, name))
    values = np.concatenate([block for _, block in spec.blocks("t2m", 100)]).astype("float64")
    zonal, top = run_batch([
        f"SELECT lat, avg(t2m::DOUBLE) AS a FROM {path} GROUP BY lat ORDER BY lat DESC",
        f"SELECT t2m, time_idx, lat_idx, lon_idx FROM {path} ORDER BY t2m DESC, time, lat, lon LIMIT 10"], timeout=300)
    assert zonal.column("lat").to_pylist() == np.linspace(90, -90, spec.shape[1]).tolist()
    np.testing.assert_allclose(zonal.column("a").to_numpy(), values.mean(axis=(0, 2)), rtol=1e-12)
    flat = values.ravel()
    candidates = np.flatnonzero(flat >= np.partition(flat, -200)[-200])
    step, row, column = np.unravel_index(candidates, spec.shape)
    # Latitudes descend: ORDER BY lat puts the larger index first.
    cells = candidates[np.lexsort((column, -row, step, -flat[candidates]))][:10]
    index = np.unravel_index(cells, spec.shape)
    assert top.column("t2m").to_pylist() == flat[cells].tolist()
    for axis, column in enumerate(("time_idx", "lat_idx", "lon_idx")):
        assert top.column(column).to_pylist() == index[axis].tolist()


@pytest.mark.parametrize("name", sets(["s6_small"], ["s6"]))
def test_packed_values_are_masked_then_scaled(name, data_directory):
    spec = SPECS[name]
    got = run_query(f"SELECT temperature FROM {quoted(ensure(data_directory, name))} WHERE time_idx = 3").table
    stored = spec.fields["temperature"].block(spec.shape, 3, 4).ravel()
    number = np.arange(stored.size) + 3 * math.prod(spec.shape[1:])
    want = [None if n % 97 == 0 else s / 64 + 220.0 for n, s in zip(number.tolist(), stored.tolist())]
    assert got.column("temperature").to_pylist() == want


def test_sharded_and_plain_sets_are_the_same_table(data_directory):
    plain, sharded = (quoted(ensure(data_directory, name)) for name in ("s2s_small", "s2h_small"))
    got = run_query(f"SELECT count(*) AS n FROM {plain} a JOIN {sharded} b USING (time_idx, lat_idx, lon_idx) "
                    f"WHERE a.t2m = b.t2m AND a.time_idx % 9 = 0 AND b.time_idx % 9 = 0")
    assert got.table.to_pylist() == [{"n": 9 * 181 * 360}]
    one = run_query(f"SELECT t2m FROM {sharded} WHERE time_idx = 5 AND lat_idx = 64 AND lon_idx = 240", stats=True)
    assert one.stats["chunks_read"] == 1 and one.stats["bytes_read"] < 100_000, one.stats
