"""cn.stream_table: what factories are asked, that their answers are checked, and how they end."""

from __future__ import annotations

import datetime
import decimal
import gc
import pickle
import threading
import weakref

import pyarrow as pa
import pytest

import colonnade as cn
from colonnade import errors
from colonnade.streams import Applied

SCHEMA = pa.schema([("n", pa.int64()), ("s", pa.string())])


def rows(first: int = 0, last: int = 10) -> pa.Table:
    return pa.table({"n": list(range(first, last)), "s": [f"row {n}" for n in range(first, last)]}, schema=SCHEMA)


def test_a_factory_is_called_when_a_query_runs_and_not_before(con):
    calls = []

    def factory():
        calls.append(threading.get_ident())
        return rows()

    table = cn.stream_table(SCHEMA, factory)
    con.register("t", table)
    relation = con.sql("SELECT sum(n) FROM t")
    assert calls == []
    assert relation.fetchall() == [(45,)]
    assert relation.fetchall() == [(45,)]
    assert con.sql("SELECT count(*) FROM t AS a, t AS b").fetchall() == [(100,)]
    assert len(calls) == 4


def test_the_arguments_that_a_signature_names_are_passed(con):
    seen = []

    def factory(columns, filters, filter_sql, limit, partition):
        seen.append((columns, filters, filter_sql, limit, partition))
        return rows().select(columns)

    con.register("t", cn.stream_table(SCHEMA, factory))
    assert con.sql("SELECT s FROM t WHERE n >= 8 AND s LIKE '%8'").fetchall() == [("row 8",)]
    columns, filters, sql, limit, partition = seen.pop()
    assert (columns, filters, limit, partition) == (["n", "s"], [("n", ">=", 8)], None, 0)
    assert "n >= 8" in sql and "suffix" in sql
    assert con.sql("SELECT s FROM t LIMIT 2").fetchall() == [("row 0",), ("row 1",)]
    assert seen.pop() == (["s"], [], None, 2, 0)
    assert con.sql("SELECT count(*) FROM t").fetchall() == [(10,)]
    assert seen.pop() == ([], [], None, None, 0)


def test_keyword_arguments_take_everything(con):
    seen = []

    def factory(**request):
        seen.append(request)
        return rows()

    con.register("t", cn.stream_table(SCHEMA, factory))
    con.sql("SELECT n FROM t").fetchall()
    assert set(seen[0]) == {"columns", "filters", "filter_sql", "limit", "partition"}


@pytest.mark.parametrize(
    ("sql_type", "arrow_type", "literal", "expected"),
    [
        ("BOOLEAN", pa.bool_(), "true", True),
        ("DOUBLE", pa.float64(), "1.5", 1.5),
        ("VARCHAR", pa.string(), "'it''s'", "it's"),
        ("BLOB", pa.binary(), "'\\x00a'::BLOB", b"\0a"),
        ("DATE", pa.date32(), "DATE '2001-02-03'", datetime.date(2001, 2, 3)),
        ("TIME", pa.time64("us"), "TIME '01:02:03.5'", datetime.time(1, 2, 3, 500_000)),
        ("TIMESTAMP", pa.timestamp("us"), "TIMESTAMP '1960-01-01 00:00:01'", datetime.datetime(1960, 1, 1, 0, 0, 1)),
        (
            "TIMESTAMPTZ",
            pa.timestamp("us", "UTC"),
            "TIMESTAMPTZ '2001-01-01 00:00:00+00'",
            datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc),
        ),
        ("DECIMAL(10,2)", pa.decimal128(10, 2), "1.25::DECIMAL(10,2)", decimal.Decimal("1.25")),
        ("UBIGINT", pa.uint64(), "18446744073709551615::UBIGINT", 2**64 - 1),
    ],
)
def test_filter_values_are_python_values(con, sql_type, arrow_type, literal, expected):
    seen = []
    schema = pa.schema([("v", arrow_type)])

    def factory(filters):
        seen.extend(filters)
        return pa.table({"v": pa.array([expected, None], arrow_type)})

    con.register("t", cn.stream_table(schema, factory))
    assert con.sql(f"SELECT count(*), any_value(typeof(v)) FROM t WHERE v = {literal}").fetchone()[0] == 1
    [(column, operator, value)] = seen
    assert (column, operator, value, type(value)) == ("v", "=", expected, type(expected))


