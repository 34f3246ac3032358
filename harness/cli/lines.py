"""Messages in single lines, whatever they hold. Nothing slow is imported for them."""

from __future__ import annotations

import sys
from typing import TextIO

from harness.cli import process


def note(text: str) -> None:
    """A message about the work on stderr. The work goes on when nobody reads it any more."""
    _print(text, sys.stderr)


def report(text: str) -> None:
    """A line on stdout about one of several pieces of work; the others do not depend on a reader
    either."""
    _print(text, sys.stdout)


def _print(text: str, stream: TextIO) -> None:
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        process.drop_output()


def error(message: str) -> None:
    """One line on stderr, whatever the message holds."""
    line = " ".join(message.split())
    note(f"harness: {printable(line)}")


def printable_name(text: str) -> str:
    """A file's name, or a line of results that begins with one, as :func:`printable` on one line: a
    name may hold line breaks, and scripts read ``path:line`` line by line."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def printable(text: str) -> str:
    """Text that a terminal shows as it is: control characters (a file name may hold escape
    sequences) and lone surrogates are escaped, tabs and line breaks kept."""
    return "".join(
        ch if ch in "\t\n" or (ch.isprintable() and not "\ud800" <= ch <= "\udfff")
        else ch.encode("unicode_escape").decode()
        for ch in text
    )  # fmt: skip
