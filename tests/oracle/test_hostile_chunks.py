"""Chunks, strings and shards that are broken or hostile: an error that names array and chunk."""

from __future__ import annotations

import os
import re
import resource
import struct
import zlib
from pathlib import Path

import numcodecs
import numpy as np
import pytest
import zarr.codecs as zc

from colonnade_cli import expect_failure, one_line, quoted, run, run_query
from hostile_stores import DIMS, limits
from stores import open_group, write_array


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