def test_times_that_python_cannot_hold_are_not_passed(con):
    seen = []
    schema = pa.schema([("v", pa.timestamp("ns")), ("n", pa.int64())])

    def factory(filters):
        seen.append(filters)
        return Applied(pa.table({"v": pa.array([1], pa.timestamp("ns")), "n": [1]}), exact=[("n", ">", 0)])

    con.register("t", cn.stream_table(schema, factory))
    sql = "SELECT n FROM t WHERE v < '1970-01-01 00:00:00.000000003'::TIMESTAMP_NS AND n > 0"
    assert con.sql(sql).fetchall() == [(1,)]
    assert seen == [[("n", ">", 0)]]


def test_in_and_null_terms(con):
    seen = []

    def factory(filters):
        seen.append(filters)
        return rows()

    con.register("t", cn.stream_table(SCHEMA, factory))
    assert con.sql("SELECT n FROM t WHERE n IN (1, 3) AND s IS NOT NULL").fetchall() == [(1,), (3,)]
    assert sorted(seen.pop()) == [("n", "in", (1, 3)), ("s", "is not null", None)]


@pytest.mark.parametrize("claim", [[], ["term"], [0]])
def test_what_is_claimed_is_not_checked_again_and_the_rest_is(con, claim):
    def factory(filters):
        return Applied(rows(), exact=[filters[0] if one == "term" else one for one in claim])  # a lie: nothing is applied

    con.register("t", cn.stream_table(SCHEMA, factory))
    expected = [(n,) for n in range(10)] if claim else [(8,), (9,)]
    assert con.sql("SELECT n FROM t WHERE n > 7").fetchall() == expected


def test_a_claim_of_another_filter_is_an_error(con):
    con.register("t", cn.stream_table(SCHEMA, lambda filters: Applied(rows(), exact=[("n", "<", 7)])))
    with pytest.raises(errors.InvalidArgument, match=r"\('n', '<', 7\)"):
        con.sql("SELECT n FROM t WHERE n > 7").fetchall()


def test_partitions_come_in_order_with_their_objects(con):
    def factory(partition):
        first, last = partition
        return rows(first, last)

    con.register("t", cn.stream_table(SCHEMA, factory, partitions=[(0, 4), (4, 4), (4, 10)]))
    assert con.sql("SELECT n FROM t").fetchall() == [(n,) for n in range(10)]
    con.register("u", cn.stream_table(SCHEMA, lambda partition: rows(partition, partition + 1), partitions=30))
    assert con.sql("SELECT n FROM u").fetchall() == [(n,) for n in range(30)]


def test_wrong_factories_are_refused_when_the_table_is_made():
    with pytest.raises(errors.InvalidArgument, match="'rows'.*columns, filters"):
        cn.stream_table(SCHEMA, lambda rows: None)
    with pytest.raises(errors.InvalidArgument, match="has to take `partition`"):
        cn.stream_table(SCHEMA, lambda: None, partitions=3)
    with pytest.raises(errors.InvalidArgument, match="0 partitions"):
        cn.stream_table(SCHEMA, lambda partition: None, partitions=[])
    with pytest.raises(errors.InvalidArgument, match="__arrow_c_schema__"):
        cn.stream_table({"n": "int"}, lambda: None)
    with pytest.raises(errors.InvalidArgument, match="type int"):
        cn.stream_table(SCHEMA, 7)


