"""Rows back to labelled arrays.

The rows of a relation become an :class:`xarray.Dataset`: some columns are dimensions, their distinct values the
coordinates, and every other column a variable over all dimensions. What SQL cannot carry (attributes, encodings, the
types of text and of times, coordinates that are not dimensions) comes from the Dataset that the rows were queried from.
"""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from . import xarray_template as templates
from .errors import AlreadyExists, InvalidArgument, InvalidData, LimitExceeded, NotFound
from .grid_positions import Grid, grid_of

if TYPE_CHECKING:
    import xarray

    from .relation import Relation

__all__ = ["to_xarray"]

_Array = np.ndarray[Any, Any]
_EXACT = 2**53  # integers up to here are float64 as they are


def to_xarray(
    relation: Relation,
    dims: Sequence[Hashable] | None = None,
    *,
    fill_value: Any = None,
    sort: bool = False,
    on_duplicate: str = "error",
) -> xarray.Dataset:
    """Runs a relation; its rows as a labelled Dataset.

    ``dims`` are the columns that are dimensions, outermost first. By default they are the dimensions of the Datasets in
    the query's FROM that are columns of the result. ``dims=()`` is for a result of one row.

    **Coordinates** hold the distinct values of their columns in order of first appearance, or ascending with
    ``sort=True``. A dimension that has no coordinate in its Dataset, and whose values are 0, 1, 2, … here, gets none.

    **Missing cells**: those without a row, and NULLs. They become NaN in float variables, NaT in times, and None in
    text and other objects (xarray may turn that into NaN). Booleans become objects with None. Integers become float64
    with NaN if every value stays what it is, else InvalidData is raised. ``fill_value`` is used in place of all that: a mapping from variables to
    values, or one value for all variables of its kind (number, text, time, bool). With it integers and booleans keep
    their type, and it must be a value of that type.

    **Two rows for one cell** raise AlreadyExists, naming it; with ``on_duplicate="first"`` or ``"last"`` one of them
    counts. NULL in a dimension raises InvalidData.

    **Attributes, encodings and types** come from the variables of the same names in the Datasets in FROM, the
    attributes of the result from the one that has most of its columns. Their coordinates that are no dimensions are coordinates here too,
    if their dimensions are dimensions here: with the result's values if they are among its columns and depend on those
    dimensions alone, else with the Dataset's. ``SELECT *`` of a table of a Dataset gives variables identical to the
    Dataset's.

    Rows that come as a complete product of their dimensions, in any order of these, are reshaped without a copy.

    >>> import colonnade as cn, numpy as np, xarray as xr
    >>> ds = xr.Dataset({"t": (("y", "x"), np.eye(2), {"units": "K"})}, coords={"y": [20, 10], "x": [1.5, 2.5]})
    >>> con = cn.connect()
    >>> con.register("ds", ds)
    >>> xr.testing.assert_identical(con.sql("FROM ds").to_xarray(), ds)
    >>> con.sql("SELECT y, max(t) AS t FROM ds GROUP BY y ORDER BY y").to_xarray().t.attrs
    {'units': 'K'}
    """
    if on_duplicate not in ("error", "first", "last"):
        raise InvalidArgument(f'on_duplicate is "error", "first" or "last", not {on_duplicate!r}')
    names = relation.columns
    sources = [templates.Template(dataset) for dataset in relation._datasets]
    sources.sort(key=lambda source: -sum(name in source.names for name in names))
    dim_names = _dimensions(names, dims, sources)
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise AlreadyExists(f'the result has several columns "{repeated}"; give them different names')
    _check_fill_names(fill_value, [name for name in names if name not in dim_names])

    columns: dict[str, _Array] = relation.to_numpy()
    rows = len(next(iter(columns.values())))
    grid = grid_of([_labels(name, columns.pop(name)) for name in dim_names])
    if not dim_names:
        grid = Grid([], None, np.zeros(rows, np.int64), rows)
    _check_size(grid, dim_names, columns.values())
    builder = _Builder(grid, dim_names, sources, fill_value, on_duplicate)
    while columns:
        name = next(iter(columns))
        builder.add(name, columns.pop(name))
    result = builder.dataset()
    return _sorted(result, builder) if sort else result


