"""Objects as tables: what ``register``, local variables and the other ways in have in common."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import _core
from .errors import InvalidArgument, NotFound
from .frames import as_stream_table, is_frame
from .zarr_store import ZarrStore

if TYPE_CHECKING:
    import xarray

__all__ = ["Source", "is_source", "source_of"]


@dataclass
class Source:
    """The tables of one object, with what has to live as long."""

    name: str
    #: By name; groups of a tree come before the name, with a slash.
    tables: dict[str, _core.Table]
    #: The object itself.
    obj: Any
    #: True for what is always several tables, even if it has one: a DataTree.
    is_catalog: bool = False
    #: xarray Datasets that rows of it come from, for the way back.
    datasets: list[xarray.Dataset] = field(default_factory=list)

    def only_table(self) -> _core.Table:
        """The table, if there is one.

        Raises InvalidArgument that lists them if there are several, and NotFound if there is none.
        """
        if len(self.tables) == 1:
            return next(iter(self.tables.values()))
        if not self.tables:
            raise NotFound(f'"{self.name}" has no variables to make a table of')
        names = ", ".join(f'"{name}"' for name in self.tables)
        raise InvalidArgument(
            f'"{self.name}" has several tables ({names}): register it and name one of {self.name}.…, '
            "or choose one with read_xarray_table(…, table=…)"
        )


def is_source(obj: Any) -> bool:
    """True for what ``source_of`` takes, without looking into it."""
    return _is_xarray(obj) or isinstance(obj, ZarrStore) or is_frame(obj)


def source_of(obj: Any, name: str, *, chunks: Any = None) -> Source:
    """The tables of an object. Nothing is read.

    Raises NotATable, with the protocols that it lacks, for an object that is none; InvalidArgument for ``chunks`` of what
    is not from xarray.
    """
    if _is_xarray(obj):
        from .xarray_source import tables_of

        groups = tables_of(obj, chunks, name)
        tables = {
            f"{group}/{grid.name}" if group else grid.name: grid.table
            for group, grids in groups.items()
            for grid in grids
        }
        return Source(name, tables, obj, is_catalog=hasattr(obj, "subtree"), datasets=_datasets_of(obj))
    if chunks is not None:
        raise InvalidArgument(f'"{name}" is a {type(obj).__name__}: chunks are for xarray objects')
    if isinstance(obj, ZarrStore):
        return Source(name, obj._tables, obj)
    xarray_source = sys.modules.get(f"{__package__}.xarray_source")
    if xarray_source is not None and isinstance(obj, xarray_source.XarrayTable):
        return Source(name, {obj.name: obj._table}, obj)
    table = as_stream_table(obj, name)
    return Source(name, {name: table._table}, obj, datasets=list(getattr(obj, "_datasets", ())))


def _is_xarray(obj: Any) -> bool:
    if "xarray" not in sys.modules:  # our module for it needs numpy, which not everybody has
        return False
    from .xarray_source import is_xarray

    return is_xarray(obj)


def _datasets_of(obj: Any) -> list[xarray.Dataset]:
    if hasattr(obj, "subtree"):
        return [node.to_dataset() for node in obj.subtree]
    if hasattr(obj, "data_vars"):
        return [obj]
    from .xarray_source import _as_dataset

    return [_as_dataset(obj)]
