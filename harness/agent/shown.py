"""Reads passages as a model was shown them: which line of which file stood there, and inside of
which definition."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

# Shorter copies could be of any line; how like a line has to be (ratio of difflib).
_MIN_QUOTE = 4
_MIN_PART = 16
_LIKE = 0.8
_NUMBER = re.compile(r"^\s*\d+\|")
_NUMBERED = re.compile(r"\s*(\d+)\| ?(.*)$")
_HEAD = re.compile(
    r"^([^\s:]\S*?)(?::(\d+)-(\d+)| ?, lines (\d+)-(\d+))(?: \((\S+)\))?", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a file, 1-based; ``owner`` is the path of the definition whose passage it is in,
    such as ``Class.method``, empty for none."""

    path: str
    number: int
    text: str
    owner: str = ""


def spans_of(passages: str) -> Sequence[tuple[str, int, int]]:
    """The files and lines that the passages are of, in their order."""
    return [
        (match[1], int(match[2] or match[4]), int(match[3] or match[5]))
        for match in _HEAD.finditer(passages)
    ]


def rows_of(passages: str) -> Sequence[Row]:
    """The lines that the passages show."""
    found: list[Row] = []
    path = owner = ""
    for line in passages.split("\n"):
        if head := _HEAD.match(line):
            path, owner = head[1], head[6] or ""
        elif path and (match := _NUMBERED.match(line)):
            found.append(Row(path, int(match[1]), match[2], owner))
    return found


def near(rows: Sequence[Row], path: str, line: int, distance: int) -> Sequence[Row]:
    """The rows of a file that are at most so far away from a line."""
    return [row for row in rows if row.path == path and abs(row.number - line) <= distance]


def row_quoted(quote: str, rows: Sequence[Row]) -> Row | None:
    """Return the row that a model has copied, the first of several; small slips are passed over.

    :returns: None when no row is like it.
    """
    wanted = [bare for line in quote.split("\n") if len(bare := _bare(line)) >= _MIN_QUOTE]
    for line in wanted:
        for row in rows:
            text = _bare(row.text)
            # A text that goes over several lines of code is copied as one.
            if line in text or (len(text) >= _MIN_PART and text in line):
                return row
    likest = [
        (SequenceMatcher(None, line, _bare(row.text), autojunk=False).ratio(), -at)
        for line in wanted
        for at, row in enumerate(rows)
    ]
    ratio, at = max(likest, default=(0.0, 0))
    return rows[-at] if ratio >= _LIKE else None


def _bare(line: str) -> str:
    """A line without its number, its indentation and its quotes."""
    return " ".join(re.sub("[\"'`]", "", _NUMBER.sub("", line)).split())
