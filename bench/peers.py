"""The peers of bench/run.py: xarray + dask, xarray-sql, tensorstore, DuckDB and Polars on flat Parquet.

A server of bench/measuring.py. A request is {"case", "store", "parquet", "threads"}. The child opens the data first
("open"), then runs the case; both are measured apart.
"""

from __future__ import annotations

import sys

from measuring import Peak, Unsupported, serve, usage

NAMES = ("xarray", "xarray_sql_datafusion", "xarray_sql_duckdb", "tensorstore", "duckdb_parquet", "polars_parquet")


# ---------------------------------------------------------------------------------------------------------------------
# xarray: what an expert writes. Coordinate-only questions are answered from the coordinate, sums are in double.

class Xarray:
    def __init__(self, request):
        import dask
        import xarray as xr
        dask.config.set(scheduler="threads", num_workers=request["threads"])
        self.dask, self.xr = dask, xr
        self.ds = xr.open_zarr(request["store"], chunks={})

    def mean(self, array):
        return [[float(array.mean(dtype="float64"))]]

    def avg(self):
        return self.mean(self.ds.t2m)

    def avg_min_max(self):
        t = self.ds.t2m
        return [[float(v) for v in self.dask.compute(t.mean(dtype="float64"), t.min(), t.max())]]

    def range(self):
        return self.mean(self.ds.t2m.sel(time=slice("2000-06-01", "2000-06-04T12:00")))

    def box(self):
        return self.mean(self.ds.t2m.sel(lat=slice(50, 25), lon=slice(235, 290)))

    def cell(self):
        return [[float(self.ds.t2m.sel(lat=40, lon=286).sum(dtype="float64"))]]

    def july(self):
        import numpy as np
        return self.mean(self.ds.t2m.isel(time=np.flatnonzero(self.ds["time.month"].values == 7)))

    def value(self):
        t = self.ds.t2m
        above = t > 265
        n, s = self.dask.compute(above.sum(), t.where(above).sum(dtype="float64"))
        return [[int(n), float(s)]]

    def count(self):
        return [[int(self.ds.t2m.size)]]

    def count_box(self):
        ds = self.ds
        lat, lon = ((ds.lat >= 25) & (ds.lat <= 50)).sum(), ((ds.lon >= 235) & (ds.lon <= 290)).sum()
        return [[int(lat) * int(lon) * ds.sizes["time"]]]

    def min_max(self):
        return [[str(self.ds.time.values.min())[:19].replace("T", " "), float(self.ds.lat.values.max())]]

    def distinct(self):
        import numpy as np
        return [[int(np.unique(self.ds.lat.values).size)]]

    def lat_limit(self):
        import numpy as np
        lat = self.ds.lat.values[np.arange(1000) // self.ds.sizes["lon"] % self.ds.sizes["lat"]]
        return [[int(lat.size), float(lat.sum())]]


class Tensorstore:
    def __init__(self, request):
        import tensorstore as ts
        context = ts.Context({"cache_pool": {"total_bytes_limit": 0},
                              "data_copy_concurrency": {"limit": request["threads"]},
                              "file_io_concurrency": {"limit": 4}})
        self.array = ts.open({"driver": "zarr3", "kvstore": {"driver": "file", "path": request["store"] + "/t2m/"}},
                             context=context, open=True).result()
        self.step = self.array.chunk_layout.read_chunk.shape[0]

    def pieces(self, rows=slice(None), columns=slice(None), steps=None):
        """Chunk by chunk along time, one ahead of the reduction."""
        edges = steps or [(a, min(a + self.step, self.array.shape[0])) for a in range(0, self.array.shape[0], self.step)]
        pending = []
        for first, last in edges:
            pending.append(self.array[first:last, rows, columns].read())
            if len(pending) > 2:
                yield pending.pop(0).result()
        for future in pending:
            yield future.result()

    def total(self, **selection):
        n = s = 0
        for piece in self.pieces(**selection):
            n += piece.size
            s += float(piece.sum(dtype="float64"))
        return n, s

    def avg(self):
        n, s = self.total()
        return [[s / n]]

    def avg_min_max(self):
        n, s, low, high = 0, 0.0, float("inf"), float("-inf")
        for piece in self.pieces():
            n, s = n + piece.size, s + float(piece.sum(dtype="float64"))
            low, high = min(low, float(piece.min())), max(high, float(piece.max()))
        return [[s / n, low, high]]

    # tensorstore has no coordinates: the positions are what an expert would have looked up.
    def range(self):
        n, s = self.total(steps=[(608, 623)])
        return [[s / n]]

    def box(self):
        n, s = self.total(rows=slice(40, 66), columns=slice(235, 291))
        return [[s / n]]

    def cell(self):
        return [[self.total(rows=slice(50, 51), columns=slice(286, 287))[1]]]

    def july(self):
        n, s = self.total(steps=[(max(a, 728), min(a + 24, 852)) for a in range(720, 852, 24)])
        return [[s / n]]

    def value(self):
        n = s = 0
        for piece in self.pieces():
            above = piece[piece > 265]
            n += above.size
            s += float(above.sum(dtype="float64"))
        return [[n, s]]

    def count(self):
        return [[int(self.array.size)]]


# ---------------------------------------------------------------------------------------------------------------------
# SQL

SQL = {
    "avg": "SELECT avg(t2m) FROM {g}",
    "avg_min_max": "SELECT avg(t2m), min(t2m), max(t2m) FROM {g}",
    "range": "SELECT avg(t2m) FROM {g} WHERE time BETWEEN TIMESTAMP '2000-06-01' AND TIMESTAMP '2000-06-04 12:00:00'",
    "box": "SELECT avg(t2m) FROM {g} WHERE lat BETWEEN 25 AND 50 AND lon BETWEEN 235 AND 290",
    "cell": "SELECT sum(t2m::DOUBLE) FROM {g} WHERE lat = 40 AND lon = 286",
    "july": "SELECT avg(t2m) FROM {g} WHERE date_part('month', time) = 7",
    "value": "SELECT count(*), sum(t2m::DOUBLE) FROM {g} WHERE t2m > 265",
    "count": "SELECT count(*) FROM {g}",
    "count_box": "SELECT count(*) FROM {g} WHERE lat BETWEEN 25 AND 50 AND lon BETWEEN 235 AND 290",
    "min_max": "SELECT min(time), max(lat) FROM {g}",
    "distinct": "SELECT count(*) FROM (SELECT DISTINCT lat FROM {g}) d",
    "lat_limit": "SELECT count(lat), sum(lat) FROM (SELECT lat FROM {g} LIMIT 1000) l",
    "all_rows": "SELECT * FROM {g}",
}


class Sql:
    """A peer that takes the SQL above."""

    def run(self, case):
        return [list(row) for row in self.fetch(SQL[case].format(g="g").replace("::DOUBLE", self.double))]

    double = "::DOUBLE"


class DuckdbParquet(Sql):
    def __init__(self, request):
        import duckdb
        self.connection = duckdb.connect()
        self.connection.execute(f"SET threads={request['threads']}")
        self.connection.execute(f"CREATE VIEW g AS SELECT * FROM '{request['parquet']}'")

    def fetch(self, sql):
        return self.connection.execute(sql).fetchall()


class XarraySqlDuckdb(Sql):
    def __init__(self, request):
        import duckdb
        import xarray as xr
        import xarray_sql as xql
        self.connection = duckdb.connect()
        self.connection.execute(f"SET threads={request['threads']}")
        ds = xr.open_zarr(request["store"], chunks={})
        xql.register(self.connection, "g", ds)

    def fetch(self, sql):
        return self.connection.execute(sql).fetchall()


class XarraySqlDatafusion(Sql):
    def __init__(self, request):
        import xarray as xr
        import xarray_sql as xql
        self.context = xql.XarrayContext()
        self.context.from_dataset("g", xr.open_zarr(request["store"], chunks={}))

    def fetch(self, sql):
        frame = self.context.sql(sql).to_pandas()
        return [tuple(row) for row in frame.itertuples(index=False)]


class PolarsParquet:
    def __init__(self, request):
        import polars as pl
        self.pl = pl
        self.g = pl.scan_parquet(request["parquet"])

    def collect(self, frame):
        return [list(row) for row in frame.collect(engine="streaming").rows()]

    def run(self, case):
        pl, g = self.pl, self.g
        from datetime import datetime
        t = pl.col("t2m")
        mean, total = t.cast(pl.Float64).mean(), t.cast(pl.Float64).sum()
        box = pl.col("lat").is_between(25, 50) & pl.col("lon").is_between(235, 290)
        plans = {
            "avg": lambda: g.select(mean),
            "avg_min_max": lambda: g.select(mean.alias("a"), t.min().alias("b"), t.max().alias("c")),
            "range": lambda: g.filter(pl.col("time").is_between(datetime(2000, 6, 1), datetime(2000, 6, 4, 12))).select(mean),
            "box": lambda: g.filter(box).select(mean),
            "cell": lambda: g.filter((pl.col("lat") == 40) & (pl.col("lon") == 286)).select(total),
            "july": lambda: g.filter(pl.col("time").dt.month() == 7).select(mean),
            "value": lambda: g.filter(t > 265).select(pl.len(), total),
            "count": lambda: g.select(pl.len()),
            "count_box": lambda: g.filter(box).select(pl.len()),
            "min_max": lambda: g.select(pl.col("time").min(), pl.col("lat").max()),
            "distinct": lambda: g.select(pl.col("lat").n_unique()),
            "lat_limit": lambda: g.select("lat").head(1000).select(pl.len(), pl.col("lat").sum()),
        }
        if case not in plans:
            raise Unsupported(case)
        return self.collect(plans[case]())


PEERS = {
    "xarray": Xarray, "tensorstore": Tensorstore, "duckdb_parquet": DuckdbParquet, "polars_parquet": PolarsParquet,
    "xarray_sql_duckdb": XarraySqlDuckdb, "xarray_sql_datafusion": XarraySqlDatafusion,
}
IMPORTS = {
    "xarray": ("dask.array", "xarray", "zarr", "pandas"), "tensorstore": ("tensorstore", "numpy"),
    "duckdb_parquet": ("duckdb",), "polars_parquet": ("polars",), "xarray_sql_duckdb": ("duckdb", "xarray_sql", "zarr", "dask.array"),
    "xarray_sql_datafusion": ("datafusion", "xarray_sql", "zarr", "dask.array"),
}


def answer(name: str, request: dict) -> dict:
    """Runs one case in this process and measures it."""
    start = usage()
    peer = PEERS[name](request)
    open_end = usage()
    peak = Peak()
    before = usage()
    case = request["case"]
    if isinstance(peer, (Sql, PolarsParquet)):
        rows = peer.run(case)
    else:
        method = getattr(peer, case, None)
        if method is None:
            raise Unsupported(case)
        rows = method()
    after = usage()
    return {"open_cpu_s": open_end[0] - start[0], "open_wall_s": open_end[1] - start[1], "cpu_s": after[0] - before[0],
            "wall_s": after[1] - before[1], "memory_mb": peak.megabytes(), "read_mb": after[2] - before[2],
            "rows": len(rows), "answer": [[None if v is None else str(v) for v in row] for row in rows[:20]]}


if __name__ == "__main__":
    peer_name = sys.argv[1]
    serve(peer_name, IMPORTS[peer_name], lambda request: answer(peer_name, request))