def _dimensions(
    names: Sequence[str], dims: Sequence[Hashable] | None, sources: Sequence[templates.Template]
) -> list[str]:
    if dims is None:
        found = list(dict.fromkeys(dim for source in sources for dim in source.surviving_dims(names)))
        if not found:
            known = ", ".join(dim for source in sources for dim in source.dims)
            why = f"none of {known} is a column of the result" if known else "FROM names no Dataset that is known"
            raise InvalidArgument(f"the dimensions are not known: {why}; pass dims=, one or more of {', '.join(names)}")
        return found
    if isinstance(dims, (str, bytes)) or not isinstance(dims, Iterable):
        raise InvalidArgument(f"dims is a sequence of columns, not {dims!r}")
    asked = [str(dim) for dim in dims]
    for dim in asked:
        if dim not in names:
            near = get_close_matches(dim, names, 1)
            hint = f'did you mean "{near[0]}"?' if near else f"the columns are {', '.join(names)}"
            raise NotFound(f'dimension "{dim}" is no column of the result; {hint}')
        if asked.count(dim) > 1:
            raise InvalidArgument(f'dimension "{dim}" is named twice')
    return asked


def _labels(name: str, column: _Array) -> _Array:
    if isinstance(column, np.ma.MaskedArray) and np.ma.getmaskarray(column).any():
        row = int(np.ma.getmaskarray(column).argmax())
        raise InvalidData(f'dimension "{name}" is NULL in row {row}; leave such rows out in SQL')
    column = np.ma.getdata(column)
    if column.dtype.kind == "O" and len(column) and isinstance(column[0], (list, dict)):
        raise InvalidArgument(f'dimension "{name}" holds {type(column[0]).__name__}s, which cannot be labels')
    return column


def _check_fill_names(fill_value: Any, variables: Sequence[str]) -> None:
    if not isinstance(fill_value, Mapping):
        return
    for name in fill_value:
        if str(name) not in variables:
            raise NotFound(f'fill_value: "{name}" is no variable of the result; they are {", ".join(variables)}')


def _check_size(grid: Grid, dims: Sequence[str], columns: Iterable[_Array]) -> None:
    """A few rows can span a grid that no machine holds."""
    if grid.size <= grid.rows:
        return
    needed = grid.size * (1 + sum(column.dtype.itemsize for column in columns))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > memory or grid.size >= 2**63:
        lengths = ", ".join(f"{dim}: {length}" for dim, length in zip(dims, grid.shape))
        raise LimitExceeded(
            f"{grid.rows} rows span a grid of {grid.size} cells ({lengths}), which takes {needed >> 20} MiB of"
            f" {memory >> 20}; choose fewer dims"
        )


