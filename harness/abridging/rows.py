"""Lines that hold nothing but data: wrapped base64, lists of numbers, the rows of a dump."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from harness.abridging.blobs import is_encoded

DUMP_SUFFIXES = frozenset({".sql", ".psql", ".mysql", ".pgsql", ".dump"})

# Quotes, signs of joining and of comments around one line of an encoded file.
_DECORATION = " \t\r\"'`+,;()\\#*/>%|&[]{}.:"
_ENCODED_WORD = re.compile(r"[A-Za-z0-9+/=_-]{32,}")
_ENCODED_WORD_END = re.compile(r"[A-Za-z0-9+/_-]{8,}")
_ENCODED_END = re.compile(r"[A-Za-z0-9+/_-]+={1,2}")
_NUMBERS = re.compile(r"[\s\d.,;:+\-\[\](){}'\"|\\/a-fA-FxXuUlLhH_]*")
_BRACKETS = re.compile(r"[\s\[\](){},;]*")
_INSERT = re.compile(r"\s*((?:insert|replace)\s+(?:\w+\s+){0,4}[\w.`\"\[\]]+)", re.IGNORECASE)
_VALUES = re.compile(r"\s*\(.*\)\s*[,;]\s*$")
_COPY = re.compile(r"\s*copy\s[^;]{1,4000}\sfrom\s+stdin\b", re.IGNORECASE)

# A line of uuencode: its length as a letter, then 60 signs.
_UUENCODED = re.compile(r"M[!-`]{60}")

_MAX_ROW_CHARS = 2_000
_MIN_DIGITS = 0.3
_MIN_ENCODED_ROWS = 4
_MIN_NUMBER_ROWS = 16
_KEPT_NUMBER_ROWS = 4
_MIN_RUN_CHARS = 400
_MIN_DUMP_ROWS = 40
_MIN_DUMP_CHARS = 30_000
_KEPT_DUMP_ROWS = 20
_KEPT_DUMP_CHARS = 8_000

_ENCODED, _NUMBER, _BRACKET, _ORDINARY = "encoded", "number", "bracket", ""


def data_rows(lines: Sequence[str], suffix: str) -> list[tuple[int, int]]:
    """Return the first and last row (from 0) of each run of lines to leave out, in order.

    :param suffix: of the file's name, as ``.sql``; statements that insert are data in a dump only.
    """
    kinds = [_kind(line) for line in lines]
    _close_gaps(lines, kinds)
    if suffix in DUMP_SUFFIXES:
        _mark_dump(lines, kinds)
    found: list[tuple[int, int]] = []
    row = 0
    for kind, group in groupby(kinds, lambda kind: _NUMBER if kind == _BRACKET else kind):
        end = row + len(list(group))
        if kind == _ENCODED:
            found += _encoded(lines, row, end)
        elif kind == _NUMBER:
            found += _numbers(lines, kinds, row, end)
        elif kind != _ORDINARY:
            found += _dump(lines, row, end)
        row = end
    return found


def _kind(line: str) -> str:
    if not line or line.isspace() or len(line) > _MAX_ROW_CHARS:
        return _ORDINARY
    if len(line) >= 32 and _ENCODED_WORD.fullmatch(word := _bare(line)) and is_encoded(word):
        return _ENCODED
    if _UUENCODED.fullmatch(line):
        return _ENCODED
    if not _NUMBERS.fullmatch(line):
        return _ORDINARY
    if _BRACKETS.fullmatch(line):
        return _BRACKET
    size = len(line) - line.count(" ") - line.count("\t")
    return _NUMBER if sum(map(str.isdigit, line)) >= _MIN_DIGITS * size else _ORDINARY


def _close_gaps(lines: Sequence[str], kinds: list[str]) -> None:
    """Among lines of base64 some are less mixed than most, by chance."""
    if _ENCODED not in kinds:
        return
    rows = range(1, len(lines))
    for pairs in (((row, row - 1) for row in rows), ((row - 1, row) for row in reversed(rows))):
        for row, beside in pairs:
            if (
                kinds[beside] == _ENCODED
                and kinds[row] != _ENCODED
                and len(lines[row]) == len(lines[beside])
                and _ENCODED_WORD.fullmatch(_bare(lines[row]))
            ):
                kinds[row] = _ENCODED


def _bare(line: str) -> str:
    # A string of a program ends in an escaped line end.
    return line.strip(_DECORATION).removesuffix("\\n").removesuffix("\\r").strip(_DECORATION)


def _size(lines: Sequence[str], start: int, end: int) -> int:
    return sum(map(len, lines[start:end]))


def _encoded(lines: Sequence[str], start: int, end: int) -> Iterator[tuple[int, int]]:
    if end - start < _MIN_ENCODED_ROWS or _size(lines, start, end) < _MIN_RUN_CHARS:
        return
    if end < len(lines):
        rest = _bare(lines[end])
        is_last = _ENCODED_WORD_END.fullmatch(rest) is not None and is_encoded(rest)
        if is_last or _ENCODED_END.fullmatch(rest):
            end += 1
    yield start, end - 1


def _numbers(
    lines: Sequence[str], kinds: Sequence[str], start: int, end: int
) -> Iterator[tuple[int, int]]:
    # What opens and closes the list stays.
    while start < end and kinds[start] == _BRACKET:
        start += 1
    while start < end and kinds[end - 1] == _BRACKET:
        end -= 1
    if end - start >= _MIN_NUMBER_ROWS and _size(lines, start, end) >= _MIN_RUN_CHARS:
        yield start + _KEPT_NUMBER_ROWS, end - 1


def _mark_dump(lines: Sequence[str], kinds: list[str]) -> None:
    """Give each row of a dump the table it goes into as its kind."""
    table = ""
    copied = False
    for row, line in enumerate(lines):
        if copied:
            copied = line.rstrip() != "\\."
            kinds[row] = table if copied else _ORDINARY
        elif _COPY.match(line):
            table, copied = f"copy {row}", True
        elif (insert := _INSERT.match(line)) is not None:
            table = " ".join(insert[1].lower().split())
            kinds[row] = table
        elif table and line.lstrip().startswith("(") and _VALUES.match(line):
            kinds[row] = table


def _dump(lines: Sequence[str], start: int, end: int) -> Iterator[tuple[int, int]]:
    size = _size(lines, start, end)
    if end - start < _MIN_DUMP_ROWS and size < _MIN_DUMP_CHARS:
        return
    row, kept = start, 0
    while row < end and row - start < _KEPT_DUMP_ROWS and kept < _KEPT_DUMP_CHARS:
        kept += min(len(lines[row]), _KEPT_DUMP_CHARS)
        row += 1
    if row < end:
        yield row, end - 1
