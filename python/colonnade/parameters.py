"""Python values as parameters of SQL statements."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import InvalidArgument

_INT64 = range(-(2**63), 2**63)
_INT128 = range(-(2**127), 2**127)


def _number(value: int) -> tuple[Any, str]:
    if value in _INT64:
        return value, ""
    if value in _INT128:
        return str(value), "HUGEINT"
    raise InvalidArgument(f"{value} does not fit SQL's 128-bit integers")


def _decimal(value: decimal.Decimal) -> tuple[Any, str]:
    if not value.is_finite():
        return float(value), ""
    _, digits, exponent = value.as_tuple()
    scale = max(0, -int(exponent))
    width = max(len(digits) + max(0, int(exponent)), scale, 1)
    if width > 38:
        raise InvalidArgument(f"{value} has {width} digits; SQL's decimals have at most 38")
    return format(value, "f"), f"DECIMAL({width},{scale})"


def _timedelta(value: datetime.timedelta) -> tuple[Any, str]:
    microseconds = (value.seconds * 1_000_000) + value.microseconds
    return f"{value.days} days {microseconds} microseconds", "INTERVAL"


def _datetime(value: datetime.datetime) -> tuple[Any, str]:
    # pandas.Timestamp is a datetime with nanoseconds.
    if value.tzinfo is not None:
        return value.isoformat(sep=" "), "TIMESTAMP WITH TIME ZONE"
    return value.isoformat(sep=" "), "TIMESTAMP_NS" if getattr(value, "nanosecond", 0) else "TIMESTAMP"


def _list(value: Sequence[Any]) -> tuple[Any, str]:
    items = [parameter(item) for item in value]
    types = {kind or _plain_type(item) for item, kind in items if item is not None}
    if len(types) > 1:
        raise InvalidArgument(f"a list of {' and '.join(sorted(types))}: the items of a list parameter have one type")
    kind = types.pop() if types else "INTEGER"
    if kind == "BLOB":
        raise InvalidArgument("a list of bytes cannot be a parameter")
    return "[" + ", ".join("NULL" if item is None else _quoted(item) for item, _ in items) + "]", kind + "[]"


def _plain_type(value: Any) -> str:
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "BIGINT"
    return "DOUBLE" if isinstance(value, float) else "VARCHAR"


def _quoted(item: Any) -> str:
    text = str(item)
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'" if isinstance(item, str) else text


def parameter(value: Any) -> tuple[Any, str]:
    """The value as (None, bool, int, float, str or bytes; the SQL type to cast it to or "").

    >>> parameter(3)
    (3, '')
    >>> parameter(datetime.date(2000, 1, 31))
    ('2000-01-31', 'DATE')
    >>> parameter(decimal.Decimal("1.50"))
    ('1.50', 'DECIMAL(3,2)')
    """
    if value is None or isinstance(value, (bool, float, str)):
        return value, ""
    if isinstance(value, int):
        return _number(int(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value), "BLOB"
    if value is getattr(type(value), "NaT", None) or type(value).__name__ in ("NaTType", "NAType"):
        return None, ""
    if isinstance(value, datetime.datetime):
        return _datetime(value)
    if isinstance(value, datetime.date):
        return value.isoformat(), "DATE"
    if isinstance(value, datetime.time):
        return value.isoformat(), "TIME"
    if isinstance(value, datetime.timedelta):
        return _timedelta(value)
    if isinstance(value, decimal.Decimal):
        return _decimal(value)
    if isinstance(value, uuid.UUID):
        return str(value), "UUID"
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if kind is not None and getattr(value, "ndim", None) == 0:  # a numpy scalar, without importing numpy
        if kind == "M":
            text = str(value)
            return (None, "") if text == "NaT" else (text.replace("T", " "), "TIMESTAMP_NS")
        return parameter(value.item())
    if isinstance(value, (list, tuple)):
        return _list(value)
    raise InvalidArgument(f"a parameter of type {type(value).__name__} has no SQL type: {value!r:.60}")


def split(params: Sequence[Any] | Mapping[str, Any] | None) -> tuple[list[tuple[Any, str]], dict[str, tuple[Any, str]]]:
    """Parameters by position (``?``, ``$1``) and by name (``$name``).

    >>> split([1, "a"])
    ([(1, ''), ('a', '')], {})
    >>> split({"low": 1.5})
    ([], {'low': (1.5, '')})
    """
    if params is None:
        return [], {}
    if isinstance(params, Mapping):
        return [], {str(name): parameter(value) for name, value in params.items()}
    if isinstance(params, (str, bytes)) or not isinstance(params, Sequence):
        raise InvalidArgument(f"params is a list or a dict, not {type(params).__name__}")
    return [parameter(value) for value in params], {}
