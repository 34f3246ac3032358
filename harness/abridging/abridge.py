"""A text without its data: as many lines as before, each where it was.

A picture pasted into a Markdown file is one line of 60,000 letters. Searched as text it is
hundreds of passages of noise, so it is left out; the words around it stay, and the line says what
is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.abridging.blobs import without_blobs
from harness.abridging.marks import characters_left_out, lines_left_out
from harness.abridging.rows import data_rows

# No blob is found in less, and most lines are shorter.
_SHORT_LINE_CHARS = 120
# Lines without an end: data, or code that a tool wrote on one line.
_MAX_LINE_CHARS = 4_000
_KEPT_LINE_CHARS = 2_000
_PROSE_SUFFIXES = frozenset({".md", ".mdx", ".rst", ".txt", ".adoc", ".tex", ".org", ".html"})
_MIN_PROSE_BLANKS = 0.08
_MIN_FOREIGN = 0.2

# Tables and recordings: enough is kept to say what is in them. A notebook is abridged like this
# only when it cannot be read as one.
_KEPT_CHARS = {
    **dict.fromkeys((".csv", ".tsv", ".jsonl", ".ndjson", ".geojson", ".topojson"), 40_000),
    **dict.fromkeys((".har", ".log"), 40_000),
    ".ipynb": 20_000,
}


@dataclass(frozen=True, slots=True)
class Abridged:
    """Each of ``runs`` is the first and the last row (from 0) of lines that were left out
    together: the first holds the mark, the others are empty."""

    lines: tuple[str, ...]
    runs: tuple[tuple[int, int], ...]

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def abridge(path: str, text: str) -> Abridged:
    """Leave out of a text what nobody reads.

    :param path: its suffix tells dumps, tables and prose from other files.
    :param text: lines end in ``\\n``.
    """
    suffix = suffix_of(path)
    lines, runs = _without_data(text, suffix)
    for row, line in enumerate(lines):
        if len(line) > _MAX_LINE_CHARS and not _is_prose(line, suffix):
            rest = len(line) - _KEPT_LINE_CHARS
            lines[row] = line[:_KEPT_LINE_CHARS] + characters_left_out(rest)
    limit = _KEPT_CHARS.get(suffix)
    if limit is not None and (row := _row_after(lines, limit)) < len(lines):
        runs = [run for run in runs if run[1] < row]
        _leave_out(lines, row, len(lines) - 1)
        runs.append((row, len(lines) - 1))
    return Abridged(tuple(lines), tuple(runs))


def without_data(path: str, text: str) -> str:
    """Leave out encoded data and numbers only; long lines and long tables stay."""
    return "\n".join(_without_data(text, suffix_of(path))[0])


def suffix_of(path: str) -> str:
    """The suffix of a file's name in lower case, with its dot; empty without one."""
    _, dot, suffix = path.rpartition("/")[2].lower().rpartition(".")
    return dot + suffix if dot else ""


def _without_data(text: str, suffix: str) -> tuple[list[str], list[tuple[int, int]]]:
    lines = text.split("\n")
    runs = data_rows(lines, suffix)
    for first, last in runs:
        _leave_out(lines, first, last)
    for row, line in enumerate(lines):
        if len(line) >= _SHORT_LINE_CHARS:
            lines[row] = without_blobs(line)
    return lines, runs


def _leave_out(lines: list[str], first: int, last: int) -> None:
    lines[first] = lines_left_out(last - first + 1)
    lines[first + 1 : last + 1] = [""] * (last - first)


def _is_prose(line: str, suffix: str) -> bool:
    """Prose may be one line a paragraph, and Chinese has no blanks."""
    if sum(not char.isascii() for char in line) >= _MIN_FOREIGN * len(line):
        return True
    return suffix in _PROSE_SUFFIXES and line.count(" ") >= _MIN_PROSE_BLANKS * len(line)


def _row_after(lines: Sequence[str], characters: int) -> int:
    for row, line in enumerate(lines):
        characters -= len(line) + 1
        if characters < 0:
            return row
    return len(lines)
