"""Stores written by zarr-python, and what SQL must see in them.

The expected side is numpy: the values that were written, with the mask rules of the documentation applied. It never
reads a store back.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numcodecs
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import zarr
import zarr.codecs as zc

warnings.filterwarnings("ignore", module="zarr")
warnings.filterwarnings("ignore", message=".*Zarr V3 specification.*")

ABSENT = object()  # "no fill_value argument"


def write_array(group: zarr.Group, name: str, data: np.ndarray, dims: tuple[str, ...], *, chunks=None, shards=None,
                attributes: dict | None = None, skip_chunks=(), fill_value=None, dtype=None, **options) -> None:
    """Creates an array and writes it chunk by chunk, leaving `skip_chunks` (grid indices) out of the store.

    `fill_value=None` means null in v2 and the type's zero in v3.
    """
    version = group.metadata.zarr_format
    attributes = dict(attributes or {})
    if version == 2:
        attributes["_ARRAY_DIMENSIONS"] = list(dims)
    else:
        options["dimension_names"] = list(dims)
        if fill_value is None:
            options.pop("fill_value", None)
    if version == 2 or fill_value is not None:
        options["fill_value"] = fill_value
    array = zarr.create_array(group.store_path, name=name, shape=data.shape, dtype=data.dtype if dtype is None else dtype,
                              chunks=tuple(chunks) if chunks is not None else tuple(max(1, n) for n in data.shape),
                              shards=tuple(shards) if shards is not None else None, zarr_format=version,
                              attributes=attributes, config={"write_empty_chunks": True}, **options)
    if not skip_chunks:
        array[...] = data
        return
    # One write per stored object, so that nothing ever touches the skipped ones.
    step = shards or chunks
    for index in np.ndindex(*[-(-n // c) for n, c in zip(data.shape, step)]):
        if index not in skip_chunks:
            box = tuple(slice(i * c, min((i + 1) * c, n)) for i, c, n in zip(index, step, data.shape))
            array[box] = data[box]


def open_group(path, version: int) -> zarr.Group:
    return zarr.open_group(str(path), mode="w", zarr_format=version)


# ---------------------------------------------------------------------------------------------------------------------
# Types

@dataclass(frozen=True)
class StoredType:
    """A stored type, values that matter for it, and a fill value that occurs among them."""

    name: str
    dtype: np.dtype | str
    special: tuple
    fill: object
    versions: tuple = (2, 3)

    @property
    def numpy(self) -> np.dtype:
        return np.dtype(object) if self.dtype == "string" else np.dtype(self.dtype)

    @property
    def is_float(self) -> bool:
        return self.numpy.kind == "f"

    def values(self, shape: tuple[int, ...], seed: int) -> np.ndarray:
        """Compressible values with the special ones strewn in."""
        count = int(np.prod(shape))
        random = np.random.default_rng(seed)
        position = np.arange(count)
        kind = self.numpy.kind
        if self.dtype == "string":
            out = np.array([f"{'naïve ' if i % 7 == 0 else ''}v{i % 19}" for i in position], dtype=object)
        elif kind == "b":
            out = (position // 5 + random.integers(0, 2, count)) % 3 == 0
        elif kind in "iu":
            out = ((position // 7) % 100 + random.integers(0, 3, count)).astype(self.numpy)
        elif kind == "f":
            out = (((position // 7) % 100 + random.integers(0, 8, count)) / 8).astype(self.numpy)
        elif kind in "Mm":
            out = ((position // 7) % 100 + random.integers(0, 3, count)).astype("int64").view(self.numpy)
        elif kind == "S":
            out = np.array([b"v%d" % (i % 19) for i in position], dtype=self.numpy)
        else:
            out = np.array([f"é{i % 19}" for i in position], dtype=self.numpy)
        where = random.permutation(count)[: 3 * len(self.special)]
        for place, at in enumerate(where):
            out[at] = self.special[place % len(self.special)]
        out[where[-1]] = self.fill
        return out.reshape(shape)


def _integers() -> list[StoredType]:
    out = []
    for bits in (8, 16, 32, 64):
        for kind in ("int", "uint"):
            info = np.iinfo(f"{kind}{bits}")
            out.append(StoredType(f"{kind}{bits}", f"{kind}{bits}", (info.min, info.max, 0), int(info.max) - 3))
    return out


def _instants(unit: str, *values: int, versions=(2, 3)) -> StoredType:
    dtype = np.dtype(f"M8[{unit}]")
    special = tuple(np.array([v], dtype="int64").view(dtype)[0] for v in (*values, -(2**63)))
    return StoredType(f"datetime64_{unit}", dtype, special, special[0], versions)


def _spans(unit: str) -> StoredType:
    dtype = np.dtype(f"m8[{unit}]")
    special = tuple(np.array([v], dtype="int64").view(dtype)[0] for v in (-86_400, 10**12, -(2**63)))
    return StoredType(f"timedelta64_{unit}", dtype, special, special[0])


TYPES: list[StoredType] = [
    StoredType("bool", "bool", (True, False), True),
    *_integers(),
    StoredType("float16", "float16", (np.nan, np.inf, -np.inf, -0.0, 65504.0, 6e-8), 2.5),
    StoredType("float32", "float32", (np.nan, np.inf, -np.inf, -0.0, 3.4028235e38, 1e-45), 2.5),
    StoredType("float64", "float64", (np.nan, np.inf, -np.inf, -0.0, 1.7976931348623157e308, 5e-324), 2.5),
    _instants("D", -719162, 100_000),
    _instants("h", -500_000, 10**6),
    _instants("s", -(10**9), 4 * 10**9),
    _instants("ms", -(10**12), 4 * 10**12),
    _instants("us", -(10**15), 4 * 10**15 + 1),
    _instants("ns", -(10**18), 4 * 10**18 + 1),
    _instants("25s", -(10**6), 10**7),
    _instants("M", -600, 1200),
    _instants("Y", -100, 130),
    _spans("s"),
    _spans("ns"),
    StoredType("fixed_bytes", "S6", (b"", b"sixsix", b"a b"), b"v1"),
    StoredType("fixed_unicode", "U5", ("", "five5", "a\U0001d11eb"), "é1"),
    StoredType("string", "string", ("", "日本語", "x" * 300, "\U0001d11e"), "v1"),
]


# ---------------------------------------------------------------------------------------------------------------------
# Codecs

BLOSC_INNER = ("blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd")
BLOSC_SHUFFLES = ("noshuffle", "shuffle", "bitshuffle")


def blosc_names() -> list[str]:
    """The inner codecs that this numcodecs can write."""
    from numcodecs.blosc import list_compressors
    have = set(list_compressors())
    return [name for name in BLOSC_INNER if name in have]


def codecs_v2(dtype: np.dtype = np.dtype("u1")) -> dict[str, dict]:
    text = [numcodecs.VLenUTF8()] if dtype.kind == "O" else []
    out = {
        "none": {"compressors": None},
        "gzip": {"compressors": numcodecs.GZip(5)},
        "zlib": {"compressors": numcodecs.Zlib(5)},
        "zstd": {"compressors": numcodecs.Zstd(3)},
        "zstd_checksum": {"compressors": numcodecs.Zstd(3, checksum=True)},
        "lz4": {"compressors": numcodecs.LZ4()},
        "crc32c_filter": {"compressors": numcodecs.Zstd(1), "filters": [numcodecs.CRC32C()]},
    }
    for cname in blosc_names():
        for number, shuffle in enumerate(BLOSC_SHUFFLES):
            out[f"blosc_{cname}_{shuffle}"] = {"compressors": numcodecs.Blosc(cname, 5, shuffle=number)}
    if text:
        out = {name: {**options, "filters": text + options.get("filters", [])} for name, options in out.items()}
    return out


def codecs_v3(dtype: np.dtype) -> dict[str, dict]:
    size = max(1, dtype.itemsize) if dtype.kind != "O" else 1
    out = {
        "none": {"compressors": None},
        "gzip": {"compressors": zc.GzipCodec(level=5)},
        "numcodecs_zlib": {"compressors": zc.Zlib(level=5)},
        "numcodecs_gzip": {"compressors": zc.GZip(level=5)},
        "zstd": {"compressors": zc.ZstdCodec(level=3)},
        "zstd_checksum": {"compressors": zc.ZstdCodec(level=3, checksum=True)},
        "numcodecs_zstd": {"compressors": zc.Zstd(level=3)},
        "numcodecs_lz4": {"compressors": zc.LZ4()},
        "crc32c": {"compressors": zc.Crc32cCodec()},
        "gzip_crc32c": {"compressors": (zc.GzipCodec(level=1), zc.Crc32cCodec())},
        "crc32c_zstd": {"compressors": (zc.Crc32cCodec(), zc.ZstdCodec(level=1))},
        "gzip_zstd": {"compressors": (zc.GzipCodec(level=1), zc.ZstdCodec(level=1))},
    }
    for cname in blosc_names():
        for shuffle in BLOSC_SHUFFLES:
            out[f"blosc_{cname}_{shuffle}"] = {
                "compressors": zc.BloscCodec(cname=cname, clevel=5, shuffle=shuffle, typesize=size)}
    return out


# ---------------------------------------------------------------------------------------------------------------------
# What SQL must see

def expected_column(values: np.ndarray, sentinels=()) -> tuple[np.ndarray, np.ndarray]:
    """(values, valid) of a data variable as SQL sees it: masks and NaN are NULL, types by the documentation."""
    valid = np.ones(values.shape, bool)
    kind = values.dtype.kind
    for sentinel in sentinels:
        if kind in "Mm" and np.isnat(sentinel):
            continue
        valid &= values != np.asarray(sentinel, dtype=values.dtype)
    if kind == "f":
        valid &= ~np.isnan(values)
        if values.dtype.itemsize == 2:
            values = values.astype("float32")
    elif kind == "M":
        valid &= ~np.isnat(values)
        fine = np.datetime_data(values.dtype)[0] in ("ns", "ps", "fs", "as")
        values = np.where(np.isnat(values), np.datetime64(0, "s"), values).astype("M8[ns]" if fine else "M8[us]")
    elif kind == "m":
        valid &= ~np.isnat(values)
        values = values.astype("int64")
    elif kind == "S":
        values = np.array([v.decode() for v in values.ravel()], dtype=object).reshape(values.shape)
    elif kind == "U":
        values = values.astype(object)
    return values, valid


def dense(table: pa.Table, column: str, shape: tuple[int, ...], order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(values, valid) of a result column put back on the grid; `order` is each row's C-order cell number."""
    data = table.column(column).combine_chunks()
    if isinstance(data, pa.ChunkedArray):
        data = pa.concat_arrays(data.chunks)
    valid = np.ones(len(data), bool) if data.null_count == 0 else pc.is_valid(data).to_numpy(zero_copy_only=False)
    if pa.types.is_string(data.type) or pa.types.is_large_string(data.type):
        values = np.array(data.to_pylist(), dtype=object)
    elif pa.types.is_timestamp(data.type):
        values = data.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False).view(f"M8[{data.type.unit}]")
    else:
        values = data.fill_null(False if pa.types.is_boolean(data.type) else 0).to_numpy(zero_copy_only=False)
    out = np.empty(len(values), values.dtype)
    ok = np.zeros(len(values), bool)
    out[order], ok[order] = values, valid
    return out.reshape(shape), ok.reshape(shape)


