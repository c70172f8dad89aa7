"""``ds.cn``: SQL on an xarray object, without a session at hand.

The accessor is registered with xarray when both packages have been imported, in either order, and importing this one
does not import xarray. xarray offers no hook for that (its entry points are for backends only), so :func:`install`
waits for the import: a finder on ``sys.meta_path`` sees ``import xarray`` once, lets the other finders find it, and
registers the accessor after the module has run. Nothing in xarray is replaced, and the finder leaves ``sys.meta_path``
when it has been asked.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .relation import Relation
    from .session import Session

__all__ = ["Accessor", "install"]

NAME = "cn"


class Accessor:
    """``ds.cn`` of a Dataset, ``array.cn`` of a DataArray, ``tree.cn`` of a DataTree.

    >>> import xarray as xr, colonnade
    >>> ds = xr.Dataset({"t": ("x", [1.5, 2.5, 4.0])}, coords={"x": [10, 20, 30]})
    >>> ds.cn.sql("SELECT avg(t) AS mean FROM this WHERE x >= 20").fetchall()
    [(3.25,)]
    """

    def __init__(self, obj: Any) -> None:
        self._obj = obj
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def sql(
        self, text: str, params: Sequence[Any] | Mapping[str, Any] | None = None, *, chunks: Any = None
    ) -> Relation | None:
        """Runs SQL in which ``this`` is the object; as ``Session.sql`` otherwise.

        An object with several sets of dimensions is several tables, ``this.time_lat_lon``. ``chunks`` are the blocks
        to read, as in ``Dataset.chunk``. The engine is opened by the first call and belongs to this object: local
        variables are no tables here, and what a text creates is seen by the texts after it, with the same ``chunks``.
        Thread-safe.
        """
        from .session import connect

        with self._lock:
            session = self._sessions.get(repr(chunks))
            if session is None:
                session = connect(variables=False)
                session.register("this", self._obj, chunks=chunks)
                self._sessions[repr(chunks)] = session
        return session.sql(text, params)


def install() -> None:
    """Registers the accessor now if xarray is imported, else as soon as it is. Safe to call again."""
    module = sys.modules.get("xarray")
    if module is None:
        if not any(isinstance(finder, _WaitForXarray) for finder in sys.meta_path):
            sys.meta_path.insert(0, _WaitForXarray())
    elif hasattr(module, "register_dataset_accessor"):  # else it is being imported, by what imports us
        _register(module)


def _register(module: Any) -> None:
    for kind in ("Dataset", "DataArray", "DataTree"):
        register = getattr(module, f"register_{kind.lower()}_accessor", None)
        if register is None:
            continue
        existing = getattr(getattr(module, kind), NAME, None)
        if existing is Accessor:
            continue
        if existing is not None:
            warnings.warn(f"xarray.{kind}.{NAME} belongs to another package; colonnade leaves it alone", stacklevel=2)
            continue
        register(NAME)(Accessor)


class _WaitForXarray:
    """A finder that finds nothing itself."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname != "xarray":
            return None
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)  # by the other finders
        loader = spec.loader if spec is not None else None
        if loader is None or not hasattr(loader, "exec_module"):
            return spec
        run = loader.exec_module

        def run_and_register(module: ModuleType) -> None:
            del loader.exec_module  # back to that of its class
            run(module)
            _register(module)

        try:
            loader.exec_module = run_and_register  # type: ignore[method-assign]
        except AttributeError:  # a loader of the kind that cannot be changed: no accessor, but xarray
            pass
        return spec
