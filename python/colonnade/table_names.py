"""Which tables a query names: for finding the Dataset that its columns come from again.

This is no parser. It sees the names after FROM and JOIN and in the lists there; what it takes for a table and is none
does no harm, because only names of known tables are looked up.
"""

from __future__ import annotations

import re

__all__ = ["names_after_from"]

_TOKEN = re.compile(
    r"""
    --[^\n]* | /\*.*?\*/ | '(?:[^']|'')*'           # comments and text
    | (?P<name>"(?:[^"]|"")*" | [^\W\d][\w$]*)
    | (?P<mark>[(),.])
    | \s+ | .
    """,
    re.VERBOSE | re.DOTALL,
)
_STARTS = {"from", "join"}
_ENDS = {
    "select", "where", "group", "having", "order", "limit", "offset", "union", "intersect", "except", "window",
    "qualify", "on", "using", "sample", "tablesample", "as", "values", "set",
}


def names_after_from(sql: str) -> list[str]:
    """First parts of the names where tables stand, in order.

    >>> names_after_from("SELECT a FROM air, (FROM q.t) JOIN \\"My table\\" USING (x) WHERE b IN (SELECT c FROM d)")
    ['air', 'q', 'My table', 'd']
    """
    names: list[str] = []
    expects = False  # a table may come next
    in_from = [False]  # per open parenthesis
    qualified = False
    for match in _TOKEN.finditer(sql):
        name, mark = match["name"], match["mark"]
        if name is None and mark is None:
            continue
        if mark == "(":
            in_from.append(False)
        elif mark == ")":
            if len(in_from) > 1:
                in_from.pop()
            expects = False
        elif mark == ",":
            expects = in_from[-1]
        elif mark == ".":
            qualified = True
            continue
        elif name.lower() in _STARTS:
            in_from[-1] = expects = True
        elif name.lower() in _ENDS:
            expects = False
            in_from[-1] = in_from[-1] and name.lower() in {"on", "using", "as"}
        elif expects and not qualified:
            names.append(name[1:-1].replace('""', '"') if name.startswith('"') else name)
            expects = False
        qualified = False
    return names