class _Builder:
    """Puts columns into the grid and names, attributes and coordinates on them."""

    def __init__(
        self, grid: Grid, dims: Sequence[str], sources: Sequence[templates.Template], fill_value: Any, on_duplicate: str
    ) -> None:
        self._grid = grid
        self._sources = sources
        self._fill_value = fill_value
        self._names = list(dims)
        #: Those whose labels are the positions of dimensions without a coordinate.
        self.positions: list[Hashable] = []
        #: As the sources call them: names of xarray may be any hashable.
        self.dims: list[Hashable] = [self._known_name(dim) for dim in dims]
        self._rows: _Array | None = None  # which rows count, if not all
        self._complete = grid.product is not None or self._settle_duplicates(on_duplicate)
        self._data: dict[Hashable, Any] = {}
        self._coords: dict[Hashable, Any] = {}
        for name, dim, labels in zip(self._names, self.dims, grid.labels):
            self._add_labels(name, dim, labels)

    def _known_name(self, name: str) -> Hashable:
        found = (source.names[name] for source in self._sources if name in source.names)
        return next(found, name)

    def _template(self, name: str) -> tuple[templates.Template | None, Any]:
        for source in self._sources:
            variable = source.variable(name)
            if variable is not None:
                return source, variable
        return None, None

    def _settle_duplicates(self, on_duplicate: str) -> bool:
        """Looks for two rows in one cell. Returns whether every cell has a row."""
        cells = self._grid.cells
        assert cells is not None
        taken = np.zeros(self._grid.size, np.bool_)
        taken[cells] = True
        count = int(np.count_nonzero(taken))
        if count == self._grid.rows:
            return count == self._grid.size
        if on_duplicate == "error":
            self._raise_duplicate()
        row_of = np.full(self._grid.size, -1, np.int64)
        order = np.arange(self._grid.rows)
        if on_duplicate == "first":
            order = order[::-1]
        row_of[cells[order]] = order  # of equal cells, the last assignment stays
        self._rows = np.sort(row_of[taken])
        self._grid = self._grid._replace(cells=cells[self._rows], rows=count)
        return count == self._grid.size

    def _raise_duplicate(self) -> None:
        assert self._grid.cells is not None
        order = np.argsort(self._grid.cells, kind="stable")
        same = self._grid.cells[order[1:]] == self._grid.cells[order[:-1]]
        at = int(same.argmax())
        first, second = int(order[at]), int(order[at + 1])
        if not self._names:
            raise AlreadyExists(f"the result has {self._grid.rows} rows, and one is all that fits without dims")
        where = ", ".join(
            f"{name}={labels[position]}"
            for name, labels, position in zip(self._names, self._grid.labels, self._grid.positions(first))
        )
        raise AlreadyExists(
            f"rows {first} and {second} are both ({where}); aggregate them in SQL, name more dims, or pass"
            ' on_duplicate="first" or "last"'
        )

    def _add_labels(self, name: str, dim: Hashable, labels: _Array) -> None:
        _, variable = self._template(name)
        if variable is None and any(name in source.dims for source in self._sources) and labels.dtype.kind in "iu":
            self.positions.append(dim)
            if _counts_up(labels):
                return
        if variable is not None and variable.dims != (dim,):
            variable = None
        self._coords[dim] = templates.labelled((dim,), labels, variable)

    def add(self, name: str, column: _Array) -> None:
        data = np.ma.getdata(column)
        mask: _Array | None = np.ma.getmaskarray(column) if isinstance(column, np.ma.MaskedArray) else None
        if self._rows is not None:
            data = data[self._rows]
            mask = None if mask is None else mask[self._rows]
        if mask is not None and not mask.any():
            mask = None
        source, variable = self._template(name)
        key = self._known_name(name)
        if variable is not None and variable.dtype.kind == "m" and data.dtype.kind in "iu":
            data = templates.as_durations(data, mask, variable)  # where NaT has a place
        is_coordinate = source is not None and key in source.dataset.coords
        if is_coordinate and self._add_coordinate(name, key, data, mask, variable):
            return
        dense = self._dense(name, data, mask, list(range(len(self.dims))))
        dims = self.dims
        if variable is not None and set(variable.dims) == set(dims):
            dense = dense.transpose([dims.index(dim) for dim in variable.dims])
            dims = list(variable.dims)
        self._data[key] = templates.labelled(dims, dense, variable)

    def _add_coordinate(self, name: str, key: Hashable, data: _Array, mask: _Array | None, variable: Any) -> bool:
        """Adds a coordinate that is no dimension, over its own dimensions. False if its values depend on others."""
        if not set(variable.dims) <= set(self.dims):
            return False
        if self._grid.rows == 0:
            return True  # the Dataset's, at no labels or as it is
        own = sorted(self.dims.index(dim) for dim in variable.dims)
        if len(own) < len(self.dims):
            reduced = self._depending_on(own, data, mask)
            if reduced is None:
                return False
            values = self._fill(name, *reduced)
        else:
            values = self._dense(name, data, mask, own)
        order = [own.index(self.dims.index(dim)) for dim in variable.dims]
        self._coords[key] = templates.labelled(variable.dims, values.transpose(order), variable)
        return True

    def _depending_on(
        self, own: Sequence[int], data: _Array, mask: _Array | None
    ) -> tuple[_Array, _Array | None] | None:
        """(values, where they are missing) over some of the dimensions, or None if rows of one cell differ."""
        shape = tuple(self._grid.shape[dim] for dim in own)
        missing = np.zeros(self._grid.rows, np.bool_) if mask is None else mask
        if self._grid.product is not None:
            at = tuple(slice(None) if dim in own else 0 for dim in range(len(self.dims)))
            values, absent = self._in_product(data)[at], self._in_product(missing)[at]
            other = tuple(slice(None) if dim in own else None for dim in range(len(self.dims)))
            same = self._in_product(data) == values[other]
            same |= self._in_product(data != data) & (values != values)[other]  # NaN
            both = self._in_product(missing) & absent[other]
            agrees = both | (same & ~self._in_product(missing) & ~absent[other])
        else:
            cells = self._grid.in_subset(own)
            row_of = np.full(math.prod(shape), -1, np.int64)
            row_of[cells] = np.arange(self._grid.rows)
            rows = row_of[cells]
            same = (data == data[rows]) | ((data != data) & (data[rows] != data[rows]))
            agrees = np.where(missing | missing[rows], missing & missing[rows], same)
            values, absent = data[row_of].reshape(shape), (missing[row_of] | (row_of < 0)).reshape(shape)
        if not np.asarray(agrees, np.bool_).all():
            return None
        return values, (absent if absent.any() else None)

    def _in_product(self, values: _Array) -> _Array:
        """Rows that are a product as an array over the dimensions: a view."""
        order = self._grid.product
        assert order is not None
        inner = values.reshape([self._grid.shape[dim] for dim in order])
        return inner.transpose([order.index(dim) for dim in range(len(order))])

    def _dense(self, name: str, data: _Array, mask: _Array | None, dims: Sequence[int]) -> _Array:
        if self._grid.product is not None:
            return self._fill(name, self._in_product(data), None if mask is None else self._in_product(mask))
        cells = self._grid.cells
        assert cells is not None
        shape = self._grid.shape
        if self._complete and mask is None:
            out = np.empty(self._grid.size, data.dtype)  # every cell is written, once
            out[cells] = data
            return out.reshape(shape)
        if self._complete:
            dtype, fill = self._kind_with_missing(name, data)
            out = np.empty(self._grid.size, dtype)
        else:
            dtype, fill = self._kind_with_missing(name, data)
            out = np.full(self._grid.size, fill, dtype)
        out[cells] = data
        if mask is not None:
            out[cells[mask]] = fill
        return out.reshape(shape)

    def _fill(self, name: str, values: _Array, mask: _Array | None) -> _Array:
        if mask is None:
            return values
        dtype, fill = self._kind_with_missing(name, values)
        if dtype != values.dtype or not values.flags.writeable:
            values = values.astype(dtype)
        values[mask] = fill
        return values

    def _kind_with_missing(self, name: str, values: _Array) -> tuple[np.dtype[Any], Any]:
        """The type of a variable some of whose cells are missing, and what those hold."""
        kind = values.dtype.kind
        asked = _asked_fill(name, values.dtype, self._fill_value)
        if asked is not None:
            return values.dtype, asked
        if kind in "Mm":
            return values.dtype, np.array("NaT", values.dtype)[()]
        if kind == "f":
            return values.dtype, values.dtype.type("nan")
        if kind not in "iu":
            return np.dtype(object), None
        for extreme in (int(values.min()), int(values.max())) if values.size else ():
            if abs(extreme) > _EXACT:
                raise InvalidData(
                    f'variable "{name}" has missing cells, and {extreme} is not a float64 with NaN beside it; pass'
                    f" fill_value={{{name!r}: …}} to keep {values.dtype}"
                )
        return np.dtype(np.float64), np.nan

    def dataset(self) -> xarray.Dataset:
        import xarray

        if self._sources:
            taken = {*self._data, *self._coords}
            labels = dict(zip(self.dims, self._grid.labels))
            for source in self._sources:
                for key, variable in source.coordinates_at(labels).items():
                    if key not in taken:
                        taken.add(key)
                        self._coords[key] = variable
        result = xarray.Dataset(self._data, self._coords, self._sources[0].dataset.attrs if self._sources else None)
        if self._sources:
            unlimited = self._sources[0].dataset.encoding.get("unlimited_dims")
            if unlimited:
                result.encoding["unlimited_dims"] = {dim for dim in unlimited if dim in result.dims}
        return result


