"""One xarray variable for the engine: its elements, its blocks, and how a box of it is read. Private.

Nothing is read when a variable is described. Elements reach the engine as numpy arrays in host byte order: numbers
and booleans as they are, times as integers of their unit, text as fixed-width or object arrays. What xarray has decoded
into objects (dates of other calendars) or into durations is turned back into the numbers of its ``encoding``, so that a
column holds what the engine reads from the stored file by itself.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import _dask_blocks, errors

# Blocks of variables that say nothing about their own: as few cells as this, and never split if they fit.
MAX_BLOCK_CELLS = 8 * 2**20
# The same for variables in memory, where a block costs nothing and more of them keep more threads busy.
MEMORY_BLOCK_CELLS = 2**19

Box = tuple[tuple[int, int], ...]
Attributes = dict[str, Any]


class VariableDescription(NamedTuple):
    """What ``_core.dataset_tables`` needs to know of a variable."""

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    #: The box that is best read at once; at least 1 along every dimension.
    chunk_shape: tuple[int, ...]
    #: Per dimension, where blocks along it differ in length: the first position of each and, last, the dimension's
    #: length; empty for equal ones. Empty if all are equal.
    chunk_bounds: tuple[tuple[int, ...], ...]
    #: numpy's type string of the elements; "|O" for text.
    dtype: str
    #: A JSON object.
    attributes: str
    #: True for coordinates; None lets attributes decide.
    is_coordinate: bool | None
    #: Why there are no elements, or "".
    unavailable: str
    stored_type: str
    #: All elements, if they are in memory in the form that ``dtype`` says.
    array: np.ndarray[Any, Any] | None
    #: The elements of a box, called by any thread, several at once.
    read: Callable[[Box], np.ndarray[Any, Any]] | None
    #: A block is held whole, whatever part of it is asked for.
    whole_blocks: bool


class Blocks(NamedTuple):
    """How a variable is cut along one dimension: equal pieces of ``size``, or at ``bounds``."""

    size: int
    bounds: tuple[int, ...] = ()


class _Elements(NamedTuple):
    """How the values of a variable become elements of ``dtype``."""

    dtype: str
    adapt: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]
    attributes: Attributes
    variable: Any


class _NoElements(Exception):
    """The reason why a variable cannot be a column."""


def is_in_memory(variable: Any) -> bool:
    """True if no element has to be read: numpy arrays, and indexes of every kind."""
    return bool(getattr(variable, "_in_memory", False)) or type(variable._data).__name__.startswith("Pandas")


def describe(
    name: str,
    dims: tuple[str, ...],
    variable: Any,
    is_coordinate: bool,
    blocks: Mapping[int, Blocks],
    asked: bool,
) -> VariableDescription:
    """Describes an ``xarray.Variable`` that is cut into ``blocks`` (by position of the dimension).

    ``asked`` says that the user chose the blocks, which may then be other than those of a Dask array.
    """
    reason = ""
    elements = _Elements("", _as_is, dict(variable.attrs), variable)
    try:
        elements = _elements_of(name, variable)
    except _NoElements as error:
        reason = str(error)
    data = elements.variable._data
    array: np.ndarray[Any, Any] | None = None
    fetch: Callable[[Box], Any]
    of_dask = _dask_blocks.is_dask(data)
    if of_dask:
        fetch = _dask_blocks.DaskBlocks(data).read
    else:
        fetch = _fetch_from(elements.variable)
        if not reason and isinstance(data, np.ndarray) and elements.adapt in (_as_is, _as_integers) and _is_plain(data):
            array = elements.adapt(data)

    def read(box: Box) -> np.ndarray[Any, Any]:
        return elements.adapt(np.asarray(fetch(box)))

    sizes = [blocks[d] for d in range(len(dims))]
    return VariableDescription(
        name=name,
        dims=dims,
        shape=tuple(int(extent) for extent in variable.shape),
        chunk_shape=tuple(max(1, block.size) for block in sizes),
        chunk_bounds=tuple(block.bounds for block in sizes) if any(block.bounds for block in sizes) else (),
        dtype=elements.dtype,
        attributes=json_text(elements.attributes),
        is_coordinate=True if is_coordinate else None,
        unavailable=reason,
        stored_type=str(variable.encoding.get("dtype", variable.dtype)),
        array=array,
        read=None if reason else read,
        whole_blocks=of_dask and not asked,
    )


def _fetch_from(variable: Any) -> Callable[[Box], Any]:
    def fetch(box: Box) -> Any:
        # Slicing first keeps the user's variable unloaded: xarray caches what is read of the slice only.
        return variable[tuple(slice(start, stop) for start, stop in box)].to_numpy()

    return fetch


class _Objects:
    """Objects in memory, in the place of a variable."""

    def __init__(self, values: np.ndarray[Any, Any]) -> None:
        self._data = values

    def __getitem__(self, key: tuple[slice, ...]) -> _Objects:
        return _Objects(np.asarray(self._data[key], dtype=object))

    def to_numpy(self) -> np.ndarray[Any, Any]:
        return self._data


# Elements


def _is_plain(values: np.ndarray[Any, Any]) -> bool:
    """True for elements in host byte order at addresses that the processor likes."""
    return bool(values.dtype.isnative and values.flags.aligned)


def _as_is(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return values if _is_plain(values) else values.astype(values.dtype.newbyteorder("="))


def _as_integers(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return _as_is(values).view(np.int64)


def _text_of(dtype: str) -> Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
    def in_order(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        # Of this type: xarray reads a single text as one of its own length. Not ascontiguousarray: that makes a vector
        # of a scalar.
        return np.asarray(values, dtype, order="C")

    return in_order


def _as_objects(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(values, dtype=object, order="C")


def _elements_of(name: str, variable: Any) -> _Elements:
    attributes: Attributes = dict(variable.attrs)
    dtype = variable.dtype
    if not isinstance(dtype, np.dtype) or dtype.kind == "O":
        return _object_elements(name, variable, attributes)
    if dtype.kind == "T":
        return _Elements("|O", _as_objects, attributes, variable)
    native = dtype.newbyteorder("=").str
    if dtype.kind == "f" and any(variable.encoding.get(key) is not None for key in ("_FillValue", "missing_value")):
        attributes.setdefault("_FillValue", math.nan)  # NaN is what xarray made of it, on an axis too
    if dtype.kind in "biu" or (dtype.kind == "f" and dtype.itemsize <= 8):
        return _Elements(native, _as_is, attributes, variable)
    if dtype.kind == "M":
        return _Elements(native, _as_integers, attributes, variable)
    if dtype.kind == "m":
        return _duration_elements(name, variable, attributes)
    if dtype.kind in "SU":
        return _Elements(native, _text_of(native), attributes, variable)
    hint = {
        "c": "; its .real and .imag have one",
        "f": "; .astype('float64') has one",
        "V": "; make a variable of each of its fields",
    }.get(dtype.kind, "")
    raise _NoElements(f"{dtype} has no SQL type{hint}")


_DURATIONS = {
    "weeks": "W", "days": "D", "hours": "h", "minutes": "m", "seconds": "s", "milliseconds": "ms",
    "microseconds": "us", "nanoseconds": "ns",
}  # fmt: skip


def _duration_elements(name: str, variable: Any, attributes: Attributes) -> _Elements:
    """Durations: the stored numbers if xarray made them of numbers, else the count of their own unit."""
    units = variable.encoding.get("units")
    unit = _DURATIONS.get(units) or _DURATIONS.get(f"{units}s") if isinstance(units, str) else None
    if unit is None:
        attributes.setdefault("units", np.datetime_data(variable.dtype)[0])
        return _Elements(variable.dtype.newbyteorder("=").str, _as_integers, attributes, variable)
    attributes["units"] = units
    target, fill = _stored_number(variable.encoding, attributes)
    step: Any = np.array(1, f"m8[{unit}]")

    def adapt(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        out = np.full(values.shape, fill, target)
        present = ~np.isnat(values)
        found = values[present]
        if target.kind == "f":
            out[present] = found / step
            return out
        whole = found.astype(f"m8[{unit}]")  # cuts off what is finer
        if (whole.astype(values.dtype) != found).any():
            raise _inexact(name, units, target)
        out[present] = _to_number(whole.astype(np.int64), target, name, units)
        return out

    return _Elements(target.str, adapt, attributes, variable)


def _object_elements(name: str, variable: Any, attributes: Attributes) -> _Elements:
    encoding = variable.encoding
    is_numpy = isinstance(variable.dtype, np.dtype)
    if is_in_memory(variable) or not is_numpy:
        values = np.asarray(variable.values if is_numpy else variable._data, dtype=object)
        kind = _kind_of_objects(values)
        if kind == "date":
            return _encoded_dates(name, variable, values)
        if not is_numpy:  # pandas' own types, not all of which xarray can slice
            variable = _Objects(values)
    elif _mentions_since(encoding.get("units")):
        kind = "date"
    elif _is_bool(encoding.get("dtype")):
        kind = "bool"
    else:
        kind = "text"
    if kind == "text":
        return _Elements("|O", _as_objects, attributes, variable)
    if kind == "bool":
        attributes.update(dtype="bool", _FillValue=-128)
        return _Elements("|i1", _bools_as_bytes, attributes, variable)
    return _date_elements(name, variable, attributes)


def _kind_of_objects(values: np.ndarray[Any, Any]) -> str:
    """ "text", "date" or "bool". :raises _NoElements: for anything else, or a mixture."""
    items = values.ravel().tolist()
    types = {kind for kind in set(map(type, items)) if not _is_missing_type(kind)}
    if float in types and all(math.isnan(item) for item in items if type(item) is float):
        types.remove(float)
    if all(issubclass(kind, str) for kind in types):
        return "text"
    if all(issubclass(kind, (bool, np.bool_)) for kind in types):
        return "bool"
    if all(_is_cftime(kind) for kind in types):
        calendars = sorted({item.calendar for item in items if _is_cftime(type(item))})
        if len(calendars) == 1:
            return "date"
        raise _NoElements(f"it holds dates of several calendars: {', '.join(calendars)}")
    names = ", ".join(sorted({kind.__name__ for kind in types}))
    raise _NoElements(f"it holds objects of type {names}; give it one type with .astype")


def _is_missing_type(kind: type) -> bool:
    return kind is type(None) or kind.__name__ in ("NAType", "NaTType")


def _is_missing(item: Any) -> bool:
    return _is_missing_type(type(item)) or (isinstance(item, float) and math.isnan(item))


def _is_cftime(kind: type) -> bool:
    return any(base.__name__ == "datetime" and base.__module__.startswith("cftime") for base in kind.__mro__)


def _is_bool(dtype: Any) -> bool:
    return dtype is bool or (isinstance(dtype, (str, np.dtype)) and str(dtype) == "bool")


def _mentions_since(units: Any) -> bool:
    return isinstance(units, str) and " since " in units


def _bools_as_bytes(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    items = [-128 if _is_missing(item) else int(bool(item)) for item in values.ravel().tolist()]
    made: np.ndarray[Any, Any] = np.array(items, np.int8).reshape(values.shape)
    return made


def _encoded_dates(name: str, variable: Any, values: np.ndarray[Any, Any]) -> _Elements:
    """Dates in memory: the numbers they were, if they still are; else what xarray would store now."""
    import xarray

    if _mentions_since(variable.encoding.get("units")):
        attributes: Attributes = dict(variable.attrs)
        try:
            numbered = _date_elements(name, variable, attributes).adapt(values)
        except (ValueError, OverflowError):  # the dates have been changed: their encoding is of others
            pass
        else:
            return _Elements(numbered.dtype.str, _as_is, attributes, xarray.Variable(variable.dims, numbered))
    plain = xarray.Variable(variable.dims, values, variable.attrs, dict(variable.encoding))
    try:
        encoded = xarray.conventions.encode_cf_variable(plain, name=name)
    except Exception as error:  # whatever cftime has against them
        raise _NoElements(f"its dates have no numbers: {error}") from error
    if not isinstance(encoded.dtype, np.dtype) or encoded.dtype.kind not in "iuf":
        raise _NoElements(f"its dates became {encoded.dtype}, not numbers")
    return _Elements(encoded.dtype.newbyteorder("=").str, _as_is, dict(encoded.attrs), encoded)


def _date_elements(name: str, variable: Any, attributes: Attributes) -> _Elements:
    """Dates that have to be read: the numbers they were, one block at a time."""
    units = variable.encoding["units"]
    calendar = variable.encoding.get("calendar", "standard")
    attributes.update(units=units, calendar=calendar)
    target, fill = _stored_number(variable.encoding, attributes)

    def adapt(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        import cftime

        flat = values.ravel()
        missing = np.fromiter((_is_missing(item) for item in flat), bool, flat.size)
        out: np.ndarray[Any, Any] = np.full(values.shape, fill, target)
        if not missing.all():
            found = np.asarray(cftime.date2num(flat[~missing], units, calendar=calendar))
            out[~missing.reshape(values.shape)] = _to_number(found, target, name, units)
        return out

    return _Elements(target.str, adapt, attributes, variable)


def _stored_number(encoding: Mapping[str, Any], attributes: Attributes) -> tuple[np.dtype[Any], Any]:
    """The type that decoded times were stored in, and the value that stands for "none". Completes ``attributes``."""
    try:
        target = np.dtype(encoding.get("dtype", np.int64)).newbyteorder("=")
    except TypeError:
        target = np.dtype(np.int64)
    packed = any(key in encoding for key in ("scale_factor", "add_offset"))
    if target.kind not in "iuf" or packed:
        target = np.dtype(np.float64)
    if target.kind == "f":
        return target, math.nan
    fill = encoding.get("_FillValue", encoding.get("missing_value"))
    if isinstance(fill, (numbers.Integral, np.integer)):
        attributes["_FillValue"] = int(fill)
    else:
        attributes["_FillValue"] = int(np.iinfo(target).min)
    return target, attributes["_FillValue"]


def _to_number(values: np.ndarray[Any, Any], target: np.dtype[Any], name: str, units: str) -> np.ndarray[Any, Any]:
    if target.kind == "f":
        return values.astype(target)
    whole: np.ndarray[Any, Any] = (np.rint(values) if values.dtype.kind == "f" else values).astype(target)
    if (whole != values).any():
        raise _inexact(name, units, target)
    return whole


def _inexact(name: str, units: str, target: np.dtype[Any]) -> errors.InvalidData:
    return errors.InvalidData(
        f'variable "{name}": its values are no whole "{units}" in {target}, as its encoding says; '
        f'delete "units" and "dtype" from its encoding, or load it'
    )


# Blocks


def equal_blocks(sizes: Sequence[int]) -> Blocks:
    """Blocks of these lengths, one after the other. Empty ones are left out."""
    if len(sizes) == 0:
        return Blocks(1)
    size = _dask_blocks.equal_size(sizes)
    if size:
        return Blocks(size)
    bounds = [0]
    for extent in sizes:
        if extent > 0:
            bounds.append(bounds[-1] + int(extent))
    largest = max(map(int, sizes))
    return Blocks(max(1, largest), tuple(bounds) if len(bounds) > 2 else ())


def split(shape: Sequence[int], max_cells: int) -> list[int]:
    """Blocks of at most ``max_cells`` in C order: whole inner dimensions, as many outer positions as fit.

    >>> split((10, 4, 3), 24), split((10, 4, 3), 5), split((10, 4, 3), 1000)
    ([2, 4, 3], [1, 1, 3], [10, 4, 3])
    """
    extents = [max(1, extent) for extent in shape]
    if math.prod(shape) <= max_cells:
        return extents
    inner = 1
    for d in range(len(extents) - 1, -1, -1):
        whole = extents[d]
        extents[d] = max(1, min(whole, max_cells // inner))
        inner = min(max_cells + 1, inner * whole)
    return extents


def stored_blocks(variable: Any) -> dict[int, Blocks] | None:
    """The blocks that a variable has by itself: a Dask array's, or those of its file. None if it has none."""
    if variable.chunks is not None:  # Dask's, or those of another manager of chunks
        return {d: equal_blocks(sizes) for d, sizes in enumerate(variable.chunks)}
    if is_in_memory(variable):
        return None
    encoding = variable.encoding
    preferred = encoding.get("preferred_chunks")
    if isinstance(preferred, Mapping) and preferred:
        sizes = [preferred.get(dim, extent) for dim, extent in zip(variable.dims, variable.shape)]
    else:
        sizes = encoding.get("chunks") or encoding.get("chunksizes")
        if not isinstance(sizes, (tuple, list)) or len(sizes) != variable.ndim:
            return None
    blocks = {}
    for d, (size, extent) in enumerate(zip(sizes, variable.shape)):
        if isinstance(size, (tuple, list)):
            blocks[d] = equal_blocks(size) if sum(size) == extent else Blocks(max(size, default=1))
        else:
            blocks[d] = Blocks(max(1, min(int(size), extent)))
    return blocks


# Attributes


def text_of(name: Any) -> str:
    """A name as text: xarray's may be any hashable."""
    text = name if isinstance(name, str) else str(name)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise errors.InvalidArgument(f"the name {text!r} is not text that can be written as UTF-8") from None
    return text


def json_text(attributes: Mapping[Any, Any]) -> str:
    """Attributes as a JSON object. What JSON has no form for becomes its text."""
    import json

    return json.dumps({_clean(str(key)): _plain(value) for key, value in attributes.items()})


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return _clean(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {_clean(str(key)): _plain(item) for key, item in value.items()}
    return _clean(str(value))
