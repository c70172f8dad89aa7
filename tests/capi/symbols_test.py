#!/usr/bin/env python3
"""libcolonnade exports what include/colonnade/ declares, and nothing else.

    symbols_test.py LIBRARY HEADER_FOLDER
"""

import pathlib
import re
import subprocess
import sys


def main() -> int:
    library, headers = sys.argv[1], pathlib.Path(sys.argv[2])
    listed = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", library], capture_output=True, text=True,
                            check=True).stdout
    exported = {line.split()[0].partition("@")[0] for line in listed.splitlines()}
    declared = {name for header in headers.glob("*.h")
                for name in re.findall(r"^COLONNADE_API[^;(]*?(\w+)\(", header.read_text(), re.MULTILINE)}
    if not declared:
        print(f"{headers}: declares nothing")
    for name in sorted(exported - declared):
        print(f"{library}: exports {name}, which no header declares")
    for name in sorted(declared - exported):
        print(f"{headers}: {name} is declared, but not exported")
    return 0 if declared and exported == declared else 1


if __name__ == "__main__":
    sys.exit(main())
