"""Columns of pandas frames as Arrow arrays, without pyarrow.

Values of fixed width stay where they are in numpy's memory. What pandas calls missing is NULL: NaN, NaT, NA and None.

The index is no column unless it has a name; then it is the first one (of a MultiIndex, each level that has a name). Names
that are no text are spelled as ``str`` does.
"""

from __future__ import annotations

import datetime
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import errors

__all__ = ["Column", "columns_of"]

_INTEGERS = {("i", 1): "c", ("i", 2): "s", ("i", 4): "i", ("i", 8): "l",
             ("u", 1): "C", ("u", 2): "S", ("u", 4): "I", ("u", 8): "L"}
_FLOATS = {2: "e", 4: "f", 8: "g"}
_UNITS = {"s": "s", "ms": "m", "us": "u", "ns": "n"}
_EPOCH_DATE = datetime.date(1970, 1, 1)
_EPOCH = datetime.datetime(1970, 1, 1)
_INT64 = range(-(2**63), 2**63)


class Column:
    """One column: its name, its Arrow type at once, its array when it is asked for."""

    def __init__(self, name: str, values: Any) -> None:
        self.name = name
        self._values = values  # a Series or an Index
        self._arrow: Any = None
        self._dictionary = ""
        self._ordered = False
        self.unsupported = ""
        self.format = self._find_format()

    def field(self) -> tuple[Any, ...]:
        """For ``_core.schema_of_formats``."""
        if self._arrow is not None:
            return self.name, self._arrow.type.__arrow_c_schema__()
        return self.name, self.format, self._dictionary, self._ordered

    def array(self) -> Any:
        """For ``_core.batch_of_buffers``."""
        if self.unsupported:
            raise errors.Unsupported(self.unsupported)
        if self._arrow is not None:
            chunked = self._arrow
            array = chunked.chunk(0) if chunked.num_chunks == 1 else chunked.combine_chunks()
            return array.__arrow_c_array__()[1]
        dtype = self._values.dtype
        array = self._values.array
        if self._dictionary:
            return self._dictionary_array(array)
        if hasattr(array, "_mask") and hasattr(array, "_data"):  # Int64, boolean, Float64
            mask = np.asarray(array._mask)
            data = np.asarray(array._data)
            return _fixed(data, mask | np.isnan(data) if data.dtype.kind == "f" else mask)
        if _zone_of(dtype) is not None:
            stamps = array.asi8
            return _fixed(stamps, stamps == np.iinfo(np.int64).min)
        if isinstance(dtype, np.dtype) and dtype.kind != "O":
            return _of_numpy(self._values.to_numpy())
        return _of_objects(self._values.to_numpy(dtype=object), self.format, self.name)

    def _find_format(self) -> str:
        dtype = self._values.dtype
        kind = type(dtype).__name__
        if kind == "CategoricalDtype":
            return self._find_dictionary_format(dtype)
        if kind == "ArrowDtype" or (kind == "StringDtype" and getattr(dtype, "storage", "") == "pyarrow"):
            self._arrow = self._values.array.__arrow_array__()
            return ""
        if kind == "StringDtype":
            return "u"
        zone = _zone_of(dtype)
        if zone is not None:
            return f"ts{_UNITS[dtype.unit]}:{zone}"
        if isinstance(dtype, np.dtype) and dtype.kind == "O":
            found = _format_of_objects(self._values.to_numpy())
        else:
            found = _format_of_numpy(getattr(dtype, "numpy_dtype", dtype))
        if not found:
            self.unsupported = f"column {self.name!r}: pandas' {dtype} has no place in SQL; convert it first"
        return found or "u"

    def _find_dictionary_format(self, dtype: Any) -> str:
        self._categories = Column(self.name, dtype.categories)
        self._ordered = bool(dtype.ordered)
        codes = np.asarray(self._values.array.codes)
        # Text of pandas' own kind is made Arrow text, one for every category.
        self._dictionary = "u" if self._categories._arrow is not None else self._categories.format
        self.unsupported = self._categories.unsupported
        if self._categories._dictionary:  # categories that are categories
            self.unsupported = f"column {self.name!r}: categories of categories have no place in SQL"
            self._dictionary = ""
            return "u"
        return _format_of_numpy(codes.dtype)

    def _dictionary_array(self, array: Any) -> Any:
        codes = np.asarray(array.codes)
        if self._categories._arrow is not None:
            values = _of_objects(self._categories._values.to_numpy(dtype=object), "u", self.name)
        else:
            values = self._categories.array()
        nulls, buffers, _, _ = _fixed(codes, codes < 0)
        return nulls, buffers, values, len(self._categories._values)


def columns_of(frame: Any) -> list[Column]:
    """The columns of a DataFrame or Series, those of its index first."""
    if type(frame).__name__ == "Series":
        frame = frame.to_frame(name="value" if frame.name is None else frame.name)
    columns = []
    index = frame.index
    for level, name in enumerate(index.names):
        if name is not None:
            columns.append(Column(_text(name), index if index.nlevels == 1 else index.get_level_values(level)))
    for position, name in enumerate(frame.columns):
        columns.append(Column(_text(name), frame.iloc[:, position]))
    if not columns:
        raise errors.InvalidArgument("the frame has no columns, and its index has no name")
    return columns


def _text(name: Any) -> str:
    return name if isinstance(name, str) else str(name)


