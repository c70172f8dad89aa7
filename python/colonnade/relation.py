"""Relations: results of SQL, and the ways out of the engine."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from . import _core
from .errors import InvalidArgument, Unsupported
from .schema_request import casts_for, quoted
from .table_names import names_after_from

if TYPE_CHECKING:
    import numpy
    import pandas
    import polars
    import pyarrow
    import xarray
    from typing_extensions import CapsuleType

    from .sources import Source

__all__ = ["Relation"]

_T = TypeVar("_T")
_EXPORT_ROWS = 122_880  # of a batch; larger ones cost page faults
_FETCH_ROWS = 2_048
_ALL_ROWS = 2**62


class _Stream:
    """A stream capsule as an object that has one."""

    def __init__(self, capsule: CapsuleType) -> None:
        self._capsule = capsule

    def __arrow_c_stream__(self, requested_schema: object = None) -> CapsuleType:
        return self._capsule


class _Query:
    """A query and what it refers to. Runs each time it is started."""

    def __init__(
        self, core: _core.Session, sql: str, positional: Sequence[Any], named: Mapping[str, Any],
        find_table: Callable[[str], _core.Table | None] | None,
    ) -> None:
        self.core = core
        self.sql = sql
        self._parameters = list(positional), dict(named)
        self._find_table = find_table

    def open(self) -> _core.Result:
        return self.start(self.sql)

    def start(self, sql: str) -> _core.Result:
        return self.core.start(sql, *self._parameters, self._find_table)

    def query(self, sql: str) -> _Query:
        """Another query over the same tables, with the same parameters."""
        return _Query(self.core, sql, *self._parameters, self._find_table)

    def write(self, sql: str, file_format: str, path: str) -> int:
        return self.core.write_file(sql, *self._parameters, self._find_table, file_format, path)

    def explain(self) -> str:
        return self.core.explain(self.sql, *self._parameters, self._find_table)


class _Rows:
    """Rows that are in memory. SQL over them runs in an engine of their own, opened when it is needed first."""

    def __init__(self, result: _core.Result) -> None:
        self._types = dict(enumerate(kind for _, kind in result.columns))
        self._batches = _through(result, lambda stream: _core.Batches(stream.__arrow_c_stream__(), result.columns))
        self._query: _Query | None = None
        self._lock = threading.Lock()

    def open(self) -> _core.BatchResult:
        return self._batches.open()

    def start(self, sql: str) -> _core.Result:
        return self._as_query().start(sql)

    def query(self, sql: str) -> _Query:
        return self._as_query().query(sql)

    def write(self, sql: str, file_format: str, path: str) -> int:
        return self._as_query().write(sql, file_format, path)

    def explain(self) -> str:
        return f"{self._batches.num_rows} rows in memory\n"

    @property
    def sql(self) -> str:
        return self._as_query().sql

    def _as_query(self) -> _Query:
        with self._lock:
            if self._query is None:
                from .streams import make_table

                unlike = [kind for kind in self._types.values() if kind.startswith(("BIT", "BIGNUM", "UNION"))]
                if unlike:
                    raise Unsupported(f"rows with {unlike[0]} that a statement returned cannot be queried; fetch them")
                batches = self._batches  # the table must not hold what holds it
                table = make_table(
                    "rows", batches.open().schema(), lambda: _Stream(batches.open().stream()), row_count=batches.num_rows
                )._table
                columns = ", ".join(
                    f"CAST(c{i} AS {kind}) AS {quoted(name)}"
                    for i, (name, kind) in enumerate(self._batches.open().columns)
                )
                aliases = ", ".join(f"c{i}" for i in self._types)
                self._query = _Query(
                    _core.Session(), f"SELECT {columns} FROM kept_rows AS t({aliases})", [], {}, lambda name: table
                )
            return self._query


class Relation:
    """Rows and columns that SQL describes: what ``Session.sql`` returns.

    A relation of a query is **lazy**: making it plans the query and runs nothing; each of the methods below runs it
    anew, so they see the data of that moment. A relation of any other statement holds the rows that the statement
    returned.

    It is an Arrow stream (``__arrow_c_stream__``), so every library that takes one takes a relation:
    ``pyarrow.table(rel)``, ``polars.DataFrame(rel)``, ``nanoarrow.c_array_stream(rel)``, ``duckdb.sql("FROM rel")``,
    and another session's ``register``. With datafusion-python, ``ctx.from_arrow(rel)`` reads the stream into memory;
    its lazy table provider (``__datafusion_table_provider__``) cannot be offered, because that capsule is a Rust
    structure of one DataFusion release and not an interface between languages.

    When the query fails half way, the methods of this class raise what made it fail: the exception that the user's own
    factory or backend raised, or a class of ``colonnade.errors``. Other libraries that pull the stream raise an error
    of their own with the same message.

    Names that occur twice stay as they are in Arrow; where names are keys (``to_numpy``, ``to_pandas``, ``to_polars``)
    the second ``a`` is ``a_1``.

    Thread-safe. It keeps the variables that it was made of alive, and may outlive them; registered tables are looked up
    when it runs, and it does not outlive its session.
    """

    def __init__(
        self,
        core: _core.Session,
        sql: str,
        columns: Sequence[tuple[str, str]],
        *,
        positional: Sequence[Any] = (),
        named: Mapping[str, Any] | None = None,
        variables: Mapping[str, Source] | None = None,
        registered: Mapping[str, Source] | None = None,
    ) -> None:
        found = dict(variables or {})
        self._origin: _Query | _Rows = _Query(
            core, sql, positional, named or {},
            (lambda name: found[name].only_table() if name in found else None) if found else None,
        )
        self._columns = list(columns)
        named_tables = [name.lower() for name in names_after_from(sql)]
        known = {**{name.lower(): one for name, one in (registered or {}).items()},
                 **{name.lower(): one for name, one in found.items()}}
        #: Where the rows come from, as far as it is known: first one first.
        self._sources: list[Source] = [known[name] for name in dict.fromkeys(named_tables) if name in known]
        self._init_cursor()

    @classmethod
    def of_rows(cls, result: _core.Result) -> Relation:
        """The relation of a statement that has run. Takes its rows into memory."""
        self = cls.__new__(cls)
        self._columns = list(result.columns)
        self._origin = _Rows(result)
        self._sources = []
        self._init_cursor()
        return self

    @property
    def _datasets(self) -> tuple[xarray.Dataset, ...]:
        """The xarray Datasets that the rows come from, for what reads this relation in turn."""
        found = {id(one): one for source in self._sources for one in source.datasets}
        return tuple(found.values())

    def _init_cursor(self) -> None:
        self._cursor: _core.Result | _core.BatchResult | None = None
        self._cursor_lock = threading.Lock()

    # Names and types

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in order. Runs nothing.

        >>> import colonnade as cn
        >>> cn.connect().sql("SELECT 1 AS a, 'x' AS b").columns
        ['a', 'b']
        """
        return [name for name, _ in self._columns]

    @property
    def types(self) -> list[str]:
        """SQL types of the columns, in order. Runs nothing.

        >>> import colonnade as cn
        >>> cn.connect().sql("SELECT 1 AS a, [now()] AS b").types
        ['INTEGER', 'TIMESTAMP WITH TIME ZONE[]']
        """
        return [kind for _, kind in self._columns]

    def explain(self) -> str:
        """The engine's plan of the query, as text."""
        return self._origin.explain()

    # Arrow

    def __arrow_c_schema__(self) -> CapsuleType:
        """The Arrow schema that ``__arrow_c_stream__`` will have. Reads no data."""
        return self._schema()

    def __arrow_c_stream__(self, requested_schema: CapsuleType | None = None) -> CapsuleType:
        """Runs the query; its rows as a stream of record batches, pulled as they are made.

        Columns are cast to the types of ``requested_schema`` where that loses nothing (a value that does not fit makes
        the stream fail). Raises InvalidArgument if it has other columns, or a type that could lose something.
        """
        casts = None
        if requested_schema is not None:
            casts = casts_for(_core.schema_fields(self._schema()), _core.schema_fields(requested_schema))
        if casts is None:
            return self._origin.open().stream(batch_rows=_EXPORT_ROWS)
        columns = ", ".join(
            f"{f'CAST(c{i} AS {kind})' if kind else f'c{i}'} AS {quoted(name)}"
            for i, (name, kind) in enumerate(zip(self.columns, casts))
        )
        return self._start(f"SELECT {columns} FROM", numbered=True).stream(batch_rows=_EXPORT_ROWS)

    def to_arrow(self) -> pyarrow.Table:
        """Runs the query; all rows as a pyarrow Table.

        >>> import colonnade as cn
        >>> cn.connect().sql("SELECT 1 AS a").to_arrow().to_pylist()
        [{'a': 1}]
        """
        made: pyarrow.Table = _through(self._origin.open(), _required("pyarrow", "to_arrow").table)
        return made

    def batches(self, rows: int = 65_536) -> Iterator[pyarrow.RecordBatch | _core.RecordBatch]:
        """Runs the query; its rows in record batches of ``rows`` rows (the last may have fewer), as they are made.

        The batches are pyarrow's if that is installed, else objects that have ``__arrow_c_array__``, ``num_rows`` and
        ``num_columns``. Dropping the iterator ends the query.

        >>> import colonnade as cn
        >>> sum(batch.num_rows for batch in cn.connect().sql("FROM range(200_000)").batches())
        200000
        """
        if rows < 1:
            raise InvalidArgument(f"batches have at least 1 row, not {rows}")
        record_batch = getattr(_optional("pyarrow"), "record_batch", lambda batch: batch)
        result = self._origin.open()
        reader = _core.BatchReader(result.stream(batch_rows=rows))

        def batches() -> Iterator[Any]:
            while (batch := _asking(result, reader.next)) is not None:
                yield record_batch(batch)

        return batches()

    # Frames and arrays

    def to_numpy(self) -> dict[str, numpy.ndarray[Any, Any]]:
        """Runs the query; one numpy array per column, by name. Needs no pyarrow.

        A column with NULLs is a ``numpy.ma.MaskedArray`` (0, False, NaN, NaT or None are under the mask). Timestamps
        and dates are datetime64, with a time zone in UTC; intervals timedelta64[us] with months of 30 days; decimals
        and 128-bit integers float64, rounded; everything else is an array of Python objects.

        >>> import colonnade as cn
        >>> cn.connect().sql("SELECT range AS n FROM range(3)").to_numpy()
        {'n': array([0, 1, 2])}
        """
        _required("numpy", "to_numpy")
        return self._origin.open().to_numpy()

    def to_pandas(self) -> pandas.DataFrame:
        """Runs the query; all rows as a pandas DataFrame with the types that pandas gives such columns by itself.

        A column with NULLs: integers become float64 with NaN if every value stays what it is, else pandas' Int64 or
        UInt64; booleans become objects with None. Decimals and 128-bit integers become float64. pyarrow is used for
        text if it is installed, with the same result.

        >>> import colonnade as cn
        >>> cn.connect().sql("SELECT 1.5::DOUBLE AS a, 'x' AS b").to_pandas()
             a  b
        0  1.5  x
        """
        from .to_pandas import to_pandas

        _required("pandas", "to_pandas")
        return to_pandas(self._origin.open())

    def to_polars(self) -> polars.DataFrame:
        """Runs the query; all rows as a Polars DataFrame.

        >>> import colonnade as cn
        >>> cn.connect().sql("SELECT 1 AS a").to_polars().to_dicts()
        [{'a': 1}]
        """
        made: polars.DataFrame = _through(self._with_unique_names(), _required("polars", "to_polars").DataFrame)
        return made

    def lazy(self) -> polars.LazyFrame:
        """A Polars LazyFrame that runs the query when it is collected, as far as columns, rows and filters need it.

        >>> import colonnade as cn
        >>> import polars as pl
        >>> rel = cn.connect().sql("SELECT range AS n, -range AS m FROM range(10)")
        >>> rel.lazy().filter(pl.col("n") > 8).select("m").collect().to_dicts()
        [{'m': -9}]
        """
        from .polars_source import lazy_frame

        _required("polars", "lazy")
        return lazy_frame(self)

    def to_xarray(
        self,
        dims: Sequence[Hashable] | None = None,
        *,
        fill_value: Any = None,
        sort: bool = False,
        on_duplicate: str = "error",
    ) -> xarray.Dataset:
        """Runs the query; its rows as a labelled xarray Dataset. See :func:`colonnade.to_xarray.to_xarray`.

        >>> import colonnade as cn
        >>> rel = cn.connect().sql("SELECT x, y, 10 * x + y AS v FROM range(2) a(x), range(3) b(y) ORDER BY x, y")
        >>> rel.to_xarray(dims=["x", "y"]).v.values
        array([[ 0,  1,  2],
               [10, 11, 12]])
        """
        from .to_xarray import to_xarray

        _required("xarray", "to_xarray")
        return to_xarray(self, dims, fill_value=fill_value, sort=sort, on_duplicate=on_duplicate)

    # Rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or None after the last.

        ``fetchone``, ``fetchmany`` and ``fetchall`` share one run of the query: the first of them starts it and the
        following ones go on from there. Once one of them has said that there are no more rows (None, an empty list, or
        ``fetchall`` having returned), the next call runs the query anew. ``close`` ends a run before that.

        >>> import colonnade as cn
        >>> rel = cn.connect().sql("SELECT range AS n FROM range(3)")
        >>> rel.fetchone(), rel.fetchall(), rel.fetchmany(2)
        ((0,), [(1,), (2,)], [(0,), (1,)])
        """
        rows = self.fetchmany(1)
        return rows[0] if rows else None

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """The next ``size`` rows; fewer, and at last none, at the end. See ``fetchone``."""
        if size < 1:
            raise InvalidArgument(f"fetchmany gets at least 1 row, not {size}")
        return self._fetch(size)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left, as tuples of Python values. See ``fetchone``."""
        return self._fetch(_ALL_ROWS)

    def _fetch(self, size: int) -> list[tuple[Any, ...]]:
        with self._cursor_lock:
            cursor, self._cursor = self._cursor, None  # a run that fails is over
            if cursor is None:
                cursor = self._origin.open()
            rows = cursor.fetch_rows(size)
            if rows and size != _ALL_ROWS:
                self._cursor = cursor
            return rows

    def close(self) -> None:
        """Ends the run that ``fetchone`` or ``fetchmany`` have open, if any. The relation stays usable."""
        with self._cursor_lock:
            self._cursor = None

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Runs the query; its rows, one by one."""
        result = self._origin.open()
        while rows := result.fetch_rows(_FETCH_ROWS):
            yield from rows

    # Files

    def to_parquet(self, path: str | os.PathLike[str]) -> int:
        """Runs the query into a Parquet file, which appears when it is complete. Returns the number of rows."""
        return self._write("parquet", path)

    def to_csv(self, path: str | os.PathLike[str]) -> int:
        """Runs the query into a CSV file with a header, which appears when complete. Returns the number of rows."""
        return self._write("csv", path)

    def to_json(self, path: str | os.PathLike[str], *, lines: bool = False) -> int:
        """Runs the query into a file with one JSON array of objects, or with one object per line.

        The file appears when it is complete. Returns the number of rows.
        """
        return self._write("jsonl" if lines else "json", path)

    def _write(self, file_format: str, path: str | os.PathLike[str]) -> int:
        return self._origin.write(self._origin.sql, file_format, os.fspath(path))

    # Printing

    def show(self, rows: int = 20) -> None:
        """Runs the query as far as its first ``rows`` rows need and prints them.

        >>> import colonnade as cn
        >>> cn.connect().sql("SELECT range AS n FROM range(3)").show(2)
        ┌────────┐
        │      n │
        │ BIGINT │
        ├────────┤
        │      0 │
        │      1 │
        └────────┘
        the first 2 rows; there are more
        """
        from .printing import text_table

        first, more = self._first(rows)
        sys.stdout.write(text_table(self.columns, self.types, first, more=more) + "\n")

    def __repr__(self) -> str:
        """Names and types. Runs nothing; ``show`` prints rows."""
        from .printing import value_text

        width = max((len(value_text(name)) for name in self.columns), default=0)
        lines = [f"  {value_text(name):{width}}  {kind}" for name, kind in self._columns]
        return "\n".join(["<colonnade.Relation>", *lines])

    def _repr_html_(self) -> str:
        """The first 20 rows, for notebooks."""
        from .printing import html_table

        first, more = self._first(20)
        return html_table(self.columns, self.types, first, more=more)

    def _first(self, rows: int) -> tuple[list[tuple[Any, ...]], bool]:
        if rows < 0:
            raise InvalidArgument(f"{rows} rows cannot be shown")
        if isinstance(self._origin, _Rows):
            first = self._origin.open().fetch_rows(rows + 1)
        else:
            first = self._start("FROM", f"LIMIT {rows + 1}").fetch_rows(rows + 1)
        return first[:rows], len(first) > rows

    # SQL around this relation's

    def _start(self, before: str, after: str = "", *, numbered: bool = False) -> _core.Result:
        """Starts ``before (this relation) after``; its columns are c0, c1, … there if they are ``numbered``."""
        return self._origin.start(f"{before} {self._table(numbered)} {after}")

    def _table(self, numbered: bool) -> str:
        aliases = "(" + ", ".join(f"c{i}" for i in range(len(self._columns))) + ")" if numbered else ""
        return f"({self._origin.sql}\n) AS this_relation{aliases}"

    def _schema(self) -> CapsuleType:
        if isinstance(self._origin, _Rows):
            return self._origin.open().schema()
        if len(set(map(str.lower, self.columns))) < len(self._columns):
            return self._origin.open().schema()  # inside of parentheses the engine would rename columns
        return self._start("FROM", "LIMIT 0").schema()

    def _unique_names(self) -> list[str]:
        """As C++ names the columns of to_numpy."""
        given = set(self.columns)
        names: dict[str, None] = {}
        for plain in self.columns:
            name, suffix = plain, 0
            while name in names or (suffix and name in given):
                suffix += 1
                name = f"{plain}_{suffix}"
            names[name] = None
        return list(names)

    def _numbered_query(
        self, limit: str = "", where: str | None = None, columns: Sequence[int] | None = None
    ) -> Relation:
        """First rows, those of them that pass ``where`` (over c0, c1, …), some columns of them, under unique names."""
        columns = range(len(self._columns)) if columns is None else columns
        names = self._unique_names()
        outer = ", ".join(f"c{i} AS {quoted(names[i])}" for i in columns)
        inner = f"SELECT * FROM {self._table(numbered=True)} {limit}"
        sql = f"SELECT {outer} FROM ({inner}) AS first_rows" + ("" if where is None else f" WHERE {where}")
        made = Relation.__new__(Relation)
        made._columns = [(names[i], self.types[i]) for i in columns]
        made._origin = self._origin.query(sql)
        made._sources = []
        made._init_cursor()
        return made

    def _with_unique_names(self) -> _core.Result | _core.BatchResult:
        names = self._unique_names()
        if names == self.columns:
            return self._origin.open()
        columns = ", ".join(f"c{i} AS {quoted(name)}" for i, name in enumerate(names))
        return self._start(f"SELECT {columns} FROM", numbered=True)


def _asking(result: _core.Result | _core.BatchResult, call: Callable[[], _T]) -> _T:
    """Calls what pulls the stream of ``result``. Raises what made the query fail, not what the stream made of it."""
    failure = None
    try:
        return call()
    except BaseException:
        failure = result.failure()
        if failure is None:
            raise
    # Outside of the handler: the failure has a traceback and causes of its own.
    raise failure


def _through(result: _core.Result | _core.BatchResult, consume: Callable[[Any], _T]) -> _T:
    """Gives the rows of ``result`` as an Arrow stream to ``consume``."""
    stream = _Stream(result.stream(batch_rows=_EXPORT_ROWS))
    return _asking(result, lambda: consume(stream))


def _optional(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def _required(module: str, method: str) -> Any:
    found = _optional(module)
    if found is None:
        raise ModuleNotFoundError(f"{method} needs {module}, which is not installed", name=module)
    return found