# ---------------------------------------------------------------------------
# What factories return
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        rows,
        lambda: rows().to_batches()[0],
        lambda: rows().to_reader(),
        lambda: rows().__arrow_c_stream__(),
        lambda: iter(rows().to_batches(max_chunksize=3)),
        lambda: (batch for batch in rows().to_batches(max_chunksize=3)),
        lambda: [rows(0, 5), rows(5, 10)],
        lambda: cn.stream_table(SCHEMA, rows),
        lambda: rows().slice(0, 10),
    ],
)
def test_many_kinds_of_streams(con, make):
    con.register("t", cn.stream_table(SCHEMA, make))
    expected = [(n, f"row {n}") for n in range(10)]
    assert con.sql("SELECT n, s FROM t").fetchall() == expected
    assert con.sql("SELECT n, s FROM t").fetchall() == expected
    assert con.sql("SELECT count(*) FROM t").fetchall() == [(10,)]


@pytest.mark.parametrize("nothing", [lambda: iter([]), list, lambda: rows(0, 0), lambda: iter([rows(0, 0)])])
def test_streams_without_rows(con, nothing):
    con.register("t", cn.stream_table(SCHEMA, nothing))
    assert con.sql("SELECT n FROM t").fetchall() == []


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: None, "returned None"),
        (lambda: 7, "of type int"),
        (lambda: "text", "of type str"),
        (lambda: iter([7]), "batch 0 is of type int"),
        (lambda: pa.table({"n": [1]}), "columns n instead of n, s"),
        (lambda: pa.table({"n": pa.array([1], pa.int32()), "s": ["x"]}), "column 'n': the stream has int32"),
        (lambda: pa.table({"s": ["x"], "n": [1]}), "columns s, n instead of n, s"),
        (lambda: iter([rows(), pa.table({"n": [1.0], "s": [""]})]), "batch 1: column 'n': double instead of int64"),
        (lambda: pa.array([1, 2]), "not of structs"),
    ],
)
def test_other_things_are_refused_by_name(con, made, message):
    con.register("t", cn.stream_table(SCHEMA, made))
    with pytest.raises((errors.InvalidArgument, errors.InvalidData), match=message):
        con.sql("SELECT n, s FROM t").fetchall()


def test_a_stream_that_was_read_is_refused(con):
    capsule = rows().__arrow_c_stream__()
    con.register("t", cn.stream_table(SCHEMA, lambda: capsule))
    assert con.sql("SELECT count(*) FROM t").fetchall() == [(10,)]
    with pytest.raises(errors.Error, match="read before"):
        con.sql("SELECT count(*) FROM t").fetchall()


@pytest.mark.parametrize(
    "make",
    [
        lambda: rows().to_reader(),
        lambda: rows().__arrow_c_stream__(),
        lambda: (batch for batch in rows().to_batches()),
    ],
)
def test_a_reader_can_be_queried_once(con, make):
    con.register("t", cn.stream_table(SCHEMA, make(), name="readings"))
    assert con.sql("SELECT count(*) FROM t").fetchall() == [(10,)]
    with pytest.raises(errors.InvalidState, match="readings.*earlier query has consumed.*lambda"):
        con.sql("SELECT count(*) FROM t").fetchall()


def test_an_object_that_can_be_read_again_is_a_factory(con):
    con.register("t", cn.stream_table(SCHEMA, rows()))
    for _ in range(2):
        assert con.sql("SELECT count(*) FROM t").fetchall() == [(10,)]


# ---------------------------------------------------------------------------
# Errors
# ---------------------------------------------------------------------------


class OwnError(Exception):
    pass


def test_an_exception_of_the_factory_arrives_as_itself(con):
    raised = OwnError("no such tile")

    def factory():
        raise raised

    con.register("t", cn.stream_table(SCHEMA, factory))
    with pytest.raises(OwnError) as caught:
        con.sql("SELECT n FROM t").fetchall()
    assert caught.value is raised
    assert "factory" in [entry.name for entry in caught.traceback]
    assert con.sql("SELECT 1").fetchall() == [(1,)]


