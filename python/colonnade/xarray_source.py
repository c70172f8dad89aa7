"""xarray objects as tables.

A Dataset, DataArray or DataTree becomes tables by the rules that hold for Zarr stores: one table per set of dimensions,
whose columns are the coordinates, then the data variables. Making them reads nothing. A query reads the blocks that it
needs of the variables that it needs:

- **Dask arrays**, block by block as they are chunked, on the scheduler that is configured with Dask
  (``dask.config.set``, a ``Client``); without one, on the thread that needs the block, so that there is never a pool
  inside a pool;
- **variables of files** that are not loaded, through xarray's own lazy indexing, in blocks of
  ``encoding["preferred_chunks"]`` or of the chunk sizes of the file;
- **numpy arrays** in memory, in place and without a copy.

What says nothing of blocks is read in pieces of at most 8,388,608 cells.

Values are what a query of the stored file would give: NaN in data is NULL, NaT is NULL, ``datetime64`` is a timestamp,
durations are the numbers that they were stored as (else the count of their unit, which the column's comment names).
Dates of cftime are the numbers that they were stored as, with units and calendar in the comment, and timestamps if the
calendar is the standard one. A Dataset that was opened with ``decode_cf=False`` is decoded here. Variables without a
type in SQL (complex numbers, mixed objects) are columns that say why when they are used.

xarray has made some values before they come here: masked integers are floating-point numbers for it, so those above
2**53 have lost digits, unless the Dataset was opened with ``mask_and_scale=False`` or the store itself is queried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from . import _core, errors
from . import _xarray_variables as variables

if TYPE_CHECKING:
    import xarray

    XarrayObject = Union[xarray.Dataset, xarray.DataArray, xarray.DataTree]

__all__ = ["DatasetDescription", "GridTable", "XarrayTable", "describe", "is_xarray", "read_xarray_table", "tables_of"]


class DatasetDescription(NamedTuple):
    """What ``_core.dataset_tables`` makes tables of."""

    #: What messages call it.
    name: str
    #: A JSON object.
    attributes: str
    notes: list[str]
    variables: list[variables.VariableDescription]


class GridTable(NamedTuple):
    """One table of a Dataset: the variables over one set of dimensions."""

    name: str
    dims: tuple[str, ...]
    table: _core.Table


def is_xarray(obj: object) -> bool:
    """True for what :func:`tables_of` takes. Imports nothing: an object of xarray's has its module loaded.

    >>> is_xarray([1, 2])
    False
    """
    import sys

    module = sys.modules.get("xarray")
    if module is None:
        return False
    kinds = (module.Dataset, module.DataArray, getattr(module, "DataTree", module.Dataset))
    return isinstance(obj, kinds)


def tables_of(obj: XarrayObject, chunks: Any = None, name: str | None = None) -> dict[str, list[GridTable]]:
    """The tables of an xarray object, by group.

    A Dataset or DataArray has one group, ``""``. A DataTree has one per node, by its path below the root
    (``"ocean/surface"``), with the coordinates that the node inherits. Nothing is read.

    :param chunks: blocks to read, by dimension, as in ``Dataset.chunk``: a length, a tuple of lengths that add up, -1
        for the whole dimension, None or "auto" for what the variable has by itself. One value is for all dimensions.
        Dimensions that are not named keep their own.
    :param name: what messages call the object; "dataset" if it has no name.
    :raises InvalidArgument: for ``chunks`` that do not fit, and names that are equal as text.

    >>> import numpy as np, xarray as xr
    >>> ds = xr.Dataset({"t": (("time", "x"), np.zeros((2, 3))), "area": ("x", np.ones(3))})
    >>> [(table.name, table.dims) for table in tables_of(ds)[""]]
    [('time_x', ('time', 'x')), ('x', ('x',))]
    """
    if not is_xarray(obj):
        raise errors.InvalidArgument(
            f"an xarray Dataset, DataArray or DataTree is needed, not {type(obj).__module__}.{type(obj).__qualname__}"
        )
    if hasattr(obj, "subtree"):
        _check_chunks(chunks, {dim: size for node in obj.subtree for dim, size in node.sizes.items()})
        return {
            node.path.strip("/"): _tables(node.to_dataset(), chunks, _tree_name(obj, node, name), strict=False)
            for node in obj.subtree
        }
    if name is None:
        name = variables.text_of(obj.name) if getattr(obj, "name", None) is not None else "dataset"
    return {"": _tables(_as_dataset(obj), chunks, name, strict=True)}


def _tree_name(tree: Any, node: Any, name: str | None) -> str:
    name = name or (variables.text_of(tree.name) if tree.name is not None else "tree")
    path = node.path.strip("/")
    return f"{name}/{path}" if path else name


def _tables(ds: xarray.Dataset, chunks: Any, name: str, strict: bool) -> list[GridTable]:
    description = describe(ds, chunks, name, strict=strict)
    return [GridTable(table, tuple(dims), made) for table, dims, made in _core.dataset_tables(description)]


def _as_dataset(obj: Any) -> xarray.Dataset:
    """A DataArray as a Dataset: a coordinate of itself as the coordinates, one without a name as "value"."""
    made: xarray.Dataset
    if hasattr(obj, "data_vars"):
        made = obj
    elif obj.name is None:
        name = "value"
        while name in obj.coords or name in obj.dims:
            name += "_"
        made = obj.to_dataset(name=name)
    elif obj.name in obj.coords:
        made = obj.coords.to_dataset()
    else:
        made = obj.to_dataset()
    return made


def describe(
    ds: xarray.Dataset, chunks: Any = None, name: str = "dataset", *, strict: bool = True
) -> DatasetDescription:
    """Describes a Dataset for the engine, from metadata and from objects in memory. Nothing is read.

    :param strict: whether a dimension in ``chunks`` that the Dataset lacks is an error.
    :raises InvalidArgument: see :func:`tables_of`
    """
    notes = []
    dims = {dim: variables.text_of(dim) for dim in ds.sizes}
    _check_distinct(name, "dimensions", dims)
    asked = _check_chunks(chunks, dict(ds.sizes) if strict else None)
    found = {}
    for key, variable in ds.variables.items():
        if _is_multi_index(ds, key):
            notes.append(f"{key}: an index of several levels, which are the columns")
        else:
            found[key] = variable
    _check_distinct(name, "variables", {key: variables.text_of(key) for key in found})

    own = {key: variables.stored_blocks(variable) for key, variable in found.items()}
    shared = _shared_blocks(found, own)
    described = []
    for key, variable in found.items():
        blocks = own[key] or _blocks_like(variable, shared)
        changed = {d: asked.get(dim) for d, dim in enumerate(variable.dims) if asked.get(dim) is not None}
        for d, size in changed.items():
            blocks[d] = _asked_blocks(size, variable.shape[d])
        described.append(
            variables.describe(
                variables.text_of(key),
                tuple(dims[dim] for dim in variable.dims),
                variable,
                key in ds.coords,
                blocks,
                asked=bool(changed),
            )
        )
    return DatasetDescription(name, variables.json_text(ds.attrs), notes, described)


def _check_distinct(owner: str, what: str, names: Mapping[Any, str]) -> None:
    seen: dict[str, Any] = {}
    for key, text in names.items():
        if text in seen:
            raise errors.InvalidArgument(
                f'{owner}: {what} {seen[text]!r} and {key!r} are both "{text}" as text; rename one'
            )
        seen[text] = key


def _is_multi_index(ds: xarray.Dataset, key: Any) -> bool:
    """True for the variable of tuples that stands for an index of several levels; the levels are variables as well."""
    index = ds.xindexes.get(key)
    return index is not None and getattr(index, "dim", None) == key and type(index).__name__ == "PandasMultiIndex"


def _shared_blocks(found: Mapping[Any, Any], own: Mapping[Any, Any]) -> dict[Any, variables.Blocks]:
    """Per dimension, the blocks of the largest variable that has some: what is in memory is cut in the same places."""
    shared: dict[Any, variables.Blocks] = {}
    for key in sorted((key for key in found if own[key]), key=lambda key: -found[key].size):
        for d, dim in enumerate(found[key].dims):
            shared.setdefault(dim, own[key][d])
    return shared


def _blocks_like(variable: Any, shared: Mapping[Any, variables.Blocks]) -> dict[int, variables.Blocks]:
    in_memory = variables.is_in_memory(variable)
    if in_memory and any(dim in shared for dim in variable.dims):
        return {
            d: shared.get(dim, variables.Blocks(max(1, extent)))
            for d, (dim, extent) in enumerate(zip(variable.dims, variable.shape))
        }
    most = variables.MEMORY_BLOCK_CELLS if in_memory else variables.MAX_BLOCK_CELLS
    return {d: variables.Blocks(size) for d, size in enumerate(variables.split(variable.shape, most))}


def _check_chunks(chunks: Any, sizes: Mapping[Any, int] | None) -> Mapping[Any, Any]:
    """``chunks`` as a mapping without what changes nothing. ``sizes``: the dimensions that there are, if known."""
    if chunks is None or chunks == "auto" or (isinstance(chunks, Mapping) and not chunks):
        return {}
    if isinstance(chunks, Mapping):
        if sizes is not None:
            for dim in chunks:
                if dim not in sizes:
                    raise errors.InvalidArgument(f"chunks: there is no dimension {dim!r}, only {_list(sizes)}")
        asked = {dim: value for dim, value in chunks.items() if value is not None and value != "auto"}
    else:
        asked = _Everywhere(chunks)
    for dim, value in asked.items():
        single = isinstance(value, int) and not isinstance(value, bool) and (value > 0 or value == -1)
        several = isinstance(value, tuple) and all(isinstance(size, int) and size >= 0 for size in value)
        if not single and not (several and isinstance(chunks, Mapping)):
            where = f" of dimension {dim!r}" if isinstance(chunks, Mapping) else ""
            raise errors.InvalidArgument(
                f"chunks{where}: a positive length, a tuple of lengths, -1, None or 'auto' is needed, not {value!r}"
            )
        if several and sizes is not None and sum(value) != sizes[dim]:
            raise errors.InvalidArgument(f"chunks of dimension {dim!r}: they add up to {sum(value)}, not {sizes[dim]}")
    return asked


class _Everywhere(dict):  # type: ignore[type-arg]
    """One value for every dimension."""

    def __init__(self, value: Any) -> None:
        super().__init__({"": value})

    def get(self, key: Any, default: Any = None) -> Any:
        return self[""]


def _asked_blocks(size: Any, extent: int) -> variables.Blocks:
    if isinstance(size, tuple):
        if sum(size) != extent:
            raise errors.InvalidArgument(f"chunks {size!r} add up to {sum(size)}, not {extent}")
        return variables.equal_blocks(size)
    return variables.Blocks(max(1, extent if size == -1 else min(size, extent)))


def _list(names: Iterable[Any]) -> str:
    return ", ".join(repr(name) for name in names) or "none"


class XarrayTable:
    """A table that needs no session: an Arrow stream of the rows, as often as one is asked for.

    Anything that takes the Arrow PyCapsule interface reads it: ``polars.DataFrame(table)``, ``pyarrow.table(table)``,
    ``duckdb.from_arrow(table)``. A session knows it too (``con.register``), and then reads only what a query needs.
    Made by :func:`read_xarray_table`. Thread-safe.
    """

    __slots__ = ("_table", "dims", "name")

    def __init__(self, table: GridTable) -> None:
        self._table = table.table
        #: Name of the table among those of its Dataset.
        self.name = table.name
        #: Its dimensions, outermost first: the order of the rows.
        self.dims = table.dims

    @property
    def columns(self) -> list[str]:
        """Names of the columns: coordinates, then data. Without the hidden positions ``<dim>_idx``."""
        return [name for name, _, hidden in self._table.columns if not hidden]

    @property
    def num_rows(self) -> int:
        """The product of the lengths of the dimensions."""
        return self._table.row_count or 0

    def __len__(self) -> int:
        return self.num_rows

    def __repr__(self) -> str:
        return f"<XarrayTable {self.name}: {self.num_rows:,} rows, columns {', '.join(self.columns)}>"

    def __arrow_c_schema__(self) -> object:
        """The Arrow schema of the rows, as a capsule. Reads nothing."""
        return self._table.schema()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A new stream of all rows, one record batch per block at most. Blocks are read as the stream is.

        ``requested_schema`` is accepted and not followed, which the protocol allows.
        """
        return self._table.stream()


