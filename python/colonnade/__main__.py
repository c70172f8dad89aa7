"""The ``colonnade`` command: replaces this process with the program that the package carries.

``python -m colonnade`` is the same command for a particular Python.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Runs the program with this process's arguments. Does not return."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "colonnade")
    try:
        os.execv(program, ["colonnade", *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"colonnade: cannot run {program}: {error.strerror}; install the package again")


if __name__ == "__main__":
    main()