def _asked_fill(name: str, dtype: np.dtype[Any], fill_value: Any) -> Any:
    """``fill_value`` for a variable as an item of its type; None if there is none."""
    named = isinstance(fill_value, Mapping)
    fill = next((value for key, value in fill_value.items() if str(key) == name), None) if named else fill_value
    if fill is None:
        return None
    kind = np.asarray(fill).dtype.kind
    kinds = {"i": "iub", "u": "iub", "f": "iufb", "b": "b", "M": "M", "m": "m", "O": "USO"}.get(dtype.kind, "")
    if dtype.kind in "iu" and kind == "f":
        if math.isnan(fill):
            return None
        kinds += "f"
    if kind in kinds:
        if dtype.kind == "O":
            return fill
        with np.errstate(all="ignore"):
            try:
                item = np.asarray(fill).astype(dtype)[()]
                fits = bool(item == fill) or item != item
            except OverflowError:
                fits = False
        if fits:
            return item
    elif not named:
        return None  # meant for variables of another kind
    raise InvalidArgument(f'fill_value {fill!r} is no value of variable "{name}", which is {dtype}')


def _counts_up(labels: _Array) -> bool:
    return bool((labels == np.arange(len(labels))).all())


def _sorted(result: xarray.Dataset, builder: _Builder) -> xarray.Dataset:
    picks: dict[Hashable, Any] = {}
    for dim in builder.dims:
        if dim not in result.coords:
            continue
        order = np.argsort(result[dim].values, kind="stable")
        if _counts_up(order):
            continue
        picks[dim] = slice(None, None, -1) if _counts_up(order[::-1]) else order
    result = result.isel(picks) if picks else result
    return result.drop_vars([dim for dim in builder.positions if dim in picks and _counts_up(result[dim].values)])
