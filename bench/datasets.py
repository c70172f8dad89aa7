"""The closed-form data sets S1–S6 and S11, written with zarr-python.

    python datasets.py NAME…  [--data DIRECTORY]     write them (skips those that are complete)
    python datasets.py --list

Values are a hash of the cell number on a smooth field, all multiples of 1/64 below 2⁹ (S2n: 1/2²¹), so that float32
and float64 hold them exactly, sums in double are exact, and any language can make the same bytes. Nothing is shipped.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable, Iterator

import numcodecs
import numpy as np
import zarr
import zarr.codecs as zc

warnings.filterwarnings("ignore", module="zarr")


def hash32(n: np.ndarray) -> np.ndarray:
    """Murmur3's 32-bit finaliser of n mod 2³², in place on a uint32 array."""
    n ^= n >> np.uint32(16)
    n *= np.uint32(2246822507)
    n ^= n >> np.uint32(13)
    n *= np.uint32(3266489909)
    n ^= n >> np.uint32(16)
    return n


@dataclass(frozen=True)
class Field:
    """A variable in closed form on a (time, …, lat, lon) grid.

    value = base + (season + zone + floor(h(n) / 2²⁴)) / 64 with n = C-order cell number + seed,
    season = |floor(2048 · (t mod period) / period) - 1024| and zone = 2048 - |floor(4096 · i / (Y-1)) - 2048|;
    `noisy` adds (floor(h(n) / 2⁸) mod 512) / 2¹⁵, so that hardly two values are equal.
    """

    base: float
    seed: int
    dtype: str
    period: int = 1460
    noisy: bool = False

    def block(self, shape: tuple[int, ...], first: int, last: int) -> np.ndarray:
        """Values of steps first … last-1 of the first dimension, in `dtype`."""
        inner = math.prod(shape[1:])
        start = (first * inner + self.seed) % 2**32
        n = np.arange(start, start + (last - first) * inner, dtype="uint64").astype("uint32")  # mod 2³²
        noise = hash32(n).reshape(last - first, *shape[1:])
        rows, steps = shape[-2], np.arange(first, last) % self.period
        season = np.abs(2048 * steps // self.period - 1024)
        zone = 2048 - np.abs(4096 * np.arange(rows) // max(1, rows - 1) - 2048)
        whole = (noise >> np.uint32(24)).astype("int32")
        whole += season.astype("int32").reshape(-1, *[1] * (len(shape) - 1))
        whole += zone.astype("int32").reshape(-1, 1)
        if not self.noisy:
            if np.dtype(self.dtype).kind == "i":
                return whole.astype(self.dtype)  # packed: the stored integer, base is add_offset
            return (whole.astype("float64") / 64 + self.base).astype(self.dtype)
        fine = (noise >> np.uint32(8) & np.uint32(511)).astype("float64")
        return (self.base + whole / 64 + fine / 32768).astype(self.dtype)


@dataclass(frozen=True)
class Codec:
    v3: object
    v2: object


CODECS = {
    "none": Codec(None, None),
    "zstd": Codec(zc.ZstdCodec(level=3), numcodecs.Zstd(3)),
    "gzip": Codec(zc.GzipCodec(level=5), numcodecs.GZip(5)),
    "lz4": Codec(None, None),  # blosc with lz4 and byte shuffle: the type size is the array's, see codec_for
    "blosc_zstd": Codec(None, None),
}


def codec_for(name: str, version: int, size: int):
    if name in ("lz4", "blosc_zstd"):
        cname, level = ("lz4", 5) if name == "lz4" else ("zstd", 3)
        if version == 2:
            return numcodecs.Blosc(cname, level, shuffle=1)
        return zc.BloscCodec(cname=cname, clevel=level, shuffle="shuffle", typesize=size)
    return CODECS[name].v3 if version == 3 else CODECS[name].v2


@dataclass(frozen=True)
class Spec:
    """A data set: coordinates, fields and how they lie on disk."""

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    fields: dict[str, Field]
    coordinates: Callable[["Spec"], dict[str, tuple[np.ndarray, dict]]]
    shards: tuple[int, ...] | None = None
    codec: str = "zstd"
    version: int = 3
    attributes: dict[str, dict] = field(default_factory=dict)
    mask_every: int = 0  # `_FillValue` -32768 where n mod this is 0 (n without the seed)
    only_steps: tuple[int, ...] | None = None  # write no other chunk

    @property
    def rows(self) -> int:
        return math.prod(self.shape)

    def blocks(self, variable: str, steps: int) -> Iterator[tuple[int, np.ndarray]]:
        """(first step, values) of the whole variable, `steps` at a time, as stored."""
        inner = math.prod(self.shape[1:])
        for first in range(0, self.shape[0], steps):
            last = min(first + steps, self.shape[0])
            values = self.fields[variable].block(self.shape, first, last)
            if self.mask_every:
                number = np.arange(first * inner, last * inner).reshape(values.shape)
                values[number % self.mask_every == 0] = -32768
            yield first, values


def _lat_lon(spec: Spec) -> dict:
    rows, columns = spec.shape[-2:]
    lat = np.linspace(90.0, -90.0, rows)
    lon = np.arange(columns) * (360.0 / columns)
    return {"lat": (lat, {"units": "degrees_north"}), "lon": (lon, {"units": "degrees_east"})}


def _six_hourly(spec: Spec) -> dict:
    time = np.arange(spec.shape[0], dtype="int64") * 6
    return {"time": (time, {"units": "hours since 2000-01-01 00:00:00", "calendar": "proleptic_gregorian"}),
            **_lat_lon(spec)}


def _hourly_box(spec: Spec) -> dict:
    """S1: hours, and a regional box with exact half-degree steps."""
    time = np.arange(spec.shape[0], dtype="int64")
    return {"time": (time, {"units": "hours since 2000-01-01 00:00:00", "calendar": "proleptic_gregorian"}),
            "lat": (60.0 - 0.5 * np.arange(spec.shape[1]), {"units": "degrees_north"}),
            "lon": (0.5 * np.arange(spec.shape[2]), {"units": "degrees_east"})}


LEVELS = (1000, 925, 850, 700, 600, 500, 400, 300, 250, 200, 150, 100, 50)


def _daily_levels(spec: Spec) -> dict:
    time = np.arange(spec.shape[0], dtype="int64")
    return {"time": (time, {"units": "days since 2000-01-01", "calendar": "proleptic_gregorian"}),
            "level": (np.array(LEVELS[:spec.shape[1]], "int32"), {"units": "hPa"}), **_lat_lon(spec)}


def _hours_since_1900(spec: Spec) -> dict:
    """S5: a million hours; step 500,000 is 1957-01-15 08:00."""
    time = np.arange(spec.shape[0], dtype="int64")
    return {"time": (time, {"units": "hours since 1900-01-01 00:00:00", "calendar": "proleptic_gregorian"}),
            **_lat_lon(spec)}


_T2M = {"t2m": Field(220, 0, "float32")}
_S1 = {"temperature": Field(220, 0, "float64"), "humidity": Field(0, 977, "float64")}
_S6 = {"temperature": Field(220, 0, "int16"), "humidity": Field(0, 977, "int16")}
_PACKING = {"temperature": {"scale_factor": 1 / 64, "add_offset": 220.0, "_FillValue": -32768},
            "humidity": {"scale_factor": 1 / 64, "add_offset": 0.0, "_FillValue": -32768}}
_GRID = ("time", "lat", "lon")


def _specs() -> dict[str, Spec]:
    s2 = Spec("s2", _GRID, (1460, 181, 360), (24, 181, 360), _T2M, _six_hourly)
    s1 = Spec("s1", _GRID, (1000, 100, 100), (50, 100, 100), _S1, _hourly_box)
    s3 = Spec("s3", ("time", "level", "lat", "lon"), (120, 13, 91, 180), (10, 13, 91, 180),
              {"t": Field(200, 11, "float32", 120), "u": Field(0, 23, "float32", 120),
               "q": Field(100, 47, "float32", 120)}, _daily_levels)
    s4 = Spec("s4", _GRID, (100, 100, 100), (25, 100, 100),
              {f"v{k:02}": Field(k, 1000 * k, "float32", 100) for k in range(50)}, _hourly_box)
    s5 = Spec("s5", _GRID, (1_000_000, 721, 1440), (1, 721, 1440), _T2M, _hours_since_1900,
              only_steps=(0, 500_000, 999_999))
    s6 = replace(s1, name="s6", fields=_S6, attributes=_PACKING, mask_every=97)
    s11 = Spec("s11", _GRID, (1000, 100, 100), (5, 10, 10), {"t2m": Field(220, 0, "float32")}, _hourly_box)
    space = (1460, 16, 16)
    out = [
        s1, s2, s3, s4, s5, s6, s11,
        replace(s11, name="s11h", shards=(50, 100, 100)),
        replace(s2, name="s2s", chunks=space),
        replace(s2, name="s2h", chunks=(4, 64, 120), shards=(24, 192, 360)),
        replace(s2, name="s2n", fields={"t2m": Field(220, 0, "float32", noisy=True)}),
        *[replace(s2, name=f"s2_{codec}", codec=codec) for codec in ("none", "lz4", "gzip", "blosc_zstd")],
        replace(s2, name="s2s_lz4", chunks=space, codec="lz4"),
        *[replace(s2, name=f"s2_v2_{codec}", codec=codec, version=2) for codec in ("none", "lz4", "zstd", "gzip")],
        # Reduced sets for continuous integration. They keep the chunk grid of the full sets along the axes that the
        # chunk counts are asserted on.
        replace(s2, name="s2_small", shape=(1460, 19, 36), chunks=(24, 19, 36)),
        replace(s2, name="s2_small_v2", shape=(1460, 19, 36), chunks=(24, 19, 36), version=2, codec="lz4"),
        replace(s2, name="s2s_small", shape=(73, 181, 360), chunks=(73, 16, 16)),
        replace(s2, name="s2h_small", shape=(73, 181, 360), chunks=(4, 64, 120), shards=(24, 192, 360)),
        replace(s1, name="s1_small", shape=(125, 100, 100)),
        replace(s3, name="s3_small", shape=(20, 13, 46, 90), chunks=(10, 13, 46, 90)),
        replace(s4, name="s4_small", shape=(40, 20, 25), chunks=(10, 20, 25)),
        replace(s6, name="s6_small", shape=(125, 100, 100)),
    ]
    return {spec.name: spec for spec in out}


SPECS = _specs()
FORMAT = 1  # raise it when the bytes change: cached sets are written again


def store_path(data: Path, name: str) -> Path:
    return Path(data) / f"{name}.zarr"


def ensure(data: Path, name: str, *, quiet: bool = True) -> Path:
    """Writes a data set unless a complete one is there; returns its path."""
    spec, path = SPECS[name], store_path(data, name)
    stamp = path.with_suffix(".complete")
    wanted = json.dumps({"format": FORMAT, "zarr": zarr.__version__, "spec": repr(replace(spec, coordinates=None))})
    if stamp.exists() and stamp.read_text() == wanted and path.exists():
        return path
    if not quiet:
        print(f"writing {path}", flush=True)
    stamp.unlink(missing_ok=True)
    partial = path.with_suffix(f".partial{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    write(spec, partial)
    shutil.rmtree(path, ignore_errors=True)
    partial.rename(path)
    stamp.write_text(wanted)
    return path


def _create(group: zarr.Group, spec: Spec, name: str, dims, shape, dtype, chunks, attributes, **options):
    attributes = dict(attributes)
    if spec.version == 2:
        attributes["_ARRAY_DIMENSIONS"] = list(dims)
        options["fill_value"] = None
    else:
        options["dimension_names"] = dims
    return zarr.create_array(group.store_path, name=name, shape=shape, dtype=dtype, chunks=chunks, attributes=attributes,
                             zarr_format=spec.version, config={"write_empty_chunks": True}, **options)


def write(spec: Spec, path: Path) -> None:
    group = zarr.open_group(str(path), mode="w", zarr_format=spec.version)
    for name, (values, attributes) in spec.coordinates(spec).items():
        array = _create(group, spec, name, (name,), values.shape, values.dtype, values.shape, attributes,
                        compressors=codec_for("zstd", spec.version, 8))
        array[...] = values
    # Chunks that span all of the first dimension are written in one go; others a stored object's steps at a time.
    steps = (spec.shards or spec.chunks)[0]
    for name, values_field in spec.fields.items():
        dtype = np.dtype(values_field.dtype)
        array = _create(group, spec, name, spec.dims, spec.shape, dtype, spec.chunks, spec.attributes.get(name, {}),
                        shards=spec.shards, compressors=codec_for(spec.codec, spec.version, dtype.itemsize))
        if spec.only_steps is not None:
            for step in spec.only_steps:
                array[step:step + 1] = values_field.block(spec.shape, step, step + 1)
            continue
        for first, values in spec.blocks(name, steps):
            array[first:first + len(values)] = values
    zarr.consolidate_metadata(str(path))


def write_parquet(data: Path, name: str) -> Path:
    """The same rows as one flat Parquet file: zstd, row groups of about 1.5 M rows, as a careful user would."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    spec, path = SPECS[name], Path(data) / f"{name}.parquet"
    if path.exists():
        return path
    coordinates = spec.coordinates(spec)
    epoch = np.datetime64(coordinates["time"][1]["units"].split(" since ")[1].replace(" ", "T"), "us")
    unit = {"hours": 3_600_000_000, "days": 86_400_000_000}[
        coordinates["time"][1]["units"].split()[0]]
    times = epoch + (coordinates["time"][0] * unit).astype("m8[us]")
    inner = math.prod(spec.shape[1:])
    steps = max(1, 1_563_840 // inner)
    partial = path.with_suffix(".partial")
    writer = None
    iterators = {variable: spec.blocks(variable, steps) for variable in spec.fields}
    for first in range(0, spec.shape[0], steps):
        columns = {}
        count = min(steps, spec.shape[0] - first)
        for axis, dim in enumerate(spec.dims):
            labels = times[first:first + count] if axis == 0 else coordinates[dim][0]
            extent = (count, *spec.shape[1:])
            columns[dim] = np.broadcast_to(labels.reshape(-1, *[1] * (len(extent) - 1 - axis)), extent).ravel()
        for variable in spec.fields:
            columns[variable] = next(iterators[variable])[1].ravel()
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(partial, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=table.num_rows)
    writer.close()
    partial.rename(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*SPECS, []], metavar="NAME")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[1] / "build" / "bench-data")
    parser.add_argument("--parquet", action="store_true", help="write the flat Parquet file too")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        for spec in SPECS.values():
            print(f"{spec.name:14} {spec.shape} in {spec.chunks}{f' shards {spec.shards}' if spec.shards else ''} "
                  f"{spec.codec} v{spec.version} {', '.join(spec.fields)}"[:150])
    options.data.mkdir(parents=True, exist_ok=True)
    for name in options.names:
        ensure(options.data, name, quiet=False)
        if options.parquet:
            write_parquet(options.data, name)


if __name__ == "__main__":
    main()
