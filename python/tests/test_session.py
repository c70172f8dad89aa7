"""Sessions: statements and queries, parameters, names, threads, transactions, Ctrl-C."""

from __future__ import annotations

import datetime
import decimal
import os
import signal
import threading
import uuid

import numpy as np
import pytest

import colonnade as cn
from colonnade import errors

ENDLESS = "SELECT sum(a.range) FROM range(10000000) a, range(1000000) b"


@pytest.fixture
def con():
    with cn.connect(threads=2) as session:
        yield session


def test_a_query_is_lazy_and_runs_anew_each_time(con):
    con.sql("CREATE SEQUENCE s")
    ticks = con.sql("SELECT nextval('s') AS n")
    assert ticks.columns == ["n"]
    assert [ticks.fetchall(), ticks.to_numpy()["n"].tolist(), ticks.to_arrow()["n"].to_pylist()] == [[(1,)], [2], [3]]


def test_everything_else_runs_once_and_now(con):
    assert con.sql("CREATE TABLE t (x INT)") is None
    inserted = con.sql("INSERT INTO t VALUES (1), (2)")
    assert [inserted.fetchall(), con.sql("SELECT count(*) FROM t").fetchall()] == [[(2,)], [(2,)]]
    assert inserted.to_arrow().to_pydict() == {"Count": [2]}
    returned = con.sql("INSERT INTO t VALUES (3) RETURNING x * 10 AS y")
    assert returned.fetchall() == [(30,)] and con.sql("FROM t").to_arrow().num_rows == 3


def test_several_statements_stop_at_the_first_failure(con):
    with pytest.raises(errors.InvalidArgument, match="nonsense"):
        con.sql("CREATE TABLE a (x INT); SELECT nonsense; CREATE TABLE b (x INT)")
    assert con.tables() == ["a"]


@pytest.mark.parametrize(
    "value, kind",
    [
        (None, None), (True, "BOOLEAN"), (7, "BIGINT"), (-(2**100), "HUGEINT"), (1.5, "DOUBLE"), (float("inf"), "DOUBLE"),
        ("Grüße", "VARCHAR"), (b"\x00\xff", "BLOB"), (datetime.date(1, 1, 1), "DATE"),
        (datetime.datetime(2000, 2, 29, 12, 30, 15, 123456), "TIMESTAMP"), (datetime.time(23, 59, 59, 999999), "TIME"),
        (datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc), "TIMESTAMP WITH TIME ZONE"),
        (datetime.timedelta(days=-3, seconds=5, microseconds=7), "INTERVAL"), (decimal.Decimal("-12.3400"), "DECIMAL(6,4)"),
        (uuid.UUID("12345678-1234-5678-1234-567812345678"), "UUID"), ([1, None, 3], "BIGINT[]"), (["a'b", 'c"d\\'], "VARCHAR[]"),
        ([], "INTEGER[]"), ([datetime.date(2000, 1, 1)], "DATE[]"),
    ],
)
def test_parameters_come_back_as_they_went(con, value, kind):
    for relation in (con.sql("SELECT ? AS v, typeof(v)", [value]), con.sql("SELECT $v AS v, typeof($v)", {"v": value})):
        ((got, got_kind),) = relation.fetchall()
        assert got == value and (kind is None or got_kind == kind)


def test_numpy_scalars_are_parameters(con):
    assert con.sql("SELECT ?, ?, ?, ?", [np.int8(3), np.float32(0.5), np.datetime64("2000-01-01T00:00:00.5"), np.bool_(True)]
                   ).fetchone() == (3, 0.5, datetime.datetime(2000, 1, 1, 0, 0, 0, 500000), True)


@pytest.mark.parametrize("text, params, message", [
    ("SELECT $a", {"a": 1, "b": 2}, r"\$b, and no statement has that parameter; there is \$a"),
    ("SELECT $a, $b", {"a": 1}, r"no value for parameter \$b"),
    ("SELECT ?", [1, 2], "2 values given by position"),
    ("SELECT 1", [1], "more than 0 parameters"),
    ("CREATE TABLE kept AS SELECT $a AS x; SELECT $b", {"a": 1, "c": 2}, r"\$c, and no statement .* there are \$a, \$b"),
])
def test_values_and_parameters_match(con, text, params, message):
    with pytest.raises(errors.InvalidArgument, match=message):
        con.sql(text, params)
    assert con.tables() == []


def test_values_go_to_the_statements_that_have_a_parameter_for_them(con):
    both = con.sql("CREATE TABLE kept AS SELECT $a AS x; SELECT $b + x FROM kept", {"a": 1, "b": 2})
    assert [both.fetchall(), both.to_numpy()["($b + x)"].tolist()] == [[(3,)], [3]]


