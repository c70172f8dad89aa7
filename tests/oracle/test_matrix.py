"""Every codec by every type, v2, v3 and sharded v3, written by zarr-python and read back cell by cell.

One store per format and type; one array per codec and layout; one query per store.
"""

from __future__ import annotations

import itertools
import json
import struct

import numcodecs
import numpy as np
import pytest
import zarr
import zarr.codecs as zc

from colonnade_cli import identifier, quoted, run, run_query
from stores import (TYPES, StoredType, blosc_names, codecs_v2, codecs_v3, dense, expected_column, grid_order, mismatch,
                    open_group, write_array, BLOSC_SHUFFLES)

SHAPE, CHUNKS = (29, 43), (16, 24)  # ragged on both axes
SHARDED_SHAPE, SHARDS = (45, 61), (32, 48)  # 2 × 2 shards of 2 × 2 chunks; the last ones hang over the edge
DIMS = ("y", "x")


def check_store(path, dims, shape, expected: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """One SELECT * against the expected columns."""
    table = run_query(f"SELECT * FROM {quoted(path)}").table
    assert table.column_names == [*dims, *sorted(expected)]
    order = grid_order(table, dims, shape)
    wrong = {name: line for name, want in expected.items()
             if (line := mismatch(want, dense(table, name, shape, order))) is not None}
    assert not wrong, "\n".join(f"{name}: {line}" for name, line in wrong.items())


def serializer_of(stored: StoredType, endian: str):
    return "auto" if stored.numpy.itemsize == 1 or stored.dtype == "string" else zc.BytesCodec(endian=endian)


@pytest.mark.parametrize("stored", TYPES, ids=lambda t: t.name)
def test_v2_reads_back_every_codec(stored: StoredType, tmp_path):
    group = open_group(tmp_path / "s.zarr", 2)
    dtype = "str" if stored.dtype == "string" else stored.numpy
    expected = {}
    for number, (codec, options) in enumerate(codecs_v2(stored.numpy).items()):
        # Fill null, fill set, a hole under either, F order, "/" between indices: every codec meets a mix of them.
        fill = stored.fill if number % 2 else None
        hole = {(1, 1)} if number % 3 else set()
        values = stored.values(SHAPE, number)
        write_array(group, codec, values, DIMS, chunks=CHUNKS, dtype=dtype, fill_value=fill, skip_chunks=hole,
                    order="F" if number % 4 >= 2 else "C",
                    chunk_key_encoding={"name": "v2", "separator": "/" if number % 5 == 0 else "."}, **options)
        if hole and fill is None:
            values = values.copy()
            default = np.array("NaT", stored.numpy) if stored.numpy.kind in "mM" else np.zeros((), stored.numpy)
            values[16:, 24:] = "" if stored.dtype == "string" else default[()]
        want, valid = expected_column(values, [] if fill is None else [fill])
        if hole and fill is not None:
            valid[16:, 24:] = False  # masked
        expected[codec] = want, valid
    if stored.numpy.kind not in "OSb" and stored.numpy.itemsize > 1:
        for codec in ("none", "zstd", "blosc_lz4_shuffle"):
            values = stored.values(SHAPE, 99)
            name = f"big_endian_{codec}"
            write_array(group, name, values, DIMS, chunks=CHUNKS, dtype=stored.numpy.newbyteorder(">"), order="F",
                        **codecs_v2()[codec])
            expected[name] = expected_column(values)
    check_store(tmp_path / "s.zarr", DIMS, SHAPE, expected)


@pytest.mark.parametrize("stored", TYPES, ids=lambda t: t.name)
def test_v3_reads_back_every_codec(stored: StoredType, tmp_path):
    group = open_group(tmp_path / "s.zarr", 3)
    dtype = "str" if stored.dtype == "string" else stored.numpy
    encodings = [("default", "/"), ("default", "."), ("v2", "."), ("v2", "/")]
    expected = {}
    for number, (codec, options) in enumerate(codecs_v3(stored.numpy).items()):
        hole = {(1, 1)} if number % 3 else set()
        values = stored.values(SHAPE, number)
        name, separator = encodings[number % 4]
        if number % 4 >= 2 and stored.dtype != "string":  # see test_transposed_strings
            options = {**options, "filters": [zc.TransposeCodec(order=(1, 0))]}
        write_array(group, codec, values, DIMS, chunks=CHUNKS, dtype=dtype, fill_value=stored.fill, skip_chunks=hole,
                    serializer=serializer_of(stored, "big" if number % 2 else "little"),
                    chunk_key_encoding={"name": name, "separator": separator}, **options)
        if hole:
            values = values.copy()
            values[16:, 24:] = stored.fill
        expected[codec] = expected_column(values)  # v3: the fill value is a value
    check_store(tmp_path / "s.zarr", DIMS, SHAPE, expected)


@pytest.mark.parametrize("stored", TYPES, ids=lambda t: t.name)
def test_sharded_v3_reads_back_every_codec(stored: StoredType, tmp_path):
    group = open_group(tmp_path / "s.zarr", 3)
    dtype = "str" if stored.dtype == "string" else stored.numpy
    expected = {}
    for number, (codec, options) in enumerate(codecs_v3(stored.numpy).items()):
        values = stored.values(SHARDED_SHAPE, number)
        hole = {(0, 1)} if number % 3 == 0 else set()
        if number % 4 >= 2 and stored.dtype != "string":
            options = {**options, "filters": [zc.TransposeCodec(order=(1, 0))]}
        write_array(group, codec, values, DIMS, chunks=CHUNKS, shards=SHARDS, dtype=dtype, fill_value=stored.fill,
                    skip_chunks=hole, serializer=serializer_of(stored, "big" if number % 2 else "little"), **options)
        if hole:
            values = values.copy()
            values[:32, 48:] = stored.fill
        expected[codec] = expected_column(values)
    check_store(tmp_path / "s.zarr", DIMS, SHARDED_SHAPE, expected)


def test_shards_with_every_index_layout_and_holes_inside(tmp_path):
    group = open_group(tmp_path / "s.zarr", 3)
    expected = {}
    indexes = {
        "plain": (zc.BytesCodec(),),
        "big": (zc.BytesCodec(endian="big"),),
        "checked": (zc.BytesCodec(), zc.Crc32cCodec()),
    }
    for (index, index_codecs), location in itertools.product(indexes.items(), ("start", "end")):
        for full in (True, False):
            name = f"{index}_{location}_{'full' if full else 'holes'}"
            values = TYPES[7].values(SHARDED_SHAPE, 5).astype("int32")
            array = zarr.create_array(
                group.store_path, name=name, shape=SHARDED_SHAPE, dtype="int32", chunks=SHARDS, compressors=None,
                serializer=zc.ShardingCodec(chunk_shape=CHUNKS, codecs=(zc.BytesCodec(), zc.ZstdCodec(level=1)),
                                            index_codecs=index_codecs, index_location=location),
                fill_value=-7, dimension_names=DIMS, config={"write_empty_chunks": False})
            if not full:
                values[:16, 24:48] = -7  # an inner chunk of nothing but fill: an empty index entry
                values[32:, :] = -7  # two absent shards
            array[...] = values
            expected[name] = expected_column(values)
    check_store(tmp_path / "s.zarr", DIMS, SHARDED_SHAPE, expected)


@pytest.mark.parametrize("outer", [None, (2, 0, 1)], ids=["as_it_is", "transposed_shards"])
@pytest.mark.parametrize("inner_order", [None, (1, 2, 0)], ids=["as_it_is", "transposed_chunks"])
@pytest.mark.parametrize("after", [(), (zc.GzipCodec(level=1),)], ids=["plain", "gzip_around"])
def test_codecs_around_and_inside_shards(outer, inner_order, after, tmp_path):
    group = open_group(tmp_path / "s.zarr", 3)
    shape, shard, inner = (17, 13, 9), (12, 12, 12), (4, 3, 2)
    values = np.arange(np.prod(shape), dtype="float64").reshape(shape) / 4
    # The chunk shape of a sharding codec is in the order that the outer transpose leaves.
    inner_here = inner if outer is None else tuple(inner[i] for i in outer)
    array = zarr.create_array(
        group.store_path, name="v", shape=shape, dtype="float64", chunks=shard, compressors=after or None,
        filters=None if outer is None else [zc.TransposeCodec(order=outer)],
        serializer=zc.ShardingCodec(
            chunk_shape=inner_here,
            codecs=(*((zc.TransposeCodec(order=inner_order),) if inner_order else ()), zc.BytesCodec(), zc.ZstdCodec())),
        dimension_names=("a", "b", "c"))
    array[...] = values
    assert np.array_equal(array[...], values)  # zarr-python agrees with itself
    check_store(tmp_path / "s.zarr", ("a", "b", "c"), shape, {"v": expected_column(values)})


def test_transposed_strings(tmp_path):
    """By hand: zarr-python 3.1.6 does not write transposed strings in the order that it reads them."""
    group = open_group(tmp_path / "s.zarr", 3)
    words = np.array([["a", "", "ccc"], ["d", "日本", "f"]], object)
    write_array(group, "v", words, DIMS, dtype="str", compressors=None, filters=[zc.TransposeCodec(order=(1, 0))])
    items = [word.encode() for word in words.T.ravel()]
    (tmp_path / "s.zarr" / "v" / "c" / "0" / "0").write_bytes(
        struct.pack("<I", len(items)) + b"".join(struct.pack("<I", len(i)) + i for i in items))
    check_store(tmp_path / "s.zarr", DIMS, words.shape, {"v": expected_column(words)})


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_sign_of_zero_is_kept(dtype, tmp_path):
    group = open_group(tmp_path / "s.zarr", 3)
    write_array(group, "v", np.array([0.0, -0.0, 0.0, -0.0], dtype), ("x",))
    printed = run("query", f"SELECT v FROM {quoted(tmp_path / 's.zarr')}", "--format", "csv").stdout.split()
    assert printed == ["v", "0.0", "-0.0", "0.0", "-0.0"]


@pytest.mark.parametrize("version", [2, 3])
def test_every_transposition_of_three_dimensions(version, tmp_path):
    group = open_group(tmp_path / "s.zarr", version)
    shape, chunks, dims = (5, 7, 4), (2, 3, 3), ("a", "b", "c")
    expected = {}
    for order in itertools.permutations(range(3)) if version == 3 else ("C", "F"):
        values = np.arange(np.prod(shape), dtype="int32").reshape(shape)
        name = "order_" + "".join(map(str, order))
        layout = {"filters": [zc.TransposeCodec(order=order)]} if version == 3 else {"order": order}
        write_array(group, name, values, dims, chunks=chunks, **layout)
        expected[name] = expected_column(values)
    check_store(tmp_path / "s.zarr", dims, shape, expected)


@pytest.mark.parametrize("version", [2, 3])
def test_large_chunks_of_many_codec_blocks(version, tmp_path):
    """Blosc splits chunks above its block size; zstd and gzip chunks span many internal blocks."""
    group = open_group(tmp_path / "s.zarr", version)
    shape, chunks = (500, 700), (300, 500)
    expected = {}
    random = np.random.default_rng(3)
    for number, (cname, shuffle) in enumerate(itertools.product(blosc_names(), range(3))):
        dtype = np.dtype(("int16", "float32", "float64")[number % 3])
        values = (np.arange(np.prod(shape)) // 9 + random.integers(0, 50, np.prod(shape))).astype(dtype).reshape(shape)
        name = f"blosc_{cname}_{BLOSC_SHUFFLES[shuffle]}"
        block = (0, 4096, 65536)[number // 6]
        codec = numcodecs.Blosc(cname, 5, shuffle=shuffle, blocksize=block) if version == 2 else zc.BloscCodec(
            cname=cname, clevel=5, shuffle=BLOSC_SHUFFLES[shuffle], typesize=dtype.itemsize, blocksize=block)
        write_array(group, name, values, DIMS, chunks=chunks, compressors=codec)
        expected[name] = expected_column(values)
    check_store(tmp_path / "s.zarr", DIMS, shape, expected)


@pytest.mark.parametrize("version", [2, 3])
def test_ranks_zero_to_six_and_empty_dimensions(version, tmp_path):
    for rank in range(1, 7):
        shape = (3, 2, 4, 2, 3, 2)[:rank]
        dims = tuple("abcdef"[:rank])
        group = open_group(tmp_path / f"r{rank}.zarr", version)
        values = np.arange(np.prod(shape), dtype="int64").reshape(shape)
        write_array(group, "v", values, dims, chunks=(2,) * rank)
        write_array(group, "w", values * 2, dims, chunks=(7,) * rank)  # chunks larger than the array
        check_store(tmp_path / f"r{rank}.zarr", dims, shape, {"v": expected_column(values),
                                                              "w": expected_column(values * 2)})
    group = open_group(tmp_path / "r0.zarr", version)
    write_array(group, "v", np.array(42, "int32"), ())
    assert run_query(f"SELECT * FROM {quoted(tmp_path / 'r0.zarr')}").table.to_pylist() == [{"v": 42}]
    group = open_group(tmp_path / "empty.zarr", version)
    write_array(group, "v", np.zeros((0, 3)), DIMS, chunks=(1, 3))
    answer = run_query(f"SELECT * FROM {quoted(tmp_path / 'empty.zarr')}").table
    assert answer.column_names == ["y", "x", "v"] and answer.num_rows == 0
    count = run_query(f"SELECT count(*) AS n, sum(v) AS s FROM {quoted(tmp_path / 'empty.zarr')}").table
    assert count.to_pylist() == [{"n": 0, "s": None}]


V3_FILLS = {
    "bool": [("true", True), ("false", False)],
    "int8": [("-128", -128)], "uint8": [("255", 255)],
    "int64": [("-9223372036854775808", -(2**63)), ("9007199254740993", 2**53 + 1)],
    "uint64": [("18446744073709551615", 2**64 - 1)],
    "float16": [("\"0x3c00\"", 1.0), ("0.1", float(np.float16(0.1)))],
    "float32": [("\"NaN\"", None), ("\"Infinity\"", np.inf), ("\"-Infinity\"", -np.inf), ("\"0x7fc00001\"", None),
                ("0.1", float(np.float32(0.1))), ("\"0x3f800000\"", 1.0)],
    "float64": [("\"NaN\"", None), ("1e308", 1e308), ("\"0x7ff0000000000000\"", np.inf), ("3", 3.0)],
}


def test_fill_values_of_absent_arrays_in_every_spelling(tmp_path):
    """No chunk exists at all: every cell is the fill value as the JSON says it."""
    group = open_group(tmp_path / "s.zarr", 3)
    expected = {}
    for dtype, spellings in V3_FILLS.items():
        for number, (text, value) in enumerate(spellings):
            name = f"{dtype}_{number}"
            zarr.create_array(group.store_path, name=name, shape=(5,), chunks=(2,), dtype=dtype, dimension_names=("x",))
            document = tmp_path / "s.zarr" / name / "zarr.json"
            parsed = json.loads(document.read_text())
            parsed["fill_value"] = "@fill@"
            document.write_text(json.dumps(parsed).replace('"@fill@"', text))
            expected[name] = value
    answer = run_query(f"SELECT * FROM {quoted(tmp_path / 's.zarr')}", stats=True)
    for name, value in expected.items():
        assert answer.table.column(name).to_pylist() == [value] * 5, name
    assert answer.stats["chunks_read"] == 0 and answer.stats["bytes_decoded"] == 0
    assert answer.stats["chunks_filled"] == 3 * len(expected)


def test_a_v2_null_fill_makes_absent_chunks_zeros_and_a_set_one_masks(tmp_path):
    group = open_group(tmp_path / "s.zarr", 2)
    values = np.array([0, 1, -1, 5, 0, 7], "int32")
    write_array(group, "null_fill", values, ("x",), chunks=(2,), skip_chunks={(1,)})
    write_array(group, "zero_fill", values, ("x",), chunks=(2,), fill_value=0, skip_chunks={(1,)})
    write_array(group, "float_fill", values / 2, ("x",), chunks=(2,), fill_value=2.5)
    got = run_query(f"SELECT * FROM {quoted(tmp_path / 's.zarr')} ORDER BY x").table.to_pydict()
    assert got["null_fill"] == [0, 1, 0, 0, 0, 7] == list(group["null_fill"][...])
    assert got["zero_fill"] == [None, 1, None, None, None, 7]
    assert got["float_fill"] == [0.0, 0.5, -0.5, None, 0.0, 3.5]
    kept = run_query(f"SELECT zero_fill FROM read_zarr({quoted(tmp_path / 's.zarr')}, mask_fill := 'never') ORDER BY x")
    assert kept.table.column("zero_fill").to_pylist() == [0, 1, 0, 0, 0, 7]


@pytest.mark.parametrize("version", [2, 3])
def test_columns_with_different_chunks_stand_beside_each_other(version, tmp_path):
    group = open_group(tmp_path / "s.zarr", version)
    shape = (30, 41)
    expected = {}
    for chunks in ((30, 41), (1, 41), (30, 1), (7, 5), (4, 13), (16, 16)):
        values = np.arange(np.prod(shape), dtype="int64").reshape(shape) * len(expected)
        write_array(group, f"c{chunks[0]}_{chunks[1]}", values, DIMS, chunks=chunks)
        expected[f"c{chunks[0]}_{chunks[1]}"] = expected_column(values)
    check_store(tmp_path / "s.zarr", DIMS, shape, expected)


@pytest.mark.parametrize("version", [2, 3])
def test_rows_come_in_chunk_order_then_c_order(version, tmp_path):
    group = open_group(tmp_path / "s.zarr", version)
    shape, chunks = (5, 7, 4), (2, 3, 4)
    write_array(group, "v", np.arange(140).reshape(shape), ("a", "b", "c"), chunks=chunks)
    want = []
    for corner in itertools.product(*[range(0, n, c) for n, c in zip(shape, chunks)]):
        box = [range(o, min(o + c, n)) for o, c, n in zip(corner, chunks, shape)]
        want += [(a * 7 + b) * 4 + c for a, b, c in itertools.product(*box)]
    for threads in (1, 2, 8):
        assert run_query(f"SELECT v FROM {quoted(tmp_path / 's.zarr')}", threads=threads).table.column("v").to_pylist() == want


@pytest.mark.parametrize("consolidated", [False, True])
@pytest.mark.parametrize("version", [2, 3])
def test_consolidated_metadata_and_groups(version, consolidated, tmp_path):
    root = open_group(tmp_path / "s.zarr", version)
    inner = root.create_group("deep").create_group("er")
    values = np.arange(12, dtype="int16").reshape(3, 4)
    write_array(root, "top", values, DIMS, chunks=(2, 2))
    write_array(inner, "low", values + 100, DIMS, chunks=(2, 3))
    if consolidated:
        zarr.consolidate_metadata(str(tmp_path / "s.zarr"))
    check_store(tmp_path / "s.zarr", DIMS, (3, 4), {"top": expected_column(values)})
    check_store(tmp_path / "s.zarr" / "deep" / "er", DIMS, (3, 4), {"low": expected_column(values + 100)})


def test_a_store_inside_a_zip_file(tmp_path):
    import zipfile
    group = open_group(tmp_path / "s.zarr", 3)
    values = np.arange(1200, dtype="float32").reshape(30, 40)
    write_array(group, "v", values, DIMS, chunks=(16, 16))
    for method, name in ((zipfile.ZIP_STORED, "stored"), (zipfile.ZIP_DEFLATED, "deflated")):
        path = tmp_path / f"{name}.zarr.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            for file in sorted((tmp_path / "s.zarr").rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(tmp_path / "s.zarr").as_posix())
        check_store(path, DIMS, (30, 40), {"v": expected_column(values)})


def test_strange_names_are_columns(tmp_path):
    group = open_group(tmp_path / "s.zarr", 3)
    names = ["with space", 'quo"te', "select", "ünïcode", "a.b", "semi;colon", "-- comment"]
    for number, name in enumerate(names):
        write_array(group, name, np.full((2,), number), ("x",))
    for number, name in enumerate(names):
        got = run_query(f"SELECT {identifier(name)} AS v FROM {quoted(tmp_path / 's.zarr')}").table
        assert got.column("v").to_pylist() == [number, number]
