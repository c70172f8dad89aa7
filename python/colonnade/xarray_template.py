"""What a Dataset knows that rows do not carry: types, attributes, encodings and other coordinates. Private."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._xarray_variables import _DURATIONS, is_in_memory, text_of

if TYPE_CHECKING:
    import xarray

__all__ = ["Template", "labelled"]

_Array = np.ndarray[Any, Any]

# What an encoding says of the shape or the place of a stored array, which a result need not share.
_OF_THE_STORE = ("source", "original_shape", "chunks", "preferred_chunks", "chunksizes", "contiguous", "shards")
# What an encoding says of the numbers of a variable.
_OF_THE_TYPE = ("dtype", "_FillValue", "missing_value", "scale_factor", "add_offset", "units", "calendar")


class Template:
    """A Dataset that columns of a result may have come from."""

    def __init__(self, dataset: xarray.Dataset) -> None:
        self.dataset = dataset
        #: Variables and dimensions by the names that their columns have.
        self.names: dict[str, Hashable] = {text_of(key): key for key in [*dataset.variables, *dataset.sizes]}
        self.dims = [text_of(dim) for dim in dataset.sizes]

    def variable(self, name: str) -> xarray.Variable | None:
        """The variable of a column."""
        return self.dataset.variables.get(self.names.get(name))

    def surviving_dims(self, columns: Sequence[str]) -> list[str]:
        """The dimensions that are columns, in the order of the largest variable that has them all."""
        present = [dim for dim in self.dims if dim in columns]
        having = [
            variable for variable in self.dataset.data_vars.values() if set(present) <= set(map(text_of, variable.dims))
        ]
        if having:
            largest = max(having, key=lambda variable: variable.size)
            present.sort(key=[text_of(dim) for dim in largest.dims].index)
        return present

    def coordinates_at(self, labels: Mapping[Hashable, _Array]) -> dict[Hashable, xarray.Variable]:
        """The coordinates that are no dimensions, at ``labels`` of their dimensions.

        Those are left out that have other dimensions, or one of whose labels the Dataset does not have exactly once.
        """
        found: dict[Hashable, xarray.Variable] = {}
        places: dict[Hashable, _Array | None] = {}
        for key in self.dataset.coords:
            variable = self.dataset.variables[key]
            if key in self.dataset.sizes or not set(variable.dims) <= set(labels):
                continue
            for dim in variable.dims:
                if dim not in places:
                    places[dim] = self._places(dim, labels[dim])
            at = {dim: places[dim] for dim in variable.dims}
            if any(place is None for place in at.values()):
                continue
            moved = {
                dim: place for dim, place in at.items()
                if place is not None and not _is_all(place, self.dataset.sizes[dim])
            }
            found[key] = variable.isel(moved) if moved else variable.copy(deep=False)
        return found

    def _places(self, dim: Hashable, labels: _Array) -> _Array | None:
        """Positions of labels along a dimension, or None if they are not known."""
        import pandas

        size = self.dataset.sizes[dim]
        variable = self.dataset.variables.get(dim)
        if variable is None:
            inside = labels.dtype.kind in "iu" and (len(labels) == 0 or (labels.min() >= 0 and labels.max() < size))
            return labels if inside else None
        if variable.dims != (dim,):
            return None
        index = pandas.Index(variable.values)
        if not index.is_unique:
            return None
        places = index.get_indexer(pandas.Index(restored(labels, variable)))
        return None if (places < 0).any() else places


def _is_all(places: _Array, size: int) -> bool:
    return len(places) == size and bool((places == np.arange(size)).all())


def labelled(dims: Sequence[Hashable], values: _Array, variable: xarray.Variable | None) -> xarray.Variable:
    """A variable of ``values`` with what the one it came from, if any, knows of it."""
    import xarray

    if variable is None:
        return xarray.Variable(dims, values)
    values = restored(values, variable)
    attrs = dict(variable.attrs)
    if values.dtype.kind in "iuf" and variable.dtype.kind == "O":
        attrs.update(_calendar_of(variable) or {})  # dates that stayed the numbers that they are stored as
    encoding = dict(variable.encoding)
    if values.shape != variable.shape:
        for key in _OF_THE_STORE:
            encoding.pop(key, None)
    if values.dtype != variable.dtype:
        for key in _OF_THE_TYPE:
            encoding.pop(key, None)
    return xarray.Variable(dims, values, attrs, encoding)


def restored(values: _Array, variable: xarray.Variable) -> _Array:
    """``values`` in the type of the variable that they came from, if each has a place in it; else as they are."""
    dtype = variable.dtype
    have = values.dtype.kind
    if not isinstance(dtype, np.dtype) or (values.dtype == dtype and dtype.kind != "O"):
        return values
    if dtype.kind == "O":
        return _as_dates(values, variable) if have in "iufM" else values
    if dtype.kind in "Mm" and have == dtype.kind or dtype.kind == have == "f":
        return _exactly(values, dtype)
    if dtype.kind == "m" and have in "iuf":
        durations = _whole_durations(values, variable) if have == "f" else as_durations(values, None, variable)
        return _exactly(durations, dtype) if durations.dtype.kind == "m" else values
    if dtype.kind in "SUT" and have == "O":
        return _as_text(values, dtype)
    return values


def _exactly(values: _Array, dtype: np.dtype[Any]) -> _Array:
    with np.errstate(all="ignore"):
        converted = values.astype(dtype)
        same = converted.astype(values.dtype) == values
    missing = values != values
    return converted if bool((same | (missing & (converted != converted))).all()) else values


def as_durations(values: _Array, missing: _Array | None, variable: xarray.Variable) -> _Array:
    """Integers as the durations that they count, in the unit of the variable's column."""
    durations: _Array = values.astype(np.int64).view(f"m8[{_duration_unit(variable)}]")
    if missing is not None:
        durations[missing] = np.timedelta64("NaT")
    return durations


