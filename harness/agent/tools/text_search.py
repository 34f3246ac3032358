"""Searches files for a regular expression: a stand-alone script for where ripgrep is missing.

Arguments: pattern, greatest number of rows, the folder of the package. Standard input: paths,
separated by NUL. Output: ``path:line:text`` a row. Started with ``python -I -S``, so of Harness it
imports nothing that needs a library.
"""

from __future__ import annotations

import re
import sys

MAX_FILE_BYTES = 5_000_000
MAX_LINE_CHARS = 2_000


def main() -> None:
    """Search every file in order."""
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    pattern, left = re.compile(sys.argv[1]), int(sys.argv[2])
    sys.path.append(sys.argv[3])
    from harness import charsets

    names = sys.stdin.buffer.read().decode("utf-8", "surrogateescape").split("\0")
    for name in filter(None, names):
        try:
            with open(name, "rb") as file:  # noqa: PTH123 - pathlib would double the start-up
                data = file.read(MAX_FILE_BYTES)
        except OSError:
            continue
        if charsets.looks_binary(data):
            continue
        text = charsets.readable(data).removeprefix(charsets.MARK)
        for number, line in enumerate(text.split("\n"), start=1):
            if pattern.search(line[:MAX_LINE_CHARS]):
                print(f"{name}:{number}:{line.rstrip()[:MAX_LINE_CHARS]}")
                left -= 1
                if left <= 0:
                    return


if __name__ == "__main__":
    main()
