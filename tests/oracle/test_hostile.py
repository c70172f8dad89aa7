"""Broken and hostile stores: the required answer, and never a crash, a hang or a wrong row.

Every case starts from a good store with the columns `good` and `bad` over (y, x), breaks `bad`, and asks three
things: a query of `bad` fails with exit code 1 and one line that names the array (and the chunk, when one was read);
`good` still answers; the store can still be listed.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import struct
import zlib
from pathlib import Path

import numcodecs
import numpy as np
import pytest
import zarr.codecs as zc

from colonnade_cli import expect_failure, find_program, one_line, quoted, run, run_batch, run_query
from stores import open_group, write_array

SHAPE, CHUNKS, DIMS = (6, 8), (3, 4), ("y", "x")
VALUES = np.arange(48, dtype="int32").reshape(SHAPE)


def good_store(path: Path, version: int = 3, **bad_options) -> Path:
    group = open_group(path, version)
    write_array(group, "good", VALUES, DIMS, chunks=CHUNKS)
    values = bad_options.pop("values", VALUES)
    write_array(group, "bad", values, DIMS, **{"chunks": CHUNKS, **bad_options})
    return path


def document(store: Path, version: int = 3) -> Path:
    return store / "bad" / ("zarr.json" if version == 3 else ".zarray")


def edit(store: Path, change, version: int = 3) -> None:
    """Applies `change` to the array's parsed metadata document."""
    path = document(store, version)
    parsed = json.loads(path.read_text())
    path.write_text(json.dumps(change(parsed) or parsed))


def limits() -> None:
    """A runaway allocation or loop ends the process instead of the machine. (Sanitizers reserve terabytes.)"""
    resource.setrlimit(resource.RLIMIT_CPU, (20, 25))
    if not os.environ.get("COLONNADE_SANITIZED"):
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))


