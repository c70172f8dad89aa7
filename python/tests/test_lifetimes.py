"""What lives how long: sources, sessions, results, processes and the interpreter."""

from __future__ import annotations

import gc
import itertools
import textwrap
import threading
import weakref

import dask.array
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

import colonnade as cn
from colonnade import errors

N = 300_000  # rows: several batches of every way out
SUM = N * (N - 1) // 2
SCHEMA = pa.schema([("n", pa.int64())])


def generator():
    for start in range(0, N, 50_000):
        yield pa.table({"n": np.arange(start, start + 50_000)})


def grid(values):
    return xr.Dataset({"n": ("x", values)})


SOURCES = {
    "numpy": lambda: grid(np.arange(N)),
    "dask": lambda: grid(dask.array.arange(N, chunks=50_000)),
    "tree": lambda: xr.DataTree(grid(np.arange(N))),
    "xarray table": lambda: cn.read_xarray_table(grid(np.arange(N))),
    "pyarrow": lambda: pa.table({"n": np.arange(N)}),
    "polars": lambda: pl.DataFrame({"n": np.arange(N)}),
    "pandas": lambda: pd.DataFrame({"n": np.arange(N)}),
    "stream": lambda: cn.stream_table(SCHEMA, generator),
    "relation": lambda: cn.connect().sql(f"SELECT range AS n FROM range({N})"),
}


def started(relation):
    """An iterator of rows that has begun, with the first put back: iterating is what runs the query."""
    rows = iter(relation)
    return itertools.chain([next(rows)], rows)


# How a result is opened, and how the sum of its rows is made later.
RESULTS = {
    "batches": (lambda rel: rel.batches(10_000), lambda it: sum(int(np.sum(batch["n"].to_numpy())) for batch in it)),
    "rows": (started, lambda it: sum(n for (n,) in it)),
    "pyarrow reader": (
        pa.RecordBatchReader.from_stream,
        lambda reader: sum(pa.compute.sum(batch["n"]).as_py() for batch in reader),
    ),
    "arrow": (lambda rel: rel.to_arrow(), lambda table: pa.compute.sum(table["n"]).as_py()),
    "numpy": (lambda rel: rel.to_numpy(), lambda columns: int(columns["n"].sum())),
    "pandas": (lambda rel: rel.to_pandas(), lambda frame: int(frame["n"].sum())),
    "polars": (lambda rel: rel.to_polars(), lambda frame: frame["n"].sum()),
}


@pytest.mark.parametrize("source", SOURCES)
def test_open_results_need_neither_the_source_nor_the_session(source):
    con = cn.connect(threads=2)
    con.register("t", SOURCES[source]())
    name = con.tables()[0]
    opened = {way: (open_result(con.sql(f"SELECT n FROM {name}")), add) for way, (open_result, add) in RESULTS.items()}
    first = next(opened["batches"][0])
    first_values = first["n"].to_numpy()
    at_first = first_values.copy()
    relation = con.sql(f"SELECT n FROM {name}")
    con.unregister("t")
    con.close()
    del con
    gc.collect()
    with pytest.raises(errors.InvalidState, match="closed"):
        relation.fetchall()
    sums = {way: add(result) for way, (result, add) in opened.items()}
    assert sums.pop("batches") == SUM - at_first.sum()
    assert set(sums.values()) == {SUM}, sums
    # Other sessions make use of what memory is free; a batch that is kept is not.
    with cn.connect(threads=2) as other:
        other.sql(f"SELECT -1 - range AS n FROM range({N})").to_arrow()
    assert (first_values == at_first).all()