def read_xarray_table(
    obj: XarrayObject, chunks: Any = None, table: str | Iterable[str] | None = None
) -> XarrayTable:
    """One table of an xarray object, for use without a session.

    :param chunks: see :func:`tables_of`
    :param table: which table, where there are several: its name, or its dimensions in any order. Tables of a DataTree
        are named with their group: "ocean/surface/time_lat_lon".
    :raises InvalidArgument: if there are several and none is chosen; the message lists them.
    :raises NotFound: if there is no such table, or none at all.

    >>> import numpy as np, xarray as xr
    >>> ds = xr.Dataset({"t": (("y", "x"), np.arange(6.0).reshape(2, 3))}, coords={"x": [10, 20, 30]})
    >>> table = read_xarray_table(ds)
    >>> table
    <XarrayTable y_x: 6 rows, columns y, x, t>
    """
    groups = tables_of(obj, chunks)
    candidates = [
        GridTable(f"{group}/{one.name}" if group else one.name, one.dims, one.table)
        for group, tables in groups.items()
        for one in tables
    ]
    if not candidates:
        raise errors.NotFound("there are no variables to make a table of")
    listed = ", ".join(f'"{one.name}" ({one.table.row_count:,} rows)' for one in candidates)
    if table is None:
        if len(candidates) > 1:
            raise errors.InvalidArgument(f'there are {len(candidates)} tables; choose one with table="name": {listed}')
        return XarrayTable(candidates[0])
    if isinstance(table, str):
        chosen = [one for one in candidates if one.name == table]
        wanted = f'"{table}"'
    else:
        wanted_dims = sorted(table)
        chosen = [one for one in candidates if sorted(one.dims) == wanted_dims]
        wanted = f"of dimensions {_list(wanted_dims)}"
    if len(chosen) != 1:
        problem = f"there is no table {wanted}" if not chosen else f"{len(chosen)} tables are {wanted}"
        raise errors.NotFound(f"{problem}; the tables are {listed}")
    return XarrayTable(chosen[0])