def assert_contained(store: Path, *mentions: str, table: str | None = None) -> str:
    """`bad` fails with a message that has all of `mentions`; `good` and the listing work. Returns the message."""
    source = quoted(store) if table is None else f"read_zarr({quoted(store)}, \"table\" := {quoted(table)})"
    line = expect_failure(f"SELECT bad FROM {source}", preexec_fn=limits)
    for mention in ("bad", *mentions):
        assert re.search(mention, line), f"no {mention!r} in: {line}"
    assert len(line) < 1200, line
    good, listed = run_batch([f"SELECT sum(good)::BIGINT AS s, count(*) AS n FROM {source}",
                              f"SELECT * FROM zarr_arrays({quoted(store)})"], preexec_fn=limits)
    assert good.to_pylist() == [{"s": 48 * 47 // 2, "n": 48}]
    for name in ("good", "bad"):
        assert any(name in map(str, row.values()) for row in listed.to_pylist()), listed.to_pylist()
    return line


# ---------------------------------------------------------------------------------------------------------------------
# Metadata of one array (E-open): (name, change, words that the message must have). Numbers are those of the list in
# the format notes.

def put(**fields):
    def change(doc):
        doc.update(fields)
    return change


def drop(*names):
    def change(doc):
        for name in names:
            del doc[name]
    return change


def grid(*shape):
    return put(chunk_grid={"name": "regular", "configuration": {"chunk_shape": list(shape)}})


BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
ZSTD = {"name": "zstd", "configuration": {"level": 1, "checksum": False}}


def sharded(**configuration):
    base = {"chunk_shape": [3, 4], "codecs": [BYTES], "index_codecs": [BYTES, {"name": "crc32c"}],
            "index_location": "end"}
    return put(codecs=[{"name": "sharding_indexed", "configuration": {**base, **configuration}}])


V3_METADATA = {
    "negative_extent": put(shape=[-6, 8]),
    "fractional_extent": put(shape=[6.5, 8]),
    "text_extent": put(shape=["6", 8]),
    "extent_above_int64": put(shape=[2**63, 8]),
    "extent_above_uint64": put(shape=[2**70, 8]),
    "shape_not_a_list": put(shape=6),
    "zero_chunk": grid(0, 4),
    "negative_chunk": grid(-3, 4),
    "chunk_rank_differs": grid(3),
    "chunk_of_petabytes": grid(2**40, 2**10),
    "chunk_size_overflows": grid(2**62, 2**62),
    "missing_grid": drop("chunk_grid"),
    "missing_codecs": drop("codecs"),
    "missing_fill": drop("fill_value"),
    "missing_shape": drop("shape"),
    "missing_type": drop("data_type"),
    "missing_key_encoding": drop("chunk_key_encoding"),
    "unknown_type": put(data_type="int24"),
    "unknown_type_object": put(data_type={"name": "acme.quaternion", "configuration": {}}),
    "type_not_text": put(data_type=32),
    "unknown_codec": put(codecs=[BYTES, {"name": "acme"}]),
    "unknown_grid": put(chunk_grid={"name": "hexagonal", "configuration": {}}),
    "unknown_key_encoding": put(chunk_key_encoding={"name": "acme"}),
    "bad_separator": put(chunk_key_encoding={"name": "default", "configuration": {"separator": "../"}}),
    "unknown_transformer": put(storage_transformers=[{"name": "acme"}]),
    "unknown_field": put(acme={"name": "something"}),
    "no_codecs": put(codecs=[]),
    "codecs_not_a_list": put(codecs={"name": "bytes"}),
    "two_array_to_bytes": put(codecs=[BYTES, BYTES]),
    "no_array_to_bytes": put(codecs=[ZSTD]),
    "codecs_in_wrong_order": put(codecs=[ZSTD, BYTES]),
    "transpose_not_a_permutation": put(codecs=[{"name": "transpose", "configuration": {"order": [0, 0]}}, BYTES]),
    "transpose_of_other_rank": put(codecs=[{"name": "transpose", "configuration": {"order": [0]}}, BYTES]),
    "bytes_without_endian": put(codecs=[{"name": "bytes"}]),
    "unknown_endian": put(codecs=[{"name": "bytes", "configuration": {"endian": "middle"}}]),
    "vlen_codec_for_numbers": put(codecs=[{"name": "vlen-utf8"}]),
    "shard_does_not_divide": sharded(chunk_shape=[2, 4]),
    "shard_of_other_rank": sharded(chunk_shape=[3]),
    "shard_of_zero": sharded(chunk_shape=[0, 4]),
    "shard_index_compressed": sharded(index_codecs=[BYTES, {"name": "gzip", "configuration": {"level": 1}}]),
    "shard_index_location": sharded(index_location="middle"),
    "shard_without_codecs": sharded(codecs=[]),
    "format_4": put(zarr_format=4),
    "format_text": put(zarr_format="3"),
    "format_1": put(zarr_format=1),
    "format_missing": drop("zarr_format"),
    "node_type_unknown": put(node_type="tensor"),
    "fill_of_wrong_type": put(fill_value="abc"),
    "fill_out_of_range": put(fill_value=2**31),
    "fill_fraction": put(fill_value=0.5),
    "fill_null": put(fill_value=None),
}
# Cases whose dimensions are still known, so that `bad` stays a column and the message must say why it is unavailable.
REASONS = {
    "zero_chunk": "chunk", "negative_chunk": "chunk", "chunk_rank_differs": "rank|dimension",
    "chunk_of_petabytes": "exceed|limit|larger|bytes", "chunk_size_overflows": "exceed|limit|overflow|large|bytes",
    "missing_grid": "chunk_grid", "missing_codecs": "codecs", "missing_fill": "fill.value",
    "missing_type": "data_type", "missing_key_encoding": "chunk_key_encoding", "unknown_type": "int24",
    "unknown_type_object": r"acme\.quaternion", "unknown_codec": "acme", "unknown_grid": "hexagonal",
    "unknown_key_encoding": "acme", "bad_separator": "separator", "unknown_transformer": "storage_transformers|acme",
    "unknown_field": "acme", "no_codecs": "codec", "two_array_to_bytes": "bytes", "no_array_to_bytes": "codec",
    "codecs_in_wrong_order": "codec|order", "transpose_not_a_permutation": "transpose", "unknown_endian": "endian",
    "transpose_of_other_rank": "transpose", "bytes_without_endian": "endian", "vlen_codec_for_numbers": "vlen-utf8",
    "shard_does_not_divide": "shard|divide", "shard_of_other_rank": "shard|rank", "shard_of_zero": "shard|chunk",
    "shard_index_compressed": "index", "shard_index_location": "index_location", "shard_without_codecs": "codec",
    "fill_of_wrong_type": "fill.value", "fill_out_of_range": "fill.value", "fill_fraction": "fill.value",
    "fill_null": "fill.value",
}


@pytest.mark.parametrize("case", V3_METADATA)
def test_broken_v3_metadata_stops_only_its_own_array(case, tmp_path):
    store = good_store(tmp_path / "s.zarr")
    edit(store, V3_METADATA[case])
    assert_contained(store, *([REASONS[case]] if case in REASONS else []))


@pytest.mark.parametrize("sql", ["sum(bad)", "avg(bad + 1)", "max(bad)", "count(bad)", "bad::VARCHAR || 'x'"])
def test_an_unavailable_column_says_why_in_any_expression(sql, tmp_path):
    store = good_store(tmp_path / "s.zarr")
    edit(store, put(data_type="int24"))
    line = expect_failure(f"SELECT {sql} FROM {quoted(store)} WHERE good > 3")
    assert "bad" in line and "int24" in line, line


def test_a_predicate_on_an_unavailable_column_says_why(tmp_path):
    store = good_store(tmp_path / "s.zarr")
    edit(store, put(data_type="int24"))
    line = expect_failure(f"SELECT good FROM {quoted(store)} WHERE bad = 3")
    assert "bad" in line and "int24" in line, line


V2_METADATA = {
    "negative_extent": (put(shape=[-6, 8]), None),
    "fractional_extent": (put(shape=[6.5, 8]), None),
    "zero_chunk": (put(chunks=[0, 4]), "chunk"),
    "chunk_rank_differs": (put(chunks=[3]), "rank|dimension|chunk"),
    "unknown_compressor": (put(compressor={"id": "acme"}), "acme"),
    "unknown_filter": (put(filters=[{"id": "acme"}]), "acme"),
    "pickle_filter": (put(dtype="|O", filters=[{"id": "pickle"}], fill_value=None), "pickle"),
    "object_without_codec": (put(dtype="|O", fill_value=None), "object|O"),
    "complex_type": (put(dtype="<c16"), "c16"),
    "structured_type": (put(dtype=[["a", "<i4"], ["b", "<f8"]]), "struct|a"),
    "long_double": (put(dtype="<f16"), "f16"),
    "datetime_without_unit": (put(dtype="<M8"), "M8|unit"),
    "type_nonsense": (put(dtype="banana"), "banana"),
    "type_of_huge_width": (put(dtype="|S9223372036854775807"), "."),
    "order_unknown": (put(order="Z"), "order"),
    "separator_unknown": (put(dimension_separator="../"), "separator"),
    "missing_dtype": (drop("dtype"), "dtype"),
    "format_3": (put(zarr_format=3), "zarr_format|format"),
}


@pytest.mark.parametrize("case", V2_METADATA)
def test_broken_v2_metadata_stops_only_its_own_array(case, tmp_path):
    store = good_store(tmp_path / "s.zarr", 2)
    change, reason = V2_METADATA[case]
    edit(store, change, 2)
    assert_contained(store, *([reason] if reason else []))


@pytest.mark.parametrize("dimensions", [5, "yx", ["y"], ["y", 1], ["y", "y"], [["y"], "x"]])
def test_bad_array_dimensions_stop_only_their_array(dimensions, tmp_path):
    store = good_store(tmp_path / "s.zarr", 2)
    (store / "bad" / ".zattrs").write_text(json.dumps({"_ARRAY_DIMENSIONS": dimensions}))
    # Whatever `bad` becomes, the table (y, x) with `good` is there and correct.
    attach = f"ATTACH {quoted(store)} AS s (TYPE zarr); "
    assert run_query(attach + "SELECT sum(good)::BIGINT AS s FROM s.y_x").table.to_pylist() == [{"s": 48 * 47 // 2}]


DOCUMENTS = {
    "empty": b"",
    "not_json": b"zarr!",
    "cut": b'{"zarr_format": 3, "node_type": "arr',
    "trailing_garbage": b'{"zarr_format": 3, "node_type": "group"} }',
    "a_list": b"[1, 2, 3]",
    "null": b"null",
    "utf16": '{"zarr_format": 3, "node_type": "array"}'.encode("utf-16"),
    "invalid_utf8": b'{"zarr_format": 3, "node_type": "array", "shape": [6, 8], "x": "\xff\xfe"}',
    "depth_a_million": b"[" * 1_000_000 + b"]" * 1_000_000,
    "depth_in_attributes": b'{"zarr_format": 3, "node_type": "array", "attributes": ' + b'{"a":' * 100_000 + b"1"
                           + b"}" * 100_000 + b"}",
    "duplicate_keys": b'{"zarr_format": 3, "node_type": "array", "shape": [6, 8], "shape": [60, 80], "data_type": '
                      b'"int32", "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [3, 4]}}, '
                      b'"chunk_key_encoding": {"name": "default"}, "fill_value": 0, "codecs": [{"name": "bytes", '
                      b'"configuration": {"endian": "little"}}], "dimension_names": ["y", "x"]}',
    "number_of_a_million_digits": b'{"zarr_format": 3, "node_type": "array", "shape": [' + b"9" * 1_000_000 + b", 8]}",
}


@pytest.mark.parametrize("case", DOCUMENTS)
def test_documents_that_are_no_metadata_stop_only_their_array(case, tmp_path):
    store = good_store(tmp_path / "s.zarr")
    document(store).write_bytes(DOCUMENTS[case])
    assert_contained(store)


def test_a_metadata_document_above_the_limit_is_refused_without_reading_it(tmp_path):
    store = good_store(tmp_path / "s.zarr")
    with document(store).open("r+b") as file:
        file.truncate(3 << 30)  # sparse
    assert_contained(store)


def test_a_byte_order_mark_and_nan_in_attributes_are_accepted(tmp_path):
    store = good_store(tmp_path / "s.zarr")
    text = document(store).read_text().replace('"attributes": {}', '"attributes": {"valid_max": NaN, "low": -Infinity}')
    assert "NaN" in text
    document(store).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert run_query(f"SELECT sum(bad)::BIGINT AS s FROM {quoted(store)}").table.to_pylist() == [{"s": 48 * 47 // 2}]


def test_unknown_fields_and_codecs_that_need_not_be_understood_are_skipped(tmp_path):
    store = good_store(tmp_path / "s.zarr")
    edit(store, put(acme={"must_understand": False, "x": 1}, storage_transformers=[]))
    assert run_query(f"SELECT sum(bad)::BIGINT AS s FROM {quoted(store)}").table.to_pylist() == [{"s": 48 * 47 // 2}]


@pytest.mark.parametrize("attributes", [
    {"scale_factor": 0}, {"scale_factor": "0.1"}, {"scale_factor": {"a": 1}}, {"add_offset": [1, 2]},
    {"_FillValue": "x"}, {"_FillValue": 1e20}, {"missing_value": [[1]]}, {"_FillValue": None},
    {"units": "parsecs since yesterday"}, {"units": "days since 2000-13-45"}, {"units": "days since " + "9" * 5000},
    {"units": 7}, {"units": "days since 2000-01-01", "calendar": "martian"}, {"_Unsigned": "maybe"},
    {"scale_factor": float("nan")}, {"coordinates": 5}, {"coordinates": "nowhere"}, {"bounds": "bad"},
    {"grid_mapping": "bad"}, {"dtype": 5},
], ids=lambda a: json.dumps(a)[:40])
def test_attributes_that_make_no_sense_leave_the_numbers_alone(attributes, tmp_path):
    store = good_store(tmp_path / "s.zarr", attributes=attributes)
    got = run_query(f"SELECT bad FROM {quoted(store)} ORDER BY y, x").table
    assert got.column("bad").to_pylist() == VALUES.ravel().tolist()


def test_times_out_of_range_are_null_or_an_error_but_never_wrap(tmp_path):
    store = good_store(tmp_path / "s.zarr", values=(VALUES.astype("int64") + 1) * 10**17,
                       attributes={"units": "days since 2000-01-01"})
    outcome = run("query", f"SELECT count(bad) AS n FROM {quoted(store)}", "--format", "csv")
    assert outcome.code == 1 or outcome.stdout.split() == ["n", "0"], outcome


# ---------------------------------------------------------------------------------------------------------------------
# Chunks (E-read)

CODECS = {
    "none": None,
    "zstd": zc.ZstdCodec(level=3),
    "zstd_checksum": zc.ZstdCodec(level=3, checksum=True),
    "gzip": zc.GzipCodec(level=5),
    "zlib": zc.Zlib(level=5),
    "lz4": zc.LZ4(),
    "crc32c": zc.Crc32cCodec(),
    "blosc_lz4": zc.BloscCodec(cname="lz4", shuffle="shuffle", typesize=4),
    "blosc_zstd": zc.BloscCodec(cname="zstd", shuffle="bitshuffle", typesize=4),
    "blosclz": zc.BloscCodec(cname="blosclz", shuffle="noshuffle", typesize=4),
}


def chunk_store(path: Path, codec: str, shape=(64, 64), chunks=(32, 32)) -> tuple[Path, Path]:
    """A store whose `bad` is large enough for its codec to work, and the path of its chunk (0, 1)."""
    group = open_group(path, 3)
    values = (np.arange(np.prod(shape)) // 5 % 1000).astype("int32").reshape(shape)
    write_array(group, "good", values, DIMS, chunks=chunks)
    write_array(group, "bad", values, DIMS, chunks=chunks, compressors=CODECS[codec])
    return path, path / "bad" / "c" / "0" / "1"


def assert_bad_chunk(store: Path, *mentions: str, where: str = "") -> None:
    line = expect_failure(f"SELECT sum(bad) FROM {quoted(store)}{where}", preexec_fn=limits)
    for mention in ("bad", "c/0/1", *mentions):
        assert re.search(mention, line), f"no {mention!r} in: {line}"
    # Rows of other chunks, and other columns, are not affected.
    run_query(f"SELECT sum(bad) AS s FROM {quoted(store)} WHERE y < 32 AND x < 32", preexec_fn=limits)
    run_query(f"SELECT sum(good) AS s FROM {quoted(store)}", preexec_fn=limits)


@pytest.mark.parametrize("codec", CODECS)
def test_a_truncated_chunk_is_an_error_at_every_length(codec, tmp_path):
    store, chunk = chunk_store(tmp_path / "s.zarr", codec)
    content = chunk.read_bytes()
    for keep in sorted({0, 1, 3, 4, 8, 15, 16, 17, len(content) // 2, len(content) - 4, len(content) - 1}):
        chunk.write_bytes(content[:keep])
        assert_bad_chunk(store) if keep in (0, len(content) - 1) else expect_failure(
            f"SELECT sum(bad) FROM {quoted(store)}", preexec_fn=limits)


@pytest.mark.parametrize("codec", CODECS)
def test_a_chunk_with_bytes_after_its_end_is_an_error(codec, tmp_path):
    store, chunk = chunk_store(tmp_path / "s.zarr", codec)
    chunk.write_bytes(chunk.read_bytes() + b"\1" * 7)
    assert_bad_chunk(store)


@pytest.mark.parametrize("codec", ["zstd_checksum", "gzip", "zlib", "crc32c"])
def test_a_flipped_bit_never_changes_an_answer_that_a_checksum_covers(codec, tmp_path):
    """Formats have bits that mean nothing (gzip's time stamp, zstd's unused bit): then the answer is the right one."""
    store, chunk = chunk_store(tmp_path / "s.zarr", codec)
    content = chunk.read_bytes()
    right = run("query", f"SELECT sum(bad) AS s FROM {quoted(store)}", "--format", "csv").stdout
    random = np.random.default_rng(11)
    errors = 0
    for _ in range(12):
        flipped = bytearray(content)
        flipped[int(random.integers(0, len(content)))] ^= 1 << int(random.integers(0, 8))
        chunk.write_bytes(bytes(flipped))
        outcome = run("query", f"SELECT sum(bad) AS s FROM {quoted(store)}", "--format", "csv", preexec_fn=limits)
        if outcome.code == 0:
            assert outcome.stdout == right
        else:
            errors += 1
            assert outcome.code == 1 and "c/0/1" in one_line(outcome.stderr)
    assert errors >= 8


@pytest.mark.parametrize("codec", CODECS)
def test_flipped_bits_never_crash(codec, tmp_path):
    store, chunk = chunk_store(tmp_path / "s.zarr", codec)
    content = chunk.read_bytes()
    random = np.random.default_rng(12)
    for _ in range(12):
        flipped = bytearray(content)
        for _ in range(int(random.integers(1, 9))):
            flipped[int(random.integers(0, min(len(content), 64)))] ^= 1 << int(random.integers(0, 8))
        chunk.write_bytes(bytes(flipped))
        outcome = run("query", f"SELECT sum(bad) AS s FROM {quoted(store)}", "--format", "csv", preexec_fn=limits)
        assert outcome.code in (0, 1), outcome
        if outcome.code == 1:
            assert "c/0/1" in one_line(outcome.stderr)


def recode(chunk: Path, data: bytes, codec: str) -> None:
    """Writes bytes of another length through the array's codec."""
    encode = {"none": bytes, "zstd": numcodecs.Zstd(3).encode, "gzip": numcodecs.GZip(1).encode,
              "zlib": numcodecs.Zlib(1).encode, "lz4": numcodecs.LZ4().encode,
              "blosc_lz4": numcodecs.Blosc("lz4", 5, shuffle=1).encode}[codec]
    chunk.write_bytes(bytes(encode(data)))


@pytest.mark.parametrize("codec", ["none", "zstd", "gzip", "zlib", "lz4", "blosc_lz4"])
@pytest.mark.parametrize("length", [0, 4092, 4095, 4097, 8192])
def test_a_chunk_that_decodes_to_another_length_is_an_error(codec, length, tmp_path):
    store, chunk = chunk_store(tmp_path / "s.zarr", codec)
    recode(chunk, b"\1" * length, codec)
    assert_bad_chunk(store)


@pytest.mark.parametrize("codec", ["zstd", "gzip", "zlib", "blosc_lz4"])
def test_a_decompression_bomb_stops_at_the_expected_size(codec, tmp_path):
    store, chunk = chunk_store(tmp_path / "s.zarr", codec)
    recode(chunk, bytes(1 << 30), codec)
    assert chunk.stat().st_size < 40 << 20
    assert_bad_chunk(store)
    # Well below the gigabyte that the chunk expands to:
    line = expect_failure(f"SELECT sum(bad) FROM {quoted(store)}", preexec_fn=lambda: (
        limits(), os.environ.get("COLONNADE_SANITIZED") or resource.setrlimit(resource.RLIMIT_DATA, (700 << 20,) * 2)))
    assert "c/0/1" in line


def test_an_lz4_chunk_that_claims_gigabytes_is_refused_before_allocation(tmp_path):
    store, chunk = chunk_store(tmp_path / "s.zarr", "lz4")
    for claim in (0, 4095, 4097, 2**31 - 1, 2**31, 2**32 - 1):
        chunk.write_bytes(struct.pack("<I", claim) + chunk.read_bytes()[4:])
        expect_failure(f"SELECT sum(bad) FROM {quoted(store)}", preexec_fn=limits)


BLOSC_FIELDS = {
    "nbytes_zero": (4, struct.pack("<I", 0)), "nbytes_more": (4, struct.pack("<I", 4100)),
    "nbytes_huge": (4, struct.pack("<I", 2**32 - 1)), "blocksize_zero": (8, struct.pack("<I", 0)),
    "blocksize_above_nbytes": (8, struct.pack("<I", 2**31 - 1)), "cbytes_less": (12, struct.pack("<I", 20)),
    "cbytes_more": (12, struct.pack("<I", 2**30)), "typesize_zero": (3, b"\0"), "inner_codec_unknown": (2, b"\xe1"),
    "version_unknown": (0, b"\x77"),
}


@pytest.mark.parametrize("field", BLOSC_FIELDS)
def test_a_blosc_header_that_lies_is_refused(field, tmp_path):
    store, chunk = chunk_store(tmp_path / "s.zarr", "blosc_lz4")
    at, value = BLOSC_FIELDS[field]
    content = bytearray(chunk.read_bytes())
    content[at:at + len(value)] = value
    chunk.write_bytes(bytes(content))
    assert_bad_chunk(store)


def test_blosc_block_offsets_that_point_outside_are_refused(tmp_path):
    store, chunk = chunk_store(tmp_path / "s.zarr", "blosc_lz4")
    content = chunk.read_bytes()
    for offset in (0, 4, len(content), len(content) + 100, 2**31 - 1, 2**32 - 1):
        chunk.write_bytes(content[:16] + struct.pack("<I", offset) + content[20:])
        expect_failure(f"SELECT sum(bad) FROM {quoted(store)}", preexec_fn=limits)


# ---------------------------------------------------------------------------------------------------------------------
# Strings

def string_store(path: Path, payload: bytes) -> Path:
    group = open_group(path, 3)
    write_array(group, "good", np.arange(8), ("x",), chunks=(4,))
    write_array(group, "bad", np.array(["a", "b", "c", "d"] * 2, object), ("x",), chunks=(4,), dtype="str",
                compressors=None)
    (path / "bad" / "c" / "1").write_bytes(payload)
    return path


def vlen(items: list[bytes], count: int | None = None) -> bytes:
    return struct.pack("<I", len(items) if count is None else count) + b"".join(
        struct.pack("<I", len(i)) + i for i in items)


VLEN = {
    "count_too_small": vlen([b"a", b"b"]), "count_too_large": vlen([b"a"] * 5), "count_lies": vlen([b"a"] * 4, 2**32 - 1),
    "length_past_end": struct.pack("<II", 4, 2**32 - 1) + b"abc",
    "trailing": vlen([b"a"] * 4) + b"zz", "cut": vlen([b"abcdef"] * 4)[:-3], "empty": b"", "header_only": b"\4\0\0",
    "invalid_utf8": vlen([b"a", b"\xff\xfe", b"c", b"d"]), "overlong_utf8": vlen([b"a", b"\xc0\xaf", b"c", b"d"]),
    "surrogate_utf8": vlen([b"a", b"\xed\xa0\x80", b"c", b"d"]), "cut_utf8": vlen([b"a", b"\xe6\x97", b"c", b"d"]),
}


@pytest.mark.parametrize("case", VLEN)
def test_broken_strings_are_an_error_that_names_the_chunk(case, tmp_path):
    store = string_store(tmp_path / "s.zarr", VLEN[case])
    line = expect_failure(f"SELECT max(bad) FROM {quoted(store)}", preexec_fn=limits)
    assert "bad" in line and "c/1" in line, line
    first = run_query(f"SELECT bad FROM {quoted(store)} WHERE x < 4 ORDER BY x").table
    assert first.column("bad").to_pylist() == ["a", "b", "c", "d"]


@pytest.mark.parametrize("point", [0x110000, 0xD800, 0xDFFF, 0xFFFFFFFF])
def test_code_points_that_do_not_exist_are_an_error(point, tmp_path):
    group = open_group(tmp_path / "s.zarr", 2)
    write_array(group, "bad", np.array(["ab", "cd"], "U2"), ("x",), compressors=None)
    (tmp_path / "s.zarr" / "bad" / "0").write_bytes(struct.pack("<4I", 97, 98, 99, point))
    line = expect_failure(f"SELECT max(bad) FROM {quoted(tmp_path / 's.zarr')}")
    assert "bad" in line and "0" in line, line


def test_fixed_bytes_that_are_not_utf8_are_an_error(tmp_path):
    group = open_group(tmp_path / "s.zarr", 2)
    write_array(group, "bad", np.array([b"ok", b"\xff\xfe"], "S2"), ("x",), compressors=None)
    line = expect_failure(f"SELECT max(bad) FROM {quoted(tmp_path / 's.zarr')}")
    assert "bad" in line, line


def test_a_string_bomb_is_bounded(tmp_path):
    group = open_group(tmp_path / "s.zarr", 3)
    write_array(group, "bad", np.array(["a"] * 4, object), ("x",), chunks=(4,), dtype="str",
                compressors=zc.ZstdCodec(level=3))
    bomb = vlen([b"a" * (1 << 27), b"b", b"b", b"b"])
    (tmp_path / "s.zarr" / "bad" / "c" / "0").write_bytes(bytes(numcodecs.Zstd(3).encode(bomb)))
    line = expect_failure(f"SELECT max(length(bad)) FROM {quoted(tmp_path / 's.zarr')}", preexec_fn=limits)
    assert "bad" in line and "c/0" in line, line


# ---------------------------------------------------------------------------------------------------------------------
# Shards

def crc32c(data: bytes) -> int:
    """CRC-32C, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


EMPTY = 2**64 - 1
INNER_BYTES = 2 * 2 * 4


def shard_store(path: Path) -> tuple[Path, Path, list[tuple[int, int]], bytes]:
    """`bad` is one shard row of 2×2 inner chunks of int32, uncompressed, index at the end with a checksum."""
    group = open_group(path, 3)
    values = np.arange(32, dtype="int32").reshape(4, 8)
    write_array(group, "good", values, DIMS, chunks=(2, 2))
    write_array(group, "bad", values, DIMS, chunks=(2, 2), shards=(4, 4), compressors=None)
    shard = path / "bad" / "c" / "0" / "1"
    content = shard.read_bytes()
    assert crc32c(content[-68:-4]) == struct.unpack("<I", content[-4:])[0]
    entries = [struct.unpack_from("<QQ", content, len(content) - 68 + 16 * i) for i in range(4)]
    return path, shard, entries, content[:-68]


def rewrite(shard: Path, entries: list[tuple[int, int]], body: bytes) -> None:
    index = b"".join(struct.pack("<QQ", *entry) for entry in entries)
    shard.write_bytes(body + index + struct.pack("<I", crc32c(index)))


SHARD_ENTRIES = {
    "offset_past_end": (10**6, INNER_BYTES), "offset_overflows": (2**64 - 16, 32), "length_past_end": (0, 10**6),
    "length_overflows": (8, 2**64 - 8), "only_offset_empty": (EMPTY, INNER_BYTES), "only_length_empty": (0, EMPTY),
    "zero_length": (0, 0), "inside_the_index": (64, INNER_BYTES), "one_byte_short": (0, INNER_BYTES - 1),
    "one_byte_long": (0, INNER_BYTES + 1),
}


@pytest.mark.parametrize("case", SHARD_ENTRIES)
def test_a_shard_index_entry_that_cannot_be_is_an_error(case, tmp_path):
    store, shard, entries, body = shard_store(tmp_path / "s.zarr")
    entries[2] = SHARD_ENTRIES[case]
    rewrite(shard, entries, body)
    line = expect_failure(f"SELECT sum(bad) FROM {quoted(store)}", preexec_fn=limits)
    assert "bad" in line and "c/0/1" in line, line
    assert run_query(f"SELECT count(bad) AS n FROM {quoted(store)} WHERE x < 4").table.to_pylist() == [{"n": 16}]


def test_shard_entries_may_come_in_any_order_share_ranges_and_leave_gaps(tmp_path):
    store, shard, entries, body = shard_store(tmp_path / "s.zarr")
    moved = b"\xaa" * 5 + body[48:64] + b"\xbb" * 3 + body[0:16]
    rewrite(shard, [(24, 16), (EMPTY, EMPTY), (24, 16), (5, 16)], moved)
    got = run_query(f"SELECT bad FROM {quoted(store)} WHERE x >= 4 ORDER BY y, x").table.column("bad").to_pylist()
    first, last = [[4, 5], [12, 13]], [[22, 23], [30, 31]]
    assert got == [*first[0], 0, 0, *first[1], 0, 0, *first[0], *last[0], *first[1], *last[1]]


def test_a_shard_with_a_wrong_checksum_or_too_short_for_its_index_is_an_error(tmp_path):
    store, shard, entries, body = shard_store(tmp_path / "s.zarr")
    content = shard.read_bytes()
    broken = bytearray(content)
    broken[-10] ^= 1
    for variant in (bytes(broken), content[:-1], content[-67:], content[:10], b""):
        shard.write_bytes(variant)
        line = expect_failure(f"SELECT sum(bad) FROM {quoted(store)}", preexec_fn=limits)
        assert "bad" in line and "c/0/1" in line, line


def test_a_shard_whose_entries_all_claim_the_whole_object_does_not_amplify(tmp_path):
    """10⁴ entries over the same bytes: reads stay a small multiple of the object, or are refused."""
    group = open_group(tmp_path / "s.zarr", 3)
    write_array(group, "bad", np.zeros((100, 100), "int32"), DIMS, chunks=(1, 1), shards=(100, 100),
                compressors=zc.GzipCodec(level=1), fill_value=1)
    shard = tmp_path / "s.zarr" / "bad" / "c" / "0" / "0"
    inner = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = inner.compress(bytes(64 << 20)) + inner.flush()
    index = struct.pack("<QQ", 0, len(body)) * 10_000
    table = [0] * 256
    for n in range(256):
        c = n
        for _ in range(8):
            c = c >> 1 ^ (0x82F63B78 if c & 1 else 0)
        table[n] = c
    crc = 0xFFFFFFFF
    for byte in index:
        crc = crc >> 8 ^ table[(crc ^ byte) & 255]
    shard.write_bytes(body + index + struct.pack("<I", crc ^ 0xFFFFFFFF))
    expect_failure(f"SELECT sum(bad) FROM {quoted(tmp_path / 's.zarr')}", preexec_fn=limits)


# ---------------------------------------------------------------------------------------------------------------------
# Shapes, files, links

def huge_store(path: Path, shape, chunks) -> Path:
    group = open_group(path, 3)
    write_array(group, "v", np.zeros((1,) * len(shape)), tuple("abcdefgh"[:len(shape)]), chunks=(1,) * len(shape))
    shutil.rmtree(path / "v" / "c")
    meta = path / "v" / "zarr.json"
    doc = json.loads(meta.read_text())
    doc["shape"], doc["fill_value"] = list(shape), 2.5
    doc["chunk_grid"]["configuration"]["chunk_shape"] = list(chunks)
    meta.write_text(json.dumps(doc))
    return path


def test_a_quintillion_cells_without_a_chunk_answer_at_once(tmp_path):
    store = quoted(huge_store(tmp_path / "s.zarr", (10**6, 10**6, 10**6), (1, 1000, 1000)))

    def ask(sql):
        return run_query(sql, preexec_fn=limits, timeout=20).table.to_pylist()
    assert ask(f"SELECT count(*) AS n FROM {store}") == [{"n": 10**18}]
    assert ask(f"SELECT v, a FROM {store} LIMIT 3") == [{"v": 2.5, "a": 0}] * 3
    assert ask(f"SELECT max(b) AS m FROM {store} WHERE a % 2 = 1") == [{"m": 999_999}]
    assert ask(f"SELECT a, b, c, v FROM {store} WHERE a = 999999 AND b = 5 AND c = 7") == [
        {"a": 999_999, "b": 5, "c": 7, "v": 2.5}]
    assert ask(f"SELECT a, b, c FROM {store} LIMIT 1 OFFSET 1000000") == [{"a": 0, "b": 0, "c": 1000}]


def test_a_row_count_above_int64_is_refused_with_the_numbers(tmp_path):
    store = huge_store(tmp_path / "s.zarr", (2**32, 2**32), (1, 1000))
    line = expect_failure(f"SELECT count(*) FROM {quoted(store)}", preexec_fn=limits)
    assert "4294967296" in line, line
    listed = run("query", f"SELECT * FROM zarr_arrays({quoted(store)})", "--format", "csv", preexec_fn=limits)
    assert listed.code == 0 and "4294967296" in listed.stdout, listed


def test_a_rank_above_the_limit_is_refused(tmp_path):
    store = huge_store(tmp_path / "s.zarr", (1, 1), (1, 1))
    meta = store / "v" / "zarr.json"
    doc = json.loads(meta.read_text())
    doc.update(shape=[1] * 65, dimension_names=[f"d{i}" for i in range(65)])
    doc["chunk_grid"]["configuration"]["chunk_shape"] = [1] * 65
    meta.write_text(json.dumps(doc))
    expect_failure(f"SELECT * FROM {quoted(store)}", preexec_fn=limits)


@pytest.mark.parametrize("version", [2, 3])
def test_two_arrays_that_disagree_on_a_dimension_are_named_with_both_lengths(version, tmp_path):
    group = open_group(tmp_path / "s.zarr", version)
    write_array(group, "good", VALUES, DIMS, chunks=CHUNKS)
    write_array(group, "y", np.arange(6), ("y",))
    write_array(group, "x", np.arange(8), ("x",))
    write_array(group, "bad", np.arange(35).reshape(5, 7), DIMS, chunks=CHUNKS)
    line = expect_failure(f"SELECT bad FROM {quoted(tmp_path / 's.zarr')}")
    assert "bad" in line and "5" in line and "6" in line, line
    assert run_query(f"SELECT sum(good)::BIGINT AS s FROM {quoted(tmp_path / 's.zarr')}").table.to_pylist() == [
        {"s": 48 * 47 // 2}]


def test_a_symbolic_link_out_of_the_store_is_not_followed(tmp_path):
    store = good_store(tmp_path / "s.zarr")
    secret = tmp_path / "secret"
    shutil.move(store / "bad" / "c" / "0" / "1", secret)
    (store / "bad" / "c" / "0" / "1").symlink_to(secret)
    assert_contained(store, "c/0/1")


def test_a_symbolic_link_inside_the_store_works(tmp_path):
    store = good_store(tmp_path / "s.zarr")
    shutil.move(store / "bad" / "c" / "0" / "1", store / "bad" / "elsewhere")
    (store / "bad" / "c" / "0" / "1").symlink_to(store / "bad" / "elsewhere")
    assert run_query(f"SELECT sum(bad)::BIGINT AS s FROM {quoted(store)}").table.to_pylist() == [{"s": 48 * 47 // 2}]


@pytest.mark.parametrize("version", [2, 3])
def test_cyclic_links_between_groups_end(version, tmp_path):
    store = good_store(tmp_path / "s.zarr", version)
    root_document = "zarr.json" if version == 3 else ".zgroup"
    inner = store / "inner"
    inner.mkdir()
    shutil.copy(store / root_document, inner / root_document)
    (inner / "loop").symlink_to(store)
    (inner / "self").symlink_to(inner)
    assert run_query(f"SELECT sum(good)::BIGINT AS s FROM {quoted(store)}", preexec_fn=limits).table.to_pylist() == [
        {"s": 48 * 47 // 2}]
    listed = run("query", f"SELECT * FROM zarr_arrays({quoted(store)})", "--format", "csv", timeout=30, preexec_fn=limits)
    assert listed.code == 0 and "good" in listed.stdout, listed


def test_a_link_that_points_to_itself_is_an_error_of_that_chunk(tmp_path):
    store = good_store(tmp_path / "s.zarr")
    chunk = store / "bad" / "c" / "0" / "1"
    chunk.unlink()
    chunk.symlink_to(chunk)
    assert_contained(store, "c/0/1")


def test_a_chunk_that_is_a_pipe_is_an_error_and_does_not_hang(tmp_path):
    store = good_store(tmp_path / "s.zarr")
    chunk = store / "bad" / "c" / "0" / "1"
    chunk.unlink()
    os.mkfifo(chunk)
    assert_contained(store, "c/0/1")


def test_a_directory_where_a_chunk_should_be_is_no_chunk(tmp_path):
    """A store maps keys to objects, and a directory is none: absent, as zarr-python has it."""
    store = good_store(tmp_path / "s.zarr")
    chunk = store / "bad" / "c" / "0" / "1"
    chunk.unlink()
    chunk.mkdir()
    got = run_query(f"SELECT sum(bad)::BIGINT AS s FROM {quoted(store)}", stats=True)
    assert got.table.to_pylist() == [{"s": int(VALUES.sum() - VALUES[:3, 4:].sum())}] and got.stats["chunks_filled"] == 1


def test_a_chunk_without_permission_is_an_error_not_a_fill(tmp_path):
    if os.geteuid() != 0:
        store = good_store(tmp_path / "s.zarr")
        (store / "bad" / "c" / "0" / "1").chmod(0)
        assert_contained(store, "c/0/1", "[Pp]ermission")
        return
    # Root may read everything: run as nobody instead.
    import pwd
    nobody = pwd.getpwnam("nobody")
    import tempfile
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        os.chmod(directory, 0o755)
        store = good_store(Path(directory) / "s.zarr")
        (store / "bad" / "c" / "0" / "1").chmod(0)
        program = Path(directory) / "colonnade"
        shutil.copy(find_program(), program)
        libraries = {str(find_program().parent), *(line.split("=>")[1].split("(")[0].strip().rsplit("/", 1)[0]
                                                   for line in os.popen(f"ldd {find_program()}") if "=> /" in line)}
        needed = [line.split("=>")[1].split("(")[0].strip() for line in os.popen(f"ldd {find_program()}")
                  if "=> /" in line and "duckdb" in line]
        for library in needed:
            shutil.copy(library, directory)
        import subprocess
        done = subprocess.run([program, "query", f"SELECT sum(bad) FROM {quoted(store)}"], capture_output=True, text=True,
                              cwd="/", user=nobody.pw_uid, group=nobody.pw_gid, timeout=60,
                              env={**os.environ, "HOME": directory, "LD_LIBRARY_PATH": ":".join([directory, *libraries])})
        line = one_line(done.stderr)
        assert done.returncode == 1 and "c/0/1" in line and re.search("[Pp]ermission", line), (done, line)


def test_chunks_beyond_the_grid_are_ignored(tmp_path):
    store = good_store(tmp_path / "s.zarr")
    (store / "bad" / "c" / "9").mkdir()
    (store / "bad" / "c" / "9" / "9").write_bytes(b"left over from a larger shape")
    assert run_query(f"SELECT sum(bad)::BIGINT AS s FROM {quoted(store)}").table.to_pylist() == [{"s": 48 * 47 // 2}]


def test_a_huge_chunk_file_is_refused_without_reading_it(tmp_path):
    store = good_store(tmp_path / "s.zarr", compressors=None)
    with (store / "bad" / "c" / "0" / "1").open("r+b") as file:
        file.truncate(1 << 40)  # sparse
    assert_contained(store, "c/0/1")


@pytest.mark.parametrize("name", ["..", "../../etc", "/etc", "a/../../b", "nul\0byte"])
def test_consolidated_names_never_leave_the_store(name, tmp_path):
    outside = good_store(tmp_path / "etc")
    store = good_store(tmp_path / "deep" / "s.zarr")
    root = store / "zarr.json"
    doc = json.loads(root.read_text())
    member = json.loads((outside / "good" / "zarr.json").read_text())
    metadata = {n: json.loads((store / n / "zarr.json").read_text()) for n in ("good", "bad")}
    doc["consolidated_metadata"] = {"kind": "inline", "must_understand": False,
                                    "metadata": {**metadata, name: member, f"{name}/good": member}}
    root.write_text(json.dumps(doc))
    outcome = run("query", f"SELECT * FROM zarr_arrays({quoted(store)})", "--format", "csv", preexec_fn=limits)
    assert outcome.code in (0, 1)
    assert str(outside) not in outcome.stdout
    if outcome.code == 0:
        assert len(outcome.stdout.splitlines()) == 3, outcome.stdout  # a header, good and bad


@pytest.mark.parametrize("magic, word", [
    (b"PK\x03\x04", "[Zz][Ii][Pp]"), (b"CDF\x01", "NetCDF"), (b"\x89HDF\r\n\x1a\n", "HDF5"), (b"PAR1", "Parquet"), (b"hello", ".")])
def test_a_file_where_a_store_should_be_says_what_it_looks_like(magic, word, tmp_path):
    (tmp_path / "s.zarr").write_bytes(magic + bytes(100))
    line = expect_failure(f"SELECT * FROM {quoted(tmp_path / 's.zarr')}")
    assert re.search(word, line), line


def test_terminal_escapes_in_names_and_attributes_do_not_reach_the_terminal(tmp_path):
    group = open_group(tmp_path / "s.zarr", 3)
    write_array(group, "v", np.arange(2), ("x",), attributes={"long_name": "\x1b[31mred\x07", "units": "\x1b]0;x\x07"})
    for arguments in (("inspect", tmp_path / "s.zarr"), ("query", f"SELECT * FROM zarr_attributes({quoted(tmp_path / 's.zarr')})")):
        outcome = run(*arguments)
        assert outcome.code == 0 and "\x1b" not in outcome.stdout + outcome.stderr, outcome
        assert "\x07" not in outcome.stdout + outcome.stderr
    line = expect_failure("SELECT * FROM '\x1b[31mno\x07.zarr'")
    assert "\x1b" not in line and "\x07" not in line