def test_a_source_dies_with_the_last_that_needs_it():
    class Factory:
        def __call__(self):
            return generator()

    factory = Factory()
    gone = weakref.ref(factory)
    con = cn.connect()
    con.register("t", cn.stream_table(SCHEMA, factory))
    rows = con.sql("SELECT n FROM t").batches()
    next(rows)
    del factory
    con.unregister("t")
    assert gone() is not None and next(rows) is not None
    del rows
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("way", ["batches", "rows", "pyarrow reader", "capsule", "fetchone"])
@pytest.mark.parametrize("first", ["result", "session"])
def test_a_stream_that_is_dropped_half_read_ends_its_source(way, first):
    ended = []

    def endless():
        try:
            start = 0
            while True:
                yield pa.table({"n": np.arange(start, start + 1_000)})
                start += 1_000
        finally:
            ended.append(True)

    con = cn.connect(threads=2)
    con.register("t", cn.stream_table(SCHEMA, endless))
    relation = con.sql("SELECT n FROM t")
    if way == "fetchone":
        result = relation
        assert relation.fetchone() == (0,)
    elif way == "capsule":
        result = relation.__arrow_c_stream__()
    else:
        result = RESULTS[way][0](relation)
        assert next(iter(result)) is not None
    assert not ended
    del relation
    if first == "session":
        con.close()
    del result
    gc.collect()
    assert ended == [True] or (way == "capsule" and ended == [])  # a capsule that nobody read has started nothing
    if first == "result":
        assert con.sql("SELECT 1").fetchall() == [(1,)]


def test_results_are_dropped_by_any_thread():
    with cn.connect(threads=2) as con:
        con.register("t", cn.stream_table(SCHEMA, generator))
        held = [[con.sql("SELECT n FROM t").batches()] for _ in range(8)]
        for one in held:
            next(one[0])
        threads = [threading.Thread(target=one.clear) for one in held]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert con.sql("SELECT sum(n) FROM t").fetchall() == [(SUM,)]


EVERYTHING = """
import gc, os, sys, tempfile
import dask.array, numpy as np, pandas as pd, polars as pl, pyarrow as pa, xarray as xr
import colonnade as cn
from colonnade import errors

class OwnError(Exception):
    pass

def broken():
    raise OwnError("factory")

def broken_later():
    yield pa.table({"n": [1]})
    raise OwnError("later")

def fails(kind, call):
    try:
        call()
    except kind:
        return
    raise AssertionError(f"no {kind}")

SCHEMA = pa.schema([("n", pa.int64())])

# Nothing of ours in a global: a factory has the globals, and a cycle through it and the engine is not collected.
def one(columns, filters, partition):
    return pa.table({"n": [partition]})

READ = lambda: cn.stream_table(SCHEMA, one, partitions=[4, 5])
LAZY = xr.Dataset({"n": (("y", "x"), dask.array.ones((20, 30), chunks=7, dtype="i8"))}, coords={"x": np.arange(30.0)})
DATA = LAZY.compute()
OBJECTS = lambda: {
    "numpy": DATA, "dask": LAZY, "data_array": DATA.n, "tree": xr.DataTree(DATA), "read": cn.read_xarray_table(LAZY),
    "arrow": pa.table({"n": [1, 2]}), "batch": pa.record_batch({"n": [1, 2]}), "polars": pl.DataFrame({"n": [1, 2]}),
    "lazy_polars": pl.LazyFrame({"n": [1, 2]}), "pandas": pd.DataFrame({"n": [1, 2], "s": ["a", None]}),
    "stream": READ(),
    "once": pa.table({"n": [1]}).to_reader(), "broken": cn.stream_table(SCHEMA, broken),
    "later": cn.stream_table(SCHEMA, broken_later),
}

def use(con, path):
    for name, obj in OBJECTS().items():
        con.register(name, obj)
    con.register("zarr", cn.open_zarr(path))
    con.attach(path, "attached")
    con.register("relation", con.sql("SELECT n FROM numpy"))
    for name in con.tables():
        if name in ("broken", "later"):
            fails(OwnError, lambda: con.sql(f"SELECT * FROM {name}").to_arrow())
            fails(OwnError, lambda: con.sql(f"SELECT * FROM {name}").fetchall())
            fails(OwnError, lambda: con.sql(f"CREATE TABLE x AS FROM {name}"))
            continue
        relation = con.sql(f"SELECT * FROM {name}")
        if name == "once":
            relation.to_numpy()
            fails(errors.InvalidState, relation.to_numpy)
            continue
        relation.to_arrow(), relation.to_pandas(), relation.to_polars(), relation.to_numpy(), relation.fetchall()
        relation.lazy().filter(pl.col("n") > 0).collect()
        list(relation), list(relation.batches(3)), relation._repr_html_(), relation.explain(), relation.fetchone()
        pa.schema(relation), relation.__arrow_c_stream__(), relation.batches()
    con.sql("SELECT y_idx AS y, x, n FROM numpy").to_xarray(dims=["y", "x"])
    con.sql("SELECT y_idx AS y, x, n FROM dask WHERE x < 5").to_xarray(dims=["y", "x"])
    fails(errors.AlreadyExists, lambda: con.sql("SELECT 1 AS x, n FROM numpy").to_xarray(dims=["x"]))
    local = pa.table({"n": [1]})
    con.sql("SELECT ? + n FROM local", [1]).fetchall()
    con.sql("FROM arrow").to_parquet(os.path.join(os.path.dirname(path), "out.parquet"))
    DATA.cn.sql("SELECT sum(n) FROM this").fetchall()
    pa.table(READ()), pa.table(cn.read_xarray_table(LAZY)), pa.table(cn.open_zarr(path))
    fails(errors.InvalidArgument, lambda: con.sql("SELECT nothing FROM numpy"))
    fails(errors.NotFound, lambda: con.unregister("nothing"))

def main():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "a.zarr")
        DATA.to_zarr(path, consolidated=False)
        with cn.connect(threads=2) as con:
            use(con, path)
        left_open = cn.connect(threads=2)
        use(left_open, path)

main()
gc.collect()
print("used")
"""


