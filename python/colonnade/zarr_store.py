"""Zarr stores, read by the engine itself: no zarr-python, no xarray."""

from __future__ import annotations

from typing import Any

from . import _core
from .errors import InvalidArgument, NotFound

__all__ = ["ZarrStore", "open_zarr"]


class ZarrStore:
    """The tables of a Zarr store: one per set of dimensions and group. Made by :func:`open_zarr`. Thread-safe.

    ``con.register(name, store)`` makes them tables of a session. A store with one table is an Arrow stream itself.
    """

    def __init__(self, uri: str, tables: dict[str, _core.Table], dims: dict[str, tuple[str, ...]]) -> None:
        self.uri = uri
        self._tables = tables
        #: Dimensions of every table, outermost first.
        self.dims = dims

    @property
    def tables(self) -> list[str]:
        """Names of the tables; those of groups come after the group and a slash."""
        return list(self._tables)

    def columns(self, table: str | None = None) -> list[str]:
        """Names of a table's columns: coordinates, then data."""
        return [name for name, _, hidden in self._one(table).columns if not hidden]

    def num_rows(self, table: str | None = None) -> int:
        """Number of rows of a table: the product of the lengths of its dimensions."""
        return self._one(table).row_count or 0

    def _one(self, table: str | None) -> _core.Table:
        if table is None:
            if len(self._tables) == 1:
                return next(iter(self._tables.values()))
            raise InvalidArgument(f"{self.uri} has several tables: {', '.join(self._tables) or 'none'}")
        if table not in self._tables:
            raise NotFound(f'{self.uri} has no table "{table}"; there are {", ".join(self._tables) or "none"}')
        return self._tables[table]

    def __arrow_c_schema__(self) -> Any:
        return self._one(None).schema()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """All rows of the only table. ``requested_schema`` is accepted and not followed, which the protocol allows."""
        return self._one(None).stream()

    def __repr__(self) -> str:
        return f"<ZarrStore {self.uri}: {', '.join(self._tables) or 'no tables'}>"


def open_zarr(uri: str, **options: Any) -> ZarrStore:
    """Opens a Zarr store, group or zip file. Reads metadata only.

    ``options``: ``mask_fill`` ('auto', 'always', 'never': whether Zarr's fill value means missing), ``nan`` ('null', 'keep'),
    ``coords`` ('all', 'index', 'none'), ``consolidated`` ('auto', 'always', 'never'), ``zarr_version`` (2, 3).

    Raises NotFound, with the nearest name, for a path that is not there.
    """
    tables: dict[str, _core.Table] = {}
    dims: dict[str, tuple[str, ...]] = {}
    for schema, name, table_dims, table in _core.zarr_tables(str(uri), options):
        key = name if schema == "main" else f"{schema}/{name}"
        tables[key] = table
        dims[key] = tuple(table_dims)
    return ZarrStore(str(uri), tables, dims)
