"""Rows as text for terminals and as HTML for notebooks."""

from __future__ import annotations

import datetime
import html
import shutil
import unicodedata
from collections.abc import Sequence
from typing import Any

__all__ = ["html_table", "text_table"]

_MAX_TEXT = 48  # of one value, in terminal cells
_MAX_HTML_TEXT = 80  # the same in a notebook, which scrolls sideways
_ELLIPSIS = "…"


def is_numeric(sql_type: str) -> bool:
    """True for the types that are aligned to the right.

    >>> is_numeric("DECIMAL(10,2)"), is_numeric("INTEGER[]")
    (True, False)
    """
    if sql_type.endswith("]"):
        return False
    return sql_type.split("(")[0] in {
        "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
        "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
        "FLOAT", "DOUBLE", "DECIMAL", "BIGNUM",
    }


def value_text(value: Any) -> str:
    """A value as a cell shows it, on one line.

    >>> value_text(None), value_text(True), value_text("two\\nlines"), value_text(datetime.datetime(2000, 1, 1))
    ('NULL', 'true', 'two\\\\nlines', '2000-01-01 00:00:00')
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    text = value if isinstance(value, str) else str(value)
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _cells(text: str) -> int:
    """Terminal cells that a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )


def _shortened(text: str, cells: int) -> str:
    if _cells(text) <= cells:
        return text
    kept, used = [], 0
    for one in text:
        used += _cells(one)
        if used > cells - 1:
            break
        kept.append(one)
    return "".join(kept) + _ELLIPSIS


def _padded(text: str, cells: int, right: bool) -> str:
    space = " " * (cells - _cells(text))
    return space + text if right else text + space


def _shown_columns(widths: Sequence[int], limit: int) -> list[int | None]:
    """Which columns fit into ``limit`` cells: first and last ones, None where some are left out."""
    def total(columns: list[int | None]) -> int:
        return sum((len(_ELLIPSIS) if column is None else widths[column]) + 3 for column in columns) + 1

    shown: list[int | None] = list(range(len(widths)))
    if total(shown) <= limit or len(widths) <= 2:
        return shown
    head, tail = [0], [len(widths) - 1]
    while len(head) + len(tail) < len(widths):
        side = head if len(head) <= len(tail) else tail
        following = len(head) if side is head else len(widths) - 1 - len(tail)
        trial = [*head, following, None, *tail] if side is head else [*head, None, following, *tail]
        if total(trial) > limit:
            break
        if side is head:
            head.append(following)
        else:
            tail.insert(0, following)
    return [*head, None, *tail]


def text_table(
    columns: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[Any]], *, more: bool = False,
    width: int | None = None,
) -> str:
    """Names, types and rows in a frame of at most ``width`` cells (default: the terminal's). No newline at the end.

    ``more`` says that there are rows beyond these. Columns that do not fit are left out in the middle, which the last
    line says.

    >>> print(text_table(["n", "word"], ["INTEGER", "VARCHAR"], [(1, "one"), (20, None)], more=True, width=80))
    ┌─────────┬─────────┐
    │       n │ word    │
    │ INTEGER │ VARCHAR │
    ├─────────┼─────────┤
    │       1 │ one     │
    │      20 │ NULL    │
    └─────────┴─────────┘
    the first 2 rows; there are more
    """
    limit = shutil.get_terminal_size().columns if width is None else width
    head = [[_shortened(value_text(name), _MAX_TEXT) for name in columns],
            [_shortened(value_text(kind), _MAX_TEXT) for kind in types]]
    body = [[_shortened(value_text(value), _MAX_TEXT) for value in row] for row in rows]
    widths = [max(_cells(line[i]) for line in (*head, *body)) for i in range(len(columns))]
    right = [is_numeric(kind) for kind in types]
    shown = _shown_columns(widths, limit)

    def ruled(left: str, middle: str, end: str) -> str:
        return left + middle.join("─" * (2 + (1 if i is None else widths[i])) for i in shown) + end

    def line(cells: Sequence[str]) -> str:
        texts = (_ELLIPSIS if i is None else _padded(cells[i], widths[i], right[i]) for i in shown)
        return "│ " + " │ ".join(texts) + " │"

    lines = [ruled("┌", "┬", "┐"), *map(line, head), ruled("├", "┼", "┤"), *map(line, body), ruled("└", "┴", "┘")]
    lines.append(_summary(len(rows), more))
    if None in shown:
        lines[-1] += f"; {len(shown) - 1} of {len(columns)} columns"
    return "\n".join(lines)


def html_table(
    columns: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[Any]], *, more: bool = False
) -> str:
    """The same as an HTML table, of all columns. Nothing in names, types and values is taken for markup.

    >>> html_table(["a<b"], ["VARCHAR"], [("x & y",)])[-116:]
    '<tr><td style="text-align: left; white-space: nowrap">x &amp; y</td></tr>\\n</tbody></table><small>1 row</small></div>'
    """
    sides = ["right" if is_numeric(kind) else "left" for kind in types]

    def cell(tag: str, text: str, side: str) -> str:
        # One line a row, like everywhere else: a long text would push the other rows out of sight. Said in every cell,
        # because notebooks say otherwise of cells.
        return f'<{tag} style="text-align: {side}; white-space: nowrap">{text}</{tag}>'

    def text(value: Any) -> str:
        return html.escape(_shortened(value_text(value), _MAX_HTML_TEXT))

    names = "".join(
        cell("th", f"{text(name)}<br><small>{text(kind)}</small>", side)
        for name, kind, side in zip(columns, types, sides)
    )
    lines = ['<div style="overflow-x: auto">', f"<table><thead><tr>{names}</tr></thead><tbody>"]
    for row in rows:
        texts = ("<i>NULL</i>" if value is None else text(value) for value in row)
        lines.append("<tr>" + "".join(cell("td", one, side) for one, side in zip(texts, sides)) + "</tr>")
    lines.append(f"</tbody></table><small>{_summary(len(rows), more)}</small></div>")
    return "\n".join(lines)


def _summary(rows: int, more: bool) -> str:
    count = f"{rows} row" if rows == 1 else f"{rows} rows"
    if not more:
        return count
    return ("the first row" if rows == 1 else f"the first {count}") + "; there are more"
