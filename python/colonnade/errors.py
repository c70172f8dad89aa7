"""The failures of Colonnade: one class per code, all under :class:`Error`.

Every class also derives from the built-in exception that is nearest in meaning, so that code which knows nothing of
Colonnade can still tell a wrong argument from a full disk:

>>> from colonnade import errors
>>> try:
...     raise errors.NotFound('table "air": no column "tmp"; did you mean "temp"?')
... except LookupError as error:
...     print(error.code, error.recovery)
NotFound none

An exception that the user's own code raised inside a query (in a factory, in a backend, while a stream was read) is not
wrapped: it arrives as it was raised, with its traceback.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AlreadyExists",
    "Cancelled",
    "Error",
    "Internal",
    "InvalidArgument",
    "InvalidData",
    "InvalidState",
    "Io",
    "LimitExceeded",
    "NotFound",
    "PermissionDenied",
    "ProtocolError",
    "Timeout",
    "Unauthenticated",
    "Unavailable",
    "Unsupported",
    "make",
]

_RECOVERIES = ("none", "retry", "reconnect", "resend")


class Error(Exception):
    """What every failure of Colonnade is.

    ``code`` says what happened: the name of one of the classes of this module. ``recovery`` says what may be done next:

    - ``"none"``: the same call will fail the same way;
    - ``"retry"``: repeat it after a pause, nothing was applied;
    - ``"reconnect"``: repeat it on a new connection, nothing was applied;
    - ``"resend"``: whether it was applied is unknown, start again from the source of the data.

    ``unknown_name`` is the table that SQL refers to and nothing is, if that is the failure; else empty.

    The message is one line, ``str(error)``. Errors keep class, message, recovery and notes through ``pickle``.
    """

    code: str = "Internal"
    recovery: str = "none"
    unknown_name: str = ""

    def __init__(self, message: str = "", *, recovery: str = "none") -> None:
        if recovery not in _RECOVERIES:
            raise ValueError(f"recovery is one of {', '.join(_RECOVERIES)}, not {recovery!r}")
        super().__init__(message)
        self.recovery = recovery

    def __reduce__(self) -> tuple[Any, ...]:
        # Not what the built-ins do: OSError would leave the keyword out.
        return _restore, (type(self), self.args), self.__dict__


class InvalidArgument(Error, ValueError):
    """The call itself is wrong: SQL that does not parse, a name that does not exist in it, a value out of range."""

    code = "InvalidArgument"


class NotFound(Error, LookupError):
    """There is no such table, column, store or file. The message names the nearest that there is."""

    code = "NotFound"


class AlreadyExists(Error, ValueError):
    """Something of that name exists, and would have to be replaced."""

    code = "AlreadyExists"


class InvalidState(Error, RuntimeError):
    """Right call, wrong moment: the session is closed, or a one-shot stream has been read."""

    code = "InvalidState"


class Unsupported(Error, NotImplementedError):
    """Understood, but not something that Colonnade does: an unknown codec, a type without a place in SQL."""

    code = "Unsupported"


class InvalidData(Error, ValueError):
    """Stored or received bytes contradict themselves or their format."""

    code = "InvalidData"


class Unauthenticated(Error, PermissionError):
    """Credentials are missing, wrong or expired."""

    code = "Unauthenticated"


class PermissionDenied(Error, PermissionError):
    """The credentials, or those of the process, do not allow it."""

    code = "PermissionDenied"


class Cancelled(Error, RuntimeError):
    """Stopped on request: by ``interrupt`` or because the session was closed."""

    code = "Cancelled"


class Timeout(Error, TimeoutError):
    """Not done in the time it was given."""

    code = "Timeout"


class LimitExceeded(Error, MemoryError):
    """More memory, disk or anything else that is limited than allowed. Nothing is damaged; the session works on."""

    code = "LimitExceeded"


class Unavailable(Error, ConnectionError):
    """The other side does not answer, or says that it cannot now."""

    code = "Unavailable"


class ProtocolError(Error, ConnectionError):
    """The other side says something that its protocol does not allow."""

    code = "ProtocolError"


class Io(Error, OSError):
    """Reading or writing failed in the operating system."""

    code = "Io"


class Internal(Error, RuntimeError):
    """Colonnade contradicts itself. Please report it, with the message."""

    code = "Internal"


_CLASSES: dict[str, type[Error]] = {
    one.code: one
    for one in (InvalidArgument, NotFound, AlreadyExists, InvalidState, Unsupported, InvalidData, Unauthenticated,
                PermissionDenied, Cancelled, Timeout, LimitExceeded, Unavailable, ProtocolError, Io, Internal)
}


def make(code: str, message: str, recovery: str = "none", unknown_name: str = "") -> Error:
    """The error for a code: an object of the class of that name, or of :class:`Internal` if there is none.

    >>> make("Io", "disk full", "retry")
    Io('disk full')
    """
    if code not in _CLASSES:
        message = f"{message} (unknown code {code})"
    error = _CLASSES.get(code, Internal)(message, recovery=recovery if recovery in _RECOVERIES else "none")
    if unknown_name:
        error.unknown_name = unknown_name
    return error


def _restore(kind: type[Error], args: tuple[Any, ...]) -> Error:
    # Without __init__: a class derived by a user may take other arguments. Not kind.__new__: MemoryError has one of its
    # own, which refuses classes that have Error for their first base.
    make_new = OSError.__new__ if issubclass(kind, OSError) else Exception.__new__
    error = make_new(kind, *args)
    error.args = args
    return error
