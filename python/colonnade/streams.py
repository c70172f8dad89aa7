"""Tables whose rows come as Arrow streams that a function makes when a query runs.

>>> import colonnade as cn
>>> import pyarrow as pa
>>> def numbers():
...     return pa.table({"n": [1, 2, 3], "label": ["one", "two", "three"]})
>>> table = cn.stream_table(numbers().schema, numbers, name="numbers")
>>> con = cn.connect()
>>> con.register("numbers", table)
>>> con.sql("SELECT label FROM numbers WHERE n > 1").fetchall()
[('two',), ('three',)]

A function that takes arguments is told what the query needs of the table; see :func:`stream_table`.
"""

from __future__ import annotations

import datetime
import decimal
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from . import _core, errors

__all__ = ["Applied", "StreamTable", "stream_table"]

Filter = tuple[str, str, Any]

_ARGUMENTS = ("columns", "filters", "filter_sql", "limit", "partition")
_EPOCH_DATE = datetime.date(1970, 1, 1)
_EPOCH = datetime.datetime(1970, 1, 1)


class Applied:
    """A stream, and the filters that its maker has applied to it exactly as SQL would.

    ``exact`` holds terms out of the ``filters`` that the factory was given (or their positions there). Those are not
    checked again: every row of the stream must satisfy them, where NULL satisfies only ``is null``, and NaN counts as
    equal to itself and greater than every number.

    >>> from colonnade.streams import Applied
    >>> Applied(iter([]), exact=[("n", ">", 1)])
    Applied(<list_iterator...>, exact=[('n', '>', 1)])
    """

    __slots__ = ("exact", "stream")

    def __init__(self, stream: Any, exact: Iterable[Filter | int] = ()) -> None:
        self.stream = stream
        self.exact = list(exact)

    def __repr__(self) -> str:
        return f"Applied({self.stream!r}, exact={self.exact!r})"


class StreamTable:
    """A table over a factory of streams. Made by :func:`stream_table`; immutable and thread-safe.

    It can be registered with any number of sessions, queried any number of times and from several threads, and read
    without a session: it has ``__arrow_c_schema__`` and ``__arrow_c_stream__``.
    """

    __slots__ = ("__weakref__", "_table")

    def __init__(self, table: _core.Table) -> None:
        self._table = table

    @property
    def name(self) -> str:
        """What messages and EXPLAIN call the table. In SQL it has the name that it is registered under."""
        return self._table.name

    @property
    def columns(self) -> list[str]:
        """Names of the columns, as the schema has them."""
        return [name for name, _, _ in self._table.columns]

    @property
    def row_count(self) -> int | None:
        """Number of rows, or None if only reading them would tell."""
        return self._table.row_count

    def __arrow_c_schema__(self) -> Any:
        return self._table.schema()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """All rows, partition after partition. Nothing is opened before the first batch is pulled."""
        return self._table.stream()

    def __repr__(self) -> str:
        return f"<colonnade.StreamTable {self.name!r}: {', '.join(self.columns)}>"


