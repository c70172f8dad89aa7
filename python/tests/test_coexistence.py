"""Other engines in the same process: DuckDB's own package (another copy of the same library), pyarrow and Polars.

Every case is a child interpreter, because what is loaded first decides whose symbols the others see.
"""

from __future__ import annotations

import itertools
import pathlib
import sys

import pytest

PACKAGES = ("colonnade", "duckdb", "polars", "pyarrow")
ORDERS = [",".join(order) for order in itertools.permutations(PACKAGES)]
# Each package is first, second, third and last once. --long runs all orders.
USUAL = {",".join(PACKAGES[(start + step) % 4] for step in range(4)) for start in range(4)}

# Queries that use what two copies of an engine could fight about: extensions, caches, operators, error handling.
CHILD = """
    import importlib, sys, threading
    ROUNDS = 4
    order, version = sys.argv[1].split(","), sys.argv[2]
    for name in order:  # of ours the core, which is what loads the library
        importlib.import_module("colonnade._core" if name == "colonnade" else name)
    import colonnade as cn, duckdb, polars as pl, pyarrow as pa, pyarrow.compute
    assert duckdb.__version__.startswith(version), duckdb.__version__

    QUERIES = [
        ("SELECT sum(i)::BIGINT FROM range(300000) t(i)", 44999850000),
        ("SELECT strftime(timezone('UTC', timestamptz '2024-03-01 00:00:00+00'), '%Y-%m')", "2024-03"),
        ('SELECT json_extract(\\'{"a": [1, 2]}\\', \\'$.a[1]\\')::VARCHAR', "2"),
        ("SELECT count(DISTINCT regexp_replace(i::VARCHAR, '[0-9]', 'x')) FROM range(1000) t(i)", 111),
        ("SELECT max(x) FROM (SELECT row_number() OVER (PARTITION BY i % 7 ORDER BY i) x FROM range(7000) t(i))", 1000),
        ("SELECT count(*) FROM (SELECT i % 1000 k, count(*) FROM range(100000) t(i) GROUP BY k ORDER BY k)", 1000),
    ]
    wrong = []

    def ours():
        with cn.connect(threads=2) as con:
            for _ in range(ROUNDS):
                for sql, answer in QUERIES:
                    got = con.sql(sql).fetchone()[0]
                    if got != answer:
                        wrong.append(("colonnade", sql, got))
                try:
                    con.sql("SELECT nosuch FROM range(3)").fetchall()
                    wrong.append("colonnade: no error")
                except cn.Error as error:
                    if "nosuch" not in str(error):
                        wrong.append(str(error))

    def theirs():
        with duckdb.connect() as con:
            for _ in range(ROUNDS):
                for sql, answer in QUERIES:
                    got = con.execute(sql).fetchone()[0]
                    if got != answer:
                        wrong.append(("duckdb", sql, got))
                try:
                    con.execute("SELECT nosuch FROM range(3)")
                    wrong.append("duckdb: no error")
                except duckdb.Error as error:
                    if "nosuch" not in str(error):
                        wrong.append(str(error))

    def frames():
        for _ in range(ROUNDS):
            for total in (
                pl.DataFrame({"i": range(1000)}).lazy().select(pl.col("i").sum()).collect().item(),
                pa.compute.sum(pa.table({"i": pa.array(range(1000))})["i"]).as_py(),
            ):
                if total != 499500:
                    wrong.append(("frames", total))

    def run(body):
        try:
            body()
        except BaseException as error:
            wrong.append(repr(error))

    threads = [threading.Thread(target=run, args=(body,)) for body in (ours, theirs, ours, theirs, frames)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:5]

    # And round: DuckDB's rows through our engine into pyarrow, Polars and back into DuckDB.
    with cn.connect() as con:
        numbers = duckdb.sql("SELECT range AS i, 'n' || range AS name FROM range(10000)")
        con.register("numbers", numbers.to_arrow_table() if hasattr(numbers, "to_arrow_table") else numbers.arrow())
        rows = pa.table(con.sql("SELECT i * 2 AS j, name FROM numbers WHERE i >= 5000"))
        assert pl.DataFrame(rows)["j"].sum() == 74995000
        assert duckdb.sql("SELECT sum(j)::BIGINT, max(name) FROM rows").fetchall() == [(74995000, "n9999")]
    print("agreed")
"""
TWO = pathlib.Path(sys.prefix) / "duckdb2"  # where `dev/setup --bench` puts it


@pytest.mark.parametrize(
    "order", [one if one in USUAL else pytest.param(one, marks=pytest.mark.long) for one in ORDERS]
)
def test_engines_answer_side_by_side_in_any_order_of_import(run_child, order):
    assert run_child(CHILD, order, "1.") == "agreed\n"


@pytest.mark.long
@pytest.mark.parametrize("order", ORDERS)
def test_another_major_release_of_duckdb_does_no_harm(run_child, order):
    if not TWO.is_dir():
        pytest.skip("no DuckDB 2: dev/setup --bench installs it")
    assert run_child(CHILD, order, "2.", environment={"PYTHONPATH": str(TWO)}) == "agreed\n"