def grid_order(table: pa.Table, dims: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
    """C-order cell number of every row, from index columns; checks that every cell occurs exactly once."""
    cells = np.zeros(table.num_rows, "int64")
    for dim, extent in zip(dims, shape):
        cells = cells * extent + table.column(dim).to_numpy()
    assert np.array_equal(np.sort(cells), np.arange(int(np.prod(shape)))), \
        f"{table.num_rows} rows are not each cell of {shape} once"
    return cells


def mismatch(want: tuple[np.ndarray, np.ndarray], got: tuple[np.ndarray, np.ndarray]) -> str | None:
    """None if equal, else a line that names the first differing cell.

    -0.0 and 0.0 pass for equal here: DuckDB's Parquet writer keeps one of them when it makes a dictionary.
    """
    want_values, want_valid = want
    got_values, got_valid = got
    if want_values.dtype.kind != "O" and want_values.dtype != got_values.dtype:
        return f"type {got_values.dtype} instead of {want_values.dtype}"
    wrong = want_valid != got_valid
    both = want_valid & got_valid
    wrong |= both & (want_values != got_values)
    if not wrong.any():
        return None
    cell = tuple(int(i) for i in np.argwhere(wrong)[0])

    def show(values, valid):
        return repr(values[cell]) if valid[cell] else "NULL"
    return f"{int(wrong.sum())} of {wrong.size} cells differ, first {cell}: {show(got_values, got_valid)} instead of " \
           f"{show(want_values, want_valid)}"
