"""Which casts give a result the Arrow schema that a consumer asks for.

The Arrow protocol lets consumers ask for another representation of the same data. What SQL can cast without losing
anything is cast; text and bytes keep the engine's layout (offsets or views), and timestamps with a zone keep the
session's zone, which the protocol allows. What would lose digits, fractions or the meaning of a value is refused: that
is for SQL to say.
"""

from __future__ import annotations

from typing import Any

from .errors import InvalidArgument

__all__ = ["casts_for", "quoted"]

# (name, Arrow format, children, dictionary), as _core.schema_fields gives them.
Field = tuple[str, str, list[Any], Any]

_INTEGERS = {
    "c": ("TINYINT", 8, True), "C": ("UTINYINT", 8, False),
    "s": ("SMALLINT", 16, True), "S": ("USMALLINT", 16, False),
    "i": ("INTEGER", 32, True), "I": ("UINTEGER", 32, False),
    "l": ("BIGINT", 64, True), "L": ("UBIGINT", 64, False),
}
_FLOATS = {"f": ("FLOAT", 24), "g": ("DOUBLE", 53)}  # bits of the mantissa
_TEXT = {"u", "U", "vu"}
_BINARY = {"z", "Z", "vz"}
_LISTS = {"+l", "+L", "+vl", "+vL"}
_UNITS = {"s": "TIMESTAMP_S", "m": "TIMESTAMP_MS", "u": "TIMESTAMP", "n": "TIMESTAMP_NS"}


def quoted(name: str) -> str:
    """A name as an identifier of SQL.

    >>> quoted('a "b"')
    '"a ""b\"""'
    """
    return '"' + name.replace('"', '""') + '"'


def casts_for(have: list[Field], want: list[Field]) -> list[str | None] | None:
    """The SQL type that each column must be cast to, None for those that stay; or None if no column must be.

    Raises InvalidArgument for another number of columns, other names, and casts that would lose something.

    >>> casts_for([("a", "i", [], None), ("b", "u", [], None)], [("a", "l", [], None), ("b", "U", [], None)])
    ['BIGINT', None]
    """
    if len(have) != len(want):
        raise InvalidArgument(f"the requested schema has {len(want)} columns, the result {len(have)}")
    casts: list[str | None] = []
    for one, other in zip(have, want):
        if one[0] != other[0]:
            raise InvalidArgument(f'the requested schema has a column "{other[0]}" where the result has "{one[0]}"')
        sql_type, differs = _cast(one, other, one[0])
        casts.append(sql_type if differs else None)
    return casts if any(casts) else None


def _cast(have: Field, want: Field, path: str) -> tuple[str, bool]:
    """(SQL type of what is wanted, whether a cast is needed)."""
    # A dictionary is a representation of its values.
    have, want = have[3] or have, want[3] or want
    old, new = have[1], want[1]
    if old in _LISTS and new in _LISTS:
        inner, differs = _cast(have[2][0], want[2][0], f"{path}[]")
        return f"{inner}[]", differs
    if old.startswith("+w:") and old == new:
        inner, differs = _cast(have[2][0], want[2][0], f"{path}[]")
        return f"{inner}[{old[3:]}]", differs
    if old == new == "+m":
        pairs = list(zip(have[2][0][2], want[2][0][2]))
        (key, key_differs), (value, value_differs) = (_cast(*pair, f"{path}.{pair[0][0]}") for pair in pairs)
        return f"MAP({key}, {value})", key_differs or value_differs
    if old == new == "+s" and [field[0] for field in have[2]] == [field[0] for field in want[2]]:
        inside = [(pair[0][0], *_cast(*pair, f"{path}.{pair[0][0]}")) for pair in zip(have[2], want[2])]
        fields = ", ".join(f"{quoted(name)} {kind}" if name else kind for name, kind, _ in inside)
        return f"STRUCT({fields})", any(differs for _, _, differs in inside)
    if old == new:
        return _sql_type(old), False
    sql_type = _lossless(old, new)
    if sql_type is None:
        raise InvalidArgument(
            f'column "{path}": the requested schema asks for Arrow type {new} in place of {old}, which could lose'
            " something; cast it in SQL"
        )
    return sql_type, sql_type != _sql_type(old)


def _sql_type(arrow_format: str) -> str:
    """The SQL type whose results have this format."""
    if arrow_format in _INTEGERS:
        return _INTEGERS[arrow_format][0]
    if arrow_format in _FLOATS:
        return _FLOATS[arrow_format][0]
    if arrow_format in _TEXT:
        return "VARCHAR"
    if arrow_format in _BINARY:
        return "BLOB"
    if arrow_format.startswith("d:"):
        return f"DECIMAL({','.join(arrow_format[2:].split(',')[:2])})"
    if arrow_format.startswith("ts"):
        return "TIMESTAMP WITH TIME ZONE" if arrow_format[4:] else _UNITS[arrow_format[2]]
    if arrow_format.startswith("tt"):
        return "TIME_NS" if arrow_format == "ttn" else "TIME"
    return {"b": "BOOLEAN", "tdD": "DATE", "tdm": "DATE", "tin": "INTERVAL", "n": '"NULL"'}.get(arrow_format, "VARCHAR")


def _lossless(old: str, new: str) -> str | None:
    """The type to cast to, if every value either survives or makes the cast fail."""
    if any(old in kinds and new in kinds for kinds in (_TEXT, _BINARY)) or {old, new} <= {"tdD", "tdm"}:
        return _sql_type(old)
    if new in _INTEGERS:
        whole = old.startswith("d:") and old.split(",")[1] == "0"
        return _INTEGERS[new][0] if old in _INTEGERS or whole else None
    if new in _FLOATS:
        bits = _INTEGERS[old][1] if old in _INTEGERS else _FLOATS[old][1] if old in _FLOATS else 128
        return _FLOATS[new][0] if bits <= _FLOATS[new][1] else None
    if new.startswith("d:"):
        scale = int(new.split(",")[1])
        old_scale = 0 if old in _INTEGERS else int(old.split(",")[1]) if old.startswith("d:") else scale + 1
        return _sql_type(new) if old_scale <= scale else None
    if new.startswith("ts"):
        if old.startswith("ts"):
            if bool(old[4:]) != bool(new[4:]):
                return None
            if old[4:]:
                return _sql_type(old) if old[2] == new[2] else None
            return _UNITS[new[2]] if "smun".index(old[2]) <= "smun".index(new[2]) else None
        return _UNITS[new[2]] if old == "tdD" and not new[4:] else None
    if new.startswith("tt") and old.startswith("tt"):
        return _sql_type(new) if "smun".index(old[2]) <= "smun".index(new[2]) else None
    return None
