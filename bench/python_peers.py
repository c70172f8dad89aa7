"""The engines of bench/python_run.py: this package, xarray-sql, data frames with DuckDB, and Dask alone.

A server of bench/measuring.py. A request is {"source", "store", "task", "sql", "threads"}. The child first makes what the user has already, an xarray Dataset or the session that holds the rows to be
exported ("prepare"; not measured); then it opens a session and registers the Dataset ("register"), then runs the task.
Both are measured, apart.
"""

from __future__ import annotations

import array
import ctypes
import importlib.util
import itertools
import mmap
import os
import pkgutil
import sys
from concurrent.futures import ThreadPoolExecutor

from measuring import Peak, Unsupported, serve, usage

EXPORT_ROWS = 10_000_000
# Integers of two widths, doubles of two kinds, a timestamp, a short string.
EXPORT_SQL = f"""CREATE TABLE rows_to_export AS SELECT range AS id, (range * 7919 % 100003)::INTEGER AS small,
    range / 8.0 AS x, (range % 977)::DOUBLE AS y, TIMESTAMP '2000-01-01' + INTERVAL 1 SECOND * range AS at,
    's' || (range % 1000) AS name FROM range({EXPORT_ROWS})"""
EXPORT = "FROM rows_to_export"


# ---------------------------------------------------------------------------------------------------------------------
# Engines. Each has IMPORTS, `prepare(request)`, `register()` and `rows(sql)`; those that export have `export(form)`.

# Dask imports dask.distributed when it is first asked for a scheduler: 0.13 CPU seconds and 12 MB.
DASK = ("dask.array", "distributed")


def open_dataset(request):
    """The Dataset as the user has it: chunked by Dask, indexed lazily, or in memory."""
    import xarray as xr
    ds = xr.open_zarr(request["store"], chunks=None if request["source"] == "lazy" else {})
    return ds.load() if request["source"] == "memory" else ds


class Engine:
    through_zarr_python = True  # so that its reads can be counted there

    def prepare(self, request):
        import dask
        dask.config.set(num_workers=request["threads"])  # of the default scheduler, which stays
        self.threads = request["threads"]
        self.ds = open_dataset(request)

    def register(self):
        pass

    def export(self, form):
        raise Unsupported(form)


class Colonnade(Engine):
    IMPORTS = ("colonnade", "xarray", "zarr", *DASK, "pandas", "pyarrow", "polars")

    def prepare(self, request):
        import colonnade as cn
        self.cn = cn
        if request["source"] == "export":
            self.session = cn.connect(threads=request["threads"])
            self.session.sql(EXPORT_SQL)
        else:
            super().prepare(request)

    def register(self):
        if hasattr(self, "ds"):
            self.session = self.cn.connect(threads=self.threads)
            self.session.register("g", self.ds)

    def rows(self, sql):
        return self.session.sql(sql).fetchall()

    def export(self, form):
        relation = self.session.sql(EXPORT)
        return {"arrow": relation.to_arrow, "pandas": relation.to_pandas, "polars": relation.to_polars}[form]()


class ColonnadeZarr(Colonnade):
    """The same store, read by this package itself instead of by xarray."""

    through_zarr_python = False

    def prepare(self, request):
        import colonnade as cn
        self.cn, self.threads, self.ds = cn, request["threads"], cn.open_zarr(request["store"])


class XarraySqlDatafusion(Engine):
    IMPORTS = ("datafusion", "xarray_sql", "zarr", *DASK)

    def register(self):
        import xarray_sql
        self.context = xarray_sql.XarrayContext()
        self.context.from_dataset("g", self.ds)

    def rows(self, sql):
        return [tuple(row.values()) for batch in self.context.sql(sql).collect() for row in batch.to_pylist()]


class Duckdb(Engine):
    def connect(self, threads):
        import duckdb
        self.connection = duckdb.connect(config={"threads": threads})

    def rows(self, sql):
        return self.connection.execute(sql).fetchall()


class XarraySqlDuckdb(Duckdb):
    """DuckDB over the Arrow dataset of xarray-sql."""

    IMPORTS = ("duckdb", "xarray_sql", "zarr", *DASK)

    def register(self):
        import xarray_sql
        self.connect(self.threads)
        self.connection.register("g", xarray_sql.arrow_dataset(self.ds))


class DataframeDuckdb(Duckdb):
    """`to_dataframe`, then DuckDB over the frame."""

    IMPORTS = ("duckdb", "xarray", "zarr", *DASK, "pandas")

    def register(self):
        self.connect(self.threads)
        self.connection.register("g", self.ds.to_dataframe().reset_index())


class DuckdbTable(Duckdb):
    """DuckDB over a table of its own."""

    IMPORTS = ("duckdb", "pandas", "pyarrow", "polars")

    def prepare(self, request):
        self.connect(request["threads"])
        self.connection.execute(EXPORT_SQL)

    def export(self, form):
        relation = self.connection.sql(EXPORT)
        return {"arrow": relation.to_arrow_table, "pandas": relation.df, "polars": relation.pl}[form]()