def stream_table(schema: Any, factory: Any, partitions: int | Sequence[Any] | None = None,
                 name: str | None = None) -> StreamTable:
    """A table whose rows come from ``factory`` each time a query reads it.

    ``schema`` is anything with ``__arrow_c_schema__`` (of pyarrow, nanoarrow, Polars, another table) or an
    ``arrow_schema`` capsule. Every stream must have it.

    ``factory`` is called when a query runs, never before, once for each time the query names the table and for each
    partition; calls may come from any thread, several at once. It returns

    - an object with ``__arrow_c_stream__`` or ``__arrow_c_array__``, or a stream capsule,
    - an iterator (a generator, say) or list of such objects,
    - or :class:`Applied`, a stream with a claim.

    An exception in the factory or in an iterator that it returned ends the query and arrives as it was raised.

    Of these arguments the factory gets those that its signature names:

    - ``columns``: names of the columns that the query needs, in the order of the schema; may be empty. The stream has
      exactly these, in that order, or all columns.
    - ``filters``: what the query's WHERE says of single columns, as ``(column, operator, value)`` terms that all hold.
      Operators are ``=  !=  <  <=  >  >=``, ``in`` (value: a tuple), ``is null`` and ``is not null`` (value: None).
      Values are bool, int, float, str, bytes, Decimal, date, time and datetime (with UTC for columns with a zone).
    - ``filter_sql``: the whole WHERE clause as far as it is about this table, as SQL over the column names, or None.
    - ``limit``: no more rows than these are needed of the whole table, or None.
    - ``partition``: the partition's number, or its object if ``partitions`` is a list.

    The factory may use all of this or none of it: the query applies what is not claimed by ``Applied(stream, exact)``
    again. Rows left out must be such that SQL would reject them. Mind NaN: for SQL it is greater than every number,
    so ``x > 1`` keeps it, other than in NumPy or pyarrow.

    ``partitions`` is how many parts the table has, or a list of objects, one for each part; rows come in that order.
    The parts are read in parallel.

    Instead of a function, ``factory`` may be an object with ``__arrow_c_stream__``, or something that can be read only
    once: a ``pyarrow.RecordBatchReader``, a capsule, a generator. The second query of such a table is an
    :class:`~colonnade.errors.InvalidState`.

    >>> import colonnade as cn
    >>> import pyarrow as pa
    >>> def parts(columns, filters, partition):
    ...     print(columns, filters, partition)
    ...     return pa.table({"year": [partition] * 2, "v": [1.5, 2.5]}).select(columns)
    >>> schema = pa.schema([("year", pa.int64()), ("v", pa.float64())])
    >>> con = cn.connect(threads=1)
    >>> con.register("parts", cn.stream_table(schema, parts, partitions=[1990, 2000]))
    >>> con.sql("SELECT sum(v) FROM parts WHERE v > 2").fetchall()
    ['v'] [('v', '>', 2.0)] 1990
    ['v'] [('v', '>', 2.0)] 2000
    [(5.0,)]
    """
    name = name if name is not None else getattr(factory, "__name__", "stream")
    if not isinstance(name, str):
        raise errors.InvalidArgument(f"a table's name is a str, not {type(name).__name__}")
    if isinstance(partitions, bool):
        raise errors.InvalidArgument("partitions is a number or a list, not a bool")
    objects: list[Any] | None = None
    if partitions is None:
        count = 1
    elif isinstance(partitions, int):
        count = partitions
    else:
        objects = list(partitions)
        count = len(objects)
    if count < 1:
        raise errors.InvalidArgument(f"table {name!r}: {count} partitions; there is at least 1")

    one_shot = not callable(factory) and is_one_shot(factory)
    if not callable(factory):
        source = factory
        if not one_shot and not _is_streamable(source):
            raise errors.InvalidArgument(
                f"table {name!r}: the factory is of type {type(source).__name__}: neither a function nor an object "
                "with __arrow_c_stream__ or __arrow_c_array__")

        def give() -> Any:
            return source

        factory = give
    names = _names_of(factory, name)
    if partitions is not None and "partition" not in names:
        raise errors.InvalidArgument(f"table {name!r}: the factory has to take `partition`: without, each of {count} "
                                     "partitions would be the same rows")
    table = _core.stream_table(name, schema_capsule(schema), _Call(factory, names, objects), count, bool(names),
                               one_shot)
    return StreamTable(table)


def make_table(name: str, schema: Any, factory: Callable[..., Any], *, row_count: int | None = None,
               one_shot: bool = False) -> StreamTable:
    """As :func:`stream_table` with one partition, for the adapters of this package."""
    names = _names_of(factory, name)
    return StreamTable(_core.stream_table(name, schema_capsule(schema), _Call(factory, names, None), 1, bool(names),
                                          one_shot, row_count))


def schema_capsule(schema: Any) -> Any:
    """An ``arrow_schema`` capsule of an object that is one or gives one."""
    if _is_capsule(schema):
        return schema
    method = getattr(schema, "__arrow_c_schema__", None)
    if method is None or isinstance(schema, type):
        raise errors.InvalidArgument(f"a schema is needed, not {type(schema).__name__}: it has no __arrow_c_schema__")
    return method()


def is_one_shot(source: Any) -> bool:
    """True for what can be read once: iterators, readers and streams, capsules."""
    kind = type(source).__name__
    return hasattr(source, "__next__") or _is_capsule(source) or kind.endswith(("Reader", "Stream"))


