"""Progress of long queries: a line on a terminal, a bar in a notebook."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, Protocol

__all__ = ["Progress", "display_for"]

_MIDDLE = "vertical-align: middle"
_EVEN_DIGITS = "font-variant-numeric: tabular-nums"  # or the text would tremble


class Progress(Protocol):
    """What a session tells about a statement that takes longer than half a second, ten times a second.

    ``fraction`` is how much of the planned reads is done, or None if that is not known; ``chunks`` and ``read`` count
    what has been read of arrays so far. The last call, with ``finished``, comes when the statement has ended.
    """

    def __call__(self, fraction: float | None, chunks: int, read: int, finished: bool) -> None: ...


def display_for(progress: bool | Progress | None) -> Progress | None:
    """The display that ``connect(progress=)`` asks for; by itself one where a person looks on.

    >>> display_for(False) is None
    True
    """
    if callable(progress):
        return progress
    if progress is False:
        return None
    if _in_notebook():
        return _NotebookBar()
    if progress or (sys.stderr is not None and sys.stderr.isatty() and hasattr(sys, "ps1")):
        return _TerminalLine()
    return None


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None


class _Clock:
    """When a statement began, and what is left of it at the rate so far."""

    def __init__(self) -> None:
        self._began: float | None = None

    def text(self, fraction: float | None, chunks: int, read: int) -> str:
        now = time.monotonic()
        if self._began is None:
            self._began = now - 0.5
        elapsed = now - self._began
        parts = []
        if fraction:
            parts.append(f"{fraction:.0%}, {elapsed / fraction - elapsed:.0f} s left")
        else:
            parts.append(f"running for {elapsed:.0f} s")
        if chunks:
            parts.append(f"{chunks:,} chunks, {read / 1e6:,.1f} MB, {read / 1e6 / elapsed:,.1f} MB/s")
        return ", ".join(parts)

    def stop(self) -> None:
        self._began = None


class _TerminalLine:
    def __init__(self) -> None:
        self._clock = _Clock()

    def __call__(self, fraction: float | None, chunks: int, read: int, finished: bool) -> None:
        text = "" if finished else self._clock.text(fraction, chunks, read)
        if finished:
            self._clock.stop()
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


class _NotebookBar:
    """A bar below the cell; nothing of it is left at the end. Statements of several threads share it."""

    def __init__(self) -> None:
        self._clock = _Clock()
        self._lock = threading.Lock()
        self._handle: Any = None
        self._shown = ""

    def __call__(self, fraction: float | None, chunks: int, read: int, finished: bool) -> None:
        with self._lock:
            if finished:
                self._clock.stop()
                if self._handle is not None:
                    self._show("", "")
                self._handle = None
                return
            text = self._clock.text(fraction, chunks, read)
            # No bar for what is not known: every change makes a new one, whose animation would begin again.
            bar = "" if fraction is None else f'<progress max="1" value="{fraction:.3f}" style="{_MIDDLE}"></progress> '
            self._show(text, f'{bar}<span style="{_MIDDLE}; {_EVEN_DIGITS}">{text}</span>')

    def _show(self, text: str, html: str) -> None:
        from IPython.display import display

        if self._handle is not None and html == self._shown:
            return
        self._shown = html
        both = {"text/plain": text, "text/html": html}  # the first for consoles and for whoever reads the file later
        if self._handle is None:
            self._handle = display(both, raw=True, display_id=True)
        else:
            self._handle.update(both, raw=True)
