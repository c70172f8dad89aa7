"""Frames of other libraries as tables.

Anything with ``__arrow_c_stream__`` or ``__arrow_c_array__`` is a table: pyarrow, Polars, nanoarrow, arro3, DuckDB
relations. pandas frames are taken by their numpy memory (:mod:`colonnade.pandas_columns`), so that pyarrow is not needed.

>>> import colonnade as cn
>>> import polars as pl
>>> con = cn.connect()
>>> con.register("points", pl.DataFrame({"x": [1, 2, 3], "y": [4.0, 5.0, None]}))
>>> con.sql("SELECT x FROM points WHERE y IS NULL").fetchall()
[(3,)]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _core, errors
from .streams import StreamTable, is_one_shot, make_table, schema_capsule

__all__ = ["NotATable", "as_stream_table", "batch_of_pandas", "is_frame"]


class NotATable(errors.InvalidArgument, TypeError):
    """An object that is no table. The message says which protocols it lacks."""


def is_frame(obj: Any) -> bool:
    """True for what :func:`as_stream_table` takes, without looking into it.

    >>> is_frame([1, 2]), is_frame("text")
    (False, False)
    """
    if isinstance(obj, type):
        return False
    return (isinstance(obj, StreamTable) or hasattr(obj, "__arrow_c_stream__") or hasattr(obj, "__arrow_c_array__")
            or _is_pandas(obj) or _is_lazy_frame(obj))


def as_stream_table(obj: Any, name: str) -> StreamTable:
    """``obj`` as a table. ``name`` is what messages call it. Nothing is read; the object is kept, not copied.

    Objects that can be read only once (``pyarrow.RecordBatchReader``) give a table that can be queried once.
    Raises :class:`NotATable` with the protocols that the object lacks.
    """
    if isinstance(obj, StreamTable):
        return obj
    if isinstance(obj, type):
        raise NotATable(f"{name!r} is the class {obj.__name__}, not an object of it")
    if _is_pandas(obj):
        return _table_of_pandas(obj, name)
    if _is_lazy_frame(obj):
        return _table_of_lazy_frame(obj, name)
    if is_one_shot(obj) and (hasattr(obj, "__arrow_c_stream__") or type(obj).__name__ == "PyCapsule"):
        return _table_of_reader(obj, name)
    if hasattr(obj, "__arrow_c_stream__") or hasattr(obj, "__arrow_c_array__"):
        return _table_of_arrow(obj, name)
    hint = ""
    if hasattr(obj, "__next__") or callable(obj):
        hint = "; for a function or an iterator that makes batches there is stream_table(schema, factory)"
    elif hasattr(obj, "to_arrow"):
        hint = "; it has to_arrow(), whose result is a table"
    raise NotATable(f"{name!r} is of type {type(obj).__module__}.{type(obj).__qualname__}, which is no table: it has "
                    f"neither __arrow_c_stream__ nor __arrow_c_array__{hint}")


def _library(obj: Any) -> str:
    return type(obj).__module__.partition(".")[0]


def _is_pandas(obj: Any) -> bool:
    return _library(obj) == "pandas" and type(obj).__name__ in ("DataFrame", "Series")


def _is_lazy_frame(obj: Any) -> bool:
    return _library(obj) == "polars" and type(obj).__name__ == "LazyFrame"


class _Batch:
    """A record batch as a pair of capsules, handed out once."""

    __slots__ = ("_pair",)

    def __init__(self, schema: Any, array: Any) -> None:
        self._pair = schema, array

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        return self._pair


def _rows_only(rows: int) -> _Batch:
    """A batch of so many rows without columns."""
    return _Batch(_core.schema_of_formats([]), _core.batch_of_buffers(rows, []))


def _unique(names: list[str]) -> bool:
    return len(set(names)) == len(names)


# ---------------------------------------------------------------------------
# Objects with the Arrow protocols
# ---------------------------------------------------------------------------


def _schema_of(obj: Any) -> Any:
    """The schema of an object that can be read again, as a capsule."""
    for owner in (obj, getattr(obj, "schema", None)):
        if hasattr(owner, "__arrow_c_schema__"):
            return schema_capsule(owner)
    if hasattr(obj, "__arrow_c_array__"):
        return obj.__arrow_c_array__()[0]
    if _library(obj) in ("duckdb", "_duckdb"):
        obj = obj.limit(0)  # a stream of a relation runs it
    schema, _ = _core.peek_stream(obj.__arrow_c_stream__())
    return schema


def _table_of_arrow(obj: Any, name: str) -> StreamTable:
    if _library(obj) == "polars":
        if type(obj).__name__ != "DataFrame":
            obj = obj.to_frame()  # a Series
        obj = obj.clone()  # shares the data, and is not changed by methods that work in place
    rows: int | None = None
    select: Callable[[list[str]], Any] | None = None
    names: list[str] = []
    if _library(obj) == "polars":
        rows, select, names = obj.height, obj.select, obj.columns
    elif _library(obj) == "pyarrow" and type(obj).__name__ in ("Table", "RecordBatch"):
        rows, select, names = obj.num_rows, obj.select, obj.schema.names
    give: Callable[..., Any]
    if select is None or rows is None or not _unique(names):

        def give_all() -> Any:
            return obj

        give = give_all
    else:

        def give_columns(columns: list[str]) -> Any:
            return select(columns) if columns else _rows_only(rows)

        give = give_columns

    try:
        return make_table(name, _schema_of(obj), give, row_count=rows)
    except errors.InvalidArgument as error:  # a schema that is no struct of columns: of a single array
        raise NotATable(str(error)) from None


def _table_of_reader(reader: Any, name: str) -> StreamTable:
    schema = getattr(reader, "schema", None)
    if hasattr(schema, "__arrow_c_schema__"):
        given, schema = reader, schema_capsule(schema)
    else:
        capsule = reader if type(reader).__name__ == "PyCapsule" else reader.__arrow_c_stream__()
        schema, given = _core.peek_stream(capsule)

    def once() -> Any:
        return given

    return make_table(name, schema, once, one_shot=True)


def _table_of_lazy_frame(frame: Any, name: str) -> StreamTable:
    def collect(columns: list[str], limit: int | None) -> Any:
        wanted = frame if limit is None else frame.head(limit)
        if columns:
            return wanted.select(columns).collect()
        import polars

        return _rows_only(wanted.select(polars.len()).collect().item())

    return make_table(name, frame.collect_schema(), collect)


# ---------------------------------------------------------------------------
# pandas
# ---------------------------------------------------------------------------


def _table_of_pandas(obj: Any, name: str) -> StreamTable:
    from . import pandas_columns

    first = pandas_columns.columns_of(obj)
    names = [column.name for column in first]

    def batch(columns: list[str]) -> Any:
        now = pandas_columns.columns_of(obj)
        if columns and _unique(names):
            by_name = {column.name: column for column in now}
            missing = [column for column in columns if column not in by_name]
            if missing:
                raise errors.InvalidState(f"the frame has lost the column {missing[0]!r} since it was registered")
            now = [by_name[column] for column in columns]
        elif not columns:
            return _rows_only(len(obj))
        return _batch_of(now, len(obj))

    return make_table(name, _core.schema_of_formats([column.field() for column in first]), batch)


def batch_of_pandas(obj: Any) -> Any:
    """A pandas frame or Series as an object with ``__arrow_c_array__``; anything else of pandas as it is."""
    if not _is_pandas(obj):
        return obj
    from . import pandas_columns

    return _batch_of(pandas_columns.columns_of(obj), len(obj))


def _batch_of(columns: list[Any], rows: int) -> _Batch:
    schema = _core.schema_of_formats([column.field() for column in columns])
    return _Batch(schema, _core.batch_of_buffers(rows, [column.array() for column in columns]))