def _is_capsule(value: Any) -> bool:
    return type(value).__name__ == "PyCapsule"


def _is_streamable(value: Any) -> bool:
    return hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")


def _names_of(factory: Callable[..., Any], table: str) -> tuple[str, ...]:
    """Which of the arguments a factory takes."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # some functions written in C
        return ()
    names = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD:
            return _ARGUMENTS
        if parameter.kind is parameter.VAR_POSITIONAL:
            continue
        if parameter.name in _ARGUMENTS and parameter.kind is not parameter.POSITIONAL_ONLY:
            names.append(parameter.name)
        elif parameter.default is parameter.empty:
            raise errors.InvalidArgument(f"table {table!r}: the factory takes {parameter.name!r}; what it can be given "
                                         f"by name is {', '.join(_ARGUMENTS)}")
    return tuple(names)


class _Call:
    """What the engine calls: brings a request into the form of the factory's arguments, and its answer back."""

    __slots__ = ("_factory", "_names", "_partitions")

    def __init__(self, factory: Callable[..., Any], names: tuple[str, ...], partitions: list[Any] | None) -> None:
        self._factory = factory
        self._names = names
        self._partitions = partitions

    def __call__(self, partition: int, request: dict[str, Any] | None) -> Any:
        arguments: dict[str, Any] = {}
        filters: list[Filter] = []
        positions: list[int] = []
        if request is not None:
            for position, term in enumerate(request["filters"]):
                known = _to_filter(*term)
                if known is not None:
                    filters.append(known)
                    positions.append(position)
            values = {**request, "filters": filters,
                      "partition": partition if self._partitions is None else self._partitions[partition]}
            arguments = {name: values[name] for name in self._names}
        result = self._factory(**arguments)
        if not isinstance(result, Applied):
            return _to_stream(result)
        exact = [positions[_position_of(term, filters)] for term in result.exact]
        return _to_stream(result.stream), exact


def _to_stream(result: Any) -> Any:
    if type(result).__module__.partition(".")[0] == "pandas":
        from . import frames

        return frames.batch_of_pandas(result)
    if result is None:
        raise errors.InvalidArgument("the factory returned None instead of a stream")
    return result


def _position_of(term: Filter | int, filters: list[Filter]) -> int:
    if isinstance(term, int):
        if not isinstance(term, bool) and 0 <= term < len(filters):
            return term
    else:
        for position, known in enumerate(filters):
            if known is term or (type(known[2]) is type(term[2]) and known == tuple(term)):
                return position
    raise errors.InvalidArgument(f"Applied(exact=...) names {term!r}, which is none of the {len(filters)} filters that "
                                 "the factory was given")


def _to_filter(column: str, operator: str, values: list[tuple[str, Any]]) -> Filter | None:
    """The term with Python values; None if a value has no exact place in Python's types."""
    try:
        converted = tuple(_CONVERT[kind](value) for kind, value in values)
    except (OverflowError, _Inexact):
        return None
    if operator == "in":
        return column, operator, converted
    return column, operator, converted[0] if converted else None


class _Inexact(Exception):
    pass


def _microseconds(nanoseconds: int) -> datetime.timedelta:
    microseconds, rest = divmod(nanoseconds, 1000)
    if rest:
        raise _Inexact
    return datetime.timedelta(microseconds=microseconds)


def _to_time(microseconds: int) -> datetime.time:
    if not 0 <= microseconds < 86_400_000_000:  # SQL has 24:00:00
        raise _Inexact
    return (_EPOCH + datetime.timedelta(microseconds=microseconds)).time()


def _same(value: Any) -> Any:
    return value


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "bool": _same,
    "integer": _same,
    "float": _same,
    "text": _same,
    "binary": _same,
    "decimal": decimal.Decimal,
    "date": lambda days: _EPOCH_DATE + datetime.timedelta(days=days),
    "time": _to_time,
    "timestamp": lambda nanoseconds: _EPOCH + _microseconds(nanoseconds),
    "instant": lambda nanoseconds: (_EPOCH + _microseconds(nanoseconds)).replace(tzinfo=datetime.timezone.utc),
}
