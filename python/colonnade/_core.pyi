"""The C++ core. Private: the public classes of the package wrap it, and it changes without notice.

Capsules are those of the Arrow PyCapsule interface; they own what they hold until somebody takes it out. Everything that
may block gives the interpreter lock up. All failures are those of colonnade.errors, or the user's own exception.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from numpy.typing import NDArray
from typing_extensions import CapsuleType

from .xarray_source import DatasetDescription

# (value, SQL type to cast it to or ""), as colonnade.parameters makes them.
_Parameter = tuple[None | bool | int | float | str | bytes, str]
_FindTable = Callable[[str], Table | None]

class Table:
    """A table of rows, read when asked for. Thread-safe; independent of any session."""

    @property
    def name(self) -> str: ...
    @property
    def columns(self) -> list[tuple[str, str, bool]]:
        """(name, SQL type, hidden) of every column."""

    @property
    def row_count(self) -> int | None:
        """Number of rows, or None if it is not known without reading."""

    def schema(self) -> CapsuleType:
        """A capsule "arrow_schema" of the visible columns."""

    def stream(self, columns: list[str] | None = None) -> CapsuleType:
        """A capsule "arrow_array_stream" of the visible columns, or of the named ones, outside any session.

        Raises InvalidArgument for a name that is no column.
        """

class Result:
    """The rows of one run of a statement. One thread at a time; others wait."""

    @property
    def columns(self) -> list[tuple[str, str]]:
        """(name, SQL type) of every column."""

    def schema(self) -> CapsuleType:
        """A capsule "arrow_schema"."""

    def stream(self, batch_rows: int = 122880) -> CapsuleType:
        """Moves the remaining rows into a capsule "arrow_array_stream". Raises InvalidState the second time."""

    def fetch_rows(self, count: int) -> list[tuple[Any, ...]]:
        """The next rows, at most ``count``; fewer only at the end."""

    def to_numpy(self, text_as_streams: bool = False) -> dict[str, Any]:
        """All rows as one array per column, masked where there are NULLs. Raises InvalidState after ``fetch_rows``.

        With ``text_as_streams``, columns of VARCHAR come as capsules "arrow_array_stream" of text.
        """

    def failure(self) -> BaseException | None:
        """What ended the stream that left through ``stream``, or None."""

class Batches:
    """The rows of a stream (a capsule "arrow_array_stream"), kept to be read again. Thread-safe."""

    def __init__(self, stream: CapsuleType, columns: list[tuple[str, str]]) -> None: ...
    @property
    def num_rows(self) -> int: ...
    def open(self) -> BatchResult: ...

class BatchResult:
    """Rows that are kept, read once more: a Result that cannot fail. The memory is shared, and read-only."""

    @property
    def columns(self) -> list[tuple[str, str]]: ...
    def schema(self) -> CapsuleType: ...
    def stream(self, batch_rows: int = 122880) -> CapsuleType:
        """All rows, in the batches that there are."""

    def fetch_rows(self, count: int) -> list[tuple[Any, ...]]: ...
    def to_numpy(self, text_as_streams: bool = False) -> dict[str, Any]:
        """All rows as one array per column; text as capsules "arrow_array_stream" if so asked."""

    def failure(self) -> None: ...

class BatchReader:
    """Record batches of a stream (a capsule "arrow_array_stream"), one by one. One thread at a time; others wait."""

    def __init__(self, stream: CapsuleType) -> None: ...
    def next(self) -> RecordBatch | None:
        """The next batch, or None at the end."""

class RecordBatch:
    """Rows in Arrow's form, for anything that takes ``__arrow_c_array__``. Immutable."""

    @property
    def num_rows(self) -> int: ...
    @property
    def num_columns(self) -> int: ...
    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> CapsuleType: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[CapsuleType, CapsuleType]: ...

