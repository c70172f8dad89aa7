"""Sessions: an embedded engine, and the tables that SQL can name in it."""

from __future__ import annotations

import atexit
import sys
import weakref
from collections.abc import Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any

from . import _core
from .errors import InvalidArgument, make
from .parameters import split
from .progress import Progress, display_for
from .relation import Relation
from .sources import Source, is_source, source_of

__all__ = ["Session", "connect"]


def connect(
    threads: int | None = None,
    memory_limit: str | None = None,
    temp_directory: str | None = None,
    *,
    variables: bool = True,
    progress: bool | Progress | None = None,
) -> Session:
    """Opens a session with an engine of its own, in memory.

    ``threads`` is how many threads queries use (default: one per core). ``memory_limit``, e.g. ``"4GB"``, bounds
    everything that grows with the data; what does not fit goes to ``temp_directory``. ``variables=False`` keeps SQL from
    seeing the caller's Python variables as tables. ``progress`` shows how far statements are that take longer than half a
    second: True, False, a function (:class:`colonnade.progress.Progress`), or by itself in notebooks and at Python's prompt.

    >>> import colonnade as cn
    >>> with cn.connect() as con:
    ...     con.sql("SELECT 6 * 7 AS answer").fetchall()
    [(42,)]
    """
    return Session(threads, memory_limit, temp_directory, variables=variables, progress=progress)


