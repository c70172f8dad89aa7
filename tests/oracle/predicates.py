"""Random SQL predicates and the value each has for a row, by SQL's three-valued logic in plain Python.

A row is a dict of Python values: None is NULL, float NaN is a number that DuckDB orders above all others and that
equals itself.
"""

from __future__ import annotations

import datetime
import math
import random
from dataclasses import dataclass, field
from typing import Callable


@dataclass
class Column:
    """What a predicate needs to know of a column: its kind and values that occur in it."""

    name: str
    kind: str  # "int", "float", "time", "text", "bool"
    samples: list = field(default_factory=list)  # distinct non-NULL values

    @property
    def sql(self) -> str:
        return '"' + self.name.replace('"', '""') + '"'


@dataclass
class Predicate:
    sql: str
    test: Callable[[dict], bool | None]
    columns: frozenset = frozenset()


def order_key(value):
    """DuckDB's order: NaN above every number, equal to itself."""
    if isinstance(value, float) and math.isnan(value):
        return (1, 0.0)
    return (0, value)


def literal(value) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            return f"'{value}'::DOUBLE"
        return f"({value!r})::DOUBLE"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"({value})" if value < 0 else str(value)


COMPARISONS: dict[str, Callable[[object, object], bool]] = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}


def compare(operator: str, left, right) -> bool | None:
    if left is None or right is None:
        return None
    return COMPARISONS[operator](order_key(left), order_key(right))


def negate(value: bool | None) -> bool | None:
    return None if value is None else not value


def conjunction(values: list) -> bool | None:
    if any(v is False for v in values):
        return False
    return None if any(v is None for v in values) else True


def disjunction(values: list) -> bool | None:
    if any(v is True for v in values):
        return True
    return None if any(v is None for v in values) else False


def contains(value, options: list) -> bool | None:
    return disjunction([compare("=", value, option) for option in options])