class DaskBlocks(Engine):
    """The floor: every block of the array is computed and dropped.

    As the engine does it, each of its threads takes the next block and computes it on Dask's synchronous scheduler.
    """

    IMPORTS = ("xarray", "zarr", *DASK)

    def rows(self, sql):
        blocks = iter(self.ds.t2m.data.to_delayed().ravel())
        with ThreadPoolExecutor(self.threads) as pool:
            sizes = pool.map(lambda block: block.compute(scheduler="sync").size, blocks)
            return [(sum(sizes),)]


class DaskThreads(DaskBlocks):
    """The same in one call, on Dask's scheduler of threads."""

    def rows(self, sql):
        import numpy as np
        blocks = self.ds.t2m.data.map_blocks(lambda block: np.full((1,) * block.ndim, block.size), dtype="int64",
                                             chunks=(1,) * self.ds.t2m.ndim)
        return [(int(blocks.compute(scheduler="threads").sum()),)]


ENGINES = {"colonnade": Colonnade, "colonnade_zarr": ColonnadeZarr, "xarray_sql_datafusion": XarraySqlDatafusion,
           "xarray_sql_duckdb": XarraySqlDuckdb, "to_dataframe_duckdb": DataframeDuckdb, "duckdb_table": DuckdbTable,
           "dask_blocks": DaskBlocks, "dask_threads": DaskThreads}


# ---------------------------------------------------------------------------------------------------------------------
# Measuring

class Chunks:
    """Counts the objects that zarr-python asks a store for, from when it is made."""

    def __init__(self):
        from zarr.storage import LocalStore
        self.read, get = 0, LocalStore.get

        async def counted(store, key, *arguments, **options):
            self.read += 1
            return await get(store, key, *arguments, **options)

        LocalStore.get = counted


def restore_library_pages() -> None:
    """Maps the pages of files that the parent has.

    A fork starts without them, so that pages of libraries that an idle process has would count as memory of the query.
    """
    page, populate_read = mmap.PAGESIZE, 22
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    with open("/proc/self/maps") as maps, open(f"/proc/{os.getppid()}/pagemap", "rb", buffering=0) as pages:
        for line in maps:
            bounds, rights, _, _, inode = line.split()[:5]
            if inode == "0" or rights[0] != "r":
                continue
            begin, end = (int(bound, 16) for bound in bounds.split("-"))
            pages.seek(begin // page * 8)
            entries = array.array("Q", pages.read((end - begin) // page * 8))
            first = 0
            for present, run in itertools.groupby(entry >> 63 for entry in entries):
                count = len(list(run))
                if present:
                    madvise(begin + first * page, count * page, populate_read)
                first += count


def facts_of(form: str, table) -> list:
    """What the key of an export says, from whatever was exported."""
    if form == "arrow":
        import pyarrow.compute as pc
        column, total, most = table.column, lambda c: pc.sum(c).as_py(), lambda c: pc.max(c).as_py()
        last, rows = table.column("name")[-1].as_py(), table.num_rows
    elif form == "pandas":
        column, total, most = table.__getitem__, lambda c: c.sum(), lambda c: c.max()
        last, rows = table["name"].iloc[-1], len(table)
    else:
        import polars as pl

        def total(c):
            return (c if c.dtype.is_float() else c.cast(pl.Int64)).sum()  # 32 bits it sums in 32 bits

        column, most = table.get_column, lambda c: c.max()
        last, rows = table.get_column("name")[-1], table.height
    sums = [float(total(column(name))) for name in ("id", "small", "x", "y")]
    return [rows, *sums, str(most(column("at")))[:19], last]


def answer(engine_class: type, request: dict) -> dict:
    """Runs one task in this process and measures it."""
    engine = engine_class()
    engine.prepare(request)
    restore_library_pages()
    chunks = Chunks() if engine.through_zarr_python and request["source"] != "export" else None
    peak = Peak()
    start = usage()
    engine.register()
    registered = usage()
    form = request["task"]
    result = engine.rows(request["sql"]) if form == "rows" else engine.export(form)
    end = usage()
    memory = peak.megabytes()
    return {"register_cpu_s": registered[0] - start[0], "register_wall_s": registered[1] - start[1],
            "cpu_s": end[0] - registered[0], "wall_s": end[1] - registered[1], "memory_mb": memory,
            "read_mb": end[2] - start[2], "chunks": chunks.read if chunks else None,
            "answer": facts_of(form, result) if form != "rows" else
            [[value if isinstance(value, (int, float)) else str(value) for value in row] for row in result]}


def modules_of(engine_class: type) -> tuple[str, ...]:
    """What it imports. This package imports its parts when they are needed, so they are named one by one."""
    names = engine_class.IMPORTS
    if "colonnade" not in names:
        return names
    folders = importlib.util.find_spec("colonnade").submodule_search_locations
    parts = [part.name for part in pkgutil.iter_modules(folders) if part.name != "__main__"]
    return (*names, *(f"colonnade.{part}" for part in parts))


if __name__ == "__main__":
    chosen = ENGINES[sys.argv[1]]
    serve(sys.argv[1], modules_of(chosen), lambda request: answer(chosen, request))