def test_making_a_relation_with_parameters_runs_nothing(con):
    """Its columns depend on the values; an endless query tells that it does not run, by ending."""
    con.sql("CREATE SEQUENCE s")
    ticks = con.sql("SELECT nextval('s') + ? AS n FROM range(3)", [0.5])
    assert ticks.types == ["DOUBLE"]
    endless = con.sql("SELECT sum(a.range + ?) FROM range(10000000) a, range(1000000) b", [1])
    assert ticks.fetchall() == [(1.5,), (2.5,), (3.5,)]
    del endless
    con.close()


@pytest.mark.parametrize("params, message", [
    ([object()], "object"), ([1j], "complex"), ("text", "list or a dict"), ([[1, "a"]], "one type"), (["x"], "no value for|\\$2"),
    ({"lo": 1}, "\\$"), ([2**200], "128"),
])
def test_bad_parameters_are_refused_in_words(con, params, message):
    with pytest.raises(errors.InvalidArgument, match=message):
        con.sql("SELECT ?, ?" if params == ["x"] else "SELECT ?", params)


def test_variables_of_the_caller_are_tables_unless_switched_off(con):
    frame = {"x": np.arange(3)}
    pandas = pytest.importorskip("pandas")
    points = pandas.DataFrame(frame)
    relation = con.sql("SELECT sum(x) FROM points")
    del points
    assert relation.fetchall() == [(3,)]
    points = pandas.DataFrame(frame)  # noqa: F841
    with pytest.raises(errors.InvalidArgument, match="points"):
        con.sql("SELECT * FROM points", variables=False)
    with cn.connect(variables=False) as strict, pytest.raises(errors.InvalidArgument, match="points"):
        strict.sql("SELECT * FROM points")
    assert con.sql("CREATE TABLE kept AS FROM points") is not None or con.sql("FROM kept").to_arrow().num_rows == 3


def test_tables_come_before_registered_ones_and_those_before_variables(con):
    import pyarrow as pa

    thing = pa.table({"x": ["variable"]})  # noqa: F841
    assert con.sql("FROM thing").fetchall() == [("variable",)]
    con.register("thing", pa.table({"x": ["registered"]}))
    assert con.sql("FROM thing").fetchall() == [("registered",)]
    con.sql("CREATE TEMP TABLE thing AS SELECT 'temporary' AS x")
    assert con.sql("FROM thing").fetchall() == [("temporary",)]
    con.sql("DROP TABLE thing")
    con.unregister("THING")
    assert con.sql("FROM thing").fetchall() == [("variable",)]


def test_unknown_names_suggest_the_nearest(con):
    import pyarrow as pa

    con.register("temperature", pa.table({"celsius": [1.0]}))
    with pytest.raises(errors.InvalidArgument, match='"temperature" is registered'):
        con.sql("SELECT * FROM temperatur")
    with pytest.raises(errors.InvalidArgument, match="celsius"):
        con.sql("SELECT celsus FROM temperature")
    with pytest.raises(errors.NotFound, match='did you mean "temperature"'):
        con.unregister("temprature")


def test_a_variable_that_is_no_table_is_named_with_its_type(con):
    number = 5  # noqa: F841
    with pytest.raises(errors.InvalidArgument, match='"number" is of type int, which is no table'):
        con.sql("SELECT * FROM number")
    with pytest.raises(errors.InvalidArgument, match="of type int") as caught:
        con.sql("SELECT * FROM (SELECT * FROM number)")
    assert caught.value.unknown_name == "number" and caught.value.__suppress_context__
    for text in ("SELECT number(1)", "SELECT 1::number", "DROP TABLE number"):  # no name that a variable can have
        with pytest.raises(errors.InvalidArgument) as caught:
            con.sql(text)
        assert "number" in str(caught.value) and "of type int" not in str(caught.value)


def test_settings_search_path_variables_and_temporary_tables_are_seen_by_all(con):
    con.sql("SET TimeZone = 'Asia/Tokyo'; SET VARIABLE v = 3; CREATE TEMP TABLE tt AS SELECT 1 AS x; CREATE SCHEMA s; USE s")
    con.sql("CREATE TABLE o AS SELECT 2 AS x")
    results = []
    thread = threading.Thread(
        target=lambda: results.append(con.sql("SELECT current_setting('TimeZone'), getvariable('v'), tt.x, o.x FROM tt, o").fetchall()))
    thread.start()
    thread.join()
    assert results == [[("Asia/Tokyo", 3, 1, 2)]]


def test_a_transaction_is_seen_inside_and_gone_after_rollback(con):
    con.sql("CREATE TABLE t AS SELECT 1 AS x; BEGIN; INSERT INTO t VALUES (2)")
    rows = con.sql("SELECT x FROM t ORDER BY x")
    assert rows.fetchall() == [(1,), (2,)]
    con.sql("ROLLBACK")
    assert rows.fetchall() == [(1,)]
    con.sql("BEGIN; INSERT INTO t VALUES (3); COMMIT")
    assert rows.fetchall() == [(1,), (3,)]


