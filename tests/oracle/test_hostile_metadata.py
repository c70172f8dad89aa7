"""Metadata that is broken or hostile stops only its own array (or is harmless)."""

from __future__ import annotations

import json

import pytest

from colonnade_cli import expect_failure, quoted, run, run_query
from hostile_stores import VALUES, assert_contained, document, edit, good_store


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