def _duration_unit(variable: xarray.Variable) -> str:
    units = variable.encoding.get("units")
    unit = _DURATIONS.get(units) or _DURATIONS.get(f"{units}s") if isinstance(units, str) else None
    return unit or np.datetime_data(variable.dtype)[0]


def _whole_durations(values: _Array, variable: xarray.Variable) -> _Array:
    """Floats as durations, if they are whole or NaN."""
    missing = np.isnan(values)
    whole = np.where(missing, 0, values).astype(np.int64)
    if not (whole == values)[~missing].all():
        return values
    return as_durations(whole, missing, variable)


def _as_text(values: _Array, dtype: np.dtype[Any]) -> _Array:
    if not all(isinstance(item, str) for item in values.ravel()):
        return values  # NULLs have no place in fixed-width text
    if dtype.kind == "S":
        return np.array([item.encode() for item in values.ravel()], "S").reshape(values.shape)
    return values.astype(dtype if dtype.kind == "T" else np.dtype("U"))


def _as_dates(values: _Array, variable: xarray.Variable) -> _Array:
    """Numbers, or timestamps where the calendar is the standard one, as the dates of cftime that they were."""
    import xarray

    calendar = _calendar_of(variable)
    if calendar is None or (values != values).any():
        return values
    units = calendar["units"]
    if values.dtype.kind == "M":
        values, units = values.astype("M8[us]").view(np.int64), "microseconds since 1970-01-01"
    decoded: _Array = xarray.coding.times.decode_cf_datetime(values, units, calendar["calendar"], use_cftime=True)
    return decoded


def _calendar_of(variable: xarray.Variable) -> dict[str, str] | None:
    """Units and calendar of the numbers that dates of cftime are stored as; None for other objects."""
    import xarray

    units = variable.encoding.get("units")
    if isinstance(units, str) and " since " in units:
        return {"units": units, "calendar": variable.encoding.get("calendar", "standard")}
    if not is_in_memory(variable) or variable.size == 0:
        return None
    if not type(variable.values.flat[0]).__module__.startswith("cftime"):
        return None
    attrs = xarray.conventions.encode_cf_variable(variable).attrs
    return {"units": attrs["units"], "calendar": attrs["calendar"]}
