"""Where rows belong in a grid: from columns of labels to cells of an array, with numpy alone.

A row is a tuple of labels, one per dimension. The labels of a dimension are the distinct values of its column, in order
of first appearance. Membership is exact: labels are compared, never searched for by order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Grid", "grid_of"]

_Array = np.ndarray[Any, Any]
_COMPARED_AT_ONCE = 2**20  # elements; bounds the memory of a comparison


class Grid(NamedTuple):
    """Rows over a grid of labels."""

    #: Per dimension, its labels.
    labels: list[_Array]
    #: The dimensions in the order in which the rows are a complete C-order product, outermost first; or None.
    product: tuple[int, ...] | None
    #: If there is no product: the cell of each row, in C order of the dimensions.
    cells: _Array | None
    rows: int

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(labels) for labels in self.labels)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def positions(self, row: int) -> tuple[int, ...]:
        """Positions of a row, one per dimension. For grids without a product."""
        assert self.cells is not None
        return tuple(int(at) for at in np.unravel_index(int(self.cells[row]), self.shape)) if self.shape else ()

    def in_subset(self, dims: Sequence[int]) -> _Array:
        """Cell of each row in the grid of some of the dimensions, in their order. For grids without a product."""
        assert self.cells is not None
        cells = np.zeros(self.rows, np.int64)
        for dim in dims:
            inner = math.prod(self.shape[dim + 1 :])
            cells *= self.shape[dim]
            cells += self.cells // inner % self.shape[dim]
        return cells


def grid_of(columns: list[_Array]) -> Grid:
    """The grid of rows whose labels are ``columns``, one per dimension, all of one length and without NULL.

    The list is emptied, so that a column's memory can go as soon as it has been looked at.

    >>> grid = grid_of([np.array([5, 5, 1, 1]), np.array(["a", "b", "a", "b"])])
    >>> [labels.tolist() for labels in grid.labels], grid.product
    ([[5, 1], ['a', 'b']], (0, 1))
    >>> grid_of([np.array([5, 1, 5]), np.array(["a", "b", "b"])]).cells.tolist()
    [0, 3, 1]
    """
    rows = len(columns[0]) if columns else 0
    product = _product(columns, rows) if rows else None
    if product is not None:
        labels, order = product
        columns.clear()
        return Grid(labels, order, None, rows)
    return _any_order(columns, rows)


def _product(columns: Sequence[_Array], rows: int) -> tuple[list[_Array], tuple[int, ...]] | None:
    """Labels, and the order of the dimensions, if every column repeats and tiles its labels as a product does."""
    patterns = []
    for column in columns:
        pattern = _repeat_and_tile(column)
        if pattern is None:
            return None
        patterns.append(pattern)
    order = sorted(range(len(patterns)), key=lambda dim: -patterns[dim][1])
    varying = [dim for dim in order if len(patterns[dim][0]) > 1]
    inner = 1
    for dim in reversed(varying):
        labels, repeat = patterns[dim]
        if repeat != inner:
            return None
        inner *= len(labels)
    if inner != rows:
        return None
    constant = [dim for dim in order if len(patterns[dim][0]) == 1]
    return [labels for labels, _ in patterns], (*constant, *varying)


def _repeat_and_tile(column: _Array) -> tuple[_Array, int] | None:
    """(labels, repeat) if the column is ``tile(repeat(labels, repeat), any)`` of distinct labels."""
    rows = len(column)
    repeat = _first_difference(column, column[0])
    if rows % repeat:
        return None
    heads = column[::repeat]
    count = len(heads)
    if count > 1:
        again = _first_equal(heads[1:], heads[0])
        count = len(heads) if again is None else again + 1
    if len(heads) % count:
        return None
    labels = heads[:count]
    if _distinct(labels) != count or not _matches(column, labels, repeat):
        return None
    return labels.copy(), repeat


def _spans(length: int, size: int = _COMPARED_AT_ONCE) -> Any:
    return ((begin, min(begin + size, length)) for begin in range(0, length, size))


def _first_difference(column: _Array, value: Any) -> int:
    for begin, end in _spans(len(column)):
        different = column[begin:end] != value
        if different.any():
            return max(1, begin + int(different.argmax()))
    return len(column)


def _first_equal(column: _Array, value: Any) -> int | None:
    for begin, end in _spans(len(column)):
        equal = column[begin:end] == value
        if equal.any():
            return begin + int(equal.argmax())
    return None


def _distinct(labels: _Array) -> int:
    import pandas

    return len(pandas.unique(labels))


def _matches(column: _Array, labels: _Array, repeat: int) -> bool:
    period = len(labels) * repeat
    periods = column.reshape(-1, len(labels), repeat)
    if period <= _COMPARED_AT_ONCE:
        expected = labels[None, :, None]
        step = max(1, _COMPARED_AT_ONCE // period)
        return all(bool((periods[begin:end] == expected).all()) for begin, end in _spans(len(periods), step))
    if repeat > _COMPARED_AT_ONCE:
        return all(
            bool((one[begin:end] == label).all())
            for tile in periods
            for one, label in zip(tile, labels)
            for begin, end in _spans(repeat)
        )
    step = max(1, _COMPARED_AT_ONCE // repeat)
    return all(
        bool((tile[begin:end] == labels[begin:end, None]).all())
        for tile in periods
        for begin, end in _spans(len(labels), step)
    )


def _any_order(columns: list[_Array], rows: int) -> Grid:
    import pandas

    labels: list[_Array] = []
    cells = np.zeros(rows, np.int64)
    too_many = False
    while columns:
        column = columns.pop(0)
        # Hashes the values; the codes count the distinct ones in order of first appearance.
        codes, found = pandas.factorize(column, use_na_sentinel=False)
        labels.append(np.asarray(found))
        del column, found
        too_many = too_many or math.prod(map(len, labels)) >= 2**63
        if not too_many:
            cells *= len(labels[-1])
            cells += codes
    # A grid so large is refused by its size before its cells are looked at.
    return Grid(labels, None, cells, rows)
