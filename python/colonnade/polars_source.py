"""Relations as Polars LazyFrames.

Polars says what a query needs of a source: columns, a number of rows, a predicate. Columns and rows become SQL, and so
do the parts of the predicate that mean exactly the same there: comparisons of a column with a constant of its own type,
``is_in``, null tests, and what ``&``, ``|`` and ``~`` make of them. Polars applies the whole predicate again to what
comes back, so a part that is not translated costs time, never rows.
"""

from __future__ import annotations

import datetime
import io
import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars

    from .relation import Relation

__all__ = ["lazy_frame", "to_sql"]

Columns = dict[str, tuple[str, str]]

_COMPARISONS = {
    "Eq": "=", "NotEq": "<>", "Lt": "<", "LtEq": "<=", "Gt": ">", "GtEq": ">=",
    "EqValidity": "IS NOT DISTINCT FROM", "NotEqValidity": "IS DISTINCT FROM",
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_INTEGERS = {
    "Int8": "TINYINT", "Int16": "SMALLINT", "Int32": "INTEGER", "Int64": "BIGINT",
    "UInt8": "UTINYINT", "UInt16": "USMALLINT", "UInt32": "UINTEGER", "UInt64": "UBIGINT",
}
_FLOATS = {"Float32": "FLOAT", "Float64": "DOUBLE"}
_TIMESTAMPS = {
    "Milliseconds": ("TIMESTAMP_MS", 1_000), "Microseconds": ("TIMESTAMP", 1), "Nanoseconds": ("TIMESTAMP_NS", 0),
}


def lazy_frame(relation: Relation) -> polars.LazyFrame:
    """See ``Relation.lazy``."""
    import polars
    from polars.io.plugins import register_io_source

    known = {
        name: (f"c{i}", sql_type) for i, (name, sql_type) in enumerate(zip(relation._unique_names(), relation.types))
    }
    # Names and types without a row.
    schema = polars.DataFrame(relation._numbered_query("LIMIT 0")).schema

    def batches(
        columns: list[str] | None, predicate: polars.Expr | None, rows: int | None, batch_rows: int | None
    ) -> Iterator[polars.DataFrame]:
        where = None if predicate is None else to_sql(predicate, known)
        # Polars counts rows before it filters.
        # Of a query that needs no column one is read, for the number of rows.
        wanted = None if columns is None else [int(known[name][0][1:]) for name in columns or [next(iter(known))]]
        query = relation._numbered_query("" if rows is None else f"LIMIT {rows}", where, wanted)
        for batch in query.batches(batch_rows or 65_536):
            frame = polars.DataFrame(batch)
            yield frame if predicate is None else frame.filter(predicate)

    return register_io_source(batches, schema=schema, explain_name="COLONNADE")


def to_sql(predicate: polars.Expr, known: Columns) -> str | None:
    """A condition that every row passes which passes ``predicate``; None if there is none to be had.

    ``known`` are the columns: what each is called in SQL, and its type there.

    >>> import polars as pl
    >>> expr = (pl.col("a") == pl.lit(1, pl.Int32)) & (pl.col("a") % 2 == 1) & pl.col("b").is_not_null()
    >>> to_sql(expr, {"a": ("c0", "INTEGER"), "b": ("c1", "VARCHAR")})
    '((c0 = CAST(1 AS INTEGER))) AND ((c1 IS NOT NULL))'
    """
    try:
        tree = json.loads(predicate.meta.serialize(format="json"))
    except Exception:  # an expression that Polars cannot write down, such as a Python function
        return None
    parts = [sql for sql in (_condition(part, known) for part in _conjuncts(tree)) if sql is not None]
    return " AND ".join(f"({part})" for part in parts) or None


def _conjuncts(tree: Any) -> Iterator[Any]:
    operands = _binary(tree)
    if operands is not None and operands[1] in ("And", "LogicalAnd"):
        yield from _conjuncts(operands[0])
        yield from _conjuncts(operands[2])
    else:
        yield tree


def _binary(tree: Any) -> tuple[Any, str, Any] | None:
    body = tree.get("BinaryExpr") if isinstance(tree, dict) else None
    return (body["left"], body["op"], body["right"]) if isinstance(body, dict) else None


def _condition(tree: Any, known: Columns) -> str | None:
    """SQL that is true, false or NULL exactly where the expression is; None if that is not known."""
    column = _column(tree, known)
    if column is not None:
        return column[0] if column[1] == "BOOLEAN" else None
    operands = _binary(tree)
    if operands is not None:
        left, operator, right = operands
        if operator in ("And", "LogicalAnd", "Or", "LogicalOr"):
            first, second = _condition(left, known), _condition(right, known)
            word = "AND" if operator in ("And", "LogicalAnd") else "OR"
            return None if first is None or second is None else f"({first} {word} {second})"
        return _comparison(left, _COMPARISONS.get(operator), right, known)
    body = tree.get("Function") if isinstance(tree, dict) else None
    function = body.get("function") if isinstance(body, dict) else None
    kind = function.get("Boolean") if isinstance(function, dict) else None
    return None if kind is None or body is None else _function(kind, body["input"], known)


def _comparison(left: Any, operator: str | None, right: Any, known: Columns) -> str | None:
    if operator is None:
        return None
    column, constant = _column(left, known), right
    if column is None:
        column, constant, operator = _column(right, known), left, _MIRRORED.get(operator, operator)
    if column is None:
        return None
    literal = _literal(constant, column[1])
    return None if literal is None else f"({column[0]} {operator} {literal})"


def _function(kind: Any, inputs: list[Any], known: Columns) -> str | None:
    if kind == "Not":
        inner = _condition(inputs[0], known)
        return None if inner is None else f"(NOT {inner})"
    column = _column(inputs[0], known)
    if column is None:
        return None
    if kind in ("IsNull", "IsNotNull"):
        return f"({column[0]} IS {'NOT ' if kind == 'IsNotNull' else ''}NULL)"
    if isinstance(kind, dict) and kind.get("IsIn") == {"nulls_equal": False}:
        return _is_in(*column, inputs[1])
    if isinstance(kind, dict) and "IsBetween" in kind:
        closed = kind["IsBetween"].get("closed")
        low, high = (_literal(one, column[1]) for one in inputs[1:3])
        if low is None or high is None or closed not in ("Both", "Left", "Right", "None"):
            return None
        name = column[0]
        above, below = ">=" if closed in ("Both", "Left") else ">", "<=" if closed in ("Both", "Right") else "<"
        return f"({name} {above} {low} AND {name} {below} {high})"
    return None


def _is_in(name: str, sql_type: str, values: Any) -> str | None:
    """``IN`` for a list that Polars has written as an Arrow IPC stream."""
    import polars

    try:
        data = bytes(values["Literal"]["Scalar"]["List"])
        series = polars.read_ipc_stream(io.BytesIO(data)).to_series()
    except (KeyError, TypeError, ValueError, polars.exceptions.PolarsError):
        return None
    items = [_constant(str(series.dtype), item, sql_type) for item in series.to_list()]
    if not items or any(item is None for item in items):
        return None
    return f"({name} IN ({', '.join(item for item in items if item is not None)}))"


def _column(tree: Any, known: Columns) -> tuple[str, str] | None:
    name = tree.get("Column") if isinstance(tree, dict) else None
    return known.get(name) if isinstance(name, str) else None


def _literal(tree: Any, sql_type: str) -> str | None:
    """A constant that is compared in the column's own type."""
    try:
        scalar = tree["Literal"]["Scalar"]
    except (KeyError, TypeError):
        return None
    if not isinstance(scalar, dict) or len(scalar) != 1:
        return None
    [(kind, value)] = scalar.items()
    if kind == "Datetime" and isinstance(value, list) and len(value) == 3 and value[2] is None:
        name, micros = _TIMESTAMPS.get(value[1], ("", 0))
        return _timestamp(value[0], micros) if name == sql_type else None
    if kind == "Date":
        value = datetime.date(1970, 1, 1) + datetime.timedelta(days=value) if abs(value) < 700_000 else None
    return _constant(kind, value, sql_type)


def _constant(kind: str, value: Any, sql_type: str) -> str | None:
    if value is None:
        return None
    if kind in _INTEGERS:
        return f"CAST({value} AS {sql_type})" if _INTEGERS[kind] == sql_type else None
    if kind in _FLOATS:
        # repr gives the digits that read as the same number; as text, for digits alone would be a decimal of SQL.
        finite = isinstance(value, float) and math.isfinite(value)
        return f"CAST('{value!r}' AS {sql_type})" if finite and _FLOATS[kind] == sql_type else None
    if kind == "String" and sql_type == "VARCHAR" and isinstance(value, str) and "\0" not in value:
        return "'" + value.replace("'", "''") + "'"
    if kind == "Boolean" and sql_type == "BOOLEAN":
        return "true" if value else "false"
    if kind == "Date" and sql_type == "DATE" and isinstance(value, datetime.date):
        return f"DATE '{value.isoformat()}'"
    return None


def _timestamp(count: int, micros: int) -> str:
    return f"make_timestamp_ns({count})" if micros == 0 else f"make_timestamp({count * micros})"
