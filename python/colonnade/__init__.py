"""SQL over arrays, frames and streams where they lie.

>>> import colonnade as cn
>>> con = cn.connect()
>>> con.sql("SELECT count(*) FROM range(10)").fetchone()
(10,)

xarray objects, Zarr stores, pandas, Polars and pyarrow frames, and functions that make Arrow streams are tables, read
when a query needs them, and every result goes back to the library that you came from.

Importing this package imports no other: neither numpy nor pyarrow nor xarray, and its own modules only when used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import accessor

if TYPE_CHECKING:
    from . import errors
    from ._version import __version__
    from .errors import Error
    from .relation import Relation
    from .session import Session, connect
    from .streams import Applied, StreamTable, stream_table
    from .xarray_source import XarrayTable, read_xarray_table
    from .zarr_store import ZarrStore, open_zarr

# Where the public names are; the modules are imported when one is first used. No module has the name of a function:
# importing it would put it in the function's place.
_HOMES = {
    "Applied": "streams",
    "Error": "errors",
    "Relation": "relation",
    "Session": "session",
    "StreamTable": "streams",
    "XarrayTable": "xarray_source",
    "ZarrStore": "zarr_store",
    "__version__": "_version",
    "connect": "session",
    "open_zarr": "zarr_store",
    "read_xarray_table": "xarray_source",
    "stream_table": "streams",
}

__all__ = [
    "Applied",
    "Error",
    "Relation",
    "Session",
    "StreamTable",
    "XarrayTable",
    "ZarrStore",
    "__version__",
    "connect",
    "errors",
    "open_zarr",
    "read_xarray_table",
    "stream_table",
]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return importlib.import_module(f"{__name__}.errors")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


accessor.install()