class Session:
    """An engine and its tables. Thread-safe; close it with ``close()`` or a ``with`` block.

    Statements run one at a time, in the order in which they come; each query runs on a connection of its own, any number
    at once, and sees the settings, search path, variables, temporary and registered tables of the moment it starts.
    Between ``BEGIN`` and ``COMMIT`` or ``ROLLBACK`` queries belong to the transaction: they see what it wrote, run one at a
    time, and their rows are read into memory when they start.
    """

    def __init__(
        self,
        threads: int | None = None,
        memory_limit: str | None = None,
        temp_directory: str | None = None,
        *,
        variables: bool = True,
        progress: bool | Progress | None = None,
    ) -> None:
        self._core = _core.Session(threads, memory_limit, temp_directory)
        self._core.set_progress(display_for(progress))
        self._variables = variables
        self._sources: dict[str, Source] = {}
        _open_sessions.add(self)

    def sql(
        self,
        text: str,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        variables: bool | None = None,
    ) -> Relation | None:
        """Runs SQL. A query comes back as a lazy relation, which runs anew each time it is consumed.

        If ``text`` has several statements, all run at once and in order, except a last one that is a query. What is no query
        (``CREATE``, ``INSERT``, ``ATTACH``, ``SET``, ``EXPLAIN``) runs exactly once, now; its rows, if it has any, are kept in the
        relation, else the result is ``None``.

        ``params`` are the values of ``?`` and ``$1`` (a sequence) or of ``$name`` (a mapping), in whichever statements have
        them: a value that no statement has a parameter for is an error, as is a parameter without a value.

        A name that is no table of the session is looked for among the caller's local and global variables, unless
        ``variables`` is off here or in ``connect``: a data frame, a Dataset, anything that has ``__arrow_c_stream__``.

        >>> import colonnade as cn
        >>> con = cn.connect()
        >>> con.sql("CREATE TABLE t AS SELECT range AS x FROM range(3); SELECT x FROM t WHERE x >= ?", [1]).fetchall()
        [(1,), (2,)]
        """
        frame = sys._getframe(1) if (self._variables if variables is None else variables) else None
        try:
            return self._run(text, params, frame)
        finally:
            del frame

    def _run(
        self, text: str, params: Sequence[Any] | Mapping[str, Any] | None, frame: FrameType | None
    ) -> Relation | None:
        if not isinstance(text, str):
            raise InvalidArgument(f"SQL is text, not {type(text).__name__}")
        positional, named = split(params)
        found: dict[str, Source] = {}
        unusable: dict[str, str] = {}

        def find_variable(name: str) -> _core.Table | None:
            if name not in found:
                value = _variable(name, frame)
                if value is _NOTHING:
                    return None
                if not is_source(value):
                    unusable[name] = type(value).__name__
                    return None
                found[name] = source_of(value, name)
            return found[name].only_table()

        try:
            query, rows = self._core.run(text, positional, named, find_variable if frame is not None else None)
        except InvalidArgument as error:
            name = error.unknown_name
            if name not in unusable:
                raise
            kind = f'The variable "{name}" is of type {unusable[name]}, which is no table.'
            raise make(error.code, f"{error} {kind}", unknown_name=name) from None
        if query is not None:
            sql, columns = query
            return Relation(
                self._core, sql, columns, positional=positional, named=named, variables=found, registered=self._sources
            )
        return None if rows is None else Relation.of_rows(rows)

    def register(self, name: str, obj: Any, *, chunks: Any = None) -> None:
        """Makes ``obj`` a table called ``name``. Nothing is read until a query needs it.

        ``obj`` is an xarray Dataset, DataArray or DataTree, a table made by ``stream_table``, ``read_xarray_table`` or
        ``open_zarr``, a relation, a pandas frame, or anything with ``__arrow_c_stream__`` or ``__arrow_c_array__``. One with
        several grids becomes ``name.grid`` for each. ``chunks`` are the blocks in which xarray objects are read, as in
        ``Dataset.chunk``. An object that was registered under the name before is replaced.

        >>> import colonnade as cn
        >>> con = cn.connect()
        >>> con.register("digits", con.sql("SELECT range AS n FROM range(10)"))
        >>> con.sql("SELECT sum(n) FROM digits").fetchone()
        (45,)
        """
        source = source_of(obj, name, chunks=chunks)
        if len(source.tables) == 1 and not source.is_catalog:
            self._core.register(name, source.only_table())
        else:
            self._core.register_catalog(name, source.tables)
        self._sources[name.lower()] = source

    def unregister(self, name: str) -> None:
        """Forgets a registered table. Queries that run go on. Raises NotFound, with the nearest name."""
        self._core.unregister(name)
        self._sources.pop(name.lower(), None)

    def tables(self) -> list[str]:
        """Names of all tables and views, as FROM takes them.

        >>> import colonnade as cn
        >>> con = cn.connect()
        >>> con.sql("CREATE TABLE first_table (x INT)")
        >>> con.tables()
        ['first_table']
        """
        names = []
        for catalog, schema, name in self._core.tables():
            parts = [part for part in (catalog, schema) if part not in ("", "memory", "temp", "main")]
            names.append(".".join(_identifier(part) for part in [*parts, name]))
        return names

    def attach(self, uri: str, name: str | None = None, *, type: str = "zarr", **options: Any) -> None:
        """Attaches a store: its tables are ``name.table``. ``name`` defaults to the last part of ``uri`` without its ending.

        Options of Zarr stores: ``mask_fill``, ``nan``, ``coords``, ``consolidated``, ``zarr_version``.
        """
        if name is None:
            name = uri.rstrip("/").rsplit("/", 1)[-1].split(".", 1)[0]
        clauses = [f"TYPE {_identifier(type)}"]
        clauses += [f"{_identifier(key)} {_literal(value)}" for key, value in options.items()]
        self._core.run(f"ATTACH {_literal(uri)} AS {_identifier(name)} ({', '.join(clauses)})", [], {}, None)

    def detach(self, name: str) -> None:
        """Detaches what ``attach`` attached."""
        self._core.run(f"DETACH {_identifier(name)}", [], {}, None)

    def interrupt(self) -> None:
        """Ends everything that runs, in whatever thread, with ``Cancelled``. The session stays usable."""
        self._core.interrupt()

    def close(self) -> None:
        """Closes the session. Results that are open go on to their end; anything else raises InvalidState."""
        self._core.close()
        self._sources = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<colonnade.Session, closed>" if self._core.closed else "<colonnade.Session>"


# What a session holds may hold it in turn, where no garbage collector sees it.
_open_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


@atexit.register
def _forget_sources() -> None:
    for session in list(_open_sessions):
        session._sources = {}


def _variable(name: str, frame: FrameType | None) -> Any:
    if frame is not None:
        for scope in (frame.f_locals, frame.f_globals):
            if name in scope:
                return scope[name]
    return _NOTHING


_NOTHING = object()


def _identifier(name: str) -> str:
    if name.isidentifier() and name.islower() and name.isascii() and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


# What SQL does not take as a name of a table without quotes (duckdb_keywords(), category reserved).
_RESERVED = frozenset(
    "all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default "
    "deferrable desc describe distinct do else end except false fetch for foreign from group having in initially intersect "
    "into lambda lateral leading limit not null offset on only or order pivot pivot_longer pivot_wider placing primary "
    "qualify references returning select show some summarize symmetric table then to trailing true union unique unpivot "
    "using variadic when where window with".split()
)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"