class ColumnMemory:
    """Memory of a column, for ``numpy.asarray``."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...

class Session:
    """An engine and its tables. Thread-safe."""

    def __new__(
        cls, threads: int | None = None, memory_limit: str | None = None, temp_directory: str | None = None
    ) -> Session: ...
    @property
    def closed(self) -> bool: ...
    def run(
        self,
        sql: str,
        positional: list[_Parameter],
        named: Mapping[str, _Parameter],
        find_table: _FindTable | None = None,
    ) -> tuple[tuple[str, list[tuple[str, str]]] | None, Result | None]:
        """Runs all statements but a last one that is a query: ((its text, (name, SQL type) of its columns), None).

        Otherwise (None, the rows of the last statement), or (None, None) if it gives none.
        """

    def start(
        self,
        sql: str,
        positional: list[_Parameter],
        named: Mapping[str, _Parameter],
        find_table: _FindTable | None = None,
    ) -> Result:
        """Starts one query."""

    def write_file(
        self,
        sql: str,
        positional: list[_Parameter],
        named: Mapping[str, _Parameter],
        find_table: _FindTable | None,
        format: str,
        path: str,
    ) -> int:
        """Runs one query into a file ("csv", "json", "jsonl", "parquet"); returns the number of rows."""

    def explain(
        self,
        sql: str,
        positional: list[_Parameter],
        named: Mapping[str, _Parameter],
        find_table: _FindTable | None = None,
    ) -> str:
        """The plan of one query."""

    def register(self, name: str, table: Table) -> None: ...
    def register_catalog(self, name: str, tables: Mapping[str, Table]) -> None: ...
    def unregister(self, name: str) -> None: ...
    def tables(self) -> list[tuple[str, str, str]]:
        """(catalog, schema, name) of all tables and views; the first two are empty for what is registered."""

    def set_progress(self, progress: Callable[[float | None, int, int, bool], None] | None) -> None:
        """What is told how far statements are: fraction done or None, chunks, bytes, finished."""

    def interrupt(self) -> None:
        """Ends everything that runs with Cancelled."""

    def close(self) -> None: ...

def dataset_tables(description: DatasetDescription) -> list[tuple[str, list[str], Table]]:
    """The tables of a dataset, as (name, dimensions, Table). Reads nothing."""

def stream_table(
    name: str,
    schema: CapsuleType,
    factory: Callable[[int, dict[str, Any] | None], Any],
    partitions: int,
    passes_arguments: bool,
    one_shot: bool,
    row_count: int | None = None,
) -> Table:
    """A table whose rows ``factory(partition, request)`` makes when a query runs, on any thread.

    ``request`` has "columns", "filters", "filter_sql" and "limit"; it is None unless ``passes_arguments``. The factory
    returns a stream, or a pair of one and the positions of the filters that it applied exactly.
    """

def peek_stream(capsule: CapsuleType) -> tuple[CapsuleType, CapsuleType]:
    """The schema of a stream, and the stream: capsules "arrow_schema" and "arrow_array_stream"."""

def schema_of_formats(fields: Iterable[tuple[str, str, str, bool]]) -> CapsuleType:
    """A capsule "arrow_schema" of (name, Arrow format, dictionary's format or "", ordered) columns."""

def batch_of_buffers(length: int, columns: Iterable[Any]) -> CapsuleType:
    """A capsule "arrow_array" over memory that it keeps and does not copy.

    A column is a capsule "arrow_array", or (null count, [buffer or None, …], column of the dictionary or None, its
    length). Buffers are contiguous objects with the buffer protocol; that they are large enough is up to the caller.
    """

def zarr_tables(uri: str, options: dict[str, Any]) -> list[tuple[str, str, list[str], Table]]:
    """(schema, name, dimensions, Table) of every table of a Zarr store, read natively. Reads metadata only."""

def schema_fields(schema: CapsuleType) -> list[tuple[str, str, list[Any], Any]]:
    """The fields of a capsule "arrow_schema": (name, Arrow format, fields of the children, dictionary or None)."""

def engine_version() -> str:
    """Version of the engine's library, e.g. "v1.2.3"."""