@pytest.mark.parametrize("as_reader", [False, True])
def test_an_exception_mid_stream_arrives_as_itself(con, as_reader):
    def batches():
        yield from rows(0, 5).to_batches()
        raise OwnError("half way")

    def factory():
        return pa.RecordBatchReader.from_batches(SCHEMA, batches()) if as_reader else batches()

    con.register("t", cn.stream_table(SCHEMA, factory))
    with pytest.raises(OwnError, match="half way") as caught:
        con.sql("SELECT sum(n) FROM t").fetchall()
    assert "batches" in [entry.name for entry in caught.traceback]


def test_the_text_of_an_exception_behind_a_c_stream_is_kept(con):
    class Opaque:
        def __arrow_c_stream__(self, requested_schema=None):
            def batches():
                yield from rows(0, 5).to_batches()
                raise OwnError("half way")

            return pa.RecordBatchReader.from_batches(SCHEMA, batches()).__arrow_c_stream__()

    con.register("t", cn.stream_table(SCHEMA, Opaque))
    with pytest.raises(errors.Error, match="half way"):
        con.sql("SELECT sum(n) FROM t").fetchall()


def test_errors_pickle():
    with pytest.raises(errors.InvalidArgument) as caught:
        cn.stream_table(SCHEMA, 7)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


# ---------------------------------------------------------------------------
# Endings
# ---------------------------------------------------------------------------


def test_reading_stops_when_the_limit_is_reached(con):
    made = []
    closed = []

    def factory():
        try:
            for first in range(0, 1_000_000, 100):
                made.append(first)
                yield rows(first, first + 100)
        finally:
            closed.append(True)

    con.register("t", cn.stream_table(SCHEMA, factory))
    assert con.sql("SELECT n FROM t LIMIT 3").fetchall() == [(0,), (1,), (2,)]
    assert made == [0]
    gc.collect()
    assert closed == [True]
    assert con.sql("SELECT n FROM t WHERE n % 2 = 1 LIMIT 2").fetchall() == [(1,), (3,)]
    assert len(made) < 5_000


def test_a_table_is_queried_from_several_threads(con):
    con.register("t", cn.stream_table(SCHEMA, lambda partition: rows(partition * 10, partition * 10 + 10), partitions=5))
    failures = []

    def query():
        try:
            for _ in range(20):
                assert con.sql("SELECT count(*), sum(n) FROM t WHERE n >= 5").fetchall() == [(45, 1215)]
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=query) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_table_lets_go_of_its_factory(con):
    class Factory:
        def __call__(self):
            return rows()

    factory = Factory()
    gone = weakref.ref(factory)
    con.register("t", cn.stream_table(SCHEMA, factory))
    assert con.sql("SELECT count(*) FROM t").fetchall() == [(10,)]
    con.unregister("t")
    del factory
    gc.collect()
    assert gone() is None


def test_it_is_a_stream_without_a_session():
    table = cn.stream_table(SCHEMA, lambda partition: rows(partition, partition + 2), partitions=3, name="parts")
    assert pa.schema(table) == SCHEMA
    assert pa.table(table)["n"].to_pylist() == [0, 1, 1, 2, 2, 3]
    assert table.columns == ["n", "s"]
    assert repr(table) == "<colonnade.StreamTable 'parts': n, s>"


def test_a_dropped_stream_at_exit_is_no_harm(run_child):
    out = run_child(
        """
        import colonnade as cn, pyarrow as pa
        def batches():
            while True:
                yield pa.table({"n": list(range(1000))})
        con = cn.connect()
        con.register("t", cn.stream_table(pa.schema([("n", pa.int64())]), batches))
        stream = con.sql("SELECT n FROM t").__arrow_c_stream__()
        reader = pa.RecordBatchReader.from_stream(con.sql("SELECT n FROM t"))
        print(reader.read_next_batch().num_rows > 0)
        """,
        environment={"COLONNADE_REPORT_LEAKS": ""},  # the stream is alive, and keeps what it needs
    )
    assert out.strip() == "True"