def test_nothing_leaks_whatever_was_used(run_child):
    """nanobind reports what is alive at the end, and run_child fails if it does."""
    assert run_child(EVERYTHING) == "used\n"


def test_a_thousand_queries_leave_memory_as_it_was(run_child):
    out = run_child(
        """
        import gc, os
        import numpy as np, pyarrow as pa, xarray as xr
        import colonnade as cn

        def resident():
            with open("/proc/self/statm") as statm:
                return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        class OwnError(Exception):
            pass

        def broken():
            raise OwnError("x" * 100_000)

        schema = pa.schema([("n", pa.int64())])
        ds = xr.Dataset({"n": ("x", np.arange(50_000))}, coords={"x": np.arange(50_000.0)})
        con = cn.connect(threads=2)
        con.register("broken", cn.stream_table(schema, broken))
        con.register("ds", ds)

        def query(i):
            kind = i % 8
            if kind == 0:
                con.register("t", cn.stream_table(schema, lambda: pa.table({"n": np.arange(20_000)})))
                assert con.sql("SELECT sum(n) FROM t").fetchall() == [(199990000,)]
            elif kind == 1:
                con.register("grid", ds)
                con.unregister("grid")
            elif kind == 2:
                con.sql("SELECT * FROM ds").to_arrow()
            elif kind == 3:
                con.sql("SELECT n::VARCHAR AS s FROM ds").to_numpy()
            elif kind == 4:
                next(con.sql("SELECT * FROM ds").batches(1_000))
            elif kind == 5:
                try:
                    con.sql("SELECT * FROM broken").fetchall()
                except OwnError:
                    return
                raise AssertionError
            elif kind == 6:
                try:
                    con.sql(f"SELECT unknown{i} FROM ds")
                except cn.errors.InvalidArgument:
                    return
                raise AssertionError
            else:
                with cn.connect(threads=2) as other:
                    other.sql("SELECT count(*) FROM ds", variables=True).fetchall()

        for i in range(400):
            query(i)
        gc.collect()
        warm = resident()
        for i in range(1_000):
            query(i)
        gc.collect()
        print((resident() - warm) >> 20)
        """
    )
    assert int(out) < 10, f"{out.strip()} MiB more"


# Processes