def test_open_results_do_not_disturb_each_other(con):
    first, second = con.sql("FROM range(300000)").batches(), con.sql("FROM range(200000)").batches()
    next(first), next(second)
    con.sql("CREATE TABLE t (x INT)")
    assert sum(b.num_rows for b in first) + sum(b.num_rows for b in second) < 500000
    assert con.sql("SELECT count(*) FROM range(5)").fetchone() == (5,)


def test_one_session_serves_many_threads(con):
    failures = []

    def work(number):
        try:
            for round_number in range(10):
                con.sql(f"CREATE OR REPLACE TABLE t{number} AS SELECT range + {round_number} AS x FROM range(1000)")
                assert con.sql(f"SELECT min(x), count(*) FROM t{number}").fetchall() == [(round_number, 1000)]
                assert con.sql("SELECT sum(v) FROM w", variables=False).fetchone() == (10,)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    import pyarrow as pa

    con.register("w", pa.table({"v": [1, 2, 3, 4]}))
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def when_running(con, action):
    """Does `action` in another thread as soon as the engine works on something of this process."""
    def wait():
        began = os.times()
        while os.times().user + os.times().system < began.user + began.system + 0.2:
            pass
        action()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.parametrize("run", [
    lambda con: con.sql(ENDLESS).fetchall(), lambda con: con.sql(ENDLESS).to_arrow(), lambda con: con.sql(ENDLESS).to_numpy(),
    lambda con: con.sql(f"CREATE TABLE big AS {ENDLESS}"), lambda con: con.sql(ENDLESS).to_parquet("/dev/null"),
], ids=["fetchall", "to_arrow", "to_numpy", "statement", "file"])
def test_ctrl_c_ends_what_runs_and_the_session_goes_on(con, run):
    thread = when_running(con, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        run(con)
    thread.join()
    assert con.sql("SELECT 1").fetchall() == [(1,)]


def test_interrupt_ends_what_runs_in_any_thread(con):
    thread = when_running(con, con.interrupt)
    with pytest.raises(errors.Cancelled):
        con.sql(ENDLESS).fetchall()
    thread.join()
    assert con.sql("SELECT 1").fetchall() == [(1,)]


def test_a_closed_session_says_so_and_open_results_go_on():
    con = cn.connect()
    rows = con.sql("FROM range(300000)").batches()
    next(rows)
    con.close()
    con.close()
    with pytest.raises(errors.InvalidState, match="closed"):
        con.sql("SELECT 1")
    assert repr(con) == "<colonnade.Session, closed>"
    assert sum(batch.num_rows for batch in rows) > 100000


def test_options_are_checked(tmp_path):
    with pytest.raises(errors.InvalidArgument, match="threads"):
        cn.connect(threads=0)
    with pytest.raises(errors.InvalidArgument, match="memory_limit"):
        cn.connect(memory_limit="many")
    with cn.connect(memory_limit="50MB", temp_directory=str(tmp_path)) as con:
        with pytest.raises(errors.LimitExceeded):
            con.sql("SELECT list(range) FROM range(50000000)").fetchall()
        assert con.sql("SELECT 1").fetchone() == (1,)


def test_bad_sql_is_one_line(con):
    for text in ("SELEC 1", "", ";", "SELECT * FROM nowhere"):
        with pytest.raises(errors.InvalidArgument) as caught:
            con.sql(text)
        assert str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(errors.InvalidArgument, match="text"):
        con.sql(42)


def test_progress_is_told_and_its_end_too():
    told = []

    def tell(fraction, chunks, read, finished):
        told.append(finished)
        if len(told) == 3:
            con.interrupt()

    con = cn.connect(progress=tell)
    with pytest.raises(errors.Cancelled):
        con.sql(ENDLESS).fetchall()
    assert told[:3] == [False] * 3 and told[-1] is True and told.count(True) == 1
    con.close()


def test_a_progress_display_that_fails_does_not_end_the_query(con, monkeypatch):
    seen = []
    monkeypatch.setattr("sys.unraisablehook", lambda unraisable: seen.append(unraisable.exc_value))
    session = cn.connect(progress=lambda *facts: 1 / 0)
    thread = when_running(con, session.interrupt)
    with pytest.raises(errors.Cancelled):
        session.sql(ENDLESS).fetchall()
    thread.join()
    session.close()
    assert all(isinstance(error, ZeroDivisionError) for error in seen)


def test_the_terminal_line_is_wiped(capsys):
    from colonnade.progress import display_for

    display = display_for(True)
    display(0.25, 10, 2_000_000, False)
    display(None, 0, 0, True)
    assert capsys.readouterr().err.endswith("\r\x1b[K") and display_for(None) is None


def test_names_of_tables_can_be_pasted_into_from(con):
    import pyarrow as pa

    reserved = [row[0] for row in con.sql("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'").fetchall()]
    for name in [*reserved, "plain", "With Space", 'quo"ted', "Ünï"]:
        con.register(name, pa.table({"x": [1]}))
    names = con.tables()
    assert len(names) == len(reserved) + 4 and "plain" in names
    for name in names:
        assert con.sql(f"SELECT x FROM {name}").fetchall() == [(1,)], name