class PredicateMaker:
    """Makes predicates over the given columns. Same generator state, same predicates."""

    def __init__(self, source: random.Random, columns: list[Column]):
        self.random = source
        self.columns = columns

    def value(self, column: Column):
        """A value of the column, a neighbour of one, or one that does not occur."""
        value = self.random.choice(column.samples) if column.samples else self.outside(column)
        step = self.random.choice((0, 0, 0, 1, -1))
        if column.kind == "int":
            return value + step
        if column.kind == "float":
            return self.random.choice((value, value + step * 0.5, float("nan") if step == 1 else value))
        if column.kind == "time":
            return value + datetime.timedelta(hours=step)
        if column.kind == "text":
            return value + "z" * (step == 1)
        return value

    @staticmethod
    def outside(column: Column):
        return {"int": 0, "float": 0.0, "time": datetime.datetime(2000, 1, 1), "text": "", "bool": True}[column.kind]

    def leaf(self) -> Predicate:
        column = self.random.choice(self.columns)
        name, sql, used = column.name, column.sql, frozenset([column.name])
        shapes = ["compare", "compare", "flipped", "between", "not between", "in", "not in", "null", "not null"]
        shapes += {"int": ["modulo", "abs", "arithmetic"], "float": ["abs_float", "pair"], "time": ["month", "hour"],
                   "text": ["like", "length"], "bool": ["bare"]}[column.kind]
        shape = self.random.choice(shapes)
        operator = self.random.choice(list(COMPARISONS))
        value = self.value(column)
        if shape == "compare":
            return Predicate(f"{sql} {operator} {literal(value)}", lambda r: compare(operator, r[name], value), used)
        if shape == "flipped":
            return Predicate(f"{literal(value)} {operator} {sql}", lambda r: compare(operator, value, r[name]), used)
        if shape in ("between", "not between"):
            low, high = self.value(column), self.value(column)
            if self.random.random() < 0.8 and order_key(high) < order_key(low):
                low, high = high, low

            def between(r):
                return conjunction([compare(">=", r[name], low), compare("<=", r[name], high)])
            test = between if shape == "between" else lambda r: negate(between(r))
            return Predicate(f"{sql} {shape.upper()} {literal(low)} AND {literal(high)}", test, used)
        if shape in ("in", "not in"):
            # From five values on DuckDB may turn a list inside an OR into a hash join, which keeps no order.
            options = [self.value(column) for _ in range(self.random.randint(1, 4))]
            if self.random.random() < 0.1:
                options[-1] = None
            text = ", ".join(map(literal, options))
            test = (lambda r: contains(r[name], options)) if shape == "in" else \
                (lambda r: negate(contains(r[name], options)))
            return Predicate(f"{sql} {shape.upper()} ({text})", test, used)
        if shape == "null":
            return Predicate(f"{sql} IS NULL", lambda r: r[name] is None, used)
        if shape == "not null":
            return Predicate(f"{sql} IS NOT NULL", lambda r: r[name] is not None, used)
        if shape == "modulo":
            divisor, rest = self.random.randint(2, 5), self.random.randint(0, 3)
            # SQL's remainder has the sign of the dividend.
            return Predicate(f"{sql} % {divisor} = {rest}",
                             lambda r: None if r[name] is None else int(math.fmod(r[name], divisor)) == rest, used)
        if shape == "abs":
            bound = self.random.randint(0, 6)
            return Predicate(f"abs({sql}) < {bound}", lambda r: None if r[name] is None else abs(r[name]) < bound, used)
        if shape == "arithmetic":
            shift = self.random.randint(-3, 3)
            return Predicate(f"CAST({sql} AS BIGINT) * 2 + ({shift}) {operator} {literal(value)}",
                             lambda r: None if r[name] is None else compare(operator, r[name] * 2 + shift, value), used)
        if shape == "abs_float":
            bound = self.random.randint(0, 12) / 2
            return Predicate(f"abs({sql}) < {bound}::DOUBLE",
                             lambda r: None if r[name] is None else compare("<", abs(r[name]), bound), used)
        if shape == "pair":
            other = self.random.choice([c for c in self.columns if c.kind in ("int", "float")])
            bound = self.random.randint(-4, 8)

            def added(r):
                if r[name] is None or r[other.name] is None:
                    return None
                return compare(operator, r[name] + float(r[other.name]), float(bound))
            return Predicate(f"{sql} + {other.sql}::DOUBLE {operator} {bound}", added, used | {other.name})
        if shape == "month":
            month = self.random.choice([v.month for v in column.samples] or [1])
            return Predicate(f"month({sql}) {operator} {month}",
                             lambda r: None if r[name] is None else compare(operator, r[name].month, month), used)
        if shape == "hour":
            hour = self.random.choice((0, 6, 12, 18))
            return Predicate(f"hour({sql}) {operator} {hour}",
                             lambda r: None if r[name] is None else compare(operator, r[name].hour, hour), used)
        if shape == "like":
            letter = self.random.choice("abcz")
            return Predicate(f"{sql} LIKE '{letter}%'",
                             lambda r: None if r[name] is None else r[name].startswith(letter), used)
        if shape == "length":
            size = self.random.randint(0, 3)
            return Predicate(f"length({sql}) {operator} {size}",
                             lambda r: None if r[name] is None else compare(operator, len(r[name]), size), used)
        return Predicate(sql, lambda r: r[name], used)  # a bare boolean

    def make(self, depth: int = 3) -> Predicate:
        roll = self.random.random()
        if depth == 0 or roll < 0.35:
            return self.leaf()
        if roll < 0.5:
            inner = self.make(depth - 1)
            return Predicate(f"NOT ({inner.sql})", lambda r: negate(inner.test(r)), inner.columns)
        parts = [self.make(depth - 1) for _ in range(self.random.randint(2, 3))]
        used = frozenset().union(*(p.columns for p in parts))
        if roll < 0.78:
            return Predicate("(" + " AND ".join(p.sql for p in parts) + ")",
                             lambda r: conjunction([p.test(r) for p in parts]), used)
        return Predicate("(" + " OR ".join(p.sql for p in parts) + ")",
                         lambda r: disjunction([p.test(r) for p in parts]), used)