FORK = """
import os, sys, threading
import pyarrow as pa
import colonnade as cn
from colonnade import errors

con = cn.connect(threads=2)
con.sql("CREATE TABLE t AS SELECT range AS n FROM range(300000)")
relation = con.sql("SELECT sum(n) FROM t")
half_read = con.sql("SELECT n FROM t").batches(1_000)
reader = pa.RecordBatchReader.from_stream(con.sql("SELECT n FROM t"))
cursor = con.sql("SELECT n FROM t")
next(half_read), reader.read_next_batch(), cursor.fetchone()

def refused(call):
    try:
        call()
    except errors.InvalidState as error:
        assert "process" in str(error), error
    except pa.ArrowException as error:  # pyarrow's, for a stream
        assert "process" in str(error), error
    else:
        raise AssertionError(f"{call} did something")

def child():
    with cn.connect(threads=2) as mine:
        pairs = mine.sql("SELECT sum(a.range * b.range) FROM range(300) a, range(3000) b")
        assert pairs.fetchall() == [(201757725000,)]
    refused(lambda: con.sql("SELECT 1"))
    refused(relation.fetchall)
    refused(lambda: next(half_read))
    refused(reader.read_next_batch)
    refused(cursor.fetchall)
    refused(con.tables)
    con.close()

"""


@pytest.mark.parametrize("meanwhile", ["nothing", "a query"])
def test_a_forked_process_has_sessions_of_its_own_and_not_its_parents(run_child, meanwhile):
    """The engine's threads stay with the parent; what they hold at the fork is held for ever."""
    out = run_child(
        FORK
        + f"""
if {meanwhile == "a query"}:
    thread = threading.Thread(target=lambda: con.sql("SELECT sum(sqrt(range)) FROM range(30000000)").fetchall())
    thread.start()
sys.stdout.flush()
child_pid = os.fork()
if child_pid == 0:
    import faulthandler
    faulthandler.dump_traceback_later(60, exit=True)
    child()
    print("child", flush=True)
    sys.exit(0)
code = os.waitstatus_to_exitcode(os.waitpid(child_pid, 0)[1])
assert code == 0, code
assert relation.fetchall() == [(44999850000,)]
assert sum(batch.num_rows for batch in half_read) == 299000
print("parent")
""",
        environment={"COLONNADE_REPORT_LEAKS": ""},  # the child leaves what it cannot end
    )
    assert out.split() == ["child", "parent"]


def test_results_of_a_closed_session_are_refused_and_dropped_in_a_forked_process(run_child):
    """Of a query, of a query in a transaction and of a statement: who drops the last of the engine waits for its threads."""
    out = run_child(
        FORK
        + """
con.sql("BEGIN")
inside = con.sql("SELECT n FROM t").batches(1_000)
streams = [con.sql("SELECT n FROM t").__arrow_c_stream__(), con._core.run("DELETE FROM t RETURNING n", [], {})[1].stream()]
next(inside)
del cursor, relation
con.close()
sys.stdout.flush()
child_pid = os.fork()
if child_pid == 0:
    import faulthandler
    faulthandler.dump_traceback_later(60, exit=True)
    refused(lambda: next(half_read))
    refused(lambda: next(inside))
    for stream in streams:
        refused(lambda: pa.RecordBatchReader._import_from_c_capsule(stream))
    del half_read, inside, reader, streams, stream, con
    print("child", flush=True)
    sys.exit(0)
code = os.waitstatus_to_exitcode(os.waitpid(child_pid, 0)[1])
assert code == 0, code
streams = [pa.RecordBatchReader._import_from_c_capsule(stream) for stream in streams]
print([sum(batch.num_rows for batch in result) for result in (half_read, inside, reader, *streams)])
""",
        environment={"COLONNADE_REPORT_LEAKS": ""},
    )
    assert out.splitlines() == ["child", "[299000, 299000, 177120, 300000, 300000]"]


def test_a_program_in_place_of_the_process_is_no_harm(run_child):
    """subprocess forks too, and runs another program at once."""
    code = 'import subprocess\nsubprocess.run(["true"], check=True)\nprint(relation.fetchall())'
    assert run_child(FORK + code) == "[(44999850000,)]\n"