def _zone_of(dtype: Any) -> str | None:
    """The name of a time zone for Arrow; None for what has none."""
    zone = getattr(dtype, "tz", None)
    if zone is None:
        return None
    offset = zone.utcoffset(None) if isinstance(zone, datetime.timezone) else None
    if offset is None:
        name = getattr(zone, "key", None) or getattr(zone, "zone", None) or str(zone)
        return str(name) if name and " " not in str(name) and "(" not in str(name) else "UTC"
    minutes = int(offset.total_seconds() // 60)
    return "UTC" if minutes == 0 else f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


# ---------------------------------------------------------------------------
# numpy
# ---------------------------------------------------------------------------


def _format_of_numpy(dtype: Any) -> str:
    """The Arrow format of a numpy type; empty if it has none."""
    if not isinstance(dtype, np.dtype):
        return ""
    if dtype.kind == "b":
        return "b"
    if dtype.kind in "iu":
        return _INTEGERS[dtype.kind, dtype.itemsize]
    if dtype.kind == "f":
        return _FLOATS.get(dtype.itemsize, "")
    if dtype.kind in "mM":
        unit, count = np.datetime_data(dtype)
        if count == 1 and unit in _UNITS:
            return f"ts{_UNITS[unit]}:" if dtype.kind == "M" else f"tD{_UNITS[unit]}"
    return ""


def _of_numpy(values: Any) -> Any:
    if values.dtype.kind == "f":
        return _fixed(values, np.isnan(values))
    if values.dtype.kind in "mM":
        return _fixed(values.view(np.int64), np.isnat(values))
    return _fixed(values, None)


def _fixed(values: Any, missing: Any) -> tuple[int, list[Any], None, int]:
    """Values of fixed width, not copied if they lie one behind the other; booleans become bits."""
    validity, nulls = _validity(missing)
    if values.dtype.kind == "b":
        return nulls, [validity, np.packbits(values, bitorder="little")], None, 0
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    if values.dtype.kind in "mM":
        values = values.view(np.int64)
    return nulls, [validity, np.ascontiguousarray(values)], None, 0


def _validity(missing: Any) -> tuple[Any, int]:
    nulls = 0 if missing is None else int(np.count_nonzero(missing))
    return (np.packbits(~missing, bitorder="little") if nulls else None), nulls


# ---------------------------------------------------------------------------
# Python objects
# ---------------------------------------------------------------------------

# Format by type of the first value that is not missing. bool is an int, datetime a date: order matters.
_OBJECT_FORMATS: list[tuple[Any, str, str]] = [
    (str, "u", "str"),
    (bytes, "z", "bytes"),
    (bool, "b", "bool"),
    (numbers.Integral, "l", "int"),
    (numbers.Real, "g", "float"),
    (datetime.datetime, "tsu:", "datetime"),
    (datetime.date, "tdD", "date"),
]


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, (float, np.floating)):
        return bool(value != value)
    return type(value).__name__ in ("NAType", "NaTType")


def _format_of_object(value: Any) -> str:
    if isinstance(value, np.bool_):
        return "b"
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return "tsu:UTC"
    for kind, arrow_format, _ in _OBJECT_FORMATS:
        if isinstance(value, kind):
            return arrow_format
    return ""


def _format_of_objects(values: Sequence[Any]) -> str:
    for value in values:
        if not _is_missing(value):
            return _format_of_object(value)
    return "u"


def _of_objects(values: Any, arrow_format: str, column: str) -> Any:
    """Python objects, copied. All are of the type that the format says, or missing."""
    missing = np.fromiter((_is_missing(value) for value in values), bool, len(values))
    for row, value in enumerate(values):
        if not missing[row] and _format_of_object(value) != arrow_format:
            expected = next((name for _, known, name in _OBJECT_FORMATS if known == arrow_format), "datetime with zone")
            raise errors.InvalidArgument(
                f"column {column!r}, row {row}: {type(value).__name__} among {expected}; a column has one type")
    if arrow_format in ("u", "z"):
        return _text_array(values, missing, column)
    converted = np.zeros(len(values), {"b": bool, "g": np.float64, "tdD": np.int32}.get(arrow_format, np.int64))
    for row, value in enumerate(values):
        if missing[row]:
            continue
        if arrow_format == "tdD":
            value = (value - _EPOCH_DATE).days
        elif arrow_format.startswith("ts"):
            if value.tzinfo is not None:
                value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
            value = (value - _EPOCH) // datetime.timedelta(microseconds=1)
        elif arrow_format == "l" and int(value) not in _INT64:
            raise errors.InvalidArgument(f"column {column!r}, row {row}: {value} does not fit into 64 bits")
        converted[row] = value
    return _fixed(converted, missing)


def _text_array(values: Any, missing: Any, column: str) -> tuple[int, list[Any], None, int]:
    parts = [b""] * len(values)
    offsets = np.zeros(len(values) + 1, np.int64)
    for row, value in enumerate(values):
        if missing[row]:
            continue
        try:
            parts[row] = value.encode() if isinstance(value, str) else bytes(value)
        except UnicodeEncodeError as error:
            raise errors.InvalidArgument(f"column {column!r}, row {row}: text that is no Unicode: {error.reason}") from None
        offsets[row + 1] = len(parts[row])
    np.cumsum(offsets, out=offsets)
    if offsets[-1] > np.iinfo(np.int32).max:
        raise errors.LimitExceeded(f"column {column!r} has {offsets[-1]} bytes of text, more than 2147483647")
    validity, nulls = _validity(missing)
    return nulls, [validity, offsets.astype(np.int32), b"".join(parts)], None, 0