WORKERS = """
import multiprocessing
import sys
import xarray as xr
import colonnade as cn
from colonnade import errors

con = cn.connect(threads=2)  # in every process

def work(arguments):
    path, least = arguments
    if least < 0:
        raise errors.NotFound("nothing below zero")
    return con.sql(f"SELECT sum(v) FROM '{path}' WHERE x >= ?", [least]).fetchone()[0]

def main():
    path = sys.argv[1]
    xr.Dataset({"v": ("x", range(100))}, coords={"x": range(100)}).to_zarr(path, consolidated=False)
    con.sql(f"SELECT count(*) FROM '{path}'").fetchall()
    with multiprocessing.get_context(sys.argv[2]).Pool(2) as pool:
        print(pool.map(work, [(path, 0), (path, 50), (path, 99)]))
        try:
            pool.map(work, [(path, -1)])
        except LookupError as error:
            print(type(error).__name__, error)
        pool.close()
        pool.join()

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_worker_processes_have_sessions_of_their_own(run_child, tmp_path, method):
    (tmp_path / "workers.py").write_text(WORKERS)
    out = run_child(
        "import sys, workers\nsys.modules['__main__'].__spec__ = None\nworkers.main()",
        str(tmp_path / "a.zarr"),
        method,
        environment={"PYTHONPATH": str(tmp_path)},
    )
    assert out.splitlines() == ["[4950, 3725, 99]", "NotFound nothing below zero"]


# The end of the interpreter

ENDINGS = {
    "open streams": """
        batches = con.sql("SELECT n FROM t").batches(10)
        next(batches)
        reader = pa.RecordBatchReader.from_stream(con.sql("SELECT n FROM t"))
        reader.read_next_batch()
        capsule = con.sql("SELECT n FROM t").__arrow_c_stream__()
        cursor = con.sql("SELECT n FROM t")
        cursor.fetchone()
        rows = iter(con.sql("SELECT n FROM t"))
        next(rows)
        """,
    "a query in a daemon thread": """
        running = threading.Event()
        def factory():
            running.set()
            while True:
                yield pa.table({"n": range(1000)})
        con.register("endless", cn.stream_table(t.schema, factory))
        in_daemon(lambda: con.sql("SELECT sum(n) FROM endless").fetchall())
        running.wait()
        """,
    "an engine at work in a daemon thread": """
        query = "SELECT sum(a.range) FROM range(10000000) a, range(1000000) b"
        in_daemon(lambda: con.sql(query).fetchall())
        began = os.times()
        while os.times().user < began.user + 0.2:
            pass
        """,
    "a generator half way": """
        def batches():
            try:
                while True:
                    yield pa.table({"n": range(1000)})
            finally:
                print("closed")
        con.register("half", cn.stream_table(t.schema, batches))
        half = con.sql("SELECT n FROM half")
        half.fetchone()
        """,
    "a cycle": """
        class Node: pass
        node = Node()
        node.self, node.con, node.batches = node, con, con.sql("SELECT n FROM t").batches(10)
        next(node.batches)
        """,
    "a failure": """
        import atexit
        def late():
            try:
                con.sql("SELECT sum(n) FROM t").fetchall()
            except cn.Error:
                pass
        atexit.register(late)
        """,
    "a table of threads that wait": """
        started = threading.Event()
        def waits(partition):
            started.set()
            threading.Event().wait()
        con.register("waiting", cn.stream_table(t.schema, waits, partitions=2))
        in_daemon(lambda: con.sql("SELECT n FROM waiting").fetchall())
        started.wait()
        """,
}


START = """
import os, threading
import pyarrow as pa
import colonnade as cn
os.dup2(1, 2)  # so that the test sees what anybody has to say
t = pa.table({"n": range(300000)})
con = cn.connect(threads=2)
con.register("t", t)

def in_daemon(call):
    def quietly():
        try:
            call()
        except cn.Error:
            pass
    threading.Thread(target=quietly, daemon=True).start()
"""


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_interpreter_ends_whatever_is_open(run_child, ending):
    """Exit code 0, in time, without a word."""
    out = run_child(START + textwrap.dedent(ENDINGS[ending]) + "print('end', flush=True)\n",
                    environment={"COLONNADE_REPORT_LEAKS": ""})
    assert out.split() in (["end"], ["end", "closed"])
